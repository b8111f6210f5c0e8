//! Which calls may still be charged: each at most once, and none that is older than the window.
//!
//! ```text
//!   batch with calls ──block──► open, none answered ──receipts──► all answered: forgotten
//!                                     └── half an hour of block time ──────────► forgotten
//! ```
//!
//! A receipt of a call whose batch is not here charges nobody. A busy replica answers its calls in the same batch or the
//! next, so that few are open; of batches that nobody answers a line stays until the window is over.

use crate::limits::{CHARGE_WINDOW_MS, MAX_OPEN_BATCHES};
use moot_record::cbor::{self, Reader};
use moot_record::{DecodeError, Digest};
use std::collections::{BTreeMap, BTreeSet};

/// A batch some of whose calls have no receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBatch {
    digest: Digest,
    until_ms: u64,
    calls: u32,
    /// One bit for each call; as long as none is answered it is empty.
    answered: Vec<u64>,
    left: u32,
}

const WORD: u32 = u64::BITS;

impl OpenBatch {
    fn new(digest: Digest, until_ms: u64, calls: u32) -> OpenBatch {
        OpenBatch { digest, until_ms, calls, answered: Vec::new(), left: calls }
    }

    /// The batch's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Notes an answer; false if there was one, or if there is no such call.
    fn answer(&mut self, call: u32) -> bool {
        if call >= self.calls {
            return false;
        }
        if self.answered.is_empty() {
            self.answered = vec![0; self.calls.div_ceil(WORD) as usize];
        }
        let Some(word) = self.answered.get_mut((call / WORD) as usize) else { return false };
        let bit = 1 << (call % WORD);
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.left -= 1;
        true
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + 8 * self.answered.len());
        cbor::array(&mut out, 4);
        cbor::bytes(&mut out, self.digest.as_bytes());
        cbor::uint(&mut out, self.until_ms);
        cbor::uint(&mut out, self.calls);
        cbor::bytes_head(&mut out, 8 * self.answered.len());
        self.answered.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<OpenBatch, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(4)?;
        let digest = Digest::from_bytes(r.fixed()?);
        let (until_ms, calls): (u64, u32) = (r.uint()?, r.small()?);
        let (words, rest) = r.bytes(bytes.len())?.as_chunks::<8>();
        r.end()?;
        let answered: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let found: u32 = answered.iter().map(|word| word.count_ones()).sum();
        let fits = answered.is_empty() || answered.len() == calls.div_ceil(WORD) as usize;
        match calls.checked_sub(found) {
            Some(left) if fits && rest.is_empty() => {
                Ok(OpenBatch { digest, until_ms, calls, answered, left })
            }
            _ => Err(super::invalid("answered", "not one bit for each call").into()),
        }
    }
}

/// Lane and sequence number.
type Place = (u32, u64);

/// The open batches.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenBatches {
    batches: BTreeMap<Place, OpenBatch>,
    /// When each is forgotten.
    ends: BTreeSet<(u64, Place)>,
    /// Those that changed since they were asked for last.
    changed: BTreeSet<Place>,
}

impl OpenBatches {
    pub(super) fn get(&self, place: &Place) -> Option<&OpenBatch> {
        self.batches.get(place)
    }

    /// As it was stored.
    pub(super) fn restore(&mut self, place: Place, batch: OpenBatch) {
        self.ends.insert((batch.until_ms, place));
        self.batches.insert(place, batch);
    }

    /// Forgets what is too old at this time.
    pub(super) fn expire(&mut self, now_ms: u64) {
        while let Some((until_ms, place)) = self.ends.first().copied()
            && (until_ms < now_ms || self.batches.len() >= MAX_OPEN_BATCHES)
        {
            self.remove(place, until_ms);
        }
    }

    fn remove(&mut self, place: Place, until_ms: u64) {
        self.ends.remove(&(until_ms, place));
        self.batches.remove(&place);
        self.changed.insert(place);
    }

    /// A batch was ordered.
    pub(super) fn open(&mut self, place: Place, digest: Digest, calls: u32, now_ms: u64) {
        if calls > 0 {
            self.restore(place, OpenBatch::new(digest, now_ms.saturating_add(CHARGE_WINDOW_MS), calls));
            self.changed.insert(place);
        }
    }

    /// Notes answers of calls of one batch, one after the other: each that is the first is handed over.
    pub(super) fn answer<T>(
        &mut self,
        place: Place,
        answers: impl IntoIterator<Item = (u32, T)>,
        mut first: impl FnMut(T),
    ) {
        let Some(batch) = self.batches.get_mut(&place) else { return };
        let before = batch.left;
        for (call, what) in answers {
            if batch.answer(call) {
                first(what);
            }
        }
        let (left, until_ms) = (batch.left, batch.until_ms);
        if left == 0 {
            self.remove(place, until_ms);
        } else if left != before {
            self.changed.insert(place);
        }
    }

    /// What has to be stored: those that changed, none for those that are forgotten.
    pub(super) fn take_changes(&mut self) -> Vec<(Place, Option<OpenBatch>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|place| (place, self.batches.get(&place).cloned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_answered_once_and_the_last_closes_its_batch() {
        let mut open = OpenBatches::default();
        open.open((0, 7), Digest::ZERO, 130, 1_000);
        let mut first = Vec::new();
        open.answer((0, 7), [0, 64, 129, 64, 130, 0].map(|call| (call, call)), |call| first.push(call));
        assert_eq!(first, [0, 64, 129]);
        let stored = open.get(&(0, 7)).unwrap().clone();
        assert_eq!(OpenBatch::decode(&stored.encode()), Ok(stored.clone()));
        let mut again = OpenBatches::default();
        again.restore((0, 7), stored);
        for open in [&mut open, &mut again] {
            let mut count = 0;
            open.answer((0, 7), (0..200).map(|call| (call, ())), |()| count += 1);
            assert_eq!((count, open.get(&(0, 7))), (127, None));
            open.answer((0, 7), [(1, ())], |()| panic!("it is closed"));
        }
        assert_eq!(open.take_changes(), [((0, 7), None)]);
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut open = OpenBatches::default();
        open.open((0, 1), Digest::ZERO, 1, 1_000);
        open.open((1, 1), Digest::ZERO, 2, 2_000);
        open.open((1, 2), Digest::ZERO, 0, 2_000);
        assert!(open.get(&(1, 2)).is_none(), "without calls there is nothing to remember");
        open.expire(1_000 + CHARGE_WINDOW_MS);
        assert_eq!(open.take_changes().len(), 2);
        open.expire(1_001 + CHARGE_WINDOW_MS);
        assert_eq!(open.take_changes(), [((0, 1), None)]);
        assert!(open.get(&(1, 1)).is_some());
    }

    #[test]
    fn a_row_that_lies_about_its_bits_is_refused() {
        let mut batch = OpenBatch::new(Digest::ZERO, 9, 3);
        batch.answer(2);
        let good = batch.encode();
        assert!(OpenBatch::decode(&good).is_ok());
        let mut long = batch.clone();
        long.answered.push(0);
        let full = OpenBatch { answered: vec![u64::MAX], ..batch };
        for bad in [long.encode(), full.encode(), good[..good.len() - 1].to_vec()] {
            assert!(OpenBatch::decode(&bad).is_err());
        }
    }
}
