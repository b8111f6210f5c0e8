//! What each language needs to build functions: a function a language.

use std::path::Path;

use super::super::build::{self, javascript};
use super::super::toolchain::{self, Missing};
use super::{Finding, State};

pub(super) fn rust() -> Vec<Finding> {
    vec![
        program("cargo", "--version"),
        program("rustup", "--version"),
        rust_target(),
        program("cc", "--version"),
    ]
}

pub(super) fn javascript() -> Vec<Finding> {
    vec![node(), program("npm", "--version"), jco()]
}

/// There, and new enough for the tools.
fn node() -> Finding {
    let found = program("node", "--version");
    match javascript::node_too_old(&found.found) {
        Some(missing) => Finding::new("node", State::Missing, missing.what, Some(missing.how)),
        None => found,
    }
}

/// Of the project in this folder: each has its own, in the version that its lock file names.
fn jco() -> Finding {
    let here = std::env::current_dir().unwrap_or_default();
    match javascript::find_jco(&here) {
        Ok(path) => Finding::new("jco", State::Good, path.display().to_string(), None),
        Err(missing) => Finding::new("jco", State::Missing, missing.what, Some(missing.how)),
    }
}

pub(super) fn python() -> Vec<Finding> {
    vec![old_enough(program("python3", "--version"), build::python::too_old())]
}

pub(super) fn go() -> Vec<Finding> {
    vec![old_enough(program("go", "version"), build::go::too_old())]
}

fn old_enough(found: Finding, missing: Option<Missing>) -> Finding {
    match missing {
        None => found,
        Some(Missing { what, how }) => Finding::new(found.what, State::Missing, what, Some(how)),
    }
}

fn program(name: &'static str, argument: &str) -> Finding {
    match toolchain::version(name, argument) {
        Some(version) => Finding::new(name, State::Good, version, None),
        None => Finding::new(name, State::Missing, "not found", Some(toolchain::how_to_get(name))),
    }
}

fn rust_target() -> Finding {
    const TARGET: &str = build::rust::TARGET;
    match toolchain::has_rust_target(TARGET, Path::new(".")) {
        Some(true) => Finding::new(TARGET, State::Good, "installed", None),
        Some(false) => {
            Finding::new(TARGET, State::Missing, "not installed", Some(format!("rustup target add {TARGET}")))
        }
        None => Finding::new(
            TARGET,
            State::Missing,
            "there is no rustc to ask",
            Some(toolchain::RUSTUP.to_owned()),
        ),
    }
}
