//! What a rule computes with. No floating-point numbers; maps in the order of their keys.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A value of the rule language.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<[Value]>),
    Map(Arc<BTreeMap<Arc<str>, Value>>),
}

impl Value {
    /// What it is, for messages.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an int",
            Value::Uint(_) => "a uint",
            Value::Text(_) => "a string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    pub(super) fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// An integer of either kind.
    pub(super) fn number(&self) -> Option<i128> {
        match self {
            Value::Int(number) => Some((*number).into()),
            Value::Uint(number) => Some((*number).into()),
            _ => None,
        }
    }

    /// Whether two values are equal; integers of both kinds are equal by value.
    pub(super) fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|((ka, va), (kb, vb))| ka == kb && va.equals(vb))
            }
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => a == b,
                _ => self == other,
            },
        }
    }

    /// How much it costs to look at all of it.
    pub(super) fn weight(&self) -> u64 {
        match self {
            Value::Text(text) => text.len() as u64 / 16 + 1,
            Value::Bytes(bytes) => bytes.len() as u64 / 16 + 1,
            Value::List(list) => list.iter().map(Value::weight).sum::<u64>() + 1,
            Value::Map(map) => map.iter().map(|(k, v)| k.len() as u64 / 16 + v.weight() + 1).sum::<u64>() + 1,
            _ => 1,
        }
    }

    /// A message as a rule sees it: JSON when it is JSON, else text when it is text, else bytes.
    pub(super) fn of_message(bytes: &[u8]) -> Result<Value, String> {
        if let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) {
            return of_json(&json);
        }
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Value::text(text),
            Err(_) => Value::Bytes(bytes.into()),
        })
    }
}

fn of_json(json: &serde_json::Value) -> Result<Value, String> {
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(it) => Value::Bool(*it),
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::Uint(number),
            (None, None) => {
                return Err(format!("the value holds {number}, and rules know integers of 64 bits only"));
            }
        },
        serde_json::Value::Array(list) => Value::List(list.iter().map(of_json).collect::<Result<_, _>>()?),
        serde_json::Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| Ok((Arc::from(key.as_str()), of_json(value)?)));
            Value::Map(Arc::new(pairs.collect::<Result<_, String>>()?))
        }
    })
}
