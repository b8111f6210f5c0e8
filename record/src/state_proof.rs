//! Proofs of the state: what the network had agreed on about an account, a function, or the lack of one.
//!
//! ```text
//!  key ──► leaf, or none ─path─► state root ◄── block header ◄── [headers ◄──] votes ◄── validators
//! ```
//!
//! A block carries the root of the state after a block shortly before it, so a proof is as old as that.
//!
//! - Requires: the genesis file of the network, believed.
//! - Provides: that this value, or none, was under this key in a state that the network's quorum has signed for.
//! - Does not provide: that it still is. Who needs to know asks for a proof with a later block.

use crate::block::{BlockHeader, MAX_BLOCK_HEADER_BYTES};
use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::certificate::Certificate;
use crate::error::{DecodeError, Invalid};
use crate::genesis::Genesis;
use crate::handover::{self, Handover};
use crate::item::{Item, canonical, read_nested, write_nested};
use crate::limits::{
    MAX_CERTIFICATE_BYTES, MAX_DESCENT, MAX_HANDOVERS, MAX_STATE_DEPTH, MAX_STATE_KEY_BYTES,
    MAX_STATE_PROOF_BYTES, MAX_STATE_VALUE_BYTES,
};
use crate::merkle::write_path;
use crate::proof::check_descent;
use crate::proof_error::ProofError;
use crate::state::{StateKey, bit, climb, leaf_digest, value_digest};

/// The version of the format.
const VERSION: u64 = 1;

/// What stands at the end of the way to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The value.
    Value(Vec<u8>),
    /// Nothing.
    Nothing,
    /// The leaf of another key: its place, and the digest of its value.
    Other {
        /// Its place.
        place: Digest,
        /// The digest of its value.
        value: Digest,
    },
}

/// What the state holds under a key, certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateProof {
    /// The key.
    pub key: StateKey,
    /// What is at the end of the way to it.
    pub found: Found,
    /// The digests beside the way, from the end to the top.
    pub path: Vec<Digest>,
    /// A block that carries the state's root.
    pub block_header: BlockHeader,
    /// Headers of the blocks after it, up to the one that the certificate names; nearly always empty.
    pub descent: Vec<BlockHeader>,
    /// The votes for the last of the descent, or for the block itself.
    pub certificate: Certificate,
    /// From the genesis's committee to the one that voted; empty while there was no other.
    pub handovers: Vec<Handover>,
}

canonical!(StateProof, MAX_STATE_PROOF_BYTES);

/// What a [`StateProof`] proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenState {
    /// The key.
    pub key: StateKey,
    /// The value; none: the state holds nothing under the key.
    pub value: Option<Vec<u8>>,
    /// The height of the block that carries the root: the state is that after a block before it.
    pub height: u64,
    /// That block's time, in milliseconds since 1970.
    pub time_ms: u64,
}

impl StateProof {
    /// Verifies the whole way from the key to the votes, and from there to the genesis's validators.
    ///
    /// # Errors
    /// Names what does not fit.
    pub fn verify(&self, genesis: &Genesis) -> Result<ProvenState, ProofError> {
        let place = self.key.place();
        let (end, value) = match &self.found {
            Found::Value(value) => (leaf_digest(&place, &value_digest(value)), Some(value.clone())),
            Found::Nothing => (Digest::ZERO, None),
            Found::Other { place: other, value } => {
                let beside = *other != place
                    && (0..self.path.len()).all(|depth| bit(other, depth) == bit(&place, depth));
                if !beside {
                    let why = "the leaf that is shown instead of the key's does not stand on the way to it";
                    return Err(ProofError::file("state.other", why));
                }
                (leaf_digest(other, value), None)
            }
        };
        let root = climb(&place, end, &self.path).map_err(|e| ProofError::encoding("state.path", e))?;
        if root != self.block_header.state {
            return Err(ProofError::Root { field: "state.value", part: "value", whole: "state" });
        }
        check_descent(&self.block_header, &self.descent)?;
        let certified = self.descent.last().unwrap_or(&self.block_header);
        handover::verify(genesis, &self.handovers, &self.certificate, certified)?;
        let BlockHeader { height, time_ms, .. } = self.block_header;
        Ok(ProvenState { key: self.key.clone(), value, height, time_ms })
    }
}

impl Item for StateProof {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 9);
        cbor::uint(out, VERSION);
        write_nested(out, &self.key);
        let (value, other) = match &self.found {
            Found::Value(value) => (Some(value), None),
            Found::Nothing => (None, None),
            Found::Other { place, value } => (None, Some((place, value))),
        };
        cbor::option(out, value, |out, value| cbor::bytes(out, value));
        cbor::option(out, other.as_ref(), |out, (place, value)| {
            cbor::array(out, 2);
            place.write(out);
            value.write(out);
        });
        write_path(out, &self.path);
        write_nested(out, &self.block_header);
        cbor::array(out, self.descent.len());
        self.descent.iter().for_each(|header| write_nested(out, header));
        cbor::bytes(out, &self.certificate.0);
        cbor::array(out, self.handovers.len());
        self.handovers.iter().for_each(|handover| handover.write(out));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(9)?;
        let at = r.position();
        match r.uint()? {
            VERSION => {}
            value => {
                return Err(DecodeError::UnknownNumber { at, what: "version of the proof format", value });
            }
        }
        let key = read_nested(r, MAX_STATE_KEY_BYTES)?;
        let value = r.option(|r| r.bytes(MAX_STATE_VALUE_BYTES).map(<[u8]>::to_vec))?;
        let other = r.option(|r| {
            r.array(2)?;
            Ok((Digest::read(r)?, Digest::read(r)?))
        })?;
        let found = match (value, other) {
            (Some(value), None) => Found::Value(value),
            (None, None) => Found::Nothing,
            (None, Some((place, value))) => Found::Other { place, value },
            (Some(_), Some(_)) => {
                return Err(Invalid::new("state.other", "beside a value; one or the other is shown").into());
            }
        };
        let bytes = r.bytes(MAX_STATE_DEPTH * Digest::LEN)?;
        let (path, rest) = bytes.as_chunks::<{ Digest::LEN }>();
        if !rest.is_empty() {
            let why = format!("{} bytes are no whole number of 32-byte digests", bytes.len());
            return Err(Invalid::new("state.path", why).into());
        }
        Ok(Self {
            key,
            found,
            path: path.iter().map(|digest| Digest::from_bytes(*digest)).collect(),
            block_header: read_nested(r, MAX_BLOCK_HEADER_BYTES)?,
            descent: (0..r.list(MAX_DESCENT)?)
                .map(|_| read_nested(r, MAX_BLOCK_HEADER_BYTES))
                .collect::<Result<_, _>>()?,
            certificate: Certificate(r.bytes(MAX_CERTIFICATE_BYTES)?.to_vec()),
            handovers: (0..r.list(MAX_HANDOVERS)?).map(|_| Handover::read(r)).collect::<Result<_, _>>()?,
        })
    }
}
