//! Validators that break the rules on purpose. Each holds a real key and talks on the real channels.
//!
//! - **Twins**: the same key runs two engines, each in touch with some of the others. They propose different
//!   blocks for one view, and vote for different ones, as a thief of the key would.
//! - **Nuller**: for each vote it hears, it votes to skip that view and to finalise it.
//! - **Conflicter**: for each vote it hears, it votes the same and for a block that does not exist.
//! - **Flooder**: junk and requests on the data network, as fast as the world takes them.

use super::{
    wire::{WireReceiver, WireSender, split},
    world::{N, World},
};
use crate::{
    block::EngineDigest,
    keys,
    pool::{Conduct, Pool, batch},
};
use commonware_codec::{DecodeExt as _, Encode as _, varint::UInt};
use commonware_consensus::simplex::{
    scheme::ed25519::Scheme,
    types::{Finalize, Notarize, Nullify, Proposal, Vote},
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    CheckedSender as _, LimitedSender as _, Receiver as _, Recipients, Sender as _, utils::mux,
};
use commonware_runtime::{Clock as _, IoBufs, Quota, Spawner as _, Supervisor as _, deterministic::Context};
use commonware_utils::NZU32;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// What a validator does with the votes it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Puppet {
    Nuller,
    Conflicter,
}

impl Puppet {
    /// What it says to a vote.
    fn answers(self, scheme: &Scheme, vote: Vote<Scheme, EngineDigest>) -> Vec<Vote<Scheme, EngineDigest>> {
        let invented = |proposal: &Proposal<EngineDigest>| {
            let mut payload = proposal.payload;
            payload.0[0] ^= 1;
            Proposal::new(proposal.round, proposal.parent, payload)
        };
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
            _ => Vec::new(),
        }
    }
}

impl World {
    /// Puts a puppet in the place of validator `n`. On the data network it is silent.
    pub(super) async fn start_puppet(&mut self, n: usize, puppet: Puppet) {
        let key = keys::private_key(&self.keys[n]).unwrap();
        let committee = keys::set(&self.genesis.validators).unwrap();
        let scheme = Scheme::signer(&self.genesis.namespace(), committee, key).unwrap();
        let (mut sender, mut receiver) = self.register(&self.votes, n, 0, quota()).await;
        self.context.child("puppet").spawn(move |_| async move {
            while let Ok((_, message)) = receiver.recv().await {
                let Ok((epoch, message)) = mux::parse(message) else { continue };
                let Ok(vote) = Vote::<Scheme, EngineDigest>::decode(message) else { continue };
                for answer in puppet.answers(&scheme, vote) {
                    let mut answer = IoBufs::from(answer.encode());
                    answer.prepend(UInt(epoch).encode().into());
                    sender.send(Recipients::All, answer, true);
                }
            }
        });
    }

    /// Runs validator `n` twice, each in touch with the others as `sides` has them: with the first, the
    /// second, or both.
    pub(super) async fn start_twins(&mut self, n: usize, sides: [u64; N]) {
        let reach = [0, 1].map(|twin| {
            let met = (0..N).filter(|other| *other != n && (sides[*other] == 2 || sides[*other] == twin));
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
        for (twin, wires) in wires.into_iter().enumerate() {
            let pool = Arc::new(Pool::of_conduct(&self.genesis, Conduct::Honest));
            // Different things to say for one view.
            (0..50).for_each(|k| pool.offer(batch(1_000_000 + 1000 * twin as u64 + k)));
            let seat = self.seat(n, wires, &pool, format!("twin-{twin}"));
            self.launch(n, seat, pool);
        }
    }

    /// Sends junk and requests in the name of validator `n`.
    pub(super) async fn start_flood(&self, n: usize) {
        let quota = Quota::per_second(NZU32!(1_000_000));
        let (mut push, _) = self.register(&self.data, n, 0, quota).await;
        let (mut fetch, _) = self.register(&self.data, n, 1, quota).await;
        self.context.child("flood").spawn(|context: Context| async move {
            for n in 0_u64.. {
                let junk = vec![n as u8; 1024 << (n % 5)];
                if let Ok(checked) = push.check(Recipients::All) {
                    let _ = checked.send(junk, true);
                }
                // A request for something that exists or not, or half of one.
                let mut request = n.to_be_bytes().to_vec();
                request.extend([0, 0]);
                request.extend(batch(n % 200).as_bytes());
                request.extend([0; 4]);
                request.truncate(if n.is_multiple_of(3) { 20 } else { request.len() });
                if let Ok(checked) = fetch.check(Recipients::All) {
                    let _ = checked.send(request, true);
                }
                context.sleep(Duration::from_millis(8)).await;
            }
        });
    }
}

fn quota() -> Quota {
    crate::network::quota()
}
