//! The server process: started, and ended whatever happens.
//!
//! It lives as long as its standard input, so it ends when the harness dies; it has a time limit of its own; and
//! it is killed when it does not end by itself.

use crate::options::Options;
use crate::scenario::Scenario;
use crate::server::Ready;
use anyhow::{Context as _, Result, bail, ensure};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Starting includes compiling three components.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Stopping includes closing a database of some gigabytes.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// Added to the time that the measurements take.
const SLACK_S: f64 = 600.0;

/// The running server.
pub(crate) struct Child {
    process: process::Child,
    ready: Ready,
}

impl Child {
    /// Starts the server with its data in `data`; returns when it can be asked.
    pub(crate) fn start(data: &Path, options: &Options) -> Result<Child> {
        let program = std::env::current_exe().context("cannot find this program to start its server")?;
        let measurements =
            options.rounds * options.connections.len() * Scenario::chosen(&options.scenarios).len();
        let at_most = measurements as f64 * (options.seconds + 2.0) + SLACK_S;
        let mut process = Command::new(program)
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--at-most", &format!("{at_most:.0}"), "--payloads", &options.payloads.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let ready = first_line(&mut process).and_then(|line| {
            serde_json::from_str(&line)
                .with_context(|| format!("the server said {line:?} instead of its addresses"))
        });
        match ready {
            Ok(ready) => Ok(Child { process, ready }),
            Err(error) => {
                let _ = process.kill();
                let _ = process.wait();
                Err(error)
            }
        }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Who answers `scenario`.
    pub(crate) fn address(&self, scenario: Scenario) -> SocketAddr {
        if scenario == Scenario::Hyper { self.ready.hyper } else { self.ready.node }
    }

    /// The node.
    pub(crate) fn node(&self) -> SocketAddr {
        self.ready.node
    }

    /// The text of the network's genesis file.
    pub(crate) fn genesis(&self) -> &str {
        &self.ready.genesis
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<()> {
        drop(self.process.stdin.take());
        let began = Instant::now();
        while began.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.process.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the server had not stopped after {} s", STOP_TIMEOUT.as_secs());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// The first line that the server prints, within its time.
fn first_line(process: &mut process::Child) -> Result<String> {
    let stdout = process.stdout.take().context("the server has no standard output")?;
    let (said, line) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        let _ = said.send(read.map(|_| line));
    });
    let line = line.recv_timeout(START_TIMEOUT);
    let line =
        line.with_context(|| format!("the server was not ready after {} s", START_TIMEOUT.as_secs()))??;
    ensure!(!line.is_empty(), "the server ended before it was ready; what it said is above");
    Ok(line)
}
