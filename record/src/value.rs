//! A value: a message written to a path.

use serde::{Deserialize, Serialize};

use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::MAX_PATH_BYTES;
use crate::path::check_path;
use crate::payload::Payload;

/// A message written to a path: recorded by digest, never state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Where: `/chat/lobby/42` ([`check_path`]).
    pub path: String,
    /// The message.
    pub payload: Payload,
}

impl Value {
    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        check_path(&self.path)?;
        self.payload.check()
    }
}

impl Item for Value {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::text(out, &self.path);
        self.payload.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let value = Self { path: r.text(MAX_PATH_BYTES)?.to_owned(), payload: Payload::read(r)? };
        value.check()?;
        Ok(value)
    }
}

/// Fields of a [`Value`] in its array, after the entry's kind.
pub(crate) const VALUE_FIELDS: usize = 2;
