//! Random trouble: whatever can go wrong, in an order that follows from a seed.
//!
//! For some seconds there is [mischief](crate::testing::simulated::World::mischief), and one validator may break the rules.
//! Then all is mended, and everything that honest validators sealed must be ordered at each of them, in one order, with its
//! bytes.

use super::{
    asked,
    pools::{N, Pools},
    runtime, seeds,
};
use crate::{
    pool::{Conduct, batch},
    testing::{
        Misrule,
        simulated::{Dice, Evil, Puppet, Quality},
    },
};
use commonware_runtime::{Clock as _, Runner as _, deterministic};
use moot_record::Digest;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

const HOUR: i64 = 3_600_000;

/// How one validator is bad, and how its pool behaves.
const EVILS: [(Evil, Conduct); 15] = [
    (Evil::Nobody, Conduct::Honest),
    (Evil::Twins, Conduct::Honest),
    (Evil::Puppet(Puppet::Conflicter), Conduct::Honest),
    (Evil::Application, Conduct::Withholding),
    (Evil::Puppet(Puppet::Nuller), Conduct::Honest),
    (Evil::Application, Conduct::Lying),
    (Evil::Flooder, Conduct::Honest),
    (Evil::Application, Conduct::Mute),
    (Evil::Application, Conduct::Lazy),
    (Evil::Clock(HOUR), Conduct::Honest),
    (Evil::Clock(-HOUR), Conduct::Honest),
    (Evil::Leader(Misrule::TwoBlocks), Conduct::Honest),
    (Evil::Puppet(Puppet::Impersonator), Conduct::Honest),
    (Evil::Leader(Misrule::Unsound), Conduct::Honest),
    (Evil::Puppet(Puppet::Outdated), Conduct::Honest),
];

/// Links when all is well.
const GOOD: Quality = Quality { latency_ms: 10, jitter_ms: 3, lost: (0, 0) };
/// Steps of trouble, and how long one is.
const STEPS: u64 = 48;
const STEP: Duration = Duration::from_millis(250);
/// Time to recover in, far more than it takes.
const PATIENCE: Duration = Duration::from_secs(180);

/// Says how to run a seed again, if what it runs panics.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!(
                "seed {seed} failed; again: MOOT_SEED={seed} cargo test -p moot-ordering random_trouble"
            );
        }
    }
}

/// Runs one seed. Returns the trace, the least height, and what was wrong.
fn trouble(seed: u64) -> (String, u64, String) {
    let _replay = Replay(seed);
    let mut dice = Dice::new(seed);
    let (evil, conduct) = EVILS[(seed % EVILS.len() as u64) as usize];
    let bad = dice.roll(N as u64) as usize;
    let disconnect = dice.roll(2) == 0;
    let whose = format!("seed {seed}: {evil:?}, {conduct:?} at {bad}, cut off when caught: {disconnect}");
    // An engine whose disk fails panics, and the others go on.
    let config = runtime(seed).with_catch_panics(true);
    deterministic::Runner::new(config).start(|context| async move {
        let honest: Vec<usize> = (0..N).filter(|n| *n != bad || evil == Evil::Nobody).collect();
        let mut conducts = [Conduct::Honest; N];
        conducts[bad] = conduct;
        let mut world = Pools::new(&context, seed, conducts, GOOD, disconnect).await;
        world.skew(&mut dice, (bad, evil));
        for n in 0..N {
            if n == bad {
                let genesis = world.genesis.clone();
                world.admit((n, evil), &mut dice, || Pools::twins(&genesis), asked).await;
            } else {
                world.start(n).await;
            }
        }
        let mut offered: Vec<Digest> = Vec::new();
        for step in 0..STEPS {
            world.mischief(&mut dice, &honest).await;
            for k in 0..3 {
                let (lane, digest) = (dice.roll(N as u64) as usize, batch(step * 10 + k));
                if world.runs(lane) {
                    world.pools[lane].offer(digest);
                    offered.extend(honest.contains(&lane).then_some(digest));
                }
            }
            context.sleep(STEP).await;
            world.bury(&whose);
            world.assert_no_fork(&whose, &honest);
        }
        world.mend(&honest, GOOD).await;
        let mended = context.current();
        while !honest.iter().all(|n| world.pools[*n].has(&offered)) {
            context.sleep(Duration::from_millis(500)).await;
            world.bury(&whose);
            let heights: Vec<u64> = world.pools.iter().map(|pool| pool.height()).collect();
            let waited = context.current().duration_since(mended).unwrap();
            assert!(
                waited < PATIENCE,
                "{whose}: not all is ordered {waited:?} after the end, heights {heights:?}"
            );
        }
        world.assert_no_fork(&whose, &honest);
        world.assert_no_slander(&whose, &honest).await;
        let height = honest.iter().map(|n| world.pools[*n].height()).min().unwrap_or(0);
        let waited = context.current().duration_since(mended).unwrap();
        (context.auditor().state(), height, format!("{whose}; recovered in {waited:?}"))
    })
}

/// Seeds of an everyday run, and how long it may take: a machine that is too slow or too busy for all of them runs as
/// many as it can, and says how many.
const SEEDS: u64 = 200;
const BUDGET: Duration = Duration::from_secs(240);

/// The seeds to run, and for how long new ones are begun: one that failed, or the first so many.
fn chosen() -> (Vec<u64>, Option<Duration>) {
    match std::env::var("MOOT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => (vec![seed], None),
        // Whoever says how many wants them all.
        None => ((0..seeds(SEEDS)).collect(), std::env::var_os("MOOT_SEEDS").is_none().then_some(BUDGET)),
    }
}

#[test]
fn simulation_of_random_trouble() {
    let (chosen, budget) = chosen();
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let since = Instant::now();
    let in_time = || budget.is_none_or(|budget| since.elapsed() < budget);
    // One world is one thread's: two seeds at a time use two cores.
    let work = || {
        while let Some(seed) = chosen.get(next.fetch_add(1, Ordering::Relaxed) as usize)
            && in_time()
        {
            let began = Instant::now();
            let (_, height, what) = trouble(*seed);
            println!("{what}; {height} blocks, {:?}", began.elapsed());
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        // A thread that panicked has said all there is to say.
        let failed = threads.into_iter().filter_map(|thread| thread.join().err()).count();
        assert_eq!(failed, 0, "a seed failed: see above how to run it again");
    });
    let done = done.into_inner();
    println!("{done} of {} seeds in {:?}", chosen.len(), since.elapsed());
    assert!(done >= chosen.len().min(EVILS.len()) as u64, "too few seeds for each kind of evil: {done}");
}

#[test]
fn random_trouble_is_the_same_twice() {
    // Twins: the most that can go on.
    assert_eq!(trouble(1), trouble(1));
}
