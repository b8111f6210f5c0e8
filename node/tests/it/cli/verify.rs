//! `moot verify`, with no node and no data folder: what is valid, and every way not to be.

use moot_record::testing::Network;
use moot_record::{
    Digest, Entry, Evidence, Fee, FunctionName, PageClass, Payload, Receipt, ReceiptFile, Status, Touch,
    TouchKind, entry_digest,
};
use serde_json::Value;

use super::sandbox::Sandbox;

/// A receipt file with its call, proven by a network of four, and the genesis.
fn evidence(network: &Network) -> String {
    let call = moot_record::Call {
        function: FunctionName::parse("hello").unwrap(),
        component: Digest::from_bytes([7; 32]),
        spec: Digest::from_bytes([8; 32]),
        kind: moot_record::CallKind::Event,
        caller: Some(network.worker.account()),
        input: Payload::of(b"ada"),
        time_us: 1_772_368_496_000_000,
        fuel_limit: 1_000_000,
        idempotency: None,
        parent: None,
    };
    let call_entry = Entry::Call(call).encode();
    let receipt = Receipt {
        call: "0-5-0-0-0".parse().unwrap(),
        call_digest: entry_digest(&call_entry),
        component: Digest::from_bytes([7; 32]),
        status: Status::Ok,
        output: Payload::of(b"hello, ada\n"),
        fuel: 12_345,
        metered: true,
        fee: Fee { ordering: 300, execution: 1 },
        touched: vec![Touch { kind: TouchKind::Http, target: "https://example.com:443".into(), count: 2 }],
        time_us: 1_772_368_496_001_000,
        duration_us: 900,
    };
    let (proof, _) = network.prove(&Entry::Receipt(receipt), PageClass::Receipt, 42);
    ReceiptFile::new(Evidence::Final(proof), Some(call_entry)).unwrap().to_json()
}

fn prepared() -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    let network = Network::new(4);
    let text = evidence(&network);
    sandbox.write("receipt.json", &text);
    sandbox.write("genesis.json", network.genesis.to_json());
    (sandbox, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_valid_receipt() {
    let (sandbox, _) = prepared();
    let shown = sandbox.ok(&["verify", "receipt.json"]).out;
    for words in [
        "VALID",
        "0-5-0-0-0",
        "hello",
        "12,345",
        "block 42",
        "4 replicas",
        "not proven",
        "moot replay 0-5-0-0-0",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    let view = sandbox.json(&["verify", "receipt.json", "--genesis", "genesis.json", "--json"]);
    assert_eq!((&view["valid"], &view["block"]["height"]), (&Value::Bool(true), &Value::from(42)));
}

/// Every readable leaf of a JSON value, with the path that leads to it.
fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), out))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| leaves(value, &format!("{path}/{index}"), out));
        }
        _ => out.push(path.to_owned()),
    }
}

/// Another value of the same type.
fn changed(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_u64().unwrap() + 1),
        Value::Bool(flag) => Value::from(!flag),
        Value::Null => Value::from("something"),
        // Flips a digit in hex, or a letter in a name, and stays as long.
        Value::String(text) => {
            let last = text.chars().last().unwrap();
            let other = if last == '0' { '1' } else { '0' };
            Value::from(format!("{}{other}", &text[..text.len() - last.len_utf8()]))
        }
        other => panic!("{other} is no leaf"),
    }
}

#[test]
fn every_field_that_is_tampered_with_is_refused_by_name() {
    let (sandbox, original) = prepared();
    let mut paths = Vec::new();
    leaves(&original, "", &mut paths);
    assert!(paths.len() > 25, "{paths:?}");
    for path in paths {
        let mut tampered = original.clone();
        let place = tampered.pointer_mut(&path).unwrap();
        *place = changed(place);
        sandbox.write("tampered.json", tampered.to_string());
        let ran = sandbox.moot(&["verify", "tampered.json", "--json"]);
        assert_eq!(ran.code, 1, "{path}: {}{}", ran.out, ran.err);
        let verdict: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(verdict["valid"], false, "{path}");
        let field = verdict["field"].as_str().unwrap().to_owned();
        let top = path.split('/').nth(1).unwrap();
        // What is inside the proof is named by its part, everything readable by its own name.
        if !matches!(top, "proof" | "call_entry") {
            let dotted = path[1..].replace('/', ".");
            let close = field.replace('[', ".").replace(']', "");
            assert!(dotted.starts_with(&close) || close.starts_with(&dotted), "{path} is called {field}");
        }
        let shown = sandbox.moot(&["verify", "tampered.json"]);
        assert!(shown.out.contains("INVALID") && shown.out.contains(&field), "{path}: {}", shown.out);
    }
}

#[test]
fn a_field_that_is_added_or_taken_away_is_refused() {
    let (sandbox, original) = prepared();
    let mut more = original.clone();
    more["receipt"]["refund"] = Value::from(1);
    sandbox.write("more.json", more.to_string());
    let ran = sandbox.moot(&["verify", "more.json"]);
    assert!(ran.code == 1 && ran.out.contains("refund"), "{}", ran.out);
    let mut less = original;
    less["receipt"].as_object_mut().unwrap().remove("fuel");
    sandbox.write("less.json", less.to_string());
    let ran = sandbox.moot(&["verify", "less.json"]);
    assert!(ran.code == 1 && ran.out.contains("receipt.fuel"), "{}", ran.out);
}

#[test]
fn a_proof_with_any_byte_changed_is_refused() {
    let (sandbox, original) = prepared();
    let proof = original["proof"].as_str().unwrap().to_owned();
    let step = proof.len() / 40;
    for at in (0..proof.len()).step_by(step) {
        let mut bytes = proof.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let mut tampered = original.clone();
        tampered["proof"] = Value::from(String::from_utf8(bytes).unwrap());
        sandbox.write("tampered.json", tampered.to_string());
        let ran = sandbox.moot(&["verify", "tampered.json"]);
        assert!(ran.code == 1 && ran.out.contains("INVALID"), "at {at}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn a_tampered_or_foreign_genesis_is_refused() {
    let (sandbox, _) = prepared();
    let other = Network::named("other", 4);
    sandbox.write("other.json", other.genesis.to_json());
    let ran = sandbox.moot(&["verify", "receipt.json", "--genesis", "other.json"]);
    assert!(ran.code == 1 && ran.out.contains("bundle.network"), "{}", ran.out);

    let mut genesis: Value = serde_json::from_str(&Network::new(4).genesis.to_json()).unwrap();
    genesis["name"] = Value::from("changed");
    sandbox.write("tampered.json", genesis.to_string());
    let ran = sandbox.moot(&["verify", "receipt.json", "--genesis", "tampered.json"]);
    assert!(ran.code == 1 && ran.out.contains("genesis.network"), "{}", ran.out);
}

#[test]
fn files_that_cannot_be_used() {
    let (sandbox, _) = prepared();
    sandbox.fails(&["verify", "nowhere.json"], 2, &["cannot use nowhere.json"]);
    sandbox.fails(&["verify", "receipt.json", "--genesis", "nowhere.json"], 2, &["cannot use nowhere.json"]);
    sandbox.fails(&["verify"], 2, &["<FILE>"]);
    let ran = sandbox.moot(&["verify", "genesis.json"]);
    assert!(ran.code == 1 && ran.out.contains("format"), "{}", ran.out);
    sandbox.write("text.json", "hello");
    let ran = sandbox.moot(&["verify", "text.json"]);
    assert!(ran.code == 1 && ran.out.contains("not a receipt file"), "{}", ran.out);
    std::fs::remove_file(sandbox.path("genesis.json")).unwrap();
    sandbox.fails(&["verify", "receipt.json"], 2, &["no genesis to check against", "moot genesis -o"]);
}
