//! Telling everybody what is on disk now.

use super::{Committer, Work};
use crate::core::{Counters, Head};
use crate::events::Event;
use crate::lane::Sealed;
use crate::recent::Stored;
use crate::store::Applied;
use crate::unordered::Waiting;
use std::sync::atomic::Ordering;

impl Committer {
    /// In an order that matters: readers first find what waiters are then told about.
    pub(super) fn publish(&mut self, work: Work) {
        let core = self.core.clone();
        core.lane.lock().committed();
        let mut events = Vec::new();
        let fresh = !work.changes.batches.is_empty();
        for batch in work.changes.batches {
            self.publish_batch(batch, &mut events);
        }
        if fresh {
            core.bell.ring();
        }
        for applied in &work.changes.blocks {
            self.publish_block(applied, &mut events);
        }
        core.waiting.store(core.unordered.lock().len(), Ordering::Relaxed);
        for settled in work.settled {
            settled.promise.finalized(settled.height);
        }
        for ack in work.acks {
            ack();
        }
        for done in work.done {
            let _ = done.send(());
        }
        if core.has_listeners() {
            for event in events {
                let _ = core.events.send(event);
            }
        }
    }

    fn publish_batch(&self, batch: Sealed, events: &mut Vec<Event>) {
        let core = &self.core;
        Counters::add(&core.counters.batches, 1);
        Counters::add(&core.counters.batch_bytes, batch.row.len() as u64);
        let stored = Stored { digest: batch.digest, hours: batch.hours, batch: batch.batch };
        core.recent.insert(batch.lane, batch.seq, stored, batch.row.len());
        for (key, _) in &batch.keys {
            core.flights.land(key);
        }
        let handle = batch.promise.handle();
        let waiting = Waiting::new(batch.digest, batch.promise, batch.ordered);
        core.unordered.lock().insert(batch.lane, batch.seq, waiting);
        if handle.asked() {
            core.bell.note();
        }
        handle.durable();
        events.extend(batch.events);
    }

    fn publish_block(&self, applied: &Applied, events: &mut Vec<Event>) {
        let core = &self.core;
        let (header, changes) = (&applied.block.header, &applied.changes);
        if !changes.functions.is_empty() {
            let mut registry = core.registry.write();
            for record in &changes.functions {
                registry.insert(record.name.clone(), record.clone());
            }
        }
        *core.head.write() =
            Head { height: header.height, time_ms: header.time_ms, state: applied.block.state_after };
        {
            // What no block may count any more needs no memory.
            let mut remembered = core.remembered.lock();
            if remembered.first().is_some_and(|(valid_until, _)| *valid_until < header.height) {
                *remembered = remembered.split_off(&(header.height, moot_record::Digest::ZERO));
            }
        }
        if !core.has_listeners() {
            return;
        }
        events.push(Event::Block { height: header.height, time_ms: header.time_ms, batches: header.batches });
        for (id, outcome) in &changes.outcomes {
            events.push(Event::Outcome { id: *id, outcome: outcome.clone() });
        }
        events.extend(changes.functions.iter().cloned().map(Event::Function));
    }
}
