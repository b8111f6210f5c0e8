//! Triggers as they fire: from what a block brings to derived calls, and from these to their answers.
//!
//! ```text
//!  value allowed ─┐                      ┌─► barred? a reason that its receipt will say
//!  time has come ─┼─► access ──► derive ─┼─► no room, or a rule says no? dropped, which the history says
//!  a call ended ──┘                      └─► assigned to a lane by rendezvous, until its time is over
//!                                                 │ Call entry under its digest: bound
//!                                                 ▼ Receipt entry: answered, gone from the state
//! ```
//!
//! A call ends with its first receipt; one that several workers run, when most of them say the same, or nobody is waited
//! for any more.
//!
//! All of it follows from the blocks: each replica derives the same calls, and which lane is to run one.

use super::derived::{DerivedCall, DerivedEnd, DerivedId, DerivedNews};
use super::open::Traced;
use super::step::Step;
use super::triggers::{self, Event, TriggerRecord};
use super::{Block, FollowedReceipt, OrderedBundle, Refusal, State, history};
use crate::limits::{MAX_TRACED_CALLS, MAX_TRIGGER_DEPTH};
use crate::rules::Scope;
use moot_record::{
    AccountId, EntryId, FunctionName, Payload, StateKey, Status, Trigger, TriggerAccess, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What made a trigger fire.
struct Fired<'a> {
    record: &'a TriggerRecord,
    source: String,
    payload: Payload,
    at: Option<EntryId>,
    by: Option<AccountId>,
    time_ms: u64,
    depth: u32,
}

/// Who made something happen, as an access asks.
struct Who<'a> {
    account: Option<AccountId>,
    function: Option<&'a FunctionName>,
    /// The value's, or none.
    path: &'a str,
    payload: &'a Payload,
}

impl State {
    /// Whether blocks have to be looked through for calls and receipts.
    pub(crate) fn follows(&self) -> bool {
        self.traces() || self.triggers.waits_for_calls() || self.compares()
    }

    /// Whether calls are open that triggers derived, or some are traced.
    pub(crate) fn traces(&self) -> bool {
        !self.open.is_empty()
    }

    /// A trigger is set, changed or taken back.
    pub(super) fn change_trigger(
        &mut self,
        account: AccountId,
        name: &FunctionName,
        trigger: Option<&Trigger>,
        now_ms: u64,
    ) -> Result<Option<Arc<TriggerRecord>>, Refusal> {
        let present = self.triggers.get(name).cloned();
        if let Some(present) = present.as_ref().filter(|present| present.set.owner != account) {
            // Whoever owns a path decides what goes on there.
            let may = match &present.event {
                Event::Value(pattern) => {
                    trigger.is_none() && self.owners.check(&account, pattern.owned()).is_ok()
                }
                Event::Schedule(_) | Event::Completion(_) => false,
            };
            if !may {
                return Err(Refusal::NotTriggerOwner { name: name.clone(), owner: present.set.owner });
            }
        }
        let record = match trigger {
            None if present.is_none() => return Err(Refusal::NoTrigger { name: name.clone() }),
            None => None,
            Some(trigger) => Some(self.checked_trigger(account, name, trigger, now_ms)?),
        };
        Ok(Arc::make_mut(&mut self.triggers).put(name.clone(), record))
    }

    fn checked_trigger(
        &self,
        account: AccountId,
        name: &FunctionName,
        trigger: &Trigger,
        now_ms: u64,
    ) -> Result<Arc<TriggerRecord>, Refusal> {
        let bad = |why: String| Refusal::bad_trigger(&why);
        let set = triggers::set(account, trigger, now_ms).map_err(bad)?;
        let record = TriggerRecord::new(name.clone(), set).map_err(bad)?;
        let target = triggers::check_target(&self.functions, &trigger.function)?;
        match &record.event {
            Event::Value(pattern) => self.owners.check(&account, pattern.owned())?,
            Event::Schedule(_) | Event::Completion(_) if target.owner != account => {
                return Err(Refusal::NotOwner { name: target.name.clone(), owner: target.owner });
            }
            Event::Schedule(_) => {}
            Event::Completion(watched) => {
                let found = self.functions.get(watched);
                let found = found.ok_or_else(|| Refusal::Unknown { name: watched.clone() })?;
                triggers::check_watched(found, &account)?;
            }
        }
        self.triggers.check_room(&record)?;
        Ok(Arc::new(record))
    }

    /// A value was allowed.
    pub(super) fn fire_value(&mut self, block: &Block, id: EntryId, value: &Value, step: &mut Step) {
        if self.triggers.is_empty() {
            return;
        }
        for record in self.triggers.of_value(&value.path) {
            let who = Who {
                account: value.account,
                function: value.function.as_ref(),
                path: &value.path,
                payload: &value.payload,
            };
            if !self.admits(block, &record, &who) {
                continue;
            }
            let fired = Fired {
                record: &record,
                source: format!("value:{}", value.path),
                payload: value.payload.clone(),
                at: Some(id),
                by: value.account,
                time_ms: block.time_ms,
                depth: self.depth_after(value.parent.as_ref(), step),
            };
            self.derive(block, fired, step);
        }
    }

    /// How deep a value stands that was written in a call.
    fn depth_after(&self, call: Option<&EntryId>, step: &Step) -> u32 {
        let Some(call) = call else { return 0 };
        match self.depth_of(call, step) {
            Some(depth) => depth.saturating_add(1),
            // Nobody can tell any more: what cannot be followed must not go on.
            None if self.open.traced(call).is_none() && self.open.traced_count() >= MAX_TRACED_CALLS => {
                MAX_TRIGGER_DEPTH
            }
            None => 0,
        }
    }

    /// How many triggers in a row led to a call; none when none did. One whose batch is still to come may be any that the
    /// lane has not recorded yet, or that one of its calls made: the deepest of them is taken.
    fn depth_of(&self, call: &EntryId, step: &Step) -> Option<u32> {
        match self.open.traced(call) {
            Some(traced) => traced.depth,
            None => step.to_come.get(&(call.lane, call.batch)).copied(),
        }
    }

    /// The most triggers in a row that may have led to calls in batches that are to come.
    pub(super) fn depths_to_come(&self, block: &Block) -> BTreeMap<(u32, u64), u32> {
        if block.to_come.is_empty() {
            return BTreeMap::new();
        }
        let deepest = self.open.deepest();
        block.to_come.iter().filter_map(|of| Some((*of, *deepest.get(&of.0)?))).collect()
    }

    /// Whose times have come; each fires once, however much time has passed.
    pub(super) fn fire_schedules(&mut self, block: &Block, step: &mut Step) {
        for record in self.triggers.due(block.time_ms) {
            let Event::Schedule(cron) = &record.event else { continue };
            let fired = Fired {
                record: &record,
                source: format!("schedule:{}", record.name),
                payload: Payload::inlined(&[]),
                at: None,
                by: None,
                time_ms: record.set.next_ms,
                depth: 0,
            };
            self.derive(block, fired, step);
            let mut next = TriggerRecord::clone(&record);
            // A schedule that was set has a next time always.
            next.set.next_ms = cron.next(block.time_ms).unwrap_or(u64::MAX);
            Arc::make_mut(&mut self.triggers).put(record.name.clone(), Some(Arc::new(next)));
            step.touch(StateKey::Trigger(record.name.clone()));
        }
    }

    /// Whether a trigger may be made to fire by somebody.
    fn admits(&self, block: &Block, record: &TriggerRecord, who: &Who<'_>) -> bool {
        match (&record.set.trigger.access, &record.rule) {
            (TriggerAccess::Anyone, _) => true,
            (TriggerAccess::Accounts(accounts), _) => {
                who.account.is_some_and(|account| accounts.binary_search(&account).is_ok())
            }
            (TriggerAccess::Rule(_), None) => false,
            (TriggerAccess::Rule(_), Some(rule)) => {
                let labels = match &record.event {
                    Event::Value(pattern) => pattern.bind(who.path),
                    Event::Schedule(_) | Event::Completion(_) => Default::default(),
                };
                let inline = who.payload.inline.as_deref();
                let scope = Scope {
                    account: who.account,
                    function: who.function,
                    value: inline.or((who.payload.bytes == 0).then_some(&[][..])),
                    value_bytes: who.payload.bytes,
                    now_ms: block.time_ms,
                    height: block.height,
                    balance: &|account| self.balance(account),
                };
                rule.judge(&labels, &scope) == Ok(true)
            }
        }
    }

    /// Derives the call of a trigger that fires.
    fn derive(&mut self, block: &Block, fired: Fired<'_>, step: &mut Step) {
        let Fired { record, source, payload, at, by, time_ms, depth } = fired;
        let Trigger { function, .. } = &record.set.trigger;
        let id = DerivedId { height: block.height, number: step.derived };
        step.derived = step.derived.saturating_add(1);
        let mut call = DerivedCall {
            id,
            trigger: record.name.clone(),
            function: function.clone(),
            owner: record.set.owner,
            source,
            payload,
            at,
            by,
            time_ms,
            depth,
            barred: self.barred(function, &record.set.owner, depth),
            lane: 0,
            turn: 0,
            until_ms: 0,
            call: None,
        };
        if let Some(why) = self.unmade(block, record) {
            return self.drop_derived(Arc::new(call), why, step);
        }
        call.lane = self.lane_of(&call.digest(), 0, block.height);
        call.until_ms = self.until(block, function);
        self.set_derived(Arc::new(call), step);
    }

    /// There is no answer and will be none, which the history says.
    fn drop_derived(&mut self, call: Arc<DerivedCall>, why: String, step: &mut Step) {
        self.history = history::extend_dropped(&self.history, &call.id, &why);
        step.touch(StateKey::History);
        step.changes.derived.push(DerivedNews { call, end: Some(DerivedEnd::Dropped { why }) });
    }

    pub(super) fn set_derived(&mut self, call: Arc<DerivedCall>, step: &mut Step) {
        step.touch(StateKey::Derived(call.id.height, call.id.number));
        self.open.put(call.id, Some(call.clone()));
        step.changes.derived.push(DerivedNews { call, end: None });
    }

    /// Looks at the calls of a bundle: those that are derived are bound, and some are traced.
    pub(super) fn follow_calls(&mut self, block: &Block, bundle: &OrderedBundle, step: &mut Step) {
        for (id, call) in &bundle.calls {
            let mut depth = None;
            if bundle.own {
                let derived = call.idempotency.as_ref().and_then(|digest| self.open.by_digest(digest));
                let derived = derived.filter(|derived| derived.function == call.function).cloned();
                let parent = call.parent.filter(|parent| parent.lane == id.lane);
                if let Some(derived) = derived {
                    // Of a lane that was passed over too: it may run it all the same.
                    depth = Some(derived.depth);
                    if derived.lane == id.lane && derived.call.is_none() {
                        let bound = DerivedCall { call: Some(*id), ..(*derived).clone() };
                        self.set_derived(Arc::new(bound), step);
                    }
                } else if let Some(parent) = parent {
                    depth = self.depth_of(&parent, step);
                }
            }
            let watched = depth.is_some() || self.triggers.watches(&call.function);
            if !watched || self.open.traced_count() >= MAX_TRACED_CALLS {
                continue;
            }
            let traced = Traced {
                function: call.function.clone(),
                caller: call.caller,
                depth,
                answered: false,
                until_ms: self.until(block, &call.function),
            };
            self.open.trace(*id, Some(traced));
            step.touch(StateKey::Watched(*id));
        }
    }

    /// Looks at the receipts of a bundle: each is the end of its call, but of those that several workers run.
    pub(super) fn follow_receipts(&mut self, block: &Block, bundle: &OrderedBundle, step: &mut Step) {
        for (id, FollowedReceipt { call, status, .. }) in &bundle.receipts {
            if id.lane == call.lane && self.compared.get(call).is_none() {
                let end = DerivedEnd::Answered { receipt: *id, status: *status };
                self.end_call(block, *call, end, step);
            }
        }
    }

    /// A call has ended: if a trigger derived it, it is gone from the state, and what waits for its end fires, once.
    pub(super) fn end_call(&mut self, block: &Block, call: EntryId, end: DerivedEnd, step: &mut Step) {
        let status = match &end {
            DerivedEnd::Answered { status, .. } => *status,
            DerivedEnd::Dropped { .. } => Status::Unavailable,
        };
        if let Some(derived) = self.open.by_call(&call).cloned() {
            self.open.put(derived.id, None);
            step.touch(StateKey::Derived(derived.id.height, derived.id.number));
            match end {
                DerivedEnd::Dropped { why } => self.drop_derived(derived, why, step),
                end @ DerivedEnd::Answered { .. } => {
                    step.changes.derived.push(DerivedNews { call: derived, end: Some(end) });
                }
            }
        }
        let Some(traced) = self.open.traced(&call).filter(|traced| !traced.answered).cloned() else { return };
        // What ends a loop makes nothing fire: it would go on by its end.
        if traced.depth.is_none_or(|depth| depth < MAX_TRIGGER_DEPTH) {
            self.fire_completion(block, call, &traced, status.as_str(), step);
        }
        let kept = traced.depth.is_some().then_some(Traced { answered: true, ..traced });
        self.open.trace(call, kept);
        step.touch(StateKey::Watched(call));
    }

    fn fire_completion(
        &mut self,
        block: &Block,
        call: EntryId,
        traced: &Traced,
        status: &str,
        step: &mut Step,
    ) {
        let function = &traced.function;
        // None of the three needs an escape.
        let text = format!("{{\"call\":\"{call}\",\"function\":\"{function}\",\"status\":\"{status}\"}}");
        let payload = Payload::inlined(text.as_bytes());
        for record in self.triggers.of_completion(function) {
            let who = Who { account: traced.caller, function: Some(function), path: "", payload: &payload };
            if !self.admits(block, &record, &who) {
                continue;
            }
            let fired = Fired {
                record: &record,
                source: format!("completion:{call}"),
                payload: payload.clone(),
                at: Some(call),
                by: traced.caller,
                time_ms: block.time_ms,
                depth: traced.depth.map_or(0, |depth| depth.saturating_add(1)),
            };
            self.derive(block, fired, step);
        }
    }
}
