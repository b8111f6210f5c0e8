//! How calls end that several workers run: by what most of them say, once, and never by who comes first.

use crate::compared::Machine;
use crate::town::Town;
use crate::triggers::trigger;
use crate::working::{self, a_call, begin, charging, open, record};
use crate::world::{eventually, name};
use futures::executor::block_on;
use moot_ledger::limits::DERIVED_PATIENCE_MS;
use moot_ledger::state::{Changes, OrderedBundle};
use moot_ledger::{ComparedCall, DerivedCall, DerivedEnd, Ledger, PayloadBytes};
use moot_record::testing::Network;
use moot_record::{
    AccountId, Digest, EntryId, FunctionKind, Spec, Status, Transaction, TriggerOn, component_digest,
};
use std::sync::Arc;

/// A function that is told when a call of `sum` has ended.
fn told() -> Vec<Transaction> {
    let spec = Spec::new(FunctionKind::Event, "/told");
    vec![
        Transaction::deploy(name("told"), component_digest(b"told"), 3, &spec, None),
        trigger("ended", TriggerOn::Completion(name("sum")), "told"),
    ]
}

/// A machine with three of four workers for each call, whose ends fire a trigger.
fn begun() -> Machine {
    let mut machine = Machine::new(3, &[1, 2, 3, 4]);
    for said in told() {
        machine.say(0, said).unwrap();
    }
    machine
}

/// What was said of the ends of calls: each with its status.
fn ends<'a>(derived: impl IntoIterator<Item = &'a Arc<DerivedCall>>) -> Vec<(EntryId, String)> {
    let ended = derived.into_iter().filter(|call| call.trigger == name("ended"));
    let said = ended.map(|call| {
        let said = call.payload.inline.as_deref().unwrap();
        let said: serde_json::Value = serde_json::from_slice(said).unwrap();
        (call.at.unwrap(), said["status"].as_str().unwrap().to_owned())
    });
    said.collect()
}

/// What the last block fired. What it gives more time is older.
fn fired(machine: &Machine, changes: &Changes) -> Vec<(EntryId, String)> {
    let height = machine.state.height();
    ends(changes.derived.iter().map(|news| &news.call).filter(|call| call.id.height == height))
}

/// A block with this, or with nothing; what it fired.
fn block(machine: &mut Machine, bundle: Option<OrderedBundle>) -> Vec<(EntryId, String)> {
    let changes = machine.block(bundle.into_iter().collect());
    fired(machine, &changes)
}

/// A drawn worker says this, in a block of its own; what that fired.
fn hear(machine: &mut Machine, drawn: &ComparedCall, worker: usize, output: &[u8]) -> Vec<(EntryId, String)> {
    let (_, changes) = machine.answer(drawn, drawn.workers[worker], output);
    fired(machine, &changes)
}

fn with(mut bundle: OrderedBundle, status: Status) -> OrderedBundle {
    bundle.receipts[0].1.status = status;
    bundle
}

#[test]
fn what_waits_for_the_end_hears_what_most_agree_on_whoever_came_first() {
    for odd in 0..3 {
        let mut machine = begun();
        let call = machine.call();
        let drawn = machine.drawn(&call).unwrap();
        let mut heard = Vec::new();
        for (place, worker) in drawn.workers.iter().enumerate() {
            let status = if place == odd { Status::Failed } else { Status::Ok };
            let bundle = with(machine.receipt(&call, drawn.call_digest, *worker, b"six"), status);
            heard.push(block(&mut machine, Some(bundle)));
        }
        // The second of those that agree makes it the end: the third receipt, unless the odd one comes last.
        let end = if odd == 2 { 1 } else { 2 };
        for (place, heard) in heard.into_iter().enumerate() {
            let expected = if place == end { vec![(call, "ok".to_owned())] } else { vec![] };
            assert_eq!(heard, expected, "{odd} is the odd one, receipt {place}");
        }
    }
}

#[test]
fn where_they_do_not_agree_the_end_is_that_there_is_no_answer() {
    let failed = |call| vec![(call, "unavailable".to_owned())];
    let mut machine = begun();
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    for (n, output) in [b"five", b"sixx", b"nine"].into_iter().enumerate() {
        let expected = if n == 2 { failed(call) } else { vec![] };
        assert_eq!(hear(&mut machine, &drawn, n, output), expected);
    }
    // Two are waited for in vain; what comes later is not heard.
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    assert_eq!(hear(&mut machine, &drawn, 0, b"six"), []);
    machine.time_ms = drawn.until_ms - 1;
    assert_eq!(block(&mut machine, None), []);
    machine.time_ms += 1;
    assert_eq!(block(&mut machine, None), failed(call));
    assert_eq!(hear(&mut machine, &drawn, 1, b"six"), []);
    assert_eq!(hear(&mut machine, &drawn, 2, b"six"), []);
}

/// The replica may have been too early to give up: its own receipt is nobody's word about what came of the call.
#[test]
fn that_its_replica_gave_up_does_not_end_it() {
    let mut machine = begun();
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    let replica = Network::new(1).validators[0].account();
    for status in [Status::Unavailable, Status::Ok] {
        let mut said = with(machine.receipt(&call, drawn.call_digest, replica, b""), status);
        said.own = true;
        assert_eq!(block(&mut machine, Some(said)), []);
    }
    assert_eq!(hear(&mut machine, &drawn, 0, b"six"), []);
    assert_eq!(hear(&mut machine, &drawn, 1, b"six"), [(call, "ok".to_owned())]);
}

/// A call of `sum` that a trigger derived, bound to the replica's lane.
fn derived(machine: &mut Machine) -> (Arc<DerivedCall>, EntryId) {
    machine.time_ms += 60_000;
    let changes = machine.block(vec![]);
    let derived = changes.derived.into_iter().map(|news| news.call);
    let derived =
        derived.filter(|call| call.trigger == name("tick") && call.id.height == machine.state.height());
    let derived = derived.last().unwrap();
    let (id, mut bundle) = machine.calling();
    let (_, call) = &mut bundle.calls[0];
    (call.idempotency, call.caller) = (Some(derived.digest()), Some(derived.owner));
    machine.block(vec![bundle]);
    (derived, id)
}

#[test]
fn a_derived_call_is_answered_by_what_most_agree_on() {
    let mut machine = begun();
    machine.say(0, trigger("tick", TriggerOn::Schedule("* * * * *".into()), "sum")).unwrap();
    let (answered, call) = derived(&mut machine);
    let drawn = machine.drawn(&call).unwrap();
    let end_of = |changes: &Changes, of: &DerivedCall| {
        changes.derived.iter().find(|news| news.call.id == of.id).and_then(|news| news.end.clone())
    };
    let (_, changes) = machine.answer(&drawn, drawn.workers[0], b"five");
    assert_eq!(end_of(&changes, &answered), None);
    let (first, changes) = machine.answer(&drawn, drawn.workers[1], b"six");
    assert_eq!(end_of(&changes, &answered), None);
    let (_, changes) = machine.answer(&drawn, drawn.workers[2], b"six");
    let end = DerivedEnd::Answered { receipt: first, status: Status::Ok };
    assert_eq!(end_of(&changes, &answered), Some(end));
    assert!(machine.state.derived().all(|open| open.id != answered.id));
    // It stays with its lane as long as its workers are waited for, and is given up with them.
    let (given_up, call) = derived(&mut machine);
    let drawn = machine.drawn(&call).unwrap();
    let open = machine.state.derived().find(|open| open.id == given_up.id).unwrap().clone();
    assert_eq!((open.call, open.until_ms), (Some(call), drawn.until_ms));
    assert!(drawn.until_ms > given_up.time_ms + DERIVED_PATIENCE_MS);
    machine.time_ms = drawn.until_ms;
    let before = machine.state.history();
    let changes = machine.block(vec![]);
    let end = end_of(&changes, &given_up).unwrap();
    assert!(matches!(end, DerivedEnd::Dropped { why } if why.contains("did not say the same")));
    assert_ne!(machine.state.history(), before);
    assert_eq!(fired(&machine, &changes), [(call, "unavailable".to_owned())]);
    assert!(machine.state.derived().all(|open| open.id != given_up.id));
}

fn heard(ledger: &Ledger) -> Vec<(EntryId, String)> {
    let all = ledger.newest_derived(1000).unwrap();
    let mut heard = ends(all.iter().map(|news| &news.call));
    heard.sort();
    heard
}

/// What a drawn worker says, and that a block has it.
fn say(ledger: &Ledger, call: (EntryId, Digest), worker: AccountId, output: &[u8], further: bool) {
    let spoken = || ledger.compared(&call.0).unwrap().map_or(usize::MAX, |drawn| drawn.said.len());
    let before = spoken();
    record(ledger, call, worker, output, further).unwrap();
    eventually("it is compared", || spoken() > before);
}

#[test]
fn one_replica_fires_for_what_most_agree_on() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = begin(&ledger);
    working::say(&ledger, 0, told());
    eventually("the workers", || ledger.workers().iter().count() == 4);
    eventually("the trigger", || ledger.triggers().iter().count() == 1);
    let asked = ledger.append_call(a_call(&spec, 1), PayloadBytes::None).unwrap();
    block_on(asked.finalized()).unwrap();
    let call = (asked.id(), asked.digest());
    let [one, two, three] = ledger.compared(&call.0).unwrap().unwrap().workers[..] else { panic!("three") };
    say(&ledger, call, one, b"five", false);
    assert_eq!(heard(&ledger), []);
    say(&ledger, call, two, b"six", true);
    assert_eq!(heard(&ledger), []);
    // The end is remembered to be still to come.
    block_on(ledger.close());
    let ledger = open(dir.path());
    say(&ledger, call, three, b"six", true);
    eventually("the end", || heard(&ledger) == [(call.0, "ok".to_owned())]);
}

#[tokio::test]
async fn four_replicas_fire_alike_for_what_most_agree_on() {
    let mut town = Town::with_genesis(4, 8, charging);
    (0..4).for_each(|me| town.start(me));
    let spec = begin(&town.ledger(0));
    working::say(&town.ledger(0), 0, told());
    town.settle().await;
    let mut asked = Vec::new();
    for me in 0..4 {
        for number in 0..3 {
            let call = a_call(&spec, me as u64 * 100 + number);
            let pending = town.ledger(me).append_call(call, PayloadBytes::None).unwrap();
            asked.push((me, (pending.id(), pending.digest())));
        }
    }
    town.settle().await;
    let drawn = |me: usize, call: EntryId| town.ledger(me).compared(&call).unwrap().unwrap().workers;
    let drawn: Vec<Vec<AccountId>> = asked.iter().map(|(me, (call, _))| drawn(*me, *call)).collect();
    // One after the other; every third call has no two that say the same, in the others the first one is wrong.
    for turn in 0..3 {
        for (number, ((me, call), workers)) in asked.iter().zip(&drawn).enumerate() {
            let own = ["one", "two", "three"][turn].as_bytes();
            let output = if turn == 0 || number.is_multiple_of(3) { own } else { b"six" };
            record(&town.ledger(*me), *call, workers[turn], output, turn > 0).unwrap();
        }
        // One of them sees none of it, and hears of it later.
        if turn == 1 {
            town.stop(3);
            town.settle().await;
            town.start(3);
        }
        town.settle().await;
        if turn < 2 {
            assert!(town.running().iter().all(|(_, ledger)| heard(ledger).is_empty()), "turn {turn}");
        }
    }
    town.assert_equal();
    let status = |number: usize| if number.is_multiple_of(3) { "unavailable" } else { "ok" };
    let mut expected: Vec<_> =
        asked.iter().enumerate().map(|(n, (_, call))| (call.0, status(n).to_owned())).collect();
    expected.sort();
    for (me, ledger) in town.running() {
        assert_eq!(heard(&ledger), expected, "at {me}");
    }
}
