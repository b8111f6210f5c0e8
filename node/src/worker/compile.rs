//! Turns components into machine code, within a wall-clock limit.

use std::path::{Path, PathBuf};

/// Where components are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// In a child process that is killed at the limit: `<program> __compile <component> <machine code>`.
    /// Safe against components made slow to compile.
    ChildProcess(PathBuf),
    /// On a thread of this process, which nothing can stop. For tests and for trusted components.
    InProcess,
}

/// What the hidden verb `__compile` does: reads a component, writes its machine code.
pub fn compile_file(component: &Path, output: &Path) -> anyhow::Result<()> {
    let _ = (component, output);
    todo!()
}
