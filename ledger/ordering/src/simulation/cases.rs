//! Faults and attacks by their numbers in FAULTS.md, as far as they are about agreement alone: n = 4, f = 1.
//!
//! The same with processes, sockets and files is in the scenarios of the node. Here it is done from many seeds, and
//! whoever is caught may go on, which a real network does not let it.

use super::{
    pools::{N, Pools},
    runtime,
};
use crate::{
    Contradiction,
    limits::MAX_TIME_AHEAD_MS,
    pool::{Conduct, batch},
    testing::{
        Misrule,
        simulated::{Puppet, Quality},
    },
};
use commonware_runtime::{Clock as _, Runner as _, deterministic, deterministic::Context};
use moot_record::{AccountId, Digest};
use std::{
    collections::BTreeSet,
    time::{Duration, UNIX_EPOCH},
};

/// Links within a country, on a good day.
const GOOD: Quality = Quality { latency_ms: 10, jitter_ms: 3, lost: (0, 0) };
const HONEST: [Conduct; N] = [Conduct::Honest; N];
/// Far more than it takes to order what is left, with one of four that does not help.
const PATIENCE: Duration = Duration::from_secs(120);

/// Offers batches at `honest` for some seconds, and waits until each of them has all in order. No fork, and nobody
/// honest shut out by anybody honest.
async fn go_on(context: &Context, world: &mut Pools, whose: &str, honest: &[usize], seconds: u64) {
    let mut offered: Vec<Digest> = Vec::new();
    for step in 0..seconds * 4 {
        let digest = batch(step);
        world.pools[honest[step as usize % honest.len()]].offer(digest);
        offered.push(digest);
        context.sleep(Duration::from_millis(250)).await;
        world.bury(whose);
        world.assert_no_fork(whose, honest);
    }
    let since = context.current();
    while !honest.iter().all(|n| world.pools[*n].has(&offered)) {
        context.sleep(Duration::from_millis(500)).await;
        world.bury(whose);
        let heights: Vec<u64> = world.pools.iter().map(|pool| pool.height()).collect();
        let waited = context.current().duration_since(since).unwrap();
        assert!(waited < PATIENCE, "{whose}: no progress, heights {heights:?}");
    }
    world.assert_no_fork(whose, honest);
    world.assert_no_slander(whose, honest).await;
}

fn others(bad: usize) -> Vec<usize> {
    (0..N).filter(|n| *n != bad).collect()
}

/// Digests of all blocks that are final anywhere among `honest`.
fn finals(world: &Pools, honest: &[usize]) -> BTreeSet<Digest> {
    let chains = honest.iter().flat_map(|n| world.pools[*n].chain().into_values());
    chains.map(|block| block.header.digest()).collect()
}

/// What the others have against a validator, and that nobody else is accused. Pools check each proof as it comes.
fn convictions(world: &Pools, honest: &[usize], bad: AccountId) -> BTreeSet<Contradiction> {
    let caught = honest.iter().flat_map(|n| world.pools[*n].caught());
    let caught: Vec<_> = caught.collect();
    assert!(caught.iter().all(|misconduct| misconduct.who == bad), "{caught:?}");
    // It convinces whoever knows the committee and has no engine, and of no other network.
    let (committee, network) = (world.genesis.committee(), world.genesis.network());
    for votes in caught.iter().map(|misconduct| misconduct.double_vote().unwrap()) {
        votes.verify(&committee, &network).unwrap();
        assert!(votes.verify(&committee, &Digest::ZERO).is_err(), "{votes:?}");
    }
    caught.into_iter().map(|misconduct| misconduct.what).collect()
}

#[test]
fn case_53_of_an_equivocating_leader_s_blocks_one_is_final_and_its_votes_convict_it() {
    // Whoever proposes two blocks for one view hopes that each becomes final somewhere.
    for seed in 0..2 {
        deterministic::Runner::new(runtime(seed)).start(|context| async move {
            let (bad, whose) = (seed as usize + 1, format!("seed {seed}"));
            let honest = others(bad);
            // It may go on when it was caught: the worst that it can do.
            let mut world = Pools::new(&context, seed, HONEST, GOOD, false).await;
            let proposed = world.start_leader(bad, Misrule::TwoBlocks).await;
            for n in &honest {
                world.start(*n).await;
            }
            go_on(&context, &mut world, &whose, &honest, 20).await;
            let (finals, proposed) = (finals(&world, &honest), proposed.lock().clone());
            assert!(proposed.len() > 3, "{whose}: it led {} views only", proposed.len());
            let won = proposed.iter().map(|(pair, _)| pair.iter().filter(|one| finals.contains(one)).count());
            let won: Vec<usize> = won.collect();
            assert!(won.iter().all(|won| *won < 2), "{whose}: both blocks of a view are final: {won:?}");
            assert!(won.contains(&1), "{whose}: nobody fell for any of them: {won:?}");
            let found = convictions(&world, &honest, world.keys[bad].account());
            assert!(found.contains(&Contradiction::TwoBlocks), "{whose}: {found:?}");
        });
    }
}

#[test]
fn case_55_whoever_votes_for_two_things_is_blocked_and_convicted() {
    // A vote that contradicts another is what a fork is made of: its sender is heard no more.
    let kinds =
        [(Puppet::Conflicter, Contradiction::TwoBlocks), (Puppet::Nuller, Contradiction::SkippedAndFinal)];
    for (seed, (puppet, what)) in (0..).zip(kinds) {
        deterministic::Runner::new(runtime(seed)).start(|context| async move {
            let (bad, whose) = (3, format!("{puppet:?}"));
            let honest = others(bad);
            let mut world = Pools::new(&context, seed, HONEST, GOOD, true).await;
            world.start_puppet(bad, puppet).await;
            for n in &honest {
                world.start(*n).await;
            }
            go_on(&context, &mut world, &whose, &honest, 10).await;
            let blocked = world.votes.blocked().await.unwrap();
            for n in &honest {
                let pair = (world.name(*n), world.name(bad));
                assert!(blocked.contains(&pair), "{whose}: {n} still hears it");
                let account = world.keys[bad].account();
                let found = convictions(&world, &[*n], account);
                assert!(found.contains(&what), "{whose}: {n} has nothing against it: {found:?}");
            }
        });
    }
}

#[test]
fn case_55_votes_in_another_s_name_and_votes_of_yesterday_hurt_nobody() {
    for (seed, puppet) in (0..).zip([Puppet::Impersonator, Puppet::Outdated]) {
        deterministic::Runner::new(runtime(seed)).start(|context| async move {
            let (bad, whose) = (2, format!("{puppet:?}"));
            let honest = others(bad);
            let mut world = Pools::new(&context, seed, HONEST, GOOD, true).await;
            world.start_puppet(bad, puppet).await;
            for n in &honest {
                world.start(*n).await;
            }
            go_on(&context, &mut world, &whose, &honest, 10).await;
            // No one is convicted of what another has said in its name.
            let caught: Vec<_> = honest.iter().flat_map(|n| world.pools[*n].caught()).collect();
            assert_eq!(caught, [], "{whose}");
            if puppet == Puppet::Impersonator {
                let blocked = world.votes.blocked().await.unwrap();
                assert!(blocked.iter().any(|(_, whom)| *whom == world.name(bad)), "{blocked:?}");
            }
        });
    }
}

#[test]
fn case_58_clocks_ten_minutes_wrong_make_no_fork() {
    // A clock decides about a block's time, and so about who votes for it; never about what was agreed on.
    const WRONG: i64 = 600_000;
    let clocks = [
        [0, 0, 0, WRONG],
        [0, 0, 0, -WRONG],
        [WRONG, 0, 0, -WRONG],
        [WRONG, 0, WRONG, 0],
        [WRONG, WRONG, WRONG, 0],
    ];
    for (seed, clocks) in (0..).zip(clocks) {
        deterministic::Runner::new(runtime(seed)).start(|context| async move {
            let whose = format!("{clocks:?}");
            let mut world = Pools::new(&context, seed, HONEST, GOOD, true).await;
            world.skews = clocks.to_vec();
            for n in 0..N {
                world.start(n).await;
            }
            // All four are honest, and all four have everything in the end.
            go_on(&context, &mut world, &whose, &[0, 1, 2, 3], 10).await;
            let wrong = clocks.iter().filter(|clock| **clock > 0).count();
            let now_ms = context.current().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
            let latest = world.pools[0].chain().values().map(|block| block.header.time_ms).max().unwrap();
            // One of four cannot move the time of the blocks; three of four are what the time is.
            let ahead = latest.saturating_sub(now_ms);
            match wrong {
                3 => assert!(ahead > WRONG as u64 / 2, "{whose}: {ahead} ms ahead"),
                _ => assert!(ahead <= MAX_TIME_AHEAD_MS, "{whose}: {ahead} ms ahead"),
            }
        });
    }
}

#[test]
fn case_60_blocks_that_can_never_be_valid_are_refused_whoever_votes_for_them() {
    // A leader's word alone: wrong height, parent, time, committee; a batch twice; too many; a block that nobody has.
    for seed in 0..2 {
        deterministic::Runner::new(runtime(seed)).start(|context| async move {
            let (bad, whose) = (seed as usize * 2, format!("seed {seed}"));
            let honest = others(bad);
            let mut world = Pools::new(&context, seed, HONEST, GOOD, false).await;
            let proposed = world.start_leader(bad, Misrule::Unsound).await;
            for n in &honest {
                world.start(*n).await;
            }
            go_on(&context, &mut world, &whose, &honest, 60).await;
            let proposed = proposed.lock().clone();
            let kinds: BTreeSet<&str> = proposed.iter().map(|(_, kind)| *kind).collect();
            assert!(kinds.len() >= 8, "{whose}: tried only {kinds:?}");
            let finals = finals(&world, &honest);
            // Under a forged vote comes a block that is sound in itself. The connection says whose proposal it is, and
            // three who find it sound are a quorum without its leader's vote: it may be final or not.
            for (digests, kind) in proposed.iter().filter(|(_, kind)| *kind != "forged vote") {
                assert!(!finals.contains(&digests[0]), "{whose}: a block with a wrong {kind:?} is final");
            }
        });
    }
}

#[test]
fn case_63_two_of_four_that_conspire_can_fork_and_are_named_by_what_they_signed() {
    // More than a third are dishonest: nothing can prevent it, and the two histories convict who made them.
    deterministic::Runner::new(runtime(63)).start(|context| async move {
        let mut world = Pools::new(&context, 63, HONEST, GOOD, false).await;
        // The two honest ones do not reach each other, and each is told what it likes to hear.
        let (from, to) = (world.name(0), world.name(1));
        for net in [&world.votes, &world.data] {
            net.remove_link(from.clone(), to.clone()).await.unwrap();
            net.remove_link(to.clone(), from.clone()).await.unwrap();
        }
        for bad in [2, 3] {
            world.start_puppet(bad, Puppet::Accomplice).await;
        }
        for honest in [0, 1] {
            world.start(honest).await;
            world.pools[honest].offer(batch(honest as u64));
        }
        let since = context.current();
        while world.pools[..2].iter().any(|pool| pool.height() < 3) {
            context.sleep(Duration::from_millis(500)).await;
            world.bury("63");
            assert!(context.current().duration_since(since).unwrap() < PATIENCE, "there is no fork");
        }
        let chains = [world.pools[0].chain(), world.pools[1].chain()];
        // Each history is sound in itself: certificates, links and order were checked at each delivery.
        (0..2).for_each(|n| world.pools[n].assert_sound("63"));
        let (committee, network) = (world.genesis.committee(), world.genesis.network());
        for height in 1..=3 {
            let [one, other] = [&chains[0][&height], &chains[1][&height]];
            assert_ne!(one.header, other.header, "one history at height {height}");
            let guilty = one.forked_by(other, &committee, &network);
            assert_eq!(guilty, [2, 3].map(|bad: usize| world.keys[bad].account()), "height {height}");
            assert_eq!(one.forked_by(one, &committee, &network), [], "a block does not contradict itself");
        }
        assert_eq!(
            chains[0][&1].forked_by(&chains[1][&2], &committee, &network),
            [],
            "two heights are no fork"
        );
    });
}
