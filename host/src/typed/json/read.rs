//! JSON text to arguments, in one pass: what does not fit is refused where it stands, before it takes memory.

use super::super::bytes::is_bytes;
use super::super::call::{Arg, wrong_number};
use super::super::place::{Step, Walk, Wrong, quoted, shown};
use super::super::wit::Names;
use super::MAX_SAFE_INTEGER;
use super::bytes::Bytes;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::cell::RefCell;
use std::fmt;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

/// Reads a JSON array with one element a parameter. No text at all is an empty array.
pub(in super::super) fn arguments(
    text: &str,
    params: &[Type],
    names: &Names,
    signature: impl Fn() -> String,
) -> Result<Vec<Arg>, Wrong> {
    let text = if text.trim().is_empty() { "[]" } else { text };
    let stop = Stop { walk: &Walk::new(names), wrong: RefCell::default() };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer
        .deserialize_any(All { stop: &stop, params, signature: &signature })
        .and_then(|args| deserializer.end().map(|()| args));
    read.map_err(|error| {
        stop.wrong.into_inner().unwrap_or_else(|| Wrong {
            path: "arguments".to_owned(),
            expected: "a JSON array with one element a parameter".to_owned(),
            got: format!("text that is not JSON: {error}"),
        })
    })
}

/// Where a reader leaves what is wrong, since a deserialiser's error is only text.
pub(super) struct Stop<'r, 'n> {
    pub(super) walk: &'r Walk<'n>,
    wrong: RefCell<Option<Wrong>>,
}

impl Stop<'_, '_> {
    pub(super) fn stop<T, E: Error>(&self, wrong: Wrong) -> Result<T, E> {
        self.wrong.borrow_mut().get_or_insert(wrong);
        Err(E::custom("does not fit"))
    }

    fn fit<T, E: Error>(&self, outcome: Result<T, Wrong>) -> Result<T, E> {
        outcome.or_else(|wrong| self.stop(wrong))
    }
}

/// The array of arguments.
struct All<'r, 'n> {
    stop: &'r Stop<'r, 'n>,
    params: &'r [Type],
    signature: &'r dyn Fn() -> String,
}

impl<'de> Visitor<'de> for All<'_, '_> {
    type Value = Vec<Arg>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of arguments for {}", (self.signature)())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Arg>, A::Error> {
        let mut args = Vec::with_capacity(self.params.len());
        for (index, ty) in self.params.iter().enumerate() {
            let stop = self.stop;
            let arg = stop.walk.at(Step::Index(index), || {
                if is_bytes(ty) {
                    Ok(seq.next_element_seed(Bytes(stop))?.map(Arg::Bytes))
                } else {
                    Ok(seq.next_element_seed(One { stop, ty })?.map(Arg::Val))
                }
            })?;
            match arg {
                Some(arg) => args.push(arg),
                None => return stop.stop(wrong_number(self.params.len(), index, self.signature)),
            }
        }
        let mut extra = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            extra += 1;
        }
        if extra > 0 {
            return self.stop.stop(wrong_number(
                self.params.len(),
                self.params.len() + extra,
                self.signature,
            ));
        }
        Ok(args)
    }
}

/// One value of a type.
struct One<'r, 'n> {
    stop: &'r Stop<'r, 'n>,
    ty: &'r Type,
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
        deserializer.deserialize_any(self)
    }
}

impl One<'_, '_> {
    fn wrong<T, E: Error>(&self, got: impl Into<String>) -> Result<T, E> {
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

    /// What an option holds, when a value that is not `null` stands for itself.
    fn some(&self) -> Option<Type> {
        match self.ty {
            Type::Option(option) => Some(option.ty()).filter(|inner| !matches!(inner, Type::Option(_))),
            _ => None,
        }
    }

    fn inner<'t>(&'t self, ty: &'t Type) -> One<'t, 't> {
        One { stop: self.stop, ty }
    }

    fn integer<E: Error>(&self, value: i128) -> Result<Val, E> {
        macro_rules! fit {
            ($($ty:ident),*) => {
                match self.ty {
                    $(Type::$ty => value.try_into().ok().map(Val::$ty),)*
                    Type::Float64 => Some(value as f64).filter(|f| *f as i128 == value).map(Val::Float64),
                    Type::Float32 => Some(value as f32).filter(|f| *f as i128 == value).map(Val::Float32),
                    _ => None,
                }
            };
        }
        match fit!(U8, S8, U16, S16, U32, S32, U64, S64) {
            Some(val) => Ok(val),
            None => self.wrong(value.to_string()),
        }
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
            Type::Float64 => special(text).map(Val::Float64),
            Type::Float32 => special(text).map(|value| Val::Float32(value as f32)),
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

    fn elements<'de, A: SeqAccess<'de>>(&self, mut seq: A, ty: &Type) -> Result<Vec<Val>, A::Error> {
        let mut vals = Vec::new();
        while let Some(val) =
            self.stop.walk.at(Step::Index(vals.len()), || seq.next_element_seed(self.inner(ty)))?
        {
            vals.push(val);
        }
        Ok(vals)
    }

    fn exactly<'de, A: SeqAccess<'de>>(
        &self,
        mut seq: A,
        types: impl ExactSizeIterator<Item = Type>,
    ) -> Result<Vec<Val>, A::Error> {
        let wanted = types.len();
        let mut vals = Vec::new();
        for ty in types {
            match self.stop.walk.at(Step::Index(vals.len()), || seq.next_element_seed(self.inner(&ty)))? {
                Some(val) => vals.push(val),
                None => return self.wrong(format!("an array of {}", vals.len())),
            }
        }
        if seq.next_element::<IgnoredAny>()?.is_some() {
            return self.wrong(format!("an array of more than {wanted}"));
        }
        Ok(vals)
    }

    fn flags<'de, A: SeqAccess<'de>>(&self, mut seq: A, known: Vec<&str>) -> Result<Val, A::Error> {
        let mut set: Vec<String> = Vec::new();
        while let Some(name) = seq.next_element_seed(One { stop: self.stop, ty: &Type::String })? {
            let Val::String(name) = name else { return self.wrong("something else") };
            let walk = self.stop.walk;
            let here = |work: &dyn Fn() -> Wrong| walk.at(Step::Index(set.len()), work);
            if !known.contains(&name.as_str()) {
                let wrong = here(&|| walk.unknown("one of the flags", &name, known.iter().copied()));
                return self.stop.stop(wrong);
            }
            if set.contains(&name) {
                return self.stop.stop(here(&|| walk.wrong("each flag once", quoted(&name))));
            }
            set.push(name);
        }
        Ok(Val::Flags(
            known.into_iter().filter(|name| set.iter().any(|on| on == name)).map(str::to_owned).collect(),
        ))
    }

    fn record<'de, A: MapAccess<'de>>(&self, mut map: A, fields: Vec<(&str, Type)>) -> Result<Val, A::Error> {
        let walk = self.stop.walk;
        let mut vals: Vec<Option<Val>> = vec![None; fields.len()];
        while let Some(key) = map.next_key::<String>()? {
            let Some(place) = fields.iter().position(|(name, _)| *name == key) else {
                let names = fields.iter().map(|(name, _)| *name);
                return self.stop.stop(walk.named(&key, || walk.unknown("one of the fields", &key, names)));
            };
            if vals[place].is_some() {
                return self.stop.stop(walk.named(&key, || walk.wrong("each field once", "it twice")));
            }
            vals[place] = Some(walk.named(&key, || map.next_value_seed(self.inner(&fields[place].1)))?);
        }
        let mut record = Vec::with_capacity(fields.len());
        for ((name, ty), val) in fields.into_iter().zip(vals) {
            let val = match val {
                Some(val) => val,
                None if matches!(ty, Type::Option(_)) => Val::Option(None),
                None => return self.stop.stop(walk.named(name, || walk.wrong_type(&ty, "nothing"))),
            };
            record.push((name.to_owned(), val));
        }
        Ok(Val::Record(record))
    }

    /// An object with one field, whose name says what its value is.
    fn single<'de, A: MapAccess<'de>>(
        &self,
        mut map: A,
        cases: Vec<(&str, Option<Type>)>,
    ) -> Result<(String, Option<Val>), A::Error> {
        let walk = self.stop.walk;
        let Some(key) = map.next_key::<String>()? else { return self.wrong("an empty object") };
        let Some((_, payload)) = cases.iter().find(|(name, _)| *name == key) else {
            let names = cases.iter().map(|(name, _)| *name);
            return self.stop.stop(walk.unknown("one of the cases", &key, names));
        };
        let val = walk.named(&key, || match payload {
            Some(ty) => map.next_value_seed(self.inner(ty)).map(Some),
            None => map.next_value_seed(Null { stop: self.stop, case: &key }).map(|()| None),
        })?;
        if let Some(other) = map.next_key::<String>()? {
            return self.wrong(format!("an object with {} and {}", quoted(&key), quoted(&other)));
        }
        Ok((key, val))
    }
}

/// A value that does not stand for itself goes to what an option holds.
macro_rules! visit {
    ($one:ident . $visit:ident ( $($value:expr)? ) else $then:expr) => {
        match $one.some() {
            Some(ty) => {
                $one.stop.fit($one.stop.walk.count())?;
                Ok(Val::Option(Some(Box::new($one.inner(&ty).$visit($($value)?)?))))
            }
            None => $then,
        }
    };
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
        visit!(self.visit_bool(value) else match self.ty {
            Type::Bool => Ok(Val::Bool(value)),
            _ => self.wrong(value.to_string()),
        })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Val, E> {
        visit!(self.visit_u64(value) else self.integer(i128::from(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Val, E> {
        visit!(self.visit_i64(value) else self.integer(i128::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Val, E> {
        visit!(self.visit_f64(value) else match self.ty {
            Type::Float64 => Ok(Val::Float64(value)),
            Type::Float32 if (value as f32).is_finite() => Ok(Val::Float32(value as f32)),
            // Written with a point or an exponent, and whole all the same.
            _ if value.fract() == 0.0 && value.abs() <= MAX_SAFE_INTEGER as f64 => self.integer(value as i128),
            _ => self.wrong(number(value)),
        })
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Val, E> {
        match self.some() {
            // A byte list reads text in its own way.
            Some(ty) if is_bytes(&ty) => {
                let bytes = Bytes(self.stop).visit_str(value)?;
                let vals = bytes.into_iter().map(Val::U8).collect();
                Ok(Val::Option(Some(Box::new(Val::List(vals)))))
            }
            _ => visit!(self.visit_str(value) else self.text(value)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Val, A::Error> {
        visit!(self.visit_seq(seq) else match self.ty {
            Type::List(list) => Ok(Val::List(self.elements(seq, &list.ty())?)),
            Type::FixedLengthList(list) => {
                let types = vec![list.ty(); list.len() as usize];
                Ok(Val::FixedLengthList(self.exactly(seq, types.into_iter())?))
            }
            Type::Tuple(tuple) => Ok(Val::Tuple(self.exactly(seq, tuple.types())?)),
            Type::Flags(flags) => self.flags(seq, flags.names().collect()),
            _ => self.wrong("an array"),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Val, A::Error> {
        visit!(self.visit_map(map) else match self.ty {
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
        })
    }
}

/// The `null` of a case without payload.
struct Null<'r, 'n> {
    stop: &'r Stop<'r, 'n>,
    case: &'r str,
}

impl<'de> DeserializeSeed<'de> for Null<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match Option::<IgnoredAny>::deserialize(deserializer)? {
            None => Ok(()),
            Some(_) => {
                let expected = format!("null: the case {} has no payload", shown(self.case));
                self.stop.stop(self.stop.walk.wrong(expected, "something"))
            }
        }
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A number as an error shows it.
pub(super) fn number(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string(), |number| number.to_string())
}
