//! Turns components into machine code, within a wall-clock limit.
//!
//! ```text
//!  component ──► child process: `moot __compile in out` ──► machine code
//!                     └── killed at the limit
//! ```
//!
//! A few kilobytes of WebAssembly can keep a compiler busy for minutes, and a thread cannot be stopped. A child
//! process can, and its crash is not ours.

use moot_host::{Host, HostConfig};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Bytes of a child's complaint that are passed on.
const MAX_COMPLAINT_BYTES: usize = 2000;

/// Where components are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process that is killed at the limit: `<program> __compile <component> <machine code>`.
    /// Safe against components made slow to compile.
    ChildProcess(PathBuf),
    /// On a thread of this process, which nothing can stop. For tests and for trusted components.
    InProcess,
}

/// Why there is no machine code.
#[derive(Debug, thiserror::Error)]
pub enum CompileFailed {
    /// The component's own fault.
    #[error("the component cannot be compiled: {0}")]
    Refused(String),
    /// It took too long.
    #[error("the component takes more than {0:?} to compile; make it smaller, or split very large functions")]
    TooSlow(Duration),
    /// The node's fault.
    #[error("the compiler could not be run: {0}")]
    Broken(String),
}

impl Compiler {
    /// Compiles the component at `input` to the file `output`.
    ///
    /// # Errors
    /// When the component cannot be compiled, or not within `limit`.
    pub(crate) async fn compile(
        &self,
        host: &Host,
        input: &Path,
        output: &Path,
        limit: Duration,
    ) -> Result<(), CompileFailed> {
        match self {
            Compiler::ChildProcess(program) => in_child(program, input, output, limit).await,
            Compiler::InProcess => {
                let (host, input, output) = (host.clone(), input.to_owned(), output.to_owned());
                let compiled = tokio::task::spawn_blocking(move || compile_with(&host, &input, &output));
                match tokio::time::timeout(limit, compiled).await {
                    Err(_) => Err(CompileFailed::TooSlow(limit)),
                    Ok(Err(panicked)) => Err(CompileFailed::Broken(panicked.to_string())),
                    Ok(Ok(done)) => done.map_err(|e| CompileFailed::Refused(format!("{e:#}"))),
                }
            }
        }
    }
}

async fn in_child(program: &Path, input: &Path, output: &Path, limit: Duration) -> Result<(), CompileFailed> {
    let child = Command::new(program)
        .arg("__compile")
        .arg(input)
        .arg(output)
        // A compiler needs none of the operator's environment.
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| CompileFailed::Broken(format!("{}: {e}", program.display())))?;
    // At the limit the future is dropped, and the child with it.
    let done = match tokio::time::timeout(limit, child.wait_with_output()).await {
        Err(_) => return Err(CompileFailed::TooSlow(limit)),
        Ok(done) => done.map_err(|e| CompileFailed::Broken(e.to_string()))?,
    };
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr[..done.stderr.len().min(MAX_COMPLAINT_BYTES)]);
    match done.status.code() {
        Some(_) => Err(CompileFailed::Refused(said.trim().to_owned())),
        None => {
            Err(CompileFailed::Refused(format!("the compiler was ended by the system ({})", done.status)))
        }
    }
}

/// What the hidden verb `__compile` does: reads a component, writes its machine code.
///
/// # Errors
/// When the component cannot be read or compiled, or the file not written.
pub fn compile_file(component: &Path, output: &Path) -> anyhow::Result<()> {
    // Whether it may be run was looked at before: the switch is the node's.
    let host = Host::new(HostConfig { wasi_http_0_3: true, ..HostConfig::default() })?;
    compile_with(&host, component, output)
}

fn compile_with(host: &Host, component: &Path, output: &Path) -> anyhow::Result<()> {
    let wasm = std::fs::read(component)?;
    std::fs::write(output, host.compile(&wasm)?)?;
    Ok(())
}
