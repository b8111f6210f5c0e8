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

/// Case 70, as a person meets it who fears that a key was stolen: one command, not by accident, and the key does nothing
/// any more.
#[test]
fn case_70_a_key_is_revoked_for_good() {
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["account", "--new"]);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["account", "--new", "--key", "bob"]);
    let (ada, bob) = (account(&sandbox, ".config/moot/key"), account(&sandbox, "bob"));
    sandbox.ok(&["transfer", &bob, "1000000"]);
    sandbox.ok(&["owners", "claim", "/a"]);

    let revoke = ["account", "revoke", "--for-good"];
    sandbox.fails(&revoke[..2], 2, &["cannot be undone", &ada, "--for-good"]);
    sandbox.fails(&[&revoke[..], &["--key", "nobodys"]].concat(), 1, &["nobodys"]);
    assert!(!sandbox.path("nobodys").exists(), "no key is made for it");
    assert_eq!(sandbox.json(&["account", "revoke", "--dry-run", "--json"])["accepted"], true);
    sandbox.fails(&[&revoke[..], &["--key", ".moot/node.key"]].concat(), 1, &["leave the committee"]);
    let view = sandbox.json(&["account", "--json"]);
    assert!(view["revoked"].is_null() && view["account"] == ada.as_str(), "{view}");

    let done = sandbox.json(&[&revoke[..], &["--json"]].concat());
    assert_eq!((&done["kind"], &done["by"]), (&"revoke".into(), &ada.as_str().into()));
    let height = done["height"].as_u64().unwrap();
    assert_eq!(sandbox.json(&["account", "--json"])["revoked"], height);
    for words in [&["account"][..], &["show", "account", &ada]] {
        let shown = sandbox.ok(words).out;
        assert!(shown.contains(&format!("at block {height}")), "{shown}");
    }
    let why = format!("revoked at height {height}");
    for words in [
        &["transfer", &bob, "1"][..],
        &["transfer", &bob, "1", "--dry-run"],
        &["owners", "give-up", "/a", "--for-good"],
        &["values", "put", "/a/1", "--data", "hi"],
        &revoke,
    ] {
        sandbox.fails(words, 1, &[&why]);
    }
    sandbox.fails(&["transfer", "--key", "bob", &ada, "1"], 1, &["nothing was changed", "nobody can use"]);
    // Its path stays its own, and it is proven without the node.
    assert_eq!(sandbox.json(&["owners", "show", "/a", "--json"])["owner"], ada.as_str());
    sandbox.ok(&["show", "account", &ada, "--proof", "ada.json"]);
    sandbox.ok(&["genesis", "-o", "genesis.json"]);
    let said = sandbox.ok(&[&revoke[..], &["--key", "bob"]].concat()).err;
    assert!(said.contains("Revoked") && said.contains(&bob), "{said}");
    assert_eq!(up.stop(), 0);
    assert_eq!(sandbox.json(&["verify", "ada.json", "--json"])["value"]["revoked"], height);
    let shown = sandbox.ok(&["verify", "ada.json"]).out;
    assert!(shown.contains("VALID") && shown.contains(&format!("revoked at block {height}")), "{shown}");
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
