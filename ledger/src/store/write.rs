//! One transaction: what the commit thread puts on disk at once.

use super::log::LogRow;
use super::prune::Pruning;
use super::redo::Rows;
use super::rows::{self, Marks, Place, StoredBlock};
use super::tables::{
    ACCUSED, ANSWERS, BARE, BATCHES, BLOCKS, BUNDLES, DERIVED, DIGESTS, EVIDENCE, FUNCTIONS, HANDOVERS,
    HOURS, KEY_HOURS, KEYS, LINKS, META, META_FORMAT, META_LOG, META_LOST, META_MARKS, META_NETWORK,
    META_SEATS, OUTCOMES, PAYLOADS, PLACED, PRUNED, RIVALS, STATE, VALUE_LOG, VALUES, VOIDS,
};
use crate::exchange::Checked;
use crate::lane::Sealed;
use crate::limits::{EXPIRY_STEP_S, FORGET_EVERY_BLOCKS, IDEMPOTENCY_RETENTION_S, SWEEP_ROWS};
use crate::standing::Lost;
use crate::state::tree::Tree;
use crate::state::{Changes, Revoked, Rules, Stakes, Triggers, Workers};
use moot_ordering::Misconduct;
use moot_record::{Digest, EntryId, Equivocation, Handover, StateKey};
use redb::{ReadableTable, WriteTransaction};
use std::sync::Arc;

/// A final block with what it changed.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) block: StoredBlock,
    /// Its batches: lane and sequence number, digest, and place.
    pub(crate) placed: Vec<((u32, u64), Digest, Place)>,
    /// Places that a second version takes from the first: where, the one that the block names, the other.
    pub(crate) swapped: Vec<((u32, u64), Digest, Digest)>,
    /// Batches whose lane and sequence number belong to another one for good.
    pub(crate) voids: Vec<(Digest, Place)>,
    /// Batches with calls, and those with their receipts, of the second versions.
    pub(crate) links: Vec<((u32, u64), (u32, u64))>,
    pub(crate) changes: Changes,
    /// The rules afterwards.
    pub(crate) rules: Arc<Rules>,
    /// The triggers afterwards.
    pub(crate) triggers: Arc<Triggers>,
    /// The stakes afterwards.
    pub(crate) stakes: Arc<Stakes>,
    /// The workers afterwards.
    pub(crate) workers: Arc<Workers>,
    /// The accounts whose keys were revoked, afterwards.
    pub(crate) revoked: Arc<Revoked>,
    /// The state's tree afterwards.
    pub(crate) tree: Tree,
    /// Of a block that names another committee: that one's number, and what a proof shows of it.
    pub(crate) handover: Option<(u32, Handover)>,
}

/// Chores that are done along with a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// Removes one payload.
    Erase {
        /// The entry that names it.
        id: EntryId,
        /// The hours under which payloads of its batch lie.
        hours: Vec<u32>,
    },
    /// Removes payloads and idempotency keys whose hour is over.
    Sweep {
        /// The present hour.
        hour: u32,
    },
    /// Removes old blocks with their batches.
    Prune(Pruning),
    /// Removes second versions that nobody needs any more.
    Forget(Vec<Digest>),
}

/// What one transaction writes. It can be written again after the disk was full: the same rows, the same keys.
#[derive(Debug, Default)]
pub(crate) struct Changeset {
    /// Of the own lane.
    pub(crate) batches: Vec<Sealed>,
    /// Of other lanes, or of the own one before its disk was lost.
    pub(crate) foreign: Vec<Checked>,
    /// Second versions.
    pub(crate) rivals: Vec<Checked>,
    pub(crate) evidence: Vec<Equivocation>,
    pub(crate) misconduct: Vec<Misconduct>,
    pub(crate) blocks: Vec<Applied>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) marks: Option<Marks>,
    /// What became known of a lost journal of votes.
    pub(crate) lost: Option<Lost>,
    /// The present hour, for idempotency keys.
    pub(crate) hour: u32,
    /// Set for the first transaction of a database only.
    pub(crate) genesis: Option<Beginning>,
}

/// What a new database begins with.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) format: u32,
    pub(crate) network: Digest,
    /// What the state holds before the first block.
    pub(crate) state: Vec<(StateKey, Vec<u8>)>,
}

type Done = Result<(), redb::Error>;

impl Changeset {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.only_blocks()
    }

    /// Whether it is nothing but final blocks, which the engine has on disk too.
    pub(crate) fn only_blocks(&self) -> bool {
        self.batches.is_empty()
            && self.foreign.is_empty()
            && self.rivals.is_empty()
            && self.evidence.is_empty()
            && self.misconduct.is_empty()
            && self.jobs.is_empty()
            && self.marks.is_none()
            && self.lost.is_none()
            && self.genesis.is_none()
    }

    /// Whether it is nothing but batches that the log can take, and final blocks.
    pub(crate) fn only_rows(&self) -> bool {
        self.rivals.is_empty()
            && self.evidence.is_empty()
            && self.misconduct.is_empty()
            && self.jobs.is_empty()
            && self.lost.is_none()
            && self.genesis.is_none()
    }

    /// Whether it is nothing but batches that the log can take.
    pub(crate) fn only_batches(&self) -> bool {
        self.blocks.is_empty() && self.marks.is_none() && self.only_rows()
    }

    /// Whether it adds batches.
    pub(crate) fn has_rows(&self) -> bool {
        !self.batches.is_empty() || !self.foreign.is_empty()
    }

    /// What makes a new database one of a network.
    pub(super) fn genesis(beginning: Beginning) -> Changeset {
        Changeset { genesis: Some(beginning), ..Changeset::default() }
    }

    pub(super) fn write(&self, txn: &WriteTransaction) -> Done {
        self.write_genesis(txn)?;
        Rows::of(self).write(txn)?;
        self.write_rivals(txn)?;
        self.write_blocks(txn)?;
        if let Some(lost) = &self.lost {
            txn.open_table(META)?.insert(META_LOST, rows::seal(lost.encode()).as_slice())?;
        }
        if let Some(marks) = &self.marks {
            txn.open_table(META)?.insert(META_MARKS, marks.encode().as_slice())?;
            // Every call before the mark has its receipt.
            txn.open_table(ANSWERS)?.retain_in(..(marks.open_calls, 0), |_, _| false)?;
        }
        self.jobs.iter().try_for_each(|job| match job {
            Job::Erase { id, hours } => erase(txn, id, hours),
            Job::Sweep { hour } => sweep(txn, *hour),
            Job::Prune(pruning) => pruning.write(txn),
            Job::Forget(rivals) => forget(txn, rivals),
        })
    }

    fn write_genesis(&self, txn: &WriteTransaction) -> Done {
        let Some(Beginning { format, network, state }) = &self.genesis else { return Ok(()) };
        let mut meta = txn.open_table(META)?;
        meta.insert(META_FORMAT, format.to_le_bytes().as_slice())?;
        meta.insert(META_NETWORK, network.as_bytes().as_slice())?;
        meta.insert(META_LOG, LogRow::first().encode().as_slice())?;
        // Readers may then rely on every table being there.
        txn.open_table(BATCHES)?;
        txn.open_table(RIVALS)?;
        txn.open_table(DIGESTS)?;
        txn.open_table(VOIDS)?;
        txn.open_table(EVIDENCE)?;
        txn.open_table(HOURS)?;
        txn.open_table(PRUNED)?;
        txn.open_table(PAYLOADS)?;
        txn.open_table(LINKS)?;
        txn.open_table(PLACED)?;
        txn.open_table(BLOCKS)?;
        txn.open_table(FUNCTIONS)?;
        let mut table = txn.open_table(STATE)?;
        for (key, value) in state {
            table.insert(key.encode().as_slice(), rows::seal(value.clone()).as_slice())?;
        }
        txn.open_table(OUTCOMES)?;
        txn.open_table(VALUES)?;
        txn.open_table(VALUE_LOG)?;
        txn.open_table(DERIVED)?;
        txn.open_table(BUNDLES)?;
        txn.open_table(ANSWERS)?;
        txn.open_table(KEYS)?;
        txn.open_table(KEY_HOURS)?;
        txn.open_table(HANDOVERS)?;
        txn.open_table(BARE)?;
        txn.open_table(ACCUSED)?;
        super::charged::create(txn)
    }

    /// Second versions, and the proof that there are two.
    fn write_rivals(&self, txn: &WriteTransaction) -> Done {
        if !self.rivals.is_empty() {
            let mut table = txn.open_table(RIVALS)?;
            for batch in &self.rivals {
                table.insert(batch.digest.as_bytes(), batch.row.as_ref())?;
            }
        }
        if !self.evidence.is_empty() {
            let mut table = txn.open_table(EVIDENCE)?;
            for pair in &self.evidence {
                let place = (pair.first.header.lane, pair.first.header.seq);
                table.insert(place, rows::seal(pair.encode()).as_slice())?;
            }
        }
        if !self.misconduct.is_empty() {
            let mut table = txn.open_table(ACCUSED)?;
            for misconduct in &self.misconduct {
                let key = (misconduct.who.as_bytes(), misconduct.epoch, misconduct.view);
                table.insert(key, rows::encode_misconduct(misconduct).as_slice())?;
            }
        }
        Ok(())
    }

    fn write_blocks(&self, txn: &WriteTransaction) -> Done {
        if self.blocks.is_empty() {
            return Ok(());
        }
        let mut table = txn.open_table(BLOCKS)?;
        for applied in &self.blocks {
            table.insert(applied.block.header.height, applied.block.encode().as_slice())?;
        }
        drop(table);
        if self.blocks.iter().any(|applied| !applied.placed.is_empty()) {
            let (mut table, mut digests) = (txn.open_table(PLACED)?, txn.open_table(DIGESTS)?);
            for (key, digest, place) in self.blocks.iter().flat_map(|applied| &applied.placed) {
                table.insert(*key, place.encode().as_slice())?;
                digests.insert(digest.as_bytes(), *key)?;
            }
        }
        if self.blocks.iter().any(|applied| !applied.swapped.is_empty()) {
            let (mut batches, mut rivals) = (txn.open_table(BATCHES)?, txn.open_table(RIVALS)?);
            for (place, new, old) in self.blocks.iter().flat_map(|applied| &applied.swapped) {
                let row = rivals.remove(new.as_bytes())?.map(|row| row.value().to_vec());
                let Some(row) = row else { continue };
                let before = batches.insert(*place, row.as_slice())?.map(|row| row.value().to_vec());
                if let Some(before) = before {
                    rivals.insert(old.as_bytes(), before.as_slice())?;
                }
            }
        }
        if self.blocks.iter().any(|applied| !applied.links.is_empty()) {
            let mut table = txn.open_table(LINKS)?;
            for ((lane, seq), (answer_lane, answer_seq)) in
                self.blocks.iter().flat_map(|applied| &applied.links)
            {
                table.insert((*lane, *seq, *answer_lane, *answer_seq), ())?;
            }
        }
        if self.blocks.iter().any(|applied| !applied.voids.is_empty()) {
            let mut table = txn.open_table(VOIDS)?;
            for (digest, place) in self.blocks.iter().flat_map(|applied| &applied.voids) {
                table.insert(digest.as_bytes(), place.encode().as_slice())?;
            }
        }
        for StoredBlock { header, descent, .. } in self.blocks.iter().map(|applied| &applied.block) {
            if !descent.is_empty() {
                txn.open_table(BARE)?.insert(header.digest().as_bytes(), header.height)?;
            }
        }
        for applied in &self.blocks {
            if let Some((number, handover)) = &applied.handover {
                let row = rows::seal(handover.encode());
                txn.open_table(HANDOVERS)?.insert(*number, row.as_slice())?;
            }
        }
        if let Some(seats) = self.blocks.iter().rev().find_map(|applied| applied.changes.seats.as_ref()) {
            txn.open_table(META)?.insert(META_SEATS, rows::seal(seats.encode()).as_slice())?;
        }
        let changed = |applied: &Applied| {
            let Changes { functions, rows, outcomes, counted, .. } = &applied.changes;
            // Units come back and schedules fire by themselves too.
            !(functions.is_empty() && rows.is_empty() && outcomes.is_empty() && counted.is_empty())
        };
        if self.blocks.iter().any(changed) {
            self.write_state(txn)?;
        }
        super::charged::write(txn, &self.blocks)?;
        let due = self.blocks.iter().any(|a| a.block.header.height.is_multiple_of(FORGET_EVERY_BLOCKS));
        super::values::write(txn, &self.blocks, due)?;
        super::derived::write(txn, &self.blocks, due)?;
        for applied in &self.blocks {
            let height = applied.block.header.height;
            if height.is_multiple_of(FORGET_EVERY_BLOCKS) {
                // Bundles that no block may count any more.
                txn.open_table(BUNDLES)?.retain_in(..(height, &[0; 32]), |_, _| false)?;
            }
        }
        Ok(())
    }

    fn write_state(&self, txn: &WriteTransaction) -> Done {
        let mut functions = txn.open_table(FUNCTIONS)?;
        let mut state = txn.open_table(STATE)?;
        let mut outcomes = txn.open_table(OUTCOMES)?;
        let mut bundles = txn.open_table(BUNDLES)?;
        for applied in &self.blocks {
            for record in &applied.changes.functions {
                functions.insert(record.name.as_str(), rows::seal(record.encode()).as_slice())?;
            }
            for (key, value) in &applied.changes.rows {
                let key = key.encode();
                match value {
                    Some(value) => drop(state.insert(key.as_slice(), rows::seal(value.to_vec()).as_slice())?),
                    None => drop(state.remove(key.as_slice())?),
                }
            }
            for (id, outcome) in &applied.changes.outcomes {
                let key = (id.lane, id.batch, rows::position(id));
                outcomes.insert(key, rows::seal(outcome.encode()).as_slice())?;
            }
            for (valid_until, digest) in &applied.changes.counted {
                bundles.insert((*valid_until, digest.as_bytes()), 1)?;
            }
        }
        Ok(())
    }
}

/// Removes second versions, but for one that has come again in this transaction.
fn forget(txn: &WriteTransaction, forgotten: &[Digest]) -> Done {
    let mut rivals = txn.open_table(RIVALS)?;
    for digest in forgotten {
        rivals.remove(digest.as_bytes())?;
    }
    Ok(())
}

/// Rewrites the one row that holds the payload without it.
fn erase(txn: &WriteTransaction, id: &EntryId, hours: &[u32]) -> Done {
    let mut table = txn.open_table(PAYLOADS)?;
    let at = rows::position(id);
    for hour in hours {
        let range = (*hour, id.lane, id.batch, 0)..=(*hour, id.lane, id.batch, at);
        let found = match table.range(range)?.next_back().transpose()? {
            None => continue,
            Some((key, row)) => (key.value(), super::read::without_payload(row.value(), at)),
        };
        match found {
            (_, None) => {}
            (key, Some(kept)) if kept.is_empty() => drop(table.remove(key)?),
            (key, Some(kept)) => drop(table.insert(key, kept.as_slice())?),
        }
    }
    Ok(())
}

/// Removes what expired, a bounded number of rows at a time.
fn sweep(txn: &WriteTransaction, hour: u32) -> Done {
    let mut payloads = txn.open_table(PAYLOADS)?;
    let old: Vec<_> = payloads
        .range(..(hour, 0, 0, 0))?
        .take(SWEEP_ROWS)
        .map(|row| row.map(|(key, _)| key.value()))
        .collect::<Result<_, _>>()?;
    for key in old {
        payloads.remove(key)?;
    }
    let (mut keys, mut hours) = (txn.open_table(KEYS)?, txn.open_table(KEY_HOURS)?);
    let over = forgotten_before(hour);
    let old: Vec<(u32, [u8; 32])> = hours
        .range(..(over, &[0; 32]))?
        .take(SWEEP_ROWS * 16)
        .map(|row| row.map(|(key, _)| (key.value().0, *key.value().1)))
        .collect::<Result<_, _>>()?;
    for (hour, key) in old {
        hours.remove((hour, &key))?;
        keys.remove(&key)?;
    }
    Ok(())
}

/// Idempotency keys of hours before this one are forgotten at `hour`.
pub(super) fn forgotten_before(hour: u32) -> u32 {
    hour.saturating_sub(u32::try_from(IDEMPOTENCY_RETENTION_S / EXPIRY_STEP_S).unwrap_or(u32::MAX))
}
