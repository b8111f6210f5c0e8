//! Calls that several workers run, one of which dies or never answers: another runs them in its place.

use super::compared::{await_workers, compared, moot_says, paid, register, view, workers};
use super::process::WorkerProcess;
use super::rogue::{Rogue, saying};
use super::{checked, node_for};
use crate::support::{Remote, busy, key, say, until};
use moot_record::{AccountId, FunctionKind, Spec, Status, Transaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Long enough to be in the middle of, and far from the deadline.
const LONG: &[u8] = b"[800000000]";
const DEADLINE_MS: u64 = 20_000;

/// Each call on two workers.
fn on_two(spec: &mut Spec) {
    compared(spec);
    spec.replicas_k = 2;
}

/// Which workers run a call now.
fn running(node: &Remote) -> Vec<AccountId> {
    let status = node.get("/_moot/status").json();
    let joined = status["workers"].as_array().unwrap().iter();
    let running = joined.filter(|worker| worker["running"].as_u64() == Some(1));
    running.map(|worker| worker["account"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_worker_that_is_killed_in_mid_call_is_replaced() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let accounts = dirs.each_ref().map(|dir| WorkerProcess::account_in(dir.path()));
    let node = node_for(&accounts);
    node.deploy("sum", &busy(), FunctionKind::Typed, |spec| {
        on_two(spec);
        spec.limits.deadline_ms = DEADLINE_MS;
        spec.limits.fuel = 10_000_000_000_000;
    });
    let transfers = accounts.map(|to| Transaction::Transfer { to, amount: 10_000 });
    say(&node, &key(), transfers.into());
    let (url, at) = (format!("http://{}", node.address), node.account().to_string());
    for dir in &dirs {
        let data = dir.path().join("w");
        let data = data.to_str().unwrap();
        let words = ["worker", "register", "--stake", "1_000", "--at", &at, "--node", &url, "--data", data];
        moot_says(dir.path(), &words);
    }
    let start =
        |dir: &tempfile::TempDir| WorkerProcess::start(dir.path(), node.workers(), node.account(), &[]);
    let mut processes: Vec<WorkerProcess> = dirs.iter().map(start).collect();
    processes.iter().for_each(WorkerProcess::await_joined);
    await_workers(&node, 3);

    let asked = node.ask("POST", "/sum/spin", &[("prefer", "respond-async")], LONG);
    assert_eq!(asked.status, 202, "{}", asked.text());
    let call = asked.json()["id"].as_str().unwrap().to_owned();
    until("two run it", || running(&node).len() == 2);
    let victim = running(&node)[0];
    let place = processes.iter().position(|process| process.account == victim).unwrap();
    processes.remove(place).kill();

    let receipt = checked(&node, &call);
    assert_eq!(receipt.receipt.status, Status::Ok);
    assert_eq!(node.get(&format!("/_moot/calls/{call}/output")).text(), "800000000");
    let call_view = || node.get(&format!("/_moot/calls/{call}")).json();
    until("both have said it", || call_view()["others"].as_array().is_some_and(|others| others.len() == 1));
    let shown = call_view();
    assert_eq!(shown["others"][0]["agrees"], true, "{shown}");
    let said = [&shown["receipt"]["worker"], &shown["others"][0]["worker"]].map(|who| who.as_str().unwrap());
    let others: Vec<String> =
        accounts.iter().filter(|account| **account != victim).map(AccountId::to_string).collect();
    assert!(said[0] != said[1] && said.iter().all(|who| others.contains(&(*who).to_owned())), "{shown}");
    // Nobody is to blame, and it is paid once.
    assert!(accounts.iter().all(|account| view(&node, *account)["faults"] == 0));
    until("it is charged", || paid(&node).0 == 1);
}

#[test]
fn a_worker_that_never_answers_is_replaced() {
    let node = node_for(&workers().map(|key| key.account()));
    node.deploy("sum", &busy(), FunctionKind::Typed, |spec| {
        on_two(spec);
        spec.limits.deadline_ms = 1000;
    });
    // Whoever is asked first of all hangs, whoever that is.
    let hangs = Arc::new(AtomicBool::new(true));
    let _rogues = workers().map(|worker| {
        register(&node, &worker, 1000);
        let (hangs, said) = (hangs.clone(), saying(worker.clone(), b"3"));
        let lie = Arc::new(move |hello: &_, order: &_| match hangs.swap(false, Ordering::SeqCst) {
            true => None,
            false => said(hello, order),
        });
        Rogue::join(worker, node.workers(), node.account(), lie)
    });
    await_workers(&node, 3);
    let answer = node.post("/sum/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());
    assert!(!hangs.load(Ordering::SeqCst));
    assert!(workers().iter().all(|worker| view(&node, worker.account())["faults"] == 0));
    until("it is charged", || paid(&node).0 == 1);
}
