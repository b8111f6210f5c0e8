//! Workers that registered: who gets which call, and what is left of that when a replica is killed.

use super::compared::{await_workers, compared, moot_says, paid, register, view, workers};
use super::process::WorkerProcess;
use super::rogue::{Rogue, saying};
use super::{checked, node_for};
use crate::support::{TestNet, busy, free_base, key, until};
use moot_record::{AccountId, FunctionKind, Status};
use std::collections::BTreeMap;
use std::net::SocketAddr;

#[test]
fn calls_go_to_those_that_registered_and_by_stake() {
    let keys = workers();
    let [large, small, none] = keys.each_ref().map(|key| key.account());
    let node = node_for(&[large, small, none]);
    node.deploy("sum", &busy(), FunctionKind::Typed, |_| {});
    register(&node, &keys[0], 3000);
    register(&node, &keys[1], 1000);
    let _rogues = keys.map(|key| Rogue::join(key.clone(), node.workers(), node.account(), saying(key, b"3")));
    await_workers(&node, 3);
    let mut got = BTreeMap::<String, u32>::new();
    for n in 0..80 {
        let answer = node.post("/sum/add", format!("[1, {n}]").as_bytes());
        assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());
        let call = answer.header("moot-call").unwrap().to_owned();
        let receipt = node.get(&format!("/_moot/calls/{call}/receipt")).json();
        *got.entry(receipt["worker"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let of = |worker: AccountId| got.get(&worker.to_string()).copied().unwrap_or(0);
    // A quarter is the smaller one's; half of them would be one chance in a million.
    assert!(of(large) > of(small) && of(small) > 0 && of(none) == 0, "{got:?}");
    assert_eq!(of(large) + of(small), 80);
}

#[test]
fn a_replica_killed_in_mid_call_asks_its_workers_again() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let accounts = dirs.each_ref().map(|dir| WorkerProcess::account_in(dir.path()));
    let mut funded = vec![accounts[0], accounts[1], accounts[2], key().account()];
    funded.sort_unstable();
    let mut net = TestNet::charging(4, &funded);
    let door = SocketAddr::from(([127, 0, 0, 1], free_base(1)));
    let allow = accounts.map(|account| format!("\"{account}\"")).join(", ");
    net.edit(2, |text| {
        let section = format!("[workers]\nlisten = \"{door}\"\nallow = [{allow}]\n\n[[peers]]");
        text.replacen("[[peers]]", &section, 1)
    });
    net.start_all();
    let third = net.remote(2);
    let replica: AccountId = third.get("/_moot/status").json()["account"].as_str().unwrap().parse().unwrap();
    third.deploy("busy", &busy(), FunctionKind::Typed, |spec| {
        compared(spec);
        spec.limits.deadline_ms = 120_000;
        spec.limits.fuel = 10_000_000_000_000;
    });
    let (url, at) = (format!("http://{}", net.remote(0).address), replica.to_string());
    for dir in &dirs {
        let data = dir.path().join("w");
        let words = ["worker", "register", "--stake", "1000", "--at", &at, "--node", &url, "--data"];
        moot_says(dir.path(), &[&words[..], &[data.to_str().unwrap()]].concat());
    }
    let processes = dirs.each_ref().map(|dir| WorkerProcess::start(dir.path(), door, replica, &[]));
    processes.iter().for_each(WorkerProcess::await_joined);
    await_workers(&third, 3);
    until("all are known there", || {
        third.get("/_moot/workers").json()["workers"].as_array().unwrap().len() == 3
    });
    let answer = third.ask("POST", "/busy/spin", &[("prefer", "respond-async")], b"[600000000]");
    assert_eq!(answer.status, 202, "{}", answer.text());
    let call = answer.json()["id"].as_str().unwrap().to_owned();
    until("all three run it", || {
        let status = third.get("/_moot/status").json();
        status["workers"].as_array().unwrap().iter().filter(|worker| worker["running"] == 1).count() == 3
    });
    net.kill(2);
    net.start(2);
    let third = net.remote(2);
    until("it is answered", || third.get(&format!("/_moot/calls/{call}")).json()["receipt"].is_object());
    let found = checked(&third, &call);
    assert_eq!((found.receipt.status, accounts.contains(&found.worker)), (Status::Ok, true));
    for remote in net.remotes() {
        until("it is charged", || paid(&remote).0 == 1);
        let faults = accounts.map(|worker| view(&remote, worker)["faults"].as_u64().unwrap());
        assert_eq!(faults, [0, 0, 0]);
    }
    net.assert_no_fork(&[0, 1, 2, 3]);
}
