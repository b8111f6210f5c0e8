//! Transactions: what changes the ledger's state.

use serde::{Deserialize, Serialize};

use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::{MAX_COMPONENT_BYTES, MAX_SPEC_BYTES};
use crate::name::FunctionName;
use crate::spec::Spec;
use crate::text::{base64url, exact};

/// A change of state, said by the account whose bundle carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Transaction {
    /// A new function, or a new version of one.
    Deploy {
        /// Its name.
        name: FunctionName,
        /// The component: [`crate::component_digest`].
        component: Digest,
        /// The component's length.
        #[serde(with = "exact")]
        component_bytes: u64,
        /// The canonical encoding of a [`Spec`].
        #[serde(with = "base64url")]
        spec: Vec<u8>,
        /// The version that this one follows; none for a new function. A deploy that raced another is refused.
        previous: Option<u32>,
    },
    /// An earlier version becomes the active one.
    Rollback {
        /// The function.
        name: FunctionName,
        /// The version.
        version: u32,
    },
    /// The function stops answering.
    Retire {
        /// The function.
        name: FunctionName,
    },
}

impl Transaction {
    /// A deploy of `spec`.
    #[must_use]
    pub fn deploy(
        name: FunctionName,
        component: Digest,
        component_bytes: u64,
        spec: &Spec,
        previous: Option<u32>,
    ) -> Self {
        Self::Deploy { name, component, component_bytes, spec: spec.encode(), previous }
    }

    /// The function that it is about.
    #[must_use]
    pub const fn name(&self) -> &FunctionName {
        match self {
            Self::Deploy { name, .. } | Self::Rollback { name, .. } | Self::Retire { name } => name,
        }
    }

    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        let Self::Deploy { component_bytes, spec, .. } = self else { return Ok(()) };
        if *component_bytes == 0 || *component_bytes > MAX_COMPONENT_BYTES {
            let why = format!("{component_bytes}; a component has 1 to {MAX_COMPONENT_BYTES} bytes");
            return Err(Invalid::new("transaction.component_bytes", why));
        }
        match Spec::decode(spec) {
            Ok(_) => Ok(()),
            Err(e) => Err(Invalid::new("transaction.spec", e.to_string())),
        }
    }

    pub(crate) const fn fields(&self) -> usize {
        match self {
            Self::Deploy { .. } => 6,
            Self::Rollback { .. } => 3,
            Self::Retire { .. } => 2,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Deploy { name, component, component_bytes, spec, previous } => {
                cbor::uint(out, 0u8);
                name.write(out);
                component.write(out);
                cbor::uint(out, *component_bytes);
                cbor::bytes(out, spec);
                cbor::option(out, previous.as_ref(), |out, version| cbor::uint(out, *version));
            }
            Self::Rollback { name, version } => {
                cbor::uint(out, 1u8);
                name.write(out);
                cbor::uint(out, *version);
            }
            Self::Retire { name } => {
                cbor::uint(out, 2u8);
                name.write(out);
            }
        }
    }

    /// Reads the fields after the entry's kind, of which there must be `fields`.
    pub(crate) fn read(r: &mut Reader<'_>, fields: usize) -> Result<Self, DecodeError> {
        let at = r.position();
        let transaction = match r.uint()? {
            0 => Self::Deploy {
                name: FunctionName::read(r)?,
                component: Digest::read(r)?,
                component_bytes: r.uint()?,
                spec: r.bytes(MAX_SPEC_BYTES)?.to_vec(),
                previous: r.option(Reader::small)?,
            },
            1 => Self::Rollback { name: FunctionName::read(r)?, version: r.small()? },
            2 => Self::Retire { name: FunctionName::read(r)? },
            value => return Err(DecodeError::UnknownNumber { at, what: "transaction", value }),
        };
        let wanted = transaction.fields();
        if fields != wanted {
            return Err(DecodeError::WrongLength { at, what: "the transaction", len: fields as u64, wanted });
        }
        transaction.check()?;
        Ok(transaction)
    }
}
