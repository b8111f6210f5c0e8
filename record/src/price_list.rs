//! What the state holds of prices, and of the units that nobody has yet: those that were paid and not paid out.

use serde::{Deserialize, Serialize};

use crate::bytes::AccountId;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::fees::Prices;
use crate::item::{Item, canonical};
use crate::limits::{MAX_VALIDATORS, MAX_VOTED_PRICE};

/// The prices in force, and what members of the committee would have instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceList {
    /// What things cost.
    pub prices: Prices,
    /// The latest wish of each member that has one, sorted by account.
    pub votes: Vec<PriceVote>,
}

/// A member's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceVote {
    /// Who.
    pub account: AccountId,
    /// What things should cost.
    pub prices: Prices,
}

canonical!(PriceList, MAX_VALIDATORS * 80 + 64);

impl PriceList {
    fn check(&self) -> Result<(), Invalid> {
        if !self.votes.is_sorted_by(|a, b| a.account < b.account) {
            return Err(Invalid::new("prices.votes", "not sorted, each account once"));
        }
        Ok(())
    }
}

impl Item for PriceList {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        self.prices.write(out);
        cbor::array(out, self.votes.len());
        for PriceVote { account, prices } in &self.votes {
            cbor::array(out, 2);
            account.write(out);
            prices.write(out);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        let prices = Prices::read(r)?;
        let count = r.list(MAX_VALIDATORS)?;
        let vote = |_| {
            r.array(2)?;
            Ok(PriceVote { account: AccountId::read(r)?, prices: Prices::read(r)? })
        };
        let list = Self { prices, votes: (0..count).map(vote).collect::<Result<_, DecodeError>>()? };
        list.check()?;
        Ok(list)
    }
}

/// What was paid and not paid out yet. One with nothing has no value in the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pot {
    /// How much, in the network's smallest unit of account.
    #[serde(with = "crate::text::exact")]
    pub units: u64,
}

canonical!(Pot, 16);

impl Item for Pot {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 1);
        cbor::uint(out, self.units);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(1)?;
        Ok(Self { units: r.uint()? })
    }
}

/// Checks a list that is voted for: with larger numbers a slip of the hand would stop every account at once.
pub(crate) fn check_prices(prices: &Prices) -> Result<(), Invalid> {
    let Prices { per_byte, per_mega_fuel, per_stored_byte } = *prices;
    let named =
        [("per_byte", per_byte), ("per_mega_fuel", per_mega_fuel), ("per_stored_byte", per_stored_byte)];
    match named.iter().find(|(_, price)| *price > MAX_VOTED_PRICE) {
        None => Ok(()),
        Some((name, price)) => {
            let why = format!("{name} is {price}; at most {MAX_VOTED_PRICE} can be voted for");
            Err(Invalid::new("transaction.prices", why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_and_is_sorted() {
        let vote = |n: u8| PriceVote { account: AccountId::from_bytes([n; 32]), prices: Prices::default() };
        let list = PriceList { prices: Prices::default(), votes: vec![vote(1), vote(2)] };
        assert_eq!(PriceList::decode(&list.encode()), Ok(list.clone()));
        for votes in [vec![vote(2), vote(1)], vec![vote(1), vote(1)]] {
            assert!(PriceList::decode(&PriceList { votes, ..list.clone() }.encode()).is_err());
        }
        let pot = Pot { units: u64::MAX };
        assert_eq!(Pot::decode(&pot.encode()), Ok(pot));
    }
}
