//! Go, over `net/http` and nothing else: structs, and one method for each function. What every client has is in
//! `templates/bindings/client.go`.

use std::collections::BTreeSet;

use super::Subject;
use super::layout::commented;
use crate::interface::names::{allowed, camel, distinct, pascal};
use crate::interface::{Export, Failure, Integer, Interface, Named, Part, Shape, Type};

const CLIENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/bindings/client.go"));

const TAKEN: &[&str] = &["Client", "Failed", "New", "Problem", "Result"];
/// What a client has beside its methods.
const METHODS: &[&str] = &["Answered", "Function", "HTTP", "Header", "Node"];
const RESERVED: &[&str] = &[
    "any",
    "argument",
    "arguments",
    "bool",
    "break",
    "byte",
    "call",
    "case",
    "chan",
    "client",
    "codec",
    "const",
    "context",
    "continue",
    "ctx",
    "default",
    "defer",
    "else",
    "error",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "json",
    "map",
    "nil",
    "package",
    "parts",
    "payload",
    "range",
    "return",
    "rune",
    "select",
    "string",
    "struct",
    "switch",
    "type",
    "var",
];
/// Words that a package cannot have for its name.
const PACKAGES: &[&str] = &["main", "func", "go", "map", "type", "var", "init", "interface", "package"];

struct Writer {
    types: Vec<String>,
}

/// The whole package.
pub(super) fn write(subject: &Subject<'_>) -> String {
    let interface = subject.interface;
    let named: Vec<_> =
        interface.types.iter().map(|ty| (ty.interface.as_deref(), ty.name.as_str())).collect();
    let writer = Writer { types: distinct(&named, pascal, TAKEN) };
    let exported: Vec<_> =
        interface.exports.iter().map(|one| (one.interface.as_deref(), one.name.as_str())).collect();
    let functions = distinct(&exported, pascal, METHODS);
    let package = allowed(subject.name.as_str().replace('-', ""), PACKAGES);
    let mut head = subject.head.clone();
    if let Some(first) = head.first_mut() {
        *first = format!("Package {package} is a typed client of the function {}.", subject.name);
    }
    let mut text = commented(&head.join("\n"), "//", "");
    text.push_str(&format!("package {package}\n\nimport (\n"));
    for used in [
        "bytes",
        "context",
        "encoding/base64",
        "encoding/json",
        "fmt",
        "io",
        "math",
        "net/http",
        "slices",
        "strconv",
        "strings",
        "unicode/utf8",
    ] {
        text.push_str(&format!("\t\"{used}\"\n"));
    }
    text.push_str(&format!(")\n\n// function is its name.\nconst function = \"{}\"\n", subject.name));
    for (name, ty) in writer.types.iter().zip(&interface.types) {
        text.push('\n');
        text.push_str(&writer.definition(name, ty));
        text.push('\n');
        text.push_str(&writer.codec_of(name, ty));
    }
    for length in tuples(interface) {
        text.push('\n');
        text.push_str(&tuple(length));
    }
    for (name, export) in functions.iter().zip(&interface.exports) {
        text.push('\n');
        text.push_str(&writer.method(name, export));
    }
    text + CLIENT
}

/// A field or parameter of lower case.
fn lower(name: &str) -> String {
    allowed(camel(name), RESERVED)
}

fn codec_name(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase()).unwrap_or('t');
    format!("{first}{}Codec", letters.as_str())
}

/// Documentation that begins with a name, as Go has it.
fn documented(name: &str, docs: &str, otherwise: &str, indent: &str) -> String {
    let docs = docs.trim();
    commented(&format!("{name}: {}", if docs.is_empty() { otherwise } else { docs }), "//", indent)
}

/// Lines of a name and more, in columns; apart from each other where one of them is documented.
fn columns(lines: &[(String, String, String)]) -> String {
    let apart = lines.iter().any(|(_, _, docs)| !docs.is_empty());
    let width = lines.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let line = |(name, more, docs): &(String, String, String)| {
        let docs = commented(docs, "//", "\t");
        let width = if apart { 0 } else { width };
        format!("{docs}\t{name:width$} {more}\n")
    };
    lines.iter().map(line).collect::<Vec<_>>().join(if apart { "\n" } else { "" })
}

impl Writer {
    fn definition(&self, name: &str, ty: &Named) -> String {
        match &ty.shape {
            Shape::Record(fields) => {
                let line = |one: &Part<Type>| (pascal(&one.name), self.ty(&one.of), one.docs.clone());
                structure(name, &ty.docs, "a record.", &fields.iter().map(line).collect::<Vec<_>>())
            }
            Shape::Flags(flags) => {
                let line = |one: &Part<()>| (pascal(&one.name), "bool".to_owned(), one.docs.clone());
                structure(name, &ty.docs, "a set of flags.", &flags.iter().map(line).collect::<Vec<_>>())
            }
            Shape::Enum(cases) => {
                let line = |one: &Part<()>| {
                    (
                        format!("{name}{}", pascal(&one.name)),
                        format!("{name} = \"{}\"", one.name),
                        one.docs.clone(),
                    )
                };
                format!(
                    "{}type {name} string\n\n// The cases of {name}.\nconst (\n{})\n",
                    documented(name, &ty.docs, "one of its cases.", ""),
                    columns(&cases.iter().map(line).collect::<Vec<_>>())
                )
            }
            Shape::Variant(cases) => {
                let classes: Vec<String> =
                    cases.iter().map(|one| format!("{name}{}", pascal(&one.name))).collect();
                let otherwise = format!("one of {}.", classes.join(", "));
                let docs = if ty.docs.is_empty() {
                    otherwise.clone()
                } else {
                    format!("{}\n\nIt is {otherwise}", ty.docs)
                };
                let mut text =
                    format!("{}type {name} interface{{ is{name}() }}\n", documented(name, &docs, "", ""));
                for (class, one) in classes.iter().zip(cases) {
                    let fields = match &one.of {
                        Some(ty) => format!("struct{{ Value {} }}", self.ty(ty)),
                        None => "struct{}".to_owned(),
                    };
                    let otherwise = format!("the case {} of {name}.", one.name);
                    text.push_str(&format!(
                        "\n{}type {class} {fields}\n\nfunc ({class}) is{name}() {{}}\n",
                        documented(class, &one.docs, &otherwise, "")
                    ));
                }
                text
            }
        }
    }

    fn codec_of(&self, name: &str, ty: &Named) -> String {
        let (write, read) = match &ty.shape {
            Shape::Record(fields) => {
                let (mut write, mut read) = (String::new(), String::new());
                for one in fields {
                    let (field, codec) = (pascal(&one.name), self.codec(&one.of));
                    write.push_str(&format!("\t\tput(parts, \"{}\", {codec}, value.{field})\n", one.name));
                    read.push_str(&format!("\t\tvalue.{field} = get(parts, \"{}\", {codec})\n", one.name));
                }
                (
                    format!(
                        "\t\tparts := &parts{{object: map[string]any{{}}}}\n{write}\t\treturn parts.object, parts.err\n"
                    ),
                    format!(
                        "\t\tparts := readObject(found)\n\t\tvar value {name}\n{read}\t\treturn value, parts.err\n"
                    ),
                )
            }
            Shape::Flags(flags) => {
                let names: Vec<String> = flags.iter().map(|one| format!("\"{}\"", one.name)).collect();
                let all = format!("[]string{{{}}}", names.join(", "));
                let set: Vec<String> =
                    flags.iter().map(|one| format!("value.{}", pascal(&one.name))).collect();
                let read: Vec<String> = flags
                    .iter()
                    .enumerate()
                    .map(|(at, one)| format!("{}: set[{at}]", pascal(&one.name)))
                    .collect();
                (
                    format!("\t\treturn writeNames({all}, []bool{{{}}})\n", set.join(", ")),
                    format!(
                        "\t\tset, err := readNames({all}, found)\n\t\tif err != nil {{\n\t\t\treturn {name}{{}}, \
                         err\n\t\t}}\n\t\treturn {name}{{{}}}, nil\n",
                        read.join(", ")
                    ),
                )
            }
            Shape::Enum(cases) => {
                let all: Vec<String> =
                    cases.iter().map(|one| format!("{name}{}", pascal(&one.name))).collect();
                let check = |of: &str, given: &str, none: &str| {
                    format!(
                        "\t\tif !slices.Contains([]{name}{{{}}}, {of}) {{\n\t\t\treturn {none}, mismatch(\"a case of \
                         {name}\", {given})\n\t\t}}\n",
                        all.join(", ")
                    )
                };
                (
                    format!("{}\t\treturn string(value), nil\n", check("value", "value", "nil")),
                    format!(
                        "\t\ttext, _ := found.(string)\n{}\t\treturn {name}(text), nil\n",
                        check(&format!("{name}(text)"), "found", "\"\"")
                    ),
                )
            }
            Shape::Variant(cases) => self.variant(name, cases),
        };
        let codec = codec_name(name);
        format!(
            "var {codec} = codec[{name}]{{\n\twrite: func(value {name}) (any, error) {{\n{write}\t}},\n\tread: func(found \
             any) ({name}, error) {{\n{read}\t}},\n}}\n"
        )
    }

    fn variant(&self, name: &str, cases: &[Part<Option<Type>>]) -> (String, String) {
        let (mut write, mut read) = (String::new(), String::new());
        for one in cases {
            let (class, wit) = (format!("{name}{}", pascal(&one.name)), &one.name);
            match &one.of {
                Some(ty) => {
                    let codec = self.codec(ty);
                    write.push_str(&format!(
                        "\t\tcase {class}:\n\t\t\treturn writeCase(\"{wit}\", {codec}, value.Value)\n"
                    ));
                    read.push_str(&format!(
                        "\t\tcase \"{wit}\":\n\t\t\tvalue, err := readPayload(payload, {codec})\n\t\t\treturn \
                         {class}{{value}}, err\n"
                    ));
                }
                None => {
                    write.push_str(&format!("\t\tcase {class}:\n\t\t\treturn \"{wit}\", nil\n"));
                    read.push_str(&format!(
                        "\t\tcase \"{wit}\":\n\t\t\treturn {class}{{}}, noPayload(payload)\n"
                    ));
                }
            }
        }
        let used =
            if cases.iter().any(|one| one.of.is_some()) { "value := value.(type)" } else { "value.(type)" };
        (
            format!(
                "\t\tswitch {used} {{\n{write}\t\t}}\n\t\treturn nil, mismatch(\"a case of {name}\", value)\n"
            ),
            format!(
                "\t\tname, payload, err := readCase(found)\n\t\tif err != nil {{\n\t\t\treturn nil, err\n\t\t}}\n\t\tswitch \
                 name {{\n{read}\t\t}}\n\t\treturn nil, mismatch(\"a case of {name}\", found)\n"
            ),
        )
    }

    fn method(&self, name: &str, export: &Export) -> String {
        let mut docs = commented(&documented_call(name, export), "//", "");
        if let Failure::With(error) = &export.failure {
            let error = error.as_ref().map_or("struct{}".to_owned(), |ty| self.ty(ty));
            docs.push_str(&format!("//\n// Its own error is a *Failed[{error}].\n"));
        }
        let parameters: Vec<String> =
            export.parameters.iter().map(|(name, ty)| format!(", {} {}", lower(name), self.ty(ty))).collect();
        let mut body = String::from("\tvar arguments arguments\n");
        for (name, ty) in &export.parameters {
            body.push_str(&format!("\targument(&arguments, {}, {})\n", self.codec(ty), lower(name)));
        }
        let answer = export.answer.as_ref().map_or("unitCodec".to_owned(), |ty| self.codec(ty));
        let failure = match &export.failure {
            Failure::Never => "nil".to_owned(),
            Failure::With(None) => "failed(unitCodec)".to_owned(),
            Failure::With(Some(ty)) => format!("failed({})", self.codec(ty)),
        };
        let call = format!("call(ctx, client, \"{}\", arguments, {answer}, {failure})", export.path());
        let (result, end) = match &export.answer {
            Some(ty) => (format!("({}, error)", self.ty(ty)), format!("\treturn {call}\n")),
            None => ("error".to_owned(), format!("\t_, err := {call}\n\treturn err\n")),
        };
        format!(
            "{docs}func (client *Client) {name}(ctx context.Context{}) {result} {{\n{body}{end}}}\n",
            parameters.concat()
        )
    }

    fn ty(&self, ty: &Type) -> String {
        let or_unit = |ty: &Option<Box<Type>>| ty.as_ref().map_or("struct{}".to_owned(), |ty| self.ty(ty));
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::Integer(integer) => integer_type(*integer).to_owned(),
            Type::F32 => "float32".to_owned(),
            Type::F64 => "float64".to_owned(),
            Type::Char => "rune".to_owned(),
            Type::Text => "string".to_owned(),
            Type::Bytes => "[]byte".to_owned(),
            Type::List(of) | Type::Array(of, _) => format!("[]{}", self.ty(of)),
            Type::Tuple(parts) if parts.is_empty() => "struct{}".to_owned(),
            Type::Tuple(parts) => {
                let all: Vec<String> = parts.iter().map(|ty| self.ty(ty)).collect();
                format!("Tuple{}[{}]", parts.len(), all.join(", "))
            }
            Type::Option(of) => format!("*{}", self.ty(of)),
            Type::Result(ok, err) => format!("Result[{}, {}]", or_unit(ok), or_unit(err)),
            Type::Named(at) => self.types[*at].clone(),
        }
    }

    fn codec(&self, ty: &Type) -> String {
        let or_unit =
            |ty: &Option<Box<Type>>| ty.as_ref().map_or("unitCodec".to_owned(), |ty| self.codec(ty));
        match ty {
            Type::Bool => "boolCodec".to_owned(),
            Type::Integer(integer) => format!("{}Codec", integer.wit()),
            Type::F32 => "f32Codec".to_owned(),
            Type::F64 => "f64Codec".to_owned(),
            Type::Char => "charCodec".to_owned(),
            Type::Text => "textCodec".to_owned(),
            Type::Bytes => "bytesCodec".to_owned(),
            Type::List(of) => format!("list({}, -1)", self.codec(of)),
            Type::Array(of, length) => format!("list({}, {length})", self.codec(of)),
            Type::Tuple(parts) if parts.is_empty() => "unitCodec".to_owned(),
            Type::Tuple(parts) => {
                let all: Vec<String> = parts.iter().map(|ty| self.codec(ty)).collect();
                format!("tuple{}({})", parts.len(), all.join(", "))
            }
            Type::Option(of) => {
                format!("option({}, {})", self.codec(of), matches!(**of, Type::Option(_)))
            }
            Type::Result(ok, err) => format!("result({}, {})", or_unit(ok), or_unit(err)),
            Type::Named(at) => codec_name(&self.types[*at]),
        }
    }
}

fn documented_call(name: &str, export: &Export) -> String {
    let called = format!("{name} calls {}.", export.path());
    if export.docs.is_empty() { called } else { format!("{called}\n\n{}", export.docs) }
}

fn structure(name: &str, docs: &str, otherwise: &str, fields: &[(String, String, String)]) -> String {
    format!("{}type {name} struct {{\n{}}}\n", documented(name, docs, otherwise, ""), columns(fields))
}

/// The lengths of the tuples that there are.
fn tuples(interface: &Interface) -> BTreeSet<usize> {
    fn walk(ty: &Type, found: &mut BTreeSet<usize>) {
        match ty {
            Type::Tuple(parts) => {
                found.insert(parts.len());
                parts.iter().for_each(|ty| walk(ty, found));
            }
            Type::List(of) | Type::Array(of, _) | Type::Option(of) => walk(of, found),
            Type::Result(ok, err) => [ok, err].into_iter().flatten().for_each(|ty| walk(ty, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for named in &interface.types {
        match &named.shape {
            Shape::Record(fields) => fields.iter().for_each(|one| walk(&one.of, &mut found)),
            Shape::Variant(cases) => cases.iter().flat_map(|one| &one.of).for_each(|ty| walk(ty, &mut found)),
            Shape::Enum(_) | Shape::Flags(_) => {}
        }
    }
    for export in &interface.exports {
        export.parameters.iter().for_each(|(_, ty)| walk(ty, &mut found));
        export.answer.iter().for_each(|ty| walk(ty, &mut found));
        if let Failure::With(Some(ty)) = &export.failure {
            walk(ty, &mut found);
        }
    }
    found.remove(&0);
    found
}

fn tuple(length: usize) -> String {
    let all: Vec<usize> = (0..length).collect();
    let joined =
        |of: &dyn Fn(usize) -> String, by: &str| all.iter().map(|at| of(*at)).collect::<Vec<_>>().join(by);
    let letters = joined(&|at| format!("T{at}"), ", ");
    let fields = all.iter().map(|at| (format!("F{at}"), format!("T{at}"), String::new())).collect::<Vec<_>>();
    let codecs = joined(&|at| format!("c{at} codec[T{at}]"), ", ");
    let write = joined(&|at| format!("\t\t\tadd(parts, c{at}, value.F{at})\n"), "");
    let read = joined(&|at| format!("\t\t\tvalue.F{at} = take(parts, {at}, c{at})\n"), "");
    format!(
        "// Tuple{length} is a tuple.\ntype Tuple{length}[{letters} any] struct {{\n{}}}\n\nfunc tuple{length}[{letters} \
         any]({codecs}) codec[Tuple{length}[{letters}]] {{\n\treturn codec[Tuple{length}[{letters}]]{{\n\t\twrite: \
         func(value Tuple{length}[{letters}]) (any, error) {{\n\t\t\tparts := &parts{{list: []any{{}}}}\n{write}\t\t\treturn \
         parts.list, parts.err\n\t\t}},\n\t\tread: func(found any) (Tuple{length}[{letters}], error) {{\n\t\t\tparts := \
         readTuple(found, {length})\n\t\t\tvar value Tuple{length}[{letters}]\n{read}\t\t\treturn value, \
         parts.err\n\t\t}},\n\t}}\n}}\n",
        columns(&fields)
    )
}

fn integer_type(integer: Integer) -> &'static str {
    match integer {
        Integer::U8 => "uint8",
        Integer::U16 => "uint16",
        Integer::U32 => "uint32",
        Integer::U64 => "uint64",
        Integer::S8 => "int8",
        Integer::S16 => "int16",
        Integer::S32 => "int32",
        Integer::S64 => "int64",
    }
}
