//! Leaders that break the rules: what is in the views that are theirs.
//!
//! ```text
//!   certificates ──► whose view is next, on which block ──► mine? ──► blocks to some, votes to some, then to all
//! ```
//!
//! - **TwoBlocks**: two sound blocks for one view. Two of the others get the first, one the second; a moment later
//!   all get both, so that somebody can see it.
//! - **Unsound**: a block that can never follow its parent, or comes with a vote that is not its own: each kind in
//!   its turn.
//!
//! Either knows the chain from what it hears. When it is not its turn it says nothing.

use super::{of_epoch, scheme};
use crate::{
    block::{Block, EngineDigest, from_engine},
    keys,
    limits::MAX_BATCHES_PER_BLOCK,
};
use commonware_codec::{Decode as _, Encode as _};
use commonware_consensus::{
    Viewable as _,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Certificate, Finalize, Notarize, Proposal, Vote},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Digestible as _, certificate::Verifier as _, ed25519::PublicKey};
use commonware_p2p::{Receiver, Recipients, Sender, utils::mux};
use commonware_runtime::Clock;
use moot_record::{Digest, Genesis, Keypair};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How a leader is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misrule {
    /// Two sound blocks for one view.
    TwoBlocks,
    /// Blocks that nobody may vote for.
    Unsound,
}

/// How a block is unsound. A turn each, from the second on: whoever forges a vote is heard no more, so that comes last.
pub const KINDS: [&str; 8] =
    ["forged vote", "height", "parent", "time", "twice", "committee", "too many", "never sent"];

/// What a bad leader proposed: for each view the digests, and what is wrong with them.
pub(crate) type Proposed = Arc<Mutex<Vec<(Vec<Digest>, &'static str)>>>;

/// Blocks that it remembers.
const REMEMBERED: usize = 256;

pub(crate) struct Leader<S, E> {
    misrule: Misrule,
    /// Its place in the committee.
    me: u64,
    /// The other validators.
    others: Vec<PublicKey>,
    scheme: Scheme,
    /// Another network's: its votes are nobody's here.
    forger: Scheme,
    votes: S,
    blocks: S,
    clock: E,
    /// How long those who got one of two blocks have it before the rest follows.
    head_start: Duration,
    /// Blocks by their digests, with the heights to forget them by.
    known: BTreeMap<Digest, Block>,
    proposed: Proposed,
    /// Views that were its own.
    turns: usize,
}

impl<S: Sender<PublicKey = PublicKey>, E: Clock> Leader<S, E> {
    /// A leader with the key of a validator, which sends votes and blocks by these and notes what it proposes.
    pub(crate) fn new(
        (genesis, key): (&Genesis, &Keypair),
        (misrule, head_start, proposed): (Misrule, Duration, Proposed),
        (votes, blocks): (S, S),
        clock: E,
    ) -> Leader<S, E> {
        let names: Vec<PublicKey> =
            genesis.validators.iter().map(|one| keys::public_key(one).unwrap()).collect();
        let own = keys::public_key(&key.account()).unwrap();
        let committee = keys::set(&genesis.validators).unwrap();
        let first = Block::genesis(genesis);
        Leader {
            misrule,
            me: names.iter().position(|name| *name == own).unwrap() as u64,
            others: names.into_iter().filter(|name| *name != own).collect(),
            scheme: scheme(genesis, key),
            forger: Scheme::signer(b"another network", committee, keys::private_key(key).unwrap()).unwrap(),
            votes,
            blocks,
            clock,
            head_start,
            known: [(first.header().digest(), first)].into(),
            proposed,
            turns: 0,
        }
    }

    /// Listens to blocks and certificates, and misuses every view of its own, until it hears nothing any more.
    pub(crate) async fn run<R>(mut self, mut heard: R, mut certificates: R)
    where
        R: Receiver<PublicKey = PublicKey>,
    {
        // The last block that is known to be agreed on, and the last view that is over.
        let mut tip = (View::zero(), self.known.keys().next().copied().unwrap());
        let mut over = View::zero();
        loop {
            commonware_macros::select! {
                block = heard.recv() => {
                    let Ok((_, block)) = block else { return };
                    self.learn(Block::decode_cfg(block, &MAX_BATCHES_PER_BLOCK).ok());
                },
                certificate = certificates.recv() => {
                    let Ok((_, message)) = certificate else { return };
                    let Ok((epoch, message)) = mux::parse(message) else { continue };
                    let config = self.scheme.certificate_codec_config();
                    let read = Certificate::<Scheme, EngineDigest>::decode_cfg(message, &config);
                    let Ok(certificate) = read else { continue };
                    let view = certificate.view();
                    match &certificate {
                        Certificate::Notarization(found) if view > tip.0 => {
                            tip = (view, from_engine(&found.proposal.payload));
                        }
                        Certificate::Finalization(found) if view > tip.0 => {
                            tip = (view, from_engine(&found.proposal.payload));
                        }
                        _ => {}
                    }
                    if view > over {
                        over = view;
                        self.lead(epoch, view.next(), tip).await;
                    }
                },
            }
        }
    }

    fn learn(&mut self, block: Option<Block>) {
        let Some(block) = block else { return };
        self.known.insert(block.header().digest(), block);
        if self.known.len() > REMEMBERED {
            let oldest = self.known.iter().min_by_key(|(_, block)| block.header().height);
            let oldest = oldest.map(|(digest, _)| *digest);
            oldest.and_then(|digest| self.known.remove(&digest));
        }
    }

    /// Misuses a view, if it is its own.
    async fn lead(&mut self, epoch: u64, view: View, (parent_view, parent): (View, Digest)) {
        let members = self.others.len() as u64 + 1;
        if (epoch + view.get()) % members != self.me {
            return;
        }
        let Some(parent) = self.known.get(&parent).cloned() else { return };
        let round = Round::new(Epoch::new(epoch), view);
        let propose = |block: &Block| Proposal::new(round, parent_view, block.digest());
        self.turns += 1;
        match self.misrule {
            Misrule::TwoBlocks => {
                let [one, two] = [0, 1].map(|later| after(&parent, later, Vec::new()));
                self.proposed.lock().push((vec![one.header().digest(), two.header().digest()], "two"));
                let (some, rest) = self.others.split_at(self.others.len() - 1);
                let (some, rest) = (some.to_vec(), rest.to_vec());
                for (block, to) in [(&one, some), (&two, rest)] {
                    self.send(epoch, block, propose(block), to);
                }
                self.clock.sleep(self.head_start).await;
                for block in [&two, &one] {
                    self.send(epoch, block, propose(block), self.others.clone());
                }
                self.learn(Some(one));
                self.learn(Some(two));
            }
            Misrule::Unsound => {
                let kind = KINDS[self.turns % KINDS.len()];
                let block = unsound(&parent, kind);
                self.proposed.lock().push((vec![block.header().digest()], kind));
                let proposal = propose(&block);
                let everyone = self.others.clone();
                match kind {
                    "forged vote" => {
                        self.blocks.send(Recipients::Some(everyone.clone()), block.encode(), true);
                        let forged = Notarize::sign(&self.forger, proposal).unwrap();
                        let forged = Vote::<Scheme, EngineDigest>::Notarize(forged).encode();
                        self.votes.send(Recipients::Some(everyone), of_epoch(epoch, forged), true);
                    }
                    "never sent" => self.vote(epoch, proposal, everyone),
                    _ => self.send(epoch, &block, proposal, everyone),
                }
            }
        }
    }

    /// A block with a vote for it.
    fn send(&mut self, epoch: u64, block: &Block, proposal: Proposal<EngineDigest>, to: Vec<PublicKey>) {
        self.blocks.send(Recipients::Some(to.clone()), block.encode(), true);
        self.vote(epoch, proposal, to);
    }

    /// Votes for a proposal, and to make it final too.
    fn vote(&mut self, epoch: u64, proposal: Proposal<EngineDigest>, to: Vec<PublicKey>) {
        let notarize = Notarize::sign(&self.scheme, proposal.clone()).unwrap();
        let finalize = Finalize::sign(&self.scheme, proposal).unwrap();
        for vote in [Vote::Notarize(notarize), Vote::<Scheme, EngineDigest>::Finalize(finalize)] {
            self.votes.send(Recipients::Some(to.clone()), of_epoch(epoch, vote.encode()), true);
        }
    }
}

/// A sound block after `parent`.
fn after(parent: &Block, later_ms: u64, batches: Vec<Digest>) -> Block {
    let header = parent.header();
    Block::new(header.height + 1, header.digest(), header.time_ms + later_ms, header.state, batches)
}

/// A block that nobody may vote for.
fn unsound(parent: &Block, kind: &str) -> Block {
    let header = *parent.header();
    let make = |height, parent, time_ms, batches| Block::new(height, parent, time_ms, header.state, batches);
    let (height, digest, time_ms) = (header.height + 1, header.digest(), header.time_ms);
    match kind {
        "height" => make(height + 1, digest, time_ms, Vec::new()),
        "parent" => make(height, header.state, time_ms, Vec::new()),
        "time" => make(height, digest, time_ms.saturating_sub(1), Vec::new()),
        "twice" => make(height, digest, time_ms, vec![nobodys(1), nobodys(1)]),
        "committee" => make(height, digest, time_ms, Vec::new()).naming(Some(header.state)),
        "too many" => {
            let many = (0..=MAX_BATCHES_PER_BLOCK as u64).map(nobodys);
            make(height, digest, time_ms, many.collect())
        }
        // Sound in itself.
        _ => make(height, digest, time_ms + 7, Vec::new()),
    }
}

/// The digest of a batch that nobody has.
fn nobodys(n: u64) -> Digest {
    let mut bytes = [0xa5; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Digest::from_bytes(bytes)
}
