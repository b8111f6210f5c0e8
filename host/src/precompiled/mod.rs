//! From a `.cwasm` file to a component: the digest is checked, the file mapped, its code shared.
//!
//! ```text
//!  check ──► the digest is right, or the file is as it was when it was ──► map ──► share
//!                                                                           one copy of the same code in memory
//! ```
//!
//! **Requires**: the file is one that [`crate::Host::compile`] of this crate wrote, and nobody changes it while it is
//! mapped. The caller gives the digest that the file had when it was written; it is checked here, so damage and
//! mistakes are found. **Does not provide** protection against someone who may write to the data directory of the
//! process: they could change the file after the check, as they could change the executable itself.

mod map;
mod seen;
mod shared;

use crate::LoadError;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

pub(crate) use seen::Seen;
pub(crate) use shared::{SharedCode, UsedCode};

/// What is read of a file at a time: enough for every lane of the hash, less than the second-level cache.
const PIECE_BYTES: usize = 64 << 10;

/// A file whose digest was checked.
pub(crate) struct Checked {
    path: std::path::PathBuf,
    /// As it was checked: what others map of it is never that of a file put in its place.
    file: File,
    digest: [u8; 32],
}

/// Checks the digest of a `.cwasm` file, unless it was checked and the file is the same since.
pub(crate) fn check(path: &Path, expected: &[u8; 32], seen: &Seen) -> Result<Checked, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let before = file.metadata().map_err(io)?;
    if !seen.same(expected, &before) {
        let found = digest(&mut file).map_err(io)?;
        if found != *expected {
            let hex = |digest: &[u8]| data_encoding::HEXLOWER.encode(digest);
            return Err(LoadError::Digest {
                path: path.to_owned(),
                found: hex(&found),
                expected: hex(expected),
            });
        }
        seen.remember(expected, &before);
    }
    Ok(Checked { path: path.to_owned(), file, digest: *expected })
}

fn digest(file: &mut File) -> std::io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    // Piece by piece, through memory that stays in the processor's cache: a buffer for all of it would cost a page fault
    // for every 4 KiB, more than hashing them.
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(read) => drop(hasher.update(&piece[..read])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Checked {
    /// Maps the file as machine code of `engine`. The engine refuses code of another version or other settings.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        map::component(engine, &self.path)
    }

    /// Has the component use the copy of its code that another one brought into memory, if there is one.
    pub(crate) fn share(
        &self,
        component: &Component,
        shared: &SharedCode,
    ) -> Result<Option<UsedCode>, LoadError> {
        let io = |source| LoadError::Io { path: self.path.clone(), source };
        shared.share(component, &self.file, &self.digest).map_err(io)
    }
}
