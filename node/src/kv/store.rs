//! One database for all stores; a store is a range of its keys.

use crate::limits::{MAX_KV_KEY_BYTES, MAX_KV_STORE_BYTES, MAX_KV_VALUE_BYTES};
use moot_host::{KeyValue, KeyValueError};
use moot_record::AccountId;
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use std::path::Path;
use std::sync::Arc;

/// (store, key) to value. The store comes first, so a store's keys lie together and in order.
const ENTRIES: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("entries-1");
/// Store to the bytes of its keys and values.
const SIZES: TableDefinition<'_, &str, u64> = TableDefinition::new("sizes-1");

/// Why the stores cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the key-value stores in {path} cannot be opened: {reason}")]
pub struct KvError {
    path: String,
    reason: String,
}

/// All stores of a node.
#[derive(Clone)]
pub struct Stores {
    database: Arc<Database>,
}

impl Stores {
    /// Opens the stores in `dir`, or makes them.
    ///
    /// # Errors
    /// When the file is damaged, in use, or not to be written.
    pub fn open(dir: &Path) -> Result<Stores, KvError> {
        let path = dir.join("stores.redb");
        let fail = |reason: String| KvError { path: path.display().to_string(), reason };
        std::fs::create_dir_all(dir).map_err(|e| fail(e.to_string()))?;
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create(&path).map_err(|e| fail(e.to_string()))?;
        let stores = Stores { database: Arc::new(database) };
        stores
            .write(|tx| {
                tx.open_table(ENTRIES)?;
                tx.open_table(SIZES)?;
                Ok(())
            })
            .map_err(|e| fail(e.to_string()))?;
        Ok(stores)
    }

    /// The store of this name that belongs to `owner`.
    #[must_use]
    pub fn store(&self, owner: AccountId, name: &str) -> Arc<dyn KeyValue> {
        Arc::new(Store { stores: self.clone(), scope: format!("{owner}/{name}") })
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, redb::Error> {
        let tx = self.database.begin_write()?;
        let done = change(&tx)?;
        tx.commit()?;
        Ok(done)
    }
}

/// redb's own default is 1 GiB; an idle node has 60 MB in all.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

struct Store {
    stores: Stores,
    scope: String,
}

impl Store {
    fn change(&self, key: &str, value: Option<&[u8]>) -> Result<(), KeyValueError> {
        self.swap(key, None, value).map(|_| ())
    }

    /// Sets or removes a key, when `expected` is what is there. Says whether it was.
    fn swap(
        &self,
        key: &str,
        expected: Option<Option<&[u8]>>,
        value: Option<&[u8]>,
    ) -> Result<bool, KeyValueError> {
        check(key, value)?;
        let done = self.stores.write(|tx| {
            let mut entries = tx.open_table(ENTRIES)?;
            let found = entries.get((self.scope.as_str(), key))?.map(|v| v.value().to_vec());
            if expected.is_some_and(|e| e != found.as_deref()) {
                return Ok(Swap::Differs);
            }
            let before = found.map_or(0, |v| (key.len() + v.len()) as u64);
            let after = value.map_or(0, |v| (key.len() + v.len()) as u64);
            let mut sizes = tx.open_table(SIZES)?;
            let size =
                sizes.get(self.scope.as_str())?.map_or(0, |s| s.value()).saturating_sub(before) + after;
            if after > before && size > MAX_KV_STORE_BYTES {
                return Ok(Swap::Full);
            }
            sizes.insert(self.scope.as_str(), size)?;
            put(&mut entries, &self.scope, key, value)?;
            Ok(Swap::Done)
        });
        match done.map_err(failed)? {
            Swap::Done => Ok(true),
            Swap::Differs => Ok(false),
            Swap::Full => Err(KeyValueError::Failed(format!(
                "the store holds {MAX_KV_STORE_BYTES} bytes, which is all it may; delete keys first"
            ))),
        }
    }
}

enum Swap {
    Done,
    Differs,
    Full,
}

fn put(
    entries: &mut Table<'_, (&str, &str), &[u8]>,
    scope: &str,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), redb::Error> {
    match value {
        Some(value) => entries.insert((scope, key), value)?,
        None => entries.remove((scope, key))?,
    };
    Ok(())
}

fn check(key: &str, value: Option<&[u8]>) -> Result<(), KeyValueError> {
    if key.len() > MAX_KV_KEY_BYTES {
        return Err(KeyValueError::Failed(format!(
            "the key has {} bytes; at most {MAX_KV_KEY_BYTES} are allowed",
            key.len()
        )));
    }
    match value {
        Some(value) if value.len() > MAX_KV_VALUE_BYTES => Err(KeyValueError::Failed(format!(
            "the value has {} bytes; at most {MAX_KV_VALUE_BYTES} are allowed",
            value.len()
        ))),
        _ => Ok(()),
    }
}

fn failed(error: impl std::fmt::Display) -> KeyValueError {
    KeyValueError::Failed(error.to_string())
}

impl KeyValue for Store {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
        let tx = self.stores.database.begin_read().map_err(failed)?;
        let entries = tx.open_table(ENTRIES).map_err(failed)?;
        Ok(entries.get((self.scope.as_str(), key)).map_err(failed)?.map(|v| v.value().to_vec()))
    }

    fn set(&self, key: &str, value: &[u8]) -> Result<(), KeyValueError> {
        self.change(key, Some(value))
    }

    fn delete(&self, key: &str) -> Result<(), KeyValueError> {
        self.change(key, None)
    }

    fn keys(&self, after: Option<&str>, max: usize) -> Result<Vec<String>, KeyValueError> {
        let tx = self.stores.database.begin_read().map_err(failed)?;
        let entries = tx.open_table(ENTRIES).map_err(failed)?;
        let mut keys = Vec::new();
        for entry in entries.range((self.scope.as_str(), after.unwrap_or(""))..).map_err(failed)? {
            let (key, _) = entry.map_err(failed)?;
            let (scope, key) = key.value();
            if scope != self.scope || keys.len() == max {
                break;
            }
            if Some(key) != after {
                keys.push(key.to_owned());
            }
        }
        Ok(keys)
    }

    fn compare_and_swap(&self, key: &str, old: Option<&[u8]>, new: &[u8]) -> Result<bool, KeyValueError> {
        self.swap(key, Some(old), Some(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores() -> (tempfile::TempDir, Stores) {
        let dir = tempfile::tempdir().unwrap();
        let stores = Stores::open(dir.path()).unwrap();
        (dir, stores)
    }

    #[test]
    fn stores_are_apart_and_survive_reopening() {
        let (dir, stores) = stores();
        let (one, two) = (AccountId::from_bytes([1; 32]), AccountId::from_bytes([2; 32]));
        stores.store(one, "default").set("k", b"one").unwrap();
        stores.store(two, "default").set("k", b"two").unwrap();
        stores.store(one, "other").set("k", b"other").unwrap();
        drop(stores);
        let stores = Stores::open(dir.path()).unwrap();
        assert_eq!(stores.store(one, "default").get("k").unwrap().unwrap(), b"one");
        assert_eq!(stores.store(two, "default").get("k").unwrap().unwrap(), b"two");
        assert_eq!(stores.store(two, "default").keys(None, 10).unwrap(), ["k"]);
        stores.store(one, "default").delete("k").unwrap();
        assert_eq!(stores.store(one, "default").get("k").unwrap(), None);
        assert_eq!(stores.store(one, "other").get("k").unwrap().unwrap(), b"other");
    }

    #[test]
    fn keys_come_in_order_page_by_page() {
        let (_dir, stores) = stores();
        let store = stores.store(AccountId::from_bytes([1; 32]), "s");
        for key in ["c", "a", "b", "d", ""] {
            store.set(key, b"x").unwrap();
        }
        assert_eq!(store.keys(None, 3).unwrap(), ["", "a", "b"]);
        assert_eq!(store.keys(Some("b"), 3).unwrap(), ["c", "d"]);
        assert_eq!(store.keys(Some("bb"), 1).unwrap(), ["c"]);
    }

    #[test]
    fn swaps_only_what_was_expected() {
        let (_dir, stores) = stores();
        let store = stores.store(AccountId::from_bytes([1; 32]), "s");
        assert!(!store.compare_and_swap("k", Some(b"1"), b"2").unwrap());
        assert!(store.compare_and_swap("k", None, b"1").unwrap());
        assert!(!store.compare_and_swap("k", None, b"2").unwrap());
        assert!(store.compare_and_swap("k", Some(b"1"), b"2").unwrap());
        assert_eq!(store.get("k").unwrap().unwrap(), b"2");
    }

    #[test]
    fn sizes_are_bounded() {
        let (_dir, stores) = stores();
        let store = stores.store(AccountId::from_bytes([1; 32]), "s");
        assert!(store.set(&"k".repeat(MAX_KV_KEY_BYTES + 1), b"").is_err());
        assert!(store.set("k", &vec![0; MAX_KV_VALUE_BYTES + 1]).is_err());
        store.set("k", &vec![0; MAX_KV_VALUE_BYTES]).unwrap();
    }
}
