//! Records as items: the one encoding that each type has, and records inside records.

use crate::cbor::{self, Reader};
use crate::error::DecodeError;

/// A value with one canonical encoding.
pub(crate) trait Item: Sized {
    /// Appends the encoding.
    fn write(&self, out: &mut Vec<u8>);
    /// Reads one item, leaving the reader behind it.
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// Writes a record inside another: a byte string, so that other languages hash it as it stands.
pub(crate) fn write_nested<T: Item>(out: &mut Vec<u8>, value: &T) {
    let mut bytes = Vec::with_capacity(160);
    value.write(&mut bytes);
    cbor::bytes(out, &bytes);
}

/// Reads a record inside a byte string of at most `max` bytes.
pub(crate) fn read_nested<T: Item>(r: &mut Reader<'_>, max: usize) -> Result<T, DecodeError> {
    let mut inner = Reader::new(r.bytes(max)?);
    let value = T::read(&mut inner)?;
    inner.end()?;
    Ok(value)
}

/// Gives a type with [`Item`] its public `encode`, `encode_into` and `decode`.
macro_rules! canonical {
    ($type:ty, $max:expr) => {
        impl $type {
            /// Its one encoding.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(256);
                self.encode_into(&mut out);
                out
            }

            /// Appends its one encoding to `out`.
            pub fn encode_into(&self, out: &mut Vec<u8>) {
                $crate::item::Item::write(self, out);
            }

            /// Reads exactly what `encode` writes.
            ///
            /// # Errors
            /// On any other byte string: too long, truncated, followed by more, in another form, or against
            /// the rules of the type.
            pub fn decode(bytes: &[u8]) -> Result<Self, $crate::error::DecodeError> {
                if bytes.len() > $max {
                    return Err($crate::error::DecodeError::TooLong {
                        at: 0,
                        what: "the record",
                        len: bytes.len() as u64,
                        max: $max,
                    });
                }
                let mut r = $crate::cbor::Reader::new(bytes);
                let value = $crate::item::Item::read(&mut r)?;
                r.end()?;
                Ok(value)
            }
        }
    };
}
pub(crate) use canonical;
