//! Four validators in commonware's deterministic runtime, through the very [`engine::run`](crate::engine::run)
//! that a real validator runs.
//!
//! ```text
//!   seed ──► network (delay, loss) ──► 4 x engine::run ──► 4 x Pool (outlives crashes)
//!                   ▲                        │
//!              partitions          crash, restart from the same storage
//! ```
//!
//! Checked: certificates, links and order at each delivery; no fork; every batch ordered at every
//! validator; the same seed gives the same trace. A failure names its seed, and
//! `MOOT_SEEDS=<n> cargo test -p moot-ordering simulation` tries the first n seeds.

use crate::{
    Application,
    block::Block,
    engine::{self, Seat},
    keys,
    network::{Channels, max_message_bytes, quota},
    pool::{self, Acks, Pool, batch},
};
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_p2p::simulated::{self, Link, Oracle};
use commonware_runtime::{
    Clock as _, Handle, Runner as _, Spawner as _, Supervisor as _,
    deterministic::{self, Context},
};
use commonware_utils::{NZUsize, probability};
use moot_record::{Digest, Genesis, Keypair};
use std::{sync::Arc, time::Duration};

const N: usize = 4;

/// What goes wrong, and when, in seconds of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Nothing.
    None,
    /// One validator crashes at 3 and starts again at 8.
    Crash,
    /// All crash at 3, at once, and start again at 4.
    Blackout,
    /// One is cut off from 3 to 8.
    Partition,
}

struct World {
    context: Context,
    oracle: Oracle<PublicKey, Context>,
    genesis: Genesis,
    keys: Vec<Keypair>,
    pools: Vec<Arc<Pool>>,
    running: Vec<Option<Handle<()>>>,
    starts: u64,
}

impl World {
    async fn new(context: &Context) -> World {
        let keys = pool::keys(N as u8);
        let genesis = pool::genesis(&keys);
        let names: Vec<PublicKey> =
            keys.iter().map(|key| keys::public_key(&key.account()).unwrap()).collect();
        let settings = simulated::Config {
            max_size: max_message_bytes(),
            max_peers_per_set: NZUsize!(N),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(2),
        };
        let (network, oracle) =
            simulated::Network::new_with_peers(context.child("network"), settings, names).await;
        network.start();
        let pools = (0..N).map(|_| Arc::new(Pool::new(&genesis, Acks::All))).collect();
        let running = (0..N).map(|_| None).collect();
        let context = context.child("world");
        let mut world = World { context, oracle, genesis, keys, pools, running, starts: 0 };
        for n in 0..N {
            world.connect(n, true).await;
        }
        world
    }

    fn name(&self, n: usize) -> PublicKey {
        keys::public_key(&self.keys[n].account()).unwrap()
    }

    /// Links `n` with all others, or cuts it off.
    async fn connect(&mut self, n: usize, linked: bool) {
        let link = Link {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(5),
            success_rate: probability!(0.97),
        };
        for other in (0..N).filter(|other| *other != n) {
            for (from, to) in [(n, other), (other, n)] {
                let (from, to) = (self.name(from), self.name(to));
                if linked {
                    // A link that is there already stays as it is.
                    let _ = self.oracle.add_link(from, to, link.clone()).await;
                } else {
                    let _ = self.oracle.remove_link(from, to).await;
                }
            }
        }
    }

    async fn start(&mut self, n: usize) {
        let key = keys::private_key(&self.keys[n]).unwrap();
        let control = self.oracle.control(key.public_key());
        let mut open = Vec::new();
        for number in 0..5 {
            open.push(Some(control.register(number, quota()).await.unwrap()));
        }
        let seat = Seat {
            key,
            committee: keys::committee(&self.genesis).unwrap(),
            namespace: self.genesis.namespace(),
            genesis: Block::genesis(&self.genesis),
            committed: self.pools[n].height(),
            heartbeat: Duration::from_millis(500),
            max_batches: 8,
            partition: format!("validator-{n}"),
            channels: Channels::numbered(|number| open[number as usize].take().unwrap()),
            peers: self.oracle.manager(),
            blocker: control,
        };
        let app = Arc::clone(&self.pools[n]) as Arc<dyn Application>;
        self.starts += 1;
        let context = self.context.child("validator").with_attribute("start", self.starts);
        self.running[n] = Some(context.spawn(move |context| async move {
            let reason = engine::run(context, seat, app, || {}).await;
            panic!("validator {n} ended: {reason}");
        }));
    }

    fn crash(&mut self, n: usize) {
        if let Some(running) = self.running[n].take() {
            running.abort();
        }
    }

    async fn trouble(&mut self, trouble: Trouble, victim: usize, second: u64) {
        match (trouble, second) {
            (Trouble::Crash, 3) => self.crash(victim),
            (Trouble::Crash, 8) => self.start(victim).await,
            (Trouble::Blackout, 3) => (0..N).for_each(|n| self.crash(n)),
            (Trouble::Blackout, 4) => {
                for n in 0..N {
                    self.start(n).await;
                }
            }
            (Trouble::Partition, 3) => self.connect(victim, false).await,
            (Trouble::Partition, 8) => self.connect(victim, true).await,
            _ => {}
        }
    }

    fn assert_no_fork(&self, whose: &str) {
        let chains: Vec<_> = self.pools.iter().map(|pool| pool.chain()).collect();
        for (n, chain) in chains.iter().enumerate() {
            self.pools[n].assert_sound(&format!("{whose}, validator {n}"));
            for (height, block) in chain {
                if let Some(other) = chains[0].get(height) {
                    assert_eq!(other.header, block.header, "{whose}: fork at {height} between 0 and {n}");
                }
            }
        }
    }
}

/// Runs one scenario to its end. Returns the trace's digest and the number of blocks.
fn simulate(seed: u64, trouble: Trouble) -> (String, u64) {
    let whose = format!("seed {seed}, {trouble:?}");
    let runner = deterministic::Runner::new(deterministic::Config::new().with_seed(seed));
    runner.start(|context| async move {
        let mut world = World::new(&context).await;
        for n in 0..N {
            world.start(n).await;
        }
        let victim = (seed % N as u64) as usize;
        let mut offered: Vec<Digest> = Vec::new();
        for second in 0..10_u64 {
            world.trouble(trouble, victim, second).await;
            for step in 0..10 {
                let digest = batch(second * 100 + step);
                offered.push(digest);
                // Batches reach validators at different times.
                for n in 0..N {
                    let pool = Arc::clone(&world.pools[n]);
                    let delay = Duration::from_millis((step * 7 + n as u64 * 13 + seed) % 60);
                    context.child("batch").spawn(move |context| async move {
                        context.sleep(delay).await;
                        pool.offer(digest);
                    });
                }
                context.sleep(Duration::from_millis(100)).await;
            }
        }
        let mut rounds = 0;
        while !world.pools.iter().all(|pool| pool.has(&offered)) {
            context.sleep(Duration::from_millis(500)).await;
            rounds += 1;
            let heights: Vec<u64> = world.pools.iter().map(|pool| pool.height()).collect();
            assert!(rounds < 240, "{whose}: after two minutes not all is ordered, heights {heights:?}");
        }
        world.assert_no_fork(&whose);
        let height = world.pools.iter().map(|pool| pool.height()).min().unwrap_or(0);
        assert!(height > 10, "{whose}: {height} blocks only");
        (context.auditor().state(), height)
    })
}

fn seeds(default: u64) -> u64 {
    std::env::var("MOOT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

#[test]
fn simulation_of_four_with_a_lossy_network() {
    (0..seeds(2)).for_each(|seed| {
        simulate(seed, Trouble::None);
    });
}

#[test]
fn simulation_of_a_crash_and_a_restart() {
    (0..seeds(3)).for_each(|seed| {
        simulate(seed, Trouble::Crash);
    });
}

#[test]
fn simulation_of_all_crashing_at_once() {
    (0..seeds(2)).for_each(|seed| {
        simulate(seed, Trouble::Blackout);
    });
}

#[test]
fn simulation_of_a_partition() {
    (0..seeds(2)).for_each(|seed| {
        simulate(seed, Trouble::Partition);
    });
}

#[test]
fn simulation_is_the_same_twice() {
    assert_eq!(simulate(7, Trouble::Crash), simulate(7, Trouble::Crash));
}
