//! Values to JSON text.

use super::super::bytes::is_bytes;
use super::super::call::NotWritten;
use super::MAX_SAFE_INTEGER;
use data_encoding::BASE64;
use std::io::{self, Write};
use wasmtime::component::Val;
use wasmtime::component::types::Type;

/// A value as JSON, of at most `limit` bytes.
pub(in super::super) fn text(val: &Val, ty: &Type, limit: u64) -> Result<String, NotWritten> {
    let mut out = Capped { text: Vec::new(), left: limit };
    value(&mut out, val, ty)?;
    String::from_utf8(out.text).map_err(|error| NotWritten::Mismatch(error.to_string()))
}

/// A byte list as JSON.
pub(in super::super) fn bytes_text(bytes: &[u8]) -> String {
    format!("\"{}\"", BASE64.encode(bytes))
}

/// Text with a bound.
struct Capped {
    text: Vec<u8>,
    left: u64,
}

impl Write for Capped {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.put(part).map(|()| part.len()).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Capped {
    fn put(&mut self, part: &[u8]) -> Result<(), NotWritten> {
        self.left = self.left.checked_sub(part.len() as u64).ok_or(NotWritten::TooLong)?;
        self.text.extend_from_slice(part);
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), NotWritten> {
        serde_json::to_writer(self, text).map_err(|_| NotWritten::TooLong)
    }

    fn display(&mut self, value: impl std::fmt::Display) -> Result<(), NotWritten> {
        write!(self, "{value}").map_err(|_| NotWritten::TooLong)
    }

    /// Parts between brackets, separated by commas.
    fn parts<T>(
        &mut self,
        brackets: [&[u8]; 2],
        parts: impl IntoIterator<Item = T>,
        mut part: impl FnMut(&mut Capped, T) -> Result<(), NotWritten>,
    ) -> Result<(), NotWritten> {
        self.put(brackets[0])?;
        for (index, one) in parts.into_iter().enumerate() {
            if index > 0 {
                self.put(b",")?;
            }
            part(self, one)?;
        }
        self.put(brackets[1])
    }

    /// `{"name": payload}`
    fn single(&mut self, name: &str, payload: Option<&Val>, ty: Option<&Type>) -> Result<(), NotWritten> {
        self.put(b"{")?;
        self.string(name)?;
        self.put(b":")?;
        match (payload, ty) {
            (Some(payload), Some(ty)) => value(self, payload, ty)?,
            _ => self.put(b"null")?,
        }
        self.put(b"}")
    }
}

fn value(out: &mut Capped, val: &Val, ty: &Type) -> Result<(), NotWritten> {
    match (val, ty) {
        (Val::Bool(value), _) => out.display(value),
        (Val::U8(value), _) => out.display(value),
        (Val::S8(value), _) => out.display(value),
        (Val::U16(value), _) => out.display(value),
        (Val::S16(value), _) => out.display(value),
        (Val::U32(value), _) => out.display(value),
        (Val::S32(value), _) => out.display(value),
        (Val::U64(value), _) => long(out, *value <= MAX_SAFE_INTEGER, value),
        (Val::S64(value), _) => long(out, value.unsigned_abs() <= MAX_SAFE_INTEGER, value),
        (Val::Float32(value), _) => float(out, widen(*value)),
        (Val::Float64(value), _) => float(out, *value),
        (Val::Char(value), _) => out.string(value.encode_utf8(&mut [0; 4])),
        (Val::String(value), _) | (Val::Enum(value), _) => out.string(value),
        (Val::List(vals), ty) if is_bytes(ty) => {
            let bytes: Vec<u8> = vals
                .iter()
                .filter_map(|val| if let Val::U8(byte) = val { Some(*byte) } else { None })
                .collect();
            out.put(bytes_text(&bytes).as_bytes())
        }
        (Val::List(vals), Type::List(list)) => {
            let ty = list.ty();
            out.parts([b"[", b"]"], vals, |out, val| value(out, val, &ty))
        }
        (Val::FixedLengthList(vals), Type::FixedLengthList(list)) => {
            let ty = list.ty();
            out.parts([b"[", b"]"], vals, |out, val| value(out, val, &ty))
        }
        (Val::Tuple(vals), Type::Tuple(tuple)) => {
            out.parts([b"[", b"]"], vals.iter().zip(tuple.types()), |out, (val, ty)| value(out, val, &ty))
        }
        (Val::Flags(names), _) => out.parts([b"[", b"]"], names, |out, name| out.string(name)),
        (Val::Record(fields), Type::Record(record)) => {
            out.parts([b"{", b"}"], fields.iter().zip(record.fields()), |out, ((name, val), field)| {
                out.string(name)?;
                out.put(b":")?;
                value(out, val, &field.ty)
            })
        }
        (Val::Variant(name, None), _) => out.string(name),
        (Val::Variant(name, Some(payload)), Type::Variant(variant)) => {
            let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
            out.single(name, Some(payload), ty.as_ref())
        }
        (Val::Option(None), _) => out.put(b"null"),
        (Val::Option(Some(val)), Type::Option(option)) => match option.ty() {
            inner @ Type::Option(_) => out.single("some", Some(val), Some(&inner)),
            inner => value(out, val, &inner),
        },
        (Val::Result(Ok(payload)), Type::Result(result)) => {
            out.single("ok", payload.as_deref(), result.ok().as_ref())
        }
        (Val::Result(Err(payload)), Type::Result(result)) => {
            out.single("err", payload.as_deref(), result.err().as_ref())
        }
        (val, ty) => Err(NotWritten::Mismatch(format!("{val:?} has no JSON form as a {ty:?}"))),
    }
}

/// A 64-bit integer: as a number as long as every reader of JSON has it exactly.
fn long(out: &mut Capped, safe: bool, value: &dyn std::fmt::Display) -> Result<(), NotWritten> {
    if safe { out.display(value) } else { out.display(format_args!("\"{value}\"")) }
}

fn float(out: &mut Capped, value: f64) -> Result<(), NotWritten> {
    match serde_json::Number::from_f64(value) {
        Some(number) => out.display(number),
        None if value.is_nan() => out.put(b"\"NaN\""),
        None if value > 0.0 => out.put(b"\"Infinity\""),
        None => out.put(b"\"-Infinity\""),
    }
}

/// The double that prints as the shortest text of a single: 0.1, not 0.10000000149011612.
fn widen(value: f32) -> f64 {
    let short = value.to_string().parse::<f64>().unwrap_or(f64::NAN);
    if short as f32 == value { short } else { f64::from(value) }
}
