//! Files that only their owner may read: keys and secrets.
//!
//! Requires: a file system with Unix permissions. Provides: a file made here has mode 0600 from its first
//! byte on, and one that others can read is refused with the command that mends it. Does not provide:
//! protection from the same user, from root, or of what a backup copied.

use crate::limits::MAX_KEY_FILE_BYTES;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a private file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// Group or others have some right on it.
    #[error(
        "{path} has mode {mode:04o}: others can read or change it, so what it holds may be known already. \
         Make it yours alone with `chmod 600 {path}`, and replace its content if anyone else had access"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Longer than a key or a list of secrets ever is.
    #[error(
        "{path} has {bytes} bytes; a key or secrets file has at most {MAX_KEY_FILE_BYTES}. Is it the right file?"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// Not text.
    #[error("{path} is not UTF-8 text. Is it the right file?")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The system said no.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

/// Reads a private file as text. The permissions are those of the file that was opened, not of a name
/// that may point elsewhere a moment later.
pub fn read(path: &Path) -> Result<Zeroizing<String>, PrivateFileError> {
    let io = |action| move |error| PrivateFileError::Io { action, path: path.to_owned(), error };
    let mut file = File::open(path).map_err(io("open"))?;
    let meta = file.metadata().map_err(io("look at"))?;
    if meta.mode() & 0o077 != 0 {
        return Err(PrivateFileError::Open { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    if meta.len() > MAX_KEY_FILE_BYTES {
        return Err(PrivateFileError::TooLarge { path: path.to_owned(), bytes: meta.len() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(meta.len() as usize));
    file.read_to_end(&mut bytes).map_err(io("read"))?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(PrivateFileError::NotText { path: path.to_owned() }),
    }
}

/// Writes a new private file and waits until it is on the disk. Never replaces one.
pub fn create(path: &Path, text: &str) -> Result<(), PrivateFileError> {
    let io = |action| move |error| PrivateFileError::Io { action, path: path.to_owned(), error };
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(io("make the folder of"))?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io("create"))?;
    file.write_all(text.as_bytes()).map_err(io("write"))?;
    file.sync_all().map_err(io("write"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_made_here_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/secret");
        create(&path, "text").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().as_str(), "text");
        assert!(create(&path, "other").is_err(), "never replaced");
    }

    #[test]
    fn case_69_a_file_that_others_can_read_is_refused_with_the_cure() {
        // A key that others could read may be known: using it on silently would hide that.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create(&path, "text").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o660, 0o644] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let said = read(&path).unwrap_err().to_string();
            assert!(said.contains("chmod 600") && said.contains(&format!("{mode:04o}")), "{said}");
            assert!(!said.contains("text"));
        }
    }
}
