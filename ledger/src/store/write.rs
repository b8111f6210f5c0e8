//! One transaction: what the commit thread puts on disk at once.

use super::rows::{self, Marks, Place, StoredBlock};
use super::tables::{
    BATCHES, BLOCKS, BUNDLES, FUNCTIONS, KEY_HOURS, KEYS, LINKS, META, META_FORMAT, META_MARKS, META_NETWORK,
    OUTCOMES, PAYLOADS, PLACED,
};
use crate::lane::Sealed;
use crate::limits::{EXPIRY_STEP_S, FORGET_EVERY_BLOCKS, IDEMPOTENCY_RETENTION_S, SWEEP_ROWS};
use crate::state::Changes;
use moot_record::{Digest, EntryId};
use redb::{ReadableTable, WriteTransaction};

/// A final block with what it changed.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) block: StoredBlock,
    /// Its batches: lane and sequence number with their place.
    pub(crate) placed: Vec<((u32, u64), Place)>,
    pub(crate) changes: Changes,
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
}

/// What one transaction writes. It can be written again after the disk was full: the same rows, the same keys.
#[derive(Debug, Default)]
pub(crate) struct Changeset {
    pub(crate) batches: Vec<Sealed>,
    pub(crate) blocks: Vec<Applied>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) marks: Option<Marks>,
    /// The present hour, for idempotency keys.
    pub(crate) hour: u32,
    /// Set for the first transaction of a database only: format and network.
    pub(crate) genesis: Option<(u32, Digest)>,
}

type Done = Result<(), redb::Error>;

impl Changeset {
    /// What makes a new database one of a network.
    pub(super) fn genesis(format: u32, network: &Digest) -> Changeset {
        Changeset { genesis: Some((format, *network)), ..Changeset::default() }
    }

    pub(super) fn write(&self, txn: &WriteTransaction) -> Done {
        self.write_genesis(txn)?;
        self.write_batches(txn)?;
        self.write_keys(txn)?;
        self.write_blocks(txn)?;
        if let Some(marks) = self.marks {
            txn.open_table(META)?.insert(META_MARKS, marks.encode().as_slice())?;
        }
        self.jobs.iter().try_for_each(|job| match job {
            Job::Erase { id, hours } => erase(txn, id, hours),
            Job::Sweep { hour } => sweep(txn, *hour),
        })
    }

    fn write_genesis(&self, txn: &WriteTransaction) -> Done {
        let Some((format, network)) = &self.genesis else { return Ok(()) };
        let mut meta = txn.open_table(META)?;
        meta.insert(META_FORMAT, format.to_le_bytes().as_slice())?;
        meta.insert(META_NETWORK, network.as_bytes().as_slice())?;
        // Readers may then rely on every table being there.
        txn.open_table(BATCHES)?;
        txn.open_table(PAYLOADS)?;
        txn.open_table(LINKS)?;
        txn.open_table(PLACED)?;
        txn.open_table(BLOCKS)?;
        txn.open_table(FUNCTIONS)?;
        txn.open_table(OUTCOMES)?;
        txn.open_table(BUNDLES)?;
        txn.open_table(KEYS)?;
        txn.open_table(KEY_HOURS)?;
        Ok(())
    }

    fn write_batches(&self, txn: &WriteTransaction) -> Done {
        if self.batches.is_empty() {
            return Ok(());
        }
        let mut table = txn.open_table(BATCHES)?;
        for batch in &self.batches {
            table.insert((batch.lane, batch.seq), batch.row.as_slice())?;
        }
        drop(table);
        if self.batches.iter().any(|batch| !batch.payloads.is_empty()) {
            let mut table = txn.open_table(PAYLOADS)?;
            for batch in &self.batches {
                for (hour, first, row) in &batch.payloads {
                    table.insert((*hour, batch.lane, batch.seq, *first), row.as_slice())?;
                }
            }
        }
        if self.batches.iter().any(|batch| !batch.links.is_empty()) {
            let mut table = txn.open_table(LINKS)?;
            for batch in &self.batches {
                for (lane, seq) in &batch.links {
                    table.insert((*lane, *seq, batch.lane, batch.seq), ())?;
                }
            }
        }
        if self.batches.iter().any(|batch| !batch.bundle_ids.is_empty()) {
            let mut table = txn.open_table(BUNDLES)?;
            for (valid_until, digest) in self.batches.iter().flat_map(|batch| &batch.bundle_ids) {
                table.insert((*valid_until, digest.as_bytes()), 0)?;
            }
        }
        Ok(())
    }

    fn write_keys(&self, txn: &WriteTransaction) -> Done {
        if self.batches.iter().all(|batch| batch.keys.is_empty()) {
            return Ok(());
        }
        let (mut keys, mut hours) = (txn.open_table(KEYS)?, txn.open_table(KEY_HOURS)?);
        for (key, row) in self.batches.iter().flat_map(|batch| &batch.keys) {
            keys.insert(key.as_bytes(), row.encode().as_slice())?;
            hours.insert((self.hour, key.as_bytes()), ())?;
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
            let mut table = txn.open_table(PLACED)?;
            for (key, place) in self.blocks.iter().flat_map(|applied| &applied.placed) {
                table.insert(*key, place.encode().as_slice())?;
            }
        }
        if self.blocks.iter().any(|applied| !applied.changes.outcomes.is_empty()) {
            self.write_state(txn)?;
        }
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
        let mut outcomes = txn.open_table(OUTCOMES)?;
        let mut bundles = txn.open_table(BUNDLES)?;
        for applied in &self.blocks {
            for record in &applied.changes.functions {
                functions.insert(record.name.as_str(), rows::seal(record.encode()).as_slice())?;
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
