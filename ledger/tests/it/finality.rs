//! With the real engine: blocks, proofs, restarts.

use crate::faulty_disk::FaultyDisk;
use crate::sequencer::Sequencer;
use crate::world::{answer, bundle, call, deploy, eventually, name, open, open_on, options, spec};
use moot_ledger::{Condition, Disk, FileDisk, Ledger, Options, OrderingChoice, PayloadBytes, ProveError};
use moot_record::{Digest, Entry, EntryId, Keypair};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn open_with_engine(dir: &Path) -> Ledger {
    open_with_engine_on(dir, FileDisk)
}

fn open_with_engine_on(dir: &Path, disk: impl Disk) -> Ledger {
    let ordering = OrderingChoice::Engine {
        heartbeat: Duration::from_millis(200),
        order_within: Duration::ZERO,
        max_batches_per_block: 64,
        listen: None,
        listen_data: None,
        peers: Vec::new(),
    };
    Ledger::open(Options { ordering, disk: Arc::new(disk), ..options(dir) }).unwrap()
}

/// A call, its receipt and a deploy become final, and their proofs verify with the genesis alone; after a
/// restart the chain goes on and the old proofs are still made.
#[tokio::test]
async fn proofs_verify_with_the_genesis_alone() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = options(dir.path()).genesis;
    let client = Keypair::from_seed([60; 32]);
    let mut made: Vec<(EntryId, Option<Entry>)> = Vec::new();
    for life in 0..3u64 {
        let ledger = open_with_engine(dir.path());
        for number in 0..5 {
            let said = call(life * 100 + number);
            let pending = ledger.append_call(said.clone(), PayloadBytes::None).unwrap();
            pending.durable().await.unwrap();
            let receipt = answer(&ledger, &pending).unwrap();
            receipt.finalized().await.unwrap();
            pending.finalized().await.unwrap();
            made.push((pending.id(), Some(Entry::Call(said))));
            made.push((receipt.id(), None));
        }
        let code = life.to_le_bytes();
        let previous = (life > 0).then(|| u32::try_from(life).unwrap());
        let entry = deploy("hello", &code, &spec("/hello", true, true), previous);
        let signed = bundle(&ledger, &client, ledger.height() + 1000, std::slice::from_ref(&entry));
        let pending = ledger.submit(signed).unwrap();
        let height = pending.finalized().await.unwrap();
        let outcome = ledger.transaction_outcome(pending.id()).unwrap().unwrap();
        assert_eq!((outcome.height, outcome.result), (height, Ok(u32::try_from(life).unwrap() + 1)));
        made.push((pending.id(), Some(entry)));
        for (id, said) in &made {
            let proof = ledger.prove(*id).unwrap();
            let encoded = proof.encode();
            let proven = moot_record::Proof::decode(&encoded).unwrap().verify(&genesis).unwrap();
            assert_eq!(proven.id, *id);
            if let Some(said) = said {
                assert_eq!(proven.entry, *said);
            }
        }
        assert_eq!(ledger.function(&name("hello")).unwrap().versions.len() as u64, life + 1);
        assert!(matches!(ledger.prove(EntryId { slot: 999, ..made[0].0 }), Err(ProveError::NotFound(_))));
        ledger.close().await;
    }
}

/// Batches that were durable and not ordered when the node went down are ordered after the next start.
#[tokio::test]
async fn durable_but_unordered_batches_are_proposed_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut waiting = Vec::new();
    for number in 0..10 {
        let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
        pending.durable().await.unwrap();
        waiting.push(pending);
    }
    assert!(matches!(ledger.prove(waiting[0].id()), Err(ProveError::NotFinal(_))));
    drop(ledger);
    assert!(waiting[0].finalized().await.is_err());
    let ledger = open_with_engine(dir.path());
    eventually("everything is ordered", || ledger.status().unordered_batches == 0);
    for pending in &waiting {
        ledger.prove(pending.id()).unwrap().verify(ledger.genesis()).unwrap();
    }
}

/// An idle ledger makes heartbeats, and the file does not grow by more than their rows. Room that commits without a
/// sync let go is free after the next sync only: a few of those have to come before it is measured.
#[tokio::test]
async fn heartbeats_cost_one_commit_each_and_hardly_any_room() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open_with_engine(dir.path());
    eventually("some heartbeats", || ledger.height() >= 40);
    let (height, commits) = (ledger.height(), ledger.status().commits);
    let length = std::fs::metadata(dir.path().join("ledger.redb")).unwrap().len();
    eventually("more heartbeats", || ledger.height() >= height + 10);
    let status = ledger.status();
    assert!(status.commits - commits <= status.height - height + 2);
    let grown = std::fs::metadata(dir.path().join("ledger.redb")).unwrap().len() - length;
    assert!(grown <= 64 * 1024, "{grown} bytes for ten heartbeats");
}

/// With an engine, which has the blocks on its own disk, the ledger's is left alone: one fsync for eight heartbeats.
#[tokio::test]
async fn heartbeats_share_their_fsyncs() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_with_engine_on(dir.path(), disk.clone());
    eventually("some heartbeats", || ledger.height() >= 20);
    let (height, syncs, length) = (ledger.height(), disk.syncs(), disk.length());
    eventually("more heartbeats", || ledger.height() >= height + 16);
    let syncs = disk.syncs() - syncs;
    assert!(syncs <= 3 || disk.length() != length, "{syncs} fsyncs for 16 heartbeats");
}

/// What was called final before the ledger's own sync is final after a crash too, and its proof is made again: the
/// engine brings the blocks that were not acknowledged.
#[tokio::test]
async fn what_is_final_and_not_synced_survives_a_crash() {
    for seed in 0..4 {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        let ledger = open_with_engine_on(dir.path(), disk.clone());
        let mut said = Vec::new();
        for number in 0..3 {
            let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
            let height = pending.finalized().await.unwrap();
            ledger.prove(pending.id()).unwrap().verify(ledger.genesis()).unwrap();
            said.push((pending.id(), height));
        }
        let died = disk.syncs() + 1;
        disk.plan(|plan| plan.die_at_sync = Some((died, false)));
        drop(ledger);
        let ledger = open_with_engine_on(dir.path(), disk.crash(seed));
        let last = said.last().unwrap().1;
        eventually("the blocks have come again", || ledger.height() >= last);
        for (id, height) in said {
            let proof = ledger.prove(id).unwrap();
            proof.verify(ledger.genesis()).unwrap();
            assert_eq!(proof.block_header.height, height, "seed {seed}");
        }
    }
}

/// A disk that is full undoes what was not synced: it is written again once there is room.
#[tokio::test]
async fn a_full_disk_loses_no_block_that_was_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_with_engine_on(dir.path(), disk.clone());
    let first = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    let height = first.finalized().await.unwrap();
    disk.plan(|plan| plan.capacity = Some(0));
    // More than fits the room that the file has.
    let bytes = bytes::Bytes::from(vec![7; 8 << 20]);
    let large = moot_record::Payload::of(&bytes);
    let second =
        ledger.append_call(moot_record::Call { input: large, ..call(2) }, PayloadBytes::Keep(bytes)).unwrap();
    let waiting = tokio::spawn(async move { (second.durable().await, second.finalized().await) });
    eventually("it only reads", || matches!(ledger.status().condition, Condition::ReadOnly(_)));
    disk.plan(|plan| plan.capacity = None);
    let (durable, last) = waiting.await.unwrap();
    durable.unwrap();
    assert!(last.unwrap() > height);
    assert_eq!(ledger.prove(first.id()).unwrap().block_header.height, height);
    assert_eq!(ledger.block(height).unwrap().unwrap().header.height, height);
}

/// Under an engine that does not bring blocks again, each is on disk before it is acknowledged, by one fsync.
#[tokio::test]
async fn a_block_that_would_not_come_again_is_one_fsync() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    let mut chain = Sequencer::new();
    let (syncs, commits) = (disk.syncs(), ledger.status().commits);
    let mut resized = 0;
    for height in 1..=200 {
        let length = disk.length();
        chain.step(&ledger);
        eventually("the block is committed", || chain.acked() == height);
        resized += u64::from(disk.length() != length);
    }
    assert_eq!(ledger.status().commits - commits, 200);
    // redb syncs once more where it changes the length of the file.
    let syncs = disk.syncs() - syncs;
    assert!(syncs <= 200 + resized && resized <= 4, "{syncs} fsyncs for 200 heartbeats, {resized} resizes");
}

/// The engine promises at least once: a block that comes again changes nothing.
#[tokio::test]
async fn blocks_delivered_twice_are_applied_once() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let client = Keypair::from_seed([61; 32]);
    let entry = deploy("twice", b"code", &spec("/twice", true, true), None);
    let pending = ledger.submit(bundle(&ledger, &client, 100, &[entry])).unwrap();
    pending.durable().await.unwrap();
    chain.step(&ledger);
    pending.finalized().await.unwrap();
    chain.step(&ledger);
    eventually("two blocks", || chain.acked() == 2);
    let before = (ledger.status().state, ledger.height(), ledger.function(&name("twice")));
    chain.repeat(&ledger);
    chain.repeat(&ledger);
    chain.step(&ledger);
    eventually("three blocks", || chain.acked() == 3);
    assert_eq!((ledger.status().state, ledger.function(&name("twice"))), (before.0, before.2));
    ledger.prove(pending.id()).unwrap();
}

/// A replica whose state differs from the network's must halt, and say both roots.
#[tokio::test]
async fn case_62_divergent_state_halts_loudly() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let ours = ledger.status().state;
    let theirs = Digest::from_bytes([0xee; 32]);
    Sequencer::new().push(&ledger, vec![], theirs);
    eventually("it halts", || matches!(ledger.status().condition, Condition::Stopped(_)));
    let Condition::Stopped(why) = ledger.status().condition else { unreachable!() };
    assert!(why.contains(&ours.to_string()) && why.contains(&theirs.to_string()), "{why}");
    assert!(ledger.append_call(call(1), PayloadBytes::None).is_err());
}

/// A final block that names data which is not here means that data was lost: never passed over in silence.
#[tokio::test]
async fn a_block_of_unknown_batches_halts_loudly() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let state = ledger.status().state;
    Sequencer::new().push(&ledger, vec![Digest::from_bytes([5; 32])], state);
    eventually("it halts", || matches!(ledger.status().condition, Condition::Stopped(_)));
}
