//! One step of a chore: its title before it begins, its time when it is over.

use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The folder of the checkout: the parent of this crate.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).unwrap_or_else(|| here.to_path_buf())
}

/// Where cargo puts what it builds: the user's choice, or `target` in the checkout.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where the guests' own workspace puts its components; the tests look there too.
pub(crate) fn guests_target() -> PathBuf {
    root().join("target/guests")
}

/// Runs `work` under a title, and says how long it took.
pub(crate) fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {title}");
    let began = Instant::now();
    let result = work().with_context(|| title.to_owned());
    let verdict = if result.is_ok() { "done" } else { "FAILED" };
    println!("    {verdict} in {:.1} s", began.elapsed().as_secs_f64());
    result
}

/// `cargo` of the toolchain that runs this, in the checkout.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // What cargo says of this program is not about what is compiled. A build script that asks for it, as ring's does, would
    // run again, and all above it be compiled again, whenever `cargo` and `cargo xtask` take turns.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text == "CARGO_MANIFEST_DIR" {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds the example functions, with their own target folder.
pub(crate) fn cargo_guests(arguments: &[&str]) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(root().join("guests")).env("CARGO_TARGET_DIR", guests_target());
    command
}

/// Where the tests of every part keep machine code, as the node's own tests do: a component is then compiled once.
pub(crate) fn shared_code() -> PathBuf {
    target().join("tmp/code")
}

/// Runs a command to its end; an exit code other than 0 is an error that names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` ended with {status}");
    }
    Ok(())
}

/// Runs a command to its end and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let output = command.output().with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
