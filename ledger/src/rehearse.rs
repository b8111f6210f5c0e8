//! What a bundle's transactions would do, were they ordered now. Nothing is recorded.
//!
//! ```text
//!  transactions ──► the keys that they can look at ──► an excerpt of the state ──► State::apply ──► outcomes
//!                                        from the tree in memory, shared with the commit thread
//! ```
//!
//! The very state machine is asked, with as much of the state as the bundle can touch: what that costs depends on the
//! bundle and not on how much the state holds. Whatever is ordered before it can make another outcome of it.

use crate::core::Core;
use crate::ledger::Ledger;
use crate::state::convictions::accusation;
use crate::state::tree::{End, Tree};
use crate::state::{Block, FunctionRecord, Outcome, State, Whole};
use crate::submit::VerifiedBundle;
use moot_record::{
    AccountId, Digest, EntryId, Hold, Pattern, SetTrigger, StateKey, Transaction, Trigger, TriggerOn,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What would come of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Height of the block after which it was asked.
    pub height: u64,
    /// What would become of each of its transactions, in order.
    pub outcomes: Vec<Outcome>,
}

impl Ledger {
    /// What the state machine would do with a bundle's transactions in the next block, if nothing came before them.
    #[must_use]
    pub fn rehearse(&self, verified: &VerifiedBundle) -> Rehearsal {
        let core = self.core();
        // No lane has this number, so no entry has such an address.
        let id = |page, slot| EntryId { lane: u32::MAX, batch: 0, bundle: 0, page, slot };
        let bundle = verified.ordered(id);
        let ids: BTreeSet<EntryId> = bundle.transactions.iter().map(|(id, _)| *id).collect();
        let (height, time_ms) = (core.height(), self.time_ms());
        let mut state =
            core.excerpt(height, bundle.account, bundle.transactions.iter().map(|(_, said)| said));
        let (digest, bundles, charges) = (Digest::ZERO, vec![bundle], Vec::new());
        let to_come = BTreeSet::new();
        let block = Block { height: height + 1, digest, time_ms, bundles, charges, to_come };
        let outcomes = state.apply(&block).outcomes.into_iter();
        let outcomes = outcomes.filter(|(id, _)| ids.contains(id)).map(|(_, outcome)| outcome).collect();
        Rehearsal { height, outcomes }
    }

    /// Whether a bundle costs its signer nothing now: it accuses a replica, holds nothing else, and its proof is good. Its
    /// bytes are paid out of what is burned.
    #[must_use]
    pub fn pays_itself(&self, verified: &VerifiedBundle) -> bool {
        let id = |page, slot| EntryId { lane: u32::MAX, batch: 0, bundle: 0, page, slot };
        verified.entries() == 1
            && accusation(&verified.ordered(id)).is_some()
            && self.rehearse(verified).outcomes.iter().all(|outcome| outcome.result.is_ok())
    }
}

impl Core {
    /// As much of the present state as these transactions can touch, said by an account.
    fn excerpt<'a>(
        &self,
        height: u64,
        by: AccountId,
        transactions: impl Iterator<Item = &'a Transaction>,
    ) -> State {
        let tree = self.trees.read().back().map(|(_, tree)| tree.clone()).unwrap_or_default();
        let mut keys = BTreeSet::from([StateKey::Account(by), StateKey::Prices, StateKey::Pot]);
        transactions.for_each(|transaction| reach(transaction, &tree, &mut keys));
        let functions: Vec<Arc<FunctionRecord>> = {
            let registry = self.registry.read();
            let names = keys.iter().filter_map(|key| match key {
                StateKey::Function(name) => Some(name),
                _ => None,
            });
            names.filter_map(|name| registry.get(name).cloned()).collect()
        };
        let rows = keys.into_iter().filter_map(|key| {
            let value = found(&tree, &key)?;
            Some((key, value))
        });
        let whole = Whole {
            seats: self.seats.read().clone(),
            rules: self.rules.read().clone(),
            stakes: self.stakes.read().clone(),
            triggers: self.triggers.read().clone(),
            workers: self.workers.read().clone(),
            revoked: self.revoked.read().clone(),
        };
        State::excerpt(&self.genesis, height, whole, functions, rows)
    }
}

/// What the state holds under a key.
fn found(tree: &Tree, key: &StateKey) -> Option<Vec<u8>> {
    match tree.way(&key.place()).end {
        End::Value(value) => Some(value.to_vec()),
        End::Empty | End::Other { .. } => None,
    }
}

/// Adds the keys that a transaction can look at or change, beside the account that says it; seats, rules, triggers,
/// stakes, workers, revoked keys and prices are there as a whole.
fn reach(transaction: &Transaction, tree: &Tree, keys: &mut BTreeSet<StateKey>) {
    match transaction {
        Transaction::Deploy { name, .. }
        | Transaction::Rollback { name, .. }
        | Transaction::Retire { name }
        | Transaction::Freeze { name } => drop(keys.insert(StateKey::Function(name.clone()))),
        Transaction::Transfer { to, .. } => drop(keys.insert(StateKey::Account(*to))),
        Transaction::Own { path, .. } => owners(path, keys),
        Transaction::Rule { pattern, .. } => owners_of(pattern, keys),
        Transaction::Trigger { name, trigger } => {
            let present = found(tree, &StateKey::Trigger(name.clone()));
            let present = present.and_then(|value| SetTrigger::decode(&value).ok());
            present.iter().for_each(|present| reach_trigger(&present.trigger, keys));
            trigger.iter().for_each(|trigger| reach_trigger(trigger, keys));
        }
        Transaction::Release { hold, .. } => {
            let key = StateKey::Hold(*hold);
            if let Some(hold) = found(tree, &key).and_then(|value| Hold::decode(&value).ok()) {
                keys.extend([hold.from, hold.to].map(StateKey::Account));
            }
            keys.insert(key);
        }
        Transaction::Seat { .. }
        | Transaction::Together { .. }
        | Transaction::Hold { .. }
        | Transaction::Prices { .. }
        | Transaction::Stake { .. }
        | Transaction::Unstake { .. }
        | Transaction::Convict { .. }
        | Transaction::Work { .. }
        | Transaction::Revoke {} => {}
    }
}

fn reach_trigger(trigger: &Trigger, keys: &mut BTreeSet<StateKey>) {
    keys.insert(StateKey::Function(trigger.function.clone()));
    match &trigger.on {
        TriggerOn::Value(pattern) => owners_of(pattern, keys),
        TriggerOn::Completion(watched) => drop(keys.insert(StateKey::Function(watched.clone()))),
        TriggerOn::Schedule(_) => {}
    }
}

/// The owners of what a pattern is about.
fn owners_of(pattern: &str, keys: &mut BTreeSet<StateKey>) {
    if let Ok(pattern) = Pattern::parse(pattern) {
        owners(pattern.owned(), keys);
    }
}

/// The owners of a path and of all above it.
fn owners(path: &str, keys: &mut BTreeSet<StateKey>) {
    let mut at = path;
    while !at.is_empty() {
        keys.insert(StateKey::Owner(at.to_owned()));
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
    }
}
