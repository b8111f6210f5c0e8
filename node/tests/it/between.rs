//! What goes on between functions, and what can be followed: calls of calls, values, live lists.

use super::support::{TestNode, busy, guest, key, open_path, relay};
use moot_record::{Access, FunctionKind};

fn relay_node() -> TestNode {
    let node = TestNode::start();
    node.deploy("relay", &relay(), FunctionKind::Event, |spec| spec.grants.ledger = true);
    node.deploy("hello", &guest("hello"), FunctionKind::Event, |_| {});
    node
}

#[test]
fn a_function_calls_another_and_both_leave_evidence() {
    let node = relay_node();
    let answer = node.post("/relay", b"hello>ada");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello, ada\n"));
    let calls = node.get("/_moot/calls").json()["calls"].clone();
    assert_eq!(calls.as_array().unwrap().len(), 2, "{calls}");
    let outer = answer.header("moot-call").unwrap();
    let inner = calls.as_array().unwrap().iter().find(|c| c["function"] == "hello").unwrap()["id"].clone();
    let inner = node.get(&format!("/_moot/calls/{}", inner.as_str().unwrap())).json();
    assert_eq!(inner["parent"], outer);
    assert_eq!(inner["receipt"]["status"], "ok");
    // The caller is the owner of the function that called.
    assert_eq!(inner["caller"], key().account().to_string());
    let outer = node.get(&format!("/_moot/calls/{outer}")).json();
    let touched = &outer["receipt"]["touched"][0];
    assert_eq!((touched["kind"].as_str(), touched["target"].as_str()), (Some("function"), Some("hello")));
}

#[test]
fn calls_of_calls_have_a_bottom_and_errors_come_back() {
    let node = relay_node();
    node.deploy("closed", &guest("hello"), FunctionKind::Event, |spec| {
        spec.access = Access::Accounts(vec![])
    });
    node.deploy("typed", &busy(), FunctionKind::Typed, |_| {});
    let deep = |n: usize| "relay>".repeat(n) + "end";
    assert_eq!(node.post("/relay", deep(8).as_bytes()).text(), "end");
    // The number of each error in the variant.
    assert_eq!(node.post("/relay", deep(9).as_bytes()).text(), "E4", "too deep");
    for (payload, error) in [("nobody>x", "E1"), ("typed>x", "E2"), ("No Name>x", "E2"), ("closed>x", "E0")] {
        assert_eq!(node.post("/relay", payload.as_bytes()).text(), error, "{payload}");
    }
    let mut long = b"hello>".to_vec();
    long.extend(std::iter::repeat_n(b'x', 300));
    assert_eq!(node.post("/relay", &long).text(), "E6", "the callee's own failure");
}

#[test]
fn a_function_writes_what_the_rules_allow_it() {
    let node = relay_node();
    assert_eq!(node.post("/relay", b"!something").text(), "E0", "nothing allows it");
    let rule = format!("auth.function == 'relay' && auth.account == '{}' && value != 'no'", key().account());
    open_path(&node, "/test", "/test/relay", &rule);
    let answer = node.post("/relay", b"!something");
    let id = answer.text();
    assert_eq!(id.split('-').count(), 5, "{id}");
    assert_eq!(node.post("/relay", b"!no").text(), "E0");
    let found = node.get("/_moot/values/test/relay");
    assert_eq!((found.status, found.text().as_str()), (200, "something"));
    let said = |name| found.header(name).map(str::to_owned);
    assert_eq!((said("moot-value"), said("moot-function")), (Some(id), Some("relay".to_owned())));
    assert_eq!(said("moot-account"), Some(key().account().to_string()));
    // Its record says in which call; nobody else may say so.
    let list = node.get("/_moot/values/test?below").json();
    let call = list["values"][0]["call"].as_str().unwrap().to_owned();
    assert_eq!(Some(call.as_str()), answer.header("moot-call"));
    assert_eq!(node.put("/test/relay", b"something", None).problem(), "denied-by-rule");
    assert_eq!(node.put("/test/relay", b"something", Some(&key())).problem(), "denied-by-rule");
}

#[test]
fn what_happens_can_be_followed() {
    let node = relay_node();
    let mut events = node.conn();
    events.request("GET", "/_moot/events", &[], b"");
    assert_eq!(events.head().unwrap().header("content-type"), Some("text/event-stream"));
    let mut logs = node.conn();
    logs.request("GET", "/_moot/functions/hello/logs?follow", &[], b"");
    assert_eq!(logs.head().unwrap().status, 200);
    let id = node.post("/hello", b"ada").header("moot-call").unwrap().to_owned();
    let until = |conn: &mut super::support::Conn, words: &[&str]| {
        for _ in 0..100 {
            let chunk = String::from_utf8(conn.chunk().unwrap()).unwrap();
            if words.iter().all(|word| chunk.contains(word)) {
                return;
            }
        }
        panic!("{words:?} did not come");
    };
    until(&mut events, &["event: receipt\n", &id, "\"status\":\"ok\""]);
    until(&mut events, &["event: block\n"]);
    until(&mut logs, &["event: log\n", "greets ada", &id]);
}
