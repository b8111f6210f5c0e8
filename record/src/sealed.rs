//! A sealed batch: what replicas send each other and what they store.
//!
//! ```text
//! seal   = the lane owner's signature, in the seal domain, of network || batch digest
//! sealed = [bytes signature, bytes batch]
//! ```
//!
//! A batch's digest covers its lane and sequence number but nothing secret: anybody can make a batch that says
//! it is the next one of a lane. The seal is what makes it the owner's, on one network. Two seals of one lane
//! and sequence number over different digests prove that the owner sealed twice ([`Equivocation`]).
//!
//! - Requires: a list of lane owners that is believed: the genesis's validators, and after them whoever got a seat
//!   later, in the order of their coming. A lane is its owner's place in the list, for ever.
//! - Provides: [`SealedView::verify`] checks bytes as they came, without copying them: seal, roots, counts, the
//!   form of every page, and all signatures at once.
//! - Does not provide: that the entries decode. An entry that does not is on the ledger and says nothing; no
//!   proof of it verifies.

use thiserror::Error;

use crate::batch::{Batch, BatchHeader, MAX_BATCH_HEADER_BYTES};
use crate::bundle::{BundleHeader, MAX_HEADER_BYTES};
use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical, read_nested, write_nested};
use crate::key::{self, Keypair, SignatureError};
use crate::limits::{
    MAX_BATCH_BUNDLES, MAX_BATCH_BYTES, MAX_BUNDLE_BYTES, MAX_BUNDLE_PAGES, MAX_PAGE_BYTES,
    MAX_SEALED_BATCH_BYTES,
};
use crate::merkle;
use crate::page::{Page, page_digest};

/// What the owner of a lane signs for a batch.
fn seal_message(network: &Digest, batch: &Digest) -> [u8; 64] {
    let mut message = [0; 64];
    message[..32].copy_from_slice(network.as_bytes());
    message[32..].copy_from_slice(batch.as_bytes());
    message
}

/// Signs a batch's digest as the owner of its lane.
#[must_use]
pub fn seal(key: &Keypair, network: &Digest, batch: &Digest) -> Signature {
    key.sign(Domain::SEAL, &seal_message(network, batch))
}

/// The account that owns a lane: its place among the owners.
#[must_use]
pub fn lane_owner(owners: &[AccountId], lane: u32) -> Option<&AccountId> {
    owners.get(usize::try_from(lane).ok()?)
}

/// Why a sealed batch is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// The bytes are no sealed batch.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Nobody owns the lane.
    #[error("lane {lane} has no owner: there are {lanes} lanes")]
    Lane {
        /// The lane.
        lane: u32,
        /// How many there are.
        lanes: usize,
    },
    /// The seal is not the owner's.
    #[error("the seal of batch {seq} of lane {lane} does not fit: {source}")]
    Seal {
        /// The lane.
        lane: u32,
        /// The batch.
        seq: u64,
        /// What is wrong.
        source: SignatureError,
    },
    /// The bundles do not hash to the root.
    #[error("the bundles hash to {found}, the header says {said}")]
    Root {
        /// What they hash to.
        found: Digest,
        /// What the header says.
        said: Digest,
    },
    /// A bundle's pages do not hash to its root, or are no pages.
    #[error("bundle {bundle}: {why}")]
    Bundle {
        /// Which.
        bundle: usize,
        /// What is wrong.
        why: String,
    },
    /// A bundle is for another network.
    #[error("bundle {bundle} is signed for network {found}")]
    Network {
        /// Which.
        bundle: usize,
        /// Its network.
        found: Digest,
    },
    /// A bundle's signature is wrong.
    #[error("bundle {bundle}: {source}")]
    Signature {
        /// Which.
        bundle: usize,
        /// What is wrong.
        source: SignatureError,
    },
}

/// A bundle inside bytes that somebody else holds.
#[derive(Debug, Clone)]
pub struct BundleView<'a> {
    /// What its account signed.
    pub header: BundleHeader,
    /// The account's signature of the header.
    pub signature: Signature,
    /// The pages.
    pub pages: Vec<&'a [u8]>,
    header_bytes: &'a [u8],
}

impl<'a> BundleView<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        r.array(3)?;
        let header_bytes = r.bytes(MAX_HEADER_BYTES)?;
        let header = BundleHeader::decode(header_bytes)?;
        let signature = Signature::read(&mut r)?;
        let count = r.list(MAX_BUNDLE_PAGES)?;
        if count != header.pages as usize {
            let why = format!("the header announces {} pages, {count} follow", header.pages);
            return Err(Invalid::new("bundle.pages", why).into());
        }
        let pages = (0..count).map(|_| r.bytes(MAX_PAGE_BYTES)).collect::<Result<_, _>>()?;
        r.end()?;
        Ok(Self { header, signature, pages, header_bytes })
    }

    /// Every entry as `(page, slot, bytes)`; a malformed page, which [`SealedView::verify`] refuses, has none.
    pub fn entries(&self) -> impl Iterator<Item = (u16, u16, &'a [u8])> {
        (0u16..).zip(&self.pages).flat_map(|(number, bytes)| {
            let page = Page::parse(bytes).ok();
            page.into_iter().flat_map(move |p| (0u16..).zip(p.iter())).map(move |(slot, e)| (number, slot, e))
        })
    }

    /// The bytes that its account pays for: [`crate::Bundle::paid_bytes`].
    #[must_use]
    pub fn paid_bytes(&self) -> u64 {
        let pages: usize = self.pages.iter().map(|page| page.len()).sum();
        (self.header_bytes.len() + pages) as u64
    }

    /// Whether the pages have their form and hash to the root.
    fn check(&self) -> Result<(), String> {
        let leaf = |(number, page): (usize, &&[u8])| {
            let whole = Page::parse(page).and_then(|_| page_digest(page));
            whole.map_err(|error| format!("page {number}: {error}"))
        };
        let leaves = self.pages.iter().enumerate().map(leaf).collect::<Result<Vec<Digest>, String>>()?;
        let found = merkle::root(&leaves);
        if found == self.header.root {
            return Ok(());
        }
        Err(format!("the pages hash to {found}, the header says {}", self.header.root))
    }
}

/// A sealed batch inside bytes that somebody else holds: its parts, none of them copied.
#[derive(Debug, Clone)]
pub struct SealedView<'a> {
    /// What names the batch.
    pub header: BatchHeader,
    /// The owner's signature.
    pub seal: Signature,
    /// The bundles.
    pub bundles: Vec<BundleView<'a>>,
    /// The batch alone, as [`Batch::decode`] and [`Batch::find`] read it.
    pub batch: &'a [u8],
}

impl<'a> SealedView<'a> {
    /// Takes the bytes apart. Nothing is verified but their form.
    ///
    /// # Errors
    /// When they are not the one encoding of a sealed batch.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (seal, batch) = split(bytes)?;
        let mut r = Reader::new(batch);
        r.array(2)?;
        let header: BatchHeader = read_nested(&mut r, MAX_BATCH_HEADER_BYTES)?;
        let count = r.list(MAX_BATCH_BUNDLES)?;
        if count != header.bundles as usize {
            let why = format!("the header announces {} bundles, {count} follow", header.bundles);
            return Err(Invalid::new("batch.bundles", why).into());
        }
        let bundles =
            (0..count).map(|_| BundleView::read(r.bytes(MAX_BUNDLE_BYTES)?)).collect::<Result<_, _>>()?;
        r.end()?;
        Ok(Self { header, seal, bundles, batch })
    }

    /// The batch's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.header.digest()
    }

    /// The seal alone, with what it is about.
    #[must_use]
    pub fn sealed_header(&self) -> SealedHeader {
        SealedHeader { header: self.header, seal: self.seal }
    }

    /// Checks everything but the entries themselves: the seal first, because it is cheap and stops a stranger.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn verify(&self, owners: &[AccountId], network: &Digest) -> Result<(), SealError> {
        self.sealed_header().verify(owners, network)?;
        self.verify_roots()?;
        for (bundle, content) in self.bundles.iter().enumerate() {
            if content.header.network != *network {
                return Err(SealError::Network { bundle, found: content.header.network });
            }
        }
        let items: Vec<(AccountId, &[u8], Signature)> =
            self.bundles.iter().map(|b| (b.header.account, b.header_bytes, b.signature)).collect();
        key::verify_many(Domain::BUNDLE, &items)
            .map_err(|(bundle, source)| SealError::Signature { bundle, source })
    }

    /// Checks that every byte is what the header's root commits to. What a reader of its own disk checks.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn verify_roots(&self) -> Result<(), SealError> {
        let leaves: Vec<Digest> = self.bundles.iter().map(|b| b.header.digest(&b.signature)).collect();
        let found = merkle::root(&leaves);
        if found != self.header.root {
            return Err(SealError::Root { found, said: self.header.root });
        }
        for (bundle, content) in self.bundles.iter().enumerate() {
            content.check().map_err(|why| SealError::Bundle { bundle, why })?;
        }
        Ok(())
    }
}

/// The seal and the batch of a sealed batch.
fn split(bytes: &[u8]) -> Result<(Signature, &[u8]), DecodeError> {
    let mut r = Reader::new(bytes);
    r.array(2)?;
    let seal = Signature::read(&mut r)?;
    let batch = r.bytes(MAX_BATCH_BYTES)?;
    r.end()?;
    Ok((seal, batch))
}

/// A batch's header with the owner's seal: enough to say which batch was sealed, without the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedHeader {
    /// What names the batch.
    pub header: BatchHeader,
    /// The owner's signature.
    pub seal: Signature,
}

const MAX_SEALED_HEADER_BYTES: usize = MAX_BATCH_HEADER_BYTES + Signature::LEN + 8;

canonical!(SealedHeader, MAX_SEALED_HEADER_BYTES);

impl SealedHeader {
    /// The header and seal of an encoded sealed batch, without reading the rest of it.
    ///
    /// # Errors
    /// When the bytes are no sealed batch as far as they had to be read.
    pub fn peek(sealed: &[u8]) -> Result<Self, DecodeError> {
        let (seal, batch) = split(sealed)?;
        let mut r = Reader::new(batch);
        r.array(2)?;
        Ok(Self { header: read_nested(&mut r, MAX_BATCH_HEADER_BYTES)?, seal })
    }

    /// Checks that the seal is the lane owner's, on this network.
    ///
    /// # Errors
    /// When nobody owns the lane, or the seal is not its owner's.
    pub fn verify(&self, owners: &[AccountId], network: &Digest) -> Result<(), SealError> {
        let (lane, seq) = (self.header.lane, self.header.seq);
        let owner = lane_owner(owners, lane).ok_or(SealError::Lane { lane, lanes: owners.len() })?;
        key::verify(owner, Domain::SEAL, &seal_message(network, &self.header.digest()), &self.seal)
            .map_err(|source| SealError::Seal { lane, seq, source })
    }
}

impl Item for SealedHeader {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        self.seal.write(out);
        write_nested(out, &self.header);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        Ok(Self { seal: Signature::read(r)?, header: read_nested(r, MAX_BATCH_HEADER_BYTES)? })
    }
}

/// Two seals of one lane and sequence number over different batches: the owner sealed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equivocation {
    /// One of them.
    pub first: SealedHeader,
    /// The other.
    pub second: SealedHeader,
}

/// Its longest encoding.
pub(crate) const MAX_EQUIVOCATION_BYTES: usize = 2 * MAX_SEALED_HEADER_BYTES + 8;

canonical!(Equivocation, MAX_EQUIVOCATION_BYTES);

impl Equivocation {
    /// Checks that it proves what it says.
    ///
    /// # Errors
    /// When the two are of different places or of the same batch, or a seal is not the owner's.
    pub fn verify(&self, owners: &[AccountId], network: &Digest) -> Result<(), SealError> {
        let (a, b) = (&self.first.header, &self.second.header);
        if (a.lane, a.seq) != (b.lane, b.seq) {
            let why = format!("{}-{} and {}-{} are two places", a.lane, a.seq, b.lane, b.seq);
            return Err(DecodeError::from(Invalid::new("equivocation", why)).into());
        }
        if a == b {
            return Err(DecodeError::from(Invalid::new("equivocation", "both are one batch")).into());
        }
        self.first.verify(owners, network)?;
        self.second.verify(owners, network)
    }
}

impl Item for Equivocation {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        write_nested(out, &self.first);
        write_nested(out, &self.second);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        let first = read_nested(r, MAX_SEALED_HEADER_BYTES)?;
        Ok(Self { first, second: read_nested(r, MAX_SEALED_HEADER_BYTES)? })
    }
}

impl Batch {
    /// The bytes of this batch under its owner's seal.
    #[must_use]
    pub fn encode_sealed(&self, seal: &Signature) -> Vec<u8> {
        let len = self.encoded_len();
        let mut out = Vec::with_capacity(len + Signature::LEN + 16);
        cbor::array(&mut out, 2);
        seal.write(&mut out);
        cbor::bytes_head(&mut out, len);
        self.encode_into(&mut out);
        out
    }

    /// How long its encoding is.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let nested = |len: usize| cbor::head_len(len as u64) + len;
        let bundles: usize = self.bundles.iter().map(|b| nested(b.encoded_len())).sum();
        1 + nested(self.header.encode().len()) + cbor::head_len(self.bundles.len() as u64) + bundles
    }
}

const _: () = assert!(MAX_BATCH_BYTES + Signature::LEN + 8 <= MAX_SEALED_BATCH_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Network;
    use crate::{Entry, PageClass, Payload, Value};

    #[test]
    fn a_sealed_batch_reads_back_without_a_copy() {
        let network = Network::new(4);
        let value = |n: u8| Entry::Value(Value::new("/a", Payload::inlined(&[n])));
        let bundles: Vec<_> =
            (0..5).map(|n| network.bundle(&[(PageClass::Bulk, value(n).encode())], 9)).collect();
        let batch = Batch::seal(2, 7, bundles).unwrap();
        assert_eq!(batch.encoded_len(), batch.encode().len());
        let id = network.genesis.network();
        let bytes = batch.encode_sealed(&seal(&network.validators[2], &id, &batch.digest()));
        let view = SealedView::parse(&bytes).unwrap();
        view.verify(&network.genesis.validators, &id).unwrap();
        assert_eq!((view.header, view.digest()), (batch.header, batch.digest()));
        assert_eq!(view.bundles[3].paid_bytes(), batch.bundles[3].paid_bytes());
        assert_eq!(Batch::decode(view.batch), Ok(batch));
        assert_eq!(view.bundles[3].entries().next(), Some((0, 0, value(3).encode().as_slice())));
        assert_eq!(SealedHeader::peek(&bytes), Ok(view.sealed_header()));
    }
}
