//! A client's bundle in a network of four: ordered by all, run where it came in, and once.

use super::deploying::deploy;
use crate::bundles::{addresses, status};
use crate::support::{TestNet, bundle_by, busy, until};
use moot_record::{Call, Entry, FunctionKind, Keypair, ReceiptFile};

fn entries(calls: &[Call]) -> Vec<Entry> {
    calls.iter().cloned().map(Entry::Call).collect()
}

#[test]
fn a_bundle_is_run_once_however_often_it_is_sent() {
    let net = TestNet::four();
    deploy(&net, 0, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    let like = net.remote(0).call("busy", "add", "[2, 3]", 0);
    let calls: Vec<Call> = (0..300).map(|n| Call { time_us: like.time_us + n, ..like.clone() }).collect();
    let client = Keypair::from_seed([22; 32]);
    let valid_until = net.remote(0).height() + 5000;
    let signed = bundle_by(&client, &net.genesis.network(), valid_until, &entries(&calls)).encode();
    // At the same time at two replicas, so that neither knows of the other's.
    let answers: Vec<_> = std::thread::scope(|scope| {
        let sent: Vec<_> = [1, 2]
            .into_iter()
            .map(|index| {
                let (remote, signed) = (net.remote(index), &signed);
                scope.spawn(move || (index, remote.post("/_moot/bundles", signed)))
            })
            .collect();
        sent.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (mut counted, mut void) = (Vec::new(), Vec::new());
    for (index, answer) in answers {
        let json = answer.json();
        match (answer.status, json["calls"]["outcome"]["status"].as_str()) {
            (200, Some("recorded")) => counted.push((index, addresses(&json["calls"]))),
            (200, Some("refused")) => {
                assert_eq!(json["calls"]["run"], 0);
                void.push((index, addresses(&json["calls"])));
            }
            // The other's block was there first.
            (422, _) => assert_eq!(answer.problem(), "bundle-refused"),
            other => panic!("{other:?}: {}", answer.text()),
        }
    }
    assert_eq!(counted.len(), 1, "one copy counts, the other is refused or void");
    let (at, ids) = &counted[0];
    for id in ids.iter().step_by(60) {
        assert_eq!(status(&net.remote(*at), *id), "ok");
    }
    for (index, ids) in &void {
        until("the void copy's calls are let go", || {
            net.remote(*index).get("/_moot/status").json()["open_calls"] == 0
        });
        for id in ids.iter().step_by(60) {
            let view = net.remote(*index).get(&format!("/_moot/calls/{id}")).json();
            assert!(view["receipt"].is_null(), "a void call has no receipt: {view}");
        }
    }
    until("every receipt", || net.remote(*at).get("/_moot/status").json()["open_calls"] == 0);
    // Every replica has the calls, their receipts and their proofs.
    for remote in net.remotes() {
        until("the receipt is everywhere", || {
            remote.get(&format!("/_moot/calls/{}", ids[299])).json()["receipt"]["status"] == "ok"
        });
        let file = remote.get(&format!("/_moot/calls/{}/receipt?final", ids[299]));
        assert_eq!(file.status, 200, "{}", file.text());
        let checked = ReceiptFile::parse(&file.text()).unwrap().check(&net.genesis).unwrap();
        assert_eq!(checked.receipt.call, ids[299]);
    }
    // A third replica knows it from the blocks.
    until("the replay is refused", || {
        net.remote(3).post("/_moot/bundles", &signed).problem() == "bundle-refused"
    });
}

#[test]
fn a_replica_that_is_killed_finishes_what_it_was_to_run() {
    let mut net = TestNet::four();
    deploy(&net, 0, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    let like = net.remote(2).call("busy", "spin", "[2000000]", 0);
    let like = Call { fuel_limit: 1_000_000_000, ..like };
    let mut calls: Vec<Call> = (0..400).map(|n| Call { time_us: like.time_us + n, ..like.clone() }).collect();
    calls[7].function = "nobodys".parse().unwrap();
    let client = Keypair::from_seed([23; 32]);
    let valid_until = net.remote(2).height() + 5000;
    let signed = bundle_by(&client, &net.genesis.network(), valid_until, &entries(&calls)).encode();
    let answer = net.remote(2).post("/_moot/bundles", &signed);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let ids = addresses(&answer.json()["calls"]);
    net.kill(2);
    net.start(2);
    until("every call is finished", || net.remote(2).get("/_moot/status").json()["open_calls"] == 0);
    let of = |id| status(&net.remote(2), id);
    let ends: Vec<String> = ids.iter().enumerate().filter(|(n, _)| *n != 7).map(|(_, id)| of(*id)).collect();
    assert!(ends.iter().all(|end| end == "ok" || end == "interrupted"), "{ends:?}");
    assert!(ends.iter().any(|end| end == "interrupted"), "it was killed in the middle");
    let view = net.remote(2).get(&format!("/_moot/calls/{}", ids[7])).json();
    assert!(view["receipt"].is_null(), "recorded, not run: {view}");
}
