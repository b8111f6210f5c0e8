//! `moot join`: a fresh machine takes part in a network that runs, by stake.
//!
//! ```text
//!  genesis, peers ──► folder with a new key ──► stake behind it ──► follows from the end of the epoch ──► votes two later
//! ```

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Parser};
use moot_record::{Genesis, Transaction};
use serde_json::json;

use super::deploy::submit;
use super::failure::Failure;
use super::options::{KeyOption, NodeOption};
use super::rehearse::{DryRunOption, rehearse};
use super::stake::candidate;
use super::terminal;
use super::text;
use super::transfer::{read_amount, settle};
use super::up::Up;
use crate::client::Client;
use crate::keyfile;
use crate::limits::DEFAULT_HEARTBEAT;
use crate::network::{Address, Joining, Known, PeerConfig, ReplicaConfig, check_vacant, join, join_known};

/// Take part in a network that runs: make a replica's folder, stake for it, start it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot join replica --node http://10.0.0.1:8080 --genesis genesis.json --host 10.0.0.9 --stake 5000 --start\n  \
                        moot join demo/replica-4 --of demo/replica-0 --port 8084 --stake 5000\n\n\
                        The stake comes from the account of your key (`moot account`). The genesis is what you trust: get it from\n\
                        somebody you believe. With enough staked the replica gets its seat at the end of the epoch, follows, and\n\
                        votes from the epoch after the next one. `moot stake take` leaves again."
)]
pub(crate) struct Join {
    /// The folder to make; it must be empty or not there yet
    dir: PathBuf,
    /// The network's genesis
    #[arg(long, value_name = "FILE", required_unless_present = "of")]
    genesis: Option<PathBuf>,
    /// Take genesis and addresses from this replica's folder, instead of asking the node for them
    #[arg(long, value_name = "REPLICA", conflicts_with = "genesis")]
    of: Option<PathBuf>,
    /// Where the new replica listens and is reached
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// Its gateway's port; its ledger is 1000 above, its data 2000
    #[arg(long, value_name = "PORT", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// How many units to stake
    #[arg(long, value_name = "UNITS")]
    stake: String,
    /// Start the replica then, and stay until it is stopped
    #[arg(long, conflicts_with = "dry_run")]
    start: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    dry_run: DryRunOption,
}

/// A folder that goes again: what is only asked about leaves nothing behind.
struct Draft(PathBuf);

impl Draft {
    fn new() -> Draft {
        Draft(std::env::temp_dir().join(format!("moot-join-{:016x}", rand::random::<u64>())))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may not have come to a folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The arguments of `moot up` alone.
#[derive(Debug, Parser)]
struct Starting {
    #[command(flatten)]
    up: Up,
}

impl Join {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let amount = read_amount(&self.stake)?;
        let path = self.key.path()?;
        let key = keyfile::load(&path).map_err(|error| {
            Failure::new(error.to_string())
                .hint("`moot account --new` makes a key; then somebody gives it units")
        })?;
        let client = self.node.client()?;
        let balance = client.account(&key.account()).await?.balance;
        if balance.parse().is_ok_and(|balance: u64| balance < amount) {
            let why = format!("account {} has {balance}, and {amount} were to be staked", key.account());
            return Err(Failure::new(why).hint("`moot transfer` from another account gives it more").into());
        }
        check_vacant(&self.dir)?;
        let draft = self.dry_run.is_asked().then(Draft::new);
        let dir = draft.as_ref().map_or(self.dir.as_path(), |draft| &draft.0);
        let (account, config) = self.make_folder(dir, &client).await?;
        let (replica, consent) = candidate(&client, &key, dir, None, None).await?;
        let transaction = Transaction::Stake { amount, replica: Some(replica), consent: Some(consent) };
        transaction.check().map_err(|error| Failure::usage(error.to_string()))?;
        if draft.is_some() {
            return rehearse(&client, &key, vec![transaction], self.json).await;
        }
        let doing = ("Staking", "ordered by the network, until it is final");
        let answer = submit(&client, &key, vec![transaction], doing).await?;
        let done = settle(&answer)?;
        if self.json {
            terminal::print_json_line(&json!({
                "account": account, "folder": self.dir, "config": config.path, "staked": amount.to_string(),
                "entry": done.id, "height": done.height,
            }))?;
        } else {
            let shown = format!("{} behind replica {}", text::number(amount), text::short(account));
            terminal::done("Staked", &shown);
        }
        let path = config.path.display().to_string();
        if self.start {
            let starting = Starting::try_parse_from(["moot", "--config", path.as_str()])?;
            return Box::pin(starting.up.run()).await;
        }
        if !self.json {
            terminal::hint(&format!("start it where it is to run: moot up --config {path}"));
        }
        Ok(())
    }

    async fn make_folder(
        &self,
        dir: &Path,
        client: &Client,
    ) -> anyhow::Result<(moot_record::AccountId, ReplicaConfig)> {
        if let Some(of) = &self.of {
            let joining = Joining { of: of.clone(), of_host: None, host: self.host.clone(), port: self.port };
            return Ok(join(dir, &joining)?);
        }
        let Some(path) = &self.genesis else {
            return Err(Failure::usage("say which network: --genesis FILE, or --of REPLICA").into());
        };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let genesis = Genesis::from_json(&text).with_context(|| path.display().to_string())?;
        let status = client.status().await?;
        if status.network != genesis.network() {
            let why = format!(
                "{} is of network {}, and {} of another: {}",
                path.display(),
                genesis.network(),
                client.address(),
                status.network
            );
            return Err(Failure::new(why)
                .hint("take the genesis of the network that you mean, or ask another node")
                .into());
        }
        let found = client.replicas().await?.ok_or_else(|| {
            Failure::new("in this network stake does not decide who votes")
                .hint("its operators let replicas in: `moot net join` and `moot net add`")
        })?;
        let peers = found.replicas.iter().map(|replica| {
            // Who listens on every interface is reached where it was asked.
            let at = |address: std::net::SocketAddr| match address.ip().is_unspecified() {
                true => Address::new(client.address().host(), address.port()),
                false => Address::new(&address.ip().to_string(), address.port()),
            };
            Ok(PeerConfig {
                account: replica.account,
                ledger: at(replica.ledger)?,
                data: at(replica.data)?,
                gateway: None,
            })
        });
        let peers = peers.collect::<anyhow::Result<Vec<_>>>()?;
        let known = Known { genesis, peers, heartbeat: DEFAULT_HEARTBEAT };
        Ok(join_known(dir, &known, &self.host, self.port)?)
    }
}
