//! A certificate: a quorum's votes for a block, as commonware's simplex writes a finalisation.
//!
//! ```text
//! certificate = proposal | u64 n | bitmap | varint votes | votes * 64-byte signature
//! proposal    = varint epoch | varint view | varint parent view | 32-byte block digest
//! bitmap      = ceil(n / 8) bytes; validator i is bit i % 8 of byte i / 8
//! each signs    varint(len) | namespace "_FINALIZE" | proposal
//! ```
//!
//! `u64` is big-endian; a varint has seven bits a byte, least significant first, in its shortest form. Validators
//! are in the committee's order, which is sorted; the namespace is the committee's. A quorum is `n - (n - 1) / 3`.

use thiserror::Error;

use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::Reader;
use crate::committee::Committee;
use crate::error::DecodeError;
use crate::genesis::Genesis;
use crate::key;
use crate::limits::MAX_CERTIFICATE_BYTES;

/// What the namespace of a vote ends with: that a block is sound, that its view is to be skipped, that it is final.
pub(crate) const NOTARIZE_SUFFIX: &[u8] = b"_NOTARIZE";
pub(crate) const NULLIFY_SUFFIX: &[u8] = b"_NULLIFY";
pub(crate) const FINALIZE_SUFFIX: &[u8] = b"_FINALIZE";

/// A quorum's votes for a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(pub Vec<u8>);

/// Why a certificate certifies nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It is malformed.
    #[error("{0}")]
    Encoding(#[from] DecodeError),
    /// A varint in a longer form than needed, or above 64 bits.
    #[error("the varint at byte {at} is not in its shortest form")]
    Varint {
        /// Where.
        at: usize,
    },
    /// It is for another block.
    #[error("it is for block {found}, not {wanted}")]
    Block {
        /// The certificate's.
        found: Digest,
        /// The one to be certified.
        wanted: Digest,
    },
    /// It is by a committee of another size.
    #[error("its committee has {found} validators, the one that votes here has {wanted}")]
    Committee {
        /// The certificate's.
        found: u64,
        /// The committee's.
        wanted: usize,
    },
    /// It is of another epoch than its block.
    #[error("it is of epoch {found}, and block {height} is of epoch {wanted}")]
    Epoch {
        /// The certificate's.
        found: u64,
        /// The block's.
        wanted: u64,
        /// Of the block.
        height: u64,
    },
    /// It names validators that do not exist.
    #[error("its bitmap names a validator beyond the {0} that there are")]
    Bitmap(usize),
    /// Too few votes.
    #[error("{votes} of {validators} votes; a quorum is {quorum}")]
    Quorum {
        /// How many voted.
        votes: usize,
        /// How many could.
        validators: usize,
        /// How many must.
        quorum: usize,
    },
    /// The number of signatures is not the number of voters.
    #[error("its bitmap names {voters} voters, it has {signatures} signatures")]
    Count {
        /// In the bitmap.
        voters: usize,
        /// Announced.
        signatures: u64,
    },
    /// A vote is forged.
    #[error("the vote of validator {validator} is not its signature of this proposal")]
    Vote {
        /// Whose.
        validator: AccountId,
    },
}

impl CertificateError {
    /// The part that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Encoding(_) | Self::Varint { .. } => "certificate",
            Self::Block { .. } => "certificate.block",
            Self::Committee { .. } => "certificate.committee",
            Self::Epoch { .. } => "certificate.epoch",
            Self::Bitmap(_) => "certificate.bitmap",
            Self::Quorum { .. } => "certificate.quorum",
            Self::Count { .. } => "certificate.votes",
            Self::Vote { .. } => "certificate.vote",
        }
    }
}

/// How many of `validators` must vote: all but the largest number that may be dishonest.
#[must_use]
pub const fn quorum(validators: usize) -> usize {
    validators - validators.saturating_sub(1) / 3
}

impl Certificate {
    /// The epoch and view that it names, not verified.
    ///
    /// # Errors
    /// When it does not start with them.
    pub fn round(&self) -> Result<(u64, u64), CertificateError> {
        let mut r = Reader::new(&self.0);
        Ok((varint(&mut r)?, varint(&mut r)?))
    }

    /// Whose votes it has, in the order of the committee; not verified.
    ///
    /// # Errors
    /// When it is malformed, or names voters that the committee does not have.
    pub fn voters(&self, committee: &Committee) -> Result<Vec<AccountId>, CertificateError> {
        let mut r = Reader::new(&self.0);
        let _proposal = (varint(&mut r)?, varint(&mut r)?, varint(&mut r)?, digest(&mut r)?);
        let voters = voters(&mut r, committee.members.len())?;
        Ok(voters.into_iter().map(|voter| committee.members[voter]).collect())
    }

    /// Verifies that a quorum of the genesis's validators finalised `block`; gives the epoch and the view.
    ///
    /// # Errors
    /// As [`Certificate::verify_by`].
    pub fn verify(&self, genesis: &Genesis, block: &Digest) -> Result<(u64, u64), CertificateError> {
        self.verify_by(&genesis.committee(), &genesis.network(), block)
    }

    /// Verifies that a quorum of a committee of `network` finalised `block`; gives the epoch and the view.
    ///
    /// # Errors
    /// Says what does not fit. What the bytes say is judged before any signature is checked.
    pub fn verify_by(
        &self,
        committee: &Committee,
        network: &Digest,
        block: &Digest,
    ) -> Result<(u64, u64), CertificateError> {
        if self.0.len() > MAX_CERTIFICATE_BYTES {
            let (what, len) = ("the certificate", self.0.len() as u64);
            return Err(DecodeError::TooLong { at: 0, what, len, max: MAX_CERTIFICATE_BYTES }.into());
        }
        let members = &committee.members;
        let mut r = Reader::new(&self.0);
        let (epoch, view, _parent) = (varint(&mut r)?, varint(&mut r)?, varint(&mut r)?);
        let found = digest(&mut r)?;
        if found != *block {
            return Err(CertificateError::Block { found, wanted: *block });
        }
        let proposal = &self.0[..r.position()];
        let voters = voters(&mut r, members.len())?;
        let signatures = varint(&mut r)?;
        if signatures != voters.len() as u64 {
            return Err(CertificateError::Count { voters: voters.len(), signatures });
        }
        let message = vote_message(&committee.namespace(network), FINALIZE_SUFFIX, proposal);
        let mut votes = Vec::with_capacity(voters.len());
        for voter in voters {
            let mut signature = [0; Signature::LEN];
            signature.copy_from_slice(r.take(Signature::LEN)?);
            votes.push((members[voter], message.as_slice(), Signature::from_bytes(signature)));
        }
        r.end()?;
        key::verify_many_raw(&votes)
            .map_err(|(place, _)| CertificateError::Vote { validator: votes[place].0 })?;
        Ok((epoch, view))
    }
}

/// What a vote signs: its kind is the end of its namespace.
pub(crate) fn vote_message(namespace: &[u8], kind: &[u8], said: &[u8]) -> Vec<u8> {
    let len = namespace.len() + kind.len();
    let mut message = Vec::with_capacity(2 + len + said.len());
    write_varint(&mut message, len as u64);
    message.extend_from_slice(namespace);
    message.extend_from_slice(kind);
    message.extend_from_slice(said);
    message
}

/// The places of the validators who voted: a quorum of existing ones.
fn voters(r: &mut Reader<'_>, validators: usize) -> Result<Vec<usize>, CertificateError> {
    let mut len = [0; 8];
    len.copy_from_slice(r.take(8)?);
    let found = u64::from_be_bytes(len);
    if found != validators as u64 {
        return Err(CertificateError::Committee { found, wanted: validators });
    }
    let bitmap = r.take(validators.div_ceil(8))?;
    let voters: Vec<usize> = (0..8 * bitmap.len()).filter(|i| bitmap[i / 8] >> (i % 8) & 1 == 1).collect();
    if voters.last().is_some_and(|last| *last >= validators) {
        return Err(CertificateError::Bitmap(validators));
    }
    // A genesis made by hand, unchecked, may name nobody: then nobody certifies anything.
    if voters.is_empty() || voters.len() < quorum(validators) {
        return Err(CertificateError::Quorum { votes: voters.len(), validators, quorum: quorum(validators) });
    }
    Ok(voters)
}

fn digest(r: &mut Reader<'_>) -> Result<Digest, DecodeError> {
    let mut bytes = [0; Digest::LEN];
    bytes.copy_from_slice(r.take(Digest::LEN)?);
    Ok(Digest::from_bytes(bytes))
}

pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(r: &mut Reader<'_>) -> Result<u64, CertificateError> {
    let at = r.position();
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = r.take(1)?[0];
        if (byte == 0 && shift > 0) || (shift == 63 && byte > 1) {
            return Err(CertificateError::Varint { at });
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_shortest() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            assert_eq!(varint(&mut Reader::new(&out)), Ok(value));
        }
        for bad in [
            &[0x80, 0x00][..],
            &[0xff; 11],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0x80],
        ] {
            assert!(varint(&mut Reader::new(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn quorums() {
        let expected = [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (100, 67)];
        for (n, q) in expected {
            assert_eq!(quorum(n), q, "{n}");
        }
    }
}
