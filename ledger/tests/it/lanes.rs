//! Lanes of several replicas: received, checked, stored, ordered, applied and proven by all of them.

use crate::faulty_disk::{FaultyDisk, Plan};
use crate::town::Town;
use crate::world::{answer, bundle, call, deploy, eventually, name, spec};
use bytes::Bytes;
use moot_ledger::{Condition, Ledger, PayloadBytes, Pending, ProveError, Refusal, Refused, Retention};
use moot_record::{
    Allocation, Batch, Bundle, Candidate, Digest, Economy, Entry, EntryId, Epochs, Genesis, Keypair,
    PageClass, Payload, Prices, SealedHeader, Transaction, Value, component_digest, seal,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

pub(crate) const MOMENT: Duration = Duration::from_millis(200);

pub(crate) fn client() -> Keypair {
    Keypair::from_seed([88; 32])
}

pub(crate) fn value(number: u64) -> Entry {
    Entry::Value(Value::new("/a/b", Payload::inlined(&number.to_le_bytes())))
}

/// Every entry of `said` is on every replica, and each proves it with the genesis alone.
pub(crate) fn assert_everywhere(town: &Town, said: &[(EntryId, Entry)]) {
    for (me, ledger) in town.running() {
        for (id, entry) in said {
            assert_eq!(ledger.entry(*id).unwrap().as_ref(), Some(entry), "{id} at {me}");
            let proven = ledger.prove(*id).unwrap().verify(&town.network.genesis).unwrap();
            assert_eq!((proven.id, &proven.entry), (*id, entry));
        }
    }
}

pub(crate) async fn record(ledger: &Ledger, number: u64) -> (Pending, (EntryId, Entry)) {
    let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
    pending.durable().await.unwrap();
    let said = (pending.id(), Entry::Call(call(number)));
    (pending, said)
}

/// A batch of a lane whose owner runs no replica: the test is its owner.
pub(crate) fn sealed(town: &Town, lane: u32, seq: u64, entries: &[Entry]) -> (Bytes, Digest) {
    let entries: Vec<_> = entries.iter().map(|entry| (PageClass::Bulk, entry.encode())).collect();
    in_lane(town, lane, seq, town.network.bundle(&entries, 1000))
}

/// The same of a bundle.
pub(crate) fn in_lane(town: &Town, lane: u32, seq: u64, bundle: Bundle) -> (Bytes, Digest) {
    let batch = Batch::seal(lane, seq, vec![bundle]).unwrap();
    let owner = &town.network.validators[usize::try_from(lane).unwrap()];
    let bytes = batch.encode_sealed(&seal(owner, &town.network.genesis.network(), &batch.digest()));
    (bytes.into(), batch.digest())
}

pub(crate) fn give(town: &Town, to: &[usize], bytes: &Bytes) {
    let from = town.network.validators[3].account();
    to.iter().for_each(|me| town.ledger(*me).application().pushed(from, bytes.clone()));
}

#[tokio::test]
async fn what_is_said_at_one_is_final_and_proven_at_all() {
    let mut town = Town::started(4, 1);
    let mut said = Vec::new();
    for number in 0..12 {
        let ledger = town.ledger(number % 4);
        let (pending, entry) = record(&ledger, number as u64).await;
        assert_eq!(pending.id().lane as usize, number % 4);
        let receipt = answer(&ledger, &pending).unwrap();
        receipt.durable().await.unwrap();
        said.push(entry);
        let (_, what) = ledger.receipt_of(pending.id()).unwrap().unwrap();
        said.push((receipt.id(), Entry::Receipt(what)));
    }
    let code = deploy("shared", b"code", &spec("/shared", true, true), None);
    let signed = bundle(&town.ledger(2), &client(), 1000, std::slice::from_ref(&code));
    let deployed = town.ledger(2).submit(signed).unwrap();
    deployed.durable().await.unwrap();
    town.settle().await;
    town.assert_equal();
    said.push((deployed.id(), code));
    assert_everywhere(&town, &said);
    for (me, ledger) in town.running() {
        assert!(ledger.function(&name("shared")).is_some(), "at {me}");
        assert_eq!(ledger.transaction_outcome(deployed.id()).unwrap().unwrap().result, Ok(1));
        // A receipt of another lane is found by its call there.
        let call = said[0].0;
        assert_eq!(ledger.receipt_of(call).unwrap().unwrap().0, said[1].0, "at {me}");
        let status = ledger.status();
        assert_eq!((status.lanes.len(), status.missing_batches, status.waiting_blocks), (4, 0, 0));
        assert!(
            status.lanes.iter().all(|lane| lane.last_ordered == lane.last_held && lane.last_held.is_some())
        );
        // Calls of other lanes are not this one's to answer.
        assert_eq!(status.open_calls, 0);
        let wrong = said.iter().find(|(id, _)| Some(id.lane) != status.lane).unwrap().0;
        let receipt = crate::world::receipt(wrong, Digest::ZERO, moot_record::Status::Ok);
        assert!(matches!(ledger.append_receipt(receipt, PayloadBytes::None), Err(Refused::NotOpen(_))));
    }
}

/// Loss, liars, an absent replica and a late one: everything acknowledged is everywhere in the end, once.
#[tokio::test]
async fn case_57_pushes_lost_and_fetches_answered_by_liars() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut town = Town::started(4, seed);
        town.faults(|faults| {
            faults.loss = [0.3, 0.7, 1.0][rng.random_range(0..3)];
            faults.liars.insert(rng.random_range(0..4));
        });
        let mut said = Vec::new();
        for number in 0..40u64 {
            let me = rng.random_range(0..4);
            said.push(record(&town.ledger(me), number).await.1);
            if rng.random_bool(0.4) {
                town.view(rng.random_range(0..4), MOMENT).await;
            }
        }
        // A liar whose pushes are all lost keeps its own lane to itself: nobody can order that.
        town.faults(|faults| faults.liars.clear());
        town.settle().await;
        town.assert_equal();
        assert_everywhere(&town, &said);
        let ids: std::collections::BTreeSet<EntryId> = said.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), said.len(), "an id was given away twice");
    }
}

/// Any replica may lose power at any sync: what it acknowledged is everywhere in the end, and no number of its
/// lane is used twice.
#[tokio::test]
async fn case_41_a_crash_of_any_replica_at_any_sync() {
    let seeds = std::env::var("MOOT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(8u64);
    for seed in 0..seeds {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed ^ 0xc0ffee);
        let mut town = Town::new(4, seed);
        for me in 0..4 {
            town.on_disk(me, FaultyDisk::default());
            town.start(me);
        }
        town.faults(|faults| faults.loss = 0.3);
        let (mut said, mut number) = (Vec::new(), 0);
        for _ in 0..4 {
            let victim = rng.random_range(0..4);
            let at = town.disk(victim).syncs() + rng.random_range(1..12);
            let effect = rng.random_bool(0.5);
            town.disk(victim).plan(|plan| plan.die_at_sync = Some((at, effect)));
            for _ in 0..12 {
                number += 1;
                let me = rng.random_range(0..4);
                let Ok(pending) = town.ledger(me).append_call(call(number), PayloadBytes::None) else {
                    continue;
                };
                if pending.durable().await.is_ok() {
                    said.push((pending.id(), Entry::Call(call(number))));
                }
                if rng.random_bool(0.5) {
                    town.view(rng.random_range(0..4), MOMENT).await;
                }
            }
            town.stop(victim);
            // The others go on for a while without it.
            town.view((victim + 1) % 4, MOMENT).await;
            let disk = town.disk(victim).crash(rng.random());
            disk.plan(|plan| *plan = Plan::default());
            town.on_disk(victim, disk);
            town.start(victim);
        }
        town.settle().await;
        town.assert_equal();
        assert_everywhere(&town, &said);
        assert!(town.running().iter().all(|(_, ledger)| ledger.status().evidence == 0), "a number twice");
    }
}

/// FAULTS 59: a replica whose disk was lost catches up from nothing to the same digest, its own lane included, and
/// goes on behind what it had said.
#[tokio::test]
async fn case_59_a_wiped_replica_catches_up_from_nothing() {
    let mut town = Town::started(4, 9);
    let mut said = Vec::new();
    for number in 0..60 {
        said.push(record(&town.ledger(number % 4), number as u64).await.1);
        if number % 3 == 0 {
            town.view(number % 4, MOMENT).await;
        }
    }
    town.settle().await;
    let before = town.ledger(1).status();
    town.wipe(1);
    said.push(record(&town.ledger(0), 1000).await.1);
    town.settle().await;
    town.start(1);
    town.settle().await;
    town.assert_equal();
    let after = town.ledger(1).status();
    assert_eq!(after.next_batch, before.next_batch, "the lane goes on where it was");
    said.push(record(&town.ledger(1), 1001).await.1);
    town.settle().await;
    assert_everywhere(&town, &said);
    assert!(town.running().iter().all(|(_, ledger)| ledger.status().evidence == 0));
}

/// FAULTS 53: an owner gives one version to two replicas and another to the third, and says nothing more. The others
/// go on, agree on one of them, keep both seals, and the other version is void wherever it turns up.
#[tokio::test]
async fn case_53_an_owner_who_seals_twice_neither_forks_nor_stops_the_others() {
    let mut town = Town::new(4, 5);
    (0..3).for_each(|me| town.start(me));
    let (one, first) = sealed(&town, 3, 0, &[value(1)]);
    let (two, second) = sealed(&town, 3, 0, &[value(2)]);
    give(&town, &[0, 1], &one);
    give(&town, &[2], &two);
    for me in 0..3 {
        eventually("it is held", || town.ledger(me).status().lanes[3].unordered == 1);
    }
    let said = record(&town.ledger(2), 7).await.1;
    town.settle().await;
    town.assert_equal();
    assert_everywhere(&town, &[said]);
    let ids = EntryId { lane: 3, batch: 0, bundle: 0, page: 0, slot: 0 };
    let ordered = town.chain.iter().flat_map(|block| &block.batches);
    let ordered: Vec<Digest> = ordered.filter(|digest| [first, second].contains(digest)).copied().collect();
    assert_eq!(ordered.len(), 1, "one of the two is final");
    let winner = if ordered[0] == first { value(1) } else { value(2) };
    assert_everywhere(&town, &[(ids, winner.clone())]);
    let convicted = town.running().iter().filter(|(_, ledger)| ledger.status().evidence > 0).count();
    assert!(convicted > 0, "whoever saw both has both seals");

    // Its block could only come from a leader who disregards what is final. It is void on all alike.
    let loser = if ordered[0] == first { second } else { first };
    let state = town.ledger(0).status().state;
    assert!(town.agree(vec![loser], state, Duration::from_secs(5)).await);
    town.settle().await;
    town.assert_equal();
    assert_everywhere(&town, &[(ids, winner.clone())]);
    for (me, ledger) in town.running() {
        let evidence = ledger.evidence().unwrap();
        assert_eq!((evidence.len(), ledger.status().evidence), (1, 1), "at {me}");
        evidence[0].verify(&town.network.genesis.validators, &town.network.genesis.network()).unwrap();
        assert_eq!(ledger.status().lanes[3].equivocations, 1);
    }
    // A replica that comes late learns the same from the blocks alone.
    town.wipe(0);
    town.start(0);
    town.settle().await;
    town.assert_equal();
    assert_everywhere(&town, &[(ids, winner)]);
    // And one that restarts still knows.
    town.stop(1);
    town.start(1);
    assert_eq!(town.ledger(1).status().evidence, 1);
}

/// A network where stake decides, all of whose replicas but the last run if there are several: 400 of the client's 500
/// units are behind the last one.
pub(crate) async fn staked(replicas: u8, seed: u64) -> (Town, Keypair) {
    let staker = client().account();
    let epochs = Epochs { blocks: 1 << 20, authority: staker };
    let economy = Economy { lockup_blocks: 10, seats: 4, worker_percent: 0 };
    let mut town = Town::with_genesis(replicas, seed, |genesis| {
        let funded = vec![Allocation { account: staker, balance: 500 }];
        let genesis = genesis.with_accounts(funded).with_epochs(epochs).with_economy(economy);
        Genesis { prices: Prices { per_byte: 0, per_mega_fuel: 0, per_stored_byte: 0 }, ..genesis }
    });
    (0..usize::from(replicas - 1).max(1)).for_each(|me| town.start(me));
    let last = town.network.validators[usize::from(replicas) - 1].clone();
    let at = |port| std::net::SocketAddr::from(([10, 0, 0, 3], port));
    let replica = Candidate { account: last.account(), ledger: at(9080), data: at(10_080) };
    let consent = Some(Candidate::consent(&last, &town.network.genesis.network(), &staker));
    let stake = Transaction::Stake { amount: 400, replica: Some(replica), consent };
    assert_eq!(say(&mut town, stake).await, Ok(0));
    (town, last)
}

/// What came of a transaction of the client, on every replica alike.
pub(crate) async fn say(town: &mut Town, transaction: Transaction) -> Result<u32, Refusal> {
    let said = bundle(&town.ledger(0), &client(), 900, &[Entry::Transaction(transaction)]);
    let id = town.ledger(0).submit(said).unwrap().id();
    town.settle().await;
    let outcome = |ledger: &Ledger| ledger.transaction_outcome(id).unwrap().unwrap().result;
    let first = outcome(&town.ledger(0));
    assert!(town.running().iter().all(|(_, ledger)| outcome(ledger) == first));
    first
}

/// Goes on until a replica is convicted everywhere, of 40 units, and whoever else has the proof has said it in vain.
pub(crate) async fn convicted(town: &mut Town, replica: &Keypair) {
    let begun = std::time::Instant::now();
    while town.ledger(0).stakes().conviction(&replica.account()).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody said it");
        town.settle().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    town.settle().await;
    town.assert_equal();
    let staker = client().account();
    for (me, ledger) in town.running() {
        let stakes = ledger.stakes();
        assert_eq!(stakes.conviction(&replica.account()).unwrap().burned, 40, "at {me}");
        assert_eq!(stakes.get(&staker).unwrap().staked, 360, "at {me}");
        assert_eq!(ledger.balance(&staker).unwrap(), 100, "at {me}");
    }
}

/// An owner who seals twice, where stake decides: who saw both seals says so to the ledger by itself, and a share of the
/// stake behind the owner is burned, once, on every replica alike.
#[tokio::test]
async fn a_double_seal_costs_its_owner_a_part_of_its_stake() {
    let (mut town, sealer) = staked(4, 11).await;
    let (one, _) = sealed(&town, 3, 0, &[value(1)]);
    let (two, _) = sealed(&town, 3, 0, &[value(2)]);
    give(&town, &[0, 1], &one);
    give(&town, &[2], &two);
    for me in 0..3 {
        eventually("it is held", || town.ledger(me).status().lanes[3].unordered == 1);
    }
    convicted(&mut town, &sealer).await;
    // It is said once: the evidence is still there after a restart, and known to be settled.
    let height = town.ledger(2).height();
    town.stop(2);
    town.start(2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    town.settle().await;
    assert_eq!(town.ledger(2).status().unordered_batches, 0);
    assert!(town.ledger(2).height() >= height);
    assert_eq!(town.ledger(2).stakes().conviction(&sealer.account()).unwrap().burned, 40);
}

/// A final block names the version that is not here: it is fetched and takes the place of the other.
#[tokio::test]
async fn a_final_block_replaces_the_unordered_version() {
    let mut town = Town::new(4, 6);
    (0..3).for_each(|me| town.start(me));
    let deploys = |code: &[u8]| deploy("mine", code, &spec("/mine", true, true), None);
    let (one, _) = sealed(&town, 3, 4, &[deploys(b"one")]);
    let (two, second) = sealed(&town, 3, 4, &[deploys(b"two")]);
    give(&town, &[0, 1], &one);
    give(&town, &[2], &two);
    for me in 0..3 {
        eventually("it is held", || town.ledger(me).status().lanes[3].unordered == 1);
    }
    let state = town.ledger(0).status().state;
    town.force(vec![second], state);
    town.settle().await;
    town.assert_equal();
    for (me, ledger) in town.running() {
        let active = ledger.function(&name("mine")).unwrap().active().unwrap().component;
        assert_eq!(active, component_digest(b"two"), "at {me}");
        let status = ledger.status();
        assert_eq!(status.lanes[3].last_ordered, Some(4));
        // Replica 2 may have been asked to vote for the other one, and then has both too.
        assert!(status.evidence == 1 || me == 2, "at {me}");
    }
}

/// The same bundle at two replicas at the same moment: the blocks' first counts, on every replica alike.
#[tokio::test]
async fn case_68_a_bundle_at_two_replicas_counts_once() {
    let mut town = Town::started(4, 7);
    let (a, b) = (town.ledger(0), town.ledger(1));
    let deployed = bundle(&a, &client(), 900, &[deploy("once", b"code", &spec("/once", true, true), None)]);
    let values: Bundle = bundle(&a, &client(), 900, &[value(1), value(2)]);
    let mut twins = Vec::new();
    for bundle in [deployed.clone(), values] {
        let (one, two) = (a.submit(bundle.clone()).unwrap(), b.submit(bundle).unwrap());
        one.durable().await.unwrap();
        two.durable().await.unwrap();
        twins.push((one.id(), two.id()));
    }
    town.settle().await;
    town.assert_equal();
    for (me, ledger) in town.running() {
        let result = |id: EntryId| ledger.transaction_outcome(id).unwrap().map(|outcome| outcome.result);
        let (one, two) = twins[0];
        let results = [result(one), result(two)];
        assert!(
            results.contains(&Some(Ok(1))) && results.contains(&Some(Err(Refusal::Duplicate))),
            "at {me}"
        );
        // Of two copies one is judged (and denied, because nothing allows it), the other is void.
        let (one, two) = twins[1];
        let results = [result(one), result(two)];
        let denied =
            |result: &Option<Result<u32, Refusal>>| matches!(result, Some(Err(Refusal::Denied { .. })));
        assert!(results.iter().any(denied) && results.contains(&Some(Err(Refusal::Duplicate))), "at {me}");
        assert_eq!(ledger.function(&name("once")).unwrap().versions.len(), 1);
        // Nobody takes it down again, wherever it was recorded.
        assert!(matches!(ledger.submit(deployed.clone()), Err(Refused::Duplicate(_))), "at {me}");
    }
}

/// A duplicate costs nothing, and a lane cannot fill the others' disks without being ordered.
#[tokio::test]
async fn pushes_are_bounded_and_duplicates_dropped() {
    let mut town = Town::new(4, 8);
    town.start(0);
    let ledger = town.ledger(0);
    let batches: Vec<Bytes> = (0..1030).map(|seq| sealed(&town, 3, seq, &[value(seq)]).0).collect();
    for bytes in &batches {
        give(&town, &[0], bytes);
        give(&town, &[0], bytes);
        // The checking threads must keep up, or room runs out and pushes are dropped earlier.
        let head = SealedHeader::peek(bytes).unwrap().header.seq;
        eventually("it is held", || head >= 1024 || ledger.status().lanes[3].last_held == Some(head));
    }
    std::thread::sleep(Duration::from_millis(100));
    let status = ledger.status();
    assert_eq!((status.lanes[3].unordered, status.foreign_batches), (1024, 1024));
    // The own lane is not held up by it.
    record(&ledger, 1).await;
    // A lane that nobody owns, the own one, and a broken batch.
    give(&town, &[0], &sealed(&town, 0, 900, &[value(1)]).0);
    give(&town, &[0], &Bytes::from(vec![7; 500]));
    let mut broken = sealed(&town, 2, 0, &[value(1)]).0.to_vec();
    *broken.last_mut().unwrap() ^= 1;
    give(&town, &[0], &broken.into());
    std::thread::sleep(Duration::from_millis(50));
    let status = ledger.status();
    assert_eq!((status.lanes[0].unordered, status.lanes[2].unordered), (1, 0));
    // After a restart everything that waited waits again.
    town.stop(0);
    drop(ledger);
    town.start(0);
    assert_eq!(town.ledger(0).status().unordered_batches, 1025);
}

/// Batches come in any order: one that fills a gap is found again after a crash.
#[tokio::test]
async fn gaps_in_a_lane_are_filled_and_found_again() {
    let mut town = Town::new(4, 8);
    town.start(0);
    for seq in [5, 2, 9, 3] {
        give(&town, &[0], &sealed(&town, 3, seq, &[value(seq)]).0);
        eventually("it is held", || {
            town.ledger(0)
                .entry(EntryId { lane: 3, batch: seq, bundle: 0, page: 0, slot: 0 })
                .unwrap()
                .is_some()
        });
    }
    town.stop(0);
    town.start(0);
    assert_eq!(town.ledger(0).status().lanes[3].unordered, 4);
}

/// A component deployed at one replica comes to the others, in parts, past a liar.
#[tokio::test]
async fn components_follow_their_deploys() {
    let mut town = Town::started(4, 11);
    town.faults(|faults| faults.liars.extend([3]));
    let large: Vec<u8> = (0..3_700_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let small = b"a small component".to_vec();
    let ledger = town.ledger(0);
    for (function, code) in [("large", &large), ("small", &small)] {
        let digest = ledger.put_component(code).unwrap();
        assert_eq!(digest, component_digest(code));
        let entry = deploy(function, code, &spec(&format!("/{function}"), true, true), None);
        ledger.submit(bundle(&ledger, &client(), 900, &[entry])).unwrap().durable().await.unwrap();
    }
    town.settle().await;
    for (me, ledger) in town.running() {
        for code in [&large, &small] {
            let digest = component_digest(code);
            let arrived =
                tokio::time::timeout(Duration::from_secs(30), ledger.component_arrived(&digest)).await;
            assert!(arrived.is_ok(), "not at {me}");
            assert_eq!(ledger.component(&digest).unwrap().as_ref(), Some(code));
        }
    }
    let (refused, accepted) = town.answers();
    assert!(refused > 0 && accepted >= 3 * 6 - 12, "{refused} lies, {accepted} answers");
    let nothing = tokio::time::timeout(MOMENT, ledger.component_arrived(&Digest::from_bytes([9; 32]))).await;
    assert!(nothing.is_err());
}

/// FAULTS 62: two replicas whose states differ: the one that the network does not agree with halts and names both roots.
#[tokio::test]
async fn case_62_the_replica_that_diverged_halts_and_names_both_roots() {
    let mut town = Town::started(4, 12);
    let pending = {
        let ledger = town.ledger(0);
        let entry = deploy("there", b"code", &spec("/there", true, true), None);
        ledger.submit(bundle(&ledger, &client(), 900, &[entry])).unwrap()
    };
    pending.durable().await.unwrap();
    town.settle().await;
    let theirs = town.ledger(0).status().state;
    // Replica 1 is given another history: the same height, nothing ordered.
    town.wipe(1);
    town.faults(|faults| faults.cut.extend([1]));
    town.start(1);
    let ours = town.ledger(1).status().state;
    let mut other = Town::new(4, 0);
    (0..town.chain.len()).for_each(|_| other.force(vec![], ours));
    for block in &other.chain {
        town.ledger(1).application().finalized(block.clone(), Box::new(|| {}));
    }
    eventually("it has that history", || town.ledger(1).height() == town.chain.len() as u64);
    assert_ne!(town.ledger(1).status().state, theirs);
    town.force(vec![], theirs);
    let last = town.chain.last().unwrap().clone();
    town.ledger(1).application().finalized(last, Box::new(|| {}));
    eventually("it halts", || matches!(town.ledger(1).status().condition, Condition::Stopped(_)));
    let Condition::Stopped(why) = town.ledger(1).status().condition else { unreachable!() };
    assert!(why.contains(&ours.to_string()) && why.contains(&theirs.to_string()), "{why}");
    assert!(why.contains(&format!("block {}", town.chain.len())), "{why}");
    assert_eq!(town.ledger(0).status().condition, Condition::Running);
}

/// Old blocks go with their batches when the retention says so; what is kept is still proven, and what is gone says
/// so. The lane's numbers are not used again.
#[tokio::test]
async fn old_blocks_are_pruned_without_breaking_what_is_kept() {
    let mut town = Town::new(4, 13);
    // The blocks of these tests are from 2023.
    town.retention = Retention { blocks_s: Some(3600), ..Retention::default() };
    (0..3).for_each(|me| town.start(me));
    let (old, _) = record(&town.ledger(0), 1).await;
    let open = record(&town.ledger(1), 2).await.1;
    answer(&town.ledger(0), &old).unwrap().durable().await.unwrap();
    town.settle().await;
    // An open call holds up the pruning at its own replica, not elsewhere.
    for _ in 0..1100 {
        let state = town.ledger(0).status().state;
        town.force(vec![], state);
        let height = town.chain.len() as u64;
        eventually("it is committed", || town.running().iter().all(|(_, ledger)| ledger.height() == height));
    }
    let new = record(&town.ledger(2), 3).await.1;
    town.settle().await;
    eventually("the old block is pruned", || {
        matches!(town.ledger(0).prove(old.id()), Err(ProveError::Pruned { .. }))
    });
    for me in [0, 1, 2] {
        let ledger = town.ledger(me);
        ledger.prove(new.0).unwrap().verify(&town.network.genesis).unwrap();
    }
    town.ledger(1).prove(open.0).unwrap().verify(&town.network.genesis).unwrap();
    assert_eq!(town.ledger(0).block(1).unwrap(), None);
    let next = town.ledger(0).status().next_batch;
    town.stop(0);
    town.start(0);
    assert_eq!(town.ledger(0).status().next_batch, next);
}
