//! The encoding of a spec.
//!
//! ```text
//! [kind, route, null | [account...] | rule, payer, upgradable, destructible, deterministic, idempotent,
//!  [0, retention_s] | [1] | [2],
//!  [null | [host...], [[name, value]...], [secret...], [store...], [[name, at, write]...], clock, random, ledger],
//!  [fuel, deadline_ms, memory, request, response, log]]
//! and after it replicas_k, from 2 on
//! ```

use super::{Access, FunctionKind, Lifecycle, Payer, PayloadMode, Spec, SpecDir, SpecGrants, SpecLimits};
use crate::bytes::AccountId;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::{Item, canonical};
use crate::limits::{MAX_RULE_BYTES, MAX_SPEC_BYTES, MAX_SPEC_LIST, MAX_SPEC_TEXT_BYTES};

canonical!(Spec, MAX_SPEC_BYTES);

fn write_list<T>(out: &mut Vec<u8>, list: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    cbor::array(out, list.len());
    for item in list {
        write(out, item);
    }
}

fn read_list<T>(
    r: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    (0..r.list(MAX_SPEC_LIST)?).map(|_| read(r)).collect()
}

fn write_texts(out: &mut Vec<u8>, texts: &[String]) {
    write_list(out, texts, |out, text| cbor::text(out, text));
}

fn read_text(r: &mut Reader<'_>) -> Result<String, DecodeError> {
    r.text(MAX_SPEC_TEXT_BYTES).map(str::to_owned)
}

impl Item for Spec {
    fn write(&self, out: &mut Vec<u8>) {
        let several = self.replicas_k != 1;
        cbor::array(out, if several { 12 } else { 11 });
        self.kind.write(out);
        cbor::text(out, &self.route);
        match &self.access {
            Access::Anyone => cbor::null(out),
            Access::Accounts(accounts) => write_list(out, accounts, |out, a| a.write(out)),
            Access::Rule(text) => cbor::text(out, text),
        }
        self.payer.write(out);
        cbor::boolean(out, self.lifecycle.upgradable);
        cbor::boolean(out, self.lifecycle.destructible);
        cbor::boolean(out, self.deterministic);
        cbor::boolean(out, self.idempotent);
        self.payloads.write(out);
        self.grants.write(out);
        self.limits.write(out);
        if several {
            cbor::uint(out, self.replicas_k);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(12)?;
        if fields < 11 {
            return Err(DecodeError::WrongLength { at, what: "the spec", len: fields as u64, wanted: 11 });
        }
        let spec = Self {
            kind: FunctionKind::read(r)?,
            route: read_text(r)?,
            access: read_access(r)?,
            payer: Payer::read(r)?,
            lifecycle: Lifecycle { upgradable: r.boolean()?, destructible: r.boolean()? },
            deterministic: r.boolean()?,
            idempotent: r.boolean()?,
            payloads: PayloadMode::read(r)?,
            grants: SpecGrants::read(r)?,
            limits: SpecLimits::read(r)?,
            replicas_k: if fields == 12 { r.small()? } else { 1 },
        };
        if fields == 12 && spec.replicas_k == 1 {
            return Err(Invalid::new("spec.replicas_k", "1, which is left out").into());
        }
        spec.check()?;
        Ok(spec)
    }
}

/// Which of the three it is shows in the type of what is there.
fn read_access(r: &mut Reader<'_>) -> Result<Access, DecodeError> {
    if r.at_text() {
        return Ok(Access::Rule(r.text(MAX_RULE_BYTES)?.to_owned()));
    }
    let accounts = r.option(|r| read_list(r, AccountId::read))?;
    Ok(accounts.map_or(Access::Anyone, Access::Accounts))
}

impl Item for PayloadMode {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Keep { retention_s } => {
                cbor::array(out, 2);
                cbor::uint(out, 0u8);
                cbor::uint(out, *retention_s);
            }
            Self::Inline => {
                cbor::array(out, 1);
                cbor::uint(out, 1u8);
            }
            Self::Digest => {
                cbor::array(out, 1);
                cbor::uint(out, 2u8);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = r.list(2)?;
        let at = r.position();
        match (r.uint()?, fields) {
            (0, 2) => Ok(Self::Keep { retention_s: r.uint()? }),
            (1, 1) => Ok(Self::Inline),
            (2, 1) => Ok(Self::Digest),
            (value @ 0..=2, _) => Err(DecodeError::WrongLength {
                at,
                what: "the payload mode",
                len: fields as u64,
                wanted: if value == 0 { 2 } else { 1 },
            }),
            (value, _) => Err(DecodeError::UnknownNumber { at, what: "payload mode", value }),
        }
    }
}

impl Item for SpecGrants {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 8);
        cbor::option(out, self.http.as_ref(), |out, hosts| write_texts(out, hosts));
        write_list(out, &self.env, |out, (name, value)| {
            cbor::array(out, 2);
            cbor::text(out, name);
            cbor::text(out, value);
        });
        write_texts(out, &self.secrets);
        write_texts(out, &self.key_value);
        write_list(out, &self.dirs, |out, dir| {
            cbor::array(out, 3);
            cbor::text(out, &dir.name);
            cbor::text(out, &dir.at);
            cbor::boolean(out, dir.write);
        });
        cbor::boolean(out, self.clock);
        cbor::boolean(out, self.random);
        cbor::boolean(out, self.ledger);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(8)?;
        Ok(Self {
            http: r.option(|r| read_list(r, read_text))?,
            env: read_list(r, |r| {
                r.array(2)?;
                Ok((read_text(r)?, read_text(r)?))
            })?,
            secrets: read_list(r, read_text)?,
            key_value: read_list(r, read_text)?,
            dirs: read_list(r, |r| {
                r.array(3)?;
                Ok(SpecDir { name: read_text(r)?, at: read_text(r)?, write: r.boolean()? })
            })?,
            clock: r.boolean()?,
            random: r.boolean()?,
            ledger: r.boolean()?,
        })
    }
}

impl Item for SpecLimits {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 6);
        for limit in [
            self.fuel,
            self.deadline_ms,
            self.memory_bytes,
            self.request_bytes,
            self.response_bytes,
            self.log_bytes,
        ] {
            cbor::uint(out, limit);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(6)?;
        Ok(Self {
            fuel: r.uint()?,
            deadline_ms: r.uint()?,
            memory_bytes: r.uint()?,
            request_bytes: r.uint()?,
            response_bytes: r.uint()?,
            log_bytes: r.uint()?,
        })
    }
}
