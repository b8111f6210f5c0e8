//! A simulated network whose applications are pools, and what must hold of them.

use crate::{
    pool::{self, Conduct, Pool, batch},
    testing::simulated::{Quality, Simulated, World},
};
use commonware_runtime::deterministic::Context;
use moot_record::{Genesis, Keypair};
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// Validators of the genesis.
pub(super) const N: usize = 4;

impl Simulated for Pool {
    fn start(&self) -> u64 {
        self.committed()
    }

    /// A pool is as durable as its test.
    fn crash(&self) {}
}

/// The world with the pools of its validators.
pub(super) struct Pools {
    world: World,
    pub(super) pools: Vec<Arc<Pool>>,
}

impl Deref for Pools {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl DerefMut for Pools {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

impl Pools {
    /// A world whose validators have these manners. None runs yet. Who is caught at breaking the rules of
    /// consensus is cut off if `disconnect`, and may go on otherwise.
    pub(super) async fn new(
        context: &Context,
        seed: u64,
        conducts: [Conduct; N],
        quality: Quality,
        disconnect: bool,
    ) -> Pools {
        let keys = pool::keys(N as u8);
        let genesis = pool::genesis(&keys);
        let pools = conducts.iter().map(|conduct| Pool::of_conduct(&genesis, *conduct)).collect();
        Pools::of(context, seed, (keys, genesis), pools, quality, disconnect).await
    }

    /// A world of these validators with these pools.
    pub(super) async fn of(
        context: &Context,
        seed: u64,
        who: (Vec<Keypair>, Genesis),
        pools: Vec<Pool>,
        quality: Quality,
        disconnect: bool,
    ) -> Pools {
        let pools: Vec<Arc<Pool>> = pools.into_iter().map(Arc::new).collect();
        let apps = pools.iter().map(|pool| Arc::clone(pool) as Arc<dyn Simulated>).collect();
        let world = World::of(context, seed, who, apps, quality, disconnect).await;
        Pools { world, pools }
    }

    /// Pools for two with one key, which have different things to say for one view.
    pub(super) fn twins(genesis: &Genesis) -> [Arc<dyn Simulated>; 2] {
        [0, 1].map(|twin| {
            let pool = Pool::of_conduct(genesis, Conduct::Honest);
            (0..50).for_each(|k| pool.offer(batch(1_000_000 + 1000 * twin + k)));
            Arc::new(pool) as Arc<dyn Simulated>
        })
    }

    /// Validator `n` crashes and loses all that it had; `pool` is what it begins anew with.
    pub(super) fn wipe(&mut self, n: usize, pool: Pool) {
        self.pools[n] = Arc::new(pool);
        self.world.wipe(n, Arc::clone(&self.pools[n]) as Arc<dyn Simulated>);
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
}
