//! What things cost, as a person meets it: nothing to set up, a statement, an invoice, prices, a function frozen for good.

use super::sandbox::{Sandbox, Up};
use crate::support::busy;

#[test]
fn a_person_without_a_key_deploys_calls_and_sees_the_bill() {
    let mut sandbox = Sandbox::new();
    assert!(!sandbox.path(".config/moot/key").exists());
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    // The key was made for the new network, and has something.
    let key = sandbox.path(".config/moot/key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let view = sandbox.json(&["account", "--json"]);
    assert_eq!((view["balance"].as_str(), view["charged"].as_bool()), (Some("1000000000000"), Some(true)));
    sandbox.write("busy.wasm", busy());
    sandbox.ok(&["deploy", "busy", "--component", "busy.wasm"]);
    for _ in 0..3 {
        assert_eq!(sandbox.ok(&["invoke", "busy", "add", "2", "3", "--wait", "final"]).out.trim(), "5");
    }
    let bill = sandbox.json(&["bill", "--from", "1", "--json"]);
    let line = &bill["functions"][0];
    assert_eq!((line["function"].as_str(), line["calls"].as_u64()), (Some("busy"), Some(3)), "{bill}");
    assert_eq!((line["payer"].clone(), line["differing"].as_u64()), (view["account"].clone(), Some(0)));
    let total: u64 = bill["total"].as_str().unwrap().parse().unwrap();
    let paid = || -> u64 {
        let view = sandbox.json(&["account", "--json"]);
        let lines = view["statement"].as_array().unwrap().clone();
        let calls = lines.iter().filter(|line| line["kind"] == "calls");
        calls.map(|line| line["units"].as_str().unwrap().parse::<u64>().unwrap()).sum()
    };
    crate::support::until("the statement has all three", || paid() == total);
    let shown = sandbox.ok(&["account"]).out;
    for word in ["storage", "bundle", "calls", "busy", "a million of fuel"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let shown = sandbox.ok(&["bill", "--from", "1"]).out;
    assert!(shown.contains("ORDERING") && shown.contains("busy") && shown.contains("units"), "{shown}");

    // For good: what comes after is refused, and it can be proven without the node.
    let done = sandbox.json(&["deploy", "busy", "--component", "busy.wasm", "--freeze", "--json"]);
    assert_eq!(
        (&done["deployed"][0]["frozen"], &done["deployed"][0]["changed"]),
        (&true.into(), &false.into())
    );
    assert!(sandbox.ok(&["ls"]).out.contains("frozen"));
    assert!(sandbox.ok(&["show", "busy"]).out.contains("nobody can ever change"));
    sandbox.ok(&["show", "function", "busy", "--proof", "busy.json"]);
    sandbox.ok(&["genesis", "-o", "genesis.json"]);

    // Nobody but a member of the committee says what things cost.
    assert!(sandbox.ok(&["net", "prices"]).out.contains("1 of 1"));
    sandbox.fails(&["net", "prices", "--per-byte", "5"], 1, &["nothing was changed", "committee"]);
    sandbox.ok(&["net", "prices", "--per-byte", "5", "--key", ".moot/node.key"]);
    assert_eq!(sandbox.json(&["net", "prices", "--json"])["prices"]["per_byte"], 5);
    sandbox.ok(&["show", "network", "prices", "--proof", "prices.json"]);
    sandbox.fails(&["show", "network", "weather", "--proof", "w.json"], 1, &["prices, pot"]);
    assert_eq!(up.stop(), 0);
    assert_eq!(sandbox.json(&["verify", "prices.json", "--json"])["value"]["prices"]["per_byte"], 5);
    let shown = sandbox.ok(&["verify", "busy.json"]).out;
    assert!(shown.contains("VALID") && shown.contains("frozen"), "{shown}");
}

#[test]
fn who_has_nothing_is_told_how_to_get_something() {
    let mut sandbox = Sandbox::new();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.write("busy.wasm", busy());
    sandbox.ok(&["account", "--new", "--key", "poor"]);
    let ran = sandbox.moot(&["deploy", "busy", "--component", "busy.wasm", "--key", "poor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("are missing") && ran.err.contains("moot transfer"), "{}", ran.err);
    let poor = sandbox.ok(&["account", "--key", "poor", "--export-public"]).out.trim().to_owned();
    sandbox.ok(&["transfer", &poor, "1000000"]);
    sandbox.ok(&["deploy", "busy", "--component", "busy.wasm", "--key", "poor"]);
    assert_eq!(up.stop(), 0);
}
