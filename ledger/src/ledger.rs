//! The ledger's face: opening, closing, and what is known without reading the disk.

use crate::commit::{Commits, Committer};
use crate::condition::Gate;
use crate::core::{Core, Counters, Head, Inbox};
use crate::engine::{Engine, Starter};
use crate::error::{KeyError, OpenError, ReadError};
use crate::events::Event;
use crate::exchange::{Carrier, Components, Intake, Wants, start};
use crate::idempotency::{Idempotency, key_digest};
use crate::lane::Lane;
use crate::limits::{
    EVENT_BACKLOG, MAX_IDEMPOTENCY_KEY_BYTES, MAX_RESERVATIONS, ORDER_WITHIN_OF_SEVERAL, RETRY_AFTER,
};
use crate::options::{Options, OrderingChoice};
use crate::pace::Pace;
use crate::recent::Recent;
use crate::recovery::recover;
use crate::standing::{Lost, NO_LANE};
use crate::state::{FunctionRecord, Seats};
use crate::store::{DirLock, Store, read};
use moot_ordering::{Application, Misconduct};
use moot_record::{AccountId, Call, Digest, EntryId, Equivocation, FunctionName, Genesis};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{broadcast, oneshot, watch};

/// A replica's ledger. Cheap to clone; the last clone to go closes it.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    open_calls: Vec<(EntryId, Call)>,
    by_clients: BTreeSet<(u64, u16)>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    committer: Commits,
    checking: Vec<JoinHandle<()>>,
    engine: Option<Engine>,
    _lock: DirLock,
}

impl Ledger {
    /// Opens the ledger of a directory, or begins one where none was ever made. Blocks for as long as the
    /// disk takes; after a crash redb checks its whole file.
    ///
    /// # Errors
    /// See [`OpenError`]; the directory is as it was.
    pub fn open(options: Options) -> Result<Ledger, OpenError> {
        let dir = options.dir.clone();
        let network = options.genesis.network();
        let account = options.key.account();
        if options.genesis.epochs.is_none() && !options.genesis.validators.contains(&account) {
            return Err(OpenError::NotAValidator { account, network });
        }
        fs::create_dir_all(&dir).map_err(|source| OpenError::Io { path: dir.clone(), source })?;
        let lock = DirLock::take(&dir)?;
        let store = Store::open(&dir, options.disk.clone(), options.cache_bytes, &options.genesis)?;
        let recovered = recover(&store, &dir, &account, &options.genesis, &network)?;
        let lane_number = recovered.lane;
        let wants = Arc::new(Wants::new(options.clock.clone()));
        let state = &recovered.committed.state;
        let pace: Arc<Pace> = Arc::default();
        let order_within = match &options.ordering {
            // Whoever waits at another replica is not known here.
            OrderingChoice::Engine { order_within, listen: Some(_), .. } => {
                (*order_within).min(ORDER_WITHIN_OF_SEVERAL)
            }
            OrderingChoice::Engine { order_within, .. } => *order_within,
            OrderingChoice::External | OrderingChoice::Stepped => Duration::ZERO,
        };
        let peers = match &options.ordering {
            OrderingChoice::Engine { peers, .. } => peers.clone(),
            OrderingChoice::External | OrderingChoice::Stepped => Vec::new(),
        };
        // Another number is another loss: what was known of an earlier one says nothing of it.
        let lost = options.journal_lost.map(|number| match &recovered.lost {
            Some(lost) if lost.number == number => lost.clone(),
            _ => Lost::new(number),
        });
        let no_seats = Seats::new(&options.genesis, Digest::ZERO);
        let (next_seq, calls) = (recovered.next_seq, recovered.calls());
        let core = Arc::new(Core {
            lane: Mutex::new(Lane::new(lane_number, next_seq, recovered.calls(), pace.clone())),
            seats: RwLock::new(state.seats().cloned().unwrap_or_else(|| Arc::new(no_seats))),
            peers,
            standing: RwLock::default(),
            records: false.into(),
            lost: RwLock::new(lost),
            token_in: Mutex::default(),
            waiting: recovered.unordered.count(lane_number).into(),
            all_waiting: recovered.unordered.len().into(),
            intake: Intake::new(wants.clone()),
            wants,
            components: Components::new(&dir, options.clock.now_s()),
            blocked: 0.into(),
            evidence: recovered.committed.convicted.len().into(),
            accused: RwLock::new(recovered.accused.clone()),
            pruned: recovered.pruned.into(),
            block_retention_s: options.retention.blocks_s,
            unordered: Mutex::new(recovered.unordered),
            registry: RwLock::new(state.functions().clone()),
            remembered: Mutex::new(recovered.remembered),
            roots: RwLock::new(recovered.committed.roots.clone()),
            rules: RwLock::new(state.rules().clone()),
            stakes: RwLock::new(state.stakes().clone()),
            workers: RwLock::new(state.workers().clone()),
            revoked: RwLock::new(state.revoked().clone()),
            prices: RwLock::new(state.prices().cloned().map(Arc::new)),
            holds: Arc::default(),
            triggers: RwLock::new(state.triggers().clone()),
            derived: Mutex::new(state.derived().map(|call| (call.id, call.clone())).collect()),
            derived_news: watch::Sender::new(0),
            trees: RwLock::new([(state.root(), state.tree().clone())].into()),
            head: RwLock::new(Head {
                height: state.height(),
                time_ms: recovered.head_time_ms,
                state: state.root(),
            }),
            network,
            account,
            lane_number: lane_number.into(),
            store,
            genesis: options.genesis.clone(),
            clock: options.clock,
            retention_s: options.retention.payloads_s,
            min_free_bytes: options.min_free_bytes,
            recent: Recent::new(options.recent_bytes),
            key: options.key.clone(),
            dir: dir.clone(),
            signal: pace.signal.clone(),
            gate: Gate::default(),
            pace,
            redelivers: options.ordering != OrderingChoice::External,
            order_within,
            inbox: Mutex::new(Inbox::default()),
            flights: Arc::default(),
            validity: state.validity().unwrap_or(0).into(),
            engine: RwLock::default(),
            engine_waits: false.into(),
            value_news: watch::Sender::new(0),
            events: broadcast::channel(EVENT_BACKLOG).0,
            counters: Counters::default(),
        });
        core.stand();
        let first = core.first_free(next_seq);
        if lane_number != NO_LANE && first > next_seq {
            *core.lane.lock() = Lane::new(lane_number, first, calls, core.pace.clone());
        }
        let committer = Committer::new(core.clone(), recovered.committed);
        let stepped = options.ordering == OrderingChoice::Stepped;
        let committer = Commits::begin(committer, stepped);
        let committer = committer.map_err(|source| OpenError::Io { path: dir.clone(), source })?;
        // A network of one has nobody to hear from.
        let alone = core.is_alone();
        let checking = if alone || stepped { Ok(Vec::new()) } else { start(&core) };
        // What was asked of a replica that records nothing, it cannot answer now.
        let records = core.records.load(Relaxed);
        let open_calls = recovered.open_calls.into_iter().filter(|_| records).collect();
        let by_clients = recovered.by_clients;
        let (checking, failed) = match checking {
            Ok(checking) => (checking, None),
            Err(source) => (Vec::new(), Some(OpenError::Io { path: dir.clone(), source })),
        };
        let threads = Threads { committer, checking, engine: None, _lock: lock };
        let inner = Inner { core: core.clone(), open_calls, by_clients, threads: Mutex::new(Some(threads)) };
        let ledger = Ledger { inner: Arc::new(inner) };
        if let Some(error) = failed {
            return Err(error);
        }
        if let OrderingChoice::Engine {
            heartbeat, max_batches_per_block, listen, listen_data, peers, ..
        } = options.ordering
        {
            let journals_lost = options.journal_lost.is_some();
            let starter =
                Starter { journals_lost, heartbeat, max_batches_per_block, listen, listen_data, peers };
            let engine = Engine::start(&core, starter)?;
            if let Some(threads) = ledger.inner.threads.lock().as_mut() {
                threads.engine = Some(engine);
            }
        }
        Ok(ledger)
    }

    pub(crate) fn core(&self) -> &Core {
        &self.inner.core
    }

    pub(crate) fn found_by_clients(&self) -> &BTreeSet<(u64, u16)> {
        &self.inner.by_clients
    }

    /// The genesis of the network.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.core().genesis
    }

    /// The network: the digest of its genesis.
    #[must_use]
    pub fn network(&self) -> Digest {
        self.core().network
    }

    /// The account of this replica.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.core().account
    }

    /// The number of this replica's lane; none without a seat.
    #[must_use]
    pub fn lane(&self) -> Option<u32> {
        Some(self.core().lane_number()).filter(|lane| *lane != NO_LANE)
    }

    /// Whether there never are other replicas.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.core().is_alone()
    }

    /// The seats and committees after the last block committed here.
    #[must_use]
    pub fn seats(&self) -> Arc<Seats> {
        self.core().seats.read().clone()
    }

    /// Height of the last block committed here.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.core().height()
    }

    /// Height of the oldest block that is kept here, with its batches: the first, unless old ones are pruned.
    #[must_use]
    pub fn kept_from(&self) -> u64 {
        self.core().pruned.load(Relaxed) + 1
    }

    /// Time of the last block committed here, in milliseconds since 1970; the genesis's before the first.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.core().head.read().time_ms
    }

    /// A function by its name, retired ones included.
    #[must_use]
    pub fn function(&self, name: &FunctionName) -> Option<Arc<FunctionRecord>> {
        self.core().registry.read().get(name).cloned()
    }

    /// Every function, by name.
    #[must_use]
    pub fn functions(&self) -> Vec<Arc<FunctionRecord>> {
        self.core().registry.read().values().cloned().collect()
    }

    /// Calls found without a receipt when the ledger was opened, oldest first: the worker finishes them.
    #[must_use]
    pub fn open_calls(&self) -> Vec<(EntryId, Call)> {
        self.inner.open_calls.clone()
    }

    /// What is known about an idempotency key of `caller` at `scope` (a function, or a path), used with a request whose
    /// digest is `body`.
    ///
    /// # Errors
    /// When the key is empty or too long, when too many are under way, or when the disk cannot be read.
    pub fn idempotent(
        &self,
        scope: &str,
        caller: Option<AccountId>,
        key: &str,
        body: &Digest,
    ) -> Result<Idempotency, KeyError> {
        let core = self.core();
        if key.is_empty() || key.len() > MAX_IDEMPOTENCY_KEY_BYTES {
            return Err(KeyError::Length { bytes: key.len(), max: MAX_IDEMPOTENCY_KEY_BYTES });
        }
        if core.flights.len() >= MAX_RESERVATIONS {
            return Err(KeyError::Full { retry_after: RETRY_AFTER });
        }
        let key = key_digest(scope, caller.as_ref(), key);
        Ok(core.flights.look(key, *body, || core.store.read(|txn| read::key(txn, &key)))?)
    }

    /// What becomes durable from now on. Who lags behind misses the oldest events, and is told so.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.core().events.subscribe()
    }

    /// The side that an ordering engine talks to, for those who opened the ledger with
    /// [`crate::OrderingChoice::External`].
    #[must_use]
    pub fn application(&self) -> Arc<dyn Application> {
        self.inner.core.clone()
    }

    /// Gives the ledger its means to reach other replicas, for those who opened it with
    /// [`crate::OrderingChoice::External`]; an engine brings its own.
    pub fn connect(&self, carrier: Arc<dyn Carrier>) {
        self.core().connect(carrier);
    }

    /// Does in this thread all that there is to do now, for those who opened the ledger with
    /// [`crate::OrderingChoice::Stepped`]. False when it has stopped, and when it has threads, which do it.
    pub fn step(&self) -> bool {
        let mut threads = self.inner.threads.lock();
        threads.as_mut().is_some_and(|threads| threads.committer.step(&self.inner.core))
    }

    /// The pairs of seals that prove that a lane's owner sealed two batches with one number.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn evidence(&self) -> Result<Vec<Equivocation>, ReadError> {
        self.core().store.read(read::evidence)
    }

    /// The pairs of votes that prove that a member of a committee contradicted itself, the first few of each.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn misconduct(&self) -> Result<Vec<Misconduct>, ReadError> {
        self.core().store.read(read::misconduct)
    }

    /// Writes what was taken down, stops ordering and closes the database. Other clones only refuse from
    /// here on.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        let inner = self.inner.clone();
        let closing = std::thread::Builder::new().name("moot-close".into()).spawn(move || {
            inner.shut();
            let _ = done.send(());
        });
        match closing {
            Ok(_) => drop(closed.await),
            // No thread to be had: close on this one.
            Err(_) => self.inner.shut(),
        }
    }
}

impl Inner {
    fn shut(&self) {
        // Held throughout: whoever closes second waits for the first.
        let mut threads = self.threads.lock();
        let Some(Threads { committer, checking, engine, _lock: lock }) = threads.take() else { return };
        self.core.gate.closing();
        if let Some(engine) = engine {
            engine.stop();
        }
        self.core.intake.close();
        for thread in checking {
            // A panic of the thread was reported by the panic itself.
            let _ = thread.join();
        }
        self.core.signal.wake();
        committer.end();
        self.core.gate.stopped("it was closed");
        self.core.store.close();
        drop(lock);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shut();
    }
}
