//! Validators that break the rules on purpose. Each holds a real key and talks on the real channels.
//!
//! - **Twins**: the same key runs two engines, each in touch with some of the others. They propose different
//!   blocks for one view, and vote for different ones, as a thief of the key would.
//! - **Nuller**: for each vote it hears, it votes to skip that view and to finalise it.
//! - **Conflicter**: for each vote it hears, it votes the same and for a block that does not exist.
//! - **Impersonator**: for each vote it hears, it votes the same in another's name.
//! - **Outdated**: for each vote it hears, it votes again for what was proposed some views ago.
//! - **Accomplice**: whatever it hears from somebody, it says the same to that one, and to nobody else.
//! - **Flooder**: junk and requests on the data network, as fast as the world takes them.
//!
//! What a leader can do beyond that is beside this module, because a test of the node lets one loose on processes.

use super::{
    Simulated,
    wire::{WireReceiver, WireSender, split},
    world::World,
};
use crate::{
    Wanted,
    block::EngineDigest,
    testing::{Leader, Misrule, Proposed, of_epoch, scheme},
};
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::{
    Viewable as _,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Attributable as _, Finalize, Notarize, Nullify, Proposal, Vote},
    },
    types::{Participant, View, ViewDelta},
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{CheckedSender as _, LimitedSender as _, Receiver, Recipients, Sender, utils::mux};
use commonware_runtime::{Clock as _, Quota, Spawner as _, Supervisor as _, deterministic::Context};
use commonware_utils::NZU32;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// What a validator does with the votes it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Puppet {
    /// Votes to skip each view, and to finalise it.
    Nuller,
    /// Votes for what others do, and for a block that does not exist.
    Conflicter,
    /// Votes in another's name.
    Impersonator,
    /// Votes for what was proposed some views ago.
    Outdated,
    /// Says to each what it likes to hear.
    Accomplice,
}

/// How many views ago an outdated validator lives.
const OUTDATED_BY: ViewDelta = ViewDelta::new(5);
/// How long those who got one of two blocks of a leader have it before the rest follows.
const HEAD_START: Duration = Duration::from_millis(60);
/// Proposals that one remembers.
const REMEMBERED: usize = 64;

type EngineVote = Vote<Scheme, EngineDigest>;
type Heard = BTreeMap<View, Proposal<EngineDigest>>;

impl Puppet {
    /// Answers every vote it hears, until its channel ends.
    pub(crate) async fn play<S, R>(self, scheme: Scheme, (mut sender, mut receiver): (S, R))
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let mut heard = Heard::new();
        while let Ok((from, message)) = receiver.recv().await {
            let Ok((epoch, message)) = mux::parse(message) else { continue };
            let Ok(vote) = EngineVote::decode(message) else { continue };
            for answer in self.answers(&scheme, vote, &mut heard) {
                let to = match self {
                    Puppet::Accomplice => Recipients::One(from.clone()),
                    _ => Recipients::All,
                };
                sender.send(to, of_epoch(epoch, answer.encode()), true);
            }
        }
    }

    /// What it says to a vote.
    fn answers(self, scheme: &Scheme, vote: EngineVote, heard: &mut Heard) -> Vec<EngineVote> {
        let view = vote.view();
        match (self, vote) {
            (Puppet::Nuller, Vote::Notarize(heard)) => vec![
                Vote::Nullify(Nullify::sign::<EngineDigest>(scheme, heard.proposal.round).unwrap()),
                Vote::Finalize(Finalize::sign(scheme, heard.proposal).unwrap()),
            ],
            (Puppet::Conflicter, Vote::Notarize(heard)) => vec![
                Vote::Notarize(Notarize::sign(scheme, invented(&heard.proposal)).unwrap()),
                Vote::Notarize(Notarize::sign(scheme, heard.proposal).unwrap()),
            ],
            (Puppet::Conflicter, Vote::Finalize(heard)) => vec![
                Vote::Finalize(Finalize::sign(scheme, invented(&heard.proposal)).unwrap()),
                Vote::Finalize(Finalize::sign(scheme, heard.proposal).unwrap()),
            ],
            (Puppet::Impersonator, Vote::Notarize(heard)) => {
                let mut vote = Notarize::sign(scheme, heard.proposal).unwrap();
                vote.attestation.signer = another(vote.signer());
                vec![Vote::Notarize(vote)]
            }
            (Puppet::Impersonator, Vote::Finalize(heard)) => {
                let mut vote = Finalize::sign(scheme, heard.proposal).unwrap();
                vote.attestation.signer = another(vote.signer());
                vec![Vote::Finalize(vote)]
            }
            (Puppet::Outdated, Vote::Notarize(vote)) => {
                remember(heard, view, vote.proposal);
                let old = heard.get(&view.saturating_sub(OUTDATED_BY)).cloned();
                old.into_iter().map(|old| Vote::Notarize(Notarize::sign(scheme, old).unwrap())).collect()
            }
            (Puppet::Outdated, Vote::Finalize(vote)) => {
                remember(heard, view, vote.proposal);
                let old = heard.get(&view.saturating_sub(OUTDATED_BY)).cloned();
                old.into_iter().map(|old| Vote::Finalize(Finalize::sign(scheme, old).unwrap())).collect()
            }
            (Puppet::Accomplice, vote) => vec![match vote {
                Vote::Notarize(heard) => Vote::Notarize(Notarize::sign(scheme, heard.proposal).unwrap()),
                Vote::Finalize(heard) => Vote::Finalize(Finalize::sign(scheme, heard.proposal).unwrap()),
                Vote::Nullify(heard) => {
                    Vote::Nullify(Nullify::sign::<EngineDigest>(scheme, heard.round).unwrap())
                }
            }],
            _ => Vec::new(),
        }
    }
}

/// The proposal of a block that does not exist.
fn invented(proposal: &Proposal<EngineDigest>) -> Proposal<EngineDigest> {
    let mut payload = proposal.payload;
    payload.0[0] ^= 1;
    Proposal::new(proposal.round, proposal.parent, payload)
}

/// Somebody else's place.
fn another(signer: Participant) -> Participant {
    Participant::new(u32::from(signer.get() == 0))
}

fn remember(heard: &mut Heard, view: View, proposal: Proposal<EngineDigest>) {
    heard.insert(view, proposal);
    if heard.len() > REMEMBERED {
        heard.pop_first();
    }
}

impl World {
    /// Puts a puppet in the place of validator `n`. On the data network it is silent.
    pub(crate) async fn start_puppet(&mut self, n: usize, puppet: Puppet) {
        let scheme = scheme(&self.genesis, &self.keys[n]);
        let channel = self.register(&self.votes, n, 0, quota()).await;
        self.context.child("puppet").spawn(move |_| puppet.play(scheme, channel));
    }

    /// Puts a bad leader in the place of validator `n`, and says what it proposes. On the data network it is silent.
    pub(crate) async fn start_leader(&mut self, n: usize, misrule: Misrule) -> Proposed {
        let (votes, _) = self.register(&self.votes, n, 0, quota()).await;
        let (_, certificates) = self.register(&self.votes, n, 1, quota()).await;
        let (blocks, heard) = self.register(&self.votes, n, 4, quota()).await;
        let clock = self.context.child("leader_clock");
        let who = (&self.genesis, &self.keys[n]);
        let proposed = Proposed::default();
        let how = (misrule, HEAD_START, Arc::clone(&proposed));
        let leader = Leader::new(who, how, (votes, blocks), clock);
        self.context.child("leader").spawn(move |_| leader.run(heard, certificates));
        proposed
    }

    /// Runs validator `n` twice, each in touch with the others as `sides` has them: with the first, the
    /// second, or both. Their applications should have different things to say for one view.
    pub(crate) async fn start_twins(&mut self, n: usize, sides: &[u64], apps: [Arc<dyn Simulated>; 2]) {
        let reach = [0, 1].map(|twin| {
            let met =
                (0..sides.len()).filter(|other| *other != n && (sides[*other] == 2 || sides[*other] == twin));
            Arc::new(met.map(|other| self.name(other)).collect::<BTreeSet<PublicKey>>())
        });
        let mut wires: [Vec<(WireSender, WireReceiver)>; 2] = [Vec::new(), Vec::new()];
        for (oracle, number, quota) in self.channels() {
            let (sender, receiver) = self.register(&oracle, n, number, quota).await;
            let (receivers, work) = split(receiver, reach.clone());
            self.context.child("router").spawn(move |_| work);
            for (twin, receiver) in receivers.into_iter().enumerate() {
                let reach = Some(Arc::clone(&reach[twin]));
                let sender = WireSender { inner: sender.clone(), reach, post: Arc::clone(&self.post) };
                wires[twin].push((sender, receiver));
            }
        }
        for (twin, (wires, app)) in wires.into_iter().zip(apps).enumerate() {
            let seat = self.seat(n, wires, app.start(), format!("twin-{twin}"));
            self.launch(n, seat, app);
        }
    }

    /// Sends junk and requests in the name of validator `n`, the k-th for what `asked` says.
    pub(crate) async fn start_flood(&self, n: usize, asked: fn(u64) -> Wanted) {
        let quota = Quota::per_second(NZU32!(1_000_000));
        let (mut push, _) = self.register(&self.data, n, 0, quota).await;
        let (mut fetch, _) = self.register(&self.data, n, 1, quota).await;
        self.context.child("flood").spawn(move |context: Context| async move {
            for n in 0_u64.. {
                let junk = vec![n as u8; 1024 << (n % 5)];
                if let Ok(checked) = push.check(Recipients::All) {
                    let _ = checked.send(junk, true);
                }
                // A request for something that exists or not, or half of one.
                let Wanted { kind, digest, part } = asked(n);
                let mut request = n.to_be_bytes().to_vec();
                request.extend([0, kind]);
                request.extend(digest.as_bytes());
                request.extend(part.to_be_bytes());
                request.truncate(if n.is_multiple_of(3) { 20 } else { request.len() });
                if let Ok(checked) = fetch.check(Recipients::All) {
                    let _ = checked.send(request, true);
                }
                context.sleep(Duration::from_millis(8)).await;
            }
        });
    }
}

pub(crate) fn quota() -> Quota {
    crate::network::quota()
}
