//! Python: `componentize-py` in an environment that `moot build` makes.

use super::made_of::moot_build;
use crate::step::output;
use anyhow::{Context as _, Result};
use std::process::Command;

const FUNCTIONS: [&str; 6] = ["hello", "http", "calculator", "counter", "fetch", "flask"];

/// The version of `componentize-py` is in the first of these.
const SOURCES: [&str; 8] = [
    "node/src/cli/build/python.rs",
    "node/src/cli/build/interfaces.rs",
    "sdk-python/src/moot/guest",
    "guests/python",
    "guests/calculator/wit",
    "guests/counter/wit",
    "guests/fetch/wit",
    "wit",
];

pub(super) fn build() -> Result<()> {
    let version = output(Command::new("python3").arg("--version")).context(
        "Python 3.10 or later is needed, as `python3`: https://www.python.org, or your system's packages",
    )?;
    moot_build("python", &FUNCTIONS, &SOURCES, &version)
}
