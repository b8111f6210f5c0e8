//! How a ledger is doing, from memory alone.

use crate::condition::Condition;
use crate::core::Core;
use crate::ledger::Ledger;
use crate::standing::Standing;
use crate::state::Seat;
use moot_record::{AccountId, Digest, Role};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

/// How a ledger is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it may do.
    pub condition: Condition,
    /// Height of the last block committed here.
    pub height: u64,
    /// Height of the oldest block that is kept here: those before were pruned.
    pub kept_from: u64,
    /// Time of the last block.
    pub time_ms: u64,
    /// State root after that block.
    pub state: Digest,
    /// The own lane; none without a seat.
    pub lane: Option<u32>,
    /// Whether this replica votes and records, or follows.
    pub standing: Standing,
    /// The epoch of the next block; none where there is one epoch for ever.
    pub epoch: Option<u64>,
    /// Number of the committee that votes in it.
    pub committee: u32,
    /// Sequence number of the next batch.
    pub next_batch: u64,
    /// Entry and payload bytes that wait for their commit.
    pub queued_bytes: usize,
    /// Calls without a receipt.
    pub open_calls: usize,
    /// Batches on disk that no final block names yet, of all lanes.
    pub unordered_batches: usize,
    /// Every lane, by number.
    pub lanes: Vec<LaneStatus>,
    /// Final blocks that wait for batches which are not here yet.
    pub waiting_blocks: usize,
    /// Batches that are missing and asked for.
    pub missing_batches: usize,
    /// How often somebody was seen to say two things in one place: a lane's owner to seal two batches with one number, a
    /// member of the committee to vote for two things in one view. Both are on disk, the first few of each.
    pub evidence: usize,
    /// How ordering is doing.
    pub ordering: OrderingStatus,
    /// Functions deployed, retired ones included.
    pub functions: usize,
    /// Commits since the ledger was opened.
    pub commits: u64,
    /// Batches of the own lane since the ledger was opened.
    pub batches: u64,
    /// Bytes of those batches.
    pub batch_bytes: u64,
    /// Batches of other lanes since then.
    pub foreign_batches: u64,
    /// Bytes of those.
    pub foreign_bytes: u64,
    /// Time spent in those commits.
    pub commit_us: u64,
}

/// How a lane is doing, as far as this replica knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStatus {
    /// Its number.
    pub lane: u32,
    /// Its owner.
    pub account: AccountId,
    /// What its owner is to do.
    pub role: Role,
    /// Whether its owner is in the committee that votes now.
    pub votes: bool,
    /// The highest sequence number on disk here.
    pub last_held: Option<u64>,
    /// The highest sequence number in a final block.
    pub last_ordered: Option<u64>,
    /// Batches on disk that no final block names yet.
    pub unordered: usize,
    /// How often its owner was seen to seal two batches with one number.
    pub equivocations: usize,
    /// In how many views its owner was seen to vote for two things; only the first few are counted.
    pub contradictions: usize,
}

/// How ordering is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderingStatus {
    /// Somebody else orders: see [`crate::OrderingChoice::External`].
    External,
    /// The engine runs.
    Running,
    /// The engine ended for want of room on the disk, and is started again when there is some.
    Waiting(String),
    /// The engine ended for the reason given; the ledger stops.
    Failed(String),
}

impl Ledger {
    /// How the ledger is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        let core = self.core();
        let head = *core.head.read();
        let seats = core.seats.read().clone();
        let epoch = seats.epoch_of(head.height + 1);
        let (next_batch, queued_bytes, open_calls) = {
            let lane = core.lane.lock();
            (lane.next_seq(), lane.queued_bytes(), lane.calls.len())
        };
        Status {
            condition: core.gate.condition(),
            height: head.height,
            kept_from: self.kept_from(),
            time_ms: head.time_ms,
            state: head.state,
            lane: self.lane(),
            standing: core.standing.read().clone(),
            epoch: seats.epochs().map(|_| epoch),
            committee: seats.committee(epoch).number,
            next_batch,
            queued_bytes,
            open_calls,
            unordered_batches: core.all_waiting.load(Relaxed),
            lanes: core.lanes(),
            waiting_blocks: core.blocked.load(Relaxed),
            missing_batches: core.wants.len(),
            evidence: core.proofs(),
            ordering: core.ordering(),
            functions: core.registry.read().len(),
            commits: core.counters.commits.load(Relaxed),
            batches: core.counters.batches.load(Relaxed),
            batch_bytes: core.counters.batch_bytes.load(Relaxed),
            foreign_batches: core.counters.foreign_batches.load(Relaxed),
            foreign_bytes: core.counters.foreign_bytes.load(Relaxed),
            commit_us: core.counters.commit_us.load(Relaxed),
        }
    }
}

impl Core {
    fn lanes(&self) -> Vec<LaneStatus> {
        let unordered = self.unordered.lock();
        let accused = self.accused.read();
        let seats = self.seats.read().clone();
        let committee = seats.committee(seats.epoch_of(self.height() + 1));
        let status = |(lane, seat): (u32, &Seat)| {
            let marks = unordered.marks(lane);
            LaneStatus {
                lane,
                account: seat.account,
                role: seats.role(seat),
                votes: committee.contains(&seat.account),
                last_held: marks.held,
                last_ordered: marks.ordered,
                unordered: marks.waiting,
                equivocations: marks.equivocations,
                contradictions: accused.get(&seat.account).map_or(0, BTreeSet::len),
            }
        };
        (0u32..).zip(seats.all()).map(status).collect()
    }

    fn ordering(&self) -> OrderingStatus {
        match self.engine.read().as_ref().map(|engine| engine.borrow().clone()) {
            None => OrderingStatus::External,
            Some(Some(failure)) if failure.wants_room() => OrderingStatus::Waiting(failure.reason),
            Some(None) => OrderingStatus::Running,
            Some(Some(failure)) => OrderingStatus::Failed(failure.reason),
        }
    }
}
