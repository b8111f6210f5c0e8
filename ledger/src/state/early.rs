//! Receipts that a block orders before the batch of their call.
//!
//! A replica that missed a batch proposes the next one of its lane first, so a receipt can come before its call. It waits
//! here for the call's batch, as long as a call may be charged, and is charged with the block that orders that.

use super::charges::Elsewhere;
use crate::limits::{CHARGE_WINDOW_MS, MAX_EARLY_RECEIPTS};
use moot_record::cbor::{self, Reader};
use moot_record::{AccountId, DecodeError, Digest, EntryId};
use std::collections::{BTreeMap, BTreeSet};

/// Lane and sequence number.
type Place = (u32, u64);

/// Receipts of calls in a batch that no block has ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyReceipts {
    until_ms: u64,
    receipts: Vec<Elsewhere>,
}

impl EarlyReceipts {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + 128 * self.receipts.len());
        cbor::array(&mut out, 2);
        cbor::uint(&mut out, self.until_ms);
        cbor::array(&mut out, self.receipts.len());
        for Elsewhere { call, call_digest, worker, bytes, fuel } in &self.receipts {
            cbor::array(&mut out, 5);
            cbor::bytes(&mut out, &call.encode());
            cbor::bytes(&mut out, call_digest.as_bytes());
            cbor::bytes(&mut out, worker.as_bytes());
            cbor::uint(&mut out, *bytes);
            cbor::uint(&mut out, *fuel);
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<EarlyReceipts, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(2)?;
        let until_ms = r.uint()?;
        let mut receipts = Vec::new();
        for _ in 0..r.list(MAX_EARLY_RECEIPTS)? {
            r.array(5)?;
            receipts.push(Elsewhere {
                call: EntryId::decode(r.bytes(64)?)?,
                call_digest: Digest::from_bytes(r.fixed()?),
                worker: AccountId::from_bytes(r.fixed()?),
                bytes: r.uint()?,
                fuel: r.uint()?,
            });
        }
        r.end()?;
        Ok(EarlyReceipts { until_ms, receipts })
    }
}

/// All of them, by the batches that they wait for.
#[derive(Debug, Clone, Default)]
pub(super) struct Early {
    waiting: BTreeMap<Place, EarlyReceipts>,
    ends: BTreeSet<(u64, Place)>,
    /// How many of each lane.
    counts: BTreeMap<u32, usize>,
    changed: BTreeSet<Place>,
}

impl Early {
    /// As it was stored.
    pub(super) fn restore(&mut self, place: Place, early: EarlyReceipts) {
        self.ends.insert((early.until_ms, place));
        *self.counts.entry(place.0).or_default() += early.receipts.len();
        self.waiting.insert(place, early);
    }

    pub(super) fn of(&self, place: &Place) -> &[Elsewhere] {
        self.waiting.get(place).map_or(&[], |early| &early.receipts)
    }

    /// A receipt whose call has not come. Of a lane that has too many, the later ones are forgotten.
    pub(super) fn add(&mut self, receipt: Elsewhere, now_ms: u64) {
        let place = (receipt.call.lane, receipt.call.batch);
        let count = self.counts.entry(place.0).or_default();
        if *count >= MAX_EARLY_RECEIPTS {
            return;
        }
        *count += 1;
        let until_ms = now_ms.saturating_add(CHARGE_WINDOW_MS);
        let early = self.waiting.entry(place).or_insert_with(|| {
            self.ends.insert((until_ms, place));
            EarlyReceipts { until_ms, receipts: Vec::new() }
        });
        early.receipts.push(receipt);
        self.changed.insert(place);
    }

    /// The batch has come.
    pub(super) fn remove(&mut self, place: &Place) {
        let Some(early) = self.waiting.remove(place) else { return };
        self.ends.remove(&(early.until_ms, *place));
        if let Some(count) = self.counts.get_mut(&place.0) {
            *count = count.saturating_sub(early.receipts.len());
        }
        self.changed.insert(*place);
    }

    /// Forgets what is too old at this time.
    pub(super) fn expire(&mut self, now_ms: u64) {
        while let Some((until_ms, place)) = self.ends.first().copied()
            && until_ms < now_ms
        {
            self.remove(&place);
        }
    }

    /// What has to be stored: those that changed, none for those that are gone.
    pub(super) fn take_changes(&mut self) -> Vec<(Place, Option<EarlyReceipts>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|place| (place, self.waiting.get(&place).cloned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(lane: u32, batch: u64, slot: u16) -> Elsewhere {
        let call = EntryId { lane, batch, bundle: 0, page: 0, slot };
        let worker = AccountId::from_bytes([3; 32]);
        Elsewhere { call, call_digest: Digest::from_bytes([2; 32]), worker, bytes: 300, fuel: u64::MAX }
    }

    #[test]
    fn they_wait_for_their_batch_within_bounds() {
        let mut early = Early::default();
        (0..3).for_each(|slot| early.add(receipt(0, 5, slot), 1_000));
        early.add(receipt(1, 5, 0), 2_000);
        assert_eq!(early.of(&(0, 5)).len(), 3);
        let stored = early.take_changes();
        let mut again = Early::default();
        for (place, row) in stored {
            let row = EarlyReceipts::decode(&row.unwrap().encode()).unwrap();
            again.restore(place, row);
        }
        assert_eq!(again.of(&(0, 5)), early.of(&(0, 5)));
        again.remove(&(0, 5));
        assert_eq!(again.take_changes(), [((0, 5), None)]);
        for slot in 0..=u16::try_from(MAX_EARLY_RECEIPTS).unwrap() {
            again.add(receipt(0, 6, slot), 3_000);
        }
        assert_eq!(again.of(&(0, 6)).len(), MAX_EARLY_RECEIPTS);
        again.expire(2_001 + CHARGE_WINDOW_MS);
        assert!(again.of(&(1, 5)).is_empty() && !again.of(&(0, 6)).is_empty());
        again.expire(3_001 + CHARGE_WINDOW_MS);
        again.add(receipt(0, 7, 0), 9_000);
        assert_eq!(again.of(&(0, 7)).len(), 1, "there is room again");
    }
}
