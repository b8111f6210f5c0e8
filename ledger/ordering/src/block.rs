//! A block as the engine carries it: a header's free fields and the batches' digests.
//!
//! ```text
//!   height u64 BE | parent 32 | time_ms u64 BE | state 32 | varint count | count x 32 [| committee 32]
//!                          │
//!                          ▼  count and Merkle root are computed, never carried
//!               moot_record::BlockHeader ── digest() ──► what the validators sign
//! ```
//!
//! A block that names the next epoch's committee has 65,536 added to its count.
//!
//! So a block whose header does not fit its batches cannot even be written down, and each block has
//! exactly one encoding.

use crate::{Finalized, limits::MAX_BATCHES_PER_BLOCK};
use bytes::BufMut;
use commonware_codec::{Buf, EncodeSize, Error as CodecError, RangeCfg, Read, ReadExt as _, Write};
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, Heightable, types::Height};
use commonware_cryptography::{Digestible, blake3};
use moot_record::{BlockHeader, Digest, Genesis};
use std::collections::BTreeSet;
use thiserror::Error;

/// Digest as the engine has it. The same 32 bytes as the record's.
pub(crate) type EngineDigest = blake3::Digest;

/// The engine's form of a digest.
pub(crate) fn to_engine(digest: &Digest) -> EngineDigest {
    blake3::Digest(*digest.as_bytes())
}

/// The record's form of a digest.
pub(crate) fn from_engine(digest: &EngineDigest) -> Digest {
    Digest::from_bytes(digest.0)
}

/// The header every chain of this genesis starts from: height 0, no batches, its parent the
/// network's own digest. It is known to all and never delivered.
pub fn genesis_block(genesis: &Genesis) -> BlockHeader {
    BlockHeader::new(0, genesis.network(), genesis.time_ms, Digest::from_bytes([0; 32]), &[])
}

/// Added to the count of batches when a committee follows them: far above any count.
const WITH_COMMITTEE: usize = 1 << 16;
const _: () = assert!(MAX_BATCHES_PER_BLOCK < WITH_COMMITTEE);

/// A header with the batches that it commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    header: BlockHeader,
    batches: Vec<Digest>,
}

/// Why a block can never follow its parent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Invalid {
    #[error("height {found} after {parent}")]
    Height { found: u64, parent: u64 },
    #[error("its parent is {found}, not {parent}")]
    Parent { found: Digest, parent: Digest },
    #[error("its time {found} lies before its parent's, {parent}")]
    Time { found: u64, parent: u64 },
    #[error("it names batch {digest} twice")]
    Repeated { digest: Digest },
    #[error("it names {found} batches, more than {MAX_BATCHES_PER_BLOCK}")]
    Batches { found: usize },
    #[error("it names {} as the next committee, and must name {}", shown(found), shown(wanted))]
    Committee { found: Option<Digest>, wanted: Option<Digest> },
}

fn shown(committee: &Option<Digest>) -> String {
    committee.map_or_else(|| "none".to_owned(), |digest| digest.to_string())
}

impl Block {
    /// A block with these fields; count and root follow from the batches.
    pub(crate) fn new(
        height: u64,
        parent: Digest,
        time_ms: u64,
        state: Digest,
        batches: Vec<Digest>,
    ) -> Block {
        Block { header: BlockHeader::new(height, parent, time_ms, state, &batches), batches }
    }

    /// The same block, naming the next epoch's committee.
    pub(crate) fn naming(self, committee: Option<Digest>) -> Block {
        Block { header: self.header.naming(committee), ..self }
    }

    /// The block that every chain of this genesis starts from.
    pub(crate) fn genesis(genesis: &Genesis) -> Block {
        Block { header: genesis_block(genesis), batches: Vec::new() }
    }

    /// A block that the application kept.
    pub(crate) fn of(kept: Finalized) -> Block {
        Block { header: kept.header, batches: kept.batches }
    }

    /// The header.
    pub(crate) fn header(&self) -> &BlockHeader {
        &self.header
    }

    /// The batches, in order.
    pub(crate) fn batches(&self) -> &[Digest] {
        &self.batches
    }

    /// Checks what two blocks and their epoch alone decide: nothing here can change with time or arriving data.
    /// `committee` is what the block must name.
    pub(crate) fn check(&self, parent: &Block, committee: Option<Digest>) -> Result<(), Invalid> {
        let (header, before) = (&self.header, &parent.header);
        if Some(header.height) != before.height.checked_add(1) {
            return Err(Invalid::Height { found: header.height, parent: before.height });
        }
        let parent_digest = before.digest();
        if header.parent != parent_digest {
            return Err(Invalid::Parent { found: header.parent, parent: parent_digest });
        }
        if header.time_ms < before.time_ms {
            return Err(Invalid::Time { found: header.time_ms, parent: before.time_ms });
        }
        if header.committee != committee {
            return Err(Invalid::Committee { found: header.committee, wanted: committee });
        }
        if self.batches.len() > MAX_BATCHES_PER_BLOCK {
            return Err(Invalid::Batches { found: self.batches.len() });
        }
        let mut seen = BTreeSet::new();
        match self.batches.iter().find(|digest| !seen.insert(**digest)) {
            Some(digest) => Err(Invalid::Repeated { digest: *digest }),
            None => Ok(()),
        }
    }
}

impl Block {
    /// The count of batches as it is written.
    fn marked_count(&self) -> usize {
        self.batches.len() + if self.header.committee.is_some() { WITH_COMMITTEE } else { 0 }
    }
}

fn read_digest(buf: &mut impl Buf) -> Result<Digest, CodecError> {
    Ok(Digest::from_bytes(<[u8; 32]>::read(buf)?))
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.header.height.write(buf);
        self.header.parent.as_bytes().write(buf);
        self.header.time_ms.write(buf);
        self.header.state.as_bytes().write(buf);
        self.marked_count().write(buf);
        for batch in &self.batches {
            batch.as_bytes().write(buf);
        }
        if let Some(committee) = &self.header.committee {
            committee.as_bytes().write(buf);
        }
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        let committee = if self.header.committee.is_some() { 32 } else { 0 };
        8 + 32 + 8 + 32 + self.marked_count().encode_size() + 32 * self.batches.len() + committee
    }
}

impl Read for Block {
    /// Most batches that a block may name.
    type Cfg = usize;

    fn read_cfg(buf: &mut impl Buf, most: &usize) -> Result<Block, CodecError> {
        let height = u64::read(buf)?;
        let parent = read_digest(buf)?;
        let time_ms = u64::read(buf)?;
        let state = read_digest(buf)?;
        let marked = usize::read_cfg(buf, &RangeCfg::from(0..=WITH_COMMITTEE + *most))?;
        let named = marked >= WITH_COMMITTEE;
        let count = if named { marked - WITH_COMMITTEE } else { marked };
        if count > *most {
            return Err(CodecError::InvalidLength(count));
        }
        let batches = (0..count).map(|_| read_digest(buf)).collect::<Result<_, _>>()?;
        let committee = if named { Some(read_digest(buf)?) } else { None };
        Ok(Block::new(height, parent, time_ms, state, batches).naming(committee))
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(most: &usize) -> usize {
        // A varint of a count takes five bytes at most.
        8 + 32 + 8 + 32 + 5 + 32 * most + 32
    }
}

impl Digestible for Block {
    type Digest = EngineDigest;

    fn digest(&self) -> EngineDigest {
        to_engine(&self.header.digest())
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.header.height)
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> EngineDigest {
        to_engine(&self.header.parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_codec::{Copying, Decode as _, Encode as _};

    fn digest(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    fn pair() -> (Block, Block) {
        let parent = Block::new(6, digest(1), 1_000, digest(2), vec![digest(3)]);
        let child = Block::new(7, parent.header.digest(), 1_000, digest(4), vec![digest(5), digest(6)]);
        (parent, child)
    }

    #[test]
    fn one_encoding() {
        let (_, block) = pair();
        let bytes = block.encode();
        assert_eq!(bytes.len(), block.encode_size());
        assert!(bytes.len() <= Block::max_encode_size(&2));
        let again = Block::decode_cfg(bytes.clone(), &2).unwrap();
        assert_eq!(again, block);
        assert_eq!(again.digest().0, *block.header.digest().as_bytes());
        assert!(Block::decode_cfg(bytes.clone(), &1).is_err(), "more batches than allowed");
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(Block::decode_cfg(longer, &2).is_err(), "trailing byte");
        for cut in 0..bytes.len() {
            assert!(Block::decode_cfg(Copying(&bytes[..cut]), &2).is_err(), "cut at {cut}");
        }
        // The count in two bytes where one would do.
        let mut padded = bytes[..80].to_vec();
        padded.extend([0x82, 0x00]);
        padded.extend(&bytes[81..]);
        assert!(Block::decode_cfg(padded, &2).is_err(), "longer count");
    }

    #[test]
    fn one_encoding_with_a_committee() {
        let (parent, block) = pair();
        let named = block.clone().naming(Some(digest(9)));
        assert_ne!(named.digest(), block.digest());
        let bytes = named.encode();
        assert_eq!(bytes.len(), named.encode_size());
        assert!(bytes.len() <= Block::max_encode_size(&2));
        assert_eq!(Block::decode_cfg(bytes.clone(), &2).unwrap(), named);
        assert!(Block::decode_cfg(bytes.clone(), &1).is_err(), "more batches than allowed");
        for cut in 0..bytes.len() {
            assert!(Block::decode_cfg(Copying(&bytes[..cut]), &2).is_err(), "cut at {cut}");
        }
        assert_eq!(named.check(&parent, Some(digest(9))), Ok(()));
        for (block, wanted) in [(&named, None), (&named, Some(digest(8))), (&block, Some(digest(9)))] {
            assert!(matches!(block.check(&parent, wanted), Err(Invalid::Committee { .. })));
        }
        let missing = block.check(&parent, Some(digest(9))).unwrap_err().to_string();
        assert_eq!(missing, format!("it names none as the next committee, and must name {}", digest(9)));
    }

    #[test]
    fn follows_its_parent() {
        let (parent, child) = pair();
        assert_eq!(child.check(&parent, None), Ok(()));
        let make = |height, parent_digest, time_ms, batches| {
            Block::new(height, parent_digest, time_ms, digest(4), batches).check(&parent, None)
        };
        let right = parent.header.digest();
        assert!(matches!(make(8, right, 1_000, vec![]), Err(Invalid::Height { found: 8, parent: 6 })));
        assert!(matches!(make(6, right, 1_000, vec![]), Err(Invalid::Height { .. })));
        assert!(matches!(make(7, digest(9), 1_000, vec![]), Err(Invalid::Parent { .. })));
        assert!(matches!(make(7, right, 999, vec![]), Err(Invalid::Time { found: 999, parent: 1_000 })));
        assert!(matches!(make(7, right, 1_000, vec![digest(7), digest(7)]), Err(Invalid::Repeated { .. })));
        let many = (0..=MAX_BATCHES_PER_BLOCK).map(|n| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
            Digest::from_bytes(bytes)
        });
        assert!(matches!(make(7, right, 1_000, many.collect()), Err(Invalid::Batches { .. })));
    }

    #[test]
    fn a_changed_batch_changes_the_digest() {
        let (_, block) = pair();
        let other = Block::new(7, block.header.parent, 1_000, digest(4), vec![digest(6), digest(5)]);
        assert_ne!(block.digest(), other.digest());
    }
}
