//! The state root: 32 bytes that two replicas compare instead of their tables.
//!
//! ```text
//!   function records, by name ──► chained digest ──┐
//!   outcomes, in order        ──► history ─────────┼──► root
//!   seats, where they change  ──► digest ──────────┘
//! ```
//!
//! Functions change rarely, so the digest over them is made anew at each change (a thousand functions of one
//! kilobyte: half a millisecond).

use super::{FunctionRecord, Outcome, Seats};
use moot_record::{Digest, Domain, EntryId, FunctionName};
use std::collections::BTreeMap;
use std::sync::Arc;

const HISTORY: Domain = Domain::new("moot state history 1");
const FUNCTION: Domain = Domain::new("moot state function 1");
const SEATS: Domain = Domain::new("moot state seats 1");

/// The root over functions and history, and over the seats where these can change.
pub(super) fn state_root(
    functions: &BTreeMap<FunctionName, Arc<FunctionRecord>>,
    history: &Digest,
    seats: Option<&Seats>,
) -> Digest {
    let mut hasher = Domain::STATE.hasher();
    hasher.update(history.as_bytes());
    hasher.update(&(functions.len() as u64).to_le_bytes());
    for record in functions.values() {
        hasher.update(FUNCTION.hash(&record.encode()).as_bytes());
    }
    if let Some(seats) = seats.filter(|seats| seats.epochs().is_some()) {
        hasher.update(SEATS.hash(&seats.encode()).as_bytes());
    }
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
