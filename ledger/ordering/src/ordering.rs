//! A running validator: a thread with the engine's own runtime, and what became of it.
//!
//! ```text
//!   start ──► lock ──► thread "ordering" ──► tokio runtime ──► engine::run
//!     ▲                      │                                     │
//!     └── ready or error ────┤◄──────── ends, or panics ───────────┘
//!                            ▼
//!                      failed(): the reason, once, for whoever watches
//! ```
//!
//! The runtime is commonware's own: its tasks never share a worker with the gateway's, and a panic
//! in one of them ends this runtime and nothing else.

use crate::{
    Application, Plane,
    block::Block,
    config::{Config, Error},
    engine::{self, Seat},
    keys,
    limits::LOCK_PATIENCE,
    network::Link,
    plane::PlaneEnd,
};
use commonware_cryptography::ed25519::PrivateKey;
use commonware_macros::select;
use commonware_runtime::{Runner as _, Supervisor as _, tokio as runtime};
use std::{
    any::Any,
    fs::{File, TryLockError},
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use tracing::{error, info};

/// Directory of the journals inside the one configured.
const JOURNALS: &str = "journals";
/// File whose lock says that an engine runs.
const LOCK: &str = "lock";
/// File that is written to learn why another could not be, and its size: more than any one write of the engine.
const PROBE: &str = "probe";
const PROBE_BYTES: usize = 1 << 20;
/// Start of the name of every partition.
const PARTITION: &str = "moot";

/// Why a running engine ended by itself. Nothing is ordered any more until it is started again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the ordering engine has stopped: {reason}; restart the node, it recovers from its journals")]
pub struct Failure {
    /// What it said.
    pub reason: String,
}

impl Failure {
    /// Whether a write found no room on the disk: then the engine can be started again when there is some. Not when a
    /// sync failed, whatever the reason: what it covered may be lost, and the next one would not say so.
    #[must_use]
    pub fn wants_room(&self) -> bool {
        // The engine hands the system's words on in its own, in either of two forms.
        let has = |words: &[&str]| words.iter().any(|word| self.reason.contains(word));
        has(&["No space left on device", "StorageFull", "Disk quota exceeded", "QuotaExceeded"])
            && !has(&["blob sync failed", "BlobSyncFailed"])
    }
}

/// A running validator. Dropping it stops the engine without waiting, as a crash would, only kinder.
#[derive(Debug)]
pub struct Ordering {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    failure: watch::Receiver<Option<Failure>>,
    plane: Plane,
}

impl Ordering {
    /// Starts a validator and returns once its archives are open and its votes are being read back.
    /// Blocks for some milliseconds; the first delivery may happen before it returns.
    ///
    /// # Errors
    /// What [`Error`] lists: a wrong configuration, a directory in use or unusable, a damaged journal.
    pub fn start(config: Config, app: Arc<dyn Application>) -> Result<Ordering, Error> {
        config.check()?;
        let key = keys::private_key(&config.key)?;
        let lock = lock(&config.dir)?;

        let dir = config.dir.clone();
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::sync_channel(1);
        let (plane, end) = Plane::new();
        let (failed, failure) = watch::channel(None);
        let worker = move || {
            let running = || run(&config, key, (app, end), ready, stopped);
            let outcome = catch_unwind(AssertUnwindSafe(running));
            let reason = match outcome {
                Ok(ended) => ended,
                Err(panic) => Some(message(panic.as_ref())),
            };
            if let Some(reason) = reason.map(|reason| explained(reason, &config.dir)) {
                error!(%reason, "the ordering engine has stopped");
                failed.send_replace(Some(Failure { reason }));
            }
            drop(lock);
        };
        let thread = thread::Builder::new()
            .name("ordering".to_string())
            .spawn(worker)
            .map_err(|source| Error::Io { dir: dir.clone(), source })?;

        match started.recv() {
            Ok(Ok(())) => Ok(Ordering { stop: Some(stop), thread: Some(thread), failure, plane }),
            Ok(Err(error)) => Err(error),
            // The engine ended, or panicked, before it was ready. The thread says why.
            Err(_) => {
                let _ = thread.join();
                let failure = failure.borrow().clone();
                let reason = failure.map_or_else(|| "it ended at once".to_string(), |failure| failure.reason);
                Err(Error::Engine { reason })
            }
        }
    }

    /// Stops the engine and waits until its last write is done. What it has not delivered it delivers
    /// after the next start.
    pub fn stop(mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was caught and reported there.
            let _ = thread.join();
        }
    }

    /// The handle on the data plane: the same that the application was given.
    pub fn plane(&self) -> Plane {
        self.plane.clone()
    }

    /// Tells when, and why, the engine has ended by itself: `None` as long as it runs.
    pub fn failed(&self) -> watch::Receiver<Option<Failure>> {
        self.failure.clone()
    }
}

/// Runs the engine on this thread. Returns why it ended, or nothing when it was told to.
fn run(
    config: &Config,
    key: PrivateKey,
    (app, plane): (Arc<dyn Application>, PlaneEnd),
    ready: mpsc::SyncSender<Result<(), Error>>,
    stopped: oneshot::Receiver<()>,
) -> Option<String> {
    // Votes are few and small: one worker does them all. With peers a second one reads the network
    // while the first checks signatures, and a third deciphers a batch meanwhile.
    let workers = if config.listen.is_some() { 3 } else { 1 };
    let settings = runtime::Config::new()
        .with_worker_threads(workers)
        .with_max_blocking_threads(8)
        .with_storage_directory(config.dir.join(JOURNALS))
        .with_tcp_nodelay(Some(true));
    runtime::Runner::new(settings).start(|context| async move {
        let link = match Link::open(&context, config, &key) {
            Ok(link) => link,
            Err(error) => {
                let _ = ready.send(Err(error));
                return None;
            }
        };
        let roster = link.roster.keep(plane.plane().roster());
        let seat = Seat {
            key,
            network: config.genesis.network(),
            epoch_blocks: config.genesis.epochs.map(|epochs| epochs.blocks),
            genesis: Block::genesis(&config.genesis),
            committed: config.committed,
            journals_lost: config.journals_lost,
            heartbeat: config.heartbeat,
            max_batches: config.max_batches_per_block,
            partition: PARTITION.to_string(),
            channels: link.channels,
            peers: link.peers.clone(),
            blocker: link.peers,
            data: link.data,
            plane,
        };
        let engine = engine::run(context.child("validator"), seat, app, move || {
            info!("the ordering engine is ready");
            // Nobody waits any more only if the starter has gone, which then stops us below.
            let _ = ready.send(Ok(()));
        });
        let network = async {
            let Some((votes, data)) = link.tasks else { return pending().await };
            select! {
                ended = votes => (config.listen, ended.err()),
                ended = data => (config.listen_data, ended.err()),
            }
        };
        select! {
            reason = engine => Some(reason),
            () = roster => None,
            // Commonware says in the log what was wrong with it.
            (address, ended) = network => {
                let address = address.map_or_else(String::new, |address| format!(" at {address}"));
                Some(format!("the network{address} ended ({ended:?}): is the address in use?"))
            },
            // Told to stop, or its owner is gone.
            _ = stopped => None,
        }
    })
}

/// Makes the directory and takes its lock, which is held until the file is closed.
fn lock(dir: &Path) -> Result<File, Error> {
    let io = |source| Error::Io { dir: dir.to_path_buf(), source };
    std::fs::create_dir_all(dir).map_err(io)?;
    let file = File::options().write(true).create(true).truncate(false).open(dir.join(LOCK)).map_err(io)?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) if since.elapsed() >= LOCK_PATIENCE => {
                return Err(Error::Locked { dir: dir.to_path_buf() });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// A reason that says no more than that a write failed, with what the disk answers when it is asked again. A shortened
/// write reaches us without the system's words, and whether there is room decides if the engine can be started again.
fn explained(reason: String, dir: &Path) -> String {
    if !["WriteFailed", "write failed"].iter().any(|words| reason.contains(words)) {
        return reason;
    }
    let probe = dir.join(PROBE);
    let written = std::fs::write(&probe, vec![0x5a; PROBE_BYTES]);
    // It was for asking only.
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => reason,
        Err(why) => format!("{reason}: {why}"),
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_string())
}
