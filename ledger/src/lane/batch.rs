//! A batch that is still open.

use crate::error::Refused;
use crate::events::Event;
use crate::exchange::VALUE;
use crate::limits::{RETRY_AFTER, ROW_FRAMING_BYTES, ROW_STEP_BYTES};
use crate::pace::Pace;
use crate::pending::{Handle, Promise};
use crate::state::OrderedBundle;
use crate::store::KeyRow;
use bytes::Bytes;
use moot_record::limits::MAX_ENTRY_BYTES;
use moot_record::{AppendError, Bundle, BundleBuilder, Digest, Entry, EntryId, PageClass, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A payload to keep beside the batch.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The call, receipt or value that names it.
    pub(crate) id: EntryId,
    /// Hours since 1970 after which it is let go.
    pub(crate) hour: u32,
    /// The bytes.
    pub(crate) bytes: Bytes,
}

/// A bundle of the batch in its place.
#[derive(Debug)]
pub(super) enum Slot {
    /// The node's own entries; its place is taken when the first of them comes.
    Own,
    /// Signed by a client or a worker.
    Client(Bundle),
}

/// Entries that wait for their commit.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    lane: u32,
    seq: u64,
    pub(super) promise: Promise,
    pub(super) slots: Vec<Slot>,
    own_at: Option<u16>,
    pub(super) own: BundleBuilder,
    pub(super) kept: Vec<Kept>,
    pub(super) links: BTreeSet<(u32, u64)>,
    pub(super) keys: Vec<(Digest, KeyRow)>,
    pub(super) bundle_ids: Vec<(u64, Digest)>,
    pub(super) answers: Vec<(u16, Vec<(u16, u16)>)>,
    pub(super) ordered: Vec<OrderedBundle>,
    /// Values of the node's own entries.
    pub(super) values: Vec<(EntryId, Value)>,
    pub(super) events: Vec<Event>,
    bytes: usize,
    kept_bytes: usize,
    entries: usize,
    pages: usize,
}

impl OpenBatch {
    pub(super) fn new(lane: u32, seq: u64, pace: Arc<Pace>) -> OpenBatch {
        OpenBatch {
            lane,
            seq,
            promise: Promise::new(pace),
            slots: Vec::new(),
            own_at: None,
            own: BundleBuilder::new(),
            kept: Vec::new(),
            links: BTreeSet::new(),
            keys: Vec::new(),
            bundle_ids: Vec::new(),
            answers: Vec::new(),
            ordered: Vec::new(),
            values: Vec::new(),
            events: Vec::new(),
            bytes: 0,
            kept_bytes: 0,
            entries: 0,
            pages: 0,
        }
    }

    pub(crate) fn lane(&self) -> u32 {
        self.lane
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn handle(&self) -> Arc<Handle> {
        self.promise.handle()
    }

    pub(crate) fn promise(&self) -> &Promise {
        &self.promise
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How long its row will be, about.
    fn row_bytes(&self) -> usize {
        // Heads: of a page and its entries' array, of a bundle and its pages' array.
        self.bytes + 6 * self.pages + 8 * self.slots.len() + ROW_FRAMING_BYTES
    }

    /// Whether `more` bytes would carry its row over a power of two that it nearly fills.
    pub(super) fn would_spill(&self, more: usize) -> bool {
        let now = self.row_bytes();
        let row = now.next_power_of_two();
        row >= ROW_STEP_BYTES && now + more > row && now >= row - row / 8
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.bytes + self.kept_bytes
    }

    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    pub(super) fn bundles(&self) -> usize {
        self.slots.len()
    }

    /// Adds an entry of the node's own.
    pub(crate) fn append(&mut self, class: PageClass, encoded: &[u8]) -> Result<EntryId, Refused> {
        let (page, slot) = self.own.append(class, encoded).map_err(|error| match error {
            AppendError::Full => Refused::Full { what: "the open batch", retry_after: RETRY_AFTER },
            AppendError::Size(bytes) => Refused::TooLarge { what: "an entry", bytes, max: MAX_ENTRY_BYTES },
        })?;
        self.pages = self.pages.max(usize::from(page) + 1);
        let bundle = *self.own_at.get_or_insert_with(|| {
            self.slots.push(Slot::Own);
            place(self.slots.len())
        });
        self.bytes += encoded.len() + 3;
        self.entries += 1;
        let id = EntryId { lane: self.lane, batch: self.seq, bundle, page, slot };
        // By the entry itself, as every other replica finds it: see `exchange::scan`.
        if encoded.get(1) == Some(&VALUE)
            && let Ok(Entry::Value(value)) = Entry::decode(encoded)
        {
            self.values.push((id, value));
        }
        Ok(id)
    }

    /// Adds a client's bundle; answers with its place.
    pub(crate) fn append_bundle(
        &mut self,
        bundle: Bundle,
        digest: Digest,
        bytes: usize,
        entries: usize,
    ) -> u16 {
        self.bundle_ids.push((bundle.header.valid_until, digest));
        self.slots.push(Slot::Client(bundle));
        self.bytes += bytes;
        self.entries += entries;
        place(self.slots.len())
    }

    /// Adds a worker's bundle of receipts; answers with its place. Against replay it needs no memory: a call is answered
    /// once.
    pub(crate) fn append_receipts(&mut self, bundle: Bundle, bytes: usize, receipts: usize) -> u16 {
        self.slots.push(Slot::Client(bundle));
        self.bytes += bytes;
        self.entries += receipts;
        place(self.slots.len())
    }

    /// Notes which calls of a client's bundle are to be answered here.
    pub(crate) fn answer(&mut self, bundle: u16, calls: &[(u16, u16)]) {
        self.answers.push((bundle, calls.to_vec()));
    }

    pub(crate) fn keep(&mut self, kept: Kept) {
        self.kept_bytes += kept.bytes.len();
        self.kept.push(kept);
    }

    /// Notes that this batch holds a receipt of a call in an earlier one.
    pub(crate) fn link(&mut self, call: &EntryId) {
        if (call.lane, call.batch) != (self.lane, self.seq) {
            self.links.insert((call.lane, call.batch));
        }
    }

    pub(crate) fn key(&mut self, key: Digest, row: KeyRow) {
        self.keys.push((key, row));
    }

    pub(crate) fn order(&mut self, bundle: OrderedBundle) {
        self.ordered.push(bundle);
    }

    pub(crate) fn announce(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// The index of the last of `count` bundles; the lane closes a batch long before 16 bits are spent.
fn place(count: usize) -> u16 {
    u16::try_from(count.saturating_sub(1)).unwrap_or(u16::MAX)
}
