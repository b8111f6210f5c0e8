//! The log before the database: a commit of a few batches is on disk as soon as it is here.
//!
//! ```text
//!   batches ──► frame ──one write, one sync──► durable      ledger.log: preallocated, written from its beginning
//!      └──────────────► database, without a sync            frame: head, check, rows; begins on a block of the disk
//!                          every few dozen commits: with one, and the log begins anew under the next generation
//! ```
//!
//! A sync of the database writes a dozen pages in two places and makes the file system note a length; a frame is one
//! write into room that is there. After a crash the database is as its last sync left it, and says by its
//! generation which frames came after that.
//!
//! Only the last frame can be torn, because each is synced before the next is begun. So a frame that does not fit its
//! check ends the log, unless one of the same generation lies behind it: then the disk has damaged what was durable.
//!
//! The check is keyed with random bytes that only this database has. Else a payload could be made to look like the
//! frame after the last.

use super::redo::Rows;
use super::{WriteError, rows};
use crate::disk::{Disk, Fault, Faults, Guarded};
use crate::error::ReadError;
use crate::limits::{LOG_BYTES, MAX_LOGGED_BYTES};
use moot_record::DecodeError;
use moot_record::cbor::{self, Reader};
use redb::StorageBackend as _;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Name of the file.
pub(super) const LOG_FILE: &str = "ledger.log";

/// Its name while it is made.
const DRAFT_FILE: &str = "ledger.log.draft";

/// Frames begin at multiples of this, so that writing one never touches a block of the disk that holds another.
const BLOCK: usize = 4096;

/// Generation, number in it, length of the rows, and a keyed BLAKE3 digest of all that and the rows.
const HEAD: usize = 8 + 4 + 4 + 32;

/// Where the check lies.
const CHECK_AT: usize = HEAD - 32;

/// What the database says of its log: [`super::tables::META_LOG`].
#[derive(Clone, Copy)]
pub(super) struct LogRow {
    /// Frames of this generation came after the last sync.
    pub(super) generation: u64,
    /// What frames are checked with.
    pub(super) key: [u8; 32],
}

impl LogRow {
    /// Of a new database.
    pub(super) fn first() -> LogRow {
        LogRow { generation: 1, key: rand::random() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        cbor::uint(&mut out, self.generation);
        cbor::bytes(&mut out, &self.key);
        rows::seal(out)
    }

    pub(super) fn decode(row: &[u8]) -> Result<LogRow, ReadError> {
        let what = "the row about the log";
        let r = &mut Reader::new(rows::unseal(what, row)?);
        (|| {
            let row = LogRow { generation: r.uint()?, key: r.fixed()? };
            r.end()?;
            Ok(row)
        })()
        .map_err(|error: DecodeError| ReadError::damaged(what, error))
    }
}

/// The log of one generation of the database.
#[derive(Debug)]
pub(super) struct Log {
    file: Guarded,
    faults: Arc<Faults>,
    row: LogRow,
    /// Frames since the database was synced.
    frames: u32,
    at: usize,
    buffer: Vec<u8>,
}

/// Why a log cannot be read.
pub(super) enum LogFailure {
    Io(io::Error),
    Damaged(String),
    /// The database did not take what was in it.
    Write(WriteError),
}

impl Log {
    /// Makes an empty log. Its room is written, not only reserved: else each frame would cost a change of the file's
    /// extents too.
    pub(super) fn make(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
        let draft = dir.join(DRAFT_FILE);
        let file = disk.open(&draft)?;
        file.set_len(0)?;
        file.set_len(LOG_BYTES as u64)?;
        // Block by block: what is written at once the system may from then on keep, count and write as one piece.
        for at in (0..LOG_BYTES).step_by(BLOCK) {
            file.write(at as u64, &[0; BLOCK])?;
        }
        file.sync_data()?;
        file.close()?;
        drop(file);
        disk.rename(&draft, &dir.join(LOG_FILE))
    }

    /// Opens the log of a generation, and gives `replay` what came after the database's last sync, in order.
    pub(super) fn open(
        dir: &Path,
        disk: &dyn Disk,
        row: LogRow,
        mut replay: impl FnMut(&Rows<'_>) -> Result<(), LogFailure>,
    ) -> Result<Log, LogFailure> {
        let path = dir.join(LOG_FILE);
        let length = disk.len(&path).map_err(LogFailure::Io)?;
        if length != Some(LOG_BYTES as u64) {
            let found = length.map_or("is missing".into(), |length| format!("has {length} bytes"));
            return Err(LogFailure::Damaged(format!("{LOG_FILE} {found}, where {LOG_BYTES} are expected")));
        }
        let (file, faults) = Guarded::new(disk.open(&path).map_err(LogFailure::Io)?);
        let mut log = Log { file, faults, row, frames: 0, at: 0, buffer: Vec::new() };
        while let Some(rows) = log.frame()? {
            let decoded = Rows::decode(&rows)
                .map_err(|error| LogFailure::Damaged(format!("{LOG_FILE}, frame {}: {error}", log.frames)))?;
            replay(&decoded)?;
            log.frames += 1;
            log.at += room(rows.len());
        }
        log.refuse_a_gap()?;
        Ok(log)
    }

    /// The rows of the frame where the log stands; none where it ends.
    fn frame(&self) -> Result<Option<Vec<u8>>, LogFailure> {
        Ok(self.frame_at(self.at)?.filter(|(number, _)| *number == self.frames).map(|(_, rows)| rows))
    }

    /// A frame of this generation that fits its check, with its number.
    fn frame_at(&self, at: usize) -> Result<Option<(u32, Vec<u8>)>, LogFailure> {
        if at + HEAD > LOG_BYTES {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.file.read(at as u64, &mut head).map_err(LogFailure::Io)?;
        let (generation, rest) = head.split_at(8);
        let number =
            |from: usize| u32::from_le_bytes([rest[from], rest[from + 1], rest[from + 2], rest[from + 3]]);
        let (number, length) = (number(0), number(4) as usize);
        if generation != self.row.generation.to_le_bytes() || length > LOG_BYTES - at - HEAD {
            return Ok(None);
        }
        let mut rows = vec![0; length];
        self.file.read((at + HEAD) as u64, &mut rows).map_err(LogFailure::Io)?;
        let whole = self.check(&head[..CHECK_AT], &rows) == head[CHECK_AT..];
        Ok(whole.then_some((number, rows)))
    }

    fn check(&self, head: &[u8], rows: &[u8]) -> [u8; 32] {
        *blake3::Hasher::new_keyed(&self.row.key).update(head).update(rows).finalize().as_bytes()
    }

    /// A later frame behind the end means that the end is damage.
    fn refuse_a_gap(&self) -> Result<(), LogFailure> {
        for at in (self.at..LOG_BYTES).step_by(BLOCK) {
            if let Some((later, _)) = self.frame_at(at)? {
                return Err(LogFailure::Damaged(format!(
                    "{LOG_FILE}: frame {} does not fit its check, and frame {later} is there",
                    self.frames
                )));
            }
        }
        Ok(())
    }

    /// How many commits only the log has.
    pub(super) fn frames(&self) -> u32 {
        self.frames
    }

    /// What the database says when it is synced next.
    pub(super) fn next(&self) -> LogRow {
        LogRow { generation: self.row.generation + 1, ..self.row }
    }

    /// The database was synced under the next generation: nothing in here is needed any more.
    pub(super) fn begin_anew(&mut self) {
        self.row = self.next();
        self.frames = 0;
        self.at = 0;
    }

    /// Writes a frame, and returns its rows when it is on disk. None when there is no room for it: the database has to
    /// be synced instead.
    pub(super) fn append(&mut self, rows: &Rows<'_>) -> Result<Option<&[u8]>, Fault> {
        self.buffer.clear();
        self.buffer.extend_from_slice(&self.row.generation.to_le_bytes());
        self.buffer.extend_from_slice(&self.frames.to_le_bytes());
        self.buffer.resize(HEAD, 0);
        rows.encode(&mut self.buffer);
        let length = self.buffer.len() - HEAD;
        let room = room(length);
        if length > MAX_LOGGED_BYTES || room > LOG_BYTES - self.at {
            return Ok(None);
        }
        // Cannot fail: it is smaller than the log.
        let short = u32::try_from(length).unwrap_or(u32::MAX);
        self.buffer[12..16].copy_from_slice(&short.to_le_bytes());
        let check = self.check(&self.buffer[..CHECK_AT], &self.buffer[HEAD..]);
        self.buffer[CHECK_AT..HEAD].copy_from_slice(&check);
        self.buffer.resize(room, 0);
        let written = self.file.write(self.at as u64, &self.buffer).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            return Err(self.faults.first().unwrap_or_else(|| Fault::Write(error.to_string())));
        }
        self.at += room;
        self.frames += 1;
        Ok(Some(&self.buffer[HEAD..HEAD + length]))
    }
}

/// What a frame takes of the log.
fn room(length: usize) -> usize {
    (HEAD + length).next_multiple_of(BLOCK)
}

impl std::fmt::Debug for LogRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "generation {}", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileDisk;
    use std::os::unix::fs::FileExt as _;

    const ROW: LogRow = LogRow { generation: 3, key: [9; 32] };

    /// Opens the log in `dir`; what it gave back, or why not.
    fn open(dir: &Path, row: LogRow) -> Result<(Log, usize), String> {
        let mut found = 0;
        let log = Log::open(dir, &FileDisk, row, |rows| {
            assert_eq!(*rows, Rows::sample(found as u64, 5000 * found));
            found += 1;
            Ok(())
        });
        match log {
            Ok(log) => Ok((log, found)),
            Err(LogFailure::Damaged(why)) => Err(why),
            Err(LogFailure::Io(error)) => Err(error.to_string()),
            Err(LogFailure::Write(error)) => Err(format!("{error:?}")),
        }
    }

    /// A log of four frames, in blocks 0, 1 to 2, 3 to 5 and 6 to 9.
    fn four_frames() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        Log::make(dir.path(), &FileDisk).unwrap();
        let (mut log, found) = open(dir.path(), ROW).unwrap();
        assert_eq!(found, 0);
        for seq in 0..4 {
            assert!(matches!(log.append(&Rows::sample(seq, 5000 * seq as usize)), Ok(Some(_))));
        }
        assert_eq!((log.frames(), log.at), (4, 10 * BLOCK));
        dir
    }

    fn flip(dir: &Path, at: usize) {
        let file = std::fs::File::options().read(true).write(true).open(dir.join(LOG_FILE)).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at as u64).unwrap();
        file.write_all_at(&[byte[0] ^ 1], at as u64).unwrap();
    }

    #[test]
    fn what_was_appended_is_given_back_to_its_generation_alone() {
        let dir = four_frames();
        assert_eq!(open(dir.path(), ROW).unwrap().1, 4);
        let (mut log, found) = open(dir.path(), LogRow { generation: 4, ..ROW }).unwrap();
        assert_eq!(found, 0);
        // Shorter than what lies there from before.
        assert!(matches!(log.append(&Rows::sample(0, 0)), Ok(Some(_))));
        assert_eq!(open(dir.path(), LogRow { generation: 4, ..ROW }).unwrap().1, 1);
        assert_eq!(open(dir.path(), LogRow { key: [8; 32], ..ROW }).unwrap().1, 0);
    }

    #[test]
    fn a_torn_last_frame_ends_the_log_and_a_torn_earlier_one_is_damage() {
        for (block, whole) in [(6, 3), (9, 3)] {
            let dir = four_frames();
            flip(dir.path(), block * BLOCK + 60);
            let (mut log, found) = open(dir.path(), ROW).unwrap();
            assert_eq!(found, whole);
            assert!(matches!(log.append(&Rows::sample(3, 15_000)), Ok(Some(_))));
            assert_eq!(open(dir.path(), ROW).unwrap().1, 4);
        }
        for at in [0, 8, 12, 16, HEAD, BLOCK + 4000, 5 * BLOCK] {
            let dir = four_frames();
            flip(dir.path(), at);
            let why = open(dir.path(), ROW).map(|(_, found)| found).unwrap_err();
            assert!(why.contains("does not fit its check"), "{at}: {why}");
        }
    }

    /// A payload is the sender's choice, and may lie where a frame could begin.
    #[test]
    fn a_frame_inside_a_payload_is_none() {
        let dir = tempfile::tempdir().unwrap();
        Log::make(dir.path(), &FileDisk).unwrap();
        let mut forged = open(dir.path(), LogRow { key: [1; 32], ..ROW }).unwrap().0;
        forged.append(&Rows::sample(0, 0)).unwrap();
        forged.append(&Rows::sample(1, 0)).unwrap();
        assert_eq!(open(dir.path(), ROW).unwrap().1, 0);
    }

    #[test]
    fn a_full_log_says_so_and_a_cut_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Log::make(dir.path(), &FileDisk).unwrap();
        let mut log = open(dir.path(), ROW).unwrap().0;
        assert_eq!(log.append(&Rows::sample(0, MAX_LOGGED_BYTES)), Ok(None));
        let mut seq = 0;
        while log.append(&Rows::sample(seq, MAX_LOGGED_BYTES - 100)).unwrap().is_some() {
            seq += 1;
        }
        assert_eq!(seq as usize, LOG_BYTES / MAX_LOGGED_BYTES);
        log.begin_anew();
        assert!(matches!(log.append(&Rows::sample(0, 10)), Ok(Some(_))));
        let file = std::fs::File::options().write(true).open(dir.path().join(LOG_FILE)).unwrap();
        file.set_len(LOG_BYTES as u64 - 1).unwrap();
        assert!(open(dir.path(), ROW).map(|_| ()).unwrap_err().contains("4194303 bytes"));
        std::fs::remove_file(dir.path().join(LOG_FILE)).unwrap();
        assert!(open(dir.path(), ROW).map(|_| ()).unwrap_err().contains("is missing"));
    }
}
