//! A small file beside the database that says: a ledger was made here.
//!
//! Without it a database that was cut to nothing looks like one that was never begun, and a node would start
//! an empty history under the old name. It is written once, after the database's first commit.

use crate::error::OpenError;
use crate::limits::FORMAT_VERSION;
use moot_record::Digest;
use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Name of the file.
pub(crate) const MARKER_FILE: &str = "FORMAT";

/// Reads the marker: false when no ledger was made here yet.
pub(crate) fn check(dir: &Path, network: &Digest) -> Result<bool, OpenError> {
    let path = dir.join(MARKER_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(OpenError::Io { path, source }),
    };
    let damaged = || OpenError::Damaged {
        dir: dir.to_owned(),
        reason: format!("{MARKER_FILE} says {:?}", text.chars().take(80).collect::<String>()),
    };
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("moot-ledger "));
    let found: u32 = version.and_then(|version| version.parse().ok()).ok_or_else(damaged)?;
    check_format(dir, found)?;
    let found = lines.next().and_then(|line| line.strip_prefix("network "));
    let found: Digest = found.and_then(|network| network.parse().ok()).ok_or_else(damaged)?;
    if found != *network {
        return Err(OpenError::OtherNetwork { dir: dir.to_owned(), found, expected: *network });
    }
    Ok(true)
}

/// Refuses what another version wrote.
pub(crate) fn check_format(dir: &Path, found: u32) -> Result<(), OpenError> {
    let (dir, known) = (dir.to_owned(), FORMAT_VERSION);
    match found.cmp(&known) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(OpenError::FutureFormat { dir, found, known }),
        Ordering::Less => Err(OpenError::PastFormat { dir, found, known }),
    }
}

/// Writes the marker, durably.
pub(crate) fn write(dir: &Path, network: &Digest) -> Result<(), OpenError> {
    let text = format!("moot-ledger {FORMAT_VERSION}\nnetwork {network}\n");
    write_durably(&dir.join(MARKER_FILE), text.as_bytes())
        .map_err(|source| OpenError::Io { path: dir.join(MARKER_FILE), source })
}

/// Writes a file so that after a crash it is there whole or not at all.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(dir)?.sync_all()
}
