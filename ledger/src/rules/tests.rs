use super::*;

mod kinds;

fn account(n: u8) -> AccountId {
    AccountId::from_bytes([n; 32])
}

fn scope(value: &[u8]) -> Scope<'_> {
    Scope {
        account: Some(account(7)),
        function: None,
        value: Some(value),
        value_bytes: value.len() as u64,
        now_ms: 1_700_000_000_000,
        height: 41,
        balance: &|account| u64::from(account.as_bytes()[0]) * 10,
    }
}

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([("room".to_owned(), "lobby".to_owned()), ("n".to_owned(), "42".to_owned())])
}

fn judge(text: &str, value: &str) -> Result<bool, String> {
    let rule = Rule::parse(text, Subject::Value(&["room", "n"])).map_err(|error| format!("set: {error}"))?;
    rule.judge(&labels(), &scope(value.as_bytes()))
}

#[test]
fn rules_mean_what_cel_says() {
    let me = account(7).to_string();
    for (text, verdict) in [
        ("true", true),
        ("path.room == 'lobby'", true),
        ("path['room'] == \"lobby\" && int(path.n) == 42", true),
        (&format!("auth.account == '{me}'"), true),
        ("auth.account in ['a', 'b']", false),
        ("auth.function == null", true),
        ("height >= 41 && now > 1600000000000", true),
        ("balance(auth.account) == 70", true),
        ("balance(auth.account) == 70u && balance(auth.account) > 69", true),
        ("value.text.size() <= 5 && !(value.text.startsWith('/'))", true),
        ("size(value.tags) == 2 && 'a' in value.tags && value.tags[1] == 'b'", true),
        ("has(value.text) && !has(value.more)", true),
        ("value.tags.all(t, size(t) == 1)", true),
        ("value.tags.exists(t, t == 'b')", true),
        ("value.tags.exists_one(t, t > 'a')", true),
        ("size(value.tags.filter(t, t != 'a').map(t, t + '!')) == 1", true),
        ("value_size < 100 ? value.n == 5 : false", true),
        ("value.n % 2 == 1 && value.n / 2 == 2 && -value.n == -5 && value.n * 2 - 1 == 9", true),
        ("{'a': 1}.a == 1 && 'a' in {'a': 1}", true),
        // One side decides, so the other may fail.
        ("value.more == 1 || true", true),
        ("true || value.more == 1", true),
        ("false && value.more == 1", false),
        ("[5].all(x, [value].exists(x, x.more == 1) || x == 5)", true),
        ("string(value.n) + 'x' == '5x'", true),
        ("b'ab' < b'b' && false < true", true),
    ] {
        assert_eq!(judge(text, r#"{"text":"hello","tags":["a","b"],"n":5}"#), Ok(verdict), "{text}");
    }
    assert_eq!(judge("value == 'plain text'", "plain text"), Ok(true));
    assert_eq!(judge("value == 5", "5"), Ok(true));
}

#[test]
fn a_rule_sees_who_writes_if_anybody_says_so() {
    let of = |text: &str, account, function| {
        let rule = Rule::parse(text, Subject::Value(&[])).unwrap();
        rule.judge(&BTreeMap::new(), &Scope { account, function, ..scope(b"") })
    };
    let clerk = FunctionName::parse("clerk").unwrap();
    assert_eq!(of("auth.account == null && auth.function == null", None, None), Ok(true));
    assert_eq!(of("auth.function == 'clerk'", Some(account(7)), Some(&clerk)), Ok(true));
    // Nobody has nothing, and is told apart from everybody who has.
    assert!(of("balance(auth.account) >= 0", None, None).unwrap_err().contains("does not take null"));
    assert!(Rule::parse("balance('x') > 1", Subject::Value(&[])).unwrap().reads_state());
    assert!(!Rule::parse("value_size < 10", Subject::Value(&[])).unwrap().reads_state());
}

#[test]
fn what_cannot_be_judged_is_refused_when_it_is_set() {
    for (text, why) in [
        ("", ""),
        ("auth.account ==", ""),
        ("nobody == 1", "not known here"),
        ("auth.name == 'a'", "auth.name is not known"),
        ("path.rom == 'lobby'", "there are room, n"),
        ("matches('a', 'a')", "matches is not known"),
        ("value.matches('a*')", "matches is not known"),
        ("double(1) == 1.0", ""),
        ("1.5 < 2", "fraction"),
        ("timestamp(now) == now", "timestamp is not known"),
        ("size(1, 2) == 1", "takes 1, not 2"),
        ("1 + 1", "true or false"),
        ("'a'", "true or false"),
        ("[true]", "true or false"),
        ("Thing{a: 1} == value", ""),
        ("x == 1", "not known here"),
        ("value.all(x, x == 1) && x == 1", "not known here"),
    ] {
        let error = judge(text, "1").unwrap_err();
        assert!(error.starts_with("set: ") && error.contains(why), "{text}: {error}");
    }
}

#[test]
fn whatever_goes_wrong_denies() {
    for (text, why) in [
        ("value.more == 1", "asks an int for a field"),
        ("{'a': value}.more == 1", "no field \"more\""),
        ("value == 1 + 9223372036854775807", "overflows"),
        ("1 / (value - value) == 1", "overflows"),
        ("value", "it comes to"),
        ("value > 'a'", "not known"),
        ("[1][1] == 1", "no such place"),
        ("balance('me') == 1", "is no account"),
        ("-(-9223372036854775807 - 1) == 1", "overflows"),
    ] {
        let error = judge(text, "5").unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
    assert!(judge("value == 1", "1.5").unwrap_err().contains("integers of 64 bits"));
    let (labels, absent) = (labels(), Scope { value: None, ..scope(b"") });
    let rule = Rule::parse("value == 1", Subject::Value(&[])).unwrap();
    assert!(rule.judge(&labels, &absent).unwrap_err().contains("inline"));
    assert_eq!(
        Rule::parse("value_size == 0", Subject::Value(&[])).unwrap().judge(&labels, &absent),
        Ok(true)
    );
}

/// Expression bombs: refused when they are set, or stopped while they run; quickly either way.
#[test]
fn expression_bombs_do_not_go_off() {
    let begun = std::time::Instant::now();
    let list = format!("[{}]", vec!["1"; 200].join(","));
    let nested = format!("{list}.all(a, {list}.all(b, {list}.all(c, a == b || true)))");
    assert!(judge(&nested, "1").unwrap_err().contains("more steps"));
    let doubling = (0..20).fold("'a'".to_owned(), |text, _| format!("{text}+value"));
    let huge = format!("\"{}\"", "a".repeat(4000));
    assert!(judge(&format!("size({doubling}) > 0"), &huge).is_err());
    let grow = format!("size({list}.map(x, {list}.map(y, {list}))) > 0");
    assert!(judge(&grow, "1").unwrap_err().contains("more steps"));
    for bomb in [
        format!("{}true{}", "(".repeat(400), ")".repeat(400)),
        format!("{}true", "!".repeat(1000)),
        "(')'==".repeat(170),
        vec!["'a'"; 200].join("in"),
        format!("{}[]{} == value", "[".repeat(400), "]".repeat(400)),
        format!("0{} == 1", "+1".repeat(480)),
        format!("true{}", "?true:false".repeat(80)),
        format!("value{} == 1", ".a".repeat(480)),
        format!("value{} == 1", "[0]".repeat(300)),
        "(".repeat(1000),
        "[{(".repeat(300),
        "\u{0}\u{1b}\"'`".repeat(100),
    ] {
        assert!(judge(&bomb, "1").unwrap_err().starts_with("set: "), "{}", &bomb[..20]);
    }
    // Many operations side by side are not deep.
    assert_eq!(judge(&vec!["value == 1"; 48].join(" && "), "1"), Ok(true));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// The deepest texts that reach the parser fit a quarter of the stack that it has: an overflow here would end the test's
/// process, as it would a replica's.
#[test]
fn what_reaches_the_parser_fits_its_stack() {
    // Beyond the parser's own bound, so that it meets that too.
    let (nested, links) = (usize::from(MAX_RULE_NESTING) + 4, MAX_RULE_LINKS);
    let prefixes = MAX_RULE_PREFIXES;
    let mixed = (0..links / 4).fold("value".to_owned(), |text, _| format!("(-{text}.a*2+1 == 1)"));
    let lists = (0..nested).fold("1".to_owned(), |text, _| format!("[{text}]"));
    let calls = (0..nested).fold("value".to_owned(), |text, _| format!("size({text})"));
    let all = (0..nested).fold("true".to_owned(), |text, _| format!("value.all(x, {text})"));
    let maps = (0..nested).fold("1".to_owned(), |text, _| format!("{{'a':{text}}}"));
    let broken =
        format!("{}{}{}", "(".repeat(nested), "!-".repeat(prefixes / 2), "a.".repeat(links - nested));
    let texts = vec![
        format!("{}value{} == 1", "(".repeat(nested), ")".repeat(nested)),
        format!("{}true", "!".repeat(prefixes)),
        format!("value == {}1", "-".repeat(prefixes)),
        format!("true{}", "?true:false".repeat(prefixes)),
        format!("value{} == 1", ".a".repeat(links)),
        format!("0{} == 1", "+1".repeat(links)),
        format!("0{} == 1", "*1".repeat(links)),
        format!("value{} == 1", "[0]".repeat(links)),
        format!("1{}", "==1".repeat(MAX_RULE_COMPARISON_BYTES / 2)),
        format!("1{}", "<1".repeat(MAX_RULE_COMPARISON_BYTES)),
        vec!["value"; 100].join("&&"),
        vec!["value"; links + 1].join(" in "),
        // A bracket in a string closes none.
        "(')'==".repeat(MAX_RULE_COMPARISON_BYTES / 2),
        vec!["a"; 200].join(" "),
        mixed,
        format!("{lists} == value"),
        format!("{calls} == 1"),
        all,
        format!("{maps} == value"),
        broken,
    ];
    let read = move || {
        for text in &texts {
            if check_nesting(text).is_ok() {
                let tree = parse(text);
                let _ = tree.map(|tree| check::check(&tree, Subject::Value(&[])));
            }
        }
        texts.iter().filter(|text| check_nesting(text).is_ok()).count()
    };
    let reached =
        std::thread::Builder::new().stack_size(RULE_STACK_BYTES / 4).spawn(read).unwrap().join().unwrap();
    assert!(reached >= 18, "{reached} were read");
}

proptest::proptest! {
    /// Text that nobody meant as a rule is refused or judged, and neither panics nor hangs.
    #[test]
    fn any_text_has_a_verdict(text in "[-a-z0-9'\"\\[\\](){}.,?:!&|+*/%<>= ]{0,80}", value in "[a-z0-9{}\":,\\[\\]]{0,30}") {
        let _ = judge(&text, &value);
    }
}
