//! Files whose digest was checked by this process, as they were then.
//!
//! Hashing is most of what loading a large component costs. The system says whether a file was written to since.

use crate::limits::{MAX_REMEMBERED_FILES, SETTLED};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::Metadata;
use std::time::Duration;

/// The files.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<[u8; 32], Identity>>);

/// What changes when a file is written to or replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    number: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Seen {
    /// Whether a file of this digest is the one that was checked, unchanged.
    pub(super) fn same(&self, digest: &[u8; 32], found: &Metadata) -> bool {
        Identity::of(found).is_some_and(|found| self.0.lock().get(digest) == Some(&found))
    }

    /// Remembers a file, with what the system said of it before it was read.
    pub(super) fn remember(&self, digest: &[u8; 32], before: &Metadata) {
        let Some(identity) = Identity::of(before).filter(Identity::has_settled) else { return };
        let mut seen = self.0.lock();
        if seen.len() >= MAX_REMEMBERED_FILES {
            seen.clear();
        }
        seen.insert(*digest, identity);
    }
}

impl Identity {
    #[cfg(unix)]
    fn of(found: &Metadata) -> Option<Identity> {
        use std::os::unix::fs::MetadataExt as _;
        // The time of the last change of anything, which nobody can set: that of the content can be set back.
        let changed = (found.ctime(), found.ctime_nsec());
        Some(Identity { device: found.dev(), number: found.ino(), bytes: found.len(), changed })
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Identity> {
        None
    }

    fn has_settled(&self) -> bool {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let settled = u64::try_from(self.changed.0).map(|s| Duration::from_secs(s) + SETTLED);
        // A clock that was set back: the file is of the future, and never trusted.
        settled.is_ok_and(|settled| settled < now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::io::Write as _;

    fn settled(file: &File) -> Metadata {
        // What the system noted cannot be set back, so it is waited for.
        let made = file.metadata().unwrap();
        while !Identity::of(&made).unwrap().has_settled() {
            std::thread::sleep(Duration::from_millis(50));
        }
        made
    }

    #[test]
    fn a_file_is_known_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"0123").unwrap();
        let seen = Seen::default();
        let fresh = std::fs::metadata(&path).unwrap();
        seen.remember(&[1; 32], &fresh);
        assert!(!seen.same(&[1; 32], &fresh), "one just written is not trusted");

        let before = settled(&File::open(&path).unwrap());
        seen.remember(&[1; 32], &before);
        assert!(seen.same(&[1; 32], &before));
        assert!(!seen.same(&[2; 32], &before), "another digest is another file");

        // In place, of the same size, with the old time of its content.
        let mut file = File::options().write(true).open(&path).unwrap();
        file.write_all(b"4567").unwrap();
        let times = FileTimes::new().set_modified(before.modified().unwrap());
        file.set_times(times).unwrap();
        assert!(!seen.same(&[1; 32], &file.metadata().unwrap()));

        // Replaced.
        std::fs::write(folder.path().join("b"), b"0123").unwrap();
        std::fs::rename(folder.path().join("b"), &path).unwrap();
        assert!(!seen.same(&[1; 32], &std::fs::metadata(&path).unwrap()));
    }
}
