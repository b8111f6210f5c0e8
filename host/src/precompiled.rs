//! The only unsafe code of the crate: running machine code that was compiled earlier.
//!
//! **Requires**: the file is one that [`crate::Host::compile`] of this crate wrote, and nobody changes it while it is
//! mapped. The caller gives the digest that the file had when it was written; it is checked here, so damage and
//! mistakes are found. **Does not provide** protection against someone who may write to the data directory of the
//! process: they could change the file after the check, as they could change the executable itself.
#![allow(unsafe_code, reason = "deserialising machine code is unsafe; the digest is what makes it sound")]

use crate::LoadError;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

/// What is read of a file at a time: enough for every lane of the hash, less than the second-level cache.
const PIECE_BYTES: usize = 64 << 10;

/// Checks the digest of a `.cwasm` file.
pub(crate) fn check(path: &Path, expected: &[u8; 32]) -> Result<Checked, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut hasher = blake3::Hasher::new();
    // Piece by piece, through memory that stays in the processor's cache: a buffer for all of it would cost a page fault
    // for every 4 KiB, more than hashing them.
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => drop(hasher.update(&piece[..read])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(io(error)),
        }
    }
    let found = *hasher.finalize().as_bytes();
    if found != *expected {
        let hex = |digest: &[u8]| data_encoding::HEXLOWER.encode(digest);
        return Err(LoadError::Digest { path: path.to_owned(), found: hex(&found), expected: hex(expected) });
    }
    Ok(Checked(path.to_owned()))
}

/// A file whose digest was checked.
pub(crate) struct Checked(std::path::PathBuf);

impl Checked {
    /// Maps the file as machine code of `engine`. The engine refuses code of another version or other settings.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the file has the digest that the caller recorded when this crate's compiler wrote it, so it holds
        // what the compiler made. That it is not changed while mapped is the caller's promise, stated above.
        unsafe { Component::deserialize_file(engine, &self.0) }
    }
}
