//! Gathering what goes into the next transaction.

use super::{Committer, Work};
use crate::core::Inbox;
use crate::lane::{Sealed, seal};
use crate::limits::{EXPIRY_STEP_S, MARKS_EVERY_COMMITS, MAX_ACCUSATIONS_EACH, MAX_VALIDITY_BLOCKS};
use crate::store::{Changeset, Marks};
use moot_ordering::Misconduct;

impl Committer {
    /// Takes everything that waits; none when nothing does.
    pub(super) fn prepare(&mut self, closing: bool) -> Result<Option<Work>, String> {
        let core = self.core.clone();
        let inbox: Inbox = std::mem::take(&mut *core.inbox.lock());
        // Before the lane is taken: numbers that came back from others must not be given away again.
        let mut changes = Changeset::default();
        let landing = self.hold(inbox.foreign, &mut changes)?;
        self.accuse(inbox.caught, &mut changes);
        // One look at the lane: what is open now is what the taken batches and those before them leave open.
        let (open, first_open, next) = {
            let mut lane = core.lane.lock();
            let open = lane.take();
            (open, lane.calls.first_batch(), lane.next_seq())
        };
        let valid_until = self.state.height() + MAX_VALIDITY_BLOCKS;
        let batches =
            open.into_iter().map(|open| seal(open, &core.key, &core.network, valid_until, core.charging()));
        changes.batches = batches.collect::<Result<Vec<Sealed>, _>>()?;
        let mut work = Work { changes, settled: Vec::new(), acks: Vec::new(), done: Vec::new() };
        self.enqueue(inbox.blocks, &landing)?;
        self.note_token(&mut work.changes);
        self.apply_ready(&mut work)?;
        for (job, done) in inbox.jobs {
            work.changes.jobs.push(job);
            work.done.extend(done);
        }
        let last_marks = closing && !self.upkeep.marked;
        if work.changes.is_empty() && work.acks.is_empty() && !last_marks {
            return Ok(None);
        }
        if work.changes.batches.iter().any(|batch| !batch.keys.is_empty()) {
            work.changes.hour = u32::try_from(core.clock.now_s() / EXPIRY_STEP_S).unwrap_or(u32::MAX);
        }
        let marks_due = self.commits.is_multiple_of(MARKS_EVERY_COMMITS);
        // A batch that filled a gap below a mark must be found again too.
        let below = work.changes.foreign.iter().any(|batch| batch.place().1 < self.marks.of(batch.place().0));
        if marks_due || closing || below {
            self.marks = self.marks_now(&work.changes, first_open, next);
            work.changes.marks = Some(self.marks.clone());
            self.upkeep.marked = closing;
        }
        Ok(Some(work))
    }

    /// Keeps the first few proofs against each member of a committee that contradicts itself.
    fn accuse(&self, caught: Vec<Misconduct>, changes: &mut Changeset) {
        let mut accused = self.core.accused.write();
        for misconduct in caught {
            let views = accused.entry(misconduct.who).or_default();
            if views.len() < MAX_ACCUSATIONS_EACH && views.insert((misconduct.epoch, misconduct.view)) {
                let Misconduct { who, epoch, view, what, .. } = &misconduct;
                tracing::error!(%who, epoch, view, %what, "a member of the committee contradicts itself: both votes are kept");
                changes.misconduct.push(misconduct);
            }
        }
    }

    /// The batch that carries the token of the way back is sealed.
    fn note_token(&mut self, changes: &mut Changeset) {
        let Some(lost) = self.lost.as_mut().filter(|lost| lost.token.is_none()) else { return };
        let Some(seq) = *self.core.token_in.lock() else { return };
        if let Some(batch) = changes.batches.iter().find(|batch| batch.seq == seq) {
            lost.token = Some(batch.digest);
            changes.lost = Some(lost.clone());
        }
    }

    /// Where recovery would have to start after this transaction.
    fn marks_now(&self, changes: &Changeset, first_open: Option<u64>, next: u64) -> Marks {
        let unordered = self.core.unordered.lock();
        let lanes = u32::try_from(self.core.seats.read().all().len()).unwrap_or(u32::MAX);
        let mark = |lane: u32| {
            let own = changes.batches.iter().filter(|batch| batch.lane == lane).map(|batch| batch.seq);
            let foreign = changes.foreign.iter().map(|batch| batch.place()).filter(|place| place.0 == lane);
            let new = own.chain(foreign.map(|place| place.1)).min();
            let first = [unordered.first(lane), new].into_iter().flatten().min();
            let beyond = || match lane == self.core.lane_number() {
                true => next,
                false => unordered.marks(lane).held.map_or(0, |held| held.saturating_add(1)),
            };
            first.unwrap_or_else(beyond)
        };
        Marks { open_calls: first_open.unwrap_or(next), unordered: (0..lanes).map(mark).collect() }
    }
}
