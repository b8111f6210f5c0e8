//! Filling a bundle while it is open.
//!
//! ```text
//! append(Bulk, call)       ──► page 0 ─full─► page 2 ...
//! append(Receipt, receipt) ──► page 1 ─full─► page 3 ...
//! ```
//!
//! A page gets its number when it is opened, so an entry's address is known the moment it is appended, long
//! before the bundle is signed.

use thiserror::Error;

use crate::cbor::head_len;
use crate::limits::{MAX_BUNDLE_BYTES, MAX_BUNDLE_PAGES, MAX_ENTRY_BYTES};
use crate::page::{PageBuilder, PageClass};

/// Header, signature and the array's heads, rounded up.
const FRAMING_BYTES: usize = 256;

/// Why an entry was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The bundle has no room left: seal it and append to the next.
    #[error("the bundle is full; append to the next")]
    Full,
    /// No entry has this size.
    #[error("an entry has 1 to {MAX_ENTRY_BYTES} bytes, not {0}")]
    Size(usize),
}

/// Packs entries of both classes into the pages of one bundle.
#[derive(Debug, Default)]
pub struct BundleBuilder {
    /// Every page by number; open ones grow in place.
    pages: Vec<PageBuilder>,
    /// The open page of each class.
    open: [Option<u16>; 2],
    max_bytes: Option<usize>,
    bytes: usize,
    entries: usize,
}

impl BundleBuilder {
    /// An empty bundle with the format's bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty bundle that is full at `max_bytes` already, when that is below the format's bound.
    #[must_use]
    pub fn with_max_bytes(max_bytes: usize) -> Self {
        Self { max_bytes: Some(max_bytes), ..Self::default() }
    }

    /// Adds an entry's encoding and says its page and slot.
    ///
    /// # Errors
    /// When the bundle is full or the entry has an impossible size; nothing was changed then.
    #[inline]
    pub fn append(&mut self, class: PageClass, entry: &[u8]) -> Result<(u16, u16), AppendError> {
        if entry.is_empty() || entry.len() > MAX_ENTRY_BYTES {
            return Err(AppendError::Size(entry.len()));
        }
        let cost = head_len(entry.len() as u64) + entry.len();
        // A page costs up to 6 bytes of heads: its own count and the byte string around it.
        let max = self.max_bytes.unwrap_or(MAX_BUNDLE_BYTES).min(MAX_BUNDLE_BYTES);
        if FRAMING_BYTES + self.bytes + cost + 6 * (self.pages.len() + 1) > max {
            return Err(AppendError::Full);
        }
        let page = self.page_for(class, entry.len())?;
        let slot = self.pages.get_mut(usize::from(page)).and_then(|p| p.append(entry));
        let slot = slot.ok_or(AppendError::Size(entry.len()))?;
        self.bytes += cost;
        self.entries += 1;
        Ok((page, slot))
    }

    /// The open page of the class when the entry fits it, else a new one.
    #[inline]
    fn page_for(&mut self, class: PageClass, len: usize) -> Result<u16, AppendError> {
        let open = &mut self.open[class as usize];
        if let Some(page) = *open
            && self.pages.get(usize::from(page)).is_some_and(|p| p.fits(len))
        {
            return Ok(page);
        }
        let next = u16::try_from(self.pages.len()).map_err(|_| AppendError::Full)?;
        if self.pages.len() >= MAX_BUNDLE_PAGES {
            return Err(AppendError::Full);
        }
        self.pages.push(PageBuilder::new(class));
        *open = Some(next);
        Ok(next)
    }

    /// How many entries it has.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.entries
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// How long the signed bundle will be, at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        FRAMING_BYTES + self.bytes + 6 * self.pages.len()
    }

    /// The finished pages, for [`crate::Bundle::sign`].
    #[must_use]
    pub fn finish(self) -> Vec<Vec<u8>> {
        self.pages.into_iter().filter_map(PageBuilder::finish).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Bundle;
    use crate::bytes::Digest;
    use crate::key::Keypair;
    use crate::limits::{MAX_PAGE_BYTES, RECEIPT_PAGE_BYTES};

    #[test]
    fn addresses_hold_after_sealing() {
        let mut builder = BundleBuilder::new();
        let mut placed = Vec::new();
        for i in 0..3000usize {
            let class = if i % 3 == 0 { PageClass::Receipt } else { PageClass::Bulk };
            let mut entry = vec![7; 20 + i % 300];
            entry[..8].copy_from_slice(&i.to_be_bytes());
            placed.push((builder.append(class, &entry).unwrap(), class, entry));
        }
        let announced = builder.bytes();
        let bundle = Bundle::sign(&Keypair::from_seed([1; 32]), &Digest::ZERO, 9, builder.finish()).unwrap();
        assert_eq!(bundle.encoded_len(), bundle.encode().len());
        assert!(bundle.encoded_len() <= announced);
        for ((page, slot), class, entry) in &placed {
            assert_eq!(bundle.entry(*page, *slot), Some(entry.as_slice()));
            assert!(bundle.pages[usize::from(*page)].len() <= class.max_bytes());
        }
        assert_eq!(bundle.entries().count(), placed.len());
        for (page, slot, entry) in bundle.entries() {
            assert_eq!(bundle.entry(page, slot), Some(entry));
        }
    }

    #[test]
    fn is_full_before_it_breaks_the_format() {
        for (class, len) in [(PageClass::Bulk, 12 * 1024), (PageClass::Receipt, 3000), (PageClass::Bulk, 100)]
        {
            let mut builder = BundleBuilder::new();
            let entry = vec![1; len];
            let full = loop {
                if let Err(full) = builder.append(class, &entry) {
                    break full;
                }
            };
            assert_eq!(full, AppendError::Full);
            let bundle =
                Bundle::sign(&Keypair::from_seed([1; 32]), &Digest::ZERO, 9, builder.finish()).unwrap();
            assert_eq!(Bundle::decode(&bundle.encode()), Ok(bundle));
        }
        let mut small = BundleBuilder::with_max_bytes(1000);
        while small.append(PageClass::Bulk, &[1; 50]).is_ok() {}
        assert!(small.bytes() <= 1000 && small.entries() > 10);
    }

    #[test]
    fn classes_do_not_mix_and_pages_keep_their_bound() {
        let mut builder = BundleBuilder::new();
        assert_eq!(builder.append(PageClass::Bulk, &[1]), Ok((0, 0)));
        assert_eq!(builder.append(PageClass::Receipt, &[2]), Ok((1, 0)));
        assert_eq!(builder.append(PageClass::Bulk, &[3]), Ok((0, 1)));
        assert_eq!(builder.append(PageClass::Receipt, &[4; RECEIPT_PAGE_BYTES]), Ok((2, 0)));
        assert_eq!(builder.append(PageClass::Receipt, &[]), Err(AppendError::Size(0)));
        assert_eq!(builder.append(PageClass::Bulk, &vec![0; MAX_PAGE_BYTES]), Err(AppendError::Size(16384)));
        assert_eq!(builder.entries(), 4);
    }
}
