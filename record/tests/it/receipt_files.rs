//! Receipt files: what a person reads is what was signed, or the field is named.

use moot_record::testing::{Network, sign_path};
use moot_record::{Call, Entry, Evidence, PageClass, Payload, ReceiptFile, Status, Value as Message};
use serde_json::{Value, json};

use crate::forgeries::{a_call, a_receipt};

fn files(network: &Network) -> [(&'static str, ReceiptFile); 3] {
    let call = Entry::Call(a_call());
    let receipt = Entry::Receipt(a_receipt(&a_call(), 1 << 60));
    let (proof, _) = network.prove(&receipt, PageClass::Receipt, 7);
    let bundle = network.bundle(&[(PageClass::Receipt, receipt.encode())], 9);
    let signed = sign_path(&bundle, 0, 0);
    [
        ("final", ReceiptFile::new(Evidence::Final(proof.clone()), Some(call.encode())).unwrap()),
        ("final, without the call", ReceiptFile::new(Evidence::Final(proof), None).unwrap()),
        ("signed", ReceiptFile::new(Evidence::Signed(signed), Some(call.encode())).unwrap()),
    ]
}

fn check(network: &Network, shown: &Value) -> Result<(), String> {
    let file = ReceiptFile::parse(&shown.to_string()).map_err(|e| e.field().to_owned())?;
    file.check(&network.genesis).map(drop).map_err(|e| e.field().to_owned())
}

/// Every leaf of a JSON tree with its path.
fn leaves(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let dotted = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            leaves(&dotted, value, out);
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| leaves(&format!("{path}[{i}]"), value, out));
        }
        _ => out.push((path.to_owned(), format!("/{}", path.replace(['.', '['], "/").replace(']', "")))),
    }
}

/// Other values of the same kind, and one of another kind.
fn changed(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(b) => vec![json!(!b), Value::Null],
        Value::Number(n) => vec![json!(n.as_u64().unwrap() + 1), json!(n.to_string()), Value::Null],
        Value::String(text) => {
            let flipped = if text.ends_with('0') { "1" } else { "0" };
            vec![json!(format!("{}{flipped}", &text[..text.len() - 1])), json!(format!("{text} ")), json!("")]
        }
        other => vec![json!(format!("{other}"))],
    }
}

#[test]
fn a_good_file_says_everything() {
    let network = Network::new(4);
    for (name, file) in files(&network) {
        let again = ReceiptFile::parse(&file.to_json()).unwrap();
        assert_eq!(again, file);
        let checked = again.check(&network.genesis).unwrap();
        assert_eq!(checked.receipt, a_receipt(&a_call(), 1 << 60), "{name}");
        assert_eq!(checked.call, (name != "final, without the call").then(a_call), "{name}");
        assert_eq!(checked.finality.is_some(), name != "signed");
        assert_eq!(checked.worker, network.worker.account());
        let through_serde: ReceiptFile =
            serde_json::from_str(&serde_json::to_string(&file).unwrap()).unwrap();
        assert_eq!(through_serde, file);
    }
    let shown: Value = serde_json::from_str(&files(&network)[0].1.to_json()).unwrap();
    assert_eq!(shown["format"], "moot-receipt-1");
    assert_eq!(shown["receipt"]["status"], "ok");
    assert_eq!(shown["receipt"]["fuel"], (1u64 << 60).to_string(), "exact in every language (FAULTS 73)");
    assert_eq!(shown["receipt"]["touched"][0]["target"], "https://api.example.com:443");
    assert_eq!(shown["call"]["kind"]["typed"]["export"], "math#add");
    assert_eq!(shown["block"]["height"], 7);
}

/// FAULTS 74: each readable field, changed in several ways, removed, or doubled.
#[test]
fn case_74_each_tampered_field_is_named() {
    let network = Network::new(4);
    let mut tampered = 0;
    for (name, file) in files(&network) {
        let good: Value = serde_json::from_str(&file.to_json()).unwrap();
        assert_eq!(check(&network, &good), Ok(()), "{name}");
        let mut all = Vec::new();
        leaves("", &good, &mut all);
        assert!(all.len() > 20, "{all:?}");
        for (path, pointer) in all {
            let evidence = ["proof", "signed", "call_entry"].contains(&path.as_str());
            for other in changed(good.pointer(&pointer).unwrap()) {
                let mut forged = good.clone();
                *forged.pointer_mut(&pointer).unwrap() = other.clone();
                let named = check(&network, &forged).expect_err(&path);
                // Evidence is bytes: what is wrong with them is named more exactly than by the field's name.
                assert!(named == path || evidence, "{name}: {path} became {other}, named was {named}");
                tampered += 1;
            }
        }
        for field in good.as_object().unwrap().keys() {
            let mut forged = good.clone();
            forged.as_object_mut().unwrap().remove(field);
            let named = check(&network, &forged).expect_err(field);
            let expected: &[&str] = match field.as_str() {
                "signed" => &["proof"],
                "call_entry" => &["call"],
                _ => &[field.as_str()],
            };
            assert!(expected.contains(&named.as_str()), "{name}: {field} removed, named was {named}");
        }
        for place in ["", "/receipt", "/receipt/output", "/receipt/fee", "/receipt/touched/0"] {
            let mut forged = good.clone();
            forged.pointer_mut(place).unwrap()["more"] = json!(1);
            let named = check(&network, &forged).expect_err(place);
            assert!(named.ends_with("more"), "{named}");
        }
    }
    assert!(tampered > 150, "{tampered}");
}

/// FAULTS 74: evidence of something else under readable fields that look right.
#[test]
fn case_74_swapped_evidence_is_refused() {
    let network = Network::new(4);
    let [(_, good), (_, bare), (_, signed)] = files(&network);
    let value = |file: &ReceiptFile| serde_json::from_str::<Value>(&file.to_json()).unwrap();
    let richer = Entry::Receipt(a_receipt(&a_call(), 6));
    let (proof, _) = network.prove(&richer, PageClass::Receipt, 7);
    let other = value(&ReceiptFile::new(Evidence::Final(proof), None).unwrap());
    let mut forged = value(&bare);
    forged["proof"] = other["proof"].clone();
    assert_eq!(check(&network, &forged), Err("receipt.fuel".into()));
    // Another call's entry.
    let mut forged = value(&good);
    let another = Entry::Call(Call { fuel_limit: 1, ..a_call() });
    forged["call_entry"] = json!(data_encoding::BASE64URL_NOPAD.encode(&another.encode()));
    assert_eq!(check(&network, &forged), Err("call_entry".into()));
    assert!(ReceiptFile::new(good.evidence().clone(), Some(another.encode())).is_err());
    // Both kinds of evidence; neither; another format.
    let mut forged = value(&good);
    forged["signed"] = value(&signed)["signed"].clone();
    assert_eq!(check(&network, &forged), Err("signed".into()));
    let mut forged = value(&bare);
    forged.as_object_mut().unwrap().remove("proof");
    assert_eq!(check(&network, &forged), Err("proof".into()));
    let mut forged = value(&bare);
    forged["format"] = json!("moot-receipt-2");
    assert_eq!(check(&network, &forged), Err("format".into()));
    // A proof of something that is no receipt.
    let message = Entry::Value(Message::new("/a", Payload::empty()));
    let (proof, _) = network.prove(&message, PageClass::Bulk, 7);
    assert_eq!(ReceiptFile::new(Evidence::Final(proof), None).unwrap_err().field(), "receipt");
    // The genesis of another network.
    let other = Network::named("other", 4);
    assert_eq!(bare.check(&other.genesis).unwrap_err().field(), "bundle.network");
}

/// FAULTS 74: a key that stands twice could show a person one value and the verifier another.
#[test]
fn case_74_a_doubled_key_is_refused() {
    let network = Network::new(1);
    let text = files(&network)[1].1.to_json();
    let doubled = text.replacen("\"fuel\":", "\"fuel\": 1, \"fuel\":", 1);
    assert_ne!(doubled, text);
    let error = ReceiptFile::parse(&doubled).unwrap_err().to_string();
    assert!(error.contains("\"fuel\" stands twice"), "{error}");
    for not_a_file in ["", "[]", "null", "{}", "{\"format\":1}", &"x".repeat(300 * 1024), &"[".repeat(10_000)]
    {
        assert!(ReceiptFile::parse(not_a_file).is_err());
    }
}

#[test]
fn every_status_is_readable() {
    let network = Network::new(1);
    for status in Status::ALL {
        let mut receipt = a_receipt(&a_call(), 1);
        receipt.status = *status;
        let (proof, _) = network.prove(&Entry::Receipt(receipt), PageClass::Receipt, 1);
        let file = ReceiptFile::new(Evidence::Final(proof), None).unwrap();
        assert_eq!(file.check(&network.genesis).unwrap().receipt.status, *status);
        assert!(file.to_json().contains(status.as_str()));
    }
}
