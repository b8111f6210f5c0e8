//! `moot worker`: runs a replica's calls in a process, and on a machine, of its own; and says so on the ledger.

mod registered;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use moot_record::{AccountId, FunctionName};
use serde_json::json;
use tokio::sync::watch;

use self::registered::Verb;
use super::options::CodeOption;
use super::terminal::{self, BOLD, DIM};
use super::text;
use super::up::stop::Stop;
use super::up::{named_folder, this_program};
use crate::network::Address;
use crate::secrets::Secrets;
use crate::worker::Compiler;
use crate::workers::{Said, SeparateWorker, WorkerConfig};

/// Where its key and machine code are.
const USUAL_DATA: &str = ".moot/worker";

/// Run a replica's calls from another process or machine
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  moot worker --account                          make its key, and show the account to be let in\n  \
                        moot up --workers-listen 127.0.0.1:9180 --allow-worker ACCOUNT\n  \
                        moot worker --join 127.0.0.1:9180 --replica ACCOUNT\n  \
                        moot worker --join 10.0.0.7:9180 --replica ACCOUNT --function resize --places 8\n  \
                        moot worker --join 10.0.0.7:9180 --replica ACCOUNT --external -- python3 -m awslambdaric app.handler\n  \
                        moot worker register --stake 5000 --at ACCOUNT calls are assigned to it, by stake\n  \
                        moot worker ls                                 who is registered, and who was wrong\n\n\
                        The connection is encrypted, and both sides prove their keys. A worker signs the receipts of what it \
                        runs. Functions that keep keys and values or speak to the ledger run on the replica."
)]
pub(crate) struct Worker {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where the replica takes workers (`moot up --workers-listen`, `workers.listen` in replica.toml)
    #[arg(long, value_name = "HOST:PORT", env = "MOOT_JOIN", value_parser = str::parse::<Address>,
          required_unless_present = "account")]
    join: Option<Address>,
    /// The replica's account (`moot status` there shows it): nobody else is spoken to
    #[arg(long, value_name = "ACCOUNT", env = "MOOT_REPLICA", value_parser = str::parse::<AccountId>,
          required_unless_present = "account")]
    replica: Option<AccountId>,
    /// Show this worker's account, make its key if it has none, and do nothing else
    #[arg(long)]
    account: bool,
    /// A function that it serves; can be repeated [default: every one that it can]
    #[arg(long = "function", value_name = "NAME", value_parser = str::parse::<FunctionName>)]
    functions: Vec<FunctionName>,
    /// Calls that it runs at a time [default: 64, and 1 for processes]
    #[arg(long, value_name = "NUMBER")]
    places: Option<usize>,
    /// Its folder; made when missing
    #[arg(long, value_name = "FOLDER", default_value = USUAL_DATA)]
    data: PathBuf,
    /// File with its key; made when missing [default: worker.key in its folder]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A folder that functions can be granted by this name; can be repeated
    #[arg(long = "dir", value_name = "NAME=FOLDER", value_parser = named_folder)]
    dirs: Vec<(String, PathBuf)>,
    /// A TOML file with the values of granted secrets, readable by you alone (mode 0600)
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    code: CodeOption,
    /// Run a command's processes instead of components: they speak the AWS Lambda Runtime API, one for each place
    #[arg(long, requires = "command")]
    external: bool,
    /// The command, after `--`
    #[arg(last = true, value_name = "COMMAND", requires = "external")]
    command: Vec<String>,
    /// Stop when standard input ends: for the process that starts this one
    #[arg(long, hide = true)]
    attached: bool,
    /// Print a line of JSON whenever something changes
    #[arg(long)]
    json: bool,
}

impl Worker {
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        if let Some(verb) = self.verb.take() {
            return verb.run().await;
        }
        let (Some(address), Some(replica), false) = (&self.join, self.replica, self.account) else {
            return self.show_account();
        };
        let mut stop = Stop::new(self.attached)?;
        let mut config = WorkerConfig::new(&self.data, address.clone(), replica);
        config.key.clone_from(&self.key);
        if let (true, [command, arguments @ ..]) = (self.external, self.command.as_slice()) {
            config.external = Some((PathBuf::from(command), arguments.to_vec()));
            config.places = 1;
        }
        config.places = self.places.unwrap_or(config.places);
        config.functions = (!self.functions.is_empty()).then(|| self.functions.iter().cloned().collect());
        config.dirs = self.dirs.iter().cloned().collect::<BTreeMap<_, _>>();
        if let Some(path) = &self.secrets {
            config.secrets = Secrets::load(path)?;
        }
        config.compiler = Compiler::ChildProcess(this_program()?);
        config.code.clone_from(&self.code.code);
        config.wasi_http_0_3 = self.code.wasi_0_3;
        let worker = tokio::task::spawn_blocking(move || SeparateWorker::open(config)).await??;
        let account = worker.account();
        if worker.made_key() && !self.json {
            terminal::done("Made", &format!("the key of account {account}"));
            terminal::hint(&format!("the replica lets it in with `moot up --allow-worker {account}`"));
        }
        let (leave, leaving) = watch::channel(false);
        let (said_json, at) = (self.json, address.to_string());
        let say = move |said: Said| say(&said, said_json, account, &at);
        let run = worker.run(leaving, say);
        tokio::pin!(run);
        tokio::select! {
            () = &mut run => return Ok(()),
            () = stop.asked() => {}
        }
        if !self.json && !stop.attached {
            terminal::done(
                "Stopping",
                &format!("{DIM}its calls are answered first; Ctrl-C again stops at once{DIM:#}"),
            );
        }
        leave.send_replace(true);
        tokio::select! {
            () = run => Ok(()),
            () = stop.asked() => Err(super::failure::Failure::new("stopped before every call was answered")
                .hint("those that may not be run again have receipts that say `interrupted`")
                .into()),
        }
    }

    fn show_account(&self) -> anyhow::Result<()> {
        let path = self.key.clone().unwrap_or_else(|| self.data.join("worker.key"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let (key, made) = crate::keyfile::load_or_create(&path)?;
        let account = key.account();
        if self.json {
            return Ok(terminal::print_json_line(&json!({ "account": account, "made": made }))?);
        }
        if made {
            terminal::done("Made", &format!("a worker's key in {}", path.display()));
        }
        Ok(terminal::print(&format!("{account}\n"))?)
    }
}

/// Tells a person, or a script. Nobody who listens is no reason to stop.
fn say(said: &Said, json: bool, account: AccountId, replica: &str) {
    if json {
        let line = match said {
            Said::Joined => json!({ "joined": replica, "account": account }),
            Said::Apart(why) => json!({ "apart": text::line(why), "account": account }),
        };
        let _ = terminal::print_json_line(&line);
        return;
    }
    match said {
        Said::Joined => {
            terminal::done("Joined", &format!("{BOLD}{replica}{BOLD:#} {DIM}as {account}{DIM:#}"))
        }
        Said::Apart(why) => terminal::warn(&format!("{}; it tries again", text::line(why))),
    }
}
