//! The only unsafe code of the crate: running machine code that was compiled earlier.
//!
//! **Requires**: the file is one that [`crate::Host::compile`] of this crate wrote, and nobody changes it while it is
//! mapped. The caller gives the digest that the file had when it was written; it is checked here, so damage and
//! mistakes are found. **Does not provide** protection against someone who may write to the data directory of the
//! process: they could change the file after the check, as they could change the executable itself.
#![allow(unsafe_code, reason = "deserialising machine code is unsafe; the digest is what makes it sound")]

use crate::LoadError;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Checks the digest of a `.cwasm` file.
pub(crate) fn check(path: &Path, expected: &[u8; 32]) -> Result<Checked, LoadError> {
    let io = |source| LoadError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let size = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(size);
    file.read_to_end(&mut bytes).map_err(io)?;
    let found = *blake3::hash(&bytes).as_bytes();
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
