//! Rust, over `reqwest`: structs and enums, and one asynchronous method for each function. What every client has is in
//! `templates/bindings/client.rs`.

use super::Subject;
use super::layout::{Code, Style, commented};
use crate::interface::names::{allowed, distinct, pascal, snake};
use crate::interface::{Export, Failure, Integer, Named, Part, Shape, Type};

const CLIENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/bindings/client.rs"));

/// As rustfmt has it when nobody says otherwise.
const STYLE: Style = Style { width: 100, indent: "    " };

/// What the file has itself, and what is in every scope.
const TAKEN: &[&str] = &[
    "Answered",
    "Arc",
    "Box",
    "Call",
    "CallError",
    "Client",
    "Decode",
    "Encode",
    "Err",
    "Fn",
    "From",
    "Infallible",
    "Map",
    "Mismatch",
    "None",
    "Ok",
    "Option",
    "Problem",
    "Result",
    "Self",
    "Some",
    "String",
    "ToOwned",
    "Value",
    "Vec",
];
const METHODS: &[&str] =
    &["begin", "clone", "new", "with_answered", "with_function", "with_header", "with_http"];
const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "call", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

struct Writer {
    types: Vec<String>,
}

/// The whole module.
pub(super) fn write(subject: &Subject<'_>) -> String {
    let interface = subject.interface;
    let named: Vec<_> =
        interface.types.iter().map(|ty| (ty.interface.as_deref(), ty.name.as_str())).collect();
    let writer = Writer { types: distinct(&named, pascal, TAKEN) };
    let exported: Vec<_> =
        interface.exports.iter().map(|one| (one.interface.as_deref(), one.name.as_str())).collect();
    let functions = distinct(&exported, snake, METHODS);
    let mut text = commented(&subject.head.join("\n"), "//!", "");
    text.push_str(
        "//!\n//! It needs these crates: `cargo add base64 reqwest serde_json`; and a runtime such as `tokio`.\n\n\
         #![allow(dead_code, clippy::vec_init_then_push)]\n\nuse base64::Engine as _;\nuse base64::engine::general_purpose::STANDARD as BASE64;\n\
         use serde_json::{Map, Value};\nuse std::convert::Infallible;\nuse std::fmt;\nuse std::sync::Arc;\n",
    );
    text.push_str(&format!("\n/// Its name.\npub const FUNCTION: &str = \"{}\";\n", subject.name));
    for (name, ty) in writer.types.iter().zip(&interface.types) {
        text.push('\n');
        text.push_str(&writer.definition(name, ty));
    }
    text.push_str("\nimpl Client {\n");
    let methods: Vec<String> = functions
        .into_iter()
        .zip(&interface.exports)
        .map(|(name, export)| writer.method(&allowed(name, RESERVED), export))
        .collect();
    text.push_str(&methods.join("\n"));
    text + "}\n" + CLIENT
}

fn field(name: &str) -> String {
    allowed(snake(name), RESERVED)
}

impl Writer {
    fn definition(&self, name: &str, ty: &Named) -> String {
        let docs = commented(&ty.docs, "///", "");
        match &ty.shape {
            Shape::Record(fields) => self.record(name, fields, &docs),
            Shape::Variant(cases) => self.variant(name, cases, &docs),
            Shape::Enum(cases) => enumeration(name, cases, &docs),
            Shape::Flags(all) => flags(name, all, &docs),
        }
    }

    fn record(&self, name: &str, fields: &[Part<Type>], docs: &str) -> String {
        let (mut own, mut encode, mut decode) = (String::new(), String::new(), String::new());
        for one in fields {
            let field = field(&one.name);
            own.push_str(&commented(&one.docs, "///", "    "));
            own.push_str(&format!("    pub {field}: {},\n", self.ty(&one.of)));
            encode.push_str(&format!("        put(&mut object, \"{}\", &self.{field});\n", one.name));
            decode.push_str(&format!("            {field}: get(json, \"{}\")?,\n", one.name));
        }
        format!(
            "{docs}#[derive(Debug, Clone, PartialEq)]\npub struct {name} {{\n{own}}}\n\nimpl Encode for {name} {{\n    \
             fn encode(&self) -> Value {{\n        let mut object = Map::new();\n{encode}        \
             Value::Object(object)\n    }}\n}}\n\nimpl Decode for {name} {{\n    \
             fn decode(json: &Value) -> Result<Self, Mismatch> {{\n        Ok({name} {{\n{decode}        }})\n    \
             }}\n}}\n"
        )
    }

    fn variant(&self, name: &str, cases: &[Part<Option<Type>>], docs: &str) -> String {
        let (mut own, mut encode, mut decode) = (String::new(), String::new(), String::new());
        for one in cases {
            let (case, wit) = (pascal(&one.name), &one.name);
            own.push_str(&commented(&one.docs, "///", "    "));
            match &one.of {
                Some(ty) => {
                    own.push_str(&format!("    {case}({}),\n", self.ty(ty)));
                    encode.push_str(&format!(
                        "            {name}::{case}(value) => case(\"{wit}\", value.encode()),\n"
                    ));
                    decode.push_str(&format!(
                        "            (\"{wit}\", Some(json)) => Ok({name}::{case}(Decode::decode(json)?)),\n"
                    ));
                }
                None => {
                    own.push_str(&format!("    {case},\n"));
                    encode.push_str(&format!("            {name}::{case} => Value::from(\"{wit}\"),\n"));
                    decode.push_str(&format!("            (\"{wit}\", None) => Ok({name}::{case}),\n"));
                }
            }
        }
        format!(
            "{docs}#[derive(Debug, Clone, PartialEq)]\npub enum {name} {{\n{own}}}\n\nimpl Encode for {name} {{\n    \
             fn encode(&self) -> Value {{\n        match self {{\n{encode}        }}\n    }}\n}}\n\n\
             impl Decode for {name} {{\n    fn decode(json: &Value) -> Result<Self, Mismatch> {{\n        \
             match single(json)? {{\n{decode}            _ => Err(mismatch(\"a case of {name}\", json)),\n        \
             }}\n    }}\n}}\n"
        )
    }

    fn method(&self, name: &str, export: &Export) -> String {
        let path = export.path();
        let docs = if export.docs.is_empty() { format!("Calls `{path}`.") } else { export.docs.clone() };
        let error = match &export.failure {
            Failure::Never => "CallError".to_owned(),
            Failure::With(None) => "CallError<()>".to_owned(),
            Failure::With(Some(ty)) => format!("CallError<{}>", self.ty(ty)),
        };
        let answer = export.answer.as_ref().map_or("()".to_owned(), |ty| self.ty(ty));
        let mut parameters = vec![Code::text("&self")];
        let mut arguments = String::new();
        for (name, ty) in &export.parameters {
            let name = field(name);
            let (ty, referred) = self.taken(ty);
            let reference = if referred { "" } else { "&" };
            arguments.push_str(&format!("        call.argument({reference}{name});\n"));
            parameters.push(Code::text(format!("{name}: {ty}")));
        }
        let head = Code::call(format!("pub async fn {name}"), parameters)
            .before(&format!(" -> Result<{answer}, {error}> {{"));
        let mutable = if export.parameters.is_empty() { "" } else { "mut " };
        format!(
            "{}{}        let {mutable}call = self.begin(\"{path}\");\n{arguments}        call.finish().await\n    }}\n",
            commented(&docs, "///", "    "),
            head.lines(STYLE, 1),
        )
    }

    /// How a parameter is taken, and whether that is by reference.
    fn taken(&self, ty: &Type) -> (String, bool) {
        match ty {
            Type::Text => ("&str".to_owned(), true),
            Type::Bytes => ("&[u8]".to_owned(), true),
            Type::List(of) => (format!("&[{}]", self.ty(of)), true),
            Type::Bool | Type::Integer(_) | Type::F32 | Type::F64 | Type::Char => (self.ty(ty), false),
            other => (format!("&{}", self.ty(other)), true),
        }
    }

    fn ty(&self, ty: &Type) -> String {
        let or_unit = |ty: &Option<Box<Type>>| ty.as_ref().map_or("()".to_owned(), |ty| self.ty(ty));
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::Integer(integer) => integer_type(*integer).to_owned(),
            Type::F32 => "f32".to_owned(),
            Type::F64 => "f64".to_owned(),
            Type::Char => "char".to_owned(),
            Type::Text => "String".to_owned(),
            Type::Bytes => "Vec<u8>".to_owned(),
            Type::List(of) => format!("Vec<{}>", self.ty(of)),
            Type::Array(of, length) => format!("[{}; {length}]", self.ty(of)),
            Type::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|ty| self.ty(ty)).collect();
                let alone = if parts.len() == 1 { "," } else { "" };
                format!("({}{alone})", parts.join(", "))
            }
            Type::Option(of) => format!("Option<{}>", self.ty(of)),
            Type::Result(ok, err) => format!("Result<{}, {}>", or_unit(ok), or_unit(err)),
            Type::Named(at) => self.types[*at].clone(),
        }
    }
}

fn enumeration(name: &str, cases: &[Part<()>], docs: &str) -> String {
    let (mut own, mut encode, mut decode) = (String::new(), String::new(), String::new());
    for one in cases {
        let (case, wit) = (pascal(&one.name), &one.name);
        own.push_str(&commented(&one.docs, "///", "    "));
        own.push_str(&format!("    {case},\n"));
        encode.push_str(&format!("            {name}::{case} => Value::from(\"{wit}\"),\n"));
        decode.push_str(&format!("            Some(\"{wit}\") => Ok({name}::{case}),\n"));
    }
    format!(
        "{docs}#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]\npub enum {name} {{\n{own}}}\n\n\
         impl Encode for {name} {{\n    fn encode(&self) -> Value {{\n        match self {{\n{encode}        }}\n    \
         }}\n}}\n\nimpl Decode for {name} {{\n    fn decode(json: &Value) -> Result<Self, Mismatch> {{\n        \
         match json.as_str() {{\n{decode}            _ => Err(mismatch(\"a case of {name}\", json)),\n        }}\n    \
         }}\n}}\n"
    )
}

fn flags(name: &str, all: &[Part<()>], docs: &str) -> String {
    let (mut own, mut known, mut encode, mut decode) =
        (String::new(), String::new(), String::new(), String::new());
    for one in all {
        let (field, wit) = (field(&one.name), &one.name);
        own.push_str(&commented(&one.docs, "///", "    "));
        own.push_str(&format!("    pub {field}: bool,\n"));
        known.push_str(&format!("        known.push(\"{wit}\");\n"));
        encode.push_str(&format!(
            "        if self.{field} {{\n            names.push(Value::from(\"{wit}\"));\n        }}\n"
        ));
        decode.push_str(&format!("            {field}: names.iter().any(|name| name == \"{wit}\"),\n"));
    }
    format!(
        "{docs}#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]\npub struct {name} {{\n{own}}}\n\n\
         impl Encode for {name} {{\n    fn encode(&self) -> Value {{\n        let mut names = Vec::new();\n{encode}        \
         Value::Array(names)\n    }}\n}}\n\nimpl Decode for {name} {{\n    \
         fn decode(json: &Value) -> Result<Self, Mismatch> {{\n        let mut known = Vec::new();\n{known}        \
         let names = names(json, &known)?;\n        Ok({name} {{\n{decode}        }})\n    }}\n}}\n"
    )
}

fn integer_type(integer: Integer) -> &'static str {
    match integer {
        Integer::S8 => "i8",
        Integer::S16 => "i16",
        Integer::S32 => "i32",
        Integer::S64 => "i64",
        unsigned => unsigned.wit(),
    }
}
