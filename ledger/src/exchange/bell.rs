//! Wakes the checking threads, and loses no ring between a look and a sleep.

use parking_lot::{Condvar, Mutex};
use std::time::Instant;

/// A counter of rings with those who sleep until the next.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Wakes one sleeper.
    pub(super) fn ring(&self) {
        *self.rings.lock() += 1;
        self.rung.notify_one();
    }

    /// Wakes all.
    pub(super) fn ring_all(&self) {
        *self.rings.lock() += 1;
        self.rung.notify_all();
    }

    /// How often it has rung: look at it before looking for work.
    pub(super) fn rings(&self) -> u64 {
        *self.rings.lock()
    }

    /// Sleeps until it rings, unless it has since `seen`, or until `due`.
    pub(super) fn wait(&self, seen: u64, due: Option<Instant>) {
        let mut rings = self.rings.lock();
        if *rings != seen {
            return;
        }
        match due {
            Some(due) => drop(self.rung.wait_until(&mut rings, due)),
            None => self.rung.wait(&mut rings),
        }
    }
}
