//! Runs functions: from a recorded call to a recorded receipt.

mod compile;

pub use compile::{Compiler, compile_file};
