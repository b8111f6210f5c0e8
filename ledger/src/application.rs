//! The ledger as the ordering engine sees it.
//!
//! ```text
//!   engine ── propose ──► oldest durable batches of every lane without a block   (waits for one)
//!   engine ── available ► every batch of a block is on disk here                 (fetches, and waits for them)
//!   engine ── finalized ► inbox of the commit thread ── commit ──► ack
//!   engine ── pushed, accept, supply ──► exchange
//! ```

use crate::core::Core;
use crate::exchange::{Carrier, Want};
use bytes::Bytes;
use moot_ordering::{Application, BoxFuture, Finalized, Plane, Proposal, Wanted};
use moot_record::{AccountId, BlockHeader, Digest};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

impl Carrier for Plane {
    fn push(&self, bytes: Bytes) {
        // Best effort: who does not get it fetches it.
        let _ = Plane::push(self, bytes);
    }

    fn fetch(&self, wanted: Wanted) -> bool {
        Plane::fetch(self, wanted)
    }

    fn forget(&self, wanted: &Wanted) {
        Plane::forget(self, wanted);
    }
}

impl Core {
    /// Takes the means to reach the other replicas.
    pub(crate) fn connect(&self, carrier: Arc<dyn Carrier>) {
        self.wants.line.attach(carrier);
        self.want_components(self.registry.read().values());
    }
}

impl Application for Core {
    fn attach(&self, plane: Plane) {
        self.connect(Arc::new(plane));
    }

    fn propose<'a>(&'a self, taken: &'a [Digest], max: usize) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            let taken: HashSet<Digest> = taken.iter().copied().collect();
            loop {
                let fresh = self.fresh.notified();
                let batches = self.unordered.lock().propose(&taken, max);
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
            // What is missing is asked for while this waits, and no longer.
            let mut wanted: BTreeMap<Digest, Want> = BTreeMap::new();
            loop {
                let fresh = self.fresh.notified();
                let missing: Vec<Digest> = {
                    let unordered = self.unordered.lock();
                    batches.iter().filter(|digest| !unordered.holds(digest)).copied().collect()
                };
                if missing.is_empty() {
                    return true;
                }
                wanted.retain(|digest, _| missing.contains(digest));
                for digest in missing {
                    wanted.entry(digest).or_insert_with(|| self.wants.want(digest, false));
                }
                fresh.await;
            }
        })
    }

    fn finalized(&self, block: Finalized, ack: Box<dyn FnOnce() + Send>) {
        self.inbox.lock().blocks.push_back((block, ack));
        self.signal.wake();
    }

    fn pushed(&self, from: AccountId, bytes: Bytes) {
        self.take_push(&from, bytes);
    }

    fn supply<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(self.look_up(wanted))
    }

    fn accept<'a>(&'a self, wanted: &'a Wanted, bytes: Bytes) -> BoxFuture<'a, bool> {
        Box::pin(self.judge(wanted, bytes))
    }
}
