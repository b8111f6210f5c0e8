//! A replica that is simulated: a real ledger, on a disk in memory and without threads.

use crate::faulty_disk::FaultyDisk;
use futures::executor::block_on;
use moot_ledger::{Clock, Ledger, Options, OrderingChoice};
use moot_ordering::testing::simulated::Simulated;
use moot_ordering::{
    Application, BoxFuture, EpochPlan, Finalized, Misconduct, OldBlock, Plane, Proposal, Wanted,
};
use moot_record::{AccountId, BlockHeader, Digest, Genesis, Keypair};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The simulation's clock, once there is one.
pub(super) struct SimulatedClock {
    began: (Instant, SystemTime),
    now: Mutex<Option<Box<dyn Fn() -> SystemTime + Send + Sync>>>,
}

impl SimulatedClock {
    pub(super) fn new(genesis: &Genesis) -> SimulatedClock {
        let began = UNIX_EPOCH + Duration::from_millis(genesis.time_ms);
        SimulatedClock { began: (Instant::now(), began), now: Mutex::new(None) }
    }

    pub(super) fn follow(&self, now: impl Fn() -> SystemTime + Send + Sync + 'static) {
        *self.now.lock() = Some(Box::new(now));
    }

    fn now(&self) -> SystemTime {
        self.now.lock().as_ref().map_or(self.began.1, |now| now())
    }
}

impl Clock for SimulatedClock {
    fn now_us(&self) -> u64 {
        u64::try_from(self.now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
    }

    fn instant(&self) -> Instant {
        self.began.0 + self.now().duration_since(self.began.1).unwrap_or_default()
    }
}

/// What outlives a crash, and what does not.
struct Held {
    disk: FaultyDisk,
    /// The last one; closed between a crash and the next start.
    ledger: Ledger,
    /// How often it crashed.
    crashes: u64,
}

pub(super) struct Replica {
    who: (Genesis, Keypair),
    dir: PathBuf,
    clock: Arc<SimulatedClock>,
    held: Mutex<Held>,
}

fn open(
    (genesis, key): &(Genesis, Keypair),
    dir: &Path,
    disk: &FaultyDisk,
    clock: &Arc<SimulatedClock>,
) -> Ledger {
    let ledger = Ledger::open(Options {
        ordering: OrderingChoice::Stepped,
        disk: Arc::new(disk.clone()),
        clock: clock.clone(),
        ..Options::new(dir, genesis.clone(), key.clone())
    });
    ledger.unwrap()
}

impl Replica {
    pub(super) fn new(who: (Genesis, Keypair), dir: PathBuf, clock: Arc<SimulatedClock>) -> Replica {
        let disk = FaultyDisk::default();
        let ledger = open(&who, &dir, &disk, &clock);
        Replica { who, dir, clock, held: Mutex::new(Held { disk, ledger, crashes: 0 }) }
    }

    pub(super) fn ledger(&self) -> Ledger {
        self.held.lock().ledger.clone()
    }

    pub(super) fn crashes(&self) -> u64 {
        self.held.lock().crashes
    }

    fn app(&self) -> Arc<dyn Application> {
        self.held.lock().ledger.application()
    }
}

impl Simulated for Replica {
    fn start(&self) -> u64 {
        let mut held = self.held.lock();
        if held.crashes > 0 {
            held.ledger = open(&self.who, &self.dir, &held.disk, &self.clock);
        }
        held.ledger.height()
    }

    /// Killed, or without power, in turn.
    fn crash(&self) {
        let mut held = self.held.lock();
        held.crashes += 1;
        // What it still wants to write is lost, and nothing leaves it that was not written.
        held.disk = held.disk.leave(held.crashes.is_multiple_of(2));
        block_on(held.ledger.clone().close());
    }
}

impl Application for Replica {
    fn attach(&self, plane: Plane) {
        self.app().attach(plane);
    }

    fn epoch(&self, number: u64) -> Option<EpochPlan> {
        self.app().epoch(number)
    }

    fn propose<'a>(&'a self, taken: &'a [Digest], max: usize) -> BoxFuture<'a, Proposal> {
        let app = self.app();
        Box::pin(async move { app.propose(taken, max).await })
    }

    fn state(&self) -> Digest {
        self.app().state()
    }

    fn available<'a>(&'a self, header: &'a BlockHeader, batches: &'a [Digest]) -> BoxFuture<'a, bool> {
        let app = self.app();
        Box::pin(async move { app.available(header, batches).await })
    }

    fn finalized(&self, block: Finalized, ack: Box<dyn FnOnce() + Send>) {
        self.app().finalized(block, ack);
    }

    fn old_block(&self, which: OldBlock) -> Option<Finalized> {
        self.app().old_block(which)
    }

    fn pushed(&self, from: AccountId, bytes: bytes::Bytes) {
        self.app().pushed(from, bytes);
    }

    fn supply<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Option<bytes::Bytes>> {
        let app = self.app();
        Box::pin(async move { app.supply(wanted).await })
    }

    fn accept<'a>(&'a self, wanted: &'a Wanted, bytes: bytes::Bytes) -> BoxFuture<'a, bool> {
        let app = self.app();
        Box::pin(async move { app.accept(wanted, bytes).await })
    }

    fn caught(&self, misconduct: Misconduct) {
        self.app().caught(misconduct);
    }
}
