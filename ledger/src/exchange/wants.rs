//! Batches that somebody here waits for.
//!
//! ```text
//!   available, waiting blocks ── Want (a guard) ──► Wants ── due ──► carrier.fetch
//!                                                     ▲
//!                       held, or the last guard gone ─┴──► carrier.forget
//! ```
//!
//! How many there are is bounded by those who wait: blocks under vote, and blocks delivered and not yet
//! acknowledged, each with at most a block's batches.

use super::bell::Bell;
use super::{Line, batch_named};
use crate::clock::Clock;
use crate::limits::{FETCH_AGAIN, FETCH_GRACE};
use moot_record::Digest;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Default)]
struct Entry {
    waiters: usize,
    due: Option<Instant>,
    asked: bool,
}

#[derive(Default)]
struct Inner {
    wanted: HashMap<Digest, Entry>,
    due: BTreeSet<(Instant, Digest)>,
}

impl Inner {
    fn plan(&mut self, digest: Digest, at: Instant) {
        let Some(entry) = self.wanted.get_mut(&digest) else { return };
        if let Some(before) = entry.due.replace(at) {
            self.due.remove(&(before, digest));
        }
        self.due.insert((at, digest));
    }

    fn end(&mut self, digest: &Digest) -> bool {
        let Some(entry) = self.wanted.remove(digest) else { return false };
        if let Some(due) = entry.due {
            self.due.remove(&(due, *digest));
        }
        entry.asked
    }
}

/// What is wanted.
pub(crate) struct Wants {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    pub(crate) line: Line,
    /// Rung when something is due sooner than the checking threads know.
    pub(super) bell: Bell,
}

/// The wish for one batch; it ends when this is dropped.
pub(crate) struct Want {
    digest: Digest,
    wants: Arc<Wants>,
}

impl Wants {
    /// Nothing yet; what is due, this clock says.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Wants {
        Wants { clock, inner: Mutex::default(), line: Line::default(), bell: Bell::default() }
    }

    /// Wants a batch: at once, or after a moment's grace for the push that is on its way.
    pub(crate) fn want(self: &Arc<Wants>, digest: Digest, at_once: bool) -> Want {
        let now = self.clock.instant();
        let mut inner = self.inner.lock();
        let entry = inner.wanted.entry(digest).or_default();
        entry.waiters += 1;
        let at = if at_once { now } else { now + FETCH_GRACE };
        if !entry.asked && entry.due.is_none_or(|due| due > at) {
            inner.plan(digest, at);
            drop(inner);
            self.bell.ring();
        }
        Want { digest, wants: self.clone() }
    }

    /// Whether somebody here waits for it.
    pub(crate) fn is_wanted(&self, digest: &Digest) -> bool {
        self.inner.lock().wanted.contains_key(digest)
    }

    /// How many are missing.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().wanted.len()
    }

    /// It is here: nobody need ask for it.
    pub(crate) fn arrived(&self, digest: &Digest) {
        if self.inner.lock().end(digest) {
            self.line.forget(&batch_named(*digest));
        }
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.inner.lock().due.first().map(|(at, _)| *at)
    }

    /// One that is due, planned again for later.
    pub(super) fn take_due(&self) -> Option<Digest> {
        let now = self.clock.instant();
        let mut inner = self.inner.lock();
        let (_, digest) = inner.due.first().copied().filter(|(at, _)| *at <= now)?;
        inner.plan(digest, now + FETCH_AGAIN);
        Some(digest)
    }

    /// Asks the others for it.
    pub(super) fn ask(&self, digest: Digest) {
        if self.line.fetch(batch_named(digest)) {
            let mut inner = self.inner.lock();
            match inner.wanted.get_mut(&digest) {
                Some(entry) => entry.asked = true,
                None => {
                    // It came, or was given up, in between.
                    drop(inner);
                    self.line.forget(&batch_named(digest));
                }
            }
        }
    }
}

impl Drop for Want {
    fn drop(&mut self) {
        let mut inner = self.wants.inner.lock();
        let Some(entry) = inner.wanted.get_mut(&self.digest) else { return };
        entry.waiters = entry.waiters.saturating_sub(1);
        if entry.waiters == 0 && inner.end(&self.digest) {
            drop(inner);
            self.wants.line.forget(&batch_named(self.digest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_want_ends_with_its_last_guard_or_its_arrival() {
        let wants = Arc::new(Wants::new(Arc::new(SystemClock)));
        let digest = Digest::from_bytes([1; 32]);
        let (first, second) = (wants.want(digest, false), wants.want(digest, true));
        assert_eq!(wants.take_due(), Some(digest), "the impatient one decides");
        assert_eq!(wants.take_due(), None);
        drop(first);
        assert!(wants.is_wanted(&digest));
        drop(second);
        assert_eq!((wants.len(), wants.next_due()), (0, None));
        let again = wants.want(digest, true);
        wants.arrived(&digest);
        assert_eq!((wants.len(), wants.next_due()), (0, None));
        drop(again);
    }
}
