//! Scenarios of the record format, in one binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod arbitrary;
mod codecs;
mod committees;
mod double_votes;
mod forgeries;
mod genesis_files;
mod receipt_files;
mod sealed_batches;
mod signatures;
mod state_files;
mod vectors;
