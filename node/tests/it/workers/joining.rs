//! Joining, being refused, answering, leaving, joining again.

use super::process::WorkerProcess;
use super::{await_ready, await_running, checked, joining, node_for};
use crate::support::{TestNode, busy, guest, key, moot, say, until};
use moot_record::{FunctionKind, Keypair, Status, Transaction};
use std::time::Duration;

#[test]
fn a_call_runs_at_the_worker_and_its_receipt_is_the_workers_word() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.deterministic = true);
    node.deploy("hello", &guest("hello"), FunctionKind::Event, |_| {});
    node.deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    let here = node.post("/busy/spin", b"[1000]");
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    worker.await_joined();
    // What keeps keys and values stays with the replica.
    await_ready(&node, 2);

    let answer = node.post("/busy/spin", b"[1000]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "1000"), "{}", answer.text());
    let call = answer.header("moot-call").unwrap().to_owned();
    let there = checked(&node, &call);
    assert_eq!((there.worker, there.receipt.status), (worker.account, Status::Ok));
    assert!(there.receipt.metered);
    // The same fuel as on the replica, and the same digest.
    let at_replica = checked(&node, here.header("moot-call").unwrap());
    assert_eq!(at_replica.worker, node.account());
    assert_eq!(at_replica.receipt.fuel, there.receipt.fuel);
    assert_eq!(at_replica.receipt.output, there.receipt.output);
    assert_eq!(answer.header("moot-fuel").unwrap(), there.receipt.fuel.to_string());
    assert_eq!(node.get(&format!("/_moot/calls/{call}/output")).text(), "1000");

    // Failures come back as they would from here: the function's own, a trap, arguments that do not fit.
    assert_eq!(node.post("/hello", b"ada").text(), "hello, ada\n");
    let long = vec![b'x'; 300];
    let failed = node.post("/hello", &long);
    assert_eq!(failed.status, 422, "{}", failed.text());
    let trapped = node.post("/busy/trap", b"[]");
    assert_eq!((trapped.status, trapped.problem().as_str()), (502, "function-trapped"), "{}", trapped.text());
    let trapped = checked(&node, trapped.json()["call"].as_str().unwrap());
    assert_eq!((trapped.worker, trapped.receipt.status), (worker.account, Status::Trapped));
    let again = |key: &str| node.ask("POST", "/busy/add", &[("idempotency-key", key)], b"[1, 2]");
    assert_eq!((again("k").text(), again("k").text()), ("3".into(), "3".into()));
    // What it wrote is in the function's log here.
    let logs = node.get("/_moot/functions/hello/logs").text();
    assert!(logs.contains("greets ada"), "{logs}");
    let counted = node.post("/counter", b"apples");
    assert_eq!(checked(&node, counted.header("moot-call").unwrap()).worker, node.account());

    let status = node.get("/_moot/status").json();
    let shown = &status["workers"][0];
    assert_eq!(shown["account"], worker.account.to_string(), "{status}");
    assert_eq!((shown["answered"].as_u64(), shown["lost"].as_u64()), (Some(5), Some(0)), "{status}");
    let metrics = node.get("/_moot/metrics").text();
    assert!(metrics.contains("moot_workers_calls_total 5"), "{metrics}");
    assert!(metrics.contains("moot_workers 1"), "{metrics}");
    let node_url = format!("http://{}", node.address);
    let said = moot(dir.path()).args(["status", "--node", &node_url]).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("WORKER") && said.contains("0/64"), "{said}");
}

#[test]
fn a_long_http_answer_comes_whole() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("echo", &guest("hello-http"), FunctionKind::Http, |_| {});
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &["--function", "echo"]);
    worker.await_joined();
    await_ready(&node, 1);
    // Longer than what a replica would hold back of its own functions' answers.
    let body: Vec<u8> = (0..1_000_000u32).map(|i| (i % 251) as u8).collect();
    let answer = node.post("/echo/echo", &body);
    assert_eq!((answer.status, answer.body.len()), (200, body.len()));
    assert!(answer.body == body);
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, account);
}

#[test]
fn an_answer_over_the_functions_limit_is_refused_at_the_worker_too() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("hello", &guest("hello"), FunctionKind::Event, |spec| spec.limits.response_bytes = 4);
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    worker.await_joined();
    await_ready(&node, 1);
    let answer = node.post("/hello", b"ada");
    assert_eq!(answer.problem(), "limit-exceeded", "{}", answer.text());
    let receipt = checked(&node, answer.json()["call"].as_str().unwrap());
    assert_eq!((receipt.worker, receipt.receipt.status), (account, Status::LimitExceeded));
}

#[test]
fn a_worker_with_an_unknown_key_is_not_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let known = Keypair::from_seed([5; 32]).account();
    let node = node_for(&[known]);
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    let said = worker.says();
    let why = said["apart"].as_str().unwrap();
    assert!(why.contains("--allow-worker") && why.contains(&worker.account.to_string()), "{said}");
    assert!(node.get("/_moot/status").json()["workers"].is_null());
    let answer = node.post("/busy/add", b"[1, 2]");
    assert_eq!(answer.text(), "3");
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, node.account());
}

/// Case 70: a worker's key that was stolen must sign no receipts for a replica that has let it in.
#[test]
fn case_70_a_revoked_worker_is_sent_away_and_not_let_in_again() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    worker.await_joined();
    await_ready(&node, 1);
    say(&node, &key(), vec![Transaction::Transfer { to: account, amount: 1_000_000 }]);
    let own = moot_node::keyfile::load(&dir.path().join("w/worker.key")).unwrap();
    say(&node, &own, vec![Transaction::Revoke {}]);
    until("it is sent away", || node.get("/_moot/status").json()["workers"].is_null());
    // It knocks again, and in vain.
    while !worker.says()["apart"].as_str().is_some_and(|why| why.contains("revoked")) {}
    assert!(node.get("/_moot/status").json()["workers"].is_null());
    let answer = node.post("/busy/add", b"[1, 2]");
    assert_eq!(answer.text(), "3");
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, node.account());
}

#[test]
fn a_worker_tells_nothing_to_a_replica_that_it_was_not_given() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    let other = Keypair::from_seed([6; 32]).account();
    let worker = WorkerProcess::start(dir.path(), node.workers(), other, &[]);
    let said = worker.says();
    let why = said["apart"].as_str().unwrap();
    assert!(why.contains("is not replica") && why.contains(&other.to_string()), "{said}");
    assert!(node.get("/_moot/status").json()["workers"].is_null());
    // Given its own account, it does not even try.
    let own = moot(dir.path())
        .args(["worker", "--join", &node.workers().to_string(), "--replica", &account.to_string(), "--data"])
        .arg(dir.path().join("w"))
        .output()
        .unwrap();
    assert_eq!(own.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&own.stderr).contains("the replica's own account"));
}

#[test]
fn a_worker_joins_again_when_either_side_was_gone() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let (door, replica) = (node.workers(), node.account());
    let worker = WorkerProcess::start(dir.path(), door, replica, &[]);
    worker.await_joined();
    await_ready(&node, 1);
    worker.kill();
    until("the worker's end is noticed", || node.get("/_moot/status").json()["workers"].is_null());
    let worker = WorkerProcess::start(dir.path(), door, replica, &[]);
    worker.await_joined();
    await_ready(&node, 1);

    // The replica goes and comes back; the worker is still there.
    let node = TestNode::on(node.stop(), |config| config.joining = Some(joining(door.port(), &[account])));
    worker.await_joined();
    await_ready(&node, 1);
    let answer = node.post("/busy/add", b"[1, 2]");
    assert_eq!(answer.text(), "3");
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, account);
}

#[test]
fn a_worker_that_leaves_answers_what_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| {
        spec.limits.deadline_ms = 60_000;
        spec.limits.fuel = 10_000_000_000_000;
    });
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    worker.await_joined();
    await_ready(&node, 1);
    let answer = node.ask("POST", "/busy/spin", &[("prefer", "respond-async")], b"[1000000000]");
    let call = answer.json()["id"].as_str().unwrap().to_owned();
    await_running(&node, 1);
    // The place is taken before the call is there.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(worker.stop(), Some(0));
    let receipt = checked(&node, &call);
    assert_eq!((receipt.worker, receipt.receipt.status), (account, Status::Ok));
    until("it is gone", || node.get("/_moot/status").json()["workers"].is_null());
    assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3", "and the replica goes on alone");
}
