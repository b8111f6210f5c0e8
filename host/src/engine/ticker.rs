//! The one thread of a process that makes time pass for guests.
//!
//! ```text
//!  call starts ──► running += 1 ──(asleep?)──► wake ──► every TICK: epoch += 1 in every engine
//!  call ends   ──► running -= 1                          └─ nothing ran for LINGER_TICKS ──► sleep
//! ```
//!
//! A guest that computes notices a new epoch at its next loop or call, gives way to others, and is stopped when
//! its deadline has passed. While no call runs the thread sleeps, so an idle process costs no CPU; it lingers for
//! a while first, so that a busy one does not pay for waking it.

use crate::limits::{LINGER_TICKS, TICK};
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, Thread};
use wasmtime::{Engine, EngineWeak};

static RUNNING: AtomicUsize = AtomicUsize::new(0);
static ASLEEP: AtomicBool = AtomicBool::new(false);
static ENGINES: Mutex<Vec<EngineWeak>> = Mutex::new(Vec::new());
static THREAD: OnceLock<Thread> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// Adds an engine to those whose epoch the thread moves; starts the thread for the first.
pub(crate) fn watch(engine: &Engine) -> std::io::Result<()> {
    ENGINES.lock().push(engine.weak());
    let _starting = STARTING.lock();
    if THREAD.get().is_none() {
        let handle = thread::Builder::new().name("moot-epoch".into()).stack_size(64 << 10).spawn(run)?;
        let _ = THREAD.set(handle.thread().clone());
    }
    Ok(())
}

/// Held while a call runs.
pub(crate) struct Running(());

/// Says that a call runs.
pub(crate) fn enter() -> Running {
    RUNNING.fetch_add(1, SeqCst);
    // A load alone on the common path: the line stays shared between cores.
    if ASLEEP.load(SeqCst)
        && ASLEEP.swap(false, SeqCst)
        && let Some(thread) = THREAD.get()
    {
        thread.unpark();
    }
    Running(())
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, SeqCst);
    }
}

fn run() {
    let mut idle = 0;
    loop {
        thread::sleep(TICK);
        if RUNNING.load(SeqCst) > 0 {
            idle = 0;
            tick();
            continue;
        }
        idle += 1;
        if idle >= LINGER_TICKS {
            sleep_until_needed();
            idle = 0;
        }
    }
}

fn tick() {
    ENGINES.lock().retain(|weak| match weak.upgrade() {
        Some(engine) => {
            engine.increment_epoch();
            true
        }
        None => false,
    });
}

/// Sleeps until a call starts. A call that starts between the store and the load below sees `ASLEEP` and wakes
/// this thread; one that started before is seen by the load.
fn sleep_until_needed() {
    ASLEEP.store(true, SeqCst);
    while ASLEEP.load(SeqCst) {
        if RUNNING.load(SeqCst) > 0 {
            ASLEEP.store(false, SeqCst);
            return;
        }
        thread::park();
    }
}
