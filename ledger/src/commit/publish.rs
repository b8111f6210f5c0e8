//! Telling everybody what is on disk now.

use super::{Committer, Work};
use crate::core::{Counters, Head};
use crate::events::Event;
use crate::exchange::Content;
use crate::lane::Sealed;
use crate::limits::MAX_REMEMBERED_BUNDLES;
use crate::limits::{ROOTS_REMEMBERED, STATE_TREES_KEPT};
use crate::recent::Stored;
use crate::state::DerivedNews;
use crate::store::{Applied, Changeset, Job};
use crate::unordered::Waiting;
use moot_record::{Account, Digest, PriceList, StateKey};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Committer {
    /// In an order that matters: readers first find what waiters are then told about.
    pub(super) fn publish(&mut self, work: Work, synced: bool) {
        let core = self.core.clone();
        core.lane.lock().committed();
        let mut events = Vec::new();
        let changes = &work.changes;
        let own_alone = changes.foreign.is_empty() && changes.rivals.is_empty() && changes.blocks.is_empty();
        for batch in work.changes.batches {
            self.publish_batch(batch, &mut events);
        }
        for batch in work.changes.foreign {
            let (place, digest) = (batch.place(), batch.digest);
            let waiting = Waiting::new(digest, None, batch.content);
            core.unordered.lock().insert(place, waiting);
            self.arrived(&digest, batch.row.len());
        }
        for batch in work.changes.rivals {
            core.unordered.lock().insert_rival(batch.digest, batch.place());
            self.arrived(&batch.digest, batch.row.len());
        }
        for applied in &work.changes.blocks {
            self.publish_block(applied, &mut events);
        }
        let ripe = {
            let unordered = core.unordered.lock();
            core.waiting.store(unordered.count(core.lane_number()), Ordering::Relaxed);
            core.all_waiting.store(unordered.len(), Ordering::Relaxed);
            unordered.is_ripe(core.order_within)
        };
        // Batches of others came, or others are the oldest now, or there is a new root. Own batches alone are no news to
        // those who listen until a block is worth making of them: a busy node would wake its engine for every commit.
        if ripe || !own_alone || core.pace.is_asked() {
            core.pace.ring();
        }
        for job in &work.changes.jobs {
            if let Job::Prune(pruning) = job {
                pruning.places().for_each(|place| core.recent.remove(place));
                core.pruned.store(pruning.up_to(), Ordering::Relaxed);
            }
        }
        core.blocked.store(self.blocks.len(), Ordering::Relaxed);
        core.evidence.store(self.convicted.len(), Ordering::Relaxed);
        core.validity.store(self.state.validity().unwrap_or(0), Ordering::Relaxed);
        if let Some(lost) = work.changes.lost {
            *core.lost.write() = Some(lost);
        }
        if work.changes.blocks.iter().any(|applied| applied.changes.seats.is_some()) {
            core.take_seats();
        }
        if core.genesis.epochs.is_some() && !work.changes.blocks.is_empty() {
            core.stand();
        }
        for settled in work.settled {
            settled.promise.finalized(settled.height);
        }
        if synced {
            let before = self.unsynced.drain(..).flat_map(|(_, acks)| acks);
            before.chain(work.acks).for_each(|ack| ack());
        } else if !(work.acks.is_empty() && work.changes.blocks.is_empty()) {
            let blocks = Changeset { blocks: work.changes.blocks, ..Changeset::default() };
            self.unsynced.push((blocks, work.acks));
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
        let stored = Stored { hours: batch.hours, batch: batch.batch };
        core.recent.insert(batch.lane, batch.seq, stored, batch.row.len());
        for (key, _) in &batch.keys {
            core.flights.land(key);
        }
        let handle = batch.promise.handle();
        let content = Content::Here(batch.ordered, batch.charges);
        let waiting = Waiting::new(batch.digest, Some(batch.promise), content);
        core.unordered.lock().insert((batch.lane, batch.seq), waiting);
        if handle.asked() {
            core.pace.note();
        }
        handle.durable();
        events.extend(batch.events);
        // Only what is on disk here leaves the house. So the disk knows every number that another replica may
        // have seen, and after a crash none is used twice.
        core.wants.line.push(batch.row);
    }

    /// A batch of another lane is on disk.
    fn arrived(&self, digest: &Digest, bytes: usize) {
        let core = &self.core;
        Counters::add(&core.counters.foreign_batches, 1);
        Counters::add(&core.counters.foreign_bytes, bytes as u64);
        core.wants.arrived(digest);
        core.intake.landed(digest);
    }

    /// Balances are others now, and what was promised for batches of the own lane is paid.
    fn publish_charges(&self, applied: &Applied) {
        let balances = applied.changes.rows.iter().filter_map(|(key, value)| match key {
            StateKey::Account(account) => {
                let found = value.as_deref().and_then(|value| Account::decode(value).ok());
                Some((*account, found.unwrap_or_default().balance))
            }
            _ => None,
        });
        let holds = &self.core.holds;
        holds.know(balances);
        let lane = self.core.lane_number();
        let own = applied.placed.iter().filter(|(place, ..)| place.0 == lane);
        own.for_each(|((_, seq), ..)| holds.charged(*seq));
    }

    fn publish_block(&self, applied: &Applied, events: &mut Vec<Event>) {
        let core = &self.core;
        let (header, changes) = (&applied.block.header, &applied.changes);
        if !changes.functions.is_empty() {
            let mut registry = core.registry.write();
            for record in &changes.functions {
                registry.insert(record.name.clone(), record.clone());
            }
            drop(registry);
            core.want_components(changes.functions.iter());
        }
        {
            let mut roots = core.roots.write();
            roots.push_back(applied.block.state_after);
            if roots.len() > ROOTS_REMEMBERED {
                roots.pop_front();
            }
        }
        if changes.rows.iter().any(|(key, _)| matches!(key, StateKey::Rule(_))) {
            *core.rules.write() = applied.rules.clone();
        }
        if changes.rows.iter().any(|(key, _)| matches!(key, StateKey::Trigger(_))) {
            *core.triggers.write() = applied.triggers.clone();
        }
        {
            let mut derived = core.derived.lock();
            for DerivedNews { call, end } in &changes.derived {
                match end {
                    None => drop(derived.insert(call.id, call.clone())),
                    Some(_) => drop(derived.remove(&call.id)),
                }
            }
        }
        if changes.rows.iter().any(|(key, _)| matches!(key, StateKey::Stake(_) | StateKey::Conviction(_))) {
            *core.stakes.write() = applied.stakes.clone();
        }
        if changes.rows.iter().any(|(key, _)| matches!(key, StateKey::Worker(_))) {
            *core.workers.write() = applied.workers.clone();
        }
        if !Arc::ptr_eq(&core.revoked.read(), &applied.revoked) {
            *core.revoked.write() = applied.revoked.clone();
        }
        {
            let mut trees = core.trees.write();
            if trees.back().is_none_or(|(root, _)| *root != applied.block.state_after) {
                trees.push_back((applied.block.state_after, applied.tree.clone()));
            }
            if trees.len() > STATE_TREES_KEPT {
                trees.pop_front();
            }
        }
        if core.charging() {
            self.publish_charges(applied);
        }
        if let Some((_, Some(list))) = changes.rows.iter().find(|(key, _)| *key == StateKey::Prices)
            && let Ok(list) = PriceList::decode(list)
        {
            *core.prices.write() = Some(Arc::new(list));
        }
        if let Some(seats) = &changes.seats {
            *core.seats.write() = seats.clone();
        }
        *core.head.write() =
            Head { height: header.height, time_ms: header.time_ms, state: applied.block.state_after };
        {
            // What no block may count any more needs no memory.
            let mut remembered = core.remembered.lock();
            if remembered.first().is_some_and(|(valid_until, _)| *valid_until < header.height) {
                *remembered = remembered.split_off(&(header.height, Digest::ZERO));
            }
            // What another replica has recorded first is not taken down here any more.
            // Half of the room is for what this replica records itself.
            let room = (MAX_REMEMBERED_BUNDLES / 2).saturating_sub(remembered.len());
            remembered.extend(changes.counted.iter().take(room));
        }
        if !changes.derived.is_empty() {
            core.derived_news.send_replace(header.height);
        }
        if !changes.values.is_empty() {
            core.value_news.send_replace(header.height);
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
