//! `cargo xtask guests`: the example functions in languages other than Rust, to `target/guests/<language>/`.
//!
//! ```text
//! sources, lock files, tool versions ──► note beside the components: the same as last time? nothing to do
//!                                             else: `moot build` with guests/<language>/moot.toml
//! ```
//!
//! A file for each language says what its components are made of; nothing here knows a language.

mod external;
mod figures;
mod go;
mod hono;
mod js;
mod made_of;
mod python;

use crate::step::step;
use anyhow::{Result, bail};

/// A language: how its folders are called, and how its guests are built.
struct Language {
    key: &'static str,
    build: fn() -> Result<()>,
}

const LANGUAGES: [Language; 3] = [
    Language { key: "js", build: js::build },
    Language { key: "python", build: python::build },
    Language { key: "go", build: go::build },
];

/// What makes something, with its name for people.
type Maker<T = ()> = (&'static str, fn() -> Result<T>);

/// The Lambda runtime clients, and how a function of each is made.
const EXTERNAL: [Maker; 4] = [
    ("lambda_runtime, for Rust", external::rust),
    ("aws-lambda-go", external::go),
    ("awslambdaric, for Python", external::python),
    ("aws-lambda-ric, for Node", external::node),
];

/// The verb: builds the languages that are named, or all of them; `--measure` writes what was measured to
/// guests/README.md.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (options, wanted): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    let parts: Vec<Option<&str>> = options.iter().filter_map(|option| measured(option)).collect();
    if parts.len() != options.len() {
        bail!("of the options {options:?} one is not known; `--measure` and `--measure=PART` are");
    }
    if let Some(unknown) =
        wanted.iter().find(|name| LANGUAGES.iter().all(|language| language.key != name.as_str()))
    {
        bail!("there are no guests in {unknown}; there are: {}", keys());
    }
    build(|language| wanted.is_empty() || wanted.iter().any(|name| *name == language))?;
    parts.into_iter().try_for_each(|part| part.map_or_else(figures::write, figures::print))
}

/// What an option has measured: one part, or none for all of them; nothing when it is another option.
fn measured(option: &str) -> Option<Option<&str>> {
    let part = option.strip_prefix("--measure")?;
    if part.is_empty() { Some(None) } else { part.strip_prefix('=').map(Some) }
}

/// Builds all that are not up to date.
pub(crate) fn build_all() -> Result<()> {
    build(|_| true)
}

/// The languages, as the conformance suite wants to be told which must be there.
pub(crate) fn keys() -> String {
    LANGUAGES.map(|language| language.key).join(",")
}

fn build(wanted: impl Fn(&str) -> bool) -> Result<()> {
    for language in LANGUAGES.iter().filter(|language| wanted(language.key)) {
        step(&format!("guests: functions in {}", language.key), language.build)?;
    }
    Ok(())
}

/// Prepares the functions that are processes.
pub(crate) fn build_external() -> Result<()> {
    for (client, build) in EXTERNAL {
        step(&format!("guests: the Lambda runtime client {client}"), build)?;
    }
    Ok(())
}
