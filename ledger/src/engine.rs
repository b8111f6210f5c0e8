//! The engine of `moot_ordering`: started with the ledger, and started again when a full disk has stopped it.
//!
//! ```text
//!   start ──► runs ──► fails ──┬─ for want of room ──► only read, wait for room ──► start
//!                              └─ else ──► the ledger stops
//! ```
//!
//! commonware panics when its storage refuses a write, which ends the engine's runtime and nothing else. A write that
//! found no room left nothing behind that a vote could hang on: votes leave only after their sync. A sync that failed
//! is another matter, since the kernel may have dropped what it covered: that is never tried again.

use crate::core::Core;
use crate::limits::TICK;
use moot_ordering::{Config, Error, Failure, Ordering, Peer};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// What the engine is started with, every time.
pub(crate) struct Starter {
    pub(crate) journals_lost: bool,
    pub(crate) heartbeat: Duration,
    pub(crate) max_batches_per_block: usize,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) listen_data: Option<SocketAddr>,
    pub(crate) peers: Vec<Peer>,
}

impl Starter {
    fn start(&self, core: &Arc<Core>) -> Result<Ordering, Error> {
        let config = Config {
            journals_lost: self.journals_lost,
            // Journals that end below it are not the ones this key voted with: refused.
            committed: core.height(),
            heartbeat: self.heartbeat,
            max_batches_per_block: self.max_batches_per_block,
            listen: self.listen,
            listen_data: self.listen_data,
            peers: self.peers.clone(),
            ..Config::new(core.dir.join("ordering"), core.key.clone(), core.genesis.clone())
        };
        let ordering = Ordering::start(config, core.clone())?;
        *core.engine.write() = Some(ordering.failed());
        Ok(ordering)
    }
}

/// A running engine, and the thread that looks after it.
pub(crate) struct Engine {
    stop: Sender<()>,
    keeper: JoinHandle<()>,
}

impl Engine {
    /// Starts it.
    pub(crate) fn start(core: &Arc<Core>, starter: Starter) -> Result<Engine, Error> {
        let ordering = starter.start(core)?;
        let (stop, stopped) = channel();
        let keeper = Keeper { core: core.clone(), starter, stopped };
        let thread = Builder::new().name("moot-engine".into()).spawn(move || keeper.run(ordering));
        let keeper = thread.map_err(|source| Error::Io { dir: core.dir.clone(), source })?;
        Ok(Engine { stop, keeper })
    }

    /// Stops it, and waits until its last write is done.
    pub(crate) fn stop(self) {
        drop(self.stop);
        // A panic of the thread was reported by the panic itself.
        let _ = self.keeper.join();
    }
}

struct Keeper {
    core: Arc<Core>,
    starter: Starter,
    stopped: Receiver<()>,
}

impl Keeper {
    /// Waits a moment, and says whether it was told to stop.
    fn rest(&self) -> bool {
        !matches!(self.stopped.recv_timeout(TICK), Err(RecvTimeoutError::Timeout))
    }

    fn run(self, mut ordering: Ordering) {
        loop {
            let Some(failure) = self.watch(&ordering) else { return ordering.stop() };
            // Its thread has ended, or is about to: the directory is free after this.
            ordering.stop();
            if !failure.wants_room() {
                return self.give_up(&failure.reason);
            }
            match self.again(&failure) {
                Some(started) => ordering = started,
                None => return,
            }
        }
    }

    /// Waits until it fails; none when it is to stop.
    fn watch(&self, ordering: &Ordering) -> Option<Failure> {
        let failed = ordering.failed();
        loop {
            if self.rest() {
                return None;
            }
            if let Some(failure) = failed.borrow().clone() {
                return Some(failure);
            }
        }
    }

    /// Starts it again when there is room; none when it is to stop, or cannot be started.
    fn again(&self, failure: &Failure) -> Option<Ordering> {
        let (core, dir) = (&self.core, self.core.dir.display());
        tracing::warn!(reason = %failure.reason, "the disk is full, and ordering waits for room: reading only until then");
        core.engine_waits.store(true, Relaxed);
        loop {
            core.gate.read_only(&format!(
                "the disk is full, and ordering waits for room: free some space in {dir}"
            ));
            if self.rest() || core.gate.is_closing() {
                return None;
            }
            if core.store.free_bytes().is_ok_and(|free| free < core.min_free_bytes) {
                continue;
            }
            match self.starter.start(core) {
                Ok(ordering) => {
                    tracing::info!("there is room on the disk again, and ordering goes on");
                    core.engine_waits.store(false, Relaxed);
                    core.gate.running();
                    return Some(ordering);
                }
                Err(error) if wants_room(&error) => {}
                Err(error) => {
                    self.give_up(&error.to_string());
                    return None;
                }
            }
        }
    }

    fn give_up(&self, reason: &str) {
        self.core.gate.stopped(&format!("ordering failed: {reason}"));
        self.core.signal.wake();
    }
}

/// Whether it did not start for want of room.
fn wants_room(error: &Error) -> bool {
    match error {
        Error::Io { source, .. } => {
            matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        }
        Error::Engine { reason } => Failure { reason: reason.clone() }.wants_room(),
        _ => false,
    }
}
