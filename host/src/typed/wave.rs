//! WAVE to values and back. Parsed by wasm-wave; fitted to types here, so that errors have a path and unknown fields
//! are errors as they are in JSON.

use super::bytes::is_bytes;
use super::call::{Arg, NotWritten, wrong_number};
use super::place::{Step, Walk, Wrong, quoted, shown};
use super::wit::Names;
use std::fmt::Write as _;
use wasmtime::component::Val;
use wasmtime::component::types::Type;
use wasmtime::component::wasm_wave::ast::{Node, NodeType};
use wasmtime::component::wasm_wave::untyped::UntypedValue;
use wasmtime::component::wasm_wave::writer::Writer;

/// Reads one WAVE text a parameter.
pub(super) fn arguments(
    texts: &[String],
    params: &[Type],
    names: &Names,
    signature: impl Fn() -> String,
) -> Result<Vec<Arg>, Wrong> {
    if texts.len() != params.len() {
        return Err(wrong_number(params.len(), texts.len(), signature));
    }
    let walk = Walk::new(names);
    let one = |(index, (text, ty)): (usize, (&String, &Type))| {
        walk.at(Step::Index(index), || {
            let parsed = UntypedValue::parse(text).map_err(|error| {
                walk.wrong(names.text(ty), format!("{}, which is not WAVE: {error}", quoted(text)))
            })?;
            let reader = Reader { walk: &walk, source: text };
            match reader.bytes(ty, parsed.node()) {
                Some(bytes) => Ok(Arg::Bytes(bytes?)),
                None => reader.value(ty, parsed.node()).map(Arg::Val),
            }
        })
    };
    texts.iter().zip(params).enumerate().map(one).collect()
}

/// A value as WAVE, of at most `limit` bytes.
pub(super) fn text(val: &Val, limit: u64) -> Result<String, NotWritten> {
    struct Capped(String, u64);
    impl std::fmt::Write for Capped {
        fn write_str(&mut self, part: &str) -> std::fmt::Result {
            self.1 = self.1.checked_sub(part.len() as u64).ok_or(std::fmt::Error)?;
            self.0.push_str(part);
            Ok(())
        }
    }
    let mut out = Capped(String::new(), limit);
    // Every value written here is of a type that has a WAVE form, so only the limit can stop it.
    Writer::new(&mut out).write_value(val).map_err(|_| NotWritten::TooLong)?;
    Ok(out.0)
}

/// A byte list as WAVE.
pub(super) fn bytes_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 5 + 2);
    text.push('[');
    for (index, byte) in bytes.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{byte}", if index > 0 { ", " } else { "" });
    }
    text.push(']');
    text
}

struct Reader<'r, 'n> {
    walk: &'r Walk<'n>,
    source: &'r str,
}

impl Reader<'_, '_> {
    /// A parameter that is a byte list, if it is one.
    fn bytes(&self, ty: &Type, node: &Node) -> Option<Result<Vec<u8>, Wrong>> {
        if !is_bytes(ty) {
            return None;
        }
        let byte = |(index, node): (usize, &Node)| {
            node.as_number::<u8>(self.source)
                .map_err(|_| self.walk.at(Step::Index(index), || self.walk.wrong("u8", self.got(node))))
        };
        Some(match node.as_list() {
            Ok(nodes) => nodes.enumerate().map(byte).collect(),
            Err(_) => Err(self.wrong(ty, node)),
        })
    }

    fn value(&self, ty: &Type, node: &Node) -> Result<Val, Wrong> {
        self.walk.count()?;
        macro_rules! number {
            ($val:ident) => {
                node.as_number(self.source).map(Val::$val).map_err(|_| self.wrong(ty, node))
            };
        }
        match ty {
            Type::U8 => number!(U8),
            Type::S8 => number!(S8),
            Type::U16 => number!(U16),
            Type::S16 => number!(S16),
            Type::U32 => number!(U32),
            Type::S32 => number!(S32),
            Type::U64 => number!(U64),
            Type::S64 => number!(S64),
            Type::Float32 => number!(Float32),
            Type::Float64 => number!(Float64),
            Type::Bool => node.as_bool().map(Val::Bool).map_err(|_| self.wrong(ty, node)),
            Type::Char => node.as_char(self.source).map(Val::Char).map_err(|_| self.wrong(ty, node)),
            Type::String => match node.as_str(self.source) {
                Ok(text) => Ok(Val::String(text.into_owned())),
                Err(_) => Err(self.wrong(ty, node)),
            },
            Type::List(list) => Ok(Val::List(self.list(ty, node, &list.ty())?)),
            Type::FixedLengthList(list) => {
                let vals = self.list(ty, node, &list.ty())?;
                if vals.len() == list.len() as usize {
                    Ok(Val::FixedLengthList(vals))
                } else {
                    Err(self.wrong(ty, node))
                }
            }
            Type::Tuple(tuple) => {
                let nodes: Vec<&Node> = node.as_tuple().map_err(|_| self.wrong(ty, node))?.collect();
                if nodes.len() != tuple.types().len() {
                    return Err(self.walk.wrong_type(ty, format!("a tuple of {}", nodes.len())));
                }
                let one = |(index, (ty, node)): (usize, (Type, &Node))| {
                    self.walk.at(Step::Index(index), || self.value(&ty, node))
                };
                Ok(Val::Tuple(tuple.types().zip(nodes).enumerate().map(one).collect::<Result<_, _>>()?))
            }
            Type::Record(record) => {
                self.record(ty, node, record.fields().map(|field| (field.name, field.ty)).collect())
            }
            Type::Variant(variant) => {
                self.variant(node, variant.cases().map(|case| (case.name, case.ty)).collect(), ty)
            }
            Type::Enum(cases) => match node.as_enum(self.source) {
                Ok(name) if cases.names().any(|case| case == name) => Ok(Val::Enum(name.to_owned())),
                Ok(name) => Err(self.walk.unknown("one of", name, cases.names())),
                Err(_) => Err(self.wrong(ty, node)),
            },
            Type::Flags(flags) => self.flags(ty, node, flags.names().collect()),
            Type::Option(option) => self.option(ty, node, &option.ty()),
            Type::Result(result) => self.result(ty, node, result.ok(), result.err()),
            _ => Err(self.wrong(ty, node)),
        }
    }

    fn list(&self, ty: &Type, node: &Node, of: &Type) -> Result<Vec<Val>, Wrong> {
        let nodes = node.as_list().map_err(|_| self.wrong(ty, node))?;
        nodes
            .enumerate()
            .map(|(index, node)| self.walk.at(Step::Index(index), || self.value(of, node)))
            .collect()
    }

    fn record(&self, ty: &Type, node: &Node, fields: Vec<(&str, Type)>) -> Result<Val, Wrong> {
        let given: Vec<(&str, &Node)> =
            node.as_record(self.source).map_err(|_| self.wrong(ty, node))?.collect();
        for (name, _) in &given {
            if !fields.iter().any(|(field, _)| field == name) {
                let names = fields.iter().map(|(field, _)| *field);
                return Err(self.walk.named(name, || self.walk.unknown("one of the fields", name, names)));
            }
        }
        let one = |(name, ty): (&str, Type)| {
            let val = self.walk.named(name, || match given.iter().find(|(given, _)| *given == name) {
                Some((_, node)) => self.value(&ty, node),
                None if matches!(ty, Type::Option(_)) => Ok(Val::Option(None)),
                None => Err(self.walk.wrong_type(&ty, "nothing")),
            })?;
            Ok((name.to_owned(), val))
        };
        Ok(Val::Record(fields.into_iter().map(one).collect::<Result<_, _>>()?))
    }

    fn variant(&self, node: &Node, cases: Vec<(&str, Option<Type>)>, ty: &Type) -> Result<Val, Wrong> {
        let (name, payload) = node.as_variant(self.source).map_err(|_| self.wrong(ty, node))?;
        let Some((_, of)) = cases.iter().find(|(case, _)| *case == name) else {
            return Err(self.walk.unknown("one of the cases", name, cases.iter().map(|(case, _)| *case)));
        };
        let payload = self.walk.named(name, || self.payload(of.as_ref(), payload))?;
        Ok(Val::Variant(name.to_owned(), payload))
    }

    fn payload(&self, of: Option<&Type>, node: Option<&Node>) -> Result<Option<Box<Val>>, Wrong> {
        match (of, node) {
            (Some(ty), Some(node)) => Ok(Some(Box::new(self.value(ty, node)?))),
            (None, None) => Ok(None),
            (Some(ty), None) => Err(self.walk.wrong_type(ty, "nothing")),
            (None, Some(node)) => Err(self.walk.wrong("no payload", self.got(node))),
        }
    }

    fn flags(&self, ty: &Type, node: &Node, known: Vec<&str>) -> Result<Val, Wrong> {
        let given = node.as_flags(self.source).map_err(|_| self.wrong(ty, node))?;
        let mut set = Vec::new();
        for name in given {
            let name = name.strip_prefix('%').unwrap_or(name);
            if !known.contains(&name) {
                return Err(self.walk.unknown("one of the flags", name, known.into_iter()));
            }
            set.push(name);
        }
        Ok(Val::Flags(known.into_iter().filter(|name| set.contains(name)).map(str::to_owned).collect()))
    }

    /// `none`, `some(value)`, or the value alone where that is clear.
    fn option(&self, ty: &Type, node: &Node, of: &Type) -> Result<Val, Wrong> {
        match (node.ty(), node.as_option()) {
            (NodeType::OptionSome | NodeType::OptionNone, Ok(payload)) => {
                let payload = payload.map(|node| self.value(of, node)).transpose()?;
                Ok(Val::Option(payload.map(Box::new)))
            }
            _ if matches!(of, Type::Option(_) | Type::Result(_)) => Err(self.wrong(ty, node)),
            _ => Ok(Val::Option(Some(Box::new(self.value(of, node)?)))),
        }
    }

    /// `ok(value)`, `err(value)`, or the value alone where that is clear.
    fn result(&self, ty: &Type, node: &Node, ok: Option<Type>, err: Option<Type>) -> Result<Val, Wrong> {
        match (node.as_result(), ok) {
            (Ok(Ok(payload)), ok) => {
                Ok(Val::Result(Ok(self.walk.named("ok", || self.payload(ok.as_ref(), payload))?)))
            }
            (Ok(Err(payload)), _) => {
                Ok(Val::Result(Err(self.walk.named("err", || self.payload(err.as_ref(), payload))?)))
            }
            (Err(_), Some(ok)) if !matches!(ok, Type::Option(_) | Type::Result(_)) => {
                Ok(Val::Result(Ok(Some(Box::new(self.value(&ok, node)?)))))
            }
            (Err(_), _) => Err(self.wrong(ty, node)),
        }
    }

    fn wrong(&self, ty: &Type, node: &Node) -> Wrong {
        self.walk.wrong_type(ty, self.got(node))
    }

    fn got(&self, node: &Node) -> String {
        shown(self.source.get(node.span()).unwrap_or("something else"))
    }
}
