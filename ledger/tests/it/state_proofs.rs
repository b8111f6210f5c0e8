//! Proofs of the state, checked with the genesis alone.

use crate::world::{bundle, options};
use futures::executor::block_on;
use moot_ledger::Ledger;
use moot_record::testing::Network;
use moot_record::{
    Account, Allocation, Entry, Found, FunctionName, Genesis, Keypair, StateFile, StateKey, StateProof,
    Transaction,
};
use std::time::Instant;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn account(n: u8) -> StateKey {
    StateKey::Account(key(n).account())
}

fn genesis() -> Genesis {
    let funded = (0..20).map(|n| Allocation { account: key(n).account(), balance: 100 + u64::from(n) });
    Network::new(1).genesis.with_accounts(funded.collect())
}

fn open(dir: &std::path::Path) -> Ledger {
    let with = options(dir);
    Ledger::open(moot_ledger::Options::new(dir, genesis(), with.key)).unwrap()
}

/// The proof of the present state, once a block carries its root.
fn prove(ledger: &Ledger, key: &StateKey) -> StateProof {
    let (since, begun) = (ledger.state_root(), Instant::now());
    loop {
        if let Some(proof) = ledger.prove_state(key, &since).unwrap() {
            return proof;
        }
        assert!(begun.elapsed().as_secs() < 30, "no block carries the root");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn balance(proof: &StateProof) -> Option<u64> {
    let proven = proof.verify(&genesis()).unwrap();
    proven.value.map(|value| Account::decode(&value).unwrap().balance)
}

#[test]
fn balances_are_proven_and_so_is_their_lack() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    assert_eq!(balance(&prove(&ledger, &account(3))), Some(103));
    assert_eq!(balance(&prove(&ledger, &account(30))), None);
    let transfer = Transaction::Transfer { to: key(30).account(), amount: 103 };
    let said = bundle(&ledger, &key(3), ledger.height() + 50, &[Entry::Transaction(transfer)]);
    block_on(ledger.submit(said).unwrap().finalized()).unwrap();
    assert_eq!(balance(&prove(&ledger, &account(3))), None, "who has nothing is not in the state");
    assert_eq!(balance(&prove(&ledger, &account(30))), Some(103));
    block_on(ledger.close());
    let ledger = open(dir.path());
    assert_eq!(balance(&prove(&ledger, &account(30))), Some(103), "the tree is built anew from the tables");
    assert!(prove(&ledger, &StateKey::History).verify(&genesis()).unwrap().value.is_some());
    let nobody = StateKey::Function(FunctionName::parse("nobody").unwrap());
    assert!(prove(&ledger, &nobody).verify(&genesis()).unwrap().value.is_none());
    block_on(ledger.close());
}

#[test]
fn a_forged_proof_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let good = prove(&ledger, &account(3));
    let lack = prove(&ledger, &account(40));
    block_on(ledger.close());
    assert_eq!(StateProof::decode(&good.encode()), Ok(good.clone()));
    assert_eq!(StateProof::decode(&lack.encode()), Ok(lack.clone()));
    let refused = |of: &StateProof, change: &dyn Fn(&mut StateProof)| {
        let mut forged = of.clone();
        change(&mut forged);
        forged.verify(&genesis()).unwrap_err().field().to_owned()
    };
    let richer = Account::with(1_000_000).encode();
    assert_eq!(refused(&good, &|p| p.found = Found::Value(richer.clone())), "state.value");
    assert_eq!(refused(&good, &|p| p.found = Found::Nothing), "state.value");
    assert_eq!(refused(&good, &|p| p.key = account(4)), "state.value");
    assert_eq!(refused(&good, &|p| p.path.truncate(p.path.len() - 1)), "state.value");
    assert_eq!(refused(&good, &|p| p.path = vec![p.path[0]; 257]), "state.path");
    assert!(refused(&lack, &|p| p.key = account(3)).starts_with("state."));
    // The key's own leaf, shown as another's, would prove that there is none.
    let place = account(3).place();
    let Found::Value(value) = &good.found else { panic!("it has something") };
    let own = Found::Other { place, value: moot_record::state::value_digest(value) };
    assert_eq!(refused(&good, &|p| p.found = own.clone()), "state.other");
    assert_eq!(refused(&good, &|p| p.block_header.time_ms += 1), "certificate.block");
    let voted = |p: &mut StateProof| *p.certificate.0.last_mut().unwrap() ^= 1;
    assert!(refused(&good, &voted).starts_with("certificate"));
    let other = Network::new(1).genesis;
    assert!(good.verify(&other).is_err(), "another network's genesis does not vouch for it");
}

#[test]
fn a_state_file_is_checked_field_by_field() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let file = StateFile::new(prove(&ledger, &account(3)), &genesis()).unwrap();
    block_on(ledger.close());
    let text = file.to_json();
    assert!(StateFile::is_one(&text) && !StateFile::is_one("{}"));
    assert!(StateFile::parse(&text).unwrap().check(&genesis()).is_ok());
    for (found, forged, field) in [
        ("\"balance\": 103", "\"balance\": 1030", "value.balance"),
        ("\"height\":", "\"more\": 1, \"height\":", "block.more"),
        ("moot-state-1", "moot-state-0", "format"),
    ] {
        let forged = text.replacen(found, forged, 1);
        assert_ne!(forged, text);
        let error = StateFile::parse(&forged).and_then(|file| file.check(&genesis())).unwrap_err();
        assert_eq!(error.field(), field);
    }
}
