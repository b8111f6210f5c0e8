//! The unmodified Lambda runtime client of each language serves a function: guests/external, which
//! `cargo xtask test languages` prepares below `target/guests/external`. Left out where `MOOT_CONFORMANCE` is not set.

use super::process::WorkerProcess;
use super::{await_ready, checked, node_for};
use crate::support::until;
use moot_node::worker::external_artifact;
use moot_record::{FunctionKind, Status};
use serde_json::json;
use std::path::{Path, PathBuf};

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A function that counts words, behind some client: it answers, fails as its language fails, and goes on.
fn serves(command: &[&str], folder: &str, error: &str) {
    if std::env::var_os("MOOT_CONFORMANCE").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    node.deploy("words", &external_artifact("words").unwrap(), FunctionKind::Event, |spec| {
        // An interpreter starts beside everything else that runs.
        spec.limits.deadline_ms = 60_000;
    });
    let prepared = checkout().join("target/guests/external");
    let command: Vec<String> =
        command.iter().map(|word| word.replace("PREPARED", &prepared.to_string_lossy())).collect();
    assert!(Path::new(&command[0]).exists(), "{}: `cargo xtask test languages` prepares it", command[0]);
    let folder = folder.replace("PREPARED", &prepared.to_string_lossy());
    let folder = checkout().join(folder);
    let mut words = vec!["--external", "--", "env", "-C", folder.to_str().unwrap()];
    words.extend(command.iter().map(String::as_str));
    let worker = WorkerProcess::start(dir.path(), node.workers(), node.account(), &words);
    worker.await_joined();
    await_ready(&node, 1);

    let ask = |text: serde_json::Value| node.post("/words", json!({ "text": text }).to_string().as_bytes());
    let answer = ask(json!("one two  three"));
    assert_eq!((answer.status, answer.json()), (200, json!({ "words": 3 })), "{}", answer.text());
    let receipt = checked(&node, answer.header("moot-call").unwrap());
    assert_eq!((receipt.worker, receipt.receipt.status), (account, Status::Ok));
    assert!(!receipt.receipt.metered);
    let call = answer.header("moot-call").unwrap().to_owned();
    until("the handler's own line, which knows its call, is in the log", || {
        node.get("/_moot/functions/words/logs").text().contains(&format!("call {call}: 14"))
    });

    let failed = ask(json!(null));
    assert_eq!((failed.status, failed.problem().as_str()), (500, "function-failed"), "{}", failed.text());
    let said = failed.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains(error) && said.contains(r#"send {"text": "..."}"#), "{said}");
    assert_eq!(ask(json!("again")).json(), json!({ "words": 1 }), "the same process goes on");
    assert_eq!(worker.stop(), Some(0));
}

#[test]
fn rust_s_lambda_runtime_serves_a_function() {
    serves(&["PREPARED/rust/debug/words"], "guests/external/rust", "");
}

#[test]
fn go_s_client_serves_a_function() {
    serves(&["PREPARED/go/words"], "guests/external/go", "errorString");
}

#[test]
fn python_s_client_serves_a_function() {
    serves(
        &["PREPARED/python/bin/python", "-m", "awslambdaric", "app.handler"],
        "guests/external/python",
        "ValueError",
    );
}

#[test]
fn node_s_client_serves_a_function() {
    // It is compiled where it is installed, which not every machine can; `cargo xtask test languages` says what it lacks.
    if !checkout().join("target/guests/external/node/made-of").exists() {
        eprintln!("SKIPPED: aws-lambda-ric is not prepared here");
        return;
    }
    serves(&["PREPARED/node/node_modules/.bin/aws-lambda-ric", "app.handler"], "PREPARED/node", "TypeError");
}
