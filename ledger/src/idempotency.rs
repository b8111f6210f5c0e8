//! Idempotency keys: the same request twice makes one call.
//!
//! ```text
//!   idempotent(scope, caller, key, body) ─┬─ Fresh(Reservation) ──► append_call_once ──► row in the call's commit
//!                                         ├─ InFlight(id)      not on disk yet
//!                                         ├─ Known(id)         on disk
//!                                         └─ Conflict          same key, other body: the first one wins
//! ```
//!
//! Keys of calls that are not on disk yet are in memory; when their commit returns, the row has taken over.

use crate::store::KeyRow;
use moot_record::{AccountId, Digest, Domain, EntryId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

const KEY: Domain = Domain::new("moot idempotency key 1");

/// What is known about an idempotency key.
#[derive(Debug)]
pub enum Idempotency {
    /// Nothing: hand the reservation to [`crate::Ledger::append_call_once`].
    Fresh(Reservation),
    /// Its call is not on disk yet. No id while the first request is still being taken down.
    InFlight(Option<EntryId>),
    /// Its call is on disk.
    Known(EntryId),
    /// It was used with another body.
    Conflict,
}

#[derive(Debug, Clone, Copy)]
struct Flight {
    body: Digest,
    call: Option<EntryId>,
}

/// Keys in use by calls that are not on disk yet.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Digest, Flight>>);

/// The digest under which a key is kept.
pub(crate) fn key_digest(scope: &str, caller: Option<&AccountId>, key: &str) -> Digest {
    let mut hasher = KEY.hasher();
    hasher.update(&(scope.len() as u64).to_le_bytes());
    hasher.update(scope.as_bytes());
    match caller {
        Some(caller) => hasher.update(&[1]).update(caller.as_bytes()),
        None => hasher.update(&[0]),
    };
    hasher.update(key.as_bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

impl Flights {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Looks the key up; when it is not in the air, `stored` looks on disk while others wait.
    pub(crate) fn look<E>(
        self: &Arc<Self>,
        key: Digest,
        body: Digest,
        stored: impl FnOnce() -> Result<Option<KeyRow>, E>,
    ) -> Result<Idempotency, E> {
        let mut flights = self.0.lock();
        if let Some(flight) = flights.get(&key) {
            let same = flight.body == body;
            return Ok(if same { Idempotency::InFlight(flight.call) } else { Idempotency::Conflict });
        }
        if let Some(row) = stored()? {
            return Ok(if row.body == body { Idempotency::Known(row.call) } else { Idempotency::Conflict });
        }
        flights.insert(key, Flight { body, call: None });
        Ok(Idempotency::Fresh(Reservation { key, body, flights: self.clone(), used: false }))
    }

    /// The row has taken over.
    pub(crate) fn land(&self, key: &Digest) {
        self.0.lock().remove(key);
    }
}

/// The right to make the one call of a key. Dropped unused, it frees the key.
#[derive(Debug)]
pub struct Reservation {
    key: Digest,
    body: Digest,
    flights: Arc<Flights>,
    used: bool,
}

impl Reservation {
    /// The key's digest, as a call's record names it.
    #[must_use]
    pub fn key(&self) -> Digest {
        self.key
    }

    /// Ties the key to its call; the row goes into the call's commit.
    pub(crate) fn tie(mut self, call: EntryId) -> (Digest, KeyRow) {
        self.used = true;
        self.flights.0.lock().insert(self.key, Flight { body: self.body, call: Some(call) });
        (self.key, KeyRow { call, body: self.body })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.used {
            self.flights.land(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_dropped_unused_frees_its_key() {
        let flights = Arc::new(Flights::default());
        let (key, body) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        let none = || Ok::<_, ()>(None);
        let first = flights.look(key, body, none).unwrap();
        assert!(matches!(first, Idempotency::Fresh(_)));
        assert!(matches!(flights.look(key, body, none).unwrap(), Idempotency::InFlight(None)));
        drop(first);
        assert_eq!(flights.len(), 0);
        assert!(matches!(flights.look(key, body, none).unwrap(), Idempotency::Fresh(_)));
    }

    #[test]
    fn scope_and_caller_keep_keys_apart() {
        let caller = AccountId::from_bytes([1; 32]);
        let all =
            [key_digest("a", None, "k"), key_digest("b", None, "k"), key_digest("a", Some(&caller), "k")];
        assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    }
}
