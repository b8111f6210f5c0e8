//! `wasi:keyvalue` (`store`, `atomics`, `batch`) for one call: grants, bounds and touches before the store.

use super::{KeyValue, KeyValueError, config};
use crate::call::report::Touches;
use crate::limits::{
    MAX_KEY_BYTES, MAX_KEY_VALUE_BATCH, MAX_KEYS_PER_PAGE, MAX_KEYS_WALKED, MAX_VALUE_BYTES,
};
use crate::state::State;
use crate::{Grants, TouchKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use wasi::keyvalue::store::{Error, KeyResponse};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "wasi:keyvalue/imports@0.2.0-draft",
    imports: { default: async | trappable },
    with: { "wasi:keyvalue/store.bucket": Bucket },
});

/// What the outer result is: a trap, when the guest uses a handle that is not its own.
type Trap<T> = wasmtime::Result<T>;

/// A handle to a store that a guest opened.
#[allow(unreachable_pub, reason = "the bindings re-export it")]
pub struct Bucket {
    name: Arc<str>,
    store: Arc<dyn KeyValue>,
    /// For cursors handed out: how many keys came before, and the last of them.
    pages: BTreeMap<u64, String>,
}

/// What the interfaces need of a call's state.
pub(super) struct KeyValueView<'a> {
    table: &'a mut ResourceTable,
    grants: &'a Grants,
    touched: &'a Touches,
}

struct HasKeyValue;

impl HasData for HasKeyValue {
    type Data<'a> = KeyValueView<'a>;
}

/// Adds `wasi:keyvalue` and `wasi:config` to a linker.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    fn view(state: &mut State) -> KeyValueView<'_> {
        KeyValueView { table: &mut state.table, grants: &state.policy.grants, touched: &state.touched }
    }
    wasi::keyvalue::store::add_to_linker::<_, HasKeyValue>(linker, view)?;
    wasi::keyvalue::atomics::add_to_linker::<_, HasKeyValue>(linker, view)?;
    wasi::keyvalue::batch::add_to_linker::<_, HasKeyValue>(linker, view)?;
    config::add_to_linker(linker)
}

impl KeyValueView<'_> {
    /// Runs one operation on a bucket's store, where it may wait if it has to.
    async fn run<T: Send + 'static>(
        &mut self,
        bucket: &Resource<Bucket>,
        operation: impl FnOnce(&dyn KeyValue) -> Result<T, Error> + Send + 'static,
    ) -> Trap<Result<T, Error>> {
        let bucket = self.table.get(bucket)?;
        self.touched.note(TouchKind::KeyValue, &bucket.name);
        let store = bucket.store.clone();
        if !store.blocks() {
            return Ok(operation(&*store));
        }
        Ok(tokio::task::spawn_blocking(move || operation(&*store))
            .await
            .unwrap_or_else(|error| Err(Error::Other(format!("the key-value store failed: {error}")))))
    }
}

impl wasi::keyvalue::store::Host for KeyValueView<'_> {
    async fn open(&mut self, identifier: String) -> Trap<Result<Resource<Bucket>, Error>> {
        let Some((name, store)) = self.grants.key_value.iter().find(|(name, _)| *name == identifier) else {
            // Whether it exists is nobody's business who was not granted it.
            return Ok(Err(Error::AccessDenied));
        };
        let bucket = Bucket { name: name.as_str().into(), store: store.clone(), pages: BTreeMap::new() };
        Ok(Ok(self.table.push(bucket)?))
    }
}

impl wasi::keyvalue::store::HostBucket for KeyValueView<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Trap<Result<Option<Vec<u8>>, Error>> {
        self.run(&bucket, move |store| Ok(store.get(checked(&key)?)?)).await
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Trap<Result<(), Error>> {
        self.run(&bucket, move |store| set(store, &key, &value)).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Trap<Result<(), Error>> {
        self.run(&bucket, move |store| Ok(store.delete(checked(&key)?)?)).await
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Trap<Result<bool, Error>> {
        self.run(&bucket, move |store| Ok(store.exists(checked(&key)?)?)).await
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Trap<Result<KeyResponse, Error>> {
        let skip = cursor.unwrap_or(0);
        let known = self.table.get(&bucket)?.pages.range(..=skip).next_back();
        let (walked, after) = known.map_or((0, None), |(before, key)| (*before, Some(key.clone())));
        let page = self.run(&bucket, move |store| page(store, skip, walked, after)).await?;
        if let Ok(page) = &page
            && let (Some(cursor), Some(last)) = (page.cursor, page.keys.last())
        {
            self.table.get_mut(&bucket)?.pages.insert(cursor, last.clone());
        }
        Ok(page)
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> Trap<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl wasi::keyvalue::atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Trap<Result<u64, Error>> {
        self.run(&bucket, move |store| Ok(store.increment(checked(&key)?, delta)?)).await
    }
}

impl wasi::keyvalue::batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Trap<Result<Vec<Option<(String, Vec<u8>)>>, Error>> {
        self.run(&bucket, move |store| {
            few(keys.len())?;
            let one = |key: String| Ok(store.get(checked(&key)?)?.map(|value| (key, value)));
            keys.into_iter().map(one).collect()
        })
        .await
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Trap<Result<(), Error>> {
        self.run(&bucket, move |store| {
            few(pairs.len())?;
            pairs.iter().try_for_each(|(key, value)| set(store, key, value))
        })
        .await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Trap<Result<(), Error>> {
        self.run(&bucket, move |store| {
            few(keys.len())?;
            keys.iter().try_for_each(|key| Ok(store.delete(checked(key)?)?))
        })
        .await
    }
}

fn set(store: &dyn KeyValue, key: &str, value: &[u8]) -> Result<(), Error> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(Error::Other(format!(
            "the value for {key:?} has {} bytes; at most {MAX_VALUE_BYTES} are stored under one key",
            value.len()
        )));
    }
    Ok(store.set(checked(key)?, value)?)
}

/// A page of keys after the first `skip`. `walked` keys are known to end at `after`.
///
/// A cursor is how many keys came before. Within one handle the key it stands for is remembered; a cursor from
/// an earlier call is found by walking there.
fn page(
    store: &dyn KeyValue,
    skip: u64,
    mut walked: u64,
    mut after: Option<String>,
) -> Result<KeyResponse, Error> {
    if skip > MAX_KEYS_WALKED {
        return Err(Error::Other(format!(
            "the cursor {skip} is past the {MAX_KEYS_WALKED} keys that can be listed"
        )));
    }
    while walked < skip {
        let step = usize::try_from(skip - walked).unwrap_or(usize::MAX).min(MAX_KEYS_PER_PAGE);
        let mut keys = store.keys(after.as_deref(), step)?;
        walked += keys.len() as u64;
        let Some(last) = keys.pop() else { return Ok(KeyResponse { keys: vec![], cursor: None }) };
        after = Some(last);
    }
    // One more than a page, to know whether there is a next one.
    let mut keys = store.keys(after.as_deref(), MAX_KEYS_PER_PAGE + 1)?;
    let more = keys.len() > MAX_KEYS_PER_PAGE;
    keys.truncate(MAX_KEYS_PER_PAGE);
    let cursor = more.then(|| skip + keys.len() as u64);
    Ok(KeyResponse { keys, cursor })
}

fn checked(key: &str) -> Result<&str, Error> {
    match key.len() {
        1..=MAX_KEY_BYTES => Ok(key),
        bytes => Err(Error::Other(format!("a key has 1 to {MAX_KEY_BYTES} bytes; this one has {bytes}"))),
    }
}

fn few(keys: usize) -> Result<(), Error> {
    if keys > MAX_KEY_VALUE_BATCH {
        return Err(Error::Other(format!(
            "a batch has at most {MAX_KEY_VALUE_BATCH} keys; this one has {keys}"
        )));
    }
    Ok(())
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Error {
        Error::Other(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use wasi::keyvalue::atomics::Host as _;
    use wasi::keyvalue::batch::Host as _;
    use wasi::keyvalue::store::{Host as _, HostBucket as _};

    /// A store that waits, and so must be run on a blocking thread.
    struct Slow(MemoryStore);

    impl KeyValue for Slow {
        fn get(&self, key: &str) -> Result<Option<Vec<u8>>, KeyValueError> {
            assert!(std::thread::current().name() != Some("the async thread"), "would hold up other calls");
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
        fn compare_and_swap(&self, key: &str, old: Option<&[u8]>, new: &[u8]) -> Result<bool, KeyValueError> {
            self.0.compare_and_swap(key, old, new)
        }
        fn blocks(&self) -> bool {
            true
        }
    }

    fn run<T>(store: Arc<dyn KeyValue>, test: impl AsyncFnOnce(&mut KeyValueView<'_>) -> T) -> (T, Touches) {
        let grants = Grants { key_value: vec![("default".into(), store)], ..Grants::default() };
        let (mut table, touched) = (ResourceTable::new(), Touches::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut view = KeyValueView { table: &mut table, grants: &grants, touched: &touched };
        let answer = runtime.block_on(test(&mut view));
        (answer, touched)
    }

    async fn open(view: &mut KeyValueView<'_>) -> Resource<Bucket> {
        view.open("default".into()).await.unwrap().unwrap()
    }

    fn again(bucket: &Resource<Bucket>) -> Resource<Bucket> {
        Resource::new_borrow(bucket.rep())
    }

    #[test]
    fn opens_only_what_is_granted() {
        let ((), touched) = run(Arc::new(MemoryStore::default()), async |view| {
            for name in ["", "Default", "default2", "other"] {
                let opened = view.open(name.into()).await.unwrap();
                assert!(matches!(opened, Err(Error::AccessDenied)), "{name:?}");
            }
        });
        assert!(touched.list().is_empty());
    }

    #[test]
    fn counts_every_operation_as_a_touch() {
        let ((), touched) = run(Arc::new(MemoryStore::default()), async |view| {
            let bucket = open(view).await;
            assert_eq!(view.increment(again(&bucket), "n".into(), 3).await.unwrap().unwrap(), 3);
            assert_eq!(view.get(again(&bucket), "n".into()).await.unwrap().unwrap().unwrap(), b"3");
        });
        let list = touched.list();
        assert_eq!(
            (list.len(), list[0].kind, &*list[0].target, list[0].count),
            (1, TouchKind::KeyValue, "default", 2)
        );
    }

    #[test]
    fn bounds_keys_values_and_batches() {
        run(Arc::new(MemoryStore::default()), async |view| {
            let bucket = open(view).await;
            for (key, bytes) in
                [(String::new(), 0), ("k".repeat(MAX_KEY_BYTES + 1), 0), ("k".into(), MAX_VALUE_BYTES + 1)]
            {
                let refused = view.set(again(&bucket), key, vec![0; bytes]).await.unwrap();
                assert!(
                    matches!(refused, Err(Error::Other(why)) if why.contains("at most") || why.contains("1 to"))
                );
            }
            let fits =
                view.set(again(&bucket), "k".repeat(MAX_KEY_BYTES), vec![0; MAX_VALUE_BYTES]).await.unwrap();
            assert!(fits.is_ok());
            let many = vec!["k".to_owned(); MAX_KEY_VALUE_BATCH + 1];
            assert!(view.get_many(again(&bucket), many).await.unwrap().is_err());
        });
    }

    #[test]
    fn lists_all_keys_by_cursor_in_one_handle_and_across_handles() {
        let store = MemoryStore::default();
        let total = MAX_KEYS_PER_PAGE * 2 + 5;
        for n in 0..total {
            store.set(&format!("k{n:06}"), b"").unwrap();
        }
        run(Arc::new(store), async |view| {
            let bucket = open(view).await;
            let (mut listed, mut cursor, mut fresh) = (vec![], None, false);
            loop {
                // Every other page through a new handle, which knows nothing of the cursor.
                let handle = if fresh { open(view).await } else { again(&bucket) };
                fresh = !fresh;
                let page = view.list_keys(handle, cursor).await.unwrap().unwrap();
                listed.extend(page.keys);
                cursor = page.cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(listed.len(), total);
            assert!(listed.is_sorted());
            let past = view.list_keys(again(&bucket), Some(total as u64 + 100)).await.unwrap().unwrap();
            assert!(past.keys.is_empty() && past.cursor.is_none());
            assert!(view.list_keys(again(&bucket), Some(u64::MAX)).await.unwrap().is_err());
        });
    }

    #[test]
    fn batches_set_get_delete() {
        run(Arc::new(MemoryStore::default()), async |view| {
            let bucket = open(view).await;
            let pairs = vec![("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())];
            view.set_many(again(&bucket), pairs.clone()).await.unwrap().unwrap();
            let keys: Vec<String> = ["a", "x", "b"].map(String::from).into();
            let got = view.get_many(again(&bucket), keys.clone()).await.unwrap().unwrap();
            assert_eq!(got, [Some(pairs[0].clone()), None, Some(pairs[1].clone())]);
            view.delete_many(again(&bucket), keys).await.unwrap().unwrap();
            assert!(!view.exists(again(&bucket), "a".into()).await.unwrap().unwrap());
        });
    }

    #[test]
    fn a_store_that_waits_does_not_hold_up_the_async_thread() {
        let thread = std::thread::Builder::new().name("the async thread".into());
        let test = thread.spawn(|| {
            run(Arc::new(Slow(MemoryStore::default())), async |view| {
                let bucket = open(view).await;
                view.set(again(&bucket), "k".into(), b"v".to_vec()).await.unwrap().unwrap();
                assert_eq!(view.get(again(&bucket), "k".into()).await.unwrap().unwrap().unwrap(), b"v");
            });
        });
        test.unwrap().join().unwrap();
    }
}
