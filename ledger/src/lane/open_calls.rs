//! Calls of the own lane that have no receipt yet.

use moot_record::EntryId;
use std::collections::{BTreeMap, HashSet};

/// The open calls, by batch: the first batch with one is where recovery has to start.
#[derive(Debug, Default)]
pub(crate) struct OpenCalls {
    batches: BTreeMap<u64, HashSet<(u16, u16, u16)>>,
    count: usize,
}

impl OpenCalls {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The first batch that holds an open call.
    pub(crate) fn first_batch(&self) -> Option<u64> {
        self.batches.first_key_value().map(|(batch, _)| *batch)
    }

    pub(crate) fn contains(&self, id: &EntryId) -> bool {
        self.batches.get(&id.batch).is_some_and(|calls| calls.contains(&(id.bundle, id.page, id.slot)))
    }

    pub(crate) fn open(&mut self, id: &EntryId) {
        if self.batches.entry(id.batch).or_default().insert((id.bundle, id.page, id.slot)) {
            self.count += 1;
        }
    }

    /// False when the call was not open.
    pub(crate) fn close(&mut self, id: &EntryId) -> bool {
        let Some(calls) = self.batches.get_mut(&id.batch) else { return false };
        let found = calls.remove(&(id.bundle, id.page, id.slot));
        if found {
            self.count -= 1;
        }
        if calls.is_empty() {
            self.batches.remove(&id.batch);
        }
        found
    }

    /// Closes what is open of one bundle; says how many calls that were.
    pub(crate) fn close_bundle(&mut self, batch: u64, bundle: u16) -> usize {
        let Some(calls) = self.batches.get_mut(&batch) else { return 0 };
        let before = calls.len();
        calls.retain(|call| call.0 != bundle);
        let closed = before - calls.len();
        self.count -= closed;
        if calls.is_empty() {
            self.batches.remove(&batch);
        }
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_closed_once_and_the_first_batch_moves_on() {
        let id = |batch, slot| EntryId { lane: 0, batch, bundle: 0, page: 0, slot };
        let mut open = OpenCalls::default();
        open.open(&id(3, 0));
        open.open(&id(3, 1));
        open.open(&id(5, 0));
        assert_eq!((open.len(), open.first_batch()), (3, Some(3)));
        assert!(open.close(&id(3, 0)) && !open.close(&id(3, 0)) && !open.close(&id(4, 0)));
        assert!(open.contains(&id(3, 1)) && open.close(&id(3, 1)));
        assert_eq!((open.len(), open.first_batch()), (1, Some(5)));
        open.open(&EntryId { bundle: 7, ..id(5, 0) });
        assert_eq!((open.close_bundle(5, 0), open.close_bundle(5, 0), open.close_bundle(9, 0)), (1, 0, 0));
        assert_eq!((open.len(), open.close_bundle(5, 7), open.first_batch()), (1, 1, None));
    }
}
