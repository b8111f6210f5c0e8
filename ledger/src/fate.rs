//! Whether what a client signed counts, before anybody runs it.

use crate::error::ReadError;
use crate::ledger::Ledger;
use crate::state::Refusal;
use crate::store::read;
use moot_record::EntryId;

/// Where a client's bundle stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// No block of this replica's names its batch yet.
    Unordered,
    /// It is final, and the first of its kind: what it asks may be done.
    Counts {
        /// Height of its block.
        height: u64,
    },
    /// It is final and void: it came too late, or another replica's copy was named first.
    Void {
        /// Height of its block.
        height: u64,
        /// Why.
        why: Refusal,
    },
}

impl Ledger {
    /// What became of the bundle that the entry `id` is in. For bundles without transactions, whose own outcomes
    /// say it one by one.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn fate(&self, id: EntryId) -> Result<Fate, ReadError> {
        let first = EntryId { page: 0, slot: 0, ..id };
        let found = self
            .core()
            .store
            .read(|txn| Ok((read::place(txn, id.lane, id.batch)?, read::outcome(txn, &first)?)))?;
        Ok(match found {
            (None, _) => Fate::Unordered,
            (Some(place), Some(outcome)) => match outcome.result {
                Err(why) if why.is_of_bundle() => Fate::Void { height: place.height, why },
                // Of its first entry alone: a value that was denied.
                Ok(_) | Err(_) => Fate::Counts { height: place.height },
            },
            (Some(place), None) => Fate::Counts { height: place.height },
        })
    }

    /// Lets the open calls of a void bundle go without receipts: they were never anybody's to run. Says how many.
    /// Does nothing for a bundle that counts, or that no block has named.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn close_void(&self, id: EntryId) -> Result<usize, ReadError> {
        match self.fate(id)? {
            Fate::Void { .. } => Ok(self.core().lane.lock().calls.close_bundle(id.batch, id.bundle)),
            Fate::Unordered | Fate::Counts { .. } => Ok(0),
        }
    }

    /// Whether a call that was found open when the ledger was opened came in a client's bundle: its fate is asked
    /// for before it is run.
    #[must_use]
    pub fn is_of_client(&self, id: &EntryId) -> bool {
        self.found_by_clients().contains(&(id.batch, id.bundle))
    }
}
