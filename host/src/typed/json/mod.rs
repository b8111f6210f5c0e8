//! JSON to values and back, driven by the component's types. The table in [`typed`](super) says how.

mod bytes;
mod parts;
mod read;
mod value;
mod write;

pub(super) use read::arguments;
pub(super) use write::{bytes_text, text};

/// The largest integer up to which a double holds every one: 2^53-1, JavaScript's `MAX_SAFE_INTEGER`.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
