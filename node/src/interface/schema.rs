//! JSON Schema (2020-12) of an interface's types, as the host's typed calls read and write them.
//!
//! What a call takes and what it answers differ: a number of 64 bits may come as text or not, bytes as base64 or as numbers,
//! an `option` field not at all. So a named type may have two schemas, the one for what is taken with `Input` at its end.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::names::{distinct, pascal};
use super::{Integer, Interface, Named, Shape, Type};

/// Whose JSON is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// What a call may send.
    Taken,
    /// What is answered.
    Written,
}

/// Schemas of an interface, with the named ones that they refer to.
pub(crate) struct Schemas<'i> {
    interface: &'i Interface,
    names: Vec<String>,
    named: BTreeMap<String, Value>,
}

/// Base64 with the standard alphabet, padded, and nothing in the bits that stand for nothing.
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

impl<'i> Schemas<'i> {
    /// Of an interface; `taken` are names that other schemas have.
    pub(crate) fn new(interface: &'i Interface, taken: &[&str]) -> Self {
        let types: Vec<_> =
            interface.types.iter().map(|ty| (ty.interface.as_deref(), ty.name.as_str())).collect();
        Schemas { interface, names: distinct(&types, pascal, taken), named: BTreeMap::new() }
    }

    /// The named schemas that were referred to.
    pub(crate) fn named(self) -> BTreeMap<String, Value> {
        self.named
    }

    /// The arguments of a call: an array with one element a parameter.
    pub(crate) fn arguments(&mut self, parameters: &[(String, Type)]) -> Value {
        sequence(parameters.iter().map(|(name, ty)| titled(self.of(ty, Form::Taken), name)).collect())
    }

    /// A type; nothing is `null`.
    pub(crate) fn optional(&mut self, ty: Option<&Type>, form: Form) -> Value {
        ty.map_or_else(|| json!({ "type": "null" }), |ty| self.of(ty, form))
    }

    fn of(&mut self, ty: &Type, form: Form) -> Value {
        match ty {
            Type::Bool => json!({ "type": "boolean" }),
            Type::Integer(integer) => of_integer(*integer, form),
            Type::F32 => of_float(json!({ "type": "number", "minimum": f32::MIN, "maximum": f32::MAX })),
            Type::F64 => of_float(json!({ "type": "number" })),
            Type::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Type::Text => json!({ "type": "string" }),
            Type::Bytes => of_bytes(form),
            Type::List(of) => json!({ "type": "array", "items": self.of(of, form) }),
            Type::Array(of, length) => {
                json!({ "type": "array", "items": self.of(of, form), "minItems": length, "maxItems": length })
            }
            Type::Tuple(parts) => sequence(parts.iter().map(|ty| self.of(ty, form)).collect()),
            Type::Option(of) if matches!(**of, Type::Option(_)) => {
                let some = self.of(of, form);
                any_of(vec![single("some", some), json!({ "type": "null" })])
            }
            Type::Option(of) => any_of(vec![self.of(of, form), json!({ "type": "null" })]),
            Type::Result(ok, err) => {
                let (ok, err) = (self.optional(ok.as_deref(), form), self.optional(err.as_deref(), form));
                any_of(vec![single("ok", ok), single("err", err)])
            }
            Type::Named(at) => self.reference(*at, form),
        }
    }

    fn reference(&mut self, at: usize, form: Form) -> Value {
        let interface = self.interface;
        let (Some(named), Some(name)) = (interface.types.get(at), self.names.get(at)) else {
            return json!(false);
        };
        let key = match form {
            Form::Taken => format!("{name}Input"),
            Form::Written => name.clone(),
        };
        if !self.named.contains_key(&key) {
            let schema = self.definition(named, form);
            self.named.insert(key.clone(), described(schema, &named.docs));
        }
        json!({ "$ref": format!("#/components/schemas/{key}") })
    }

    fn definition(&mut self, named: &Named, form: Form) -> Value {
        match &named.shape {
            Shape::Record(fields) => {
                let mut properties = serde_json::Map::new();
                let mut required = Vec::new();
                for field in fields {
                    if form == Form::Written || !matches!(field.of, Type::Option(_)) {
                        required.push(field.name.as_str());
                    }
                    properties.insert(field.name.clone(), described(self.of(&field.of, form), &field.docs));
                }
                json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
            }
            Shape::Enum(cases) => {
                let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
                json!({ "type": "string", "enum": names })
            }
            Shape::Flags(flags) => {
                let names: Vec<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
                json!({ "type": "array", "items": { "type": "string", "enum": names }, "uniqueItems": true })
            }
            Shape::Variant(cases) => {
                let mut all = Vec::new();
                for case in cases {
                    let schema = match &case.of {
                        Some(ty) => single(&case.name, self.of(ty, form)),
                        None => json!({ "const": case.name }),
                    };
                    all.push(described(schema, &case.docs));
                    // Taken in the form of the others, too.
                    if form == Form::Taken && case.of.is_none() {
                        all.push(single(&case.name, json!({ "type": "null" })));
                    }
                }
                any_of(all)
            }
        }
    }
}

/// An array with these parts. Parts that are alike are said once: tools know that form better.
fn sequence(parts: Vec<Value>) -> Value {
    let length = parts.len();
    let mut schema = json!({ "type": "array", "minItems": length, "maxItems": length });
    match parts.split_first() {
        None => {}
        Some((first, more)) if more.iter().all(|part| part == first) => schema["items"] = first.clone(),
        Some(_) => {
            schema["prefixItems"] = json!(parts);
            schema["items"] = json!(false);
        }
    }
    schema
}

fn any_of(all: Vec<Value>) -> Value {
    json!({ "anyOf": all })
}

/// An object with one field.
fn single(name: &str, of: Value) -> Value {
    json!({ "type": "object", "properties": { name: of }, "required": [name], "additionalProperties": false })
}

fn described(mut schema: Value, docs: &str) -> Value {
    if !docs.is_empty() {
        schema["description"] = json!(docs);
    }
    schema
}

fn titled(mut schema: Value, title: &str) -> Value {
    schema["title"] = json!(title);
    schema
}

fn of_integer(integer: Integer, form: Form) -> Value {
    let (least, greatest) = integer.range();
    if !integer.is_long() {
        return json!({ "type": "integer", "minimum": least as i64, "maximum": greatest as i64 });
    }
    let text = json!({ "type": "string", "pattern": decimal(least, greatest) });
    // Beyond what every reader of JSON has exactly it is answered as text.
    const SAFE: i64 = (1 << 53) - 1;
    let number = match form {
        Form::Written => {
            json!({ "type": "integer", "minimum": least.max((-SAFE).into()) as i64, "maximum": SAFE })
        }
        Form::Taken => json!({ "type": "integer", "minimum": least as i64, "maximum": greatest as u64 }),
    };
    any_of(vec![number, text])
}

fn of_float(number: Value) -> Value {
    any_of(vec![number, json!({ "enum": ["NaN", "Infinity", "-Infinity"] })])
}

fn of_bytes(form: Form) -> Value {
    let text = json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64 });
    match form {
        Form::Written => text,
        Form::Taken => {
            let number = json!({ "type": "integer", "minimum": 0, "maximum": 255 });
            any_of(vec![text, json!({ "type": "array", "items": number })])
        }
    }
}

/// Decimal text of the integers from `least` to `greatest`, as a pattern.
fn decimal(least: i128, greatest: i128) -> String {
    let up = up_to(greatest);
    match least {
        0 => format!("^(?:{up})$"),
        least => format!("^(?:-?(?:{up})|{least})$"),
    }
}

/// Decimal text of the integers from 0 to `greatest`.
fn up_to(greatest: i128) -> String {
    let digits = greatest.to_string();
    let more = digits.len() - 1;
    let mut parts = vec![format!("[0-9]{{1,{more}}}")];
    for (at, digit) in digits.char_indices() {
        let least = if at == 0 { '1' } else { '0' };
        // The same up to here, less here, and anything behind it.
        if let Some(below) = (least..digit).last() {
            let rest = match more - at {
                0 => String::new(),
                rest => format!("[0-9]{{{rest}}}"),
            };
            parts.push(format!("{}[{least}-{below}]{rest}", &digits[..at]));
        }
    }
    parts.push(digits);
    parts.join("|")
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    #[test]
    fn what_is_taken_and_what_is_answered_differ_where_the_host_does() {
        let part = |name: &str, of| Part { name: name.into(), docs: String::new(), of };
        let order = Named {
            interface: None,
            name: "order".into(),
            docs: "What is bought.".into(),
            shape: Shape::Record(vec![
                part("data", Type::Bytes),
                part("note", Type::Option(Box::new(Type::Text))),
            ]),
        };
        let interface = Interface { types: vec![order], ..Interface::default() };
        let mut schemas = Schemas::new(&interface, &[]);
        let arguments = schemas.arguments(&[("one".into(), Type::Named(0))]);
        assert_eq!(arguments["items"]["$ref"], "#/components/schemas/OrderInput");
        let two = sequence(vec![json!({ "type": "null" }), json!({ "type": "string" })]);
        assert_eq!((two["prefixItems"][1]["type"].as_str(), &two["items"]), (Some("string"), &json!(false)));
        let answer = schemas.optional(Some(&Type::Named(0)), Form::Written);
        assert_eq!(answer["$ref"], "#/components/schemas/Order");
        let named = schemas.named();
        assert_eq!(named["OrderInput"]["required"], json!(["data"]));
        assert_eq!(named["Order"]["required"], json!(["data", "note"]));
        assert_eq!(named["Order"]["description"], "What is bought.");
        assert_eq!(named["Order"]["properties"]["data"]["contentEncoding"], "base64");
        assert_eq!(named["OrderInput"]["properties"]["data"]["anyOf"][1]["type"], "array");
    }

    #[test]
    fn patterns_of_numbers_end_where_the_type_does() {
        assert_eq!(up_to(255), "[0-9]{1,2}|[1-1][0-9]{2}|2[0-4][0-9]{1}|25[0-4]|255");
        assert_eq!(decimal(-128, 127), "^(?:-?(?:[0-9]{1,2}|1[0-1][0-9]{1}|12[0-6]|127)|-128)$");
    }
}
