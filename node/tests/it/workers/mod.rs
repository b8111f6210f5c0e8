//! Workers in processes of their own: real sockets, real keys, `kill -9`.

mod assigned;
mod compared;
mod external;
mod joining;
mod lost;
mod process;
mod replaced;
mod rogue;
mod runtimes;
mod several;

use super::support::{Remote, TestNode, until};
use moot_node::workers::Joining;
use moot_record::{AccountId, ReceiptFile};
use std::net::SocketAddr;

/// A node that lets these workers in.
fn node_for(allow: &[AccountId]) -> TestNode {
    TestNode::with(|config| config.joining = Some(joining(0, allow)))
}

fn joining(port: u16, allow: &[AccountId]) -> Joining {
    Joining { listen: SocketAddr::from(([127, 0, 0, 1], port)), allow: allow.iter().copied().collect() }
}

/// Waits until as many functions are ready at the only worker.
#[track_caller]
fn await_ready(remote: &Remote, functions: u64) {
    until("the worker is ready", || {
        remote.get("/_moot/status").json()["workers"][0]["functions"].as_u64() == Some(functions)
    });
}

/// Waits until as many calls run at the only worker.
#[track_caller]
fn await_running(remote: &Remote, calls: u64) {
    until("the calls run at the worker", || {
        remote.get("/_moot/status").json()["workers"][0]["running"].as_u64() == Some(calls)
    });
}

/// The receipt of a call with its certificate, checked with the genesis alone.
#[track_caller]
fn checked(remote: &Remote, call: &str) -> moot_record::Checked {
    let mut file = None;
    until("the receipt is final", || {
        let answer = remote.get(&format!("/_moot/calls/{call}/receipt?final"));
        if answer.status == 200 {
            file = Some(answer.text());
        }
        file.is_some()
    });
    let checked = ReceiptFile::parse(&file.unwrap()).unwrap().check(&remote.genesis).unwrap();
    assert_eq!(checked.receipt.call.to_string(), call);
    assert!(checked.finality.is_some());
    checked
}
