//! Key-value stores for guests: `wasi:keyvalue` over a trait.

use crate::state::State;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use wasmtime::component::Linker;

/// Adds `wasi:keyvalue` and `wasi:config` to a linker.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let _ = linker;
    Ok(())
}

/// A store that a policy can grant. Called on a thread that may block shortly.
pub trait KeyValue: Send + Sync + 'static {
    /// The value at a key.
    ///
    /// # Errors
    /// When the store fails.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Sets a value; durable when it returns, if the store is.
    ///
    /// # Errors
    /// When the store fails or is full.
    fn set(&self, key: &str, value: &[u8]) -> Result<(), KeyValueError>;

    /// Removes a key, if it is there.
    ///
    /// # Errors
    /// When the store fails.
    fn delete(&self, key: &str) -> Result<(), KeyValueError>;

    /// Up to `max` keys in order, after `after`.
    ///
    /// # Errors
    /// When the store fails.
    fn keys(&self, after: Option<&str>, max: usize) -> Result<Vec<String>, KeyValueError>;

    /// Replaces the value at a key if it is still `old`; says whether it was.
    ///
    /// # Errors
    /// When the store fails or is full.
    fn compare_and_swap(&self, key: &str, old: Option<&[u8]>, new: &[u8]) -> Result<bool, KeyValueError>;
}

/// Why a store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyValueError {
    /// The store failed.
    #[error("the key-value store failed: {0}")]
    Failed(String),
}

/// A store in memory, for tests and for those who embed the host.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);
