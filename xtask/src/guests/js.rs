//! JavaScript and TypeScript: jco's tools, in the versions that guests/js/package-lock.json names.

use super::made_of::moot_build;
use crate::step::{output, root, run};
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

const FUNCTIONS: [&str; 8] =
    ["hello", "http", "calculator", "counter", "fetch", "hono", "hono-quickjs", "itty"];

const SOURCES: [&str; 8] = [
    "node/src/cli/build/javascript.rs",
    "node/src/cli/build/javascript",
    "node/src/cli/build/interfaces.rs",
    "sdk-js/src/guest.ts",
    "sdk-js/src/guest",
    "guests/js",
    "guests/calculator/wit",
    "wit",
];

pub(super) fn build() -> Result<()> {
    let version = output(Command::new("node").arg("--version")).context(
        "Node 20.19 or later is needed: https://nodejs.org, or your system's packages nodejs and npm",
    )?;
    install()?;
    run(Command::new("npm").args(["run", "--silent", "types"]).current_dir(folder()))?;
    moot_build("js", &FUNCTIONS, &SOURCES, &version)
}

fn folder() -> PathBuf {
    root().join("guests/js")
}

/// Installs what the lock file names, with its checksums, unless that is what is there.
fn install() -> Result<()> {
    let folder = folder();
    let lock = std::fs::read(folder.join("package-lock.json"))?;
    let note = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&note).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    // Not `npm ci`: it wants every optional package of every other platform in the lock file, and the tools name some
    // that were never published.
    run(Command::new("npm").args(["install", "--no-save"]).current_dir(&folder))
        .context("the tools of guests/js could not be installed")?;
    Ok(std::fs::write(&note, lock)?)
}
