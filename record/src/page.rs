//! Pages: entries packed together, the leaves of a bundle's tree.
//!
//! ```text
//! entries ──append──► page = [bytes entry, ...] ──zero-padded to 4 KiB──► digest = leaf
//! ```
//!
//! A page is one CBOR array of byte strings and an entry is never split. A verifier parses the whole page, so
//! bytes inside an entry's payload that look like an entry cannot pass for one, and no offset table is needed.

use crate::bytes::Digest;
use crate::cbor::{self, Reader, head_len};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::limits::{MAX_ENTRY_BYTES, MAX_PAGE_BYTES, PAGE_PADDING_BYTES, RECEIPT_PAGE_BYTES};

/// The digest of a page: in the page domain, zero-padded to a multiple of [`PAGE_PADDING_BYTES`].
///
/// The padding is unambiguous because a page is one CBOR item, whose end is known.
///
/// # Errors
/// When it is longer than [`MAX_PAGE_BYTES`].
pub fn page_digest(page: &[u8]) -> Result<Digest, DecodeError> {
    if page.len() > MAX_PAGE_BYTES {
        return Err(too_long(page.len()));
    }
    let padded_len = page.len().next_multiple_of(PAGE_PADDING_BYTES);
    if padded_len == page.len() {
        return Ok(Domain::PAGE.hash(page));
    }
    let mut padded = [0; MAX_PAGE_BYTES];
    padded[..page.len()].copy_from_slice(page);
    Ok(Domain::PAGE.hash(&padded[..padded_len]))
}

fn too_long(len: usize) -> DecodeError {
    DecodeError::TooLong { at: 0, what: "the page", len: len as u64, max: MAX_PAGE_BYTES }
}

/// A page that was checked to be one: at least one entry, none empty, nothing after the last.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    body: &'a [u8],
    entries: u16,
}

impl<'a> Page<'a> {
    /// Checks the page's form; the entries themselves are not decoded.
    ///
    /// # Errors
    /// When it is not exactly a page.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_PAGE_BYTES {
            return Err(too_long(bytes.len()));
        }
        let mut r = Reader::new(bytes);
        let entries = r.list(MAX_PAGE_BYTES)?;
        let body = r.rest();
        for _ in 0..entries {
            if r.bytes(MAX_ENTRY_BYTES)?.is_empty() {
                return Err(Invalid::new("page", "an entry has no bytes").into());
            }
        }
        r.end()?;
        match u16::try_from(entries) {
            Ok(0) | Err(_) => Err(Invalid::new("page", "a page has at least one entry").into()),
            Ok(entries) => Ok(Self { body, entries }),
        }
    }

    /// How many entries.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a page is never empty")]
    pub const fn len(&self) -> u16 {
        self.entries
    }

    /// The entry at `slot`.
    #[must_use]
    pub fn entry(&self, slot: u16) -> Option<&'a [u8]> {
        self.iter().nth(slot.into())
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut r = Reader::new(self.body);
        // `parse` read the same bytes: the reader cannot fail before the last entry.
        (0..self.entries).map_while(move |_| r.bytes(MAX_ENTRY_BYTES).ok())
    }
}

/// What a page is for, which decides how large it grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageClass {
    /// Calls, transactions, values: up to [`MAX_PAGE_BYTES`], where hashing is fastest.
    Bulk,
    /// Receipts: up to [`RECEIPT_PAGE_BYTES`] (unless one entry alone is larger), so that proofs stay small.
    Receipt,
}

impl PageClass {
    /// The size above which a page takes no second entry.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Bulk => MAX_PAGE_BYTES,
            Self::Receipt => RECEIPT_PAGE_BYTES,
        }
    }
}

/// Head of an array of up to 65,535 entries: room kept in front until the count is known.
const RESERVED: usize = 3;

/// Packs entries into one page.
#[derive(Debug, Clone)]
pub struct PageBuilder {
    class: PageClass,
    /// [`RESERVED`] bytes, then the entries.
    buffer: Vec<u8>,
    entries: u16,
}

impl PageBuilder {
    /// An empty page.
    #[must_use]
    pub fn new(class: PageClass) -> Self {
        let mut buffer = Vec::with_capacity(class.max_bytes() + RESERVED);
        buffer.extend_from_slice(&[0; RESERVED]);
        Self { class, buffer, entries: 0 }
    }

    /// How many entries it has.
    #[must_use]
    pub const fn entries(&self) -> u16 {
        self.entries
    }

    /// How long the finished page will be.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.len() - RESERVED + head_len(self.entries.into())
    }

    /// Whether an entry of `len` bytes still fits; into an empty page every entry does.
    #[must_use]
    pub fn fits(&self, len: usize) -> bool {
        let after =
            self.buffer.len() - RESERVED + head_len(u64::from(self.entries) + 1) + head_len(len as u64) + len;
        if self.entries == 0 { len <= MAX_ENTRY_BYTES } else { after <= self.class.max_bytes() }
    }

    /// Adds an entry and says its slot; none when it does not fit or is empty.
    #[inline]
    pub fn append(&mut self, entry: &[u8]) -> Option<u16> {
        if entry.is_empty() || !self.fits(entry.len()) {
            return None;
        }
        cbor::bytes(&mut self.buffer, entry);
        let slot = self.entries;
        self.entries += 1;
        Some(slot)
    }

    /// The page's bytes; none when it has no entry.
    #[must_use]
    pub fn finish(mut self) -> Option<Vec<u8>> {
        if self.entries == 0 {
            return None;
        }
        let mut head = Vec::with_capacity(RESERVED);
        cbor::array(&mut head, self.entries.into());
        let spare = RESERVED - head.len();
        self.buffer[spare..RESERVED].copy_from_slice(&head);
        self.buffer.drain(..spare);
        if 2 * self.buffer.len() < self.buffer.capacity() {
            // A lone call must not hold 16 KiB for as long as its batch is remembered.
            self.buffer.shrink_to_fit();
        }
        Some(self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_in_order() {
        for (class, n) in
            [(PageClass::Bulk, 23), (PageClass::Bulk, 24), (PageClass::Bulk, 300), (PageClass::Receipt, 40)]
        {
            let mut builder = PageBuilder::new(class);
            let entries: Vec<Vec<u8>> = (0..n).map(|i| vec![i as u8; 1 + i % 40]).collect();
            for (i, entry) in entries.iter().enumerate() {
                assert_eq!(builder.append(entry), Some(i as u16));
            }
            let announced = builder.bytes();
            let bytes = builder.finish().unwrap();
            assert_eq!(bytes.len(), announced);
            let page = Page::parse(&bytes).unwrap();
            assert_eq!(usize::from(page.len()), n);
            assert!(page.iter().eq(entries.iter().map(Vec::as_slice)));
            assert_eq!(page.entry(7), Some(entries[7].as_slice()));
            assert_eq!(page.entry(n as u16), None);
        }
    }

    #[test]
    fn fills_to_its_class_and_takes_one_larger_entry_alone() {
        for class in [PageClass::Bulk, PageClass::Receipt] {
            let mut builder = PageBuilder::new(class);
            while builder.append(&[1; 97]).is_some() {}
            let bytes = builder.finish().unwrap();
            assert!(bytes.len() <= class.max_bytes() && bytes.len() > class.max_bytes() - 110);
        }
        let mut receipt = PageBuilder::new(PageClass::Receipt);
        assert_eq!(receipt.append(&[1; MAX_ENTRY_BYTES + 1]), None);
        assert_eq!(receipt.append(&[]), None);
        assert_eq!(receipt.append(&[1; MAX_ENTRY_BYTES]), Some(0));
        assert_eq!(receipt.append(&[1]), None);
        assert!(Page::parse(&receipt.finish().unwrap()).is_ok());
        assert!(PageBuilder::new(PageClass::Bulk).finish().is_none());
    }

    #[test]
    fn only_pages_parse() {
        // No entry; an empty entry; text; trailing; truncated; a length bomb.
        for bad in ["80", "8140", "816161", "814101ff", "8142", "9affffffff", "5b7fffffffffffffff", ""] {
            let bytes = data_encoding::HEXLOWER.decode(bad.as_bytes()).unwrap();
            assert!(Page::parse(&bytes).is_err(), "{bad}");
        }
        assert!(Page::parse(&vec![0; MAX_PAGE_BYTES + 1]).is_err());
        assert!(page_digest(&vec![0; MAX_PAGE_BYTES + 1]).is_err());
    }

    #[test]
    fn padding_is_part_of_the_digest() {
        let page = [0x81, 0x41, 0x01];
        let mut padded = page.to_vec();
        padded.resize(PAGE_PADDING_BYTES, 0);
        assert_eq!(page_digest(&page).unwrap(), Domain::PAGE.hash(&padded));
        // Two byte strings with one digest: only the first of them is a page.
        assert_eq!(page_digest(&page), page_digest(&padded));
        assert!(Page::parse(&padded).is_err());
    }
}
