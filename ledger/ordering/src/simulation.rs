//! Four validators in the [simulated network](crate::testing::simulated), with an application that agrees on batches and
//! does nothing with them. What real ones do with them is tried in the same network by the ledger's tests.
//!
//! ```text
//!   pools: the network with its applications    random: schedules of trouble made from a seed
//!   cases: FAULTS.md, by their numbers          epochs: committees that change
//! ```
//!
//! Each batch is sealed by one validator and pushed over a data network that loses many of its messages.
//! Checked: certificates, links and order at each delivery; no fork; every batch ordered, and its bytes
//! held, at every validator; the same seed gives the same trace. A failure names its seed, and
//! `MOOT_SEEDS=<n> cargo test -p moot-ordering simulation` tries the first n seeds.

mod cases;
mod epochs;
mod pools;
mod random;

use crate::{
    pool::{Conduct, Counts, GENESIS_MS, batch, wanted},
    testing::simulated::{self, Quality},
};
use commonware_runtime::{Clock as _, Runner as _, deterministic};
use moot_record::Digest;
use pools::{N, Pools};
use std::time::Duration;

/// Links of a large country, which lose a few votes and every fifth message of data.
const LOSSY: Quality = Quality { latency_ms: 10, jitter_ms: 5, lost: (3, 20) };

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
    /// One does nothing but flood the data network.
    Flood,
}

impl Pools {
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
            (Trouble::Flood, 0) => {
                self.crash(victim);
                self.start_flood(victim, asked).await;
            }
            _ => {}
        }
    }
}

/// One run: what is wrong with the world, and with one of its validators.
#[derive(Clone, Copy, Debug)]
struct Scenario {
    seed: u64,
    trouble: Trouble,
    /// How the victim behaves.
    conduct: Conduct,
}

impl Scenario {
    fn new(seed: u64, trouble: Trouble) -> Scenario {
        Scenario { seed, trouble, conduct: Conduct::Honest }
    }

    /// The validator that suffers the trouble, or makes it.
    fn victim(&self) -> usize {
        (self.seed % N as u64) as usize
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    /// Digest of everything that happened.
    trace: String,
    /// Least height.
    height: u64,
    counts: Vec<Counts>,
}

/// Runs one scenario to its end.
fn simulate(scenario: Scenario) -> Outcome {
    let whose = format!("{scenario:?}");
    deterministic::Runner::new(runtime(scenario.seed)).start(|context| async move {
        let victim = scenario.victim();
        let mut conducts = [Conduct::Honest; N];
        conducts[victim] = scenario.conduct;
        let mut world = Pools::new(&context, scenario.seed, conducts, LOSSY, true).await;
        for n in 0..N {
            world.start(n).await;
        }
        let mut offered: Vec<Digest> = Vec::new();
        let mut excused: Vec<Digest> = Vec::new();
        for second in 0..10_u64 {
            world.trouble(scenario.trouble, victim, second).await;
            for step in 0..10 {
                let digest = batch(second * 100 + step);
                let lane = ((step + scenario.seed / 3) % N as u64) as usize;
                if world.runs(lane) {
                    world.pools[lane].offer(digest);
                    // If its pushes are lost, nobody gets it from one that does not answer well.
                    let faulty =
                        matches!(scenario.conduct, Conduct::Withholding | Conduct::Lying | Conduct::Mute);
                    if lane == victim && faulty { excused.push(digest) } else { offered.push(digest) }
                }
                context.sleep(Duration::from_millis(100)).await;
                world.bury(&whose);
            }
        }
        let mut rounds = 0;
        // Who floods instead of ordering has nothing, and with a known liar nobody talks.
        let owed = |n: &usize| world.runs(*n) && (*n != victim || scenario.conduct != Conduct::Lying);
        let counted: Vec<usize> = (0..N).filter(owed).collect();
        while !counted.iter().all(|n| world.pools[*n].has(&offered)) {
            context.sleep(Duration::from_millis(500)).await;
            world.bury(&whose);
            rounds += 1;
            let heights: Vec<u64> = world.pools.iter().map(|pool| pool.height()).collect();
            assert!(rounds < 240, "{whose}: after two minutes not all is ordered, heights {heights:?}");
        }
        world.assert_no_fork(&whose, &counted);
        world.assert_no_slander(&whose, &counted).await;
        for block in world.pools.iter().flat_map(|pool| pool.chain().into_values()) {
            let hidden = block.batches.iter().find(|batch| excused.contains(batch));
            let hidden = hidden.filter(|_| scenario.conduct == Conduct::Withholding);
            assert_eq!(hidden, None, "{whose}: block {} names what nobody has", block.header.height);
        }
        let height = counted.iter().map(|n| world.pools[*n].height()).min().unwrap_or(0);
        // Ten seconds: who has nothing to say, or names what nobody gets, uses up each of its turns.
        let slow = scenario.trouble == Trouble::Flood || scenario.conduct == Conduct::Withholding;
        let least = if slow { 5 } else { 10 };
        assert!(height > least, "{whose}: {height} blocks only");
        let counts = world.pools.iter().map(|pool| pool.counts()).collect();
        Outcome { trace: context.auditor().state(), height, counts }
    })
}

/// What one that floods asks for: something that exists, or not.
fn asked(n: u64) -> crate::Wanted {
    wanted(batch(n % 200))
}

/// A runtime of this seed that begins when the network of the pools does.
fn runtime(seed: u64) -> deterministic::Config {
    simulated::runtime(seed, GENESIS_MS)
}

fn seeds(default: u64) -> u64 {
    std::env::var("MOOT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

/// Runs the first seeds of a scenario. Returns what the data plane did for each validator, summed up, with
/// the victim first.
fn simulate_all(default: u64, scenario: impl Fn(u64) -> Scenario) -> [Counts; N] {
    let mut sums = [Counts::default(); N];
    for seed in 0..seeds(default) {
        let since = std::time::Instant::now();
        let scenario = scenario(seed);
        let outcome = simulate(scenario);
        for (n, sum) in sums.iter_mut().enumerate() {
            let counts = outcome.counts[(scenario.victim() + n) % N];
            sum.pushed += counts.pushed;
            sum.fetched += counts.fetched;
            sum.refused += counts.refused;
            sum.asked += counts.asked;
        }
        println!("{scenario:?}: {} blocks, {:?}", outcome.height, since.elapsed());
    }
    println!("{sums:?}");
    sums
}

#[test]
fn simulation_of_four_with_lossy_networks() {
    let counts = simulate_all(2, |seed| Scenario::new(seed, Trouble::None));
    assert!(counts.iter().all(|counts| counts.pushed > 0 && counts.fetched > 0), "{counts:?}");
    assert!(counts.iter().all(|counts| counts.refused == 0), "{counts:?}");
}

#[test]
fn simulation_of_one_that_pushes_nothing() {
    let lazy = |seed| Scenario { conduct: Conduct::Lazy, ..Scenario::new(seed, Trouble::None) };
    let counts = simulate_all(2, lazy);
    assert!(counts[1..].iter().all(|counts| counts.fetched > 20), "{counts:?}");
}

#[test]
fn simulation_of_a_crash_and_a_restart() {
    let counts = simulate_all(3, |seed| Scenario::new(seed, Trouble::Crash));
    assert!(counts[0].fetched > counts[1].fetched, "who was down fetches most: {counts:?}");
}

#[test]
fn simulation_of_all_crashing_at_once() {
    simulate_all(2, |seed| Scenario::new(seed, Trouble::Blackout));
}

#[test]
fn simulation_of_a_partition() {
    let counts = simulate_all(2, |seed| Scenario::new(seed, Trouble::Partition));
    assert!(counts[0].fetched > counts[1].fetched, "who was cut off fetches most: {counts:?}");
}

#[test]
fn simulation_of_a_proposer_that_withholds_its_batches() {
    simulate_all(2, |seed| Scenario { conduct: Conduct::Withholding, ..Scenario::new(seed, Trouble::None) });
}

#[test]
fn simulation_of_a_liar() {
    let lying = |seed| Scenario { conduct: Conduct::Lying, ..Scenario::new(seed, Trouble::None) };
    let counts = simulate_all(2, lying);
    assert!(counts[1..].iter().any(|counts| counts.refused > 0), "{counts:?}");
}

#[test]
fn simulation_of_one_that_never_answers() {
    let mute = |seed| Scenario { conduct: Conduct::Mute, ..Scenario::new(seed, Trouble::None) };
    let counts = simulate_all(2, mute);
    assert!(counts[0].asked > 0, "{counts:?}");
}

#[test]
fn simulation_of_a_flood() {
    simulate_all(2, |seed| Scenario::new(seed, Trouble::Flood));
}

#[test]
fn simulation_is_the_same_twice() {
    let scenario = Scenario::new(7, Trouble::Crash);
    assert_eq!(simulate(scenario), simulate(scenario));
}
