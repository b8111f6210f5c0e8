//! Evaluating a rule, with every step counted.
//!
//! `&&` and `||` are CEL's: when one side fails and the other decides, the failure does not matter. Running out of steps
//! always does, because whatever comes after it runs out as well.

use super::Scope;
use super::operations::{field, two};
use super::value::Value;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use moot_record::AccountId;
use std::collections::BTreeMap;
use std::sync::Arc;

type Result<T> = std::result::Result<T, String>;

/// Runs a rule in at most `cost` steps.
pub(super) fn run(
    tree: &IdedExpr,
    labels: &BTreeMap<String, String>,
    scope: &Scope<'_>,
    cost: u64,
) -> Result<Value> {
    Run { labels, scope, left: cost, locals: Vec::new(), message: None }.eval(&tree.expr)
}

struct Run<'a> {
    labels: &'a BTreeMap<String, String>,
    scope: &'a Scope<'a>,
    left: u64,
    locals: Vec<(&'a str, Value)>,
    /// The message, once it was looked at.
    message: Option<Result<Value>>,
}

impl<'a> Run<'a> {
    fn pay(&mut self, cost: u64) -> Result<()> {
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err("it takes more steps than a rule may".to_owned())
            }
        }
    }

    fn eval(&mut self, expr: &'a Expr) -> Result<Value> {
        self.pay(1)?;
        match expr {
            Expr::Literal(literal) => {
                let value = self.literal(literal)?;
                self.pay(value.weight())?;
                Ok(value)
            }
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                let value = self.eval(&select.operand.expr)?;
                if select.test {
                    return match &value {
                        Value::Map(map) => Ok(Value::Bool(map.contains_key(select.field.as_str()))),
                        other => Err(format!("has(.{}) asks {} for a field", select.field, other.kind())),
                    };
                }
                field(&value, &select.field)
            }
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.eval(&item.expr));
                Ok(Value::List(items.collect::<Result<_>>()?))
            }
            Expr::Map(map) => {
                let mut made = BTreeMap::new();
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else { return Err("a struct".into()) };
                    let Value::Text(key) = self.eval(&entry.key.expr)? else {
                        return Err("the keys of a map are strings".into());
                    };
                    let value = self.eval(&entry.value.expr)?;
                    if made.insert(key.clone(), value).is_some() {
                        return Err(format!("a map has the key {key:?} twice"));
                    }
                }
                Ok(Value::Map(Arc::new(made)))
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(all) => {
                let before = self.locals.len();
                let result = self.comprehension(all);
                // Also after a failure, which `||` may pass over.
                self.locals.truncate(before);
                result
            }
            Expr::Struct(_) | Expr::Unspecified => Err("a struct".to_owned()),
        }
    }

    fn literal(&self, literal: &LiteralValue) -> Result<Value> {
        Ok(match literal {
            LiteralValue::Boolean(it) => Value::Bool(*it.inner()),
            LiteralValue::Bytes(bytes) => Value::Bytes(bytes.inner().into()),
            LiteralValue::Int(number) => Value::Int(*number.inner()),
            LiteralValue::UInt(number) => Value::Uint(*number.inner()),
            LiteralValue::String(text) => Value::text(text.inner()),
            LiteralValue::Null => Value::Null,
            LiteralValue::Double(_) => return Err("a number with a fraction".to_owned()),
        })
    }

    fn name(&mut self, name: &str) -> Result<Value> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return Ok(value.clone());
        }
        let scope = self.scope;
        let number =
            |number: u64| i64::try_from(number).map(Value::Int).map_err(|_| format!("{name} is too large"));
        match name {
            "auth" => {
                let account = scope.account.map_or(Value::Null, |account| Value::text(&account.to_string()));
                let function = scope.function.map_or(Value::Null, |name| Value::text(name.as_str()));
                let fields = [("account", account), ("function", function)];
                Ok(Value::Map(Arc::new(fields.map(|(name, value)| (Arc::from(name), value)).into())))
            }
            "path" => {
                self.pay(self.labels.len() as u64)?;
                let map =
                    self.labels.iter().map(|(name, label)| (Arc::from(name.as_str()), Value::text(label)));
                Ok(Value::Map(Arc::new(map.collect())))
            }
            "value" => {
                if self.message.is_none() {
                    self.pay(scope.value_bytes / 16)?;
                    let missing = || {
                        Err("the value is not in the entry: a rule can read only what is inline".to_owned())
                    };
                    self.message = Some(scope.value.map_or_else(missing, Value::of_message));
                }
                self.message.clone().unwrap_or(Ok(Value::Null))
            }
            "value_size" => number(scope.value_bytes),
            "now" => number(scope.now_ms),
            "height" => number(scope.height),
            _ => Err(format!("{name:?} is not known here")),
        }
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<Value> {
        let values: Vec<&'a Expr> = call
            .target
            .iter()
            .map(|target| &target.expr)
            .chain(call.args.iter().map(|arg| &arg.expr))
            .collect();
        match (call.func_name.as_str(), values.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => self.either(a, b, false),
            (operators::LOGICAL_OR, [a, b]) => self.either(a, b, true),
            (operators::CONDITIONAL, [which, yes, no]) => match self.eval(which)? {
                Value::Bool(true) => self.eval(yes),
                Value::Bool(false) => self.eval(no),
                other => Err(format!("before `?` stands {}, and not a bool", other.kind())),
            },
            (operators::NOT_STRICTLY_FALSE, [a]) => {
                let value = self.eval(a);
                self.pay(1)?;
                Ok(Value::Bool(!matches!(value, Ok(Value::Bool(false)))))
            }
            (name, [a]) => {
                let a = self.eval(a)?;
                self.pay(a.weight())?;
                self.one(name, &a)
            }
            (name, [a, b]) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                self.pay(a.weight() + b.weight())?;
                two(name, &a, &b)
            }
            (name, _) => Err(format!("{name} is not known here")),
        }
    }

    /// `||` for `wins` true, `&&` for false.
    fn either(&mut self, a: &'a Expr, b: &'a Expr, wins: bool) -> Result<Value> {
        let bool_of = |value: Result<Value>| match value? {
            Value::Bool(it) => Ok(it),
            other => Err(format!("`&&` and `||` take bools, not {}", other.kind())),
        };
        let first = bool_of(self.eval(a));
        if first == Ok(wins) {
            return Ok(Value::Bool(wins));
        }
        let second = bool_of(self.eval(b));
        if second == Ok(wins) {
            return Ok(Value::Bool(wins));
        }
        first.and(second).map(Value::Bool)
    }

    fn one(&mut self, name: &str, a: &Value) -> Result<Value> {
        let wrong = || Err(format!("{name} does not take {}", a.kind()));
        let int = |number: Option<i64>| number.map(Value::Int).ok_or_else(|| format!("{name} overflows"));
        match (name, a) {
            (operators::LOGICAL_NOT, Value::Bool(it)) => Ok(Value::Bool(!it)),
            (operators::NEGATE, Value::Int(number)) => int(number.checked_neg()),
            ("size", Value::Text(text)) => int(i64::try_from(text.chars().count()).ok()),
            ("size", Value::Bytes(bytes)) => int(i64::try_from(bytes.len()).ok()),
            ("size", Value::List(list)) => int(i64::try_from(list.len()).ok()),
            ("size", Value::Map(map)) => int(i64::try_from(map.len()).ok()),
            ("int", Value::Int(_)) | ("string", Value::Text(_)) => Ok(a.clone()),
            ("int", Value::Uint(number)) => int(i64::try_from(*number).ok()),
            ("int", Value::Text(text)) => int(text.parse().ok()),
            ("string", Value::Int(number)) => Ok(Value::text(&number.to_string())),
            ("string", Value::Uint(number)) => Ok(Value::text(&number.to_string())),
            ("balance", Value::Text(text)) => {
                self.pay(50)?;
                let account: AccountId = text.parse().map_err(|_| format!("{text:?} is no account"))?;
                Ok(Value::Uint((self.scope.balance)(&account)))
            }
            _ => wrong(),
        }
    }

    fn comprehension(&mut self, all: &'a ComprehensionExpr) -> Result<Value> {
        let range = self.eval(&all.iter_range.expr)?;
        let items: Vec<(Value, Option<Value>)> = match &range {
            Value::List(list) => match all.iter_var2 {
                None => list.iter().map(|item| (item.clone(), None)).collect(),
                Some(_) => {
                    (0i64..).zip(list.iter()).map(|(at, item)| (Value::Int(at), Some(item.clone()))).collect()
                }
            },
            Value::Map(map) => {
                map.iter().map(|(key, value)| (Value::Text(key.clone()), Some(value.clone()))).collect()
            }
            other => return Err(format!("{} has nothing to go through", other.kind())),
        };
        self.pay(items.len() as u64)?;
        let accumulated = self.eval(&all.accu_init.expr)?;
        let place = self.locals.len();
        self.locals.push((&all.accu_var, accumulated));
        for (item, second) in items {
            self.locals.push((&all.iter_var, item));
            if let (Some(name), Some(value)) = (&all.iter_var2, second) {
                self.locals.push((name, value));
            }
            let go_on = self.eval(&all.loop_cond.expr)?;
            let step = if go_on == Value::Bool(false) { None } else { Some(self.eval(&all.loop_step.expr)?) };
            self.locals.truncate(place + 1);
            match (step, self.locals.get_mut(place)) {
                (Some(step), Some((_, accumulated))) => *accumulated = step,
                _ => break,
            }
        }
        self.eval(&all.result.expr)
    }
}
