//! Four replicas as a user would run them: `moot net init`, then `moot up --config` four times.
//!
//! Each process lives as long as its standard input, so it ends when the harness dies; and it is ended by its own
//! handle, whatever happens.

use super::bundles::{MAX_SIGNERS, SIGNERS_FUNDS, signer_key};
use crate::counters::Usage;
use anyhow::{Context as _, Result, bail, ensure};
use moot_node::api::Status;
use moot_node::client::{Client, NodeAddress};
use moot_record::Genesis;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// As many as outlive one fault.
pub(crate) const REPLICAS: u16 = 4;
/// Starting includes connecting to the others.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Stopping includes closing databases of some gigabytes.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// How long everything that was taken may need until it is final everywhere.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Ports are looked for this often.
const PORT_ATTEMPTS: u16 = 50;

/// Does something with a network in `dir`, which is erased afterwards.
pub(crate) fn with<T>(dir: &Path, measure: impl FnOnce(&Net) -> Result<T>) -> Result<T> {
    let net = Net::start(dir)?;
    let measured = measure(&net)?;
    let folder = net.dir.clone();
    net.stop()?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot erase {}", folder.display()))?;
    Ok(measured)
}

/// The running network.
pub(crate) struct Net {
    dir: PathBuf,
    pub(crate) genesis: Genesis,
    pub(crate) gateways: Vec<SocketAddr>,
    replicas: Vec<Replica>,
    runtime: tokio::runtime::Runtime,
}

struct Replica {
    process: Child,
    log: PathBuf,
}

/// What gives everybody who pays enough for hours.
fn funds() -> Vec<String> {
    let signers = (0..MAX_SIGNERS).map(|number| signer_key(number).account());
    // And whoever deploys what the single calls are of.
    let funded = signers.chain([crate::deploy::owner().account()]);
    funded.map(|account| format!("--fund={account}={SIGNERS_FUNDS}")).collect()
}

impl Net {
    /// Makes a network in `dir` and starts it.
    fn start(dir: &Path) -> Result<Net> {
        let program = std::env::current_exe()?.with_file_name("moot");
        ensure!(
            program.is_file(),
            "{} is not there: `cargo xtask load --order` builds it beside this program",
            program.display()
        );
        let base = free_base()?;
        let made = Command::new(&program)
            .args(["net", "init", "--replicas", &REPLICAS.to_string(), "--port", &base.to_string(), "net"])
            // As on any network, every bundle is charged; `MOOT_LOAD_FREE` says what charging costs.
            .args(if std::env::var_os("MOOT_LOAD_FREE").is_some() {
                vec!["--free".to_owned()]
            } else {
                funds()
            })
            .current_dir(dir)
            .output()
            .context("cannot run moot net init")?;
        ensure!(made.status.success(), "moot net init: {}", String::from_utf8_lossy(&made.stderr));
        let dir = dir.join("net");
        let genesis = Genesis::from_json(&std::fs::read_to_string(dir.join("genesis.json"))?)?;
        let gateways = (0..REPLICAS).map(|n| SocketAddr::from(([127, 0, 0, 1], base + n))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut net = Net { dir, genesis, gateways, replicas: Vec::new(), runtime };
        let mut ready = Vec::new();
        for number in 0..REPLICAS {
            ready.push(net.spawn(&program, number)?);
        }
        let due = Instant::now() + START_TIMEOUT;
        for (number, ready) in ready.iter().enumerate() {
            let line = ready.recv_timeout(due.saturating_duration_since(Instant::now()));
            if line.as_deref().unwrap_or_default().is_empty() {
                bail!("replica {number} did not become ready: {}", net.said(number));
            }
        }
        net.settle()?;
        Ok(net)
    }

    fn spawn(&mut self, program: &Path, number: u16) -> Result<mpsc::Receiver<String>> {
        let folder = self.dir.join(format!("replica-{number}"));
        let log = folder.join("log");
        let mut process = Command::new(program)
            .args(["up", "--attached", "--json", "--config"])
            .arg(folder.join("replica.toml"))
            // What is measured is not the access log.
            .env("MOOT_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start a replica")?;
        let stdout = process.stdout.take().context("a replica has no standard output")?;
        self.replicas.push(Replica { process, log });
        let (say, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            let _ = say.send(lines.next().and_then(Result::ok).unwrap_or_default());
            // Read to its end, so that nobody waits for a full pipe.
            lines.for_each(drop);
        });
        Ok(ready)
    }

    fn said(&self, number: usize) -> String {
        let log = self.replicas.get(number).map(|replica| std::fs::read_to_string(&replica.log));
        log.and_then(Result::ok).unwrap_or_default()
    }

    /// Asks one replica.
    pub(crate) fn ask<T>(&self, number: usize, ask: impl AsyncFnOnce(Client) -> Result<T>) -> Result<T> {
        let client = Client::new(NodeAddress::parse(&self.gateways[number].to_string())?);
        self.runtime.block_on(ask(client)).with_context(|| format!("replica {number}"))
    }

    fn statuses(&self) -> Result<Vec<Status>> {
        (0..self.gateways.len()).map(|n| self.ask(n, async |client| Ok(client.status().await?))).collect()
    }

    /// The greatest height.
    pub(crate) fn height(&self) -> Result<u64> {
        Ok(self.statuses()?.iter().map(|status| status.height).max().unwrap_or_default())
    }

    /// Waits until every replica has ordered everything that any of them holds.
    pub(crate) fn settle(&self) -> Result<()> {
        let due = Instant::now() + SETTLE_TIMEOUT;
        while Instant::now() < due {
            let statuses = self.statuses()?;
            let quiet = |status: &Status| {
                status.waiting_blocks == 0 && status.validators.iter().all(|lane| lane.waiting == 0)
            };
            let lanes =
                |status: &Status| status.validators.iter().map(|lane| lane.ordered).collect::<Vec<_>>();
            let same = statuses.iter().all(|status| lanes(status) == lanes(&statuses[0]));
            if same && statuses.iter().all(quiet) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let logs: Vec<String> = (0..self.replicas.len()).map(|n| self.said(n)).collect();
        bail!("the replicas do not agree after {} s: {logs:?}", SETTLE_TIMEOUT.as_secs());
    }

    /// What the replicas have used so far, together.
    pub(crate) fn used(&self) -> Result<Usage> {
        usage(self.replicas.iter().map(|replica| replica.process.id()))
    }

    /// Bytes that the network takes on the disk.
    pub(crate) fn disk_bytes(&self) -> Result<u64> {
        allocated(&self.dir)
    }

    /// Stops all of them, and waits until they have.
    fn stop(mut self) -> Result<()> {
        for replica in &mut self.replicas {
            drop(replica.process.stdin.take());
        }
        let due = Instant::now() + STOP_TIMEOUT;
        for number in 0..self.replicas.len() {
            loop {
                if let Some(status) = self.replicas[number].process.try_wait()? {
                    ensure!(status.success(), "replica {number} ended with {status}: {}", self.said(number));
                    break;
                }
                ensure!(Instant::now() < due, "replica {number} did not stop: {}", self.said(number));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for replica in &mut self.replicas {
            if !matches!(replica.process.try_wait(), Ok(Some(_))) {
                let _ = replica.process.kill();
                let _ = replica.process.wait();
            }
        }
    }
}

/// What processes have used so far, together.
pub(crate) fn usage(ids: impl Iterator<Item = u32>) -> Result<Usage> {
    let mut all = Usage::default();
    for id in ids {
        let used = Usage::of(id)?;
        all.cpu_us += used.cpu_us;
        all.written_bytes += used.written_bytes;
    }
    Ok(all)
}

/// Bytes that a folder's files take, as `du` counts them.
fn allocated(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry?.path();
        // A journal that was just pruned is nobody's.
        let Ok(found) = path.symlink_metadata() else { continue };
        bytes += if found.is_dir() { allocated(&path)? } else { found.blocks() * 512 };
    }
    Ok(bytes)
}

/// A first port with room above it for gateways, votes and data.
fn free_base() -> Result<u16> {
    let first = 20_000 + u16::try_from(std::process::id() % 100)? * 16;
    for attempt in 0..PORT_ATTEMPTS {
        let base = first + attempt * 16;
        let ports = (0..REPLICAS).flat_map(|n| [base + n, base + 1000 + n, base + 2000 + n]);
        if ports.map(|port| TcpListener::bind(("127.0.0.1", port))).all(|bound| bound.is_ok()) {
            return Ok(base);
        }
    }
    bail!("no free ports from {first} on: stop what listens there")
}
