//! What needs no node: help, manifests, builds, doctor.

use std::net::TcpListener;
use std::process::Stdio;

use super::sandbox::{Sandbox, finish};

const VERBS: [&str; 21] = [
    "new",
    "build",
    "up",
    "net",
    "status",
    "watch",
    "deploy",
    "retire",
    "invoke",
    "logs",
    "ls",
    "show",
    "verify",
    "replay",
    "account",
    "bill",
    "values",
    "triggers",
    "genesis",
    "doctor",
    "completions",
];

#[test]
fn every_verb_explains_itself() {
    let sandbox = Sandbox::new();
    let help = sandbox.ok(&["--help"]).out;
    for verb in VERBS {
        assert!(help.contains(&format!("  {verb} ")), "{verb} is not in the list of verbs:\n{help}");
        let shown = sandbox.ok(&[verb, "--help"]).out;
        assert!(shown.contains(&format!("Usage: moot {verb}")), "{shown}");
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 120, "{verb}: a line of {widest} characters\n{shown}");
    }
    assert!(!help.contains("__compile"), "the node's own verb is hidden");
    assert!(sandbox.ok(&["--version"]).out.starts_with("moot 0."));
}

#[test]
fn what_is_mistyped_is_corrected() {
    let sandbox = Sandbox::new();
    sandbox.fails(&["deplyo"], 2, &["deploy"]);
    sandbox.fails(&["ls", "--cals"], 2, &["--calls"]);
    sandbox.fails(&["invoke"], 2, &["<NAME>"]);
    sandbox.fails(&["invoke", "Hello World"], 2, &["function name", "lowercase"]);
    sandbox.fails(&["replay", "yesterday"], 2, &["yesterday"]);
    sandbox.fails(&["ls", "--node", "ftp://x"], 2, &["only http and https", "http://127.0.0.1:8080"]);
    sandbox.fails(&["up", "--listen", "everywhere"], 2, &["is not an address", "127.0.0.1:8080"]);
    sandbox.fails(&["up", "--dir", "assets=./nowhere"], 2, &["is not a folder"]);
}

#[test]
fn completions_for_shells() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.ok(&["completions", shell]).out;
        assert!(script.contains("moot") && script.contains("rollback"), "{shell}:\n{script}");
        assert!(!script.contains("__compile"), "{shell} offers the node's own verb");
    }
    sandbox.fails(&["completions", "dos"], 2, &["bash", "zsh"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    // `moot completions bash | head -1` must not end in a panic.
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_manifest_with_a_typo() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "moot.toml",
        "[functions.hello]\ncomponent = \"a.wasm\"\n\n[functions.hello.limits]\ndedline = \"1s\"\n",
    );
    for verb in ["build", "deploy", "watch"] {
        sandbox.fails(&[verb], 1, &["unknown key `dedline`", "moot.toml:5:1", "did you mean `deadline`?"]);
    }
    sandbox.fails(&["up", "--deploy"], 1, &["unknown key `dedline`"]);
}

#[test]
fn no_manifest_at_all() {
    let sandbox = Sandbox::new();
    sandbox.fails(&["build"], 1, &["there is no moot.toml", "moot new"]);
    sandbox.fails(&["build", "-f", "other.toml"], 1, &["cannot read other.toml"]);
}

#[test]
fn a_function_that_the_manifest_does_not_have() {
    let sandbox = Sandbox::new();
    sandbox.write("moot.toml", "[functions.hello]\ncomponent = \"a.wasm\"\n");
    sandbox.fails(&["build", "helo"], 1, &["has no function \"helo\"", "did you mean hello?"]);
    sandbox.fails(&["deploy", "zebra", "--no-build"], 1, &["has no function \"zebra\"", "it has: hello"]);
}

#[test]
fn a_manifest_is_found_from_below() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "moot.toml",
        "[functions.hello]\ncomponent = \"hello.wat\"\nbuild = \"cat > /dev/null; exit 3\"\n",
    );
    std::fs::create_dir_all(sandbox.path("src/deep")).unwrap();
    let mut command = sandbox.command(&["build"]);
    command.current_dir(sandbox.path("src/deep"));
    let ran = finish(command);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("ended with exit status: 3"), "{}", ran.err);
}

#[test]
fn a_missing_toolchain_is_named_with_its_remedy() {
    let sandbox = Sandbox::new();
    let manifest = |build: &str| format!("[functions.hello]\ncomponent = \"a.wasm\"\nbuild = \"{build}\"\n");
    sandbox.write("moot.toml", manifest("cargo build --release --target wasm32-wasip2"));
    let mut command = sandbox.command(&["build"]);
    command.env("PATH", "");
    let ran = finish(command);
    assert_eq!(ran.code, 1);
    for words in ["hello cannot be built", "`cargo` is not installed", "rustup.rs", "moot doctor"] {
        assert!(ran.err.contains(words), "{words}:\n{}", ran.err);
    }
    // The toolchain is there and the target is not: nobody builds for this one by accident.
    sandbox.write("moot.toml", manifest("cargo build --target=riscv32i-unknown-none-elf"));
    sandbox.fails(&["build"], 1, &["target riscv32i-unknown-none-elf is not installed", "rustup target add"]);
}

#[test]
fn a_new_function_in_a_folder_of_its_own() {
    let sandbox = Sandbox::new();
    let ran = sandbox.ok(&["new", "my-hello"]);
    assert!(ran.err.contains("Made") && ran.err.contains("moot up --deploy"), "{}", ran.err);
    for file in
        ["moot.toml", "Cargo.toml", "src/lib.rs", "wit/world.wit", "wit/deps/moot-function/handler.wit"]
    {
        assert!(sandbox.path("my-hello").join(file).is_file(), "{file}");
    }
    sandbox.fails(&["new", "my-hello"], 1, &["my-hello is not empty", "--path"]);
    sandbox.fails(&["new", "My Hello"], 2, &["function name"]);
    sandbox.fails(&["new", "match"], 2, &["a Rust crate cannot be called match", "my-match"]);
    sandbox.fails(&["new", "x", "--template", "nothing"], 2, &["hello", "http", "typed", "counter"]);
    sandbox.fails(&["new", "x", "--lang", "cobol"], 2, &["rust"]);
    let engine = |name: &str, engine: &str| {
        sandbox.ok(&["new", name, "--lang", "ts", "--engine", engine]);
        std::fs::read_to_string(sandbox.path(name).join("moot.toml")).unwrap()
    };
    assert!(engine("small", "quickjs").contains("engine = \"quickjs\""));
    assert!(!engine("complete", "starlingmonkey").contains("engine"), "it is the one without");
    sandbox.fails(&["new", "x", "--engine", "quickjs"], 2, &["for JavaScript alone", "--lang"]);
    sandbox.fails(
        &["new", "x", "--lang", "js", "--template", "typed", "--engine", "quickjs"],
        2,
        &["cannot have --engine quickjs", "another --template"],
    );
    assert!(!sandbox.path("x").exists(), "nothing was made of them");
    sandbox.ok(&["new", "other", "--template", "http", "--path", "somewhere/else"]);
    assert!(sandbox.path("somewhere/else/src/lib.rs").is_file());
}

#[test]
fn nobody_answers() {
    let sandbox = Sandbox::new();
    for arguments in [
        vec!["ls"],
        vec!["show", "hello"],
        vec!["logs", "hello"],
        vec!["invoke", "hello"],
        vec!["genesis"],
        vec!["replay", "0-1-0-0-0"],
    ] {
        sandbox.fails(&arguments, 1, &["no node answers at http://127.0.0.1:9", "moot up", "MOOT_NODE"]);
    }
}

#[test]
fn a_busy_port_says_what_to_do() {
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let sandbox = Sandbox::new();
    sandbox.fails(&["up", "--listen", &address], 1, &[&address, "in use", "moot up --listen 127.0.0.1:0"]);
}

#[test]
fn doctor_says_what_is_missing() {
    let sandbox = Sandbox::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let mut command = sandbox.command(&["doctor", "--listen", &address]);
    command.env("PATH", "");
    let ran = finish(command);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for words in ["rustup.rs", "nodejs.org", "python.org", "go.dev", "in use", "data folder"] {
        assert!(ran.out.contains(words), "{words}:\n{}", ran.out);
    }
    let view = sandbox.json(&["doctor", "--json"]);
    assert_eq!(view["functions_in_Rust"][0]["what"], "cargo");
    // A file where the folder should be is in the way, and an exit code for scripts.
    sandbox.write("data", "not a folder");
    let ran = sandbox.moot(&["doctor", "--data", "data"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("is not a folder"), "{}", ran.out);
}
