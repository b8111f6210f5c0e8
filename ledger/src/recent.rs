//! Batches in memory: the last ones committed, for those who ask at once for what they just said.

use moot_record::Batch;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A batch as it is on disk, checked.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Under which hours its payloads lie.
    pub(crate) hours: Vec<u32>,
    pub(crate) batch: Arc<Batch>,
}

/// The last batches, up to a number of bytes.
#[derive(Debug)]
pub(crate) struct Recent {
    max_bytes: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    batches: HashMap<(u32, u64), Arc<Stored>>,
    order: VecDeque<((u32, u64), usize)>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn new(max_bytes: usize) -> Recent {
        Recent { max_bytes, inner: Mutex::default() }
    }

    pub(crate) fn get(&self, lane: u32, seq: u64) -> Option<Arc<Stored>> {
        self.inner.lock().batches.get(&(lane, seq)).cloned()
    }

    /// Lets one go that is not on disk any more; its bytes count until its turn comes.
    pub(crate) fn remove(&self, place: (u32, u64)) {
        self.inner.lock().batches.remove(&place);
    }

    pub(crate) fn insert(&self, lane: u32, seq: u64, stored: Stored, bytes: usize) {
        if bytes > self.max_bytes {
            return;
        }
        let mut inner = self.inner.lock();
        if inner.batches.insert((lane, seq), Arc::new(stored)).is_some() {
            return;
        }
        inner.order.push_back(((lane, seq), bytes));
        inner.bytes += bytes;
        while inner.bytes > self.max_bytes {
            let Some((key, bytes)) = inner.order.pop_front() else { break };
            inner.batches.remove(&key);
            inner.bytes -= bytes;
        }
    }
}
