//! An entry: one thing said to the ledger.
//!
//! ```text
//! [0, function, component, spec, kind, export|null, caller|null, input, time_us, fuel_limit, idempotency|null,
//!     parent|null]                                                                                 a call
//! [1, call, call_digest, component, status, output, fuel, metered, fee, touched, time_us, duration_us]  a receipt
//! [2, which, name, ...]                                                                     a transaction
//! [3, path, payload]                                                              a value that nobody put a name to
//! [3, path, payload, account, function|null, parent|null]                                          a value
//! ```

use serde::{Deserialize, Serialize};

use crate::bytes::Digest;
use crate::call::{CALL_FIELDS, Call};
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::limits::MAX_ENTRY_BYTES;
use crate::receipt::{RECEIPT_FIELDS, Receipt};
use crate::transaction::Transaction;
use crate::value::{NAMED_VALUE_FIELDS, VALUE_FIELDS, Value};

/// One thing said to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::large_enum_variant, reason = "entries are moved once; a box each would cost more")]
pub enum Entry {
    /// A function is called.
    Call(Call),
    /// A worker says what came of a call.
    Receipt(Receipt),
    /// The state changes.
    Transaction(Transaction),
    /// A message is written to a path.
    Value(Value),
}

canonical!(Entry, MAX_ENTRY_BYTES);

impl Entry {
    /// The digest of its encoding, in the entry domain.
    #[must_use]
    pub fn digest(&self) -> Digest {
        entry_digest(&self.encode())
    }

    /// Checks what the types alone cannot; `decode` does it too. Entries that fail it encode to bytes that no
    /// verifier accepts.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Call(call) => call.check(),
            Self::Receipt(receipt) => receipt.check(),
            Self::Transaction(transaction) => transaction.check(),
            Self::Value(value) => value.check(),
        }
    }

    /// What kind of entry, for people.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Receipt(_) => "receipt",
            Self::Transaction(_) => "transaction",
            Self::Value(_) => "value",
        }
    }
}

/// The digest of an entry's encoding.
#[must_use]
pub fn entry_digest(encoded: &[u8]) -> Digest {
    Domain::ENTRY.hash(encoded)
}

impl From<Call> for Entry {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl From<Receipt> for Entry {
    fn from(receipt: Receipt) -> Self {
        Self::Receipt(receipt)
    }
}

impl From<Transaction> for Entry {
    fn from(transaction: Transaction) -> Self {
        Self::Transaction(transaction)
    }
}

impl From<Value> for Entry {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl Item for Entry {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Call(call) => {
                cbor::array(out, 1 + CALL_FIELDS);
                cbor::uint(out, 0u8);
                call.write(out);
            }
            Self::Receipt(receipt) => {
                cbor::array(out, 1 + RECEIPT_FIELDS);
                cbor::uint(out, 1u8);
                receipt.write(out);
            }
            Self::Transaction(transaction) => {
                cbor::array(out, 1 + transaction.fields());
                cbor::uint(out, 2u8);
                transaction.write(out);
            }
            Self::Value(value) => {
                cbor::array(out, 1 + value.fields());
                cbor::uint(out, 3u8);
                value.write_fields(out);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(1 + CALL_FIELDS.max(RECEIPT_FIELDS))?.saturating_sub(1);
        let expect = |wanted: usize| {
            if fields == wanted {
                return Ok(());
            }
            Err(DecodeError::WrongLength {
                at,
                what: "the entry",
                len: fields as u64 + 1,
                wanted: wanted + 1,
            })
        };
        let number_at = r.position();
        match r.uint()? {
            0 => {
                expect(CALL_FIELDS)?;
                Call::read(r).map(Self::Call)
            }
            1 => {
                expect(RECEIPT_FIELDS)?;
                Receipt::read(r).map(Self::Receipt)
            }
            2 => Transaction::read(r, fields).map(Self::Transaction),
            3 => {
                if fields != NAMED_VALUE_FIELDS {
                    expect(VALUE_FIELDS)?;
                }
                Value::read_fields(r, fields).map(Self::Value)
            }
            value => Err(DecodeError::UnknownNumber { at: number_at, what: "kind of entry", value }),
        }
    }
}
