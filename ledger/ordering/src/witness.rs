//! Catching members of the committee at saying two things in one view.
//!
//! ```text
//!   votes ──► simplex ──┬──► whoever sent both is shut out of the network of votes
//!                       └──► Witness ──► Application::caught (both votes, signed)
//! ```
//!
//! Agreement stands such a member as long as fewer than a third are like it. What is kept of it here convinces anybody
//! who knows the committee: two signatures of one key that an honest validator never makes.

use crate::{
    Application,
    block::{EngineDigest, from_engine},
};
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_codec::{Buf, Copying, Encode as _, ReadExt as _};
use commonware_consensus::{
    Epochable, Reporter, Viewable,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Activity, Attributable, Finalize, Notarize, Nullify, Proposal},
    },
};
use commonware_cryptography::certificate::Attestation;
use moot_record::{AccountId, Committee, Contradiction, Digest, DoubleVote, Proposed, Signature, Vote};
use std::sync::Arc;
use tracing::warn;

/// The proof that a member of a committee contradicted itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misconduct {
    /// Whose key signed both.
    pub who: AccountId,
    /// In which epoch.
    pub epoch: u64,
    /// In which view of it.
    pub view: u64,
    /// What they say.
    pub what: Contradiction,
    /// Both votes with their signatures, as the engine writes them.
    pub votes: Bytes,
}

impl Misconduct {
    /// The votes in the form in which the ledger judges them; none if the bytes are no such votes.
    #[must_use]
    pub fn double_vote(&self) -> Option<DoubleVote> {
        let votes = &mut Copying(self.votes.as_ref());
        let (first, second) = match self.what {
            Contradiction::TwoBlocks => (notarize(votes)?, notarize(votes)?),
            Contradiction::TwoFinal => (finalize(votes)?, finalize(votes)?),
            Contradiction::SkippedAndFinal => (nullify(votes)?, finalize(votes)?),
        };
        let Misconduct { who, what, epoch, view, .. } = *self;
        Some(DoubleVote { who, what, epoch, view, first, second })
    }

    /// Whether both votes are there, contradict each other, and were signed by [`Misconduct::who`] as a member of this
    /// committee of this network.
    #[must_use]
    pub fn verify(&self, committee: &Committee, network: &Digest) -> bool {
        self.double_vote().is_some_and(|votes| votes.verify(committee, network).is_ok())
    }
}

/// Reads a vote that a block is sound, as the engine writes it.
fn notarize(votes: &mut impl Buf) -> Option<Vote> {
    let vote = Notarize::<Scheme, EngineDigest>::read(votes).ok()?;
    recorded(Some(&vote.proposal), &vote.attestation)
}

/// Reads a vote that a block is final.
fn finalize(votes: &mut impl Buf) -> Option<Vote> {
    let vote = Finalize::<Scheme, EngineDigest>::read(votes).ok()?;
    recorded(Some(&vote.proposal), &vote.attestation)
}

/// Reads a vote to skip the view.
fn nullify(votes: &mut impl Buf) -> Option<Vote> {
    let vote = Nullify::<Scheme>::read(votes).ok()?;
    recorded(None, &vote.attestation)
}

/// The record's form of a vote.
fn recorded(proposal: Option<&Proposal<EngineDigest>>, attestation: &Attestation<Scheme>) -> Option<Vote> {
    let proposed =
        proposal.map(|said| Proposed { parent: said.parent.get(), block: from_engine(&said.payload) });
    let signature = attestation.signature.encode();
    let signature = <[u8; Signature::LEN]>::try_from(signature.as_ref()).ok()?;
    Some(Vote { proposed, signature: Signature::from_bytes(signature) })
}

/// Who said it, and when.
fn place(pair: &(impl Attributable + Epochable + Viewable)) -> (usize, u64, u64) {
    let signer = usize::try_from(pair.signer().get()).unwrap_or(usize::MAX);
    (signer, pair.epoch().get(), pair.view().get())
}

/// Tells the application who was caught. Simplex checks both signatures before it reports.
#[derive(Clone)]
pub(crate) struct Witness {
    app: Arc<dyn Application>,
    /// The epoch's committee, in the order by which votes name signers.
    members: Arc<[AccountId]>,
}

impl Witness {
    pub(crate) fn new(app: Arc<dyn Application>, committee: &Committee) -> Witness {
        Witness { app, members: committee.members.as_slice().into() }
    }

    fn note(&self, what: Contradiction, (index, epoch, view): (usize, u64, u64), votes: Bytes) {
        let Some(who) = self.members.get(index).copied() else { return };
        warn!(%who, epoch, view, %what, "a member of the committee contradicts itself; it is heard no more");
        self.app.caught(Misconduct { who, epoch, view, what, votes });
    }
}

impl Reporter for Witness {
    type Activity = Activity<Scheme, EngineDigest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        match &activity {
            Activity::ConflictingNotarize(pair) => {
                self.note(Contradiction::TwoBlocks, place(pair), pair.encode());
            }
            Activity::ConflictingFinalize(pair) => {
                self.note(Contradiction::TwoFinal, place(pair), pair.encode());
            }
            Activity::NullifyFinalize(pair) => {
                self.note(Contradiction::SkippedAndFinal, place(pair), pair.encode());
            }
            _ => {}
        }
        Feedback::Ok
    }
}
