//! Workers that go away in the middle of calls.

use super::process::WorkerProcess;
use super::{await_ready, await_running, checked, node_for};
use crate::support::{Remote, busy};
use moot_record::{FunctionKind, Spec, Status};
use std::time::{Duration, Instant};

/// Long enough to be in the middle of.
const LONG: &[u8] = b"[1500000000]";

fn deploy_long(remote: &Remote, name: &str, change: impl Fn(&mut Spec)) {
    remote.deploy(name, &busy(), FunctionKind::Typed, |spec| {
        spec.limits.deadline_ms = 60_000;
        spec.limits.fuel = 10_000_000_000_000;
        change(spec);
    });
}

fn begin(remote: &Remote, name: &str) -> String {
    let answer = remote.ask("POST", &format!("/{name}/spin"), &[("prefer", "respond-async")], LONG);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn kill_9_of_a_worker_in_mid_call_is_noticed_and_repeats_only_what_is_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    deploy_long(&node, "once", |_| {});
    deploy_long(&node, "again", |spec| spec.idempotent = true);
    deploy_long(&node, "replayable", |spec| spec.deterministic = true);
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    worker.await_joined();
    await_ready(&node, 3);
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| node.ask("POST", "/once/spin", &[("idempotency-key", "k")], LONG));
        let calls = ["once", "again", "replayable"].map(|name| (name, begin(&node, name)));
        await_running(&node, 4);
        let killed = Instant::now();
        worker.kill();
        for (name, call) in &calls {
            let receipt = checked(&node, call);
            let expected = if *name == "once" { Status::Interrupted } else { Status::Ok };
            assert_eq!(receipt.receipt.status, expected, "{name}");
            // Whoever says so is whoever knows: the worker has said nothing.
            assert_eq!(receipt.worker, node.account(), "{name}");
            if expected == Status::Ok {
                assert_eq!(node.get(&format!("/_moot/calls/{call}/output")).text(), "1500000000");
            } else {
                assert!(!receipt.receipt.metered);
                assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
            }
        }
        waiting.join().unwrap()
    });
    // Who waited is told, and a second try gets the same answer and makes no second call.
    assert_eq!((waiting.status, waiting.problem().as_str()), (500, "interrupted"), "{}", waiting.text());
    let tried = node.ask("POST", "/once/spin", &[("idempotency-key", "k")], LONG);
    assert_eq!(tried.problem(), "interrupted", "{}", tried.text());
    assert_eq!(tried.json()["call"], waiting.json()["call"]);
    assert_eq!(node.calls(), 4, "no call was made anew");
    let status = node.get("/_moot/status").json();
    assert_eq!((status["open_calls"].as_u64(), status["running"].as_u64()), (Some(0), Some(0)), "{status}");
    let metrics = node.get("/_moot/metrics").text();
    assert!(metrics.contains("moot_workers_calls_lost_total 4"), "{metrics}");
}

#[test]
fn a_worker_that_falls_silent_is_given_up_before_the_deadline() {
    // A machine that hangs closes no connection: only its silence tells.
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    deploy_long(&node, "once", |_| {});
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    worker.await_joined();
    await_ready(&node, 1);
    let call = begin(&node, "once");
    await_running(&node, 1);
    worker.signal("STOP");
    let began = Instant::now();
    let receipt = checked(&node, &call);
    assert_eq!(receipt.receipt.status, Status::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    // Awake again, it finds that it is out, and joins anew; what it has to say of that call is not asked for.
    worker.signal("CONT");
    worker.await_joined();
    await_ready(&node, 1);
    let answer = node.post("/once/add", b"[1, 2]");
    assert_eq!(answer.text(), "3");
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, account);
    assert_eq!(checked(&node, &call).receipt.status, Status::Interrupted);
}
