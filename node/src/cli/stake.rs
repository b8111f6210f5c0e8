//! `moot stake`: units bound behind replicas; the largest stakes are seated.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use moot_record::{Candidate, Keypair, Signature, Transaction};

use super::failure::Failure;
use super::rules::With;
use super::terminal::{self, BOLD, DIM};
use super::text;
use super::transfer::{read_account, read_amount};
use crate::api::{StakeView, StakesView};
use crate::client::Client;
use crate::keyfile;
use crate::network::{Address, ReplicaConfig};

/// Bind units behind a replica, take them out again, and see who is seated
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot stake add 5000 --behind demo/replica-4    with a replica's folder: it bids for a seat\n  \
                        moot stake add 500                             more of it\n  \
                        moot stake take 2000                           comes back after the lock-up\n  \
                        moot stake show\n  \
                        moot stake ls                                  who bids, and who is seated\n\n\
                        At the end of an epoch the highest bids are seated, and vote from the epoch after the next one. The nth\n\
                        replica of an account bids with an nth of its stake. Who seals or votes twice loses its seat, and a tenth of its\n\
                        replica's part of the stake: all of it, also what is on the way out, divided by the replicas it is behind."
)]
pub(crate) struct Stake {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add units to your stake, and put it behind a replica
    Add {
        /// How many units; 0 only with --behind
        amount: String,
        /// A replica's folder or replica.toml; its key signs that it takes your stake
        #[arg(long, value_name = "REPLICA")]
        behind: Option<PathBuf>,
        /// Where the replica takes votes and blocks [default: as in its replica.toml]
        #[arg(long, value_name = "ADDRESS", requires = "behind")]
        ledger: Option<Address>,
        /// Where it takes batches [default: as in its replica.toml]
        #[arg(long, value_name = "ADDRESS", requires = "behind")]
        data: Option<Address>,
        #[command(flatten)]
        with: With,
    },
    /// Take units out of your stake; they come back after the lock-up
    Take {
        /// How many
        amount: String,
        #[command(flatten)]
        with: With,
    },
    /// Show an account's stake
    Show {
        /// The account [default: of your key]
        account: Option<String>,
        #[command(flatten)]
        with: With,
    },
    /// List the bids for seats, the best first
    Ls {
        #[command(flatten)]
        with: With,
    },
}

impl Stake {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Add { amount, behind, ledger, data, with } => {
                let amount = match amount.as_str() {
                    "0" => 0,
                    amount => read_amount(amount)?,
                };
                let key = with.key.load_or_create()?;
                let behind = match behind {
                    None => None,
                    Some(path) => Some(candidate(&with.node.client()?, &key, &path, ledger, data).await?),
                };
                let (replica, consent) = behind.unzip();
                let shown = match &replica {
                    None => format!("{} more", text::number(amount)),
                    Some(replica) => {
                        format!(
                            "{} more, behind replica {}",
                            text::number(amount),
                            text::short(replica.account)
                        )
                    }
                };
                with.say(Transaction::Stake { amount, replica, consent }, ("Staked", &shown)).await
            }
            Verb::Take { amount, with } => {
                let amount = read_amount(&amount)?;
                let Some(_) = with.said(Transaction::Unstake { amount }).await? else { return Ok(()) };
                let client = with.node.client()?;
                let found = client.stake(&with.key.load_or_create()?.account()).await?;
                let until = found.waiting.iter().map(|part| part.until).max().unwrap_or(found.height);
                let shown =
                    format!("{} out of the stake; they are back by height {until}", text::number(amount));
                terminal::done("Taken", &shown);
                Ok(())
            }
            Verb::Show { account, with } => {
                let account = match account {
                    Some(account) => read_account(&account)?,
                    None => keyfile::load(&with.key.path()?)?.account(),
                };
                let found = with.node.client()?.stake(&account).await?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                Ok(terminal::print(&stake_shown(&found))?)
            }
            Verb::Ls { with } => {
                let found = with.node.client()?.stakes().await?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                Ok(terminal::print(&bids_shown(&found))?)
            }
        }
    }
}

/// A replica's folder as what is said of it, with its consent to `staker`'s stake.
pub(super) async fn candidate(
    client: &Client,
    staker: &Keypair,
    path: &Path,
    ledger: Option<Address>,
    data: Option<Address>,
) -> anyhow::Result<(Candidate, Signature)> {
    let config = ReplicaConfig::load(path)?;
    let replica = keyfile::load(&config.key)?;
    let network = client.status().await?.network;
    let ledger = ledger.unwrap_or(config.listen.ledger).resolve()?;
    let data = data.unwrap_or(config.listen.data).resolve()?;
    for address in [ledger, data] {
        if address.ip().is_unspecified() {
            return Err(Failure::usage(format!(
                "the replica listens on {address}: the others must know where it is"
            ))
            .hint("say it with --ledger ADDRESS and --data ADDRESS")
            .into());
        }
    }
    let consent = Candidate::consent(&replica, &network, &staker.account());
    Ok((Candidate { account: replica.account(), ledger, data }, consent))
}

fn amount(text: &str) -> String {
    text.parse().map_or_else(|_| text::line(text), text::number)
}

fn stake_shown(found: &StakeView) -> String {
    let mut rows = vec![
        ("account", format!("{BOLD}{}{BOLD:#}", found.account)),
        ("staked", format!("{} {DIM}after block {}{DIM:#}", amount(&found.staked), found.height)),
    ];
    for (index, part) in found.waiting.iter().enumerate() {
        let name = if index == 0 { "waiting" } else { "" };
        rows.push((name, format!("{} {DIM}until height {}{DIM:#}", amount(&part.amount), part.until)));
    }
    for (index, replica) in found.replicas.iter().enumerate() {
        let name = if index == 0 { "behind" } else { "" };
        let state = match (&replica.burned, replica.seated) {
            (Some(burned), _) => {
                let what = match &replica.voted {
                    Some(what) => format!("voting twice ({})", text::line(what)),
                    None => "sealing twice".to_owned(),
                };
                format!("convicted of {what}, {} burned", amount(burned))
            }
            (None, true) => "seated".to_owned(),
            (None, false) => "not seated".to_owned(),
        };
        rows.push((name, format!("{} {DIM}{state}, {}{DIM:#}", replica.account, replica.ledger)));
    }
    text::fields(0, &rows)
}

fn bids_shown(found: &StakesView) -> String {
    if !found.by_stake {
        return "in this network stake does not decide who votes: its genesis has no economy, or no epochs\n"
            .to_owned();
    }
    let rows: Vec<Vec<String>> = found
        .bids
        .iter()
        .map(|bid| {
            let seated = if bid.seated { "seated" } else { "" };
            vec![bid.replica.to_string(), amount(&bid.share), text::short(bid.staker), seated.to_owned()]
        })
        .collect();
    let seats = text::count(usize::try_from(found.seats).unwrap_or(usize::MAX), "seat");
    let lockup = text::count(usize::try_from(found.lockup_blocks).unwrap_or(usize::MAX), "block");
    let table = text::table(&["REPLICA", "SHARE", "STAKER", ""], &rows);
    format!("{seats}, what is taken out waits {lockup}\n\n{table}")
}
