//! Calls that several workers run: who was asked, and what each has said so far.
//!
//! ```text
//!  call of a function with replicas_k ──► k workers drawn ──► receipts, in the blocks' order ──► k have said: gone
//!                                              │ silent          └── too late ────────────────────► gone
//!                                              └──► as many of those drawn behind them are asked too
//! ```

use super::verdict;
use crate::limits::{COMPARED_PATIENCE_MS, COMPARED_SILENCE_BLOCKS, COMPARED_SILENCE_MS, MAX_COMPARED_OPEN};
use moot_record::cbor::{self, Reader};
use moot_record::limits::{MAX_ENGINE_BYTES, MAX_REPLICAS_K};
use moot_record::{AccountId, DecodeError, Digest, Engine, EntryId, FunctionName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A call that several workers run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedCall {
    /// Its address.
    pub call: EntryId,
    /// The digest of its entry.
    pub call_digest: Digest,
    /// The function.
    pub function: FunctionName,
    /// The manifest that it was called under.
    pub spec: Digest,
    /// Who called.
    pub caller: Option<AccountId>,
    /// The fuel that it may burn.
    pub fuel_limit: u64,
    /// Bytes of its entry.
    pub bytes: u64,
    /// Whether these were paid for with a client's bundle.
    pub paid: bool,
    /// What its workers were drawn to run it with, whatever they offer by now.
    pub engine: Engine,
    /// How many are to say what comes of it.
    pub places: u8,
    /// How long each of them may take to run it.
    pub deadline_ms: u64,
    /// The workers that are asked to run it, in the order of the draw: as many as there are places, and more after some
    /// of them were silent.
    pub workers: Vec<AccountId>,
    /// Those drawn behind them, in order: at most as many as there are places. Drawn together with the first, so that
    /// whoever comes later or stakes more cannot become one of them.
    pub others: Vec<AccountId>,
    /// The height of the block in which the last of its workers were asked.
    pub asked_at: u64,
    /// What they have said, in the blocks' order: each of them once, and no more than there are places.
    pub said: Vec<Statement>,
    /// The first receipt of those that most agree on, once they do.
    pub agreed: Option<EntryId>,
    /// When nobody is waited for any more, by the blocks' time.
    pub until_ms: u64,
}

/// What a worker said of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The worker.
    pub worker: AccountId,
    /// Its receipt.
    pub receipt: EntryId,
    /// What came of the call; none when the receipt says nothing of what the function does.
    pub verdict: Option<Digest>,
    /// Whether the function came to its own end, which is the same on every machine: only then is it held against a worker
    /// that it says otherwise.
    pub own: bool,
    /// Bytes of the receipt's entry.
    pub bytes: u64,
    /// The fuel burnt.
    pub fuel: u64,
}

impl Statement {
    /// Whether this cannot be true when that is, on any machine.
    pub(super) fn contradicts(&self, other: &Statement) -> bool {
        self.own && other.own && self.verdict != other.verdict
    }
}

impl ComparedCall {
    /// How many have to say the same.
    #[must_use]
    pub fn majority(&self) -> usize {
        usize::from(self.places) / 2 + 1
    }

    /// How many are still to say what comes of it.
    #[must_use]
    pub fn silent(&self) -> usize {
        usize::from(self.places).saturating_sub(self.said.len())
    }

    /// Whether most may still come to say the same.
    pub(super) fn may_agree(&self) -> bool {
        let verdicts: Vec<_> = self.said.iter().map(|said| said.verdict).collect();
        verdict::may_agree(&verdicts, self.silent(), self.majority())
    }

    /// Whether others are asked when those that were asked stay silent.
    fn has_others(&self) -> bool {
        self.agreed.is_none() && !self.others.is_empty()
    }

    /// Whether a worker that is asked now, by the blocks' time, has as long as it may be silent before nobody is waited for.
    #[must_use]
    pub fn in_time(&self, now_ms: u64) -> bool {
        now_ms.saturating_add(self.deadline_ms).saturating_add(COMPARED_SILENCE_MS) <= self.until_ms
    }

    /// Until when nobody is given up who is asked now.
    pub(super) fn until_ms(now_ms: u64, deadline_ms: u64) -> u64 {
        now_ms.saturating_add(deadline_ms).saturating_add(COMPARED_PATIENCE_MS)
    }

    /// The first of those that agree, once they do.
    pub(super) fn believed(&self) -> Option<&Statement> {
        let agreed = self.agreed?;
        self.said.iter().find(|said| said.receipt == agreed)
    }

    /// The first two receipts that contradict each other, where nobody is believed.
    pub(super) fn dispute(&self) -> Option<[EntryId; 2]> {
        let one = self.said.iter().find(|said| said.own).filter(|_| self.agreed.is_none())?;
        let other = self.said.iter().find(|said| said.contradicts(one))?;
        Some([one.receipt, other.receipt])
    }

    /// Those whose verdict is the same, in the blocks' order.
    pub(super) fn saying<'a>(&'a self, verdict: &'a Digest) -> impl Iterator<Item = &'a Statement> {
        self.said.iter().filter(move |said| said.verdict.as_ref() == Some(verdict))
    }

    /// Its one encoding: a leaf of the state's tree, and the row on disk.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        cbor::array(&mut out, 17);
        cbor::bytes(&mut out, &self.call.encode());
        cbor::bytes(&mut out, self.call_digest.as_bytes());
        cbor::text(&mut out, self.function.as_str());
        cbor::bytes(&mut out, self.spec.as_bytes());
        cbor::option(&mut out, self.caller.as_ref(), |out, caller| cbor::bytes(out, caller.as_bytes()));
        cbor::uint(&mut out, self.fuel_limit);
        cbor::uint(&mut out, self.bytes);
        cbor::boolean(&mut out, self.paid);
        cbor::text(&mut out, self.engine.as_str());
        cbor::uint(&mut out, self.places);
        cbor::uint(&mut out, self.deadline_ms);
        for drawn in [&self.workers, &self.others] {
            cbor::array(&mut out, drawn.len());
            drawn.iter().for_each(|worker| cbor::bytes(&mut out, worker.as_bytes()));
        }
        cbor::uint(&mut out, self.asked_at);
        cbor::array(&mut out, self.said.len());
        for Statement { worker, receipt, verdict, own, bytes, fuel } in &self.said {
            cbor::array(&mut out, 6);
            cbor::bytes(&mut out, worker.as_bytes());
            cbor::bytes(&mut out, &receipt.encode());
            cbor::option(&mut out, verdict.as_ref(), |out, verdict| cbor::bytes(out, verdict.as_bytes()));
            cbor::boolean(&mut out, *own);
            cbor::uint(&mut out, *bytes);
            cbor::uint(&mut out, *fuel);
        }
        cbor::option(&mut out, self.agreed.as_ref(), |out, agreed| cbor::bytes(out, &agreed.encode()));
        cbor::uint(&mut out, self.until_ms);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<ComparedCall, DecodeError> {
        let r = &mut Reader::new(bytes);
        let account = |r: &mut Reader<'_>| Ok::<_, DecodeError>(AccountId::from_bytes(r.fixed()?));
        let address = |r: &mut Reader<'_>| EntryId::decode(r.bytes(64)?);
        let most = usize::from(MAX_REPLICAS_K);
        r.array(17)?;
        let call = ComparedCall {
            call: address(r)?,
            call_digest: Digest::from_bytes(r.fixed()?),
            function: FunctionName::parse(r.text(64)?)
                .map_err(|error| super::invalid("name", error.to_string()))?,
            spec: Digest::from_bytes(r.fixed()?),
            caller: r.option(account)?,
            fuel_limit: r.uint()?,
            bytes: r.uint()?,
            paid: r.boolean()?,
            engine: Engine::parse(r.text(MAX_ENGINE_BYTES)?)
                .map_err(|error| super::invalid("engine", error.to_string()))?,
            places: r.small()?,
            deadline_ms: r.uint()?,
            workers: (0..r.list(2 * most)?).map(|_| account(r)).collect::<Result<_, _>>()?,
            others: (0..r.list(most)?).map(|_| account(r)).collect::<Result<_, _>>()?,
            asked_at: r.uint()?,
            said: (0..r.list(most)?).map(|_| read_statement(r)).collect::<Result<_, _>>()?,
            agreed: r.option(address)?,
            until_ms: r.uint()?,
        };
        r.end()?;
        Ok(call)
    }
}

fn read_statement(r: &mut Reader<'_>) -> Result<Statement, DecodeError> {
    r.array(6)?;
    Ok(Statement {
        worker: AccountId::from_bytes(r.fixed()?),
        receipt: EntryId::decode(r.bytes(64)?)?,
        verdict: r.option(|r| Ok(Digest::from_bytes(r.fixed()?)))?,
        own: r.boolean()?,
        bytes: r.uint()?,
        fuel: r.uint()?,
    })
}

/// All of them that are open.
#[derive(Debug, Clone, Default)]
pub(super) struct Compared {
    calls: BTreeMap<EntryId, Arc<ComparedCall>>,
    ends: BTreeSet<(u64, EntryId)>,
    /// The same of those for which others may be asked.
    replaceable: BTreeSet<(u64, EntryId)>,
}

impl Compared {
    pub(super) fn get(&self, call: &EntryId) -> Option<&Arc<ComparedCall>> {
        self.calls.get(call)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= MAX_COMPARED_OPEN
    }

    /// Sets a call as it is now, or takes it out.
    pub(super) fn put(&mut self, id: EntryId, call: Option<Arc<ComparedCall>>) {
        if let Some(was) = self.calls.remove(&id) {
            self.ends.remove(&(was.until_ms, id));
            self.replaceable.remove(&(was.until_ms, id));
        }
        if let Some(call) = call {
            self.ends.insert((call.until_ms, id));
            if call.has_others() {
                self.replaceable.insert((call.until_ms, id));
            }
            self.calls.insert(id, call);
        }
    }

    /// Those for which nobody is waited for any more, at most so many.
    pub(super) fn over(&self, now_ms: u64, max: usize) -> Vec<EntryId> {
        let over = self.ends.iter().take_while(|(until_ms, _)| *until_ms <= now_ms).take(max);
        over.map(|(_, call)| *call).collect()
    }

    /// Those whose workers have been silent for so long that others are asked, at most so many.
    pub(super) fn silent(&self, height: u64, now_ms: u64, max: usize) -> Vec<EntryId> {
        // So long before nobody is waited for any more.
        let by_ms = now_ms.saturating_add(COMPARED_PATIENCE_MS - COMPARED_SILENCE_MS);
        let late = self.replaceable.iter().take_while(|(until_ms, _)| *until_ms <= by_ms);
        let asked_before = |id: &EntryId| {
            let call = self.calls.get(id);
            call.is_some_and(|call| call.asked_at.saturating_add(COMPARED_SILENCE_BLOCKS) <= height)
        };
        late.map(|(_, id)| *id).filter(asked_before).take(max).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(n: u8, receipt: EntryId, verdict: Option<Digest>) -> Statement {
        let worker = AccountId::from_bytes([n; 32]);
        Statement { worker, receipt, verdict, own: n == 1, bytes: 300, fuel: u64::MAX }
    }

    /// One that has all that it may have, but for what was said.
    fn some_call(call: EntryId) -> ComparedCall {
        ComparedCall {
            call,
            call_digest: Digest::from_bytes([1; 32]),
            function: FunctionName::parse("sum").unwrap(),
            spec: Digest::from_bytes([2; 32]),
            caller: Some(AccountId::from_bytes([3; 32])),
            fuel_limit: 9,
            bytes: 200,
            paid: true,
            engine: Engine::named("e-1"),
            places: MAX_REPLICAS_K,
            deadline_ms: u64::MAX,
            workers: (1..=2 * MAX_REPLICAS_K).map(|n| AccountId::from_bytes([n; 32])).collect(),
            others: (1..=MAX_REPLICAS_K).map(|n| AccountId::from_bytes([100 + n; 32])).collect(),
            asked_at: 7,
            said: Vec::new(),
            agreed: None,
            until_ms: 50,
        }
    }

    #[test]
    fn rows_read_back_and_end_in_time() {
        let [one, other] = ["0-7-0-0-0", "0-8-1-0-0"].map(|id| id.parse::<EntryId>().unwrap());
        let call = ComparedCall {
            said: vec![said(1, other, Some(Digest::ZERO)), said(2, other, None)],
            agreed: Some(other),
            until_ms: 50,
            ..some_call(one)
        };
        assert_eq!(ComparedCall::decode(&call.encode()), Ok(call.clone()));
        assert_eq!((call.majority(), call.silent(), call.believed()), (4, 5, call.said.first()));
        let mut open = Compared::default();
        open.put(one, Some(Arc::new(call)));
        assert_eq!((open.over(49, 9), open.over(50, 9)), (vec![], vec![one]));
        open.put(one, None);
        assert!(open.is_empty() && open.over(99, 9).is_empty());
    }

    #[test]
    fn others_are_asked_after_so_much_time_and_so_many_blocks() {
        let id: EntryId = "0-7-0-0-0".parse().unwrap();
        let until_ms = ComparedCall::until_ms(1000, 500);
        let call = ComparedCall { until_ms, agreed: None, ..some_call(id) };
        let (height, late_ms) = (call.asked_at + COMPARED_SILENCE_BLOCKS, 1500 + COMPARED_SILENCE_MS);
        let mut open = Compared::default();
        open.put(id, Some(Arc::new(call.clone())));
        assert_eq!(open.silent(height, late_ms, 9), [id]);
        let early = [(height - 1, u64::MAX), (u64::MAX, late_ms - 1)];
        assert!(early.iter().all(|(height, now_ms)| open.silent(*height, *now_ms, 9).is_empty()));
        assert!(open.silent(height, late_ms, 0).is_empty());
        for decided in [
            ComparedCall { agreed: Some(id), ..call.clone() },
            ComparedCall { others: Vec::new(), ..call.clone() },
        ] {
            open.put(id, Some(Arc::new(decided)));
            assert!(open.silent(u64::MAX, u64::MAX, 9).is_empty());
        }
        open.put(id, Some(Arc::new(call)));
        open.put(id, None);
        assert!(open.silent(u64::MAX, u64::MAX, 9).is_empty() && open.replaceable.is_empty());
    }
}
