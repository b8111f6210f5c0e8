//! Answering other replicas: batches by digest, components by parts.

use super::{KIND_BATCH, KIND_COMPONENT, KIND_PART};
use crate::core::Core;
use crate::error::ReadError;
use crate::packed;
use crate::store::read;
use bytes::Bytes;
use moot_ordering::Wanted;
use moot_record::{Digest, SealedView};

impl Core {
    /// What is asked for, if it is here and whole: whoever answers with damaged bytes is taken for a liar.
    pub(super) fn supply_now(&self, wanted: &Wanted) -> Option<Bytes> {
        let found = match wanted.kind {
            KIND_BATCH => self.sealed_batch(&wanted.digest),
            KIND_COMPONENT => self.components.list_or_whole(&wanted.digest),
            KIND_PART => self.components.part(&wanted.digest, wanted.part),
            _ => Ok(None),
        };
        found.unwrap_or_else(|error| {
            tracing::warn!(%wanted, %error, "cannot give another replica what it asks for");
            None
        })
    }

    /// A sealed batch by its digest, as it came.
    fn sealed_batch(&self, digest: &Digest) -> Result<Option<Bytes>, ReadError> {
        let place = self.unordered.lock().place(digest);
        let Some(row) = self.store.read(|txn| read::sealed(txn, digest, place))? else { return Ok(None) };
        let damaged = |error: String| ReadError::damaged(format!("batch {digest}"), error);
        let bytes = packed::unpack(&row).map_err(|error| damaged(error.to_string()))?;
        let view = SealedView::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        if view.digest() != *digest {
            // Another version stands in its place.
            return Ok(None);
        }
        view.verify_roots().map_err(|error| damaged(error.to_string()))?;
        Ok(Some(row))
    }
}
