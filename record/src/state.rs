//! The ledger's state as a tree: what a block's state root commits to, key by key.
//!
//! ```text
//!  key ──► place (256 bits) ──► the way down: bit 0 first, 0 left, 1 right
//!
//!            root = H(state domain, top)
//!             top = node ─┬─ node ─┬─ leaf        a subtree of one leaf is that leaf, an empty one is 32 zeros
//!                         │        └─ leaf        leaf = H(leaf domain, place || digest of the value)
//!                         └─ leaf                 node = H(node domain, left || right)
//! ```
//!
//! The root depends on nothing but what the state holds: not on the order in which it came there. So it can be made
//! anew from the tables, and a key that has no value can be proven to have none.

use serde::{Deserialize, Serialize};

use crate::address::EntryId;
use crate::bytes::{AccountId, Digest};
use crate::cbor::{self, Reader};
use crate::error::DecodeError;
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::limits::{MAX_PATH_BYTES, MAX_RULE_BYTES, MAX_STATE_DEPTH, MAX_STATE_KEY_BYTES};
use crate::name::FunctionName;
use crate::text::exact;

const PLACE: Domain = Domain::new("moot state key 1");
const VALUE: Domain = Domain::new("moot state value 1");
const LEAF: Domain = Domain::new("moot state leaf 1");
const NODE: Domain = Domain::new("moot state node 1");

/// What the state says something about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateKey {
    /// Every outcome of a transaction so far: a digest that each one extends.
    History,
    /// Who votes and who follows, where that can change.
    Seats,
    /// A function.
    Function(FunctionName),
    /// An account: [`Account`]. One with nothing, whose key was not revoked, has no value.
    Account(AccountId),
    /// Who owns a path: [`PathOwner`].
    Owner(String),
    /// The rule at the place of a pattern ([`crate::Pattern::place`]): [`PathRule`].
    Rule(String),
    /// What is held under the address of the transaction that said so: [`crate::Hold`].
    Hold(EntryId),
    /// What an account has staked: [`crate::Stake`].
    Stake(AccountId),
    /// A replica that was convicted: [`crate::Conviction`].
    Conviction(AccountId),
    /// What things cost: [`crate::PriceList`]. Where nothing is charged it has no value.
    Prices,
    /// What was paid and not paid out yet: [`crate::Pot`].
    Pot,
    /// A trigger: [`crate::SetTrigger`].
    Trigger(FunctionName),
    /// A call that a trigger derived, and that is not answered yet: height of its block and number in it.
    Derived(u64, u32),
    /// A call whose end triggers wait for.
    Watched(EntryId),
    /// A worker that registered, or that was found at fault: [`crate::WorkerRecord`].
    Worker(AccountId),
    /// A call that several workers run, until as many as it asks for have said what came of it.
    Compared(EntryId),
}

canonical!(StateKey, MAX_STATE_KEY_BYTES);

impl StateKey {
    /// Where its leaf is, and the first bits of the way there.
    #[must_use]
    pub fn place(&self) -> Digest {
        PLACE.hash(&self.encode())
    }
}

impl Item for StateKey {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::History => {
                cbor::array(out, 1);
                cbor::uint(out, 0u8);
            }
            Self::Seats => {
                cbor::array(out, 1);
                cbor::uint(out, 1u8);
            }
            Self::Function(name) => {
                cbor::array(out, 2);
                cbor::uint(out, 2u8);
                name.write(out);
            }
            Self::Account(account) => {
                cbor::array(out, 2);
                cbor::uint(out, 3u8);
                account.write(out);
            }
            Self::Owner(path) => {
                cbor::array(out, 2);
                cbor::uint(out, 4u8);
                cbor::text(out, path);
            }
            Self::Rule(place) => {
                cbor::array(out, 2);
                cbor::uint(out, 5u8);
                cbor::text(out, place);
            }
            Self::Hold(id) => {
                cbor::array(out, 2);
                cbor::uint(out, 6u8);
                id.write(out);
            }
            Self::Stake(account) => {
                cbor::array(out, 2);
                cbor::uint(out, 7u8);
                account.write(out);
            }
            Self::Conviction(account) => {
                cbor::array(out, 2);
                cbor::uint(out, 8u8);
                account.write(out);
            }
            Self::Prices => {
                cbor::array(out, 1);
                cbor::uint(out, 9u8);
            }
            Self::Pot => {
                cbor::array(out, 1);
                cbor::uint(out, 10u8);
            }
            Self::Trigger(name) => {
                cbor::array(out, 2);
                cbor::uint(out, 11u8);
                name.write(out);
            }
            Self::Derived(height, number) => {
                cbor::array(out, 3);
                cbor::uint(out, 12u8);
                cbor::uint(out, *height);
                cbor::uint(out, *number);
            }
            Self::Watched(call) => {
                cbor::array(out, 2);
                cbor::uint(out, 13u8);
                call.write(out);
            }
            Self::Worker(account) => {
                cbor::array(out, 2);
                cbor::uint(out, 14u8);
                account.write(out);
            }
            Self::Compared(call) => {
                cbor::array(out, 2);
                cbor::uint(out, 15u8);
                call.write(out);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(3)?;
        let (key, wanted) = match r.uint()? {
            0 => (Self::History, 1),
            1 => (Self::Seats, 1),
            2 => (Self::Function(FunctionName::read(r)?), 2),
            3 => (Self::Account(AccountId::read(r)?), 2),
            4 => (Self::Owner(r.text(MAX_PATH_BYTES)?.to_owned()), 2),
            5 => (Self::Rule(r.text(MAX_PATH_BYTES)?.to_owned()), 2),
            6 => (Self::Hold(EntryId::read(r)?), 2),
            7 => (Self::Stake(AccountId::read(r)?), 2),
            8 => (Self::Conviction(AccountId::read(r)?), 2),
            9 => (Self::Prices, 1),
            10 => (Self::Pot, 1),
            11 => (Self::Trigger(FunctionName::read(r)?), 2),
            12 => (Self::Derived(r.uint()?, r.small()?), 3),
            13 => (Self::Watched(EntryId::read(r)?), 2),
            14 => (Self::Worker(AccountId::read(r)?), 2),
            15 => (Self::Compared(EntryId::read(r)?), 2),
            value => return Err(DecodeError::UnknownNumber { at, what: "key of the state", value }),
        };
        if fields != wanted {
            return Err(DecodeError::WrongLength { at, what: "the key", len: fields as u64, wanted });
        }
        Ok(key)
    }
}

/// What the state holds of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// What it has, in the network's smallest unit of account.
    #[serde(with = "exact")]
    pub balance: u64,
    /// The height of the block from which on nothing counts that its key signs; none while it does.
    #[serde(with = "exact::option", default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
}

impl Account {
    /// One that has so much, and whose key was not revoked.
    #[must_use]
    pub const fn with(balance: u64) -> Self {
        Self { balance, revoked: None }
    }
}

canonical!(Account, 24);

/// One whose key was not revoked has the encoding that it had before any could be.
impl Item for Account {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 1 + usize::from(self.revoked.is_some()));
        cbor::uint(out, self.balance);
        self.revoked.iter().for_each(|height| cbor::uint(out, *height));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(2)?;
        if fields == 0 {
            return Err(DecodeError::WrongLength { at, what: "the account", len: 0, wanted: 1 });
        }
        let balance = r.uint()?;
        let revoked = if fields == 2 { Some(r.uint()?) } else { None };
        Ok(Self { balance, revoked })
    }
}

/// What the state holds of a path's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathOwner {
    /// Who may change owners and rules there and below; none: nobody ever again.
    pub owner: Option<AccountId>,
}

canonical!(PathOwner, 64);

impl Item for PathOwner {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 1);
        cbor::option(out, self.owner.as_ref(), |out, owner| owner.write(out));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(1)?;
        Ok(Self { owner: r.option(AccountId::read)? })
    }
}

/// What the state holds of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRule {
    /// What it is about.
    pub pattern: String,
    /// The expression.
    pub rule: String,
}

canonical!(PathRule, MAX_PATH_BYTES + MAX_RULE_BYTES + 16);

impl Item for PathRule {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::text(out, &self.pattern);
        cbor::text(out, &self.rule);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        Ok(Self { pattern: r.text(MAX_PATH_BYTES)?.to_owned(), rule: r.text(MAX_RULE_BYTES)?.to_owned() })
    }
}

/// The digest of a value: what its leaf holds of it.
#[must_use]
pub fn value_digest(value: &[u8]) -> Digest {
    VALUE.hash(value)
}

/// A leaf of the tree.
#[must_use]
pub fn leaf_digest(place: &Digest, value: &Digest) -> Digest {
    pair(LEAF, place, value)
}

/// An inner node of the tree. An empty side is [`Digest::ZERO`].
#[must_use]
pub fn node_digest(left: &Digest, right: &Digest) -> Digest {
    pair(NODE, left, right)
}

/// The root of a state whose tree has this top.
#[must_use]
pub fn root_digest(top: &Digest) -> Digest {
    Domain::STATE.hash(top.as_bytes())
}

fn pair(domain: Domain, one: &Digest, other: &Digest) -> Digest {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(one.as_bytes());
    bytes[32..].copy_from_slice(other.as_bytes());
    domain.hash(&bytes)
}

/// The bit of a place that decides at a depth: true leads right.
#[must_use]
pub fn bit(place: &Digest, depth: usize) -> bool {
    place.as_bytes().get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

/// The root above what stands at the end of a path: the digests beside the way, from the end to the top.
///
/// # Errors
/// When the path is longer than any way.
pub fn climb(place: &Digest, end: Digest, path: &[Digest]) -> Result<Digest, DecodeError> {
    if path.len() > MAX_STATE_DEPTH {
        let (what, len) = ("the path", path.len() as u64);
        return Err(DecodeError::TooLong { at: 0, what, len, max: MAX_STATE_DEPTH });
    }
    let mut at = end;
    for (depth, beside) in (0..path.len()).rev().zip(path) {
        at = if bit(place, depth) { node_digest(beside, &at) } else { node_digest(&at, beside) };
    }
    Ok(root_digest(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_and_have_places_of_their_own() {
        let keys = [
            StateKey::History,
            StateKey::Seats,
            StateKey::Function(FunctionName::parse("hello").unwrap()),
            StateKey::Account(AccountId::from_bytes([7; 32])),
            StateKey::Owner("/chat".into()),
            StateKey::Rule("/chat".into()),
            StateKey::Rule("/chat/$".into()),
            StateKey::Hold(EntryId { lane: 1, batch: 2, bundle: 3, page: 4, slot: 5 }),
            StateKey::Stake(AccountId::from_bytes([7; 32])),
            StateKey::Conviction(AccountId::from_bytes([7; 32])),
            StateKey::Prices,
            StateKey::Pot,
            StateKey::Trigger(FunctionName::parse("hello").unwrap()),
            StateKey::Derived(7, 0),
            StateKey::Derived(0, 7),
            StateKey::Watched(EntryId { lane: 0, batch: 7, bundle: 0, page: 0, slot: 0 }),
            StateKey::Worker(AccountId::from_bytes([7; 32])),
            StateKey::Compared(EntryId { lane: 0, batch: 7, bundle: 0, page: 0, slot: 0 }),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(StateKey::decode(&key.encode()).as_ref(), Ok(key));
            assert!(keys[i + 1..].iter().all(|other| other.place() != key.place()));
        }
        assert!(StateKey::decode(&[0x82, 0, 0]).is_err() && StateKey::decode(&[0x82, 9, 0]).is_err());
    }

    #[test]
    fn only_a_revoked_account_says_that_it_is() {
        let had = Account::with(300);
        assert_eq!(had.encode(), [0x81, 0x19, 1, 44], "as before any key could be revoked");
        let revoked = Account { revoked: Some(u64::MAX), ..had };
        for account in [had, revoked, Account { revoked: Some(7), balance: u64::MAX }, Account::default()] {
            assert_eq!(Account::decode(&account.encode()), Ok(account));
            let json = serde_json::to_string(&account).unwrap();
            assert_eq!(serde_json::from_str::<Account>(&json).unwrap(), account);
        }
        assert_eq!(serde_json::to_string(&had).unwrap(), r#"{"balance":300}"#);
        assert!(Account::decode(&[0x80]).is_err() && Account::decode(&[0x82, 0, 0xf6]).is_err());
    }

    #[test]
    fn bits_lead_from_the_first() {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (0b0100_0000, 1);
        let place = Digest::from_bytes(bytes);
        let right: Vec<usize> = (0..=300).filter(|depth| bit(&place, *depth)).collect();
        assert_eq!(right, [1, 255]);
    }
}
