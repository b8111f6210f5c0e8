//! Applying a final block to the state.

use super::Committer;
use crate::limits::ROOTS_REMEMBERED;
use crate::pending::Promise;
use crate::state::Block;
use crate::store::{Applied, Place, StoredBlock};
use moot_ordering::Finalized;

/// A batch that became final, with those who wait for that.
pub(super) struct Settled {
    pub(super) promise: Promise,
    pub(super) height: u64,
}

impl Committer {
    /// Applies the next block; none for one that was applied before. An error means that this replica's
    /// history does not fit the network's: it must stop, loudly.
    pub(super) fn apply(&mut self, block: Finalized) -> Result<Option<(Applied, Vec<Settled>)>, String> {
        let height = block.header.height;
        let expected = self.state.height() + 1;
        if height < expected {
            return Ok(None);
        }
        if height > expected {
            return Err(format!(
                "block {height} was delivered, block {expected} is next: blocks are missing"
            ));
        }
        if !block.header.names(&block.batches) {
            return Err(format!(
                "the header of block {height} does not commit to the batches delivered with it"
            ));
        }
        if !self.roots.contains(&block.header.state) {
            return Err(format!(
                "block {height} carries state root {}, this replica had {} after block {} and never that one: \
                 one of them is wrong",
                block.header.state,
                self.state.root(),
                self.state.height(),
            ));
        }
        let (mut placed, mut bundles, mut settled) = (Vec::new(), Vec::new(), Vec::new());
        let mut unordered = self.core.unordered.lock();
        for (index, digest) in (0u32..).zip(&block.batches) {
            match unordered.take(digest) {
                Some((key, waiting)) => {
                    placed.push((key, Place { height, index }));
                    bundles.extend(waiting.ordered);
                    settled.push(Settled { promise: waiting.promise, height });
                }
                // The first place counts.
                None if unordered.was_ordered(digest) => {}
                None => {
                    return Err(format!(
                        "block {height} orders batch {digest}, which this replica does not hold: its data was lost"
                    ));
                }
            }
        }
        drop(unordered);
        let changes = self.state.apply(&Block { height, bundles });
        self.roots.push_back(self.state.root());
        if self.roots.len() > ROOTS_REMEMBERED {
            self.roots.pop_front();
        }
        let block = StoredBlock {
            header: block.header,
            batches: block.batches,
            certificate: block.certificate,
            descent: block.descent,
            state_after: self.state.root(),
            history_after: self.state.history(),
        };
        Ok(Some((Applied { block, placed, changes }, settled)))
    }
}
