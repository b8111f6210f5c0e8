//! What the caller of `append_*` holds while its entry is on the way to disk and to finality.
//!
//! ```text
//!   Pending ──┐
//!   Pending ──┼──► Handle of one batch ◄── Promise of the batch: settled once a commit, wakes all
//!   Pending ──┘
//! ```
//!
//! One handle a batch: a waiter costs a reference count and a place in a list, no channel of its own, and is
//! never woken for somebody else's commit.

use crate::error::CommitError;
use crate::pace::Pace;
use moot_record::{Digest, EntryId};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// A question with one answer and many waiters.
#[derive(Debug)]
struct Settled<T> {
    answer: OnceLock<T>,
    waiters: Notify,
}

impl<T: Clone> Settled<T> {
    fn new() -> Settled<T> {
        Settled { answer: OnceLock::new(), waiters: Notify::new() }
    }

    fn settle(&self, answer: T) {
        if self.answer.set(answer).is_ok() {
            self.waiters.notify_waiters();
        }
    }

    async fn wait(&self) -> T {
        loop {
            // Made before the look: a `Notified` that exists is woken by every later `notify_waiters`.
            let woken = self.waiters.notified();
            if let Some(answer) = self.answer.get() {
                return answer.clone();
            }
            woken.await;
        }
    }
}

/// The fate of one batch.
#[derive(Debug)]
pub(crate) struct Handle {
    durable: Settled<Result<(), CommitError>>,
    last: Settled<Result<u64, CommitError>>,
    /// Somebody waits for the disk.
    wanted: AtomicBool,
    /// Somebody waits for the block.
    asked: AtomicBool,
    pace: Arc<Pace>,
}

impl Handle {
    /// Says that the batch is on disk. The [`Promise`] still has to say the rest.
    pub(crate) fn durable(&self) {
        self.durable.settle(Ok(()));
    }

    /// Whether somebody waits for the block.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    async fn written(&self) -> Result<(), CommitError> {
        if self.durable.answer.get().is_none() && !self.wanted.swap(true, Ordering::SeqCst) {
            self.pace.write();
        }
        self.durable.wait().await
    }

    async fn finalized(&self) -> Result<u64, CommitError> {
        if self.last.answer.get().is_none() && !self.asked.swap(true, Ordering::SeqCst) {
            self.pace.ask();
            self.pace.write();
        }
        self.last.wait().await
    }

    fn failed(&self, error: &CommitError) {
        self.durable.settle(Err(error.clone()));
        self.last.settle(Err(error.clone()));
    }
}

/// The side that settles a [`Handle`]. It goes with the batch wherever that goes, and when it is dropped
/// before the end, on whatever path, the waiters are told: nobody waits for ever.
#[derive(Debug)]
pub(crate) struct Promise(Arc<Handle>);

impl Promise {
    /// For a batch that is being filled; `pace` is rung when its block is waited for.
    pub(crate) fn new(pace: Arc<Pace>) -> Promise {
        let (wanted, asked) = (AtomicBool::new(false), AtomicBool::new(false));
        Promise(Arc::new(Handle { durable: Settled::new(), last: Settled::new(), wanted, asked, pace }))
    }

    /// For a batch that was found on disk.
    pub(crate) fn recovered() -> Promise {
        let promise = Promise::new(Arc::default());
        promise.0.durable();
        promise
    }

    pub(crate) fn handle(&self) -> Arc<Handle> {
        self.0.clone()
    }

    /// Whether somebody waits for the block.
    pub(crate) fn asked(&self) -> bool {
        self.0.asked()
    }

    pub(crate) fn finalized(&self, height: u64) {
        self.0.last.settle(Ok(height));
    }

    pub(crate) fn failed(&self, error: &CommitError) {
        self.0.failed(error);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.0.last.answer.get().is_none() {
            self.0.failed(&CommitError::Stopped("it ended with this in hand".into()));
        }
    }
}

/// An entry on its way: recorded in memory, not yet on disk.
#[derive(Debug, Clone)]
pub struct Pending {
    id: EntryId,
    digest: Digest,
    handle: Arc<Handle>,
}

impl Pending {
    pub(crate) fn new(id: EntryId, digest: Digest, handle: Arc<Handle>) -> Pending {
        Pending { id, digest, handle }
    }

    /// Where the entry stands; for a bundle, where its first entry stands.
    #[must_use]
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The entry's digest; for a bundle, the digest that names it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether the entry is on disk, without waiting.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        matches!(self.handle.durable.answer.get(), Some(Ok(())))
    }

    /// Waits until the entry is on disk. It is written at once then, rather than together with what comes next.
    ///
    /// # Errors
    /// When the ledger stopped before.
    pub async fn durable(&self) -> Result<(), CommitError> {
        self.handle.written().await
    }

    /// Waits until the entry's block is final, on this replica's disk (the engine's at the least) and found by readers
    /// here; answers with its height. The block is made at once then, rather than when more has come together.
    ///
    /// # Errors
    /// When the ledger stopped before.
    pub async fn finalized(&self) -> Result<u64, CommitError> {
        self.handle.finalized().await
    }
}
