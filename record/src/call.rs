//! A call: what a function was asked, by whom, when, under which version.

use serde::{Deserialize, Serialize};

use crate::address::EntryId;
use crate::bytes::{AccountId, Digest};
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::MAX_EXPORT_NAME_BYTES;
use crate::name::FunctionName;
use crate::payload::Payload;
use crate::text::exact;

/// A call. Its id is the address of its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The function.
    pub function: FunctionName,
    /// The component that runs: [`crate::component_digest`].
    pub component: Digest,
    /// The spec that it runs under: [`crate::Spec::digest`].
    pub spec: Digest,
    /// How it is called.
    pub kind: CallKind,
    /// Who called, when they proved it.
    pub caller: Option<AccountId>,
    /// What goes in.
    pub input: Payload,
    /// When the gateway took it, in microseconds since 1970 by its own clock.
    #[serde(with = "exact")]
    pub time_us: u64,
    /// The fuel it may burn.
    #[serde(with = "exact")]
    pub fuel_limit: u64,
    /// The digest of an idempotency key, when the client sent one.
    pub idempotency: Option<Digest>,
    /// The call that made this call, when a function did.
    pub parent: Option<EntryId>,
}

/// How a function is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum CallKind {
    /// An HTTP request; the input is a [`crate::HttpRequestHead`] and the body.
    Http,
    /// An event; the input is an [`crate::EventInput`] and the data.
    Event,
    /// One of the component's own exports; the input is the JSON array of arguments.
    Typed {
        /// The export's path: `name`, or `interface#name`.
        export: String,
    },
}

impl CallKind {
    const fn number(&self) -> u8 {
        match self {
            Self::Http => 0,
            Self::Event => 1,
            Self::Typed { .. } => 2,
        }
    }
}

impl Call {
    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        if let CallKind::Typed { export } = &self.kind {
            let plain = !export.is_empty() && export.bytes().all(|b| b.is_ascii_graphic());
            if !plain || export.len() > MAX_EXPORT_NAME_BYTES {
                let why =
                    format!("{export:?} is not 1 to {MAX_EXPORT_NAME_BYTES} printable ASCII characters");
                return Err(Invalid::new("call.kind.export", why));
            }
        }
        self.input.check()
    }
}

impl Item for Call {
    fn write(&self, out: &mut Vec<u8>) {
        self.function.write(out);
        self.component.write(out);
        self.spec.write(out);
        cbor::uint(out, self.kind.number());
        match &self.kind {
            CallKind::Typed { export } => cbor::text(out, export),
            CallKind::Http | CallKind::Event => cbor::null(out),
        }
        cbor::option(out, self.caller.as_ref(), |out, caller| caller.write(out));
        self.input.write(out);
        cbor::uint(out, self.time_us);
        cbor::uint(out, self.fuel_limit);
        cbor::option(out, self.idempotency.as_ref(), |out, key| key.write(out));
        cbor::option(out, self.parent.as_ref(), |out, parent| parent.write(out));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let function = FunctionName::read(r)?;
        let component = Digest::read(r)?;
        let spec = Digest::read(r)?;
        let at = r.position();
        let number = r.uint()?;
        let export = r.option(|r| r.text(MAX_EXPORT_NAME_BYTES).map(str::to_owned))?;
        let kind = match (number, export) {
            (0, None) => CallKind::Http,
            (1, None) => CallKind::Event,
            (2, Some(export)) => CallKind::Typed { export },
            (0..=2, _) => {
                return Err(
                    Invalid::new("call.kind.export", "a typed call, and no other, names an export").into()
                );
            }
            (value, _) => return Err(DecodeError::UnknownNumber { at, what: "kind of call", value }),
        };
        let call = Self {
            function,
            component,
            spec,
            kind,
            caller: r.option(AccountId::read)?,
            input: Payload::read(r)?,
            time_us: r.uint()?,
            fuel_limit: r.uint()?,
            idempotency: r.option(Digest::read)?,
            parent: r.option(EntryId::read)?,
        };
        call.check()?;
        Ok(call)
    }
}

/// Fields of a [`Call`] in its array, after the entry's kind.
pub(crate) const CALL_FIELDS: usize = 11;
