//! What has to be on the machine before anything is built: rustup's components and the wasm targets that
//! `rust-toolchain.toml` names. All of it comes from rustup; nothing is installed twice.

use crate::step::{output, root, run};
use anyhow::{Context as _, Result};
use std::process::Command;

/// Adds the targets and components of `rust-toolchain.toml` that are missing.
pub(crate) fn install() -> Result<()> {
    let file = std::fs::read_to_string(root().join("rust-toolchain.toml")).context("rust-toolchain.toml")?;
    let targets = list(&file, "targets");
    let components = list(&file, "components");
    let have_targets = output(rustup().args(["target", "list", "--installed"]))
        .context("rustup is needed: https://rustup.rs installs it")?;
    let have_components = output(rustup().args(["component", "list", "--installed"]))?;
    for target in targets.iter().filter(|target| !have_targets.lines().any(|line| line == target.as_str())) {
        run(rustup().args(["target", "add", target]))?;
    }
    for component in
        components.iter().filter(|name| !have_components.lines().any(|line| line.starts_with(name.as_str())))
    {
        run(rustup().args(["component", "add", component]))?;
    }
    Ok(())
}

fn rustup() -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(root());
    command
}

/// The strings of a one-line array `key = ["a", "b"]`.
fn list(file: &str, key: &str) -> Vec<String> {
    let line = file.lines().find(|line| line.split('=').next().is_some_and(|name| name.trim() == key));
    let words = line.unwrap_or_default().split('"').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn reads_the_arrays_of_the_toolchain_file() {
        let file = "[toolchain]\nchannel = \"1.95.0\"\ntargets = [\"a\", \"b-c\"]\n";
        assert_eq!(list(file, "targets"), ["a", "b-c"]);
        assert!(list(file, "components").is_empty());
    }
}
