//! What triggers make run while there is trouble: values are written, calls are made, time passes, and lanes record, run and
//! answer what is theirs, or are too late.
//!
//! ```text
//!   value below /a ──one──► clerk ──after──► scribe ◄──tick── every minute
//!   call of errand ──sent──► clerk
//!   call of sum ──judged──► scribe: what most of its workers agree on, see `toil`
//! ```
//!
//! In the end every replica must have derived the same calls under the same names: one for each value, each call that ended
//! and each time that came, and no other. Each has one outcome, was run by no lane twice, and was charged as the call that
//! it is.

use crate::ordered::{entries, receipts};
use crate::town::Replicas;
use crate::triggers::{call_of, deploy, on_value, trigger};
use crate::working::{account, key};
use crate::world::{bundle, name, receipt};
use moot_ledger::limits::DERIVED_PATIENCE_MS;
use moot_ledger::{
    DerivedCall, DerivedEnd, DerivedId, DerivedNews, Idempotency, Ledger, PayloadBytes, PostingKind,
};
use moot_record::{
    Call, CallKind, Digest, Entry, EntryId, FunctionKind, Payload, Receipt, Spec, Status, Transaction,
    TriggerOn, Value,
};
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};

/// Owns the path, the functions and the triggers, writes the values, and pays for all of it.
const OWNER: u8 = 6;
const MINUTE_MS: u64 = 60_000;
const LANES: u32 = 4;
/// So that a lane that is away for two of them is passed over.
const PAUSE_MS: u64 = 45_000;
const MOST: usize = 100_000;

/// A call that a lane has recorded, and not answered.
struct Begun {
    at: usize,
    call: EntryId,
    digest: Digest,
    turn: u32,
}

#[derive(Default)]
pub(crate) struct Triggered {
    /// Where the trigger with a schedule was set.
    tick: Option<EntryId>,
    begun: Vec<Begun>,
    /// How often each was run by the lane that had the first turn.
    ran: BTreeMap<DerivedId, u32>,
    number: u64,
}

/// What `deploy` says of a function.
fn spec(function: &str) -> Spec {
    let mut spec = Spec::new(FunctionKind::Event, format!("/{function}"));
    spec.lifecycle.destructible = true;
    spec
}

impl Triggered {
    pub(crate) async fn begin(town: &mut impl Replicas) -> Triggered {
        let after = |function: &str| TriggerOn::Completion(name(function));
        let event = |function: &str| deploy(function, FunctionKind::Event, |_| {});
        let said = [
            Transaction::Own { path: "/a".into(), owner: Some(account(OWNER)) },
            Transaction::Rule { pattern: "/a".into(), rule: Some("true".into()) },
            event("clerk"),
            event("scribe"),
            event("errand"),
            trigger("one", on_value("/a/$x"), "clerk"),
            trigger("after", after("clerk"), "scribe"),
            trigger("sent", after("errand"), "clerk"),
            trigger("judged", after("sum"), "scribe"),
            trigger("tick", TriggerOn::Schedule("* * * * *".into()), "scribe"),
        ];
        let ledger = town.any();
        let signed = bundle(&ledger, &key(OWNER), 1000, &said.map(Entry::Transaction));
        let pending = ledger.submit(signed.clone()).unwrap();
        town.settle().await;
        let last = signed.entries().last().map(|(page, slot, _)| EntryId { page, slot, ..pending.id() });
        assert_eq!(ledger.triggers().iter().count(), 5);
        Triggered { tick: last, ..Triggered::default() }
    }

    pub(crate) async fn step(&mut self, at: usize, town: &mut impl Replicas, rng: &mut StdRng) {
        match rng.random_range(0..12) {
            0..2 => town.pass_time(PAUSE_MS),
            2..4 => self.write(&town.ledger(at)).await,
            4 => self.call(at, &town.ledger(at)).await,
            5..9 => self.record(at, &town.ledger(at)).await,
            _ if !self.begun.is_empty() => {
                let begun = self.begun.swap_remove(rng.random_range(0..self.begun.len()));
                begun.answer(town);
            }
            _ => {}
        }
    }

    async fn write(&mut self, ledger: &Ledger) {
        self.number += 1;
        let value = Value::new(format!("/a/{}", self.number), Payload::inlined(b"x")).by(account(OWNER));
        if let Ok(pending) = ledger.append_value(value, PayloadBytes::None) {
            // Whether it came through or not is what the blocks say in the end.
            let _ = pending.durable().await;
        }
    }

    /// A call that nothing derived, and whose end something waits for.
    async fn call(&mut self, at: usize, ledger: &Ledger) {
        self.number += 1;
        let call = Call {
            function: name("errand"),
            component: Digest::from_bytes([9; 32]),
            spec: spec("errand").digest(),
            kind: CallKind::Event,
            ..crate::world::call(2_000_000 + self.number)
        };
        let Ok(pending) = ledger.append_call(call, PayloadBytes::None) else { return };
        if pending.durable().await.is_ok() {
            self.begun.push(Begun { at, call: pending.id(), digest: pending.digest(), turn: 0 });
        }
    }

    /// A replica does what its lane is to do, as a worker does it: the call is on the disk before anything is run.
    async fn record(&mut self, at: usize, ledger: &Ledger) {
        for derived in ledger.derived_to_run() {
            let Ok(Some(Idempotency::Fresh(reservation))) = ledger.reserve_derived(&derived) else {
                continue;
            };
            let call = Call { spec: spec(derived.function.as_str()).digest(), ..call_of(&derived) };
            let Ok(pending) = ledger.append_call_once(call, PayloadBytes::None, reservation) else {
                continue;
            };
            if pending.durable().await.is_ok() {
                let DerivedCall { id, turn, .. } = *derived;
                // Later turns only say that nobody knows: these functions are not idempotent.
                *self.ran.entry(id).or_default() += u32::from(turn == 0);
                self.begun.push(Begun { at, call: pending.id(), digest: pending.digest(), turn });
            }
        }
    }

    /// With nothing wrong any more: everything is recorded and answered, what follows from it too, and lanes that have
    /// nothing to say any more are passed over.
    pub(crate) async fn finish(&mut self, town: &mut impl Replicas) {
        for _ in 0..60 {
            town.settle().await;
            for (me, ledger) in town.running() {
                self.record(me, &ledger).await;
            }
            if !self.begun.is_empty() {
                self.begun.drain(..).for_each(|begun| begun.answer(town));
                continue;
            }
            let all = town.any().newest_derived(MOST).unwrap();
            if all.iter().all(|news| news.end.is_some()) {
                return;
            }
            town.pass_time(DERIVED_PATIENCE_MS + spec("clerk").limits.deadline_ms);
        }
        let all = town.any().newest_derived(MOST).unwrap();
        let open: Vec<_> = all.into_iter().filter(|news| news.end.is_none()).collect();
        panic!("these have no outcome: {open:#?}");
    }

    pub(crate) fn check(&self, town: &impl Replicas) {
        let all = town.any().newest_derived(MOST).unwrap();
        for (me, ledger) in town.running() {
            assert_eq!(ledger.newest_derived(MOST).unwrap(), all, "what is derived at {me}");
            let seen = Seen::of(&ledger);
            seen.check_causes(&all, &self.times(town));
            seen.check_outcomes(&all);
            seen.check_charges(&ledger);
        }
        for (id, times) in &self.ran {
            assert!(*times <= 1, "{id} was run {times} times");
        }
    }

    /// The heights at which the schedule had to fire: once for a minute that came, or several.
    fn times(&self, town: &impl Replicas) -> BTreeSet<u64> {
        let set = town.any().transaction_outcome(self.tick.unwrap()).unwrap().unwrap().height;
        let mut last = None;
        let mut found = BTreeSet::new();
        let ledger = town.any();
        let headers = (set..=ledger.height()).map(|height| ledger.block(height).unwrap().unwrap().header);
        for header in headers {
            let minute = header.time_ms / MINUTE_MS;
            if last.replace(minute).is_some_and(|last| last < minute) {
                found.insert(header.height);
            }
        }
        found
    }

    /// Derived calls, and those of them that were passed on to another lane.
    pub(crate) fn counts(&self, town: &impl Replicas) -> (usize, usize) {
        let all = town.any().newest_derived(MOST).unwrap();
        (all.len(), all.iter().filter(|news| news.call.turn > 0).count())
    }
}

impl Begun {
    /// It may have an answer already, if its replica came back in between and found it open.
    fn answer(self, town: &impl Replicas) {
        let status = if self.turn == 0 { Status::Ok } else { Status::Interrupted };
        let said = receipt(self.call, self.digest, status);
        let _ = town.ledger(self.at).append_receipt(said, PayloadBytes::None);
    }
}

/// What the blocks have that has to do with triggers.
struct Seen {
    values: BTreeSet<EntryId>,
    calls: BTreeMap<EntryId, Call>,
    answers: BTreeMap<EntryId, Vec<EntryId>>,
    receipts: BTreeMap<EntryId, Receipt>,
}

impl Seen {
    fn of(ledger: &Ledger) -> Seen {
        let all = entries(ledger);
        let answers = receipts(&all);
        let (mut values, mut calls, mut receipts) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        for (id, entry) in all {
            match entry {
                Entry::Value(_) => drop(values.insert(id)),
                Entry::Call(call) if ["clerk", "scribe", "errand"].contains(&call.function.as_str()) => {
                    calls.insert(id, call);
                }
                Entry::Receipt(receipt) => drop(receipts.insert(id, receipt)),
                _ => {}
            }
        }
        Seen { values, calls, answers, receipts }
    }

    fn ended(&self, function: &str) -> BTreeSet<EntryId> {
        let ended = |(id, call): &(&EntryId, &Call)| {
            call.function.as_str() == function && self.answers.contains_key(id)
        };
        self.calls.iter().filter(ended).map(|(id, _)| *id).collect()
    }

    /// Everything that makes a trigger fire has derived one call, and nothing else has.
    fn check_causes(&self, all: &[DerivedNews], times: &BTreeSet<u64>) {
        for (called, causes) in
            [("one", self.values.clone()), ("after", self.ended("clerk")), ("sent", self.ended("errand"))]
        {
            let of = || all.iter().filter(|news| news.call.trigger.as_str() == called);
            let found: BTreeSet<EntryId> = of().filter_map(|news| news.call.at).collect();
            assert_eq!((found, of().count()), (causes.clone(), causes.len()), "what made {called} fire");
        }
        let ticks = || all.iter().filter(|news| news.call.trigger.as_str() == "tick");
        let found: BTreeSet<u64> = ticks().map(|news| news.call.id.height).collect();
        assert_eq!((&found, ticks().count()), (times, times.len()), "when the schedule fired");
        let names: BTreeSet<DerivedId> = all.iter().map(|news| news.call.id).collect();
        assert_eq!(names.len(), all.len(), "a name of its own for each");
    }

    /// Each has one outcome: the receipt of a call that its lane recorded under its digest, and no lane recorded two in one
    /// turn.
    fn check_outcomes(&self, all: &[DerivedNews]) {
        let mut times = BTreeMap::<(Digest, u32), u32>::new();
        for (id, call) in &self.calls {
            let digest = call.idempotency.into_iter();
            digest.for_each(|digest| *times.entry((digest, id.lane)).or_default() += 1);
            assert_eq!(self.answers.get(id).map(Vec::len), Some(1), "receipts of {id}");
        }
        for DerivedNews { call: derived, end } in all {
            let Some(DerivedEnd::Answered { receipt, status }) = end else {
                panic!("{derived:?} ended so: {end:?}");
            };
            let call = self.receipts[receipt].call;
            assert_eq!((Some(call), derived.lane), (derived.call, call.lane), "{}", derived.id);
            assert_eq!(self.calls[&call].idempotency, Some(derived.digest()), "{}", derived.id);
            assert_eq!((self.receipts[receipt].status, derived.barred), (*status, None), "{}", derived.id);
            for lane in 0..LANES {
                let recorded = times.get(&(derived.digest(), lane)).copied().unwrap_or(0);
                assert!(
                    recorded <= derived.turn / LANES + 1,
                    "{} {recorded} times in lane {lane}",
                    derived.id
                );
            }
        }
    }

    /// Each call is charged once, whoever made it.
    fn check_charges(&self, ledger: &Ledger) {
        let lines = ledger.statement(&account(OWNER), u64::MAX, MOST).unwrap();
        let lines = lines.iter().flat_map(|(_, lines)| lines);
        let (mut calls, mut unpaid) = (0, 0);
        for line in lines.filter(|line| line.kind == PostingKind::Calls) {
            calls += line.calls;
            unpaid += line.unpaid;
        }
        assert_eq!((calls, unpaid), (self.calls.len() as u64, 0), "calls that are charged");
    }
}
