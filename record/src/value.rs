//! A value: a message written to a path, and by whom.

use serde::{Deserialize, Serialize};

use crate::address::EntryId;
use crate::bytes::AccountId;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::MAX_PATH_BYTES;
use crate::name::FunctionName;
use crate::path::check_path;
use crate::payload::Payload;

/// A message written to a path: recorded by digest, never state.
///
/// Who wrote it is the signer's own word in a client's bundle, and the recording replica's word in its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// Where: `/chat/lobby/42` ([`check_path`]).
    pub path: String,
    /// The message.
    pub payload: Payload,
    /// Who wrote it, when they proved it; of what a function wrote, the function's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The function that wrote it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionName>,
    /// The call in which the function wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntryId>,
}

impl Value {
    /// A message that nobody has put a name to.
    #[must_use]
    pub fn new(path: impl Into<String>, payload: Payload) -> Self {
        Self { path: path.into(), payload, account: None, function: None, parent: None }
    }

    /// The same, written by an account.
    #[must_use]
    pub fn by(self, account: AccountId) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        check_path(&self.path)?;
        self.payload.check()?;
        if self.function.is_some() != self.parent.is_some() {
            return Err(Invalid::new(
                "value.parent",
                "a function writes in a call: both are named or neither",
            ));
        }
        if self.function.is_some() && self.account.is_none() {
            return Err(Invalid::new(
                "value.account",
                "missing; what a function writes has its owner's account",
            ));
        }
        Ok(())
    }

    /// What nobody has put a name to has the short form, and nothing else has it.
    pub(crate) const fn fields(&self) -> usize {
        if self.account.is_some() { NAMED_VALUE_FIELDS } else { VALUE_FIELDS }
    }

    /// Reads the fields after the entry's kind, of which there must be `fields`.
    pub(crate) fn read_fields(r: &mut Reader<'_>, fields: usize) -> Result<Self, DecodeError> {
        let mut value = Self::new(r.text(MAX_PATH_BYTES)?, Payload::read(r)?);
        if fields == NAMED_VALUE_FIELDS {
            value.account = Some(AccountId::read(r)?);
            value.function = r.option(FunctionName::read)?;
            value.parent = r.option(EntryId::read)?;
        }
        value.check()?;
        Ok(value)
    }

    pub(crate) fn write_fields(&self, out: &mut Vec<u8>) {
        cbor::text(out, &self.path);
        self.payload.write(out);
        if let Some(account) = &self.account {
            account.write(out);
            cbor::option(out, self.function.as_ref(), |out, function| function.write(out));
            cbor::option(out, self.parent.as_ref(), |out, parent| parent.write(out));
        }
    }
}

/// Fields of a [`Value`] that nobody has put a name to, after the entry's kind.
pub(crate) const VALUE_FIELDS: usize = 2;
/// Fields of one with a name.
pub(crate) const NAMED_VALUE_FIELDS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;

    #[test]
    fn one_meaning_has_one_form() {
        let account = AccountId::from_bytes([7; 32]);
        let plain = Value::new("/a", Payload::inlined(b"x"));
        let named = plain.clone().by(account);
        let written = Value {
            function: FunctionName::parse("clerk").ok(),
            parent: "0-1-0-0-2".parse().ok(),
            ..named.clone()
        };
        for (value, fields) in [(&plain, 3), (&named, 6), (&written, 6)] {
            let bytes = Entry::Value(value.clone()).encode();
            assert_eq!(bytes[0], 0x80 | fields);
            assert_eq!(Entry::decode(&bytes), Ok(Entry::Value(value.clone())));
        }
        // The long form without an account would be a second form of the short one.
        let mut bytes = Entry::Value(plain.clone()).encode();
        bytes[0] = 0x86;
        bytes.extend_from_slice(&[0xf6, 0xf6, 0xf6]);
        assert!(Entry::decode(&bytes).is_err());
        for (wrong, field) in [
            (Value { parent: None, ..written.clone() }, "value.parent"),
            (Value { function: None, ..written.clone() }, "value.parent"),
            (Value { account: None, ..written }, "value.account"),
        ] {
            assert_eq!(wrong.check().unwrap_err().field, field);
        }
    }
}
