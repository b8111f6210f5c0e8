//! Components: content-addressed files beside the database.
//!
//! Megabytes that are written once and read whole have no business in a B-tree. A file is named by its digest
//! and checked against it on every read.

use crate::error::{ComponentError, ReadError};
use crate::ledger::Ledger;
use crate::store::marker::write_durably;
use moot_record::limits::MAX_COMPONENT_BYTES;
use moot_record::{Digest, component_digest};
use std::fs;
use std::io;
use std::path::PathBuf;

impl Ledger {
    fn component_path(&self, digest: &Digest) -> PathBuf {
        self.core().dir.join("components").join(format!("{digest}.wasm"))
    }

    /// Stores a component's bytes, durably; the same bytes again cost a look.
    ///
    /// # Errors
    /// When it is too large or the file system refuses.
    pub fn put_component(&self, bytes: &[u8]) -> Result<Digest, ComponentError> {
        let size = bytes.len() as u64;
        if size > MAX_COMPONENT_BYTES {
            return Err(ComponentError::TooLarge { bytes: size, max: MAX_COMPONENT_BYTES });
        }
        let digest = component_digest(bytes);
        if matches!(self.component(&digest), Ok(Some(_))) {
            return Ok(digest);
        }
        let path = self.component_path(&digest);
        let write = || {
            if let Some(dir) = path.parent() {
                fs::create_dir_all(dir)?;
            }
            write_durably(&path, bytes)
        };
        write().map_err(|source| ComponentError::Io { path: path.clone(), source })?;
        Ok(digest)
    }

    /// A component's bytes, checked against its digest.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what it is named.
    pub fn component(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ReadError> {
        let path = self.component_path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ReadError::Io { path, source }),
        };
        let found = component_digest(&bytes);
        if found != *digest {
            return Err(ReadError::damaged(
                format!("component {digest}"),
                format!("its bytes hash to {found}"),
            ));
        }
        Ok(Some(bytes))
    }
}
