//! Several replicas in one process: an orderer without an engine and a data plane without a network, both of
//! which can be made to lose, lie and leave out, from a seed.
//!
//! ```text
//!   ledger ──push──► Net ──(lost?)──► the others              Orderer: propose at one, wait for a quorum's
//!   ledger ──fetch─► Net ──► one of the others, or a liar     availability, certify, deliver to all
//! ```

use crate::faulty_disk::FaultyDisk;
use bytes::Bytes;
use futures::FutureExt;
use futures::executor::block_on;
use futures::stream::{FuturesUnordered, StreamExt};
use moot_ledger::{Carrier, Ledger, Options, OrderingChoice, Retention};
use moot_ordering::{Finalized, Wanted};
use moot_record::testing::Network;
use moot_record::{AccountId, BlockHeader, Digest, Genesis, quorum};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the data plane does wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// Chance that a push does not arrive at one of the others.
    pub loss: f64,
    /// Replicas that answer every request with wrong bytes.
    pub liars: BTreeSet<usize>,
    /// Replicas that neither hear nor say anything.
    pub cut: BTreeSet<usize>,
}

struct State {
    ledgers: Vec<Option<Ledger>>,
    wanted: BTreeSet<(usize, Wanted)>,
    rng: StdRng,
    faults: Faults,
    refused: u64,
    accepted: u64,
}

/// The data plane.
pub(crate) struct Net {
    accounts: Vec<AccountId>,
    state: Mutex<State>,
    ended: AtomicBool,
}

/// One replica's end of it.
struct Post {
    net: Arc<Net>,
    me: usize,
}

impl Carrier for Post {
    fn push(&self, bytes: Bytes) {
        self.net.push(self.me, &bytes);
    }

    fn fetch(&self, wanted: Wanted) -> bool {
        self.net.state.lock().wanted.insert((self.me, wanted));
        true
    }

    fn forget(&self, wanted: &Wanted) {
        self.net.state.lock().wanted.remove(&(self.me, *wanted));
    }
}

impl Net {
    /// Pushes in the name of a replica.
    pub(crate) fn push(&self, from: usize, bytes: &Bytes) {
        let reached: Vec<Ledger> = {
            let mut state = self.state.lock();
            let State { ledgers, rng, faults, .. } = &mut *state;
            let others = ledgers.iter().enumerate().filter(|(to, _)| *to != from && !faults.cut.contains(to));
            let mut reached = Vec::new();
            for (_, ledger) in others {
                if !faults.cut.contains(&from) && !rng.random_bool(faults.loss) {
                    reached.extend(ledger.clone());
                }
            }
            reached
        };
        for ledger in reached {
            ledger.application().pushed(self.accounts[from], bytes.clone());
        }
    }

    /// Asks one of the others for one of the things that are wanted.
    fn answer_one(&self) -> bool {
        let (asker, wanted, asked, other, lies) = {
            let mut state = self.state.lock();
            let State { ledgers, wanted, rng, faults, .. } = &mut *state;
            let open: Vec<(usize, Wanted)> =
                wanted.iter().filter(|(me, _)| !faults.cut.contains(me)).copied().collect();
            if open.is_empty() {
                return false;
            }
            let (me, wanted) = open[rng.random_range(0..open.len())];
            let other = (me + rng.random_range(1..ledgers.len())) % ledgers.len();
            let lies = faults.liars.contains(&other);
            if faults.cut.contains(&other) {
                return true;
            }
            let (Some(asker), Some(asked)) = (ledgers[me].clone(), ledgers[other].clone()) else {
                return true;
            };
            (asker, wanted, asked, other, lies)
        };
        let me = self.accounts.iter().position(|account| *account == asker.account()).unwrap();
        let answer = if lies {
            // Something true of something else, or nothing at all like it.
            Some(Bytes::from(vec![u8::try_from(other).unwrap(); 300]))
        } else {
            block_on(asked.application().supply(&wanted))
        };
        drop(asked);
        if let Some(bytes) = answer {
            let taken = block_on(asker.application().accept(&wanted, bytes));
            assert!(taken || lies, "an honest answer to {wanted} was called a lie");
            if taken && lies {
                // Whatever comes is taken, and dropped, once nobody wants it any more.
                let began = Instant::now();
                while self.state.lock().wanted.contains(&(me, wanted)) {
                    assert!(began.elapsed() < Duration::from_secs(5), "a lie about {wanted} was believed");
                    std::thread::sleep(Duration::from_millis(1));
                }
                return true;
            }
            let mut state = self.state.lock();
            if taken {
                state.wanted.remove(&(me, wanted));
                state.accepted += 1;
            } else {
                state.refused += 1;
            }
        }
        true
    }
}

/// Replicas of one network as those see them who say something to them: a [`Town`], or a simulation with the engine.
pub(crate) trait Replicas {
    /// One of those that count; it may have stopped.
    fn ledger(&self, me: usize) -> Ledger;

    /// Those that run and count.
    fn running(&self) -> Vec<(usize, Ledger)>;

    /// Goes on until everything that is held anywhere is final everywhere.
    async fn settle(&mut self);

    /// The next blocks are later by so much.
    fn pass_time(&mut self, ms: u64);

    /// One that runs.
    fn any(&self) -> Ledger {
        self.running().swap_remove(0).1
    }
}

impl Replicas for Town {
    fn ledger(&self, me: usize) -> Ledger {
        Town::ledger(self, me)
    }

    fn running(&self) -> Vec<(usize, Ledger)> {
        Town::running(self)
    }

    async fn settle(&mut self) {
        Town::settle(self).await;
    }

    fn pass_time(&mut self, ms: u64) {
        Town::pass_time(self, ms);
    }
}

/// The replicas of one network.
pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) net: Arc<Net>,
    pub(crate) chain: Vec<Finalized>,
    pub(crate) retention: Retention,
    /// How far the blocks' time is ahead of one millisecond a block.
    ahead_ms: u64,
    dirs: Vec<PathBuf>,
    disks: Vec<Option<FaultyDisk>>,
    delivered: Vec<usize>,
    acked: Vec<Arc<AtomicU64>>,
    pump: Option<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Town {
    pub(crate) fn new(replicas: u8, seed: u64) -> Town {
        Town::with_genesis(replicas, seed, |genesis| genesis)
    }

    /// The same with another genesis of the same validators.
    pub(crate) fn with_genesis(replicas: u8, seed: u64, change: impl FnOnce(Genesis) -> Genesis) -> Town {
        let network = Network::new(replicas);
        let network = Network { genesis: change(network.genesis), ..network };
        let dir = tempfile::tempdir().unwrap();
        let n = usize::from(replicas);
        let net = Arc::new(Net {
            accounts: network.genesis.validators.clone(),
            state: Mutex::new(State {
                ledgers: vec![None; n],
                wanted: BTreeSet::new(),
                rng: StdRng::seed_from_u64(seed),
                faults: Faults::default(),
                refused: 0,
                accepted: 0,
            }),
            ended: AtomicBool::new(false),
        });
        let pumped = net.clone();
        let pump = std::thread::spawn(move || {
            while !pumped.ended.load(Ordering::SeqCst) {
                if !pumped.answer_one() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        Town {
            network,
            net,
            chain: Vec::new(),
            retention: Retention::default(),
            ahead_ms: 0,
            dirs: (0..n).map(|me| dir.path().join(me.to_string())).collect(),
            disks: vec![None; n],
            delivered: vec![0; n],
            acked: (0..n).map(|_| Arc::default()).collect(),
            pump: Some(pump),
            _dir: dir,
        }
    }

    /// A town with every replica started.
    pub(crate) fn started(replicas: u8, seed: u64) -> Town {
        let mut town = Town::new(replicas, seed);
        (0..usize::from(replicas)).for_each(|me| town.start(me));
        town
    }

    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.net.state.lock().faults);
    }

    /// Answers that were refused and taken.
    pub(crate) fn answers(&self) -> (u64, u64) {
        let state = self.net.state.lock();
        (state.refused, state.accepted)
    }

    /// Puts a replica on a disk that fails on purpose.
    pub(crate) fn on_disk(&mut self, me: usize, disk: FaultyDisk) {
        self.disks[me] = Some(disk);
    }

    pub(crate) fn disk(&self, me: usize) -> &FaultyDisk {
        self.disks[me].as_ref().unwrap()
    }

    pub(crate) fn try_start(&mut self, me: usize) -> Result<(), moot_ledger::OpenError> {
        let key = self.network.validators[me].clone();
        let mut options = Options {
            ordering: OrderingChoice::External,
            retention: self.retention,
            ..Options::new(&self.dirs[me], self.network.genesis.clone(), key)
        };
        if let Some(disk) = &self.disks[me] {
            options.disk = Arc::new(disk.clone());
        }
        let ledger = Ledger::open(options)?;
        ledger.connect(Arc::new(Post { net: self.net.clone(), me }));
        // The engine repeats what was not acknowledged, and a little more.
        let height = ledger.height();
        self.acked[me] = Arc::new(AtomicU64::new(height));
        self.delivered[me] = usize::try_from(height).unwrap().saturating_sub(1);
        self.net.state.lock().ledgers[me] = Some(ledger);
        Ok(())
    }

    pub(crate) fn start(&mut self, me: usize) {
        self.try_start(me).unwrap();
    }

    /// Takes a replica away.
    pub(crate) fn stop(&mut self, me: usize) {
        let ledger = {
            let mut state = self.net.state.lock();
            state.wanted.retain(|(asker, _)| *asker != me);
            state.ledgers[me].take()
        };
        // Closed rather than dropped: the data plane may still hold a clone for a moment.
        if let Some(ledger) = ledger {
            block_on(ledger.close());
        }
    }

    /// Takes a replica away together with everything it ever wrote.
    pub(crate) fn wipe(&mut self, me: usize) {
        self.stop(me);
        self.disks[me] = None;
        std::fs::remove_dir_all(&self.dirs[me]).unwrap();
    }

    pub(crate) fn ledger(&self, me: usize) -> Ledger {
        self.net.state.lock().ledgers[me].clone().unwrap()
    }

    pub(crate) fn running(&self) -> Vec<(usize, Ledger)> {
        let state = self.net.state.lock();
        state.ledgers.iter().enumerate().filter_map(|(me, found)| Some((me, found.clone()?))).collect()
    }

    fn acked(&self, me: usize) -> usize {
        usize::try_from(self.acked[me].load(Ordering::SeqCst)).unwrap()
    }

    /// Delivers to each replica what it has not had, a few blocks ahead of its acknowledgements.
    pub(crate) fn deliver(&mut self) {
        for (me, ledger) in self.running() {
            if self.net.state.lock().faults.cut.contains(&me) {
                continue;
            }
            while self.delivered[me] < self.chain.len() && self.delivered[me] < self.acked(me) + 16 {
                let block = self.chain[self.delivered[me]].clone();
                let (acked, height) = (self.acked[me].clone(), block.header.height);
                let ack = move || {
                    acked.fetch_max(height, Ordering::SeqCst);
                };
                ledger.application().finalized(block, Box::new(ack));
                self.delivered[me] += 1;
            }
        }
    }

    /// A view: one replica proposes, and if a quorum (as far as so many run) finds it available in time, the
    /// block is final.
    pub(crate) async fn view(&mut self, leader: usize, patience: Duration) -> bool {
        self.deliver();
        let running = self.running();
        let Some((_, ledger)) = running.iter().find(|(me, _)| *me == leader) else { return false };
        let app = ledger.application();
        let acked = self.acked(leader);
        let taken: Vec<Digest> = self.chain[acked..].iter().flat_map(|block| block.batches.clone()).collect();
        let proposal = app.propose(&taken, 64).now_or_never();
        let (batches, state) = proposal.map_or_else(|| (vec![], app.state()), |p| (p.batches, p.state));
        self.agree(batches, state, patience).await
    }

    /// The vote on a block of the given content.
    pub(crate) async fn agree(&mut self, batches: Vec<Digest>, state: Digest, patience: Duration) -> bool {
        let block = self.block(batches, state);
        let running = self.running();
        let cut = self.net.state.lock().faults.cut.clone();
        let apps: Vec<_> = running
            .iter()
            .filter(|(me, _)| !cut.contains(me))
            .map(|(_, ledger)| ledger.application())
            .collect();
        let mut votes: FuturesUnordered<_> =
            apps.iter().map(|app| app.available(&block.header, &block.batches)).collect();
        let needed = quorum(self.network.validators.len());
        let counted = async {
            let mut yes = 0;
            while yes < needed {
                match votes.next().await {
                    Some(true) => yes += 1,
                    Some(false) => {}
                    None => return false,
                }
            }
            true
        };
        let agreed = tokio::time::timeout(patience, counted).await.unwrap_or(false);
        drop(votes);
        if !agreed {
            return false;
        }
        self.chain.push(block);
        self.deliver();
        true
    }

    /// The next block of this content, final whatever anybody says.
    pub(crate) fn force(&mut self, batches: Vec<Digest>, state: Digest) {
        let block = self.block(batches, state);
        self.chain.push(block);
        self.deliver();
    }

    /// The next blocks are later by so much.
    pub(crate) fn pass_time(&mut self, ms: u64) {
        self.ahead_ms += ms;
    }

    fn block(&self, batches: Vec<Digest>, state: Digest) -> Finalized {
        let height = self.chain.len() as u64 + 1;
        let parent = self.chain.last().map_or(Digest::ZERO, |block| block.header.digest());
        let header =
            BlockHeader::new(height, parent, 1_700_000_000_000 + height + self.ahead_ms, state, &batches);
        Finalized { header, batches, certificate: self.network.certify(&header), descent: Vec::new() }
    }

    /// Goes on, one leader after the other, until everything that is held anywhere is final everywhere.
    pub(crate) async fn settle(&mut self) {
        let begun = std::time::Instant::now();
        let mut round = 0;
        while begun.elapsed() < Duration::from_secs(60) {
            self.deliver();
            let running = self.running();
            let height = self.chain.len() as u64;
            let states: Vec<_> = running.iter().map(|(_, ledger)| ledger.status()).collect();
            let stopped =
                |status: &moot_ledger::Status| matches!(status.condition, moot_ledger::Condition::Stopped(_));
            assert!(!states.iter().any(stopped), "{states:#?}");
            if states.iter().all(|status| status.height == height) {
                if round > 0 && states.iter().all(|status| status.unordered_batches == 0) {
                    return;
                }
                // Only when all are level, or empty blocks would be made as fast as they are committed.
                self.view(running[round % running.len()].0, Duration::from_millis(200)).await;
                round += 1;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let status: Vec<_> = self.running().iter().map(|(_, ledger)| ledger.status()).collect();
        panic!("not level after many views of {} blocks: {status:#?}", self.chain.len());
    }

    /// All that run have the same blocks and the same state.
    pub(crate) fn assert_equal(&self) {
        let running = self.running();
        let (_, first) = &running[0];
        for (me, other) in &running {
            assert_eq!(
                (first.height(), first.status().state),
                (other.height(), other.status().state),
                "{me}"
            );
            for height in 1..=first.height() {
                let (one, two) = (first.block(height).unwrap(), other.block(height).unwrap());
                assert_eq!(one, two, "block {height} at {me}");
            }
        }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        (0..self.dirs.len()).for_each(|me| self.stop(me));
        self.net.ended.store(true, Ordering::SeqCst);
        if let Some(pump) = self.pump.take() {
            let ended = pump.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the data plane panicked");
        }
    }
}
