//! Power cuts: whatever was said to be durable is there afterwards, and nothing is answered twice.

use crate::faulty_disk::{FaultyDisk, Plan};
use crate::sequencer::Sequencer;
use crate::world::{bundle, call, eventually, open_on, receipt};
use moot_ledger::{Idempotency, Ledger, OpenError, PayloadBytes, Refused};
use moot_record::{Bundle, Call, Digest, Entry, EntryId, Keypair, Payload, Status, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

/// What clients were told, over all lives of one ledger.
#[derive(Default)]
struct Told {
    calls: BTreeMap<EntryId, Call>,
    receipts: BTreeMap<EntryId, EntryId>,
    keys: BTreeMap<String, EntryId>,
    bundles: Vec<Bundle>,
    number: u64,
}

fn client() -> Keypair {
    Keypair::from_seed([77; 32])
}

/// Works until the disk dies or the rounds are over, and notes what was acknowledged.
async fn live(ledger: &Ledger, chain: &mut Sequencer, told: &mut Told, rng: &mut StdRng, rounds: u32) {
    for _ in 0..rounds {
        let mut calls = Vec::new();
        let mut answered = Vec::new();
        for _ in 0..rng.random_range(1..6) {
            told.number += 1;
            let said = call(told.number);
            if rng.random_bool(0.3) {
                let key = format!("key {}", told.number);
                let body = Digest::from_bytes([7; 32]);
                let Ok(Idempotency::Fresh(reservation)) = ledger.idempotent("hello", None, &key, &body)
                else {
                    return;
                };
                let Ok(pending) = ledger.append_call_once(said.clone(), PayloadBytes::None, reservation)
                else {
                    return;
                };
                calls.push((pending, said, Some(key)));
            } else {
                let Ok(pending) = ledger.append_call(said.clone(), PayloadBytes::None) else { return };
                // Some are answered before they are durable, as functions without outside access may be.
                if rng.random_bool(0.3) {
                    let Ok(receipt) = ledger.append_receipt(
                        receipt(pending.id(), pending.digest(), Status::Ok),
                        PayloadBytes::None,
                    ) else {
                        return;
                    };
                    answered.push((pending.id(), receipt));
                }
                calls.push((pending, said, None));
            }
        }
        let mut submitted = None;
        if rng.random_bool(0.3) {
            told.number += 1;
            let value = Value::new("/a/b", Payload::inlined(&told.number.to_le_bytes()));
            let signed = bundle(ledger, &client(), ledger.height() + 1000, &[Entry::Value(value)]);
            let Ok(pending) = ledger.submit(signed.clone()) else { return };
            submitted = Some((pending, signed));
        }
        for (pending, said, key) in calls {
            if pending.durable().await.is_err() {
                return;
            }
            told.calls.insert(pending.id(), said);
            told.keys.extend(key.map(|key| (key, pending.id())));
            if !answered.iter().any(|(id, _)| *id == pending.id()) && rng.random_bool(0.7) {
                let said = receipt(pending.id(), pending.digest(), Status::Ok);
                let Ok(receipt) = ledger.append_receipt(said, PayloadBytes::None) else { return };
                answered.push((pending.id(), receipt));
            }
        }
        if let Some((pending, signed)) = submitted {
            if pending.durable().await.is_err() {
                return;
            }
            told.bundles.push(signed);
        }
        for (call, pending) in answered {
            if pending.durable().await.is_err() {
                return;
            }
            told.receipts.insert(call, pending.id());
        }
        chain.step(ledger);
        if rng.random_bool(0.5) {
            chain.step(ledger);
        }
    }
}

/// Everything that was acknowledged is there; what was not answered is open, and only that.
fn check(ledger: &Ledger, chain: &Sequencer, told: &Told) {
    assert!(ledger.height() >= chain.acked(), "an acknowledged block is gone");
    for (id, said) in &told.calls {
        let found = ledger.entry(*id).unwrap();
        assert_eq!(found, Some(Entry::Call(said.clone())), "acknowledged call {id} is gone");
    }
    for (call, id) in &told.receipts {
        let (found, receipt) = ledger.receipt_of(*call).unwrap().expect("acknowledged receipt is gone");
        assert_eq!((found, receipt.call), (*id, *call));
    }
    for (key, id) in &told.keys {
        let known = ledger.idempotent("hello", None, key, &Digest::from_bytes([7; 32])).unwrap();
        assert!(matches!(known, Idempotency::Known(found) if found == *id), "{key}: {known:?}");
        let other = ledger.idempotent("hello", None, key, &Digest::from_bytes([8; 32])).unwrap();
        assert!(matches!(other, Idempotency::Conflict), "{key}: {other:?}");
    }
    for bundle in &told.bundles {
        assert!(matches!(ledger.submit(bundle.clone()), Err(Refused::Duplicate(_))));
    }
    let open: BTreeMap<EntryId, Call> = ledger.open_calls().into_iter().collect();
    for id in open.keys() {
        assert_eq!(ledger.receipt_of(*id).unwrap(), None, "answered call {id} is called open");
    }
    for id in told.calls.keys().filter(|id| !open.contains_key(id)) {
        assert!(ledger.receipt_of(*id).unwrap().is_some(), "unanswered call {id} is not open");
    }
}

/// Finishes what is open, as a worker does after a restart.
async fn finish(ledger: &Ledger, told: &mut Told) {
    let mut waiting = Vec::new();
    for (id, said) in ledger.open_calls() {
        let digest = Entry::Call(said.clone()).digest();
        let interrupted = receipt(id, digest, Status::Interrupted);
        waiting.push((id, ledger.append_receipt(interrupted.clone(), PayloadBytes::None).unwrap()));
        // A call is answered once.
        let again = ledger.append_receipt(interrupted, PayloadBytes::None);
        assert_eq!(again.unwrap_err(), Refused::NotOpen(id));
        told.calls.insert(id, said);
    }
    for (id, pending) in waiting {
        pending.durable().await.unwrap();
        told.receipts.insert(id, pending.id());
    }
}

async fn lives(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let (mut disk, mut chain, mut told) = (FaultyDisk::default(), Sequencer::new(), Told::default());
    for life in 0..4u64 {
        let at = disk.syncs() + rng.random_range(1..40);
        let effect = rng.random_bool(0.5);
        disk.plan(|plan| *plan = Plan { die_at_sync: Some((at, effect)), ..Plan::default() });
        match open_on(dir.path(), disk.clone()) {
            Ok(ledger) => {
                check(&ledger, &chain, &told);
                chain.repeat(&ledger);
                live(&ledger, &mut chain, &mut told, &mut rng, 60).await;
                drop(ledger);
            }
            // Opening repairs and so writes: it may meet the power cut too.
            Err(error) => assert!(disk.is_dead(), "life {life}: {error}"),
        }
        disk = disk.crash(rng.random());
    }
    let ledger = open_on(dir.path(), disk).unwrap();
    check(&ledger, &chain, &told);
    chain.repeat(&ledger);
    finish(&ledger, &mut told).await;
    chain.step(&ledger);
    chain.step(&ledger);
    eventually("the last blocks are committed", || chain.acked() == chain.height());
    assert_eq!((ledger.height(), ledger.status().unordered_batches), (chain.height(), 0));
    for id in told.calls.keys().chain(told.receipts.values()) {
        let proven = ledger.prove(*id).unwrap().verify(ledger.genesis()).unwrap();
        assert_eq!(proven.id, *id);
    }
    for id in told.calls.keys() {
        assert!(ledger.receipt_of(*id).unwrap().is_some(), "call {id} was never answered");
    }
    ledger.close().await;
}

/// A power cut may come at every sync, before or after it takes effect, and tears what was not synced: no
/// acknowledged call, receipt, key or bundle is lost, and what was open is finished exactly once.
#[tokio::test]
async fn case_41_kill_at_every_sync_point_loses_nothing_acknowledged() {
    let seeds = std::env::var("MOOT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60u64);
    let first = std::env::var("MOOT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0u64);
    for seed in first..first + seeds {
        println!("MOOT_SEED={seed} MOOT_SEEDS=1 cargo test -p moot-ledger case_41");
        lives(seed).await;
    }
}

/// The very first syncs make the database: a cut there leaves nothing that could be taken for a ledger, and
/// the next start simply begins.
#[tokio::test]
async fn case_41_kill_while_the_database_is_made_begins_anew() {
    for at in 1..20 {
        for effect in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let disk = FaultyDisk::new(Plan { die_at_sync: Some((at, effect)), ..Plan::default() });
            let opened = open_on(dir.path(), disk.clone());
            drop(opened);
            let ledger = open_on(dir.path(), disk.crash(at)).unwrap();
            assert_eq!(ledger.height(), 0);
            ledger.append_call(call(1), PayloadBytes::None).unwrap().durable().await.unwrap();
        }
    }
}

/// A header that reached the disk although the file did not grow must not make the last commit unreadable.
#[tokio::test]
async fn case_42_torn_write_without_file_growth_opens_the_last_commit() {
    for seed in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let ledger = open_on(dir.path(), disk.clone()).unwrap();
        let kept = ledger.append_call(call(1), PayloadBytes::None).unwrap();
        kept.durable().await.unwrap();
        // The next commit grows the file by megabytes and never returns.
        let at = disk.syncs() + 1;
        disk.plan(|plan| plan.die_at_sync = Some((at, false)));
        let big = vec![seed as u8; 3 << 20];
        let said = Call { input: Payload::of(&big), ..call(2) };
        let lost = ledger.append_call(said, PayloadBytes::Keep(big.into())).unwrap();
        assert!(lost.durable().await.is_err());
        drop(ledger);
        let ledger = open_on(dir.path(), disk.crash(seed)).unwrap();
        assert_eq!(ledger.entry(kept.id()).unwrap(), Some(Entry::Call(call(1))), "seed {seed}");
    }
}

/// A recorded call without a receipt is found after a crash, once, and can be answered once.
#[tokio::test]
async fn case_49_crash_between_call_and_receipt_is_finished_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    assert_eq!(ledger.open_calls(), []);
    let first = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    let second = ledger.append_call(call(2), PayloadBytes::None).unwrap();
    second.durable().await.unwrap();
    let answered = receipt(first.id(), first.digest(), Status::Ok);
    ledger.append_receipt(answered, PayloadBytes::None).unwrap().durable().await.unwrap();
    let disk = disk.crash(1);
    drop(ledger);

    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    assert_eq!(ledger.open_calls(), [(second.id(), call(2))]);
    let mut told = Told::default();
    finish(&ledger, &mut told).await;
    drop(ledger);

    let ledger = open_on(dir.path(), disk).unwrap();
    assert_eq!(ledger.open_calls(), []);
    assert_eq!(ledger.receipt_of(second.id()).unwrap().unwrap().1.status, Status::Interrupted);
}

/// Not a crash but as final: the directory is another network's.
#[tokio::test]
async fn another_networks_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open_on(dir.path(), FaultyDisk::default()).unwrap());
    let other = moot_record::testing::Network::named("other", 1);
    let options = moot_ledger::Options { genesis: other.genesis, ..crate::world::options(dir.path()) };
    assert!(matches!(Ledger::open(options), Err(OpenError::OtherNetwork { .. })));
}
