//! Rows about what is charged: the batches whose calls may still be, and the lines of accounts' statements.

use super::rows;
use super::tables::{EARLY, LINE_HEIGHTS, LINES, OPEN, PRICES};
use super::write::Applied;
use crate::error::ReadError;
use crate::limits::{FORGET_EVERY_BLOCKS, STATEMENT_BLOCKS};
use crate::state::{EarlyReceipts, OpenBatch, Posting};
use moot_record::{AccountId, PriceList, Prices};
use redb::{ReadTransaction, ReadableTable, TableError, WriteTransaction};

type Done = Result<(), redb::Error>;

/// Lane and sequence number.
type Place = (u32, u64);

/// Makes the tables of a new database.
pub(super) fn create(txn: &WriteTransaction) -> Done {
    txn.open_table(OPEN)?;
    txn.open_table(EARLY)?;
    txn.open_table(PRICES)?;
    txn.open_table(LINES)?;
    txn.open_table(LINE_HEIGHTS)?;
    Ok(())
}

/// Writes what blocks changed.
pub(super) fn write(txn: &WriteTransaction, blocks: &[Applied]) -> Done {
    if blocks.iter().any(|applied| !applied.changes.open.is_empty()) {
        let mut table = txn.open_table(OPEN)?;
        for (place, batch) in blocks.iter().flat_map(|applied| &applied.changes.open) {
            match batch {
                Some(batch) => drop(table.insert(*place, rows::seal(batch.encode()).as_slice())?),
                None => drop(table.remove(*place)?),
            }
        }
    }
    if blocks.iter().any(|applied| !applied.changes.early.is_empty()) {
        let mut table = txn.open_table(EARLY)?;
        for (place, early) in blocks.iter().flat_map(|applied| &applied.changes.early) {
            match early {
                Some(early) => drop(table.insert(*place, rows::seal(early.encode()).as_slice())?),
                None => drop(table.remove(*place)?),
            }
        }
    }
    if blocks.iter().any(|applied| !applied.changes.postings.is_empty()) {
        let (mut lines, mut heights) = (txn.open_table(LINES)?, txn.open_table(LINE_HEIGHTS)?);
        for applied in blocks {
            let height = applied.block.header.height;
            for lines_of_one in applied.changes.postings.chunk_by(|a, b| a.account == b.account) {
                let Some(Posting { account, .. }) = lines_of_one.first() else { continue };
                let row = rows::seal(Posting::encode_all(lines_of_one));
                lines.insert((account.as_bytes(), height), row.as_slice())?;
                heights.insert((height, account.as_bytes()), ())?;
            }
        }
    }
    for applied in blocks {
        if let Some(list) = &applied.changes.prices {
            // They are in force from the next block on.
            let row = rows::seal(list.encode());
            txn.open_table(PRICES)?.insert(applied.block.header.height + 1, row.as_slice())?;
        }
    }
    blocks.iter().try_for_each(|applied| forget(txn, applied.block.header.height))
}

/// Lets old lines go, once in a while.
fn forget(txn: &WriteTransaction, height: u64) -> Done {
    let Some(before) =
        height.checked_sub(STATEMENT_BLOCKS).filter(|_| height.is_multiple_of(FORGET_EVERY_BLOCKS))
    else {
        return Ok(());
    };
    let (mut lines, mut heights) = (txn.open_table(LINES)?, txn.open_table(LINE_HEIGHTS)?);
    let old: Vec<(u64, [u8; 32])> = heights
        .range(..(before, &[0; 32]))?
        .map(|row| row.map(|(key, _)| (key.value().0, *key.value().1)))
        .collect::<Result<_, _>>()?;
    for (height, account) in old {
        heights.remove((height, &account))?;
        lines.remove((&account, height))?;
    }
    Ok(())
}

/// The batches whose calls may still be charged. A database of before there were any has no such table.
pub(crate) fn open_batches(txn: &ReadTransaction) -> Result<Vec<(Place, OpenBatch)>, ReadError> {
    let table = match txn.open_table(OPEN) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut found = Vec::new();
    for row in table.iter()? {
        let (place, row) = row?;
        let what = "a batch with calls to be charged";
        let batch = OpenBatch::decode(rows::unseal(what, row.value())?);
        found.push((place.value(), batch.map_err(|error| ReadError::damaged(what, error))?));
    }
    Ok(found)
}

/// Receipts that wait for the batches of their calls.
pub(crate) fn early_receipts(txn: &ReadTransaction) -> Result<Vec<(Place, EarlyReceipts)>, ReadError> {
    let table = match txn.open_table(EARLY) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut found = Vec::new();
    for row in table.iter()? {
        let (place, row) = row?;
        let what = "receipts that came before their calls";
        let early = EarlyReceipts::decode(rows::unseal(what, row.value())?);
        found.push((place.value(), early.map_err(|error| ReadError::damaged(what, error))?));
    }
    Ok(found)
}

/// The list of prices that is in force at the first height, if it is not the genesis's, and those that follow up to the
/// last, each with its first height.
pub(crate) fn prices_between(
    txn: &ReadTransaction,
    first: u64,
    last: u64,
) -> Result<Vec<(u64, Prices)>, ReadError> {
    let table = match txn.open_table(PRICES) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let read = |height: u64, row: &[u8]| {
        let what = "a list of prices";
        let list = PriceList::decode(rows::unseal(what, row)?);
        list.map(|list| (height, list.prices)).map_err(|error| ReadError::damaged(what, error))
    };
    let mut found = Vec::new();
    if let Some((height, row)) = table.range(..=first)?.next_back().transpose()? {
        found.push(read(height.value(), row.value())?);
    }
    for row in table.range(first.saturating_add(1)..=last.max(first.saturating_add(1)))? {
        let (height, row) = row?;
        found.push(read(height.value(), row.value())?);
    }
    Ok(found)
}

/// The last lines of an account's statement, newest block first, below a height: at most `max` blocks of them.
pub(crate) fn lines(
    txn: &ReadTransaction,
    account: &AccountId,
    below: u64,
    max: usize,
) -> Result<Vec<(u64, Vec<Posting>)>, ReadError> {
    let table = match txn.open_table(LINES) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut found = Vec::new();
    let of = account.as_bytes();
    for row in table.range((of, 0)..(of, below))?.rev().take(max) {
        let (key, row) = row?;
        let what = format!("a line of account {account}");
        let lines = Posting::decode_all(*account, rows::unseal(&what, row.value())?);
        found.push((key.value().1, lines.map_err(|error| ReadError::damaged(&what, error))?));
    }
    Ok(found)
}
