//! Who votes, epoch by epoch.
//!
//! ```text
//!  genesis ── committee 0 ──certifies── a block that names committee 1 ──► committee 1 ──certifies── ... committee 2
//! ```
//!
//! The chain of blocks is cut into epochs of equal length, which the genesis fixes. The last block of an epoch
//! names the next one's committee by digest when that is another. Committees are counted, and each votes under a
//! namespace with its number: no vote of one can be shown as a vote of another, even where they have members in
//! common. So from the genesis alone every committee can be reached, and none left out.

use serde::{Deserialize, Serialize};

use crate::bytes::{AccountId, Digest};
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::limits::{MAX_COMMITTEE_BYTES, MAX_EPOCH_BLOCKS, MAX_VALIDATORS, MIN_EPOCH_BLOCKS};
use crate::text::exact;

/// The replicas that vote in an epoch, or in several that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    /// Nought for the genesis's validators, one more for each committee that followed.
    pub number: u32,
    /// Its members, sorted: a certificate names them by their places.
    pub members: Vec<AccountId>,
}

canonical!(Committee, MAX_COMMITTEE_BYTES);

/// How a network's committee may change. A network without it has one committee for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epochs {
    /// Blocks in an epoch: epoch e has the heights from `e * blocks` to `(e + 1) * blocks - 1`.
    #[serde(with = "exact")]
    pub blocks: u64,
    /// The account that says who votes and who follows.
    pub authority: AccountId,
}

impl Committee {
    /// The digest by which a block names it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Domain::COMMITTEE.hash(&self.encode())
    }

    /// The namespace of its votes: `moot:`, the first 16 digits of the network, and for all but the first committee
    /// `:` and its number.
    #[must_use]
    pub fn namespace(&self, network: &Digest) -> Vec<u8> {
        let mut namespace = format!("moot:{}", &network.to_string()[..16]);
        if self.number > 0 {
            namespace.push_str(&format!(":{}", self.number));
        }
        namespace.into_bytes()
    }

    /// Whether an account votes in it.
    #[must_use]
    pub fn contains(&self, account: &AccountId) -> bool {
        self.members.binary_search(account).is_ok()
    }
}

impl Epochs {
    /// The epoch of a height.
    #[must_use]
    pub const fn of(&self, height: u64) -> u64 {
        match height.checked_div(self.blocks) {
            Some(epoch) => epoch,
            // A genesis made by hand, unchecked, may say nought.
            None => 0,
        }
    }

    /// The last height of an epoch.
    #[must_use]
    pub const fn last(&self, epoch: u64) -> u64 {
        epoch.saturating_add(1).saturating_mul(self.blocks).saturating_sub(1)
    }

    /// Whether a height is the last of its epoch.
    #[must_use]
    pub const fn is_last(&self, height: u64) -> bool {
        self.last(self.of(height)) == height
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if !(MIN_EPOCH_BLOCKS..=MAX_EPOCH_BLOCKS).contains(&self.blocks) {
            let why =
                format!("{}; an epoch has {MIN_EPOCH_BLOCKS} to {MAX_EPOCH_BLOCKS} blocks", self.blocks);
            return Err(Invalid::new("genesis.epochs", why));
        }
        check_key("genesis.epochs", &self.authority)
    }
}

/// Checks a list of those who vote: not too many, sorted, each a key that can be relied on.
pub(crate) fn check_members(field: &'static str, members: &[AccountId]) -> Result<(), Invalid> {
    if !(1..=MAX_VALIDATORS).contains(&members.len()) {
        let why = format!("{} of them; a network has 1 to {MAX_VALIDATORS}", members.len());
        return Err(Invalid::new(field, why));
    }
    if !members.is_sorted_by(|a, b| a < b) {
        return Err(Invalid::new(field, "not sorted, each once"));
    }
    members.iter().try_for_each(|member| check_key(field, member))
}

/// Refuses a key of small order: with one, anybody could make its owner's votes.
pub(crate) fn check_key(field: &'static str, account: &AccountId) -> Result<(), Invalid> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(account.as_bytes());
    if key.map_or(true, |key| key.is_weak()) {
        let why = format!("{account} is no ed25519 public key that can be relied on");
        return Err(Invalid::new(field, why));
    }
    Ok(())
}

pub(crate) fn write_members(out: &mut Vec<u8>, members: &[AccountId]) {
    cbor::array(out, members.len());
    members.iter().for_each(|member| member.write(out));
}

pub(crate) fn read_members(r: &mut Reader<'_>) -> Result<Vec<AccountId>, DecodeError> {
    (0..r.list(MAX_VALIDATORS)?).map(|_| AccountId::read(r)).collect()
}

impl Item for Committee {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.number);
        write_members(out, &self.members);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        let committee = Self { number: r.small()?, members: read_members(r)? };
        check_members("committee.members", &committee.members)?;
        Ok(committee)
    }
}

impl Item for Epochs {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.blocks);
        self.authority.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        Ok(Self { blocks: r.uint()?, authority: AccountId::read(r)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Keypair;

    #[test]
    fn heights_have_one_epoch_each() {
        let epochs = Epochs { blocks: 10, authority: Keypair::from_seed([1; 32]).account() };
        assert_eq!((epochs.of(0), epochs.of(9), epochs.of(10)), (0, 0, 1));
        assert_eq!((epochs.last(0), epochs.last(2)), (9, 29));
        assert!(epochs.is_last(9) && epochs.is_last(29) && !epochs.is_last(10) && !epochs.is_last(0));
        assert_eq!(epochs.last(u64::MAX), u64::MAX - 1);
    }

    #[test]
    fn committees_of_the_same_members_are_not_the_same() {
        let members = vec![Keypair::from_seed([1; 32]).account()];
        let (one, two) =
            (Committee { number: 1, members: members.clone() }, Committee { number: 2, members });
        assert_ne!(one.digest(), two.digest());
        let network = Digest::from_bytes([0xab; 32]);
        assert_eq!(one.namespace(&network), b"moot:abababababababab:1");
        assert_ne!(one.namespace(&network), two.namespace(&network));
        assert_eq!(Committee::decode(&one.encode()), Ok(one));
    }
}
