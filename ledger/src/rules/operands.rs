//! Which operands an operation takes, by their kinds, and what it makes of them: what `eval` and `operations` do, said
//! before there are values.

use super::types::Kinds;
use cel::common::ast::operators;

/// What an operation makes of one operand of a kind; none: it does not take it.
pub(super) fn one(name: &str, a: Kinds) -> Option<Kinds> {
    let (takes, gives) = match name {
        operators::LOGICAL_NOT => (Kinds::BOOL, Kinds::BOOL),
        operators::NOT_STRICTLY_FALSE => (Kinds::ANY, Kinds::BOOL),
        operators::NEGATE => (Kinds::INT, Kinds::INT),
        "size" => (Kinds::TEXT.or(Kinds::BYTES).or(Kinds::LIST).or(Kinds::MAP), Kinds::INT),
        "int" => (Kinds::NUMBERS.or(Kinds::TEXT), Kinds::INT),
        "string" => (Kinds::NUMBERS.or(Kinds::TEXT), Kinds::TEXT),
        "balance" => (Kinds::TEXT, Kinds::UINT),
        _ => return None,
    };
    takes.has(a).then_some(gives)
}

/// What an operation makes of two operands, each of one kind; none: it does not take them.
pub(super) fn two(name: &str, a: Kinds, b: Kinds) -> Option<Kinds> {
    let within = |kinds: Kinds| a.is_within(kinds) && b.is_within(kinds);
    let same = |kinds: Kinds| (a == b && within(kinds)).then_some(a);
    let whole = || same(Kinds::NUMBERS);
    match name {
        operators::LOGICAL_AND | operators::LOGICAL_OR => same(Kinds::BOOL),
        operators::EQUALS | operators::NOT_EQUALS => can_be_equal(a, b).then_some(Kinds::BOOL),
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
            let ordered =
                within(Kinds::NUMBERS) || same(Kinds::TEXT.or(Kinds::BYTES).or(Kinds::BOOL)).is_some();
            ordered.then_some(Kinds::BOOL)
        }
        operators::ADD => same(Kinds::NUMBERS.or(Kinds::TEXT).or(Kinds::LIST)),
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO => whole(),
        // Of what is in there, which whoever asks knows.
        operators::INDEX => {
            let (list, map) =
                (a == Kinds::LIST && b.is_within(Kinds::NUMBERS), a == Kinds::MAP && b == Kinds::TEXT);
            (list || map).then_some(Kinds::ANY)
        }
        operators::IN => (b == Kinds::LIST || (a, b) == (Kinds::TEXT, Kinds::MAP)).then_some(Kinds::BOOL),
        "startsWith" | "endsWith" | "contains" => same(Kinds::TEXT).map(|_| Kinds::BOOL),
        _ => None,
    }
}

/// Whether a value of one of some kinds can equal one of one of others.
pub(super) fn can_be_equal(a: Kinds, b: Kinds) -> bool {
    a.has(b) || (a.has(Kinds::NUMBERS) && b.has(Kinds::NUMBERS))
}

/// What an operation takes, for messages.
pub(super) fn takes(name: &str) -> &'static str {
    match name {
        operators::LOGICAL_NOT => "a bool",
        operators::NEGATE => "an int",
        "size" => "a string, bytes, a list or a map",
        "int" | "string" => "a number or a string",
        "balance" => "an account, as a string",
        operators::LOGICAL_AND | operators::LOGICAL_OR => "two bools",
        operators::EQUALS | operators::NOT_EQUALS => "two values of one kind",
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
            "two numbers, strings, bytes or bools"
        }
        operators::ADD => "two ints, uints (as 10u is), strings or lists",
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO => {
            "two ints, or two uints (as 10u is)"
        }
        operators::INDEX => "a list and a number, or a map and a string",
        operators::IN => "what can be in a list, or a string and a map",
        _ => "two strings",
    }
}
