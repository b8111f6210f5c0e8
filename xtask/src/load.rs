//! `cargo xtask load`: builds the guests and the release harness, and hands over to it. With `--order` the harness
//! starts real replicas, so `moot` is built beside it.

use crate::step::{cargo, root, run, step, target};
use crate::{suite, toolchain};
use anyhow::Result;
use std::process::Command;

/// Progress goes to standard error with `--json`, so that standard output is one object.
pub(crate) fn run_harness(arguments: &[String]) -> Result<()> {
    let order = arguments.iter().any(|word| word == "--order");
    let quiet = arguments.iter().any(|word| word == "--json");
    let prepare = || -> Result<()> {
        toolchain::install()?;
        suite::build_guests()?;
        let mut build = cargo(&["build", "--release", "--locked", "-p", "moot-benches", "--bin", "load"]);
        if order {
            build.args(["-p", "moot-node", "--bin", "moot"]);
        }
        run(&mut build)
    };
    if quiet {
        prepare()?;
    } else {
        step("load: guests and the harness, release build", prepare)?;
    }
    let mut harness = Command::new(target().join("release/load"));
    harness.args(arguments);
    if order && !arguments.iter().any(|word| word == "--plot" || word.starts_with("--plot=")) {
        harness.arg("--plot").arg(root().join("benches/results/order.svg"));
    }
    run(&mut harness)
}
