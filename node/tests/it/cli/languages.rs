//! `moot new` and `moot build` in Python and Go: from a template to a component, and what is said when something is wrong.
//!
//! The real builds take long, and need the language and its registry: they run when `MOOT_CONFORMANCE` names the language,
//! as `cargo xtask test` has it.

use super::sandbox::{Sandbox, Up, finish};

fn has(language: &str) -> bool {
    std::env::var("MOOT_CONFORMANCE").is_ok_and(|wanted| wanted.split(',').any(|word| word == language))
}

#[test]
fn a_language_that_is_not_installed_is_named_with_where_to_get_it() {
    let sandbox = Sandbox::new();
    for (language, program, place) in
        [("go", "go", "https://go.dev"), ("python", "python3", "https://www.python.org")]
    {
        sandbox.ok(&["new", &format!("my-{language}"), "--lang", language]);
        let mut command = sandbox.command(&["build"]);
        command.current_dir(sandbox.path(&format!("my-{language}"))).env("PATH", sandbox.path("nothing"));
        let ran = finish(command);
        assert_eq!(ran.code, 1, "{}", ran.err);
        for word in [&format!("`{program}` is not installed"), place, "moot doctor"] {
            assert!(ran.err.contains(word), "it does not say {word:?}:\n{}", ran.err);
        }
    }
}

#[test]
fn a_folder_that_is_no_module_of_go_is_refused() {
    if !has("go") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("main.go", "package main\n\nfunc main() {}\n");
    sandbox.write("moot.toml", "[functions.x]\ncomponent = \"x.wasm\"\nbuild = { language = \"go\" }\n");
    sandbox.fails(&["build"], 1, &["has no go.mod", "moot new --lang go"]);
}

#[test]
fn a_project_in_go_builds_and_its_mistakes_are_named_with_their_line() {
    if !has("go") {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["new", "sums", "--lang", "go", "--template", "typed"]);
    sandbox.enter("sums");
    let built = sandbox.json(&["build", "--json"]);
    assert_eq!(built["built"][0]["kind"], "typed", "{built}");
    let source = sandbox.path("main.go");
    let text = std::fs::read_to_string(&source).unwrap();
    let wrong = text.replace("return a + b", "return \"a\"");
    assert_ne!(wrong, text);
    std::fs::write(&source, &wrong).unwrap();
    let line = wrong.lines().position(|line| line.contains("return \"a\"")).unwrap() + 1;
    sandbox.fails(&["build"], 1, &["building sums failed", &format!("main.go:{line}:")]);
    std::fs::write(
        &source,
        text.replace("world.Exports.Longest = longest", "world.Exports.Shortest = longest"),
    )
    .unwrap();
    sandbox.fails(&["build"], 1, &["Shortest", "main.go:"]);
}

#[test]
fn a_project_in_python_builds_and_what_is_missing_is_named() {
    if !has("python") {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["new", "sums", "--lang", "python", "--template", "typed"]);
    sandbox.enter("sums");
    let built = sandbox.json(&["build", "--json"]);
    assert_eq!(built["built"][0]["kind"], "typed", "{built}");
    let source = sandbox.path("app.py");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("def longest", "def shortest")).unwrap();
    sandbox.fails(
        &["build"],
        1,
        &["building sums failed", "app does not have longest, which its world exports"],
    );
    std::fs::write(&source, format!("{text}\nimport no_such_module\n")).unwrap();
    sandbox.fails(&["build"], 1, &["app.py\", line", "No module named 'no_such_module'"]);

    // What only shows in a call is in the log, with the function's own place.
    let wrong = text.replace("return (a + b) & 0xFFFF_FFFF", "return str(a + b)");
    assert_ne!(wrong, text);
    std::fs::write(&source, wrong).unwrap();
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    sandbox.ok(&["deploy"]);
    let ran = sandbox.fails(&["invoke", "sums", "add", "1", "2"], 1, &["HTTP 502"]);
    assert!(!ran.err.contains("app.py"), "{}", ran.err);
    let log = sandbox.ok(&["logs", "sums"]).out;
    assert!(
        log.contains("add (app.py:") && log.contains("answered with '3', and its world wants int"),
        "{log}"
    );
}

#[test]
fn a_project_in_rust_names_its_mistakes_with_their_line() {
    if std::env::var_os("MOOT_CONFORMANCE").is_none() {
        return;
    }
    let mut sandbox = Sandbox::new();
    sandbox.ok(&["new", "sums", "--lang", "rust", "--template", "typed"]);
    sandbox.enter("sums");
    let source = sandbox.path("src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let wrong = text.replace("a.wrapping_add(b)", "\"a\"");
    assert_ne!(wrong, text);
    std::fs::write(&source, &wrong).unwrap();
    let line = wrong.lines().position(|line| line.trim() == "\"a\"").unwrap() + 1;
    sandbox.fails(
        &["build"],
        1,
        &["building sums failed", &format!("src/lib.rs:{line}:"), "mismatched types"],
    );
    std::fs::write(&source, text.replace("fn longest", "fn shortest")).unwrap();
    sandbox.fails(&["build"], 1, &["building sums failed", "src/lib.rs:", "longest"]);
}
