//! What the benches and the load harness share: guests to run, entries to record, a place on a real disk.
//!
//! ```text
//! benches/*.rs ──┐
//!                ├──► guests (built once) · sample (entries as the node makes them) · place (below target/)
//! load         ──┘
//! ```

#![forbid(unsafe_code)]

pub mod guests;
pub mod machine;
pub mod place;
pub mod sample;
