//! Wakes the commit thread, and costs one load when it is awake already.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// One sleeper, many who wake it.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    asleep: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Signal {
    /// Says that the calling thread is the one that sleeps.
    pub(crate) fn attach(&self) {
        let _ = self.sleeper.set(std::thread::current());
    }

    /// Call after the work is where the sleeper looks for it.
    pub(crate) fn wake(&self) {
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    /// Sleeps until woken, for at most `longest`, unless `work` says that there is some already.
    pub(crate) fn sleep(&self, longest: Duration, work: impl FnOnce() -> bool) {
        self.asleep.store(true, Ordering::SeqCst);
        if !work() {
            std::thread::park_timeout(longest);
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}
