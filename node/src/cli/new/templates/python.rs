//! Templates in Python: none yet.

use super::super::super::failure::Failure;
use super::super::Template;
use super::File;

/// What git is to leave out.
pub(super) const IGNORED: &str = "/.moot\n";

/// The files of a template.
pub(super) fn files(_template: Template) -> anyhow::Result<&'static [File]> {
    let failure = Failure::new("this version cannot build Python yet");
    Err(failure.hint("`moot new --lang rust` makes a function in Rust").into())
}
