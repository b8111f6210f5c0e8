//! Who runs a call that several workers run: drawn in its block, and others in the places of those that stay silent.
//!
//! ```text
//!  call ──► engine with most behind it ──► 2k drawn, in order ──► the first k are asked
//!                └── fewer than k: the end of the call, without an answer     │ silent, and most may still agree
//!                                                                             ▼
//!                                          as many of the next as are silent, of those that still offer to run it
//! ```
//!
//! A call is drawn by its digest and that of its block, so that whoever makes it cannot choose who runs it. Those behind the
//! first are drawn with them, when nobody knows the digests yet: an account made afterwards, or a stake moved to one, wins
//! no place. That they are no more than the first bounds what can be gained by keeping others silent.

use super::compared::ComparedCall;
use super::step::Step;
use super::workers::{self, Alike};
use super::{Block, DerivedCall, DerivedEnd, FollowedCall, OrderedBundle, State, Version};
use crate::limits::{MAX_COMPARED_A_BLOCK, MAX_COMPARED_REPLACED};
use moot_record::{AccountId, Digest, Domain, Engine, EntryId, FunctionName, Sandbox};
use std::sync::Arc;

const SEED: Domain = Domain::new("moot worker seed 1");
/// Why a derived call is not run.
const TOO_FEW: &str = "too few workers of one engine were there to run it, or too many such calls are open";

/// What a call asks for that several workers are to run.
struct Wanted {
    caller: Option<AccountId>,
    places: u8,
    deadline_ms: u64,
}

impl State {
    /// Looks at the calls of a bundle: workers are drawn for those that several run. Where that cannot be, such a call has
    /// ended: what a worker or the replica says of it alone is no answer.
    pub(super) fn draw_workers(&mut self, block: &Block, bundle: &OrderedBundle, step: &mut Step) {
        for (id, call) in &bundle.calls {
            let Some(wanted) = self.wanted(bundle, call) else { continue };
            let room = step.drawn < MAX_COMPARED_A_BLOCK && !self.compared.is_full();
            match room.then(|| self.drawn(block, bundle, (id, call), wanted)).flatten() {
                Some(drawn) => {
                    step.drawn += 1;
                    self.wait_for_workers(&drawn, step);
                    self.put_compared(*id, Some(drawn), step);
                }
                None => self.end_call(block, *id, DerivedEnd::Dropped { why: TOO_FEW.to_owned() }, step),
            }
        }
    }

    /// Asks others where workers have been silent for too long: those behind them in the draw that still offer to run it.
    pub(super) fn ask_others(&mut self, block: &Block, step: &mut Step) {
        for id in self.compared.silent(block.height, block.time_ms, MAX_COMPARED_REPLACED) {
            let Some(mut call) = self.compared.get(&id).map(|call| ComparedCall::clone(call)) else {
                continue;
            };
            let mut others = std::mem::take(&mut call.others).into_iter();
            let silent = if call.may_agree() { call.silent() } else { 0 };
            let next = others.by_ref().filter(|worker| self.offers(&call, worker)).take(silent);
            let next: Vec<AccountId> = next.collect();
            // Who has nobody left to ask, or nothing to gain by asking, does not look again.
            if !next.is_empty() {
                call.workers.extend(next);
                call.others = others.collect();
                call.asked_at = block.height;
                call.until_ms = ComparedCall::until_ms(block.time_ms, call.deadline_ms);
                self.wait_for_workers(&call, step);
            }
            self.put_compared(id, Some(call), step);
        }
    }

    /// Whether a worker still offers to run a call that it was drawn for. A revoked key offers nothing.
    fn offers(&self, call: &ComparedCall, worker: &AccountId) -> bool {
        let covers = |replica: AccountId| {
            self.workers.covers(&self.stakes, worker, Sandbox::Component, &call.function, &replica)
        };
        let offer = self.owner_of_lane(call.call.lane).and_then(covers);
        offer.is_some_and(|(_, offer)| offer.engine == call.engine)
    }

    /// A derived call stays with its lane as long as its workers are waited for.
    fn wait_for_workers(&mut self, drawn: &ComparedCall, step: &mut Step) {
        if let Some(derived) = self.open.by_call(&drawn.call).filter(|of| of.until_ms < drawn.until_ms) {
            let derived = DerivedCall { until_ms: drawn.until_ms, ..(**derived).clone() };
            self.set_derived(Arc::new(derived), step);
        }
    }

    /// What a call asks for, if several workers are to run it and its caller may have it run.
    fn wanted(&self, bundle: &OrderedBundle, call: &FollowedCall) -> Option<Wanted> {
        let record = self.functions.get(&call.function)?;
        let named =
            |version: &&Version| (version.spec_digest, version.component) == (call.spec, call.component);
        let spec = &record.versions.iter().rev().find(named)?.spec;
        // Who signed a bundle is who called, whatever the call says.
        let caller = if bundle.own { call.caller } else { Some(bundle.account) };
        let several = spec.replicas_k > 1 && self.may_call(spec, caller.as_ref());
        let (places, deadline_ms) = (spec.replicas_k, spec.limits.deadline_ms);
        several.then_some(Wanted { caller, places, deadline_ms })
    }

    fn drawn(
        &self,
        block: &Block,
        bundle: &OrderedBundle,
        (id, call): (&EntryId, &FollowedCall),
        Wanted { caller, places, deadline_ms }: Wanted,
    ) -> Option<ComparedCall> {
        let replica = self.owner_of_lane(id.lane)?;
        let k = usize::from(places);
        let (engine, mut workers) = self.draw(block, &call.digest, &call.function, &replica, 2 * k)?;
        // Fewer could not be compared as its owner wants it.
        if workers.len() < k {
            return None;
        }
        let others = workers.split_off(k);
        Some(ComparedCall {
            call: *id,
            call_digest: call.digest,
            function: call.function.clone(),
            spec: call.spec,
            caller,
            fuel_limit: call.fuel_limit,
            bytes: call.bytes,
            paid: !bundle.own,
            engine,
            places,
            deadline_ms,
            workers,
            others,
            asked_at: block.height,
            said: Vec::new(),
            agreed: None,
            until_ms: ComparedCall::until_ms(block.time_ms, deadline_ms),
        })
    }

    /// The replica in whose lane a call stands.
    fn owner_of_lane(&self, lane: u32) -> Option<AccountId> {
        let lane = usize::try_from(lane).ok()?;
        Some(self.seats.as_ref()?.all().get(lane)?.account)
    }

    /// What is deterministic is a component; what several run of it is run with one engine.
    fn draw(
        &self,
        block: &Block,
        call: &Digest,
        function: &FunctionName,
        replica: &AccountId,
        most: usize,
    ) -> Option<(Engine, Vec<AccountId>)> {
        let Alike { engine, workers } = self.workers.alike(&self.stakes, function, replica)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(call.as_bytes());
        bytes[32..].copy_from_slice(block.digest.as_bytes());
        Some((engine.clone(), workers::assigned(&SEED.hash(&bytes), function, workers, most)))
    }
}
