//! Two votes of one key in one view that contradict each other: what no honest member of a committee ever signs.
//!
//! ```text
//!  notarize A + notarize B    it holds two blocks for sound      each signs  varint(len) | namespace kind | round ...
//!  finalize A + finalize B    it makes two blocks final          kind: "_NOTARIZE", "_FINALIZE", "_NULLIFY"
//!  nullify    + finalize A    it skips the view and does not     round: varint epoch | varint view
//! ```
//!
//! Epoch and view are said once, so the two cannot be of different ones. Which place the key had in its committee is
//! not part of what it signs, so the key itself is named.
//!
//! - Requires: the committee of the epoch, which follows from the genesis and the handovers.
//! - Provides: proof that the key's owner broke the rules, checked without the engine.
//! - Does not provide: that the two blocks exist, or that anybody was misled.

use thiserror::Error;

use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::certificate::{FINALIZE_SUFFIX, NOTARIZE_SUFFIX, NULLIFY_SUFFIX, vote_message, write_varint};
use crate::committee::Committee;
use crate::error::{DecodeError, Invalid};
use crate::item::{Item, canonical};
use crate::key::{self, SignatureError};
use crate::text::numbered;

numbered! {
    /// Which two things a key said in one view.
    pub enum Contradiction("contradiction of votes") {
        /// That it holds one block for sound, and another: what a leader does that proposes two.
        TwoBlocks = 0, "two-blocks";
        /// That one block is final, and another.
        TwoFinal = 1, "two-final";
        /// That the view is to be skipped, and that its block is final.
        SkippedAndFinal = 2, "skipped-and-final";
    }
}

impl Contradiction {
    /// What the two votes are for, in the order in which they are written.
    const fn kinds(self) -> [&'static [u8]; 2] {
        match self {
            Self::TwoBlocks => [NOTARIZE_SUFFIX; 2],
            Self::TwoFinal => [FINALIZE_SUFFIX; 2],
            Self::SkippedAndFinal => [NULLIFY_SUFFIX, FINALIZE_SUFFIX],
        }
    }
}

/// What a vote is for: a block, as it was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// The view of the block before it.
    pub parent: u64,
    /// The block.
    pub block: Digest,
}

/// One of the two votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// What it is for; none: to skip the view.
    pub proposed: Option<Proposed>,
    /// The key's signature of it.
    pub signature: Signature,
}

/// Two votes of one key in one view that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoubleVote {
    /// Whose key signed both.
    pub who: AccountId,
    /// What they say.
    pub what: Contradiction,
    /// In which epoch.
    pub epoch: u64,
    /// In which view of it.
    pub view: u64,
    /// One of them; where one is to skip the view, that one.
    pub first: Vote,
    /// The other.
    pub second: Vote,
}

/// Its longest encoding.
pub(crate) const MAX_DOUBLE_VOTE_BYTES: usize = 320;

canonical!(DoubleVote, MAX_DOUBLE_VOTE_BYTES);

/// Why two votes prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DoubleVoteError {
    /// They do not contradict each other.
    #[error(transparent)]
    Form(#[from] Invalid),
    /// Who is accused did not vote then.
    #[error("{who} was not in committee {committee}, which voted in epoch {epoch}")]
    Member {
        /// Who is accused.
        who: AccountId,
        /// The committee's number.
        committee: u32,
        /// The epoch.
        epoch: u64,
    },
    /// A vote is forged, or of another network, epoch or view.
    #[error("vote {place} is not the signature of {who} for epoch {epoch} and view {view} of this network")]
    Vote {
        /// Which of the two, from 1 on.
        place: usize,
        /// Who is accused.
        who: AccountId,
        /// The epoch.
        epoch: u64,
        /// The view.
        view: u64,
        /// What is wrong with the signature.
        source: SignatureError,
    },
}

impl DoubleVoteError {
    /// The part that is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Form(invalid) => invalid.field,
            Self::Member { .. } => "double_vote.who",
            Self::Vote { .. } => "double_vote.signature",
        }
    }
}

impl DoubleVote {
    /// Checks that it proves what it says; `committee` is the one that voted in [`DoubleVote::epoch`].
    ///
    /// # Errors
    /// When the votes agree, or were not signed by a member of this committee of this network.
    pub fn verify(&self, committee: &Committee, network: &Digest) -> Result<(), DoubleVoteError> {
        self.check()?;
        let Self { who, epoch, view, .. } = *self;
        if !committee.contains(&who) {
            return Err(DoubleVoteError::Member { who, committee: committee.number, epoch });
        }
        let signatures = [self.first.signature, self.second.signature];
        for (index, message) in self.messages(committee, network).iter().enumerate() {
            key::verify_raw(&who, message, &signatures[index]).map_err(|source| DoubleVoteError::Vote {
                place: index + 1,
                who,
                epoch,
                view,
                source,
            })?;
        }
        Ok(())
    }

    /// What each of the two signs.
    pub(crate) fn messages(&self, committee: &Committee, network: &Digest) -> [Vec<u8>; 2] {
        let namespace = committee.namespace(network);
        let [first, second] = self.what.kinds();
        [(first, &self.first), (second, &self.second)].map(|(kind, vote)| {
            let mut said = Vec::with_capacity(64);
            write_varint(&mut said, self.epoch);
            write_varint(&mut said, self.view);
            if let Some(Proposed { parent, block }) = &vote.proposed {
                write_varint(&mut said, *parent);
                said.extend_from_slice(block.as_bytes());
            }
            vote_message(&namespace, kind, &said)
        })
    }

    /// What the types alone cannot check.
    fn check(&self) -> Result<(), Invalid> {
        let (first, second) = (self.first.proposed, self.second.proposed);
        let skips = self.what == Contradiction::SkippedAndFinal;
        if first.is_none() != skips || second.is_none() {
            let right =
                if skips { "one to skip the view, then one for a block" } else { "two votes for blocks" };
            return Err(Invalid::new("double_vote.votes", format!("{} takes {right}", self.what)));
        }
        if first == second {
            return Err(Invalid::new("double_vote.votes", "both are for the same"));
        }
        Ok(())
    }
}

impl Item for Vote {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::option(out, self.proposed.as_ref(), |out, proposed| {
            cbor::array(out, 2);
            cbor::uint(out, proposed.parent);
            proposed.block.write(out);
        });
        self.signature.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(2)?;
        let proposed = r.option(|r| {
            r.array(2)?;
            Ok(Proposed { parent: r.uint()?, block: Digest::read(r)? })
        })?;
        Ok(Self { proposed, signature: Signature::read(r)? })
    }
}

impl Item for DoubleVote {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 6);
        self.who.write(out);
        self.what.write(out);
        cbor::uint(out, self.epoch);
        cbor::uint(out, self.view);
        self.first.write(out);
        self.second.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(6)?;
        let found = Self {
            who: AccountId::read(r)?,
            what: Contradiction::read(r)?,
            epoch: r.uint()?,
            view: r.uint()?,
            first: Vote::read(r)?,
            second: Vote::read(r)?,
        };
        found.check()?;
        Ok(found)
    }
}
