//! Components: content-addressed files beside the database.
//!
//! Megabytes that are written once and read whole have no business in a B-tree. A file is named by its digest
//! and checked against it on every read. What nobody deploys in time goes again.

use crate::error::{ComponentError, ReadError};
use crate::ledger::Ledger;
use moot_record::limits::MAX_COMPONENT_BYTES;
use moot_record::{Digest, component_digest};
use std::fs;
use std::io;

impl Ledger {
    /// Stores a component's bytes, durably; the same bytes again cost a look.
    ///
    /// # Errors
    /// When it is too large, too much waits to be deployed, or the file system refuses.
    pub fn put_component(&self, bytes: &[u8]) -> Result<Digest, ComponentError> {
        let size = bytes.len() as u64;
        if size > MAX_COMPONENT_BYTES {
            return Err(ComponentError::TooLarge { bytes: size, max: MAX_COMPONENT_BYTES });
        }
        let digest = component_digest(bytes);
        let (uploads, now_s) = (&self.core().components.uploads, self.core().clock.now_s());
        if matches!(self.component(&digest), Ok(Some(_))) {
            uploads.touch(&digest, now_s);
            return Ok(digest);
        }
        if self.core().components.repair(&digest, bytes)? {
            return Ok(digest);
        }
        uploads.store(&digest, bytes, now_s)?;
        Ok(digest)
    }

    /// A deploy of the component is about to be said: what was uploaded has its time anew.
    pub fn about_to_deploy(&self, digest: &Digest) {
        self.core().components.uploads.touch(digest, self.core().clock.now_s());
    }

    /// A component's bytes, checked against its digest.
    ///
    /// # Errors
    /// When the file cannot be read, or is not what it is named.
    pub fn component(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ReadError> {
        let path = self.core().components.place(digest);
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

    /// Resolves when the component is here; until then other replicas are asked for it. A function that was
    /// deployed at another replica can be called before its component has come: whoever runs it waits for this,
    /// with a deadline of its own. Safe to cancel.
    pub async fn component_arrived(&self, digest: &Digest) {
        let core = self.core();
        core.components.want(&core.wants.line, *digest);
        core.components.arrival(digest).await;
    }
}
