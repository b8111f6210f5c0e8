//! Workers that stay silent: others are asked in their places, as often as is bounded, and whoever comes late is heard as
//! long as a place is free.

use crate::compared::{COST, Machine};
use crate::triggers::trigger;
use crate::working::{account, stake, work, work_with};
use crate::world::name;
use moot_ledger::limits::{COMPARED_PATIENCE_MS, COMPARED_SILENCE_BLOCKS, COMPARED_SILENCE_MS};
use moot_ledger::state::Changes;
use moot_ledger::{ComparedCall, DerivedEnd, PostingKind};
use moot_record::testing::Network;
use moot_record::{AccountId, EntryId, FunctionKind, Spec, Status, Transaction, TriggerOn, component_digest};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

/// A call, and whom the state has drawn for it.
fn asked(k: u8, workers: &[u8]) -> (Machine, ComparedCall) {
    let mut machine = Machine::new(k, workers);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    (machine, drawn)
}

/// When its workers have been silent for long enough, if nobody else is asked meanwhile.
fn silent_ms(call: &ComparedCall) -> u64 {
    call.until_ms - COMPARED_PATIENCE_MS + COMPARED_SILENCE_MS
}

/// Time and blocks pass until others are asked, if there are any; the call as it is then.
fn wait(machine: &mut Machine, call: &ComparedCall) -> Option<ComparedCall> {
    machine.time_ms = silent_ms(call);
    loop {
        machine.block(vec![]);
        if machine.state.height() >= call.asked_at + COMPARED_SILENCE_BLOCKS {
            return machine.drawn(&call.call);
        }
    }
}

fn number(worker: &AccountId) -> u8 {
    (1..=5).find(|n| account(*n) == *worker).unwrap()
}

fn calls_in(changes: &Changes) -> u64 {
    let lines = changes.postings.iter().filter(|line| line.kind == PostingKind::Calls);
    lines.map(|line| line.calls).sum()
}

#[test]
fn others_are_asked_in_the_places_of_the_silent() {
    let (mut machine, drawn) = asked(3, &[1, 2, 3, 4, 5]);
    assert_eq!((drawn.workers.len(), drawn.others.len(), drawn.silent()), (3, 2, 3));
    let before = machine.state.balance(&account(0));
    machine.answer(&drawn, drawn.workers[1], b"six");
    // So many blocks within its time, and after it a moment too early by either measure: nothing.
    while machine.state.height() <= drawn.asked_at + COMPARED_SILENCE_BLOCKS {
        machine.block(vec![]);
    }
    machine.time_ms = silent_ms(&drawn) - 1;
    machine.block(vec![]);
    assert_eq!(machine.drawn(&drawn.call).unwrap().workers, drawn.workers);
    machine.time_ms += 1;
    machine.block(vec![]);
    let now = machine.drawn(&drawn.call).unwrap();
    let all: Vec<AccountId> = drawn.workers.iter().chain(&drawn.others).copied().collect();
    assert_eq!((&now.workers, &now.others), (&all, &vec![]), "two are silent, and the next two are asked");
    assert_eq!((now.asked_at, now.majority()), (machine.state.height(), 2), "most of three, as before");
    assert_eq!(now.until_ms, machine.time_ms + drawn.deadline_ms + COMPARED_PATIENCE_MS);
    let (_, changes) = machine.answer(&drawn, drawn.others[1], b"six");
    assert_eq!((calls_in(&changes), machine.state.balance(&account(0))), (1, before - COST));
    assert!(machine.drawn(&drawn.call).unwrap().agreed.is_some());
    // The third that speaks is the last that is heard.
    machine.answer(&drawn, drawn.others[0], b"six");
    assert!(machine.drawn(&drawn.call).is_none());
    assert_eq!(machine.state.balance(&account(0)), before - COST);
}

#[test]
fn a_block_that_leaps_over_the_time_alone_replaces_nobody() {
    let (mut machine, drawn) = asked(3, &[1, 2, 3, 4]);
    machine.time_ms = silent_ms(&drawn);
    for _ in 1..COMPARED_SILENCE_BLOCKS {
        machine.block(vec![]);
        assert_eq!(machine.drawn(&drawn.call).as_ref(), Some(&drawn));
    }
    machine.block(vec![]);
    assert_eq!(machine.drawn(&drawn.call).unwrap().workers.len(), 4);
}

#[test]
fn who_comes_late_is_heard_before_those_asked_in_its_place_and_not_after() {
    for late_first in [true, false] {
        let (mut machine, drawn) = asked(2, &[1, 2, 3]);
        let before = machine.state.balance(&account(0));
        let (late, other) = (drawn.workers[1], drawn.others[0]);
        machine.answer(&drawn, drawn.workers[0], b"six");
        assert_eq!(wait(&mut machine, &drawn).unwrap().workers, [drawn.workers[0], late, other]);
        let (first, last) = if late_first { (late, other) } else { (other, late) };
        let had = machine.state.balance(&last);
        let (_, changes) = machine.answer(&drawn, first, b"six");
        assert_eq!((calls_in(&changes), machine.drawn(&drawn.call)), (1, None));
        // The places are taken: what else is said costs and brings nobody anything.
        let (_, changes) = machine.answer(&drawn, last, b"five");
        assert!(changes.postings.is_empty() && changes.outcomes.is_empty());
        assert_eq!((machine.faults(&last), machine.state.balance(&last)), ((0, 0), had));
        assert_eq!(machine.state.balance(&account(0)), before - COST, "charged once");
    }
}

/// It speaks of that call, and with its stake: coming late is no excuse for being wrong.
#[test]
fn who_is_heard_late_must_be_right() {
    let (mut machine, drawn) = asked(3, &[1, 2, 3, 4]);
    machine.answer(&drawn, drawn.workers[0], b"six");
    wait(&mut machine, &drawn).unwrap();
    machine.answer(&drawn, drawn.others[0], b"six");
    machine.answer(&drawn, drawn.workers[2], b"five");
    assert_eq!((machine.faults(&drawn.workers[2]), machine.drawn(&drawn.call)), ((1, 100), None));
}

#[test]
fn where_nobody_is_left_the_call_ends_when_it_would_have() {
    // Three are all there are; of four, the last offers something else by now, or nothing.
    let ends = |mut machine: Machine, drawn: ComparedCall| {
        machine.answer(&drawn, drawn.workers[0], b"six");
        let now = wait(&mut machine, &drawn).unwrap();
        assert_eq!((&now.workers, now.until_ms), (&drawn.workers, drawn.until_ms));
        assert!(now.others.is_empty(), "nobody is looked for again");
        machine.time_ms = drawn.until_ms;
        machine.block(vec![]);
        assert!(machine.drawn(&drawn.call).is_none());
    };
    let (machine, drawn) = asked(3, &[1, 2, 3]);
    assert!(drawn.others.is_empty());
    ends(machine, drawn);
    for offer in [Transaction::Work { offer: None }, work_with("e-2")] {
        let (mut machine, drawn) = asked(3, &[1, 2, 3, 4]);
        assert_eq!(machine.say(number(&drawn.others[0]), offer), Ok(0));
        ends(machine, drawn);
    }
}

/// Each worker that may be asked is one more that a replica could wait for by keeping the others' receipts back.
#[test]
fn no_more_are_asked_again_than_the_call_is_run_by() {
    let (mut machine, drawn) = asked(2, &[1, 2, 3, 4, 5]);
    assert_eq!(drawn.others.len(), 2, "of three that are left");
    machine.answer(&drawn, drawn.workers[0], b"six");
    let mut now = drawn.clone();
    for asked in [3, 4, 4] {
        now = wait(&mut machine, &now).unwrap();
        assert_eq!(now.workers.len(), asked, "one is silent, so one is asked");
    }
    let most = drawn.deadline_ms + COMPARED_PATIENCE_MS;
    assert!(now.until_ms <= drawn.until_ms + 2 * most);
    machine.time_ms = now.until_ms;
    machine.block(vec![]);
    assert!(machine.drawn(&drawn.call).is_none());
}

/// Case 70: a worker's key that was stolen must not come to speak because others are silent.
#[test]
fn case_70_a_revoked_worker_is_not_asked_in_anybodys_place() {
    let (mut machine, drawn) = asked(2, &[1, 2, 3, 4]);
    let [revoked, next] = drawn.others[..] else { panic!("two") };
    assert_eq!(machine.say(number(&revoked), Transaction::Revoke {}), Ok(0));
    machine.answer(&drawn, drawn.workers[0], b"six");
    let now = wait(&mut machine, &drawn).unwrap();
    assert_eq!((now.workers[2..].to_vec(), now.others), (vec![next], vec![]));
    machine.answer(&drawn, revoked, b"six");
    assert_eq!(machine.drawn(&drawn.call).unwrap().said.len(), 1);
    // One that was revoked after it was drawn is silent too, whatever it says.
    let (mut machine, drawn) = asked(2, &[1, 2, 3]);
    assert_eq!(machine.say(number(&drawn.workers[0]), Transaction::Revoke {}), Ok(0));
    machine.answer(&drawn, drawn.workers[0], b"five");
    machine.answer(&drawn, drawn.workers[1], b"six");
    wait(&mut machine, &drawn).unwrap();
    let (_, changes) = machine.answer(&drawn, drawn.others[0], b"six");
    assert_eq!(calls_in(&changes), 1);
}

/// The digests that a call is drawn by are known then: of many accounts one would come first.
#[test]
fn who_registers_or_stakes_after_the_draw_is_not_asked_for_it() {
    let (mut machine, drawn) = asked(2, &[1, 2, 3]);
    assert_eq!((machine.say(4, stake(900_000)), machine.say(4, work())), (Ok(0), Ok(0)));
    let now = wait(&mut machine, &drawn).unwrap();
    assert_eq!(now.workers[2..], drawn.others);
    assert!(!now.workers.contains(&account(4)));
}

#[test]
fn where_most_cannot_agree_any_more_nobody_else_is_asked() {
    let (mut machine, drawn) = asked(3, &[1, 2, 3, 4, 5]);
    for worker in &drawn.workers[..2] {
        let mut slow = machine.receipt(&drawn.call, drawn.call_digest, *worker, b"");
        slow.receipts[0].1.status = Status::Deadline;
        machine.block(vec![slow]);
    }
    let now = wait(&mut machine, &drawn).unwrap();
    assert_eq!((now.workers, now.others), (drawn.workers, vec![]));
}

/// A machine where something waits for the ends of calls, and a trigger calls every minute.
fn told(workers: &[u8]) -> Machine {
    let mut machine = Machine::new(3, workers);
    let spec = Spec::new(FunctionKind::Event, "/told");
    let deploy = Transaction::deploy(name("told"), component_digest(b"told"), 3, &spec, None);
    machine.say(0, deploy).unwrap();
    machine.say(0, trigger("ended", TriggerOn::Completion(name("sum")), "told")).unwrap();
    machine.say(0, trigger("tick", TriggerOn::Schedule("* * * * *".into()), "sum")).unwrap();
    machine
}

/// The call that a trigger has derived in the next minute, in the replica's lane: what the block with it changed.
fn derived(machine: &mut Machine) -> (EntryId, Changes) {
    machine.time_ms = (machine.time_ms / 60_000 + 1) * 60_000;
    let changes = machine.block(vec![]);
    let derived = changes.derived.iter().map(|news| &news.call).find(|call| call.trigger == name("tick"));
    let (digest, owner) = derived.map(|call| (call.digest(), call.owner)).unwrap();
    let (id, mut bundle) = machine.calling();
    let (_, call) = &mut bundle.calls[0];
    (call.idempotency, call.caller) = (Some(digest), Some(owner));
    (id, machine.block(vec![bundle]))
}

/// How calls have ended, as what waits for that was told.
fn ends(changes: &Changes) -> Vec<(EntryId, String)> {
    let fired =
        changes.derived.iter().filter(|news| news.call.trigger == name("ended") && news.end.is_none());
    let said = fired.map(|news| {
        let said: serde_json::Value =
            serde_json::from_slice(news.call.payload.inline.as_deref().unwrap()).unwrap();
        (news.call.at.unwrap(), said["status"].as_str().unwrap().to_owned())
    });
    said.collect()
}

#[test]
fn a_derived_call_stays_with_its_lane_while_others_are_asked() {
    let mut machine = told(&[1, 2, 3, 4]);
    let (id, _) = derived(&mut machine);
    let drawn = machine.drawn(&id).unwrap();
    machine.answer(&drawn, drawn.workers[0], b"six");
    let now = wait(&mut machine, &drawn).unwrap();
    let open = machine.state.derived().find(|call| call.call == Some(id)).unwrap().clone();
    assert_eq!((open.until_ms, open.turn), (now.until_ms, 0));
    assert!(now.until_ms > drawn.until_ms);
    let (_, changes) = machine.answer(&drawn, drawn.others[0], b"six");
    assert_eq!(ends(&changes), [(id, "ok".to_owned())]);
}

/// Nor is it an answer what one alone says of a call for which too few were there: it has ended before.
#[test]
fn a_call_for_which_too_few_are_there_ends_at_once_and_once() {
    let mut machine = told(&[1, 2]);
    let (id, changes) = derived(&mut machine);
    assert!(machine.drawn(&id).is_none());
    assert_eq!(ends(&changes), [(id, "unavailable".to_owned())]);
    let end = changes.derived.iter().find_map(|news| news.end.clone());
    assert!(matches!(&end, Some(DerivedEnd::Dropped { why }) if why.contains("too few workers")), "{end:?}");
    assert!(machine.state.derived().all(|call| call.call != Some(id)));
    for (worker, status) in
        [(account(1), Status::Ok), (Network::new(1).validators[0].account(), Status::Unavailable)]
    {
        let mut said = machine.receipt(&id, component_digest(b"any"), worker, b"six");
        (said.own, said.receipts[0].1.status) = (status == Status::Unavailable, status);
        let changes = machine.block(vec![said]);
        assert!(ends(&changes).is_empty() && changes.postings.is_empty());
    }
}

/// What must have come of a call, from what was said in which order.
struct Model {
    drawn: ComparedCall,
    heard: Vec<(AccountId, bool)>,
}

impl Model {
    fn said(&self, lies: bool) -> usize {
        self.heard.iter().filter(|(_, lied)| *lied == lies).count()
    }

    /// Whether most say what is so, or the same lie.
    fn agreed(&self) -> Option<bool> {
        [false, true].into_iter().find(|lies| self.said(*lies) >= self.drawn.majority())
    }
}

/// Silence, late answers, lies and workers that come and go, in any order: each call is charged once and at most once,
/// for what most of the first that speak agree on, and who contradicts them is at fault. [`Machine`] applies every block
/// twice, and compares the roots.
#[test]
fn random_silence_charges_once_and_finds_at_fault_who_was_heard() {
    let mut replaced = 0;
    for seed in 0..30 {
        let mut rng = StdRng::seed_from_u64(seed);
        let k = rng.random_range(2..=4);
        let mut machine = Machine::new(k, &[1, 2, 3, 4, 5]);
        let mut calls = BTreeMap::<EntryId, Model>::new();
        let (mut charged, mut faults) = (0, BTreeMap::<AccountId, u64>::new());
        for _ in 0..250 {
            let mut changes = Changes::default();
            match rng.random_range(0..10) {
                0 => {
                    let call = machine.call();
                    if let Some(drawn) = machine.drawn(&call) {
                        calls.insert(call, Model { drawn, heard: Vec::new() });
                    }
                }
                1 => {
                    let offer = if rng.random_bool(0.3) { Transaction::Work { offer: None } } else { work() };
                    let _ = machine.say(rng.random_range(1..=5), offer);
                }
                2..6 if !calls.is_empty() => {
                    let at = rng.random_range(0..calls.len());
                    let model = calls.values_mut().nth(at).unwrap();
                    let row = machine.drawn(&model.drawn.call);
                    let (drawn, lies) = (model.drawn.clone(), rng.random_bool(0.1));
                    let anybody: Vec<AccountId> =
                        drawn.workers.iter().chain(&drawn.others).copied().collect();
                    let worker = anybody[rng.random_range(0..anybody.len())];
                    let before = model.agreed();
                    if row.is_some_and(|row| row.workers.contains(&worker))
                        && model.heard.iter().all(|(known, _)| *known != worker)
                    {
                        model.heard.push((worker, lies));
                        charged += u64::from(before.is_none() && model.agreed().is_some());
                        let odd = model.heard.iter().filter(|(_, lied)| Some(!*lied) == model.agreed());
                        let odd = odd.filter(|(odd, _)| before.is_none() || *odd == worker);
                        odd.for_each(|(odd, _)| *faults.entry(*odd).or_default() += 1);
                    }
                    changes = machine.answer(&drawn, worker, if lies { b"five" } else { b"six" }).1;
                }
                _ => {
                    machine.time_ms += rng.random_range(0..9_000);
                    machine.block(vec![]);
                }
            }
            charged -= calls_in(&changes);
            for (id, model) in &calls {
                let Some(row) = machine.drawn(id) else { continue };
                let heard: Vec<AccountId> = row.said.iter().map(|said| said.worker).collect();
                assert_eq!(heard, model.heard.iter().map(|(worker, _)| *worker).collect::<Vec<_>>());
                assert!(heard.len() < usize::from(k) && row.workers.starts_with(&model.drawn.workers));
                let again = &row.workers[usize::from(k)..];
                assert!(again.iter().all(|worker| model.drawn.others.contains(worker)));
                assert_eq!(row.agreed.is_some(), model.agreed().is_some());
                replaced += again.len();
            }
            let found = machine.state.workers().iter().filter(|(_, record)| record.faults > 0);
            assert_eq!(found.map(|(who, record)| (*who, record.faults)).collect::<BTreeMap<_, _>>(), faults);
            assert_eq!(charged, 0, "seed {seed}: charged by the model, and not by the state");
        }
    }
    assert!(replaced > 0, "nobody was ever asked in another's place");
}
