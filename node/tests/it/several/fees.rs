//! Charging among four replicas: calls that enter anywhere are charged alike everywhere, and everybody makes the same bill.

use crate::support::{Remote, TestNet, busy, key, until};
use moot_record::FunctionKind;

fn balance(node: &Remote) -> u64 {
    let view = node.get(&format!("/_moot/accounts/{}", key().account())).json();
    view["balance"].as_str().unwrap().parse().unwrap()
}

#[test]
fn calls_at_every_replica_are_charged_once_and_alike() {
    let mut net = TestNet::charging(4, &[key().account()]);
    net.start_all();
    net.remote(0).deploy("busy", &busy(), FunctionKind::Typed, |_| {});
    until("the deploy is paid everywhere", || {
        let left = balance(&net.remote(0));
        left < 1_000_000_000_000 && (1..4).all(|at| balance(&net.remote(at)) == left)
    });
    let before = balance(&net.remote(0));
    let mut due = 0;
    for number in 0..12 {
        let node = net.remote(number % 4);
        let mut answer = node.post("/_moot/functions/busy/call/add", b"[2, 3]");
        // The component may still be on the way there.
        until("it is served", || {
            if answer.status != 200 {
                answer = node.post("/_moot/functions/busy/call/add", b"[2, 3]");
            }
            answer.status == 200
        });
        let id = answer.header("moot-call").unwrap();
        let fee = node.get(&format!("/_moot/calls/{id}")).json()["receipt"]["fee"].clone();
        due += fee["ordering"].as_u64().unwrap() + fee["execution"].as_u64().unwrap();
    }
    for at in 0..4 {
        until(&format!("replica {at} has charged all of it"), || before - balance(&net.remote(at)) == due);
        let bill = net.remote(at).get("/_moot/bill?from=1").json();
        let calls = bill["calls"].as_array().unwrap();
        let stated =
            |one: &serde_json::Value, field: &str| one[field].as_str().unwrap().parse::<u64>().unwrap();
        let sum: u64 =
            calls.iter().map(|one| stated(one, "stated_ordering") + stated(one, "stated_execution")).sum();
        assert_eq!((calls.len(), sum), (12, due), "at {at}");
    }
    // One that was away in between comes to the same.
    net.kill(3);
    let node = net.remote(1);
    for _ in 0..4 {
        assert_eq!(node.post("/_moot/functions/busy/call/add", b"[2, 3]").status, 200);
    }
    until("it is charged", || before - balance(&node) > due);
    net.start(3);
    until("all are level", || {
        let left = balance(&net.remote(1));
        (0..4).all(|at| balance(&net.remote(at)) == left)
    });
}
