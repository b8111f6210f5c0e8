//! A block on its way into the state: what it has changed so far, and what is put back when a group of transactions fails.
//!
//! ```text
//!  change ──► touched: keys whose leaves are made anew at the end      changes, till: what is written down with them
//!        └──► undo: what was there before ──► put back, the last first, since the last mark
//! ```

use super::accounts::Accounts;
use super::postings::{Posting, PostingKind};
use super::treasury::Till;
use super::{Changes, FunctionRecord, RuleRecord, Seats, State, TriggerRecord};
use moot_record::{
    AccountId, EntryId, FunctionName, Hold, PathOwner, PriceList, Prices, Stake, StateKey, WorkerRecord,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What has to be put back when a change is undone.
pub(super) enum Was {
    Function(FunctionName, Option<Arc<FunctionRecord>>),
    Seats(Option<Arc<Seats>>),
    Balance(AccountId, u64),
    Owner(String, Option<PathOwner>),
    Rule(String, Option<Arc<RuleRecord>>),
    Hold(EntryId, Option<Hold>),
    Stake(AccountId, Option<Stake>),
    /// A replica that was not convicted before.
    Convicted(AccountId),
    Pot(u64),
    Prices(Box<(PriceList, Option<Prices>)>),
    /// Lines of the statement beyond so many.
    Postings(usize),
    Trigger(FunctionName, Option<Arc<TriggerRecord>>),
    Worker(AccountId, Option<Box<WorkerRecord>>),
    /// An account whose key was not revoked before.
    Unrevoked(AccountId),
}

/// A block on its way into the state.
pub(super) struct Step {
    pub(super) height: u64,
    pub(super) time_ms: u64,
    pub(super) changes: Changes,
    /// How many calls were derived.
    pub(super) derived: u32,
    /// Batches that are still to come though what their calls made is here, with the most triggers in a row that may have
    /// led to one of these.
    pub(super) to_come: BTreeMap<(u32, u64), u32>,
    /// For how many calls workers were drawn.
    pub(super) drawn: usize,
    /// Keys whose values may be others now.
    pub(super) touched: BTreeSet<StateKey>,
    /// What the transactions since the last mark have changed, in order.
    pub(super) undo: Vec<Was>,
    /// What was charged.
    pub(super) till: Till,
    /// Bytes of the bundle that is applied for which its account has not paid: those of an accusation that holds.
    pub(super) owed_bytes: u64,
}

impl Step {
    /// A balance is about to change.
    pub(super) fn balance(&mut self, accounts: &Accounts, of: AccountId) {
        self.touched.insert(StateKey::Account(of));
        self.undo.push(Was::Balance(of, accounts.balance(&of)));
    }

    /// A line of an account's statement, which a group that fails takes back.
    pub(super) fn post(&mut self, account: AccountId, kind: PostingKind, units: u64) {
        self.undo.push(Was::Postings(self.till.postings.len()));
        self.till.post(Posting::new(account, kind, None, units));
    }

    /// Another value may be under a key now.
    pub(super) fn touch(&mut self, key: StateKey) {
        self.touched.insert(key);
    }
}

impl State {
    /// Puts back what the transactions since the last mark have changed, the last first.
    pub(super) fn undo(&mut self, step: &mut Step) {
        while let Some(was) = step.undo.pop() {
            match was {
                Was::Function(name, record) => drop(self.put_function(name, record)),
                Was::Seats(seats) => self.seats = seats,
                Was::Balance(account, balance) => self.accounts.restore(account, balance),
                Was::Owner(path, owner) => self.owners.restore(path, owner),
                Was::Rule(place, rule) => drop(Arc::make_mut(&mut self.rules).put(place, rule)),
                Was::Hold(id, hold) => drop(self.escrow.put(id, hold)),
                Was::Stake(account, stake) => drop(Arc::make_mut(&mut self.stakes).put(account, stake)),
                Was::Convicted(replica) => Arc::make_mut(&mut self.stakes).put_conviction(replica, None),
                Was::Pot(units) => self.treasury.iter_mut().for_each(|treasury| treasury.pot = units),
                Was::Prices(was) => {
                    if let Some(treasury) = &mut self.treasury {
                        (treasury.list, treasury.agreed) = *was;
                    }
                }
                Was::Postings(count) => step.till.postings.truncate(count),
                Was::Trigger(name, was) => drop(Arc::make_mut(&mut self.triggers).put(name, was)),
                Was::Worker(account, was) => {
                    drop(Arc::make_mut(&mut self.workers).put(account, was.map(|was| *was)));
                }
                Was::Unrevoked(account) => Arc::make_mut(&mut self.revoked).put(account, None),
            }
        }
    }
}
