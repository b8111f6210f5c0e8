//! Calls that several workers run: most of them are believed, the odd one is named and loses stake; alone and among four.

use super::process::WorkerProcess;
use super::rogue::{Lie, Rogue, saying};
use super::{checked, node_for};
use crate::support::{Remote, TestNet, TestNode, busy, free_base, key, moot, say, until};
use moot_record::{
    AccountId, Engine, FunctionKind, Keypair, Sandbox, Spec, StateFile, StateKey, Status, Transaction,
    WorkOffer, WorkerRecord,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Keys that have something at a test's node.
pub(super) fn workers() -> [Keypair; 3] {
    [12, 21, 22].map(|seed| Keypair::from_seed([seed; 32]))
}

pub(super) fn compared(spec: &mut Spec) {
    spec.deterministic = true;
    spec.replicas_k = 3;
}

/// What `moot` says to this.
pub(super) fn moot_says(dir: &Path, words: &[&str]) -> String {
    let ran = moot(dir).args(words).output().unwrap();
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// The engine of every worker in a process of its own, and of those here that are told no other.
const ENGINE: Engine = Engine::named(moot_host::ENGINE);

pub(super) fn register(node: &Remote, worker: &Keypair, amount: u64) {
    register_with(ENGINE, node, worker, amount);
}

fn register_with(engine: Engine, node: &Remote, worker: &Keypair, amount: u64) {
    let stake = Transaction::Stake { amount, replica: None, consent: None };
    let offer = WorkOffer { kinds: vec![Sandbox::Component], functions: None, replicas: None, engine };
    let work = Transaction::Work { offer: Some(offer) };
    say(node, worker, vec![Transaction::Together { count: 2 }, stake, work]);
}

/// Waits until so many workers have joined and are ready for one function.
#[track_caller]
pub(super) fn await_workers(node: &Remote, count: usize) {
    until("the workers are ready", || {
        let status = node.get("/_moot/status").json();
        let ready = status["workers"].as_array().map_or(0, |workers| {
            workers.iter().filter(|worker| worker["functions"].as_u64() == Some(1)).count()
        });
        ready == count
    });
}

pub(super) fn view(node: &Remote, worker: AccountId) -> Value {
    node.get(&format!("/_moot/workers/{worker}")).json()
}

/// How many calls the owner has paid for, and how many units all of them have cost.
pub(super) fn paid(node: &Remote) -> (u64, u64) {
    let statement = node.get(&format!("/_moot/accounts/{}/statement?limit=200", key().account())).json();
    let calls = statement["lines"].as_array().unwrap().iter().filter(|line| line["kind"] == "calls");
    let units = |line: &Value| line["units"].as_str().unwrap().parse::<u64>().unwrap();
    calls.fold((0, 0), |(calls, all), line| (calls + line["calls"].as_u64().unwrap(), all + units(line)))
}

/// As many workers as outputs, all of whom run each call.
fn joined<const N: usize>(outputs: [&'static [u8]; N]) -> (TestNode, Vec<Rogue>) {
    let node = node_for(&workers().map(|key| key.account()));
    node.deploy("sum", &busy(), FunctionKind::Typed, |spec| {
        compared(spec);
        spec.replicas_k = u8::try_from(N).unwrap();
    });
    let rogues = workers().into_iter().zip(outputs).map(|(worker, output)| {
        register(&node, &worker, 1000);
        Rogue::join(worker.clone(), node.workers(), node.account(), saying(worker, output))
    });
    let rogues = rogues.collect();
    await_workers(&node, N);
    (node, rogues)
}

#[test]
fn most_are_believed_and_the_odd_one_out_loses_stake() {
    let (node, _rogues) = joined([b"3", b"3", b"4"]);
    let [one, other, odd] = workers().map(|key| key.account());
    let answer = node.post("/sum/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());
    let call = answer.header("moot-call").unwrap().to_owned();
    let said = checked(&node, &call);
    assert!([one, other].contains(&said.worker), "{}", said.worker);
    assert_eq!(said.receipt.status, Status::Ok);

    until("the odd one is named", || view(&node, odd)["faults"] == 1);
    let found = view(&node, odd);
    assert!(found["offer"].is_null() && found["staked"] == "900" && found["burned"] == "100", "{found}");
    assert_eq!(found["last"][0]["call"], call.as_str());
    let list = node.get("/_moot/workers").json();
    let faults: u64 =
        list["workers"].as_array().unwrap().iter().map(|one| one["faults"].as_u64().unwrap()).sum();
    assert_eq!((list["workers"].as_array().unwrap().len(), faults), (3, 1), "{list}");

    // It is charged once, as the receipt that counts says.
    let fee = node.get(&format!("/_moot/calls/{call}")).json()["receipt"]["fee"].clone();
    let fee = fee["ordering"].as_u64().unwrap() + fee["execution"].as_u64().unwrap();
    until("it is charged", || paid(&node) == (1, fee));
    let bill = node.get("/_moot/bill?from=1").json();
    let billed = bill["calls"].as_array().unwrap();
    assert!(billed.len() == 1 && billed[0]["call"] == call.as_str(), "an invoice says the same: {bill}");

    // The same on the command line.
    let (dir, url) = (tempfile::tempdir().unwrap(), format!("http://{}", node.address));
    let list = moot_says(dir.path(), &["worker", "ls", "--node", &url]);
    assert!(list.contains(&odd.to_string()) && list.contains("1 fault, 100 burned"), "{list}");
    assert_eq!(list.matches(ENGINE.as_str()).count(), 2, "the other two offer something: {list}");
    let shown = moot_says(dir.path(), &["worker", "show", &odd.to_string(), "--node", &url]);
    assert!(shown.contains("it gets no calls") && shown.contains(&call), "{shown}");

    // Two are too few for the next one, which is not even recorded.
    let calls = node.calls();
    let answer = node.post("/sum/add", b"[1, 2]");
    assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"), "{}", answer.text());
    assert!(answer.text().contains("2 that serve it here are registered"), "{}", answer.text());
    assert_eq!(node.calls(), calls);
}

#[test]
fn workers_that_all_differ_are_not_believed() {
    let (node, _rogues) = joined([b"3", b"4", b"5"]);
    let ask = || node.ask("POST", "/sum/add", &[("idempotency-key", "one")], b"[1, 2]");
    let answer = ask();
    assert!(answer.status >= 500 && answer.text().contains("do not agree"), "{}", answer.text());
    // Nor when it is asked for again.
    let again = ask();
    assert!(again.status >= 500 && again.text().contains("do not agree"), "{}", again.text());
    assert_eq!(again.header("moot-call"), answer.header("moot-call"));
    assert_eq!(paid(&node), (0, 0));
    assert_eq!(node.get("/_moot/bill?from=1").json()["calls"].as_array().unwrap().len(), 0);
    for worker in workers() {
        assert_eq!(view(&node, worker.account())["faults"], 0);
    }
}

#[test]
fn of_two_that_differ_nobody_is_named() {
    let (node, _rogues) = joined([b"3", b"4"]);
    let answer = node.post("/sum/add", b"[1, 2]");
    assert!(answer.status >= 500 && answer.text().contains("do not agree"), "{}", answer.text());
    let call = answer.header("moot-call").unwrap().to_owned();
    let view = || node.get(&format!("/_moot/calls/{call}")).json();
    until("the dispute is written down", || view()["disputed"].is_string());
    assert_eq!(view()["receipt"]["status"], "unavailable");
    let (dir, url) = (tempfile::tempdir().unwrap(), format!("http://{}", node.address));
    let shown = moot_says(dir.path(), &["show", &call, "--node", &url]);
    assert!(shown.contains("contradict each other"), "{shown}");
    for worker in &workers()[..2] {
        let found = self::view(&node, worker.account());
        assert!(found["faults"] == 0 && found["staked"] == "1000", "{found}");
    }
    assert_eq!(paid(&node), (0, 0));
}

/// A worker that was given another version of the program, and has not registered again: what it says could differ from what
/// the others say, and cost it its stake.
#[test]
fn a_worker_that_runs_another_engine_than_it_offers_is_not_asked() {
    let node = node_for(&workers().map(|key| key.account()));
    node.deploy("sum", &busy(), FunctionKind::Typed, compared);
    workers().iter().for_each(|worker| register(&node, worker, 1000));
    let [one, two, other] = workers();
    let asked = Arc::new(AtomicBool::new(false));
    let lie: Arc<Lie> = {
        let (asked, said) = (asked.clone(), saying(other.clone(), b"4"));
        Arc::new(move |hello, order| {
            asked.store(true, Ordering::SeqCst);
            said(hello, order)
        })
    };
    let alike = [&one, &two].map(|worker| {
        Rogue::join(worker.clone(), node.workers(), node.account(), saying(worker.clone(), b"3"))
    });
    let newer = Engine::named("newer-1");
    let _newer = Rogue::join_with(newer, other.clone(), node.workers(), node.account(), lie);
    await_workers(&node, 3);
    let status = node.get("/_moot/status").json();
    let joined = status["workers"].as_array().unwrap().iter();
    let engines: BTreeSet<&str> = joined.map(|worker| worker["engine"].as_str().unwrap()).collect();
    assert_eq!(engines, BTreeSet::from([ENGINE.as_str(), "newer-1"]), "{status}");
    let answer = node.post("/sum/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());

    // It is none of those that say the same, either.
    drop(alike);
    await_workers(&node, 1);
    let _one = Rogue::join(one.clone(), node.workers(), node.account(), saying(one, b"4"));
    await_workers(&node, 2);
    let answer = node.post("/sum/add", b"[1, 2]");
    assert!(answer.status >= 500 && answer.text().contains("too few the same"), "{}", answer.text());
    assert!(!asked.load(Ordering::SeqCst));
    assert_eq!(view(&node, other.account())["faults"], 0);
}

#[test]
fn a_call_is_run_by_workers_of_the_engine_with_most_behind_it() {
    let node = node_for(&workers().map(|key| key.account()));
    node.deploy("sum", &busy(), FunctionKind::Typed, |spec| {
        compared(spec);
        spec.replicas_k = 2;
    });
    let [one, two, large] = workers();
    let [ours, theirs] = [ENGINE, Engine::named("newer-1")];
    let joined = [(&one, &ours), (&two, &ours), (&large, &theirs)].map(|(worker, engine)| {
        let (key, said) = (worker.clone(), saying(worker.clone(), b"3"));
        Rogue::join_with(engine.clone(), key, node.workers(), node.account(), said)
    });
    let refused = |word: &str| {
        let answer = node.post("/sum/add", b"[1, 2]");
        assert_eq!((answer.status, answer.problem().as_str()), (503, "unavailable"), "{}", answer.text());
        assert!(answer.text().contains(word), "{}", answer.text());
    };
    refused("0 that serve it here are registered with a stake;");
    register(&node, &one, 1000);
    register(&node, &two, 1000);
    register_with(theirs, &node, &large, 2001);
    await_workers(&node, 3);
    refused("1 that serve it here are registered with a stake and newer-1, behind which most is staked;");
    register(&node, &one, 2);
    let answer = node.post("/sum/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());
    let call = answer.header("moot-call").unwrap().to_owned();
    assert!([one, two].map(|key| key.account()).contains(&checked(&node, &call).worker));
    drop(joined);
}

/// Whoever signs such a deploy by hand is told too.
#[test]
fn only_what_is_the_same_everywhere_is_compared() {
    let node = node_for(&[]);
    let mut spec = Spec::new(FunctionKind::Typed, "/sum");
    spec.replicas_k = 2;
    let refused = |spec: &Spec, word: &str| {
        let answer = node.try_deploy("sum", &busy(), spec).answer.unwrap();
        assert!((400..500).contains(&answer.status) && answer.text().contains(word), "{}", answer.text());
    };
    refused(&spec, "not deterministic");
    spec.deterministic = true;
    spec.grants.http = Some(Vec::new());
    refused(&spec, "streams of HTTP");
}

/// Real workers in processes of their own, and one that lies, at one replica of four.
#[test]
fn four_replicas_name_the_same_one() {
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let honest = dirs.each_ref().map(|dir| WorkerProcess::account_in(dir.path()));
    let [liar, ..] = workers();
    let mut accounts = vec![honest[0], honest[1], liar.account(), key().account()];
    accounts.sort_unstable();
    let mut net = TestNet::charging(4, &accounts);
    let door = SocketAddr::from(([127, 0, 0, 1], free_base(1)));
    let allow = format!("\"{}\", \"{}\", \"{}\"", honest[0], honest[1], liar.account());
    net.edit(2, |text| {
        let section = format!("[workers]\nlisten = \"{door}\"\nallow = [{allow}]\n\n[[peers]]");
        text.replacen("[[peers]]", &section, 1)
    });
    net.start_all();
    let third = net.remote(2);
    let replica: AccountId = third.get("/_moot/status").json()["account"].as_str().unwrap().parse().unwrap();
    third.deploy("sum", &busy(), FunctionKind::Typed, compared);
    // Registered from the command line, for the replica that they have joined.
    let url = format!("http://{}", net.remote(0).address);
    for dir in &dirs {
        let at = replica.to_string();
        let words = ["worker", "register", "--stake", "1_000", "--at", &at, "--node", &url, "--data"];
        let ran = moot(dir.path()).args(words).arg(dir.path().join("w")).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    register(&third, &liar, 1000);
    let processes = [0, 1].map(|n| WorkerProcess::start(dirs[n].path(), door, replica, &[]));
    processes.iter().for_each(WorkerProcess::await_joined);
    let _rogue = Rogue::join(liar.clone(), door, replica, saying(liar.clone(), b"41"));
    await_workers(&third, 3);
    until("all are known there", || {
        third.get("/_moot/workers").json()["workers"].as_array().unwrap().len() == 3
    });
    let answer = third.post("/sum/add", b"[40, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "42"), "{}", answer.text());
    let call = answer.header("moot-call").unwrap().to_owned();
    for (at, remote) in net.remotes().iter().enumerate() {
        assert!(honest.contains(&checked(remote, &call).worker), "at {at}");
        until(&format!("replica {at} names the liar"), || view(remote, liar.account())["faults"] == 1);
        let list = remote.get("/_moot/workers").json();
        let of = |account: AccountId| {
            let all = list["workers"].as_array().unwrap();
            all.iter().find(|one| one["account"] == account.to_string().as_str()).unwrap().clone()
        };
        assert!(honest.iter().all(|worker| of(*worker)["faults"] == 0), "{list}");
        assert!(honest.iter().all(|worker| of(*worker)["offer"]["engine"] == ENGINE.as_str()), "{list}");
        assert_eq!(
            (&of(liar.account())["staked"], &of(liar.account())["burned"]),
            (&"900".into(), &"100".into())
        );
        until(&format!("replica {at} has charged it"), || paid(remote).0 == 1);
    }
    // Other replicas have no workers: they say so, and record nothing.
    let answer = net.remote(0).post("/sum/add", b"[40, 2]");
    assert!(answer.status == 503, "{}", answer.text());
    // What was found is proven with the genesis alone.
    let file = net.remote(1).get(&format!("/_moot/state/worker/{}", liar.account())).text();
    let proven = StateFile::parse(&file).unwrap().check(&net.genesis).unwrap();
    assert_eq!(proven.key, StateKey::Worker(liar.account()));
    let record = WorkerRecord::decode(&proven.value.unwrap()).unwrap();
    let fault = record.last[0];
    assert_eq!((fault.call.to_string(), record.faults), (call.clone(), 1));
    let of_liar = net.remote(3).get(&format!("/_moot/calls/{}", fault.call)).json();
    assert_eq!(of_liar["receipt"]["id"], fault.agreed.to_string().as_str());
    // And whoever looks at the call sees who ran it, and who said otherwise.
    let others = of_liar["others"].as_array().unwrap();
    let said_otherwise: Vec<_> = others.iter().filter(|other| other["agrees"] == false).collect();
    assert!(matches!(said_otherwise[..], [odd] if odd["worker"] == liar.account().to_string().as_str()));
    assert!(honest.iter().any(|worker| of_liar["receipt"]["worker"] == worker.to_string().as_str()));
    let url_3 = format!("http://{}", net.remote(3).address);
    let shown = moot_says(dirs[0].path(), &["show", &call, "--node", &url_3]);
    assert!(shown.contains("says the same") && shown.contains("says otherwise"), "{shown}");
    let shown = moot_says(dirs[0].path(), &["worker", "show", &liar.account().to_string(), "--node", &url]);
    assert!(shown.contains("1 fault") && shown.contains(&fault.receipt.to_string()), "{shown}");
    // One goes, as it came.
    let data = dirs[0].path().join("w");
    moot_says(dirs[0].path(), &["worker", "retire", "--node", &url, "--data", data.to_str().unwrap()]);
    until("it offers nothing", || {
        third.get("/_moot/workers").json()["workers"].as_array().unwrap().len() == 2
    });
    net.assert_no_fork(&[0, 1, 2, 3]);
}
