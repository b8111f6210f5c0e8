//! Templates in JavaScript: none yet.

use super::super::super::failure::Failure;
use super::super::Template;
use super::File;

/// What git is to leave out.
pub(super) const IGNORED: &str = "/.moot\n";

/// The files of a template.
pub(super) fn files(_template: Template) -> anyhow::Result<&'static [File]> {
    let failure = Failure::new("this version cannot build JavaScript yet");
    Err(failure.hint("`moot new --lang rust` makes a function in Rust").into())
}

/// The files of a template in TypeScript.
pub(super) fn typed_files(template: Template) -> anyhow::Result<&'static [File]> {
    files(template)
}
