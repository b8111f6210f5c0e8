//! An entry's address: where it stands on the ledger.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, ParseError};
use crate::hash::Domain;
use crate::item::{Item, canonical};

/// Where an entry stands: lane, batch in the lane, bundle in the batch, page in the bundle, slot in the page.
///
/// It is known when the entry is appended, needs no index to find, and is the id of a call. Its text form is
/// `lane-batch-bundle-page-slot` in decimal: `0-42-0-1-3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The replica's lane.
    pub lane: u32,
    /// The batch's sequence number in the lane.
    pub batch: u64,
    /// The bundle's place in the batch.
    pub bundle: u16,
    /// The page's place in the bundle.
    pub page: u16,
    /// The entry's place in the page.
    pub slot: u16,
}

impl EntryId {
    /// Thirty-two bytes that depend on nothing but the network and this address: what a deterministic call
    /// draws its randomness from.
    #[must_use]
    pub fn seed(&self, network: &Digest) -> [u8; 32] {
        let mut message = Vec::with_capacity(64);
        network.write(&mut message);
        self.write(&mut message);
        *Domain::SEED.hash(&message).as_bytes()
    }
}

canonical!(EntryId, 64);

impl Item for EntryId {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 5);
        cbor::uint(out, self.lane);
        cbor::uint(out, self.batch);
        cbor::uint(out, self.bundle);
        cbor::uint(out, self.page);
        cbor::uint(out, self.slot);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(5)?;
        Ok(Self {
            lane: r.small()?,
            batch: r.uint()?,
            bundle: r.small()?,
            page: r.small()?,
            slot: r.small()?,
        })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}-{}", self.lane, self.batch, self.bundle, self.page, self.slot)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({self})")
    }
}

impl FromStr for EntryId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parts = text.split('-');
        let id = (|| {
            Some(Self {
                lane: number(parts.next()?)?,
                batch: number(parts.next()?)?,
                bundle: number(parts.next()?)?,
                page: number(parts.next()?)?,
                slot: number(parts.next()?)?,
            })
        })();
        match (id, parts.next()) {
            (Some(id), None) => Ok(id),
            _ => Err(ParseError::new(
                text,
                "an entry's address",
                "it has five decimal numbers, lane-batch-bundle-page-slot, as in 0-42-0-1-3",
            )),
        }
    }
}

/// A decimal number in its one form: no sign, no leading zero.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_one() {
        let id = EntryId { lane: 0, batch: u64::MAX, bundle: 65535, page: 1, slot: 3 };
        assert_eq!(id.to_string(), "0-18446744073709551615-65535-1-3");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "0-1-2-3",
            "0-1-2-3-4-5",
            "00-1-2-3-4",
            "+0-1-2-3-4",
            "0-1-2-3-65536",
            "0-1-2-3-",
            "a-1-2-3-4",
        ] {
            assert!(bad.parse::<EntryId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn seeds_differ_by_network_and_place() {
        let id = EntryId { lane: 0, batch: 1, bundle: 2, page: 3, slot: 4 };
        let other = EntryId { slot: 5, ..id };
        let (a, b) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        assert_eq!(id.seed(&a), id.seed(&a));
        assert_ne!(id.seed(&a), id.seed(&b));
        assert_ne!(id.seed(&a), other.seed(&a));
    }
}
