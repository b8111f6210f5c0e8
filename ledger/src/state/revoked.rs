//! Keys that were revoked: what such a key signs counts no more, and what others were promised goes on.
//!
//! ```text
//!  Revoke, by the key itself ──► height, in the account's leaf, for ever
//!     from then on void ◄── bundles, values, calls, bids, offers, triggers in its name
//!     as before         ◄── functions that it owns, what they pay, rules of its paths, burns of its stake
//! ```
//!
//! Nobody can use what such an account has or is given, so it is given nothing any more. What was bound comes back to it
//! all the same: it stays with whom it belongs to, and pays what was promised.

use super::step::{Step, Was};
use super::{Refusal, State};
use moot_record::{Account, AccountId, Spec, StateKey, WorkerRecord};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The accounts whose keys were revoked.
#[derive(Debug, Clone, Default)]
pub struct Revoked {
    heights: BTreeMap<AccountId, u64>,
}

impl Revoked {
    /// The height of the block that revoked an account's key; none when it was not.
    #[must_use]
    pub fn at(&self, account: &AccountId) -> Option<u64> {
        self.heights.get(account).copied()
    }

    /// Whether an account's key was revoked.
    #[must_use]
    pub fn has(&self, account: &AccountId) -> bool {
        self.heights.contains_key(account)
    }

    /// Sets at which height an account's key was revoked.
    pub(super) fn put(&mut self, account: AccountId, height: Option<u64>) {
        match height {
            Some(height) => drop(self.heights.insert(account, height)),
            None => drop(self.heights.remove(&account)),
        }
    }
}

impl State {
    /// The accounts whose keys were revoked.
    #[must_use]
    pub fn revoked(&self) -> &Arc<Revoked> {
        &self.revoked
    }

    /// What the state's tree and table hold of an account; none of one that has nothing and may still sign.
    pub(super) fn account(&self, account: &AccountId) -> Option<Account> {
        let found = Account { balance: self.accounts.balance(account), revoked: self.revoked.at(account) };
        Some(found).filter(|found| *found != Account::default())
    }

    /// Takes up what the state's table holds of an account.
    pub(super) fn hold_account(&mut self, account: AccountId, found: Account) {
        self.accounts.restore(account, found.balance);
        if self.revoked.at(&account) != found.revoked {
            Arc::make_mut(&mut self.revoked).put(account, found.revoked);
        }
    }

    /// Refuses what a revoked key signed.
    pub(super) fn check_signer(&self, account: &AccountId) -> Result<(), Refusal> {
        self.revoked.at(account).map_or(Ok(()), |height| Err(Refusal::Revoked { height }))
    }

    /// Refuses to give something to an account, or to take its word, whose key was revoked.
    pub(super) fn check_usable(&self, account: &AccountId) -> Result<(), Refusal> {
        let refused = |height| Err(Refusal::AccountRevoked { account: *account, height });
        self.revoked.at(account).map_or(Ok(()), refused)
    }

    /// Whether a caller may call a function of this manifest, with a key that was not revoked.
    pub(super) fn may_call(&self, spec: &Spec, caller: Option<&AccountId>) -> bool {
        spec.can_have_admitted(caller) && caller.is_none_or(|caller| !self.revoked.has(caller))
    }

    /// Revokes the key that says so. Not that of a replica which votes or is going to: everything in its lane counts in
    /// its name.
    pub(super) fn revoke(&mut self, account: AccountId, step: &mut Step) -> Result<u32, Refusal> {
        if self.seats.as_ref().is_some_and(|seats| seats.needs(&account, step.height)) {
            return Err(Refusal::StillSeated);
        }
        Arc::make_mut(&mut self.revoked).put(account, Some(step.height));
        step.touch(StateKey::Account(account));
        step.undo.push(Was::Unrevoked(account));
        let record = self.workers.get(&account).filter(|record| record.offer.is_some()).cloned();
        if let Some(record) = record {
            self.put_worker(account, WorkerRecord { offer: None, since: step.height, ..record }, step);
        }
        // A seat by the genesis's word could lead back into the committee without a bid.
        self.change_seats(step, |seats| seats.bar(&account));
        Ok(0)
    }
}
