//! Triggers in the state machine: who sets them, what they derive, who runs it, and that none is lost or doubled.

use crate::town::Town;
use crate::world::{bundle, name};
use moot_ledger::limits::{DERIVED_PATIENCE_MS, MAX_OPEN_OF_TRIGGER, MAX_TRIGGER_DEPTH, MAX_TRIGGERS_OF_ONE};
use moot_ledger::state::{Block, Changes, FollowedCall, FollowedReceipt, OrderedBundle, State};
use moot_ledger::{Barred, DerivedCall, DerivedEnd, Idempotency, Ledger, PayloadBytes, Pending, Refusal};
use moot_record::{
    Access, AccountId, Call, CallKind, Digest, Entry, EntryId, FunctionKind, Keypair, Payload, Spec, Status,
    Transaction, Trigger, TriggerAccess, TriggerOn, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

pub(crate) fn account(n: u8) -> AccountId {
    key(n).account()
}

/// A call of which nothing but what triggers look at is said.
fn followed() -> FollowedCall {
    FollowedCall {
        function: name("other"),
        caller: None,
        idempotency: None,
        parent: None,
        digest: Digest::ZERO,
        component: Digest::ZERO,
        spec: Digest::ZERO,
        fuel_limit: 0,
        bytes: 0,
    }
}

pub(crate) fn deploy(function: &str, kind: FunctionKind, change: impl FnOnce(&mut Spec)) -> Transaction {
    let mut spec = Spec::new(kind, format!("/{function}"));
    spec.lifecycle.destructible = true;
    change(&mut spec);
    Transaction::deploy(name(function), Digest::from_bytes([9; 32]), 4, &spec, None)
}

pub(crate) fn trigger(called: &str, on: TriggerOn, function: &str) -> Transaction {
    let trigger = Trigger { on, function: name(function), access: TriggerAccess::Anyone };
    Transaction::Trigger { name: name(called), trigger: Some(trigger) }
}

pub(crate) fn on_value(pattern: &str) -> TriggerOn {
    TriggerOn::Value(pattern.into())
}

/// A state with time, in which one thing is said after the other.
#[derive(Clone)]
struct Story {
    state: State,
    batch: u64,
    now_ms: u64,
}

impl Story {
    /// Account 1 owns `/a`, where anyone may write, and functions of kind event.
    fn begin() -> Story {
        let mut story = Story { state: State::new(), batch: 0, now_ms: 1_700_000_000_000 };
        let open = Transaction::Rule { pattern: "/a".into(), rule: Some("true".into()) };
        story.must(
            1,
            &[
                Transaction::Own { path: "/a".into(), owner: Some(account(1)) },
                open,
                deploy("clerk", FunctionKind::Event, |_| {}),
                deploy("other", FunctionKind::Event, |_| {}),
                deploy("site", FunctionKind::Http, |_| {}),
            ],
        );
        story
    }

    fn block(&mut self, bundles: Vec<OrderedBundle>) -> Changes {
        self.block_before(bundles, BTreeSet::new())
    }

    /// A block before the batches of some calls that made what it brings.
    fn block_before(&mut self, bundles: Vec<OrderedBundle>, to_come: BTreeSet<(u32, u64)>) -> Changes {
        let (height, time_ms) = (self.state.height() + 1, self.now_ms);
        self.state.apply(&Block { height, time_ms, digest: Digest::ZERO, bundles, charges: vec![], to_come })
    }

    fn bundle(&mut self, by: u8, lane: Option<u32>) -> OrderedBundle {
        self.batch += 1;
        let mut digest = [by; 32];
        digest[..8].copy_from_slice(&self.batch.to_le_bytes());
        OrderedBundle {
            digest: Digest::from_bytes(digest),
            account: account(by),
            own: lane.is_some(),
            counts: lane.is_none(),
            valid_until: 10_000,
            first: self.id(lane.unwrap_or(0), 0),
            transactions: Vec::new(),
            values: Vec::new(),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: 0,
        }
    }

    fn id(&self, lane: u32, slot: u16) -> EntryId {
        EntryId { lane, batch: self.batch, bundle: 0, page: 0, slot }
    }

    fn say(&mut self, by: u8, transactions: &[Transaction]) -> Vec<Result<u32, Refusal>> {
        let mut bundle = self.bundle(by, None);
        bundle.transactions = (0..).map(|slot| self.id(0, slot)).zip(transactions.iter().cloned()).collect();
        self.block(vec![bundle]).outcomes.into_iter().map(|(_, outcome)| outcome.result).collect()
    }

    fn must(&mut self, by: u8, transactions: &[Transaction]) {
        for result in self.say(by, transactions) {
            result.unwrap();
        }
    }

    /// Writes values in the lane's own bundle; gives what was derived.
    fn write(&mut self, values: &[Value]) -> Vec<Arc<DerivedCall>> {
        let mut bundle = self.bundle(9, Some(0));
        bundle.values = (0..).map(|slot| self.id(0, slot)).zip(values.iter().cloned()).collect();
        opened(&self.block(vec![bundle]))
    }

    fn value(&mut self, path: &str) -> Vec<Arc<DerivedCall>> {
        self.write(&[Value::new(path, Payload::inlined(b"x")).by(account(2))])
    }

    /// The lane records the call.
    fn record(&mut self, derived: &DerivedCall, lane: u32) -> EntryId {
        let (id, bundle) = self.recording(derived, lane);
        self.block(vec![bundle]);
        id
    }

    fn recording(&mut self, derived: &DerivedCall, lane: u32) -> (EntryId, OrderedBundle) {
        let mut bundle = self.bundle(9, Some(lane));
        let id = self.id(lane, 0);
        let call = FollowedCall {
            function: derived.function.clone(),
            caller: Some(derived.owner),
            idempotency: Some(derived.digest()),
            parent: derived.at,
            ..followed()
        };
        bundle.calls = vec![(id, call)];
        (id, bundle)
    }

    /// A call made by another, which the lane records.
    fn child(&mut self, parent: EntryId) -> (EntryId, OrderedBundle) {
        let mut bundle = self.bundle(9, Some(0));
        let id = self.id(0, 0);
        let caller = Some(account(1));
        let child = FollowedCall { function: name("other"), caller, parent: Some(parent), ..followed() };
        bundle.calls = vec![(id, child)];
        (id, bundle)
    }

    /// The lane answers a call; gives what that derived.
    fn answer(&mut self, call: EntryId, status: Status) -> Changes {
        let mut bundle = self.bundle(9, Some(call.lane));
        let receipt = FollowedReceipt {
            call,
            call_digest: Digest::ZERO,
            component: Digest::ZERO,
            status,
            output: Payload::empty(),
            fuel: 0,
            metered: true,
            bytes: 0,
        };
        bundle.receipts = vec![(self.id(call.lane, 0), receipt)];
        self.block(vec![bundle])
    }

    fn open(&self) -> Vec<Arc<DerivedCall>> {
        self.state.derived().cloned().collect()
    }
}

fn opened(changes: &Changes) -> Vec<Arc<DerivedCall>> {
    changes.derived.iter().filter(|news| news.end.is_none()).map(|news| news.call.clone()).collect()
}

#[test]
fn who_may_set_what() {
    let mut story = Story::begin();
    let set = |story: &mut Story, by: u8, called: &str, on: TriggerOn, function: &str| {
        story.say(by, &[trigger(called, on, function)]).remove(0)
    };
    let schedule = || TriggerOn::Schedule("0 6 * * *".into());
    let mine = |path: &str| Err(Refusal::NotPathOwner { path: path.into(), owner: account(1) });
    assert_eq!(set(&mut story, 2, "t", on_value("/a/$x"), "clerk"), mine("/a"));
    let clerks = Err(Refusal::NotOwner { name: name("clerk"), owner: account(1) });
    assert_eq!(set(&mut story, 2, "t", schedule(), "clerk"), clerks);
    assert_eq!(set(&mut story, 2, "t", TriggerOn::Completion(name("other")), "clerk"), clerks);
    assert_eq!(
        set(&mut story, 1, "t", on_value("/a/$x"), "site"),
        Err(Refusal::NotEventKind { name: name("site") })
    );
    assert_eq!(
        set(&mut story, 1, "t", on_value("/a/$x"), "none"),
        Err(Refusal::Unknown { name: name("none") })
    );
    let bad = set(&mut story, 1, "t", TriggerOn::Schedule("61 * * * *".into()), "clerk");
    assert!(matches!(bad, Err(Refusal::BadTrigger(why)) if why.contains("0 to 59")));
    assert_eq!(set(&mut story, 1, "t", on_value("/a/$x"), "clerk"), Ok(0));
    // Any path's owner may use any function that admits it; a name belongs to who has it.
    story.must(2, &[Transaction::Own { path: "/b".into(), owner: Some(account(2)) }]);
    let taken = Err(Refusal::NotTriggerOwner { name: name("t"), owner: account(1) });
    assert_eq!(set(&mut story, 2, "t", on_value("/b/$x"), "clerk"), taken);
    assert_eq!(set(&mut story, 2, "u", on_value("/b/$x"), "clerk"), Ok(0));
    let remove = |called: &str| Transaction::Trigger { name: name(called), trigger: None };
    assert_eq!(story.say(2, &[remove("t")]), [taken]);
    assert_eq!(story.say(2, &[remove("v")]), [Err(Refusal::NoTrigger { name: name("v") })]);
    // Who is given a path may clean it.
    story.must(2, &[Transaction::Own { path: "/b".into(), owner: Some(account(3)) }]);
    story.must(3, &[remove("u")]);
    assert_eq!(set(&mut story, 3, "u", on_value("/b/$x"), "clerk"), Ok(0), "the name is free again");
    // What a group has set is undone with it.
    let group =
        [Transaction::Together { count: 2 }, trigger("w", on_value("/a/$x"), "clerk"), remove("none")];
    assert!(story.say(1, &group).iter().all(Result::is_err));
    assert!(story.state.triggers().get(&name("w")).is_none());
    assert_eq!(story.value("/a/1").len(), 1);
}

#[test]
fn a_value_fires_what_fits_its_path_and_writer() {
    let mut story = Story::begin();
    let only = |access| {
        let trigger = Trigger { on: on_value("/a/$x/$y"), function: name("clerk"), access };
        Transaction::Trigger { name: name("deep"), trigger: Some(trigger) }
    };
    let rule = "path.x == 'lobby' && auth.account != null && value != 'no'";
    story.must(
        1,
        &[
            trigger("one", on_value("/a/$x"), "clerk"),
            trigger("two", on_value("/a/b"), "other"),
            only(TriggerAccess::Rule(rule.into())),
        ],
    );
    let named =
        |derived: &[Arc<DerivedCall>]| derived.iter().map(|d| d.trigger.to_string()).collect::<Vec<_>>();
    let derived = story.write(&[
        Value::new("/a/b", Payload::inlined(b"x")).by(account(2)),
        Value::new("/a/c", Payload::of(&[7; 9000])),
        Value::new("/a", Payload::inlined(b"x")),
        Value::new("/nobodys", Payload::inlined(b"denied")),
    ]);
    assert_eq!(named(&derived), ["one", "two", "one"]);
    let (first, third) = (&derived[0], &derived[2]);
    assert_eq!((first.source.as_str(), first.by, first.owner), ("value:/a/b", Some(account(2)), account(1)));
    assert_eq!((first.at, first.depth, first.barred), (Some(story.id(0, 0)), 0, None));
    assert_eq!((first.id.number, third.id.number), (0, 2));
    assert_eq!((third.payload.bytes, third.payload.inline.as_ref()), (9000, None));
    let write = |story: &mut Story, path: &str, text: &[u8], by: Option<u8>| {
        let value = Value { account: by.map(account), ..Value::new(path, Payload::inlined(text)) };
        story.write(&[value]).len()
    };
    assert_eq!(write(&mut story, "/a/lobby/1", b"hi", Some(2)), 1);
    assert_eq!(write(&mut story, "/a/lobby/1", b"no", Some(2)), 0);
    assert_eq!(write(&mut story, "/a/lobby/1", b"hi", None), 0);
    assert_eq!(write(&mut story, "/a/attic/1", b"hi", Some(2)), 0);
    assert_eq!(write(&mut story, "/a/lobby/1/2", b"hi", Some(2)), 0, "as deep as the pattern");
    story.must(1, &[only(TriggerAccess::Accounts(vec![account(3)]))]);
    assert_eq!(write(&mut story, "/a/lobby/1", b"hi", Some(2)), 0);
    assert_eq!(write(&mut story, "/a/lobby/1", b"hi", Some(3)), 1);
}

/// Case 70: triggers act in their owner's name, and nobody could take those back that a thief has set: they run nothing any
/// more, which the receipts say.
#[test]
fn case_70_triggers_of_a_revoked_key_run_nothing_any_more() {
    let mut story = Story::begin();
    story.must(1, &[trigger("one", on_value("/a/$x"), "clerk")]);
    let before = story.value("/a/1").remove(0);
    story.must(1, &[Transaction::Revoke {}]);
    let after = story.value("/a/2").remove(0);
    assert_eq!((before.barred, after.barred), (None, Some(Barred::Revoked)));
    assert_eq!(DerivedCall::clone(&story.open()[1]), *after, "as it stands in the state");
    let height = story.state.revoked().at(&account(1));
    let void = story.say(1, &[trigger("two", on_value("/a/$x"), "clerk")]).remove(0);
    assert_eq!(void.err(), height.map(|height| Refusal::Revoked { height }));
    // Nor does the key write; its rules stay as they are.
    let own = Value::new("/a/3", Payload::inlined(b"x")).by(account(1));
    assert!(story.write(&[own]).is_empty());
    assert_eq!(story.value("/a/4").len(), 1);
}

#[test]
fn a_derived_call_is_bound_once_to_its_lane_and_answered_once() {
    let mut story = Story::begin();
    story.must(1, &[trigger("one", on_value("/a/$x"), "clerk")]);
    let derived = story.value("/a/1").remove(0);
    let elsewhere = story.record(&derived, 3);
    assert_eq!(story.open()[0].call, None, "another lane's word counts for nothing");
    let (first, second) = (story.record(&derived, 0), story.record(&derived, 0));
    assert_eq!(story.open()[0].call, Some(first));
    for wrong in [elsewhere, second] {
        let changes = story.answer(wrong, Status::Ok);
        assert!(changes.derived.is_empty() && story.open().len() == 1);
    }
    let changes = story.answer(first, Status::Failed);
    let end = changes.derived[0].end.clone().unwrap();
    assert!(matches!(end, DerivedEnd::Answered { status: Status::Failed, .. }));
    assert!(story.open().is_empty());
    assert!(story.answer(first, Status::Ok).derived.is_empty(), "once");
    // Who copies the call into a later block binds nothing.
    story.record(&derived, 0);
    assert!(story.open().is_empty());
}

#[test]
fn schedules_fire_once_a_time_and_catch_up_without_bursts() {
    let mut story = Story::begin();
    const MINUTE: u64 = 60_000;
    story.now_ms = 1_700_000_000_000 / MINUTE * MINUTE + 10_000;
    story.must(1, &[trigger("tick", TriggerOn::Schedule("* * * * *".into()), "clerk")]);
    let step = |story: &mut Story, ms: u64| {
        story.now_ms += ms;
        let opened = opened(&story.block(Vec::new()));
        // Those before have no answer, and are given more time now and then.
        opened.into_iter().filter(|call| call.id.height == story.state.height()).collect::<Vec<_>>()
    };
    assert!(step(&mut story, 49_999).is_empty());
    let fired = step(&mut story, 1);
    assert_eq!((fired.len(), fired[0].source.as_str(), fired[0].at), (1, "schedule:tick", None));
    assert_eq!(fired[0].time_ms, story.now_ms, "the time that had come");
    assert!(step(&mut story, 1).is_empty() && step(&mut story, 58_000).is_empty());
    // An hour without a block: one, for the time that came first.
    let due = story.now_ms / MINUTE * MINUTE + MINUTE;
    let fired = step(&mut story, 60 * MINUTE);
    assert_eq!((fired.len(), fired[0].time_ms), (1, due));
    assert!(step(&mut story, 0).is_empty());
    assert_eq!(step(&mut story, MINUTE).len(), 1);
    story.must(1, &[Transaction::Trigger { name: name("tick"), trigger: None }]);
    assert!(step(&mut story, 60 * MINUTE).is_empty());
}

#[test]
fn the_end_of_a_call_fires_and_says_how_it_ended() {
    let mut story = Story::begin();
    story.must(1, &[trigger("after", TriggerOn::Completion(name("other")), "clerk")]);
    let call = |story: &mut Story, function: &str, by: u8, own: bool| {
        let mut bundle = story.bundle(by, own.then_some(0));
        let id = story.id(0, 0);
        let call = FollowedCall { function: name(function), caller: Some(account(by)), ..followed() };
        bundle.calls = vec![(id, call)];
        story.block(vec![bundle]);
        id
    };
    let (watched, not) = (call(&mut story, "other", 4, true), call(&mut story, "clerk", 4, true));
    let clients = call(&mut story, "other", 5, false);
    assert!(story.answer(not, Status::Ok).derived.is_empty());
    let derived = opened(&story.answer(watched, Status::Trapped)).remove(0);
    let said: serde_json::Value = serde_json::from_slice(derived.payload.inline.as_deref().unwrap()).unwrap();
    assert_eq!(
        said,
        serde_json::json!({ "call": watched.to_string(), "function": "other", "status": "trapped" })
    );
    assert_eq!((derived.at, derived.by), (Some(watched), Some(account(4))));
    assert_eq!(derived.source, format!("completion:{watched}"));
    assert!(story.answer(watched, Status::Ok).derived.is_empty(), "a call ends once");
    assert_eq!(opened(&story.answer(clients, Status::Ok)).len(), 1);
}

fn written_in(call: EntryId, number: u32) -> Value {
    Value {
        function: Some(name("clerk")),
        parent: Some(call),
        ..Value::new(format!("/a/{number}"), Payload::inlined(b"x")).by(account(1))
    }
}

/// A function that writes where it is triggered goes round eight times, whatever calls it makes in between.
#[test]
fn a_loop_ends_with_a_receipt() {
    for through_a_child in [false, true] {
        let mut story = Story::begin();
        story.must(1, &[trigger("loop", on_value("/a/$x"), "clerk")]);
        let mut derived = story.value("/a/0").remove(0);
        for depth in 0..MAX_TRIGGER_DEPTH {
            assert_eq!((derived.depth, derived.barred), (depth, None));
            let call = story.record(&derived, 0);
            let mut parent = call;
            if through_a_child {
                let (child, bundle) = story.child(call);
                parent = child;
                story.block(vec![bundle]);
            }
            let written = written_in(parent, depth);
            // Also when the receipt comes first.
            if depth % 2 == 0 {
                story.answer(call, Status::Ok);
            }
            let mut next = story.write(&[written]);
            if depth % 2 == 1 {
                story.answer(call, Status::Ok);
            }
            assert_eq!(next.len(), 1);
            derived = next.remove(0);
        }
        assert_eq!(derived.barred, Some(Barred::Loop));
        assert!(Barred::Loop.reason().contains("loop of triggers ends here"));
    }
}

/// The same where each write is ordered before the call that made it, and that before its parent: a loop does not begin
/// anew because its lane's batches come out of order.
#[test]
fn a_loop_that_outruns_its_calls_ends() {
    for through_a_child in [false, true] {
        let mut story = Story::begin();
        story.must(1, &[trigger("loop", on_value("/a/$x"), "clerk")]);
        let mut derived = story.value("/a/0").remove(0);
        for depth in 0..MAX_TRIGGER_DEPTH {
            assert_eq!((derived.depth, derived.barred), (depth, None));
            let (call, bundle) = story.recording(&derived, 0);
            let (mut parent, mut later) = (call, vec![(BTreeSet::new(), bundle)]);
            if through_a_child {
                let (child, bundle) = story.child(call);
                later.push((BTreeSet::from([(call.lane, call.batch)]), bundle));
                parent = child;
            }
            let mut bundle = story.bundle(9, Some(0));
            bundle.values = vec![(story.id(0, 0), written_in(parent, depth))];
            later.push((BTreeSet::from([(parent.lane, parent.batch)]), bundle));
            // All in one block, or each in one of its own.
            let changes = if depth % 2 == 0 {
                let to_come = later.iter().flat_map(|(to_come, _)| to_come).copied().collect();
                let bundles = later.into_iter().rev().map(|(_, bundle)| bundle).collect();
                vec![story.block_before(bundles, to_come)]
            } else {
                let blocks = later.into_iter().rev();
                blocks.map(|(to_come, bundle)| story.block_before(vec![bundle], to_come)).collect()
            };
            let mut next: Vec<_> = changes.iter().flat_map(opened).filter(|of| of.call.is_none()).collect();
            assert_eq!(next.len(), 1);
            assert!(story.open().iter().any(|open| open.call == Some(call)), "it is bound when it comes");
            story.answer(call, Status::Ok);
            derived = next.remove(0);
        }
        assert_eq!(derived.barred, Some(Barred::Loop));
    }
}

/// Only of what a lane is to run, or runs, can something come before the call that made it: nothing else is counted on.
#[test]
fn what_no_trigger_led_to_counts_nought_though_its_call_is_to_come() {
    let mut story = Story::begin();
    story.must(1, &[trigger("loop", on_value("/a/$x"), "clerk")]);
    let (far, near) = (EntryId { lane: 1, ..story.id(0, 0) }, EntryId { batch: 900, ..story.id(0, 0) });
    let depth_in = |story: &mut Story, call: EntryId, to_come: bool| {
        let mut bundle = story.bundle(9, Some(call.lane));
        bundle.values = vec![(story.id(call.lane, 0), written_in(call, 1))];
        let to_come = to_come.then_some((call.lane, call.batch)).into_iter().collect();
        let changes = story.block_before(vec![bundle], to_come);
        opened(&changes).remove(0).depth
    };
    assert_eq!(depth_in(&mut story, near, true), 0, "nothing was derived before");
    // Of the lane that all derived calls have here there is one now, and none of another.
    assert_eq!((depth_in(&mut story, near, false), depth_in(&mut story, far, true)), (0, 0));
    assert_eq!(depth_in(&mut story, near, true), 1);
}

/// A lane that was passed over may have run the call all the same.
#[test]
fn what_a_lane_writes_after_its_turn_counts_on() {
    let mut story = Story::begin();
    story.must(1, &[trigger("loop", on_value("/a/$x"), "clerk")]);
    let derived = story.value("/a/0").remove(0);
    let late = story.record(&derived, 3);
    assert_eq!(story.open()[0].call, None);
    let next = story.write(&[written_in(late, 1)]).remove(0);
    assert_eq!(next.depth, derived.depth + 1);
}

/// The same by completion: each end derives the next, and the last one's end none.
#[test]
fn a_loop_of_completions_ends() {
    let mut story = Story::begin();
    story.must(
        1,
        &[
            trigger("ping", TriggerOn::Completion(name("clerk")), "other"),
            trigger("pong", TriggerOn::Completion(name("other")), "clerk"),
            trigger("start", on_value("/a/$x"), "clerk"),
        ],
    );
    let mut open = story.value("/a/0");
    let mut receipts = 0;
    while let Some(derived) = open.pop() {
        let call = story.record(&derived, 0);
        let status = if derived.barred.is_some() { Status::Denied } else { Status::Ok };
        open.extend(opened(&story.answer(call, status)));
        receipts += 1;
        assert!(receipts < 100, "it goes on and on");
    }
    assert_eq!(receipts, MAX_TRIGGER_DEPTH + 1);
    assert!(story.open().is_empty());
}

#[test]
fn what_must_not_run_is_derived_all_the_same() {
    let mut story = Story::begin();
    story.must(1, &[deploy("closed", FunctionKind::Event, |spec| spec.access = Access::Accounts(vec![]))]);
    story.must(1, &[trigger("one", on_value("/a/$x"), "closed"), trigger("two", on_value("/a/$x"), "clerk")]);
    story.must(1, &[Transaction::Retire { name: name("clerk") }]);
    let barred: Vec<_> = story.value("/a/1").iter().map(|derived| derived.barred).collect();
    assert_eq!(barred, [Some(Barred::NotAdmitted), Some(Barred::Retired)]);
}

/// The rule of a function's access is asked in the block that makes its trigger fire; where it says no nothing is
/// recorded that somebody would have to pay for.
#[test]
fn what_a_functions_rule_forbids_is_dropped() {
    let mut story = Story::begin();
    let ruled = |function: &str, rule: String| {
        deploy(function, FunctionKind::Event, |spec| spec.access = Access::Rule(rule))
    };
    let refused = story.say(1, &[ruled("bad", "now < 'x'".into()), ruled("worse", "value == 1".into())]);
    for (result, why) in refused.iter().zip(["`now` is an int", "\"value\" is not known here"]) {
        assert!(matches!(result, Err(Refusal::BadRule(said)) if said.contains(why)), "{result:?}");
    }
    let (mine, end_ms) = (account(1), story.now_ms + 1000);
    story.must(
        1,
        &[ruled("timed", format!("auth.account == '{mine}' && auth.function == null && now < {end_ms}"))],
    );
    story.must(1, &[trigger("one", on_value("/a/$x"), "timed"), trigger("two", on_value("/a/$x"), "clerk")]);
    let derived = story.value("/a/1");
    assert_eq!(derived.iter().map(|derived| derived.barred).collect::<Vec<_>>(), [None, None]);
    story.now_ms = end_ms;
    let mut bundle = story.bundle(9, Some(0));
    bundle.values = vec![(story.id(0, 0), Value::new("/a/2", Payload::inlined(b"x")))];
    let (before, changes) = (story.state.history(), story.block(vec![bundle]));
    let [dropped, run] = changes.derived.as_slice() else { panic!("{:?}", changes.derived) };
    assert!(matches!(&dropped.end, Some(DerivedEnd::Dropped { why }) if why.contains("does not admit")));
    assert_eq!((dropped.call.trigger.as_str(), run.call.trigger.as_str()), ("one", "two"));
    assert!(run.end.is_none() && story.state.history() != before, "the history says what was dropped");
    // Who may follow its calls for good is not for a rule to say, which decides about one call at a time.
    story.must(2, &[deploy("own", FunctionKind::Event, |_| {}), ruled("open", "true".into())]);
    let follow = |watched: &str| trigger("three", TriggerOn::Completion(name(watched)), "own");
    let theirs = Err(Refusal::NotOwner { name: name("timed"), owner: mine });
    assert_eq!(story.say(2, &[follow("timed"), follow("open"), follow("clerk")]), [theirs, Ok(0), Ok(0)]);
    let record = &story.state.functions()[&name("timed")];
    assert_eq!(moot_ledger::FunctionRecord::decode(&record.encode()).as_ref(), Ok(&**record));
}

/// A storm on one trigger fills that trigger's room and no other's; what finds no room is said in the history.
#[test]
fn a_storm_is_bounded_and_leaves_room_for_others() {
    let mut story = Story::begin();
    story.must(
        1,
        &[trigger("storm", on_value("/a/s/$x"), "clerk"), trigger("calm", on_value("/a/$x"), "other")],
    );
    let values: Vec<Value> =
        (0..=MAX_OPEN_OF_TRIGGER).map(|n| Value::new(format!("/a/s/{n}"), Payload::inlined(b"x"))).collect();
    let before = story.state.history();
    let mut bundle = story.bundle(9, Some(0));
    bundle.values = (0..).map(|slot| story.id(0, slot)).zip(values).collect();
    let changes = story.block(vec![bundle]);
    assert_eq!(
        (opened(&changes).len(), changes.derived.len()),
        (MAX_OPEN_OF_TRIGGER, MAX_OPEN_OF_TRIGGER + 1)
    );
    assert!(
        matches!(&changes.derived.last().unwrap().end, Some(DerivedEnd::Dropped { why }) if why.contains("as many as may be"))
    );
    assert_ne!(story.state.history(), before);
    assert_eq!(changes.values.len(), MAX_OPEN_OF_TRIGGER + 1, "the writes themselves are none the worse");
    assert_eq!(story.value("/a/calm").len(), 1);
    // Fan-out is bounded where triggers are set.
    for n in 2..MAX_TRIGGERS_OF_ONE {
        story.must(1, &[trigger(&format!("t{n}"), on_value("/a/$x"), "clerk")]);
    }
    let full = story.say(1, &[trigger("more", on_value("/a/$x/$y"), "clerk")]);
    assert!(matches!(&full[0], Err(Refusal::TooManyTriggers { place, .. }) if place == "/a"));
    story.must(1, &[trigger("t2", on_value("/a/$x/$y"), "clerk")]);
}

/// Four replicas in one process: who is assigned runs it, whoever else tries does not, and a lane that is gone is passed
/// over.
struct Workers<'a> {
    town: &'a Town,
    /// What was run, by derived call: how often.
    ran: BTreeMap<String, u32>,
    calls: Vec<(usize, Pending, u32)>,
}

impl Workers<'_> {
    /// Every replica does what its lane is to do.
    fn work(&mut self) {
        for (me, ledger) in self.town.running() {
            for derived in ledger.derived_to_run() {
                if let Some(pending) = record(&ledger, &derived) {
                    self.calls.push((me, pending, derived.turn));
                    // Only what nobody else may have begun is run: the function is not idempotent.
                    if derived.turn == 0 {
                        *self.ran.entry(derived.id.to_string()).or_default() += 1;
                    }
                }
            }
        }
    }

    fn answer(&mut self) {
        for (me, pending, turn) in self.calls.drain(..) {
            let ledger = self.town.ledger(me);
            let status = if turn == 0 { Status::Ok } else { Status::Interrupted };
            let receipt = crate::world::receipt(pending.id(), pending.digest(), status);
            ledger.append_receipt(receipt, PayloadBytes::None).unwrap();
        }
    }
}

pub(crate) fn record(ledger: &Ledger, derived: &DerivedCall) -> Option<Pending> {
    let Some(Idempotency::Fresh(reservation)) = ledger.reserve_derived(derived).unwrap() else { return None };
    Some(ledger.append_call_once(call_of(derived), PayloadBytes::None, reservation).unwrap())
}

/// The call that a derived call's lane records.
pub(crate) fn call_of(derived: &DerivedCall) -> Call {
    Call {
        function: derived.function.clone(),
        component: Digest::from_bytes([9; 32]),
        spec: Digest::from_bytes([2; 32]),
        kind: CallKind::Event,
        caller: Some(derived.owner),
        input: Payload::of(b"event"),
        time_us: derived.time_ms * 1000,
        fuel_limit: 1,
        idempotency: Some(derived.digest()),
        parent: derived.at,
    }
}

/// Account 1 lets anyone write below `/a`, and each value makes its function run.
pub(crate) async fn setup(town: &mut Town) {
    let said = [
        Transaction::Own { path: "/a".into(), owner: Some(account(1)) },
        Transaction::Rule { pattern: "/a".into(), rule: Some("true".into()) },
        deploy("clerk", FunctionKind::Event, |_| {}),
        trigger("one", on_value("/a/$x"), "clerk"),
    ];
    let signed = bundle(&town.ledger(0), &key(1), 1000, &said.map(Entry::Transaction));
    town.ledger(0).submit(signed).unwrap().durable().await.unwrap();
    town.settle().await;
}

#[tokio::test]
async fn each_is_run_once_by_the_lane_that_all_name() {
    let mut town = Town::started(4, 11);
    setup(&mut town).await;
    for n in 0..24usize {
        let value = Value::new(format!("/a/{n}"), Payload::inlined(b"x")).by(account(2));
        town.ledger(n % 4).append_value(value, PayloadBytes::None).unwrap().durable().await.unwrap();
    }
    town.settle().await;
    let lanes: BTreeSet<u32> =
        (0..4).filter(|me| !town.ledger(*me).derived_to_run().is_empty()).map(|me| me as u32).collect();
    assert!(lanes.len() >= 2, "the work is spread: {lanes:?}");
    let named: usize = (0..4).map(|me| town.ledger(me).derived_to_run().len()).sum();
    assert_eq!(named, 24, "each has one lane");
    // A replica that starts anew in between finds what it has to do, and does not do again what it has recorded.
    let mut ran = BTreeMap::new();
    let mut calls = Vec::new();
    for round in 0..3 {
        let mut workers = Workers { town: &town, ran, calls };
        workers.work();
        (ran, calls) = (workers.ran, workers.calls);
        for me in 0..4 {
            // On its disk, as a worker sees to it before anything outside happens.
            for (_, pending, _) in calls.iter().filter(|(at, ..)| *at == me) {
                pending.durable().await.unwrap();
            }
        }
        if round == 0 {
            town.stop(1);
            town.start(1);
        }
    }
    town.settle().await;
    Workers { town: &town, ran: BTreeMap::new(), calls }.answer();
    town.settle().await;
    town.assert_equal();
    assert_eq!((ran.len(), ran.values().max()), (24, Some(&1)), "none lost, none doubled");
    for (me, ledger) in town.running() {
        assert!(ledger.derived_to_run().is_empty(), "at {me}");
        let ended = ledger.newest_derived(100).unwrap();
        assert_eq!(ended.len(), 24);
        assert!(
            ended
                .iter()
                .all(|news| matches!(news.end, Some(DerivedEnd::Answered { status: Status::Ok, .. })))
        );
    }
}

#[tokio::test]
async fn a_lane_that_is_gone_is_passed_over_and_the_next_says_interrupted() {
    let mut town = Town::started(4, 12);
    setup(&mut town).await;
    for n in 0..12usize {
        let value = Value::new(format!("/a/{n}"), Payload::inlined(b"x")).by(account(2));
        town.ledger(0).append_value(value, PayloadBytes::None).unwrap().durable().await.unwrap();
    }
    town.settle().await;
    let of_three = town.ledger(3).derived_to_run().len();
    assert!(of_three > 0);
    town.stop(3);
    let mut workers = Workers { town: &town, ran: BTreeMap::new(), calls: Vec::new() };
    workers.work();
    workers.answer();
    let ran = workers.ran;
    town.settle().await;
    assert_eq!(ran.len(), 12 - of_three);
    // Time passes, and the others have their turn.
    town.pass_time(DERIVED_PATIENCE_MS + 60_000);
    town.settle().await;
    town.view(0, Duration::from_millis(500)).await;
    town.settle().await;
    let passed: Vec<_> = (0..3).flat_map(|me| town.ledger(me).derived_to_run()).collect();
    assert!(passed.iter().all(|derived| derived.turn == 1));
    assert_eq!(passed.len(), of_three);
    let mut workers = Workers { town: &town, ran: BTreeMap::new(), calls: Vec::new() };
    workers.work();
    workers.answer();
    town.settle().await;
    town.start(3);
    town.settle().await;
    town.assert_equal();
    let interrupted = |news: &moot_ledger::DerivedNews| {
        matches!(news.end, Some(DerivedEnd::Answered { status: Status::Interrupted, .. }))
    };
    for (me, ledger) in town.running() {
        let ended = ledger.newest_derived(100).unwrap();
        assert_eq!(ended.iter().filter(|news| interrupted(news)).count(), of_three, "at {me}");
        assert!(ended.iter().all(|news| news.end.is_some()) && ledger.derived_to_run().is_empty());
    }
}
