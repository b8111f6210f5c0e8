//! The simulated world: four validators, their two networks, and what can be done to them.

use super::{
    disk::Disk,
    skew::{Skew, Skewed},
    wire::{Post, RawReceiver, RawSender, WireReceiver, WireSender},
};
use crate::{
    Application, Plane,
    block::Block,
    data::DataSeat,
    engine::{self, Seat},
    keys,
    network::{Channels, data_quotas, max_data_message_bytes, max_message_bytes, quota},
    pool::{self, Conduct, Pool},
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::simulated::{self, Control, Link, Manager, Oracle};
use commonware_runtime::{Handle, Quota, Spawner as _, Supervisor as _, deterministic::Context};
use commonware_utils::{NZUsize, Probability};
use moot_record::{Genesis, Keypair};
use parking_lot::Mutex;
use std::num::NonZeroUsize;
use std::{sync::Arc, time::Duration};

/// Validators of the genesis.
pub(super) const N: usize = 4;

type Net = Oracle<PublicKey, Context>;
type SimSeat = Seat<WireSender, WireReceiver, Manager<PublicKey, Context>, Control<PublicKey, Context>>;

/// How good the links are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    pub(super) latency_ms: u64,
    pub(super) jitter_ms: u64,
    /// Of a hundred votes, and of a hundred messages of data, how many are lost.
    pub(super) lost: (u32, u32),
}

/// Everything there is.
pub(super) struct World {
    pub(super) context: Context,
    pub(super) votes: Net,
    pub(super) data: Net,
    pub(super) genesis: Genesis,
    pub(super) keys: Vec<Keypair>,
    pub(super) pools: Vec<Arc<Pool>>,
    pub(super) post: Arc<Post>,
    pub(super) quality: Quality,
    /// Only those of one group are linked.
    pub(super) groups: Vec<u64>,
    /// How wrong the clocks are of engines that start from now on.
    pub(super) skews: Vec<Skew>,
    /// Whose journals were lost, and how often.
    pub(super) lost: Vec<u64>,
    /// What is wrong with the disks.
    pub(super) disks: Vec<Arc<Disk>>,
    /// Engines that have ended by themselves, and why.
    ended: Arc<Mutex<Vec<(usize, String)>>>,
    running: Vec<Option<Handle<()>>>,
    starts: u64,
}

async fn network(context: Context, max_size: u32, names: Vec<PublicKey>, disconnect: bool) -> Net {
    let settings = simulated::Config {
        max_size,
        max_peers_per_set: NonZeroUsize::new(names.len()).unwrap(),
        disconnect_on_block: disconnect,
        tracked_peer_sets: NZUsize!(2),
    };
    let (network, oracle) = simulated::Network::new_with_peers(context, settings, names).await;
    network.start();
    oracle
}

impl World {
    /// A world whose validators have these manners. None runs yet. Who is caught at breaking the rules of
    /// consensus is cut off if `disconnect`, and may go on otherwise.
    pub(super) async fn new(
        context: &Context,
        seed: u64,
        conducts: [Conduct; N],
        quality: Quality,
        disconnect: bool,
    ) -> World {
        let keys = pool::keys(N as u8);
        let genesis = pool::genesis(&keys);
        let pools = conducts.iter().map(|conduct| Pool::of_conduct(&genesis, *conduct)).collect();
        World::of(context, seed, (keys, genesis), pools, quality, disconnect).await
    }

    /// A world of these validators with these applications.
    pub(super) async fn of(
        context: &Context,
        seed: u64,
        (keys, genesis): (Vec<Keypair>, Genesis),
        pools: Vec<Pool>,
        quality: Quality,
        disconnect: bool,
    ) -> World {
        let count = keys.len();
        let names: Vec<PublicKey> =
            keys.iter().map(|key| keys::public_key(&key.account()).unwrap()).collect();
        let votes = network(context.child("network"), max_message_bytes(), names.clone(), disconnect).await;
        let data = network(context.child("data"), max_data_message_bytes(), names, true).await;
        let pools = pools.into_iter().map(Arc::new).collect();
        let running = (0..count).map(|_| None).collect();
        let (post, work) = Post::new(seed, context.child("post"));
        context.child("postman").spawn(move |_| work);
        let context = context.child("world");
        let (groups, skews, lost) = (vec![0; count], vec![0; count], vec![0; count]);
        let mut world = World {
            context,
            votes,
            data,
            genesis,
            keys,
            pools,
            post,
            quality,
            groups,
            skews,
            lost,
            disks: (0..count).map(|_| Arc::default()).collect(),
            ended: Arc::default(),
            running,
            starts: 0,
        };
        world.link().await;
        world
    }

    pub(super) fn name(&self, n: usize) -> PublicKey {
        keys::public_key(&self.keys[n].account()).unwrap()
    }

    /// Links all as groups and quality have it.
    pub(super) async fn link(&mut self) {
        let Quality { latency_ms, jitter_ms, lost } = self.quality;
        let link = |lost: u32| Link {
            latency: Duration::from_millis(latency_ms),
            jitter: Duration::from_millis(jitter_ms),
            success_rate: Probability::new(u64::from(100 - lost), 100).unwrap(),
        };
        let (votes, data) = (link(lost.0), link(lost.1));
        let count = self.keys.len();
        for n in 0..count {
            for other in (0..count).filter(|other| *other != n) {
                for (oracle, link) in [(&self.votes, &votes), (&self.data, &data)] {
                    let (from, to) = (self.name(n), self.name(other));
                    // There may be none yet, or one end may have shut the other out.
                    let _ = oracle.remove_link(from.clone(), to.clone()).await;
                    if self.groups[n] == self.groups[other] {
                        let _ = oracle.add_link(from, to, link.clone()).await;
                    }
                }
            }
        }
    }

    /// Cuts `n` off, or takes it back.
    pub(super) async fn connect(&mut self, n: usize, linked: bool) {
        self.groups[n] = if linked { 0 } else { 1 };
        self.link().await;
    }

    /// All channels of a validator: those of the engine in their order, then push and fetch.
    pub(super) fn channels(&self) -> Vec<(Net, u64, Quota)> {
        let (pushes, fetches) = data_quotas();
        let votes = (0..5).map(|number| (self.votes.clone(), number, quota()));
        votes.chain([(self.data.clone(), 0, pushes), (self.data.clone(), 1, fetches)]).collect()
    }

    pub(super) async fn register(
        &self,
        net: &Net,
        n: usize,
        number: u64,
        quota: Quota,
    ) -> (RawSender, RawReceiver) {
        net.control(self.name(n)).register(number, quota).await.unwrap()
    }

    /// A seat for validator `n` at these wires, which are in the order of [`Self::channels`].
    pub(super) fn seat(
        &self,
        n: usize,
        wires: Vec<(WireSender, WireReceiver)>,
        pool: &Pool,
        partition: String,
    ) -> SimSeat {
        let mut wires: Vec<_> = wires.into_iter().map(Some).collect();
        let mut take = |number: usize| wires[number].take().unwrap();
        let data = DataSeat {
            push: take(5),
            fetch: take(6),
            peers: self.data.manager(),
            blocker: self.data.control(self.name(n)),
        };
        Seat {
            key: keys::private_key(&self.keys[n]).unwrap(),
            network: self.genesis.network(),
            epoch_blocks: self.genesis.epochs.map(|epochs| epochs.blocks),
            genesis: Block::genesis(&self.genesis),
            committed: pool.committed(),
            journals_lost: self.lost[n] > 0,
            heartbeat: Duration::from_millis(500),
            max_batches: 8,
            partition,
            channels: Channels::numbered(|number| take(number as usize)),
            peers: self.votes.manager(),
            blocker: self.votes.control(self.name(n)),
            data,
            plane: Plane::new().1,
        }
    }

    /// Runs an engine in this seat, which is one of validator `n`.
    pub(super) fn launch(&mut self, n: usize, seat: SimSeat, pool: Arc<Pool>) -> Handle<()> {
        self.starts += 1;
        let context = self.context.child("validator").with_attribute("start", self.starts);
        let (partition, ended) = (seat.partition.clone(), Arc::clone(&self.ended));
        Skewed::new(context, self.skews[n], Arc::clone(&self.disks[n])).spawn(move |context| async move {
            let reason = engine::run(context, seat, pool as Arc<dyn Application>, || {}).await;
            ended.lock().push((n, format!("{partition} ended: {reason}")));
        })
    }

    /// Takes engines away that have ended by themselves, which only one on a bad disk may.
    pub(super) fn bury(&mut self, whose: &str) {
        let ended = std::mem::take(&mut *self.ended.lock());
        for (n, how) in ended {
            assert!(self.disks[n].fails(), "{whose}: {how}");
            self.running[n] = None;
        }
    }

    /// Starts validator `n` on the storage that it had.
    pub(super) async fn start(&mut self, n: usize) {
        let mut wires = Vec::new();
        for (net, number, quota) in self.channels() {
            let (inner, receiver) = self.register(&net, n, number, quota).await;
            let sender = WireSender { inner, reach: None, post: Arc::clone(&self.post) };
            wires.push((sender, WireReceiver::Direct(receiver)));
        }
        self.disks[n].mend();
        let pool = Arc::clone(&self.pools[n]);
        let partition = match self.lost[n] {
            0 => format!("validator-{n}"),
            times => format!("validator-{n}-{times}"),
        };
        let seat = self.seat(n, wires, &pool, partition);
        self.running[n] = Some(self.launch(n, seat, pool));
    }

    /// Stops validator `n` as a power cut would.
    pub(super) fn crash(&mut self, n: usize) {
        // One that a bad disk has ended already is no news.
        self.ended.lock().retain(|(ended, _)| *ended != n || !self.disks[n].fails());
        if let Some(running) = self.running[n].take() {
            running.abort();
        }
    }

    /// Validator `n` crashes and loses all that it had; `pool` is what it begins anew with.
    pub(super) fn wipe(&mut self, n: usize, pool: Pool) {
        self.crash(n);
        self.lost[n] += 1;
        self.pools[n] = Arc::new(pool);
    }

    /// Whether validator `n` runs.
    pub(super) fn runs(&self, n: usize) -> bool {
        self.running[n].is_some()
    }

    /// Panics if two of these validators have different blocks at one height, or one got what it must not.
    pub(super) fn assert_no_fork(&self, whose: &str, honest: &[usize]) {
        let chains: Vec<_> = honest.iter().map(|n| (*n, self.pools[*n].chain())).collect();
        for (at, (n, chain)) in chains.iter().enumerate() {
            self.pools[*n].assert_sound(&format!("{whose}, validator {n}"));
            for (m, other) in &chains[..at] {
                for (height, block) in chain {
                    if let Some(other) = other.get(height) {
                        assert_eq!(
                            other.header, block.header,
                            "{whose}: fork at {height} between {m} and {n}"
                        );
                    }
                }
            }
        }
    }

    /// Panics if an honest validator has shut out an honest one.
    pub(super) async fn assert_no_slander(&self, whose: &str, honest: &[usize]) {
        let names: Vec<PublicKey> = honest.iter().map(|n| self.name(*n)).collect();
        for (net, what) in [(&self.votes, "votes"), (&self.data, "data")] {
            let blocked = net.blocked().await.unwrap();
            let wrong = blocked.iter().find(|(by, whom)| names.contains(by) && names.contains(whom));
            assert_eq!(wrong, None, "{whose}: an honest validator shut out an honest one of {what}");
        }
    }
}
