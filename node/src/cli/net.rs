//! `moot net`: networks of several replicas: made, and who takes part.

mod prices;
mod seats;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use moot_ledger::{Clock as _, SystemClock};
use serde_json::json;

use super::failure::Failure;
use super::terminal::{self, BOLD, DIM};
use super::text;
use crate::limits::{MAX_HEARTBEAT, MIN_HEARTBEAT, NEW_ECONOMY};
use crate::manifest::units::{parse_duration, show_duration};
use crate::network::{AUTHORITY_FILE, FILE_NAME, Made, Plan, make};
use moot_record::limits::{MAX_EPOCH_BLOCKS, MAX_VALIDATORS, MIN_EPOCH_BLOCKS};
use moot_record::{Allocation, Economy};

/// Make networks of several replicas
#[derive(Debug, Args)]
pub(crate) struct Net {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(Init),
    Join(seats::Join),
    Add(seats::Add),
    Remove(seats::Remove),
    Prices(prices::NetPrices),
}

/// Write genesis, keys and one folder for each replica
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot net init --replicas 4 demo                     four replicas on this machine\n  \
                        moot net init --replicas 4 demo --host 10.0.0.1 --host 10.0.0.2 --host 10.0.0.3 --host 10.0.0.4\n\n\
                        A gateway listens on --port, its ledger on the port 1000 above, its data 2000 above; replicas of one\n\
                        host count up from there. Everything can be changed in replica.toml before the first start."
)]
struct Init {
    /// The folder to make; it must be empty or not there yet
    dir: PathBuf,
    /// How many replicas; of 4, one may fail, of 7 two
    #[arg(long, value_name = "NUMBER")]
    replicas: usize,
    /// Name of the network, for people
    #[arg(long, value_name = "NAME", default_value = "local")]
    name: String,
    /// Where replicas run: one host for all, or one for each
    #[arg(long = "host", value_name = "HOST", default_value = "127.0.0.1", value_delimiter = ',')]
    hosts: Vec<String>,
    /// The first gateway's port
    #[arg(long, value_name = "PORT", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Let gateways listen on every interface of their hosts, not on this machine's own address alone
    #[arg(long)]
    open_gateways: bool,
    /// How long an idle network waits before it makes an empty block
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = heartbeat)]
    heartbeat: Duration,
    /// Let the committee change, at the end of every so many blocks; without it, it never does
    #[arg(long, value_name = "BLOCKS", value_parser = clap::value_parser!(u64).range(MIN_EPOCH_BLOCKS..=MAX_EPOCH_BLOCKS))]
    epoch_blocks: Option<u64>,
    /// What an account has from the start; can be repeated [default: the same for each replica's]
    #[arg(long = "fund", value_name = "ACCOUNT=UNITS", value_parser = allocation)]
    fund: Vec<Allocation>,
    /// With --epoch-blocks: how many of the highest stakes vote
    #[arg(long, value_name = "NUMBER", default_value_t = NEW_ECONOMY.seats, value_parser = clap::value_parser!(u32).range(1..=MAX_VALIDATORS as i64))]
    seats: u32,
    /// Blocks that units wait which are taken out of a stake
    #[arg(long, value_name = "BLOCKS", default_value_t = NEW_ECONOMY.lockup_blocks, value_parser = clap::value_parser!(u64).range(..=MAX_EPOCH_BLOCKS))]
    lockup_blocks: u64,
    /// Charge nothing and stake nothing: calls state what they cost, and nobody pays; with --epoch-blocks the authority
    /// says who votes
    #[arg(long, conflicts_with_all = ["seats", "lockup_blocks"])]
    free: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn heartbeat(text: &str) -> Result<Duration, String> {
    let found = parse_duration(text).map_err(|error| error.to_string())?;
    if (MIN_HEARTBEAT..=MAX_HEARTBEAT).contains(&found) {
        return Ok(found);
    }
    let (least, most) = (show_duration(MIN_HEARTBEAT), show_duration(MAX_HEARTBEAT));
    Err(format!("it must be between {least} and {most}"))
}

fn allocation(text: &str) -> Result<Allocation, String> {
    let (account, balance) = text.split_once('=').ok_or("write it as ACCOUNT=UNITS")?;
    let account = account.parse().map_err(|error: moot_record::ParseError| error.to_string())?;
    let balance =
        balance.parse().map_err(|_| format!("{balance:?} is no number of units from 1 to {}", u64::MAX))?;
    Ok(Allocation { account, balance })
}

impl Net {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Init(init) => init.run(),
            Verb::Join(join) => join.run(),
            Verb::Add(add) => add.run().await,
            Verb::Remove(remove) => remove.run().await,
            Verb::Prices(prices) => prices.run().await,
        }
    }
}

impl Init {
    fn run(self) -> anyhow::Result<()> {
        let now_ms = SystemClock.now_us() / 1000;
        let plan =
            Plan::on_hosts(&self.name, now_ms, self.replicas, &self.hosts, self.port, self.open_gateways)
                .map_err(|error| Failure::usage(error.to_string()))?;
        let plan =
            Plan { heartbeat: self.heartbeat, epoch_blocks: self.epoch_blocks, accounts: self.fund, ..plan };
        let economy = Economy { lockup_blocks: self.lockup_blocks, seats: self.seats, ..NEW_ECONOMY };
        let plan = Plan { economy: (!self.free).then_some(economy), ..plan };
        let made = make(&self.dir, &plan)?;
        if self.json {
            return Ok(terminal::print_json(&as_json(&made, &plan))?);
        }
        Ok(terminal::print(&shown(&made, &plan))?)
    }
}

fn as_json(made: &Made, plan: &Plan) -> serde_json::Value {
    let replicas = made.replicas.iter().zip(&plan.hosts).enumerate().map(|(index, (replica, host))| {
        let config = replica.folder.join(FILE_NAME);
        json!({
            "replica": index,
            "account": replica.account,
            "host": host,
            "folder": replica.folder,
            "config": config,
            "gateway": replica.config.listen.gateway.to_string(),
            "ledger": replica.config.listen.ledger.to_string(),
            "data": replica.config.listen.data.to_string(),
            "start": ["moot", "up", "--config", config.to_string_lossy()],
        })
    });
    json!({
        "name": made.genesis.name,
        "network": made.genesis.network(),
        "genesis": made.path,
        "faults": faults(made.replicas.len()),
        "epoch_blocks": made.genesis.epochs.map(|epochs| epochs.blocks),
        "authority": made.genesis.epochs.map(|epochs| epochs.authority),
        "replicas": replicas.collect::<Vec<_>>(),
    })
}

/// How many of `replicas` may be faulty.
fn faults(replicas: usize) -> usize {
    replicas.saturating_sub(1) / 3
}

fn shown(made: &Made, plan: &Plan) -> String {
    let mut out = format!(
        "network {BOLD}{}{BOLD:#} {DIM}{}{DIM:#}: {}, of which {} may fail\n\n",
        text::line(&made.genesis.name),
        made.genesis.network(),
        text::count(made.replicas.len(), "replica"),
        match faults(made.replicas.len()) {
            0 => "none".to_owned(),
            faults => faults.to_string(),
        },
    );
    let rows: Vec<Vec<String>> = made
        .replicas
        .iter()
        .zip(&plan.hosts)
        .map(|(replica, host)| {
            let listen = &replica.config.listen;
            vec![
                replica.folder.display().to_string(),
                text::line(host),
                text::short(replica.account),
                listen.gateway.to_string(),
                listen.ledger.to_string(),
                listen.data.to_string(),
            ]
        })
        .collect();
    out.push_str(&text::table(&["FOLDER", "HOST", "ACCOUNT", "GATEWAY", "LEDGER", "DATA"], &rows));
    let one_machine = plan.hosts.iter().all(|host| *host == plan.hosts[0]);
    if one_machine {
        out.push_str("\nStart each replica, in a terminal of its own:\n\n");
    } else {
        out.push_str(
            "\nMove each folder to its host. It holds a key that must vote in one place only: keep no copy in use.\n\
             Then start it there:\n\n",
        );
    }
    for (replica, host) in made.replicas.iter().zip(&plan.hosts) {
        let config = replica.folder.join(FILE_NAME);
        let place =
            if one_machine { String::new() } else { format!("   {DIM}# on {}{DIM:#}", text::line(host)) };
        out.push_str(&format!("  moot up --config {}{place}\n", config.display()));
    }
    if made.genesis.epochs.is_some() {
        let key = made.path.with_file_name(AUTHORITY_FILE);
        let key = key.display();
        out.push_str(&match made.genesis.economy {
            None => format!(
                "\n{key} says who votes: `moot net add` and `moot net remove` sign with it. Keep it away from the replicas.\n"
            ),
            Some(economy) => format!(
                "\nThe {} highest stakes vote: `moot join`, `moot stake`. These replicas have their seats until others stake \
                 for them; {key} can take one back that nobody stakes for, and is needed for nothing else.\n",
                economy.seats
            ),
        });
    }
    let first = made.replicas.first().map(|replica| replica.folder.join(FILE_NAME)).unwrap_or_default();
    out.push_str(&format!(
        "\n`moot status --config {}` shows how they are doing. Who verifies receipts needs {}, from somebody they trust.\n",
        first.display(),
        made.path.display()
    ));
    out
}
