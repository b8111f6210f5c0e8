//! Epochs: committees that change while messages are lost, links break, validators crash, and one loses its disk.
//!
//! ```text
//!   epoch   0  1  2  3  4  5  6  7 ...      four of the genesis, 4 and 5 come later
//!   members 0123  01234  1234  12345  2345
//! ```
//!
//! Those who are not in the committee follow from the beginning, and must have the same blocks. Checked beyond what
//! every simulation checks: each block's certificate is its own epoch's committee's; epoch after epoch begins; who
//! lost its journals is in no certificate until the epoch after the one that ordered what it made since.

use super::{
    LOSSY,
    pools::{N, Pools},
    runtime, seeds,
};
use crate::Finalized;
use crate::pool::{self, Conduct, Pool, Script, batch};
use crate::testing::simulated::Dice;
use commonware_runtime::{Clock as _, Runner as _, deterministic};
use moot_record::{AccountId, Digest, Epochs, Keypair};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// All who ever take part.
const ALL: usize = 6;
/// Blocks in an epoch: some seconds of the simulation.
const BLOCKS: u64 = 8;

/// Steps of a quarter of a second in which something may go wrong.
const TROUBLED_STEPS: u64 = 200;

/// What goes wrong while committees change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// Validators crash and come back, links break and are mended, as the seed has it.
    Random,
    /// Validator 2 loses its disk in an early epoch, and is to vote again later.
    Wiped,
}

fn script(keys: &[Keypair]) -> Script {
    let members = |who: &[usize]| -> Vec<AccountId> { who.iter().map(|n| keys[*n].account()).collect() };
    vec![
        (2, members(&[0, 1, 2, 3, 4])),
        (4, members(&[1, 2, 3, 4])),
        (5, members(&[1, 2, 3, 4, 5])),
        (6, members(&[2, 3, 4, 5])),
    ]
}

/// Heights of blocks whose certificates have the vote of an account, as validator 3 has them.
fn voted(world: &Pools, account: &AccountId) -> BTreeSet<u64> {
    let pool = &world.pools[3];
    let epochs = world.genesis.epochs.unwrap();
    let has_vote = |block: &Finalized| {
        let committee = pool.committee(epochs.of(block.certified().height));
        let Ok(place) = committee.members.binary_search(account) else { return false };
        // At its end are as many signatures as the bitmap, of one byte, has bits; their number takes one byte too.
        let (bytes, least) = (&block.certificate.0, moot_record::quorum(committee.members.len()));
        let bitmaps = (least..=committee.members.len()).filter_map(|votes| {
            let at = bytes.len().checked_sub(votes * 64 + 2)?;
            Some((votes, bytes[at], bytes[at + 1]))
        });
        let mut right = bitmaps.filter(|(votes, bitmap, count)| {
            bitmap.count_ones() as usize == *votes && usize::from(*count) == *votes
        });
        right.any(|(_, bitmap, _)| bitmap >> place & 1 == 1)
    };
    pool.chain().into_iter().filter(|(_, block)| has_vote(block)).map(|(height, _)| height).collect()
}

impl Pools {
    async fn epoch_trouble(&mut self, dice: &mut Dice) {
        let n = dice.roll(ALL as u64) as usize;
        match dice.roll(40) {
            // One at a time: of four, one may be away.
            0..4 if (0..ALL).all(|n| self.runs(n)) && self.groups.iter().all(|group| *group == 0) => {
                self.crash(n);
            }
            4..10 => {
                for n in 0..ALL {
                    if !self.runs(n) {
                        self.start(n).await;
                    }
                }
            }
            10..13 if (0..ALL).all(|n| self.runs(n)) => self.connect(n, false).await,
            13..16 => {
                self.groups = vec![0; ALL];
                self.link().await;
            }
            16 => {
                // All at once: nobody may forget who votes.
                (0..ALL).for_each(|n| self.crash(n));
            }
            18..22 => self.post.disturb(dice.roll(3) * 8),
            _ => {}
        }
    }
}

/// Runs a scenario until all are in epoch 8 or later and have everything. Returns the trace and the least height.
fn simulate(seed: u64, trouble: Trouble) -> (String, u64) {
    let whose = format!("seed {seed}, {trouble:?}");
    deterministic::Runner::new(runtime(seed)).start(|context| async move {
        let mut dice = Dice::new(seed);
        let keys = pool::keys(ALL as u8);
        let script = script(&keys);
        let epochs = Epochs { blocks: BLOCKS, authority: Keypair::from_seed([99; 32]).account() };
        let genesis = pool::genesis(&keys[..N]).with_epochs(epochs);
        let new = || Pool::of_conduct(&genesis, Conduct::Honest).scripted(&script);
        let pools = (0..ALL).map(|_| new()).collect();
        let mut world = Pools::of(&context, seed, (keys.clone(), genesis.clone()), pools, LOSSY, true).await;
        for n in 0..ALL {
            world.start(n).await;
        }
        let mut offered: Vec<Digest> = Vec::new();
        let (mut step, mut wiped, token) = (0, None, batch(1_000_000_000 + seed));
        let least = |world: &Pools| world.pools.iter().map(|pool| pool.committed()).min().unwrap_or(0);
        let me = keys[2].account();
        // The wiped one has much to fetch before it has what it votes for.
        let back = |world: &Pools| {
            let from = world.pools[2].votes_from();
            from < u64::MAX && voted(world, &me).range(epochs.last(from - 1) + 1..).next().is_some()
        };
        while least(&world) < epochs.last(7) + 2 || (trouble == Trouble::Wiped && !back(&world)) {
            let height = world.pools.iter().map(|pool| pool.height()).max().unwrap_or(0);
            if trouble == Trouble::Random && step < TROUBLED_STEPS {
                world.epoch_trouble(&mut dice).await;
            } else {
                world.post.disturb(0);
                if world.groups.iter().any(|group| *group != 0) {
                    world.groups = vec![0; ALL];
                    world.link().await;
                }
                for n in 0..ALL {
                    if !world.runs(n) {
                        world.start(n).await;
                    }
                }
            }
            if trouble == Trouble::Wiped && wiped.is_none() && height > epochs.last(2) + BLOCKS / 2 {
                world.wipe(2, new().returning(token));
                wiped = Some(height);
                world.start(2).await;
            }
            // Those who stay throughout: what another sealed while nobody heard it, nobody proposes when it has left.
            // And what a validator sealed and nobody else has is lost with its disk.
            let lane = if trouble == Trouble::Wiped { 3 } else { 2 + dice.roll(2) as usize };
            if world.runs(lane) && height < epochs.last(7) {
                let digest = batch(step);
                world.pools[lane].offer(digest);
                offered.push(digest);
            }
            // Who is not heard in any other way pushes again what was lost.
            if wiped.is_some() && world.pools[2].votes_from() == u64::MAX {
                world.pools[2].offer(token);
            }
            context.sleep(Duration::from_millis(250)).await;
            world.bury(&whose);
            step += 1;
            let heights: Vec<u64> = world.pools.iter().map(|pool| pool.height()).collect();
            assert!(step < 3_000, "{whose}: no progress, heights {heights:?}");
        }
        let all: Vec<usize> = (0..ALL).collect();
        world.assert_no_fork(&whose, &all);
        world.assert_no_slander(&whose, &all).await;
        let sealed = &offered[..offered.len() / 2];
        for (n, pool) in world.pools.iter().enumerate().skip(2) {
            let (height, committed) = (pool.height(), pool.committed());
            let missing = sealed.iter().filter(|batch| !pool.has(&[**batch])).count();
            assert_eq!(
                missing,
                0,
                "{whose}: of {} batches at {n}, height {height}, {committed}",
                sealed.len()
            );
        }
        for n in [4, 5] {
            assert!(!voted(&world, &keys[n].account()).is_empty(), "{whose}: validator {n} never voted");
        }
        if let Some(wiped) = wiped {
            let (from, heights) = (world.pools[2].votes_from(), voted(&world, &me));
            assert!(heights.range(..wiped).next().is_some(), "{whose}: it voted before");
            // The votes of some views may have been on their way when it was wiped.
            let lost = heights.iter().find(|at| **at >= wiped + 3 && **at <= epochs.last(from - 1));
            assert_eq!(lost, None, "{whose}: it voted with its journals lost");
        }
        (context.auditor().state(), least(&world))
    })
}

fn simulate_all(default: u64, trouble: Trouble) {
    for seed in 0..seeds(default) {
        let since = Instant::now();
        let (_, height) = simulate(seed, trouble);
        println!("seed {seed}, {trouble:?}: {height} blocks, {:?}", since.elapsed());
    }
}

#[test]
fn simulation_of_changing_committees() {
    simulate_all(1, Trouble::None);
}

#[test]
fn simulation_of_changing_committees_in_trouble() {
    simulate_all(2, Trouble::Random);
}

#[test]
fn simulation_of_a_lost_disk() {
    simulate_all(2, Trouble::Wiped);
}

#[test]
fn changing_committees_are_the_same_twice() {
    assert_eq!(simulate(5, Trouble::Random), simulate(5, Trouble::Random));
}
