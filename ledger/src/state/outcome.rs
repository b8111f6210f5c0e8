//! What became of a transaction, and how that is written down.

use super::Refusal;
use moot_record::DecodeError;
use moot_record::cbor::{self, Reader};

/// What the state machine did with a transaction, or with a value that it denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Height of its block.
    pub height: u64,
    /// What it came to: of a function the active version afterwards, of a seat its number, of transactions together
    /// how many they are, else nought; or why nothing changed.
    pub result: Result<u32, Refusal>,
}

impl Outcome {
    /// Its one encoding: the row on disk, and what the state root commits to.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        cbor::array(&mut out, 2);
        cbor::uint(&mut out, self.height);
        match &self.result {
            Ok(version) => cbor::uint(&mut out, *version),
            Err(refusal) => refusal.write(&mut out),
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Outcome, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(2)?;
        let height = r.uint()?;
        let result = match r.clone().small() {
            Ok(version) => {
                r.uint()?;
                Ok(version)
            }
            Err(_) => Err(Refusal::read(r)?),
        };
        r.end()?;
        Ok(Outcome { height, result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::{AccountId, EntryId, FunctionName};

    #[test]
    fn every_outcome_reads_back() {
        let name = FunctionName::parse("hello").unwrap();
        let owner = AccountId::from_bytes([7; 32]);
        let last =
            EntryId { lane: u32::MAX, batch: u64::MAX, bundle: u16::MAX, page: u16::MAX, slot: u16::MAX };
        let all = [
            Ok(3),
            Err(Refusal::Expired { valid_until: 9 }),
            Err(Refusal::TooFarAhead { valid_until: 9 }),
            Err(Refusal::Duplicate),
            Err(Refusal::Revoked { height: 70_000 }),
            Err(Refusal::AccountRevoked { account: owner, height: 7 }),
            Err(Refusal::StillSeated),
            Err(Refusal::NotOwner { name: name.clone(), owner }),
            Err(Refusal::Unknown { name: name.clone() }),
            Err(Refusal::Retired { name: name.clone() }),
            Err(Refusal::NotUpgradable { name: name.clone() }),
            Err(Refusal::NotDestructible { name: name.clone() }),
            Err(Refusal::WidensLifecycle { name: name.clone() }),
            Err(Refusal::Stale { name: name.clone(), expected: 1, found: 2 }),
            Err(Refusal::NotTriggerOwner { name: name.clone(), owner }),
            Err(Refusal::NoTrigger { name: name.clone() }),
            Err(Refusal::NotEventKind { name: name.clone() }),
            Err(Refusal::TooManyTriggers { place: "/chat".into(), most: 16 }),
            Err(Refusal::BadTrigger("no such day ever comes".into())),
            Err(Refusal::NoVersion { name, version: 8 }),
            Err(Refusal::BadSpec("at byte 3".into())),
            Err(Refusal::FixedCommittee),
            Err(Refusal::NotAuthority { authority: owner }),
            Err(Refusal::UnknownReplica { account: owner }),
            Err(Refusal::NoAddress { account: owner }),
            Err(Refusal::NoSeatLeft),
            Err(Refusal::NobodyLeft),
            Err(Refusal::CommitteeFull),
            Err(Refusal::TooManyLeave { leave: 2, most: 1 }),
            Err(Refusal::TooManyJoin { join: 2, stay: 3 }),
            Err(Refusal::CommitteesExhausted),
            Err(Refusal::Insufficient { balance: 1, needed: u64::MAX }),
            Err(Refusal::Overflow { amount: 3 }),
            Err(Refusal::GroupRefused { place: 2 }),
            Err(Refusal::GroupIncomplete { count: 5, left: 4 }),
            Err(Refusal::GroupInGroup),
            Err(Refusal::NotPathOwner { path: "/chat".into(), owner }),
            Err(Refusal::PathGivenUp { path: "/chat".into() }),
            Err(Refusal::NobodysPath { path: "/chat".into() }),
            Err(Refusal::BadRule("no such name".into())),
            Err(Refusal::UnknownHold {
                hold: EntryId { lane: 1, batch: u64::MAX, bundle: 3, page: 4, slot: 5 },
            }),
            Err(Refusal::HoldOver { until: 3, height: 4 }),
            Err(Refusal::NotHolder { from: owner }),
            Err(Refusal::NotPayer { from: owner }),
            Err(Refusal::NoEconomy),
            Err(Refusal::SeatsByStake),
            Err(Refusal::NoConsent { account: owner }),
            Err(Refusal::Convicted { account: owner }),
            Err(Refusal::ReplicaTaken { account: owner }),
            Err(Refusal::TooManyReplicas),
            Err(Refusal::NothingStaked),
            Err(Refusal::NoStake),
            Err(Refusal::NoOffer),
            Err(Refusal::TooManyWorkers),
            Err(Refusal::StakedLess { staked: 3, needed: 4 }),
            Err(Refusal::BadEvidence("both are one batch".into())),
            Err(Refusal::Denied { pattern: "/chat/$room".into(), why: "the rule says no".into() }),
            Err(Refusal::Denied { pattern: String::new(), why: "no rule".into() }),
            Err(Refusal::NotSigner { account: owner }),
            Err(Refusal::NotByFunction),
            Err(Refusal::Disputed { one: last, other: EntryId { lane: 0, ..last } }),
        ];
        for result in all {
            let outcome = Outcome { height: 70_000, result };
            assert_eq!(Outcome::decode(&outcome.encode()), Ok(outcome));
        }
    }
}
