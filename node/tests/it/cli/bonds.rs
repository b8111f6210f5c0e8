//! Escrow and dry runs, as a person meets them.

use super::sandbox::{Sandbox, Up};
use crate::support::{busy, until};

fn account(sandbox: &Sandbox, key: &str) -> String {
    sandbox.ok(&["account", "--key", key, "--export-public"]).out.trim().to_owned()
}

fn balance(sandbox: &Sandbox, account: &str) -> u64 {
    let view = sandbox.json(&["show", "account", account, "--json"]);
    view["balance"].as_str().unwrap().parse().unwrap()
}

fn begun() -> (Sandbox, Up) {
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["account", "--new"]);
    sandbox.ok(&["account", "--new", "--key", "bob"]);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    (sandbox, up)
}

#[test]
fn units_are_held_paid_in_part_and_come_back() {
    let (sandbox, up) = begun();
    let (ada, bob) = (account(&sandbox, ".config/moot/key"), account(&sandbox, "bob"));
    sandbox.ok(&["transfer", &bob, "1_000_000"]);
    let hold = |for_blocks: &str| {
        let made = sandbox.json(&["escrow", "hold", &bob, "900", "--for", for_blocks, "--json"]);
        made["entry"].as_str().unwrap().to_owned()
    };
    let id = hold("50000");
    let view = sandbox.json(&["escrow", "show", &id, "--json"]);
    assert!(view["amount"] == "900" && view["from"] == ada && view["to"] == bob, "{view}");
    sandbox.fails(
        &["escrow", "release", &id, "--key", "bob"],
        1,
        &["nothing was changed", &format!("only {ada}")],
    );
    sandbox.ok(&["show", "hold", &id, "--proof", "hold.json"]);
    let had = balance(&sandbox, &bob);
    let ran = sandbox.ok(&["escrow", "release", &id, "--pay", "2/3"]);
    assert!(ran.err.contains("Paid"), "{}", ran.err);
    assert_eq!(balance(&sandbox, &bob), had + 600);
    sandbox.fails(&["escrow", "show", &id], 1, &["nothing is held"]);
    sandbox.fails(&["escrow", "release", &id], 1, &["nothing is held"]);

    // The other gives it back; and what nobody releases comes back by itself.
    let (given, left) = (hold("50000"), hold("3"));
    let had = balance(&sandbox, &ada);
    sandbox.ok(&["escrow", "give-back", &given, "--key", "bob"]);
    until("both are back", || balance(&sandbox, &ada) == had + 1800);
    sandbox.fails(&["escrow", "show", &left], 1, &["nothing is held"]);

    sandbox.fails(&["escrow", "hold", &bob, "1", "--until", "1"], 1, &["it is held until height 1"]);
    sandbox.fails(&["escrow", "hold", &bob, "1"], 2, &["--until"]);
    sandbox.fails(&["escrow", "release", &id, "--pay", "3/2"], 2, &["PART/WHOLE"]);
    sandbox.ok(&["genesis", "-o", "genesis.json"]);
    assert_eq!(up.stop(), 0);
    let ran = sandbox.ok(&["verify", "hold.json"]);
    assert!(ran.out.contains("VALID") && ran.out.contains("900"), "{}", ran.out);
}

#[test]
fn a_dry_run_says_what_would_come_and_records_nothing() {
    let (sandbox, up) = begun();
    let (ada, bob) = (account(&sandbox, ".config/moot/key"), account(&sandbox, "bob"));
    let before = balance(&sandbox, &ada);
    let would = |words: &[&str]| {
        let ran = sandbox.ok(&[words, &["--dry-run"]].concat());
        assert!(ran.out.contains("WOULD BE DONE") && ran.out.contains("fee"), "{words:?}: {}", ran.out);
    };
    let would_not = |words: &[&str], why: &str| {
        let ran = sandbox.moot(&[words, &["--dry-run"]].concat());
        assert!(ran.code == 1 && ran.out.contains("WOULD BE REFUSED"), "{words:?}: {} {}", ran.out, ran.err);
        assert!(ran.out.contains(why), "{words:?}: {}", ran.out);
    };
    would(&["transfer", &bob, "5", &bob, "6"]);
    would_not(&["transfer", &bob, "2_000_000_000_000"], "are missing");
    would(&["owners", "claim", "/chat"]);
    would_not(&["rules", "set", "/chat/$room", "true"], "nobody owns /chat");
    would(&["escrow", "hold", &bob, "5", "--for", "100"]);
    would_not(&["escrow", "release", "0-9-0-0-0"], "nothing is held");
    would_not(&["stake", "take", "5"], "");
    sandbox.write("busy.wasm", busy());
    would(&["deploy", "busy", "--component", "busy.wasm"]);
    let seen = sandbox.json(&["deploy", "busy", "--component", "busy.wasm", "--dry-run", "--json"]);
    assert!(seen["transactions"][0]["unchecked"].as_str().unwrap().contains("was not uploaded"), "{seen}");
    assert_eq!((&seen["accepted"], seen["transactions"][0]["version"].as_u64()), (&true.into(), Some(1)));
    assert!(seen["fee"].as_str().unwrap().parse::<u64>().is_ok(), "{seen}");

    assert_eq!((balance(&sandbox, &ada), balance(&sandbox, &bob)), (before, 0));
    assert!(sandbox.ok(&["owners", "show", "/chat"]).out.contains("nobody yet"));
    assert!(sandbox.json(&["ls", "--json"])["functions"].as_array().unwrap().is_empty());

    sandbox.ok(&["deploy", "busy", "--component", "busy.wasm"]);
    let ran = sandbox.ok(&["deploy", "busy", "--component", "busy.wasm", "--dry-run"]);
    assert!(ran.err.contains("Unchanged"), "{}", ran.err);
    assert_eq!(up.stop(), 0);
}
