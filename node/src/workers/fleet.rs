//! All workers that have joined, and which of them takes a call.

use super::joined::{Joined, Lease as JoinedLease};
use super::limits::{MAX_ANSWERS_BYTES, MAX_JOINED};
use crate::api::JoinedWorker;
use crate::worker::Active;
use moot_record::AccountId;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;

pub(crate) use super::joined::Bounds;
pub(crate) type Lease = JoinedLease;

/// How often it is looked whether a place is free, or all are.
const IDLE_LOOK: Duration = Duration::from_millis(10);

/// The joined workers of a replica.
pub(crate) struct Fleet {
    joined: RwLock<Vec<Arc<Joined>>>,
    /// Room for answers on their way, in KiB.
    pub(super) room: Arc<Semaphore>,
}

impl Default for Fleet {
    fn default() -> Self {
        Fleet { joined: RwLock::default(), room: Arc::new(Semaphore::new(MAX_ANSWERS_BYTES / 1024)) }
    }
}

impl Fleet {
    /// Takes a worker up. An older connection of the same account is closed: most often it is dead, and the worker has
    /// noticed first. False when there are too many.
    pub(super) fn add(&self, worker: Arc<Joined>) -> bool {
        let mut joined = self.joined.write();
        joined.retain(|known| !known.is_over());
        if let Some(at) = joined.iter().position(|known| known.account == worker.account) {
            let account = worker.account;
            tracing::warn!(%account, "a worker has joined again: its older connection is closed");
            joined.remove(at).end();
        }
        if joined.len() >= MAX_JOINED {
            return false;
        }
        joined.push(worker);
        true
    }

    pub(super) fn remove(&self, worker: &Arc<Joined>) {
        self.joined.write().retain(|known| !Arc::ptr_eq(known, worker));
    }

    /// A place at the first of `assigned` that is ready for the function and has one free; else at the worker that is
    /// ready and has most of them free. None when nobody is, and the call is run here.
    pub(crate) fn take(
        &self,
        function: &Active,
        assigned: &[AccountId],
        tried: &[AccountId],
    ) -> Option<Lease> {
        let joined = self.joined.read();
        let ready = |worker: &&Arc<Joined>| {
            !worker.is_over() && !tried.contains(&worker.account) && worker.is_ready(function)
        };
        let of = |account: &AccountId| joined.iter().filter(ready).find(|worker| worker.account == *account);
        let first = assigned.iter().filter_map(of).find_map(Joined::lease);
        first.or_else(|| joined.iter().filter(ready).max_by_key(|worker| worker.free_places())?.lease())
    }

    /// A place at this very worker, as soon as it is ready and has one.
    pub(crate) async fn wait_for(
        &self,
        function: &Active,
        account: &AccountId,
        within: Duration,
    ) -> Option<Lease> {
        let due = tokio::time::Instant::now() + within;
        loop {
            let worker = self.joined.read().iter().find(|worker| worker.account == *account).cloned();
            let ready = worker.filter(|worker| !worker.is_over() && worker.is_ready(function));
            if let Some(lease) = ready.and_then(|worker| worker.lease()) {
                return Some(lease);
            }
            if tokio::time::Instant::now() >= due {
                return None;
            }
            tokio::time::sleep(IDLE_LOOK).await;
        }
    }

    /// A place at a worker that is ready for the function, as soon as there is one.
    pub(crate) async fn wait(&self, function: &Active, within: Duration) -> Option<Lease> {
        let due = tokio::time::Instant::now() + within;
        loop {
            if let Some(lease) = self.take(function, &[], &[]) {
                return Some(lease);
            }
            if tokio::time::Instant::now() >= due {
                return None;
            }
            tokio::time::sleep(IDLE_LOOK).await;
        }
    }

    /// Returns when no call runs at a worker any more.
    pub(crate) async fn idle(&self) {
        while self.running() > 0 {
            tokio::time::sleep(IDLE_LOOK).await;
        }
    }

    /// Closes every connection.
    pub(crate) fn end(&self) {
        self.joined.read().iter().for_each(|worker| worker.end());
    }

    pub(crate) fn count(&self) -> usize {
        self.joined.read().len()
    }

    /// Calls that run at workers.
    pub(crate) fn running(&self) -> usize {
        self.joined.read().iter().map(|worker| worker.max_places() - worker.free_places()).sum()
    }

    /// What `moot status` shows. Addresses are for people on this machine.
    pub(crate) fn view(&self, with_addresses: bool) -> Vec<JoinedWorker> {
        let view = |worker: &Arc<Joined>| JoinedWorker {
            account: worker.account,
            address: with_addresses.then(|| worker.peer.to_string()),
            version: worker.welcome.version.clone(),
            engine: worker.welcome.engine.to_string(),
            kinds: worker.welcome.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
            functions: worker.functions_ready(),
            refused: worker
                .refusals()
                .into_iter()
                .map(|(function, why)| format!("{function}: {why}"))
                .collect(),
            places: worker.max_places(),
            running: worker.max_places() - worker.free_places(),
            answered: worker.answered.load(Ordering::Relaxed),
            lost: worker.lost.load(Ordering::Relaxed),
            joined_s: worker.since.elapsed().as_secs(),
        };
        self.joined.read().iter().map(view).collect()
    }
}
