//! Calls that a client signed itself, in a bundle: which of them are run here, and running them.
//!
//! ```text
//!  call of a bundle ──► is the function served here, by this version, for this caller, with this input?
//!        │ no: recorded, not run                    │ yes: an open question, on disk with its bundle
//!        ▼                                          ▼
//!   no receipt, and the answer says so     final ──► does the bundle count? ──► place ──► host ──► Receipt
//! ```
//!
//! - Requires: a bundle that the ledger verified.
//! - Provides: nothing runs before its bundle is final and is the one that counts, so a bundle sent to two replicas
//!   runs once; every call that was said to be run gets a receipt, after a crash at the latest.
//! - Does not provide: answers. What came out is read with the receipt, by the call's address.

use crate::limits::{BUNDLE_CALLS_AT_ONCE, RECEIPT_ATTEMPTS, SIGNATURE_WINDOW};
use crate::worker::places::Place;
use crate::worker::receipt::{self, About};
use crate::worker::registry::{Active, Registry};
use crate::worker::run::failed_before;
use crate::worker::{Job, Worker};
use crate::workers::PLACE_WAIT;
use bytes::Bytes;
use futures::StreamExt;
use moot_host::Fault;
use moot_ledger::limits::RETRY_AFTER;
use moot_ledger::{Fate, Hold, Pending, Refused};
use moot_record::{AccountId, Call, CallKind, Entry, EntryId, FunctionKind, FunctionName, Payer, Payload};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// A call of a bundle that is run here.
pub(crate) struct Asked {
    page: u16,
    slot: u16,
    pub(super) call: Call,
    input: Bytes,
    pub(super) function: Arc<Active>,
}

/// Why a call of a bundle is recorded and not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRun {
    NoSuchFunction,
    OtherVersion,
    OtherKind,
    NotAdmitted,
    InputElsewhere,
    TooMuchFuel,
    OtherTime,
}

impl NotRun {
    pub(crate) const ALL: [NotRun; 7] = [
        NotRun::NoSuchFunction,
        NotRun::OtherVersion,
        NotRun::OtherKind,
        NotRun::NotAdmitted,
        NotRun::InputElsewhere,
        NotRun::TooMuchFuel,
        NotRun::OtherTime,
    ];

    /// For people: what is so, and what would be otherwise.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            NotRun::NoSuchFunction => "this replica serves no function of that name",
            NotRun::OtherVersion => "component or manifest are not those of the version that answers now",
            NotRun::OtherKind => "the function is of another kind than the call",
            NotRun::NotAdmitted => {
                "the function does not admit the caller that the call names: name the bundle's account, if its access admits that"
            }
            NotRun::InputElsewhere => "the input is not in the entry: put it there, up to 4 KiB",
            NotRun::TooMuchFuel => "it asks for more fuel than the function's manifest allows",
            NotRun::OtherTime => "its time is more than five minutes from this replica's clock",
        }
    }
}

/// More calls wait to be run than there is room for.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{asked} calls are more than may wait to be run here now; send the bundle again shortly")]
pub(crate) struct TooMany {
    asked: usize,
}

/// Sorts the calls of one bundle.
pub(crate) struct Sorting<'a> {
    worker: &'a Worker,
    registry: Arc<Registry>,
    refreshed: bool,
    signer: AccountId,
    now_us: u64,
    admitted: BTreeMap<(FunctionName, Option<AccountId>), bool>,
    pub(crate) asked: Vec<Asked>,
    not_run: [usize; NotRun::ALL.len()],
}

impl<'a> Sorting<'a> {
    pub(crate) fn new(worker: &'a Worker, signer: AccountId) -> Self {
        Sorting {
            worker,
            registry: worker.registry(),
            refreshed: false,
            signer,
            now_us: worker.clock.now_us(),
            admitted: BTreeMap::new(),
            asked: Vec::new(),
            not_run: [0; NotRun::ALL.len()],
        }
    }

    /// Whether a call is run here. Refuses what would record something untrue.
    pub(crate) fn look(&mut self, page: u16, slot: u16, call: &Call) -> Result<bool, Refused> {
        let untrue =
            |what: &str| Err(Refused::BadBundle(format!("the call at page {page}, slot {slot} {what}")));
        if call.caller.is_some_and(|caller| caller != self.signer) {
            return untrue("names a caller who did not sign the bundle: name its account, or nobody");
        }
        if call.parent.is_some() {
            return untrue("names a call that made it: only a worker can say so");
        }
        if call.idempotency.is_some() {
            return untrue("has an idempotency key: a bundle counts once, and needs none");
        }
        match self.run_by(call) {
            Ok((function, input)) => {
                self.asked.push(Asked { page, slot, call: call.clone(), input, function });
                Ok(true)
            }
            Err(why) => {
                self.not_run[why as usize] += 1;
                Ok(false)
            }
        }
    }

    /// How many calls are not run, by reason.
    pub(crate) fn not_run(&self) -> impl Iterator<Item = (NotRun, usize)> {
        NotRun::ALL.into_iter().zip(self.not_run).filter(|(_, count)| *count > 0)
    }

    fn run_by(&mut self, call: &Call) -> Result<(Arc<Active>, Bytes), NotRun> {
        if self.registry.get(&call.function).is_none() && !self.refreshed {
            // It may have been deployed an instant ago.
            self.refreshed = true;
            self.worker.refresh();
            self.registry = self.worker.registry();
        }
        let function = self.registry.get(&call.function).ok_or(NotRun::NoSuchFunction)?.clone();
        let spec = &function.spec;
        if (call.component, call.spec) != (function.component, function.spec_digest) {
            return Err(NotRun::OtherVersion);
        }
        let kind = match call.kind {
            CallKind::Http => FunctionKind::Http,
            CallKind::Event => FunctionKind::Event,
            CallKind::Typed { .. } => FunctionKind::Typed,
        };
        if kind != spec.kind {
            return Err(NotRun::OtherKind);
        }
        if !self.admits(&function, call.caller) || (spec.payer == Payer::Caller && call.caller.is_none()) {
            return Err(NotRun::NotAdmitted);
        }
        if call.fuel_limit > spec.limits.fuel {
            return Err(NotRun::TooMuchFuel);
        }
        if u128::from(call.time_us.abs_diff(self.now_us)) > SIGNATURE_WINDOW.as_micros() {
            return Err(NotRun::OtherTime);
        }
        let input = input_of(call).ok_or(NotRun::InputElsewhere)?;
        Ok((function, input))
    }

    /// Whether a function admits a caller. It is asked once for all calls of the bundle: a rule may take a while.
    fn admits(&mut self, function: &Arc<Active>, caller: Option<AccountId>) -> bool {
        let ledger = &self.worker.ledger;
        let asked = self.admitted.entry((function.name.clone(), caller));
        *asked.or_insert_with(|| ledger.admits(&function.access, caller, None).is_ok())
    }
}

/// The input that a call carries itself.
pub(crate) fn input_of(call: &Call) -> Option<Bytes> {
    match &call.input.inline {
        Some(inline) => Some(inline.clone().into()),
        None => (call.input == Payload::empty()).then(Bytes::new),
    }
}

impl Worker {
    /// Room for as many calls to wait as a bundle wants run.
    pub(crate) fn room_for(&self, asked: usize) -> Result<OwnedSemaphorePermit, TooMany> {
        let permits = u32::try_from(asked).map_err(|_| TooMany { asked })?;
        self.bundle_room.clone().try_acquire_many_owned(permits).map_err(|_| TooMany { asked })
    }

    /// Runs the calls of a recorded bundle once it is final, if it is the one that counts.
    pub(crate) async fn run_bundle(
        self: Arc<Self>,
        recorded: Pending,
        asked: Vec<Asked>,
        _room: (OwnedSemaphorePermit, Vec<Hold>),
    ) {
        let bundle = recorded.id();
        if recorded.finalized().await.is_err() {
            // The next start finishes them.
            return;
        }
        match self.ledger.fate(bundle) {
            Ok(Fate::Counts { .. }) => {}
            Ok(_) => {
                if let Err(error) = self.ledger.close_void(bundle) {
                    tracing::error!(%bundle, %error, "the calls of a void bundle cannot be let go");
                }
                return;
            }
            Err(error) => {
                tracing::error!(%bundle, %error, "the calls of a bundle cannot be run");
                return;
            }
        }
        futures::stream::iter(asked)
            .for_each_concurrent(BUNDLE_CALLS_AT_ONCE, |asked| {
                let worker = self.clone();
                async move {
                    let id = EntryId { page: asked.page, slot: asked.slot, ..bundle };
                    if let Err(error) = worker.run_asked(id, asked).await {
                        tracing::error!(call = %id, %error, "a call of a bundle could not be finished");
                    }
                }
            })
            .await;
    }

    async fn run_asked(self: Arc<Self>, id: EntryId, asked: Asked) -> anyhow::Result<()> {
        let Asked { call, input, function, .. } = asked;
        let entry = Entry::Call(call);
        let about = About {
            call: id,
            call_digest: entry.digest(),
            component: function.component,
            call_bytes: receipt::encoded_bytes(&entry),
        };
        let Entry::Call(call) = entry else { return Ok(()) };
        if function.spec.replicas_k > 1 {
            let Some(place) = self.place().await else {
                return self.unavailable(&about, "all places are taken").await;
            };
            let job = Job::compared(&self, function, about, call, input, Some(place));
            return job.execute().await.map(drop).map_err(Into::into);
        }
        let lease = match self.lease(&function, || about.call_digest, PLACE_WAIT).await {
            Ok(lease) => lease,
            Err(error) => return self.unavailable(&about, &error.to_string()).await,
        };
        if let Some(lease) = lease {
            let job = Job::handed_over(&self, function, lease, about, call, input);
            return job.execute().await.map(drop).map_err(Into::into);
        }
        let Some(place) = self.place().await else {
            return self.unavailable(&about, "all places are taken").await;
        };
        match self.load(&function, self.clock.now_us()).await {
            Ok(code) => {
                let job = Job::recorded_before(&self, function, code, about, call, input, Some(place));
                job.execute().await.map(drop).map_err(Into::into)
            }
            Err(error) => self.unavailable(&about, &error.to_string()).await,
        }
    }

    /// A place to run, behind those who wait at the door.
    async fn place(&self) -> Option<Place> {
        for _ in 0..RECEIPT_ATTEMPTS {
            if let Ok(place) = self.places.take().await {
                return Some(place);
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        None
    }

    /// States that a call could not be run.
    async fn unavailable(&self, about: &About, why: &str) -> anyhow::Result<()> {
        let outcome = failed_before(Fault::Host { message: why.to_owned() });
        let now_us = self.clock.now_us();
        let output = Payload::of(&outcome.output());
        self.state(receipt::of(about, &outcome, output, &self.prices(), now_us)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_in_their_places() {
        for (place, why) in NotRun::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, place);
            assert!(!why.reason().is_empty());
        }
    }
}
