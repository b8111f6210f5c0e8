//! Key-value stores for guests: `wasi:keyvalue` 0.2.0-draft over a small trait, and `wasi:config` over the
//! granted environment.
//!
//! ```text
//!  guest ──wasi:keyvalue──► view (grant, bounds, touch) ──► dyn KeyValue: memory here, a database in the embedder
//!  guest ──wasi:config────► the policy's `env` and `secrets`
//! ```
//!
//! **Requires** of a [`KeyValue`]: operations on one key are atomic; keys list in ascending byte order.
//!
//! **Provides**: a guest opens only stores that its policy names; keys and values are bounded before the store
//! sees them; every operation is counted as a touch of the store.
//!
//! **Does not provide**: transactions over several keys (`batch` stops at the first error, as its standard says),
//! isolation between two functions that are granted the same store.

mod config;
mod memory;
mod view;

pub use memory::MemoryStore;
pub(crate) use view::add_to_linker;

/// A store that a policy can grant.
///
/// Guests reach it with keys of 1 to 1,024 bytes and values of at most 1 MiB.
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

    /// Up to `max` keys in ascending order, those after `after` only.
    ///
    /// # Errors
    /// When the store fails.
    fn keys(&self, after: Option<&str>, max: usize) -> Result<Vec<String>, KeyValueError>;

    /// Replaces the value at a key if it is still `old` (`None`: if the key is absent); says whether it was.
    ///
    /// # Errors
    /// When the store fails or is full.
    fn compare_and_swap(&self, key: &str, old: Option<&[u8]>, new: &[u8]) -> Result<bool, KeyValueError>;

    /// Whether there is a value at a key.
    ///
    /// # Errors
    /// When the store fails.
    fn exists(&self, key: &str) -> Result<bool, KeyValueError> {
        Ok(self.get(key)?.is_some())
    }

    /// Adds `delta` to the number at a key, from 0 when the key is absent, and returns the sum. Numbers are
    /// decimal text, as Redis keeps them, so that a guest can read and write one as a plain value.
    ///
    /// # Errors
    /// When the value is not such a number, the sum exceeds 2^64-1, or the store fails.
    fn increment(&self, key: &str, delta: u64) -> Result<u64, KeyValueError> {
        for _ in 0..MAX_SWAPS {
            let old = self.get(key)?;
            let sum = add(key, old.as_deref(), delta)?;
            if self.compare_and_swap(key, old.as_deref(), sum.to_string().as_bytes())? {
                return Ok(sum);
            }
        }
        Err(KeyValueError::Contended { key: key.to_owned() })
    }

    /// Whether an operation may take longer than some tens of microseconds, because it waits for a disk or a
    /// network. The host then runs it on a thread where it may wait.
    fn blocks(&self) -> bool {
        false
    }
}

/// Tries of `increment` against other writers. Each loser means that another writer won, so many tries in a row
/// without luck mean a store that never swaps.
const MAX_SWAPS: u32 = 1_000;

/// The sum of the number in a value and `delta`.
///
/// # Errors
/// As [`KeyValue::increment`]; for stores that increment in a way of their own.
pub fn add(key: &str, value: Option<&[u8]>, delta: u64) -> Result<u64, KeyValueError> {
    let number = match value {
        None => 0,
        Some(value) => std::str::from_utf8(value)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| KeyValueError::NotANumber { key: key.to_owned() })?,
    };
    number.checked_add(delta).ok_or_else(|| KeyValueError::Overflow { key: key.to_owned() })
}

/// Why a store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyValueError {
    /// The store failed.
    #[error("the key-value store failed: {0}")]
    Failed(String),
    /// The store has no room.
    #[error("the key-value store is full ({limit} bytes): delete what is no longer needed")]
    Full {
        /// How many bytes it takes.
        limit: u64,
    },
    /// `increment` of something else than a number.
    #[error(
        "the value at {key:?} is not a decimal number of at most 2^64-1, and only such can be incremented"
    )]
    NotANumber {
        /// Where.
        key: String,
    },
    /// `increment` past 2^64-1.
    #[error("the number at {key:?} would exceed 2^64-1")]
    Overflow {
        /// Where.
        key: String,
    },
    /// Others kept changing the value.
    #[error("others keep changing the value at {key:?}; try again")]
    Contended {
        /// Where.
        key: String,
    },
}
