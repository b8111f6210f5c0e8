//! What convicts a replica's key: two seals of one place in its lane, or two votes in one view.
//!
//! Both are written as they stand; the number of fields tells them apart.

use crate::cbor::Reader;
use crate::double_vote::{DoubleVote, MAX_DOUBLE_VOTE_BYTES};
use crate::error::DecodeError;
use crate::item::{Item, canonical};
use crate::sealed::{Equivocation, MAX_EQUIVOCATION_BYTES};

/// An offence with its proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// A lane's owner has sealed two batches with one number.
    DoubleSeal(Equivocation),
    /// A member of a committee has said two things in one view.
    DoubleVote(DoubleVote),
}

/// Its longest encoding.
pub(crate) const MAX_OFFENCE_BYTES: usize = if MAX_EQUIVOCATION_BYTES > MAX_DOUBLE_VOTE_BYTES {
    MAX_EQUIVOCATION_BYTES
} else {
    MAX_DOUBLE_VOTE_BYTES
};

canonical!(Offence, MAX_OFFENCE_BYTES);

impl Item for Offence {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::DoubleSeal(pair) => pair.write(out),
            Self::DoubleVote(pair) => pair.write(out),
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut ahead = Reader::new(r.rest());
        match ahead.list(6)? {
            6 => DoubleVote::read(r).map(Self::DoubleVote),
            _ => Equivocation::read(r).map(Self::DoubleSeal),
        }
    }
}
