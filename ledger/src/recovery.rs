//! Opening: from what is on disk to a running ledger.
//!
//! ```text
//!   functions, last block ──► State (its root must be the stored one)
//!   batches from the marks on ──► calls without receipts, batches without a block
//!   bundles ──► replay protection          last batch ──► next sequence number
//! ```

use crate::error::{OpenError, ReadError};
use crate::lane::OpenCalls;
use crate::limits::ROOTS_REMEMBERED;
use crate::pending::Promise;
use crate::state::{OrderedBundle, State};
use crate::store::{Marks, Store, StoredBlock, read};
use crate::unordered::{Unordered, Waiting};
use moot_record::{AccountId, Batch, Call, Digest, Entry, EntryId, Genesis};
use redb::ReadTransaction;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// What was found.
pub(crate) struct Recovered {
    pub(crate) state: State,
    pub(crate) roots: VecDeque<Digest>,
    pub(crate) head_time_ms: u64,
    pub(crate) next_seq: u64,
    pub(crate) open_calls: BTreeMap<EntryId, Call>,
    pub(crate) unordered: Unordered,
    pub(crate) remembered: BTreeSet<(u64, Digest)>,
}

impl Recovered {
    /// The open calls as the lane keeps them.
    pub(crate) fn calls(&self) -> OpenCalls {
        let mut calls = OpenCalls::default();
        self.open_calls.keys().for_each(|id| calls.open(id));
        calls
    }
}

/// Reads what is needed to go on.
pub(crate) fn recover(
    store: &Store,
    dir: &Path,
    lane: u32,
    genesis: &Genesis,
) -> Result<Recovered, OpenError> {
    let found = store.read(|txn| {
        let blocks = read::last_blocks(txn, ROOTS_REMEMBERED)?;
        let bundles = read::bundles(txn)?;
        let state = state(txn, blocks.first(), bundles.counted)?;
        let marks = read::marks(txn)?;
        let last = read::last_batch(txn, lane)?;
        let mut roots: VecDeque<Digest> = blocks.iter().rev().map(|block| block.state_after).collect();
        if roots.len() < ROOTS_REMEMBERED {
            roots.push_front(State::new().root());
        }
        let mut recovered = Recovered {
            state,
            roots,
            head_time_ms: blocks.first().map_or(genesis.time_ms, |block| block.header.time_ms),
            next_seq: last.map_or(0, |last| last + 1),
            open_calls: BTreeMap::new(),
            unordered: Unordered::default(),
            remembered: bundles.all,
        };
        for digest in blocks.iter().rev().flat_map(|block| &block.batches) {
            recovered.unordered.remember(*digest);
        }
        recovered.scan(txn, lane, marks, genesis)?;
        Ok(recovered)
    });
    found.map_err(|error| OpenError::Damaged { dir: dir.to_owned(), reason: error.to_string() })
}

/// The state after the last block, which must have the root that was stored with the block.
fn state(
    txn: &ReadTransaction,
    last: Option<&StoredBlock>,
    counted: BTreeSet<(u64, Digest)>,
) -> Result<State, ReadError> {
    let Some(last) = last else { return Ok(State::new()) };
    let height = last.header.height;
    let state = State::restore(height, last.history_after, read::functions(txn)?, counted);
    if state.root() != last.state_after {
        let reason =
            format!("its root is {}, after block {height} it was {}", state.root(), last.state_after);
        return Err(ReadError::damaged("the state", reason));
    }
    Ok(state)
}

impl Recovered {
    fn scan(
        &mut self,
        txn: &ReadTransaction,
        lane: u32,
        marks: Marks,
        genesis: &Genesis,
    ) -> Result<(), ReadError> {
        let Some(own) = genesis.validators.get(usize::try_from(lane).unwrap_or(usize::MAX)) else {
            return Ok(());
        };
        read::batches_from(txn, lane, marks.open_calls.min(marks.unordered), |seq, stored| {
            if seq >= marks.open_calls {
                self.note_calls(lane, seq, &stored.batch, own);
            }
            if seq >= marks.unordered && read::place(txn, lane, seq)?.is_none() {
                let ordered = ordered_bundles(&stored.batch);
                let waiting = Waiting::new(stored.digest, Promise::recovered(), ordered);
                self.unordered.insert(lane, seq, waiting);
            }
            Ok(())
        })
    }

    /// Calls open, receipts close. Receipts count in the node's own bundles only.
    fn note_calls(&mut self, lane: u32, seq: u64, batch: &Batch, own: &AccountId) {
        let mut receipts = Vec::new();
        for (bundle, content) in (0u16..).zip(&batch.bundles) {
            for (page, slot, bytes) in content.entries() {
                match Entry::decode(bytes) {
                    Ok(Entry::Call(call)) => {
                        self.open_calls.insert(EntryId { lane, batch: seq, bundle, page, slot }, call);
                    }
                    Ok(Entry::Receipt(receipt)) if content.header.account == *own => {
                        receipts.push(receipt.call)
                    }
                    _ => {}
                }
            }
        }
        for call in receipts {
            self.open_calls.remove(&call);
        }
    }
}

/// The bundles of a batch that hold transactions, as the state machine wants them.
fn ordered_bundles(batch: &Batch) -> Vec<OrderedBundle> {
    let header = batch.header;
    let bundles = (0u16..).zip(&batch.bundles).map(|(bundle, content)| {
        let transactions = content.entries().filter_map(|(page, slot, bytes)| match Entry::decode(bytes) {
            Ok(Entry::Transaction(transaction)) => {
                Some((EntryId { lane: header.lane, batch: header.seq, bundle, page, slot }, transaction))
            }
            _ => None,
        });
        OrderedBundle {
            digest: content.header.id(),
            account: content.header.account,
            valid_until: content.header.valid_until,
            transactions: transactions.collect(),
        }
    });
    bundles.filter(|bundle| !bundle.transactions.is_empty()).collect()
}
