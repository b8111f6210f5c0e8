//! What units are for in a network: who has some from the start, and where those go that are paid.
//!
//! A genesis with an [`Economy`] charges for what is ordered, run and stored, and lets stake decide who votes. One
//! without has units that only change hands: its prices are shown in receipts, and nothing is charged.

use serde::{Deserialize, Serialize};

use crate::bytes::AccountId;
use crate::cbor::{self, Reader};
use crate::committee::check_key;
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::{MAX_ALLOCATIONS, MAX_EPOCH_BLOCKS, MAX_VALIDATORS};
use crate::text::exact;

/// What an account has from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// The account.
    pub account: AccountId,
    /// How much, in the network's smallest unit of account; at least one.
    #[serde(with = "exact")]
    pub balance: u64,
}

/// How what is paid and staked is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Economy {
    /// How many blocks units that were staked wait before they can be spent again.
    #[serde(with = "exact")]
    pub lockup_blocks: u64,
    /// How many validators stake seats at most: 1 to [`MAX_VALIDATORS`].
    pub seats: u32,
    /// The worker's share of what running a call costs, in percent: 0 to 100. The rest is the committee's.
    pub worker_percent: u8,
}

impl Economy {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let wrong = |why: String| Err(Invalid::new("genesis.economy", why));
        if self.lockup_blocks > MAX_EPOCH_BLOCKS {
            return wrong(format!(
                "lockup_blocks is {}; at most {MAX_EPOCH_BLOCKS} are allowed",
                self.lockup_blocks
            ));
        }
        if !(1..=MAX_VALIDATORS).contains(&(self.seats as usize)) {
            return wrong(format!("seats is {}; a network has 1 to {MAX_VALIDATORS}", self.seats));
        }
        if self.worker_percent > 100 {
            return wrong(format!("worker_percent is {}; it is 0 to 100", self.worker_percent));
        }
        Ok(())
    }
}

impl Item for Economy {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::uint(out, self.lockup_blocks);
        cbor::uint(out, self.seats);
        cbor::uint(out, self.worker_percent);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self { lockup_blocks: r.uint()?, seats: r.small()?, worker_percent: r.small()? })
    }
}

/// Checks what accounts have from the start: not too many, sorted, and all of it together fits a balance, so that no
/// sum of balances ever overflows.
pub(crate) fn check_allocations(accounts: &[Allocation]) -> Result<(), Invalid> {
    let wrong = |why: String| Err(Invalid::new("genesis.accounts", why));
    if accounts.len() > MAX_ALLOCATIONS {
        return wrong(format!("{} of them; at most {MAX_ALLOCATIONS} are allowed", accounts.len()));
    }
    if !accounts.is_sorted_by(|a, b| a.account < b.account) {
        return wrong("not sorted, each once".into());
    }
    let mut supply = 0u64;
    for Allocation { account, balance } in accounts {
        check_key("genesis.accounts", account)?;
        if *balance == 0 {
            return wrong(format!("{account} has 0; leave it out, or give it one unit at least"));
        }
        match supply.checked_add(*balance) {
            Some(sum) => supply = sum,
            None => return wrong(format!("together they have more than {}, the largest balance", u64::MAX)),
        }
    }
    Ok(())
}

pub(crate) fn write_allocations(out: &mut Vec<u8>, accounts: &[Allocation]) {
    cbor::array(out, accounts.len());
    for Allocation { account, balance } in accounts {
        cbor::array(out, 2);
        account.write(out);
        cbor::uint(out, *balance);
    }
}

pub(crate) fn read_allocations(r: &mut Reader<'_>) -> Result<Vec<Allocation>, DecodeError> {
    let count = r.list(MAX_ALLOCATIONS)?;
    let one = |_| {
        r.array(2)?;
        Ok(Allocation { account: AccountId::read(r)?, balance: r.uint()? })
    };
    (0..count).map(one).collect()
}
