//! Everything that can go wrong for four ledgers, in an order that follows from a seed: pushes lost, a liar, one cut off,
//! power cuts at any sync, bundles and gifts sent to two replicas at once, workers that come and go and lie, triggers whose
//! lanes are late.
//!
//! In the end, with all of it mended: what was acknowledged is everywhere, each call is answered once, each bundle counts
//! once, each gift is given once, workers are found at fault for what they said and for nothing else, no trigger is lost or
//! doubled, and all have the same state. That no block makes or loses units the state machine asserts itself, where assertions are on. The ledgers' own
//! threads run as the machine has them, so a seed makes the same trouble again, and not the very same run; that is what
//! `simulated` is for.

use crate::faulty_disk::{FaultyDisk, Plan};
use crate::lanes::assert_everywhere;
use crate::ordered::{entries, receipts};
use crate::purse::Purse;
use crate::toil::Toil;
use crate::town::Town;
use crate::triggered::Triggered;
use crate::working::{charging, key};
use crate::world::{answer, bundle, call, deploy, name, receipt, spec};
use moot_ledger::{Ledger, PayloadBytes, Refusal, Refused};
use moot_record::{Call, Entry, EntryId, Status};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

const STEPS: usize = 150;
const MOMENT: Duration = Duration::from_millis(150);

/// Says how to make the same trouble again, if it ends in a panic.
struct Replay(u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "seed {0} failed; again: MOOT_SEED={0} cargo test -p moot-ledger --test it random_trouble",
                self.0
            );
        }
    }
}

fn chosen() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|seed| seed.parse::<u64>().ok());
    match number("MOOT_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("MOOT_SEEDS").unwrap_or(5)).collect(),
    }
}

/// What was acknowledged.
#[derive(Default)]
struct Told {
    said: Vec<(EntryId, Entry)>,
    /// By their calls.
    receipts: BTreeMap<EntryId, EntryId>,
    /// Where the copies of each bundle are.
    twins: Vec<Vec<EntryId>>,
    number: u64,
}

struct Trouble {
    town: Town,
    rng: StdRng,
    told: Told,
    toil: Toil,
    triggered: Triggered,
    purse: Purse,
    /// Whose disk is about to die, or has.
    dying: Option<usize>,
}

impl Trouble {
    async fn new(seed: u64) -> Trouble {
        let mut town = Town::with_genesis(4, seed, charging);
        for me in 0..4 {
            town.on_disk(me, FaultyDisk::default());
            town.start(me);
        }
        let rng = StdRng::seed_from_u64(seed ^ 0x7e0b1e);
        let toil = Toil::begin(&mut town).await;
        let triggered = Triggered::begin(&mut town).await;
        Trouble { town, rng, told: Told::default(), toil, triggered, purse: Purse::default(), dying: None }
    }

    fn somebody(&mut self) -> (usize, Ledger) {
        let me = self.rng.random_range(0..4);
        (me, self.town.ledger(me))
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..60) {
            0..9 => self.call().await,
            9..12 => self.bundle().await,
            12 => {
                let loss = [0.0, 0.4, 1.0][self.rng.random_range(0..3)];
                self.town.faults(|faults| faults.loss = loss);
            }
            13 => {
                let liar = self.rng.random_range(0..4);
                self.town.faults(|faults| match faults.liars.is_empty() {
                    true => drop(faults.liars.insert(liar)),
                    false => faults.liars.clear(),
                });
            }
            14 => {
                // One at a time is away: two would only make everybody wait.
                let one = self.rng.random_range(0..4);
                let free = self.dying.is_none();
                self.town.faults(|faults| match faults.cut.is_empty() && free {
                    true => drop(faults.cut.insert(one)),
                    false => faults.cut.clear(),
                });
            }
            15 if self.dying.is_none() => {
                self.town.faults(|faults| faults.cut.clear());
                let victim = self.rng.random_range(0..4);
                let at = self.town.disk(victim).syncs() + self.rng.random_range(1..8);
                let effect = self.rng.random_bool(0.5);
                self.town.disk(victim).plan(|plan| plan.die_at_sync = Some((at, effect)));
                self.dying = Some(victim);
            }
            16 => self.revive().await,
            17..29 => {
                let at = self.rng.random_range(0..4);
                self.toil.step(at, &self.town, &mut self.rng).await;
            }
            29..32 => {
                let (me, one) = self.somebody();
                let other = self.town.ledger((me + self.rng.random_range(1..4)) % 4);
                self.purse.give([one, other]).await;
            }
            32..48 => {
                let at = self.rng.random_range(0..4);
                self.triggered.step(at, &mut self.town, &mut self.rng).await;
            }
            _ => {
                let leader = self.rng.random_range(0..4);
                self.town.view(leader, MOMENT).await;
            }
        }
    }

    async fn call(&mut self) {
        self.told.number += 1;
        let (_, ledger) = self.somebody();
        let said: Call = call(self.told.number);
        let Ok(pending) = ledger.append_call(said.clone(), PayloadBytes::None) else { return };
        if pending.durable().await.is_err() {
            return;
        }
        self.told.said.push((pending.id(), Entry::Call(said)));
        if self.rng.random_bool(0.7)
            && let Ok(receipt) = answer(&ledger, &pending)
            && receipt.durable().await.is_ok()
        {
            self.told.receipts.insert(pending.id(), receipt.id());
        }
    }

    /// The same bundle at two replicas, neither of which has heard of the other's.
    async fn bundle(&mut self) {
        self.told.number += 1;
        let name = format!("f{}", self.told.number);
        let entry = deploy(&name, name.as_bytes(), &spec(&format!("/{name}"), true, true), None);
        let (me, one) = self.somebody();
        let other = self.town.ledger((me + self.rng.random_range(1..4)) % 4);
        let signed = bundle(&one, &key(6), one.height() + 2000, &[entry]);
        let mut copies = Vec::new();
        for ledger in [one, other] {
            match ledger.submit(signed.clone()) {
                Ok(pending) => match pending.durable().await {
                    Ok(()) => copies.push(pending.id()),
                    // It may be on the disk that died, or not.
                    Err(_) => return,
                },
                // The block that has the other copy was here first.
                Err(Refused::Duplicate(_)) => {}
                Err(_) => return,
            }
        }
        self.told.twins.push(copies);
    }

    /// The one whose disk died comes back on what the disk had, and finishes what it had begun.
    async fn revive(&mut self) {
        let Some(victim) = self.dying.take() else { return };
        self.town.stop(victim);
        let disk = self.town.disk(victim).crash(self.rng.random());
        disk.plan(|plan| *plan = Plan::default());
        self.town.on_disk(victim, disk);
        self.town.start(victim);
        let ledger = self.town.ledger(victim);
        for (id, open) in ledger.open_calls() {
            // Its workers are still to speak beside that.
            let compared = open.function == name("sum");
            let said = receipt(id, Entry::Call(open).digest(), Status::Interrupted);
            let pending = ledger.append_receipt(said, PayloadBytes::None).unwrap();
            pending.durable().await.unwrap();
            if !compared {
                let before = self.told.receipts.insert(id, pending.id());
                assert_eq!(before, None, "{id} was answered, and is found open");
            }
        }
    }

    async fn mend(&mut self) {
        self.revive().await;
        self.town.faults(|faults| *faults = crate::town::Faults::default());
        self.town.settle().await;
        self.toil.finish(&self.town);
        self.triggered.finish(&mut self.town).await;
        self.town.settle().await;
    }

    fn check(&self) {
        let Trouble { town, told, .. } = self;
        town.assert_equal();
        self.toil.check(town);
        self.triggered.check(town);
        self.purse.check(town);
        assert_everywhere(town, &told.said);
        for (me, ledger) in town.running() {
            let answered = receipts(&entries(&ledger));
            for (id, _) in &told.said {
                let count = answered.get(id).map_or(0, Vec::len);
                assert!(count <= 1, "{id} is answered {count} times at {me}");
            }
            for (id, receipt) in &told.receipts {
                assert_eq!(answered.get(id), Some(&vec![*receipt]), "the answer of {id} at {me}");
            }
            for copies in &told.twins {
                let results =
                    copies.iter().map(|id| ledger.transaction_outcome(*id).unwrap().unwrap().result);
                let results: Vec<_> = results.collect();
                let counted = results.iter().filter(|result| **result == Ok(1)).count();
                let void = results.iter().filter(|result| **result == Err(Refusal::Duplicate)).count();
                assert_eq!((counted, void), (1, copies.len() - 1), "{copies:?} at {me}: {results:?}");
            }
            assert_eq!(ledger.status().evidence, 0, "a number twice at {me}");
        }
    }
}

#[tokio::test]
async fn random_trouble_loses_no_call_and_answers_and_counts_each_once() {
    let (seeds, mut compared, mut derived) = (chosen(), 0, 0);
    for seed in &seeds {
        let seed = *seed;
        let _replay = Replay(seed);
        let mut trouble = Trouble::new(seed).await;
        for _ in 0..STEPS {
            trouble.step().await;
        }
        trouble.mend().await;
        trouble.check();
        let told = &trouble.told;
        let (fired, passed_on) = trouble.triggered.counts(&trouble.town);
        println!(
            "seed {seed}: {} calls, {} answers, {} bundles, {} gifts, {} blocks, (compared calls, lies): {:?}, {fired} \
             derived calls, {passed_on} of them passed on",
            told.said.len(),
            told.receipts.len(),
            told.twins.len(),
            trouble.purse.len(),
            trouble.town.chain.len(),
            trouble.toil.counts()
        );
        assert!(told.said.len() > 5 && !told.twins.is_empty(), "seed {seed}: nothing happened");
        compared += trouble.toil.counts().0;
        derived += fired;
    }
    assert!(compared >= seeds.len(), "hardly a call was compared");
    assert!(derived >= 10 * seeds.len(), "hardly a trigger fired");
}
