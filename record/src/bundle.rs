//! A bundle: pages of entries from one account under one signature.
//!
//! ```text
//! entries ──► pages ──► page digests ──► root ──► header ──sign──► bundle digest = leaf of a batch
//!
//! header = [network, account, valid_until, pages, root]      signed over: bundle domain || header
//! bundle = [bytes header, bytes signature, [bytes page, ...]]
//! ```

use thiserror::Error;

use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::entry::Entry;
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical, read_nested, write_nested};
use crate::key::{self, Keypair, SignatureError};
use crate::limits::{MAX_BUNDLE_BYTES, MAX_BUNDLE_PAGES, MAX_PAGE_BYTES};
use crate::merkle;
use crate::page::{Page, page_digest};

/// What an account signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleHeader {
    /// The network that it is for: [`crate::Genesis::network`].
    pub network: Digest,
    /// Who signs.
    pub account: AccountId,
    /// The last height of a block that may order it.
    pub valid_until: u64,
    /// How many pages.
    pub pages: u32,
    /// The root over the pages' digests.
    pub root: Digest,
}

/// The longest encoding of a header.
pub(crate) const MAX_HEADER_BYTES: usize = 160;

canonical!(BundleHeader, MAX_HEADER_BYTES);

impl BundleHeader {
    /// What replay protection remembers: the digest of the header alone. A signer can sign one header in many
    /// ways, so the signature must not be part of it.
    #[must_use]
    pub fn id(&self) -> Digest {
        Domain::BUNDLE_ID.hash(&self.encode())
    }

    /// The bundle's digest, its leaf in a batch: header and signature.
    #[must_use]
    pub fn digest(&self, signature: &Signature) -> Digest {
        let mut bytes = Vec::with_capacity(MAX_HEADER_BYTES + Signature::LEN);
        self.write(&mut bytes);
        bytes.extend_from_slice(signature.as_bytes());
        Domain::BUNDLE.hash(&bytes)
    }

    /// Verifies the account's signature of this header.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, signature: &Signature) -> Result<(), SignatureError> {
        key::verify(&self.account, Domain::BUNDLE, &self.encode(), signature)
    }
}

impl Item for BundleHeader {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 5);
        self.network.write(out);
        self.account.write(out);
        cbor::uint(out, self.valid_until);
        cbor::uint(out, self.pages);
        self.root.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(5)?;
        let header = Self {
            network: Digest::read(r)?,
            account: AccountId::read(r)?,
            valid_until: r.uint()?,
            pages: r.small()?,
            root: Digest::read(r)?,
        };
        if !(1..=MAX_BUNDLE_PAGES).contains(&(header.pages as usize)) {
            let why = format!("{}; a bundle has 1 to {MAX_BUNDLE_PAGES} pages", header.pages);
            return Err(Invalid::new("bundle.pages", why).into());
        }
        Ok(header)
    }
}

/// Entries from one account under one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// What is signed.
    pub header: BundleHeader,
    /// The account's signature of the header.
    pub signature: Signature,
    /// The pages.
    pub pages: Vec<Vec<u8>>,
}

canonical!(Bundle, MAX_BUNDLE_BYTES);

/// Why a bundle is not what its account signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The header announces another number of pages.
    #[error("the header announces {announced} pages, {found} are here")]
    PageCount {
        /// In the header.
        announced: u32,
        /// Here.
        found: usize,
    },
    /// The pages do not hash to the signed root.
    #[error("the pages hash to {found}, the header says {signed}")]
    Root {
        /// What they hash to.
        found: Digest,
        /// What was signed.
        signed: Digest,
    },
    /// The signature is wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A page is malformed.
    #[error("page {page}: {source}")]
    Page {
        /// Which.
        page: usize,
        /// How.
        source: DecodeError,
    },
    /// An entry is malformed.
    #[error("entry {slot} of page {page}: {source}")]
    Entry {
        /// Which page.
        page: usize,
        /// Which of its entries.
        slot: usize,
        /// How.
        source: DecodeError,
    },
    /// More pages than a bundle holds, or none.
    #[error("{found} pages; a bundle has 1 to {MAX_BUNDLE_PAGES}")]
    Pages {
        /// How many.
        found: usize,
    },
}

impl Bundle {
    /// Signs finished pages.
    ///
    /// # Errors
    /// When there are no pages, too many, or one is too long.
    pub fn sign(
        key: &Keypair,
        network: &Digest,
        valid_until: u64,
        pages: Vec<Vec<u8>>,
    ) -> Result<Self, BundleError> {
        let leaves = leaves(&pages)?;
        let count = u32::try_from(pages.len()).ok().filter(|n| (1..=MAX_BUNDLE_PAGES as u32).contains(n));
        let count = count.ok_or(BundleError::Pages { found: pages.len() })?;
        let header = BundleHeader {
            network: *network,
            account: key.account(),
            valid_until,
            pages: count,
            root: merkle::root(&leaves),
        };
        let signature = key.sign(Domain::BUNDLE, &header.encode());
        Ok(Self { header, signature, pages })
    }

    /// Checks everything that the bundle alone can show: page count, root, signature, and that every entry is
    /// one. Not the network, the validity or replay: those are the ledger's to judge.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn verify(&self) -> Result<(), BundleError> {
        self.verify_each(|_, _, _| Ok(()))
    }

    /// [`Bundle::verify`], which hands over every entry with its page and slot as it decodes it: whoever looks into
    /// the entries anyway decodes them once. The signature is checked before the first.
    ///
    /// # Errors
    /// Says what is wrong, or what `each` found wrong.
    pub fn verify_each<E: From<BundleError>>(
        &self,
        each: impl FnMut(u16, u16, Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        self.verify_root()?;
        self.header.verify(&self.signature).map_err(BundleError::from)?;
        self.decode_each(each)
    }

    /// [`Bundle::verify`] without the signature, for those who check many signatures at once with
    /// [`crate::verify_many`].
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn verify_unsigned(&self) -> Result<(), BundleError> {
        self.verify_root()?;
        self.decode_each(|_, _, _| Ok(()))
    }

    fn verify_root(&self) -> Result<(), BundleError> {
        if self.header.pages as usize != self.pages.len() {
            return Err(BundleError::PageCount { announced: self.header.pages, found: self.pages.len() });
        }
        let found = merkle::root(&leaves(&self.pages)?);
        if found != self.header.root {
            return Err(BundleError::Root { found, signed: self.header.root });
        }
        Ok(())
    }

    fn decode_each<E: From<BundleError>>(
        &self,
        mut each: impl FnMut(u16, u16, Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        for (page, bytes) in (0u16..).zip(&self.pages) {
            let number = usize::from(page);
            let parsed = Page::parse(bytes).map_err(|source| BundleError::Page { page: number, source })?;
            for (slot, entry) in (0u16..).zip(parsed.iter()) {
                let wrong = |source| BundleError::Entry { page: number, slot: usize::from(slot), source };
                each(page, slot, Entry::decode(entry).map_err(wrong)?)?;
            }
        }
        Ok(())
    }

    /// The bundle's digest, its leaf in a batch.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.header.digest(&self.signature)
    }

    /// The digests of the pages, the leaves of its tree.
    ///
    /// # Errors
    /// When a page is too long.
    pub fn leaves(&self) -> Result<Vec<Digest>, BundleError> {
        leaves(&self.pages)
    }

    /// Every entry as `(page, slot, bytes)`; malformed pages (which [`Bundle::verify`] refuses) have none.
    pub fn entries(&self) -> impl Iterator<Item = (u16, u16, &[u8])> {
        (0u16..).zip(&self.pages).flat_map(|(number, bytes)| {
            let page = Page::parse(bytes).ok();
            page.into_iter().flat_map(move |p| (0u16..).zip(p.iter())).map(move |(slot, e)| (number, slot, e))
        })
    }

    /// The entry at `page` and `slot`.
    #[must_use]
    pub fn entry(&self, page: u16, slot: u16) -> Option<&[u8]> {
        Page::parse(self.pages.get(usize::from(page))?).ok()?.entry(slot)
    }

    /// The bytes that its account pays for where things are charged: those of its header and of its pages.
    #[must_use]
    pub fn paid_bytes(&self) -> u64 {
        let pages: usize = self.pages.iter().map(Vec::len).sum();
        (self.header.encode().len() + pages) as u64
    }

    /// How long its encoding is.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let header = self.header.encode().len();
        let pages: usize = self.pages.iter().map(|p| cbor::head_len(p.len() as u64) + p.len()).sum();
        1 + cbor::head_len(header as u64)
            + header
            + 2
            + Signature::LEN
            + cbor::head_len(self.pages.len() as u64)
            + pages
    }
}

fn leaves(pages: &[Vec<u8>]) -> Result<Vec<Digest>, BundleError> {
    let digest = |(page, bytes): (usize, &Vec<u8>)| {
        page_digest(bytes).map_err(|source| BundleError::Page { page, source })
    };
    pages.iter().enumerate().map(digest).collect()
}

impl Item for Bundle {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        write_nested(out, &self.header);
        self.signature.write(out);
        cbor::array(out, self.pages.len());
        for page in &self.pages {
            cbor::bytes(out, page);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        let header: BundleHeader = read_nested(r, MAX_HEADER_BYTES)?;
        let signature = Signature::read(r)?;
        let pages = r.list(MAX_BUNDLE_PAGES)?;
        let pages: Vec<Vec<u8>> =
            (0..pages).map(|_| r.bytes(MAX_PAGE_BYTES).map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        if pages.len() != header.pages as usize {
            let why = format!("the header announces {} pages, {} follow", header.pages, pages.len());
            return Err(Invalid::new("bundle.pages", why).into());
        }
        Ok(Self { header, signature, pages })
    }
}
