//! Calls and values that blocks order before the batch of the call that made them.
//!
//! ```text
//!   block 7: batch 0-5, a value written in a call of 0-4 ──► which call that is nobody knows yet: batch 0-4 is to come
//!   block 8: batch 0-4, a derived call
//! ```
//!
//! A replica that missed a batch proposes the next one of its lane first. The state counts on from the deepest call that it
//! may be, else a loop of triggers would begin anew there. Which batches were ordered is never forgotten, so it is the same
//! on every replica.

use super::Committer;
use super::blocks::Contents;
use crate::state::OrderedBundle;
use crate::store::{Applied, read};
use std::collections::{BTreeMap, BTreeSet};

/// Lane and sequence number.
type Numbered = (u32, u64);

impl Committer {
    /// The batches of calls that made something in this block, and that neither a block before has ordered nor this one in
    /// front of that. `pending` are the blocks before it that are not written yet.
    pub(super) fn calls_to_come(
        &self,
        contents: &Contents,
        pending: &[Applied],
    ) -> Result<BTreeSet<Numbered>, String> {
        let mut found = BTreeSet::new();
        if !contents.follow || !self.state.traces() {
            return Ok(found);
        }
        let here: BTreeMap<Numbered, usize> = contents.placed.iter().map(|(of, ..)| *of).zip(0..).collect();
        let mut known = BTreeMap::new();
        for bundle in contents.bundles.iter().filter(|bundle| bundle.own) {
            let at = here.get(&(bundle.first.lane, bundle.first.batch));
            for batch in makers(bundle) {
                let came = match here.get(&batch) {
                    Some(place) => Some(place) < at,
                    None => match known.get(&batch) {
                        Some(came) => *came,
                        None => *known.entry(batch).or_insert(self.was_ordered(batch, pending)?),
                    },
                };
                found.extend((!came).then_some(batch));
            }
        }
        Ok(found)
    }

    /// Whether a block before this one has ordered a batch.
    fn was_ordered(&self, batch: Numbered, pending: &[Applied]) -> Result<bool, String> {
        if pending.iter().flat_map(|applied| &applied.placed).any(|(of, ..)| *of == batch) {
            return Ok(true);
        }
        let written = self.core.store.read(|txn| read::place(txn, batch.0, batch.1));
        Ok(written.map_err(|error| error.to_string())?.is_some())
    }
}

/// Other batches of its lane whose calls made calls or values of a bundle.
fn makers(bundle: &OrderedBundle) -> BTreeSet<Numbered> {
    let calls = bundle.calls.iter().filter_map(|(_, call)| call.parent);
    let values = bundle.values.iter().filter_map(|(_, value)| value.parent);
    let (lane, batch) = (bundle.first.lane, bundle.first.batch);
    let parents = calls.chain(values).filter(|parent| parent.lane == lane && parent.batch != batch);
    parents.map(|parent| (parent.lane, parent.batch)).collect()
}
