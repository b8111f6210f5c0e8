//! `moot bindings`: what it writes, and programs over it in Rust and Go that call a node. The SDKs' own tests do the same in
//! TypeScript and Python.
//!
//! What needs a registry or Go runs when `MOOT_CONFORMANCE` says so, as `cargo xtask test` has it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::sandbox::{Sandbox, Up};
use crate::support::guest;

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A node with the calculator, a function of other shapes, and one without types.
fn start() -> (Sandbox, Up) {
    let mut sandbox = Sandbox::new();
    sandbox.write("calculator.wasm", guest("calculator"));
    sandbox.write("hello.wasm", guest("hello"));
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bindings/shapes.wat");
    sandbox.write("shapes.wasm", wat::parse_file(shapes).unwrap());
    let up = Up::start(&sandbox, &[]);
    sandbox.use_node(&up);
    for name in ["calculator", "hello", "shapes"] {
        sandbox.ok(&["deploy", name, "--component", &format!("{name}.wasm")]);
    }
    (sandbox, up)
}

/// Runs a command that must succeed, and gives what it printed.
#[track_caller]
fn ran(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{text}");
    text
}

/// A folder below `target` with the files of a program in it; what was compiled there before is used again.
fn program(language: &str) -> PathBuf {
    let folder = checkout().join("target/guests/bindings").join(language);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bindings").join(language);
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        std::fs::create_dir_all(folder.join(&below)).unwrap();
        for entry in std::fs::read_dir(source.join(&below)).unwrap() {
            let name = below.join(entry.unwrap().file_name());
            if source.join(&name).is_dir() {
                folders.push(name);
            } else {
                std::fs::copy(source.join(&name), folder.join(&name)).unwrap();
            }
        }
    }
    folder
}

fn wanted(language: &str) -> bool {
    std::env::var("MOOT_CONFORMANCE").is_ok_and(|list| list.split(',').any(|one| one == language))
}

#[test]
fn a_client_is_written_in_each_language_and_always_the_same() {
    let (sandbox, _up) = start();
    let wit = checkout().join("guests/calculator/wit");
    for (lang, words) in [
        ("ts", ["async divide(", "): Promise<readonly [bigint, bigint]> {", "/** The divisor was zero. */"]),
        (
            "python",
            [
                "def divide(\n        self,\n        a: int,\n        b: int,\n",
                "-> tuple[int, int]:",
                "The divisor was zero.",
            ],
        ),
        (
            "rust",
            ["pub async fn divide(", "Result<(u64, u64), CallError<Error>>", "/// The divisor was zero."],
        ),
        (
            "go",
            [
                "Divide(ctx context.Context, a uint64, b uint64)",
                "Tuple2[uint64, uint64]",
                "The divisor was zero.",
            ],
        ),
    ] {
        let arguments = ["bindings", "calculator", "--lang", lang, "--wit", wit.to_str().unwrap()];
        let written = sandbox.ok(&arguments).out;
        for word in words {
            assert!(written.contains(word), "{lang} has no {word:?}:\n{written}");
        }
        assert!(written.contains(&format!("moot bindings calculator --lang {lang}")));
        assert_eq!(sandbox.ok(&arguments).out, written);
        sandbox.ok(&["bindings", "calculator", "--lang", lang, "-o", "client"]);
        let bare = std::fs::read_to_string(sandbox.path("client")).unwrap();
        assert!(bare.contains(words[0]) && !bare.contains(words[2]), "without --wit nothing is documented");
    }
    for words in [
        &["of kind event", "POST /_moot/functions/hello/call", "client.invoke"][..],
        &["has no function nobody"],
        &["invalid value 'cobol'"],
    ]
    .iter()
    .zip([["hello", "ts"], ["nobody", "go"], ["calculator", "cobol"]])
    {
        let (words, [name, lang]) = words;
        let ran = sandbox.moot(&["bindings", name, "--lang", lang]);
        assert_ne!(ran.code, 0);
        for word in *words {
            assert!(ran.err.contains(word), "{word}: {}", ran.err);
        }
    }
}

#[test]
fn a_program_in_rust_calls_through_the_client_that_was_written() {
    if !wanted("go") {
        return;
    }
    let (sandbox, up) = start();
    let folder = program("rust");
    for name in ["calculator", "shapes"] {
        let path = folder.join("src").join(name).with_extension("rs");
        sandbox.ok(&["bindings", name, "--lang", "rust", "--output", path.to_str().unwrap()]);
        ran(Command::new("rustfmt")
            .args(["--check", "--edition", "2024", "--config-path", "/dev/null"])
            .arg(&path));
    }
    let target = folder.join("target");
    let cargo = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(words).current_dir(&folder).env("CARGO_TARGET_DIR", &target);
        command
    };
    ran(&mut cargo(&["build", "--locked", "--quiet"]));
    ran(Command::new(target.join("debug/bindings")).arg(&up.address));
}

#[test]
fn a_program_in_go_calls_through_the_client_that_was_written() {
    if !wanted("go") {
        return;
    }
    let (sandbox, up) = start();
    let folder = program("go");
    for name in ["calculator", "shapes"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        let path = folder.join(name).join(name).with_extension("go");
        sandbox.ok(&["bindings", name, "--lang", "go", "--output", path.to_str().unwrap()]);
    }
    assert_eq!(ran(Command::new("gofmt").args(["-l", "."]).current_dir(&folder)), "");
    ran(Command::new("go").args(["vet", "./..."]).current_dir(&folder));
    ran(Command::new("go").args(["run", ".", &up.address]).current_dir(&folder));
}
