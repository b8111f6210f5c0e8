//! The simulated network with its replicas, and what must hold of them at every moment.

use super::replica::{Replica, SimulatedClock};
use crate::town::Replicas;
use crate::working::charging;
use crate::world::receipt;
use moot_ledger::{Condition, KIND_BATCH, Ledger, PayloadBytes};
use moot_ordering::Wanted;
use moot_ordering::testing::simulated::{Dice, Evil, Quality, Setting, Simulated, World, simulate};
use moot_record::{Digest, Entry, Genesis, Keypair, Status, testing};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Links when all is well.
const GOOD: Quality = Quality { latency_ms: 10, jitter_ms: 3, lost: (0, 0) };
/// How often each ledger does what it has to do.
const LEDGER_PAUSE: Duration = Duration::from_millis(10);
const MOMENT: Duration = Duration::from_millis(250);
/// Moments to become level in, far more than it takes.
const PATIENCE: u32 = 1200;

/// What each block was, and what the state was after it, as the first replica had them that got so far.
#[derive(Default)]
struct Roots {
    blocks: Vec<(Digest, Digest)>,
    /// By replica: its crashes, and how many blocks were looked at since the last.
    seen: Vec<(u64, u64)>,
    /// Whose state is said to be another than it is.
    falsified: Option<usize>,
}

impl Roots {
    /// Looks at what is new at a replica; after a restart at all that it has.
    fn look(&mut self, me: usize, crashes: u64, ledger: &Ledger) {
        if self.seen[me].0 != crashes {
            self.seen[me] = (crashes, 0);
        }
        for height in self.seen[me].1 + 1..=ledger.height() {
            let block = ledger.block(height).unwrap().unwrap();
            let mut found = (block.header.digest(), block.state_after);
            if self.falsified == Some(me) {
                found.1 = Digest::ZERO;
            }
            match self.blocks.get(height as usize - 1) {
                None => self.blocks.push(found),
                Some(first) => {
                    assert_eq!(found.0, first.0, "replica {me} has another block at height {height}");
                    assert_eq!(found.1, first.1, "replica {me} has another state after block {height}");
                }
            }
            self.seen[me].1 = height;
        }
    }
}

pub(super) struct Network {
    world: World,
    genesis: Genesis,
    keys: Vec<Keypair>,
    replicas: Vec<Arc<Replica>>,
    clock: Arc<SimulatedClock>,
    honest: Vec<usize>,
    roots: Roots,
    /// What a ledger panicked with.
    panicked: Arc<Mutex<Option<String>>>,
    dir: PathBuf,
}

/// What one that floods asks for: batches that nobody has.
fn asked(n: u64) -> Wanted {
    Wanted { kind: KIND_BATCH, digest: Digest::from_bytes([(n % 200) as u8; 32]), part: 0 }
}

impl Network {
    /// Runs a scenario with so many replicas, none of which runs yet.
    pub(super) fn run<T>(
        seed: u64,
        count: u8,
        disconnect: bool,
        scenario: impl AsyncFnOnce(Network) -> T,
    ) -> T {
        let network = testing::Network::new(count);
        let (genesis, keys) = (charging(network.genesis), network.validators);
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(SimulatedClock::new(&genesis));
        let replicas: Vec<Arc<Replica>> = (0..keys.len())
            .map(|n| {
                let who = (genesis.clone(), keys[n].clone());
                Arc::new(Replica::new(who, dir.path().join(n.to_string()), clock.clone()))
            })
            .collect();
        let apps = replicas.iter().map(|replica| replica.clone() as Arc<dyn Simulated>).collect();
        let at = dir.path().to_owned();
        let setting =
            Setting { seed, keys: keys.clone(), genesis: genesis.clone(), apps, quality: GOOD, disconnect };
        simulate(setting, async move |world| {
            let seen = vec![(0, 0); keys.len()];
            let roots = Roots { seen, ..Roots::default() };
            let (honest, panicked) = ((0..keys.len()).collect(), Arc::default());
            clock.follow(world.clock());
            scenario(Network { world, genesis, keys, replicas, clock, honest, roots, panicked, dir: at })
                .await
        })
    }

    /// Starts all, one of them as it is bad.
    pub(super) async fn begin(&mut self, dice: &mut Dice, (bad, evil): (usize, Evil)) {
        if evil != Evil::Nobody {
            self.honest.retain(|n| *n != bad);
        }
        self.world.skew(dice, (bad, evil));
        let twins: Vec<Arc<Replica>> = match evil {
            Evil::Twins => (0..2).map(|twin| self.twin(bad, twin)).collect(),
            _ => Vec::new(),
        };
        let stepped: Vec<Arc<Replica>> = self.replicas.iter().chain(&twins).cloned().collect();
        let panicked = self.panicked.clone();
        self.world.every(LEDGER_PAUSE, move || {
            for (n, replica) in stepped.iter().enumerate() {
                let stepping = AssertUnwindSafe(|| replica.ledger().step());
                if let Err(panic) = catch_unwind(stepping) {
                    let what = panic.downcast_ref::<String>().cloned();
                    *panicked.lock() = Some(format!("the ledger of {n} panicked: {what:?}"));
                }
            }
        });
        for n in 0..self.keys.len() {
            if n == bad {
                let twins = || [0, 1].map(|twin: usize| twins[twin].clone() as Arc<dyn Simulated>);
                self.world.admit((n, evil), dice, twins, asked).await;
            } else {
                self.world.start(n).await;
            }
        }
    }

    /// One of two with the key of a replica.
    fn twin(&self, of: usize, twin: usize) -> Arc<Replica> {
        let who = (self.genesis.clone(), self.keys[of].clone());
        Arc::new(Replica::new(who, self.dir.join(format!("twin-{twin}")), self.clock.clone()))
    }

    /// Two of the honest; the same one where there is no other.
    pub(super) fn two(&self, dice: &mut Dice) -> (usize, usize) {
        let count = self.honest.len() as u64;
        let one = dice.roll(count);
        let other = (one + 1 + dice.roll((count - 1).max(1))) % count;
        (self.honest[one as usize], self.honest[other as usize])
    }

    /// Something goes wrong, or is mended. A replica that crashes takes its ledger with it.
    pub(super) async fn mischief(&mut self, dice: &mut Dice) {
        self.world.mischief(dice, &self.honest).await;
    }

    /// Time goes by.
    pub(super) async fn pass(&mut self, time: Duration) {
        self.world.sleep(time).await;
        self.look();
    }

    /// What must hold at every moment. What a replica that came back finds open it answers, as a worker does.
    fn look(&mut self) {
        self.world.bury("an engine");
        let panicked = self.panicked.lock().take();
        assert_eq!(panicked, None);
        for n in self.honest.iter().copied().filter(|n| self.world.runs(*n)) {
            let (crashes, ledger) = (self.replicas[n].crashes(), self.replicas[n].ledger());
            let condition = ledger.status().condition;
            assert_eq!(condition, Condition::Running, "replica {n}");
            if self.roots.seen[n].0 != crashes {
                for (id, open) in ledger.open_calls() {
                    let said = receipt(id, Entry::Call(open).digest(), Status::Interrupted);
                    // It is answered already when this replica came back before it was looked at.
                    let _ = ledger.append_receipt(said, PayloadBytes::None);
                }
            }
            self.roots.look(n, crashes, &ledger);
        }
    }

    /// Everything works again.
    pub(super) async fn mend(&mut self) {
        self.look();
        self.world.mend(&self.honest, GOOD).await;
    }

    /// What must hold in the end.
    pub(super) async fn check(&mut self) {
        self.look();
        self.world.assert_no_slander("in the end", &self.honest).await;
    }

    /// From now on it is said of a replica that its state is another.
    pub(super) fn falsify(&mut self, me: usize) {
        self.roots.falsified = Some(me);
    }

    pub(super) fn trace(&self) -> String {
        self.world.trace()
    }

    /// The states after all blocks, in order.
    pub(super) fn roots(&self) -> Vec<Digest> {
        self.roots.blocks.iter().map(|(_, state)| *state).collect()
    }
}

impl Replicas for Network {
    fn ledger(&self, me: usize) -> Ledger {
        self.replicas[me].ledger()
    }

    fn running(&self) -> Vec<(usize, Ledger)> {
        let running = self.honest.iter().filter(|n| self.world.runs(**n));
        running.map(|n| (*n, self.ledger(*n))).collect()
    }

    async fn settle(&mut self) {
        // A block more than there are: time that was passed is in none of these.
        let begun = self.roots.blocks.len() as u64;
        let mut quiet = 0;
        for _ in 0..PATIENCE {
            self.pass(MOMENT).await;
            let states: Vec<_> = self.running().iter().map(|(_, ledger)| ledger.status()).collect();
            let (least, most) =
                (states.iter().map(|of| of.height).min(), states.iter().map(|of| of.height).max());
            let level = states.iter().all(|of| of.unordered_batches == 0 && of.queued_bytes == 0);
            quiet = if level && states.len() == self.honest.len() { quiet + 1 } else { 0 };
            if quiet > 1 && least == most && least > Some(begun) {
                return;
            }
        }
        let states: Vec<_> = self.running().into_iter().map(|(n, ledger)| (n, ledger.status())).collect();
        panic!("not level after a long time: {states:#?}");
    }

    fn pass_time(&mut self, ms: u64) {
        self.world.pass_time(Duration::from_millis(ms));
    }
}
