//! `moot net join`, `add` and `remove`: who takes part in a network that runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use moot_record::{AccountId, Role, Transaction};
use serde_json::json;

use crate::api::Outcome;
use crate::cli::deploy::submit;
use crate::cli::failure::Failure;
use crate::cli::options::NodeOption;
use crate::cli::rehearse::{DryRunOption, rehearse};
use crate::cli::terminal::{self, BOLD};
use crate::keyfile;
use crate::network::{Address, Joining, ReplicaConfig, join};

/// Write the folder of a replica that joins a network which runs
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moot net join demo/replica-4 --of demo/replica-0 --port 8084\n\n\
                        The folder can be made anywhere and moved to its host. Then `moot net add`, and `moot up`.")]
pub(super) struct Join {
    /// The folder to make; it must be empty or not there yet
    dir: PathBuf,
    /// The folder, or the replica.toml, of a replica of the network
    #[arg(long, value_name = "REPLICA")]
    of: PathBuf,
    /// Where that replica is reached, when it listens on every interface
    #[arg(long, value_name = "HOST")]
    of_host: Option<String>,
    /// Where the new replica listens and is reached
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// Its gateway's port; its ledger is 1000 above, its data 2000
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Let a replica vote, or follow
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  moot net add demo/replica-4 --authority demo/authority.key\n  \
                        moot net add ACCOUNT --ledger 10.0.0.5:9080 --data 10.0.0.5:10080 --authority authority.key\n\n\
                        It is heard of at once, and votes from the epoch after the next one. Where stake decides (economy and\n\
                        epochs) the authority seats nobody: it adds with --follows alone, and who wants to vote stakes (`moot stake`).")]
pub(super) struct Add {
    /// The replica: its folder, its replica.toml, or its account
    replica: String,
    /// Where it takes votes and blocks [default: as in its replica.toml]
    #[arg(long, value_name = "ADDRESS")]
    ledger: Option<Address>,
    /// Where it takes batches [default: as in its replica.toml]
    #[arg(long, value_name = "ADDRESS")]
    data: Option<Address>,
    /// It gets every block and batch, and does not vote
    #[arg(long)]
    follows: bool,
    #[command(flatten)]
    said: Said,
}

/// Take a replica out of the committee
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  moot net remove demo/replica-1 --authority demo/authority.key\n\n\
                        It takes no new calls from then on, and votes to the end of the next epoch. Where stake decides (economy and\n\
                        epochs) this takes back only a seat that nobody stakes for.")]
pub(super) struct Remove {
    /// The replica: its folder, its replica.toml, or its account
    replica: String,
    /// It goes on to follow, instead of being left out altogether
    #[arg(long)]
    follows: bool,
    #[command(flatten)]
    said: Said,
}

/// Who says it, and to whom.
#[derive(Debug, Args)]
struct Said {
    /// File with the key of the authority that the genesis names
    #[arg(long, value_name = "FILE", env = "MOOT_AUTHORITY")]
    authority: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dry_run: DryRunOption,
    #[command(flatten)]
    node: NodeOption,
}

impl Join {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let joining = Joining { of: self.of, of_host: self.of_host, host: self.host, port: self.port };
        let (account, config) = join(&self.dir, &joining)?;
        if self.json {
            return Ok(terminal::print_json(&json!({
                "account": account,
                "folder": self.dir,
                "config": config.path,
                "gateway": config.listen.gateway.to_string(),
                "ledger": config.listen.ledger.to_string(),
                "data": config.listen.data.to_string(),
            }))?);
        }
        let (dir, path) = (self.dir.display(), config.path.display());
        Ok(terminal::print(&format!(
            "replica {BOLD}{account}{BOLD:#} in {dir}\n\n\
             Let it in, with the authority's key and at a node of the network:\n\n  \
             moot net add {dir} --authority authority.key\n\n\
             Then start it where it is to run:\n\n  moot up --config {path}\n"
        ))?)
    }
}

impl Add {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (account, known) = replica(&self.replica)?;
        let given = |given: Option<Address>, known: Option<Address>| match given.or(known) {
            Some(address) => address.resolve().map(Some),
            None => Ok(None),
        };
        let (ledger, data) = known.map(|listen| (listen.ledger, listen.data)).unzip();
        let (ledger, data) = (given(self.ledger, ledger)?, given(self.data, data)?);
        let role = if self.follows { Role::Follows } else { Role::Votes };
        self.said.say(account, role, ledger, data).await
    }
}

impl Remove {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (account, _) = replica(&self.replica)?;
        let role = if self.follows { Role::Follows } else { Role::Out };
        self.said.say(account, role, None, None).await
    }
}

/// The account of a replica, and where it listens when its configuration is at hand.
fn replica(said: &str) -> anyhow::Result<(AccountId, Option<crate::network::Listen>)> {
    if let Ok(account) = said.parse() {
        return Ok((account, None));
    }
    if !Path::new(said).exists() {
        return Err(Failure::usage(format!("{said:?} is neither an account nor a replica's folder"))
            .hint("an account has 64 hex digits; `moot status` lists those of the network")
            .into());
    }
    let config = ReplicaConfig::load(Path::new(said))?;
    Ok((keyfile::load(&config.key)?.account(), Some(config.listen)))
}

impl Said {
    async fn say(
        self,
        account: AccountId,
        role: Role,
        ledger: Option<SocketAddr>,
        data: Option<SocketAddr>,
    ) -> anyhow::Result<()> {
        let key = keyfile::load(&self.authority)?;
        let transaction = Transaction::Seat { account, role, ledger, data };
        transaction.check().map_err(|error| Failure::usage(error.to_string()))?;
        let client = self.node.client()?;
        if self.dry_run.is_asked() {
            return rehearse(&client, &key, vec![transaction], self.json).await;
        }
        let doing = ("Asking", "ordered by the network, until it is final");
        let answer = submit(&client, &key, vec![transaction], doing).await?.into_iter().next();
        let answer = answer.ok_or_else(|| Failure::new("the node said nothing of what became of it"))?;
        match &answer.outcome {
            Outcome::Refused { reason } => {
                return Err(Failure::new(format!("nothing was changed: {reason}")).into());
            }
            Outcome::Accepted => {
                return Err(Failure::new("it is recorded, and was not final in time")
                    .hint("`moot status` shows when it is")
                    .into());
            }
            Outcome::Done | Outcome::Recorded | Outcome::Applied { .. } => {}
        }
        if self.json {
            let view =
                json!({ "account": account, "role": role, "entry": answer.id, "height": answer.height });
            return Ok(terminal::print_json(&view)?);
        }
        let what = match role {
            Role::Votes => "votes from the epoch after the next one",
            Role::Follows => {
                "follows; if it votes now, to the end of the next epoch, and longer where it is staked for"
            }
            Role::Out => "is out; if it votes now, after the next epoch, and not while it is staked for",
        };
        terminal::done("Settled", &format!("{account} {what}"));
        Ok(())
    }
}
