//! A node: ledger, host, worker and gateway, started together and stopped in the right order.
//!
//! ```text
//!  start: folder ► key ► genesis ► socket ► ledger ► host ► worker ► (recovery, in the background) ► gateway
//!  stop:  gateway (no new requests, the others answered) ► running calls ► ledger
//! ```

use crate::gateway;
use crate::keyfile::{self, KeyFileError};
use crate::kv::{KvError, Stores};
use crate::limits::{
    GatewayLimits, LOCAL_FUNDS, MAX_BATCHES_PER_BLOCK, NEW_ECONOMY, NEW_PRICES, REFRESH_EVERY, REFRESH_SOON,
    REPLICA_CACHE_BYTES, STUCK_GRACE, STUCK_HEARTBEATS, WorkerLimits,
};
use crate::network::{self, FirstStartError, Neighbours, Seat};
use crate::secrets::Secrets;
use crate::traces::Traces;
use crate::worker::{ArtifactError, Artifacts, Bounds, CODE_FOLDER, Compiler, Provided, Worker};
use crate::workers::{self, Joining};
use moot_host::{Host, HostConfig, HostError};
use moot_ledger::limits::ORDER_WITHIN;
use moot_ledger::{Clock, Condition, Ledger, OpenError, Options, OrderingChoice, SystemClock};
use moot_record::{AccountId, Allocation, Genesis, GenesisError, Keypair};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ServerConfig;

/// What a node needs to know. [`NodeConfig::new`] has sensible values for all but the folder.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The data folder; made when missing.
    pub dir: PathBuf,
    /// Where the gateway listens. Port 0 takes a free one: see [`Node::address`].
    pub listen: SocketAddr,
    /// Name of the network, for the genesis of a new data folder.
    pub network_name: String,
    /// Accounts that a new network of this node alone gives something, beside its own.
    pub fund: Vec<AccountId>,
    /// The place in a network of several; none makes or continues the node's own network of one.
    pub seat: Option<Seat>,
    /// How long blocks are kept, with their batches; none: for ever.
    pub retention: Option<Duration>,
    /// Workers in other processes that may join; none lets nobody in.
    pub joining: Option<Joining>,
    /// What functions are given for the secrets they were granted.
    pub secrets: Secrets,
    /// Folders that functions can be granted, by name.
    pub dirs: BTreeMap<String, PathBuf>,
    /// Whether the node pays, out of its own balance, for values that nobody signed, where values are charged. Whoever can
    /// reach its gateway can then spend what it has.
    pub pays_for_unsigned: bool,
    /// How components are compiled.
    pub compiler: Compiler,
    /// Where machine code is kept; in the data folder when none is given. Nodes and workers of one user, of one version
    /// and on one machine can share it: then each component is compiled once for all of them.
    pub code: Option<PathBuf>,
    /// Whether functions of `wasi:http` 0.3 are taken and run.
    pub wasi_http_0_3: bool,
    /// Whether traces go where the standard variables of OpenTelemetry, `OTEL_*`, say.
    pub traces: bool,
    /// Bounds of the front door.
    pub gateway: GatewayLimits,
    /// Bounds of the worker.
    pub worker: WorkerLimits,
}

impl NodeConfig {
    /// A node on 127.0.0.1:8080 that compiles in its own process.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        NodeConfig {
            dir: dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            network_name: "local".to_owned(),
            fund: Vec::new(),
            seat: None,
            retention: None,
            joining: None,
            secrets: Secrets::default(),
            dirs: BTreeMap::new(),
            pays_for_unsigned: false,
            compiler: Compiler::InProcess,
            code: None,
            wasi_http_0_3: false,
            traces: false,
            gateway: GatewayLimits::default(),
            worker: WorkerLimits::default(),
        }
    }
}

/// Why a node did not start. Every message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Someone else listens there.
    #[error(
        "{address} is in use by another program. Stop it, or choose another address: \
         `moot up --listen 127.0.0.1:0` takes a free port"
    )]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        error: io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use {path}: {error}")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// The node's key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The genesis file.
    #[error("{path}: {error}", path = path.display())]
    Genesis {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: GenesisError,
    },
    /// A key that must not vote.
    #[error(transparent)]
    FirstStart(#[from] FirstStartError),
    /// The node's own key among its workers'.
    #[error(
        "{0} is this node's own account, and is allowed as a worker: a worker has a key of its own, so that its word can \
         be told from the node's"
    )]
    OwnWorker(AccountId),
    /// The key cannot be used for the workers' connections.
    #[error("the node's key cannot be used for TLS: {0}")]
    Tls(String),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The key-value stores.
    #[error(transparent)]
    Stores(#[from] KvError),
    /// The folder of machine code.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// A panic while the disk was being read.
    #[error("the node could not be started: {0}")]
    Broken(String),
}

/// A running node. Dropped without [`Node::shutdown`], it stops as if it had been killed: nothing acknowledged is
/// lost, and the next start finishes what was open.
pub struct Node {
    address: SocketAddr,
    workers_address: Option<SocketAddr>,
    worker: Arc<Worker>,
    stop: watch::Sender<bool>,
    gateway: JoinHandle<()>,
    keeper: JoinHandle<()>,
    lookout: JoinHandle<()>,
    recovery: JoinHandle<()>,
    derived: JoinHandle<()>,
    drain_timeout: Duration,
}

impl Node {
    /// Starts a node on the calling tokio runtime. It is ready when this returns.
    ///
    /// # Errors
    /// See [`StartError`]; nothing was left running.
    pub async fn start(config: NodeConfig) -> Result<Node, StartError> {
        let (listener, address) = bind(config.listen)?;
        let joining = config.joining.clone();
        let workers_listener = joining.as_ref().map(|joining| bind(joining.listen)).transpose()?;
        let workers_address = workers_listener.as_ref().map(|(_, address)| *address);
        let (gateway_limits, pays_for_unsigned) = (config.gateway.clone(), config.pays_for_unsigned);
        let neighbours = Arc::new(config.seat.as_ref().map(Neighbours::of).unwrap_or_default());
        let refresh_every = if neighbours.is_alone() { REFRESH_EVERY } else { REFRESH_SOON };
        let stuck_after = config.seat.as_ref().map(|seat| seat.heartbeat * STUCK_HEARTBEATS + STUCK_GRACE);
        let seat = config.seat.as_ref().map(|_| config.dir.clone());
        let (worker, tls) = tokio::task::spawn_blocking(move || open(config))
            .await
            .map_err(|panicked| StartError::Broken(panicked.to_string()))??;
        let drain_timeout = gateway_limits.drain_timeout;
        let (stop, stopping) = watch::channel(false);
        let recovery = tokio::spawn(worker.clone().recover(worker.ledger.open_calls()));
        let derived = tokio::spawn(worker.clone().run_derived(stopping.clone()));
        let gateway = gateway::serve(
            listener,
            worker.clone(),
            neighbours.clone(),
            gateway_limits,
            pays_for_unsigned,
            stopping.clone(),
        );
        if let (Some((listener, _)), Some(tls)) = (workers_listener, tls) {
            workers::serve(listener, tls, worker.clone(), stopping.clone());
        }
        let ledger = worker.ledger.clone();
        let lookout = neighbours.keep_looking(move || ledger.height(), stuck_after, stopping.clone());
        let lookout = tokio::spawn(lookout);
        let keeper = tokio::spawn(keep(worker.clone(), refresh_every, seat, stopping));
        Ok(Node {
            address,
            workers_address,
            worker,
            stop,
            gateway,
            keeper,
            lookout,
            recovery,
            derived,
            drain_timeout,
        })
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where workers in other processes join, if they may.
    #[must_use]
    pub fn workers_address(&self) -> Option<SocketAddr> {
        self.workers_address
    }

    /// The node's public key.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.worker.ledger.account()
    }

    /// The network's genesis.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        self.worker.ledger.genesis()
    }

    /// Returns when the node cannot go on: its disk or its ordering failed. Says why.
    pub async fn failed(&self) -> String {
        loop {
            if let Condition::Stopped(why) = self.worker.ledger.status().condition {
                return why;
            }
            tokio::time::sleep(REFRESH_EVERY).await;
        }
    }

    /// Whether a reason of [`Node::failed`] is that this replica's state differs from that of the others. In a network of
    /// one there is nobody to differ from.
    #[must_use]
    pub fn differs(&self, why: &str) -> bool {
        // The ledger names both roots in its reason; every other reason is the disk's or the engine's.
        !self.worker.ledger.is_alone() && why.contains("state root")
    }

    /// Answers what was accepted, writes everything down and stops.
    pub async fn shutdown(self) {
        let _ = self.stop.send(true);
        let _ = self.gateway.await;
        let _ = self.derived.await;
        let calls = async {
            self.worker.places.all_free().await;
            self.worker.fleet.idle().await;
        };
        if tokio::time::timeout(self.drain_timeout, calls).await.is_err() {
            tracing::warn!("calls were still running; the next start finishes them");
        }
        self.worker.fleet.end();
        self.recovery.abort();
        let _ = self.lookout.await;
        let _ = self.keeper.await;
        self.worker.traces.end().await;
        self.worker.ledger.clone().close().await;
    }
}

/// Takes up what other replicas changed, now and then, and sees to it that new functions are compiled.
/// Notes, for one of several, that its key has voted.
async fn keep(
    worker: Arc<Worker>,
    every: Duration,
    seat: Option<PathBuf>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut seen = worker.ledger.height();
    // What was deployed while this node was down is new to it as well.
    let mut unprepared = !worker.ledger.is_alone();
    let mut ahead: Option<JoinHandle<()>> = None;
    let mut known = worker.registry();
    let mut settled = seat.is_none();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(every) => {}
        }
        let height = worker.ledger.height();
        if height != seen {
            seen = height;
            // Somebody else may have taken up the change first.
            worker.refresh();
            let now = worker.registry();
            unprepared |= !Arc::ptr_eq(&known, &now);
            known = now;
        }
        if let (false, Some(data)) = (settled, &seat) {
            settled = network::settle(data).unwrap_or_else(|error| {
                tracing::warn!(%error, "the note that this key has voted cannot be written");
                false
            });
        }
        if unprepared && ahead.as_ref().is_none_or(JoinHandle::is_finished) {
            unprepared = false;
            let worker = worker.clone();
            ahead = Some(tokio::spawn(async move { worker.prepare_ahead().await }));
        }
    }
    if let Some(ahead) = ahead {
        ahead.abort();
    }
}

/// A socket that listens, and where.
fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listener = gateway::bind(listen).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address: listen },
        _ => StartError::Listen { address: listen, error },
    })?;
    let address = listener.local_addr().map_err(|error| StartError::Listen { address: listen, error })?;
    Ok((listener, address))
}

/// Everything that blocks: files, database, engine. With how workers prove themselves, when they may join.
fn open(config: NodeConfig) -> Result<(Arc<Worker>, Option<ServerConfig>), StartError> {
    let dir = &config.dir;
    std::fs::create_dir_all(dir).map_err(|error| StartError::Folder { path: dir.clone(), error })?;
    let mut options = match config.seat {
        Some(seat) => seated(dir, seat)?,
        None => alone(dir, &config.network_name, &config.fund)?,
    };
    options.retention.blocks_s = config.retention.map(|kept| kept.as_secs());
    let tls = config.joining.map(|joining| {
        let account = options.key.account();
        if joining.allow.contains(&account) {
            return Err(StartError::OwnWorker(account));
        }
        workers::identity::server(&options.key, joining.allow).map_err(|e| StartError::Tls(e.to_string()))
    });
    let tls = tls.transpose()?;
    let ledger = Ledger::open(options)?;
    let limits = &config.worker;
    let host = Host::new(HostConfig {
        wasi_http_0_3: config.wasi_http_0_3,
        max_instances: u32::try_from(limits.max_running).unwrap_or(u32::MAX),
        ..HostConfig::default()
    })?;
    let shared = config.code.is_some();
    let code = config.code.unwrap_or_else(|| dir.join(CODE_FOLDER));
    let artifacts = Artifacts::open(code, shared, host.clone(), config.compiler, Bounds::of(limits))?;
    let stores = Stores::open(&dir.join("kv"))?;
    let provided = Provided { secrets: config.secrets, dirs: config.dirs, stores };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let traces = if config.traces { Traces::of_environment(ledger.account()) } else { Traces::default() };
    let worker = Worker::new(ledger, host, artifacts, provided, limits, clock, traces);
    Ok((worker, tls))
}

/// The ledger of a network of one, whose key and genesis are in the data folder.
fn alone(dir: &Path, network_name: &str, fund: &[AccountId]) -> Result<Options, StartError> {
    let (key, made) = keyfile::load_or_create(&dir.join("node.key"))?;
    if made {
        tracing::info!(account = %key.account(), "made a new key for this node");
    }
    let genesis = genesis(dir, network_name, &key, fund)?;
    Ok(Options::new(dir, genesis, key))
}

/// The ledger of one replica of several.
fn seated(dir: &Path, seat: Seat) -> Result<Options, StartError> {
    let journal_lost = network::may_vote(dir, &seat.fresh, &seat.key.account())?;
    if journal_lost.is_some() {
        tracing::warn!(
            "the journal of this key's votes is lost: voting could contradict them, so this replica follows the \
             others until that is safe; `moot status` says how it stands"
        );
    }
    let ordering = OrderingChoice::Engine {
        heartbeat: seat.heartbeat,
        max_batches_per_block: MAX_BATCHES_PER_BLOCK,
        order_within: ORDER_WITHIN,
        listen: Some(seat.listen),
        listen_data: Some(seat.listen_data),
        peers: seat.peers,
    };
    Ok(Options {
        ordering,
        journal_lost,
        cache_bytes: REPLICA_CACHE_BYTES,
        ..Options::new(dir, seat.genesis, seat.key)
    })
}

/// The genesis of a data folder; made for a new one, with this node as its only validator. It funds the node's own
/// account and those of `fund`, so that nothing needs money to be tried.
fn genesis(dir: &Path, name: &str, key: &Keypair, fund: &[AccountId]) -> Result<Genesis, StartError> {
    let path = dir.join("genesis.json");
    let io = |error| StartError::Folder { path: path.clone(), error };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            Genesis::from_json(&text).map_err(|error| StartError::Genesis { path: path.clone(), error })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let funded: BTreeSet<AccountId> = fund.iter().copied().chain([key.account()]).collect();
            let funded = funded.into_iter().map(|account| Allocation { account, balance: LOCAL_FUNDS });
            let genesis = Genesis::new(name, SystemClock.now_us() / 1000, vec![key.account()], NEW_PRICES)
                .with_accounts(funded.collect())
                .with_economy(NEW_ECONOMY);
            genesis.check().map_err(|error| StartError::Genesis {
                path: path.clone(),
                error: GenesisError::Invalid(error),
            })?;
            // Whole or not at all: half a genesis would keep the folder from ever starting.
            let draft = dir.join("genesis.draft");
            let mut file = std::fs::File::create(&draft).map_err(io)?;
            io::Write::write_all(&mut file, genesis.to_json().as_bytes()).map_err(io)?;
            file.sync_all().map_err(io)?;
            std::fs::rename(&draft, &path).map_err(io)?;
            Ok(genesis)
        }
        Err(error) => Err(io(error)),
    }
}
