//! A part of a rule as its owner would write it, for messages that speak of it.

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};

/// Characters of a part that a message shows: enough to find it by.
const MAX_SHOWN: usize = 48;

/// The text of a part, cut where it is long.
pub(super) fn shown(expr: &Expr) -> String {
    let text = written(expr);
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// An operator as people write it.
pub(super) fn operator(name: &str) -> &str {
    match name {
        operators::INDEX => "[]",
        operators::CONDITIONAL => "?",
        name => name.trim_matches(|c| matches!(c, '_' | '@')),
    }
}

fn written(expr: &Expr) -> String {
    match expr {
        Expr::Literal(literal) => constant(literal),
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) if select.test => {
            format!("has({}.{})", written(&select.operand.expr), select.field)
        }
        Expr::Select(select) => format!("{}.{}", written(&select.operand.expr), select.field),
        Expr::List(list) => format!("[{}]", listed(list.elements.iter().map(|item| &item.expr))),
        Expr::Map(map) => {
            let pair = |entry: &EntryExpr| match entry {
                EntryExpr::MapEntry(pair) => {
                    format!("{}: {}", written(&pair.key.expr), written(&pair.value.expr))
                }
                EntryExpr::StructField(_) => String::new(),
            };
            let pairs: Vec<String> = map.entries.iter().map(|entry| pair(&entry.expr)).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Expr::Call(call) => called(call),
        // Which of `all`, `map` and the like it was is not in the tree.
        Expr::Comprehension(all) => {
            format!("{}.…({}, …)", written(&all.iter_range.expr), all.iter_var)
        }
        Expr::Struct(_) | Expr::Unspecified => "…".to_owned(),
    }
}

fn constant(literal: &LiteralValue) -> String {
    match literal {
        LiteralValue::Boolean(it) => it.inner().to_string(),
        LiteralValue::Bytes(bytes) => format!("b{:?}", String::from_utf8_lossy(bytes.inner())),
        LiteralValue::Int(number) => number.inner().to_string(),
        LiteralValue::UInt(number) => format!("{}u", number.inner()),
        LiteralValue::String(text) => format!("{:?}", text.inner()),
        LiteralValue::Null => "null".to_owned(),
        LiteralValue::Double(number) => number.inner().to_string(),
    }
}

fn called(call: &CallExpr) -> String {
    let target = call.target.iter().map(|target| &target.expr);
    let parts: Vec<&Expr> = target.chain(call.args.iter().map(|arg| &arg.expr)).collect();
    let name = call.func_name.as_str();
    match (name, parts.as_slice()) {
        (operators::INDEX, [a, b]) => format!("{}[{}]", written(a), written(b)),
        (operators::CONDITIONAL, [which, yes, no]) => {
            format!("({} ? {} : {})", written(which), written(yes), written(no))
        }
        (operators::LOGICAL_NOT | operators::NEGATE, [a]) => format!("{}{}", operator(name), written(a)),
        (_, [a, b]) if operator(name) != name => {
            format!("({} {} {})", written(a), operator(name), written(b))
        }
        (_, parts) => format!("{name}({})", listed(parts.iter().copied())),
    }
}

fn listed<'a>(parts: impl Iterator<Item = &'a Expr>) -> String {
    parts.map(written).collect::<Vec<_>>().join(", ")
}
