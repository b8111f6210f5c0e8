//! The state machine: a pure function of the blocks.
//!
//! ```text
//!   Block (height, bundles with transactions) ──► State::apply ──► Changes (functions, outcomes, root)
//! ```
//!
//! No clock, no randomness, no I/O, no order of a hash map: every replica that applies the same blocks has the
//! same root. Calls, receipts and values are not state; they are only recorded, and void when their bundle is. A transaction that is refused
//! changes nothing but leaves its outcome, which the root commits to as well.

mod function;
mod outcome;
mod registry;
mod root;
mod seats;

pub use function::{FunctionRecord, Version};
pub use outcome::{Outcome, Refusal};
pub use seats::{Seat, Seats};

use crate::limits::MAX_VALIDITY_BLOCKS;
use moot_record::{AccountId, Digest, EntryId, FunctionName, Invalid, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A bundle as a block brings it: every one that a client signed, and of the lanes' own those with transactions.
#[derive(Debug, Clone)]
pub struct OrderedBundle {
    /// Digest of the bundle's header: what replay protection remembers.
    pub digest: Digest,
    /// Who signed it.
    pub account: AccountId,
    /// Last height at which it counts.
    pub valid_until: u64,
    /// The address of its first entry: where its outcome is found when it has no transactions.
    pub first: EntryId,
    /// Its transactions in order, with their addresses.
    pub transactions: Vec<(EntryId, Transaction)>,
}

/// What the state machine sees of a block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its height: one more than the last one's.
    pub height: u64,
    /// The digest of its header.
    pub digest: Digest,
    /// Bundles that count, in the block's order.
    pub bundles: Vec<OrderedBundle>,
}

/// What a block changed.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Functions as they are now.
    pub functions: Vec<Arc<FunctionRecord>>,
    /// What became of each transaction.
    pub outcomes: Vec<(EntryId, Outcome)>,
    /// The seats, if they changed or an epoch ended.
    pub seats: Option<Arc<Seats>>,
    /// Bundles that count from now on, with the last height of their validity.
    pub counted: Vec<(u64, Digest)>,
}

/// The state after some block.
#[derive(Debug, Clone)]
pub struct State {
    height: u64,
    functions: BTreeMap<FunctionName, Arc<FunctionRecord>>,
    counted: BTreeSet<(u64, Digest)>,
    history: Digest,
    seats: Option<Arc<Seats>>,
    root: Digest,
}

impl State {
    /// The state before the first block of a network whose committee never changes.
    #[must_use]
    pub fn new() -> State {
        State::restore(0, Digest::ZERO, [], [])
    }

    /// The same state with these seats.
    #[must_use]
    pub fn seated(mut self, seats: Arc<Seats>) -> State {
        self.seats = Some(seats);
        self.root = root::state_root(&self.functions, &self.history, self.seats.as_deref());
        self
    }

    /// The seats, as far as it was told of any.
    #[must_use]
    pub fn seats(&self) -> Option<&Arc<Seats>> {
        self.seats.as_ref()
    }

    /// The state as it was stored: `history` and the rest belong to `height`.
    #[must_use]
    pub fn restore(
        height: u64,
        history: Digest,
        functions: impl IntoIterator<Item = Arc<FunctionRecord>>,
        counted: impl IntoIterator<Item = (u64, Digest)>,
    ) -> State {
        let functions = functions.into_iter().map(|f| (f.name.clone(), f)).collect();
        let root = root::state_root(&functions, &history, None);
        State { height, functions, counted: counted.into_iter().collect(), history, seats: None, root }
    }

    /// Height of the last block applied.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// What the state is, in 32 bytes.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// A digest of every outcome so far, in order.
    #[must_use]
    pub fn history(&self) -> Digest {
        self.history
    }

    /// The functions by name.
    #[must_use]
    pub fn functions(&self) -> &BTreeMap<FunctionName, Arc<FunctionRecord>> {
        &self.functions
    }

    /// Applies the next block. The caller sees to the order of heights.
    pub fn apply(&mut self, block: &Block) -> Changes {
        self.height = block.height;
        self.counted = self.counted.split_off(&(block.height, Digest::ZERO));
        let mut changes = Changes::default();
        let mut touched = BTreeSet::new();
        for bundle in &block.bundles {
            let counts = self.count(bundle, block.height, &mut changes);
            if let (Err(refusal), true) = (&counts, bundle.transactions.is_empty()) {
                // Said once for the whole bundle: its calls and values are on the ledger, and void.
                self.note(
                    bundle.first,
                    Outcome { height: block.height, result: Err(refusal.clone()) },
                    &mut changes,
                );
            }
            for (id, transaction) in &bundle.transactions {
                let result = match &counts {
                    Ok(()) => self.change(block.height, *id, bundle.account, transaction, &mut changes),
                    Err(refusal) => Err(refusal.clone()),
                };
                if result.is_ok() {
                    touched.extend(transaction.name().cloned());
                }
                self.note(*id, Outcome { height: block.height, result }, &mut changes);
            }
        }
        let mut moved = changes.seats.take().is_some();
        if let Some(seats) = &mut self.seats
            && seats.epochs().is_some_and(|epochs| epochs.is_last(block.height))
        {
            moved |= Arc::make_mut(seats).end(block.height, block.digest);
        }
        changes.seats = self.seats.clone().filter(|_| moved);
        if !changes.outcomes.is_empty() || moved {
            self.root = root::state_root(&self.functions, &self.history, self.seats.as_deref());
        }
        changes.functions = touched.iter().filter_map(|name| self.functions.get(name).cloned()).collect();
        changes
    }

    /// Writes an outcome into the history.
    fn note(&mut self, id: EntryId, outcome: Outcome, changes: &mut Changes) {
        self.history = root::extend(&self.history, &id, &outcome);
        changes.outcomes.push((id, outcome));
    }

    /// Whether a bundle counts: valid, and the first of its digest. Two replicas may record one bundle, each
    /// before it knows of the other: the one that the blocks name first counts, on every replica alike. Digests
    /// are remembered while they are valid, so validity is bounded here too: not every replica that seals is
    /// honest about it.
    fn count(&mut self, bundle: &OrderedBundle, height: u64, changes: &mut Changes) -> Result<(), Refusal> {
        if bundle.valid_until < height {
            return Err(Refusal::Expired { valid_until: bundle.valid_until });
        }
        if bundle.valid_until > height.saturating_add(MAX_VALIDITY_BLOCKS) {
            return Err(Refusal::TooFarAhead { valid_until: bundle.valid_until });
        }
        let key = (bundle.valid_until, bundle.digest);
        if !self.counted.insert(key) {
            return Err(Refusal::Duplicate);
        }
        changes.counted.push(key);
        Ok(())
    }

    fn change(
        &mut self,
        height: u64,
        id: EntryId,
        account: AccountId,
        transaction: &Transaction,
        changes: &mut Changes,
    ) -> Result<u32, Refusal> {
        let Some(name) = transaction.name() else { return self.seat(height, account, transaction, changes) };
        let present = self.functions.get(name);
        let next = registry::next(present.map(Arc::as_ref), height, id, account, transaction)?;
        let active = next.active;
        if present.is_none_or(|present| **present != next) {
            self.functions.insert(next.name.clone(), Arc::new(next));
        }
        Ok(active)
    }

    /// A replica gets another role.
    fn seat(
        &mut self,
        height: u64,
        said_by: AccountId,
        transaction: &Transaction,
        changes: &mut Changes,
    ) -> Result<u32, Refusal> {
        let Transaction::Seat { account, role, ledger, data } = transaction else {
            return Err(Refusal::FixedCommittee);
        };
        let seats = self.seats.as_mut().ok_or(Refusal::FixedCommittee)?;
        let wish = Seat { account: *account, role: *role, ledger: *ledger, data: *data };
        let number = Arc::make_mut(seats).change(height, said_by, wish)?;
        changes.seats = Some(seats.clone());
        Ok(number)
    }
}

impl Default for State {
    fn default() -> Self {
        State::new()
    }
}

/// A value of a stored row against the rules of its field.
fn invalid(field: &'static str, why: impl Into<String>) -> Invalid {
    Invalid { field, why: why.into() }
}
