//! The whole tour with a real toolchain: new, build, up, deploy, invoke, logs, show, verify, replay, rollback.
//!
//! Slow the first time: the templates' dependencies are compiled once, into the checkout's own target folder.

use std::path::Path;
use std::process::Command;

use super::sandbox::{Ran, Sandbox, Up, finish};

/// Runs `moot` in a project's folder.
fn project(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> Ran {
    let mut command = sandbox.command(arguments);
    command.current_dir(sandbox.path(folder));
    share_build(&mut command);
    let ran = finish(command);
    assert_eq!(ran.code, 0, "moot {arguments:?} in {folder}\n{}\n{}", ran.out, ran.err);
    ran
}

/// What is compiled on the way stays between tests; what comes out goes where the manifest says.
fn share_build(command: &mut Command) {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/templates");
    command.env("CARGO_BUILD_BUILD_DIR", shared).env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
}

#[test]
fn from_nothing_to_a_proof_and_back_a_version() {
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["new", "greeter"]);
    let ran = project(&sandbox, "greeter", &["build"]);
    assert!(ran.err.contains("Built") && ran.err.contains("event component"), "{}", ran.err);
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    let ran = project(&sandbox, "greeter", &["deploy"]);
    assert!(ran.err.contains("Deployed") && ran.err.contains("/greeter"), "{}", ran.err);

    let invoke = ["invoke", "greeter", "--data", "ada", "--wait", "final", "--receipt", "receipt.json"];
    let ran = sandbox.ok(&invoke);
    assert_eq!(ran.out, "hello, ada\n");
    assert!(sandbox.ok(&["logs", "greeter"]).out.contains("greets ada"));
    let calls = sandbox.json(&["ls", "--calls", "--json"]);
    let id = calls["calls"][0]["id"].as_str().unwrap().to_owned();
    sandbox.ok(&["show", &id, "--proof", "proof.json"]);
    for file in ["receipt.json", "proof.json"] {
        assert!(sandbox.ok(&["verify", file]).out.contains("VALID"));
    }
    assert!(sandbox.ok(&["replay", &id]).out.contains("SAME"));

    let source = std::fs::read_to_string(sandbox.path("greeter/src/lib.rs")).unwrap();
    sandbox.write("greeter/src/lib.rs", source.replace("hello, {name}", "good day, {name}"));
    project(&sandbox, "greeter", &["deploy"]);
    assert_eq!(sandbox.ok(&["invoke", "greeter", "--data", "ada"]).out, "good day, ada\n");
    sandbox.ok(&["deploy", "greeter", "--rollback"]);
    assert_eq!(sandbox.ok(&["invoke", "greeter", "--data", "ada"]).out, "hello, ada\n");
    // The old call's evidence is what it was.
    assert!(sandbox.ok(&["replay", &id]).out.contains("SAME"));
    assert_eq!(up.stop(), 0);
}

#[test]
fn every_template_builds_and_answers() {
    let mut sandbox = Sandbox::new();
    for (name, template) in [("my-site", "http"), ("my-sums", "typed"), ("my-counter", "counter")] {
        sandbox.ok(&["new", name, "--template", template]);
        project(&sandbox, name, &["build"]);
    }
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    for name in ["my-site", "my-sums", "my-counter"] {
        project(&sandbox, name, &["deploy", "--no-build"]);
    }
    assert_eq!(sandbox.ok(&["invoke", "my-site"]).out, "hello from /my-site\n");
    assert_eq!(sandbox.ok(&["invoke", "my-site", "/echo", "--data", "to and fro"]).out, "to and fro");
    let ran = sandbox.ok(&["invoke", "my-site", "/a", "--include"]);
    assert!(ran.out.starts_with("HTTP 200 OK\n") && ran.out.contains("text/plain"), "{}", ran.out);

    assert_eq!(sandbox.ok(&["invoke", "my-sums", "add", "1", "2"]).out, "3");
    let quotient = sandbox.json(&["invoke", "my-sums", "divide", "7", "2"]);
    let quotient = quotient.get("ok").unwrap_or(&quotient);
    assert_eq!((&quotient["whole"], &quotient["remainder"]), (&serde_json::json!(3), &serde_json::json!(1)));
    sandbox.fails(&["invoke", "my-sums", "divide", "7", "0"], 1, &["the divisor is zero"]);

    assert_eq!(sandbox.ok(&["invoke", "my-counter", "--data", "ada"]).out, "1\n");
    assert_eq!(sandbox.ok(&["invoke", "my-counter", "--data", "ada"]).out, "2\n");
    sandbox.fails(&["invoke", "my-counter", "--data", ""], 1, &["the payload must be a name"]);
}
