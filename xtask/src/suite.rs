//! `cargo xtask test`: everything that must hold before a change lands, in the order in which it fails fastest,
//! closed by the counts of all tests.

use crate::counts::Counts;
use crate::step::{cargo, cargo_guests, output, root, run, step};
use crate::{guests, js, python, rooms, toolchain};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

const PARTS: &[&str] =
    &["format", "rooms", "guests", "wasm32", "lint", "deny", "rust", "languages", "js", "python"];

/// Runs the named parts, or all of them.
pub(crate) fn test(wanted: &[String]) -> Result<()> {
    if let Some(unknown) = wanted.iter().find(|part| !PARTS.contains(&part.as_str())) {
        bail!("there is no part '{unknown}'; the parts are {}", PARTS.join(", "));
    }
    let began = Instant::now();
    let on = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    step("toolchain: wasm targets, clippy, rustfmt", toolchain::install)?;
    if on("format") {
        step("format: rustfmt", || {
            run(&mut cargo(&["fmt", "--all", "--check"]))?;
            run(&mut cargo_guests(&["fmt", "--all", "--check"]))
        })?;
    }
    if on("rooms") {
        step("rooms: who may know whom", rooms::check)?;
    }
    if on("guests") {
        step("guests: components for wasm32-wasip2", build_guests)?;
    }
    if on("wasm32") {
        step("wasm32: the record verifier without an operating system", || {
            run(&mut cargo(&["build", "-p", "moot-record", "--target", "wasm32-unknown-unknown"]))
        })?;
    }
    if on("lint") {
        let (title, lint): (_, fn() -> Result<()>) = if on("rust") {
            ("lint: clippy compiles the tests, warnings are errors", lint_and_compile)
        } else {
            ("lint: clippy, warnings are errors", lint)
        };
        step(title, || {
            lint()?;
            let target = ["--release", "--target", "wasm32-wasip2"];
            run(cargo_guests(&["clippy"]).args(target).args(["--locked", "--", "-D", "warnings"]))
        })?;
    }
    if on("deny") {
        step("deny: licences, sources, duplicates", deny)?;
    }
    let mut counts = Counts::default();
    if on("rust") {
        step("rust: every test of the workspace", || {
            counts += tests(on("languages"))?;
            Ok(())
        })?;
    }
    if on("languages") {
        guests::build_all()?;
        guests::build_external()?;
        step("languages: every language's functions do as Rust's do", || {
            counts += conformance()?;
            Ok(())
        })?;
    }
    if on("js") {
        step("js: the SDK's lints, types and tests, in Node and in a browser", || {
            counts += js::test(on("rust"))?;
            Ok(())
        })?;
    }
    if on("python") {
        step("python: the SDK's format, lints, types, wheel and tests", || {
            counts += python::test(on("rust"))?;
            Ok(())
        })?;
    }
    println!("\nall of it took {:.1} min", began.elapsed().as_secs_f64() / 60.0);
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    Ok(())
}

/// Sees to what the SDKs' tests ask: the node and the example functions. The rust part leaves both.
pub(crate) fn build_node(built: bool) -> Result<()> {
    if built {
        return Ok(());
    }
    build_moot()?;
    build_guests()
}

/// Builds the `moot` of this checkout, unless this run's tests have.
pub(crate) fn build_moot() -> Result<()> {
    if TESTED.get().is_some() {
        return Ok(());
    }
    // The whole workspace decides about features, as in the tests: so neither compiles the other's dependencies anew.
    run(&mut compiling(&["build", "--locked", "--workspace", "--bin", "moot"]))
}

/// Builds every example function.
pub(crate) fn build_guests() -> Result<()> {
    run(&mut cargo_guests(&["build", "--release", "--target", "wasm32-wasip2", "--locked"]))
}

fn lint() -> Result<()> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// Clippy as the compiler, once it has been chosen.
static CLIPPY: OnceLock<PathBuf> = OnceLock::new();

/// Has clippy compile the workspace. `cargo clippy` only checks: every dependency would be read once for it and compiled
/// once more for the tests, which took a quarter of a cold run.
fn lint_and_compile() -> Result<()> {
    let toolchain = output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(root()))?;
    CLIPPY.get_or_init(|| Path::new(toolchain.trim()).join("bin/clippy-driver"));
    run(&mut compiling(&["test", "--workspace", "--all-targets", "--locked", "--no-run"]))
}

/// `cargo` with the compiler that everything of this run is compiled by: two would compile the workspace twice.
fn compiling(arguments: &[&str]) -> Command {
    let Some(clippy) = CLIPPY.get() else { return cargo(arguments) };
    // As an option, and not in the environment: what tests build is not ours to lint.
    let wrapper = format!("build.rustc-workspace-wrapper={:?}", clippy.display().to_string());
    let mut command = cargo(&["--config", &wrapper]);
    // As `cargo clippy` tells it; a change of this compiles everything anew.
    command.args(arguments).env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    command
}

/// cargo-deny when it is installed: compiling it would take longer than all the tests.
fn deny() -> Result<()> {
    if output(&mut cargo(&["deny", "--version"])).is_err() {
        println!("    SKIPPED: cargo-deny is not installed (`cargo install --locked cargo-deny`)");
        return Ok(());
    }
    run(&mut cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]))
}

/// Set when the tests were run: they leave a `moot`, with features for tests alone that another build would drop, and
/// compile four rooms anew for it.
static TESTED: OnceLock<()> = OnceLock::new();

/// Runs all tests of the workspace, but for those that compile interpreters: they would keep every core from the others
/// for minutes. Those of other languages are left to their own part when it comes too.
fn tests(languages_follow: bool) -> Result<Counts> {
    let mut command = compiling(&["test", "--workspace", "--locked", "--no-fail-fast", "--"]);
    let left = if languages_follow { &LANGUAGE_TESTS[..] } else { &["conformance"] };
    command.args(left.iter().flat_map(|name| ["--skip", name]));
    let counts = Counts::of(&mut command, add)?;
    TESTED.get_or_init(|| ());
    Ok(counts)
}

/// The tests that need other languages than Rust.
const LANGUAGE_TESTS: [&str; 5] =
    ["conformance", "cli::bindings", "cli::javascript", "cli::languages", "workers::runtimes"];

/// Runs the tests of functions in other languages, one after the other.
fn conformance() -> Result<Counts> {
    // The whole workspace decides about features, as in the other tests.
    let mut command = compiling(&["test", "--workspace", "--locked", "--no-fail-fast", "--test", "it", "--"]);
    command.args(LANGUAGE_TESTS).arg("--test-threads=1");
    // Guests that are missing then fail the suite; else it leaves their language out.
    command.env("MOOT_CONFORMANCE", guests::keys());
    Counts::of(&mut command, add)
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; ...`, as each test binary closes with.
fn add(counts: &mut Counts, line: &str) {
    let Some(rest) = line.strip_prefix("test result: ") else { return };
    for part in rest.split([';', '.']) {
        let mut words = part.split_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
        match words.next() {
            Some("passed") => counts.passed += number,
            Some("failed") => counts.failed += number,
            Some("ignored") => counts.skipped += number,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::add;
    use crate::counts::Counts;

    #[test]
    fn adds_up_what_test_binaries_close_with() {
        let mut counts = Counts::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out",
            "test something ... ok",
        ] {
            add(&mut counts, line);
        }
        assert_eq!(counts, Counts { passed: 5, failed: 4, skipped: 1 });
    }
}
