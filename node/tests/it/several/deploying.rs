//! What was deployed at one replica answers at all, and what was called at one is proven at all.

use crate::cli::sandbox::finish;
use crate::support::{Answer, PATIENCE, Remote, TestNet, bundle_by, busy, key, moot, until};
use moot_record::{Entry, Evidence, FunctionKind, ReceiptFile, Spec, Transaction, component_digest};
use std::time::Instant;

/// Deploys at one replica, and waits until every replica that runs has it.
pub(super) fn deploy(
    net: &TestNet,
    at: usize,
    replicas: &[usize],
    name: &str,
    wasm: &[u8],
    kind: FunctionKind,
) {
    net.remote(at).deploy(name, wasm, kind, |_| {});
    for index in replicas {
        until(&format!("replica {index} has {name}"), || {
            net.remote(*index).get(&format!("/_moot/functions/{name}")).status == 200
        });
    }
}

/// Calls, again while the function's bytes are on their way.
pub(super) fn call(remote: &Remote, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let began = Instant::now();
    loop {
        let answer = remote.ask("POST", target, headers, body);
        if answer.status != 503 || began.elapsed() > PATIENCE {
            return answer;
        }
        assert_eq!(answer.problem(), "component-on-the-way", "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
    }
}

const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final")];

#[test]
fn deployed_at_one_called_at_all_proven_everywhere() {
    let net = TestNet::four();
    deploy(&net, 1, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    let mut calls = Vec::new();
    for (index, remote) in net.remotes().iter().enumerate() {
        let answer = call(remote, "/busy/add", &FINAL, format!("[{index}, 1]").as_bytes());
        assert_eq!((answer.status, answer.text()), (200, (index + 1).to_string()));
        assert!(answer.header("preference-applied").unwrap_or_default().contains("final"), "{answer:?}");
        let id = answer.header("moot-call").unwrap().to_owned();
        assert!(id.starts_with(&format!("{index}-")), "{id}: each replica writes its own lane");
        calls.push(id);
    }
    // Every call, asked for at every replica.
    for (index, remote) in net.remotes().iter().enumerate() {
        for (lane, id) in calls.iter().enumerate() {
            let view = remote.get(&format!("/_moot/calls/{id}"));
            assert_eq!(view.status, 200, "call {id} at replica {index}: {}", view.text());
            until(&format!("the receipt of {id} at {index}"), || {
                remote.get(&format!("/_moot/calls/{id}")).json()["receipt"]["status"] == "ok"
            });
            let file = remote.get(&format!("/_moot/calls/{id}/receipt?final"));
            assert_eq!(file.status, 200, "{}", file.text());
            let file = ReceiptFile::parse(&file.text()).unwrap();
            assert!(matches!(file.evidence(), Evidence::Final(_)));
            let checked = file.check(&net.genesis).unwrap();
            assert_eq!(checked.receipt.call.to_string(), *id, "lane {lane}");
        }
    }
    // The same by the commands, with the genesis file alone.
    let address = format!("http://{}", net.remote(3).address);
    let show = ["show", &calls[0], "--proof", "proof.json", "--node", &address];
    let mut command = moot(net.dir.path());
    command.args(show);
    let shown = finish(command);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let mut command = moot(net.dir.path());
    command.args(["verify", "proof.json", "--genesis", "net/genesis.json"]);
    let verified = finish(command);
    assert!(verified.code == 0 && verified.out.contains("VALID"), "{}{}", verified.out, verified.err);
    // And against another network's genesis, not.
    let other = TestNet::new(4);
    let genesis = other.dir.path().join("net/genesis.json");
    let mut command = moot(net.dir.path());
    command.args(["verify", "proof.json", "--genesis"]).arg(genesis);
    assert_eq!(finish(command).code, 1);
    net.assert_no_fork(&[0, 1, 2, 3]);
}

#[test]
fn the_status_of_each_names_all_lanes() {
    let net = TestNet::four();
    deploy(&net, 0, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    let answer = call(&net.remote(2), "/busy/add", &FINAL, b"[1, 1]");
    assert_eq!(answer.status, 200);
    for (index, remote) in net.remotes().iter().enumerate() {
        until("both lanes are seen as ordered", || {
            let status = remote.get("/_moot/status").json();
            let lanes = status["validators"].as_array().unwrap();
            let good = lanes.len() == 4 && status["lane"] == index && status["condition"] == "running";
            assert!(good, "{status}");
            let ordered = |lane: usize| lanes[lane]["ordered"].is_u64() && lanes[lane]["held"].is_u64();
            ordered(0) && ordered(2) && lanes.iter().all(|lane| lane["reachable"] != false)
        });
    }
}

#[test]
fn a_call_that_nobody_made_is_not_found_anywhere() {
    let net = TestNet::four();
    for id in ["0-999999-0-0-0", "3-999999-0-0-0", "9-0-0-0-0"] {
        let answer = net.remote(0).get(&format!("/_moot/calls/{id}"));
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
}

#[test]
fn a_function_whose_bytes_are_not_here_is_waited_for_and_fetched() {
    // A deploy is ordered before its megabytes have reached everybody, and a folder of machine code can be lost.
    let mut net = TestNet::new(4);
    net.keep_code_apart();
    net.start_all();
    deploy(&net, 0, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    assert_eq!(call(&net.remote(3), "/busy/add", &FINAL, b"[1, 1]").text(), "2");
    net.stop(3);
    std::fs::remove_dir_all(net.folder(3).join("data/components")).unwrap();
    (0..3).for_each(|index| net.stop(index));
    net.start(3);
    // Nobody is there who could send it: that is said, with when to try again, and nothing is recorded.
    let answer = net.remote(3).post("/busy/add", b"[2, 2]");
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "component-on-the-way"),
        "{}",
        answer.text()
    );
    assert!(answer.header("retry-after").is_some() && answer.header("moot-call").is_none());
    (0..3).for_each(|index| net.start(index));
    assert_eq!(call(&net.remote(3), "/busy/add", &FINAL, b"[3, 3]").text(), "6");
}

#[test]
fn what_an_owner_does_with_a_function_at_one_is_so_at_all() {
    let net = TestNet::four();
    let all = [0, 1, 2, 3];
    let brief = |spec: &mut Spec| spec.lifecycle.destructible = true;
    net.remote(0).deploy("brief", &busy(), FunctionKind::Typed, brief);
    net.remote(0).deploy("fixed", &busy(), FunctionKind::Typed, |_| {});
    let (network, owner) = (net.genesis.network(), key());
    let say = |at: usize, transaction: Transaction| {
        let remote = net.remote(at);
        // Not twice the same bundle, where two replicas are at one height.
        let said = bundle_by(
            &owner,
            &network,
            remote.height() + 500 + at as u64,
            &[Entry::Transaction(transaction)],
        );
        let answer = remote.post("/_moot/bundles", &said.encode());
        answer.json()["entries"][0]["outcome"].clone()
    };
    let name = |name: &str| name.parse::<moot_record::FunctionName>().unwrap();
    let function = |at: usize, name: &str| net.remote(at).get(&format!("/_moot/functions/{name}")).json();
    // Another version where its component is; back to the first at another replica.
    let other = Spec { idempotent: true, ..Spec::new(FunctionKind::Typed, "/fixed") };
    let component = component_digest(&busy());
    say(0, Transaction::deploy(name("fixed"), component, busy().len() as u64, &other, Some(1)));
    until("the second version is everywhere", || all.iter().all(|at| function(*at, "fixed")["version"] == 2));
    say(2, Transaction::Rollback { name: name("fixed"), version: 1 });
    until("it is taken back everywhere", || all.iter().all(|at| function(*at, "fixed")["version"] == 1));
    say(3, Transaction::Freeze { name: name("fixed") });
    until("it is frozen everywhere", || all.iter().all(|at| function(*at, "fixed")["frozen"] == true));
    for at in all {
        let refused = say(at, Transaction::Rollback { name: name("fixed"), version: 2 });
        assert!(refused["reason"].as_str().is_some_and(|why| why.contains("frozen")), "at {at}: {refused}");
    }
    say(0, Transaction::Retire { name: name("brief") });
    for at in all {
        until(&format!("it is gone at {at}"), || function(at, "brief")["retired"] == true);
        let answers = || net.remote(at).post("/brief/add", b"[1, 1]").status == 200;
        until(&format!("it answers no more at {at}"), || !answers());
        assert_eq!(net.remote(at).post("/fixed/add", b"[1, 1]").text(), "2", "at {at}");
    }
    net.assert_no_fork(&all);
}
