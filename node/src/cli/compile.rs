//! `moot __compile COMPONENT OUTPUT`: what the worker runs in a child process, so that a component that is slow to
//! compile can be stopped. Nobody types it, so neither help nor completions know it.

use std::path::PathBuf;

/// The node's own verb.
const VERB: &str = "__compile";

/// The two files of this process's command line, when it is that verb.
pub(crate) fn asked() -> Option<Vec<PathBuf>> {
    let mut arguments = std::env::args_os().skip(1);
    (arguments.next()? == VERB).then(|| arguments.map(PathBuf::from).collect())
}

/// Compiles a component to machine code.
pub(crate) fn run(files: Vec<PathBuf>) -> anyhow::Result<()> {
    match files.as_slice() {
        [component, output] => crate::worker::compile_file(component, output),
        _ => anyhow::bail!("{VERB} takes a component and the file to write, and is the node's own"),
    }
}
