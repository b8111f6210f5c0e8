//! Python, over the package `folkmoot`: dataclasses and enums, an export for each function, a class for programs that wait
//! and one for those on an event loop.

use super::Subject;
use super::layout::{Code, Style};
use crate::interface::names::{allowed, distinct, pascal, screaming, snake};
use crate::interface::{Export, Failure, Integer, Named, Part, Shape, Type};

/// As black and ruff have it when nobody says otherwise.
const STYLE: Style = Style { width: 88, indent: "    " };

const TAKEN: &[&str] = &[
    "Any",
    "AsyncClient",
    "Client",
    "Enum",
    "Exception",
    "Flag",
    "None",
    "Sequence",
    "TypeAlias",
    "Union",
    "Unpack",
];
const RESERVED: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "answered",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "headers",
    "idempotency_key",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "options",
    "or",
    "pass",
    "raise",
    "receipt",
    "return",
    "self",
    "sign",
    "timeout_s",
    "try",
    "typed",
    "wait",
    "while",
    "with",
    "yield",
];
/// What a member of an enum cannot be called, and what a method cannot.
const MEMBERS: &[&str] = &["MRO", "NAME", "VALUE"];
const METHODS: &[&str] = &["__init__"];

struct Writer {
    types: Vec<String>,
}

/// The whole module.
pub(super) fn write(subject: &Subject<'_>) -> String {
    let interface = subject.interface;
    let class = pascal(subject.name.as_str());
    let asynchronous = format!("Async{class}");
    let taken: Vec<&str> = TAKEN.iter().copied().chain([class.as_str(), asynchronous.as_str()]).collect();
    let named: Vec<_> =
        interface.types.iter().map(|ty| (ty.interface.as_deref(), ty.name.as_str())).collect();
    let writer = Writer { types: distinct(&named, pascal, &taken) };
    let exported: Vec<_> =
        interface.exports.iter().map(|one| (one.interface.as_deref(), one.name.as_str())).collect();
    let functions: Vec<String> =
        distinct(&exported, snake, METHODS).into_iter().map(|name| allowed(name, RESERVED)).collect();
    let mut text = documented(&subject.head.join("\n"), "");
    text.push('\n');
    text.push_str(&imports(&interface.types));
    for (name, ty) in writer.types.iter().zip(&interface.types) {
        text.push_str("\n\n");
        text.push_str(&writer.definition(name, ty));
    }
    // A class is followed by two empty lines, a statement by one.
    text.push_str(if interface.types.is_empty() { "\n" } else { "\n\n" });
    for (name, ty) in writer.types.iter().zip(&interface.types) {
        text.push_str(&writer.codec_of(name, ty));
    }
    if !interface.types.is_empty() {
        text.push('\n');
    }
    for (name, export) in functions.iter().zip(&interface.exports) {
        text.push_str(&writer.export(name, export));
    }
    for (class, client, wait) in [(&class, "Client", false), (&asynchronous, "AsyncClient", true)] {
        let kind = if wait { ", for an event loop" } else { "" };
        text.push_str(&format!(
            "\n\nclass {class}:\n    \"\"\"The function `{0}` of a node{kind}.\"\"\"\n\n    \
             def __init__(self, client: {client}, name: str = \"{0}\") -> None:\n        self._client = client\n        \
             self._name = name\n",
            subject.name
        ));
        for (name, export) in functions.iter().zip(&interface.exports) {
            text.push_str(&writer.method(name, export, wait));
        }
    }
    text
}

fn imports(types: &[Named]) -> String {
    let any = |wanted: fn(&Shape) -> bool| types.iter().any(|ty| wanted(&ty.shape));
    let mut text = String::from("from __future__ import annotations\n\n");
    if any(|shape| matches!(shape, Shape::Record(_) | Shape::Variant(_))) {
        text.push_str("from dataclasses import dataclass\n");
    }
    let (enums, flags) =
        (any(|shape| matches!(shape, Shape::Enum(_))), any(|shape| matches!(shape, Shape::Flags(_))));
    match (enums, flags) {
        (true, true) => text.push_str("from enum import Enum, Flag\n"),
        (true, false) => text.push_str("from enum import Enum\n"),
        (false, true) => text.push_str("from enum import Flag\n"),
        (false, false) => {}
    }
    let union = if any(|shape| matches!(shape, Shape::Variant(_))) { ", Union" } else { "" };
    text.push_str(&format!("from typing import TYPE_CHECKING{union}\n\nfrom moot.client import typed\n\n"));
    text.push_str(
        "if TYPE_CHECKING:\n    from collections.abc import Sequence\n\n    from moot.client import AsyncClient, Client\n    \
         from typing_extensions import Unpack\n",
    );
    text
}

/// A docstring.
fn documented(docs: &str, indent: &str) -> String {
    let docs = docs.trim().replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"");
    if docs.is_empty() {
        return String::new();
    }
    // A quote at the end would run into the closing ones.
    let gap = if docs.ends_with('"') { " " } else { "" };
    if !docs.contains('\n') {
        return format!("{indent}\"\"\"{docs}{gap}\"\"\"\n");
    }
    let mut lines = docs.lines();
    let first = lines.next().unwrap_or_default();
    let more: String =
        lines.map(|line| format!("{indent}{}", line.trim_end()).trim_end().to_owned() + "\n").collect();
    format!("{indent}\"\"\"{first}\n{more}{indent}\"\"\"\n")
}

/// The name of the class of a variant's case.
fn case_class(name: &str, case: &str) -> String {
    format!("{name}{}", pascal(case))
}

fn member(name: &str) -> String {
    allowed(screaming(name), MEMBERS)
}

fn field(name: &str) -> String {
    allowed(snake(name), RESERVED)
}

impl Writer {
    fn definition(&self, name: &str, ty: &Named) -> String {
        let docs = documented(&ty.docs, "    ");
        let gap = if docs.is_empty() { "" } else { "\n" };
        match &ty.shape {
            Shape::Record(fields) => {
                let mut text = format!("@dataclass(frozen=True, slots=True)\nclass {name}:\n{docs}{gap}");
                for one in fields {
                    text.push_str(&format!("    {}: {}\n", field(&one.name), self.ty(&one.of)));
                    text.push_str(&documented(&one.docs, "    "));
                }
                text
            }
            Shape::Variant(cases) => {
                let mut text = String::new();
                for case in cases {
                    let docs = if case.docs.is_empty() {
                        format!("The case `{}` of `{name}`.", case.name)
                    } else {
                        case.docs.clone()
                    };
                    text.push_str(&format!(
                        "@dataclass(frozen=True, slots=True)\nclass {}:\n{}",
                        case_class(name, &case.name),
                        documented(&docs, "    ")
                    ));
                    if let Some(ty) = &case.of {
                        text.push_str(&format!("\n    value: {}\n", self.ty(ty)));
                    }
                    text.push_str("\n\n");
                }
                let classes =
                    cases.iter().map(|case| Code::text(case_class(name, &case.name))).collect::<Vec<_>>();
                text.push_str(&Code::list(format!("{name} = Union"), ["[", "]"], classes).lines(STYLE, 0));
                text + &documented(&ty.docs, "")
            }
            Shape::Enum(cases) => {
                let case =
                    |case: &Part<()>| (member(&case.name), format!("\"{}\"", case.name), case.docs.clone());
                format!("class {name}(Enum):\n{docs}{gap}{}", members(cases.iter().map(case)))
            }
            Shape::Flags(flags) => {
                let flag = |(at, flag): (usize, &Part<()>)| {
                    (member(&flag.name), format!("1 << {at}"), flag.docs.clone())
                };
                format!("class {name}(Flag):\n{docs}{gap}{}", members(flags.iter().enumerate().map(flag)))
            }
        }
    }

    fn codec_of(&self, name: &str, ty: &Named) -> String {
        let head = format!("_{}: typed.Codec[{name}] = ", screaming_of(name));
        let code = match &ty.shape {
            Shape::Record(fields) => {
                let one = |one: &Part<Type>| {
                    let parts = vec![Code::text(format!("\"{}\"", one.name)), self.codec(&one.of)];
                    Code::call(format!("\"{}\": ", field(&one.name)), parts)
                };
                let fields = fields.iter().map(one).collect();
                Code::call("typed.record", vec![Code::text(name), Code::list("", ["{", "}"], fields)])
            }
            Shape::Variant(cases) => {
                let one = |case: &Part<Option<Type>>| {
                    let codec = case.of.as_ref().map_or(Code::text("None"), |ty| self.codec(ty));
                    let parts = vec![Code::text(case_class(name, &case.name)), codec];
                    Code::call(format!("\"{}\": ", case.name), parts)
                };
                let cases = cases.iter().map(one).collect();
                Code::call("typed.variant", vec![Code::list("", ["{", "}"], cases)])
            }
            Shape::Enum(_) => Code::call("typed.enumeration", vec![Code::text(name)]),
            Shape::Flags(flags) => {
                let one =
                    |flag: &Part<()>| Code::text(format!("\"{}\": {name}.{}", flag.name, member(&flag.name)));
                let names = flags.iter().map(one).collect();
                Code::call("typed.flags", vec![Code::text(name), Code::list("", ["{", "}"], names)])
            }
        };
        code.after(&head).lines(STYLE, 0)
    }

    fn export(&self, name: &str, export: &Export) -> String {
        let parameters: Vec<Code> = export.parameters.iter().map(|(_, ty)| self.codec(ty)).collect();
        // One element alone would be no tuple without a comma behind it.
        let parameters = match parameters.as_slice() {
            [only] => Code::text(format!("({},)", only.flat())),
            _ => Code::call("", parameters),
        };
        let unit = || Code::text("typed.UNIT");
        let mut parts = vec![
            Code::text(format!("\"{}\"", export.path())),
            parameters,
            export.answer.as_ref().map_or_else(unit, |ty| self.codec(ty)),
        ];
        if let Failure::With(error) = &export.failure {
            parts.push(error.as_ref().map_or_else(unit, |ty| self.codec(ty)));
        }
        let answer = self.answer(export);
        Code::call(
            format!("_{}_EXPORT: typed.TypedExport[{answer}] = typed.TypedExport", name.to_uppercase()),
            parts,
        )
        .lines(STYLE, 0)
    }

    fn answer(&self, export: &Export) -> String {
        export.answer.as_ref().map_or("None".to_owned(), |ty| self.ty(ty))
    }

    fn method(&self, name: &str, export: &Export, wait: bool) -> String {
        let mut docs =
            if export.docs.is_empty() { format!("Calls `{}`.", export.path()) } else { export.docs.clone() };
        if let Failure::With(error) = &export.failure {
            let error = error.as_ref().map_or("nothing".to_owned(), |ty| format!("`{}`", self.ty(ty)));
            docs.push_str(&format!("\n\nRaises:\n    typed.Failed: its `value` is {error}."));
        }
        let mut parameters = vec![Code::text("self")];
        parameters.extend(
            export
                .parameters
                .iter()
                .map(|(name, ty)| Code::text(format!("{}: {}", field(name), self.ty(ty)))),
        );
        parameters.push(Code::text("**options: Unpack[typed.TypedOptions]"));
        let (define, method) = if wait { ("async def", "await ") } else { ("def", "") };
        let head = Code::call(format!("{define} {name}"), parameters)
            .before(&format!(" -> {}:", self.answer(export)));
        let names: Vec<String> = export.parameters.iter().map(|(name, _)| field(name)).collect();
        let arguments = match names.as_slice() {
            [only] => Code::text(format!("({only},)")),
            _ => Code::call("", names.into_iter().map(Code::text).collect()),
        };
        let call =
            vec![Code::text("self._client"), Code::text("self._name"), arguments, Code::text("options")];
        let suffix = if wait { "_async" } else { "" };
        let returned = if export.answer.is_some() { "return " } else { "" };
        let body =
            Code::call(format!("{returned}{method}_{}_EXPORT.call{suffix}", name.to_uppercase()), call);
        format!("\n{}{}{}", head.lines(STYLE, 1), documented(&docs, "        "), body.lines(STYLE, 2))
    }

    /// A type as an annotation. A list may be any sequence: one that is taken in, and one that is given out, which nobody
    /// should change.
    fn ty(&self, ty: &Type) -> String {
        let or_none = |ty: &Option<Box<Type>>| ty.as_ref().map_or("None".to_owned(), |ty| self.ty(ty));
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::Integer(_) => "int".to_owned(),
            Type::F32 | Type::F64 => "float".to_owned(),
            Type::Char | Type::Text => "str".to_owned(),
            Type::Bytes => "bytes".to_owned(),
            Type::List(of) | Type::Array(of, _) => format!("Sequence[{}]", self.ty(of)),
            Type::Tuple(parts) if parts.is_empty() => "tuple[()]".to_owned(),
            Type::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|ty| self.ty(ty)).collect();
                format!("tuple[{}]", parts.join(", "))
            }
            Type::Option(of) if matches!(**of, Type::Option(_)) => {
                format!("typed.Some[{}] | None", self.ty(of))
            }
            Type::Option(of) => format!("{} | None", self.ty(of)),
            Type::Result(ok, err) => format!("typed.Ok[{}] | typed.Err[{}]", or_none(ok), or_none(err)),
            Type::Named(at) => self.types[*at].clone(),
        }
    }

    fn codec(&self, ty: &Type) -> Code {
        let or_unit =
            |ty: &Option<Box<Type>>| ty.as_ref().map_or(Code::text("typed.UNIT"), |ty| self.codec(ty));
        match ty {
            Type::Bool => Code::text("typed.BOOL"),
            Type::Integer(integer) => Code::text(format!("typed.{}", Integer::wit(*integer).to_uppercase())),
            Type::F32 => Code::text("typed.F32"),
            Type::F64 => Code::text("typed.F64"),
            Type::Char => Code::text("typed.CHAR"),
            Type::Text => Code::text("typed.TEXT"),
            Type::Bytes => Code::text("typed.BYTES"),
            Type::List(of) => Code::call("typed.list_of", vec![self.codec(of)]),
            Type::Array(of, length) => {
                Code::call("typed.array_of", vec![self.codec(of), Code::text(length.to_string())])
            }
            Type::Tuple(parts) => {
                Code::call("typed.tuple_of", parts.iter().map(|ty| self.codec(ty)).collect())
            }
            Type::Option(of) if matches!(**of, Type::Option(_)) => {
                Code::call("typed.some", vec![self.codec(of)])
            }
            Type::Option(of) => Code::call("typed.option", vec![self.codec(of)]),
            Type::Result(ok, err) => Code::call("typed.result", vec![or_unit(ok), or_unit(err)]),
            Type::Named(at) => Code::text(format!("_{}", screaming_of(&self.types[*at]))),
        }
    }
}

/// Members of an enum, each with its documentation behind it.
fn members(all: impl Iterator<Item = (String, String, String)>) -> String {
    all.map(|(name, value, docs)| format!("    {name} = {value}\n{}", documented(&docs, "    "))).collect()
}

/// `UnitPrice` as `UNIT_PRICE`.
fn screaming_of(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.chars().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}
