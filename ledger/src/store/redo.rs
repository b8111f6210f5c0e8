//! What a commit adds to the tables, as rows: written to the database, or to the log and from there to the database.
//!
//! Only what is added and never looked at while it is written: batches of every lane with what belongs to them.
//! Writing the same rows twice changes nothing.

use super::rows;
use super::tables::{ANSWERS, BATCHES, BUNDLES, HOURS, KEY_HOURS, KEYS, LINKS, PAYLOADS};
use super::write::Changeset;
use moot_record::DecodeError;
use moot_record::cbor::{self, Reader};
use redb::{ReadableTable as _, WriteTransaction};
use std::borrow::Cow;

/// The largest value of a row: more than any batch has.
const MAX_VALUE_BYTES: usize = moot_record::limits::MAX_SEALED_BATCH_BYTES;

/// Keys with the rows below them.
type Keyed<'a, K> = Vec<(K, Cow<'a, [u8]>)>;

/// Rows to be added, by table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows<'a> {
    batches: Keyed<'a, (u32, u64)>,
    hours: Keyed<'a, (u32, u64)>,
    payloads: Keyed<'a, (u32, u32, u64, u64)>,
    links: Vec<(u32, u64, u32, u64)>,
    bundles: Vec<(u64, [u8; 32])>,
    answers: Keyed<'a, (u64, u16)>,
    keys: Keyed<'a, [u8; 32]>,
    key_hours: Vec<(u32, [u8; 32])>,
}

impl<'a> Rows<'a> {
    /// Of the batches in a transaction.
    pub(super) fn of(changes: &'a Changeset) -> Rows<'a> {
        let mut rows = Rows::default();
        for batch in &changes.batches {
            let place = (batch.lane, batch.seq);
            rows.batches.push((place, Cow::Borrowed(batch.row.as_ref())));
            if !batch.hours.is_empty() {
                rows.hours.push((place, rows::encode_hours(&batch.hours).into()));
            }
            for (hour, first, row) in &batch.payloads {
                rows.payloads.push(((*hour, place.0, place.1, *first), Cow::Borrowed(row.as_slice())));
            }
            rows.links.extend(batch.links.iter().map(|of| (of.0, of.1, place.0, place.1)));
            rows.bundles.extend(batch.bundle_ids.iter().map(|(until, id)| (*until, *id.as_bytes())));
            for (bundle, calls) in &batch.answers {
                rows.answers.push(((batch.seq, *bundle), rows::encode_answers(calls).into()));
            }
            for (key, row) in &batch.keys {
                rows.keys.push((*key.as_bytes(), row.encode().into()));
                rows.key_hours.push((changes.hour, *key.as_bytes()));
            }
        }
        for batch in &changes.foreign {
            let place = batch.place();
            // What other replicas sent: the row is the very bytes that came.
            rows.batches.push((place, Cow::Borrowed(batch.row.as_ref())));
            rows.links.extend(batch.links.iter().map(|of| (of.0, of.1, place.0, place.1)));
        }
        rows
    }

    pub(super) fn write(&self, txn: &WriteTransaction) -> Result<(), redb::Error> {
        if !self.batches.is_empty() {
            let mut table = txn.open_table(BATCHES)?;
            for (place, row) in &self.batches {
                table.insert(*place, row.as_ref())?;
            }
        }
        if !self.hours.is_empty() {
            let mut table = txn.open_table(HOURS)?;
            for (place, row) in &self.hours {
                table.insert(*place, row.as_ref())?;
            }
        }
        if !self.payloads.is_empty() {
            let mut table = txn.open_table(PAYLOADS)?;
            for (place, row) in &self.payloads {
                table.insert(*place, row.as_ref())?;
            }
        }
        if !self.links.is_empty() {
            let mut table = txn.open_table(LINKS)?;
            for link in &self.links {
                table.insert(*link, ())?;
            }
        }
        if !self.bundles.is_empty() {
            let mut table = txn.open_table(BUNDLES)?;
            for (until, id) in &self.bundles {
                // A block may have counted it already, from another lane.
                if table.get((*until, id))?.is_none() {
                    table.insert((*until, id), 0)?;
                }
            }
        }
        if !self.answers.is_empty() {
            let mut table = txn.open_table(ANSWERS)?;
            for (place, row) in &self.answers {
                table.insert(*place, row.as_ref())?;
            }
        }
        if !self.keys.is_empty() {
            let (mut keys, mut hours) = (txn.open_table(KEYS)?, txn.open_table(KEY_HOURS)?);
            for (key, row) in &self.keys {
                keys.insert(key, row.as_ref())?;
            }
            for (hour, key) in &self.key_hours {
                hours.insert((*hour, key), ())?;
            }
        }
        Ok(())
    }

    /// The rows as the log keeps them.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let place = |out: &mut Vec<u8>, place: &(u32, u64)| {
            cbor::uint(out, place.0);
            cbor::uint(out, place.1);
        };
        list(out, &self.batches, |out, (key, row)| {
            place(out, key);
            cbor::bytes(out, row);
        });
        list(out, &self.hours, |out, (key, row)| {
            place(out, key);
            cbor::bytes(out, row);
        });
        list(out, &self.payloads, |out, ((hour, lane, seq, first), row)| {
            cbor::uint(out, *hour);
            place(out, &(*lane, *seq));
            cbor::uint(out, *first);
            cbor::bytes(out, row);
        });
        list(out, &self.links, |out, (lane, seq, answer_lane, answer_seq)| {
            place(out, &(*lane, *seq));
            place(out, &(*answer_lane, *answer_seq));
        });
        list(out, &self.bundles, |out, (until, id)| {
            cbor::uint(out, *until);
            cbor::bytes(out, id);
        });
        list(out, &self.answers, |out, ((seq, bundle), row)| {
            cbor::uint(out, *seq);
            cbor::uint(out, *bundle);
            cbor::bytes(out, row);
        });
        list(out, &self.keys, |out, (key, row)| {
            cbor::bytes(out, key);
            cbor::bytes(out, row);
        });
        list(out, &self.key_hours, |out, (hour, key)| {
            cbor::uint(out, *hour);
            cbor::bytes(out, key);
        });
    }

    /// The rows of bytes that the log has checked.
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Rows<'a>, DecodeError> {
        let r = &mut Reader::new(bytes);
        let row = |r: &mut Reader<'a>| r.bytes(MAX_VALUE_BYTES).map(Cow::Borrowed);
        let rows = Rows {
            batches: read(r, |r| Ok(((r.small()?, r.uint()?), row(r)?)))?,
            hours: read(r, |r| Ok(((r.small()?, r.uint()?), row(r)?)))?,
            payloads: read(r, |r| Ok(((r.small()?, r.small()?, r.uint()?, r.uint()?), row(r)?)))?,
            links: read(r, |r| Ok((r.small()?, r.uint()?, r.small()?, r.uint()?)))?,
            bundles: read(r, |r| Ok((r.uint()?, r.fixed()?)))?,
            answers: read(r, |r| Ok(((r.uint()?, r.small()?), row(r)?)))?,
            keys: read(r, |r| Ok((r.fixed()?, row(r)?)))?,
            key_hours: read(r, |r| Ok((r.small()?, r.fixed()?)))?,
        };
        r.end()?;
        Ok(rows)
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    cbor::array(out, items.len());
    items.iter().for_each(|item| write(out, item));
}

fn read<'a, T>(
    r: &mut Reader<'a>,
    item: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    // The reader knows that no more items than bytes can follow.
    let count = r.list(usize::MAX)?;
    (0..count).map(|_| item(r)).collect()
}

#[cfg(test)]
impl Rows<'static> {
    /// A batch and nothing else.
    pub(super) fn sample(seq: u64, bytes: usize) -> Rows<'static> {
        Rows { batches: vec![((0, seq), Cow::Owned(vec![7; bytes]))], ..Rows::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let value = |byte: u8| Cow::Owned(vec![byte; 40]);
        let rows = Rows {
            batches: vec![((1, 2), value(1)), ((u32::MAX, u64::MAX), Cow::Borrowed(&[][..]))],
            hours: vec![((1, 2), value(2))],
            payloads: vec![((490_000, 1, 2, 1 << 33), value(3))],
            links: vec![(1, 2, 3, 4)],
            bundles: vec![(9, [4; 32])],
            answers: vec![((2, 7), value(5))],
            keys: vec![([6; 32], value(6))],
            key_hours: vec![(490_000, [6; 32])],
        };
        let mut bytes = Vec::new();
        rows.encode(&mut bytes);
        assert_eq!(Rows::decode(&bytes).unwrap(), rows);
        for cut in 0..bytes.len() {
            assert!(Rows::decode(&bytes[..cut]).is_err());
        }
        bytes.push(0);
        assert!(Rows::decode(&bytes).is_err());
    }
}
