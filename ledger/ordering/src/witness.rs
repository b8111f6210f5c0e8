//! Catching members of the committee at saying two things in one view.
//!
//! ```text
//!   votes ──► simplex ──┬──► whoever sent both is shut out of the network of votes
//!                       └──► Witness ──► Application::caught (both votes, signed)
//! ```
//!
//! Agreement stands such a member as long as fewer than a third are like it. What is kept of it here convinces anybody
//! who knows the committee: two signatures of one key that an honest validator never makes.

use crate::{Application, block::EngineDigest, keys};
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_consensus::{
    Epochable, Reporter, Viewable,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Activity, Attributable, ConflictingFinalize, ConflictingNotarize, NullifyFinalize},
    },
};
use commonware_parallel::Sequential;
use moot_record::{AccountId, Committee, Digest};
use std::{fmt, sync::Arc};
use tracing::warn;

/// Which two things somebody said in one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contradiction {
    /// That it holds one block for sound, and another: what a leader does that proposes two.
    TwoBlocks,
    /// That one block is final, and another.
    TwoFinal,
    /// That the view is to be skipped, and that its block is final.
    SkippedAndFinal,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Contradiction::TwoBlocks => "it voted for two blocks",
            Contradiction::TwoFinal => "it voted to make two blocks final",
            Contradiction::SkippedAndFinal => "it voted to skip the view and to make its block final",
        })
    }
}

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
    /// Whether both votes are there, contradict each other, and were signed by [`Misconduct::who`] as a member of this
    /// committee of this network.
    #[must_use]
    pub fn verify(&self, committee: &Committee, network: &Digest) -> bool {
        let Ok(members) = keys::set(&committee.members) else { return false };
        let scheme = Scheme::verifier(&committee.namespace(network), members);
        let votes = || Copying(self.votes.as_ref());
        let mut random = rand::rng();
        let found = match self.what {
            Contradiction::TwoBlocks => ConflictingNotarize::<Scheme, EngineDigest>::decode(votes())
                .ok()
                .filter(|pair| pair.verify(&mut random, &scheme, &Sequential))
                .map(|pair| place(&pair)),
            Contradiction::TwoFinal => ConflictingFinalize::<Scheme, EngineDigest>::decode(votes())
                .ok()
                .filter(|pair| pair.verify(&mut random, &scheme, &Sequential))
                .map(|pair| place(&pair)),
            Contradiction::SkippedAndFinal => NullifyFinalize::<Scheme, EngineDigest>::decode(votes())
                .ok()
                .filter(|pair| pair.verify(&mut random, &scheme, &Sequential))
                .map(|pair| place(&pair)),
        };
        let who = |index: usize| committee.members.get(index).copied();
        found.is_some_and(|(index, epoch, view)| {
            (who(index), epoch, view) == (Some(self.who), self.epoch, self.view)
        })
    }
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
