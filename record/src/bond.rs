//! Units that are bound: held for somebody, or staked behind replicas; and what was burned of a stake.
//!
//! ```text
//!  balance ──Hold──► hold ──Release──► a part to the other, the rest back         at its height all goes back
//!  balance ──Stake─► staked ──Unstake──► waiting ──at its height──► balance
//!                      └──────Convict───────┴──► burned
//! ```
//!
//! What the state holds of each, under a key of its own, so that it can be proven. Who may do what is the ledger's to
//! say.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

use crate::address::EntryId;
use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::committee::check_key;
use crate::double_vote::Contradiction;
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::key::{self, Keypair, SignatureError};
use crate::limits::{MAX_STAKED_REPLICAS, MAX_WAITING_PARTS};
use crate::offence::Offence;
use crate::text::exact;
use crate::transaction::{check_address, check_amount, read_address, write_address};

/// What the state holds of a hold: units that left one account and have not come to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Whose units they were, and who says how much of them is paid.
    pub from: AccountId,
    /// Whom they are held for.
    pub to: AccountId,
    /// How many.
    #[serde(with = "exact")]
    pub amount: u64,
    /// The height at which all of them go back.
    #[serde(with = "exact")]
    pub until: u64,
}

canonical!(Hold, 128);

impl Item for Hold {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 4);
        self.from.write(out);
        self.to.write(out);
        cbor::uint(out, self.amount);
        cbor::uint(out, self.until);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(4)?;
        Ok(Self { from: AccountId::read(r)?, to: AccountId::read(r)?, amount: r.uint()?, until: r.uint()? })
    }
}

/// A replica that a stake is put behind: with it the replica is a candidate for a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The replica's account.
    pub account: AccountId,
    /// Where it takes votes and blocks.
    pub ledger: SocketAddr,
    /// Where it takes batches.
    pub data: SocketAddr,
}

impl Candidate {
    /// What the replica's key signs, in the domain [`Domain::CANDIDATE`]: that this account may stake for it. Without
    /// it anybody could put a stake behind somebody else's replica and have a say about its seat.
    #[must_use]
    pub fn consent(replica: &Keypair, network: &Digest, staker: &AccountId) -> Signature {
        replica.sign(Domain::CANDIDATE, &consent_message(network, staker))
    }

    /// Checks a consent.
    ///
    /// # Errors
    /// When the signature is not the replica's.
    pub fn check_consent(
        &self,
        consent: &Signature,
        network: &Digest,
        staker: &AccountId,
    ) -> Result<(), SignatureError> {
        key::verify(&self.account, Domain::CANDIDATE, &consent_message(network, staker), consent)
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        check_key("transaction.replica", &self.account)?;
        check_address("transaction.ledger", &self.ledger)?;
        check_address("transaction.data", &self.data)?;
        if self.ledger == self.data {
            let why = "the same as for votes; batches need a port of their own";
            return Err(Invalid::new("transaction.data", why));
        }
        Ok(())
    }
}

fn consent_message(network: &Digest, staker: &AccountId) -> [u8; 64] {
    let mut message = [0; 64];
    message[..32].copy_from_slice(network.as_bytes());
    message[32..].copy_from_slice(staker.as_bytes());
    message
}

impl Item for Candidate {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        self.account.write(out);
        write_address(out, &self.ledger);
        write_address(out, &self.data);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self { account: AccountId::read(r)?, ledger: read_address(r)?, data: read_address(r)? })
    }
}

/// Units on their way out of a stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The height at which they go back to their account.
    #[serde(with = "exact")]
    pub until: u64,
    /// How many.
    #[serde(with = "exact")]
    pub amount: u64,
}

/// What the state holds of an account's stake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stake {
    /// What counts for seats.
    #[serde(with = "exact")]
    pub staked: u64,
    /// What was unstaked and has not come back yet, by height; it can still be burned.
    pub waiting: Vec<Waiting>,
    /// The replicas that it is behind, in the order in which they were named.
    pub replicas: Vec<Candidate>,
}

canonical!(Stake, 2048);

impl Stake {
    /// All that is bound in it.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.waiting.iter().fold(self.staked, |sum, part| sum.saturating_add(part.amount))
    }
}

impl Item for Stake {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::uint(out, self.staked);
        cbor::array(out, self.waiting.len());
        for part in &self.waiting {
            cbor::array(out, 2);
            cbor::uint(out, part.until);
            cbor::uint(out, part.amount);
        }
        cbor::array(out, self.replicas.len());
        self.replicas.iter().for_each(|replica| replica.write(out));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        let staked = r.uint()?;
        let part = |r: &mut Reader<'_>| {
            r.array(2)?;
            Ok::<_, DecodeError>(Waiting { until: r.uint()?, amount: r.uint()? })
        };
        let waiting = (0..r.list(MAX_WAITING_PARTS)?).map(|_| part(r)).collect::<Result<_, _>>()?;
        let replicas =
            (0..r.list(MAX_STAKED_REPLICAS)?).map(|_| Candidate::read(r)).collect::<Result<_, _>>()?;
        Ok(Self { staked, waiting, replicas })
    }
}

/// What the state holds of a replica that was proven to have sealed twice, or voted for two things in one view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conviction {
    /// The transaction with the proof.
    pub said: EntryId,
    /// How many units were burned for it.
    #[serde(with = "exact")]
    pub burned: u64,
    /// What its votes say; none: it sealed twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voted: Option<Contradiction>,
}

canonical!(Conviction, 128);

impl Item for Conviction {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2 + usize::from(self.voted.is_some()));
        self.said.write(out);
        cbor::uint(out, self.burned);
        if let Some(voted) = self.voted {
            voted.write(out);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(3)?;
        let (said, burned) = (EntryId::read(r)?, r.uint()?);
        let voted = match fields {
            2 => None,
            3 => Some(Contradiction::read(r)?),
            _ => {
                let what = "the conviction";
                return Err(DecodeError::WrongLength { at, what, len: fields as u64, wanted: 2 });
            }
        };
        Ok(Self { said, burned, voted })
    }
}

/// What the types of a release alone cannot check.
pub(crate) fn check_parts(part: u64, whole: u64) -> Result<(), Invalid> {
    if whole == 0 || part > whole {
        let why = format!("{part} of {whole}; a share is of one part at least, and no more than all of them");
        return Err(Invalid::new("transaction.part", why));
    }
    Ok(())
}

/// What the types of a stake alone cannot check.
pub(crate) fn check_stake(
    amount: u64,
    replica: &Option<Candidate>,
    consent: &Option<Signature>,
) -> Result<(), Invalid> {
    let Some(replica) = replica else {
        if consent.is_some() {
            return Err(Invalid::new("transaction.consent", "no replica is named that it could be of"));
        }
        return check_amount(amount);
    };
    if consent.is_none() {
        return Err(Invalid::new(
            "transaction.consent",
            "missing; the replica's key signs whose stake it takes",
        ));
    }
    replica.check()
}

/// Whether evidence is of the form that it must have; what it proves is the ledger's to say.
pub(crate) fn check_evidence(evidence: &[u8]) -> Result<(), Invalid> {
    match Offence::decode(evidence) {
        Ok(_) => Ok(()),
        Err(error) => Err(Invalid::new("transaction.evidence", error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_state_holds_reads_back() {
        let [ada, bob] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        let hold = Hold { from: ada, to: bob, amount: u64::MAX, until: 9 };
        assert_eq!(Hold::decode(&hold.encode()), Ok(hold));
        let at = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port);
        let replica = |n| Candidate {
            account: AccountId::from_bytes([n; 32]),
            ledger: at("2001:db8::1", 9080),
            data: at("10.0.0.1", 10_080),
        };
        let full = Stake {
            staked: u64::MAX,
            waiting: vec![Waiting { until: u64::MAX, amount: u64::MAX }; MAX_WAITING_PARTS],
            replicas: (0..MAX_STAKED_REPLICAS as u8).map(replica).collect(),
        };
        assert_eq!(full.bound(), u64::MAX, "it does not overflow");
        assert_eq!(Stake::decode(&full.encode()), Ok(full));
        let said = EntryId { lane: u32::MAX, batch: u64::MAX, bundle: 9, page: 9, slot: 9 };
        for voted in [None, Some(Contradiction::TwoFinal)] {
            let conviction = Conviction { said, burned: 7, voted };
            assert_eq!(Conviction::decode(&conviction.encode()), Ok(conviction));
        }
    }

    #[test]
    fn consent_is_for_one_account_on_one_network() {
        let replica = Keypair::from_seed([5; 32]);
        let (network, staker) = (Digest::from_bytes([1; 32]), AccountId::from_bytes([2; 32]));
        let consent = Candidate::consent(&replica, &network, &staker);
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let candidate = Candidate { account: replica.account(), ledger: address(1), data: address(2) };
        assert_eq!(candidate.check_consent(&consent, &network, &staker), Ok(()));
        assert!(candidate.check_consent(&consent, &Digest::ZERO, &staker).is_err());
        assert!(candidate.check_consent(&consent, &network, &replica.account()).is_err());
    }
}
