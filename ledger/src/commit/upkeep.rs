//! What has to be looked at once in a while: room on the disk, expired payloads, old blocks.

use crate::accuse::Accusations;
use crate::core::Core;
use crate::limits::{CHARGE_WINDOW_MS, EXPIRY_STEP_S, PRUNE_PAUSE, TICK};
use crate::store::Job;
use crate::store::prune::{Horizon, Pruning, plan};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// When what was looked at last.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    looked: Option<Instant>,
    /// When to go on pruning, if there was more than goes at once.
    pruning: Option<Instant>,
    swept_hour: u32,
    /// Whether the closing marks are written.
    pub(super) marked: bool,
    accusations: Accusations,
}

impl Upkeep {
    /// Looks, at most once a [`TICK`].
    pub(super) fn tick(&mut self, core: &Core) {
        let hour = u32::try_from(core.clock.now_s() / EXPIRY_STEP_S).unwrap_or(u32::MAX);
        let now = core.clock.instant();
        let ago = |since: Instant| now.saturating_duration_since(since);
        if self.pruning.is_some_and(|since| ago(since) >= PRUNE_PAUSE) {
            self.look_for_old_blocks(core, hour);
        }
        if self.looked.is_some_and(|looked| ago(looked) < TICK) {
            return;
        }
        self.looked = Some(now);
        self.look_at_room(core);
        core.seek_return();
        core.accuse(&mut self.accusations);
        core.components.remind(&core.wants.line);
        core.components.uploads.sweep(core.clock.now_s());
        self.look_for_old_blocks(core, hour);
        if hour > self.swept_hour {
            match core.store.expired(hour) {
                Ok(true) => core.inbox.lock().jobs.push((Job::Sweep { hour }, None)),
                // All of it is gone: nothing to do until the next hour.
                Ok(false) => self.swept_hour = hour,
                Err(error) => tracing::warn!(%error, "cannot look for expired payloads"),
            }
        }
    }

    /// Plans the removal of what nobody needs any more.
    fn look_for_old_blocks(&mut self, core: &Core, hour: u32) {
        self.pruning = None;
        let Some(retention_s) = core.block_retention_s else { return };
        if core.inbox.lock().jobs.iter().any(|(job, _)| matches!(job, Job::Prune(_))) {
            // What was planned last is on its way.
            return;
        }
        let (first_open, next) = {
            let lane = core.lane.lock();
            (lane.calls.first_batch(), lane.next_seq())
        };
        // Calls that may still be charged may have to be looked up.
        let kept_ms = if core.charging() { 2 * CHARGE_WINDOW_MS } else { 0 };
        let horizon = Horizon {
            before_ms: core
                .clock
                .now_s()
                .saturating_sub(retention_s)
                .saturating_mul(1000)
                .saturating_sub(kept_ms),
            height: core.height(),
            hour,
            open: (core.lane_number(), first_open.unwrap_or(next)),
        };
        match core.store.read(|txn| plan(txn, &horizon)) {
            Ok(pruning) => {
                self.pruning = pruning.as_ref().is_some_and(Pruning::is_full).then(|| core.clock.instant());
                core.inbox.lock().jobs.extend(pruning.map(|pruning| (Job::Prune(pruning), None)));
            }
            Err(error) => tracing::warn!(%error, "cannot look for old blocks"),
        }
    }

    /// Stops taking things down while there is still room to finish what was taken.
    fn look_at_room(&self, core: &Core) {
        let Ok(free) = core.store.free_bytes() else { return };
        if free < core.min_free_bytes {
            if !core.gate.is_read_only() {
                tracing::warn!(free, "the disk is nearly full: reading only until there is room");
            }
            core.gate.read_only(&format!(
                "only {} MiB are free in {}, {} MiB are needed: free some space",
                free >> 20,
                core.dir.display(),
                core.min_free_bytes >> 20,
            ));
        } else if core.gate.is_read_only() && !core.engine_waits.load(Relaxed) {
            tracing::info!(free, "there is room on the disk again");
            core.gate.running();
        }
    }
}
