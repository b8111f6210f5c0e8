//! The ledger as the ordering engine sees it.
//!
//! ```text
//!   engine ── propose ──► oldest durable batches of every lane without a block   (waits for one, and for company)
//!   engine ── available ► every batch of a block is on disk here                 (fetches, and waits for them)
//!   engine ── finalized ► inbox of the commit thread ── commit ──► ack
//!   engine ── pushed, accept, supply ──► exchange
//! ```

use crate::core::Core;
use crate::exchange::{Carrier, Want};
use crate::limits::ROOTS_REMEMBERED;
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

impl Core {
    /// Whether the state root that a block carries is one that this replica had: a block with another must not
    /// become final, because every replica that applied it would have to stop. None while the blocks before it
    /// are not committed here. The window is smaller than the one that applying looks through, so that a root
    /// that was voted for is still known then.
    fn was_root(&self, header: &BlockHeader) -> Option<bool> {
        // The height first: the roots may only be newer.
        let height = self.height();
        let known =
            self.roots.read().iter().rev().take(ROOTS_REMEMBERED / 2).any(|root| *root == header.state);
        match height + 1 {
            _ if known => Some(true),
            next if next == header.height => Some(false),
            // Committed here already, and so agreed upon.
            next if next > header.height => Some(true),
            _ => None,
        }
    }
}

impl Application for Core {
    fn attach(&self, plane: Plane) {
        self.connect(Arc::new(plane));
    }

    fn propose<'a>(&'a self, taken: &'a [Digest], max: usize) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            let taken: HashSet<Digest> = taken.iter().copied().collect();
            // Who asked while the last block was on its way was heard by nobody.
            let mut first = true;
            loop {
                let fresh = self.pace.heard();
                let asked = first || self.pace.was_asked();
                first = false;
                let batches = {
                    let mut unordered = self.unordered.lock();
                    match unordered.is_due(&taken, max, self.order_within, asked) {
                        true => unordered.propose(&taken, max),
                        false => Vec::new(),
                    }
                };
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

    fn available<'a>(&'a self, header: &'a BlockHeader, batches: &'a [Digest]) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // A digest that appears twice can never be valid, whoever holds the data.
            let mut seen = HashSet::new();
            if !batches.iter().all(|digest| seen.insert(digest)) {
                return false;
            }
            // What is missing is asked for while this waits, and no longer.
            let mut wanted: BTreeMap<Digest, Want> = BTreeMap::new();
            loop {
                let fresh = self.pace.heard();
                let missing: Vec<Digest> = {
                    let unordered = self.unordered.lock();
                    batches.iter().filter(|digest| !unordered.holds(digest)).copied().collect()
                };
                match self.was_root(header) {
                    Some(false) => return false,
                    Some(true) if missing.is_empty() => return true,
                    _ => {}
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
