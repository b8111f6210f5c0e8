//! Reading rows, each checked before anybody believes it.

use super::rows::{KeyRow, Marks, Place, StoredBlock, position, split_batch, unseal};
use super::tables::{
    BATCHES, BLOCKS, BUNDLES, FUNCTIONS, KEY_HOURS, KEYS, LINKS, META, META_MARKS, OUTCOMES, PAYLOADS, PLACED,
};
use crate::error::ReadError;
use crate::recent::Stored;
use crate::state::{FunctionRecord, Outcome};
use moot_record::cbor::Reader;
use moot_record::{Batch, DecodeError, Digest, EntryId, merkle};
use redb::{ReadTransaction, ReadableTable};
use std::collections::BTreeSet;
use std::sync::Arc;

type Read<T> = Result<T, ReadError>;

/// A batch whose every byte was checked against the digest it is stored under.
pub(crate) fn batch(txn: &ReadTransaction, lane: u32, seq: u64) -> Read<Option<Stored>> {
    match txn.open_table(BATCHES)?.get((lane, seq))? {
        None => Ok(None),
        Some(row) => parse_batch(lane, seq, row.value()).map(Some),
    }
}

fn parse_batch(lane: u32, seq: u64, row: &[u8]) -> Read<Stored> {
    let what = format!("batch {lane}-{seq}");
    let (digest, hours, bytes) = split_batch(&what, row)?;
    let batch = Batch::decode(bytes).map_err(|error| ReadError::damaged(&what, error))?;
    let whole = batch.digest() == digest
        && (batch.header.lane, batch.header.seq) == (lane, seq)
        && batch.header.root == merkle::root(&batch.leaves())
        && batch
            .bundles
            .iter()
            .all(|bundle| bundle.leaves().is_ok_and(|leaves| merkle::root(&leaves) == bundle.header.root));
    if !whole {
        return Err(ReadError::damaged(what, format!("its bytes do not hash to {digest}")));
    }
    Ok(Stored { digest, hours, batch: Arc::new(batch) })
}

/// Goes through the batches of a lane from `first` on, until `each` says stop.
pub(crate) fn batches_from(
    txn: &ReadTransaction,
    lane: u32,
    first: u64,
    mut each: impl FnMut(u64, Stored) -> Read<()>,
) -> Read<()> {
    for row in txn.open_table(BATCHES)?.range((lane, first)..=(lane, u64::MAX))? {
        let (key, row) = row?;
        let (_, seq) = key.value();
        each(seq, parse_batch(lane, seq, row.value())?)?;
    }
    Ok(())
}

/// The last batch of a lane.
pub(crate) fn last_batch(txn: &ReadTransaction, lane: u32) -> Read<Option<u64>> {
    let last = txn.open_table(BATCHES)?.range((lane, 0)..=(lane, u64::MAX))?.next_back().transpose()?;
    Ok(last.map(|(key, _)| key.value().1))
}

/// Later batches that hold receipts of calls in the given one.
pub(crate) fn links(txn: &ReadTransaction, lane: u32, seq: u64) -> Read<Vec<(u32, u64)>> {
    let table = txn.open_table(LINKS)?;
    let range = (lane, seq, 0, 0)..=(lane, seq, u32::MAX, u64::MAX);
    let mut found = Vec::new();
    for row in table.range(range)? {
        let (_, _, lane, seq) = row?.0.value();
        found.push((lane, seq));
    }
    Ok(found)
}

/// Where a batch stands, once final.
pub(crate) fn place(txn: &ReadTransaction, lane: u32, seq: u64) -> Read<Option<Place>> {
    txn.open_table(PLACED)?.get((lane, seq))?.map(|row| Place::decode(row.value())).transpose()
}

/// A block.
pub(crate) fn block(txn: &ReadTransaction, height: u64) -> Read<Option<StoredBlock>> {
    txn.open_table(BLOCKS)?.get(height)?.map(|row| StoredBlock::decode(height, row.value())).transpose()
}

/// The last blocks, newest first.
pub(crate) fn last_blocks(txn: &ReadTransaction, count: usize) -> Read<Vec<StoredBlock>> {
    let table = txn.open_table(BLOCKS)?;
    let mut found = Vec::new();
    for row in table.iter()?.rev().take(count) {
        let (height, row) = row?;
        found.push(StoredBlock::decode(height.value(), row.value())?);
    }
    Ok(found)
}

/// Every function.
pub(crate) fn functions(txn: &ReadTransaction) -> Read<Vec<Arc<FunctionRecord>>> {
    let table = txn.open_table(FUNCTIONS)?;
    let mut found = Vec::new();
    for row in table.iter()? {
        let (name, row) = row?;
        let what = format!("function {}", name.value());
        let record = FunctionRecord::decode(unseal(&what, row.value())?);
        found.push(Arc::new(record.map_err(|error| ReadError::damaged(what, error))?));
    }
    Ok(found)
}

/// What became of a transaction.
pub(crate) fn outcome(txn: &ReadTransaction, id: &EntryId) -> Read<Option<Outcome>> {
    let what = || format!("the outcome of {id}");
    let table = txn.open_table(OUTCOMES)?;
    let Some(row) = table.get((id.lane, id.batch, position(id)))? else { return Ok(None) };
    let outcome = Outcome::decode(unseal(&what(), row.value())?);
    outcome.map(Some).map_err(|error| ReadError::damaged(what(), error))
}

/// Bundle digests against replay: all of them, and those that the state machine counted.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    pub(crate) all: BTreeSet<(u64, Digest)>,
    pub(crate) counted: BTreeSet<(u64, Digest)>,
}

pub(crate) fn bundles(txn: &ReadTransaction) -> Read<Bundles> {
    let table = txn.open_table(BUNDLES)?;
    let mut found = Bundles::default();
    for row in table.iter()? {
        let (key, counted) = row?;
        let (valid_until, digest) = key.value();
        let key = (valid_until, Digest::from_bytes(*digest));
        found.all.insert(key);
        if counted.value() == 1 {
            found.counted.insert(key);
        }
    }
    Ok(found)
}

/// What an idempotency key stands for.
pub(crate) fn key(txn: &ReadTransaction, key: &Digest) -> Read<Option<KeyRow>> {
    txn.open_table(KEYS)?.get(key.as_bytes())?.map(|row| KeyRow::decode(row.value())).transpose()
}

/// Where recovery starts.
pub(crate) fn marks(txn: &ReadTransaction) -> Read<Marks> {
    let row = txn.open_table(META)?.get(META_MARKS)?;
    row.map_or_else(|| Ok(Marks::default()), |row| Marks::decode(row.value()))
}

/// A payload, by the hours under which its batch's payloads lie.
pub(crate) fn payload(txn: &ReadTransaction, id: &EntryId, hours: &[u32]) -> Read<Option<Vec<u8>>> {
    let table = txn.open_table(PAYLOADS)?;
    let at = position(id);
    for hour in hours {
        let range = (*hour, id.lane, id.batch, 0)..=(*hour, id.lane, id.batch, at);
        let Some(found) = table.range(range)?.next_back() else { continue };
        let (_, row) = found?;
        let mut r = Reader::new(row.value());
        while !r.rest().is_empty() {
            let item = (|| Ok((r.uint()?, r.bytes(usize::MAX)?)))();
            let (found, bytes) =
                item.map_err(|error: DecodeError| ReadError::damaged(format!("the payload of {id}"), error))?;
            if found == at {
                return Ok(Some(bytes.to_vec()));
            }
        }
    }
    Ok(None)
}

/// Whether payloads or idempotency keys have expired by `hour`.
pub(crate) fn expired(txn: &ReadTransaction, hour: u32) -> Read<bool> {
    let payloads = txn.open_table(PAYLOADS)?.range(..(hour, 0, 0, 0))?.next().transpose()?.is_some();
    let over = super::write::forgotten_before(hour);
    let keys = txn.open_table(KEY_HOURS)?.range(..(over, &[0; 32]))?.next().transpose()?.is_some();
    Ok(payloads || keys)
}

/// A row of payloads without the one at `at`; none when it is not there or the row does not read.
pub(crate) fn without_payload(row: &[u8], at: u64) -> Option<Vec<u8>> {
    let mut r = Reader::new(row);
    loop {
        let start = r.position();
        let found = r.uint().ok()?;
        r.bytes(usize::MAX).ok()?;
        if found == at {
            return Some([row.get(..start)?, r.rest()].concat());
        }
    }
}
