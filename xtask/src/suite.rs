//! `cargo xtask test`: everything that must hold before a change lands, in the order in which it fails fastest,
//! closed by the counts of all tests.

use crate::step::{cargo, cargo_guests, describe, output, run, step};
use crate::{guests, js, python, rooms, toolchain};
use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

const PARTS: &[&str] = &["format", "rooms", "guests", "wasm32", "lint", "deny", "rust", "js", "python"];

/// Tests that passed, failed and were skipped.
#[derive(Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

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
        step("lint: clippy, warnings are errors", || {
            run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
            let target = ["--release", "--target", "wasm32-wasip2"];
            run(cargo_guests(&["clippy"]).args(target).args(["--locked", "--", "-D", "warnings"]))
        })?;
    }
    if on("deny") {
        step("deny: licences, sources, duplicates", deny)?;
    }
    let mut counts = Counts::default();
    if on("rust") {
        guests::build_all()?;
        step("rust: every test of the workspace", || tests(&mut counts))?;
    }
    if on("js") {
        step("js: the SDK's lints, types and tests, in Node and in a browser", || {
            counts.add_part(js::test(on("rust"))?);
            Ok(())
        })?;
    }
    if on("python") {
        step("python: the SDK's format, lints, types, wheel and tests", || {
            counts.add_part(python::test(on("rust"))?);
            Ok(())
        })?;
    }
    println!("\nall of it took {:.1} min", began.elapsed().as_secs_f64() / 60.0);
    println!("{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if on("rust") && counts.passed == 0 {
        bail!("no test ran");
    }
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

/// Builds the `moot` of this checkout.
pub(crate) fn build_moot() -> Result<()> {
    // The whole workspace decides about features, as in the tests: so neither compiles the other's dependencies anew.
    run(&mut cargo(&["build", "--locked", "--workspace", "--bin", "moot"]))
}

/// Builds every example function.
pub(crate) fn build_guests() -> Result<()> {
    run(&mut cargo_guests(&["build", "--release", "--target", "wasm32-wasip2", "--locked"]))
}

/// cargo-deny when it is installed: compiling it would take longer than all the tests.
fn deny() -> Result<()> {
    if output(&mut cargo(&["deny", "--version"])).is_err() {
        println!("    SKIPPED: cargo-deny is not installed (`cargo install --locked cargo-deny`)");
        return Ok(());
    }
    run(&mut cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"]))
}

/// Runs all tests, passes their output on, and adds up the counts that each test binary closes with.
fn tests(counts: &mut Counts) -> Result<()> {
    let mut command = cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    // Guests that are missing here fail the conformance suite; elsewhere it leaves their language out.
    command.env("MOOT_CONFORMANCE", guests::keys());
    let name = describe(&command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{name}`"))?;
    let stdout = child.stdout.take().context("the tests' output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        counts.add(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{name}` ended with {status}: {} passed, {} failed", counts.passed, counts.failed);
    }
    Ok(())
}

impl Counts {
    /// Adds what a part in another language counted.
    fn add_part(&mut self, (passed, failed, skipped): (u64, u64, u64)) {
        self.passed += passed;
        self.failed += failed;
        self.skipped += skipped;
    }

    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        for part in rest.split([';', '.']) {
            let mut words = part.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn adds_up_what_test_binaries_close_with() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        counts.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out");
        counts.add("test something ... ok");
        assert_eq!((counts.passed, counts.failed, counts.skipped), (5, 4, 1));
    }
}
