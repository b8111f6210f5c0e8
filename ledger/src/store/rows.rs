//! The bytes of rows. Each carries what detects a flipped bit.
//!
//! A batch's row is the sealed batch as it travels: its owner's seal covers every byte of it. Small rows end in
//! eight bytes of a BLAKE3 digest over the rest.

use crate::error::ReadError;
use moot_ordering::{Contradiction, Misconduct};
use moot_record::cbor::{self, Reader};
use moot_record::{AccountId, BlockHeader, Certificate, DecodeError, Digest, EntryId};

const CHECK_BYTES: usize = 8;

fn check_of(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECK_BYTES]);
    check
}

/// A small row with its check.
pub(crate) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let check = check_of(&bytes);
    bytes.extend_from_slice(&check);
    bytes
}

/// The small row without its check, which must fit.
pub(crate) fn unseal<'a>(what: &str, row: &'a [u8]) -> Result<&'a [u8], ReadError> {
    match row.split_last_chunk::<CHECK_BYTES>() {
        Some((bytes, check)) if check_of(bytes) == *check => Ok(bytes),
        _ => Err(ReadError::damaged(what, "its check does not fit its bytes")),
    }
}

/// Position of an entry in its batch, in an order that pages of one bundle share.
pub(crate) fn position(id: &EntryId) -> u64 {
    u64::from(id.bundle) << 32 | u64::from(id.page) << 16 | u64::from(id.slot)
}

/// The row of the hours under which a batch's payloads lie.
pub(crate) fn encode_hours(hours: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + 5 * hours.len());
    cbor::array(&mut out, hours.len());
    for hour in hours {
        cbor::uint(&mut out, *hour);
    }
    seal(out)
}

/// The hours of such a row.
pub(crate) fn decode_hours(row: &[u8]) -> Result<Vec<u32>, ReadError> {
    let what = "the hours of a batch's payloads";
    let r = &mut Reader::new(unseal(what, row)?);
    (|| {
        let count = r.list(usize::MAX)?;
        let hours = (0..count).map(|_| r.small()).collect::<Result<_, _>>()?;
        r.end()?;
        Ok(hours)
    })()
    .map_err(|error: DecodeError| ReadError::damaged(what, error))
}

/// The row of two votes that contradict each other: which two things they say, and the votes.
pub(crate) fn encode_misconduct(misconduct: &Misconduct) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + misconduct.votes.len() + CHECK_BYTES);
    out.push(match misconduct.what {
        Contradiction::TwoBlocks => 0,
        Contradiction::TwoFinal => 1,
        Contradiction::SkippedAndFinal => 2,
    });
    out.extend_from_slice(&misconduct.votes);
    seal(out)
}

/// The misconduct of such a row.
pub(crate) fn decode_misconduct(
    (who, epoch, view): (AccountId, u64, u64),
    row: &[u8],
) -> Result<Misconduct, ReadError> {
    let what = || format!("the votes of {who} in view {view} of epoch {epoch}");
    let bytes = unseal(&what(), row)?;
    let (kind, votes) = match bytes.split_first() {
        Some((0, votes)) => (Contradiction::TwoBlocks, votes),
        Some((1, votes)) => (Contradiction::TwoFinal, votes),
        Some((2, votes)) => (Contradiction::SkippedAndFinal, votes),
        _ => return Err(ReadError::damaged(what(), "it says nothing that is known")),
    };
    Ok(Misconduct { who, epoch, view, what: kind, votes: votes.to_vec().into() })
}

/// The row of the calls of a client's bundle that are to be answered: pages and slots.
pub(crate) fn encode_answers(calls: &[(u16, u16)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 * calls.len() + CHECK_BYTES);
    for (page, slot) in calls {
        out.extend_from_slice(&page.to_be_bytes());
        out.extend_from_slice(&slot.to_be_bytes());
    }
    seal(out)
}

/// The calls of such a row.
pub(crate) fn decode_answers(row: &[u8]) -> Result<Vec<(u16, u16)>, ReadError> {
    let (calls, rest) = unseal("the calls to be answered", row)?.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(ReadError::damaged("the calls to be answered", "a place has four bytes"));
    }
    let number = |high, low| u16::from_be_bytes([high, low]);
    Ok(calls.iter().map(|[a, b, c, d]| (number(*a, *b), number(*c, *d))).collect())
}

/// A block as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlock {
    /// Its header.
    pub header: BlockHeader,
    /// Digests of its batches, in order.
    pub batches: Vec<Digest>,
    /// The quorum's signatures, on this block or on the last of `descent`.
    pub certificate: Certificate,
    /// Headers that lead from this block to the certified one; nearly always empty.
    pub descent: Vec<BlockHeader>,
    /// The state root after this block.
    pub state_after: Digest,
    /// The history of outcomes after this block.
    pub history_after: Digest,
}

impl StoredBlock {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + 34 * self.batches.len());
        cbor::array(&mut out, 6);
        cbor::bytes(&mut out, &self.header.encode());
        cbor::array(&mut out, self.batches.len());
        for digest in &self.batches {
            cbor::bytes(&mut out, digest.as_bytes());
        }
        cbor::bytes(&mut out, &self.certificate.0);
        cbor::array(&mut out, self.descent.len());
        for header in &self.descent {
            cbor::bytes(&mut out, &header.encode());
        }
        cbor::bytes(&mut out, self.state_after.as_bytes());
        cbor::bytes(&mut out, self.history_after.as_bytes());
        seal(out)
    }

    pub(crate) fn decode(height: u64, row: &[u8]) -> Result<StoredBlock, ReadError> {
        let what = format!("block {height}");
        let bytes = unseal(&what, row)?;
        Self::parse(bytes).map_err(|error| ReadError::damaged(what, error))
    }

    fn parse(bytes: &[u8]) -> Result<StoredBlock, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(6)?;
        let header = BlockHeader::decode(r.bytes(1024)?)?;
        let count = r.list(moot_record::limits::MAX_BLOCK_BATCHES)?;
        let batches =
            (0..count).map(|_| Ok(Digest::from_bytes(r.fixed()?))).collect::<Result<_, DecodeError>>()?;
        let certificate = Certificate(r.bytes(moot_record::limits::MAX_CERTIFICATE_BYTES)?.to_vec());
        let count = r.list(moot_ordering::limits::MAX_DESCENT)?;
        let descent =
            (0..count).map(|_| BlockHeader::decode(r.bytes(1024)?)).collect::<Result<_, DecodeError>>()?;
        let state_after = Digest::from_bytes(r.fixed()?);
        let history_after = Digest::from_bytes(r.fixed()?);
        r.end()?;
        Ok(StoredBlock { header, batches, certificate, descent, state_after, history_after })
    }
}

/// Where a batch stands once it is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) height: u64,
    pub(crate) index: u32,
}

impl Place {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        cbor::array(&mut out, 2);
        cbor::uint(&mut out, self.height);
        cbor::uint(&mut out, self.index);
        seal(out)
    }

    pub(crate) fn decode(row: &[u8]) -> Result<Place, ReadError> {
        let what = "the place of a batch";
        let r = &mut Reader::new(unseal(what, row)?);
        (|| {
            r.array(2)?;
            let place = Place { height: r.uint()?, index: r.small()? };
            r.end()?;
            Ok(place)
        })()
        .map_err(|error: DecodeError| ReadError::damaged(what, error))
    }
}

/// Where recovery starts to read: batches below these marks have nothing open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// The first batch of the own lane that may hold a call without a receipt.
    pub(crate) open_calls: u64,
    /// For each lane the first batch that may not be ordered; lanes beyond the list begin at nought.
    pub(crate) unordered: Vec<u64>,
}

impl Marks {
    /// The first batch of a lane that may not be ordered.
    pub(crate) fn of(&self, lane: u32) -> u64 {
        usize::try_from(lane).ok().and_then(|lane| self.unordered.get(lane)).copied().unwrap_or(0)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + 9 * self.unordered.len());
        cbor::array(&mut out, 2);
        cbor::uint(&mut out, self.open_calls);
        cbor::array(&mut out, self.unordered.len());
        for mark in &self.unordered {
            cbor::uint(&mut out, *mark);
        }
        seal(out)
    }

    pub(crate) fn decode(row: &[u8]) -> Result<Marks, ReadError> {
        let what = "the marks of recovery";
        let r = &mut Reader::new(unseal(what, row)?);
        (|| {
            r.array(2)?;
            let open_calls = r.uint()?;
            let lanes = r.list(crate::limits::MAX_SEATS)?;
            let unordered = (0..lanes).map(|_| r.uint()).collect::<Result<_, _>>()?;
            r.end()?;
            Ok(Marks { open_calls, unordered })
        })()
        .map_err(|error: DecodeError| ReadError::damaged(what, error))
    }
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) call: EntryId,
    pub(crate) body: Digest,
}

impl KeyRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(80);
        cbor::array(&mut out, 2);
        cbor::bytes(&mut out, &self.call.encode());
        cbor::bytes(&mut out, self.body.as_bytes());
        seal(out)
    }

    pub(crate) fn decode(row: &[u8]) -> Result<KeyRow, ReadError> {
        let what = "an idempotency key";
        let r = &mut Reader::new(unseal(what, row)?);
        (|| {
            r.array(2)?;
            let row = KeyRow { call: EntryId::decode(r.bytes(64)?)?, body: Digest::from_bytes(r.fixed()?) };
            r.end()?;
            Ok(row)
        })()
        .map_err(|error: DecodeError| ReadError::damaged(what, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_in_any_small_row_is_seen() {
        let id = EntryId { lane: 0, batch: 3, bundle: 0, page: 1, slot: 2 };
        let rows = [
            Place { height: 9, index: 2 }.encode(),
            Marks { open_calls: 4, unordered: vec![5, 0, 7] }.encode(),
            encode_hours(&[7, 480_000]),
            KeyRow { call: id, body: Digest::from_bytes([3; 32]) }.encode(),
            encode_answers(&[(0, 1), (700, 9)]),
        ];
        for row in rows {
            assert!(unseal("row", &row).is_ok());
            for bit in 0..row.len() * 8 {
                let mut bad = row.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(unseal("row", &bad).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn hours_and_marks_read_back() {
        assert_eq!(decode_hours(&encode_hours(&[7, 480_000])).unwrap(), [7, 480_000]);
        assert_eq!(decode_answers(&encode_answers(&[(0, 1), (700, 9)])).unwrap(), [(0, 1), (700, 9)]);
        let marks = Marks { open_calls: 4, unordered: vec![5, 0, 7] };
        assert_eq!(Marks::decode(&marks.encode()).unwrap(), marks);
        assert_eq!((marks.of(2), marks.of(3)), (7, 0));
    }
}
