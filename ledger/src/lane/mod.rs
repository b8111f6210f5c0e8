//! The own lane: where entries become batches.
//!
//! ```text
//!   append_* ──► open batch ──(full)──► queue ──┐
//!   submit   ──►                                ├──► commit thread takes all of it at once
//!                open batch ────────────────────┘
//! ```
//!
//! Natural group commit: whatever arrived while the last commit ran goes into the next one. Nobody waits for a
//! timer, so a lone call is on disk after one fsync, and a thousand share one. An entry's id is known here,
//! before it is written, because a bundle's pages get their numbers when they are opened.

mod batch;
mod open_calls;
mod seal;

pub(crate) use batch::{Kept, OpenBatch};
pub(crate) use open_calls::OpenCalls;
pub(crate) use seal::{Sealed, seal};

use crate::error::Refused;
use crate::limits::{
    BATCH_MAX_BUNDLES, BATCH_TARGET_BYTES, BATCH_TARGET_ENTRIES, BATCH_TARGET_PAGES, MAX_OPEN_CALLS,
    RETRY_AFTER,
};
use crate::pace::Pace;
use std::collections::VecDeque;
use std::sync::Arc;

/// The open batch, the full ones before it, and the calls without receipts.
#[derive(Debug)]
pub(crate) struct Lane {
    number: u32,
    pace: Arc<Pace>,
    open: OpenBatch,
    full: VecDeque<OpenBatch>,
    full_bytes: usize,
    committing_bytes: usize,
    pub(crate) calls: OpenCalls,
}

impl Lane {
    pub(crate) fn new(number: u32, next_seq: u64, calls: OpenCalls, pace: Arc<Pace>) -> Lane {
        let open = OpenBatch::new(number, next_seq, pace.clone());
        Lane { number, pace, open, full: VecDeque::new(), full_bytes: 0, committing_bytes: 0, calls }
    }

    /// The open batch, with room for `bytes` more and for `kept` bytes of payload beside it; a full one is
    /// closed and the next begun. `max_queued` bounds what waits.
    pub(crate) fn room(
        &mut self,
        bytes: usize,
        kept: usize,
        max_queued: usize,
    ) -> Result<&mut OpenBatch, Refused> {
        let queued = self.queued_bytes();
        if queued + bytes + kept > max_queued && queued > 0 {
            return Err(Refused::Full { what: "the queue to the disk", retry_after: RETRY_AFTER });
        }
        let open = &self.open;
        let full = open.bytes() + bytes > BATCH_TARGET_BYTES
            || open.would_spill(bytes)
            || open.entries() >= BATCH_TARGET_ENTRIES
            || open.pages() >= BATCH_TARGET_PAGES
            || open.bundles() >= BATCH_MAX_BUNDLES;
        if full && !open.is_empty() {
            let next = OpenBatch::new(self.number, open.seq() + 1, self.pace.clone());
            let closed = std::mem::replace(&mut self.open, next);
            self.full_bytes += closed.queued_bytes();
            self.full.push_back(closed);
        }
        Ok(&mut self.open)
    }

    /// Refuses a call when too many have no receipt yet.
    pub(crate) fn check_open_calls(&self) -> Result<(), Refused> {
        if self.calls.len() >= MAX_OPEN_CALLS {
            return Err(Refused::Full {
                what: "the list of calls without a receipt",
                retry_after: RETRY_AFTER,
            });
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.open.is_empty()
    }

    /// Bytes that wait for a commit or are in the one that runs.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.full_bytes + self.committing_bytes + self.open.queued_bytes()
    }

    /// Everything that waits, oldest first; from here on it counts as being committed.
    pub(crate) fn take(&mut self) -> Vec<OpenBatch> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut taken: Vec<OpenBatch> = self.full.drain(..).collect();
        if !self.open.is_empty() {
            let next = OpenBatch::new(self.number, self.open.seq() + 1, self.pace.clone());
            taken.push(std::mem::replace(&mut self.open, next));
        }
        self.committing_bytes = taken.iter().map(OpenBatch::queued_bytes).sum();
        self.full_bytes = 0;
        taken
    }

    /// Leaves out the numbers up to `seq`, which this lane has used before: batches of it came back from other
    /// replicas after this one's disk was lost. False when one of them was given away again meanwhile.
    pub(crate) fn skip_past(&mut self, seq: u64) -> bool {
        if self.open.seq() > seq {
            return true;
        }
        if !self.is_empty() {
            return false;
        }
        self.open = OpenBatch::new(self.number, seq + 1, self.pace.clone());
        true
    }

    /// The commit of what was taken is over.
    pub(crate) fn committed(&mut self) {
        self.committing_bytes = 0;
    }

    /// Sequence number of the open batch.
    pub(crate) fn next_seq(&self) -> u64 {
        self.full.front().map_or(self.open.seq(), OpenBatch::seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ROW_STEP_BYTES;
    use moot_record::testing::Network;
    use moot_record::{Bundle, Digest, Entry, Keypair, PageClass, Payload, Value};

    /// A client's bundle of about `bytes`.
    fn bundle(bytes: usize) -> Bundle {
        let mut builder = moot_record::BundleBuilder::with_max_bytes(bytes);
        let entry = Entry::Value(Value::new("/a", Payload::inlined(&[7; 80]))).encode();
        while builder.append(PageClass::Bulk, &entry).is_ok() {}
        Bundle::sign(&Keypair::from_seed([1; 32]), &Network::new(1).genesis.network(), 9, builder.finish())
            .unwrap()
    }

    /// How long its row would be if it were not packed.
    fn unpacked(sealed: &Sealed) -> usize {
        crate::packed::unpack(&sealed.row).unwrap().len()
    }

    #[test]
    fn rows_of_full_batches_stay_just_under_a_power_of_two() {
        let mut lane = Lane::new(0, 0, OpenCalls::default(), Arc::default());
        let bundle = bundle(130_000);
        let bytes = bundle.encoded_len();
        for _ in 0..9 {
            let batch = lane.room(bytes, 0, usize::MAX).unwrap();
            batch.append_bundle(bundle.clone(), Digest::ZERO, bytes, 1);
        }
        let key = Network::new(1).validators[0].clone();
        let sealed = lane.take().into_iter().map(|open| seal(open, &key, &Digest::ZERO, 9, false).unwrap());
        let rows = sealed.map(|sealed| unpacked(&sealed));
        let rows: Vec<usize> = rows.collect();
        assert_eq!(rows.len(), 3, "{rows:?}");
        for row in &rows[..2] {
            // redb's own part of the row is below a hundred bytes.
            assert!(*row > ROW_STEP_BYTES * 7 / 8 && row + 100 < ROW_STEP_BYTES, "{rows:?}");
        }
    }

    #[test]
    fn small_entries_fill_a_row_too() {
        let mut lane = Lane::new(0, 0, OpenCalls::default(), Arc::default());
        while lane.full.is_empty() {
            lane.room(150, 0, usize::MAX).unwrap().append(PageClass::Bulk, &[7; 150]).unwrap();
        }
        let key = Network::new(1).validators[0].clone();
        let row = unpacked(&seal(lane.full.pop_front().unwrap(), &key, &Digest::ZERO, 9, false).unwrap());
        assert!(row > ROW_STEP_BYTES * 7 / 8 && row + 100 < ROW_STEP_BYTES, "{row}");
    }
}
