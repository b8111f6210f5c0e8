//! Rust: cargo makes the component, this puts it where the manifest wants it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::super::failure::Failure;
use super::super::toolchain::{self, Missing};
use super::project::Project;

/// The target that is a component already.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// Builds the package in the folder `source`.
pub(super) fn build(project: &Project<'_>) -> anyhow::Result<()> {
    project.needs(&["cargo"])?;
    let package = project.folder.join(project.source);
    if let Some(missing) = missing(&package) {
        return Err(project.lacks(missing));
    }
    // Cargo says where it put what it made: profiles, workspaces and CARGO_TARGET_DIR all have a say in that.
    let output = Command::new("cargo")
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .current_dir(&package)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let message = format!("building {} failed: cargo ended with {}", project.name, output.status);
        return Err(Failure::new(message).hint("what the compiler said is above").into());
    }
    let made = components(&String::from_utf8_lossy(&output.stdout));
    let [made] = made.as_slice() else {
        let message = format!("cargo made {} components in {}, not one", made.len(), package.display());
        return Err(Failure::new(message)
            .hint("`source` is the folder of one package that is a cdylib: crate-type = [\"cdylib\"]")
            .into());
    };
    // Copying a file onto itself would empty it.
    if project
        .component
        .canonicalize()
        .is_ok_and(|there| Path::new(made).canonicalize().is_ok_and(|made| made == there))
    {
        return Ok(());
    }
    project.make_component_folder()?;
    std::fs::copy(made, &project.component)
        .with_context(|| format!("cannot write {}", project.component.display()))?;
    Ok(())
}

/// What this machine lacks to build for the target.
pub(crate) fn missing(folder: &Path) -> Option<Missing> {
    toolchain::missing_for(&format!("cargo build --target {TARGET}"), folder)
}

/// The wasm files among what cargo says it made.
fn components(messages: &str) -> Vec<String> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    artifacts
        .filter(|message| message["reason"] == "compiler-artifact")
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(str::to_owned))
        .filter(|name| name.ends_with(".wasm"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_component_among_what_cargo_made() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","filenames":["/t/deps/liba.rlib","/t/deps/liba.rmeta"]}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","filenames":["/t/release/hello.wasm"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(components(messages), ["/t/release/hello.wasm"]);
    }
}
