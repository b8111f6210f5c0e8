//! Reading rows, each checked before anybody believes it.

use super::rows::{
    KeyRow, Marks, Place, StoredBlock, decode_answers, decode_hours, decode_misconduct, position, unseal,
};
use super::tables::{
    ACCUSED, ANSWERS, BARE, BATCHES, BLOCKS, BUNDLES, DIGESTS, EVIDENCE, FUNCTIONS, HANDOVERS, HOURS,
    KEY_HOURS, KEYS, LINKS, META, META_LOST, META_MARKS, META_PRUNED, META_SEATS, OUTCOMES, PAYLOADS, PLACED,
    PRUNED, RIVALS, STATE, VOIDS,
};
use crate::error::ReadError;
use crate::packed;
use crate::recent::Stored;
use crate::standing::Lost;
use crate::state::{FunctionRecord, Outcome, Seats};
use bytes::Bytes;
use moot_ordering::Misconduct;
use moot_record::cbor::Reader;
use moot_record::{
    AccountId, Batch, DecodeError, Digest, EntryId, Equivocation, Genesis, Handover, SealedHeader,
    SealedView, StateKey,
};
use redb::{ReadTransaction, ReadableTable, TableError};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use super::charged::{early_receipts, lines, open_batches, prices_between};

type Read<T> = Result<T, ReadError>;

/// Whose lanes these are: what a seal is checked with.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) network: Digest,
}

impl Owners {
    pub(crate) fn of(seats: &Seats, network: &Digest) -> Owners {
        Owners { accounts: seats.all().iter().map(|seat| seat.account).collect(), network: *network }
    }
}

/// A batch whose every byte was checked against its owner's seal.
pub(crate) fn batch(txn: &ReadTransaction, owners: &Owners, (lane, seq): (u32, u64)) -> Read<Option<Stored>> {
    let table = txn.open_table(BATCHES)?;
    let Some(row) = table.get((lane, seq))? else { return Ok(None) };
    let what = format!("batch {lane}-{seq}");
    let bytes = unpacked(&what, row.value())?;
    let view = view(&what, owners, (lane, seq), &bytes)?;
    let batch = Batch::decode(view.batch).map_err(|error| ReadError::damaged(&what, error))?;
    let hours = txn.open_table(HOURS)?.get((lane, seq))?;
    let hours = hours.map_or_else(|| Ok(Vec::new()), |row| decode_hours(row.value()))?;
    Ok(Some(Stored { hours, batch: Arc::new(batch) }))
}

/// A batch's row, unpacked.
fn unpacked<'a>(what: &str, row: &'a [u8]) -> Read<Cow<'a, [u8]>> {
    packed::unpack(row).map_err(|error| ReadError::damaged(what, error))
}

/// A batch's bytes, checked.
fn view<'a>(what: &str, owners: &Owners, place: (u32, u64), row: &'a [u8]) -> Read<SealedView<'a>> {
    let view = SealedView::parse(row).map_err(|error| ReadError::damaged(what, error))?;
    if (view.header.lane, view.header.seq) != place {
        return Err(ReadError::damaged(what, "it says that it is another one"));
    }
    let sealed = view.sealed_header().verify(&owners.accounts, &owners.network);
    sealed.and_then(|()| view.verify_roots()).map_err(|error| ReadError::damaged(what, error))?;
    Ok(view)
}

/// Goes through the batches of a lane from `first` on.
pub(crate) fn batches_from(
    txn: &ReadTransaction,
    owners: &Owners,
    lane: u32,
    first: u64,
    mut each: impl FnMut(u64, &SealedView<'_>) -> Read<()>,
) -> Read<()> {
    for row in txn.open_table(BATCHES)?.range((lane, first)..=(lane, u64::MAX))? {
        let (key, row) = row?;
        let (_, seq) = key.value();
        let what = format!("batch {lane}-{seq}");
        let bytes = unpacked(&what, row.value())?;
        each(seq, &view(&what, owners, (lane, seq), &bytes)?)?;
    }
    Ok(())
}

/// One batch without a copy of it.
pub(crate) fn with_batch<T>(
    txn: &ReadTransaction,
    owners: &Owners,
    place: (u32, u64),
    look: impl FnOnce(&SealedView<'_>) -> T,
) -> Read<Option<T>> {
    let table = txn.open_table(BATCHES)?;
    let Some(row) = table.get(place)? else { return Ok(None) };
    let what = format!("batch {}-{}", place.0, place.1);
    let bytes = unpacked(&what, row.value())?;
    Ok(Some(look(&view(&what, owners, place, &bytes)?)))
}

/// The same for a second version.
pub(crate) fn with_rival<T>(
    txn: &ReadTransaction,
    owners: &Owners,
    digest: &Digest,
    look: impl FnOnce(&SealedView<'_>) -> T,
) -> Read<Option<T>> {
    let table = txn.open_table(RIVALS)?;
    let Some(row) = table.get(digest.as_bytes())? else { return Ok(None) };
    let what = format!("batch {digest}");
    let head = packed::peek(row.value()).map_err(|error| ReadError::damaged(&what, error))?.header;
    let bytes = unpacked(&what, row.value())?;
    Ok(Some(look(&view(&what, owners, (head.lane, head.seq), &bytes)?)))
}

/// The seal of the batch in a place, and whether a block has ordered it.
pub(crate) fn version(txn: &ReadTransaction, place: (u32, u64)) -> Read<Option<(SealedHeader, bool)>> {
    let table = txn.open_table(BATCHES)?;
    let Some(row) = table.get(place)? else { return Ok(None) };
    let what = || format!("batch {}-{}", place.0, place.1);
    let head = packed::peek(row.value()).map_err(|error| ReadError::damaged(what(), error))?;
    Ok(Some((head, txn.open_table(PLACED)?.get(place)?.is_some())))
}

/// A sealed batch by its digest, unchecked: where it waits, where it is final, or as a second version.
pub(crate) fn sealed(
    txn: &ReadTransaction,
    digest: &Digest,
    waiting: Option<(u32, u64)>,
) -> Read<Option<Bytes>> {
    let copy = |row: redb::AccessGuard<'_, &[u8]>| Bytes::copy_from_slice(row.value());
    if let Some(row) = txn.open_table(RIVALS)?.get(digest.as_bytes())? {
        return Ok(Some(copy(row)));
    }
    let place = match waiting {
        Some(place) => Some(place),
        None => txn.open_table(DIGESTS)?.get(digest.as_bytes())?.map(|place| place.value()),
    };
    let Some(place) = place else { return Ok(None) };
    Ok(txn.open_table(BATCHES)?.get(place)?.map(copy))
}

/// Whether a final block has named it: as a batch, or as one whose place was taken.
pub(crate) fn is_settled(txn: &ReadTransaction, digest: &Digest) -> Read<bool> {
    let ordered = txn.open_table(DIGESTS)?.get(digest.as_bytes())?.is_some();
    Ok(ordered || txn.open_table(VOIDS)?.get(digest.as_bytes())?.is_some())
}

/// Second versions that no block has named.
pub(crate) fn rivals(txn: &ReadTransaction) -> Read<Vec<(Digest, (u32, u64))>> {
    let voids = txn.open_table(VOIDS)?;
    let mut found = Vec::new();
    for row in txn.open_table(RIVALS)?.iter()? {
        let (key, row) = row?;
        let digest = Digest::from_bytes(*key.value());
        if voids.get(digest.as_bytes())?.is_none() {
            let head = packed::peek(row.value());
            let head = head.map_err(|error| ReadError::damaged(format!("batch {digest}"), error))?.header;
            found.push((digest, (head.lane, head.seq)));
        }
    }
    Ok(found)
}

/// Every pair of seals that convicts.
pub(crate) fn evidence(txn: &ReadTransaction) -> Read<Vec<Equivocation>> {
    let mut found = Vec::new();
    for row in txn.open_table(EVIDENCE)?.iter()? {
        let (key, row) = row?;
        let what = format!("the evidence against batch {:?}", key.value());
        let pair = Equivocation::decode(unseal(&what, row.value())?);
        found.push(pair.map_err(|error| ReadError::damaged(what, error))?);
    }
    Ok(found)
}

/// Every pair of votes that contradict each other.
pub(crate) fn misconduct(txn: &ReadTransaction) -> Read<Vec<Misconduct>> {
    let table = match txn.open_table(ACCUSED) {
        // A ledger of before there were any has no such table.
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        table => table?,
    };
    let mut found = Vec::new();
    for row in table.iter()? {
        let (key, row) = row?;
        let (who, epoch, view) = key.value();
        found.push(decode_misconduct((AccountId::from_bytes(*who), epoch, view), row.value())?);
    }
    Ok(found)
}

/// The last sequence number that a lane ever had here, pruned ones included.
pub(crate) fn last_batch(txn: &ReadTransaction, lane: u32) -> Read<Option<u64>> {
    let last = txn.open_table(BATCHES)?.range((lane, 0)..=(lane, u64::MAX))?.next_back().transpose()?;
    let last = last.map(|(key, _)| key.value().1);
    Ok(last.max(pruned_lane(txn, lane)?))
}

/// The last sequence number of a lane that a final block has.
pub(crate) fn last_placed(txn: &ReadTransaction, lane: u32) -> Read<Option<u64>> {
    let last = txn.open_table(PLACED)?.range((lane, 0)..=(lane, u64::MAX))?.next_back().transpose()?;
    let last = last.map(|(key, _)| key.value().1);
    Ok(last.max(pruned_lane(txn, lane)?))
}

/// The highest sequence number of a lane that was pruned.
pub(crate) fn pruned_lane(txn: &ReadTransaction, lane: u32) -> Read<Option<u64>> {
    Ok(txn.open_table(PRUNED)?.get(lane)?.map(|seq| seq.value()))
}

/// The height up to which blocks and their batches were pruned.
pub(crate) fn pruned_height(txn: &ReadTransaction) -> Read<u64> {
    let row = txn.open_table(META)?.get(META_PRUNED)?;
    let height = row.and_then(|row| row.value().try_into().ok());
    Ok(height.map_or(0, u64::from_le_bytes))
}

/// The hours under which a batch's payloads lie.
pub(crate) fn hours(txn: &ReadTransaction, place: (u32, u64)) -> Read<Vec<u32>> {
    let row = txn.open_table(HOURS)?.get(place)?;
    row.map_or_else(|| Ok(Vec::new()), |row| decode_hours(row.value()))
}

/// Where a digest that a final block named stands; none for a void one.
pub(crate) fn settled_place(txn: &ReadTransaction, digest: &Digest) -> Read<Option<(u32, u64)>> {
    Ok(txn.open_table(DIGESTS)?.get(digest.as_bytes())?.map(|place| place.value()))
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

/// The height of a block without a certificate of its own.
pub(crate) fn bare(txn: &ReadTransaction, digest: &Digest) -> Read<Option<u64>> {
    match txn.open_table(BARE) {
        Ok(table) => Ok(table.get(digest.as_bytes())?.map(|height| height.value())),
        // Databases made before this table have none of it.
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
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

/// The seats after the last block; none before the first change.
pub(crate) fn seats(txn: &ReadTransaction, genesis: &Genesis) -> Read<Option<Seats>> {
    let Some(row) = txn.open_table(META)?.get(META_SEATS)? else { return Ok(None) };
    let seats = Seats::decode(genesis, unseal("the list of seats", row.value())?);
    seats.map(Some).map_err(|error| ReadError::damaged("the list of seats", error))
}

/// What is known of a lost journal of votes.
pub(crate) fn lost(txn: &ReadTransaction) -> Read<Option<Lost>> {
    let Some(row) = txn.open_table(META)?.get(META_LOST)? else { return Ok(None) };
    let lost = Lost::decode(unseal("the note of a lost journal", row.value())?);
    lost.map(Some).map_err(|error| ReadError::damaged("the note of a lost journal", error))
}

/// The handovers to the committees from 1 to `number`.
pub(crate) fn handovers(txn: &ReadTransaction, number: u32) -> Read<Vec<Handover>> {
    if number == 0 {
        return Ok(Vec::new());
    }
    let table = txn.open_table(HANDOVERS)?;
    let one = |number: u32| {
        let what = || format!("the handover to committee {number}");
        let row = table.get(number)?.ok_or_else(|| ReadError::damaged(what(), "it is missing"))?;
        let handover = Handover::decode(unseal(&what(), row.value())?);
        handover.map_err(|error| ReadError::damaged(what(), error))
    };
    (1..=number).map(one).collect()
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

/// What the state holds under one key, of those beside functions and seats.
pub(crate) fn state_row(txn: &ReadTransaction, key: &StateKey) -> Read<Option<Vec<u8>>> {
    let Some(row) = txn.open_table(STATE)?.get(key.encode().as_slice())? else { return Ok(None) };
    Ok(Some(unseal("a row of the state", row.value())?.to_vec()))
}

/// What the state holds beside functions and seats.
pub(crate) fn state_rows(txn: &ReadTransaction) -> Read<Vec<(StateKey, Vec<u8>)>> {
    let table = txn.open_table(STATE)?;
    let mut found = Vec::new();
    for row in table.iter()? {
        let (key, row) = row?;
        let what = "a row of the state";
        let key = StateKey::decode(key.value()).map_err(|error| ReadError::damaged(what, error))?;
        found.push((key, unseal(what, row.value())?.to_vec()));
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

/// By batch and bundle: the pages and slots of calls.
pub(crate) type Answers = BTreeMap<(u64, u16), Vec<(u16, u16)>>;

/// The calls of client bundles of the own lane's batches from `first` on that are to be answered here, by batch and
/// bundle. A ledger of before there were any has no such table.
pub(crate) fn answers(txn: &ReadTransaction, first: u64) -> Read<Answers> {
    let table = match txn.open_table(ANSWERS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(BTreeMap::new()),
        table => table?,
    };
    let mut found = BTreeMap::new();
    for row in table.range((first, 0)..)? {
        let (key, row) = row?;
        found.insert(key.value(), decode_answers(row.value())?);
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
