//! The functions that can be called now, and the code that is loaded for them.
//!
//! ```text
//!  ledger's functions ──rebuild──► Registry { name ► Active } ──► one pointer, swapped whole
//!                                                  └─ slot: the loaded code, least recently used goes first
//! ```

use crate::worker::logs::FunctionLogs;
use crate::worker::routes::Routes;
use crate::workers::wire::Sandbox;
use moot_host::Function;
use moot_ledger::{CallAccess, FunctionRecord, Version};
use moot_record::{AccountId, Call, Digest, EntryId, FunctionName, Spec};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// One version of a function, as calls use it.
pub(crate) struct Active {
    pub(crate) name: FunctionName,
    pub(crate) owner: AccountId,
    pub(crate) version: u32,
    pub(crate) component: Digest,
    pub(crate) spec: Spec,
    pub(crate) spec_digest: Digest,
    /// Who may call, with its rule ready to be asked.
    pub(crate) access: CallAccess,
    /// Whether a call can have an effect outside: then it waits until its record is durable.
    pub(crate) outside: bool,
    /// Since when the function has its route: the first one keeps it.
    pub(crate) claimed: (u64, EntryId),
    pub(crate) logs: Arc<FunctionLogs>,
    /// What it needs to run, once that was looked at.
    pub(crate) sandbox: OnceLock<Sandbox>,
    slot: RwLock<Option<Function>>,
    last_used_us: AtomicU64,
    /// Held while the code is being loaded, so that it is loaded once.
    pub(crate) loading: tokio::sync::Mutex<()>,
}

impl Active {
    pub(crate) fn new(record: &FunctionRecord, version: &Version, logs: Arc<FunctionLogs>) -> Arc<Self> {
        Arc::new(Active {
            name: record.name.clone(),
            owner: record.owner,
            version: version.number,
            component: version.component,
            outside: touches_outside(&version.spec),
            spec: version.spec.clone(),
            spec_digest: version.spec_digest,
            access: version.access.clone(),
            claimed: claimed(record, version),
            logs,
            sandbox: OnceLock::new(),
            slot: RwLock::new(None),
            last_used_us: AtomicU64::new(0),
            loading: tokio::sync::Mutex::new(()),
        })
    }

    /// The loaded code, if it is loaded.
    pub(crate) fn loaded(&self, now_us: u64) -> Option<Function> {
        self.last_used_us.store(now_us, Ordering::Relaxed);
        self.slot.read().clone()
    }

    /// Whether a call of this version may be run again after a crash.
    pub(crate) fn repeatable(&self) -> bool {
        self.spec.idempotent || self.spec.deterministic
    }
}

/// Where the unbroken run of versions with this version's route began.
fn claimed(record: &FunctionRecord, version: &Version) -> (u64, EntryId) {
    let before = record.versions.iter().rev().skip_while(|v| v.number > version.number);
    let first = before.take_while(|v| v.spec.route == version.spec.route).last().unwrap_or(version);
    (first.height, first.deployed)
}

/// As `moot_host::Grants::touches_outside`, before the grants are made.
fn touches_outside(spec: &Spec) -> bool {
    let grants = &spec.grants;
    grants.http.as_ref().is_some_and(|hosts| !hosts.is_empty())
        || !grants.key_value.is_empty()
        || !grants.dirs.is_empty()
        || grants.ledger
}

/// All functions that can be called, by name. Never changed: a change makes another.
#[derive(Default)]
pub(crate) struct Registry {
    functions: HashMap<FunctionName, Arc<Active>>,
    pub(crate) routes: Routes,
    /// What it was made of.
    records: Vec<Arc<FunctionRecord>>,
}

impl Registry {
    /// The registry of these records. What did not change is taken over, with its loaded code and its log.
    pub(crate) fn of(records: Vec<Arc<FunctionRecord>>, before: &Registry) -> Self {
        let mut functions = HashMap::with_capacity(records.len());
        for record in &records {
            let Some(version) = record.active() else { continue };
            let known = before.functions.get(&record.name);
            let active = match known {
                Some(known)
                    if known.version == version.number && known.spec_digest == version.spec_digest =>
                {
                    known.clone()
                }
                known => Active::new(record, version, known.map(|k| k.logs.clone()).unwrap_or_default()),
            };
            functions.insert(record.name.clone(), active);
        }
        let routes = Routes::of(functions.values());
        Registry { functions, routes, records }
    }

    /// Whether nothing changed since it was made: most blocks change no function.
    pub(crate) fn is_of(&self, records: &[Arc<FunctionRecord>]) -> bool {
        self.records.len() == records.len()
            && self.records.iter().zip(records).all(|(ours, theirs)| Arc::ptr_eq(ours, theirs))
    }

    pub(crate) fn get(&self, name: &FunctionName) -> Option<&Arc<Active>> {
        self.functions.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Active>> {
        self.functions.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.functions.len()
    }
}

/// A version of a function, which may be retired.
pub(crate) fn version_in(record: &FunctionRecord, number: u32) -> Option<Arc<Active>> {
    Some(Active::new(record, record.version(number)?, Arc::default()))
}

/// The version that a recorded call was made for, which need not be the active one any more.
pub(crate) fn version_of(record: &FunctionRecord, call: &Call) -> Option<Arc<Active>> {
    let version =
        record.versions.iter().rev().find(|v| v.component == call.component && v.spec_digest == call.spec)?;
    Some(Active::new(record, version, Arc::default()))
}

/// What is loaded, so that it can be bounded.
pub(crate) struct Loaded {
    max: usize,
    list: Mutex<Vec<Weak<Active>>>,
}

impl Loaded {
    pub(crate) fn new(max: usize) -> Self {
        Loaded { max: max.max(1), list: Mutex::default() }
    }

    /// Puts code into a function's slot; lets go of the code that was not used for longest, when there is too much.
    pub(crate) fn keep(&self, active: &Arc<Active>, function: Function) {
        *active.slot.write() = Some(function);
        let mut list = self.list.lock();
        list.retain(|w| w.upgrade().is_some_and(|a| !Arc::ptr_eq(&a, active) && a.slot.read().is_some()));
        while list.len() >= self.max {
            let used = |w: &Weak<Active>| w.upgrade().map_or(0, |a| a.last_used_us.load(Ordering::Relaxed));
            let Some(oldest) = (0..list.len()).min_by_key(|i| used(&list[*i])) else { break };
            if let Some(gone) = list.swap_remove(oldest).upgrade() {
                *gone.slot.write() = None;
            }
        }
        list.push(Arc::downgrade(active));
    }

    pub(crate) fn count(&self) -> usize {
        self.list.lock().len()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use moot_record::FunctionKind;

    pub(crate) fn record(name: &str, routes: &[(&str, u64)]) -> FunctionRecord {
        let version = |(i, (route, height)): (usize, &(&str, u64))| {
            let spec = Spec::new(FunctionKind::Http, *route);
            Version {
                number: i as u32 + 1,
                component: Digest::from_bytes([7; 32]),
                component_bytes: 1,
                spec_digest: spec.digest(),
                access: CallAccess::new(&spec.access).unwrap(),
                spec,
                height: *height,
                deployed: EntryId { lane: 0, batch: *height, bundle: 0, page: 0, slot: 0 },
            }
        };
        FunctionRecord {
            name: name.parse().unwrap(),
            owner: AccountId::from_bytes([1; 32]),
            versions: routes.iter().enumerate().map(version).collect(),
            active: routes.len() as u32,
            retired: false,
            frozen: false,
        }
    }

    pub(crate) fn active(name: &str, route: &str, height: u64) -> Arc<Active> {
        let record = record(name, &[(route, height)]);
        Active::new(&record, &record.versions[0], Arc::default())
    }

    #[test]
    fn a_route_is_claimed_where_its_run_began() {
        let moved = record("f", &[("/a", 1), ("/b", 2), ("/a", 3), ("/a", 4)]);
        assert_eq!(claimed(&moved, &moved.versions[3]).0, 3);
        assert_eq!(claimed(&moved, &moved.versions[1]).0, 2);
    }

    #[test]
    fn a_rebuild_takes_over_what_did_not_change() {
        let one = Arc::new(record("one", &[("/a", 1)]));
        let first = Registry::of(vec![one.clone()], &Registry::default());
        assert!(first.is_of(std::slice::from_ref(&one)) && !first.is_of(&[]));
        let mut changed = record("one", &[("/a", 1), ("/b", 2)]);
        let again = Registry::of(vec![one.clone()], &first);
        assert!(Arc::ptr_eq(first.get(&one.name).unwrap(), again.get(&one.name).unwrap()));
        let later = Registry::of(vec![Arc::new(changed.clone())], &first);
        assert_eq!(later.get(&one.name).unwrap().version, 2);
        assert!(Arc::ptr_eq(&first.get(&one.name).unwrap().logs, &later.get(&one.name).unwrap().logs));
        changed.retired = true;
        assert_eq!(Registry::of(vec![Arc::new(changed)], &first).len(), 0);
    }
}
