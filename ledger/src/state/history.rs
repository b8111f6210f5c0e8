//! The history: one digest that every outcome extends, so that the root commits to all of them.

use super::{DerivedId, Outcome};
use moot_record::cbor;
use moot_record::{Digest, Domain, EntryId};

const HISTORY: Domain = Domain::new("moot state history 1");

/// The history with one more derived call that was dropped. Its name has two parts where an address has five.
pub(super) fn extend_dropped(history: &Digest, id: &DerivedId, why: &str) -> Digest {
    let mut what = Vec::with_capacity(32);
    cbor::array(&mut what, 2);
    cbor::uint(&mut what, id.height);
    cbor::uint(&mut what, id.number);
    let mut hasher = HISTORY.hasher();
    hasher.update(history.as_bytes());
    hasher.update(&(what.len() as u64).to_le_bytes());
    hasher.update(&what);
    hasher.update(why.as_bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// The history with one more outcome.
pub(super) fn extend(history: &Digest, id: &EntryId, outcome: &Outcome) -> Digest {
    let (id, outcome) = (id.encode(), outcome.encode());
    let mut hasher = HISTORY.hasher();
    hasher.update(history.as_bytes());
    hasher.update(&(id.len() as u64).to_le_bytes());
    hasher.update(&id);
    hasher.update(&outcome);
    Digest::from_bytes(*hasher.finalize().as_bytes())
}
