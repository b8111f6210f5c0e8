//! Clocks for guests: real where they are granted, else virtual.
//!
//! Virtual time starts at the call's time. The wall clock stands still. The monotonic clock moves by a microsecond
//! with every reading, so that a guest which waits by reading it comes to an end, and a timer moves it to the
//! timer's end. Such a timer is over at once when nothing outside could happen meanwhile; when the function can
//! reach outside, it takes as long as it says, so that a guest's timeouts mean something.

use crate::call::report::{TouchKind, Touches};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, async_trait};

/// The clocks of one call. Clones show the same time.
#[derive(Clone)]
pub(crate) struct CallClock {
    mode: Mode,
    touched: Touches,
}

#[derive(Clone)]
enum Mode {
    Real { start: Instant },
    Virtual { wall_us: u64, now_ns: Arc<AtomicU64>, timers_wait: bool },
}

/// Nanoseconds by which one reading moves virtual time.
const READING_NS: u64 = 1_000;

impl CallClock {
    /// Real clocks, noted in `touched`.
    pub(crate) fn real(touched: Touches) -> CallClock {
        CallClock { mode: Mode::Real { start: Instant::now() }, touched }
    }

    /// Virtual clocks that start at `wall_us`.
    pub(crate) fn at(wall_us: u64, timers_wait: bool) -> CallClock {
        let mode = Mode::Virtual { wall_us, now_ns: Arc::default(), timers_wait };
        CallClock { mode, touched: Touches::default() }
    }

    /// Time since the Unix epoch.
    pub(crate) fn wall(&self) -> Duration {
        match &self.mode {
            Mode::Real { .. } => {
                self.touched.note(TouchKind::Clock, "");
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
            }
            Mode::Virtual { wall_us, .. } => Duration::from_micros(*wall_us),
        }
    }

    /// Nanoseconds since the call began.
    pub(crate) fn monotonic(&self) -> u64 {
        match &self.mode {
            Mode::Real { start } => {
                self.touched.note(TouchKind::Clock, "");
                u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
            }
            Mode::Virtual { now_ns, .. } => now_ns.fetch_add(READING_NS, Relaxed),
        }
    }

    /// A timer that is over `ns` nanoseconds from now.
    pub(crate) fn timer(&self, ns: u64) -> Timer {
        let sleep = || Wait::Until(tokio::time::Instant::now().checked_add(Duration::from_nanos(ns)));
        match &self.mode {
            Mode::Real { .. } => {
                self.touched.note(TouchKind::Clock, "");
                Timer { wait: sleep(), moves: None }
            }
            Mode::Virtual { now_ns, timers_wait, .. } => {
                let end = now_ns.load(Relaxed).saturating_add(ns);
                let wait = if *timers_wait && ns > 0 { sleep() } else { Wait::Over { yielded: false } };
                Timer { wait, moves: Some((now_ns.clone(), end)) }
            }
        }
    }
}

// For WASI 0.3, which reads the clocks of its own context.
impl HostWallClock for CallClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    fn now(&self) -> Duration {
        self.wall()
    }
}

impl HostMonotonicClock for CallClock {
    fn resolution(&self) -> u64 {
        READING_NS
    }

    fn now(&self) -> u64 {
        self.monotonic()
    }
}

/// A timer, real or virtual.
pub(crate) struct Timer {
    wait: Wait,
    moves: Option<(Arc<AtomicU64>, u64)>,
}

enum Wait {
    Over {
        yielded: bool,
    },
    /// `None`: too far away to be represented, so never.
    Until(Option<tokio::time::Instant>),
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        match &mut self.wait {
            // Others polled together with this timer get a chance to be ready first.
            Wait::Over { yielded } if !*yielded => {
                *yielded = true;
                tokio::task::yield_now().await;
            }
            Wait::Over { .. } => {}
            Wait::Until(Some(end)) => tokio::time::sleep_until(*end).await,
            Wait::Until(None) => std::future::pending().await,
        }
        if let Some((now, end)) = &self.moves {
            now.fetch_max(*end, Relaxed);
        }
    }
}

/// Clock and resource table together: what the clock interfaces are served from.
pub(crate) struct ClockView<'a> {
    pub(crate) clock: &'a mut CallClock,
    pub(crate) table: &'a mut ResourceTable,
}

/// Marks [`ClockView`] as what the clock interfaces are served from.
pub(crate) struct HasClock;

impl HasData for HasClock {
    type Data<'a> = ClockView<'a>;
}

fn datetime(d: Duration) -> wall_clock::Datetime {
    wall_clock::Datetime { seconds: d.as_secs(), nanoseconds: d.subsec_nanos() }
}

impl wall_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(self.clock.wall()))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(Duration::from_micros(1)))
    }
}

impl monotonic_clock::Host for ClockView<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.monotonic())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(READING_NS)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let ns = when.saturating_sub(self.clock.monotonic());
        self.subscribe_duration(ns)
    }

    fn subscribe_duration(&mut self, ns: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.table.push(self.clock.timer(ns))?;
        subscribe(self.table, timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_virtual_timer_is_over_at_once_and_moves_time() {
        let clock = CallClock::at(7, false);
        let before = clock.monotonic();
        let hour = 3_600_000_000_000;
        clock.timer(hour).ready().await;
        assert!(clock.monotonic() - before >= hour);
        assert_eq!(clock.wall(), Duration::from_micros(7));
    }

    #[tokio::test]
    async fn a_timer_takes_its_time_where_something_outside_could_happen() {
        let clock = CallClock::at(0, true);
        let start = Instant::now();
        clock.timer(20_000_000).ready().await;
        assert!(start.elapsed() >= Duration::from_millis(19));
    }

    #[test]
    fn reading_a_virtual_clock_moves_it() {
        let clock = CallClock::at(0, false);
        assert!(clock.monotonic() < clock.monotonic());
    }
}
