//! A block: an ordered list of batch digests, and the header that the replicas' votes are about.
//!
//! ```text
//! header = [height, parent, time_ms, state, batches, root]                 digest = H(block domain, header)
//!          [height, parent, time_ms, state, batches, root, committee]      names the next epoch's committee
//! ```

use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::limits::MAX_BLOCK_BATCHES;
use crate::merkle;

/// What the replicas agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockHeader {
    /// Its place in the chain.
    pub height: u64,
    /// The digest of the block before it.
    pub parent: Digest,
    /// When it was proposed, in milliseconds since 1970 by the proposer's clock.
    pub time_ms: u64,
    /// A recent height's state root.
    pub state: Digest,
    /// How many batches; a heartbeat has none.
    pub batches: u32,
    /// The root over the batches' digests.
    pub root: Digest,
    /// The digest of the committee of the next epoch, in the last block of an epoch before another committee.
    pub committee: Option<Digest>,
}

/// The longest encoding of a block's header.
pub(crate) const MAX_BLOCK_HEADER_BYTES: usize = 160;

canonical!(BlockHeader, MAX_BLOCK_HEADER_BYTES);

impl BlockHeader {
    /// A header over `batches`.
    #[must_use]
    pub fn new(height: u64, parent: Digest, time_ms: u64, state: Digest, batches: &[Digest]) -> Self {
        let count = u32::try_from(batches.len()).unwrap_or(u32::MAX);
        Self { height, parent, time_ms, state, batches: count, root: merkle::root(batches), committee: None }
    }

    /// The same header, naming the committee of the next epoch.
    #[must_use]
    pub const fn naming(self, committee: Option<Digest>) -> Self {
        Self { committee, ..self }
    }

    /// The block's digest: the payload that the replicas vote on.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Domain::BLOCK.hash(&self.encode())
    }

    /// Whether these are the batches that the header names.
    #[must_use]
    pub fn names(&self, batches: &[Digest]) -> bool {
        self.batches as usize == batches.len() && self.root == merkle::root(batches)
    }
}

impl Item for BlockHeader {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 6 + usize::from(self.committee.is_some()));
        cbor::uint(out, self.height);
        self.parent.write(out);
        cbor::uint(out, self.time_ms);
        self.state.write(out);
        cbor::uint(out, self.batches);
        self.root.write(out);
        if let Some(committee) = &self.committee {
            committee.write(out);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(7)?;
        if fields < 6 {
            let (what, len) = ("the block's header", fields as u64);
            return Err(DecodeError::WrongLength { at, what, len, wanted: 6 });
        }
        let header = Self {
            height: r.uint()?,
            parent: Digest::read(r)?,
            time_ms: r.uint()?,
            state: Digest::read(r)?,
            batches: r.small()?,
            root: Digest::read(r)?,
            committee: if fields == 7 { Some(Digest::read(r)?) } else { None },
        };
        if header.batches as usize > MAX_BLOCK_BATCHES {
            let why = format!("{}; a block has at most {MAX_BLOCK_BATCHES} batches", header.batches);
            return Err(Invalid::new("block.batches", why).into());
        }
        if header.batches == 0 && header.root != Digest::ZERO {
            return Err(Invalid::new("block.root", "a block without batches has a root of zeros").into());
        }
        Ok(header)
    }
}
