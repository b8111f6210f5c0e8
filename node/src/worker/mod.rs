//! Runs functions: from a request to a recorded call, and from there to a recorded receipt.
//!
//! ```text
//!  Order ──► place ──► code loaded ──► Call appended ──► (durable, if it can touch anything outside)
//!                                                              │
//!            answer ◄── durable ◄── Receipt appended ◄── host ◄┘
//! ```
//!
//! - Requires: a ledger that says when something is durable, and a host that meters.
//! - Provides: nothing outside happens before its call is durable; no answer leaves before its receipt is; a call
//!   gets one receipt, whatever breaks off in between.
//! - Does not provide: routing, authentication, HTTP.

mod arrival;
mod artifacts;
mod bundle;
mod compare;
mod compile;
pub(crate) mod context;
mod derived;
mod elsewhere;
mod external;
mod input;
mod job;
mod ledger_port;
mod logs;
mod payment;
mod places;
mod policy;
pub(crate) mod receipt;
mod recovery;
mod registry;
mod routes;
mod run;
mod stream;

pub use artifacts::ArtifactError;
pub use compile::{CompileFailed, Compiler, compile_file};
pub use context::context_of;
pub use external::{ExternalError, check_external, external_artifact, is_external};
pub use input::{BadInput, TypedInput};
pub use policy::PolicyError;

pub(crate) use artifacts::{Artifacts, CODE_FOLDER};
pub(crate) use bundle::{Asked, NotRun, Sorting};
pub(crate) use compile::Bounds;
pub(crate) use input::{content_type, http_as_event, of_event, of_http, to_event};
pub(crate) use job::{BeginError, Executed, Finished, Job, Order, Unfinished, kept};
pub(crate) use logs::log_line;
pub(crate) use payment::Unpaid;
pub(crate) use places::Places;
pub(crate) use policy::{Provided, limits as limits_of};
pub(crate) use registry::{Active, Registry};
pub(crate) use run::{
    Answer, Failed, Outcome, Ran, Streaming, failed_before, response_head, run, run_whole, status_of,
};

use crate::limits::{COMPONENT_WAIT, MAX_ARRIVALS_AWAITED, MAX_BUNDLE_CALLS, WorkerLimits};
use crate::metrics::Metrics;
use crate::traces::Traces;
use crate::workers::wire::Sandbox;
use crate::workers::{Fleet, Lease};
use moot_host::{Function, Host};
use moot_ledger::{Clock, Ledger};
use moot_record::{AccountId, Digest, Engine, Prices, Spec, Transaction};
use parking_lot::RwLock;
use registry::Loaded;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Runs the functions of a ledger.
pub(crate) struct Worker {
    pub(crate) ledger: Ledger,
    pub(crate) host: Host,
    pub(crate) network: Digest,
    /// Those who wait for a component's bytes.
    arrivals: Semaphore,
    pub(crate) places: Places,
    /// Workers in other processes that have joined.
    pub(crate) fleet: Fleet,
    /// Room for calls of clients' bundles that wait to be run.
    bundle_room: Arc<Semaphore>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) traces: Traces,
    pub(crate) clock: Arc<dyn Clock>,
    artifacts: Artifacts,
    provided: Provided,
    registry: RwLock<Arc<Registry>>,
    loaded: Loaded,
}

/// Why a function's code cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadProblem {
    /// What it asks for is not provided here.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// It cannot be compiled or loaded.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Another replica took it, and this one does not.
    #[error("the component is not taken here: {0}")]
    Admission(#[from] moot_host::AdmissionError),
    /// It is not what its manifest says, which the replica that took it should have seen.
    #[error(
        "the component is of kind {is}, and its manifest says {says}: deploy it again with the right one"
    )]
    OtherKind {
        /// What it is.
        is: &'static str,
        /// What it was deployed as.
        says: &'static str,
    },
    /// It is no component, and nobody is there who runs it.
    #[error(
        "{function} runs in a process of a worker's own, and no worker that serves it has a free place; start one with \
         `moot worker --external -- COMMAND`"
    )]
    NoWorker {
        /// The function.
        function: String,
    },
    /// Its calls are compared, and too few registered to run them.
    #[error(
        "each call of {function} is run by {wanted} workers of one engine, and {found} that serve it here are registered with \
         a stake{}; `moot worker register` registers one",
        .engine.as_ref().map(|engine| format!(" and {engine}, behind which most is staked")).unwrap_or_default()
    )]
    TooFewWorkers {
        /// The function.
        function: String,
        /// How many run each call.
        wanted: u8,
        /// How many there are.
        found: usize,
        /// Their engine, if there are any.
        engine: Option<Engine>,
    },
    /// It was deployed at another replica a moment ago.
    #[error(
        "the bytes of component {component} are still on the way to this replica; it waited {COMPONENT_WAIT:?} for them. \
         Call again shortly, or at another replica"
    )]
    OnTheWay {
        /// The component.
        component: Digest,
    },
}

impl Worker {
    pub(crate) fn new(
        ledger: Ledger,
        host: Host,
        artifacts: Artifacts,
        provided: Provided,
        limits: &WorkerLimits,
        clock: Arc<dyn Clock>,
        traces: Traces,
    ) -> Arc<Self> {
        let worker = Worker {
            network: ledger.network(),
            places: Places::new(limits),
            fleet: Fleet::default(),
            bundle_room: Arc::new(Semaphore::new(MAX_BUNDLE_CALLS)),
            arrivals: Semaphore::new(MAX_ARRIVALS_AWAITED),
            registry: RwLock::default(),
            loaded: Loaded::new(limits.max_loaded),
            ledger,
            host,
            metrics: Arc::new(Metrics::new()),
            traces,
            clock,
            artifacts,
            provided,
        };
        worker.refresh();
        Arc::new(worker)
    }

    /// What things cost now.
    pub(crate) fn prices(&self) -> Prices {
        self.ledger.price_list().map_or(self.ledger.genesis().prices, |list| list.prices)
    }

    /// What can be called now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.registry.read().clone()
    }

    /// Takes up what changed on the ledger; says whether anything did.
    pub(crate) fn refresh(&self) -> bool {
        // Read under the lock, so that of two at once the later reads the later list.
        let mut registry = self.registry.write();
        let records = self.ledger.functions();
        if registry.is_of(&records) {
            return false;
        }
        *registry = Arc::new(Registry::of(records, &registry));
        self.metrics.functions.set(registry.len() as i64);
        true
    }

    /// The code of a function, from memory or from disk.
    pub(crate) async fn load(&self, active: &Arc<Active>, now_us: u64) -> Result<Function, LoadProblem> {
        if let Some(function) = active.loaded(now_us) {
            return Ok(function);
        }
        self.arrived(active).await?;
        if self.sandbox(active)? == Sandbox::External {
            return Err(LoadProblem::NoWorker { function: active.name.to_string() });
        }
        let _one_at_a_time = active.loading.lock().await;
        if let Some(function) = active.loaded(now_us) {
            return Ok(function);
        }
        let policy = self.provided.policy(&active.name, active.owner, &active.spec)?;
        self.admit_foreign(active, &policy)?;
        let function =
            self.artifacts.load(&active.component, policy, || self.bytes(&active.component)).await?;
        self.loaded.keep(active, function.clone());
        self.metrics.loaded.set(self.loaded.count() as i64);
        Ok(function)
    }

    /// What a function that has arrived needs to run.
    pub(crate) fn sandbox(&self, active: &Active) -> Result<Sandbox, LoadProblem> {
        if let Some(sandbox) = active.sandbox.get() {
            return Ok(*sandbox);
        }
        // Only components are compiled.
        let sandbox = match self.artifacts.has(&active.component) {
            true => Sandbox::Component,
            false => match self.bytes(&active.component) {
                Some(bytes) if is_external(&bytes) => Sandbox::External,
                Some(_) => Sandbox::Component,
                None => return Err(ArtifactError::Missing(active.component).into()),
            },
        };
        Ok(*active.sandbox.get_or_init(|| sandbox))
    }

    /// A place at a joined worker: where one is free, and for what runs nowhere else when one becomes free. Of workers
    /// that registered those come first that `call`, the digest of its entry, is drawn for.
    pub(crate) async fn lease(
        &self,
        active: &Active,
        call: impl FnOnce() -> Digest,
        within: Duration,
    ) -> Result<Option<Lease>, LoadProblem> {
        if self.fleet.count() > 0 {
            let assigned = self.assigned(active, call);
            if let Some(lease) = self.fleet.take(active, &assigned, &[]) {
                return Ok(Some(lease));
            }
        }
        self.lease_if_needed(active, within).await
    }

    /// The registered workers that serve a function here, in the order in which a call goes to them.
    pub(super) fn assigned(&self, active: &Active, call: impl FnOnce() -> Digest) -> Vec<AccountId> {
        let workers = self.ledger.workers();
        if workers.is_empty() {
            return Vec::new();
        }
        // What is deterministic is a component, whether its bytes are here or not.
        let kind = if active.spec.deterministic { Ok(Sandbox::Component) } else { self.sandbox(active) };
        let Ok(kind) = kind else { return Vec::new() };
        let (stakes, replica) = (self.ledger.stakes(), self.ledger.account());
        let serving = workers.serving(&stakes, kind, &active.name, &replica);
        moot_ledger::assigned(&call(), &active.name, serving, usize::MAX)
    }

    /// The same only for what runs nowhere else.
    pub(crate) async fn lease_if_needed(
        &self,
        active: &Active,
        within: Duration,
    ) -> Result<Option<Lease>, LoadProblem> {
        if active.loaded(self.clock.now_us()).is_some() {
            return Ok(None);
        }
        self.arrived(active).await?;
        if self.sandbox(active)? == Sandbox::Component {
            return Ok(None);
        }
        let missing = || LoadProblem::NoWorker { function: active.name.to_string() };
        let _waiting = self.arrivals.try_acquire().map_err(|_| missing())?;
        self.fleet.wait(active, within).await.map(Some).ok_or_else(missing)
    }

    fn bytes(&self, component: &Digest) -> Option<Vec<u8>> {
        match self.ledger.component(component) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%component, %error, "a component cannot be read");
                None
            }
        }
    }

    /// Checks a deploy before the ledger sees it: the component is here, imports only what its spec grants, is of
    /// the spec's kind, and compiles within its time. Afterwards it can be called without delay.
    pub(crate) async fn prepare(
        &self,
        owner: moot_record::AccountId,
        deploy: &Transaction,
    ) -> Result<(), PrepareError> {
        let Transaction::Deploy { name, component, spec, .. } = deploy else { return Ok(()) };
        let spec = Spec::decode(spec).map_err(|e| PrepareError::Spec(e.to_string()))?;
        let policy = self.provided.policy(name, owner, &spec)?;
        self.ledger.about_to_deploy(component);
        let bytes = self.bytes(component).ok_or(PrepareError::Missing(*component))?;
        if is_external(&bytes) {
            return Ok(check_external(&bytes, &spec)?);
        }
        let inspection = self.host.admit(&bytes, &policy)?;
        if inspection.kind.as_str() != spec.kind.as_str() {
            return Err(PrepareError::OtherKind { is: inspection.kind.as_str(), says: spec.kind.as_str() });
        }
        self.artifacts.ensure(component, || Some(bytes)).await?;
        Ok(())
    }
}

/// Why a deploy is not passed on to the ledger.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrepareError {
    #[error("component {0} was not uploaded; PUT it to /_moot/components/{0} first")]
    Missing(Digest),
    #[error("the manifest does not decode: {0}")]
    Spec(String),
    #[error(
        "the component is of kind {is}, and the manifest says {says}; build the manifest from this component"
    )]
    OtherKind { is: &'static str, says: &'static str },
    #[error(transparent)]
    External(#[from] ExternalError),
    #[error(transparent)]
    Admission(#[from] moot_host::AdmissionError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}
