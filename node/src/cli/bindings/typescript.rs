//! TypeScript, over `@folkmoot/sdk`: a codec for each type, an export for each function, a class for the whole.

use super::Subject;
use super::layout::{Code, Style};
use crate::interface::names::{allowed, camel, distinct, pascal};
use crate::interface::{Export, Failure, Named, Part, Shape, Type};

/// As prettier has it when nobody says otherwise.
const STYLE: Style = Style { width: 80, indent: "  " };

/// Names that a type of the function must not take: what is used in the file, and what everybody takes for something else.
const TAKEN: &[&str] = &[
    "Answer",
    "Array",
    "BigInt",
    "Boolean",
    "Client",
    "Date",
    "Error",
    "Function",
    "Map",
    "Number",
    "Object",
    "Promise",
    "Record",
    "Set",
    "String",
    "Symbol",
    "Uint8Array",
];
const RESERVED: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "options",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "wit",
    "yield",
];

struct Writer {
    /// The types' names, in the interface's order.
    types: Vec<String>,
}

/// The whole module.
pub(super) fn write(subject: &Subject<'_>) -> String {
    let interface = subject.interface;
    let class = pascal(subject.name.as_str());
    let taken: Vec<&str> = TAKEN.iter().copied().chain([class.as_str()]).collect();
    let named: Vec<_> =
        interface.types.iter().map(|ty| (ty.interface.as_deref(), ty.name.as_str())).collect();
    let writer = Writer { types: distinct(&named, pascal, &taken) };
    let exported: Vec<_> =
        interface.exports.iter().map(|one| (one.interface.as_deref(), one.name.as_str())).collect();
    let functions = distinct(&exported, camel, &["constructor"]);
    let mut text = documented(&subject.head.join("\n"), "");
    text.push_str("\nimport type { Client } from \"@folkmoot/sdk/client\";\n");
    text.push_str("import * as wit from \"@folkmoot/sdk/typed\";\n");
    for (at, ty) in interface.types.iter().enumerate() {
        text.push('\n');
        text.push_str(&writer.definition(&writer.types[at], ty));
        text.push_str(&writer.codec_of(&writer.types[at], ty));
    }
    text.push('\n');
    for (name, export) in functions.iter().zip(&interface.exports) {
        text.push_str(&writer.export(name, export));
    }
    text.push_str(&format!(
        "\n/** The function `{0}` of a node. */\nexport class {class} {{\n  readonly #client: Client;\n  \
         readonly #name: string;\n\n  constructor(client: Client, name = \"{0}\") {{\n    this.#client = client;\n    \
         this.#name = name;\n  }}\n",
        subject.name
    ));
    for (name, export) in functions.iter().zip(&interface.exports) {
        text.push_str(&writer.method(name, export));
    }
    text + "}\n"
}

/// A comment, on one line if the text is.
fn documented(docs: &str, indent: &str) -> String {
    let docs = docs.trim().replace("*/", "*\u{200b}/");
    if docs.is_empty() {
        return String::new();
    }
    if !docs.contains('\n') {
        return format!("{indent}/** {docs} */\n");
    }
    let lines: String = docs
        .lines()
        .map(|line| format!("{indent} * {}", line.trim_end()).trim_end().to_owned() + "\n")
        .collect();
    format!("{indent}/**\n{lines}{indent} */\n")
}

impl Writer {
    fn definition(&self, name: &str, ty: &Named) -> String {
        let docs = documented(&ty.docs, "");
        let literal = |part: &Part<()>| format!("\"{}\"", part.name);
        match &ty.shape {
            Shape::Record(fields) => {
                let mut text = format!("{docs}export interface {name} {{\n");
                for field in fields {
                    text.push_str(&documented(&field.docs, "  "));
                    text.push_str(&format!("  readonly {}: {};\n", camel(&field.name), self.ty(&field.of)));
                }
                text + "}\n"
            }
            Shape::Variant(cases) => {
                let case = |case: &Part<Option<Type>>| match &case.of {
                    Some(ty) => {
                        format!("{{ readonly tag: \"{}\"; readonly val: {} }}", case.name, self.ty(ty))
                    }
                    None => format!("{{ readonly tag: \"{}\" }}", case.name),
                };
                docs + &union(
                    name,
                    &cases.iter().map(|one| (case(one), one.docs.as_str())).collect::<Vec<_>>(),
                )
            }
            Shape::Enum(cases) => {
                docs + &union(
                    name,
                    &cases.iter().map(|one| (literal(one), one.docs.as_str())).collect::<Vec<_>>(),
                )
            }
            Shape::Flags(flags) => {
                let one = union(
                    &format!("{name}Flag"),
                    &flags.iter().map(|one| (literal(one), one.docs.as_str())).collect::<Vec<_>>(),
                );
                format!("{one}{docs}export type {name} = readonly {name}Flag[];\n")
            }
        }
    }

    fn codec_of(&self, name: &str, ty: &Named) -> String {
        let parts = |names: &mut dyn Iterator<Item = &str>| {
            names.map(|name| Code::text(format!("\"{name}\""))).collect::<Vec<_>>()
        };
        let made = match &ty.shape {
            // An object is written with a line for each part, whatever its length: the formatter leaves it so.
            Shape::Record(fields) => {
                let mut text = format!("const {}: wit.Codec<{name}> = wit.record({{\n", codec_name(name));
                for field in fields {
                    let parts = vec![Code::text(format!("\"{}\"", field.name)), self.codec(&field.of)];
                    let line = Code::list(format!("{}: ", camel(&field.name)), ["[", "]"], parts);
                    text.push_str(&line.before(",").lines(STYLE, 1));
                }
                return text + "});\n";
            }
            Shape::Variant(cases) => {
                let mut text = format!("const {}: wit.Codec<{name}> = wit.variant({{\n", codec_name(name));
                for case in cases {
                    let codec = case.of.as_ref().map_or(Code::text("null"), |ty| self.codec(ty));
                    let line = codec.after(&format!("{}: ", key(&case.name)));
                    text.push_str(&line.before(",").lines(STYLE, 1));
                }
                return text + "});\n";
            }
            Shape::Enum(cases) => Code::list(
                "wit.enumeration",
                ["([", "])"],
                parts(&mut cases.iter().map(|case| case.name.as_str())),
            ),
            Shape::Flags(flags) => {
                Code::list("wit.flags", ["([", "])"], parts(&mut flags.iter().map(|flag| flag.name.as_str())))
            }
        };
        made.after(&format!("const {}: wit.Codec<{name}> = ", codec_name(name))).before(";").lines(STYLE, 0)
    }

    fn export(&self, name: &str, export: &Export) -> String {
        let parameters = export.parameters.iter().map(|(_, ty)| self.codec(ty)).collect();
        let unit = || Code::text("wit.unit");
        let mut parts = vec![
            Code::text(format!("\"{}\"", export.path())),
            Code::list("", ["[", "]"], parameters),
            export.answer.as_ref().map_or_else(unit, |ty| self.codec(ty)),
        ];
        if let Failure::With(error) = &export.failure {
            parts.push(error.as_ref().map_or_else(unit, |ty| self.codec(ty)));
        }
        Code::call(format!("const {name}Export = new wit.TypedExport"), parts).before(";").lines(STYLE, 0)
    }

    fn method(&self, name: &str, export: &Export) -> String {
        let mut docs = export.docs.clone();
        if let Failure::With(error) = &export.failure {
            let error = error.as_ref().map_or("nothing".to_owned(), |ty| format!("`{}`", self.ty(ty)));
            let gap = if docs.is_empty() { "" } else { "\n\n" };
            docs.push_str(&format!("{gap}@throws wit.Failed whose `value` is {error}."));
        }
        let parameter = |name: &str| allowed(camel(name), RESERVED);
        let mut parameters: Vec<Code> = export
            .parameters
            .iter()
            .map(|(name, ty)| Code::text(format!("{}: {}", parameter(name), self.ty(ty))))
            .collect();
        parameters.push(Code::text("options?: wit.TypedOptions"));
        let answer = export.answer.as_ref().map_or("undefined".to_owned(), |ty| self.ty(ty));
        let head = Code::call(format!("async {name}"), parameters).before(&format!(": Promise<{answer}> {{"));
        let arguments =
            export.parameters.iter().map(|(name, _)| Code::text(parameter(name))).collect::<Vec<_>>();
        let call = vec![
            Code::text("this.#client"),
            Code::text("this.#name"),
            Code::list("", ["[", "]"], arguments),
            Code::text("options"),
        ];
        let body = Code::call(format!("return {name}Export.call"), call).before(";").lines(STYLE, 2);
        format!("\n{}{}{body}  }}\n", documented(&docs, "  "), head.lines(STYLE, 1))
    }

    fn ty(&self, ty: &Type) -> String {
        let grouped = |text: String| if text.contains(' ') { format!("({text})") } else { text };
        let or_nothing =
            |ty: &Option<Box<Type>>| ty.as_ref().map_or("undefined".to_owned(), |ty| self.ty(ty));
        match ty {
            Type::Bool => "boolean".to_owned(),
            Type::Integer(integer) if integer.is_long() => "bigint".to_owned(),
            Type::Integer(_) | Type::F32 | Type::F64 => "number".to_owned(),
            Type::Char | Type::Text => "string".to_owned(),
            Type::Bytes => "Uint8Array".to_owned(),
            Type::List(of) | Type::Array(of, _) => format!("readonly {}[]", grouped(self.ty(of))),
            Type::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|ty| self.ty(ty)).collect();
                format!("readonly [{}]", parts.join(", "))
            }
            Type::Option(of) if matches!(**of, Type::Option(_)) => {
                format!("wit.Some<{}> | null", self.ty(of))
            }
            Type::Option(of) => format!("{} | null", self.ty(of)),
            Type::Result(ok, err) => format!("wit.Result<{}, {}>", or_nothing(ok), or_nothing(err)),
            Type::Named(at) => self.types[*at].clone(),
        }
    }

    fn codec(&self, ty: &Type) -> Code {
        let or_nothing =
            |ty: &Option<Box<Type>>| ty.as_ref().map_or(Code::text("wit.unit"), |ty| self.codec(ty));
        match ty {
            Type::Bool => Code::text("wit.bool"),
            Type::Integer(integer) => Code::text(format!("wit.{}", integer.wit())),
            Type::F32 => Code::text("wit.f32"),
            Type::F64 => Code::text("wit.f64"),
            Type::Char => Code::text("wit.char"),
            Type::Text => Code::text("wit.string"),
            Type::Bytes => Code::text("wit.bytes"),
            Type::List(of) => Code::call("wit.list", vec![self.codec(of)]),
            Type::Array(of, length) => {
                Code::call("wit.array", vec![self.codec(of), Code::text(length.to_string())])
            }
            Type::Tuple(parts) => Code::call(
                format!("wit.tuple<{}>", self.ty(ty)),
                parts.iter().map(|ty| self.codec(ty)).collect(),
            ),
            Type::Option(of) if matches!(**of, Type::Option(_)) => {
                Code::call("wit.some", vec![self.codec(of)])
            }
            Type::Option(of) => Code::call("wit.option", vec![self.codec(of)]),
            Type::Result(ok, err) => Code::call("wit.result", vec![or_nothing(ok), or_nothing(err)]),
            Type::Named(at) => Code::text(codec_name(&self.types[*at])),
        }
    }
}

fn codec_name(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase()).unwrap_or('t');
    format!("{first}{}Codec", letters.as_str())
}

/// A name of WIT as an object's key.
fn key(name: &str) -> String {
    if name.contains('-') { format!("\"{name}\"") } else { name.to_owned() }
}

/// A union, on one line if it fits and there is nothing to say about its members.
fn union(name: &str, members: &[(String, &str)]) -> String {
    let all: Vec<&str> = members.iter().map(|(text, _)| text.as_str()).collect();
    let line = format!("export type {name} = {};\n", all.join(" | "));
    if line.chars().count() <= STYLE.width + 1 && members.iter().all(|(_, docs)| docs.is_empty()) {
        return line;
    }
    let members: Vec<String> =
        members.iter().map(|(text, docs)| format!("{}  | {text}", documented(docs, "  "))).collect();
    format!("export type {name} =\n{};\n", members.join("\n"))
}
