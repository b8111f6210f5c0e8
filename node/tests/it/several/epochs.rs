//! A committee that changes while the network runs: one joins, one leaves, one loses its disk.

use super::deploying::{call, deploy};
use crate::support::{TestNet, busy, moot, until};
use moot_record::{FunctionKind, ReceiptFile};

const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final")];

/// A call at a replica that must become final; its id.
#[track_caller]
fn final_call(net: &TestNet, at: usize) -> String {
    let answer = call(&net.remote(at), "/busy/add", &FINAL, b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{}", answer.text());
    assert!(answer.header("preference-applied").unwrap_or_default().contains("final"), "{answer:?}");
    answer.header("moot-call").unwrap().to_owned()
}

/// Fetches a receipt from a replica and verifies it with the genesis alone; how many handovers it needed.
#[track_caller]
fn verified(net: &TestNet, at: usize, id: &str) -> usize {
    let target = format!("/_moot/calls/{id}/receipt?final");
    until(&format!("replica {at} proves {id}"), || net.remote(at).get(&target).status == 200);
    let file = ReceiptFile::parse(&net.remote(at).get(&target).text()).unwrap();
    file.check(&net.genesis).unwrap();
    match file.evidence() {
        moot_record::Evidence::Final(proof) => proof.handovers.len(),
        moot_record::Evidence::Signed(_) => panic!("{id} is not final at {at}"),
    }
}

#[track_caller]
fn run(net: &TestNet, words: &[&str]) -> (bool, String) {
    let done = moot(net.dir.path()).args(words).output().unwrap();
    (
        done.status.success(),
        [done.stdout, done.stderr].map(|b| String::from_utf8_lossy(&b).into_owned()).concat(),
    )
}

/// Says something with a key, at replica 1.
fn say(net: &TestNet, verb: &[&str], key: &str) -> (bool, String) {
    let node = format!("http://{}", net.remote(1).address);
    run(net, &[&["net"], verb, &["--authority", key, "--node", &node]].concat())
}

fn votes(net: &TestNet, at: usize) -> bool {
    net.remote(at).get("/_moot/status").json()["votes"] == true
}

#[test]
fn one_joins_one_leaves_and_one_that_was_wiped_votes_again() {
    let mut net = TestNet::with_epochs(4, 16);
    net.start_all();
    deploy(&net, 1, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    let before = final_call(&net, 2);
    assert_eq!(verified(&net, 3, &before), 0);

    // A fifth joins: it follows as soon as it was let in, and votes two epochs later.
    let new = net.join(0);
    net.start(new);
    assert!(!votes(&net, new));
    let (done, said) = say(&net, &["add", "net/replica-4"], "net/replica-0/replica.key");
    assert!(!done && said.contains("authority"), "{said}");
    let (done, said) = say(&net, &["add", "net/replica-4"], "net/authority.key");
    assert!(done, "{said}");
    net.await_progress(&[0, 1, 2, 3, new]);
    until("the fifth votes", || votes(&net, new));
    let joined = final_call(&net, new);
    assert!(joined.starts_with("4-"), "{joined}: its own lane");
    assert_eq!(verified(&net, 0, &joined), 1);
    let (here, said) = run(&net, &["status", "--config", "net/replica-4/replica.toml"]);
    assert!(here && said.lines().filter(|line| line.contains("ok")).count() == 5, "{said}");

    // The first leaves the committee and goes on to follow.
    let (done, said) = say(&net, &["remove", "net/replica-0", "--follows"], "net/authority.key");
    assert!(done, "{said}");
    until("the first takes no calls", || {
        net.remote(0).ask("POST", "/busy/add", &[], b"[1, 2]").status == 503
    });
    until("the first votes no more", || !votes(&net, 0));
    let status = net.remote(0).get("/_moot/status").json();
    assert!(status["follows"].as_str().unwrap().contains("not in the committee"), "{status}");
    let (well, said) = run(&net, &["status", "--node", &format!("http://{}", net.remote(0).address)]);
    assert!(well && said.contains("no, it follows"), "{said}");
    let after = final_call(&net, new);
    // It serves what it followed, and proofs from every time need the genesis alone.
    for (id, handovers) in [(&before, 0), (&joined, 1), (&after, 2)] {
        assert_eq!(verified(&net, 0, id), handovers, "{id}");
    }

    // One of the four that vote loses its disk.
    net.stop(3);
    std::fs::remove_dir_all(net.folder(3).join("data")).unwrap();
    net.start(3);
    let status = net.remote(3).get("/_moot/status").json();
    assert!(status["votes"] == false && status["follows"].as_str().unwrap().contains("journal"), "{status}");
    net.await_height(3, net.remote(1).height());
    until("the wiped one votes again", || votes(&net, 3));
    let again = final_call(&net, 3);
    assert!(again.starts_with("3-"), "{again}");
    for id in [&before, &joined, &after, &again] {
        verified(&net, 3, id);
    }
    // Now it is needed: of four that vote, two are two.
    net.stop(0);
    net.kill(2);
    net.await_progress(&[1, 3, new]);
    net.assert_no_fork(&[1, 3, new]);
}
