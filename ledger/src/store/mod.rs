//! The store: redb, opened with care and written by one thread.
//!
//! ```text
//!   commit thread ──write──► Store ──► log ──(staged)──► redb ──► disk.rs
//!   readers       ──read───►   │                │
//!                              │                └─ a few dozen commits in one transaction, or when somebody reads
//!                              └─ reopened after the disk was full; never after a failed sync
//! ```
//!
//! What the log has is durable. The database is given it later, many commits at a time: a transaction of redb costs
//! more than the few rows of a commit. Nobody sees the difference, because who reads gives it the rest first.

mod charged;
pub(crate) mod derived;
mod lock;
mod log;
pub(crate) mod marker;
pub(crate) mod prune;
pub(crate) mod read;
mod redo;
mod rows;
mod staged;
pub(crate) mod tables;
pub(crate) mod values;
mod write;

pub(crate) use lock::DirLock;
pub use rows::StoredBlock;
pub(crate) use rows::{KeyRow, Marks, Place, position};
use write::Beginning;
pub(crate) use write::{Applied, Changeset, Job};

use crate::disk::{Disk, Fault, Faults, Guarded};
use crate::error::{OpenError, ReadError};
use crate::limits::{FORMAT_VERSION, MAX_LOGGED_COMMITS};
use crate::state::State;
use log::{Log, LogFailure, LogRow};
use moot_record::{Digest, Genesis};
use parking_lot::{Mutex, RwLock};
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};
use redo::Rows;
use staged::Staged;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tables::{META, META_FORMAT, META_LOG, META_NETWORK};

/// Name of the database's file.
pub(crate) const DATABASE_FILE: &str = "ledger.redb";

/// Its name while it is made.
const DRAFT_FILE: &str = "ledger.redb.draft";

/// Why a transaction was not committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// No room: worth another try later.
    Full(String),
    /// Never to be tried again.
    Fatal(String),
}

impl From<Fault> for WriteError {
    fn from(fault: Fault) -> WriteError {
        match fault {
            Fault::Full(why) => WriteError::Full(why),
            Fault::Sync(why) => WriteError::Fatal(format!("a sync failed: {why}")),
            Fault::Write(why) => WriteError::Fatal(format!("a write failed: {why}")),
        }
    }
}

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    cache_bytes: usize,
    opened: RwLock<Option<Opened>>,
}

#[derive(Debug)]
struct Opened {
    db: Database,
    faults: Arc<Faults>,
    /// What goes before the database; none while it is made.
    log: Mutex<Option<Log>>,
    /// What the log has and the database is still to be given.
    staged: Staged,
}

impl Store {
    /// Opens the database of `dir`, or makes a new one where no ledger was ever made.
    pub(crate) fn open(
        dir: &Path,
        disk: Arc<dyn Disk>,
        cache_bytes: usize,
        genesis: &Genesis,
    ) -> Result<Store, OpenError> {
        let network = &genesis.network();
        let known = marker::check(dir, network)?;
        let path = dir.join(DATABASE_FILE);
        let io = |source| OpenError::Io { path: path.clone(), source };
        let truncated = |found: String| OpenError::Truncated { dir: dir.to_owned(), found };
        let length = disk.len(&path).map_err(io)?;
        match length {
            None if known => return Err(truncated("is missing".into())),
            Some(0) if known => return Err(truncated("is empty".into())),
            None | Some(0) => Self::begin(dir, disk.clone(), cache_bytes, genesis)?,
            Some(_) => {}
        }
        let opened = Opened::open(&path, disk.as_ref(), cache_bytes).map_err(|error| match error {
            OpenFailure::Io(source) => io(source),
            OpenFailure::TooShort(reason) => {
                truncated(format!("({} bytes) {reason}", length.unwrap_or_default()))
            }
            OpenFailure::Damaged(reason) => OpenError::Damaged { dir: dir.to_owned(), reason },
        })?;
        let store = Store { dir: dir.to_owned(), disk, cache_bytes, opened: RwLock::new(Some(opened)) };
        store.identify(network)?;
        store.replay().map_err(|error| match error {
            LogFailure::Io(source) => OpenError::Io { path: dir.join(log::LOG_FILE), source },
            LogFailure::Write(WriteError::Full(why)) => {
                // Nothing is damaged: with some room the same start goes well.
                let source = std::io::Error::new(ErrorKind::StorageFull, why);
                OpenError::Io { path: dir.join(DATABASE_FILE), source }
            }
            LogFailure::Damaged(reason) | LogFailure::Write(WriteError::Fatal(reason)) => {
                OpenError::Damaged { dir: dir.to_owned(), reason }
            }
        })?;
        if !known {
            marker::write(dir, network)?;
        }
        Ok(store)
    }

    /// Makes a new database under another name and renames it when it is whole: a crash in between leaves
    /// nothing that could be taken for a ledger.
    fn begin(
        dir: &Path,
        disk: Arc<dyn Disk>,
        cache_bytes: usize,
        genesis: &Genesis,
    ) -> Result<(), OpenError> {
        let (draft, path) = (dir.join(DRAFT_FILE), dir.join(DATABASE_FILE));
        let io = |source| OpenError::Io { path: draft.clone(), source };
        Log::make(dir, disk.as_ref())
            .map_err(|source| OpenError::Io { path: dir.join(log::LOG_FILE), source })?;
        let leftover = disk.open(&draft).map_err(io)?;
        leftover.set_len(0).and_then(|()| leftover.close()).map_err(io)?;
        drop(leftover);
        let opened = Opened::open(&draft, disk.as_ref(), cache_bytes).map_err(|error| match error {
            OpenFailure::Io(source) => io(source),
            OpenFailure::TooShort(reason) | OpenFailure::Damaged(reason) => io(std::io::Error::other(reason)),
        })?;
        let opened = RwLock::new(Some(opened));
        let store = Store { dir: dir.to_owned(), disk: disk.clone(), cache_bytes, opened };
        let beginning = Beginning {
            format: FORMAT_VERSION,
            network: genesis.network(),
            state: State::genesis_rows(genesis).collect(),
        };
        store.write(&Changeset::genesis(beginning)).map_err(|error| {
            let (WriteError::Full(why) | WriteError::Fatal(why)) = error;
            io(std::io::Error::other(why))
        })?;
        store.close();
        disk.rename(&draft, &path).map_err(io)
    }

    /// Checks whose database it is.
    fn identify(&self, network: &Digest) -> Result<(), OpenError> {
        let dir = || self.dir.clone();
        let damaged = |reason: String| OpenError::Damaged { dir: dir(), reason };
        let found = self.read(|txn| {
            let table = txn.open_table(META)?;
            let row = |name: &str| -> Result<Option<Vec<u8>>, ReadError> {
                Ok(table.get(name)?.map(|row| row.value().to_vec()))
            };
            Ok((row(META_FORMAT)?, row(META_NETWORK)?))
        });
        let (format, found) = found.map_err(|error| damaged(error.to_string()))?;
        let format: Option<[u8; 4]> = format.and_then(|bytes| bytes.try_into().ok());
        let format = format.map(u32::from_le_bytes).ok_or_else(|| damaged("it says no format".into()))?;
        marker::check_format(&self.dir, format)?;
        let found: Option<[u8; 32]> = found.and_then(|bytes| bytes.try_into().ok());
        let found = found.map(Digest::from_bytes).ok_or_else(|| damaged("it says no network".into()))?;
        if found != *network {
            return Err(OpenError::OtherNetwork { dir: dir(), found, expected: *network });
        }
        Ok(())
    }

    /// Reads in one snapshot.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let opened = self.opened.read();
        let opened = opened.as_ref().ok_or_else(|| ReadError::Database("it is closed".into()))?;
        opened.catch_up().map_err(|error| {
            let (WriteError::Full(why) | WriteError::Fatal(why)) = error;
            ReadError::Database(why)
        })?;
        // A page that was altered behind redb's back may make it panic: that is damage, not a reason to die.
        catch_unwind(AssertUnwindSafe(|| read(&opened.db.begin_read()?)))
            .unwrap_or_else(|panic| Err(ReadError::damaged("the database", panic_text(panic.as_ref()))))
    }

    /// Gives the database what its log has on top of it, and the log to the writer.
    fn replay(&self) -> Result<(), LogFailure> {
        let opened = self.opened.read();
        let Some(opened) = opened.as_ref() else { return Ok(()) };
        let row = opened.log_row().map_err(|error| LogFailure::Damaged(error.to_string()))?;
        let log = Log::open(&self.dir, self.disk.as_ref(), row, |rows| {
            opened.transact(Durability::None, |txn| rows.write(txn)).map_err(LogFailure::Write)
        })?;
        let repeated = log.frames();
        *opened.log.lock() = Some(log);
        if repeated > 0 {
            opened.sync(|_| Ok(())).map_err(LogFailure::Write)?;
            tracing::info!(
                commits = repeated,
                "the log had more than the database; it is in the database now"
            );
        }
        Ok(())
    }

    /// Writes in one transaction, and returns when it is on disk, in the database.
    pub(crate) fn write(&self, changes: &Changeset) -> Result<(), WriteError> {
        self.with(|opened| opened.sync(|txn| changes.write(txn)))
    }

    /// Writes in one transaction that readers see at once, and that is on disk with the next [`Store::write`]. A crash
    /// before that undoes it, and so does [`Store::reopen`].
    pub(crate) fn write_unsynced(&self, changes: &Changeset) -> Result<(), WriteError> {
        self.with(|opened| opened.transact(Durability::None, |txn| changes.write(txn)))
    }

    /// Returns when the batches are on disk; the rest is as with [`Store::write_unsynced`], unless the log had no room
    /// and the database was synced: then this is true.
    pub(crate) fn write_logged(&self, changes: &Changeset) -> Result<bool, WriteError> {
        self.with(|opened| {
            let mut staged = None;
            if let Some(log) = opened.log.lock().as_mut().filter(|log| log.frames() < MAX_LOGGED_COMMITS) {
                let rows = log.append(&Rows::of(changes))?;
                staged = rows.map(|rows| changes.only_batches() && opened.staged.push(rows));
            }
            match staged {
                Some(true) => {}
                Some(false) => opened.transact(Durability::None, |txn| changes.write(txn))?,
                None => opened.sync(|txn| changes.write(txn))?,
            }
            Ok(staged.is_none())
        })
    }

    /// Gives the database what waits for it when that has become much. Who waits for a commit does not wait for this.
    /// What fails here fails again where it is waited for.
    pub(crate) fn catch_up(&self) {
        let caught_up = self.with(|opened| match opened.staged.is_due() {
            true => opened.catch_up(),
            false => Ok(()),
        });
        if let Err(WriteError::Full(why) | WriteError::Fatal(why)) = caught_up {
            tracing::debug!(%why, "the database lies behind its log");
        }
    }

    fn with<T>(&self, write: impl FnOnce(&Opened) -> Result<T, WriteError>) -> Result<T, WriteError> {
        let opened = self.opened.read();
        write(opened.as_ref().ok_or_else(|| WriteError::Fatal("it is closed".into()))?)
    }

    /// Closes and opens the database again, which rolls a half-written transaction back or forward. What the log has is
    /// there afterwards, and synced.
    pub(crate) fn reopen(&self) -> Result<(), WriteError> {
        self.close();
        self.open_again()?;
        let replayed = self.replay().map_err(|error| match error {
            LogFailure::Io(error) => WriteError::Fatal(error.to_string()),
            LogFailure::Damaged(reason) => WriteError::Fatal(reason),
            LogFailure::Write(error) => error,
        });
        if replayed.is_err() {
            // Not without what the log has.
            self.close();
        }
        replayed
    }

    fn open_again(&self) -> Result<(), WriteError> {
        let mut opened = self.opened.write();
        match Opened::open(&self.dir.join(DATABASE_FILE), self.disk.as_ref(), self.cache_bytes) {
            Ok(again) => {
                *opened = Some(again);
                Ok(())
            }
            Err(OpenFailure::Io(error)) => Err(match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => WriteError::Full(error.to_string()),
                _ => WriteError::Fatal(error.to_string()),
            }),
            Err(OpenFailure::TooShort(reason) | OpenFailure::Damaged(reason)) => {
                Err(WriteError::Fatal(reason))
            }
        }
    }

    /// Whether a transaction, whose commit failed half-way, is there after all: it is there whole or not at
    /// all, but for batches that the log had. So its last block tells, else its last batch. Chores alone can be done
    /// twice, and so can batches.
    pub(crate) fn holds(&self, changes: &Changeset) -> Result<bool, ReadError> {
        self.read(|txn| {
            if let Some(applied) = changes.blocks.last() {
                return Ok(txn.open_table(tables::BLOCKS)?.get(applied.block.header.height)?.is_some());
            }
            if let Some(batch) = changes.batches.last() {
                return Ok(txn.open_table(tables::BATCHES)?.get((batch.lane, batch.seq))?.is_some());
            }
            if let Some(batch) = changes.foreign.last() {
                return Ok(txn.open_table(tables::BATCHES)?.get(batch.place())?.is_some());
            }
            if let Some(batch) = changes.rivals.last() {
                return Ok(txn.open_table(tables::RIVALS)?.get(batch.digest.as_bytes())?.is_some());
            }
            Ok(false)
        })
    }

    /// Whether there is something to sweep.
    pub(crate) fn expired(&self, hour: u32) -> Result<bool, ReadError> {
        self.read(|txn| read::expired(txn, hour))
    }

    /// Room on the disk.
    pub(crate) fn free_bytes(&self) -> std::io::Result<u64> {
        self.disk.free_bytes(&self.dir)
    }

    /// Closes the database; reads fail from here on.
    pub(crate) fn close(&self) {
        *self.opened.write() = None;
    }
}

/// Why redb did not open.
enum OpenFailure {
    Io(std::io::Error),
    TooShort(String),
    Damaged(String),
}

impl Opened {
    /// What the database says of its log.
    fn log_row(&self) -> Result<LogRow, ReadError> {
        let table = self.db.begin_read()?.open_table(META)?;
        let row = table
            .get(META_LOG)?
            .ok_or_else(|| ReadError::damaged("the database", "it says nothing of its log"))?;
        LogRow::decode(row.value())
    }

    /// Writes and syncs; the log is empty then.
    fn sync(
        &self,
        write: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), WriteError> {
        let mut log = self.log.lock();
        self.transact(Durability::Immediate, |txn| {
            if let Some(log) = log.as_ref() {
                txn.open_table(META)?.insert(META_LOG, log.next().encode().as_slice())?;
            }
            write(txn)
        })?;
        if let Some(log) = log.as_mut() {
            log.begin_anew();
        }
        Ok(())
    }

    /// Gives the database what only the log has.
    fn catch_up(&self) -> Result<(), WriteError> {
        if self.staged.is_empty() {
            return Ok(());
        }
        self.transact(Durability::None, |_| Ok(()))
    }

    /// One transaction: what waits from before, then what `write` adds.
    fn transact(
        &self,
        durability: Durability,
        write: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), WriteError> {
        let mut staged = self.staged.take();
        let result = catch_unwind(AssertUnwindSafe(|| -> Result<(), redb::Error> {
            let mut txn: WriteTransaction = self.db.begin_write()?;
            txn.set_durability(durability)?;
            staged.write(&txn)?;
            write(&txn)?;
            txn.commit()?;
            Ok(())
        }));
        let said = match result {
            Ok(Ok(())) => {
                staged.written();
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic_text(panic.as_ref()),
        };
        // What failed first below redb decides; redb's own error only repeats it.
        Err(self.faults.first().map_or(WriteError::Fatal(said), WriteError::from))
    }

    fn open(path: &Path, disk: &dyn Disk, cache_bytes: usize) -> Result<Opened, OpenFailure> {
        let file = disk.open(path).map_err(OpenFailure::Io)?;
        let (guarded, faults) = Guarded::new(file);
        let open =
            AssertUnwindSafe(|| Database::builder().set_cache_size(cache_bytes).create_with_backend(guarded));
        let error = match catch_unwind(open) {
            Ok(Ok(db)) => {
                return Ok(Opened { db, faults, log: Mutex::default(), staged: Staged::default() });
            }
            Ok(Err(error)) => error,
            Err(panic) => return Err(OpenFailure::Damaged(panic_text(panic.as_ref()))),
        };
        match (faults.first(), error) {
            (Some(Fault::Full(why)), _) => {
                Err(OpenFailure::Io(std::io::Error::new(ErrorKind::StorageFull, why)))
            }
            (_, redb::DatabaseError::Storage(redb::StorageError::Io(error))) => match error.kind() {
                ErrorKind::UnexpectedEof => Err(OpenFailure::TooShort(format!("is cut short: {error}"))),
                ErrorKind::InvalidData => Err(OpenFailure::Damaged(error.to_string())),
                _ => Err(OpenFailure::Io(error)),
            },
            (_, error) => Err(OpenFailure::Damaged(error.to_string())),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
