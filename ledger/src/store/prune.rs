//! Letting old blocks go, each with all of its batches.
//!
//! From the oldest block on and never past one that is still needed, so that one height says what is gone. What
//! stays is whole: a proof needs its own batch and its own block, and a block keeps the headers that lead to its
//! certificate with itself.

use super::read;
use super::tables::{BATCHES, BLOCKS, HOURS, LINKS, META, META_PRUNED, OUTCOMES, PRUNED, RIVALS};
use crate::error::ReadError;
use crate::limits::{PRUNE_BLOCKS, ROOTS_REMEMBERED};
use moot_record::Digest;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

/// What may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Horizon {
    /// Blocks before this time, in milliseconds since 1970.
    pub(crate) before_ms: u64,
    /// Height of the last block applied.
    pub(crate) height: u64,
    /// Hour before which payloads have expired.
    pub(crate) hour: u32,
    /// The own lane, and its first batch with a call that has no receipt.
    pub(crate) open: (u32, u64),
}

/// What goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pruning {
    /// The last height that goes.
    up_to: u64,
    heights: Vec<u64>,
    batches: Vec<((u32, u64), Digest)>,
    voids: Vec<Digest>,
}

/// Finds the next blocks that may go.
pub(crate) fn plan(txn: &ReadTransaction, horizon: &Horizon) -> Result<Option<Pruning>, ReadError> {
    let first = read::pruned_height(txn)? + 1;
    let last = horizon.height.saturating_sub(ROOTS_REMEMBERED as u64);
    let mut pruning = Pruning::default();
    for height in (first..=last).take(usize::try_from(PRUNE_BLOCKS).unwrap_or(usize::MAX)) {
        let Some(block) = read::block(txn, height)? else { break };
        if block.header.time_ms >= horizon.before_ms {
            break;
        }
        let (mut batches, mut voids) = (Vec::new(), Vec::new());
        for digest in &block.batches {
            match read::settled_place(txn, digest)? {
                None => voids.push(*digest),
                // A block may name again what an earlier one has ordered.
                Some(place) if read::place(txn, place.0, place.1)?.is_some_and(|at| at.height == height) => {
                    batches.push((place, *digest));
                }
                Some(_) => {}
            }
        }
        let needed = |(place, _): &((u32, u64), Digest)| -> Result<bool, ReadError> {
            let open = place.0 == horizon.open.0 && place.1 >= horizon.open.1;
            Ok(open || read::hours(txn, *place)?.iter().any(|hour| *hour >= horizon.hour))
        };
        if batches.iter().map(needed).collect::<Result<Vec<bool>, _>>()?.contains(&true) {
            break;
        }
        pruning.up_to = height;
        pruning.heights.push(height);
        pruning.batches.extend(batches);
        pruning.voids.extend(voids);
    }
    Ok((pruning.up_to > 0).then_some(pruning))
}

impl Pruning {
    /// The last height that goes.
    pub(crate) fn up_to(&self) -> u64 {
        self.up_to
    }

    /// Whether it is as much as goes at once, so that there may be more.
    pub(crate) fn is_full(&self) -> bool {
        self.heights.len() as u64 >= PRUNE_BLOCKS
    }

    /// The places of its batches.
    pub(crate) fn places(&self) -> impl Iterator<Item = (u32, u64)> {
        self.batches.iter().map(|(place, _)| *place)
    }

    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), redb::Error> {
        let mut blocks = txn.open_table(BLOCKS)?;
        for height in &self.heights {
            blocks.remove(height)?;
        }
        let (mut batches, mut hours) = (txn.open_table(BATCHES)?, txn.open_table(HOURS)?);
        // Where a batch was placed, and which were void, is kept: what a digest means must outlive its bytes, or a
        // block that names it again would count here and nowhere else.
        let (mut links, mut outcomes) = (txn.open_table(LINKS)?, txn.open_table(OUTCOMES)?);
        let mut pruned = txn.open_table(PRUNED)?;
        for ((lane, seq), _) in &self.batches {
            let key = (*lane, *seq);
            batches.remove(key)?;
            hours.remove(key)?;
            links.retain_in((*lane, *seq, 0, 0)..=(*lane, *seq, u32::MAX, u64::MAX), |_, ()| false)?;
            outcomes.retain_in((*lane, *seq, 0)..=(*lane, *seq, u64::MAX), |_, _| false)?;
            let before = pruned.get(lane)?.map(|seq| seq.value());
            pruned.insert(lane, before.unwrap_or(0).max(*seq))?;
        }
        let mut rivals = txn.open_table(RIVALS)?;
        for digest in &self.voids {
            rivals.remove(digest.as_bytes())?;
        }
        txn.open_table(META)?.insert(META_PRUNED, self.up_to.to_le_bytes().as_slice())?;
        Ok(())
    }
}
