//! JavaScript functions: not yet.

use super::super::failure::Failure;
use super::project::Project;

/// Builds a function.
pub(super) fn build(project: &Project<'_>) -> anyhow::Result<()> {
    let message = format!("{} cannot be built: this version cannot build JavaScript yet", project.name);
    Err(Failure::new(message).hint("build = \"<command>\" in the manifest runs a command of your own").into())
}
