//! Components that were uploaded and that no deploy names yet.
//!
//! ```text
//!   PUT ──► components/uploaded/<digest>.wasm ──a block deploys it──► components/<digest>.wasm, for ever
//!                          └── nobody deploys it in time: gone
//! ```
//!
//! What is uploaded costs nothing yet, so it has a bound and a time; what is deployed is paid for, and stays. They lie
//! apart so that nothing which was ever deployed can be swept with what was not.

use crate::error::ComponentError;
use crate::limits::{MAX_UPLOADED, MAX_UPLOADED_BYTES, UPLOAD_KEPT_S};
use crate::store::marker::write_durably;
use moot_record::Digest;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The folder, inside that of the components.
const FOLDER: &str = "uploaded";

#[derive(Debug, Clone, Copy)]
struct Upload {
    bytes: u64,
    /// When it was uploaded, or last asked for by a deploy; none when it cannot be moved to where it belongs.
    since_s: Option<u64>,
}

/// What waits to be deployed.
pub(crate) struct Uploads {
    dir: PathBuf,
    /// Held while files are moved and removed, so that what a deploy was just checked against is not swept under it. Not
    /// while one is written: commits look in here.
    waiting: Mutex<BTreeMap<Digest, Upload>>,
    /// Held while a file is written: two of the same bytes would share a draft, and room is looked for before.
    writing: Mutex<()>,
}

impl Uploads {
    /// Those of before this start have their time anew: nobody knows how long the node was down.
    pub(crate) fn open(components: &Path, now_s: u64) -> Uploads {
        let dir = components.join(FOLDER);
        let mut waiting = BTreeMap::new();
        for file in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let name = file.file_name();
            let digest = name.to_str().and_then(|name| name.strip_suffix(".wasm")?.parse::<Digest>().ok());
            match (digest, file.metadata()) {
                (Some(digest), Ok(found)) => {
                    waiting.insert(digest, Upload { bytes: found.len(), since_s: Some(now_s) });
                }
                // A draft that a crash left.
                _ => drop(fs::remove_file(file.path())),
            }
        }
        Uploads { dir, waiting: Mutex::new(waiting), writing: Mutex::default() }
    }

    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{digest}.wasm"))
    }

    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.waiting.lock().contains_key(digest)
    }

    /// Stores an upload, durably, if there is room.
    pub(crate) fn store(&self, digest: &Digest, bytes: &[u8], now_s: u64) -> Result<(), ComponentError> {
        let _one_at_a_time = self.writing.lock();
        let size = bytes.len() as u64;
        let (count, sum) = self.others(digest);
        if count >= MAX_UPLOADED || sum + size > MAX_UPLOADED_BYTES {
            return Err(ComponentError::NoRoom { waiting: count, bytes: sum, max: MAX_UPLOADED_BYTES });
        }
        let path = self.path(digest);
        let stored = fs::create_dir_all(&self.dir).and_then(|()| write_durably(&path, bytes));
        stored.map_err(|source| ComponentError::Io { path, source })?;
        self.waiting.lock().insert(*digest, Upload { bytes: size, since_s: Some(now_s) });
        Ok(())
    }

    /// How many wait beside one, and their bytes.
    fn others(&self, digest: &Digest) -> (usize, u64) {
        let waiting = self.waiting.lock();
        let others = waiting.iter().filter(|(known, _)| *known != digest);
        others.fold((0, 0), |(count, sum), (_, upload)| (count + 1, sum + upload.bytes))
    }

    /// A deploy of it was asked for: it has its time anew.
    pub(crate) fn touch(&self, digest: &Digest, now_s: u64) {
        if let Some(upload) = self.waiting.lock().get_mut(digest) {
            upload.since_s = upload.since_s.map(|_| now_s);
        }
    }

    /// It is deployed: from now on it is kept at `kept`.
    pub(crate) fn keep(&self, digest: &Digest, kept: &Path) {
        let mut waiting = self.waiting.lock();
        let Some(upload) = waiting.get_mut(digest) else { return };
        match move_durably(&self.path(digest), kept) {
            Ok(()) => drop(waiting.remove(digest)),
            Err(error) => {
                // It is found here as well, and the next start tries again.
                tracing::error!(%digest, %error, "a deployed component cannot be moved to where it is kept");
                upload.since_s = None;
            }
        }
    }

    /// Lets go what nobody has deployed in time.
    pub(crate) fn sweep(&self, now_s: u64) {
        self.waiting.lock().retain(|digest, upload| {
            let over = upload.since_s.is_some_and(|since_s| now_s.saturating_sub(since_s) > UPLOAD_KEPT_S);
            if over && let Err(error) = fs::remove_file(self.path(digest)) {
                tracing::warn!(%digest, %error, "an upload that nobody deployed cannot be removed");
            }
            !over
        });
    }
}

fn move_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    [from, to].iter().filter_map(|path| path.parent()).try_for_each(|dir| File::open(dir)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::component_digest;

    fn upload(uploads: &Uploads, bytes: &[u8], now_s: u64) -> Digest {
        let digest = component_digest(bytes);
        uploads.store(&digest, bytes, now_s).unwrap();
        digest
    }

    #[test]
    fn what_is_deployed_stays_and_what_is_not_goes() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(dir.path(), 0);
        let (a, b, c) = (upload(&uploads, b"a", 0), upload(&uploads, b"b", 0), upload(&uploads, b"c", 0));
        let kept = dir.path().join("a.wasm");
        uploads.keep(&a, &kept);
        uploads.touch(&c, UPLOAD_KEPT_S);
        uploads.sweep(UPLOAD_KEPT_S);
        assert!(uploads.has(&b), "its time is not over");
        uploads.sweep(UPLOAD_KEPT_S + 1);
        assert_eq!([a, b, c].map(|digest| uploads.has(&digest)), [false, false, true]);
        assert_eq!(fs::read(&kept).unwrap(), b"a");
        assert!(!uploads.path(&b).exists() && uploads.path(&c).exists());
    }

    #[test]
    fn a_start_finds_them_and_a_crashs_draft_goes() {
        let dir = tempfile::tempdir().unwrap();
        let digest = upload(&Uploads::open(dir.path(), 0), b"component", 0);
        let draft = dir.path().join(FOLDER).join("half.draft");
        fs::write(&draft, "half").unwrap();
        let uploads = Uploads::open(dir.path(), 5 * UPLOAD_KEPT_S);
        assert!(uploads.has(&digest) && !draft.exists());
        uploads.sweep(5 * UPLOAD_KEPT_S + 1);
        assert!(uploads.has(&digest));
    }

    #[test]
    fn there_is_room_for_so_much() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(dir.path(), 0);
        let one = Upload { bytes: MAX_UPLOADED_BYTES - 10, since_s: Some(0) };
        uploads.waiting.lock().insert(component_digest(b"one"), one);
        upload(&uploads, b"ten bytes!", 0);
        upload(&uploads, b"ten bytes!", 1);
        let error = uploads.store(&component_digest(b"x"), b"x", 0).unwrap_err();
        assert!(matches!(error, ComponentError::NoRoom { waiting: 2, .. }), "{error}");
    }

    #[test]
    fn what_cannot_be_moved_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(dir.path(), 0);
        let digest = upload(&uploads, b"a", 0);
        uploads.keep(&digest, &dir.path().join("nowhere/a.wasm"));
        uploads.touch(&digest, 0);
        uploads.sweep(u64::MAX);
        assert!(uploads.has(&digest) && uploads.path(&digest).exists());
    }
}
