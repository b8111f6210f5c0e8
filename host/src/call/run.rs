//! The frame of every call: a fresh store with fuel and a deadline, and the report at its end.
//!
//! ```text
//!  Running::start ──► within(deadline, instantiate + call) ──► Running::finish ──► result, Report
//! ```

use crate::call::diagnose;
use crate::call::report::Report;
use crate::engine::ticker;
use crate::function::Loaded;
use crate::state::State;
use crate::{CallContext, Fault};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use wasmtime::{Store, UpdateDeadline};

/// A call that runs.
pub(crate) struct Running {
    pub(crate) store: Store<State>,
    fuel: u64,
    started: Instant,
    _ticking: ticker::Running,
}

/// Why the work of a call ended early.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The engine, the guest or a host function said so.
    Wasm(wasmtime::Error),
    /// Known already.
    Fault(Fault),
    /// The deadline passed while the guest waited for something.
    Late,
}

impl From<wasmtime::Error> for Stopped {
    fn from(error: wasmtime::Error) -> Self {
        Stopped::Wasm(error)
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Stopped::Fault(fault)
    }
}

impl Running {
    /// A fresh store for one call of `function`.
    pub(crate) fn start(function: &Loaded, cx: CallContext) -> Running {
        let ticking = ticker::enter();
        let started = Instant::now();
        let limits = &function.policy.limits;
        let fuel = cx.fuel.map_or(limits.fuel, |fuel| fuel.min(limits.fuel));
        let deadline = started + limits.deadline.min(crate::limits::LONGEST_DEADLINE);
        let engine = function.pre.engine();
        let state = State::new(&function.policy, cx, deadline, engine.get_concurrency_support());
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(limits.host_call_bytes).unwrap_or(usize::MAX));
        // Cannot fail: every engine of ours has fuel. Were it to, the store would have none, and the call end at once.
        let _ = store.set_fuel(fuel);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| {
            if Instant::now() >= store.data().deadline {
                return Ok(UpdateDeadline::Interrupt);
            }
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
        });
        Running { store, fuel, started, _ticking: ticking }
    }

    /// When the call must be over.
    pub(crate) fn deadline(&self) -> Instant {
        self.store.data().deadline
    }

    /// Ends the call: finds out what went wrong if anything did, and what it used. Drops the instance.
    pub(crate) fn finish<T>(self, outcome: Result<T, Stopped>) -> (Result<T, Fault>, Report) {
        self.finish_then(outcome, |_| {})
    }

    /// As [`Running::finish`], with something done before the instance is dropped.
    pub(crate) fn finish_then<T>(
        self,
        outcome: Result<T, Stopped>,
        before_drop: impl FnOnce(&Report),
    ) -> (Result<T, Fault>, Report) {
        let state = self.store.data();
        let (result, charge) = match outcome {
            Ok(value) => (Ok(value), Charge::Burned),
            Err(stopped) => {
                let (fault, charge) = diagnose::diagnose(stopped, state, self.fuel);
                (Err(fault), charge)
            }
        };
        let burned = self.fuel - self.store.get_fuel().unwrap_or(0).min(self.fuel);
        let report = Report {
            fuel: match charge {
                Charge::Burned => burned,
                Charge::Everything => self.fuel,
            },
            touched: state.touched.list(),
            fault: result.as_ref().err().cloned(),
            peak_memory_bytes: state.limiter.peak_memory(),
            duration: self.started.elapsed(),
            log_bytes: state.log.finish(),
        };
        before_drop(&report);
        (result, report)
    }
}

/// What a call is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    /// The engine's count.
    Burned,
    /// All it was given, because the count is not reliable.
    Everything,
}

/// Runs `work` until the deadline. No timer is set up while `work` is never pending, which is the common case.
///
/// A guest that computes is stopped by its epoch, with a count of its fuel, before this gives up on it: at the end
/// `work` gets one more turn.
pub(crate) async fn within<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Stopped>>,
) -> Result<T, Stopped> {
    let mut work = pin!(work);
    let mut timer = None;
    std::future::poll_fn(|cx| {
        if let Poll::Ready(result) = work.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        match work.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Ready(Err(Stopped::Late)),
        }
    })
    .await
}

/// The deadline of a function, as an error shows it.
pub(crate) fn shown_deadline(limit: Duration) -> Duration {
    limit.min(crate::limits::LONGEST_DEADLINE)
}
