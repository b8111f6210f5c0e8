//! The `moot` command. All of it is in [`moot_node::cli`].

use std::process::ExitCode;

/// What a call allocates is freed by another thread more often than not: the C library's allocator took a tenth of a
/// busy node's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    moot_node::cli::main()
}
