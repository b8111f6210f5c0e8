//! Go: the stock compiler, and what `moot build` carries.

use super::made_of::moot_build;
use crate::step::output;
use anyhow::{Context as _, Result};
use std::process::Command;

const FUNCTIONS: [&str; 5] = ["hello", "http", "calculator", "counter", "fetch"];

/// The versions of what `moot build` carries are in the lock file's lines, which `Cargo.toml` pins.
const SOURCES: [&str; 9] = [
    "node/src/cli/build/go.rs",
    "node/src/cli/build/go",
    "node/src/cli/build/interfaces.rs",
    "sdk-go/guest",
    "guests/go",
    "guests/calculator/wit",
    "guests/counter/wit",
    "guests/fetch/wit",
    "wit",
];

pub(super) fn build() -> Result<()> {
    let version = output(Command::new("go").arg("version"))
        .context("Go 1.25 or later is needed: https://go.dev/dl, or your system's packages")?;
    moot_build("go", &FUNCTIONS, &SOURCES, &version)
}
