//! Values for those who read them: the newest of a path, and what comes, in the blocks' order.
//!
//! ```text
//!   block ──► list of what was allowed (redb) ──► Ledger::values_after(turn) ──► whoever follows
//!     └─────► ValueNews: there is more ─────────────────┘
//! ```
//!
//! Who follows reads the list from where it stands, and is only woken: so nobody who is slow, away or restarted
//! misses a value within the retention, and nobody gets one twice.

use crate::append::PayloadBytes;
use crate::error::{ReadError, Refused};
use crate::idempotency::Reservation;
use crate::ledger::Ledger;
use crate::limits::MAX_VALUES_LOOKED_AT;
use crate::pending::Pending;
use crate::rules::Scope;
use crate::state::{Refusal, Verdict};
use crate::store::read;
use crate::store::values::{self, ValueRow};
use moot_record::limits::MAX_INLINE_BYTES;
use moot_record::{AccountId, Entry, EntryId, FunctionName, Value};
use tokio::sync::watch;

/// Where a value stands among all that were allowed: what follows it comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ValueTurn(values::Turn);

impl ValueTurn {
    /// After all values of a block, whether it has any or not.
    #[must_use]
    pub fn after_block(height: u64) -> ValueTurn {
        ValueTurn((height, u32::MAX))
    }
}

/// A value that was allowed.
#[derive(Debug, Clone)]
pub struct WrittenValue {
    /// Its address.
    pub id: EntryId,
    /// Height of its block.
    pub height: u64,
    /// Time of its block, in milliseconds since 1970.
    pub time_ms: u64,
    /// Where it stands among all.
    pub turn: ValueTurn,
    /// The value.
    pub value: Value,
}

impl Ledger {
    /// What the rules would say, if a value were written to a path now.
    #[must_use]
    pub fn judge(
        &self,
        path: &str,
        account: Option<AccountId>,
        function: Option<&FunctionName>,
        value: &[u8],
    ) -> Verdict {
        let (height, now_ms) = (self.height(), self.time_ms());
        let scope = Scope {
            account,
            function,
            value: (value.len() <= MAX_INLINE_BYTES).then_some(value),
            value_bytes: value.len() as u64,
            now_ms,
            height,
            balance: &|account| self.balance(account).unwrap_or(0),
        };
        self.rules().judge(path, &scope)
    }

    /// Records the one value of an idempotency key, with the key in the same commit.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then and the key is free again.
    pub fn append_value_once(
        &self,
        value: Value,
        payload: PayloadBytes,
        reservation: Reservation,
    ) -> Result<Pending, Refused> {
        self.record_value(value, payload, Some(reservation))
    }

    /// Why a value, whose block is final, was denied; none when it was allowed.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn denied(&self, id: EntryId) -> Result<Option<Refusal>, ReadError> {
        let first = EntryId { page: 0, slot: 0, ..id };
        let found = self.core().store.read(|txn| Ok((read::outcome(txn, &id)?, read::outcome(txn, &first)?)));
        let (own, bundle) = found?;
        let refusal = |found: Option<crate::state::Outcome>| found.and_then(|found| found.result.err());
        Ok(refusal(own).or_else(|| refusal(bundle).filter(Refusal::is_of_bundle)))
    }

    /// Height of the block that a value stands in; none while it is in none.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn height_of(&self, id: EntryId) -> Result<Option<u64>, ReadError> {
        let place = self.core().store.read(|txn| read::place(txn, id.lane, id.batch))?;
        Ok(place.map(|place| place.height))
    }

    /// The newest value of a path, within the retention.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn latest_value(&self, path: &str) -> Result<Option<WrittenValue>, ReadError> {
        match self.core().store.read(|txn| values::newest(txn, path))? {
            Some(row) => self.written(row),
            None => Ok(None),
        }
    }

    /// The newest values of paths below one, by path, from the one after `after` on; `max` at most.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn values_below(
        &self,
        path: &str,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<WrittenValue>, ReadError> {
        let max = max.min(MAX_VALUES_LOOKED_AT);
        let rows = self.core().store.read(|txn| values::below(txn, path, after, max))?;
        rows.into_iter().filter_map(|row| self.written(row).transpose()).collect()
    }

    /// The next values after a turn whose paths are wanted, in the blocks' order, and the turn up to which was looked.
    /// Looks at a bounded number of values: with the turn that it was given, there is nothing more yet.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn values_after(
        &self,
        turn: ValueTurn,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<WrittenValue>, ValueTurn), ReadError> {
        let rows = self.core().store.read(|txn| values::after(txn, turn.0, MAX_VALUES_LOOKED_AT))?;
        let reached = rows.last().map_or(turn, |row| ValueTurn(row.turn));
        let rows = rows.into_iter().filter(|row| wanted(&row.path));
        let found = rows.filter_map(|row| self.written(row).transpose()).collect::<Result<_, _>>()?;
        Ok((found, reached))
    }

    /// The turn of the value at an address; none when none was allowed there, or it is forgotten.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn value_turn(&self, id: EntryId) -> Result<Option<ValueTurn>, ReadError> {
        let turn = self.core().store.read(|txn| {
            let Some(place) = read::place(txn, id.lane, id.batch)? else { return Ok(None) };
            values::turn_of(txn, place.height, &id)
        })?;
        Ok(turn.map(ValueTurn))
    }

    /// The height of a block up to which the values are listed here, that of the last one with some or a later one.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn values_height(&self) -> Result<u64, ReadError> {
        // Asked first: the list has the values of every block that this height counts.
        let height = self.height();
        let (last, _) = self.core().store.read(values::last)?;
        Ok(last.max(height))
    }

    /// The height of the first block whose values are kept; none while there are none.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn first_values_height(&self) -> Result<Option<u64>, ReadError> {
        self.core().store.read(values::first)
    }

    /// Whether no value that came after a block was forgotten since: the block is young enough, or not here yet.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn keeps_values_since(&self, height: u64) -> Result<bool, ReadError> {
        if height > self.height() {
            return Ok(true);
        }
        let block = self.block(height)?;
        Ok(block.is_some_and(|block| values::is_kept(block.header.time_ms, self.time_ms())))
    }

    /// Changes when there are more values: the height of the last block with some.
    #[must_use]
    pub fn value_news(&self) -> watch::Receiver<u64> {
        self.core().value_news.subscribe()
    }

    /// Whether the bytes of a value that are not in its entry would be here: in the own lane.
    #[must_use]
    pub fn is_of_own_lane(&self, id: &EntryId) -> bool {
        id.lane == self.core().lane_number()
    }

    fn written(&self, row: ValueRow) -> Result<Option<WrittenValue>, ReadError> {
        if !values::is_kept(row.time_ms, self.time_ms()) {
            return Ok(None);
        }
        // Old batches may be pruned before their values are forgotten.
        let Some((_, Entry::Value(value))) = self.core().locate(row.id)? else { return Ok(None) };
        let ValueRow { turn, id, time_ms, .. } = row;
        Ok(Some(WrittenValue { id, height: turn.0, time_ms, turn: ValueTurn(turn), value }))
    }
}
