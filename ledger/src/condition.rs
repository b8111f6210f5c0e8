//! What the ledger may do: everything, only read, or nothing any more.
//!
//! ```text
//!   running ◄──► read-only (the disk is full)
//!      └────────────┴──► closing ──► stopped
//!      └────────────┴──────────────► stopped (a sync failed, the history does not fit)
//! ```

use crate::error::Refused;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a ledger may do, for people and for health checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Everything.
    Running,
    /// Only read, for the reason given; it recovers by itself.
    ReadOnly(String),
    /// It is closing: what was taken down is still written.
    Closing,
    /// It has stopped for the reason given, and stays so.
    Stopped(String),
}

const RUNNING: u8 = 0;
const READ_ONLY: u8 = 1;
const CLOSING: u8 = 2;
const STOPPED: u8 = 3;

/// The condition, looked at by every append: one atomic load when all is well.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    word: AtomicU8,
    why: Mutex<String>,
}

impl Gate {
    pub(crate) fn check(&self) -> Result<(), Refused> {
        if self.word.load(Ordering::Acquire) == RUNNING {
            return Ok(());
        }
        match self.condition() {
            Condition::Running => Ok(()),
            Condition::ReadOnly(why) => Err(Refused::ReadOnly(why)),
            Condition::Closing => Err(Refused::Stopped("it is closing".into())),
            Condition::Stopped(why) => Err(Refused::Stopped(why)),
        }
    }

    /// For receipts, which finish what was begun and are taken down while the ledger only reads: the room
    /// that is kept free is for them.
    pub(crate) fn check_receipt(&self) -> Result<(), Refused> {
        self.check().or_else(|refused| match refused {
            Refused::ReadOnly(_) => Ok(()),
            refused => Err(refused),
        })
    }

    pub(crate) fn condition(&self) -> Condition {
        let why = self.why.lock();
        match self.word.load(Ordering::Acquire) {
            RUNNING => Condition::Running,
            READ_ONLY => Condition::ReadOnly(why.clone()),
            CLOSING => Condition::Closing,
            _ => Condition::Stopped(why.clone()),
        }
    }

    /// Moves on; never back from closing or stopped.
    fn set(&self, next: u8, reason: &str) {
        let mut why = self.why.lock();
        let word = self.word.load(Ordering::Acquire);
        if word == STOPPED || (word == CLOSING && next < CLOSING) {
            return;
        }
        reason.clone_into(&mut why);
        self.word.store(next, Ordering::Release);
    }

    pub(crate) fn running(&self) {
        self.set(RUNNING, "");
    }

    pub(crate) fn read_only(&self, why: &str) {
        self.set(READ_ONLY, why);
    }

    pub(crate) fn closing(&self) {
        self.set(CLOSING, "");
    }

    pub(crate) fn stopped(&self, why: &str) {
        self.set(STOPPED, why);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.word.load(Ordering::Acquire) >= CLOSING
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.word.load(Ordering::Acquire) == READ_ONLY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_back_from_stopped() {
        let gate = Gate::default();
        gate.read_only("full");
        assert_eq!(gate.check(), Err(Refused::ReadOnly("full".into())));
        gate.running();
        assert_eq!(gate.check(), Ok(()));
        gate.closing();
        gate.running();
        assert!(gate.is_closing());
        gate.stopped("a sync failed");
        gate.closing();
        gate.running();
        assert_eq!(gate.condition(), Condition::Stopped("a sync failed".into()));
    }
}
