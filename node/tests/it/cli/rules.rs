//! Rules and owners, as a person meets them.

use super::components::calculator;
use super::sandbox::{Sandbox, Up};

#[test]
fn a_rule_is_set_by_its_owner_and_asked_before_anything_is_written() {
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["account", "--new"]);
    sandbox.ok(&["account", "--new", "--key", "bob"]);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    let account = |key: &str| sandbox.ok(&["account", "--key", key, "--export-public"]).out.trim().to_owned();
    let (ada, bob) = (account(".config/moot/key"), account("bob"));

    // Enough to say a few things, and not to write.
    sandbox.ok(&["transfer", &bob, "100000"]);
    let rule = "balance(auth.account) > 1000000 && path.room != 'closed' && value.text.size() <= 5";
    let set = ["rules", "set", "/chat/$room", rule];
    sandbox.fails(&set, 1, &["nobody owns /chat", "moot owners claim"]);
    assert!(sandbox.ok(&["owners", "show", "/chat/lobby"]).out.contains("nobody yet"));
    sandbox.ok(&["owners", "claim", "/chat"]);
    sandbox.ok(&set);
    sandbox.fails(
        &["rules", "set", "/chat/$room", "true", "--key", "bob"],
        1,
        &["nothing was changed", &format!("/chat belongs to {ada}")],
    );
    sandbox.fails(&["rules", "set", "/chat/$room", "auth.nme == ''"], 1, &["auth.nme is not known here"]);
    sandbox.fails(&["rules", "set", "/$chat", "true"], 2, &["begins with a variable"]);
    sandbox.fails(&["rules", "eval", "chat", "--value", "x"], 2, &["does not start with a slash"]);

    let eval = |path: &str, account: &str, value: &str| {
        let ran = sandbox.moot(&["rules", "eval", path, "--account", account, "--value", value, "--json"]);
        let view: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(ran.code == 0, view["allowed"] == true);
        view
    };
    let yes = eval("/chat/lobby", &ada, r#"{"text":"hello"}"#);
    assert!(yes["allowed"] == true && yes["rule"]["pattern"] == "/chat/$room", "{yes}");
    assert_eq!(eval("/chat/lobby", &bob, r#"{"text":"hello"}"#)["why"], "the rule says no");
    assert_eq!(eval("/chat/closed", &ada, r#"{"text":"hello"}"#)["allowed"], false);
    assert!(eval("/chat/lobby", &ada, "hello").to_string().contains("asks a string for a field"));
    assert!(eval("/else", &ada, "x")["why"].as_str().unwrap().contains("no rule applies"));
    let ran = sandbox.moot(&["rules", "eval", "/chat/lobby", "--value", r#"{"text":"too long"}"#]);
    assert!(ran.code == 1 && ran.out.contains("DENIED") && ran.out.contains("/chat/$room"), "{}", ran.out);

    // What only a function may write is asked about as that function.
    sandbox.write("calculator.wasm", calculator(0));
    sandbox.ok(&["deploy", "clerk", "--component", "calculator.wasm"]);
    sandbox.ok(&["owners", "claim", "/books"]);
    let of_books = format!("auth.function == 'clerk' && auth.account == '{ada}'");
    sandbox.ok(&["rules", "set", "/books/$page", &of_books]);
    assert_eq!(eval("/books/1", &ada, "x")["why"], "the rule says no");
    sandbox.ok(&["rules", "eval", "/books/1", "--function", "clerk"]);
    for (more, why) in
        [(vec!["clerk", "--account", bob.as_str()], "belongs to"), (vec!["thief"], "no function thief")]
    {
        let ran = sandbox.moot(&[&["rules", "eval", "/books/1", "--function"], &more[..]].concat());
        assert!(ran.code == 1 && ran.out.contains("DENIED") && ran.out.contains(why), "{}", ran.out);
    }

    sandbox.ok(&["owners", "set", "/chat/lobby", &bob]);
    sandbox.ok(&["rules", "set", "/chat/lobby", "true", "--key", "bob"]);
    assert_eq!(eval("/chat/lobby/1", &bob, "x")["rule"]["pattern"], "/chat/lobby");
    assert_eq!(sandbox.json(&["owners", "show", "/chat/lobby/1", "--json"])["owner"], bob);
    sandbox.fails(&["owners", "give-up", "/chat/lobby", "--key", "bob"], 2, &["--for-good"]);
    sandbox.ok(&["owners", "give-up", "/chat/lobby", "--for-good", "--key", "bob"]);
    sandbox.fails(&["rules", "rm", "/chat/lobby", "--key", "bob"], 1, &["given up for good"]);
    assert!(sandbox.ok(&["owners", "show", "/chat/lobby"]).out.contains("nobody, for ever"));
    assert!(sandbox.ok(&["rules", "ls"]).out.contains("/chat/lobby"));
    sandbox.ok(&["show", "rule", "/chat/$room", "--proof", "rule.json"]);
    sandbox.ok(&["show", "owner", "/chat/lobby", "--proof", "owner.json"]);
    sandbox.ok(&["show", "function", "nobody", "--proof", "function.json"]);
    let proven = |file: &str| sandbox.json(&["verify", file, "--json"])["value"].clone();
    assert_eq!(
        (proven("rule.json")["rule"].as_str(), &proven("owner.json")["owner"]),
        (Some(rule), &serde_json::Value::Null)
    );
    assert!(sandbox.ok(&["verify", "owner.json"]).out.contains("nobody, for ever"));
    assert!(sandbox.ok(&["verify", "function.json"]).out.contains("never deployed"));
    sandbox.ok(&["rules", "rm", "/chat/$room"]);
    assert_eq!(sandbox.json(&["rules", "ls", "--json"])["rules"].as_array().unwrap().len(), 2);
    assert_eq!(up.stop(), 0);
}
