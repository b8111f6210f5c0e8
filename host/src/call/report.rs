//! What is known about a call once it has ended.

use crate::Fault;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// What a call used and touched, and how it failed if it did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Fuel to be charged. The same for the same call on every machine; see the crate's README for traps.
    pub fuel: u64,
    /// What the call reached outside, sorted, each target once.
    pub touched: Vec<Touch>,
    /// How it failed.
    pub fault: Option<Fault>,
    /// Most linear memory in use at a time, in bytes.
    pub peak_memory_bytes: u64,
    /// Wall-clock time from the start of the call to the end of the guest.
    pub duration: Duration,
    /// Bytes of log the guest wrote, dropped ones included.
    pub log_bytes: u64,
}

/// A call that gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{fault}")]
pub struct Failed {
    /// Why.
    pub fault: Fault,
    /// What it used all the same.
    pub report: Box<Report>,
}

/// Something outside that a call reached, or tried to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// What sort of thing.
    pub kind: TouchKind,
    /// Which: an authority, a store's name, a directory's name, a path. Empty for clock and randomness.
    pub target: String,
    /// How often.
    pub count: u32,
}

/// What sort of thing was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TouchKind {
    /// An outbound request.
    Http,
    /// A key-value store.
    KeyValue,
    /// A directory.
    Directory,
    /// Another function.
    Function,
    /// A value on the ledger.
    Value,
    /// The real clock.
    Clock,
    /// Real randomness.
    Random,
}

/// Counts touches during a call. Cheap to clone; all clones count into one list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touches(Arc<Mutex<Vec<Touch>>>);

impl Touches {
    /// Counts one touch. Past the limit of different targets, further ones are not listed.
    pub(crate) fn note(&self, kind: TouchKind, target: &str) {
        let mut list = self.0.lock();
        if let Some(touch) = list.iter_mut().find(|t| t.kind == kind && t.target == target) {
            touch.count = touch.count.saturating_add(1);
        } else if list.len() < crate::limits::MAX_TOUCHES {
            list.push(Touch { kind, target: target.to_owned(), count: 1 });
        }
    }

    /// The list so far, sorted.
    pub(crate) fn list(&self) -> Vec<Touch> {
        let mut list = self.0.lock().clone();
        list.sort_unstable();
        list
    }
}
