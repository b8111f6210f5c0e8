//! The order of things: what is durable when, seen from outside by killing the node.

use super::support::{TestNode, busy, guest};
use moot_record::{FunctionKind, ReceiptFile};

#[test]
fn what_was_answered_is_there_after_a_restart_and_verifies() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.deterministic = true);
    let ids: Vec<String> = (0..20)
        .map(|i| {
            let answer = node.post("/busy/add", format!("[{i}, 1]").as_bytes());
            answer.header("moot-call").unwrap().to_owned()
        })
        .collect();
    let node = TestNode::on(node.stop(), |_| {});
    for (i, id) in ids.iter().enumerate() {
        let file = node.get(&format!("/_moot/calls/{id}/receipt?final"));
        assert_eq!(file.status, 200, "{}", file.text());
        ReceiptFile::parse(&file.text()).unwrap().check(&node.genesis).unwrap();
        assert_eq!(node.get(&format!("/_moot/calls/{id}/output")).text(), (i + 1).to_string());
    }
    assert_eq!(node.post("/busy/add", b"[1, 2]").text(), "3", "deployed functions are there as well");
}

#[test]
fn what_a_call_touched_is_in_its_receipt() {
    let node = TestNode::start();
    node.deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    let answer = node.post("/counter", b"apples");
    let id = answer.header("moot-call").unwrap();
    let call = node.get(&format!("/_moot/calls/{id}")).json();
    let touched = &call["receipt"]["touched"];
    assert_eq!(touched[0]["kind"], "key-value", "{call}");
    assert_eq!(touched[0]["target"], "default");
}

#[test]
fn deterministic_calls_burn_the_same_fuel_and_give_the_same_output() {
    let node = TestNode::start();
    node.deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.deterministic = true);
    let receipts: Vec<(u64, String)> = (0..3)
        .map(|_| {
            let answer = node.post("/busy/spin", b"[1000]");
            let id = answer.header("moot-call").unwrap();
            let receipt = node.get(&format!("/_moot/calls/{id}")).json()["receipt"].clone();
            (receipt["fuel"].as_u64().unwrap(), receipt["output"]["digest"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(receipts.iter().all(|r| *r == receipts[0]), "{receipts:?}");
}
