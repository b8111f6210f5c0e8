//! A store in memory, for tests and for those who embed the host.

use super::{KeyValue, KeyValueError, add};
use crate::limits::MAX_MEMORY_STORE_BYTES;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::Bound;

/// A store in memory. Gone when it is dropped; takes 64 MiB of keys and values.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    map: BTreeMap<String, Vec<u8>>,
    /// Bytes of all keys and values.
    bytes: u64,
}

impl Entries {
    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        let freed = self.map.get(key).map_or(0, |old| size(key, old));
        let bytes = self.bytes - freed + size(key, value);
        if bytes > MAX_MEMORY_STORE_BYTES {
            return Err(KeyValueError::Full { limit: MAX_MEMORY_STORE_BYTES });
        }
        self.bytes = bytes;
        self.map.insert(key.to_owned(), value.to_vec());
        Ok(())
    }
}

fn size(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

impl KeyValue for MemoryStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.0.lock().map.get(key).cloned())
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        self.0.lock().set(key, value)
    }

    fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        let mut entries = self.0.lock();
        if let Some(old) = entries.map.remove(key) {
            entries.bytes -= size(key, &old);
        }
        Ok(())
    }

    fn keys(&self, after: Option<&str>, max: usize) -> Result<Vec<String>, KeyValueError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.0.lock();
        Ok(entries
            .map
            .range::<str, _>((from, Bound::Unbounded))
            .take(max)
            .map(|(key, _)| key.clone())
            .collect())
    }

    fn compare_and_swap(&self, key: &str, old: Option<&[u8]>, new: &[u8]) -> Result<bool, KeyValueError> {
        let mut entries = self.0.lock();
        if entries.map.get(key).map(Vec::as_slice) != old {
            return Ok(false);
        }
        entries.set(key, new).map(|()| true)
    }

    fn exists(&self, key: &str) -> Result<bool, KeyValueError> {
        Ok(self.0.lock().map.contains_key(key))
    }

    fn increment(&self, key: &str, delta: u64) -> Result<u64, KeyValueError> {
        let mut entries = self.0.lock();
        let sum = add(key, entries.map.get(key).map(Vec::as_slice), delta)?;
        entries.set(key, sum.to_string().as_bytes()).map(|()| sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_gets_deletes() {
        let store = MemoryStore::default();
        assert_eq!(store.get("a").unwrap(), None);
        store.set("a", b"1").unwrap();
        store.set("a", b"22").unwrap();
        assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"22"[..]));
        assert!(store.exists("a").unwrap());
        store.delete("a").unwrap();
        store.delete("a").unwrap();
        assert!(!store.exists("a").unwrap());
        assert_eq!(store.0.lock().bytes, 0);
    }

    #[test]
    fn lists_keys_in_pages_and_in_order() {
        let store = MemoryStore::default();
        for key in ["c", "a", "b", "d"] {
            store.set(key, b"").unwrap();
        }
        assert_eq!(store.keys(None, 3).unwrap(), ["a", "b", "c"]);
        assert_eq!(store.keys(Some("c"), 3).unwrap(), ["d"]);
        assert_eq!(store.keys(Some("bb"), 1).unwrap(), ["c"]);
        assert!(store.keys(Some("d"), 3).unwrap().is_empty());
    }

    #[test]
    fn swaps_only_what_is_still_there() {
        let store = MemoryStore::default();
        assert!(!store.compare_and_swap("a", Some(b"1"), b"2").unwrap());
        assert!(store.compare_and_swap("a", None, b"1").unwrap());
        assert!(!store.compare_and_swap("a", None, b"2").unwrap());
        assert!(store.compare_and_swap("a", Some(b"1"), b"2").unwrap());
        assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"2"[..]));
    }

    #[test]
    fn increments_decimal_text_and_nothing_else() {
        let store = MemoryStore::default();
        assert_eq!(store.increment("n", 2).unwrap(), 2);
        assert_eq!(store.increment("n", 40).unwrap(), 42);
        assert_eq!(store.get("n").unwrap().as_deref(), Some(&b"42"[..]));
        for bad in [&b"x"[..], b"-1", b"+1", b"", b"1.0", b"18446744073709551616", b"\xff"] {
            store.set("x", bad).unwrap();
            assert_eq!(
                store.increment("x", 1),
                Err(KeyValueError::NotANumber { key: "x".into() }),
                "{bad:?}"
            );
        }
        store.set("n", u64::MAX.to_string().as_bytes()).unwrap();
        assert_eq!(store.increment("n", 1), Err(KeyValueError::Overflow { key: "n".into() }));
        assert_eq!(store.increment("n", 0).unwrap(), u64::MAX);
    }

    #[test]
    fn a_full_store_says_so_and_recovers() {
        let store = MemoryStore::default();
        let mebibyte = vec![0; 1 << 20];
        let mut stored = 0;
        let error = loop {
            match store.set(&format!("k{stored:03}"), &mebibyte) {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, KeyValueError::Full { limit: MAX_MEMORY_STORE_BYTES });
        assert_eq!(stored, 63);
        store.delete("k000").unwrap();
        store.set("again", &mebibyte).unwrap();
    }

    /// The provided `increment`, for stores that have only compare-and-swap: no increment may be lost.
    #[test]
    fn concurrent_increments_by_compare_and_swap_lose_nothing() {
        struct Plain(MemoryStore);
        impl KeyValue for Plain {
            fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
                self.0.get(key)
            }
            fn set(&self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
                self.0.set(key, value)
            }
            fn delete(&self, key: &str) -> Result<(), KeyValueError> {
                self.0.delete(key)
            }
            fn keys(&self, after: Option<&str>, max: usize) -> Result<Vec<String>, KeyValueError> {
                self.0.keys(after, max)
            }
            fn compare_and_swap(
                &self,
                key: &str,
                old: Option<&[u8]>,
                new: &[u8],
            ) -> Result<bool, KeyValueError> {
                self.0.compare_and_swap(key, old, new)
            }
        }
        let store = Plain(MemoryStore::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| assert!(store.increment("n", 1).unwrap() > 0)));
            }
        });
        assert_eq!(store.increment("n", 0).unwrap(), 2_000);
    }
}
