//! Triggers and derived calls for those who run them and those who ask.

use crate::error::ReadError;
use crate::idempotency::Idempotency;
use crate::ledger::Ledger;
use crate::limits::MAX_RESERVATIONS;
use crate::state::{DerivedCall, DerivedId, DerivedNews, Triggers};
use crate::store::{derived, read};
use moot_record::Digest;
use std::sync::Arc;
use tokio::sync::watch;

impl Ledger {
    /// The triggers after the last block committed here.
    #[must_use]
    pub fn triggers(&self) -> Arc<Triggers> {
        self.core().triggers.read().clone()
    }

    /// A derived call as the last block has it, with its end if it came to one; none when there was none of that name, or
    /// it is forgotten.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn derived(&self, id: DerivedId) -> Result<Option<DerivedNews>, ReadError> {
        self.core().store.read(|txn| derived::get(txn, &id))
    }

    /// The newest derived calls, newest first.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn newest_derived(&self, max: usize) -> Result<Vec<DerivedNews>, ReadError> {
        self.core().store.read(|txn| derived::newest(txn, max))
    }

    /// Derived calls that this replica's lane is to run and has not recorded yet, in order.
    #[must_use]
    pub fn derived_to_run(&self) -> Vec<Arc<DerivedCall>> {
        let lane = self.core().lane_number();
        let derived = self.core().derived.lock();
        derived.values().filter(|call| call.lane == lane && call.call.is_none()).cloned().collect()
    }

    /// The derived call of a digest, while it has no answer.
    #[must_use]
    pub fn derived_of(&self, digest: &Digest) -> Option<Arc<DerivedCall>> {
        let derived = self.core().derived.lock();
        derived.values().find(|call| call.digest() == *digest).cloned()
    }

    /// Changes when there is something new of derived calls: the height of the last block with some.
    #[must_use]
    pub fn derived_news(&self) -> watch::Receiver<u64> {
        self.core().derived_news.subscribe()
    }

    /// The right to record the one call of a derived call in this turn of this lane: it is remembered with the call, so that
    /// after a crash nobody records it again. None while there is no room to remember it, or the call of an earlier turn is
    /// on its way to the disk.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn reserve_derived(&self, call: &DerivedCall) -> Result<Option<Idempotency>, ReadError> {
        let core = self.core();
        if core.flights.len() >= MAX_RESERVATIONS {
            return Ok(None);
        }
        let (digest, turn) = (call.digest(), call.turn_digest());
        // What stands there of an earlier turn came too late, and ends nothing any more.
        let stored = || {
            let found = core.store.read(|txn| read::key(txn, &digest));
            found.map(|row| row.filter(|row| row.body == turn))
        };
        Ok(match core.flights.look(digest, turn, stored)? {
            Idempotency::Conflict => None,
            found => Some(found),
        })
    }
}
