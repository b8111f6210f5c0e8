//! A disk in memory that fails on purpose.
//!
//! ```text
//!   write ──► unsynced ──sync──► synced          crash(seed): synced + a random, torn part of unsynced
//! ```
//!
//! It can die at the n-th sync (before or after that takes effect), fail one sync, be full, stall, flip bits.

use parking_lot::{Condvar, Mutex};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::StorageBackend;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The unit in which a disk writes: a torn write keeps some of them.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Debug, Clone, Default)]
struct Image {
    synced: Vec<u8>,
    seen: Vec<u8>,
    unsynced: Vec<Op>,
}

/// What is to go wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Die at this sync; the flag says whether the sync still takes effect.
    pub die_at_sync: Option<(u64, bool)>,
    /// Fail this sync once, losing what it covered, as a kernel does; later syncs succeed.
    pub fail_sync: Option<u64>,
    /// Bytes that a file may have.
    pub capacity: Option<u64>,
    /// What `free_bytes` answers.
    pub free: Option<u64>,
    /// Syncs wait while this is set.
    pub stalled: bool,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<PathBuf, Image>,
    plan: Plan,
    syncs: u64,
    dead: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

/// The disk. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyDisk(Arc<Shared>);

fn apply(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
        Op::Write(at, data) => {
            let at = usize::try_from(*at).unwrap();
            if bytes.len() < at + data.len() {
                bytes.resize(at + data.len(), 0);
            }
            bytes[at..at + data.len()].copy_from_slice(data);
        }
    }
}

impl FaultyDisk {
    pub(crate) fn new(plan: Plan) -> FaultyDisk {
        let disk = FaultyDisk::default();
        disk.0.state.lock().plan = plan;
        disk
    }

    /// Changes what is to go wrong.
    pub(crate) fn plan(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.0.state.lock().plan);
        self.0.moved.notify_all();
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.0.state.lock().syncs
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.state.lock().dead
    }

    /// The power fails: what was synced stays, of the rest a random part, in any order of sectors.
    pub(crate) fn crash(&self, seed: u64) -> FaultyDisk {
        let mut rng = StdRng::seed_from_u64(seed);
        let state = self.0.state.lock();
        let mut files = HashMap::new();
        for (path, image) in &state.files {
            let mut bytes = image.synced.clone();
            // All, none, or each with a chance of its own.
            let chance = [0.0, 0.2, 0.5, 0.9, 1.0][rng.random_range(0..5)];
            let tearing = rng.random_bool(0.5);
            for op in &image.unsynced {
                match op {
                    Op::Write(at, data) if tearing => {
                        for (i, sector) in data.chunks(SECTOR).enumerate() {
                            if rng.random_bool(chance) {
                                apply(&mut bytes, &Op::Write(at + (i * SECTOR) as u64, sector.to_vec()));
                            }
                        }
                    }
                    op if rng.random_bool(chance) => apply(&mut bytes, op),
                    _ => {}
                }
            }
            files.insert(path.clone(), Image { synced: bytes.clone(), seen: bytes, unsynced: Vec::new() });
        }
        let disk = FaultyDisk::default();
        disk.0.state.lock().files = files;
        disk
    }

    /// What is there when the process is killed, or, if the power fails, when nothing was written that was not synced: the
    /// same every time. This disk has died.
    pub(crate) fn leave(&self, power_fails: bool) -> FaultyDisk {
        let disk = FaultyDisk::default();
        let mut state = self.0.state.lock();
        state.dead = true;
        let left = state.files.iter().map(|(path, image)| {
            let bytes = if power_fails { &image.synced } else { &image.seen }.clone();
            (path.clone(), Image { synced: bytes.clone(), seen: bytes, unsynced: Vec::new() })
        });
        disk.0.state.lock().files = left.collect();
        disk
    }

    /// Length of the one database.
    pub(crate) fn length(&self) -> usize {
        let state = self.0.state.lock();
        state.files.iter().find(|(path, _)| path.ends_with("ledger.redb")).unwrap().1.seen.len()
    }

    /// The bytes of the one database.
    pub(crate) fn database(&self, change: impl FnOnce(&mut Vec<u8>)) {
        self.file("ledger.redb", change);
    }

    /// The bytes of a file.
    pub(crate) fn file(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.state.lock();
        let image = state.files.iter_mut().find(|(path, _)| path.ends_with(name)).unwrap().1;
        change(&mut image.synced);
        image.seen = image.synced.clone();
        image.unsynced.clear();
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
}

fn died() -> io::Error {
    io::Error::other("the disk has died")
}

impl FaultyFile {
    fn change(&self, op: Op) -> io::Result<()> {
        let mut state = self.disk.0.state.lock();
        if state.dead {
            return Err(died());
        }
        let end = match &op {
            Op::SetLen(len) => *len,
            Op::Write(at, data) => at + data.len() as u64,
        };
        let full = state.plan.capacity.is_some_and(|capacity| end > capacity);
        let image = state.files.get_mut(&self.path).unwrap();
        if full && end > image.seen.len() as u64 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        apply(&mut image.seen, &op);
        image.unsynced.push(op);
        Ok(())
    }
}

impl StorageBackend for FaultyFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.state.lock().files[&self.path].seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.0.state.lock();
        let at = usize::try_from(offset).unwrap();
        let bytes = state.files[&self.path].seen.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::SetLen(len))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Op::Write(offset, data.to_vec()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.0.state.lock();
        while state.plan.stalled && !state.dead {
            self.disk.0.moved.wait(&mut state);
        }
        if state.dead {
            return Err(died());
        }
        state.syncs += 1;
        let (syncs, plan) = (state.syncs, state.plan.clone());
        let image = state.files.get_mut(&self.path).unwrap();
        if plan.fail_sync == Some(syncs) {
            image.unsynced.clear();
            return Err(io::Error::from_raw_os_error(5));
        }
        let dies = plan.die_at_sync.filter(|(at, _)| *at == syncs);
        if dies.is_none_or(|(_, effect)| effect) {
            image.synced = image.seen.clone();
            image.unsynced.clear();
        }
        if dies.is_some() {
            state.dead = true;
            return Err(died());
        }
        Ok(())
    }
}

impl moot_ledger::Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        self.0.state.lock().files.entry(path.to_owned()).or_default();
        Ok(Box::new(FaultyFile { disk: self.clone(), path: path.to_owned() }))
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        Ok(self.0.state.lock().files.get(path).map(|image| image.seen.len() as u64))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if state.dead {
            return Err(died());
        }
        let image = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.files.insert(to.to_owned(), image);
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.0.state.lock().plan.free.unwrap_or(u64::MAX))
    }
}
