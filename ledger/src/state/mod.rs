//! The state machine: a pure function of the blocks.
//!
//! ```text
//!   Block (height, bundles with transactions) ──► State::apply ──► Changes (rows, outcomes)
//!                                                     └──► tree ──► root
//! ```
//!
//! No clock, no randomness, no I/O, no order of a hash map: every replica that applies the same blocks has the
//! same root. Calls, receipts and values are not state; they are only recorded, and void when their bundle is. Values are
//! judged by the rules in the block's order, after the transactions of their bundle. A transaction that is refused and a
//! value that is denied change nothing but leave their outcome, which the root commits to as well. Not in the
//! root: which bundles count already, which follows from the blocks of the last [`MAX_VALIDITY_BLOCKS`] heights.

mod accounts;
mod apply;
mod barring;
pub mod charges;
mod compared;
mod comparing;
pub(crate) mod convictions;
mod cron;
mod derived;
mod drawing;
mod early;
mod escrow;
mod firing;
mod function;
mod history;
mod open;
mod open_batches;
mod outcome;
mod paths;
mod postings;
mod refusal;
mod registry;
mod revoked;
mod seats;
mod stakes;
mod step;
mod treasury;
pub(crate) mod tree;
mod triggers;
mod turns;
mod values;
mod verdict;
mod workers;

pub use charges::Charges;
pub use compared::{ComparedCall, Statement};
pub use derived::{Barred, DerivedCall, DerivedEnd, DerivedId, DerivedNews};
pub use early::EarlyReceipts;
pub use function::{FunctionRecord, Version};
pub use open_batches::OpenBatch;
pub use outcome::Outcome;
pub use paths::{RuleRecord, Rules, Verdict};
pub use postings::{Posting, PostingKind};
pub use refusal::Refusal;
pub use revoked::Revoked;
pub use seats::{Seat, Seats};
pub use stakes::{Bid, Stakes};
pub use triggers::{TriggerRecord, Triggers};
pub use values::value_fee;
pub use verdict::{may_agree, verdict_of};
pub use workers::{Alike, Workers, assigned};

#[allow(unused_imports, reason = "the documentation names it")]
use crate::limits::MAX_VALIDITY_BLOCKS;
use accounts::Accounts;
use compared::Compared;
use escrow::Escrow;
use moot_record::{
    AccountId, Allocation, Call, Conviction, Digest, EntryId, FunctionName, Genesis, Hold, Invalid,
    PathOwner, PathRule, Payload, Pot, PriceList, Receipt, SetTrigger, Stake, StateKey, Status, Transaction,
    Value, WorkerRecord, entry_digest, priced_bytes,
};
use open::{Open, Traced};
use paths::Owners;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use treasury::Treasury;
use tree::Tree;

/// A bundle as a block brings it: every one that a client signed, and of the lanes' own those with transactions or values.
#[derive(Debug, Clone)]
pub struct OrderedBundle {
    /// Digest of the bundle's header: what replay protection remembers.
    pub digest: Digest,
    /// Who signed it.
    pub account: AccountId,
    /// Whether that is the owner of the lane it stands in: who wrote its values is that one's word.
    pub own: bool,
    /// Whether it counts once only. A replica says what it wants in its own lane, so of its own bundles those with
    /// transactions alone.
    pub counts: bool,
    /// Last height at which it counts.
    pub valid_until: u64,
    /// The address of its first entry: where its outcome is found when it has no transactions.
    pub first: EntryId,
    /// Its transactions in order, with their addresses.
    pub transactions: Vec<(EntryId, Transaction)>,
    /// Its values in order, with their addresses.
    pub values: Vec<(EntryId, Value)>,
    /// Its calls, where the state follows them.
    pub calls: Vec<(EntryId, FollowedCall)>,
    /// Its receipts, where the state follows them, with their addresses.
    pub receipts: Vec<(EntryId, FollowedReceipt)>,
    /// The bytes that its account pays for, if it counts: [`moot_record::Bundle::paid_bytes`].
    pub bytes: u64,
}

/// What the state looks at of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedCall {
    /// The function.
    pub function: FunctionName,
    /// Who called.
    pub caller: Option<AccountId>,
    /// The digest of an idempotency key, or of a derived call.
    pub idempotency: Option<Digest>,
    /// The call that made it.
    pub parent: Option<EntryId>,
    /// The digest of its entry.
    pub digest: Digest,
    /// The component that it names.
    pub component: Digest,
    /// The digest of the manifest that it names.
    pub spec: Digest,
    /// The fuel that it may burn.
    pub fuel_limit: u64,
    /// The bytes of its entry.
    pub bytes: u64,
}

/// What the state looks at of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedReceipt {
    /// The call that it answers.
    pub call: EntryId,
    /// The digest of that call's entry, as it says.
    pub call_digest: Digest,
    /// The component that ran.
    pub component: Digest,
    /// How the call ended.
    pub status: Status,
    /// What came out; without the bytes.
    pub output: Payload,
    /// The fuel burnt.
    pub fuel: u64,
    /// Whether fuel was counted.
    pub metered: bool,
    /// The bytes of its entry that are paid for.
    pub bytes: u64,
}

impl FollowedCall {
    /// What the state looks at of a call with this entry.
    pub(crate) fn new(call: Call, entry: &[u8]) -> FollowedCall {
        let Call { function, component, spec, caller, fuel_limit, idempotency, parent, .. } = call;
        let (digest, bytes) = (entry_digest(entry), entry.len() as u64);
        FollowedCall { function, caller, idempotency, parent, digest, component, spec, fuel_limit, bytes }
    }
}

impl FollowedReceipt {
    /// What the state looks at of a receipt whose entry has so many bytes.
    pub(crate) fn new(receipt: Receipt, encoded: usize) -> FollowedReceipt {
        let bytes = priced_bytes(&receipt, encoded);
        let Receipt { call, call_digest, component, status, output, fuel, metered, .. } = receipt;
        let output = Payload { inline: None, ..output };
        FollowedReceipt { call, call_digest, component, status, output, fuel, metered, bytes }
    }
}

/// What the state machine sees of a block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its height: one more than the last one's.
    pub height: u64,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// The digest of its header.
    pub digest: Digest,
    /// Bundles that count, in the block's order.
    pub bundles: Vec<OrderedBundle>,
    /// What its batches ask to be charged, in the block's order. Empty where nothing is charged.
    pub charges: Vec<Charges>,
    /// Batches that come after those with what their calls made, or never: by lane and number. They are ordered later in
    /// this block, or in a later one. Empty where the state follows no calls.
    pub to_come: BTreeSet<(u32, u64)>,
}

/// What a block changed.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Functions as they are now.
    pub functions: Vec<Arc<FunctionRecord>>,
    /// What the table of the state holds now under these keys; none: nothing any more.
    pub rows: Vec<(StateKey, Option<Arc<[u8]>>)>,
    /// What became of each transaction, and of each value that was denied.
    pub outcomes: Vec<(EntryId, Outcome)>,
    /// The seats, if they changed or an epoch ended.
    pub seats: Option<Arc<Seats>>,
    /// Bundles that count from now on, with the last height of their validity.
    pub counted: Vec<(u64, Digest)>,
    /// Batches with calls that may still be charged, as they are now; none for those that are forgotten.
    pub open: Vec<((u32, u64), Option<OpenBatch>)>,
    /// Batches that are not ordered and whose calls have receipts, as they are now; none for those that are gone.
    pub early: Vec<((u32, u64), Option<EarlyReceipts>)>,
    /// What accounts paid and got, sorted by account.
    pub postings: Vec<Posting>,
    /// The prices that are in force from the next block on, if they are others than before.
    pub prices: Option<PriceList>,
    /// The values that were allowed, in the block's order, with their paths.
    pub values: Vec<(EntryId, String)>,
    /// What became of derived calls, in order.
    pub derived: Vec<DerivedNews>,
}

/// The state after some block.
#[derive(Debug, Clone)]
pub struct State {
    height: u64,
    functions: BTreeMap<FunctionName, Arc<FunctionRecord>>,
    /// How many of them have a version whose calls several workers run.
    comparing: usize,
    accounts: Accounts,
    revoked: Arc<Revoked>,
    owners: Owners,
    rules: Arc<Rules>,
    escrow: Escrow,
    stakes: Arc<Stakes>,
    triggers: Arc<Triggers>,
    workers: Arc<Workers>,
    compared: Compared,
    open: Open,
    counted: BTreeSet<(u64, Digest)>,
    history: Digest,
    seats: Option<Arc<Seats>>,
    /// Where things are charged.
    treasury: Option<Treasury>,
    tree: Tree,
}

/// What an excerpt of a state has as a whole.
pub(crate) struct Whole {
    pub(crate) seats: Arc<Seats>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) stakes: Arc<Stakes>,
    pub(crate) triggers: Arc<Triggers>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) revoked: Arc<Revoked>,
}

impl State {
    /// The state before the first block of a network whose committee never changes, and where nobody has anything.
    #[must_use]
    pub fn new() -> State {
        let mut state = State {
            height: 0,
            functions: BTreeMap::new(),
            comparing: 0,
            accounts: Accounts::default(),
            revoked: Arc::default(),
            owners: Owners::default(),
            rules: Arc::default(),
            escrow: Escrow::default(),
            stakes: Arc::default(),
            triggers: Arc::default(),
            workers: Arc::default(),
            compared: Compared::default(),
            open: Open::default(),
            counted: BTreeSet::new(),
            history: Digest::ZERO,
            seats: None,
            treasury: None,
            tree: Tree::default(),
        };
        state.plant([StateKey::History]);
        state
    }

    /// The state before the first block of a network; `seats` are as its genesis has them.
    #[must_use]
    pub fn genesis(genesis: &Genesis, seats: Arc<Seats>) -> State {
        State::new().seated(seats).charging(genesis).holding(State::genesis_rows(genesis))
    }

    /// What the table of the state holds before the first block.
    pub(crate) fn genesis_rows(genesis: &Genesis) -> impl Iterator<Item = (StateKey, Vec<u8>)> {
        let prices = genesis.economy.map(|_| {
            let list = PriceList { prices: genesis.prices, votes: Vec::new() };
            (StateKey::Prices, list.encode())
        });
        let accounts = genesis.accounts.iter().map(|Allocation { account, balance }| {
            (StateKey::Account(*account), moot_record::Account::with(*balance).encode())
        });
        accounts.chain(prices)
    }

    /// The same state, charging as the genesis says: before the rows, some of which are about that.
    #[must_use]
    pub fn charging(mut self, genesis: &Genesis) -> State {
        self.treasury = genesis.economy.map(|economy| Treasury::new(economy, genesis.prices));
        self.plant([StateKey::Prices, StateKey::Pot]);
        self
    }

    /// The same state with these batches whose calls may still be charged, and receipts that wait for theirs.
    #[must_use]
    pub fn expecting(
        mut self,
        open: impl IntoIterator<Item = ((u32, u64), OpenBatch)>,
        early: impl IntoIterator<Item = ((u32, u64), EarlyReceipts)>,
    ) -> State {
        if let Some(treasury) = &mut self.treasury {
            open.into_iter().for_each(|(place, batch)| treasury.open.restore(place, batch));
            early.into_iter().for_each(|(place, receipts)| treasury.early.restore(place, receipts));
        }
        self
    }

    /// The state as it was stored: `history` and the rest belong to `height`.
    #[must_use]
    pub fn restore(
        height: u64,
        history: Digest,
        functions: impl IntoIterator<Item = Arc<FunctionRecord>>,
        counted: impl IntoIterator<Item = (u64, Digest)>,
    ) -> State {
        let counted = counted.into_iter().collect();
        let mut state = State { height, history, counted, ..State::new() };
        functions.into_iter().for_each(|found| drop(state.put_function(found.name.clone(), Some(found))));
        let names: Vec<StateKey> = state.functions.keys().cloned().map(StateKey::Function).collect();
        state.plant([StateKey::History].into_iter().chain(names));
        state
    }

    /// The same state with these seats.
    #[must_use]
    pub fn seated(mut self, seats: Arc<Seats>) -> State {
        self.seats = Some(seats);
        self.plant([StateKey::Seats]);
        self
    }

    /// The same state with these rows of its table. One that does not read is left out: the root tells.
    #[must_use]
    pub fn holding(mut self, rows: impl IntoIterator<Item = (StateKey, Vec<u8>)>) -> State {
        let mut keys = Vec::new();
        for (key, value) in rows {
            self.hold(&key, &value);
            keys.push(key);
        }
        self.plant(keys);
        self
    }

    /// A part of a state, for asking what a block would do that touches nothing beyond it. Its root means nothing.
    pub(crate) fn excerpt(
        genesis: &Genesis,
        height: u64,
        whole: Whole,
        functions: impl IntoIterator<Item = Arc<FunctionRecord>>,
        rows: impl IntoIterator<Item = (StateKey, Vec<u8>)>,
    ) -> State {
        let Whole { seats, rules, stakes, triggers, workers, revoked } = whole;
        let seats = Some(seats);
        let state = State { height, rules, stakes, triggers, workers, revoked, seats, ..State::new() };
        let mut state = state.charging(genesis);
        functions.into_iter().for_each(|found| drop(state.put_function(found.name.clone(), Some(found))));
        rows.into_iter().for_each(|(key, value)| state.hold(&key, &value));
        state
    }

    fn hold(&mut self, key: &StateKey, value: &[u8]) {
        match key {
            StateKey::Account(account) => {
                self.hold_account(*account, moot_record::Account::decode(value).unwrap_or_default());
            }
            StateKey::Owner(path) => {
                let found = PathOwner::decode(value).ok();
                self.owners.restore(path.clone(), found);
            }
            StateKey::Rule(place) => {
                let found = PathRule::decode(value).ok();
                let found = found.and_then(|found| RuleRecord::new(&found.pattern, &found.rule).ok());
                Arc::make_mut(&mut self.rules).put(place.clone(), found.map(Arc::new));
            }
            StateKey::Hold(id) => drop(self.escrow.put(*id, Hold::decode(value).ok())),
            StateKey::Stake(account) => {
                drop(Arc::make_mut(&mut self.stakes).put(*account, Stake::decode(value).ok()));
            }
            StateKey::Conviction(replica) => {
                Arc::make_mut(&mut self.stakes).put_conviction(*replica, Conviction::decode(value).ok());
            }
            StateKey::Prices => {
                if let (Some(treasury), Ok(list)) = (&mut self.treasury, PriceList::decode(value)) {
                    treasury.list = list;
                }
            }
            StateKey::Pot => {
                if let Some(treasury) = &mut self.treasury {
                    treasury.pot = Pot::decode(value).unwrap_or_default().units;
                }
            }
            StateKey::Trigger(name) => {
                let found = SetTrigger::decode(value).ok();
                let found = found.and_then(|set| TriggerRecord::new(name.clone(), set).ok());
                Arc::make_mut(&mut self.triggers).put(name.clone(), found.map(Arc::new));
            }
            StateKey::Derived(..) => {
                if let Ok(found) = DerivedCall::decode(value) {
                    self.open.put(found.id, Some(Arc::new(found)));
                }
            }
            StateKey::Watched(call) => self.open.trace(*call, Traced::decode(value).ok()),
            StateKey::Worker(account) => {
                drop(Arc::make_mut(&mut self.workers).put(*account, WorkerRecord::decode(value).ok()));
            }
            StateKey::Compared(call) => {
                self.compared.put(*call, ComparedCall::decode(value).ok().map(Arc::new));
            }
            StateKey::History | StateKey::Seats | StateKey::Function(_) => {}
        }
    }

    /// The seats, as far as it was told of any.
    #[must_use]
    pub fn seats(&self) -> Option<&Arc<Seats>> {
        self.seats.as_ref()
    }

    /// Height of the last block applied.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// What the state is, in 32 bytes.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
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

    /// What an account has.
    #[must_use]
    pub fn balance(&self, account: &AccountId) -> u64 {
        self.accounts.balance(account)
    }

    /// All that there is: in balances, paid and not paid out, held, staked, and burned. The same for ever.
    #[must_use]
    pub fn supply(&self) -> u128 {
        let (bound, burned) = self.stakes.sums();
        let burned = burned + self.workers.burned();
        self.accounts.supply() + u128::from(self.pot()) + self.escrow.sum() + bound + burned
    }

    /// The accounts that have something.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, u64)> {
        self.accounts.iter()
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The triggers.
    #[must_use]
    pub fn triggers(&self) -> &Arc<Triggers> {
        &self.triggers
    }

    /// The derived calls that have no answer yet, by name.
    pub fn derived(&self) -> impl Iterator<Item = &Arc<DerivedCall>> {
        self.open.iter()
    }

    /// Who owns the closest path at or above one: that path, and none for one that was given up.
    #[must_use]
    pub fn owner_of<'a>(&self, path: &'a str) -> Option<(&'a str, Option<AccountId>)> {
        self.owners.closest(path).map(|(at, found)| (at, found.owner))
    }

    /// What the tree has to hold under a key.
    fn value(&self, key: &StateKey) -> Option<Arc<[u8]>> {
        match key {
            StateKey::History => Some(self.history.as_bytes().as_slice().into()),
            StateKey::Seats => {
                let seats = self.seats.as_ref().filter(|seats| seats.epochs().is_some())?;
                Some(seats.encode().into())
            }
            StateKey::Function(name) => Some(self.functions.get(name)?.encode().into()),
            StateKey::Account(account) => self.account(account).map(|found| found.encode().into()),
            StateKey::Owner(path) => self.owners.get(path).map(|owner| owner.encode().into()),
            StateKey::Rule(place) => self.rules.get(place).map(|rule| rule.value().into()),
            StateKey::Hold(id) => self.escrow.get(id).map(|hold| hold.encode().into()),
            StateKey::Stake(account) => self.stakes.get(account).map(|stake| stake.encode().into()),
            StateKey::Conviction(replica) => {
                self.stakes.conviction(replica).map(|found| found.encode().into())
            }
            StateKey::Prices => Some(self.treasury.as_ref()?.list.encode().into()),
            StateKey::Pot => {
                let units = Some(self.pot()).filter(|units| *units > 0)?;
                Some(Pot { units }.encode().into())
            }
            StateKey::Trigger(name) => self.triggers.get(name).map(|found| found.set.encode().into()),
            StateKey::Derived(height, number) => {
                let id = DerivedId { height: *height, number: *number };
                self.open.get(&id).map(|call| call.encode().into())
            }
            StateKey::Watched(call) => self.open.traced(call).map(|traced| traced.encode().into()),
            StateKey::Worker(account) => self.workers.get(account).map(|record| record.encode().into()),
            StateKey::Compared(call) => self.compared.get(call).map(|call| call.encode().into()),
        }
    }

    /// Brings the tree to what the state holds under these keys.
    fn plant(&mut self, keys: impl IntoIterator<Item = StateKey>) {
        let updates: Vec<tree::Update> =
            keys.into_iter().map(|key| (key.place(), self.value(&key))).collect();
        self.tree = self.tree.update(updates);
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
