//! `moot up --replicas`: children that are started, watched and stopped.

use crate::cli::sandbox::{Sandbox, finish};
use crate::support::{PATIENCE, Remote, free_base, until};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, mpsc};

/// `moot up --replicas 4`.
struct Parent {
    child: Child,
    ready: Value,
    log: Arc<Mutex<String>>,
}

impl Parent {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Parent {
        let mut words = vec!["up", "--replicas", "4", "--json"];
        words.extend(arguments);
        let mut child = sandbox.command(&words).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut stderr, kept) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(bytes @ 1..) = stderr.read(&mut buffer) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..bytes]));
            }
        });
        let (say, line) = mpsc::channel();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            let _ = say.send(BufReader::new(stdout).lines().next().and_then(Result::ok));
        });
        let mut parent = Parent { child, ready: Value::Null, log };
        let line = line.recv_timeout(PATIENCE).unwrap();
        parent.ready =
            serde_json::from_str(&line.unwrap_or_else(|| panic!("it ended: {}", parent.said()))).unwrap();
        parent
    }

    fn said(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn replica(&self, index: usize) -> Remote {
        let address = self.ready["replicas"][index]["address"].as_str().unwrap();
        Remote::at(address.trim_start_matches("http://").parse().unwrap())
    }

    fn signal(pid: u64, name: &str) {
        assert!(
            Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success()
        );
    }

    fn pid(&self, index: usize) -> u64 {
        self.ready["replicas"][index]["pid"].as_u64().unwrap()
    }

    /// Whether nothing listens at a replica's gateway any more.
    fn is_gone(&self, index: usize) -> bool {
        let address = self.ready["replicas"][index]["address"].as_str().unwrap();
        TcpStream::connect(address.trim_start_matches("http://")).is_err()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        // The replicas end by themselves when their parent is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn four_replicas_by_one_command_one_dies_the_others_go_on() {
    let mut sandbox = Sandbox::new();
    let mut parent = Parent::start(&sandbox, &["--listen", "127.0.0.1:0"]);
    assert!(sandbox.path(".moot/net/genesis.json").exists());
    let before = parent.replica(0).height();
    until("blocks are made", || parent.replica(3).height() > before);

    let first = parent.ready["replicas"][0]["address"].as_str().unwrap().to_owned();
    sandbox.use_address(&first);
    until("all four are well", || {
        let status = sandbox.moot(&["status", "--all", "--json"]).out;
        let status: Value = serde_json::from_str(&status).unwrap_or_default();
        let verdicts = status["replicas"].as_array().map(|all| all.iter().map(|r| &r["verdict"]));
        verdicts.is_some_and(|verdicts| verdicts.map(Value::as_str).eq([Some("ok"); 4]))
    });

    Parent::signal(parent.pid(2), "KILL");
    until("the end of replica 2 is said", || parent.said().contains("replica 2 has ended by itself"));
    let height = parent.replica(0).height();
    until("the others go on", || parent.replica(1).height() > height + 2);
    let shown = sandbox.fails(&["status", "--all"], 1, &[]);
    assert!(
        shown.out.contains("cannot be reached") && !shown.out.contains("needed to agree"),
        "{}",
        shown.out
    );
    assert!(parent.is_gone(2), "it was not started again");
    Parent::signal(parent.pid(3), "KILL");
    until("what two mean is said", || parent.said().contains("nothing becomes final until one comes back"));
    let shown = sandbox.fails(&["status", "--config", ".moot/net/replica-1"], 1, &[]);
    assert!(shown.out.contains("2 of 4 replicas answer, 3 are needed"), "{}", shown.out);

    Parent::signal(u64::from(parent.child.id()), "TERM");
    until("it stops", || parent.child.try_wait().unwrap().is_some());
    assert_eq!(parent.child.wait().unwrap().code(), Some(0), "{}", parent.said());
    assert!((0..4).all(|index| parent.is_gone(index)));

    // The same network again, at the same addresses.
    let again = Parent::start(&sandbox, &[]);
    assert_eq!(again.ready["network"], parent.ready["network"]);
    assert_eq!(again.ready["replicas"][0]["address"], first);
    until("it goes on where it was", || again.replica(0).height() > height);
}

#[test]
fn children_end_with_a_parent_that_was_killed() {
    let sandbox = Sandbox::new();
    let mut parent = Parent::start(&sandbox, &["--listen", "127.0.0.1:0", "--data", "elsewhere"]);
    parent.child.kill().unwrap();
    parent.child.wait().unwrap();
    until("no replica is left", || (0..4).all(|index| parent.is_gone(index)));
}

#[test]
fn what_the_folder_holds_is_not_made_into_something_else() {
    let sandbox = Sandbox::new();
    let port = free_base(5).to_string();
    sandbox.ok(&["net", "init", "--replicas", "5", "--port", &port, "net"]);
    sandbox.fails(
        &["up", "--replicas", "4", "--data", "net"],
        1,
        &["a network of 5 replicas, not of 4", "--replicas 5"],
    );
    sandbox.fails(
        &["up", "--replicas", "5", "--data", "net", "--listen", "127.0.0.1:7000"],
        1,
        &[&format!("listens from 127.0.0.1:{port} on")],
    );
    sandbox.write("full/file", "");
    sandbox.fails(
        &["up", "--replicas", "4", "--data", "full", "--listen", "127.0.0.1:0"],
        1,
        &["is not empty"],
    );
    // One that cannot start is said, and no other stays.
    std::fs::remove_file(sandbox.path("net/replica-3/replica.key")).unwrap();
    let ran = finish(sandbox.command(&["up", "--replicas", "5", "--data", "net"]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("replica 3 did not start") && ran.err.contains("replica.key"), "{}", ran.err);
}
