//! The ledger as the ordering engine sees it.
//!
//! ```text
//!   engine ── propose ──► oldest durable batches without a block      (waits for one)
//!   engine ── available ► every batch of a block is on disk here      (waits for them)
//!   engine ── finalized ► inbox of the commit thread ── commit ──► ack
//! ```

use crate::core::Core;
use bytes::Bytes;
use moot_ordering::{Application, BoxFuture, Finalized, Plane, Proposal, Wanted};
use moot_record::{AccountId, BlockHeader, Digest};
use std::collections::HashSet;

impl Application for Core {
    // This ledger is a network of one yet: it pushes nothing, wants nothing and has no peers.
    fn attach(&self, _: Plane) {}

    fn pushed(&self, _: AccountId, _: Bytes) {}

    fn supply<'a>(&'a self, _: &'a Wanted) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(async { None })
    }

    fn accept<'a>(&'a self, _: &'a Wanted, _: Bytes) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }

    fn propose<'a>(&'a self, taken: &'a [Digest], max: usize) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            let taken: HashSet<Digest> = taken.iter().copied().collect();
            loop {
                let fresh = self.fresh.notified();
                let batches = self.unordered.lock().propose(self.lane_number, &taken, max);
                if !batches.is_empty() {
                    return Proposal { batches, state: self.state() };
                }
                fresh.await;
            }
        })
    }

    fn state(&self) -> Digest {
        self.head.read().state
    }

    fn available<'a>(&'a self, _: &'a BlockHeader, batches: &'a [Digest]) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // A digest that appears twice can never be valid, whoever holds the data.
            let mut seen = HashSet::new();
            if !batches.iter().all(|digest| seen.insert(digest)) {
                return false;
            }
            loop {
                let fresh = self.fresh.notified();
                let missing = {
                    let unordered = self.unordered.lock();
                    batches.iter().any(|digest| !unordered.holds(digest))
                };
                if !missing {
                    return true;
                }
                fresh.await;
            }
        })
    }

    fn finalized(&self, block: Finalized, ack: Box<dyn FnOnce() + Send>) {
        self.inbox.lock().blocks.push_back((block, ack));
        self.signal.wake();
    }
}
