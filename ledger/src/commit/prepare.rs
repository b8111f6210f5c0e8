//! Gathering what goes into the next transaction.

use super::{Committer, Work};
use crate::core::Inbox;
use crate::lane::{Sealed, seal};
use crate::limits::{EXPIRY_STEP_S, MARKS_EVERY_COMMITS, MAX_VALIDITY_BLOCKS};
use crate::store::{Changeset, Marks};

impl Committer {
    /// Takes everything that waits; none when nothing does.
    pub(super) fn prepare(&mut self, closing: bool) -> Result<Option<Work>, String> {
        let core = self.core.clone();
        let inbox: Inbox = std::mem::take(&mut *core.inbox.lock());
        // One look at the lane: what is open now is what the taken batches and those before them leave open.
        let (open, first_open, next) = {
            let mut lane = core.lane.lock();
            let open = lane.take();
            (open, lane.calls.first_batch(), lane.next_seq())
        };
        let marks_due = self.commits.is_multiple_of(MARKS_EVERY_COMMITS);
        let last_marks = closing && !self.upkeep.marked;
        if open.is_empty() && inbox.is_empty() && !last_marks {
            return Ok(None);
        }
        let valid_until = self.state.height() + MAX_VALIDITY_BLOCKS;
        let batches = open.into_iter().map(|open| seal(open, &core.key, &core.network, valid_until));
        let batches: Vec<Sealed> = batches.collect::<Result<_, _>>()?;
        let mut work = Work {
            changes: Changeset { batches, ..Changeset::default() },
            settled: Vec::new(),
            acks: Vec::new(),
            done: Vec::new(),
        };
        for (block, ack) in inbox.blocks {
            work.acks.push(ack);
            if let Some((applied, settled)) = self.apply(block)? {
                work.changes.blocks.push(applied);
                work.settled.extend(settled);
            }
        }
        for (job, done) in inbox.jobs {
            work.changes.jobs.push(job);
            work.done.extend(done);
        }
        if work.changes.batches.iter().any(|batch| !batch.keys.is_empty()) {
            work.changes.hour = u32::try_from(core.clock.now_s() / EXPIRY_STEP_S).unwrap_or(u32::MAX);
        }
        if marks_due || closing {
            let first_unordered = core.unordered.lock().first(core.lane_number);
            let first_new = work.changes.batches.first().map(|batch| batch.seq);
            let marks = Marks {
                open_calls: first_open.unwrap_or(next),
                unordered: first_unordered.or(first_new).unwrap_or(next),
            };
            work.changes.marks = Some(marks);
            self.upkeep.marked = closing;
        }
        Ok(Some(work))
    }
}
