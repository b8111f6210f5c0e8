//! The history: one digest that every outcome extends, so that the root commits to all of them.

use super::Outcome;
use moot_record::{Digest, Domain, EntryId};

const HISTORY: Domain = Domain::new("moot state history 1");

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
