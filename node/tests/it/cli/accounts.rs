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
    let bob = account(&sandbox, "bob");
    assert_eq!(balance(&sandbox, &bob), "0");
    let done = sandbox.json(&["transfer", &bob, "1_000", "--json"]);
    assert_eq!((done["from"].as_str(), done["balance"].as_str()), (Some(&*ada), Some("999999999000")));
    let ran = sandbox.ok(&["transfer", "--key", "bob", &ada, "1"]);
    assert!(ran.err.contains("Transferred") && ran.err.contains("999"), "{}", ran.err);

    // Both or neither.
    sandbox.fails(
        &["transfer", "--key", "bob", &ada, "500", &node, "500"],
        1,
        &["nothing was changed", "the account has 499, 500 are needed: 1 are missing", "on the ledger"],
    );
    assert_eq!(balance(&sandbox, &bob), "999");
    sandbox.ok(&["transfer", "--key", "bob", &ada, "499", &node, "500"]);
    assert_eq!(balance(&sandbox, &bob), "0");

    sandbox.ok(&["show", "account", &ada, "--proof", "ada.json"]);
    sandbox.ok(&["show", "account", &bob, "--proof", "bob.json"]);
    sandbox.ok(&["genesis", "-o", "genesis.json"]);
    assert_eq!(up.stop(), 0);
    // Without the node.
    let ran = sandbox.ok(&["verify", "ada.json"]);
    assert!(ran.out.contains("VALID") && ran.out.contains("999,999,999,500"), "{}", ran.out);
    let view = sandbox.json(&["verify", "bob.json", "--json"]);
    assert!(view["valid"] == true && view["value"].is_null() && view["key"]["account"] == bob, "{view}");
    let text = std::fs::read_to_string(sandbox.path("ada.json")).unwrap();
    sandbox.write("forged.json", text.replace("999999999500", "999999999501"));
    let ran = sandbox.moot(&["verify", "forged.json"]);
    assert!(ran.code == 1 && ran.out.contains("INVALID") && ran.out.contains("value.balance"), "{}", ran.out);

    // Nothing is lost by a restart.
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    assert_eq!(balance(&sandbox, &ada), "999999999500");
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
