//! Component types as WIT text, bounded in length.

use wasmtime::component::types::Type;

/// Names that a component gives its types. What has no name is written out.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(Vec<(Type, String)>);

/// Bytes of one type's text: past that, nobody reads on. Anonymous types can nest to any size.
const MAX_TEXT_BYTES: usize = 1_000;

impl Names {
    /// Remembers a name. Only for types that have a shape of their own: an alias for `u32` must not rename every `u32`.
    pub(super) fn add(&mut self, ty: &Type, name: &str) {
        let named = matches!(ty, Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_));
        if named && self.0.len() < crate::limits::MAX_NAMED_TYPES && self.find(ty).is_none() {
            self.0.push((ty.clone(), name.to_owned()));
        }
    }

    fn find(&self, ty: &Type) -> Option<&str> {
        match ty {
            Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_) => {
                self.0.iter().find(|(known, _)| known == ty).map(|(_, name)| name.as_str())
            }
            _ => None,
        }
    }

    /// A type, by its name if it has one.
    pub(super) fn text(&self, ty: &Type) -> String {
        let mut text = String::new();
        self.write(&mut text, ty);
        cut(text)
    }

    /// A type's definition: `record point { x: u32, y: u32 }`.
    pub(super) fn definition(&self, ty: &Type, name: &str) -> Option<String> {
        let keyword = match ty {
            Type::Record(_) => "record",
            Type::Variant(_) => "variant",
            Type::Enum(_) => "enum",
            Type::Flags(_) => "flags",
            _ => return None,
        };
        let mut text = format!("{keyword} {name} ");
        self.body(&mut text, ty);
        Some(cut(text))
    }

    fn write(&self, out: &mut String, ty: &Type) {
        if out.len() > MAX_TEXT_BYTES {
            return;
        }
        if let Some(name) = self.find(ty) {
            out.push_str(name);
            return;
        }
        match ty {
            Type::List(list) => self.generic(out, "list", [Some(list.ty())]),
            Type::FixedLengthList(list) => {
                out.push_str("list<");
                self.write(out, &list.ty());
                out.push_str(&format!(", {}>", list.len()));
            }
            Type::Map(map) => self.generic(out, "map", [Some(map.key()), Some(map.value())]),
            Type::Option(option) => self.generic(out, "option", [Some(option.ty())]),
            Type::Tuple(tuple) => self.generic(out, "tuple", tuple.types().map(Some)),
            Type::Result(result) => match (result.ok(), result.err()) {
                (None, None) => out.push_str("result"),
                (ok, None) => self.generic(out, "result", [ok]),
                (ok, err) => self.generic(out, "result", [ok, err]),
            },
            Type::Future(future) => self.generic(out, "future", [future.ty()]),
            Type::Stream(stream) => self.generic(out, "stream", [stream.ty()]),
            Type::Record(_) => {
                out.push_str("record ");
                self.body(out, ty);
            }
            Type::Variant(_) => {
                out.push_str("variant ");
                self.body(out, ty);
            }
            Type::Enum(_) => {
                out.push_str("enum ");
                self.body(out, ty);
            }
            Type::Flags(_) => {
                out.push_str("flags ");
                self.body(out, ty);
            }
            plain => out.push_str(primitive(plain)),
        }
    }

    fn generic(&self, out: &mut String, name: &str, of: impl IntoIterator<Item = Option<Type>>) {
        out.push_str(name);
        let mut separator = '<';
        for ty in of {
            out.push(separator);
            if separator == ',' {
                out.push(' ');
            }
            separator = ',';
            match ty {
                Some(ty) => self.write(out, &ty),
                None => out.push('_'),
            }
            if out.len() > MAX_TEXT_BYTES {
                return;
            }
        }
        if separator == ',' {
            out.push('>');
        }
    }

    fn body(&self, out: &mut String, ty: &Type) {
        out.push_str("{ ");
        let mut first = true;
        let mut part = |name: &str, payload: Option<Type>, braces: [&str; 2]| {
            if out.len() > MAX_TEXT_BYTES {
                return;
            }
            out.push_str(if std::mem::take(&mut first) { "" } else { ", " });
            out.push_str(name);
            if let Some(payload) = payload {
                out.push_str(braces[0]);
                self.write(out, &payload);
                out.push_str(braces[1]);
            }
        };
        match ty {
            Type::Record(record) => {
                record.fields().for_each(|field| part(field.name, Some(field.ty), [": ", ""]))
            }
            Type::Variant(variant) => variant.cases().for_each(|case| part(case.name, case.ty, ["(", ")"])),
            Type::Enum(cases) => cases.names().for_each(|name| part(name, None, ["", ""])),
            Type::Flags(flags) => flags.names().for_each(|name| part(name, None, ["", ""])),
            _ => {}
        }
        out.push_str(" }");
    }
}

fn primitive(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::Own(_) => "own<resource>",
        Type::Borrow(_) => "borrow<resource>",
        Type::ErrorContext => "error-context",
        _ => "?",
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}
