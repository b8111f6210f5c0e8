//! What the log has and the database is still to be given.
//!
//! ```text
//!   frame of the log ──push──► Staged ──(due, or somebody reads or writes)──► one transaction of the database
//! ```
//!
//! Lost in a crash, and with a database that is opened anew: the log gives the same rows again then.

use super::redo::Rows;
use crate::limits::{MAX_STAGED_BYTES, MAX_STAGED_COMMITS};
use parking_lot::{Mutex, MutexGuard};
use redb::WriteTransaction;
use std::sync::atomic::{AtomicBool, Ordering};

/// Frames in the order of their commits.
#[derive(Debug, Default)]
pub(super) struct Staged {
    frames: Mutex<Frames>,
    /// So that who reads pays a load when there is nothing.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Frames {
    list: Vec<Box<[u8]>>,
    bytes: usize,
}

impl Staged {
    /// Takes the rows of a frame; false when there is no room for them.
    pub(super) fn push(&self, rows: &[u8]) -> bool {
        let mut frames = self.frames.lock();
        if frames.list.len() >= MAX_STAGED_COMMITS || frames.bytes + rows.len() > MAX_STAGED_BYTES {
            return false;
        }
        frames.list.push(rows.into());
        frames.bytes += rows.len();
        self.any.store(true, Ordering::SeqCst);
        true
    }

    /// Whether nothing waits. What was pushed before somebody was told of it is seen here.
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::SeqCst)
    }

    /// Whether so much waits that the database should be given it.
    pub(super) fn is_due(&self) -> bool {
        let frames = self.frames.lock();
        frames.list.len() >= MAX_STAGED_COMMITS / 2 || frames.bytes >= MAX_STAGED_BYTES / 2
    }

    /// What waits, for one transaction. Others who want to write wait meanwhile.
    pub(super) fn take(&self) -> Taken<'_> {
        Taken { staged: self, frames: self.frames.lock() }
    }
}

/// What waits, held until it is written. Let go before that, it waits on.
pub(super) struct Taken<'a> {
    staged: &'a Staged,
    frames: MutexGuard<'a, Frames>,
}

impl Taken<'_> {
    /// Adds the rows to a transaction.
    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), redb::Error> {
        for frame in &self.frames.list {
            // Made by this process a moment ago.
            let rows = Rows::decode(frame).map_err(|error| redb::Error::Corrupted(error.to_string()))?;
            rows.write(txn)?;
        }
        Ok(())
    }

    /// The transaction was committed.
    pub(super) fn written(&mut self) {
        self.frames.list.clear();
        self.frames.bytes = 0;
        self.staged.any.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_in_number_and_bytes() {
        let staged = Staged::default();
        assert!(staged.is_empty() && !staged.is_due());
        assert!(!staged.push(&vec![0; MAX_STAGED_BYTES + 1]));
        for _ in 0..MAX_STAGED_COMMITS {
            assert!(staged.push(&[0; 8]));
        }
        assert!(!staged.push(&[0; 8]) && staged.is_due() && !staged.is_empty());
        drop(staged.take());
        assert!(!staged.is_empty(), "what was not written waits on");
        staged.take().written();
        assert!(staged.is_empty() && !staged.is_due());
        assert!(staged.push(&vec![0; MAX_STAGED_BYTES / 2]) && staged.is_due());
    }
}
