//! Batches that are on disk here and not yet in a final block.

use crate::limits::ORDERED_REMEMBERED;
use crate::pending::Promise;
use crate::state::OrderedBundle;
use moot_record::Digest;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// A batch that waits for its block.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) digest: Digest,
    pub(crate) promise: Promise,
    /// Its transactions, for the state machine.
    pub(crate) ordered: Vec<OrderedBundle>,
    /// Since when it waits.
    since: Instant,
}

impl Waiting {
    /// A batch that is on disk from now on.
    pub(crate) fn new(digest: Digest, promise: Promise, ordered: Vec<OrderedBundle>) -> Waiting {
        Waiting { digest, promise, ordered, since: Instant::now() }
    }
}

/// The batches that wait, oldest first, and the digests of those ordered lately.
#[derive(Debug, Default)]
pub(crate) struct Unordered {
    waiting: BTreeMap<(u32, u64), Waiting>,
    keys: HashMap<Digest, (u32, u64)>,
    ordered: HashSet<Digest>,
    ordered_in_turn: VecDeque<Digest>,
}

impl Unordered {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn insert(&mut self, lane: u32, seq: u64, waiting: Waiting) {
        self.keys.insert(waiting.digest, (lane, seq));
        self.waiting.insert((lane, seq), waiting);
    }

    /// Takes a batch that a final block names.
    pub(crate) fn take(&mut self, digest: &Digest) -> Option<((u32, u64), Waiting)> {
        let key = self.keys.remove(digest)?;
        let waiting = self.waiting.remove(&key)?;
        self.remember(*digest);
        Some((key, waiting))
    }

    /// Notes a digest as ordered.
    pub(crate) fn remember(&mut self, digest: Digest) {
        if self.ordered.insert(digest) {
            self.ordered_in_turn.push_back(digest);
        }
        if self.ordered_in_turn.len() > ORDERED_REMEMBERED
            && let Some(oldest) = self.ordered_in_turn.pop_front()
        {
            self.ordered.remove(&oldest);
        }
    }

    /// Whether the batch was ordered lately.
    pub(crate) fn was_ordered(&self, digest: &Digest) -> bool {
        self.ordered.contains(digest)
    }

    /// Whether the batch is on disk here, as far as it matters for a new block.
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.keys.contains_key(digest) || self.was_ordered(digest)
    }

    /// Up to `max` digests of `lane` that are not in `taken`, oldest first: when there are so many, when the
    /// oldest has waited for `within`, or when `asked` and somebody waits for one of them. Else none yet.
    pub(crate) fn propose(
        &self,
        lane: u32,
        taken: &HashSet<Digest>,
        max: usize,
        within: Duration,
        asked: bool,
    ) -> Vec<Digest> {
        let own = || self.waiting.range((lane, 0)..=(lane, u64::MAX)).map(|(_, waiting)| waiting);
        let free = || own().filter(|waiting| !taken.contains(&waiting.digest));
        let Some(oldest) = free().next() else { return Vec::new() };
        let due = self.waiting.len() >= taken.len() + max
            || oldest.since.elapsed() >= within
            || (asked && free().any(|waiting| waiting.promise.asked()));
        if !due {
            return Vec::new();
        }
        free().map(|waiting| waiting.digest).take(max).collect()
    }

    /// When the oldest batch of `lane` began to wait.
    pub(crate) fn since(&self, lane: u32) -> Option<Instant> {
        self.waiting.range((lane, 0)..=(lane, u64::MAX)).next().map(|(_, waiting)| waiting.since)
    }

    /// The first batch of `lane` that waits.
    pub(crate) fn first(&self, lane: u32) -> Option<u64> {
        self.waiting.range((lane, 0)..=(lane, u64::MAX)).next().map(|((_, seq), _)| *seq)
    }

    /// Everything that waits, when nothing will be ordered any more.
    pub(crate) fn drain(&mut self) -> Vec<Waiting> {
        self.keys.clear();
        std::mem::take(&mut self.waiting).into_values().collect()
    }
}
