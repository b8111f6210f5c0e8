//! When a commit and a block are worth making.
//!
//! A call that can touch nothing outside is not written before its receipt comes, a moment later: both then
//! share one commit. So a commit is made when somebody waits for it.
//!
//! A block costs the same whether it names one batch or two hundred: votes, and a sync of the engine's journal
//! for each of them, on the disk that calls wait for. So batches that come soon after a block wait a moment for company,
//! unless somebody waits for theirs.
//!
//! ```text
//!   Pending::durable() ── write ──► Signal ──► commit thread
//!   Pending::finalized() ──ask──┐
//!   commit ──ring───────────────┼──► Pace ──► propose: asked for? full? long enough since the last?
//!   commit thread, when due ────┘
//! ```

use crate::signal::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Rung when there may be something to order, and when somebody waits for it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    notify: Notify,
    asked: AtomicBool,
    /// Of the commit thread.
    pub(crate) signal: Arc<Signal>,
}

impl Pace {
    /// Somebody waits for the disk.
    pub(crate) fn write(&self) {
        self.signal.wake();
    }

    /// Somebody waits for a block.
    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Notes for the next ring that somebody waits.
    pub(crate) fn note(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asks, without counting as a look.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether somebody has asked since the last look.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::SeqCst)
    }

    /// Wakes those who listen.
    pub(crate) fn ring(&self) {
        self.notify.notify_waiters();
    }

    /// Hears every ring after this call.
    pub(crate) fn heard(&self) -> Notified<'_> {
        self.notify.notified()
    }
}
