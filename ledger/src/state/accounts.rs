//! Who has what: balances in the network's smallest unit of account.
//!
//! What there is comes from the genesis and is never more or less: units only change hands. All of it together fits a
//! balance, so no sum can overflow; the arithmetic is checked all the same.

use super::Refusal;
use moot_record::AccountId;
use std::collections::BTreeMap;

/// The balances. An account with nothing is not in it: there are no more of them than there are units.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    balances: BTreeMap<AccountId, u64>,
}

impl Accounts {
    pub(super) fn balance(&self, account: &AccountId) -> u64 {
        self.balances.get(account).copied().unwrap_or(0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&AccountId, u64)> {
        self.balances.iter().map(|(account, balance)| (account, *balance))
    }

    pub(super) fn supply(&self) -> u128 {
        self.balances.values().map(|balance| u128::from(*balance)).sum()
    }

    /// Sets a balance as it was before.
    pub(super) fn restore(&mut self, account: AccountId, balance: u64) {
        if balance == 0 {
            self.balances.remove(&account);
        } else {
            self.balances.insert(account, balance);
        }
    }

    /// Takes units out of a balance, for something that holds them; nothing changes when it is refused.
    pub(super) fn withdraw(&mut self, from: AccountId, amount: u64) -> Result<(), Refusal> {
        let balance = self.balance(&from);
        let left = balance.checked_sub(amount).ok_or(Refusal::Insufficient { balance, needed: amount })?;
        self.restore(from, left);
        Ok(())
    }

    /// Puts units into a balance that something held; nothing changes when it is refused.
    pub(super) fn deposit(&mut self, to: AccountId, amount: u64) -> Result<(), Refusal> {
        let sum = self.balance(&to).checked_add(amount).ok_or(Refusal::Overflow { amount })?;
        self.restore(to, sum);
        Ok(())
    }

    /// Moves units; nothing changes when it is refused.
    pub(super) fn transfer(&mut self, from: AccountId, to: AccountId, amount: u64) -> Result<(), Refusal> {
        let balance = self.balance(&from);
        let Some(left) = balance.checked_sub(amount) else {
            return Err(Refusal::Insufficient { balance, needed: amount });
        };
        if from == to {
            return Ok(());
        }
        let sum = self.balance(&to).checked_add(amount).ok_or(Refusal::Overflow { amount })?;
        self.restore(from, left);
        self.restore(to, sum);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_moves_all_or_nothing() {
        let [ada, bob] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        let mut accounts = Accounts::default();
        accounts.restore(ada, 10);
        let short = accounts.transfer(ada, bob, 11);
        assert_eq!(short, Err(Refusal::Insufficient { balance: 10, needed: 11 }));
        assert_eq!(accounts.transfer(bob, ada, 1), Err(Refusal::Insufficient { balance: 0, needed: 1 }));
        accounts.transfer(ada, ada, 10).unwrap();
        assert_eq!(accounts.balance(&ada), 10, "to oneself nothing moves");
        accounts.transfer(ada, bob, 10).unwrap();
        assert_eq!((accounts.balance(&ada), accounts.balance(&bob), accounts.iter().count()), (0, 10, 1));
        // It cannot come to this, since the genesis bounds the sum; if it did, nothing would be lost.
        accounts.restore(ada, u64::MAX);
        assert_eq!(accounts.transfer(bob, ada, 1), Err(Refusal::Overflow { amount: 1 }));
        assert_eq!(accounts.supply(), u128::from(u64::MAX) + 10);
    }
}
