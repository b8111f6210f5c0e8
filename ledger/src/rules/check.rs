//! What of a syntax tree is refused when a rule is set: unknown names, unknown calls, operands that an operation never
//! takes, what cannot be a verdict.
//!
//! ```text
//!  tree ──from the leaves up──► of which kinds each part may be ──► no kinds that fit: refused, with the part's text
//!                                                              └─► some fit, some not: the value will tell, an error denies
//! ```

use super::Subject;
use super::operands::{self, can_be_equal, takes};
use super::show::{operator, shown};
use super::types::{Kinds, Type};
use crate::limits::MAX_RULE_DEPTH;
use cel::IdedExpr;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, MapExpr, SelectExpr, operators,
};

type Result<T> = std::result::Result<T, String>;

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

/// What is known of a rule once it is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// It asks what accounts have.
    pub(super) reads_state: bool,
    /// It asks who it is.
    pub(super) asks_who: bool,
    /// Every operation takes its operands, whatever they come to: it can fail by what they are worth, not by their kinds.
    pub(super) certain: bool,
}

/// Checks a whole rule.
pub(super) fn check(tree: &IdedExpr, subject: Subject<'_>) -> Result<Facts> {
    let facts = Facts { reads_state: false, asks_who: false, certain: true };
    let mut checker = Checker { subject, locals: Vec::new(), facts };
    checker.verdict(&tree.expr, 0)?;
    Ok(checker.facts)
}

struct Checker<'a> {
    subject: Subject<'a>,
    /// Variables of `all`, `exists`, `map` and `filter` around here.
    locals: Vec<(&'a str, Type)>,
    facts: Facts,
}

impl<'a> Checker<'a> {
    /// What the whole rule comes to; of a condition that is what either side comes to.
    fn verdict(&mut self, expr: &'a Expr, depth: usize) -> Result<()> {
        if let Expr::Call(call) = expr
            && let (operators::CONDITIONAL, [which, yes, no]) =
                (call.func_name.as_str(), call.args.as_slice())
        {
            let depth = deeper(depth)?;
            self.condition(&which.expr, depth)?;
            self.verdict(&yes.expr, depth)?;
            return self.verdict(&no.expr, depth);
        }
        let found = self.look(expr, depth)?.kinds;
        self.facts.certain &= found.is_within(Kinds::BOOL);
        if found.has(Kinds::BOOL) {
            return Ok(());
        }
        let is = found.words();
        Err(format!("{} is {is}, and a rule comes to true or false: compare it with something", shown(expr)))
    }

    /// What a part may come to.
    fn look(&mut self, expr: &'a Expr, depth: usize) -> Result<Type> {
        let depth = deeper(depth)?;
        match expr {
            Expr::Literal(literal) => constant(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select, depth),
            Expr::List(list) => {
                let mut items = Type::NONE;
                for item in &list.elements {
                    items = items.or(&self.look(&item.expr, depth)?);
                }
                Ok(Type::list(items))
            }
            Expr::Map(map) => self.map(map, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::Comprehension(all) => self.comprehension(all, depth),
            Expr::Struct(_) | Expr::Unspecified => Err(NO_STRUCTS.to_owned()),
        }
    }

    /// Refuses a part that is of none of the kinds that are wanted where it stands.
    fn expect(&mut self, found: Kinds, wanted: Kinds, why: impl FnOnce(String) -> String) -> Result<()> {
        self.facts.certain &= found.is_within(wanted);
        if found.is_none() || found.has(wanted) { Ok(()) } else { Err(why(found.words())) }
    }

    fn name(&mut self, name: &str) -> Result<Type> {
        if let Some((_, local)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return Ok(local.clone());
        }
        let names = self.subject.names();
        if !names.contains(&name) {
            return Err(format!("{name:?} is not known here; there are {}", names.join(", ")));
        }
        self.facts.asks_who |= name == "auth";
        Ok(match name {
            "auth" => Type::map(Type::of(Kinds::TEXT.or(Kinds::NULL))),
            "path" => Type::map(Type::of(Kinds::TEXT)),
            "value" => Type::ANY,
            _ => Type::of(Kinds::INT),
        })
    }

    fn select(&mut self, select: &'a SelectExpr, depth: usize) -> Result<Type> {
        let of = &select.operand.expr;
        self.field(of, &select.field)?;
        let operand = self.look(of, depth)?;
        self.expect(operand.kinds, Kinds::MAP, |is| {
            format!("{} is {is}, and only a map has fields such as .{}", shown(of), select.field)
        })?;
        Ok(if select.test { Type::of(Kinds::BOOL) } else { operand.items() })
    }

    /// A field of what has fixed fields.
    fn field(&self, of: &Expr, field: &str) -> Result<()> {
        let Expr::Ident(name) = of else { return Ok(()) };
        if self.locals.iter().any(|(local, _)| local == name) {
            return Ok(());
        }
        let fields = match name.as_str() {
            "path" => self.subject.variables(),
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

    fn map(&mut self, map: &'a MapExpr, depth: usize) -> Result<Type> {
        let mut values = Type::NONE;
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { return Err(NO_STRUCTS.to_owned()) };
            let key = self.look(&entry.key.expr, depth)?;
            self.expect(key.kinds, Kinds::TEXT, |is| {
                format!("the keys of a map are strings; {} is {is}", shown(&entry.key.expr))
            })?;
            values = values.or(&self.look(&entry.value.expr, depth)?);
        }
        Ok(Type::map(values))
    }

    fn call(&mut self, call: &'a CallExpr, depth: usize) -> Result<Type> {
        known(call)?;
        let name = call.func_name.as_str();
        let target = call.target.iter().map(|target| &target.expr);
        let values: Vec<&'a Expr> = target.chain(call.args.iter().map(|arg| &arg.expr)).collect();
        match values.as_slice() {
            [a] => self.one(name, a, depth),
            [a, b] => self.two(name, a, b, depth),
            [which, yes, no] => {
                self.condition(which, depth)?;
                Ok(self.look(yes, depth)?.or(&self.look(no, depth)?))
            }
            // No call takes another number of values.
            _ => Ok(Type::ANY),
        }
    }

    /// What stands before `?`.
    fn condition(&mut self, which: &'a Expr, depth: usize) -> Result<()> {
        let found = self.look(which, depth)?.kinds;
        self.expect(found, Kinds::BOOL, |is| format!("? takes a bool before it; {} is {is}", shown(which)))
    }

    fn one(&mut self, name: &str, a: &'a Expr, depth: usize) -> Result<Type> {
        let found = self.look(a, depth)?.kinds;
        self.facts.reads_state |= name == "balance";
        let mut gives = Kinds::NONE;
        for kind in found.each() {
            match operands::one(name, kind) {
                Some(result) => gives = gives.or(result),
                None => self.facts.certain = false,
            }
        }
        if gives.is_none() && !found.is_none() {
            let (what, is) = (operator(name), found.words());
            return Err(format!("{what} takes {}; {} is {is}", takes(name), shown(a)));
        }
        Ok(Type::of(gives))
    }

    fn two(&mut self, name: &str, a: &'a Expr, b: &'a Expr, depth: usize) -> Result<Type> {
        let (left, right) = (self.look(a, depth)?, self.look(b, depth)?);
        let (mut gives, mut fits) = (Kinds::NONE, true);
        for (one, other) in
            left.kinds.each().flat_map(|one| right.kinds.each().map(move |other| (one, other)))
        {
            match operands::two(name, one, other) {
                Some(result) => gives = gives.or(result),
                None => fits = false,
            }
        }
        let nothing = left.kinds.is_none() || right.kinds.is_none();
        if gives.is_none() && !nothing {
            let (is, are) = (left.kinds.words(), right.kinds.words());
            return Err(format!(
                "{} takes {}; {} is {is}, and {} is {are}",
                operator(name),
                takes(name),
                shown(a),
                shown(b)
            ));
        }
        match name {
            operators::INDEX => {
                self.facts.certain &= fits;
                return Ok(left.items());
            }
            // Two values can be compared always: what is refused is only what never is true, or never false.
            operators::EQUALS | operators::NOT_EQUALS => {}
            operators::IN => {
                self.facts.certain &= fits;
                could_be_in((a, &left), (b, &right))?;
            }
            _ => self.facts.certain &= fits,
        }
        if gives == Kinds::LIST {
            return Ok(Type::list(left.items().or(&right.items())));
        }
        Ok(Type::of(gives))
    }

    /// Only macros make these, whose step adds to what was there and never looks into it: so what it gives once, from the
    /// beginning, is all that it ever gives.
    fn comprehension(&mut self, all: &'a ComprehensionExpr, depth: usize) -> Result<Type> {
        let range = self.look(&all.iter_range.expr, depth)?;
        self.expect(range.kinds, Kinds::LIST.or(Kinds::MAP), |is| {
            format!("{} is {is}, and only a list or a map can be gone through", shown(&all.iter_range.expr))
        })?;
        let begin = self.look(&all.accu_init.expr, depth)?;
        let before = self.locals.len();
        self.locals.push((&all.accu_var, begin.clone()));
        self.locals.push((&all.iter_var, gone_through(&range, all.iter_var2.is_some())));
        self.locals.extend(all.iter_var2.iter().map(|name| (name.as_str(), range.items())));
        self.look(&all.loop_cond.expr, depth)?;
        let step = self.look(&all.loop_step.expr, depth)?;
        self.locals.truncate(before);
        self.locals.push((&all.accu_var, begin.or(&step)));
        let result = self.look(&all.result.expr, depth);
        self.locals.truncate(before);
        result
    }
}

const NO_STRUCTS: &str = "it makes a struct, and there are none here";

/// One operation further down.
fn deeper(depth: usize) -> Result<usize> {
    if depth > MAX_RULE_DEPTH {
        return Err(format!(
            "it is {MAX_RULE_DEPTH} operations deep and more: split it with brackets, or shorten it"
        ));
    }
    Ok(depth + 1)
}

fn constant(literal: &LiteralValue) -> Result<Type> {
    Ok(Type::of(match literal {
        LiteralValue::Boolean(_) => Kinds::BOOL,
        LiteralValue::Bytes(_) => Kinds::BYTES,
        LiteralValue::Int(_) => Kinds::INT,
        LiteralValue::UInt(_) => Kinds::UINT,
        LiteralValue::String(_) => Kinds::TEXT,
        LiteralValue::Null => Kinds::NULL,
        LiteralValue::Double(_) => {
            return Err("it has a number with a fraction: rules know integers only".to_owned());
        }
    }))
}

/// What the first variable of `all` and the like stands for.
fn gone_through(range: &Type, two_variables: bool) -> Type {
    let mut first = Type::NONE;
    if range.kinds.has(Kinds::LIST) {
        first = if two_variables { Type::of(Kinds::INT) } else { range.items() };
    }
    if range.kinds.has(Kinds::MAP) {
        first = first.or(&Type::of(Kinds::TEXT));
    }
    first
}

/// Refuses to look in a list for what it never holds.
fn could_be_in((a, item): (&Expr, &Type), (b, list): (&Expr, &Type)) -> Result<()> {
    let holds = list.items().kinds;
    let unknown = list.kinds != Kinds::LIST || holds.is_none() || item.kinds.is_none();
    if unknown || can_be_equal(item.kinds, holds) {
        return Ok(());
    }
    let (is, holds) = (item.kinds.words(), holds.words());
    Err(format!("{} is {is}, and {} holds {holds}: it is never in there", shown(a), shown(b)))
}

fn known(call: &CallExpr) -> Result<()> {
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
