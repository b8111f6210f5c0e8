//! What accounts have promised for calls that are under way here, so that nobody spends the same units twice.
//!
//! ```text
//!   hold(most it can cost) ──receipt──► keep what it costs ──block charges it──► gone
//!                      └── dropped: gone
//! ```
//!
//! Only of this process: another replica does not know of it, and what both let in beyond the balance one of them loses.

use crate::error::ReadError;
use crate::ledger::Ledger;
use crate::limits::MAX_KNOWN_BALANCES;
use moot_record::{AccountId, PriceList};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The promises, and balances that were asked for lately.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reserved: HashMap<AccountId, u64>,
    /// As of the last block committed here.
    balances: HashMap<AccountId, u64>,
    /// What receipts will be charged, by the batch of the own lane that they stand in.
    due: BTreeMap<u64, Vec<(AccountId, u64)>>,
    /// The highest batch of the own lane that a block has charged.
    charged: Option<u64>,
}

/// Units that an account cannot promise again as long as this is held.
#[derive(Debug)]
pub struct Hold {
    holds: Arc<Holds>,
    account: AccountId,
    units: u64,
}

/// An account has less than is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("account {account} has {balance} units, {reserved} of them reserved, and {needed} are needed: {} are missing", self.missing())]
pub struct Shortage {
    /// Whose.
    pub account: AccountId,
    /// What it has.
    pub balance: u64,
    /// What of that is promised already.
    pub reserved: u64,
    /// What would be needed.
    pub needed: u64,
}

impl Shortage {
    /// How much more it must get.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.needed.saturating_sub(self.balance.saturating_sub(self.reserved))
    }
}

/// Why nothing is held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// There is not as much.
    #[error(transparent)]
    Short(#[from] Shortage),
    /// The balance cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Inner {
    fn release(&mut self, account: &AccountId, units: u64) {
        if let Some(reserved) = self.reserved.get_mut(account) {
            *reserved = reserved.saturating_sub(units);
            if *reserved == 0 {
                self.reserved.remove(account);
            }
        }
    }
}

impl Holds {
    /// Balances changed with a block; none: nothing any more.
    pub(crate) fn know(&self, balances: impl Iterator<Item = (AccountId, u64)>) {
        let mut inner = self.0.lock();
        for (account, balance) in balances {
            if let Some(known) = inner.balances.get_mut(&account) {
                *known = balance;
            }
        }
    }

    /// A block has charged what stands in a batch of the own lane.
    pub(crate) fn charged(&self, seq: u64) {
        let mut inner = self.0.lock();
        inner.charged = inner.charged.max(Some(seq));
        let later = inner.due.split_off(&seq.saturating_add(1));
        let now = std::mem::replace(&mut inner.due, later);
        for (account, units) in now.into_values().flatten() {
            inner.release(&account, units);
        }
    }
}

impl Hold {
    /// The receipt is recorded: what it costs stays promised until the block that charges its batch.
    pub fn until_charged(mut self, batch: u64, units: u64) {
        let holds = self.holds.clone();
        let mut inner = holds.0.lock();
        let kept = units.min(self.units);
        let over = inner.charged.is_some_and(|charged| charged >= batch);
        let released = if over { self.units } else { self.units - kept };
        inner.release(&self.account, released);
        if !over && kept > 0 {
            inner.due.entry(batch).or_default().push((self.account, kept));
        }
        // Nothing is left for the drop.
        self.units = 0;
    }

    /// How much is held.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.units > 0 {
            self.holds.0.lock().release(&self.account, self.units);
        }
    }
}

impl Ledger {
    /// Whether what is ordered, run and stored is charged on this network.
    #[must_use]
    pub fn charges(&self) -> bool {
        self.core().charging()
    }

    /// The prices in force and the votes for others; none where nothing is charged.
    #[must_use]
    pub fn price_list(&self) -> Option<Arc<PriceList>> {
        self.core().prices.read().clone()
    }

    /// What an account has promised for calls that are under way here.
    #[must_use]
    pub fn reserved(&self, account: &AccountId) -> u64 {
        self.core().holds.0.lock().reserved.get(account).copied().unwrap_or(0)
    }

    /// Holds units of an account, unless it has not as many beyond those that are held already.
    ///
    /// # Errors
    /// When it has not, or when its balance cannot be read.
    pub fn hold(&self, account: AccountId, units: u64) -> Result<Hold, HoldError> {
        let holds = &self.core().holds;
        let mut inner = holds.0.lock();
        let balance = match inner.balances.get(&account) {
            Some(balance) => *balance,
            None => {
                // Under the lock: a block that comes in between corrects it afterwards.
                let balance = self.balance(&account)?;
                if inner.balances.len() >= MAX_KNOWN_BALANCES {
                    inner.balances.clear();
                }
                inner.balances.insert(account, balance);
                balance
            }
        };
        let reserved = inner.reserved.get(&account).copied().unwrap_or(0);
        let together = reserved.checked_add(units).filter(|together| *together <= balance);
        let Some(together) = together else {
            return Err(Shortage { account, balance, reserved, needed: units }.into());
        };
        if together > 0 {
            inner.reserved.insert(account, together);
        }
        Ok(Hold { holds: holds.clone(), account, units })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(holds: &Arc<Holds>, account: AccountId, units: u64) -> Hold {
        *holds.0.lock().reserved.entry(account).or_default() += units;
        Hold { holds: holds.clone(), account, units }
    }

    #[test]
    fn what_is_held_ends_with_its_charge() {
        let holds = Arc::new(Holds::default());
        let ada = AccountId::from_bytes([1; 32]);
        let reserved = |holds: &Holds| holds.0.lock().reserved.get(&ada).copied();
        let (one, two, three) = (held(&holds, ada, 100), held(&holds, ada, 50), held(&holds, ada, 7));
        drop(three);
        one.until_charged(4, 30);
        assert_eq!(reserved(&holds), Some(80), "what it does not cost is free at once");
        holds.charged(3);
        assert_eq!(reserved(&holds), Some(80));
        holds.charged(4);
        assert_eq!(reserved(&holds), Some(50));
        // The block was faster than whoever waited for the receipt.
        two.until_charged(4, 30);
        assert_eq!(reserved(&holds), None);
    }

    #[test]
    fn a_shortage_says_what_is_missing() {
        let account = AccountId::from_bytes([1; 32]);
        let short = |balance, reserved, needed| Shortage { account, balance, reserved, needed }.missing();
        assert_eq!((short(10, 3, 9), short(10, 20, 9), short(0, 0, u64::MAX)), (2, 9, u64::MAX));
    }
}
