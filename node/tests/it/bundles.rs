//! Calls in bundles that a client signs itself: recorded, run where the function is served, refused with a reason.

use crate::support::{Answer, Remote, TestNode, bundle, bundle_by, busy, key, until};
use moot_record::{
    Access, AccountId, Call, Digest, Entry, EntryId, FunctionKind, Keypair, Payload, ReceiptFile,
};
use serde_json::Value;

/// Somebody who is no owner.
fn client() -> Keypair {
    Keypair::from_seed([21; 32])
}

fn send(node: &Remote, calls: &[Call]) -> Answer {
    let entries: Vec<Entry> = calls.iter().cloned().map(Entry::Call).collect();
    let signed = bundle_by(&client(), &node.genesis.network(), node.height() + 1000, &entries);
    node.post("/_moot/bundles", &signed.encode())
}

/// The addresses of the calls that an answer tells of.
pub(crate) fn addresses(calls: &Value) -> Vec<EntryId> {
    let mut found = Vec::new();
    for run in calls["at"].as_array().unwrap() {
        let first: EntryId = run["first"].as_str().unwrap().parse().unwrap();
        let count = run["count"].as_u64().unwrap() as u16;
        found.extend((0..count).map(|n| EntryId { slot: first.slot + n, ..first }));
    }
    found
}

/// Waits for a call's receipt, and says its status.
pub(crate) fn status(node: &Remote, id: EntryId) -> String {
    let mut found = String::new();
    until(&format!("the receipt of {id}"), || {
        let view = node.get(&format!("/_moot/calls/{id}")).json();
        found = view["receipt"]["status"].as_str().unwrap_or_default().to_owned();
        !found.is_empty()
    });
    found
}

#[test]
fn thousands_of_calls_are_run_and_each_has_its_receipt() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let like = node.call("busy", "add", "[2, 3]", 0);
    let mut calls: Vec<Call> =
        (0..2000).map(|n| Call { time_us: like.time_us + n, ..like.clone() }).collect();
    calls[1500].input = Payload::inlined(b"[1]");
    let answer = send(&node, &calls);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = &answer.json()["calls"];
    assert_eq!((said["count"].as_u64(), said["run"].as_u64()), (Some(2000), Some(2000)), "{said}");
    assert_eq!(said["outcome"]["status"], "recorded");
    assert!(said["height"].as_u64().unwrap() > 0 && said["recorded_only"].is_null());
    let at = addresses(said);
    assert_eq!(at.len(), 2000);
    for (number, id) in at.iter().enumerate().filter(|(n, _)| n % 250 == 0) {
        assert_eq!(status(&node, *id), if number == 1500 { "failed" } else { "ok" }, "{id}");
        let view = node.get(&format!("/_moot/calls/{id}")).json();
        assert_eq!(view["time_us"].as_u64(), Some(calls[number].time_us), "the address is the call's own");
    }
    until("every receipt", || node.get("/_moot/status").json()["open_calls"] == 0);
    let file = node.get(&format!("/_moot/calls/{}/receipt?final", at[7]));
    let checked = ReceiptFile::parse(&file.text()).unwrap().check(&node.genesis).unwrap();
    assert_eq!(checked.receipt.call, at[7]);
    assert_eq!(node.get(&format!("/_moot/calls/{}/output", at[7])).text(), "5");
}

#[test]
fn what_nobody_here_serves_is_recorded_and_the_answer_says_so() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| {
        spec.access = Access::Accounts(vec![client().account()]);
    });
    let like = node.call("busy", "add", "[2, 3]", 0);
    let named = Call { caller: Some(client().account()), ..like.clone() };
    let calls = [
        named.clone(),
        Call { function: "nobodys".parse().unwrap(), ..named.clone() },
        Call { spec: Digest::from_bytes([1; 32]), ..named.clone() },
        Call { kind: moot_record::CallKind::Http, ..named.clone() },
        like.clone(),
        Call { input: Payload::of(b"[2, 3]"), ..named.clone() },
        Call { fuel_limit: u64::MAX, ..named.clone() },
        Call { time_us: named.time_us - 1_000_000_000, ..named.clone() },
    ];
    let answer = send(&node, &calls);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let said = &answer.json()["calls"];
    assert_eq!((said["count"].as_u64(), said["run"].as_u64()), (Some(8), Some(1)), "{said}");
    let only = said["recorded_only"].as_array().unwrap();
    assert_eq!(only.len(), 7, "each for a reason of its own: {said}");
    let at = addresses(said);
    assert_eq!(status(&node, at[0]), "ok");
    assert_eq!(node.get(&format!("/_moot/calls/{}", at[0])).json()["caller"], client().account().to_string());
    for id in &at[1..] {
        let view = node.get(&format!("/_moot/calls/{id}")).json();
        assert!(view["receipt"].is_null() && view["height"].as_u64().is_some(), "ordered, not run: {view}");
    }
    // No restart makes open questions of them.
    let dir = node.stop();
    let node = TestNode::on(dir, |_| {});
    assert_eq!(node.get("/_moot/status").json()["open_calls"], 0);
    assert!(node.get(&format!("/_moot/calls/{}", at[1])).json()["receipt"].is_null());
}

#[test]
fn what_is_untrue_or_stale_is_refused_with_a_reason() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let like = node.call("busy", "add", "[2, 3]", 0);
    let network = node.genesis.network();
    let post = |bytes: &[u8]| {
        let answer = node.post("/_moot/bundles", bytes);
        (answer.status, answer.problem(), answer.text())
    };
    let with =
        |call: Call| bundle_by(&client(), &network, node.height() + 1000, &[Entry::Call(call)]).encode();
    let id: EntryId = "0-1-0-0-0".parse().unwrap();
    for (call, why) in [
        (Call { caller: Some(AccountId::from_bytes([3; 32])), ..like.clone() }, "did not sign"),
        (Call { parent: Some(id), ..like.clone() }, "only a worker"),
        (Call { idempotency: Some(Digest::from_bytes([3; 32])), ..like.clone() }, "counts once"),
    ] {
        let (status, problem, text) = post(&with(call));
        assert_eq!((status, problem.as_str()), (422, "bad-bundle"));
        assert!(text.contains(why), "{text}");
    }
    // Another network, a time that is over or too far, a signature that is not its.
    let entry = [Entry::Call(like.clone())];
    let valid = node.height() + 1000;
    let foreign = bundle(&Digest::from_bytes([9; 32]), valid, &entry).encode();
    let late = bundle(&network, node.height().saturating_sub(1), &entry).encode();
    let far = bundle(&network, u64::MAX, &entry).encode();
    for (bytes, why) in
        [(foreign, "sign it for this one"), (late, "sign it again"), (far, "remembered that long")]
    {
        let (status, problem, text) = post(&bytes);
        assert_eq!((status, problem.as_str()), (422, "bundle-refused"), "{text}");
        assert!(text.contains(why), "{text}");
    }
    let mut changed = bundle(&network, valid, &entry);
    changed.signature = bundle_by(&client(), &network, valid, &entry).signature;
    assert_eq!(post(&changed.encode()).1, "bad-bundle");
    // Calls and transactions, and too many calls.
    let retire = Entry::Transaction(moot_record::Transaction::Retire { name: "busy".parse().unwrap() });
    let mixed = bundle(&network, valid, &[entry[0].clone(), retire]).encode();
    assert!(post(&mixed).2.contains("bundles of their own"));
    let none = Call { function: "x".parse().unwrap(), ..like.clone() };
    let many: Vec<Entry> = (0..8193)
        .map(|n| Entry::Call(Call { time_us: n, input: Payload::empty(), ..none.clone() }))
        .collect();
    assert!(post(&bundle(&network, valid, &many).encode()).2.contains("at most 8192"));
    // Nothing of it was recorded; what is right is, once.
    assert_eq!(node.calls(), 0);
    let good = bundle_by(&client(), &network, valid, &entry).encode();
    assert_eq!(post(&good).0, 200);
    let (status, problem, text) = post(&good);
    assert_eq!((status, problem.as_str()), (422, "bundle-refused"));
    assert!(text.contains("recorded already"), "{text}");
    assert_eq!(node.calls(), 1);
    assert_ne!(client().account(), key().account());
}

#[test]
fn accepted_only_is_answered_before_its_block() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    let call = node.call("busy", "add", "[20, 3]", 0);
    let signed = bundle_by(&client(), &node.genesis.network(), node.height() + 1000, &[Entry::Call(call)]);
    let answer = node.ask("POST", "/_moot/bundles", &[("prefer", "respond-async")], &signed.encode());
    assert_eq!((answer.status, answer.header("preference-applied")), (202, Some("respond-async")));
    let said = &answer.json()["calls"];
    assert_eq!(
        (said["outcome"]["status"].as_str(), said["run"].as_u64()),
        (Some("accepted"), Some(1)),
        "{said}"
    );
    assert_eq!(status(&node, addresses(said)[0]), "ok");
}
