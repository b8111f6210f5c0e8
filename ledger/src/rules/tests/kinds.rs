//! Operands of the wrong kind: refused when a rule is set if that can be known, and denied when it is asked if not.

use super::super::types::{Kinds, Type};
use super::*;

/// One value of each kind, as a rule writes it.
const SAMPLES: [&str; 8] = ["null", "true", "1", "1u", "'7'", "b'7'", "[1, 2]", "{'7': 1}"];

/// Whether a failure is about what values are worth, and not about their kinds.
fn is_by_worth(why: &str) -> bool {
    ["overflows", "no field", "no such place", "is no account", "more steps", "twice", "64 bits", "too large"]
        .iter()
        .any(|part| why.contains(part))
}

fn checked(text: &str) -> Result<(IdedExpr, Facts), String> {
    check_nesting(text)?;
    let tree = parse(text)?;
    let facts = check::check(&tree, Subject::Value(&["room", "n"]))?;
    Ok((tree, facts))
}

fn run(text: &str, value: &str) -> Result<Value, String> {
    eval::run(&parse(text).unwrap(), &labels(), &scope(value.as_bytes()), MAX_RULE_COST)
}

#[test]
fn operands_that_never_fit_are_refused_with_their_kinds() {
    for (text, why) in [
        (
            "'a' + 1 == 2",
            "+ takes two ints, uints (as 10u is), strings or lists; `\"a\"` is a string, and `1` is an int",
        ),
        (
            "now < 'x'",
            "< takes two numbers, strings, bytes or bools; `now` is an int, and `\"x\"` is a string",
        ),
        ("size(3) == 1", "size takes a string, bytes, a list or a map; `3` is an int"),
        ("balance(1) > 0", "balance takes an account, as a string; `1` is an int"),
        ("balance(auth.account) + 1 > 5", "`balance(auth.account)` is a uint, and `1` is an int"),
        ("height", "`height` is an int, and a rule comes to true or false"),
        ("height > 1 ? true : 7", "`7` is an int, and a rule comes to true or false"),
        ("height ? true : false", "? takes a bool before it; `height` is an int"),
        ("auth.account > 5", "`auth.account` is a string or null, and `5` is an int"),
        ("auth.account == 5", "== takes two values of one kind"),
        ("path.room == null", "`path.room` is a string, and `null` is null"),
        ("path.room == path", "`path` is a map"),
        ("1 && true", "&& takes two bools; `1` is an int"),
        ("!height", "! takes a bool; `height` is an int"),
        ("-'a' == 'a'", "- takes an int; `\"a\"` is a string"),
        ("now.seconds == 1", "`now` is an int, and only a map has fields such as .seconds"),
        ("has(now.seconds)", "only a map has fields"),
        ("now.all(x, x == 1)", "`now` is an int, and only a list or a map can be gone through"),
        ("[1, 2].all(x, x.startsWith('a'))", "startsWith takes two strings; `x` is an int"),
        ("[1, 2].map(x, string(x)).all(s, s > 1)", "`s` is a string, and `1` is an int"),
        ("[1, 2].filter(x, x > 1) == 1", "is a list, and `1` is an int"),
        ("['a', 'b'].exists(s, s + 1 == 'a1')", "`s` is a string, and `1` is an int"),
        ("path.all(name, name > 1)", "`name` is a string"),
        ("auth.account in [1, 2]", "`[1, 2]` holds an int: it is never in there"),
        ("auth.account in 'abc'", "in takes what can be in a list, or a string and a map"),
        ("1 in {'a': 1}", "in takes"),
        ("{1: 2} == value", "the keys of a map are strings; `1` is an int"),
        ("['a'][path.n] == 'a'", "[] takes a list and a number, or a map and a string"),
        ("{'a': 1}.a + 'b' == 'c'", "`{\"a\": 1}.a` is an int, and `\"b\"` is a string"),
        ("value.n + (1 + 'a') == 2", "`1` is an int, and `\"a\"` is a string"),
        ("false && 1 + 'a' == 2", "`\"a\"` is a string"),
    ] {
        let error = judge(text, "1").unwrap_err();
        assert!(error.starts_with("set: ") && error.contains(why), "{text}: {error}");
    }
}

#[test]
fn what_only_the_message_shows_is_let_through_and_denies() {
    for (text, message, certain) in [
        ("value + 1 == 2", "'a'", false),
        ("value.n > 'a'", "{\"n\":1}", false),
        ("value", "7", false),
        ("size(value) == 1", "7", false),
        ("balance(auth.account) > 1", "7", false),
        ("[value, 1].all(x, x > 0)", "\"a\"", false),
        // Whatever it is, it can be compared.
        ("value == 8", "7", true),
        ("auth.account != null && value_size < 5 && path.room == 'lobby'", "7", true),
        ("[1, 2].all(x, x > 0) && size(path.filter(p, p == 'n')) == 1", "7", true),
    ] {
        let (_, facts) = checked(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(facts.certain, certain, "{text}");
        let anonymous = Scope { account: None, ..scope(message.as_bytes()) };
        let rule = Rule::parse(text, Subject::Value(&["room", "n"])).unwrap();
        assert_eq!(rule.judge(&labels(), &anonymous).is_ok(), certain, "{text}");
    }
}

#[test]
fn a_rule_for_calls_knows_no_values_and_no_paths() {
    for (text, why) in [
        ("value == 1", "there are auth, now, height"),
        ("path.room == 'a'", "path.room is not known here"),
        ("value_size < 5", "there are auth, now, height"),
    ] {
        assert!(Rule::parse(text, Subject::Call).unwrap_err().contains(why), "{text}");
    }
    let asks = |text: &str| {
        let rule = Rule::parse(text, Subject::Call).unwrap();
        (rule.asks_who(), rule.reads_state(), rule.is_certain())
    };
    assert_eq!(asks("now > 5"), (false, false, true));
    assert_eq!(asks("auth.function == 'clerk'"), (true, false, true));
    assert_eq!(asks("auth.account == null || balance(auth.account) > 9"), (true, true, false));
    assert_eq!(asks("['auth'].all(auth, auth == 'balance')"), (false, false, true));
}

/// What the tables say of kinds is what the operations do, of every operation and all kinds.
#[test]
fn operations_take_what_they_are_said_to_take() {
    let one =
        ["size({a})", "int({a})", "string({a})", "balance({a})", "!{a}", "-({a})", "{a}.n", "has({a}.n)"];
    let two = [
        "{a} + {b}",
        "{a} - {b}",
        "{a} * {b}",
        "{a} / {b}",
        "{a} % {b}",
        "{a} < {b}",
        "{a} <= {b}",
        "{a} > {b}",
        "{a} >= {b}",
        "{a} in {b}",
        "{a}[{b}]",
        "{a}.startsWith({b})",
        "{a}.endsWith({b})",
        "{a}.contains({b})",
        "{a} && {b}",
        "{a} || {b}",
        "{a} ? {b} : {b}",
        "{a}.all(x, {b})",
        "{a} == {b}",
        "{a} != {b}",
    ];
    let (mut taken, mut refused) = (0, 0);
    for form in one.iter().chain(&two) {
        for a in SAMPLES {
            for b in if form.contains("{b}") { &SAMPLES[..] } else { &SAMPLES[..1] } {
                let part = form.replace("{a}", &format!("({a})")).replace("{b}", &format!("({b})"));
                let verdict = checked(&format!("[{part}] != value"));
                let ran = run(&part, "0");
                match verdict {
                    Ok((_, facts)) => {
                        taken += 1;
                        assert!(facts.certain, "{part}");
                        assert!(
                            ran.as_ref().map_or_else(|why| is_by_worth(why), |_| true),
                            "{part}: {ran:?}"
                        );
                    }
                    Err(why) => {
                        refused += 1;
                        // What is refused because it never is true, or because one side may decide alone.
                        let never = [" == ", " != ", " in ", " || "].iter().any(|form| part.contains(form));
                        assert!(never || ran.is_err(), "{part} is refused, and comes to {ran:?}: {why}");
                    }
                }
            }
        }
    }
    assert!(taken > 80 && refused > 500, "{taken} taken, {refused} refused");
}

#[test]
fn kinds_are_told_in_words() {
    assert_eq!(Kinds::TEXT.or(Kinds::NULL).words(), "a string or null");
    assert_eq!(Kinds::ANY.words(), "anything");
    let mixed = Type::list(Type::of(Kinds::INT)).or(&Type::map(Type::of(Kinds::TEXT)));
    assert_eq!(
        (mixed.kinds.words(), mixed.items().kinds.words()),
        ("a list or a map".into(), "an int or a string".into())
    );
    assert_eq!(Type::ANY.or(&Type::list(Type::NONE)).items().kinds, Kinds::ANY);
}

/// Writes rules by the throw of dice: mostly what fits, now and then what does not.
struct Writer {
    state: u64,
}

impl Writer {
    fn roll(&mut self, sides: u64) -> u64 {
        // Knuth's linear congruential generator.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }

    /// An expression that should be of a kind, and is of another one now and then.
    fn of(&mut self, kind: Kinds, depth: u32) -> String {
        let kind = if self.roll(24) == 0 {
            let kinds: Vec<Kinds> = Kinds::ANY.each().collect();
            kinds[usize::try_from(self.roll(8)).unwrap()]
        } else {
            kind
        };
        let simple = depth == 0 || self.roll(4) == 0;
        match kind {
            Kinds::BOOL if simple => {
                self.pick(&["true", "false", "auth.account != null", "has(value.n)"]).to_owned()
            }
            Kinds::INT if simple => {
                self.pick(&["1", "0", "now", "height", "value_size", "value.n", "k"]).to_owned()
            }
            Kinds::UINT if simple => self.pick(&["1u", "0u", "7u"]).to_owned(),
            Kinds::TEXT if simple => {
                self.pick(&["'a'", "path.room", "auth.account", "value", "'9'"]).to_owned()
            }
            Kinds::BYTES => self.pick(&["b'a'", "b''"]).to_owned(),
            Kinds::LIST if simple => self.pick(&["[]", "[1, 2]", "['a']", "value.tags", "[[1]]"]).to_owned(),
            Kinds::MAP => self.pick(&["{'a': 1}", "path", "auth", "value", "{}"]).to_owned(),
            Kinds::NULL => "null".to_owned(),
            kind => self.compound(kind, depth - 1),
        }
    }

    fn compound(&mut self, kind: Kinds, depth: u32) -> String {
        let operand = match self.roll(4) {
            0 => Kinds::TEXT,
            1 => Kinds::UINT,
            2 => Kinds::BOOL,
            _ => Kinds::INT,
        };
        let form = match kind {
            Kinds::BOOL => self.pick(&[
                "({x} == {x})",
                "({x} < {x})",
                "({b} && {b})",
                "({b} || {b})",
                "!({b})",
                "({x} in {l})",
                "{t}.contains({t})",
                "{l}.all(k, {b})",
                "{l}.exists(k, k == {x})",
                "({b} ? {b} : {b})",
                "{l}.exists_one(k, {b})",
            ]),
            Kinds::INT => self.pick(&[
                "({i} + {i})",
                "({i} % {i})",
                "size({t})",
                "size({l})",
                "int({t})",
                "{l}[{i}]",
                "{m}.a",
            ]),
            Kinds::UINT => self.pick(&["({u} + {u})", "({u} - {u})", "balance({t})"]),
            Kinds::TEXT => self.pick(&["({t} + {t})", "string({i})", "({b} ? {t} : {t})", "{m}[{t}]"]),
            _ => self.pick(&["({l} + {l})", "[{x}, {x}]", "{l}.map(k, {x})", "{l}.filter(k, {b})"]),
        };
        let mut text = String::new();
        let mut parts = form.split_inclusive(['{', '}']);
        while let Some(part) = parts.next() {
            let Some(before) = part.strip_suffix('{') else {
                text.push_str(part);
                continue;
            };
            let wanted = match parts.next() {
                Some("b}") => Kinds::BOOL,
                Some("i}") => Kinds::INT,
                Some("u}") => Kinds::UINT,
                Some("t}") => Kinds::TEXT,
                Some("l}") => Kinds::LIST,
                Some("m}") => Kinds::MAP,
                _ => operand,
            };
            text.push_str(before);
            text.push_str(&self.of(wanted, depth));
        }
        text
    }
}

/// Of rules that nobody meant: what is let through and is said to be certain never fails by the kind of an operand, of
/// whatever it is asked about.
#[test]
fn what_is_certain_never_fails_by_kinds() {
    let write = || {
        let mut writer = Writer { state: 20 };
        let (mut certain, mut open, mut refused) = (0, 0, 0);
        for _ in 0..3_000 {
            // `k` is what the rule goes through.
            let body = writer.of(Kinds::BOOL, 3);
            let text = format!("[1, 2].all(k, {body})");
            let Ok((tree, facts)) = checked(&text) else {
                refused += 1;
                continue;
            };
            if facts.certain {
                certain += 1
            } else {
                open += 1
            }
            for message in ["7", "\"a\"", "{\"n\":5,\"tags\":[\"a\",1]}", "[true]", "null", "plain text"] {
                for account in [None, Some(account(7))] {
                    let scope = Scope { account, ..scope(message.as_bytes()) };
                    let came = eval::run(&tree, &labels(), &scope, MAX_RULE_COST);
                    let fits = match &came {
                        Ok(value) => matches!(value, Value::Bool(_)),
                        Err(why) => is_by_worth(why),
                    };
                    assert!(fits || !facts.certain, "{text} of {message}: {came:?}");
                }
            }
        }
        (certain, open, refused)
    };
    let stack = std::thread::Builder::new().stack_size(RULE_STACK_BYTES);
    let (certain, open, refused) = stack.spawn(write).unwrap().join().unwrap();
    assert!(
        certain > 300 && open > 300 && refused > 300,
        "{certain} certain, {open} open, {refused} refused"
    );
}
