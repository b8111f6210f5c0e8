//! The `moot` command. All of it is in [`moot_node::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    moot_node::cli::main()
}
