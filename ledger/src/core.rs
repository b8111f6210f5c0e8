//! What the ledger's parts share.
//!
//! ```text
//!              ┌────────────────────────── Core ──────────────────────────┐
//!   Ledger ───►│ lane   gate   recent   registry   remembered   flights   │◄─── Application (ordering's threads)
//!   (callers)  │ inbox  store  unordered   intake   wants   components    │◄─── checking threads
//!              └──────────────────────────▲───────────────────────────────┘
//!                                         │ the only writer
//!                                   commit thread
//! ```

use crate::clock::Clock;
use crate::condition::Gate;
use crate::error::{ReadError, Refused};
use crate::events::Event;
use crate::exchange::{Checked, Components, Intake, Wants};
use crate::holds::Holds;
use crate::idempotency::Flights;
use crate::lane::Lane;
#[allow(unused_imports, reason = "the documentation names it")]
use crate::limits::MAX_ACCUSATIONS_WAITING;
use crate::pace::Pace;
use crate::recent::{Recent, Stored};
use crate::signal::Signal;
use crate::standing::{Lost, Standing};
use crate::state::tree::Tree;
use crate::state::{
    DerivedCall, DerivedId, FunctionRecord, Revoked, Rules, Seats, Stakes, Triggers, Workers,
};
use crate::store::read::{self, Owners};
use crate::store::{Job, Store};
use crate::unordered::Unordered;
use moot_ordering::{Failure, Finalized, Misconduct, Peer};
use moot_record::{AccountId, Digest, FunctionName, Genesis, Keypair, PriceList};
use parking_lot::{Mutex, RwLock};
use redb::ReadTransaction;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{broadcast, oneshot, watch};

/// Says that a block is committed here.
pub(crate) type Ack = Box<dyn FnOnce() + Send>;

/// What the commit thread has to do besides the lane's batches.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) blocks: VecDeque<(Finalized, Ack)>,
    /// Batches of other replicas, checked. The intake bounds their bytes.
    pub(crate) foreign: Vec<Checked>,
    pub(crate) jobs: Vec<(Job, Option<oneshot::Sender<()>>)>,
    /// Who was caught at contradicting itself. At most [`MAX_ACCUSATIONS_WAITING`].
    pub(crate) caught: Vec<Misconduct>,
}

impl Inbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.foreign.is_empty() && self.jobs.is_empty() && self.caught.is_empty()
    }
}

/// In which views, by epoch, somebody was seen to contradict itself.
pub(crate) type Accused = BTreeMap<AccountId, BTreeSet<(u64, u64)>>;

/// Everything but the threads.
pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    pub(crate) genesis: Genesis,
    pub(crate) network: Digest,
    pub(crate) key: Keypair,
    pub(crate) account: AccountId,
    /// The own lane's, or [`NO_LANE`].
    pub(crate) lane_number: AtomicU32,
    /// The seats after the last block committed here.
    pub(crate) seats: RwLock<Arc<Seats>>,
    /// The other replicas, as the configuration has them.
    pub(crate) peers: Vec<Peer>,
    pub(crate) standing: RwLock<Standing>,
    /// Of the standing, what every append looks at.
    pub(crate) records: AtomicBool,
    /// Whether the journal of votes is lost, and the way back.
    pub(crate) lost: RwLock<Option<Lost>>,
    /// The number of the own lane's batch that carries the token of the way back.
    pub(crate) token_in: Mutex<Option<u64>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) retention_s: u64,
    pub(crate) min_free_bytes: u64,
    pub(crate) lane: Mutex<Lane>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) gate: Gate,
    pub(crate) store: Store,
    pub(crate) recent: Recent,
    pub(crate) unordered: Mutex<Unordered>,
    /// How many batches of the own lane wait to be ordered.
    pub(crate) waiting: AtomicUsize,
    /// How many batches of all lanes wait to be ordered, as of the last commit.
    pub(crate) all_waiting: AtomicUsize,
    /// What other replicas send, and ask for.
    pub(crate) intake: Intake,
    /// What is missing here.
    pub(crate) wants: Arc<Wants>,
    pub(crate) components: Components,
    /// Blocks that wait for batches.
    pub(crate) blocked: AtomicUsize,
    /// Pairs of seals that convict a lane's owner.
    pub(crate) evidence: AtomicUsize,
    /// Pairs of votes that convict a member of a committee.
    pub(crate) accused: RwLock<Accused>,
    /// Height of the last block that was pruned.
    pub(crate) pruned: AtomicU64,
    /// Blocks older than this, in seconds, are pruned.
    pub(crate) block_retention_s: Option<u64>,
    /// Rung when a batch became durable, when its block is waited for, and when it has waited long enough.
    pub(crate) pace: Arc<Pace>,
    /// Whether blocks that were not acknowledged are delivered again after a restart, from the engine's own disk.
    pub(crate) redelivers: bool,
    /// How long a batch waits for company in its block.
    pub(crate) order_within: Duration,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) registry: RwLock<BTreeMap<FunctionName, Arc<FunctionRecord>>>,
    /// Bundle digests against replay, with the last height of their validity.
    pub(crate) remembered: Mutex<BTreeSet<(u64, Digest)>>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) head: RwLock<Head>,
    /// For how many blocks a client's bundle may be valid that is taken down now.
    pub(crate) validity: AtomicU64,
    /// State roots after the last blocks committed here, oldest first: what a block may carry.
    pub(crate) roots: RwLock<VecDeque<Digest>>,
    /// The rules after the last block committed here.
    pub(crate) rules: RwLock<Arc<Rules>>,
    /// The stakes after the last block committed here.
    pub(crate) stakes: RwLock<Arc<Stakes>>,
    /// The workers after the last block committed here.
    pub(crate) workers: RwLock<Arc<Workers>>,
    /// The accounts whose keys were revoked, after the last block committed here.
    pub(crate) revoked: RwLock<Arc<Revoked>>,
    /// The prices after the last block committed here; none where nothing is charged.
    pub(crate) prices: RwLock<Option<Arc<PriceList>>>,
    /// What accounts have promised to pay for calls that run here.
    pub(crate) holds: Arc<Holds>,
    /// The triggers after the last block committed here.
    pub(crate) triggers: RwLock<Arc<Triggers>>,
    /// Derived calls without an answer after the last block committed here.
    pub(crate) derived: Mutex<BTreeMap<DerivedId, Arc<DerivedCall>>>,
    /// Height of the last block that said something of derived calls.
    pub(crate) derived_news: watch::Sender<u64>,
    /// The state's trees after the last blocks that changed it, oldest first, with their roots.
    pub(crate) trees: RwLock<VecDeque<(Digest, Tree)>>,
    /// Tells when the engine of `moot_ordering` that was started last has failed; empty without one.
    pub(crate) engine: RwLock<Option<watch::Receiver<Option<Failure>>>>,
    /// Whether it has, and is started again when there is room on the disk.
    pub(crate) engine_waits: AtomicBool,
    /// Height of the last block that brought values.
    pub(crate) value_news: watch::Sender<u64>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) counters: Counters,
}

/// The last block committed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) height: u64,
    pub(crate) time_ms: u64,
    pub(crate) state: Digest,
}

/// Totals since the ledger was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) batch_bytes: AtomicU64,
    pub(crate) commit_us: AtomicU64,
    pub(crate) foreign_batches: AtomicU64,
    pub(crate) foreign_bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

impl Core {
    /// The batch of an address: from memory, else from disk and checked against its digest.
    pub(crate) fn batch(&self, lane: u32, seq: u64) -> Result<Option<Arc<Stored>>, ReadError> {
        if let Some(stored) = self.recent.get(lane, seq) {
            return Ok(Some(stored));
        }
        let held = self.unordered.lock().marks(lane).held;
        let found = self.store.read(|txn| match read::batch(txn, &self.owners(), (lane, seq))? {
            None if held.is_some_and(|held| seq <= held) => self.missed(txn, (lane, seq)).map(|()| None),
            found => Ok(found),
        });
        Ok(found?.map(Arc::new))
    }

    /// A batch of the own lane below its highest number is missing: it was pruned or lost with an earlier disk, or the
    /// disk has damaged the key that it stood under.
    fn missed(&self, txn: &ReadTransaction, (lane, seq): (u32, u64)) -> Result<(), ReadError> {
        let gaps = lane != self.lane_number() || self.lost.read().is_some();
        if gaps || read::pruned_lane(txn, lane)?.is_some_and(|pruned| seq <= pruned) {
            return Ok(());
        }
        Err(ReadError::damaged(format!("batch {lane}-{seq}"), "it is not there, and later ones are"))
    }

    /// Whose lanes there are.
    pub(crate) fn owners(&self) -> Owners {
        Owners::of(&self.seats.read(), &self.network)
    }

    /// The number of the own lane.
    pub(crate) fn lane_number(&self) -> u32 {
        self.lane_number.load(Ordering::Acquire)
    }

    /// Whether what is ordered, run and stored is charged.
    pub(crate) fn charging(&self) -> bool {
        self.genesis.economy.is_some()
    }

    /// Whether there never are other replicas.
    pub(crate) fn is_alone(&self) -> bool {
        self.genesis.validators.len() < 2 && self.genesis.epochs.is_none()
    }

    /// Sees to it that the components of functions are kept and come here. A network of one has nobody to ask.
    pub(crate) fn want_components<'a>(
        &self,
        functions: impl Iterator<Item = &'a Arc<FunctionRecord>> + Clone,
    ) {
        let versions = functions.clone().flat_map(|record| &record.versions);
        self.components.keep(versions.map(|version| &version.component));
        if !self.is_alone() {
            let active = functions.filter_map(|record| record.active());
            active.for_each(|version| self.components.want(&self.wants.line, version.component));
        }
    }

    /// Whether somebody listens to events: nobody pays for them otherwise.
    pub(crate) fn has_listeners(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// The account that signs the lane's own bundles.
    pub(crate) fn lane_account(&self, lane: u32) -> Option<AccountId> {
        let seats = self.seats.read();
        Some(seats.all().get(usize::try_from(lane).ok()?)?.account)
    }

    /// Refuses what an account signed whose key was revoked, as far as the blocks committed here say.
    pub(crate) fn check_signer(&self, account: &AccountId) -> Result<(), Refused> {
        let revoked = self.revoked.read().at(account);
        revoked.map_or(Ok(()), |height| Err(Refused::Revoked { account: *account, height }))
    }

    pub(crate) fn height(&self) -> u64 {
        self.head.read().height
    }

    /// How many batches of the own lane wait to be ordered, as of the last commit: cheap enough for every append.
    pub(crate) fn unordered_hint(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}
