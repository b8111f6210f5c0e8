//! Long batches as they lie on the disk and travel between replicas: packed.
//!
//! ```text
//!   sealed batch ──short──► as it is; its first byte is the head of an array
//!                └─long───► mark, length, [seal, header], LZ4 of the sealed batch
//! ```
//!
//! Entries repeat each other: calls of one function name the same component and the same manifest. Packed once, by the
//! lane's owner, a batch takes a third of the disk and of the network of every replica. Nothing that is hashed or signed
//! knows of it.
//!
//! - Requires: nothing of the bytes.
//! - Provides: seal and header without unpacking, so that a stranger's bytes are not unpacked; a bound on what unpacking
//!   makes of them.
//! - Does not provide: one packed form. Two may unpack to the same batch, and one to none: only what was unpacked is
//!   checked, and that its header is the one in front.

use crate::limits::{MAX_PACKED_RATIO, PACK_FROM_BYTES};
use bytes::Bytes;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};
use moot_record::limits::MAX_SEALED_BATCH_BYTES;
use moot_record::{DecodeError, Invalid, SealedHeader};
use std::borrow::Cow;

/// The first byte of what is packed. No CBOR array begins with it.
const MARK: u8 = 0;

/// Mark, length of what was packed, length of seal and header.
const FRONT_BYTES: usize = 1 + 4 + 2;

/// Packs a sealed batch when that is worth it.
pub(crate) fn pack(head: &SealedHeader, sealed: Vec<u8>) -> Bytes {
    let length = sealed.len();
    if length < PACK_FROM_BYTES {
        return sealed.into();
    }
    let head = head.encode();
    let (Ok(long), Ok(short)) = (u32::try_from(length), u16::try_from(head.len())) else {
        return sealed.into();
    };
    let start = FRONT_BYTES + head.len();
    let mut row = vec![MARK; start + get_maximum_output_size(length)];
    row[1..5].copy_from_slice(&long.to_le_bytes());
    row[5..FRONT_BYTES].copy_from_slice(&short.to_le_bytes());
    row[FRONT_BYTES..start].copy_from_slice(&head);
    match compress_into(&sealed, &mut row[start..]) {
        Ok(packed) if start + packed < length - length / 8 && packed * MAX_PACKED_RATIO >= length => {
            row.truncate(start + packed);
            row.into()
        }
        _ => sealed.into(),
    }
}

/// Whether a row is packed.
pub(crate) fn is_packed(row: &[u8]) -> bool {
    row.first() == Some(&MARK)
}

/// Seal and header of a row, without unpacking it. What is unpacked has to have the same.
pub(crate) fn peek(row: &[u8]) -> Result<SealedHeader, DecodeError> {
    if !is_packed(row) {
        return SealedHeader::peek(row);
    }
    SealedHeader::decode(parts(row)?.head)
}

/// The sealed batch of a row.
pub(crate) fn unpack(row: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
    if !is_packed(row) {
        return Ok(Cow::Borrowed(row));
    }
    let Parts { length, packed, .. } = parts(row)?;
    let mut sealed = vec![0; length];
    match decompress_into(packed, &mut sealed) {
        Ok(found) if found == length => Ok(Cow::Owned(sealed)),
        Ok(found) => Err(wrong(format!("it unpacks to {found} bytes, and {length} are announced"))),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A packed row, taken apart.
struct Parts<'a> {
    length: usize,
    head: &'a [u8],
    packed: &'a [u8],
}

fn parts(row: &[u8]) -> Result<Parts<'_>, DecodeError> {
    let short = || wrong(format!("{} bytes are no packed batch", row.len()));
    let (front, rest) = row.split_first_chunk::<FRONT_BYTES>().ok_or_else(short)?;
    let [_, a, b, c, d, e, f] = *front;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let (head, packed) = rest.split_at_checked(usize::from(u16::from_le_bytes([e, f]))).ok_or_else(short)?;
    if length > MAX_SEALED_BATCH_BYTES || length > packed.len().saturating_mul(MAX_PACKED_RATIO) {
        let packed = packed.len();
        return Err(wrong(format!(
            "{packed} bytes that unpack to {length}: at most {MAX_PACKED_RATIO} times as many are taken, and at most \
             {MAX_SEALED_BATCH_BYTES}"
        )));
    }
    Ok(Parts { length, head, packed })
}

fn wrong(why: String) -> DecodeError {
    Invalid { field: "packed", why }.into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use moot_record::testing::Network;
    use moot_record::{Batch, Bundle, BundleBuilder, Entry, PageClass, Payload, SealedView, Value};

    /// A sealed batch of a network of one, of values with some bytes of `noise` in each.
    pub(crate) fn sealed(seq: u64, noise: usize) -> (SealedHeader, Vec<u8>) {
        let network = Network::new(1);
        let (key, id) = (&network.validators[0], network.genesis.network());
        let mut builder = BundleBuilder::with_max_bytes(2 * PACK_FROM_BYTES);
        let mut at = 0u64;
        loop {
            let digest = |n: u64| *Payload::of(&n.to_be_bytes()).digest.as_bytes();
            let text: Vec<u8> = (0..4).flat_map(|part| digest(4 * at + part)).take(noise).collect();
            let text = [&text[..], &[7; 128][noise..]].concat();
            let entry = Entry::Value(Value::new("/a", Payload::inlined(&text)));
            if builder.append(PageClass::Bulk, &entry.encode()).is_err() {
                break;
            }
            at += 1;
        }
        let bundle = Bundle::sign(key, &id, 9, builder.finish()).unwrap();
        let batch = Batch::seal(0, seq, vec![bundle]).unwrap();
        let seal = moot_record::seal(key, &id, &batch.digest());
        (SealedHeader { header: batch.header, seal }, batch.encode_sealed(&seal))
    }

    #[test]
    fn what_is_packed_comes_back_and_shows_its_header() {
        for (noise, shorter) in [(32, true), (128, false)] {
            let (head, bytes) = sealed(3, noise);
            let row = pack(&head, bytes.clone());
            assert_eq!((is_packed(&row), row.len() < bytes.len() / 4 * 3), (shorter, shorter));
            assert_eq!(peek(&row).unwrap(), head);
            assert_eq!(unpack(&row).unwrap(), bytes);
            assert_eq!(SealedView::parse(&unpack(&row).unwrap()).unwrap().sealed_header(), head);
        }
        let (head, _) = sealed(3, 0);
        let short = vec![0x82; PACK_FROM_BYTES - 1];
        assert_eq!(pack(&head, short.clone()), short);
        // A small packet must not make a lot of work.
        let even = vec![0x82; PACK_FROM_BYTES];
        assert_eq!(pack(&head, even.clone()), even);
    }

    #[test]
    fn damaged_and_forged_rows_are_refused() {
        let (head, bytes) = sealed(3, 32);
        let row = pack(&head, bytes.clone());
        for cut in (0..FRONT_BYTES + 200).chain([row.len() - 1]) {
            assert!(unpack(&row[..cut]).is_err() || cut == 0, "{cut}");
        }
        for length in [0u32, bytes.len() as u32 - 1, bytes.len() as u32 + 1, u32::MAX] {
            let mut forged = row.to_vec();
            forged[1..5].copy_from_slice(&length.to_le_bytes());
            assert!(unpack(&forged).is_err(), "{length}");
        }
        let mut bomb = row[..FRONT_BYTES].to_vec();
        bomb.extend([0; 64]);
        bomb[1..5].copy_from_slice(&(MAX_SEALED_BATCH_BYTES as u32).to_le_bytes());
        bomb[5..7].copy_from_slice(&[0, 0]);
        assert!(unpack(&bomb).unwrap_err().to_string().contains("at most"));
    }
}
