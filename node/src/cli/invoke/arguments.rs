//! Words of a command line as the arguments of a typed export.
//!
//! | written | sent |
//! |---|---|
//! | `add 1 2` | `[1,2]` |
//! | `add '{"a":1,"b":2}'`, every parameter by its name | `[1,2]` |
//! | `add '[1,2]'` | `[1,2]` |
//! | `greet ada`, where the parameter is a string | `["ada"]` |
//! | `'add(1, 2)'` | WAVE: `1`, `2` |
//!
//! JSON is passed on as the text that it was: numbers keep every digit.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Failure;
use super::text;
use crate::api::{ExportView, FunctionView, ParameterView};

/// The body of a typed call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TypedBody {
    /// A JSON array.
    Json(String),
    /// WAVE values, one a line.
    Wave(String),
}

/// The export that is meant, and the body that calls it.
pub(super) fn typed(function: &FunctionView, words: &[String]) -> Result<(String, TypedBody), Failure> {
    let Some((first, arguments)) = words.split_first() else {
        return Err(Failure::usage(format!("{} has several exports: say which one", function.summary.name))
            .hint(format!("it exports {}", list(function))));
    };
    if let Some((name, wave)) = first.strip_suffix(')').and_then(|call| call.split_once('('))
        && arguments.is_empty()
    {
        let values = split_wave(wave);
        let path = match find(function, name.trim())? {
            Some(export) => {
                check_count(export, values.len())?;
                export.path.clone()
            }
            None => name.trim().to_owned(),
        };
        return Ok((path, TypedBody::Wave(values.join("\n"))));
    }
    match find(function, first)? {
        Some(export) => Ok((export.path.clone(), TypedBody::Json(json(export, arguments)?))),
        // The node does not know the interface yet: what is JSON goes as it is.
        None => Ok((first.clone(), TypedBody::Json(unchecked(arguments)))),
    }
}

/// WAVE arguments, cut at the commas that are in no bracket and no quotes. A line break is a space in WAVE.
fn split_wave(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for c in text.chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                values.push(String::new());
                continue;
            }
            (None, _) => {}
        }
        if let Some(value) = values.last_mut() {
            value.push(if c == '\n' || c == '\r' { ' ' } else { c });
        }
    }
    let mut values: Vec<String> = values.into_iter().map(|value| value.trim().to_owned()).collect();
    // No argument at all, or a comma after the last one.
    if values.last().is_some_and(String::is_empty) {
        values.pop();
    }
    values
}

/// The export called `name`: by its whole path, or by the part after the interface when that is unique.
/// `None` when the node has not said what there is.
fn find<'f>(function: &'f FunctionView, name: &str) -> Result<Option<&'f ExportView>, Failure> {
    let exports = &function.exports;
    if exports.is_empty() {
        return Ok(None);
    }
    let last =
        |export: &'f ExportView| export.path.rsplit_once('#').map_or(export.path.as_str(), |(_, last)| last);
    if let Some(export) = exports.iter().find(|export| export.path == name) {
        return Ok(Some(export));
    }
    let matching: Vec<&ExportView> = exports.iter().filter(|export| last(export) == name).collect();
    match matching.as_slice() {
        [export] => Ok(Some(export)),
        [] => {
            let failure = Failure::new(format!("{} has no export {name:?}", function.summary.name));
            Err(match crate::manifest::nearest(name, exports.iter().map(last)) {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint(format!("it exports {}", list(function))),
            })
        }
        several => {
            let paths: Vec<&str> = several.iter().map(|export| export.path.as_str()).collect();
            Err(Failure::new(format!("{name} is exported by several interfaces"))
                .hint(format!("name one: {}", paths.join(", "))))
        }
    }
}

fn list(function: &FunctionView) -> String {
    let paths: Vec<String> = function.exports.iter().map(|export| text::line(&export.path)).collect();
    if paths.is_empty() { "nothing that is known yet".to_owned() } else { paths.join(", ") }
}

fn json(export: &ExportView, words: &[String]) -> Result<String, Failure> {
    let parameters = &export.parameters;
    if let [word] = words {
        if let Some(values) = by_name(word, parameters) {
            return Ok(array(&values));
        }
        let list_wanted = parameters.len() == 1
            && (parameters[0].ty.starts_with("list<") || parameters[0].ty.starts_with("tuple<"));
        if !list_wanted && let Ok(values) = serde_json::from_str::<Vec<Box<RawValue>>>(word) {
            let values: Vec<&str> = values.iter().map(|value| value.get()).collect();
            check_count(export, values.len())?;
            return Ok(array(&values));
        }
    }
    check_count(export, words.len())?;
    let values: Vec<String> = words
        .iter()
        .zip(parameters)
        .map(|(word, parameter)| value(word, parameter))
        .collect::<Result<_, _>>()?;
    Ok(array(&values))
}

/// The values of an object that names exactly the parameters, in the parameters' order.
fn by_name(word: &str, parameters: &[ParameterView]) -> Option<Vec<String>> {
    let object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(word).ok()?;
    if object.len() != parameters.len() || parameters.is_empty() {
        return None;
    }
    parameters
        .iter()
        .map(|parameter| object.get(&parameter.name).map(|value| value.get().to_owned()))
        .collect()
}

fn check_count(export: &ExportView, given: usize) -> Result<(), Failure> {
    if given == export.parameters.len() {
        return Ok(());
    }
    let wanted = text::count(export.parameters.len(), "argument");
    let were = if given == 1 { "1 was".to_owned() } else { format!("{given} were") };
    Err(Failure::new(format!("{} takes {wanted}, {were} given", export.path)).hint(signature(export)))
}

/// `add(a: u32, b: u32) -> u32`.
pub(crate) fn signature(export: &ExportView) -> String {
    let parameters: Vec<String> = export
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", text::line(&parameter.name), text::line(&parameter.ty)))
        .collect();
    let result = export.result.as_ref().map_or(String::new(), |result| format!(" -> {}", text::line(result)));
    format!("{}({}){result}", text::line(&export.path), parameters.join(", "))
}

/// One argument. A string needs no quotes, nor does the name of a case.
fn value(word: &str, parameter: &ParameterView) -> Result<String, Failure> {
    let quoted = || serde_json::to_string(word).unwrap_or_default();
    let parsed = serde_json::from_str::<&RawValue>(word);
    if matches!(parameter.ty.as_str(), "string" | "char") {
        return Ok(if word.starts_with('"') && parsed.is_ok() { word.to_owned() } else { quoted() });
    }
    match parsed {
        Ok(value) => Ok(value.get().to_owned()),
        Err(_) if is_case(word) => Ok(quoted()),
        Err(error) => {
            let ParameterView { name, ty } = parameter;
            Err(Failure::new(format!(
                "the argument {} ({}: {}) is not JSON: {error}",
                text::line(word),
                name,
                ty
            ))
            .hint("write numbers as 1, texts as '\"text\"', lists as '[1,2]', records as '{\"a\":1}'"))
        }
    }
}

/// A word as cases of enums and variants are named: `north-east`.
fn is_case(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn unchecked(words: &[String]) -> String {
    match words {
        [word] if word.trim_start().starts_with('[') => word.clone(),
        words => array(words),
    }
}

fn array(values: &[impl AsRef<str>]) -> String {
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    format!("[{}]", values.join(","))
}

/// An export's path as the end of a URL's path (RFC 3986). Slashes stay: the node refuses encoded ones.
pub(super) fn escape(export: &str) -> String {
    let mut out = String::with_capacity(export.len() + 8);
    for byte in export.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b'/' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn function() -> FunctionView {
        serde_json::from_value(json!({
            "name": "calculator", "owner": "0".repeat(64), "kind": "typed", "route": "/calculator", "version": 1,
            "component": "0".repeat(64), "retired": false, "versions": [], "imports": [],
            "exports": [
                { "path": "add", "parameters": [{"name": "a", "type": "u32"}, {"name": "b", "type": "u32"}], "result": "u32" },
                { "path": "greet", "parameters": [{"name": "name", "type": "string"}], "result": "string" },
                { "path": "sum", "parameters": [{"name": "numbers", "type": "list<u64>"}], "result": "u64" },
                { "path": "turn", "parameters": [{"name": "to", "type": "direction"}] },
                { "path": "nothing", "parameters": [] },
                { "path": "folkmoot:calculator/arithmetic@0.1.0#divide",
                  "parameters": [{"name": "a", "type": "u64"}, {"name": "b", "type": "u64"}], "result": "u64" },
                { "path": "a:b/c#twice", "parameters": [] }, { "path": "a:b/d#twice", "parameters": [] }
            ]
        }))
        .unwrap()
    }

    fn body(words: &[&str]) -> Result<(String, TypedBody), Failure> {
        typed(&function(), &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[track_caller]
    fn sent(words: &[&str], export: &str, json: &str) {
        assert_eq!(body(words).unwrap(), (export.to_owned(), TypedBody::Json(json.to_owned())));
    }

    #[test]
    fn every_way_to_write_arguments() {
        sent(&["add", "1", "2"], "add", "[1,2]");
        sent(&["add", r#"{"b":2,"a":1}"#], "add", "[1,2]");
        sent(&["add", "[1, 2]"], "add", "[1,2]");
        sent(&["greet", "ada"], "greet", r#"["ada"]"#);
        sent(&["greet", "5"], "greet", r#"["5"]"#);
        sent(&["greet", r#""ada""#], "greet", r#"["ada"]"#);
        sent(&["greet", r#"say "hi""#], "greet", r#"["say \"hi\""]"#);
        sent(&["greet", r#"{"name":"ada"}"#], "greet", r#"["ada"]"#);
        sent(&["sum", "[1,2]"], "sum", "[[1,2]]");
        sent(&["sum", r#"{"numbers":[1,2]}"#], "sum", "[[1,2]]");
        sent(&["turn", "north-east"], "turn", r#"["north-east"]"#);
        sent(&["nothing"], "nothing", "[]");
        sent(&["divide", "7", "2"], "folkmoot:calculator/arithmetic@0.1.0#divide", "[7,2]");
    }

    #[test]
    fn wave() {
        let words = [
            ("add(1, 2)", "1\n2"),
            ("add(1, 2,)", "1\n2"),
            ("nothing()", ""),
            (r#"greet("a(b), c\", d")"#, r#""a(b), c\", d""#),
            ("sum([1,\n2])", "[1, 2]"),
            ("turn({a: 1, b: (2, 3)})", "{a: 1, b: (2, 3)}"),
        ];
        for (word, wave) in words {
            let export = word.split('(').next().unwrap().to_owned();
            assert_eq!(body(&[word]).unwrap(), (export, TypedBody::Wave(wave.to_owned())));
        }
    }

    #[test]
    fn case_73_large_numbers_keep_every_digit() {
        // Through a float 18446744073709551615 would become 18446744073709552000.
        sent(&["sum", "[18446744073709551615]"], "sum", "[[18446744073709551615]]");
        sent(
            &["divide", r#"{"a":18446744073709551615,"b":9007199254740993}"#],
            "folkmoot:calculator/arithmetic@0.1.0#divide",
            "[18446744073709551615,9007199254740993]",
        );
    }

    #[test]
    fn mistakes_are_explained() {
        for (words, message) in [
            (vec![], "has several exports"),
            (vec!["ad", "1", "2"], "has no export \"ad\""),
            (vec!["add", "1"], "add takes 2 arguments, 1 was given"),
            (vec!["add", "1", "2", "3"], "add takes 2 arguments, 3 were given"),
            (vec!["add", "[1]"], "add takes 2 arguments, 1 was given"),
            (vec!["nothing", "1"], "nothing takes 0 arguments, 1 was given"),
            (vec!["add", "1", "two three"], "the argument two three (b: u32) is not JSON"),
            (vec!["twice"], "several interfaces"),
            (vec!["add(1)"], "add takes 2 arguments, 1 was given"),
        ] {
            let error = body(&words).unwrap_err().to_string();
            assert!(error.contains(message), "{words:?}: {error}");
        }
    }

    #[test]
    fn a_path_in_a_url() {
        assert_eq!(escape("add"), "add");
        assert_eq!(escape("a:b/c@0.1.0#d"), "a:b/c@0.1.0%23d");
    }
}
