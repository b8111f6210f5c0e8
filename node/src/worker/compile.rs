//! Turns components into machine code, within limits of time and memory.
//!
//! ```text
//!  component ──► child process: `moot __compile in out` ──► machine code
//!                     └── killed at a limit: wall-clock time, or what it has in memory
//! ```
//!
//! A few kilobytes of WebAssembly can keep a compiler busy for minutes, or make it fill the machine's memory, and a thread
//! cannot be stopped. A child process can, and its crash is not ours. Its memory is looked at from here: a limit of the
//! system's own counts address space, of which the engine reserves terabytes that it never touches.

use crate::limits::{COMPILER_LOOK, WorkerLimits};
use moot_host::{Host, HostConfig};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, Command};

/// Bytes of a child's complaint that are passed on.
const MAX_COMPLAINT_BYTES: u64 = 2000;

/// Where components are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process that is killed at a limit: `<program> __compile <component> <machine code>`.
    /// Safe against components made slow to compile, or made to need much memory (Linux: elsewhere nobody counts it).
    ChildProcess(PathBuf),
    /// On a thread of this process, which nothing can stop, and whose memory nobody counts. For tests and for trusted
    /// components.
    InProcess,
}

/// What a compilation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Wall-clock time.
    pub(crate) time: Duration,
    /// Bytes resident.
    pub(crate) memory: u64,
}

impl Bounds {
    /// Of a worker.
    pub(crate) fn of(limits: &WorkerLimits) -> Bounds {
        Bounds { time: limits.compile_timeout, memory: limits.compile_memory_bytes }
    }
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
    /// It took too much memory.
    #[error(
        "the component takes more than {} MiB of memory to compile; make it smaller, or split very large functions",
        .0 >> 20
    )]
    TooLarge(u64),
    /// The node's fault.
    #[error("the compiler could not be run: {0}")]
    Broken(String),
}

impl Compiler {
    /// Compiles the component at `input` to the file `output`.
    ///
    /// # Errors
    /// When the component cannot be compiled, or not within its bounds.
    pub(crate) async fn compile(
        &self,
        host: &Host,
        input: &Path,
        output: &Path,
        bounds: Bounds,
    ) -> Result<(), CompileFailed> {
        match self {
            Compiler::ChildProcess(program) => in_child(program, input, output, bounds).await,
            Compiler::InProcess => {
                let (host, input, output) = (host.clone(), input.to_owned(), output.to_owned());
                let compiled = tokio::task::spawn_blocking(move || compile_with(&host, &input, &output));
                match tokio::time::timeout(bounds.time, compiled).await {
                    Err(_) => Err(CompileFailed::TooSlow(bounds.time)),
                    Ok(Err(panicked)) => Err(CompileFailed::Broken(panicked.to_string())),
                    Ok(Ok(done)) => done.map_err(|e| CompileFailed::Refused(format!("{e:#}"))),
                }
            }
        }
    }
}

async fn in_child(program: &Path, input: &Path, output: &Path, bounds: Bounds) -> Result<(), CompileFailed> {
    let mut child = Command::new(program)
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
    let (process, stderr) = (child.id(), child.stderr.take());
    let ended = tokio::select! {
        biased;
        (said, status) = async { tokio::join!(complaint(stderr), child.wait()) } => Ok((said, status)),
        () = grown(process, bounds.memory) => Err(CompileFailed::TooLarge(bounds.memory)),
        () = tokio::time::sleep(bounds.time) => Err(CompileFailed::TooSlow(bounds.time)),
    };
    let (said, status) = match ended {
        Ok((said, status)) => (said, status.map_err(|e| CompileFailed::Broken(e.to_string()))?),
        Err(limit) => {
            // Waited for: the next one is to have the memory and the cores that this one had.
            let _ = child.kill().await;
            return Err(limit);
        }
    };
    match status.code() {
        Some(0) => Ok(()),
        Some(_) => Err(CompileFailed::Refused(said)),
        None => Err(CompileFailed::Refused(format!("the compiler was ended by the system ({status})"))),
    }
}

/// The beginning of what a child complains about. All of it is read, or the child would wait for us.
async fn complaint(stderr: Option<ChildStderr>) -> String {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        let _ = (&mut stderr).take(MAX_COMPLAINT_BYTES).read_to_end(&mut said).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// Waits until a process has more than `most` bytes resident, which it may never have.
async fn grown(process: Option<u32>, most: u64) {
    loop {
        tokio::time::sleep(COMPILER_LOOK).await;
        if process.and_then(resident).is_some_and(|bytes| bytes > most) {
            return;
        }
    }
}

/// What a process has in memory: the second number of `/proc/<process>/statm`, in pages (proc_pid_statm(5)).
fn resident(process: u32) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_in_memory_is_seen_while_it_lives() {
        let mine = resident(std::process::id()).unwrap();
        assert!((1 << 20..1 << 40).contains(&mine), "{mine}");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert_eq!(resident(child.id()), None);
    }
}
