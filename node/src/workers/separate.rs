//! A worker in a process of its own: joins its replica, serves it, and joins again whenever the connection breaks.

use super::external::{Processes, Program};
use super::identity;
use super::limits::{DEFAULT_PLACES, GOOD_SESSION, MAX_PLACES, REDIAL_FIRST, REDIAL_MOST};
use super::runner::Runner;
use super::session::{self, Ended};
use crate::keyfile::{self, KeyFileError};
use crate::kv::{KvError, Stores};
use crate::limits::WorkerLimits;
use crate::network::Address;
use crate::secrets::Secrets;
use crate::worker::{ArtifactError, Artifacts, Bounds, CODE_FOLDER, Compiler, Provided};
use moot_host::{Host, HostConfig, HostError};
use moot_record::{AccountId, FunctionName};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::rustls::ClientConfig;

/// What a separate worker needs to know.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Its folder: key and machine code. Made when missing.
    pub dir: PathBuf,
    /// Where its key is; in the folder when none is given. Made when missing.
    pub key: Option<PathBuf>,
    /// Where the replica takes workers.
    pub address: Address,
    /// Whom it must find there.
    pub replica: AccountId,
    /// The functions that it serves; none for every one that it can.
    pub functions: Option<BTreeSet<FunctionName>>,
    /// Calls that it runs at a time.
    pub places: usize,
    /// What functions are given for the secrets they were granted.
    pub secrets: Secrets,
    /// Folders that functions can be granted, by name.
    pub dirs: BTreeMap<String, PathBuf>,
    /// How components are compiled.
    pub compiler: Compiler,
    /// Where machine code is kept; in its folder when none is given. It can be shared, see [`NodeConfig::code`].
    ///
    /// [`NodeConfig::code`]: crate::NodeConfig::code
    pub code: Option<PathBuf>,
    /// Whether it runs functions of `wasi:http` 0.3.
    pub wasi_http_0_3: bool,
    /// The command whose processes it runs instead of components, and its arguments.
    pub external: Option<(PathBuf, Vec<String>)>,
    /// Bounds of what it runs.
    pub limits: WorkerLimits,
}

impl WorkerConfig {
    /// A worker for every function, that compiles in its own process.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, address: Address, replica: AccountId) -> Self {
        WorkerConfig {
            dir: dir.into(),
            key: None,
            address,
            replica,
            functions: None,
            places: DEFAULT_PLACES,
            secrets: Secrets::default(),
            dirs: BTreeMap::new(),
            compiler: Compiler::InProcess,
            code: None,
            wasi_http_0_3: false,
            external: None,
            limits: WorkerLimits::default(),
        }
    }
}

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum SeparateWorkerError {
    /// Its folder cannot be used.
    #[error("cannot use {path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
    /// Its key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The replica's own key would speak with itself.
    #[error(
        "{0} is the replica's own account: a worker has a key of its own, so that its word can be told from the replica's"
    )]
    OwnReplica(AccountId),
    /// A number of places that makes no sense.
    #[error("{0} places: a worker runs 1 to {MAX_PLACES} calls at a time")]
    Places(usize),
    /// The host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The folder of machine code.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The stores that it has and never gives.
    #[error(transparent)]
    Stores(#[from] KvError),
    /// TLS does not take the key.
    #[error("the worker's key cannot be used for TLS: {0}")]
    Tls(String),
}

/// What a worker has to say while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The replica has let it in.
    Joined,
    /// The replica has not, or the connection broke; it tries again.
    Apart(String),
}

/// A separate worker, ready to join.
pub struct SeparateWorker {
    runner: Runner,
    program: Option<Program>,
    address: Address,
    replica: AccountId,
    tls: Arc<ClientConfig>,
    made_key: bool,
}

impl SeparateWorker {
    /// Reads or makes its key and opens its folder. Nothing is dialled yet. Blocks on the disk.
    ///
    /// # Errors
    /// See [`SeparateWorkerError`].
    pub fn open(config: WorkerConfig) -> Result<SeparateWorker, SeparateWorkerError> {
        let WorkerConfig { dir, key, address, replica, functions, .. } = config;
        let WorkerConfig { places, secrets, dirs, compiler, code, wasi_http_0_3, external, limits, .. } =
            config;
        if !(1..=MAX_PLACES).contains(&places) {
            return Err(SeparateWorkerError::Places(places));
        }
        std::fs::create_dir_all(&dir)
            .map_err(|error| SeparateWorkerError::Folder { path: dir.clone(), error })?;
        let (key, made_key) = keyfile::load_or_create(&key.unwrap_or_else(|| dir.join("worker.key")))?;
        if key.account() == replica {
            return Err(SeparateWorkerError::OwnReplica(replica));
        }
        let tls = identity::client(&key, replica);
        let tls = tls.map_err(|error| SeparateWorkerError::Tls(error.to_string()))?;
        let instances = u32::try_from(places).unwrap_or(u32::MAX);
        let host =
            Host::new(HostConfig { max_instances: instances, wasi_http_0_3, ..HostConfig::default() })?;
        let shared = code.is_some();
        let code = code.unwrap_or_else(|| dir.join(CODE_FOLDER));
        let artifacts = Artifacts::open(code, shared, host.clone(), compiler, Bounds::of(&limits))?;
        let provided = Provided { secrets, dirs, stores: Stores::open(&dir.join("kv"))? };
        let runner = Runner {
            key,
            host,
            artifacts,
            provided,
            named: functions,
            external: None,
            places: Arc::new(Semaphore::new(places)),
            max_places: places,
            max_ready: limits.max_loaded,
            ready: parking_lot::RwLock::default(),
            leaving: false.into(),
        };
        let program = external.map(|(command, arguments)| Program { command, arguments });
        Ok(SeparateWorker { runner, program, address, replica, tls: Arc::new(tls), made_key })
    }

    /// Its account: what the replica must allow.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.runner.account()
    }

    /// Whether its key was made just now.
    #[must_use]
    pub fn made_key(&self) -> bool {
        self.made_key
    }

    /// Serves until `stop` turns true: joins, and after a pause joins again whenever that ends. Returns when its calls
    /// are answered.
    pub async fn run(self, mut stop: watch::Receiver<bool>, say: impl Fn(Said)) {
        let SeparateWorker { mut runner, program, address, replica, tls, .. } = self;
        runner.external = program.map(|program| Processes::start(&program, runner.max_places));
        let runner = Arc::new(runner);
        Self::serve(&runner, &address, replica, &tls, &mut stop, &say).await;
        if let Some(processes) = &runner.external {
            processes.stop().await;
        }
    }

    async fn serve(
        runner: &Arc<Runner>,
        address: &Address,
        replica: AccountId,
        tls: &Arc<ClientConfig>,
        stop: &mut watch::Receiver<bool>,
        say: &impl Fn(Said),
    ) {
        let mut pause = REDIAL_FIRST;
        while !*stop.borrow() {
            let began = Instant::now();
            let joined = || say(Said::Joined);
            let ended = session::run(runner, address, replica, tls.clone(), stop, joined).await;
            match ended {
                Ended::Left => return,
                Ended::NotJoined(why) | Ended::Broken(why) => say(Said::Apart(why)),
            }
            if began.elapsed() >= GOOD_SESSION {
                pause = REDIAL_FIRST;
            }
            // Not all workers of a replica that comes back at the same moment.
            let wait = pause.mul_f64(rand::random_range(0.5..1.0));
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(wait) => {}
            }
            pause = (pause * 2).min(REDIAL_MOST);
        }
    }
}
