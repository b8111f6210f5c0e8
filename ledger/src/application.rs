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
use crate::limits::{MAX_ACCUSATIONS_WAITING, ROOTS_REMEMBERED};
use crate::store::{StoredBlock, read};
use bytes::Bytes;
use moot_ordering::{
    Application, BoxFuture, EpochPlan, Finalized, Misconduct, OldBlock, Peer, Plane, Proposal, Wanted,
    genesis_block,
};
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

    fn know(&self, peers: Vec<Peer>) {
        Plane::know(self, peers);
    }
}

impl Core {
    /// Takes the means to reach the other replicas.
    pub(crate) fn connect(&self, carrier: Arc<dyn Carrier>) {
        self.wants.line.attach(carrier);
        self.take_seats();
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

    fn epoch(&self, number: u64) -> Option<EpochPlan> {
        let height = self.height();
        let seats = self.seats.read().clone();
        let votes = self.may_vote(number);
        let Some(epochs) = seats.epochs() else {
            return Some(EpochPlan { votes, ..EpochPlan::fixed(&self.genesis) });
        };
        let start = match number.checked_sub(1).map(|before| epochs.last(before)) {
            None => genesis_block(&self.genesis).digest(),
            Some(last) if last > height => return None,
            Some(last) if epochs.of(height.saturating_add(1)) == epochs.of(last) + 1 => seats.start(),
            // Long ago: this replica has its journals made anew.
            Some(last) => match self.store.read(|txn| read::block(txn, last)) {
                Ok(block) => block?.header.digest(),
                Err(error) => {
                    tracing::error!(%error, block = last, "cannot read the block that an epoch starts from");
                    return None;
                }
            },
        };
        let (committee, next) = (seats.committee(number).clone(), seats.committee(number + 1).clone());
        Some(EpochPlan { committee, next, start, votes })
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
            if !batches.is_empty() {
                self.unordered.lock().proposed();
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

    fn old_block(&self, which: OldBlock) -> Option<Finalized> {
        let found = self.store.read(|txn| {
            let height = match which {
                OldBlock::At(height) => Some(height),
                OldBlock::Named(digest) => read::bare(txn, &digest)?,
            };
            height.map_or(Ok(None), |height| read::block(txn, height))
        });
        match found {
            Ok(found) => found.map(|StoredBlock { header, batches, certificate, descent, .. }| Finalized {
                header,
                batches,
                certificate,
                descent,
            }),
            Err(error) => {
                tracing::warn!(?which, %error, "cannot read a block that another replica asks for");
                None
            }
        }
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

    fn caught(&self, misconduct: Misconduct) {
        let mut inbox = self.inbox.lock();
        if inbox.caught.len() < MAX_ACCUSATIONS_WAITING {
            inbox.caught.push(misconduct);
            drop(inbox);
            self.signal.wake();
        }
    }
}
