//! Offences that this replica can prove, said to the state machine: each costs its replica a part of the stake behind it.
//!
//! ```text
//!  second seal comes in ─────┐
//!                            ├─► pair on disk ──► a transaction of this replica's own ──► stake burned, seat lost
//!  second vote in one view ──┘
//! ```
//!
//! Each replica that has a proof says it once; the first that a block orders counts, and costs nothing but the accused: a
//! replica without units accuses as well.

use crate::core::Core;
use crate::limits::ACCUSATION_VALIDITY_BLOCKS;
use crate::store::read;
use moot_ordering::Misconduct;
use moot_record::{AccountId, Bundle, BundleBuilder, DoubleVote, Entry, Offence, PageClass, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

/// What was said already.
#[derive(Debug, Default)]
pub(crate) struct Accusations {
    /// How many pairs of seals and of votes were looked at.
    looked: usize,
    accused: BTreeSet<AccountId>,
}

impl Core {
    /// How many pairs there are here, of seals and of votes, each of which is proof against somebody.
    pub(crate) fn proofs(&self) -> usize {
        let votes: usize = self.accused.read().values().map(BTreeSet::len).sum();
        self.evidence.load(Ordering::Relaxed) + votes
    }

    /// Says what this replica can prove and has not said. What cannot be said now is tried again at the next look.
    pub(crate) fn accuse(&self, said: &mut Accusations) {
        if self.proofs() == said.looked
            || self.genesis.economy.is_none()
            || !self.records.load(Ordering::Acquire)
        {
            return;
        }
        let (seals, votes) = match self.store.read(|txn| Ok((read::evidence(txn)?, read::misconduct(txn)?))) {
            Ok(found) => found,
            Err(error) => return tracing::warn!(%error, "cannot read the evidence against others"),
        };
        let looked = seals.len() + votes.len();
        // One proof is enough for each key.
        let mut found: BTreeMap<AccountId, Offence> = BTreeMap::new();
        for votes in votes.iter().filter_map(|votes| self.proven(votes)) {
            found.insert(votes.who, Offence::DoubleVote(votes));
        }
        for pair in seals {
            let owner = self.lane_account(pair.first.header.lane);
            found.extend(owner.map(|owner| (owner, Offence::DoubleSeal(pair))));
        }
        let stakes = self.stakes.read().clone();
        for (who, offence) in &found {
            let known = stakes.conviction(who).is_some() || said.accused.contains(who);
            if known || *who == self.account {
                continue;
            }
            if let Err(why) = self.say_conviction(offence) {
                return tracing::debug!(%who, %why, "what a replica did cannot be said to the ledger yet");
            }
            tracing::warn!(%who, "said to the ledger that a replica has sealed or voted twice");
            said.accused.insert(*who);
        }
        said.looked = looked;
    }

    /// The votes as the ledger judges them, if it is going to find them proven.
    fn proven(&self, misconduct: &Misconduct) -> Option<DoubleVote> {
        let votes = misconduct.double_vote()?;
        let seats = self.seats.read().clone();
        votes.verify(seats.committee(votes.epoch), &self.network).ok().map(|()| votes)
    }

    fn say_conviction(&self, offence: &Offence) -> Result<(), String> {
        let transaction = Transaction::Convict { evidence: offence.encode() };
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
