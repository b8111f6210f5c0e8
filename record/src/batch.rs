//! A batch: the bundles that one replica seals together; the unit of storage, of dissemination and of ordering.
//!
//! ```text
//! header = [lane, seq, bundles, root]            digest = H(batch domain, header), a leaf of a block
//! batch  = [bytes header, [bytes bundle, ...]]   root over the bundles' digests
//! ```

use thiserror::Error;

use crate::address::EntryId;
use crate::bundle::{Bundle, BundleError};
use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical, read_nested, write_nested};
use crate::key::{self, SignatureError};
use crate::limits::{MAX_BATCH_BUNDLES, MAX_BATCH_BYTES, MAX_BUNDLE_BYTES, MAX_BUNDLE_PAGES, MAX_PAGE_BYTES};
use crate::merkle;
use crate::page::Page;

/// What names a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// The replica's lane.
    pub lane: u32,
    /// Its place in the lane.
    pub seq: u64,
    /// How many bundles.
    pub bundles: u32,
    /// The root over the bundles' digests.
    pub root: Digest,
}

/// The longest encoding of a batch's header.
pub(crate) const MAX_BATCH_HEADER_BYTES: usize = 64;

canonical!(BatchHeader, MAX_BATCH_HEADER_BYTES);

impl BatchHeader {
    /// The batch's digest: what is ordered.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Domain::BATCH.hash(&self.encode())
    }
}

impl Item for BatchHeader {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 4);
        cbor::uint(out, self.lane);
        cbor::uint(out, self.seq);
        cbor::uint(out, self.bundles);
        self.root.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(4)?;
        let header = Self { lane: r.small()?, seq: r.uint()?, bundles: r.small()?, root: Digest::read(r)? };
        if !(1..=MAX_BATCH_BUNDLES).contains(&(header.bundles as usize)) {
            let why = format!("{}; a batch has 1 to {MAX_BATCH_BUNDLES} bundles", header.bundles);
            return Err(Invalid::new("batch.bundles", why).into());
        }
        Ok(header)
    }
}

/// Bundles sealed together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What names it.
    pub header: BatchHeader,
    /// The bundles.
    pub bundles: Vec<Bundle>,
}

canonical!(Batch, MAX_BATCH_BYTES);

/// Why a batch is not what its header names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// No bundles, or too many.
    #[error("{found} bundles; a batch has 1 to {MAX_BATCH_BUNDLES}")]
    Bundles {
        /// How many.
        found: usize,
    },
    /// The header announces another number of bundles.
    #[error("the header announces {announced} bundles, {found} are here")]
    BundleCount {
        /// In the header.
        announced: u32,
        /// Here.
        found: usize,
    },
    /// The bundles do not hash to the root.
    #[error("the bundles hash to {found}, the header says {said}")]
    Root {
        /// What they hash to.
        found: Digest,
        /// What the header says.
        said: Digest,
    },
    /// A bundle is wrong.
    #[error("bundle {bundle}: {source}")]
    Bundle {
        /// Which.
        bundle: usize,
        /// How.
        source: BundleError,
    },
}

impl Batch {
    /// Seals bundles.
    ///
    /// # Errors
    /// When there are none or too many.
    pub fn seal(lane: u32, seq: u64, bundles: Vec<Bundle>) -> Result<Self, BatchError> {
        let count = u32::try_from(bundles.len()).ok().filter(|n| (1..=MAX_BATCH_BUNDLES as u32).contains(n));
        let count = count.ok_or(BatchError::Bundles { found: bundles.len() })?;
        let root = merkle::root(&leaves(&bundles));
        Ok(Self { header: BatchHeader { lane, seq, bundles: count, root }, bundles })
    }

    /// The batch's digest: what is ordered.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.header.digest()
    }

    /// The digests of the bundles, the leaves of its tree.
    #[must_use]
    pub fn leaves(&self) -> Vec<Digest> {
        leaves(&self.bundles)
    }

    /// Checks everything that the batch alone can show: counts, roots, entries, and all signatures at once.
    ///
    /// # Errors
    /// Names the bundle and what is wrong with it.
    pub fn verify(&self) -> Result<(), BatchError> {
        if self.header.bundles as usize != self.bundles.len() {
            return Err(BatchError::BundleCount {
                announced: self.header.bundles,
                found: self.bundles.len(),
            });
        }
        let found = merkle::root(&self.leaves());
        if found != self.header.root {
            return Err(BatchError::Root { found, said: self.header.root });
        }
        for (bundle, content) in self.bundles.iter().enumerate() {
            content.verify_unsigned().map_err(|source| BatchError::Bundle { bundle, source })?;
        }
        verify_signatures(&self.bundles)
            .map_err(|(bundle, e)| BatchError::Bundle { bundle, source: BundleError::Signature(e) })
    }

    /// The bytes of the entry at `id`, when this is its batch and it has one there.
    #[must_use]
    pub fn entry(&self, id: EntryId) -> Option<&[u8]> {
        if (id.lane, id.batch) != (self.header.lane, self.header.seq) {
            return None;
        }
        self.bundles.get(usize::from(id.bundle))?.entry(id.page, id.slot)
    }

    /// The bytes of the entry at `id` straight from an encoded batch, without decoding the rest of it.
    ///
    /// # Errors
    /// When the bytes are no batch as far as they had to be read.
    pub fn find(encoded: &[u8], id: EntryId) -> Result<Option<&[u8]>, DecodeError> {
        let mut r = Reader::new(encoded);
        r.array(2)?;
        let header: BatchHeader = read_nested(&mut r, MAX_BATCH_HEADER_BYTES)?;
        let bundles = r.list(MAX_BATCH_BUNDLES)?;
        if (header.lane, header.seq) != (id.lane, id.batch) || usize::from(id.bundle) >= bundles {
            return Ok(None);
        }
        for _ in 0..id.bundle {
            r.bytes(MAX_BUNDLE_BYTES)?;
        }
        let mut r = Reader::new(r.bytes(MAX_BUNDLE_BYTES)?);
        r.array(3)?;
        r.bytes(crate::bundle::MAX_HEADER_BYTES)?;
        Signature::read(&mut r)?;
        if usize::from(id.page) >= r.list(MAX_BUNDLE_PAGES)? {
            return Ok(None);
        }
        for _ in 0..id.page {
            r.bytes(MAX_PAGE_BYTES)?;
        }
        Ok(Page::parse(r.bytes(MAX_PAGE_BYTES)?)?.entry(id.slot))
    }
}

fn leaves(bundles: &[Bundle]) -> Vec<Digest> {
    bundles.iter().map(Bundle::digest).collect()
}

/// Verifies the signatures of many bundles at once.
///
/// # Errors
/// Names the first wrong one by its place.
pub fn verify_signatures(bundles: &[Bundle]) -> Result<(), (usize, SignatureError)> {
    let headers: Vec<Vec<u8>> = bundles.iter().map(|b| b.header.encode()).collect();
    let items: Vec<(AccountId, &[u8], Signature)> =
        bundles.iter().zip(&headers).map(|(b, h)| (b.header.account, h.as_slice(), b.signature)).collect();
    key::verify_many(Domain::BUNDLE, &items)
}

impl Item for Batch {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(256 + self.bundles.iter().map(|b| b.encoded_len() + 8).sum::<usize>());
        cbor::array(out, 2);
        write_nested(out, &self.header);
        cbor::array(out, self.bundles.len());
        for bundle in &self.bundles {
            cbor::bytes_head(out, bundle.encoded_len());
            bundle.write(out);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        let header: BatchHeader = read_nested(r, MAX_BATCH_HEADER_BYTES)?;
        let count = r.list(MAX_BATCH_BUNDLES)?;
        if count != header.bundles as usize {
            let why = format!("the header announces {} bundles, {count} follow", header.bundles);
            return Err(Invalid::new("batch.bundles", why).into());
        }
        let bundles = (0..count).map(|_| read_nested(r, MAX_BUNDLE_BYTES)).collect::<Result<_, _>>()?;
        Ok(Self { header, bundles })
    }
}
