//! `moot worker register`, `retire`, `ls` and `show`: workers as the ledger knows them.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use moot_record::{AccountId, FunctionName, Keypair, Sandbox, Transaction, WorkOffer};
use serde_json::json;

use super::USUAL_DATA;
use crate::api::{OfferView, WorkerView, WorkersView};
use crate::cli::deploy::submit;
use crate::cli::failure::Failure;
use crate::cli::options::NodeOption;
use crate::cli::rehearse::{DryRunOption, rehearse};
use crate::cli::terminal::{self, BAD, BOLD, DIM, GOOD};
use crate::cli::text;
use crate::cli::transfer::{read_account, read_amount, settle};
use crate::keyfile;
use crate::workers::ENGINE;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Say on the ledger what this worker offers, and stake for it: calls are assigned to it from then on
    ///
    /// The offer names the engine that runs components in this version of moot, since a call that several workers run is run
    /// by those of one engine. Register again when the worker is given a version with another.
    Register {
        /// Units to add to its stake; none where enough is staked already
        #[arg(long, value_name = "UNITS")]
        stake: Option<String>,
        /// A sandbox that it has, component or external; can be repeated [default: component]
        #[arg(long = "kind", value_name = "KIND", value_parser = str::parse::<Sandbox>)]
        kinds: Vec<Sandbox>,
        /// A function that it serves; can be repeated [default: every one that it can]
        #[arg(long = "function", value_name = "NAME", value_parser = str::parse::<FunctionName>)]
        functions: Vec<FunctionName>,
        /// A replica that it has joined, and trusts with its stake; can be repeated
        #[arg(long = "at", value_name = "ACCOUNT", value_parser = str::parse::<AccountId>, required = true)]
        replicas: Vec<AccountId>,
        #[command(flatten)]
        with: With,
    },
    /// Take the offer back; the stake stays until `moot stake take`
    Retire {
        #[command(flatten)]
        with: With,
    },
    /// List the workers that registered, with their stakes and what was found against them
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: NodeOption,
    },
    /// Show one worker, and the receipts by which it was found at fault
    Show {
        /// Its account
        account: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: NodeOption,
    },
}

/// What a verb takes that says something in the worker's name.
#[derive(Debug, Args)]
pub(super) struct With {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dry_run: DryRunOption,
    #[command(flatten)]
    node: NodeOption,
    /// File with the worker's key [default: worker.key in its folder]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The worker's folder
    #[arg(long, value_name = "FOLDER", default_value = USUAL_DATA)]
    data: PathBuf,
}

impl With {
    /// The worker's own key, and no other: whose word the receipts are, who stakes, and who offers are one account.
    fn key(&self) -> anyhow::Result<Keypair> {
        let path = self.key.clone().unwrap_or_else(|| self.data.join("worker.key"));
        if !Path::new(&path).exists() {
            return Err(Failure::new(format!("there is no worker's key at {}", path.display()))
                .hint("`moot worker --account` makes one; --key FILE names one elsewhere")
                .into());
        }
        Ok(keyfile::load(&path)?)
    }

    /// Signs and waits until all of it was applied.
    async fn say(&self, transactions: Vec<Transaction>, done: (&str, &str)) -> anyhow::Result<()> {
        for transaction in &transactions {
            transaction.check().map_err(|error| Failure::usage(error.to_string()))?;
        }
        let (key, client) = (self.key()?, self.node.client()?);
        if self.dry_run.is_asked() {
            return rehearse(&client, &key, transactions, self.json).await;
        }
        let doing = ("Asking", "ordered by the network, until it is final");
        let answer = submit(&client, &key, transactions, doing).await?;
        let entry = settle(&answer)?;
        if self.json {
            let view = json!({ "entry": entry.id, "height": entry.height, "by": key.account() });
            return Ok(terminal::print_json(&view)?);
        }
        terminal::done(done.0, done.1);
        Ok(())
    }
}

impl Verb {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self {
            Verb::Register { stake, kinds, functions, replicas, with } => {
                let some =
                    |kinds: Vec<Sandbox>| if kinds.is_empty() { vec![Sandbox::Component] } else { kinds };
                let offer = WorkOffer {
                    kinds: some(kinds),
                    functions: (!functions.is_empty()).then_some(functions),
                    replicas: Some(replicas),
                    engine: ENGINE,
                };
                let work = Transaction::Work { offer: Some(offer.sorted()) };
                let account = with.key()?.account();
                let (transactions, shown) = match stake {
                    None => (vec![work], format!("worker {account}")),
                    Some(stake) => {
                        let amount = read_amount(&stake)?;
                        let stake = Transaction::Stake { amount, replica: None, consent: None };
                        let shown = format!("worker {account}, with {} more staked", text::number(amount));
                        (vec![Transaction::Together { count: 2 }, stake, work], shown)
                    }
                };
                with.say(transactions, ("Registered", &shown)).await
            }
            Verb::Retire { with } => {
                let account = with.key()?.account();
                let shown = format!("worker {account}; what is assigned to it already stays so");
                with.say(vec![Transaction::Work { offer: None }], ("Retired", &shown)).await
            }
            Verb::Ls { json, node } => {
                let found = node.client()?.workers().await?;
                if json {
                    return Ok(terminal::print_json(&found)?);
                }
                Ok(terminal::print(&list_shown(&found))?)
            }
            Verb::Show { account, json, node } => {
                let found = node.client()?.worker(&read_account(&account)?).await?;
                if json {
                    return Ok(terminal::print_json(&found)?);
                }
                Ok(terminal::print(&shown(&found))?)
            }
        }
    }
}

fn amount(text: &str) -> String {
    text.parse().map_or_else(|_| text::line(text), text::number)
}

/// What a worker offers, in a few words.
fn offered(offer: &OfferView) -> String {
    let functions = match &offer.functions {
        None => "every function".to_owned(),
        Some(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    let (kinds, engine) = (text::line(&offer.kinds.join(" ")), text::line(&offer.engine));
    match &offer.replicas {
        None => format!("{kinds}: {functions}, with {engine}"),
        Some(joined) => {
            let joined: Vec<String> = joined.iter().map(text::short).collect();
            format!("{kinds}: {functions}, at {}, with {engine}", joined.join(" "))
        }
    }
}

fn faults(worker: &WorkerView) -> String {
    match worker.faults {
        0 => String::new(),
        faults => format!(
            "{BAD}{}{BAD:#}, {} burned",
            text::count(usize::try_from(faults).unwrap_or(usize::MAX), "fault"),
            amount(&worker.burned)
        ),
    }
}

fn list_shown(found: &WorkersView) -> String {
    let rows: Vec<Vec<String>> = found
        .workers
        .iter()
        .map(|worker| {
            let offer = worker.offer.as_ref().map_or_else(|| "nothing".to_owned(), offered);
            vec![worker.account.to_string(), amount(&worker.staked), offer, faults(worker)]
        })
        .collect();
    text::table(&["WORKER", "STAKE", "OFFERS", ""], &rows)
}

fn shown(found: &WorkerView) -> String {
    let offer = match &found.offer {
        None => "nothing: it gets no calls".to_owned(),
        Some(offer) => format!("{GOOD}{}{GOOD:#}", offered(offer)),
    };
    let mut rows = vec![
        ("worker", format!("{BOLD}{}{BOLD:#}", found.account)),
        ("staked", amount(&found.staked)),
        ("offers", format!("{offer} {DIM}since height {}{DIM:#}", found.since)),
    ];
    if found.faults > 0 {
        rows.push(("found", faults(found)));
    }
    for fault in &found.last {
        rows.push((
            "",
            format!(
                "receipt {} of call {} {DIM}most said {}; {} burned{DIM:#}",
                fault.receipt,
                fault.call,
                fault.agreed,
                amount(&fault.burned)
            ),
        ));
    }
    text::fields(0, &rows)
}
