//! Looking up calls whose receipts stand in other batches, before a block is applied.
//!
//! A receipt is nearly always in the batch of its call. One of a slow call, or of a call that a client signed, is not: its
//! call's batch is ordered before it, in the same block, or now and then after it; then the receipt waits in the state. What a batch holds never changes, so reading it from this
//! replica's disk is a function of the blocks still. Only batches that the state expects receipts for are read. Values
//! that functions wrote are put beside their calls in the same way.

use super::Committer;
use crate::exchange::{FoundCalls, find_calls};
use crate::limits::MAX_LOOK_UPS;
use crate::packed;
use crate::state::Charges;
use crate::store::read;
use moot_record::{AccountId, Digest, EntryId, SealedView};
use std::collections::BTreeSet;

impl Committer {
    /// Puts every receipt of a block beside its call, as far as the call may still be charged, and every value that a
    /// function wrote.
    pub(super) fn look_up_calls(&self, charges: &mut [Charges]) -> Result<(), String> {
        for at in 0..charges.len() {
            self.look_up_writers(charges, at)?;
            let Some(these) = charges.get_mut(at) else { break };
            these.elsewhere.extend_from_slice(self.state.early_receipts(&these.place));
            if these.elsewhere.is_empty() {
                continue;
            }
            let (lane, waiting) = (these.place.0, these.take_elsewhere());
            let owner = self.core.lane_account(lane);
            for (batch, receipts) in waiting.into_iter().take(MAX_LOOK_UPS) {
                let place = (lane, batch);
                let Some(digest) = self.expected(charges, &place) else {
                    if let Some(these) = charges.get_mut(at) {
                        these.early.extend(receipts);
                    }
                    continue;
                };
                let wanted = receipts.iter().map(|receipt| receipt.call).collect();
                let found = self.find(place, &digest, owner.as_ref(), &wanted)?;
                if let Some(these) = charges.get_mut(at) {
                    these.settle(&receipts, &found);
                }
            }
        }
        Ok(())
    }

    /// Puts the values of a batch that functions wrote beside their calls. One whose call no block has ordered yet, or
    /// that was over long ago, stays without.
    fn look_up_writers(&self, charges: &mut [Charges], at: usize) -> Result<(), String> {
        let Some(these) = charges.get(at) else { return Ok(()) };
        let (lane, calls) = (these.place.0, these.calls_of_values());
        let Some(owner) = self.core.lane_account(lane).filter(|_| !calls.is_empty()) else { return Ok(()) };
        for (batch, wanted) in calls.into_iter().take(MAX_LOOK_UPS) {
            let place = (lane, batch);
            let Some(digest) = self.expected(charges, &place) else { continue };
            let found = self.find(place, &digest, Some(&owner), &wanted)?;
            if let Some(these) = charges.get_mut(at) {
                these.settle_values(owner, &found);
            }
        }
        Ok(())
    }

    /// The digest of a batch of which calls may be charged: of this block, or of one before.
    fn expected(&self, charges: &[Charges], place: &(u32, u64)) -> Option<Digest> {
        let here = charges.iter().find(|other| other.place == *place).map(|other| other.digest);
        here.or_else(|| Some(self.state.open_batch(place)?.digest()))
    }

    /// The calls of a batch: from memory when it is one of the last, else from the disk, held against its digest.
    fn find(
        &self,
        place: (u32, u64),
        digest: &Digest,
        owner: Option<&AccountId>,
        wanted: &BTreeSet<EntryId>,
    ) -> Result<FoundCalls, String> {
        let core = &self.core;
        let recent = core.recent.get(place.0, place.1).filter(|stored| stored.batch.digest() == *digest);
        if let Some(stored) = recent {
            let bundles = stored.batch.bundles.iter().map(|bundle| (bundle.header.account, bundle.entries()));
            return Ok(find_calls(place, owner, bundles, wanted));
        }
        let gone = |why: String| format!("batch {}-{} cannot be read: {why}", place.0, place.1);
        let row = core.store.read(|txn| read::sealed(txn, digest, Some(place)));
        let row = row.map_err(|error| gone(error.to_string()))?;
        let row = row.ok_or_else(|| gone("it has gone from the disk".into()))?;
        let bytes = packed::unpack(&row).map_err(|error| gone(error.to_string()))?;
        let view = SealedView::parse(&bytes).map_err(|error| gone(error.to_string()))?;
        view.verify_roots().map_err(|error| gone(error.to_string()))?;
        if view.digest() != *digest {
            return Err(gone("another one stands in its place".into()));
        }
        let bundles = view.bundles.iter().map(|bundle| (bundle.header.account, bundle.entries()));
        Ok(find_calls(place, owner, bundles, wanted))
    }
}
