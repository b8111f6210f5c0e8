//! Replicas that are down, come back, come back with nothing, or come back as somebody else.

use super::deploying::{call, deploy};
use crate::support::{TestNet, busy, free_base, moot, until};
use moot_record::{FunctionKind, Genesis};
use std::net::SocketAddr;
use std::time::Duration;

const ALL: [usize; 4] = [0, 1, 2, 3];
const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final")];

/// A call at a replica that must become final.
#[track_caller]
fn final_call(net: &TestNet, at: usize) -> String {
    let answer = call(&net.remote(at), "/busy/add", &FINAL, b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());
    let applied = answer.header("preference-applied").unwrap_or_default().to_owned();
    assert!(applied.contains("final"), "not final: {applied:?}");
    answer.header("moot-call").unwrap().to_owned()
}

#[test]
fn case_51_one_replica_down_the_others_go_on() {
    // Four agree by three: one machine that breaks must not be noticed by those who call at the others.
    let mut net = TestNet::four();
    deploy(&net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    net.kill(3);
    for index in [0, 1, 2] {
        final_call(&net, index);
    }
    net.await_progress(&[0, 1, 2]);
    let view = net.remote(0).get("/_moot/status").json();
    until("the status says who is gone", || {
        let status = net.remote(0).get("/_moot/status").json();
        status["validators"][3]["reachable"] == false && status["validators"][1]["reachable"] == true
    });
    assert_eq!(view["condition"], "running");
    net.assert_no_fork(&[0, 1, 2]);
}

#[test]
fn case_52_two_down_halts_and_one_back_resumes() {
    // Two of four cannot know what the others agreed on: they must wait, keep what they are told, and go on by themselves.
    let mut net = TestNet::four();
    deploy(&net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    net.kill(2);
    net.kill(3);
    // What was on its way is over by then.
    std::thread::sleep(Duration::from_secs(1));
    let halted = net.remote(0).height().max(net.remote(1).height());
    // A call is still taken and answered, and says that it is not final.
    let answer = net.remote(0).ask("POST", "/busy/add", &[("prefer", "moot-wait=final, wait=2")], b"[2, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "4"));
    assert!(!answer.header("preference-applied").unwrap_or_default().contains("final"), "{answer:?}");
    let open = answer.header("moot-call").unwrap().to_owned();
    assert!(net.remote(0).height().max(net.remote(1).height()) <= halted + 1, "blocks without a quorum");

    net.start(2);
    net.await_progress(&[0, 1, 2]);
    until("the call becomes final", || {
        net.remote(1).get(&format!("/_moot/calls/{open}")).json()["height"].is_u64()
    });
    net.start(3);
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
}

#[test]
fn case_59_a_replica_that_was_down_catches_up_to_the_same_state() {
    // It votes for what it has seen: so it must come to see everything, in the same order, with the same outcome.
    let mut net = TestNet::four();
    deploy(&net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    net.kill(3);
    let missed: Vec<String> = (0..10).map(|n| final_call(&net, n % 3)).collect();
    // Deployed while it was away.
    deploy(&net, 1, &[0, 1, 2], "later", &busy(), FunctionKind::Typed);
    let height = net.remote(0).height();
    net.start(3);
    net.await_height(3, height);
    for id in &missed {
        let file = net.remote(3).get(&format!("/_moot/calls/{id}/receipt?final"));
        assert_eq!(file.status, 200, "{id}: {}", file.text());
        moot_record::ReceiptFile::parse(&file.text()).unwrap().check(&net.genesis).unwrap();
    }
    until("it has the function", || net.remote(3).get("/_moot/functions/later").status == 200);
    let answer = call(&net.remote(3), "/later/add", &FINAL, b"[20, 3]");
    assert_eq!(answer.text(), "23");
    until("equal states at equal heights", || {
        let status =
            net.remotes().iter().map(|remote| remote.get("/_moot/status").json()).collect::<Vec<_>>();
        status.iter().all(|s| s["height"] == status[0]["height"] && s["state"] == status[0]["state"])
    });
    net.assert_no_fork(&ALL);
}

#[test]
fn case_59_a_wiped_replica_does_not_vote_again() {
    // Its key may have voted for what nobody remembers now: a second, different vote could make a fork.
    let mut net = TestNet::four();
    net.await_progress(&ALL);
    net.stop(3);
    std::fs::remove_dir_all(net.folder(3).join("data")).unwrap();
    // It follows instead: it has every block, proves what is asked of it, and says why it does not vote.
    for lost in ["everything", "the engine's folder"] {
        net.start(3);
        let status = net.remote(3).get("/_moot/status").json();
        assert_eq!(status["votes"], false, "{lost}: {status}");
        let why = status["follows"].as_str().unwrap();
        assert!(why.contains("journal of votes was lost") && why.contains("never votes again"), "{why}");
        net.await_height(3, net.remote(0).height());
        net.await_progress(&[0, 1, 2, 3]);
        let refused = net.remote(3).ask("POST", "/busy/add", &[], b"[1, 2]");
        assert!(refused.status == 404 || refused.status == 503, "{}", refused.text());
        net.stop(3);
        // From now on the engine's folder alone is lost, and the ledger is still there.
        std::fs::remove_dir_all(net.folder(3).join("data/ordering")).unwrap();
    }
    net.start(3);
    net.await_progress(&[0, 1, 2, 3]);
    // Its vote is not there: with another one gone, nothing is agreed on.
    net.stop(2);
    let height = net.remote(0).height();
    std::thread::sleep(Duration::from_secs(1));
    assert!(net.remote(0).height() <= height + 1, "blocks without a quorum");
    net.start(2);
    net.await_progress(&ALL);
    // A restart with everything in place is no first start, and goes on.
    net.stop(1);
    net.start(1);
    net.assert_no_fork(&[0, 1]);
}

#[test]
fn the_genesis_of_another_network_is_refused() {
    let mut net = TestNet::four();
    net.await_progress(&ALL);
    net.stop(3);
    let path = net.folder(3).join("genesis.json");
    let right = std::fs::read_to_string(&path).unwrap();
    // Other validators.
    std::fs::write(&path, TestNet::new(4).genesis.to_json()).unwrap();
    let said = net.refused(3);
    assert!(said.contains("`key`") && said.contains("names no such validator"), "{said}");
    // The same validators under another name: another network all the same.
    let mut renamed: Genesis = net.genesis.clone();
    renamed.name = "renamed".into();
    std::fs::write(&path, renamed.to_json()).unwrap();
    let said = net.refused(3);
    assert!(
        said.contains("holds the ledger of network") && said.contains(&net.genesis.network().to_string()),
        "{said}"
    );
    // Altered by hand.
    std::fs::write(&path, right.replace("\"local\"", "\"lokal\"")).unwrap();
    let said = net.refused(3);
    assert!(said.contains("`genesis`") && said.contains("was changed"), "{said}");
    std::fs::write(&path, right).unwrap();
    net.start(3);
    net.await_progress(&ALL);
}

#[test]
fn another_replicas_key_is_refused() {
    let mut net = TestNet::new(4);
    let (own, other) = (net.folder(0).join("replica.key"), net.folder(1).join("replica.key"));
    let right = std::fs::read(&own).unwrap();
    std::fs::copy(&other, &own).unwrap();
    // The configuration names the others, and so not the one that this key makes of it.
    let said = net.refused(0);
    assert!(said.contains("has no [[peers]]"), "{said}");
    // Even with a list of all of them, the marker is another key's.
    let toml = std::fs::read_to_string(net.config(1)).unwrap();
    let first = toml.split("[[peers]]").nth(1).unwrap().replace("127.0.0.1", "127.0.0.2");
    net.edit(0, |text| format!("{text}\n[[peers]]{first}"));
    let said = net.refused(0);
    assert!(said.contains("fresh") && said.contains("this replica's key is"), "{said}");
    std::fs::write(&own, right).unwrap();
    net.start_all();
    net.await_progress(&ALL);
    // And so is a journal.
    net.stop(0);
    std::fs::copy(&other, &own).unwrap();
    let said = net.refused(0);
    assert!(said.contains("is about the key"), "{said}");
}

#[test]
fn case_54_one_key_at_two_replicas_makes_no_fork() {
    // A folder that was copied instead of moved is the likeliest way to equivocate, and three honest replicas must stand it.
    let mut net = TestNet::new(4);
    let mut twin = net.twin_of(0);
    net.start_all();
    twin.start(0);
    deploy(&net, 1, &[1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    for index in [1, 2, 3] {
        final_call(&net, index);
    }
    net.await_progress(&[1, 2, 3]);
    net.assert_no_fork(&[1, 2, 3]);
    // Whatever the two of them have is the network's.
    for copy in [&net, &twin] {
        let Some(height) = copy.try_height(0) else { continue };
        for height in 1..=height.min(net.remote(1).height()) {
            if let Some(block) = copy.block(0, height) {
                assert_eq!(Some(block), net.block(1, height), "height {height}");
            }
        }
    }
}

#[test]
fn case_63_two_of_four_keys_used_twice_make_two_histories_and_are_named() {
    // More than a third: nothing can prevent it. It must not go unnoticed, and what was signed must name who did it.
    let mut net = TestNet::new(4);
    let (two, three) = (net.twin_of(2), net.twin_of(3));
    let at = |net: &TestNet, index: usize| net.remote(index).address;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], free_base(1)));
    // 0 with 2 and 3, 1 with the twins of both; the two honest ones do not reach each other.
    for index in [0, 2, 3] {
        net.redirect(index, at(&net, 1), nowhere);
    }
    for (copy, index) in [(&net, 1), (&two, 0), (&three, 0)] {
        copy.redirect(index, at(&net, 0), nowhere);
    }
    net.redirect(1, at(&net, 2), at(&two, 0));
    net.redirect(1, at(&net, 3), at(&three, 0));
    two.redirect(0, at(&net, 3), at(&three, 0));
    three.redirect(0, at(&net, 2), at(&two, 0));
    let (mut two, mut three) = (two, three);
    net.start_all();
    two.start(0);
    three.start(0);
    net.await_progress(&[0, 2, 3]);
    until("the other half agrees on something too", || net.remote(1).height() >= 3);
    let common = net.remote(0).height().min(net.remote(1).height());
    let differ = |height: u64| net.block(0, height) != net.block(1, height);
    assert!((1..=common).any(differ), "there is one history");
    // Whoever looks at all of them sees it, and who signed both.
    let run =
        || moot(net.dir.path()).args(["status", "--config", "net/replica-0/replica.toml"]).output().unwrap();
    let mut said = String::new();
    until("the status says that there are two histories", || {
        let done = run();
        said = String::from_utf8_lossy(&done.stdout).into_owned();
        !done.status.success() && said.contains("there are two histories")
    });
    for (validator, guilty) in net.genesis.validators.iter().zip([false, false, true, true]) {
        let named = said.lines().any(|line| {
            line.split("voted for by").nth(1).is_some_and(|names| names.contains(&validator.to_string()))
        });
        assert_eq!(named, guilty, "{validator}: {said}");
    }
}
