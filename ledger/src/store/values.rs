//! Values that were allowed, as their readers find them: by path the newest, and all in the blocks' order.
//!
//! Written in the transaction of their block, so a reader who knows of the block finds them. What is older than the
//! retention is let go, the oldest first, and a path with its last value.

use super::rows;
use super::tables::{VALUE_LOG, VALUES};
use crate::error::ReadError;
use crate::limits::{FORGET_VALUES, VALUE_RETENTION_S};
use crate::store::write::Applied;
use moot_record::cbor::{self, Reader};
use moot_record::limits::MAX_PATH_BYTES;
use moot_record::{DecodeError, EntryId};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use std::ops::Bound;

type Read<T> = Result<T, ReadError>;

/// Where a value stands among all that were allowed: height of its block, and its number among those of the block.
pub(crate) type Turn = (u64, u32);

/// What is known of a value without its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValueRow {
    pub(crate) turn: Turn,
    pub(crate) id: EntryId,
    pub(crate) time_ms: u64,
    pub(crate) path: String,
}

impl ValueRow {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.path.len());
        cbor::array(&mut out, 5);
        cbor::uint(&mut out, self.turn.0);
        cbor::uint(&mut out, self.turn.1);
        cbor::bytes(&mut out, &self.id.encode());
        cbor::uint(&mut out, self.time_ms);
        cbor::text(&mut out, &self.path);
        rows::seal(out)
    }

    fn decode(row: &[u8]) -> Read<ValueRow> {
        let what = "the place of a value";
        let r = &mut Reader::new(rows::unseal(what, row)?);
        (|| {
            r.array(5)?;
            let row = ValueRow {
                turn: (r.uint()?, r.small()?),
                id: EntryId::decode(r.bytes(64)?)?,
                time_ms: r.uint()?,
                path: r.text(MAX_PATH_BYTES)?.to_owned(),
            };
            r.end()?;
            Ok(row)
        })()
        .map_err(|error: DecodeError| ReadError::damaged(what, error))
    }
}

/// Lists what the blocks have allowed, and lets go of what is too old.
pub(super) fn write(txn: &WriteTransaction, blocks: &[Applied], due: bool) -> Result<(), redb::Error> {
    let new = blocks.iter().map(|applied| applied.changes.values.len()).sum::<usize>();
    if new == 0 && !due {
        return Ok(());
    }
    let (mut newest, mut log) = (txn.open_table(VALUES)?, txn.open_table(VALUE_LOG)?);
    for applied in blocks {
        let header = &applied.block.header;
        for (index, (id, path)) in (0u32..).zip(&applied.changes.values) {
            let turn = (header.height, index);
            let row = ValueRow { turn, id: *id, time_ms: header.time_ms, path: path.clone() }.encode();
            newest.insert(path.as_str(), row.as_slice())?;
            log.insert(turn, row.as_slice())?;
        }
    }
    let Some(now_ms) = blocks.last().map(|applied| applied.block.header.time_ms) else { return Ok(()) };
    let mut old = Vec::new();
    for row in log.iter()?.take(new + FORGET_VALUES) {
        let (turn, row) = row?;
        match ValueRow::decode(row.value()) {
            Ok(row) if is_kept(row.time_ms, now_ms) => break,
            row => old.push((turn.value(), row.ok())),
        }
    }
    for (turn, row) in old {
        log.remove(turn)?;
        let Some(row) = row else { continue };
        let last = newest.get(row.path.as_str())?.and_then(|row| ValueRow::decode(row.value()).ok());
        if last.is_some_and(|last| last.turn == turn) {
            newest.remove(row.path.as_str())?;
        }
    }
    Ok(())
}

/// Whether a value of a block's time is delivered still.
pub(crate) fn is_kept(time_ms: u64, now_ms: u64) -> bool {
    time_ms.saturating_add(VALUE_RETENTION_S * 1000) > now_ms
}

/// The newest value of a path.
pub(crate) fn newest(txn: &ReadTransaction, path: &str) -> Read<Option<ValueRow>> {
    txn.open_table(VALUES)?.get(path)?.map(|row| ValueRow::decode(row.value())).transpose()
}

/// The newest values of the paths below one, by path; those after `after`, at most `max`.
pub(crate) fn below(
    txn: &ReadTransaction,
    path: &str,
    after: Option<&str>,
    max: usize,
) -> Read<Vec<ValueRow>> {
    let (first, end) = (format!("{path}/"), format!("{path}0"));
    let from = match after.filter(|after| *after > first.as_str()) {
        Some(after) => Bound::Excluded(after),
        None => Bound::Included(first.as_str()),
    };
    // `0` comes after `/`: everything below and nothing beside.
    let rows = txn.open_table(VALUES)?;
    let rows = rows.range::<&str>((from, Bound::Excluded(end.as_str())))?;
    rows.take(max).map(|row| ValueRow::decode(row?.1.value())).collect()
}

/// The next values after a turn, at most `max` of them.
pub(crate) fn after(txn: &ReadTransaction, turn: Turn, max: usize) -> Read<Vec<ValueRow>> {
    let log = txn.open_table(VALUE_LOG)?;
    let rows = log.range((Bound::Excluded(turn), Bound::Unbounded))?;
    rows.take(max).map(|row| ValueRow::decode(row?.1.value())).collect()
}

/// The turn of the value at an address, whose block has this height.
pub(crate) fn turn_of(txn: &ReadTransaction, height: u64, id: &EntryId) -> Read<Option<Turn>> {
    for row in txn.open_table(VALUE_LOG)?.range((height, 0)..=(height, u32::MAX))? {
        let row = ValueRow::decode(row?.1.value())?;
        if row.id == *id {
            return Ok(Some(row.turn));
        }
    }
    Ok(None)
}

/// The turn of the last value of all.
pub(crate) fn last(txn: &ReadTransaction) -> Read<Turn> {
    Ok(txn.open_table(VALUE_LOG)?.last()?.map_or((0, 0), |(turn, _)| turn.value()))
}

/// The height of the first value that is kept.
pub(crate) fn first(txn: &ReadTransaction) -> Read<Option<u64>> {
    Ok(txn.open_table(VALUE_LOG)?.first()?.map(|(turn, _)| turn.value().0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back() {
        let id = EntryId { lane: 1, batch: 2, bundle: 3, page: 4, slot: 5 };
        let row = ValueRow { turn: (9, 2), id, time_ms: 77, path: "/chat/lobby/42".into() };
        assert_eq!(ValueRow::decode(&row.encode()).unwrap(), row);
        assert!(is_kept(1000, 1000) && !is_kept(0, VALUE_RETENTION_S * 1000));
    }
}
