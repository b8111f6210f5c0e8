//! From a component's bytes to its interface. The bytes may be anybody's: whatever they hold, this gives an answer.

use std::collections::HashMap;

use wasmparser::Parser;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Function, FunctionKind, Resolve, TypeDefKind, TypeId, WorldItem};

use super::{Docs, Export, Failure, Integer, Interface, Named, Part, Shape, Type};
use crate::limits::MAX_TYPE_DEPTH;

/// Why a component's interface cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the component's interface cannot be read: {0}")]
pub(crate) struct Unreadable(String);

/// Reads what a component exports. What documentation the component itself does not carry is taken from `docs`.
pub(crate) fn read(component: &[u8], docs: &Docs) -> Result<Interface, Unreadable> {
    // What reads it takes a core module for a component that exports nothing.
    if !Parser::is_component(component) {
        return Err(Unreadable("these bytes are no component".to_owned()));
    }
    let decoded = decode(component).map_err(|error| Unreadable(format!("{error:#}")))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(Unreadable("it is a package of interfaces, and no component".to_owned()));
    };
    let mut reader =
        Reader { resolve: &resolve, docs, interface: Interface::default(), seen: HashMap::new() };
    for (key, item) in &resolve.worlds[world].exports {
        match item {
            WorldItem::Function(function) => reader.function(None, function),
            WorldItem::Interface { id, .. } => {
                let name = resolve.name_world_key(key);
                // The platform calls these itself.
                if !name.starts_with("wasi:") && !name.starts_with("moot:") {
                    for function in resolve.interfaces[*id].functions.values() {
                        reader.function(Some(&name), function);
                    }
                }
            }
            WorldItem::Type { .. } => {}
        }
    }
    Ok(reader.interface)
}

struct Reader<'r> {
    resolve: &'r Resolve,
    docs: &'r Docs,
    interface: Interface,
    seen: HashMap<TypeId, usize>,
}

/// What in a type has no value outside the component.
type NoValue = &'static str;

impl Reader<'_> {
    fn function(&mut self, interface: Option<&str>, function: &Function) {
        match self.export(interface, function) {
            Ok(export) => self.interface.exports.push(export),
            Err(why) => {
                let path = match interface {
                    Some(interface) => format!("{interface}#{}", function.name),
                    None => function.name.clone(),
                };
                self.interface.left_out.push((path, why.to_owned()));
            }
        }
    }

    fn export(&mut self, interface: Option<&str>, function: &Function) -> Result<Export, NoValue> {
        if function.kind != FunctionKind::Freestanding {
            return Err(match function.kind {
                FunctionKind::AsyncFreestanding => {
                    "it is asynchronous, and only synchronous functions are called"
                }
                _ => "it belongs to a resource, which only has meaning inside the component",
            });
        }
        let mut parameters = Vec::new();
        for parameter in &function.params {
            parameters.push((parameter.name.clone(), self.ty(&parameter.ty, 0)?));
        }
        let result = function.result.as_ref().map(|ty| self.ty(ty, 0)).transpose()?;
        let unboxed = |ty: Option<Box<Type>>| ty.map(|ty| *ty);
        let (answer, failure) = match result {
            Some(Type::Result(ok, err)) => (unboxed(ok), Failure::With(unboxed(err))),
            other => (other, Failure::Never),
        };
        let docs = self.docs.of(interface, &function.name, None, &function.docs);
        let (interface, name) = (interface.map(str::to_owned), function.name.clone());
        Ok(Export { interface, name, docs, parameters, answer, failure })
    }

    fn ty(&mut self, ty: &wit_parser::Type, depth: usize) -> Result<Type, NoValue> {
        use wit_parser::Type as Wit;
        if depth > MAX_TYPE_DEPTH {
            return Err("its types are nested too deeply");
        }
        Ok(match ty {
            Wit::Bool => Type::Bool,
            Wit::U8 => Type::Integer(Integer::U8),
            Wit::U16 => Type::Integer(Integer::U16),
            Wit::U32 => Type::Integer(Integer::U32),
            Wit::U64 => Type::Integer(Integer::U64),
            Wit::S8 => Type::Integer(Integer::S8),
            Wit::S16 => Type::Integer(Integer::S16),
            Wit::S32 => Type::Integer(Integer::S32),
            Wit::S64 => Type::Integer(Integer::S64),
            Wit::F32 => Type::F32,
            Wit::F64 => Type::F64,
            Wit::Char => Type::Char,
            Wit::String => Type::Text,
            Wit::ErrorContext => return Err("it has an error context, which has no text form"),
            Wit::Id(id) => self.defined(*id, depth + 1)?,
        })
    }

    fn defined(&mut self, id: TypeId, depth: usize) -> Result<Type, NoValue> {
        if let Some(place) = self.seen.get(&id) {
            return Ok(Type::Named(*place));
        }
        let def = &self.resolve.types[id];
        Ok(match &def.kind {
            TypeDefKind::Type(ty) => self.ty(ty, depth)?,
            TypeDefKind::List(ty) => match self.ty(ty, depth)? {
                Type::Integer(Integer::U8) => Type::Bytes,
                ty => Type::List(Box::new(ty)),
            },
            TypeDefKind::FixedLengthList(ty, length) => Type::Array(Box::new(self.ty(ty, depth)?), *length),
            TypeDefKind::Tuple(tuple) => {
                Type::Tuple(tuple.types.iter().map(|ty| self.ty(ty, depth)).collect::<Result<_, _>>()?)
            }
            TypeDefKind::Option(ty) => Type::Option(Box::new(self.ty(ty, depth)?)),
            TypeDefKind::Result(result) => {
                let mut boxed = |ty: &Option<wit_parser::Type>| {
                    ty.as_ref().map(|ty| self.ty(ty, depth).map(Box::new)).transpose()
                };
                Type::Result(boxed(&result.ok)?, boxed(&result.err)?)
            }
            TypeDefKind::Record(_)
            | TypeDefKind::Variant(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Flags(_) => self.named(id, depth)?,
            TypeDefKind::Resource | TypeDefKind::Handle(_) => {
                return Err("it has a resource, which only has meaning inside the component");
            }
            TypeDefKind::Map(..) => return Err("it has a map, which is not supported yet"),
            TypeDefKind::Future(_) => return Err("it has a future, which has no text form"),
            TypeDefKind::Stream(_) => return Err("it has a stream, which has no text form"),
            TypeDefKind::Unknown => return Err("it has a type that is not known"),
        })
    }

    /// A type with a name, after those that it is made of.
    fn named(&mut self, id: TypeId, depth: usize) -> Result<Type, NoValue> {
        let resolve = self.resolve;
        let def = &resolve.types[id];
        let Some(name) = def.name.clone() else { return Err("it has a type without a name") };
        let interface = match def.owner {
            wit_parser::TypeOwner::Interface(interface) => resolve.id_of(interface),
            _ => None,
        };
        let within = interface.as_deref();
        let docs = self.docs;
        let part = |part: &str, own: &wit_parser::Docs| docs.of(within, &name, Some(part), own);
        let shape = match &def.kind {
            TypeDefKind::Record(record) => {
                let mut fields = Vec::new();
                for field in &record.fields {
                    let of = self.ty(&field.ty, depth)?;
                    fields.push(Part { name: field.name.clone(), docs: part(&field.name, &field.docs), of });
                }
                Shape::Record(fields)
            }
            TypeDefKind::Variant(variant) => {
                let mut cases = Vec::new();
                for case in &variant.cases {
                    let of = case.ty.as_ref().map(|ty| self.ty(ty, depth)).transpose()?;
                    cases.push(Part { name: case.name.clone(), docs: part(&case.name, &case.docs), of });
                }
                Shape::Variant(cases)
            }
            TypeDefKind::Enum(cases) => {
                let case = |case: &wit_parser::EnumCase| Part {
                    name: case.name.clone(),
                    docs: part(&case.name, &case.docs),
                    of: (),
                };
                Shape::Enum(cases.cases.iter().map(case).collect())
            }
            TypeDefKind::Flags(flags) => {
                let flag = |flag: &wit_parser::Flag| Part {
                    name: flag.name.clone(),
                    docs: part(&flag.name, &flag.docs),
                    of: (),
                };
                Shape::Flags(flags.flags.iter().map(flag).collect())
            }
            _ => return Err("it has a type that is not known"),
        };
        let docs = docs.of(within, &name, None, &def.docs);
        let place = self.interface.types.len();
        self.interface.types.push(Named { interface, name, docs, shape });
        self.seen.insert(id, place);
        Ok(Type::Named(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function at the top level, and two in an interface.
    const COMPONENT: &str = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "f") (param i32 i32) (result i32) unreachable)
            (func (export "g") (result i64) unreachable))
        (core instance $i (instantiate $m))
        (func $read (param "data" (list u8)) (result (result (list u8) (error string)))
            (canon lift (core func $i "f") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (func $count (result u64) (canon lift (core func $i "g")))
        (instance $store (export "read" (func $read)) (export "count" (func $count)))
        (export "count" (func $count))
        (export "local:shop/store@1.2.0" (instance $store)))"#;

    #[test]
    fn exports_are_read_with_their_types() {
        let interface = super::read(&wat::parse_str(COMPONENT).unwrap(), &Docs::default()).unwrap();
        let paths: Vec<String> = interface.exports.iter().map(Export::path).collect();
        assert_eq!(paths, ["count", "local:shop/store@1.2.0#read", "local:shop/store@1.2.0#count"]);
        let read = &interface.exports[1];
        assert_eq!(read.parameters, [("data".to_owned(), Type::Bytes)]);
        assert_eq!(read.answer, Some(Type::Bytes));
        assert_eq!(read.failure, Failure::With(Some(Type::Text)));
        assert_eq!(interface.exports[0].failure, Failure::Never);
        assert!(interface.types.is_empty() && interface.left_out.is_empty());
    }

    #[test]
    fn what_is_no_component_is_refused() {
        for bytes in [&b"no component"[..], b"", b"\0asm\x01\0\0\0"] {
            assert!(super::read(bytes, &Docs::default()).is_err());
        }
    }
}
