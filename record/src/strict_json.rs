//! JSON as evidence: no repeated keys, bounded length.
//!
//! A parser that lets the last of two equal keys win would let a file show one thing to a person and another to
//! the verifier.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Parses JSON of at most `max` bytes without repeated keys.
pub(crate) fn parse(text: &str, max: usize) -> Result<Value, String> {
    if text.len() > max {
        return Err(format!("{} bytes; at most {max} are allowed", text.len()));
    }
    let mut d = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut d).map_err(|e| e.to_string())?;
    d.end().map_err(|e| e.to_string())?;
    Ok(value)
}

/// A value from any deserializer, without repeated keys.
pub(crate) fn value<'de, D: Deserializer<'de>>(d: D) -> Result<Value, D::Error> {
    Strict.deserialize(d)
}

/// The value with line breaks, ending in one.
pub(crate) fn pretty(value: &impl Serialize) -> String {
    // Strings, numbers and arrays in maps with text keys: serde_json cannot fail on them.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Err(E::custom(format!("{value} is not an integer; records have no fractions")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format!("key {key:?} stands twice")));
            }
            let value = map.next_value_seed(Self)?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

/// The first place where `found` differs from `proven`, as `(path, found, proven)`; absent values are `absent`.
pub(crate) fn first_difference(
    path: &str,
    found: Option<&Value>,
    proven: Option<&Value>,
) -> Option<(String, String, String)> {
    match (found, proven) {
        (Some(Value::Object(found)), Some(Value::Object(proven))) => {
            let extra = found.keys().filter(|key| !proven.contains_key(*key));
            proven.keys().chain(extra).find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                first_difference(&path, found.get(key), proven.get(key))
            })
        }
        (Some(Value::Array(found)), Some(Value::Array(proven))) => (0..found.len().max(proven.len()))
            .find_map(|i| first_difference(&format!("{path}[{i}]"), found.get(i), proven.get(i))),
        (found, proven) if found == proven => None,
        (found, proven) => {
            let show = |value: Option<&Value>| match value {
                None => "absent".to_owned(),
                Some(value) => value.to_string().chars().take(200).collect(),
            };
            Some((path.to_owned(), show(found), show(proven)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn repeated_keys_and_fractions_are_refused() {
        assert_eq!(parse(r#"{"a":[1,null,"x",true]}"#, 100), Ok(json!({"a": [1, null, "x", true]})));
        for bad in [r#"{"a":1,"a":2}"#, r#"{"b":{"a":1,"a":1}}"#, "1.5", "{} {}", "", "1e3"] {
            assert!(parse(bad, 100).is_err(), "{bad}");
        }
        assert!(parse(r#""aaaa""#, 5).is_err());
        assert!(
            parse(&"[".repeat(100_000), 1 << 20).is_err(),
            "deep nesting is an error, not a stack overflow"
        );
    }

    #[test]
    fn difference_has_a_path() {
        let proven = json!({"a": {"b": [1, {"c": "x"}]}, "d": 1});
        let at = |found: Value| first_difference("", Some(&found), Some(&proven)).map(|d| d.0);
        assert_eq!(at(proven.clone()), None);
        assert_eq!(at(json!({"a": {"b": [1, {"c": "y"}]}, "d": 1})).as_deref(), Some("a.b[1].c"));
        assert_eq!(at(json!({"a": {"b": [1]}, "d": 1})).as_deref(), Some("a.b[1]"));
        assert_eq!(at(json!({"a": {"b": [1, {"c": "x"}]}})).as_deref(), Some("d"));
        assert_eq!(at(json!({"a": {"b": [1, {"c": "x"}]}, "d": 1, "e": 0})).as_deref(), Some("e"));
        assert_eq!(at(json!({"a": {"b": [1, {"c": "x"}]}, "d": "1"})).as_deref(), Some("d"));
    }
}
