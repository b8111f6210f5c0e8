//! The simulated world: validators, their two networks, and what can be done to them.

use super::{
    Simulated,
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
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::simulated::{self, Control, Link, Manager, Oracle};
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _, deterministic::Context};
use commonware_utils::{NZUsize, Probability};
use moot_record::{Genesis, Keypair};
use parking_lot::Mutex;
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

type Net = Oracle<PublicKey, Context>;
type SimSeat = Seat<WireSender, WireReceiver, Manager<PublicKey, Context>, Control<PublicKey, Context>>;

/// How good the links are.
#[derive(Clone, Copy, Debug)]
pub struct Quality {
    /// How long a message takes, in milliseconds.
    pub latency_ms: u64,
    /// How much that varies.
    pub jitter_ms: u64,
    /// Of a hundred votes, and of a hundred messages of data, how many are lost.
    pub lost: (u32, u32),
}

/// Everything there is.
pub struct World {
    pub(crate) context: Context,
    pub(crate) votes: Net,
    pub(crate) data: Net,
    pub(crate) genesis: Genesis,
    pub(crate) keys: Vec<Keypair>,
    pub(crate) apps: Vec<Arc<dyn Simulated>>,
    pub(crate) post: Arc<Post>,
    pub(crate) quality: Quality,
    /// Only those of one group are linked.
    pub(crate) groups: Vec<u64>,
    /// How wrong the clocks are of engines that start from now on.
    pub(crate) skews: Vec<Skew>,
    /// By how many milliseconds all clocks were put forward.
    forward: Arc<AtomicI64>,
    /// Whose journals were lost, and how often.
    pub(crate) lost: Vec<u64>,
    /// What is wrong with the disks.
    pub(crate) disks: Vec<Arc<Disk>>,
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
    /// A world of these validators with these applications. None runs yet. Who is caught at breaking the rules of
    /// consensus is cut off if `disconnect`, and may go on otherwise.
    pub(crate) async fn of(
        context: &Context,
        seed: u64,
        (keys, genesis): (Vec<Keypair>, Genesis),
        apps: Vec<Arc<dyn Simulated>>,
        quality: Quality,
        disconnect: bool,
    ) -> World {
        let count = keys.len();
        let names: Vec<PublicKey> =
            keys.iter().map(|key| keys::public_key(&key.account()).unwrap()).collect();
        let votes = network(context.child("network"), max_message_bytes(), names.clone(), disconnect).await;
        let data = network(context.child("data"), max_data_message_bytes(), names, true).await;
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
            apps,
            post,
            quality,
            groups,
            skews,
            forward: Arc::default(),
            lost,
            disks: (0..count).map(|_| Arc::default()).collect(),
            ended: Arc::default(),
            running,
            starts: 0,
        };
        world.link().await;
        world
    }

    pub(crate) fn name(&self, n: usize) -> PublicKey {
        keys::public_key(&self.keys[n].account()).unwrap()
    }

    /// Links all as groups and quality have it.
    pub(crate) async fn link(&mut self) {
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
    pub async fn connect(&mut self, n: usize, linked: bool) {
        self.groups[n] = if linked { 0 } else { 1 };
        self.link().await;
    }

    /// All channels of a validator: those of the engine in their order, then push and fetch.
    pub(crate) fn channels(&self) -> Vec<(Net, u64, Quota)> {
        let (pushes, fetches) = data_quotas();
        let votes = (0..5).map(|number| (self.votes.clone(), number, quota()));
        votes.chain([(self.data.clone(), 0, pushes), (self.data.clone(), 1, fetches)]).collect()
    }

    pub(crate) async fn register(
        &self,
        net: &Net,
        n: usize,
        number: u64,
        quota: Quota,
    ) -> (RawSender, RawReceiver) {
        net.control(self.name(n)).register(number, quota).await.unwrap()
    }

    /// A seat for validator `n` at these wires, which are in the order of [`Self::channels`].
    pub(crate) fn seat(
        &self,
        n: usize,
        wires: Vec<(WireSender, WireReceiver)>,
        committed: u64,
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
            committed,
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
    pub(crate) fn launch(&mut self, n: usize, seat: SimSeat, app: Arc<dyn Simulated>) -> Handle<()> {
        self.starts += 1;
        let context = self.context.child("validator").with_attribute("start", self.starts);
        let (partition, ended) = (seat.partition.clone(), Arc::clone(&self.ended));
        let (forward, disk) = (Arc::clone(&self.forward), Arc::clone(&self.disks[n]));
        Skewed::new(context, self.skews[n], forward, disk).spawn(move |context| async move {
            let reason = engine::run(context, seat, app as Arc<dyn Application>, || {}).await;
            ended.lock().push((n, format!("{partition} ended: {reason}")));
        })
    }

    /// Takes engines away that have ended by themselves.
    ///
    /// # Panics
    /// When one has whose disk is not bad.
    pub fn bury(&mut self, whose: &str) {
        let ended = std::mem::take(&mut *self.ended.lock());
        for (n, how) in ended {
            assert!(self.disks[n].fails(), "{whose}: {how}");
            self.running[n] = None;
            self.apps[n].crash();
        }
    }

    /// Starts validator `n` on the storage that it had.
    pub async fn start(&mut self, n: usize) {
        let mut wires = Vec::new();
        for (net, number, quota) in self.channels() {
            let (inner, receiver) = self.register(&net, n, number, quota).await;
            let sender = WireSender { inner, reach: None, post: Arc::clone(&self.post) };
            wires.push((sender, WireReceiver::Direct(receiver)));
        }
        self.disks[n].mend();
        let app = Arc::clone(&self.apps[n]);
        let partition = match self.lost[n] {
            0 => format!("validator-{n}"),
            times => format!("validator-{n}-{times}"),
        };
        let seat = self.seat(n, wires, app.start(), partition);
        self.running[n] = Some(self.launch(n, seat, app));
    }

    /// Stops validator `n` as a power cut would.
    pub fn crash(&mut self, n: usize) {
        // One that a bad disk has ended already is no news.
        self.ended.lock().retain(|(ended, _)| *ended != n || !self.disks[n].fails());
        if let Some(running) = self.running[n].take() {
            running.abort();
            self.apps[n].crash();
        }
    }

    /// Validator `n` crashes and loses all that it had; `app` is what it begins anew with.
    #[cfg(test)]
    pub(crate) fn wipe(&mut self, n: usize, app: Arc<dyn Simulated>) {
        self.crash(n);
        self.lost[n] += 1;
        self.apps[n] = app;
    }

    /// Whether validator `n` runs.
    #[must_use]
    pub fn runs(&self, n: usize) -> bool {
        self.running[n].is_some()
    }

    /// Looks whether an honest validator has shut out an honest one.
    ///
    /// # Panics
    /// When one has.
    pub async fn assert_no_slander(&self, whose: &str, honest: &[usize]) {
        let names: Vec<PublicKey> = honest.iter().map(|n| self.name(*n)).collect();
        for (net, what) in [(&self.votes, "votes"), (&self.data, "data")] {
            let blocked = net.blocked().await.unwrap();
            let wrong = blocked.iter().find(|(by, whom)| names.contains(by) && names.contains(whom));
            assert_eq!(wrong, None, "{whose}: an honest validator shut out an honest one of {what}");
        }
    }

    /// Lets so much time pass.
    pub async fn sleep(&self, time: Duration) {
        self.context.sleep(time).await;
    }

    /// Does something every so often from now on, until the simulation ends. What it panics with nobody hears.
    pub fn every(&self, pause: Duration, mut work: impl FnMut() + Send + 'static) {
        self.context.child("work").spawn(move |context| async move {
            loop {
                context.sleep(pause).await;
                work();
            }
        });
    }

    /// What a clock that is right shows.
    pub fn clock(&self) -> impl Fn() -> SystemTime + Send + Sync + use<> {
        let (context, forward) = (self.context.child("clock"), Arc::clone(&self.forward));
        move || {
            let forward = u64::try_from(forward.load(Ordering::SeqCst)).unwrap_or_default();
            context.current() + Duration::from_millis(forward)
        }
    }

    /// Puts all clocks forward at once, which nobody waits for.
    pub fn pass_time(&self, time: Duration) {
        self.forward.fetch_add(time.as_millis() as i64, Ordering::SeqCst);
    }

    /// A digest of all that has happened.
    #[must_use]
    pub fn trace(&self) -> String {
        self.context.auditor().state()
    }
}
