//! The simulated world: four validators, their two networks, and what can be done to them.

use crate::{
    Application, Plane,
    block::Block,
    data::DataSeat,
    engine::{self, Seat},
    keys,
    network::{Channels, data_quotas, max_data_message_bytes, max_message_bytes, quota},
    pool::{self, Conduct, Pool},
};
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_p2p::simulated::{self, Link, Oracle};
use commonware_runtime::{Handle, Spawner as _, Supervisor as _, deterministic::Context};
use commonware_utils::{NZUsize, Probability, probability};
use moot_record::{Genesis, Keypair};
use std::{sync::Arc, time::Duration};

/// Validators.
pub(super) const N: usize = 4;

/// Everything there is.
pub(super) struct World {
    pub(super) context: Context,
    pub(super) votes: Oracle<PublicKey, Context>,
    pub(super) data: Oracle<PublicKey, Context>,
    pub(super) genesis: Genesis,
    pub(super) keys: Vec<Keypair>,
    pub(super) pools: Vec<Arc<Pool>>,
    running: Vec<Option<Handle<()>>>,
    starts: u64,
    /// Share of the data network's messages that arrive.
    arriving: Probability,
}

async fn network(
    context: Context,
    max_size: u32,
    names: Vec<PublicKey>,
) -> Oracle<PublicKey, Context> {
    let settings = simulated::Config {
        max_size,
        max_peers_per_set: NZUsize!(N),
        disconnect_on_block: true,
        tracked_peer_sets: NZUsize!(2),
    };
    let (network, oracle) = simulated::Network::new_with_peers(context, settings, names).await;
    network.start();
    oracle
}

impl World {
    /// A world whose validators have these manners. None runs yet.
    pub(super) async fn new(context: &Context, conducts: [Conduct; N], arriving: Probability) -> World {
        let keys = pool::keys(N as u8);
        let genesis = pool::genesis(&keys);
        let names: Vec<PublicKey> =
            keys.iter().map(|key| keys::public_key(&key.account()).unwrap()).collect();
        let votes = network(context.child("network"), max_message_bytes(), names.clone()).await;
        let data = network(context.child("data"), max_data_message_bytes(), names).await;
        let pools = conducts.iter().map(|conduct| Arc::new(Pool::of_conduct(&genesis, *conduct))).collect();
        let running = (0..N).map(|_| None).collect();
        let context = context.child("world");
        let mut world = World { context, votes, data, genesis, keys, pools, running, starts: 0, arriving };
        for n in 0..N {
            world.connect(n, true).await;
        }
        world
    }

    pub(super) fn name(&self, n: usize) -> PublicKey {
        keys::public_key(&self.keys[n].account()).unwrap()
    }

    /// Links `n` with all others on both networks, or cuts it off.
    pub(super) async fn connect(&mut self, n: usize, linked: bool) {
        let link = |success_rate| Link {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(5),
            success_rate,
        };
        let (votes, data) = (link(probability!(0.97)), link(self.arriving));
        for other in (0..N).filter(|other| *other != n) {
            for (from, to) in [(n, other), (other, n)] {
                for (oracle, link) in [(&self.votes, &votes), (&self.data, &data)] {
                    let (from, to) = (self.name(from), self.name(to));
                    if linked {
                        // A link that is there already stays as it is.
                        let _ = oracle.add_link(from, to, link.clone()).await;
                    } else {
                        let _ = oracle.remove_link(from, to).await;
                    }
                }
            }
        }
    }

    /// Starts validator `n` on the storage that it had.
    pub(super) async fn start(&mut self, n: usize) {
        let key = keys::private_key(&self.keys[n]).unwrap();
        let control = self.votes.control(key.public_key());
        let mut open = Vec::new();
        for number in 0..5 {
            open.push(Some(control.register(number, quota()).await.unwrap()));
        }
        let data = self.data.control(key.public_key());
        let (pushes, fetches) = data_quotas();
        let data = DataSeat {
            push: data.register(0, pushes).await.unwrap(),
            fetch: data.register(1, fetches).await.unwrap(),
            peers: self.data.manager(),
            blocker: data,
        };
        let seat = Seat {
            key,
            committee: keys::committee(&self.genesis).unwrap(),
            namespace: self.genesis.namespace(),
            genesis: Block::genesis(&self.genesis),
            committed: self.pools[n].committed(),
            heartbeat: Duration::from_millis(500),
            max_batches: 8,
            partition: format!("validator-{n}"),
            channels: Channels::numbered(|number| open[number as usize].take().unwrap()),
            peers: self.votes.manager(),
            blocker: control,
            data,
            plane: Plane::new().1,
        };
        let app = Arc::clone(&self.pools[n]) as Arc<dyn Application>;
        self.starts += 1;
        let context = self.context.child("validator").with_attribute("start", self.starts);
        self.running[n] = Some(context.spawn(move |context| async move {
            let reason = engine::run(context, seat, app, || {}).await;
            panic!("validator {n} ended: {reason}");
        }));
    }

    /// Stops validator `n` as a power cut would.
    pub(super) fn crash(&mut self, n: usize) {
        if let Some(running) = self.running[n].take() {
            running.abort();
        }
    }

    /// Whether validator `n` runs.
    pub(super) fn runs(&self, n: usize) -> bool {
        self.running[n].is_some()
    }

    /// Panics if two validators have different blocks at one height, or one got what it must not.
    pub(super) fn assert_no_fork(&self, whose: &str) {
        let chains: Vec<_> = self.pools.iter().map(|pool| pool.chain()).collect();
        for (n, chain) in chains.iter().enumerate() {
            self.pools[n].assert_sound(&format!("{whose}, validator {n}"));
            for (m, other) in chains[..n].iter().enumerate() {
                for (height, block) in chain {
                    if let Some(other) = other.get(height) {
                        assert_eq!(other.header, block.header, "{whose}: fork at {height} between {m} and {n}");
                    }
                }
            }
        }
    }
}
