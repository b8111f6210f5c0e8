//! Receipts that blocks order before the batches of their calls, where calls are followed to their ends.
//!
//! ```text
//!   block 7: batch 0-5, a receipt of a call in 0-4 ──► nobody knows that call yet
//!   block 8: batch 0-4, the call ──links──► 0-5 was ordered before ──► read again: the receipt comes after its call
//! ```
//!
//! A replica that missed a batch proposes the next one of its lane first. What is charged waits in the state; the end of a
//! call that a trigger derived, or that one waits for, is looked up here when the call comes. Which batches came before
//! follows from the blocks, and what they hold never changes: it is the same on every replica, as long as none looks
//! further back than all of them keep batches.

use super::Committer;
use super::blocks::Contents;
use crate::exchange::Scan;
use crate::limits::{EARLY_ANSWER_BLOCKS, MAX_LOOK_UPS};
use crate::state::OrderedBundle;
use crate::store::{Applied, read};
use std::collections::BTreeSet;

/// Lane and sequence number.
type Numbered = (u32, u64);

impl Committer {
    /// What batches that came before say of calls in batches of this block. `pending` are the blocks before it that are not
    /// written yet.
    pub(super) fn answered_before(
        &self,
        contents: &Contents,
        pending: &[Applied],
    ) -> Result<Vec<OrderedBundle>, String> {
        let mut found = Vec::new();
        for late in contents.late.iter().copied() {
            let Some((call, ..)) = contents.placed.get(late) else { continue };
            let mut looked = 0;
            for place in self.with_receipts(*call, contents, pending)? {
                let Some(Scan { ordered, .. }) = self.came_before(late, place, contents, pending)? else {
                    continue;
                };
                let before = found.len();
                found.extend(ordered.into_iter().filter_map(|bundle| receipts(bundle, *call)));
                looked += usize::from(found.len() > before);
                if looked >= MAX_LOOK_UPS {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Later batches of a lane that may hold receipts of calls in this one.
    fn with_receipts(
        &self,
        call: Numbered,
        contents: &Contents,
        pending: &[Applied],
    ) -> Result<BTreeSet<Numbered>, String> {
        let written = self.core.store.read(|txn| read::links(txn, call.0, call.1));
        let written = written.map_err(|error| error.to_string())?;
        let unwritten = pending.iter().flat_map(|applied| &applied.links).chain(&contents.links);
        let unwritten = unwritten.filter(|(of, _)| *of == call).map(|(_, place)| *place);
        let later = |place: &Numbered| place.0 == call.0 && place.1 > call.1;
        Ok(written.into_iter().chain(unwritten).filter(later).collect())
    }

    /// The batch in a place, if a block ordered it before the one with this number among those of the present block.
    fn came_before(
        &self,
        late: usize,
        place: Numbered,
        contents: &Contents,
        pending: &[Applied],
    ) -> Result<Option<Scan>, String> {
        let Some((.., now)) = contents.placed.get(late) else { return Ok(None) };
        let unwritten = contents.placed.iter().take(late);
        let unwritten = unwritten.chain(pending.iter().flat_map(|applied| &applied.placed));
        let at = match unwritten.into_iter().find(|(other, ..)| *other == place) {
            Some((.., at)) => Some(*at),
            None => {
                let written = self.core.store.read(|txn| read::place(txn, place.0, place.1));
                written.map_err(|error| error.to_string())?
            }
        };
        if at.is_none_or(|at| at.height.saturating_add(EARLY_ANSWER_BLOCKS) <= now.height) {
            return Ok(None);
        }
        // Where a second version counts, it takes the place of the first when its block is written.
        let swapped = pending.iter().flat_map(|applied| &applied.swapped).chain(&contents.swapped);
        let version = swapped.into_iter().find(|(other, ..)| *other == place).map(|(_, version, _)| version);
        version
            .map_or_else(|| self.read_again(place, true), |version| self.read_rival(version, true))
            .map(Some)
    }
}

/// The receipts of a bundle that answer calls in one batch. A client's bundle holds none that count.
fn receipts(bundle: OrderedBundle, call: Numbered) -> Option<OrderedBundle> {
    if bundle.counts && !bundle.own {
        return None;
    }
    let mut receipts = bundle.receipts;
    receipts.retain(|(_, receipt)| (receipt.call.lane, receipt.call.batch) == call);
    // Everything else that it holds was applied with its own block.
    let (transactions, values, calls) = (Vec::new(), Vec::new(), Vec::new());
    let said = OrderedBundle { counts: false, transactions, values, calls, receipts, ..bundle };
    (!said.receipts.is_empty()).then_some(said)
}
