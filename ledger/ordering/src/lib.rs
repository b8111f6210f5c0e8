//! Agreement on one sequence of opaque batches.
//!
//! ```text
//!   ledger ── propose / available / state ──► Application (trait, implemented by the ledger)
//!                                                 ▲
//!   ┌───────────────────────────── own thread ────┼──────────────────────────┐
//!   │  network ──► simplex (votes) ──► marshal (gap-free, durable) ──► delivery
//!   │  data network ◄──► data plane ◄── push, fetch ── Plane ◄── ledger        │
//!   └────────────────────────────────────────────────────────────────────────┘
//!                                                                      │ Finalized + ack
//!   ledger ◄───────────────────────────────────────────────────────────┘
//! ```
//!
//! The engine is commonware's simplex with its marshal; everything that is generic over them is
//! compiled here and stays here. Whoever uses this crate sees plain types and one trait. One
//! validator and a hundred run the same engine: only the validator set and the network below differ.
//!
//! The chain is cut into epochs of as many blocks as the genesis says. Each has a committee and an engine of its
//! own; who is not in the committee, or must not vote, follows: it has the same blocks, and is heard by nobody. What
//! an epoch's committee is the application says, from blocks that are final.
//!
//! What a batch means, whether it is worth ordering and where it is stored is the application's
//! business. A block names batches by digest. Their bytes travel on a network of their own, pushed to all
//! while they are new and fetched by whoever misses them ([`Plane`]): this crate carries them and never
//! looks inside.
//!
//! # What is promised
//! - **Requires**: a directory that nobody else writes to, a clock that is roughly right, a key that
//!   signs in one place only, and an application that acknowledges what it has committed.
//! - **Provides**: the same blocks in the same order at every honest validator while fewer than a
//!   third are faulty; each block delivered in height order, without gaps, at least once, with a
//!   certificate that `moot_record` verifies; recovery from a crash at any moment by its own journals.
//! - **Does not provide**: storage of batches or a check of their bytes, exactly-once delivery (the
//!   application deduplicates by height), or safety when a validator's journal is lost and its key goes on
//!   voting.

// The tests' application is one file for the simulation here and the scenarios in `tests/`.
#[cfg(test)]
extern crate self as moot_ordering;

mod application;
mod beyond;
mod block;
mod config;
mod data;
mod delivery;
mod doors;
mod engine;
mod epochs;
mod keys;
mod late;
pub mod limits;
mod link;
mod meter;
mod network;
mod ordering;
#[cfg(test)]
mod over_tcp;
mod plane;
#[cfg(test)]
#[path = "../tests/it/pool.rs"]
mod pool;
mod settings;
#[cfg(test)]
mod simulation;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod wanted;
mod wants;
mod witness;

pub use block::genesis_block;
pub use config::{Config, Error, Peer};
pub use moot_record::Contradiction;
pub use ordering::{Failure, Ordering};
pub use plane::Plane;
pub use wanted::Wanted;
pub use witness::Misconduct;

use bytes::Bytes;
use moot_record::{AccountId, BlockHeader, Certificate, CertificateError, Committee, Digest, Genesis};
use std::{future::Future, pin::Pin};

/// A boxed future, so that [`Application`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the application wants in the next block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Batches to order, oldest first.
    pub batches: Vec<Digest>,
    /// State root of a recent height, as the application's rules have it.
    pub state: Digest,
}

/// Which block is looked for among those that the engine let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldBlock {
    /// The one at this height.
    At(u64),
    /// The one of this digest. Asked for when a block has no certificate of its own: it is enough to find those.
    Named(Digest),
}

/// What is agreed for an epoch before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochPlan {
    /// Who votes.
    pub committee: Committee,
    /// Who votes in the next epoch: the last block of this one names it if it is another.
    pub next: Committee,
    /// The digest of the block before the epoch's first.
    pub start: Digest,
    /// Whether this validator's key may vote where it is in the committee. Never true for an epoch in which the
    /// key may have voted with a journal that is lost; for the same epoch never true after it was false.
    pub votes: bool,
}

impl EpochPlan {
    /// The only epoch of a network whose committee never changes.
    #[must_use]
    pub fn fixed(genesis: &Genesis) -> EpochPlan {
        let committee = genesis.committee();
        let start = genesis_block(genesis).digest();
        EpochPlan { next: committee.clone(), committee, start, votes: true }
    }
}

/// A block that will never change, with the evidence for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finalized {
    /// The block's header.
    pub header: BlockHeader,
    /// The batches that the header commits to, in order.
    pub batches: Vec<Digest>,
    /// A quorum's signatures on [`Self::certified`].
    pub certificate: Certificate,
    /// Headers of the blocks after this one, up to the one that the certificate names. Nearly always
    /// empty. A block that was agreed on in a view that then timed out has no certificate of its own:
    /// it is final because a later block, which names it as its ancestor, is.
    pub descent: Vec<BlockHeader>,
}

impl Finalized {
    /// The header that the certificate names: the block's own, or its descendant's.
    pub fn certified(&self) -> &BlockHeader {
        self.descent.last().unwrap_or(&self.header)
    }

    /// Checks the certificate and the chain of headers from this block to the certified one, in a network whose
    /// committee never changes.
    ///
    /// # Errors
    /// As [`Finalized::verify_by`].
    pub fn verify(&self, genesis: &Genesis) -> Result<(), CertificateError> {
        self.verify_by(&genesis.committee(), &genesis.network())
    }

    /// Checks the certificate and the chain of headers from this block to the certified one.
    ///
    /// # Errors
    /// As [`Certificate::verify_by`]; a broken chain of headers is reported like a wrong block.
    pub fn verify_by(&self, committee: &Committee, network: &Digest) -> Result<(), CertificateError> {
        let mut parent = &self.header;
        for child in &self.descent {
            if child.parent != parent.digest() {
                // The chain is broken, so the certificate says nothing about this block: it fails.
                return self.certificate.verify_by(committee, network, &self.header.digest()).map(|_| ());
            }
            parent = child;
        }
        self.certificate.verify_by(committee, network, &parent.digest()).map(|_| ())
    }

    /// Who voted to make this block final and another one of the same height too: none unless both are proven. There is
    /// nobody as long as fewer than a third of the committee are dishonest, and else at least a third of it, by name.
    #[must_use]
    pub fn forked_by(&self, other: &Finalized, committee: &Committee, network: &Digest) -> Vec<AccountId> {
        let proven = [self, other].iter().all(|block| block.verify_by(committee, network).is_ok());
        if !proven || self.header.height != other.header.height || self.header == other.header {
            return Vec::new();
        }
        let [one, two] = [self, other].map(|block| block.certificate.voters(committee).unwrap_or_default());
        one.into_iter().filter(|voter| two.contains(voter)).collect()
    }
}

/// The side of the ledger that the engine talks to.
///
/// Every method is called from the engine's threads and must not block them. The futures may be
/// dropped at any await: they must be safe to cancel.
pub trait Application: Send + Sync + 'static {
    /// Takes the handle on the data plane. Called before everything else, once for each start of an engine:
    /// a later one replaces those before, which do nothing any more.
    fn attach(&self, plane: Plane);

    /// What is agreed for an epoch: none as long as the block before its first is not committed here, or when it
    /// is so old that nobody here remembers. In a network whose committee never changes [`EpochPlan::fixed`].
    fn epoch(&self, number: u64) -> Option<EpochPlan>;

    /// Batches ready to be ordered (durable here), oldest first, at most `max` and none of `taken`,
    /// which are those in ancestors not yet committed here. Resolves when there is something to order;
    /// the engine drops it at the heartbeat and makes an empty block.
    fn propose<'a>(&'a self, taken: &'a [Digest], max: usize) -> BoxFuture<'a, Proposal>;

    /// State root to put into an empty heartbeat block.
    fn state(&self) -> Digest;

    /// Resolves to true once every batch is durable here. Stays pending while one is missing, which it may
    /// [fetch](Plane::fetch); false only for a block that can never be valid. Dropped when the view passes:
    /// what only this block needs should then be [forgotten](Plane::forget), since nobody may have it.
    fn available<'a>(&'a self, header: &'a BlockHeader, batches: &'a [Digest]) -> BoxFuture<'a, bool>;

    /// Takes the next final block: in height order, without gaps, at least once (a restart repeats
    /// what was not acknowledged). Call `ack` after the commit; dropping it uncalled stops the engine.
    /// At most [`limits::MAX_PENDING_ACKS`] blocks are delivered ahead of their acknowledgement.
    ///
    /// A validator that catches up gets blocks it never voted for. Their batches may not be here yet: it
    /// must fetch them before it acknowledges.
    fn finalized(&self, block: Finalized, ack: Box<dyn FnOnce() + Send>);

    /// Looks up a block that was committed here, for peers that are far behind. None when it is not here any more.
    /// Must not take longer than a look at a database does.
    fn old_block(&self, which: OldBlock) -> Option<Finalized>;

    /// Takes bytes that the validator `from` pushed. They may be anything up to
    /// [`limits::MAX_DATA_BYTES`], may come twice, and may be dropped here: what turns out to matter is
    /// fetched. Must not block, and must bound what it keeps.
    fn pushed(&self, from: AccountId, bytes: Bytes);

    /// Looks up what a peer asks for: none if it is not here. At most [`limits::MAX_DATA_BYTES`], and of
    /// things that may be larger a part of at most 1 MiB. Resolves promptly, since only
    /// [`limits::MAX_SUPPLIED`] are looked up at a time.
    fn supply<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Option<Bytes>>;

    /// Takes a fetched answer. True when it is what was wanted, which is then asked for no more. False means
    /// that the peer has lied: it is shut out of the data network for [`limits::LIAR_SHUT_OUT`], and others
    /// are asked. So false is for bytes that are wrong, never for a want of room or time. Resolves promptly,
    /// since only [`limits::FETCH_WINDOW`] are asked for or looked at together.
    fn accept<'a>(&'a self, wanted: &'a Wanted, bytes: Bytes) -> BoxFuture<'a, bool>;

    /// Takes the proof that a member of the committee contradicted itself. May come twice. Must not block, and must
    /// bound what it keeps.
    fn caught(&self, misconduct: Misconduct);
}
