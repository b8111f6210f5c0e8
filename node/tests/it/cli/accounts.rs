//! Balances, from the genesis to a proof that needs no node.

use super::sandbox::{Sandbox, Up};

/// The account of a key file.
fn account(sandbox: &Sandbox, key: &str) -> String {
    sandbox.ok(&["account", "--key", key, "--export-public"]).out.trim().to_owned()
}

fn balance(sandbox: &Sandbox, account: &str) -> String {
    sandbox.json(&["show", "account", account, "--json"])["balance"].as_str().unwrap().to_owned()
}

#[test]
fn units_change_hands_and_the_balance_is_proven_offline() {
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["account", "--new"]);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    let ada = account(&sandbox, ".config/moot/key");
    let node = account(&sandbox, ".moot/node.key");
    let funds = "1000000000000";
    assert_eq!((balance(&sandbox, &ada), balance(&sandbox, &node)), (funds.into(), funds.into()));
    assert!(sandbox.ok(&["account"]).out.contains("1,000,000,000,000"));

    sandbox.ok(&["account", "--new", "--key", "bob"]);
    sandbox.ok(&["account", "--new", "--key", "carol"]);
    let (bob, carol) = (account(&sandbox, "bob"), account(&sandbox, "carol"));
    assert_eq!(balance(&sandbox, &bob), "0");
    let done = sandbox.json(&["transfer", &bob, "10_000", "--json"]);
    // What is sent, and some hundred bytes.
    let left: u64 = done["balance"].as_str().unwrap().parse().unwrap();
    assert!(done["from"] == *ada && (999_999_989_000..999_999_990_000).contains(&left), "{done}");
    assert_eq!(balance(&sandbox, &bob), "10000");
    let ran = sandbox.ok(&["transfer", "--key", "bob", &ada, "1"]);
    assert!(ran.err.contains("Transferred"), "{}", ran.err);

    // Both or neither.
    let before = balance(&sandbox, &bob);
    sandbox.fails(
        &["transfer", "--key", "bob", &ada, "500", &node, "9500"],
        1,
        &["nothing was changed", "9500 are needed", "are missing", "on the ledger"],
    );
    let number = |text: &str| text.parse::<u64>().unwrap();
    let after = number(&balance(&sandbox, &bob));
    assert!(number(&before) - after < 500, "the bytes of what failed stay paid, and nothing else: {after}");
    sandbox.ok(&["transfer", "--key", "bob", &ada, "499", &node, "500"]);
    assert!(number(&balance(&sandbox, &bob)) < after - 999);

    let left = balance(&sandbox, &ada);
    sandbox.ok(&["show", "account", &ada, "--proof", "ada.json"]);
    sandbox.ok(&["show", "account", &carol, "--proof", "carol.json"]);
    sandbox.ok(&["genesis", "-o", "genesis.json"]);
    assert_eq!(up.stop(), 0);
    // Without the node.
    let view = sandbox.json(&["verify", "ada.json", "--json"]);
    assert!(view["valid"] == true && view["value"]["balance"].as_u64() == Some(number(&left)), "{view}");
    let view = sandbox.json(&["verify", "carol.json", "--json"]);
    assert!(view["valid"] == true && view["value"].is_null() && view["key"]["account"] == carol, "{view}");
    let text = std::fs::read_to_string(sandbox.path("ada.json")).unwrap();
    let forged = text.replace(&left, &(number(&left) + 1).to_string());
    assert_ne!(forged, text);
    sandbox.write("forged.json", forged);
    let ran = sandbox.moot(&["verify", "forged.json"]);
    assert!(ran.code == 1 && ran.out.contains("INVALID") && ran.out.contains("value.balance"), "{}", ran.out);

    // Nothing is lost by a restart.
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    assert_eq!(balance(&sandbox, &ada), left);
    assert_eq!(up.stop(), 0);
}

#[test]
fn what_makes_no_sense_is_refused_before_it_is_signed() {
    let sandbox = Sandbox::new();
    let account = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    sandbox.fails(&["transfer", account, "5"], 1, &["there is no key", ".moot/node.key"]);
    sandbox.fails(&["transfer", account, "0"], 2, &["one unit at least"]);
    sandbox.fails(&["transfer", account, "1.5"], 2, &["not an amount", "whole units"]);
    sandbox.fails(&["transfer", account, "5", account], 2, &["in pairs"]);
    sandbox.fails(&["transfer", "bob", "5"], 2, &["64 hexadecimal digits"]);
    sandbox.fails(&["show", "hello", account], 2, &["moot show account ID"]);
}
