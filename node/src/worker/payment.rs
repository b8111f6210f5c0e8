//! Who pays for a call, and whether they can: asked before anything is recorded.
//!
//! ```text
//!   most that it can cost = both entries at their longest + all fuel that it may burn ──► held until the receipt is charged
//! ```
//!
//! - Requires: prices and balances as of the last block here.
//! - Provides: no call is let in whose payer has promised all it has to other calls of this replica.
//! - Does not provide: that nobody spends the same units at another replica in the same moment; what is then not paid is
//!   the loss of one of the two.

use crate::worker::Worker;
use crate::worker::bundle::Asked;
use crate::worker::registry::Active;
use moot_ledger::{Hold, HoldError, Pending, Shortage, VerifiedBundle, quote, value_fee};
use moot_record::limits::MAX_ENTRY_BYTES;
use moot_record::{AccountId, Call, Payer, Value, fee, storage_fee};
use std::collections::BTreeMap;

/// Why nobody pays for something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unpaid {
    #[error("{}", remedied(.0))]
    Short(Shortage),
    #[error("calls of {0} are paid by the caller: sign the request (RFC 9421), as `moot invoke` does")]
    Nobody(String),
    #[error("the payer's balance cannot be read: {0}")]
    Read(String),
}

/// What is missing, and how to get it there.
fn remedied(shortage: &Shortage) -> String {
    let (account, missing) = (shortage.account, shortage.missing());
    format!(
        "{shortage}. `moot transfer {account} {missing}` from an account that has units makes it possible"
    )
}

impl From<HoldError> for Unpaid {
    fn from(error: HoldError) -> Unpaid {
        match error {
            HoldError::Short(shortage) => Unpaid::Short(shortage),
            HoldError::Read(error) => Unpaid::Read(error.to_string()),
        }
    }
}

/// What is held for a value; nothing where nothing is charged.
pub(crate) struct Promise(Option<Hold>);

impl Promise {
    /// The value is recorded: what it costs stays promised until its block.
    pub(crate) fn until_charged(self, pending: &Pending) {
        if let Some(hold) = self.0 {
            let units = hold.units();
            hold.until_charged(pending.id().batch, units);
        }
    }
}

impl Worker {
    /// Holds the most that a call can cost, of whoever pays for it; none where nothing is charged.
    pub(super) fn hold_for(
        &self,
        function: &Active,
        call: &Call,
        call_bytes: u64,
    ) -> Result<Option<Hold>, Unpaid> {
        if !self.ledger.charges() {
            return Ok(None);
        }
        let payer = payer(function, call.caller)?;
        Ok(Some(self.ledger.hold(payer, self.most(call, call_bytes))?))
    }

    /// The most that a call can cost, of whose own entry so many bytes are not paid yet.
    fn most(&self, call: &Call, call_bytes: u64) -> u64 {
        let most = fee(&self.prices(), call_bytes + MAX_ENTRY_BYTES as u64, call.fuel_limit);
        u64::try_from(most.total()).unwrap_or(u64::MAX)
    }

    /// Holds what a value costs that is written down here, of who pays for it: without anybody this replica does.
    pub(crate) fn hold_value(&self, payer: Option<AccountId>, value: &Value) -> Result<Promise, Unpaid> {
        if !self.ledger.charges() {
            return Ok(Promise(None));
        }
        let payer = payer.unwrap_or_else(|| self.ledger.account());
        Ok(Promise(Some(self.ledger.hold(payer, value_fee(&self.prices(), value))?)))
    }

    /// Whether an account has what it will cost to deploy so many bytes; nothing is held. Where nothing is charged,
    /// everybody can.
    pub(crate) fn can_store(&self, account: AccountId, bytes: u64) -> Result<(), Unpaid> {
        if self.ledger.charges() {
            // Also where storage has no price: who has nothing deploys nothing.
            self.ledger.hold(account, storage_fee(&self.prices(), bytes).max(1))?;
        }
        Ok(())
    }

    /// Holds what a client's bundle costs of its signer, and the most that those of its calls can cost that are run here
    /// of whoever pays for them. What the bundle costs comes first.
    pub(crate) fn hold_bundle(
        &self,
        bundle: &VerifiedBundle,
        asked: &[Asked],
    ) -> Result<Option<(Hold, Vec<Hold>)>, Unpaid> {
        if !self.ledger.charges() {
            return Ok(None);
        }
        // The accused pays, and whoever has nothing must not be kept from saying what it can prove.
        if self.ledger.pays_itself(bundle) {
            return Ok(None);
        }
        let transactions = bundle.transactions().iter().map(|(_, _, said)| said);
        let cost = quote(&self.prices(), bundle.paid_bytes(), transactions);
        let hold = self.ledger.hold(bundle.account(), cost.total())?;
        let mut payers: BTreeMap<AccountId, u64> = BTreeMap::new();
        for asked in asked {
            let units = payers.entry(payer(&asked.function, asked.call.caller)?).or_default();
            *units = units.saturating_add(self.most(&asked.call, 0));
        }
        let calls = payers.into_iter().map(|(payer, units)| Ok(self.ledger.hold(payer, units)?));
        Ok(Some((hold, calls.collect::<Result<_, Unpaid>>()?)))
    }
}

/// Who pays for a call of a function.
pub(super) fn payer(function: &Active, caller: Option<AccountId>) -> Result<AccountId, Unpaid> {
    match function.spec.payer {
        Payer::Owner => Ok(function.owner),
        Payer::Caller => caller.ok_or_else(|| Unpaid::Nobody(function.name.to_string())),
    }
}
