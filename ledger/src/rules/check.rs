//! What of a syntax tree is refused when a rule is set: unknown names, unknown calls, what cannot be a verdict.

use crate::limits::MAX_RULE_DEPTH;
use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

/// What a rule can ask about, beside the variables of its pattern.
const NAMES: [&str; 6] = ["auth", "path", "value", "value_size", "now", "height"];
/// Fields of `auth`.
const AUTH: [&str; 2] = ["account", "function"];

/// Calls, with the numbers of values they take: the one before the dot counts.
const CALLS: [(&str, usize); 26] = [
    (operators::CONDITIONAL, 3),
    (operators::LOGICAL_AND, 2),
    (operators::LOGICAL_OR, 2),
    (operators::LOGICAL_NOT, 1),
    (operators::SUBSTRACT, 2),
    (operators::ADD, 2),
    (operators::MULTIPLY, 2),
    (operators::DIVIDE, 2),
    (operators::MODULO, 2),
    (operators::EQUALS, 2),
    (operators::NOT_EQUALS, 2),
    (operators::GREATER_EQUALS, 2),
    (operators::LESS_EQUALS, 2),
    (operators::GREATER, 2),
    (operators::LESS, 2),
    (operators::NEGATE, 1),
    (operators::INDEX, 2),
    (operators::IN, 2),
    (operators::NOT_STRICTLY_FALSE, 1),
    ("size", 1),
    ("startsWith", 2),
    ("endsWith", 2),
    ("contains", 2),
    ("int", 1),
    ("string", 1),
    ("balance", 1),
];

/// Checks a whole rule.
pub(super) fn check(tree: &IdedExpr, variables: &[&str]) -> Result<(), String> {
    Checker { variables, locals: Vec::new() }.look(&tree.expr, 0)?;
    if may_be_bool(&tree.expr) {
        return Ok(());
    }
    Err("it never comes to true or false: compare something".to_owned())
}

struct Checker<'a> {
    variables: &'a [&'a str],
    /// Variables of `all`, `exists`, `map` and `filter` around here.
    locals: Vec<String>,
}

impl Checker<'_> {
    fn look(&mut self, expr: &Expr, depth: usize) -> Result<(), String> {
        if depth > MAX_RULE_DEPTH {
            return Err(format!(
                "it is {MAX_RULE_DEPTH} operations deep and more: split it with brackets, or shorten it"
            ));
        }
        let depth = depth + 1;
        match expr {
            Expr::Literal(LiteralValue::Double(_)) => {
                Err("it has a number with a fraction: rules know integers only".to_owned())
            }
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => {
                self.field(&select.operand.expr, &select.field)?;
                self.look(&select.operand.expr, depth)
            }
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.look(&item.expr, depth)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.look(&entry.key.expr, depth)?;
                    self.look(&entry.value.expr, depth)
                }
                EntryExpr::StructField(_) => Err("it makes a struct, and there are none here".to_owned()),
            }),
            Expr::Call(call) => {
                known(call)?;
                let target = call.target.iter().map(AsRef::as_ref);
                target.chain(&call.args).try_for_each(|value| self.look(&value.expr, depth))
            }
            Expr::Comprehension(all) => {
                self.look(&all.iter_range.expr, depth)?;
                self.look(&all.accu_init.expr, depth)?;
                let before = self.locals.len();
                self.locals.push(all.accu_var.clone());
                self.locals.push(all.iter_var.clone());
                self.locals.extend(all.iter_var2.clone());
                self.look(&all.loop_cond.expr, depth)?;
                self.look(&all.loop_step.expr, depth)?;
                self.look(&all.result.expr, depth)?;
                self.locals.truncate(before);
                Ok(())
            }
            Expr::Struct(_) | Expr::Unspecified => {
                Err("it makes a struct, and there are none here".to_owned())
            }
        }
    }

    fn name(&self, name: &str) -> Result<(), String> {
        if NAMES.contains(&name) || self.locals.iter().any(|local| local == name) {
            return Ok(());
        }
        Err(format!("{name:?} is not known here; there are {}", NAMES.join(", ")))
    }

    /// A field of what has fixed fields.
    fn field(&self, of: &Expr, field: &str) -> Result<(), String> {
        let Expr::Ident(name) = of else { return Ok(()) };
        if self.locals.iter().any(|local| local == name) {
            return Ok(());
        }
        let fields = match name.as_str() {
            "path" => self.variables,
            "auth" => &AUTH,
            _ => return Ok(()),
        };
        if fields.contains(&field) {
            return Ok(());
        }
        let known = if fields.is_empty() {
            "the pattern has no variables".to_owned()
        } else {
            format!("there are {}", fields.join(", "))
        };
        Err(format!("{name}.{field} is not known here; {known}"))
    }
}

fn known(call: &CallExpr) -> Result<(), String> {
    let name = call.func_name.as_str();
    let count = call.args.len() + usize::from(call.target.is_some());
    match CALLS.iter().find(|(known, _)| *known == name) {
        Some((_, wanted)) if *wanted == count => Ok(()),
        Some((_, wanted)) => Err(format!("{name} takes {wanted}, not {count}")),
        None => {
            let names = CALLS
                .iter()
                .map(|(known, _)| *known)
                .filter(|known| known.bytes().all(|b| b.is_ascii_alphabetic()));
            let names: Vec<&str> = names.collect();
            Err(format!(
                "{name} is not known here; there are {}, and has, all, exists, exists_one, map, filter",
                names.join(", ")
            ))
        }
    }
}

/// Whether it could come to true or false.
fn may_be_bool(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => false,
        Expr::Ident(name) => name == "value",
        Expr::Select(_) | Expr::Comprehension(_) => true,
        Expr::Call(call) => match call.func_name.as_str() {
            operators::SUBSTRACT
            | operators::ADD
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE
            | "size"
            | "int"
            | "string"
            | "balance" => false,
            operators::CONDITIONAL => call.args.iter().skip(1).all(|arm| may_be_bool(&arm.expr)),
            _ => true,
        },
    }
}
