//! One value of a type: which JSON stands for it.

use super::super::bytes::is_bytes;
use super::super::place::{quoted, shown};
use super::MAX_SAFE_INTEGER;
use super::bytes::Bytes;
use super::read::Stop;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

/// One value of a type.
pub(super) struct One<'r, 'n> {
    pub(super) stop: &'r Stop<'r, 'n>,
    pub(super) ty: &'r Type,
}

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = Val;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Val, D::Error> {
        self.stop.fit(self.stop.walk.count())?;
        if is_bytes(self.ty) {
            let bytes = Bytes(self.stop).deserialize(deserializer)?;
            for _ in &bytes {
                self.stop.fit(self.stop.walk.count())?;
            }
            return Ok(Val::List(bytes.into_iter().map(Val::U8).collect()));
        }
        match self.ty {
            // As the text has them: the parser's own reading may be off by the last bit.
            Type::Float32 | Type::Float64 => {
                let text = <&RawValue>::deserialize(deserializer)?;
                self.float(text.get())
            }
            // What is not `null` stands for itself, unless it could be `null` too.
            Type::Option(option) => match option.ty() {
                Type::Option(_) => deserializer.deserialize_any(self),
                ty => deserializer.deserialize_option(Optional(self.inner(&ty))),
            },
            _ => deserializer.deserialize_any(self),
        }
    }
}

/// `null`, or a value.
struct Optional<'r, 'n>(One<'r, 'n>);

impl<'de> Visitor<'de> for Optional<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<Val, E> {
        Ok(Val::Option(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Val, E> {
        Ok(Val::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Val, D::Error> {
        Ok(Val::Option(Some(Box::new(self.0.deserialize(deserializer)?))))
    }
}

impl One<'_, '_> {
    pub(super) fn wrong<T, E: Error>(&self, got: impl Into<String>) -> Result<T, E> {
        let hint = match self.ty {
            Type::Char => " (a string of one character)",
            Type::Flags(_) => " (an array of names)",
            Type::Variant(_) => " (\"case\", or {\"case\": payload})",
            Type::Result(_) => " ({\"ok\": value} or {\"err\": value})",
            Type::Option(_) => " (null, or {\"some\": value})",
            _ => "",
        };
        let expected = format!("{}{hint}", self.stop.walk.names.text(self.ty));
        self.stop.stop(self.stop.walk.wrong(expected, got))
    }

    pub(super) fn inner<'t>(&'t self, ty: &'t Type) -> One<'t, 't> {
        One { stop: self.stop, ty }
    }

    fn integer<E: Error>(&self, value: i128) -> Result<Val, E> {
        macro_rules! fit {
            ($($ty:ident),*) => {
                match self.ty {
                    $(Type::$ty => value.try_into().ok().map(Val::$ty),)*
                    _ => None,
                }
            };
        }
        match fit!(U8, S8, U16, S16, U32, S32, U64, S64) {
            Some(val) => Ok(val),
            None => self.wrong(value.to_string()),
        }
    }

    /// A float from its text: a number, or the name of one that JSON has no number for.
    fn float<E: Error>(&self, text: &str) -> Result<Val, E> {
        if text.starts_with('"') {
            let name: String = serde_json::from_str(text).map_err(E::custom)?;
            let value = match name.as_str() {
                "NaN" => f64::NAN,
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                _ => return self.wrong(quoted(&name)),
            };
            let single = matches!(self.ty, Type::Float32);
            return Ok(if single { Val::Float32(value as f32) } else { Val::Float64(value) });
        }
        // An integer is meant exactly; of a fraction, the nearest that the type has is meant.
        let whole = !text.contains(['.', 'e', 'E']);
        let val = match self.ty {
            Type::Float32 => text
                .parse::<f32>()
                .ok()
                .filter(|value| value.is_finite() && (!whole || format!("{value:.0}") == text))
                .map(Val::Float32),
            _ => text
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite() && (!whole || format!("{value:.0}") == text))
                .map(Val::Float64),
        };
        val.map_or_else(|| self.wrong(shown(text)), Ok)
    }

    fn text<E: Error>(&self, text: &str) -> Result<Val, E> {
        let mut chars = text.chars();
        let val = match self.ty {
            Type::String => Some(Val::String(text.to_owned())),
            Type::Char => match (chars.next(), chars.next()) {
                (Some(only), None) => Some(Val::Char(only)),
                _ => None,
            },
            Type::U64 | Type::S64 => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                match text.parse::<i128>() {
                    Ok(value) if decimal => return self.integer(value),
                    _ => None,
                }
            }
            Type::Enum(cases) if cases.names().any(|name| name == text) => Some(Val::Enum(text.to_owned())),
            Type::Enum(cases) => {
                return self.stop.stop(self.stop.walk.unknown("one of", text, cases.names()));
            }
            Type::Variant(variant) => match variant.cases().find(|case| case.name == text) {
                Some(case) if case.ty.is_none() => Some(Val::Variant(text.to_owned(), None)),
                Some(case) => {
                    let payload = case.ty.map(|ty| self.stop.walk.names.text(&ty)).unwrap_or_default();
                    let expected = format!("{{{:?}: {payload}}}", case.name);
                    return self.stop.stop(self.stop.walk.wrong(expected, quoted(text)));
                }
                None => {
                    let names: Vec<_> = variant.cases().map(|case| case.name).collect();
                    return self.stop.stop(self.stop.walk.unknown(
                        "one of the cases",
                        text,
                        names.into_iter(),
                    ));
                }
            },
            _ => None,
        };
        val.map_or_else(|| self.wrong(quoted(text)), Ok)
    }
}

impl<'de> Visitor<'de> for One<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stop.walk.names.text(self.ty))
    }

    fn visit_unit<E: Error>(self) -> Result<Val, E> {
        match self.ty {
            Type::Option(_) => Ok(Val::Option(None)),
            _ => self.wrong("null"),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Val, E> {
        match self.ty {
            Type::Bool => Ok(Val::Bool(value)),
            _ => self.wrong(value.to_string()),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Val, E> {
        self.integer(i128::from(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Val, E> {
        self.integer(i128::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Val, E> {
        // Written with a point or an exponent, and whole all the same.
        if value.fract() == 0.0 && value.abs() <= MAX_SAFE_INTEGER as f64 {
            return self.integer(value as i128);
        }
        self.wrong(number(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Val, E> {
        self.text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Val, A::Error> {
        match self.ty {
            Type::List(list) => Ok(Val::List(self.elements(seq, &list.ty())?)),
            Type::FixedLengthList(list) => {
                let types = std::iter::repeat_n(list.ty(), list.len() as usize);
                Ok(Val::FixedLengthList(self.exactly(seq, types)?))
            }
            Type::Tuple(tuple) => Ok(Val::Tuple(self.exactly(seq, tuple.types())?)),
            Type::Flags(flags) => self.flags(seq, flags.names().collect()),
            _ => self.wrong("an array"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Val, A::Error> {
        match self.ty {
            Type::Record(record) => {
                self.record(map, record.fields().map(|field| (field.name, field.ty)).collect())
            }
            Type::Variant(variant) => {
                let cases = variant.cases().map(|case| (case.name, case.ty)).collect();
                let (name, payload) = self.single(map, cases)?;
                Ok(Val::Variant(name, payload.map(Box::new)))
            }
            Type::Result(result) => {
                let (name, payload) = self.single(map, vec![("ok", result.ok()), ("err", result.err())])?;
                let payload = payload.map(Box::new);
                Ok(Val::Result(if name == "ok" { Ok(payload) } else { Err(payload) }))
            }
            Type::Option(option) => {
                let (_, payload) = self.single(map, vec![("some", Some(option.ty()))])?;
                Ok(Val::Option(payload.map(Box::new)))
            }
            _ => self.wrong("an object"),
        }
    }
}

/// A number as an error shows it.
pub(super) fn number(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string(), |number| number.to_string())
}
