//! Derived calls as their readers find them: open ones, and those that ended, for as long as values are kept.

use super::rows;
use super::tables::DERIVED;
use crate::error::ReadError;
use crate::limits::FORGET_VALUES;
use crate::state::{DerivedId, DerivedNews};
use crate::store::values::is_kept;
use crate::store::write::Applied;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

type Read<T> = Result<T, ReadError>;

/// Writes down what the blocks say of derived calls, and lets go of those that ended long ago.
pub(super) fn write(txn: &WriteTransaction, blocks: &[Applied], due: bool) -> Result<(), redb::Error> {
    let new = blocks.iter().map(|applied| applied.changes.derived.len()).sum::<usize>();
    if new == 0 && !due {
        return Ok(());
    }
    let mut table = txn.open_table(DERIVED)?;
    for news in blocks.iter().flat_map(|applied| &applied.changes.derived) {
        let row = rows::seal(news.encode());
        table.insert((news.call.id.height, news.call.id.number), row.as_slice())?;
    }
    let Some(now_ms) = blocks.last().map(|applied| applied.block.header.time_ms) else { return Ok(()) };
    let mut old = Vec::new();
    for row in table.iter()?.take(new + FORGET_VALUES) {
        let (key, row) = row?;
        match decode(row.value()) {
            Ok(news) if is_kept(news.call.time_ms, now_ms) => break,
            Ok(DerivedNews { end: None, .. }) => {}
            _ => old.push(key.value()),
        }
    }
    for key in old {
        table.remove(key)?;
    }
    Ok(())
}

fn decode(row: &[u8]) -> Read<DerivedNews> {
    let what = "a derived call";
    DerivedNews::decode(rows::unseal(what, row)?).map_err(|error| ReadError::damaged(what, error))
}

/// One of them.
pub(crate) fn get(txn: &ReadTransaction, id: &DerivedId) -> Read<Option<DerivedNews>> {
    txn.open_table(DERIVED)?.get((id.height, id.number))?.map(|row| decode(row.value())).transpose()
}

/// The newest, newest first, at most `max`.
pub(crate) fn newest(txn: &ReadTransaction, max: usize) -> Read<Vec<DerivedNews>> {
    txn.open_table(DERIVED)?.iter()?.rev().take(max).map(|row| decode(row?.1.value())).collect()
}
