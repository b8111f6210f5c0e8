//! `moot up`: a whole node in one process: gateway, worker and ledger. Alone, as one replica of several, or as the
//! parent of several.

mod children;
mod several;
pub(super) mod stop;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use moot_record::AccountId;
use serde_json::json;

use super::build;
use super::deploy;
use super::failure::Failure;
use super::options::{CodeOption, KeyOption, ManifestOption, NodeOption, select};
use super::terminal::{self, BOLD, DIM};
use super::text;
use crate::client::Client;
use crate::limits::{MAX_BLOCK_RETENTION, MAX_LOCAL_REPLICAS, MIN_REPLICAS, MIN_RETENTION};
use crate::manifest::Manifest;
use crate::manifest::units::{parse_duration, show_duration};
use crate::network::{GENESIS_FILE, ReplicaConfig, Seat};
use crate::node::{Node, NodeConfig};
use crate::secrets::Secrets;
use crate::worker::Compiler;
use crate::workers::Joining;
use stop::Stop;

/// Where a node listens when nobody says otherwise.
const USUAL_LISTEN: &str = "127.0.0.1:8080";
/// Where its data is.
const USUAL_DATA: &str = ".moot";
/// Where the data of several local replicas is.
const USUAL_NET: &str = ".moot/net";

/// Start a node, one replica of several, or several on this machine
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot up                                      serve on 127.0.0.1:8080, data in ./.moot\n  \
                        moot up --deploy                             and deploy what moot.toml here describes\n  \
                        moot up --listen 0.0.0.0:80 --data /var/lib/moot\n  \
                        moot up --secrets secrets.toml --dir assets=./public\n  \
                        moot up --replicas 4                         four replicas here, to try out agreement\n  \
                        moot up --config replica.toml                one replica of several, see `moot net init`\n  \
                        OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 moot up   with traces by OpenTelemetry\n\n\
                        Ctrl-C stops it: what was accepted is finished first."
)]
pub(crate) struct Up {
    /// Where to listen; port 0 takes a free one, several replicas count up from it [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "MOOT_LISTEN")]
    listen: Option<String>,
    /// The data folder; made when missing [default: .moot, for several replicas .moot/net]
    #[arg(long, value_name = "FOLDER", env = "MOOT_DATA")]
    data: Option<PathBuf>,
    /// Start the replica that this file describes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "network"])]
    config: Option<PathBuf>,
    /// Start a network of this many replicas on this machine, each in a process of its own
    #[arg(long, value_name = "NUMBER", conflicts_with = "config",
          value_parser = clap::value_parser!(u64).range(MIN_REPLICAS as u64..=MAX_LOCAL_REPLICAS))]
    replicas: Option<u64>,
    /// Let blocks older than this go, with their batches, such as "30d"; proofs given out stay valid, and a replica that was
    /// away for longer cannot catch up from here [default: keep everything]
    #[arg(long, value_name = "DURATION", value_parser = retention)]
    retention: Option<Duration>,
    /// Take workers in other processes in here, see `moot worker`; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MOOT_WORKERS_LISTEN",
        conflicts_with = "replicas",
        requires = "allow_worker"
    )]
    workers_listen: Option<String>,
    /// Account of a worker that may join; can be repeated
    #[arg(long = "allow-worker", value_name = "ACCOUNT", value_parser = str::parse::<AccountId>)]
    allow_worker: Vec<AccountId>,
    /// Pay, out of the node's own balance, for values that nobody signed; whoever reaches it can then spend what it has. Without
    /// a configuration it does so where only this machine reaches it
    #[arg(long)]
    pays_for_unsigned: bool,
    /// Stop when standard input ends: for the process that starts this one
    #[arg(long, hide = true, requires = "config")]
    attached: bool,
    /// A folder that functions can be granted by this name; can be repeated
    #[arg(long = "dir", value_name = "NAME=FOLDER", value_parser = named_folder)]
    dirs: Vec<(String, PathBuf)>,
    /// A TOML file with the values of granted secrets, readable by you alone (mode 0600)
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// Name of a new network: written into the genesis of a new data folder
    #[arg(long, value_name = "NAME", default_value = "local")]
    network: String,
    /// Build and deploy the functions of the manifest once the node is up
    #[arg(long)]
    deploy: bool,
    /// Print one line of JSON when the node is ready
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    code: CodeOption,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    manifest: ManifestOption,
}

/// How long blocks are kept.
fn retention(text: &str) -> Result<Duration, String> {
    let found = parse_duration(text).map_err(|error| error.to_string())?;
    match found {
        _ if found < MIN_RETENTION => Err(format!("use {} or more", show_duration(MIN_RETENTION))),
        _ if found > MAX_BLOCK_RETENTION => Err("leave it out: then everything is kept".to_owned()),
        _ => Ok(found),
    }
}

pub(super) fn named_folder(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("write it as NAME=FOLDER, for example assets=./public")?;
    let path = PathBuf::from(path);
    if name.is_empty() {
        return Err("the name is empty: write NAME=FOLDER".to_owned());
    }
    if !path.is_dir() {
        return Err(format!("{} is not a folder", path.display()));
    }
    Ok((name.to_owned(), path))
}

impl Up {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.replicas {
            Some(replicas) => several::run(self, usize::try_from(replicas)?).await,
            None => self.run_one().await,
        }
    }

    async fn run_one(self) -> anyhow::Result<()> {
        let began = Instant::now();
        // A manifest that cannot be read is known before anything starts.
        let manifest = if self.deploy { Some(self.manifest.load()?) } else { None };
        let mut stop = Stop::new(self.attached)?;
        let config = self.node_config()?;
        let data = config.dir.clone();
        let node = Node::start(config).await?;
        let address = format!("http://{}", node.address());
        if !self.json {
            self.banner(&node, &address, &data, began).await?;
        }
        match &manifest {
            None => self.offer_deploy(&address).await,
            Some(manifest) => {
                if let Err(error) = self.deploy_all(manifest, &address).await {
                    node.shutdown().await;
                    let why = "the node was stopped again, because what it should serve cannot be deployed";
                    return Err(error.context(why));
                }
            }
        }
        if self.json {
            // Scripts wait for this line: everything that was asked for is there.
            self.banner(&node, &address, &data, began).await?;
        }
        until_stopped(node, &mut stop).await
    }

    fn node_config(&self) -> anyhow::Result<NodeConfig> {
        let mut config = match &self.config {
            Some(path) => replica(path)?,
            None => NodeConfig::new(self.data.as_deref().unwrap_or(Path::new(USUAL_DATA))),
        };
        match &self.listen {
            Some(listen) => config.listen = read_listen(listen)?,
            None if self.config.is_none() => config.listen = read_listen(USUAL_LISTEN)?,
            None => {}
        }
        match &self.workers_listen {
            Some(listen) => {
                let allow = self.allow_worker.iter().copied().collect();
                config.joining = Some(Joining { listen: read_listen(listen)?, allow });
            }
            // In addition to those that the file names.
            None => match &mut config.joining {
                Some(joining) => joining.allow.extend(&self.allow_worker),
                None if self.allow_worker.is_empty() => {}
                None => {
                    return Err(Failure::usage("--allow-worker lets a worker in, and there is no door")
                        .hint("add --workers-listen ADDRESS, where it can join")
                        .into());
                }
            },
        }
        config.pays_for_unsigned |= self.pays_for_unsigned;
        if self.config.is_none() {
            // Strangers cannot reach it, and whoever tries things out has no key yet.
            config.pays_for_unsigned |= config.listen.ip().is_loopback();
        }
        config.retention = self.retention.or(config.retention);
        config.network_name.clone_from(&self.network);
        config.dirs = self.dirs.iter().cloned().collect::<BTreeMap<_, _>>();
        if let Some(path) = &self.secrets {
            config.secrets = Secrets::load(path)?;
        }
        // A new network funds the key of whoever starts it, so that nothing needs money to be tried; who has none gets one
        // now, as the first deploy would have made it.
        if self.config.is_none() && !config.dir.join(GENESIS_FILE).exists() {
            config.fund = self.key.load_or_create().map(|key| key.account()).into_iter().collect();
        }
        config.compiler = Compiler::ChildProcess(this_program()?);
        config.code.clone_from(&self.code.code);
        config.wasi_http_0_3 = self.code.wasi_0_3;
        config.traces = true;
        Ok(config)
    }

    async fn banner(&self, node: &Node, address: &str, data: &Path, began: Instant) -> anyhow::Result<()> {
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        let functions = NodeOption::at(address).client()?.functions().await?.functions;
        if self.json {
            return Ok(terminal::print_json_line(&json!({
                "address": address,
                "data": data,
                "network": node.genesis().network(),
                "account": node.account(),
                "workers": node.workers_address(),
                // A parent reads none of them, and takes a short line only.
                "functions": functions.iter().filter(|_| !self.attached).map(|f| f.name.to_string()).collect::<Vec<_>>(),
            }))?);
        }
        let took = show_duration(began.elapsed());
        let mut rows = vec![
            ("address", format!("{BOLD}{address}{BOLD:#}")),
            ("data", data.display().to_string()),
            ("network", format!("{} {DIM}{}{DIM:#}", node.genesis().name, node.genesis().network())),
        ];
        if let Some(address) = node.workers_address() {
            let join = format!("moot worker --join {address} --replica {}", node.account());
            rows.push(("workers", format!("{address} {DIM}{join}{DIM:#}")));
        }
        for (index, function) in functions.iter().filter(|function| !function.retired).enumerate() {
            let name = if index == 0 { "functions" } else { "" };
            let shown =
                format!("{} v{} {DIM}{address}{}{DIM:#}", function.name, function.version, function.route);
            rows.push((name, shown));
        }
        let version = env!("CARGO_PKG_VERSION");
        let head =
            format!("\n  {BOLD}moot {version}{BOLD:#} {DIM}ready in {took}; Ctrl-C stops it{DIM:#}\n\n");
        Ok(terminal::print(&format!("{head}{}\n", text::fields(2, &rows)))?)
    }

    async fn deploy_all(&self, manifest: &Manifest, address: &str) -> anyhow::Result<()> {
        let mut built = Vec::new();
        for function in select(manifest, &[])? {
            build::run_build(manifest, function)?;
            built.push((function, build::read_component(function)?));
        }
        deploy::deploy(&NodeOption::at(address).client()?, &self.key.load_or_create()?, built).await?;
        Ok(())
    }

    /// Says what the manifest of this folder has and this node has not.
    async fn offer_deploy(&self, address: &str) {
        let Ok(Some(path)) = ManifestOption::find() else { return };
        let Ok(client) = NodeOption::at(address).client() else { return };
        let Ok(manifest) = Manifest::load(&path) else { return };
        let missing = missing(&client, &manifest).await;
        if !missing.is_empty() {
            let names = missing.join(", ");
            terminal::hint(&format!(
                "not deployed yet: {names}. `moot deploy` in another terminal, or `moot up --deploy`"
            ));
        }
    }
}

/// This very program, to be run again.
pub(super) fn this_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find this program's own file to run it again")
}

/// What a replica's file makes of a node.
fn replica(path: &Path) -> anyhow::Result<NodeConfig> {
    let file = ReplicaConfig::load(path)?;
    let seat = Seat::take(&file)?;
    let mut config = NodeConfig::new(&file.data);
    let gateway = file.listen.gateway.resolve();
    config.listen = gateway.with_context(|| format!("{}: `listen.gateway`", file.path.display()))?;
    config.seat = Some(seat);
    config.pays_for_unsigned = file.gateway.pays_for_unsigned;
    config.retention = file.retention;
    if let Some(workers) = &file.workers {
        let listen = workers.listen.resolve();
        let listen = listen.with_context(|| format!("{}: `workers.listen`", file.path.display()))?;
        config.joining = Some(Joining { listen, allow: workers.allow.iter().copied().collect() });
    }
    Ok(config)
}

/// Serves until somebody asks it to stop, or until it cannot go on.
async fn until_stopped(node: Node, stop: &mut Stop) -> anyhow::Result<()> {
    tokio::select! {
        () = stop.asked() => {}
        why = node.failed() => {
            if node.differs(&why) {
                return stay_halted(node, stop, &why).await;
            }
            node.shutdown().await;
            return Err(Failure::new(format!("the node cannot go on: {}", text::line(&why)))
                .hint("nothing that was acknowledged is lost; mend the cause and start it again")
                .into());
        }
    }
    // A child's parent says it for all of them.
    let attached = stop.attached;
    let say = |verb: &str, text: &str| {
        if !attached {
            terminal::done(verb, text);
        }
    };
    say("Stopping", &format!("{DIM}what was accepted is finished first; Ctrl-C again stops at once{DIM:#}"));
    tokio::select! {
        () = node.shutdown() => say("Stopped", ""),
        () = stop.asked() => return Err(Failure::new("stopped before everything was finished").hint(
            "calls that were running are finished at the next start, or their receipts say `interrupted`").into()),
    }
    Ok(())
}

/// A replica whose state differs from the network's is not helped by a restart, and somebody will want to look at it:
/// it takes nothing any more, and answers questions until it is told to stop.
async fn stay_halted(node: Node, stop: &mut Stop, why: &str) -> anyhow::Result<()> {
    let why = text::line(why);
    terminal::warn(&format!("HALTED: {why}"));
    terminal::hint(
        "`moot status --all` compares it with the others; it takes no calls, and answers questions until it is stopped",
    );
    stop.asked().await;
    node.shutdown().await;
    Err(Failure::new(format!("the replica was halted: {why}")).into())
}

async fn missing(client: &Client, manifest: &Manifest) -> Vec<String> {
    let Ok(present) = client.functions().await else { return Vec::new() };
    let is_missing = |name: &&str| !present.functions.iter().any(|function| function.name.as_str() == *name);
    manifest
        .functions
        .iter()
        .map(|function| function.name.as_str())
        .filter(is_missing)
        .map(str::to_owned)
        .collect()
}

/// `127.0.0.1:8080`, `8080`, `:8080`, `localhost:8080`.
fn read_listen(text: &str) -> anyhow::Result<SocketAddr> {
    let wrong = || {
        Failure::usage(format!("{text:?} is not an address to listen on"))
            .hint("write an IP address and a port: 127.0.0.1:8080, or 0.0.0.0:8080 for every interface")
    };
    if let Ok(port) = text.trim_start_matches(':').parse::<u16>() {
        return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    let plain = text.trim_start_matches("http://").trim_end_matches('/');
    let plain =
        plain.strip_prefix("localhost:").map_or_else(|| plain.to_owned(), |port| format!("127.0.0.1:{port}"));
    Ok(plain.parse().map_err(|_| wrong())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("8080", "127.0.0.1:8080"),
            (":0", "127.0.0.1:0"),
            ("localhost:9000", "127.0.0.1:9000"),
            ("http://0.0.0.0:80/", "0.0.0.0:80"),
            ("[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(read_listen(text).unwrap().to_string(), address, "{text}");
        }
        for text in ["", "hello", "127.0.0.1", "127.0.0.1:99999", "70000"] {
            assert!(read_listen(text).unwrap_err().to_string().contains("not an address"), "{text}");
        }
    }

    #[test]
    fn folders_by_name() {
        assert_eq!(named_folder("assets=/").unwrap(), ("assets".to_owned(), PathBuf::from("/")));
        for (text, message) in
            [("assets", "NAME=FOLDER"), ("=/", "name is empty"), ("a=/no/such", "is not a folder")]
        {
            assert!(named_folder(text).unwrap_err().contains(message), "{text}");
        }
    }
}
