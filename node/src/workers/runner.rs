//! A worker's own work: getting ready for functions, running calls, signing what came of them.
//!
//! ```text
//!  offer ──► admitted, compiled, loaded ──► ready
//!  call ──► is it what it says? ──► place ──► host: a fresh instance ──► receipt ──sign──► answer
//! ```
//!
//! - Requires: nothing of a replica beyond its key: an entry, a spec and a component are held against their digests, so
//!   that a receipt is about what ran.
//! - Provides: calls run under the spec's limits and grants, as on a replica; what is refused was not begun.
//! - Does not provide: state that outlives a call. Key-value stores and the ledger's port are the replica's.

use super::external::{Ended, Invocation, Processes};
use super::limits::{MAX_NAMED, MAX_OUTPUT_HEAD_BYTES};
use super::logs::Gathered;
use super::wire::{self, CallOrder, Hello, Offer, Sandbox, Welcome};
use crate::worker::context::context;
use crate::worker::receipt::{self, About};
use crate::worker::{
    Answer, Artifacts, Outcome, Provided, check_external, failed_before, run_whole, to_event,
};
use bytes::Bytes;
use moot_host::{Fault, Function, Host, LimitKind, Report};
use moot_ledger::{Clock as _, SystemClock};
use moot_record::{
    AccountId, Bundle, BundleBuilder, Digest, Entry, FunctionName, Keypair, PageClass, Spec,
    component_digest, entry_digest,
};
use parking_lot::RwLock;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a worker has and runs.
pub(super) struct Runner {
    pub(super) key: Keypair,
    pub(super) host: Host,
    pub(super) artifacts: Artifacts,
    pub(super) provided: Provided,
    /// The functions that it serves; none for all.
    pub(super) named: Option<BTreeSet<FunctionName>>,
    /// The processes that it runs instead of components, when it was given a command.
    pub(super) external: Option<Processes>,
    pub(super) places: Arc<Semaphore>,
    pub(super) max_places: usize,
    /// Functions that may be ready at a time.
    pub(super) max_ready: usize,
    pub(super) ready: RwLock<HashMap<FunctionName, Arc<Ready>>>,
    /// It begins nothing any more.
    pub(super) leaving: AtomicBool,
}

/// A function that may be called.
pub(super) struct Ready {
    component: Digest,
    spec: Spec,
    spec_digest: Digest,
    owner: AccountId,
    code: Code,
}

enum Code {
    Component(Function),
    External,
}

/// Why a function cannot be served, or not yet.
pub(super) enum NotReady {
    /// Its bytes are needed first.
    SendBytes,
    /// It never can, as it is.
    Refused(String),
}

/// Why there is no answer to a call.
pub(super) enum NoAnswer {
    /// It was not begun.
    NotBegun(String),
    /// It was run, and its receipt could not be made.
    Broken(String),
}

fn refused(error: impl std::fmt::Display) -> NotReady {
    NotReady::Refused(error.to_string())
}

impl Runner {
    /// What it says of itself.
    pub(super) fn welcome(&self) -> Welcome {
        Welcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            functions: self.named.as_ref().map(|names| names.iter().take(MAX_NAMED).cloned().collect()),
            kinds: vec![if self.external.is_some() { Sandbox::External } else { Sandbox::Component }],
            engine: super::ENGINE,
            places: self.max_places,
        }
    }

    /// Gets ready for a function. `bytes` are its component's, when they were sent.
    pub(super) async fn prepare(
        &self,
        name: &FunctionName,
        offer: Offer,
        bytes: Bytes,
    ) -> Result<(), NotReady> {
        if self.named.as_ref().is_some_and(|names| !names.contains(name)) {
            return Err(refused("this worker was not told to serve it"));
        }
        let spec = Spec::decode(&offer.spec).map_err(refused)?;
        let spec_digest = spec.digest();
        if self.is_ready(name, offer.component, spec_digest) {
            return Ok(());
        }
        if !spec.grants.key_value.is_empty() || spec.grants.ledger {
            return Err(refused("it uses stores or the ledger, which are the replica's"));
        }
        if !self.ready.read().contains_key(name) && self.ready.read().len() >= self.max_ready {
            return Err(NotReady::Refused(format!("{} functions are ready, which is all", self.max_ready)));
        }
        if self.external.is_some() {
            if bytes.is_empty() {
                return Err(NotReady::SendBytes);
            }
            if component_digest(&bytes) != offer.component {
                return Err(refused("the bytes that were sent are of another function"));
            }
            check_external(&bytes, &spec).map_err(refused)?;
            let owner = offer.owner;
            let ready = Ready { component: offer.component, spec, spec_digest, owner, code: Code::External };
            self.ready.write().insert(name.clone(), Arc::new(ready));
            return Ok(());
        }
        let policy = self.provided.policy(name, offer.owner, &spec).map_err(refused)?;
        if !self.artifacts.has(&offer.component) {
            if bytes.is_empty() {
                return Err(NotReady::SendBytes);
            }
            if component_digest(&bytes) != offer.component {
                return Err(refused("the bytes that were sent are of another component"));
            }
            let kind = self.host.admit(&bytes, &policy).map_err(refused)?.kind;
            if kind.as_str() != spec.kind.as_str() {
                return Err(refused(format!(
                    "it is of kind {kind}, and its manifest says {}",
                    spec.kind.as_str()
                )));
            }
        }
        let fetch = || (!bytes.is_empty()).then(|| bytes.to_vec());
        let code = match self.artifacts.load(&offer.component, policy, fetch).await {
            Ok(code) => code,
            // Machine code that was there is not, or is of another version.
            Err(crate::worker::ArtifactError::Missing(_)) => return Err(NotReady::SendBytes),
            Err(error) => return Err(refused(error)),
        };
        let (owner, code) = (offer.owner, Code::Component(code));
        let ready = Ready { component: offer.component, spec, spec_digest, owner, code };
        self.ready.write().insert(name.clone(), Arc::new(ready));
        Ok(())
    }

    fn is_ready(&self, name: &FunctionName, component: Digest, spec: Digest) -> bool {
        self.find(name, component, spec).is_some()
    }

    fn find(&self, name: &FunctionName, component: Digest, spec: Digest) -> Option<Arc<Ready>> {
        let ready = self.ready.read().get(name).cloned();
        ready.filter(|ready| (ready.component, ready.spec_digest) == (component, spec))
    }

    /// Runs a call and signs what came of it: the answer, and the output beside it.
    pub(super) async fn call(
        &self,
        hello: &Hello,
        order: CallOrder,
        input: Bytes,
    ) -> Result<(wire::Answer, Bytes), NoAnswer> {
        let not = |why: &str| NoAnswer::NotBegun(why.to_owned());
        if self.leaving.load(Ordering::SeqCst) {
            return Err(not("this worker is leaving"));
        }
        let call = match Entry::decode(&order.entry) {
            Ok(Entry::Call(call)) => call,
            Ok(_) => return Err(not("the entry is no call")),
            Err(error) => return Err(NoAnswer::NotBegun(format!("the call does not decode: {error}"))),
        };
        if !call.input.is_of(&input) {
            return Err(not("the input is not the one that the call names"));
        }
        let Some(ready) = self.find(&call.function, call.component, call.spec) else {
            return Err(not("this worker is not ready for that version of the function"));
        };
        let Ok(_place) = self.places.clone().try_acquire_owned() else {
            return Err(not("all places of this worker are taken"));
        };
        let about = About {
            call: order.id,
            call_digest: entry_digest(&order.entry),
            component: call.component,
            call_bytes: order.entry.len() as u64,
        };
        let logs = Arc::new(Gathered::new(order.id));
        let outcome = match (&ready.code, &self.external) {
            (Code::Component(code), _) => {
                let mut cx = context(
                    order.id,
                    &call.function,
                    call.caller.as_ref(),
                    call.time_us,
                    call.fuel_limit,
                    &hello.network,
                );
                if !ready.spec.deterministic {
                    cx.height = order.height;
                    cx.trace_parent = order.trace.clone();
                }
                cx.logs = Some(logs.clone());
                run_whole(code, cx, &call.kind, &input).await
            }
            (Code::External, Some(processes)) => {
                let payload = match to_event(&input) {
                    Ok(event) => event.payload,
                    Err(error) => return Err(NoAnswer::NotBegun(error.to_string())),
                };
                let invocation = Invocation {
                    call: order.id,
                    function: call.function.clone(),
                    owner: ready.owner,
                    network: hello.network,
                    payload,
                    trace: order.trace.clone(),
                    deadline: Duration::from_millis(ready.spec.limits.deadline_ms),
                    response_bytes: ready.spec.limits.response_bytes,
                    logs: logs.clone(),
                };
                outcome_of(processes.invoke(invocation).await.map_err(NoAnswer::NotBegun)?)
            }
            (Code::External, None) => return Err(not("this worker runs no processes")),
        };
        let (bundle, output) =
            self.sign(hello, &about, &ready, bounded(outcome, &ready.spec), order.valid_until)?;
        Ok((wire::Answer { bundle: bundle.encode(), logs: logs.take() }, output))
    }

    /// A bundle of its own for each call: a signature costs less than the call's way here, and a receipt that waited for
    /// another's output would be lost with it.
    fn sign(
        &self,
        hello: &Hello,
        about: &About,
        ready: &Ready,
        outcome: Outcome,
        valid_until: u64,
    ) -> Result<(Bundle, Bytes), NoAnswer> {
        let output = outcome.output();
        let payload = receipt::payload(ready.spec.payloads, &output);
        let state = match ready.code {
            Code::Component(_) => receipt::of,
            Code::External => receipt::unmetered,
        };
        let receipt = state(about, &outcome, payload, &hello.prices, SystemClock.now_us());
        let mut builder = BundleBuilder::new();
        let placed = builder.append(PageClass::Receipt, &Entry::Receipt(receipt).encode());
        placed.map_err(|error| NoAnswer::Broken(error.to_string()))?;
        let bundle = Bundle::sign(&self.key, &hello.network, valid_until, builder.finish());
        let bundle = bundle.map_err(|error| NoAnswer::Broken(error.to_string()))?;
        Ok((bundle, output))
    }

    pub(super) fn account(&self) -> AccountId {
        self.key.account()
    }

    /// Returns when nothing runs any more.
    pub(super) async fn idle(&self) {
        let all = u32::try_from(self.max_places).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }
}

/// What came of an invocation. A process has no meter, and nobody has seen what it touched.
fn outcome_of(ended: Ended) -> Outcome {
    let mut report = Report::default();
    report.duration = ended.duration;
    report.fault = ended.result.as_ref().err().cloned();
    Outcome { result: ended.result.map(Answer::Bytes), report }
}

/// The outcome, unless its output is longer than what a replica takes: a function's own failure can have any length.
fn bounded(outcome: Outcome, spec: &Spec) -> Outcome {
    let most = spec.limits.response_bytes.saturating_add(MAX_OUTPUT_HEAD_BYTES);
    let length = outcome.output().len() as u64;
    if length <= most {
        return outcome;
    }
    let limit = spec.limits.response_bytes;
    let fault = Fault::Limit { what: LimitKind::Response, asked: Some(length), limit, backtrace: Vec::new() };
    let mut report = outcome.report;
    report.fault = Some(fault.clone());
    Outcome { report, ..failed_before(fault) }
}
