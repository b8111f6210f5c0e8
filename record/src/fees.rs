//! What a call costs: a pure function of prices, bytes and fuel.

use serde::{Deserialize, Serialize};

use crate::cbor::{self, Reader};
use crate::error::DecodeError;
use crate::item::Item;
use crate::receipt::Receipt;
use crate::text::exact;

/// Prices, in the network's smallest unit of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// For ordering one byte of an entry.
    #[serde(with = "exact")]
    pub per_byte: u64,
    /// For burning one million units of fuel; a part of a million costs its part, rounded up to a unit.
    #[serde(with = "exact")]
    pub per_mega_fuel: u64,
    /// For storing one byte of a component, once, when it is deployed. In JSON left out when it is nothing.
    #[serde(with = "exact", default, skip_serializing_if = "is_nothing")]
    pub per_stored_byte: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_nothing(price: &u64) -> bool {
    *price == 0
}

impl Default for Prices {
    /// One unit a byte and one unit a million of fuel; storage costs nothing.
    fn default() -> Self {
        Self { per_byte: 1, per_mega_fuel: 1, per_stored_byte: 0 }
    }
}

impl Prices {
    /// The two fields of a list in which storage has no price.
    pub(crate) fn write_without_storage(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.per_byte);
        cbor::uint(out, self.per_mega_fuel);
    }

    pub(crate) fn read_without_storage(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        Ok(Self { per_byte: r.uint()?, per_mega_fuel: r.uint()?, per_stored_byte: 0 })
    }
}

/// What a call costs, in the network's smallest unit of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// For having its entries ordered.
    #[serde(with = "exact")]
    pub ordering: u64,
    /// For the fuel it burnt.
    #[serde(with = "exact")]
    pub execution: u64,
}

impl Fee {
    /// Both together.
    #[must_use]
    pub const fn total(&self) -> u128 {
        self.ordering as u128 + self.execution as u128
    }
}

/// What storing a component costs: paid once, by whoever deploys it.
#[must_use]
pub fn storage_fee(prices: &Prices, component_bytes: u64) -> u64 {
    component_bytes.saturating_mul(prices.per_stored_byte)
}

/// The fee for `entry_bytes` of ordered entries and `fuel` units of fuel.
///
/// Exact: products are taken in 128 bits. A part that does not fit 64 bits becomes `u64::MAX`, a sum that no
/// balance can hold, so that it is refused and never wraps round to something small.
///
/// ```
/// use moot_record::{Fee, Prices, fee};
/// let prices = Prices { per_byte: 2, per_mega_fuel: 3, ..Prices::default() };
/// assert_eq!(fee(&prices, 100, 1_000_001), Fee { ordering: 200, execution: 4 });
/// assert_eq!(fee(&prices, 0, 0), Fee::default());
/// ```
#[must_use]
pub fn fee(prices: &Prices, entry_bytes: u64, fuel: u64) -> Fee {
    let ordering = u128::from(entry_bytes) * u128::from(prices.per_byte);
    let execution = (u128::from(fuel) * u128::from(prices.per_mega_fuel)).div_ceil(1_000_000);
    let fit = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
    Fee { ordering: fit(ordering), execution: fit(execution) }
}

/// How many bytes of a receipt's entry are paid for, when it has `encoded` of them: as many as before the fee was put
/// into it, because the fee could not be computed otherwise.
#[must_use]
pub fn priced_bytes(receipt: &Receipt, encoded: usize) -> u64 {
    let Fee { ordering, execution } = receipt.fee;
    let numbers = cbor::head_len(ordering) + cbor::head_len(execution);
    // A nought takes one byte.
    (encoded + 2).saturating_sub(numbers) as u64
}

impl Item for Fee {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.ordering);
        cbor::uint(out, self.execution);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        Ok(Self { ordering: r.uint()?, execution: r.uint()? })
    }
}

impl Item for Prices {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::uint(out, self.per_byte);
        cbor::uint(out, self.per_mega_fuel);
        cbor::uint(out, self.per_stored_byte);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self { per_byte: r.uint()?, per_mega_fuel: r.uint()?, per_stored_byte: r.uint()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        let top = Prices { per_byte: u64::MAX, per_mega_fuel: u64::MAX, per_stored_byte: u64::MAX };
        assert_eq!(fee(&top, u64::MAX, u64::MAX), Fee { ordering: u64::MAX, execution: u64::MAX });
        assert_eq!(fee(&top, 1, 1).ordering, u64::MAX);
        assert_eq!(fee(&top, 1, u64::MAX).total(), 2 * u128::from(u64::MAX));
        assert_eq!((storage_fee(&top, 2), storage_fee(&Prices::default(), 9)), (u64::MAX, 0));
        let one = Prices::default();
        for (fuel, execution) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(fee(&one, 7, fuel), Fee { ordering: 7, execution });
        }
    }
}
