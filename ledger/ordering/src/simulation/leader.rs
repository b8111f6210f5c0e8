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

use super::{
    byzantine::{of_epoch, quota, scheme},
    wire::RawSender,
    world::World,
};
use crate::{
    block::{Block, EngineDigest, from_engine},
    keys,
    limits::MAX_BATCHES_PER_BLOCK,
    pool::batch,
};
use commonware_codec::{Decode as _, Encode as _};
use commonware_consensus::{
    Viewable as _,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Attributable as _, Certificate, Finalize, Notarize, Proposal, Vote},
    },
    types::{Epoch, Participant, Round, View},
};
use commonware_cryptography::{Digestible as _, certificate::Verifier as _, ed25519::PublicKey};
use commonware_p2p::{Receiver as _, Recipients, Sender as _, utils::mux};
use commonware_runtime::{Clock as _, Spawner as _, Supervisor as _, deterministic::Context};
use moot_record::Digest;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How a leader is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misrule {
    TwoBlocks,
    Unsound,
}

/// How a block is unsound.
const KINDS: [&str; 8] =
    ["height", "parent", "time", "twice", "committee", "too many", "forged vote", "never sent"];

/// What a bad leader proposed: for each view the digests, and what is wrong with them.
pub(super) type Proposed = Arc<Mutex<Vec<(Vec<Digest>, &'static str)>>>;

/// How long those who got one block have it before the rest follows.
const HEAD_START: Duration = Duration::from_millis(60);
/// Blocks that it remembers.
const REMEMBERED: usize = 256;

struct Leader {
    misrule: Misrule,
    me: Participant,
    /// The other validators.
    others: Vec<PublicKey>,
    scheme: Scheme,
    /// Another network's: its votes are nobody's here.
    forger: Scheme,
    votes: RawSender,
    blocks: RawSender,
    clock: Context,
    /// Blocks by their digests, with the heights to forget them by.
    known: BTreeMap<Digest, Block>,
    proposed: Proposed,
    /// Views that were its own.
    turns: usize,
}

impl World {
    /// Puts a bad leader in the place of validator `n`, and says what it proposes. On the data network it is silent.
    pub(super) async fn start_leader(&mut self, n: usize, misrule: Misrule) -> Proposed {
        let (votes, _) = self.register(&self.votes, n, 0, quota()).await;
        let (_, mut certificates) = self.register(&self.votes, n, 1, quota()).await;
        let (blocks, mut heard) = self.register(&self.votes, n, 4, quota()).await;
        let scheme = scheme(&self.genesis, &self.keys[n]);
        let committee = keys::set(&self.genesis.validators).unwrap();
        let key = keys::private_key(&self.keys[n]).unwrap();
        let genesis = Block::genesis(&self.genesis);
        let proposed = Proposed::default();
        let mut leader = Leader {
            misrule,
            me: Participant::from_usize(n),
            others: (0..self.keys.len()).filter(|other| *other != n).map(|other| self.name(other)).collect(),
            forger: Scheme::signer(b"another network", committee, key).unwrap(),
            scheme,
            votes,
            blocks,
            clock: self.context.child("leader_clock"),
            known: [(genesis.header().digest(), genesis)].into(),
            proposed: Arc::clone(&proposed),
            turns: 0,
        };
        self.context.child("leader").spawn(move |_| async move {
            // The last block that is known to be agreed on, and the last view that is over.
            let mut tip = (View::zero(), leader.known.keys().next().copied().unwrap());
            let mut over = View::zero();
            loop {
                commonware_macros::select! {
                    block = heard.recv() => {
                        let Ok((_, block)) = block else { return };
                        leader.learn(Block::decode_cfg(block, &MAX_BATCHES_PER_BLOCK).ok());
                    },
                    certificate = certificates.recv() => {
                        let Ok((_, message)) = certificate else { return };
                        let Ok((epoch, message)) = mux::parse(message) else { continue };
                        let config = leader.scheme.certificate_codec_config();
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
                            leader.lead(epoch, view.next(), tip).await;
                        }
                    },
                }
            }
        });
        proposed
    }
}

impl Leader {
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
        if (epoch + view.get()) % members != u64::from(self.me.get()) {
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
                self.clock.sleep(HEAD_START).await;
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
        debug_assert_eq!(notarize.signer(), self.me);
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
        "twice" => make(height, digest, time_ms, vec![batch(1), batch(1)]),
        "committee" => make(height, digest, time_ms, Vec::new()).naming(Some(header.state)),
        "too many" => {
            let many = (0..=MAX_BATCHES_PER_BLOCK as u64).map(|k| batch(5_000_000 + k));
            make(height, digest, time_ms, many.collect())
        }
        // Sound in itself.
        _ => make(height, digest, time_ms + 7, Vec::new()),
    }
}
