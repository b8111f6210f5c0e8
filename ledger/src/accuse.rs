//! Evidence that this replica has seen, said to the state machine: a double seal costs its owner a part of its stake.
//!
//! ```text
//!  second seal comes in ──► evidence on disk ──► a transaction of this replica's own ──► stake burned, seat lost
//! ```
//!
//! Each replica that has the evidence says it once; the first that a block orders counts.

use crate::core::Core;
use crate::limits::ACCUSATION_VALIDITY_BLOCKS;
use crate::store::read;
use moot_record::{AccountId, Bundle, BundleBuilder, Entry, Equivocation, PageClass, Transaction};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// What was said already.
#[derive(Debug, Default)]
pub(crate) struct Accusations {
    /// How many pairs of seals were looked at.
    looked: usize,
    accused: BTreeSet<AccountId>,
}

impl Core {
    /// Says what this replica can prove and has not said. What cannot be said now is tried again at the next look.
    pub(crate) fn accuse(&self, said: &mut Accusations) {
        let pairs = self.evidence.load(Ordering::Relaxed);
        if pairs == said.looked || self.genesis.economy.is_none() || !self.records.load(Ordering::Acquire) {
            return;
        }
        let evidence = match self.store.read(read::evidence) {
            Ok(evidence) => evidence,
            Err(error) => return tracing::warn!(%error, "cannot read the evidence of double seals"),
        };
        let stakes = self.stakes.read().clone();
        for pair in &evidence {
            let Some(owner) = self.lane_account(pair.first.header.lane) else { continue };
            let known = stakes.conviction(&owner).is_some() || said.accused.contains(&owner);
            if known || owner == self.account {
                continue;
            }
            if let Err(why) = self.say_conviction(pair) {
                return tracing::debug!(%owner, %why, "a double seal cannot be said to the ledger yet");
            }
            tracing::warn!(%owner, "said to the ledger that the owner of a lane has sealed twice");
            said.accused.insert(owner);
        }
        said.looked = evidence.len();
    }

    fn say_conviction(&self, evidence: &Equivocation) -> Result<(), String> {
        let transaction = Transaction::Convict { evidence: evidence.encode() };
        let mut builder = BundleBuilder::new();
        let appended = builder.append(PageClass::Bulk, &Entry::Transaction(transaction).encode());
        appended.map_err(|error| error.to_string())?;
        let valid_until = self.height() + ACCUSATION_VALIDITY_BLOCKS;
        let bundle = Bundle::sign(&self.key, &self.network, valid_until, builder.finish());
        let bundle = bundle.map_err(|error| error.to_string())?;
        let verified = self.verify(bundle, |_, _, _| Ok(false)).map_err(|error| error.to_string())?;
        self.record(verified).map(drop).map_err(|error| error.to_string())
    }
}
