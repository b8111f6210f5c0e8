//! Old blocks that are let go, and a replica that comes back after them.

use super::deploying::call;
use crate::support::{TestNet, busy, moot, until};
use moot_record::{FunctionKind, PayloadMode, ReceiptFile};
use std::time::{Duration, Instant};

const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final")];

/// Some thousand blocks are kept whatever their age: this long they take to be made on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(900);

fn receipt(net: &TestNet, at: usize, id: &str) -> (u16, String) {
    let answer = net.remote(at).get(&format!("/_moot/calls/{id}/receipt?final"));
    (answer.status, answer.text())
}

#[test]
fn old_blocks_go_what_is_kept_is_proven_and_who_was_away_for_too_long_says_so() {
    // A disk is finite. What goes must be known to go, and must not break what was given out or what is kept.
    let mut net = TestNet::new(4);
    for index in 0..4 {
        net.edit(index, |text| {
            text.replace("heartbeat = \"100ms\"", "heartbeat = \"20ms\"\nretention = \"10s\"")
        });
    }
    net.start_all();
    // A payload that is kept holds up its block.
    net.remote(0).deploy("busy", &busy(), FunctionKind::Typed, |spec| spec.payloads = PayloadMode::Digest);
    for index in 0..4 {
        until("it is deployed", || net.remote(index).get("/_moot/functions/busy").status == 200);
    }
    let old = call(&net.remote(0), "/busy/add", &FINAL, b"[1, 2]").header("moot-call").unwrap().to_owned();
    let (status, kept) = receipt(&net, 1, &old);
    assert_eq!(status, 200, "{kept}");
    let whole = net.remote(0).get("/_moot/status").json();
    assert_eq!(whole["kept_from"], 1, "{whole}");
    net.stop(3);
    for index in 0..3 {
        assert_eq!(call(&net.remote(index), "/busy/add", &FINAL, b"[5, 6]").text(), "11");
    }
    let away = net.remote(0).height();

    let began = Instant::now();
    for index in [0, 1, 2] {
        while net.remote(index).get("/_moot/status").json()["kept_from"].as_u64().unwrap() <= away {
            assert!(
                began.elapsed() < PATIENCE,
                "replica {index} has pruned nothing of the first {away} blocks"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    // What was given out stays valid, and what is gone says that it is gone.
    ReceiptFile::parse(&kept).unwrap().check(&net.genesis).unwrap();
    until("the old call is gone", || receipt(&net, 0, &old).0 == 410);
    let gone = net.remote(0).get("/_moot/blocks/1");
    assert_eq!((gone.status, gone.problem().as_str()), (410, "not-kept"), "{}", gone.text());
    // What is new is proven as ever, also after a restart.
    let new = call(&net.remote(1), "/busy/add", &FINAL, b"[3, 4]").header("moot-call").unwrap().to_owned();
    net.stop(1);
    net.start(1);
    for index in [0, 1, 2] {
        until("the new call is proven", || receipt(&net, index, &new).0 == 200);
        ReceiptFile::parse(&receipt(&net, index, &new).1).unwrap().check(&net.genesis).unwrap();
    }
    let shown = moot(net.dir.path())
        .args(["status", "--node", &format!("http://{}", net.remote(1).address)])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("kept from height") && shown.contains("pruned"), "{shown}");

    // The others' engines still have the blocks, and not their batches. Who needs those says that nobody has them.
    net.start(3);
    until("it says that it cannot catch up, and why", || {
        let status = net.remote(3).get("/_moot/status").json();
        status["lost"].as_str().is_some_and(|why| why.contains("cannot catch up") && why.contains("pruned"))
    });
    let status = net.remote(3).get("/_moot/status").json();
    let said = status["lost"].as_str().unwrap();
    assert!(said.contains(&format!("block {}", status["height"].as_u64().unwrap() + 1)), "{said}");
    let all =
        moot(net.dir.path()).args(["status", "--config", "net/replica-0/replica.toml"]).output().unwrap();
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    assert!(all.contains("cannot catch up"), "{all}");
    net.await_progress(&[0, 1, 2]);
    net.assert_no_fork_from(&[0, 1, 2], net.remote(0).height().saturating_sub(50));
}
