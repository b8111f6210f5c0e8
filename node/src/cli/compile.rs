//! `moot __compile`: what the worker runs in a child process, so that a component that is slow to compile can be stopped.

use std::path::PathBuf;

use clap::Args;

/// Compile a component to machine code (for the node's own use)
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The component
    component: PathBuf,
    /// Where the machine code goes
    output: PathBuf,
}

impl Compile {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        crate::worker::compile_file(&self.component, &self.output)
    }
}
