//! Proofs: an entry, the way from it to a signature, and the way from there to a certificate.
//!
//! ```text
//! entry ─in─► page ─path─► bundle header ◄─signature── account           SignedEntry: the worker's word
//!                              │
//!                              └─path─► batch header ─path─► block header ◄─votes── validators     Proof
//! ```
//!
//! A block agreed on in a view that then timed out has no votes of its own: it is final because a later block,
//! which names it as its ancestor, is. Its proof has the headers from there down to it, the descent.
//!
//! Where the committee has changed, the proof has the handovers from the genesis's committee to the one that voted.
//!
//! - Requires: the genesis file of the network, believed.
//! - Provides: that this account said this entry, for this network (SignedEntry); and that the network's
//!   validators put it at this place, height and time (Proof).
//! - Does not provide: that what a worker says is true, nor that the ledger accepted what it ordered: a late or
//!   repeated receipt has a proof too.
//!
//! ```
//! use moot_record::{testing, Entry, PageClass, Payload, Value};
//!
//! let network = testing::Network::new(4);
//! let said = Entry::Value(Value::new("/chat/lobby", Payload::inlined(b"hello")));
//! let (proof, id) = network.prove(&said, PageClass::Bulk, 7);
//!
//! let proven = proof.verify(&network.genesis)?;
//! assert_eq!((proven.entry, proven.id, proven.height), (said, id, 7));
//!
//! // Another network's genesis does not vouch for it, and the error says why.
//! let other = testing::Network::named("other", 4);
//! assert_eq!(proof.verify(&other.genesis).unwrap_err().field(), "bundle.network");
//! # Ok::<(), moot_record::ProofError>(())
//! ```

use crate::address::EntryId;
use crate::batch::{BatchHeader, MAX_BATCH_HEADER_BYTES};
use crate::block::{BlockHeader, MAX_BLOCK_HEADER_BYTES};
use crate::bundle::{BundleHeader, MAX_HEADER_BYTES};
use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::certificate::Certificate;
use crate::entry::Entry;
use crate::error::DecodeError;
use crate::genesis::Genesis;
use crate::handover::{self, Handover};
use crate::item::{Item, canonical, read_nested, write_nested};
use crate::limits::{MAX_CERTIFICATE_BYTES, MAX_DESCENT, MAX_HANDOVERS, MAX_PAGE_BYTES, MAX_PROOF_BYTES};
use crate::merkle::{climb, read_path, write_path};
use crate::page::{Page, page_digest};
use crate::proof_error::ProofError;

/// The version of the proof format.
const PROOF_VERSION: u64 = 1;
/// The version of a proof with handovers.
const HANDOVERS_VERSION: u64 = 2;

/// An entry with the signature of the account that said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEntry {
    /// The whole page.
    pub page: Vec<u8>,
    /// The entry's place in the page.
    pub slot: u16,
    /// The page's place in the bundle.
    pub page_index: u16,
    /// From the page to the bundle's root.
    pub page_path: Vec<Digest>,
    /// What was signed.
    pub bundle_header: BundleHeader,
    /// The signature of it.
    pub signature: Signature,
}

/// What a [`SignedEntry`] proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The entry.
    pub entry: Entry,
    /// Who said it.
    pub account: AccountId,
    /// The digest of the entry.
    pub digest: Digest,
    /// The last height at which it may be ordered.
    pub valid_until: u64,
}

/// An entry with its place on the ledger, certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry and its signature.
    pub entry: SignedEntry,
    /// The bundle's place in the batch.
    pub bundle_index: u16,
    /// From the bundle to the batch's root.
    pub bundle_path: Vec<Digest>,
    /// The batch.
    pub batch_header: BatchHeader,
    /// The batch's place in the block.
    pub batch_index: u16,
    /// From the batch to the block's root.
    pub batch_path: Vec<Digest>,
    /// The block.
    pub block_header: BlockHeader,
    /// Headers of the blocks after it, up to the one that the certificate names; nearly always empty.
    pub descent: Vec<BlockHeader>,
    /// The votes for the last of the descent, or for the block itself.
    pub certificate: Certificate,
    /// From the genesis's committee to the one that voted; none while there was no other.
    pub handovers: Vec<Handover>,
}

/// What a [`Proof`] proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The entry.
    pub entry: Entry,
    /// Who said it.
    pub account: AccountId,
    /// The digest of the entry.
    pub digest: Digest,
    /// Where it stands.
    pub id: EntryId,
    /// The height of the block that ordered it.
    pub height: u64,
    /// The block's time, in milliseconds since 1970.
    pub time_ms: u64,
    /// The epoch of the votes.
    pub epoch: u64,
    /// The view of the votes: the block's own, or its certified descendant's.
    pub view: u64,
}

canonical!(SignedEntry, MAX_PROOF_BYTES);
canonical!(Proof, MAX_PROOF_BYTES);

impl SignedEntry {
    /// Verifies that the bundle's account signed this entry, for this network.
    ///
    /// # Errors
    /// Names what does not fit.
    pub fn verify(&self, genesis: &Genesis) -> Result<Signed, ProofError> {
        let header = &self.bundle_header;
        let wanted = genesis.network();
        if header.network != wanted {
            return Err(ProofError::Network { found: header.network, wanted });
        }
        let leaf = page_digest(&self.page).map_err(|e| ProofError::encoding("page", e))?;
        let root = climb(leaf, self.page_index.into(), header.pages.into(), &self.page_path)
            .map_err(|e| ProofError::Path { field: "page_path", source: e })?;
        if root != header.root {
            return Err(ProofError::Root { field: "page", part: "page", whole: "bundle" });
        }
        header.verify(&self.signature)?;
        let (entry, digest) = self.read_entry()?;
        Ok(Signed { entry, account: header.account, digest, valid_until: header.valid_until })
    }

    /// The entry as it stands in the page, not verified.
    ///
    /// # Errors
    /// When the page is malformed or has no such slot.
    pub fn read_entry(&self) -> Result<(Entry, Digest), ProofError> {
        let page = Page::parse(&self.page).map_err(|e| ProofError::encoding("page", e))?;
        let bytes = page.entry(self.slot).ok_or(ProofError::Slot { slot: self.slot, entries: page.len() })?;
        let entry = Entry::decode(bytes).map_err(|e| ProofError::encoding("entry", e))?;
        Ok((entry, crate::entry::entry_digest(bytes)))
    }
}

impl Proof {
    /// Verifies the whole way from the entry to the votes, and from there to the genesis's validators.
    ///
    /// # Errors
    /// Names what does not fit.
    pub fn verify(&self, genesis: &Genesis) -> Result<Proven, ProofError> {
        let signed = self.entry.verify(genesis)?;
        let bundle = self.entry.bundle_header.digest(&self.entry.signature);
        let batch = &self.batch_header;
        let root = climb(bundle, self.bundle_index.into(), batch.bundles.into(), &self.bundle_path)
            .map_err(|e| ProofError::Path { field: "bundle_path", source: e })?;
        if root != batch.root {
            return Err(ProofError::Root { field: "bundle", part: "bundle", whole: "batch" });
        }
        let block = &self.block_header;
        let root = climb(batch.digest(), self.batch_index.into(), block.batches.into(), &self.batch_path)
            .map_err(|e| ProofError::Path { field: "batch_path", source: e })?;
        if root != block.root {
            return Err(ProofError::Root { field: "batch", part: "batch", whole: "block" });
        }
        if block.height > signed.valid_until {
            return Err(ProofError::Expired { height: block.height, valid_until: signed.valid_until });
        }
        check_descent(&self.block_header, &self.descent)?;
        let certified = self.descent.last().unwrap_or(&self.block_header);
        let (epoch, view) = handover::verify(genesis, &self.handovers, &self.certificate, certified)?;
        Ok(Proven {
            entry: signed.entry,
            account: signed.account,
            digest: signed.digest,
            id: self.id(),
            height: block.height,
            time_ms: block.time_ms,
            epoch,
            view,
        })
    }

    /// The address that the proof is about, not verified.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        EntryId {
            lane: self.batch_header.lane,
            batch: self.batch_header.seq,
            bundle: self.bundle_index,
            page: self.entry.page_index,
            slot: self.entry.slot,
        }
    }
}

/// Checks that a descent leads from a block to its last header.
pub(crate) fn check_descent(block: &BlockHeader, descent: &[BlockHeader]) -> Result<(), ProofError> {
    if descent.len() > MAX_DESCENT {
        let (what, len) = ("the descent", descent.len() as u64);
        let source = DecodeError::TooLong { at: 0, what, len, max: MAX_DESCENT };
        return Err(ProofError::encoding("descent", source));
    }
    let (mut height, mut digest) = (block.height, block.digest());
    for child in descent {
        if child.parent != digest || Some(child.height) != height.checked_add(1) {
            return Err(ProofError::Descent { height });
        }
        (height, digest) = (child.height, child.digest());
    }
    Ok(())
}

fn version(r: &mut Reader<'_>, wanted: u64) -> Result<(), DecodeError> {
    let at = r.position();
    match r.uint()? {
        value if value == wanted => Ok(()),
        value => Err(DecodeError::UnknownNumber { at, what: "version of the proof format", value }),
    }
}

/// The fields of a signed entry, which a proof has inline.
const SIGNED_FIELDS: usize = 6;
/// The fields of a proof without handovers.
const PROOF_FIELDS: usize = 1 + SIGNED_FIELDS + 8;

fn read_handovers(r: &mut Reader<'_>) -> Result<Vec<Handover>, DecodeError> {
    let at = r.position();
    let count = r.list(MAX_HANDOVERS)?;
    if count == 0 {
        // Without handovers a proof is of the other version: each has one encoding.
        return Err(DecodeError::WrongLength { at, what: "the list of handovers", len: 0, wanted: 1 });
    }
    (0..count).map(|_| Handover::read(r)).collect()
}

impl SignedEntry {
    fn write_fields(&self, out: &mut Vec<u8>) {
        cbor::uint(out, self.slot);
        cbor::bytes(out, &self.page);
        cbor::uint(out, self.page_index);
        write_path(out, &self.page_path);
        write_nested(out, &self.bundle_header);
        self.signature.write(out);
    }

    fn read_fields(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            slot: r.small()?,
            page: r.bytes(MAX_PAGE_BYTES)?.to_vec(),
            page_index: r.small()?,
            page_path: read_path(r)?,
            bundle_header: read_nested(r, MAX_HEADER_BYTES)?,
            signature: Signature::read(r)?,
        })
    }
}

impl Item for SignedEntry {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.page.len() + 1024);
        cbor::array(out, 1 + SIGNED_FIELDS);
        cbor::uint(out, PROOF_VERSION);
        self.write_fields(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(1 + SIGNED_FIELDS)?;
        version(r, PROOF_VERSION)?;
        Self::read_fields(r)
    }
}

impl Item for Proof {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.entry.page.len() + self.certificate.0.len() + 2048);
        let handed_over = !self.handovers.is_empty();
        cbor::array(out, PROOF_FIELDS + usize::from(handed_over));
        cbor::uint(out, if handed_over { HANDOVERS_VERSION } else { PROOF_VERSION });
        self.entry.write_fields(out);
        cbor::uint(out, self.bundle_index);
        write_path(out, &self.bundle_path);
        write_nested(out, &self.batch_header);
        cbor::uint(out, self.batch_index);
        write_path(out, &self.batch_path);
        write_nested(out, &self.block_header);
        cbor::array(out, self.descent.len());
        for header in &self.descent {
            write_nested(out, header);
        }
        cbor::bytes(out, &self.certificate.0);
        if handed_over {
            cbor::array(out, self.handovers.len());
            self.handovers.iter().for_each(|handover| handover.write(out));
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(PROOF_FIELDS + 1)?;
        if fields < PROOF_FIELDS {
            let (what, len) = ("the proof", fields as u64);
            return Err(DecodeError::WrongLength { at, what, len, wanted: PROOF_FIELDS });
        }
        let handed_over = fields > PROOF_FIELDS;
        version(r, if handed_over { HANDOVERS_VERSION } else { PROOF_VERSION })?;
        Ok(Self {
            entry: SignedEntry::read_fields(r)?,
            bundle_index: r.small()?,
            bundle_path: read_path(r)?,
            batch_header: read_nested(r, MAX_BATCH_HEADER_BYTES)?,
            batch_index: r.small()?,
            batch_path: read_path(r)?,
            block_header: read_nested(r, MAX_BLOCK_HEADER_BYTES)?,
            descent: (0..r.list(MAX_DESCENT)?)
                .map(|_| read_nested(r, MAX_BLOCK_HEADER_BYTES))
                .collect::<Result<_, _>>()?,
            certificate: Certificate(r.bytes(MAX_CERTIFICATE_BYTES)?.to_vec()),
            handovers: if handed_over { read_handovers(r)? } else { Vec::new() },
        })
    }
}
