//! `cargo xtask load`: builds the guests and the release harness, and hands over to it.

use crate::step::{cargo, run, step, target};
use crate::{suite, toolchain};
use anyhow::Result;
use std::process::Command;

/// Progress goes to standard error with `--json`, so that standard output is one object.
pub(crate) fn run_harness(arguments: &[String]) -> Result<()> {
    let quiet = arguments.iter().any(|word| word == "--json");
    let prepare = || -> Result<()> {
        toolchain::install()?;
        suite::build_guests()?;
        run(&mut cargo(&["build", "--release", "--locked", "-p", "moot-benches", "--bin", "load"]))
    };
    if quiet {
        prepare()?;
    } else {
        step("load: guests and the harness, release build", prepare)?;
    }
    run(Command::new(target().join("release/load")).args(arguments))
}
