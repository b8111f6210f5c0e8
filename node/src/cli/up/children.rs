//! Replicas as child processes: started, listened to, stopped.
//!
//! ```text
//!  parent ──stdin──► child        its end asks the child to stop: also when the parent was killed
//!         ◄─stdout── child        one line of JSON, when it is ready
//!         ◄─stderr── child        passed on line by line, with the replica's number in front
//! ```
//!
//! Each child leads a process group of its own, so that Ctrl-C reaches the parent alone.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::cli::failure::Failure;
use crate::cli::terminal::DIM;
use crate::cli::text;
use crate::limits::{KEPT_TAIL_LINES, MAX_TAIL_LINE_BYTES, REPLICA_GRACE, REPLICA_START};

/// One replica's process.
pub(super) struct Replica {
    pub(super) pid: Option<u32>,
    /// What it said when it was ready.
    pub(super) ready: Value,
    stdin: Option<ChildStdin>,
    log: Log,
}

/// What a replica wrote last, and the task that reads it.
struct Log {
    tail: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

/// All of them.
pub(super) struct Replicas {
    pub(super) list: Vec<Replica>,
    running: JoinSet<(usize, std::io::Result<ExitStatus>)>,
    kill: watch::Sender<bool>,
}

/// A replica that has ended.
pub(super) struct Ended {
    pub(super) index: usize,
    pub(super) how: String,
    pub(super) tail: Vec<String>,
}

impl Replicas {
    /// Starts `program` with each of `configs`, and waits until all are ready. When one does not become ready, the
    /// others are stopped again.
    pub(super) async fn start(
        program: &Path,
        configs: &[impl AsRef<Path>],
        arguments: &[String],
    ) -> anyhow::Result<Replicas> {
        let mut replicas =
            Replicas { list: Vec::new(), running: JoinSet::new(), kill: watch::channel(false).0 };
        let mut outputs = Vec::new();
        for (index, config) in configs.iter().enumerate() {
            let mut child = spawn(program, config.as_ref(), arguments)?;
            let log = Log::follow(index, child.stderr.take());
            outputs.push(child.stdout.take());
            let (pid, stdin) = (child.id(), child.stdin.take());
            replicas.list.push(Replica { pid, ready: Value::Null, stdin, log });
            replicas.running.spawn(tend(index, child, replicas.kill.subscribe()));
        }
        for (index, output) in outputs.into_iter().enumerate() {
            let first = async {
                let mut line = String::new();
                let read =
                    BufReader::new(output?).take(MAX_TAIL_LINE_BYTES as u64).read_line(&mut line).await;
                read.ok().and_then(|_| serde_json::from_str(&line).ok())
            };
            let ready = tokio::time::timeout(REPLICA_START, first).await.ok().flatten();
            let Some(ready) = ready else {
                let tail = replicas.list[index].log.last().await;
                replicas.stop(std::future::pending::<()>()).await;
                let why = if tail.is_empty() { "it said nothing".to_owned() } else { tail.join("\n") };
                return Err(Failure::new(format!(
                    "replica {index} did not start, so the others were stopped again:\n{why}"
                ))
                .into());
            };
            replicas.list[index].ready = ready;
        }
        Ok(replicas)
    }

    /// Where each replica's gateway is.
    pub(super) fn address(&self, index: usize) -> Option<&str> {
        self.list.get(index)?.ready["address"].as_str()
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    /// The next one that ends by itself; none when all have.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        loop {
            // A task that broke off has dropped its child, and so killed it.
            let Ok((index, status)) = self.running.join_next().await? else { continue };
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let replica = &mut self.list[index];
            replica.stdin = None;
            let tail = replica.log.last().await;
            return Some(Ended { index, how, tail });
        }
    }

    /// Asks all to stop, waits, and kills those that have not after their grace, or when `hurry` resolves. Says how
    /// many had to be killed.
    pub(super) async fn stop(&mut self, hurry: impl Future<Output = ()>) -> usize {
        for replica in &mut self.list {
            replica.stdin = None;
        }
        let all_ended = async { while self.running.join_next().await.is_some() {} };
        tokio::select! {
            () = all_ended => return 0,
            () = hurry => {}
            () = tokio::time::sleep(REPLICA_GRACE) => {}
        }
        let left = self.running.len();
        self.kill.send_replace(true);
        while self.running.join_next().await.is_some() {}
        left
    }
}

fn spawn(program: &Path, config: &Path, arguments: &[String]) -> anyhow::Result<Child> {
    Command::new(program)
        .args(["up", "--attached", "--json", "--config"])
        .arg(config)
        .args(arguments)
        // What these say is in the configuration, or was passed on.
        .env_remove("MOOT_LISTEN")
        .env_remove("MOOT_DATA")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {} for {}", program.display(), config.display()))
}

/// Waits for a child's end, and brings it about when told.
async fn tend(
    index: usize,
    mut child: Child,
    mut kill: watch::Receiver<bool>,
) -> (usize, std::io::Result<ExitStatus>) {
    tokio::select! {
        status = child.wait() => return (index, status),
        _ = kill.wait_for(|kill| *kill) => {}
    }
    // One that has ended in the meantime cannot be killed, and need not be.
    let _ = child.start_kill();
    (index, child.wait().await)
}

impl Log {
    fn follow(index: usize, stderr: Option<tokio::process::ChildStderr>) -> Log {
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let reader = stderr.map(|stderr| tokio::spawn(pass_on(index, BufReader::new(stderr), tail.clone())));
        Log { tail, reader }
    }

    /// The last lines of a replica that has ended.
    async fn last(&mut self) -> Vec<String> {
        if let Some(reader) = self.reader.take() {
            // What is still in the pipe is read in moments; a grandchild that holds it open is not waited for.
            let _ = tokio::time::timeout(Duration::from_secs(2), reader).await;
        }
        self.tail.lock().iter().cloned().collect()
    }
}

/// Writes a child's lines to standard error, with its number in front, and keeps the last of them.
async fn pass_on(index: usize, mut lines: impl AsyncBufRead + Unpin, tail: Arc<Mutex<VecDeque<String>>>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(MAX_TAIL_LINE_BYTES as u64).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let shown = text::line(String::from_utf8_lossy(&line).trim_end());
        anstream::eprintln!("{DIM}{index}|{DIM:#} {shown}");
        let mut tail = tail.lock();
        if tail.len() == KEPT_TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(shown);
    }
}
