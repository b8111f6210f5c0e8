//! Saying something: calls, receipts and values of the node's own.
//!
//! The entry is encoded and hashed before the lane is locked; under the lock it is copied into its page.

use crate::core::Core;
use crate::error::Refused;
use crate::events::Event;
use crate::idempotency::Reservation;
use crate::lane::Kept;
use crate::ledger::Ledger;
use crate::limits::{
    EXPIRY_STEP_S, MAX_PAYLOAD_BYTES, MAX_QUEUED_BYTES, MAX_QUEUED_RECEIPT_BYTES, MAX_UNORDERED_BATCHES,
    RETRY_AFTER,
};
use crate::pending::Pending;
use bytes::Bytes;
use moot_record::limits::MAX_ENTRY_BYTES;
use moot_record::{Call, Digest, Entry, EntryId, PageClass, Payload, Receipt, Value, entry_digest};
use std::cell::RefCell;
use std::sync::Arc;

/// What to keep of a payload beside the digest in its entry.
#[derive(Debug, Clone, Default)]
pub enum PayloadBytes {
    /// Nothing: the entry's digest, or its inline bytes, are all there is.
    #[default]
    None,
    /// The bytes, for as long as the ledger keeps payloads when nobody says otherwise.
    Keep(Bytes),
    /// The bytes, for at least this long.
    KeepFor {
        /// The bytes.
        bytes: Bytes,
        /// How long, in seconds.
        retention_s: u64,
    },
}

thread_local! {
    /// Where entries are encoded: no allocation a call.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Encodes, checks and hashes an entry, and hands the bytes on.
fn encoded<T>(entry: &Entry, then: impl FnOnce(&[u8], Digest) -> Result<T, Refused>) -> Result<T, Refused> {
    entry.check().map_err(|error| Refused::Invalid(error.to_string()))?;
    ENCODED.with_borrow_mut(|buffer| {
        buffer.clear();
        entry.encode_into(buffer);
        if buffer.len() > MAX_ENTRY_BYTES {
            return Err(Refused::TooLarge { what: "an entry", bytes: buffer.len(), max: MAX_ENTRY_BYTES });
        }
        then(buffer, entry_digest(buffer))
    })
}

impl Core {
    /// What to keep, and until when; its size must be the one that the entry names.
    pub(crate) fn keep(
        &self,
        payload: &Payload,
        bytes: PayloadBytes,
    ) -> Result<Option<(u32, Bytes)>, Refused> {
        let (bytes, retention_s) = match bytes {
            PayloadBytes::None => return Ok(None),
            PayloadBytes::Keep(bytes) => (bytes, self.retention_s),
            PayloadBytes::KeepFor { bytes, retention_s } => (bytes, retention_s),
        };
        if bytes.len() > MAX_PAYLOAD_BYTES {
            return Err(Refused::TooLarge { what: "a payload", bytes: bytes.len(), max: MAX_PAYLOAD_BYTES });
        }
        if bytes.len() as u64 != payload.bytes {
            return Err(Refused::OtherPayload { found: bytes.len() as u64, expected: payload.bytes });
        }
        if payload.inline.is_some() || bytes.is_empty() {
            return Ok(None);
        }
        let until_s = self.clock.now_s().saturating_add(retention_s);
        let hour = u32::try_from(until_s / EXPIRY_STEP_S + 1).unwrap_or(u32::MAX);
        Ok(Some((hour, bytes)))
    }

    /// Refuses when nothing may be taken down.
    pub(crate) fn admit(&self) -> Result<(), Refused> {
        self.gate.check()?;
        self.check_records()?;
        if self.unordered_hint() > MAX_UNORDERED_BATCHES {
            return Err(Refused::Full {
                what: "the list of batches to be ordered",
                retry_after: RETRY_AFTER,
            });
        }
        Ok(())
    }
}

fn kept_len(kept: Option<&(u32, Bytes)>) -> usize {
    kept.map_or(0, |(_, bytes)| bytes.len())
}

impl Ledger {
    /// Records a call, and keeps `input` when it is given.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn append_call(&self, call: Call, input: PayloadBytes) -> Result<Pending, Refused> {
        self.record_call(call, input, None)
    }

    /// Records the one call of an idempotency key, with the key in the same commit.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then and the key is free again.
    pub fn append_call_once(
        &self,
        call: Call,
        input: PayloadBytes,
        reservation: Reservation,
    ) -> Result<Pending, Refused> {
        self.record_call(call, input, Some(reservation))
    }

    fn record_call(
        &self,
        call: Call,
        input: PayloadBytes,
        reservation: Option<Reservation>,
    ) -> Result<Pending, Refused> {
        let core = self.core();
        core.admit()?;
        let kept = core.keep(&call.input, input)?;
        let entry = Entry::Call(call);
        let pending = encoded(&entry, |bytes, digest| {
            let mut lane = core.lane.lock();
            lane.check_open_calls()?;
            let batch = lane.room(bytes.len(), kept_len(kept.as_ref()), MAX_QUEUED_BYTES)?;
            let id = batch.append(PageClass::Bulk, bytes)?;
            if let Some((hour, bytes)) = kept {
                batch.keep(Kept { id, hour, bytes });
            }
            if let Some(reservation) = reservation {
                let (key, row) = reservation.tie(id);
                batch.key(key, row);
            }
            if core.has_listeners()
                && let Entry::Call(call) = &entry
            {
                batch.announce(Event::Call { id, call: Arc::new(call.clone()) });
            }
            let pending = Pending::new(id, digest, batch.handle());
            lane.calls.open(&id);
            Ok(pending)
        })?;
        // Who has to have it on disk before going on waits for that, and so wakes the commit thread.
        core.signal.nudge();
        Ok(pending)
    }

    /// Records the receipt of a call, and keeps `output` when it is given. A call is answered once. Receipts
    /// are taken down while the ledger only reads and a little beyond the queue's bound: what was begun is to
    /// be finished.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn append_receipt(&self, receipt: Receipt, output: PayloadBytes) -> Result<Pending, Refused> {
        let core = self.core();
        core.gate.check_receipt()?;
        let kept = core.keep(&receipt.output, output)?;
        let call: EntryId = receipt.call;
        let entry = Entry::Receipt(receipt);
        let pending = encoded(&entry, |bytes, digest| {
            let mut lane = core.lane.lock();
            if call.lane != core.lane_number() || !lane.calls.contains(&call) {
                return Err(Refused::NotOpen(call));
            }
            let batch = lane.room(bytes.len(), kept_len(kept.as_ref()), MAX_QUEUED_RECEIPT_BYTES)?;
            let id = batch.append(PageClass::Receipt, bytes)?;
            batch.link(&call);
            if let Some((hour, bytes)) = kept {
                batch.keep(Kept { id, hour, bytes });
            }
            if core.has_listeners()
                && let Entry::Receipt(receipt) = &entry
            {
                batch.announce(Event::Receipt { id, receipt: Arc::new(receipt.clone()) });
            }
            let pending = Pending::new(id, digest, batch.handle());
            lane.calls.close(&call);
            Ok(pending)
        })?;
        core.signal.wake();
        Ok(pending)
    }

    /// Records a value, and keeps `payload` when it is given. Who wrote it is this replica's word; whether it may be
    /// written, the rules say when its block is final ([`Ledger::denied`]).
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn append_value(&self, value: Value, payload: PayloadBytes) -> Result<Pending, Refused> {
        self.record_value(value, payload, None)
    }

    pub(crate) fn record_value(
        &self,
        value: Value,
        payload: PayloadBytes,
        reservation: Option<Reservation>,
    ) -> Result<Pending, Refused> {
        let core = self.core();
        core.admit()?;
        let kept = core.keep(&value.payload, payload)?;
        let pending = encoded(&Entry::Value(value), |bytes, digest| {
            let mut lane = core.lane.lock();
            let batch = lane.room(bytes.len(), kept_len(kept.as_ref()), MAX_QUEUED_BYTES)?;
            let id = batch.append(PageClass::Bulk, bytes)?;
            if let Some((hour, bytes)) = kept {
                batch.keep(Kept { id, hour, bytes });
            }
            if let Some(reservation) = reservation {
                let (key, row) = reservation.tie(id);
                batch.key(key, row);
            }
            Ok(Pending::new(id, digest, batch.handle()))
        })?;
        core.signal.wake();
        Ok(pending)
    }
}
