//! Opening: from what is on disk to a running ledger.
//!
//! ```text
//!   functions, last block ──► State (its root must be the stored one)
//!   batches from the marks on ──► own calls without receipts, batches of every lane without a block
//!   bundles ──► replay protection          last own batch ──► next sequence number
//! ```
//!
//! The own lane's next number is one more than the highest on disk. A batch leaves this replica only after its
//! commit, so the disk knows every number that another replica may have seen. A replica that lost its disk does
//! not: it learns its numbers from the blocks that name its old batches, and skips them as they come back.

use crate::commit::Committed;
use crate::core::Accused;
use crate::error::{OpenError, ReadError};
use crate::exchange::{Content, Looking, RECEIPT, Scan, scan};
use crate::lane::OpenCalls;
use crate::limits::ROOTS_REMEMBERED;
use crate::pending::Promise;
use crate::standing::{Lost, NO_LANE};
use crate::state::{Seats, State};
use crate::store::read::{self, Answers, Owners};
use crate::store::{Marks, Store, StoredBlock};
use crate::unordered::{Unordered, Waiting};
use moot_ordering::genesis_block;
use moot_record::{AccountId, Call, Digest, Entry, EntryId, Genesis, SealedView, lane_owner};
use redb::ReadTransaction;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

/// What was found.
pub(crate) struct Recovered {
    pub(crate) committed: Committed,
    pub(crate) head_time_ms: u64,
    pub(crate) next_seq: u64,
    pub(crate) open_calls: BTreeMap<EntryId, Call>,
    /// Which bundles of the own lane clients have signed, of those with open calls: batch and bundle.
    pub(crate) by_clients: BTreeSet<(u64, u16)>,
    pub(crate) unordered: Unordered,
    pub(crate) remembered: BTreeSet<(u64, Digest)>,
    /// The own lane, or [`NO_LANE`].
    pub(crate) lane: u32,
    /// A lost journal of votes, as far as it was noted.
    pub(crate) lost: Option<Lost>,
    /// Who was seen to contradict itself.
    pub(crate) accused: Accused,
    /// Height of the last block that was pruned.
    pub(crate) pruned: u64,
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
    account: &AccountId,
    genesis: &Genesis,
    network: &Digest,
) -> Result<Recovered, OpenError> {
    let found = store.read(|txn| {
        let blocks = read::last_blocks(txn, ROOTS_REMEMBERED)?;
        let bundles = read::bundles(txn)?;
        let initial = Seats::new(genesis, genesis_block(genesis).digest());
        let seats = Arc::new(read::seats(txn, genesis)?.unwrap_or_else(|| initial.clone()));
        let owners = &Owners::of(&seats, network);
        let lane = seats.of(account).map_or(NO_LANE, |(number, _)| number);
        let first = State::genesis(genesis, Arc::new(initial));
        let state = state(txn, blocks.first(), bundles.counted, seats.clone(), genesis, &first)?;
        let marks = read::marks(txn)?;
        let mut roots: VecDeque<Digest> = blocks.iter().rev().map(|block| block.state_after).collect();
        if roots.len() < ROOTS_REMEMBERED {
            roots.push_front(first.root());
        }
        let convicted = BTreeSet::new();
        let mut recovered = Recovered {
            committed: Committed { state, roots, marks: marks.clone(), convicted },
            head_time_ms: blocks.first().map_or(genesis.time_ms, |block| block.header.time_ms),
            next_seq: read::last_batch(txn, lane)?.map_or(0, |last| last + 1),
            open_calls: BTreeMap::new(),
            by_clients: BTreeSet::new(),
            unordered: Unordered::default(),
            remembered: bundles.all,
            lane,
            lost: read::lost(txn)?,
            accused: Accused::new(),
            pruned: read::pruned_height(txn)?,
        };
        recovered.unordered.advance(recovered.committed.state.height());
        for digest in blocks.iter().rev().flat_map(|block| &block.batches) {
            recovered.unordered.remember(*digest);
        }
        for other in (0u32..).take(seats.all().len()) {
            recovered.scan(txn, owners, (other, other == lane), &marks, genesis.economy.is_some())?;
        }
        recovered.convict(txn)?;
        Ok(recovered)
    });
    found.map_err(|error| OpenError::Damaged { dir: dir.to_owned(), reason: error.to_string() })
}

/// The state after the last block, which must have the root that was stored with the block.
fn state(
    txn: &ReadTransaction,
    last: Option<&StoredBlock>,
    counted: BTreeSet<(u64, Digest)>,
    seats: Arc<Seats>,
    genesis: &Genesis,
    first: &State,
) -> Result<State, ReadError> {
    let Some(last) = last else { return Ok(first.clone()) };
    let height = last.header.height;
    let state = State::restore(height, last.history_after, read::functions(txn)?, counted)
        .seated(seats)
        .charging(genesis)
        .expecting(read::open_batches(txn)?, read::early_receipts(txn)?)
        .holding(read::state_rows(txn)?);
    if state.root() != last.state_after {
        let reason =
            format!("its root is {}, after block {height} it was {}", state.root(), last.state_after);
        return Err(ReadError::damaged("the state", reason));
    }
    Ok(state)
}

impl Recovered {
    /// Looks through one lane. Only the own one's calls are this replica's to answer.
    fn scan(
        &mut self,
        txn: &ReadTransaction,
        owners: &Owners,
        (lane, own): (u32, bool),
        marks: &Marks,
        charging: bool,
    ) -> Result<(), ReadError> {
        let owner = lane_owner(&owners.accounts, lane);
        let first = if own { marks.open_calls.min(marks.of(lane)) } else { marks.of(lane) };
        let to_answer = if own { read::answers(txn, marks.open_calls)? } else { BTreeMap::new() };
        read::batches_from(txn, owners, lane, first, |seq, view| {
            if own && seq >= marks.open_calls {
                self.note_calls(view, owner, &to_answer);
            }
            if seq >= marks.of(lane) && read::place(txn, lane, seq)?.is_none() {
                let looking = Looking { follow: false, charging };
                let Scan { ordered, charges, bytes, .. } = scan(view, owner, looking);
                let promise = own.then(Promise::recovered);
                let waiting = Waiting::new(view.digest(), promise, Content::new(ordered, charges, bytes));
                self.unordered.insert((lane, seq), waiting);
            }
            Ok(())
        })?;
        let (held, ordered) = (read::last_batch(txn, lane)?, read::last_placed(txn, lane)?);
        let known = self.unordered.marks_mut(lane);
        (known.held, known.ordered) = (held, ordered);
        Ok(())
    }

    /// What owners have sealed twice, and second versions that a block may still name.
    fn convict(&mut self, txn: &ReadTransaction) -> Result<(), ReadError> {
        for pair in read::evidence(txn)? {
            let place = (pair.first.header.lane, pair.first.header.seq);
            self.committed.convicted.insert(place);
            self.unordered.marks_mut(place.0).equivocations += 1;
        }
        for misconduct in read::misconduct(txn)? {
            self.accused.entry(misconduct.who).or_default().insert((misconduct.epoch, misconduct.view));
        }
        for (digest, place) in read::rivals(txn)? {
            self.unordered.insert_rival(digest, place);
        }
        Ok(())
    }

    /// Calls open, receipts close: the node's own, and those of workers that it asked. Of clients' calls those are open
    /// that were to be answered here.
    fn note_calls(&mut self, view: &SealedView<'_>, own: Option<&AccountId>, to_answer: &Answers) {
        let (lane, batch) = (view.header.lane, view.header.seq);
        let mut receipts = Vec::new();
        for (bundle, content) in (0u16..).zip(&view.bundles) {
            let id = |page, slot| EntryId { lane, batch, bundle, page, slot };
            if own != Some(&content.header.account) {
                receipts.extend(content.entries().filter_map(|(_, _, bytes)| answered(bytes)));
                let Some(calls) = to_answer.get(&(batch, bundle)) else { continue };
                let wanted: BTreeSet<(u16, u16)> = calls.iter().copied().collect();
                for (page, slot, bytes) in
                    content.entries().filter(|entry| wanted.contains(&(entry.0, entry.1)))
                {
                    if let Ok(Entry::Call(call)) = Entry::decode(bytes) {
                        self.open_calls.insert(id(page, slot), call);
                        self.by_clients.insert((batch, bundle));
                    }
                }
                continue;
            }
            for (page, slot, bytes) in content.entries() {
                match Entry::decode(bytes) {
                    Ok(Entry::Call(call)) => drop(self.open_calls.insert(id(page, slot), call)),
                    Ok(Entry::Receipt(receipt)) => receipts.push(receipt.call),
                    _ => {}
                }
            }
        }
        for call in receipts {
            self.open_calls.remove(&call);
        }
    }
}

/// The call that an entry answers, when it is a receipt. Looks before it decodes: clients' bundles hold thousands of
/// other entries.
fn answered(bytes: &[u8]) -> Option<EntryId> {
    match bytes.get(1) {
        Some(&RECEIPT) => match Entry::decode(bytes) {
            Ok(Entry::Receipt(receipt)) => Some(receipt.call),
            _ => None,
        },
        _ => None,
    }
}
