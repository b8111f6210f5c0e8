//! Catching members of the committee at saying two things in one view.
//!
//! ```text
//!   votes ──► simplex ──┬──► whoever sent both is shut out of the network of votes
//!                       └──► Witness ──► Application::caught (both votes, signed)
//!   votes, certificates ─────┘ whoever sent one, and is in a certificate with the other
//! ```
//!
//! Simplex pairs the votes that it is sent. A leader that tells each of the others one of two things sends nobody both;
//! who has one of its votes finds the other in the certificate of those who were told otherwise.
//!
//! Agreement stands such a member as long as fewer than a third are like it. What is kept of it here convinces anybody
//! who knows the committee: two signatures of one key that an honest validator never makes.

use crate::{
    Application,
    block::{EngineDigest, from_engine},
    limits::KEPT_VIEWS,
};
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_codec::{Buf, Copying, Encode as _, ReadExt as _};
use commonware_consensus::{
    Epochable, Reporter, Viewable,
    simplex::{
        scheme::ed25519::Scheme,
        types::{
            Activity, Attributable, ConflictingFinalize, ConflictingNotarize, Finalize, Notarize, Nullify,
            Proposal,
        },
    },
};
use commonware_cryptography::certificate::{Attestation, Verifier};
use moot_record::{AccountId, Committee, Contradiction, Digest, DoubleVote, Proposed, Signature, Vote};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
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

/// A view, what a vote in it says, and the place of who signed it.
type Place = (u64, Contradiction, u32);
/// A block, and a member's signature for it.
type Said = (Proposal<EngineDigest>, Attestation<Scheme>);

/// Tells the application who was caught.
#[derive(Clone)]
pub(crate) struct Witness {
    app: Arc<dyn Application>,
    /// The epoch's committee, in the order by which votes name signers.
    committee: Arc<Committee>,
    network: Digest,
    /// What each member said, of as many views as simplex keeps votes.
    said: Arc<Mutex<BTreeMap<Place, Said>>>,
}

impl Witness {
    pub(crate) fn new(app: Arc<dyn Application>, committee: &Committee, network: Digest) -> Witness {
        Witness { app, committee: Arc::new(committee.clone()), network, said: Arc::default() }
    }

    /// Hands two votes on, if both are signed: what somebody only seems to have said proves nothing.
    fn note(&self, what: Contradiction, (index, epoch, view): (usize, u64, u64), votes: Bytes) {
        let Some(who) = self.committee.members.get(index).copied() else { return };
        let misconduct = Misconduct { who, epoch, view, what, votes };
        if misconduct.verify(&self.committee, &self.network) {
            warn!(%who, epoch, view, %what, "a member of the committee contradicts itself; it is heard no more");
            self.app.caught(misconduct);
        }
    }

    /// Holds a vote against what its signer said in that view before. What a `certificate` has is signed for certain,
    /// and takes the place of what may not be.
    fn hold(&self, what: Contradiction, (proposal, vote): Said, certificate: bool) {
        let key: Place = (proposal.view().get(), what, vote.signer.get());
        let mut said = self.said.lock();
        let before = said.get(&key).cloned();
        if certificate || before.is_none() {
            said.insert(key, (proposal.clone(), vote.clone()));
        }
        // A vote that a block is sound and one that it is final, of each member.
        let most = KEPT_VIEWS as usize * 2 * self.committee.members.len();
        while said.len() > most {
            said.pop_first();
        }
        drop(said);
        let Some((other, first)) = before.filter(|(other, _)| *other != proposal) else { return };
        let place = (vote.signer.get() as usize, proposal.epoch().get(), key.0);
        let votes = match what {
            Contradiction::TwoBlocks => {
                let first = Notarize { proposal: other, attestation: first };
                ConflictingNotarize::new(first, Notarize { proposal, attestation: vote }).encode()
            }
            Contradiction::TwoFinal => {
                let first = Finalize { proposal: other, attestation: first };
                ConflictingFinalize::new(first, Finalize { proposal, attestation: vote }).encode()
            }
            // Simplex sees to it.
            Contradiction::SkippedAndFinal => return,
        };
        self.note(what, place, votes);
    }

    /// The same for each vote in a certificate.
    fn hold_all(
        &self,
        what: Contradiction,
        proposal: &Proposal<EngineDigest>,
        certificate: &<Scheme as Verifier>::Certificate,
    ) {
        for (signer, signature) in certificate.signers.iter().zip(&certificate.signatures) {
            let vote = Attestation { signer, signature: signature.clone() };
            self.hold(what, (proposal.clone(), vote), true);
        }
    }
}

impl Reporter for Witness {
    type Activity = Activity<Scheme, EngineDigest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        use Contradiction::{SkippedAndFinal, TwoBlocks, TwoFinal};
        match &activity {
            Activity::ConflictingNotarize(pair) => self.note(TwoBlocks, place(pair), pair.encode()),
            Activity::ConflictingFinalize(pair) => self.note(TwoFinal, place(pair), pair.encode()),
            Activity::NullifyFinalize(pair) => self.note(SkippedAndFinal, place(pair), pair.encode()),
            Activity::Notarize(Notarize { proposal, attestation }) => {
                self.hold(TwoBlocks, (proposal.clone(), attestation.clone()), false);
            }
            Activity::Finalize(Finalize { proposal, attestation }) => {
                self.hold(TwoFinal, (proposal.clone(), attestation.clone()), false);
            }
            Activity::Notarization(found) => self.hold_all(TwoBlocks, &found.proposal, &found.certificate),
            Activity::Finalization(found) => self.hold_all(TwoFinal, &found.proposal, &found.certificate),
            _ => {}
        }
        Feedback::Ok
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        block::to_engine,
        pool::{self, Acks, Pool, batch},
        testing::scheme,
    };
    use commonware_consensus::{
        simplex::types::{Finalization, Notarization},
        types::{Epoch, Round, View},
    };
    use commonware_parallel::Sequential;
    use commonware_utils::non_empty;

    /// Of four validators the last is bad.
    const BAD: usize = 3;

    struct Scene {
        pool: Arc<Pool>,
        witness: Witness,
        schemes: Vec<Scheme>,
    }

    impl Scene {
        fn new() -> Scene {
            let keys = pool::keys(4);
            let genesis = pool::genesis(&keys);
            let pool = Arc::new(Pool::new(&genesis, Acks::All));
            let witness = Witness::new(pool.clone(), &genesis.committee(), genesis.network());
            Scene { pool, witness, schemes: keys.iter().map(|key| scheme(&genesis, key)).collect() }
        }

        fn proposal(block: u64) -> Proposal<EngineDigest> {
            let round = Round::new(Epoch::zero(), View::new(7));
            Proposal::new(round, View::new(6), to_engine(&batch(block)))
        }

        fn sound(&self, who: usize, block: u64) -> Notarize<Scheme, EngineDigest> {
            Notarize::sign(&self.schemes[who], Scene::proposal(block)).unwrap()
        }

        fn last(&self, who: usize, block: u64) -> Finalize<Scheme, EngineDigest> {
            Finalize::sign(&self.schemes[who], Scene::proposal(block)).unwrap()
        }

        /// Certificates of both kinds, by two and the bad one.
        fn certificates(&self, block: u64) -> [Activity<Scheme, EngineDigest>; 2] {
            let whose = [0, 1, BAD];
            let sound = whose.map(|who| self.sound(who, block));
            let last = whose.map(|who| self.last(who, block));
            let scheme = &self.schemes[2];
            let sound = Notarization::from_notarizes(scheme, non_empty![@sound.iter()], &Sequential);
            let last = Finalization::from_finalizes(scheme, non_empty![@last.iter()], &Sequential);
            [Activity::Notarization(sound.unwrap()), Activity::Finalization(last.unwrap())]
        }

        /// What is caught once all of that was reported; the pool checks each proof.
        fn caught(
            mut self,
            reports: impl IntoIterator<Item = Activity<Scheme, EngineDigest>>,
        ) -> Vec<Misconduct> {
            for report in reports {
                self.witness.report(report);
            }
            self.pool.assert_sound("a witness");
            self.pool.caught()
        }
    }

    #[test]
    fn a_vote_convicts_beside_a_certificate_that_has_another_of_its_signer() {
        let bad = pool::keys(4)[BAD].account();
        for vote_first in [true, false] {
            let scene = Scene::new();
            let votes = [Activity::Notarize(scene.sound(BAD, 2)), Activity::Finalize(scene.last(BAD, 2))];
            let [sound, last] = scene.certificates(1);
            let [vote, end] = votes;
            let reports = if vote_first { [vote, sound, end, last] } else { [sound, vote, last, end] };
            let caught = scene.caught(reports);
            assert!(caught.iter().all(|found| (found.who, found.view) == (bad, 7)), "{caught:?}");
            let what: Vec<_> = caught.iter().map(|found| found.what).collect();
            assert_eq!(what, [Contradiction::TwoBlocks, Contradiction::TwoFinal]);
        }
    }

    #[test]
    fn nobody_is_caught_at_what_it_did_not_sign() {
        // The same said twice.
        let scene = Scene::new();
        let [sound, last] = scene.certificates(1);
        let reports =
            [Activity::Notarize(scene.sound(BAD, 1)), sound, Activity::Finalize(scene.last(BAD, 1)), last];
        assert_eq!(scene.caught(reports), []);
        // Another's signature under its vote. What it signs afterwards counts all the same.
        let scene = Scene::new();
        let mut forged = scene.sound(0, 2);
        forged.attestation.signer = scene.sound(BAD, 2).attestation.signer;
        let [sound, _] = scene.certificates(1);
        let own = Activity::Notarize(scene.sound(BAD, 3));
        let caught = scene.caught([Activity::Notarize(forged), sound, own]);
        assert_eq!(caught.len(), 1, "{caught:?}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut scene = Scene::new();
        for view in 0..2 * KEPT_VIEWS {
            for scheme in &scene.schemes {
                let round = Round::new(Epoch::zero(), View::new(view + 1));
                let proposal = Proposal::new(round, View::new(view), to_engine(&batch(view)));
                scene.witness.report(Activity::Notarize(Notarize::sign(scheme, proposal).unwrap()));
            }
        }
        let kept = scene.witness.said.lock().len();
        assert_eq!(kept, 2 * 4 * KEPT_VIEWS as usize);
    }
}
