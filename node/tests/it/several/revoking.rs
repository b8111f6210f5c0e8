//! A key revoked at one of four replicas: refused at every other, and what was on its way ends alike everywhere.

use super::deploying::deploy;
use crate::revoking::{assert_revoked, call, revoked};
use crate::support::{Answer, TestNet, bundle_by, busy, open_path, say, until};
use moot_record::{Account, Entry, FunctionKind, Keypair, StateFile, Transaction};
use std::time::Duration;

/// A stolen key is tried at whichever replica has not heard of its revocation: once the block is there, no replica takes
/// what it signs, whatever the way and whenever it was signed.
#[test]
fn case_70_a_key_revoked_at_one_replica_is_refused_at_every_other() {
    let net = TestNet::four();
    deploy(&net, 0, &[0, 1, 2, 3], "busy", &busy(), FunctionKind::Typed);
    open_path(&net.remote(0), "/a", "/a/$x", "true");
    let stolen = Keypair::from_seed([35; 32]);
    let network = net.genesis.network();
    let valid_until = net.remote(0).height() + 5000;
    // Signed while it still counted, and kept.
    let like = net.remote(0).call("busy", "add", "[2, 3]", 0);
    let early = bundle_by(&stolen, &network, valid_until, &[Entry::Call(like)]).encode();
    until("replica 2 has the rule", || net.remote(2).put("/a/1", b"x", Some(&stolen)).status == 201);
    say(&net.remote(1), &stolen, vec![Transaction::Revoke {}]);
    let height = revoked(&net.remote(1), &stolen).unwrap();
    let own = Entry::Transaction(Transaction::Own { path: "/b".into(), owner: Some(stolen.account()) });
    let late = bundle_by(&stolen, &network, valid_until, &[own]).encode();
    for at in 0..4 {
        let remote = net.remote(at);
        until(&format!("replica {at} knows it"), || revoked(&remote, &stolen).is_some());
        assert_eq!(revoked(&remote, &stolen), Some(height));
        assert_revoked(&remote.post("/_moot/bundles", &early), height);
        assert_revoked(&remote.post("/_moot/bundles", &late), height);
        assert_revoked(&call(&remote, &stolen), height);
        assert_revoked(&remote.put("/a/1", b"y", Some(&stolen)), height);
        // Any replica proves it, and the genesis alone checks that.
        let mut proven = None;
        until(&format!("replica {at} proves it"), || {
            let answer = remote.get(&format!("/_moot/state/account/{}", stolen.account()));
            proven = (answer.status == 200).then(|| answer.text());
            proven.is_some()
        });
        let file = StateFile::parse(&proven.unwrap()).unwrap();
        let value = file.check(&net.genesis).unwrap().value.unwrap();
        assert_eq!(Account::decode(&value), Ok(Account { balance: 0, revoked: Some(height) }));
    }
    net.assert_no_fork(&[0, 1, 2, 3]);
}

/// What became of one copy of a bundle: the height at which it was done, or why not.
fn end(answer: &Answer) -> Result<u64, String> {
    let entry = &answer.json()["entries"][0];
    match entry["outcome"]["status"].as_str() {
        Some("done") => Ok(entry["height"].as_u64().unwrap()),
        Some("refused") => Err(entry["outcome"]["reason"].as_str().unwrap().to_owned()),
        _ => Err(answer.problem()),
    }
}

/// Owner and thief race: what the thief hands to two replicas at once, while the owner's revocation is on its way through
/// two others, counts before the revocation or never, and every replica has the same of it.
#[test]
fn case_70_what_is_handed_in_around_a_revocation_ends_alike_everywhere() {
    let net = TestNet::four();
    let stolen = Keypair::from_seed([36; 32]);
    let network = net.genesis.network();
    let valid_until = net.remote(0).height() + 5000;
    let signed = |said| bundle_by(&stolen, &network, valid_until, &[Entry::Transaction(said)]).encode();
    let claims: Vec<Vec<u8>> = (0..24)
        .map(|n| signed(Transaction::Own { path: format!("/p{n}"), owner: Some(stolen.account()) }))
        .collect();
    let revocation = signed(Transaction::Revoke {});
    let remotes = net.remotes();
    let hand_in = |after_ms: u64, at: usize, bytes: &[u8]| {
        std::thread::sleep(Duration::from_millis(after_ms));
        end(&remotes[at].post("/_moot/bundles", bytes))
    };
    let (hand_in, revocation) = (&hand_in, &revocation);
    let (ends, ours) = std::thread::scope(|threads| {
        let copies = claims
            .iter()
            .enumerate()
            .flat_map(|(n, claim)| [(n, n % 4), (n, (n + 1) % 4)].map(|at| (at, claim)));
        let thief: Vec<_> = copies
            .map(|((n, at), claim)| (n, threads.spawn(move || hand_in(10 * n as u64, at, claim))))
            .collect();
        let owner = [1, 3].map(|at| threads.spawn(move || hand_in(120, at, revocation)));
        let ends: Vec<_> = thief.into_iter().map(|(n, thread)| (n, thread.join().unwrap())).collect();
        (ends, owner.map(|thread| thread.join().unwrap()))
    });
    let height = *ours.iter().find_map(|end| end.as_ref().ok()).unwrap_or_else(|| panic!("{ours:?}"));
    assert_eq!(ours.iter().filter(|end| end.is_ok()).count(), 1, "once: {ours:?}");
    let last = net.remote(1).height().max(height);
    (0..4).for_each(|at| net.await_height(at, last));
    for (n, _) in claims.iter().enumerate() {
        let copies: Vec<_> = ends.iter().filter(|(of, _)| *of == n).map(|(_, end)| end).collect();
        let done: Vec<u64> = copies.iter().filter_map(|end| end.as_ref().ok().copied()).collect();
        assert!(done.len() <= 1 && done.iter().all(|at| *at <= height), "/p{n}: {copies:?}, {height}");
        for why in copies.iter().filter_map(|end| end.as_ref().err()) {
            let known = ["revoked at height", "ordered before", "key-revoked", "bundle-refused"];
            assert!(known.iter().any(|known| why.contains(known)), "/p{n}: {why}");
        }
        for at in 0..4 {
            let owner = net.remote(at).get(&format!("/_moot/owners/p{n}")).json()["owner"].clone();
            let expected = (!done.is_empty()).then(|| stolen.account().to_string());
            assert_eq!(owner.as_str().map(str::to_owned), expected, "/p{n} at replica {at}: {copies:?}");
        }
    }
    let done = ends.iter().filter(|(_, end)| end.is_ok()).count();
    assert!((1..claims.len()).contains(&done), "some came before, some too late: {done}");
    for at in 0..4 {
        assert_eq!(revoked(&net.remote(at), &stolen), Some(height));
    }
    net.assert_no_fork(&[0, 1, 2, 3]);
}
