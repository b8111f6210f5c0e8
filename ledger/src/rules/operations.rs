//! Operations on values. Whole numbers are checked: what overflows fails.

use super::show::operator;
use super::value::Value;
use cel::common::ast::operators;
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, String>;

/// A field of a map.
pub(super) fn field(value: &Value, name: &str) -> Result<Value> {
    match value {
        Value::Map(map) => map.get(name).cloned().ok_or_else(|| format!("there is no field {name:?}")),
        other => Err(format!(".{name} asks {} for a field", other.kind())),
    }
}

/// An operation of two values.
pub(super) fn two(name: &str, a: &Value, b: &Value) -> Result<Value> {
    let wrong = || Err(format!("{} of {} and {} is not known", operator(name), a.kind(), b.kind()));
    match (name, a, b) {
        (operators::EQUALS, _, _) => Ok(Value::Bool(a.equals(b))),
        (operators::NOT_EQUALS, _, _) => Ok(Value::Bool(!a.equals(b))),
        (operators::LESS, _, _) => order(a, b).map_or_else(wrong, |order| Ok(Value::Bool(order.is_lt()))),
        (operators::LESS_EQUALS, _, _) => {
            order(a, b).map_or_else(wrong, |order| Ok(Value::Bool(order.is_le())))
        }
        (operators::GREATER, _, _) => order(a, b).map_or_else(wrong, |order| Ok(Value::Bool(order.is_gt()))),
        (operators::GREATER_EQUALS, _, _) => {
            order(a, b).map_or_else(wrong, |order| Ok(Value::Bool(order.is_ge())))
        }
        (operators::INDEX, Value::Map(_), Value::Text(key)) => field(a, key),
        (operators::INDEX, Value::List(list), index) => {
            let at = index.number().and_then(|at| usize::try_from(at).ok());
            at.and_then(|at| list.get(at).cloned())
                .ok_or_else(|| format!("a list of {} has no such place", list.len()))
        }
        (operators::IN, item, Value::List(list)) => {
            Ok(Value::Bool(list.iter().any(|other| other.equals(item))))
        }
        (operators::IN, Value::Text(key), Value::Map(map)) => Ok(Value::Bool(map.contains_key(key))),
        ("startsWith", Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a.starts_with(b.as_ref()))),
        ("endsWith", Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a.ends_with(b.as_ref()))),
        ("contains", Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a.contains(b.as_ref()))),
        (operators::ADD, Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}").into())),
        (operators::ADD, Value::List(a), Value::List(b)) => {
            Ok(Value::List(a.iter().chain(b.iter()).cloned().collect()))
        }
        (_, Value::Int(x), Value::Int(y)) => {
            let sum = match name {
                operators::ADD => x.checked_add(*y),
                operators::SUBSTRACT => x.checked_sub(*y),
                operators::MULTIPLY => x.checked_mul(*y),
                operators::DIVIDE => x.checked_div(*y),
                operators::MODULO => x.checked_rem(*y),
                _ => return wrong(),
            };
            sum.map(Value::Int).ok_or_else(|| format!("{} overflows, or divides by nought", operator(name)))
        }
        (_, Value::Uint(x), Value::Uint(y)) => {
            let sum = match name {
                operators::ADD => x.checked_add(*y),
                operators::SUBSTRACT => x.checked_sub(*y),
                operators::MULTIPLY => x.checked_mul(*y),
                operators::DIVIDE => x.checked_div(*y),
                operators::MODULO => x.checked_rem(*y),
                _ => return wrong(),
            };
            sum.map(Value::Uint).ok_or_else(|| format!("{} overflows, or divides by nought", operator(name)))
        }
        _ => wrong(),
    }
}

/// Numbers by value, strings and bytes by their bytes, bools false first.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => Some(a.number()?.cmp(&b.number()?)),
    }
}
