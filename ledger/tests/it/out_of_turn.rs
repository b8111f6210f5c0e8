//! What triggers wait for, out of turn: a receipt that a block orders before its call, one that comes long after it, what
//! was written before the call that wrote it, and a lane that is asked once more.

use crate::lanes::{MOMENT, give, in_lane, sealed, value};
use crate::town::Town;
use crate::triggers::{account, call_of, deploy, key, record, setup, trigger};
use crate::world::{answer, bundle, eventually, name, receipt};
use bytes::Bytes;
use moot_ledger::limits::DERIVED_PATIENCE_MS;
use moot_ledger::{DerivedCall, DerivedEnd, PayloadBytes};
use moot_record::{
    Call, Digest, Entry, EntryId, FunctionKind, Payload, Status, TriggerOn, Value, entry_digest,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whose lane the test writes: it runs no replica.
const LANE: u32 = 3;

/// Values that are written: some of the calls that they derive are the lane's.
const VALUES: usize = 12;

/// A batch that the lane's owner signed and sealed, with the addresses of its entries.
struct Own {
    bytes: Bytes,
    digest: Digest,
    ids: Vec<EntryId>,
}

fn own(town: &Town, seq: u64, entries: &[Entry]) -> Own {
    let owner = &town.network.validators[LANE as usize];
    let signed = bundle(&town.ledger(1), owner, 1000, entries);
    let at = |page, slot| EntryId { lane: LANE, batch: seq, bundle: 0, page, slot };
    let ids = signed.entries().map(|(page, slot, _)| at(page, slot)).collect();
    let (bytes, digest) = in_lane(town, LANE, seq, signed);
    Own { bytes, digest, ids }
}

/// Three of four replicas, with calls that the lane of the fourth is to run.
async fn begin(seed: u64) -> (Town, Vec<Arc<DerivedCall>>) {
    let mut town = Town::new(4, seed);
    (0..3).for_each(|me| town.start(me));
    setup(&mut town).await;
    let after = TriggerOn::Completion(name("clerk"));
    let said = [deploy("scribe", FunctionKind::Event, |_| {}), trigger("after", after, "scribe")];
    let signed = bundle(&town.ledger(0), &key(1), 1000, &said.map(Entry::Transaction));
    town.ledger(0).submit(signed).unwrap().durable().await.unwrap();
    town.settle().await;
    for n in 0..VALUES {
        let value = Value::new(format!("/a/{n}"), Payload::inlined(b"x")).by(account(2));
        town.ledger(0).append_value(value, PayloadBytes::None).unwrap().durable().await.unwrap();
    }
    town.settle().await;
    let derived = town.ledger(1).newest_derived(100).unwrap();
    assert_eq!(derived.len(), VALUES);
    let of_lane = derived.into_iter().map(|news| news.call).filter(|call| call.lane == LANE);
    let of_lane: Vec<_> = of_lane.collect();
    assert!(!of_lane.is_empty());
    (town, of_lane)
}

fn assert_ended(town: &Town, calls: &BTreeMap<EntryId, EntryId>) {
    for (me, ledger) in town.running() {
        let all = ledger.newest_derived(100).unwrap();
        for (call, receipt) in calls {
            let ended = all.iter().find(|news| news.call.call == Some(*call));
            let end = ended.unwrap_or_else(|| panic!("{call} is bound at {me}")).end.clone();
            let answered = DerivedEnd::Answered { receipt: *receipt, status: Status::Ok };
            assert_eq!(end, Some(answered), "{call} at {me}");
            let fired =
                all.iter().filter(|news| news.call.trigger == name("after") && news.call.at == Some(*call));
            assert_eq!(fired.count(), 1, "what waits for the end of {call} at {me}");
        }
        assert_eq!(all.len(), VALUES + calls.len(), "at {me}");
    }
}

/// A replica that missed the batch with the calls proposes the one with their receipts first. Without a look back the lane
/// would seem to have answered nothing: others would run the calls once more, and nobody would hear of their end.
#[tokio::test]
async fn a_receipt_before_its_call_ends_it_on_every_replica() {
    // In two blocks or in one; the batch with the receipts as the one version of its number, or as the second.
    for (seed, in_one, second) in [(31, false, false), (32, true, false), (33, false, true), (34, true, true)]
    {
        println!("seed {seed}");
        let (mut town, derived) = begin(seed).await;
        let entries: Vec<Entry> = derived.iter().map(|derived| Entry::Call(call_of(derived))).collect();
        let calls = own(&town, 0, &entries);
        let said = calls.ids.iter().zip(&entries);
        let said =
            said.map(|(id, call)| Entry::Receipt(receipt(*id, entry_digest(&call.encode()), Status::Ok)));
        let answers = own(&town, 1, &said.collect::<Vec<_>>());
        give(&town, &[0, 1, 2], &calls.bytes);
        if second {
            give(&town, &[0, 1], &sealed(&town, LANE, 1, &[value(1)]).0);
        }
        let with_answers: &[usize] = if second { &[2] } else { &[0, 1, 2] };
        give(&town, with_answers, &answers.bytes);
        for me in 0..3 {
            eventually("both are held", || town.ledger(me).status().lanes[LANE as usize].unordered == 2);
        }
        // One of them gets all of it at once, later.
        town.stop(0);
        let blocks = match in_one {
            true => vec![vec![answers.digest, calls.digest]],
            false => vec![vec![answers.digest], vec![calls.digest]],
        };
        for batches in blocks {
            let state = town.ledger(1).status().state;
            town.force(batches, state);
        }
        town.settle().await;
        town.start(0);
        town.settle().await;
        town.assert_equal();
        assert_ended(&town, &calls.ids.into_iter().zip(answers.ids).collect());
    }
}

/// A replica that missed the batch with a call proposes what that call made first. A loop of triggers would begin anew there.
#[tokio::test]
async fn what_comes_before_the_call_that_made_it_counts_on_from_there() {
    for (seed, in_one) in [(37, false), (38, true)] {
        let (mut town, derived) = begin(seed).await;
        let plain = Call { function: name("scribe"), ..crate::world::call(1) };
        let calls = own(&town, 0, &[Entry::Call(call_of(&derived[0])), Entry::Call(plain)]);
        let [call, plain] = calls.ids[..] else { panic!("two") };
        let caller = Some(account(1));
        let child = Call { function: name("scribe"), caller, parent: Some(call), ..crate::world::call(2) };
        let children = own(&town, 1, &[Entry::Call(child)]);
        let written = |path: &str, call: EntryId| {
            let value = Value::new(path, Payload::inlined(b"x")).by(account(1));
            Entry::Value(Value { function: Some(name("clerk")), parent: Some(call), ..value })
        };
        let early = [written("/a/early", call), written("/a/childs", children.ids[0])];
        let early = own(&town, 2, &early);
        let late = own(&town, 3, &[written("/a/late", call), written("/a/plain", plain)]);
        let batches = [early.digest, children.digest, calls.digest, late.digest];
        for own in [calls, children, early, late] {
            give(&town, &[0, 1, 2], &own.bytes);
        }
        for me in 0..3 {
            eventually("all are held", || town.ledger(me).status().lanes[LANE as usize].unordered == 4);
        }
        // One of them gets all of it at once, later.
        town.stop(0);
        let blocks = if in_one { vec![batches.to_vec()] } else { batches.map(|one| vec![one]).to_vec() };
        for batches in blocks {
            let state = town.ledger(1).status().state;
            town.force(batches, state);
        }
        town.settle().await;
        town.start(0);
        town.settle().await;
        town.assert_equal();
        for (me, ledger) in town.running() {
            let all = ledger.newest_derived(100).unwrap();
            let depth = |path: &str| {
                let source = format!("value:{path}");
                all.iter().find(|news| news.call.source == source).map(|news| news.call.depth)
            };
            let depths = ["/a/early", "/a/childs", "/a/late", "/a/plain"].map(depth);
            assert_eq!(depths, [Some(1), Some(1), Some(1), Some(0)], "at {me}, seed {seed}");
        }
    }
}

/// Who was away for an hour finds the call open when it comes back, and says what became of it.
#[tokio::test]
async fn an_end_that_comes_late_is_heard_of_all_the_same() {
    let mut town = Town::started(4, 35);
    setup(&mut town).await;
    let said = [trigger("after", TriggerOn::Completion(name("clerk")), "clerk")];
    let signed = bundle(&town.ledger(0), &key(1), 1000, &said.map(Entry::Transaction));
    town.ledger(0).submit(signed).unwrap().durable().await.unwrap();
    town.settle().await;
    let call = Call { function: name("clerk"), ..crate::world::call(1) };
    let pending = town.ledger(2).append_call(call, PayloadBytes::None).unwrap();
    for _ in 0..3 {
        town.settle().await;
        town.pass_time(60 * 60 * 1000);
    }
    answer(&town.ledger(2), &pending).unwrap();
    town.settle().await;
    town.assert_equal();
    for (me, ledger) in town.running() {
        let fired = ledger.newest_derived(100).unwrap();
        assert_eq!(fired.len(), 1, "at {me}");
        assert_eq!(fired[0].call.at, Some(pending.id()), "at {me}");
    }
}

/// Four lanes record a call, and each is cut off until its turn is over: what they recorded then counts for nothing. The
/// first one is asked again, and must not take that for done.
#[tokio::test]
async fn a_lane_whose_turn_comes_again_records_the_call_anew() {
    let mut town = Town::started(4, 36);
    setup(&mut town).await;
    let value = Value::new("/a/1", Payload::inlined(b"x")).by(account(2));
    town.ledger(0).append_value(value, PayloadBytes::None).unwrap().durable().await.unwrap();
    town.settle().await;
    let derived = |town: &Town, me: usize| town.ledger(me).newest_derived(1).unwrap().remove(0);
    let mut begun = Vec::new();
    for turn in 0..4 {
        let lane = derived(&town, 0).call.lane as usize;
        let [due] = &town.ledger(lane).derived_to_run()[..] else { panic!("lane {lane} has turn {turn}") };
        assert_eq!(due.turn, turn);
        town.faults(|faults| faults.cut = BTreeSet::from([lane]));
        let pending = record(&town.ledger(lane), due).expect("it is this lane's");
        pending.durable().await.unwrap();
        assert!(record(&town.ledger(lane), due).is_none(), "once a turn");
        begun.push((lane, pending));
        town.pass_time(DERIVED_PATIENCE_MS + 10_000);
        let other = (lane + 1) % 4;
        let started = Instant::now();
        while derived(&town, other).call.turn == turn {
            town.view(other, MOMENT).await;
            assert!(started.elapsed() < Duration::from_secs(60), "turn {turn} is not over");
        }
        town.faults(|faults| faults.cut.clear());
        town.settle().await;
    }
    let again = derived(&town, 0).call;
    let lane = again.lane as usize;
    assert_eq!((lane, again.turn, again.call), (begun[0].0, 4, None));
    let pending = record(&town.ledger(lane), &again).expect("it is this lane's once more");
    begun.push((lane, pending));
    for (lane, pending) in &begun {
        let said = receipt(pending.id(), pending.digest(), Status::Interrupted);
        town.ledger(*lane).append_receipt(said, PayloadBytes::None).unwrap();
    }
    town.settle().await;
    town.assert_equal();
    for me in 0..4 {
        let news = derived(&town, me);
        assert_eq!(news.call.call, begun.last().map(|(_, pending)| pending.id()), "at {me}");
        assert!(matches!(news.end, Some(DerivedEnd::Answered { .. })), "at {me}");
    }
}
