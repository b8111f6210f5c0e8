//! Running a call on several workers: what is made of their receipts.
//!
//! ```text
//!  call ──► replicas_k of its manifest ──► that many workers drawn, and others where these are silent
//!  receipt of one of them ──► the first that most agree on: charged, and the end of the call, once
//!                        └──► another than most: a fault; a share of its stake is burned, and it gets no calls any more
//!  nobody is waited for any more, and most do not agree ──► the end of the call, without an answer
//! ```
//!
//! As many are heard as the manifest asks for: the first that speak, of all that were asked. Who was silent while others
//! were asked is heard too, as long as one of them is missing. All of it follows from the blocks: every replica hears the
//! same workers, and finds the same one at fault.

use super::charges::{Charge, Group};
use super::compared::{ComparedCall, Statement};
use super::stakes::burn;
use super::step::Step;
use super::verdict;
use super::{Block, DerivedEnd, FollowedReceipt, FunctionRecord, OrderedBundle, Refusal, State};
use crate::limits::{BURNED_SHARE, MAX_COMPARED_ENDED};
use moot_record::{AccountId, EntryId, FunctionName, StateKey, WorkerFault};
use std::sync::Arc;

/// Why a derived call has no answer.
const NOT_AGREED: &str =
    "most of the workers drawn for it did not say the same, and nobody is waited for any more";

impl State {
    /// A call that several workers run, until as many as it asks for have said what came of it.
    #[must_use]
    pub fn compared(&self, call: &EntryId) -> Option<&Arc<ComparedCall>> {
        self.compared.get(call)
    }

    /// Whether a function is there whose calls several workers run, and somebody to run them.
    pub(super) fn compares(&self) -> bool {
        !self.compared.is_empty() || (self.comparing > 0 && !self.workers.is_empty())
    }

    /// Sets a function as it is now, or takes it out; gives what was there.
    pub(super) fn put_function(
        &mut self,
        name: FunctionName,
        record: Option<Arc<FunctionRecord>>,
    ) -> Option<Arc<FunctionRecord>> {
        let compared = |record: &Arc<FunctionRecord>| {
            usize::from(record.versions.iter().any(|version| version.spec.replicas_k > 1))
        };
        self.comparing += record.as_ref().map_or(0, compared);
        let was = match record {
            Some(record) => self.functions.insert(name, record),
            None => self.functions.remove(&name),
        };
        self.comparing -= was.as_ref().map_or(0, compared);
        was
    }

    /// Looks at the receipts of a bundle: those of drawn workers are compared.
    pub(super) fn compare_receipts(&mut self, block: &Block, bundle: &OrderedBundle, step: &mut Step) {
        // Among other things of a client's, nobody's receipt; and what a revoked key signs is nobody's word.
        if bundle.counts || self.revoked.has(&bundle.account) {
            return;
        }
        for (id, receipt) in &bundle.receipts {
            self.compare(block, *id, bundle.account, receipt, step);
        }
    }

    fn compare(
        &mut self,
        block: &Block,
        id: EntryId,
        worker: AccountId,
        receipt: &FollowedReceipt,
        step: &mut Step,
    ) {
        let Some(call) = self.compared.get(&receipt.call) else { return };
        let asked = call.workers.contains(&worker) && !call.said.iter().any(|said| said.worker == worker);
        // One of another entry says nothing of this call: the worker may have been shown that one.
        if id.lane != receipt.call.lane || !asked || receipt.call_digest != call.call_digest {
            return;
        }
        let mut call = ComparedCall::clone(call);
        let FollowedReceipt { component, status, output, fuel, metered, .. } = receipt;
        let verdict = verdict::verdict(component, *status, output, *fuel, *metered);
        let own = verdict.is_some() && verdict::is_own(*status);
        let said = Statement { worker, receipt: id, verdict, own, bytes: receipt.bytes, fuel: *fuel };
        call.said.push(said);
        if let (None, Some(verdict)) = (call.agreed, verdict) {
            let saying: Vec<Statement> = call.saying(&verdict).copied().collect();
            if let (Some(first), true) = (saying.first(), saying.len() >= call.majority()) {
                call.agreed = Some(first.receipt);
                // How they say that it ended is a part of what they agree on.
                let end = DerivedEnd::Answered { receipt: first.receipt, status: *status };
                self.end_call(block, call.call, end, step);
                self.charge_agreed(&call, &saying, step);
                for odd in call.said.iter().filter(|said| said.contradicts(first)) {
                    self.fault(&call, odd, first.receipt, step);
                }
            }
        } else if let Some(believed) = call.believed().filter(|believed| said.contradicts(believed)) {
            self.fault(&call, &said, believed.receipt, step);
        }
        if call.silent() == 0 {
            self.close_compared(block, &call, step);
        } else {
            self.put_compared(call.call, Some(call), step);
        }
    }

    /// Nobody is waited for any more: a call that most do not agree on has ended without an answer. That workers contradict
    /// each other and nobody can be believed names none of them, and is written down.
    fn close_compared(&mut self, block: &Block, call: &ComparedCall, step: &mut Step) {
        if call.agreed.is_none() {
            self.end_call(block, call.call, DerivedEnd::Dropped { why: NOT_AGREED.to_owned() }, step);
        }
        if let Some([one, other]) = call.dispute() {
            self.note(call.call, Err(Refusal::Disputed { one, other }), step);
        }
        self.put_compared(call.call, None, step);
    }

    /// Charges a call once, for the first receipt that most agree on. The worker's share is for all that agreed by then.
    fn charge_agreed(&mut self, call: &ComparedCall, saying: &[Statement], step: &mut Step) {
        let Some(first) = saying.first() else { return };
        let group = Group {
            function: call.function.clone(),
            spec: call.spec,
            caller: call.caller,
            worker: first.worker,
        };
        let charge = Charge {
            group: 0,
            batch: call.call.batch,
            call: 0,
            bytes: call.bytes.saturating_add(first.bytes),
            paid_bytes: if call.paid { call.bytes } else { 0 },
            fuel: first.fuel.min(call.fuel_limit),
        };
        let workers: Vec<AccountId> = saying.iter().map(|said| said.worker).collect();
        self.charge_one(&group, &charge, &workers, &mut step.till);
    }

    /// A worker said otherwise than most: it loses a share of its stake, and its place.
    fn fault(&mut self, call: &ComparedCall, odd: &Statement, agreed: EntryId, step: &mut Step) {
        let worker = odd.worker;
        let mut burned = 0;
        if let Some(mut stake) = self.stakes.get(&worker).cloned() {
            burned = stake.bound().div_ceil(BURNED_SHARE);
            burn(&mut stake, burned);
            self.put_stake(worker, Some(stake), step);
        }
        let mut record = self.workers.get(&worker).cloned().unwrap_or_default();
        if record.offer.take().is_some() {
            record.since = step.height;
        }
        record.add(WorkerFault { call: call.call, receipt: odd.receipt, agreed, burned });
        self.put_worker(worker, record, step);
    }

    /// Forgets calls whose workers have said nothing for too long.
    pub(super) fn end_compared(&mut self, block: &Block, step: &mut Step) {
        for id in self.compared.over(block.time_ms, MAX_COMPARED_ENDED) {
            if let Some(call) = self.compared.get(&id).cloned() {
                self.close_compared(block, &call, step);
            }
        }
    }

    pub(super) fn put_compared(&mut self, id: EntryId, call: Option<ComparedCall>, step: &mut Step) {
        step.touch(StateKey::Compared(id));
        self.compared.put(id, call.map(Arc::new));
    }
}
