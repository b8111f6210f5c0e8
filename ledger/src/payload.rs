//! Payloads: kept beside the ledger, let go without breaking a proof.
//!
//! An entry names its payload by digest. The bytes lie in rows of their own, sorted by the hour in which they
//! expire, and are checked against the digest whenever they are read.

use crate::error::{CommitError, ReadError};
use crate::ledger::Ledger;
use crate::store::{Job, read};
use bytes::Bytes;
use moot_record::{Entry, EntryId, Payload};
use tokio::sync::oneshot;

fn payload_of(entry: &Entry) -> Option<&Payload> {
    match entry {
        Entry::Call(call) => Some(&call.input),
        Entry::Receipt(receipt) => Some(&receipt.output),
        Entry::Value(value) => Some(&value.payload),
        Entry::Transaction(_) => None,
    }
}

impl Ledger {
    /// The input of a call, the output of a receipt, or a value: none when there is no such entry, or when its
    /// payload was not kept, has expired or was erased.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn payload(&self, id: EntryId) -> Result<Option<Bytes>, ReadError> {
        let core = self.core();
        let Some((stored, entry)) = core.locate(id)? else { return Ok(None) };
        let Some(payload) = payload_of(&entry) else { return Ok(None) };
        if let Some(inline) = &payload.inline {
            return Ok(Some(Bytes::copy_from_slice(inline)));
        }
        let Some(bytes) = core.store.read(|txn| read::payload(txn, &id, &stored.hours))? else {
            return Ok((payload.bytes == 0).then(Bytes::new));
        };
        if !payload.is_of(&bytes) {
            let reason = format!("its bytes do not hash to {}", payload.digest);
            return Err(ReadError::damaged(format!("the payload of {id}"), reason));
        }
        Ok(Some(bytes.into()))
    }

    /// Erases the kept payload of an entry. The entry, its digest and its proof stay; what is inline in the
    /// entry is part of it and stays too.
    ///
    /// # Errors
    /// When the entry cannot be read, or the ledger stopped before the erasure was on disk.
    pub async fn erase_payload(&self, id: EntryId) -> Result<bool, EraseError> {
        let core = self.core();
        let Some((stored, _)) = core.locate(id)? else { return Ok(false) };
        let hours = stored.hours.clone();
        if core.store.read(|txn| read::payload(txn, &id, &hours))?.is_none() {
            return Ok(false);
        }
        let (done, erased) = oneshot::channel();
        core.inbox.lock().jobs.push((Job::Erase { id, hours }, Some(done)));
        core.signal.wake();
        erased.await.map(|()| true).map_err(|_| {
            EraseError::Commit(CommitError::Stopped("it was closed before the payload was erased".into()))
        })
    }
}

/// Why a payload was not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Its entry could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ledger stopped before.
    #[error(transparent)]
    Commit(CommitError),
}
