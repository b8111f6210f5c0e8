//! The disk, as a seam.
//!
//! ```text
//!   store ──► redb ──► Guarded ──► StorageBackend of a Disk ──► file
//!                         │
//!                         └─ remembers what failed first: a sync, want of room, or another write
//! ```
//!
//! Production opens redb's `FileBackend`. Tests open one that tears writes, fails syncs, fills up or flips
//! bits from a seed. What a failure means is decided here once: a failed sync is for ever, because the kernel
//! may have dropped the pages and would report success the next time; want of room passes.

use parking_lot::Mutex;
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

/// Where the ledger's database lives.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Opens the file, creating it when it is missing.
    ///
    /// # Errors
    /// What the system said.
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>>;

    /// Length of the file; none when it is missing.
    ///
    /// # Errors
    /// What the system said.
    fn len(&self, path: &Path) -> io::Result<Option<u64>>;

    /// Gives a file, which is closed, another name, durably.
    ///
    /// # Errors
    /// What the system said.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Bytes that can still be written below `dir`.
    ///
    /// # Errors
    /// What the system said.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDisk;

impl Disk for FileDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Box::new(FileBackend::new(file).map_err(io::Error::other)?))
    }

    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// What went wrong below redb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A sync failed. What it covered may be lost, whatever a second try would say.
    Sync(String),
    /// There was no room.
    Full(String),
    /// Another write failed.
    Write(String),
}

/// The first fault of a backend.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Option<Fault>>);

impl Faults {
    pub(crate) fn first(&self) -> Option<Fault> {
        self.0.lock().clone()
    }

    fn note<T>(&self, result: io::Result<T>, sync: bool) -> io::Result<T> {
        if let Err(error) = &result {
            let said = error.to_string();
            let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            let fault = match (sync, full) {
                (true, _) => Fault::Sync(said),
                (false, true) => Fault::Full(said),
                (false, false) => Fault::Write(said),
            };
            self.0.lock().get_or_insert(fault);
        }
        result
    }
}

/// Passes everything on and remembers the first fault.
#[derive(Debug)]
pub(crate) struct Guarded {
    inner: Box<dyn StorageBackend>,
    faults: Arc<Faults>,
}

impl Guarded {
    pub(crate) fn new(inner: Box<dyn StorageBackend>) -> (Guarded, Arc<Faults>) {
        let faults = Arc::new(Faults::default());
        (Guarded { inner, faults: faults.clone() }, faults)
    }
}

type Lock = Result<bool, BackendError>;

impl StorageBackend for Guarded {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.note(self.inner.set_len(len), false)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.note(self.inner.sync_data(), true)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.faults.note(self.inner.write(offset, data), false)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Lock {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Lock {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Lock {
        self.inner.query_lock_range(start, end)
    }
}
