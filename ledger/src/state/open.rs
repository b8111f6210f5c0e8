//! Which derived calls have no answer yet, and the calls that are traced: those bound to them with the calls that they make,
//! so that a loop of triggers is seen, and those whose end a trigger waits for.

use super::derived::{DerivedCall, DerivedId};
use crate::limits::MAX_DERIVED_OPEN;
use moot_record::cbor::{self, Reader};
use moot_record::{AccountId, DecodeError, Digest, EntryId, FunctionName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A call that is followed to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traced {
    pub(super) function: FunctionName,
    pub(super) caller: Option<AccountId>,
    /// How many triggers in a row led to it; none: it was made by somebody.
    pub(super) depth: Option<u32>,
    /// It has its receipt, and is remembered for what it wrote.
    pub(super) answered: bool,
    /// When it is forgotten, by the blocks' time.
    pub(super) until_ms: u64,
}

impl Traced {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        cbor::array(&mut out, 5);
        cbor::text(&mut out, self.function.as_str());
        cbor::option(&mut out, self.caller.as_ref(), |out, caller| cbor::bytes(out, caller.as_bytes()));
        cbor::option(&mut out, self.depth.as_ref(), |out, depth| cbor::uint(out, *depth));
        cbor::boolean(&mut out, self.answered);
        cbor::uint(&mut out, self.until_ms);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Traced, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(5)?;
        let function =
            FunctionName::parse(r.text(64)?).map_err(|error| super::invalid("name", error.to_string()))?;
        let traced = Traced {
            function,
            caller: r.option(|r| Ok(AccountId::from_bytes(r.fixed()?)))?,
            depth: r.option(Reader::small)?,
            answered: r.boolean()?,
            until_ms: r.uint()?,
        };
        r.end()?;
        Ok(traced)
    }
}

/// Derived calls without an answer, and calls that are traced.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    calls: BTreeMap<DerivedId, Arc<DerivedCall>>,
    digests: BTreeMap<Digest, DerivedId>,
    bound: BTreeMap<EntryId, DerivedId>,
    turns: BTreeSet<(u64, DerivedId)>,
    of_trigger: BTreeMap<FunctionName, usize>,
    traced: BTreeMap<EntryId, Traced>,
    forgotten: BTreeSet<(u64, EntryId)>,
}

impl Open {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<DerivedCall>> {
        self.calls.values()
    }

    pub(super) fn get(&self, id: &DerivedId) -> Option<&Arc<DerivedCall>> {
        self.calls.get(id)
    }

    /// Whether nothing is open and nothing traced.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.traced.is_empty()
    }

    /// Whether there is room for one more in all, and how many of a trigger are open.
    pub(super) fn room(&self, trigger: &FunctionName) -> (bool, usize) {
        (self.calls.len() < MAX_DERIVED_OPEN, self.of_trigger.get(trigger).copied().unwrap_or(0))
    }

    pub(super) fn by_digest(&self, digest: &Digest) -> Option<&Arc<DerivedCall>> {
        self.calls.get(self.digests.get(digest)?)
    }

    /// The derived call that a call is bound to.
    pub(super) fn by_call(&self, call: &EntryId) -> Option<&Arc<DerivedCall>> {
        self.calls.get(self.bound.get(call)?)
    }

    /// Sets a derived call as it is now, or takes it out.
    pub(super) fn put(&mut self, id: DerivedId, call: Option<Arc<DerivedCall>>) {
        if let Some(was) = self.calls.remove(&id) {
            self.digests.remove(&was.digest());
            self.turns.remove(&(was.until_ms, id));
            if let Some(call) = &was.call {
                self.bound.remove(call);
            }
            if let Some(count) = self.of_trigger.get_mut(&was.trigger) {
                *count -= 1;
                if *count == 0 {
                    self.of_trigger.remove(&was.trigger);
                }
            }
        }
        let Some(call) = call else { return };
        self.digests.insert(call.digest(), id);
        self.turns.insert((call.until_ms, id));
        if let Some(bound) = call.call {
            self.bound.insert(bound, id);
        }
        *self.of_trigger.entry(call.trigger.clone()).or_default() += 1;
        self.calls.insert(id, call);
    }

    /// Those whose lane has had its turn, the longest first.
    pub(super) fn overdue(&self, now_ms: u64, max: usize) -> Vec<Arc<DerivedCall>> {
        let overdue = self.turns.iter().take_while(|(until_ms, _)| *until_ms <= now_ms).take(max);
        overdue.filter_map(|(_, id)| self.calls.get(id).cloned()).collect()
    }

    pub(super) fn traced(&self, call: &EntryId) -> Option<&Traced> {
        self.traced.get(call)
    }

    /// The most triggers in a row that led to a call of a lane, by lane: of those that it has not recorded yet, and of those
    /// that are traced.
    pub(super) fn deepest(&self) -> BTreeMap<u32, u32> {
        let unbound = self.calls.values().filter(|call| call.call.is_none());
        let unbound = unbound.map(|call| (call.lane, call.depth));
        let traced = self.traced.iter().filter_map(|(call, traced)| Some((call.lane, traced.depth?)));
        let mut deepest = BTreeMap::new();
        for (lane, depth) in unbound.chain(traced) {
            let most = deepest.entry(lane).or_insert(depth);
            *most = depth.max(*most);
        }
        deepest
    }

    pub(super) fn traced_count(&self) -> usize {
        self.traced.len()
    }

    pub(super) fn trace(&mut self, call: EntryId, traced: Option<Traced>) {
        if let Some(was) = self.traced.remove(&call) {
            self.forgotten.remove(&(was.until_ms, call));
        }
        if let Some(traced) = traced {
            self.forgotten.insert((traced.until_ms, call));
            self.traced.insert(call, traced);
        }
    }

    /// Traced calls whose time is over, at most so many.
    pub(super) fn stale(&self, now_ms: u64, max: usize) -> Vec<EntryId> {
        let stale = self.forgotten.iter().take_while(|(until_ms, _)| *until_ms <= now_ms).take(max);
        stale.map(|(_, call)| *call).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::derived::tests::call;

    #[test]
    fn traced_calls_read_back() {
        let first = call(0);
        let traced = Traced {
            function: first.function,
            caller: Some(first.owner),
            depth: Some(3),
            answered: true,
            until_ms: 5,
        };
        assert_eq!(Traced::decode(&traced.encode()), Ok(traced));
    }

    #[test]
    fn what_is_open_is_found_by_each_of_its_names() {
        let mut open = Open::default();
        let first = call(0);
        let (id, digest, at) = (first.id, first.digest(), "2-9-0-0-0".parse().unwrap());
        open.put(id, Some(Arc::new(first.clone())));
        assert_eq!(open.room(&first.trigger), (true, 1));
        assert_eq!((open.overdue(49, 9).len(), open.overdue(50, 9).len()), (0, 1));
        open.put(id, Some(Arc::new(DerivedCall { until_ms: 70, call: Some(at), ..first.clone() })));
        assert_eq!((open.overdue(60, 9).len(), open.by_digest(&digest).unwrap().id), (0, id));
        assert_eq!(open.by_call(&at).unwrap().id, id);
        open.put(id, None);
        assert!(open.is_empty() && open.by_call(&at).is_none() && open.by_digest(&digest).is_none());
        assert_eq!(open.room(&first.trigger), (true, 0));
    }
}
