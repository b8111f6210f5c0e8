//! Wakes the commit thread, and costs one load when it is awake already.
//!
//! ```text
//!   wake  (somebody waits for the disk) ──► awake, whatever it does
//!   nudge (nobody waits yet: a call)    ──► awake from a long sleep only; a nap ends by itself soon
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::Thread;
use std::time::Duration;

const AWAKE: u8 = 0;
const NAPPING: u8 = 1;
const ASLEEP: u8 = 2;

/// One sleeper, many who wake it.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: AtomicU8,
    pressing: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Signal {
    /// Says that the calling thread is the one that sleeps.
    pub(crate) fn attach(&self) {
        let _ = self.sleeper.set(std::thread::current());
    }

    /// There is work that somebody waits for. Call after it is where the sleeper looks for it.
    pub(crate) fn wake(&self) {
        self.pressing.store(true, Ordering::SeqCst);
        if self.state.load(Ordering::SeqCst) != AWAKE && self.state.swap(AWAKE, Ordering::SeqCst) != AWAKE {
            self.unpark();
        }
    }

    /// There is work that can wait for more.
    pub(crate) fn nudge(&self) {
        let asleep = self.state.load(Ordering::SeqCst) == ASLEEP;
        if asleep && self.state.compare_exchange(ASLEEP, AWAKE, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.unpark();
        }
    }

    fn unpark(&self) {
        if let Some(sleeper) = self.sleeper.get() {
            sleeper.unpark();
        }
    }

    /// Whether somebody has waited since the last look. To be asked before looking for the work.
    pub(crate) fn take_pressing(&self) -> bool {
        self.pressing.swap(false, Ordering::SeqCst)
    }

    /// Sleeps until woken or nudged, for at most `longest`, unless `work` says that there is some already.
    pub(crate) fn sleep(&self, longest: Duration, work: impl FnOnce() -> bool) {
        self.rest(ASLEEP, longest, work);
    }

    /// Sleeps until woken, for at most `longest`, unless `work` says that there is some already.
    pub(crate) fn nap(&self, longest: Duration, work: impl FnOnce() -> bool) {
        self.rest(NAPPING, longest, work);
    }

    fn rest(&self, state: u8, longest: Duration, work: impl FnOnce() -> bool) {
        self.state.store(state, Ordering::SeqCst);
        if !self.pressing.load(Ordering::SeqCst) && !work() {
            std::thread::park_timeout(longest);
        }
        self.state.store(AWAKE, Ordering::SeqCst);
    }
}
