//! The clock, as a seam: retention and idempotency windows are tested without waiting for them.
//!
//! Nothing that replicas must agree on reads it. The state machine has the block's time instead.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Says what time it is.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since 1970-01-01 UTC.
    fn now_us(&self) -> u64;

    /// Seconds since 1970-01-01 UTC.
    fn now_s(&self) -> u64 {
        self.now_us() / 1_000_000
    }

    /// A moment to measure pauses from, which nobody sets back. A clock that is simulated has one that goes with it.
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_us(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_is_past_2025() {
        assert!(SystemClock.now_s() > 1_735_689_600);
    }
}
