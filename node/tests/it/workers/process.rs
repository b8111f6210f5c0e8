//! `moot worker` in a process of its own, ended by its handle whatever happens.

use crate::support::{PATIENCE, moot};
use moot_record::AccountId;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;

pub(super) struct WorkerProcess {
    pub(super) account: AccountId,
    child: Child,
    stdin: Option<ChildStdin>,
    said: mpsc::Receiver<Value>,
}

impl WorkerProcess {
    /// The account of the worker in a folder; its key is made when there is none.
    pub(super) fn account_in(dir: &Path) -> AccountId {
        let asked = moot(dir).args(["worker", "--account", "--json", "--data"]).arg(dir.join("w")).output();
        let asked = asked.unwrap();
        assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        let line: Value = serde_json::from_slice(&asked.stdout).unwrap();
        line["account"].as_str().unwrap().parse().unwrap()
    }

    /// Starts the worker in a folder; whether it is let in is to be seen.
    pub(super) fn start(dir: &Path, address: SocketAddr, replica: AccountId, more: &[&str]) -> WorkerProcess {
        let account = WorkerProcess::account_in(dir);
        let mut child = moot(dir)
            .args(["worker", "--attached", "--json", "--join", &address.to_string(), "--replica"])
            .args([&replica.to_string(), "--data"])
            .arg(dir.join("w"))
            .args(more)
            .stdin(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = say.send(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        WorkerProcess { account, stdin: child.stdin.take(), child, said }
    }

    /// The next thing that it says.
    #[track_caller]
    pub(super) fn says(&self) -> Value {
        self.said.recv_timeout(PATIENCE).expect("the worker says nothing")
    }

    /// Waits until it has joined, whatever it says before.
    #[track_caller]
    pub(super) fn await_joined(&self) {
        while self.says()["joined"].is_null() {}
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// `kill -9`: nothing of it can run any more.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, as its parent would; its exit code.
    pub(super) fn stop(mut self) -> Option<i32> {
        self.stdin = None;
        self.child.wait().unwrap().code()
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
