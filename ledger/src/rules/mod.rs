//! Rules: expressions that say who may write what below a path, make a trigger fire, or call a function.
//!
//! ```text
//!  text ──parser of the crate `cel`──► syntax tree ──check──► Rule          when a rule is set
//!                                                              │
//!  who, where, what, when ──────────► Scope ──eval, counted──► allowed       when it is asked
//! ```
//!
//! The language is CEL (<https://cel.dev>), the Common Expression Language, without what has no place where every replica
//! must come to the same answer in bounded time: no floating-point numbers, no regular expressions, no times but
//! integers. The crate's parser is used and its interpreter is not: that one goes through maps in the order of a hash
//! and bounds no cost. Because a rule is stored as text, another release of the parser could read it otherwise: it is
//! pinned.
//!
//! - Requires: nothing of whoever wrote the rule.
//! - Provides: the same verdict everywhere; an error denies; at most [`MAX_RULE_COST`] steps.
//! - Does not provide: that a rule means what its owner meant: `moot rules eval` tells.

mod check;
mod eval;
mod operands;
mod operations;
mod show;
mod types;
mod value;

use crate::limits::{
    MAX_RULE_COMPARISON_BYTES, MAX_RULE_COST, MAX_RULE_LINKS, MAX_RULE_NESTING, MAX_RULE_PREFIXES,
    RULE_STACK_BYTES, TICK,
};
use cel::IdedExpr;
use cel::parser::Parser;
use check::Facts;
use moot_record::{AccountId, FunctionName};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use value::Value;

/// A rule that was checked. Cheap to clone.
#[derive(Clone)]
pub struct Rule {
    tree: Arc<IdedExpr>,
    facts: Facts,
}

/// What a rule decides about: which names it may use.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// Who may write a value, or make a trigger fire, at the paths of a pattern with these variables.
    Value(&'a [&'a str]),
    /// Who may call a function. What the call brings is the function's to judge.
    Call,
}

/// Two that were read alike are one rule.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}

impl Eq for Rule {}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rule")
    }
}

/// What a rule is asked about.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Who writes or calls; none when nobody has put a name to it.
    pub account: Option<AccountId>,
    /// The function that writes or calls, if one does: its owner is the account then.
    pub function: Option<&'a FunctionName>,
    /// What is written; none when only its digest is on the ledger, and of a call, whose rule cannot ask.
    pub value: Option<&'a [u8]>,
    /// Its length.
    pub value_bytes: u64,
    /// The block's time, milliseconds since 1970.
    pub now_ms: u64,
    /// The block's height.
    pub height: u64,
    /// What accounts have.
    pub balance: &'a dyn Fn(&AccountId) -> u64,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// Says what is wrong: an operand of a kind that its operation never takes, too. What only a message will show is
    /// left to [`Rule::judge`].
    pub fn parse(text: &str, subject: Subject<'_>) -> Result<Rule, String> {
        check_nesting(text)?;
        let (tree, facts) = with_stack(|| {
            let tree = parse(text)?;
            let facts = check::check(&tree, subject)?;
            Ok::<_, String>((tree, facts))
        })?;
        Ok(Rule { tree: Arc::new(tree), facts })
    }

    /// Whether its verdict may depend on what accounts have. That of another is the same wherever in its block a value
    /// stands.
    #[must_use]
    pub fn reads_state(&self) -> bool {
        self.facts.reads_state
    }

    /// Whether its verdict may depend on who asks: to one that does not, a signature makes no difference.
    #[must_use]
    pub fn asks_who(&self) -> bool {
        self.facts.asks_who
    }

    /// Whether every operation takes its operands whatever it is asked about: it fails by what they are worth at most, as
    /// a sum that overflows, and never by their kinds.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.facts.certain
    }

    /// Whether it allows. `labels` are the path's, under the variables of the rule's pattern. Whatever goes wrong denies,
    /// and says what it was.
    ///
    /// # Errors
    /// Why it does not allow, when it is for another reason than that the rule says so.
    pub fn judge(&self, labels: &BTreeMap<String, String>, scope: &Scope<'_>) -> Result<bool, String> {
        match eval::run(&self.tree, labels, scope, MAX_RULE_COST)? {
            Value::Bool(allowed) => Ok(allowed),
            other => Err(format!("it comes to {}, and a rule comes to true or false", other.kind())),
        }
    }
}

impl<'a> Scope<'a> {
    /// What the rule of a function's access is asked about, at a height and its time.
    pub(crate) fn of_call(
        account: Option<AccountId>,
        function: Option<&'a FunctionName>,
        (height, now_ms): (u64, u64),
        balance: &'a dyn Fn(&AccountId) -> u64,
    ) -> Scope<'a> {
        Scope { account, function, value: None, value_bytes: 0, now_ms, height, balance }
    }
}

impl<'a> Subject<'a> {
    /// What can be asked about.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Subject::Value(_) => &["auth", "path", "value", "value_size", "now", "height"],
            Subject::Call => &["auth", "now", "height"],
        }
    }

    /// Fields of `path`.
    const fn variables(self) -> &'a [&'a str] {
        match self {
            Subject::Value(variables) => variables,
            Subject::Call => &[],
        }
    }
}

fn parse(text: &str) -> Result<IdedExpr, String> {
    let parser = Parser::new().max_recursion_depth(MAX_RULE_NESTING).error_recovery_limit(1);
    // The parser is generated code that others wrote: if it panics, the text is refused.
    match catch_unwind(AssertUnwindSafe(|| parser.parse(text))) {
        Ok(Ok(tree)) => Ok(tree),
        Ok(Err(error)) => Err(one_line(&error.to_string())),
        Err(_) => Err("the parser cannot read it".to_owned()),
    }
}

/// Runs on a stack that suffices for whatever [`check_nesting`] lets through: an overflow would end the process. Where no
/// thread is to be had it waits for one, as for room on a full disk: with another answer than the others' this replica
/// would differ from them for good.
fn with_stack<T: Send>(run: impl Fn() -> T + Sync) -> T {
    loop {
        let done = std::thread::scope(|threads| {
            let thread = std::thread::Builder::new().name("moot-rule".into()).stack_size(RULE_STACK_BYTES);
            thread.spawn_scoped(threads, &run).ok().and_then(|thread| thread.join().ok())
        });
        if let Some(done) = done {
            return done;
        }
        tracing::warn!("no thread is to be had that reads a rule: waiting for one");
        std::thread::sleep(TICK);
    }
}

/// Refuses depth before the parser sees it, by counting whatever can lead it deeper. Looks at bytes and not at what they
/// mean, so that no text can hide from it; those inside of strings count as well.
fn check_nesting(text: &str) -> Result<(), String> {
    let count = |of: &[u8]| text.bytes().filter(|byte| of.contains(byte)).count();
    let links = count(b".+*/%[({") + text.matches("in").count();
    if links > MAX_RULE_LINKS {
        return Err(format!(
            "it has {links} of `.`, `+`, `*`, `/`, `%`, `[`, `(`, `{{` and `in`; at most {MAX_RULE_LINKS} are allowed"
        ));
    }
    let prefixes = count(b"!-?");
    if prefixes > MAX_RULE_PREFIXES {
        return Err(format!(
            "it has {prefixes} of `!`, `-` and `?`; at most {MAX_RULE_PREFIXES} are allowed"
        ));
    }
    let comparisons = count(b"=<>");
    if comparisons > MAX_RULE_COMPARISON_BYTES {
        return Err(format!(
            "it has {comparisons} of `=`, `<` and `>`; at most {MAX_RULE_COMPARISON_BYTES} are allowed"
        ));
    }
    Ok(())
}

/// What the parser says, in one line of bounded length.
fn one_line(text: &str) -> String {
    let line: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.starts_with('|')).collect();
    line.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests;
