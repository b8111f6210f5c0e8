//! One call: begun, run, finished.

use crate::limits::{FATE_EVERY, RECEIPT_ATTEMPTS};
use crate::traces::CallSpan;

use crate::worker::logs::CallLogs;
use crate::worker::payment::Unpaid;
use crate::worker::places::{Full, Place};
use crate::worker::receipt::{self, About};
use crate::worker::registry::Active;
use crate::worker::run::{self, Answer, Failed, Outcome, Ran};
use crate::worker::{LoadProblem, TypedInput, Worker, context, ledger_port, stream};
use crate::workers::{Lease, PLACE_WAIT};
use bytes::Bytes;
use http::response::Parts;
use http_body::Frame;
use moot_host::{CallContext, Function};
use moot_ledger::{CommitError, Fate, Hold, PayloadBytes, Pending, Refused, Reservation};
use moot_record::{
    AccountId, Call, CallKind, Digest, Domain, Entry, EntryId, Fee, Payload, PayloadMode, Receipt, Status,
};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;

const SEED: Domain = Domain::new("moot call seed 1");

/// A call that someone wants made.
pub(crate) struct Order {
    pub(crate) function: Arc<Active>,
    pub(crate) kind: CallKind,
    /// The payload to be recorded.
    pub(crate) input: Bytes,
    pub(crate) caller: Option<AccountId>,
    pub(crate) parent: Option<EntryId>,
    /// What made it, when nobody did: a trigger.
    pub(crate) origin: Option<Origin>,
    /// How many calls are above this one.
    pub(crate) depth: u32,
    pub(crate) trace: Option<String>,
    pub(crate) reservation: Option<Reservation>,
}

impl Order {
    /// What decides where the call goes, before it has an entry: unlike that of every other call.
    fn seed(&self, now_us: u64) -> Digest {
        let mut bytes = self.function.spec_digest.as_bytes().to_vec();
        bytes.extend_from_slice(Payload::of(&self.input).digest.as_bytes());
        bytes.extend_from_slice(&now_us.to_be_bytes());
        SEED.hash(&bytes)
    }
}

/// What a call that a trigger derived says of where it comes from.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    /// The value, or the call that ended.
    pub(crate) parent: Option<EntryId>,
    /// Time of the block.
    pub(crate) time_us: u64,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Load(#[from] LoadProblem),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Unpaid(#[from] Unpaid),
}

/// A recorded call that has not ended. Dropped, it stays open until the next start finishes it.
pub(crate) struct Job {
    pub(crate) worker: Arc<Worker>,
    pub(crate) function: Arc<Active>,
    /// The call on its way to the disk; none when it is there.
    pending: Option<Pending>,
    pub(crate) about: About,
    pub(crate) input: Bytes,
    pub(super) kind: CallKind,
    pub(super) runs: Runs,
    /// The call's entry, when it goes to a worker.
    pub(super) entry: Vec<u8>,
    pub(super) caller: Option<AccountId>,
    time_us: u64,
    pub(super) fuel_limit: u64,
    depth: u32,
    pub(crate) trace: Option<String>,
    span: CallSpan,
    /// What its payer has promised for it; none where nothing is charged, and of what is on the disk already.
    hold: Mutex<Option<Hold>>,
}

/// Where a call is run.
pub(super) enum Runs {
    /// In this process.
    Here { code: Box<Function>, _place: Option<Place> },
    /// At a worker that has joined.
    There(Lease),
    /// At several, whom the state draws when the call is final.
    Compared { _place: Option<Place> },
    /// Nowhere any more.
    Over,
}

/// A call whose receipt is durable.
pub(crate) struct Finished {
    pub(crate) result: Result<Answer, Failed>,
    pub(crate) receipt: Pending,
    pub(crate) call: EntryId,
    pub(crate) fuel: u64,
    pub(crate) status: Status,
}

/// A call that was run, or whose answer flows while it runs.
pub(crate) enum Executed {
    Finished(Box<Finished>),
    Streaming { call: EntryId, parts: Box<Parts>, frames: mpsc::Receiver<Result<Frame<Bytes>, String>> },
}

/// A call that was recorded, and whose receipt was not. It is finished at the next start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Worker {
    /// Takes a place, sees to the code, records the call.
    pub(crate) async fn begin(self: &Arc<Self>, order: Order) -> Result<Job, BeginError> {
        let compared = order.function.spec.replicas_k > 1;
        let lease = match order.parent {
            _ if compared => None,
            None => self.lease(&order.function, || order.seed(self.clock.now_us()), PLACE_WAIT).await?,
            // A call made by a call stays with its parent where it can.
            Some(_) => self.lease_if_needed(&order.function, PLACE_WAIT).await?,
        };
        let runs = match lease {
            Some(lease) => Runs::There(lease),
            None if compared => {
                self.check_workers(&order.function)?;
                Runs::Compared { _place: self.place_for(&order).await? }
            }
            None => {
                let place = self.place_for(&order).await?;
                let code = self.load(&order.function, self.clock.now_us()).await?;
                Runs::Here { code: Box::new(code), _place: place }
            }
        };
        let time_us = order.origin.map_or_else(|| self.clock.now_us(), |origin| origin.time_us);
        let spec = &order.function.spec;
        let call = Call {
            function: order.function.name.clone(),
            component: order.function.component,
            spec: order.function.spec_digest,
            kind: order.kind.clone(),
            caller: order.caller,
            input: receipt::payload(spec.payloads, &order.input),
            time_us,
            fuel_limit: spec.limits.fuel,
            idempotency: order.reservation.as_ref().map(Reservation::key),
            parent: order.parent.or(order.origin.and_then(|origin| origin.parent)),
        };
        let kept = kept(spec.payloads, &order.input);
        let entry = Entry::Call(call.clone());
        let call_bytes = receipt::encoded_bytes(&entry);
        let hold = self.hold_for(&order.function, &call, call_bytes)?;
        let entry = if matches!(runs, Runs::Here { .. }) { Vec::new() } else { entry.encode() };
        let pending = match order.reservation {
            Some(reservation) => self.ledger.append_call_once(call, kept, reservation)?,
            None => self.ledger.append_call(call, kept)?,
        };
        let about = About {
            call: pending.id(),
            call_digest: pending.digest(),
            component: order.function.component,
            call_bytes,
        };
        let span = self.traces.call(&order.function.name, about.call, order.trace.as_deref());
        Ok(Job {
            worker: self.clone(),
            pending: Some(pending),
            about,
            runs,
            entry,
            input: order.input,
            kind: order.kind,
            caller: order.caller,
            time_us,
            fuel_limit: spec.limits.fuel,
            depth: order.depth,
            trace: span.trace().or(order.trace),
            span,
            function: order.function,
            hold: Mutex::new(hold),
        })
    }

    /// A place to run in. A call made by a call runs in its parent's: with a place of its own, parents that wait for their
    /// children could hold all of them.
    async fn place_for(&self, order: &Order) -> Result<Option<Place>, Full> {
        match order.parent {
            None => self.places.take().await.map(Some),
            Some(_) => Ok(None),
        }
    }
}

impl Job {
    pub(crate) fn id(&self) -> EntryId {
        self.about.call
    }

    /// A call that is on the disk: recorded before the last start, or in a client's bundle.
    pub(crate) fn recorded_before(
        worker: &Arc<Worker>,
        function: Arc<Active>,
        code: Function,
        about: About,
        call: Call,
        input: Bytes,
        place: Option<Place>,
    ) -> Self {
        Job {
            worker: worker.clone(),
            function,
            pending: None,
            about,
            input,
            kind: call.kind,
            runs: Runs::Here { code: Box::new(code), _place: place },
            entry: Vec::new(),
            caller: call.caller,
            time_us: call.time_us,
            fuel_limit: call.fuel_limit,
            depth: 0,
            trace: None,
            span: CallSpan::default(),
            hold: Mutex::default(),
        }
    }

    /// The same, to be run at a worker.
    pub(crate) fn handed_over(
        worker: &Arc<Worker>,
        function: Arc<Active>,
        lease: Lease,
        about: About,
        call: Call,
        input: Bytes,
    ) -> Self {
        Job {
            worker: worker.clone(),
            function,
            pending: None,
            about,
            input,
            kind: call.kind.clone(),
            caller: call.caller,
            time_us: call.time_us,
            fuel_limit: call.fuel_limit,
            depth: 0,
            trace: None,
            span: CallSpan::default(),
            hold: Mutex::default(),
            entry: Entry::Call(call).encode(),
            runs: Runs::There(lease),
        }
    }

    /// The same, to be run by several workers.
    pub(crate) fn compared(
        worker: &Arc<Worker>,
        function: Arc<Active>,
        about: About,
        call: Call,
        input: Bytes,
        place: Option<Place>,
    ) -> Self {
        Job {
            worker: worker.clone(),
            function,
            pending: None,
            about,
            input,
            kind: call.kind.clone(),
            caller: call.caller,
            time_us: call.time_us,
            fuel_limit: call.fuel_limit,
            depth: 0,
            trace: None,
            span: CallSpan::default(),
            hold: Mutex::default(),
            entry: Entry::Call(call).encode(),
            runs: Runs::Compared { _place: place },
        }
    }

    /// The call on its way to the disk.
    pub(crate) fn recorded(&self) -> Option<Pending> {
        self.pending.clone()
    }

    /// Waits until the call is on the disk.
    pub(crate) async fn durable(&self) -> Result<(), CommitError> {
        match &self.pending {
            Some(pending) => pending.durable().await,
            None => Ok(()),
        }
    }

    /// Waits until the call is final.
    pub(super) async fn ordered(&self) -> Result<(), Unfinished> {
        if let Some(pending) = &self.pending {
            pending.finalized().await?;
            return Ok(());
        }
        // It is on the disk since before the last start, or in a client's bundle.
        loop {
            match self.worker.ledger.fate(self.about.call) {
                Ok(Fate::Unordered) => tokio::time::sleep(FATE_EVERY).await,
                Ok(Fate::Counts { .. } | Fate::Void { .. }) => return Ok(()),
                Err(error) => return Err(CommitError::Stopped(error.to_string()).into()),
            }
        }
    }

    /// Runs the call and sees its receipt to the disk. A long or slow answer is handed over while it flows.
    pub(crate) async fn execute(mut self) -> Result<Executed, Unfinished> {
        match std::mem::replace(&mut self.runs, Runs::Over) {
            // On the heap: few calls take this way, and none should carry its state.
            Runs::There(lease) => Box::pin(self.execute_elsewhere(lease)).await,
            Runs::Compared { _place } => Box::pin(self.execute_compared(_place)).await,
            runs => {
                self.runs = runs;
                self.execute_here().await
            }
        }
    }

    pub(super) async fn execute_here(self) -> Result<Executed, Unfinished> {
        if self.function.outside {
            self.durable().await?;
        }
        let Runs::Here { code, .. } = &self.runs else {
            return Err(Refused::NotOpen(self.about.call).into());
        };
        match run::run(code, self.context(), &self.kind, &self.input).await {
            Ran::Done(outcome) => Ok(Executed::Finished(Box::new(self.finish(outcome).await?))),
            Ran::Streaming(streaming) => {
                self.durable().await?;
                Ok(stream::start(self, *streaming))
            }
        }
    }

    fn context(&self) -> CallContext {
        let worker = &self.worker;
        let mut cx = context::context(
            self.about.call,
            &self.function.name,
            self.caller.as_ref(),
            self.time_us,
            self.fuel_limit,
            &worker.network,
        );
        if !self.function.spec.deterministic {
            cx.height = worker.ledger.height();
            cx.trace_parent = self.trace.clone();
        }
        cx.logs = Some(Arc::new(CallLogs { function: self.function.logs.clone(), call: self.about.call }));
        if self.function.spec.grants.ledger {
            cx.ledger = Some(ledger_port::port(self, self.depth));
        }
        cx
    }

    /// Whether its arguments are WAVE.
    pub(super) fn is_wave(&self) -> bool {
        matches!(self.kind, CallKind::Typed { .. })
            && matches!(TypedInput::from_payload(&self.input), Ok(TypedInput::Wave(_)))
    }

    pub(super) async fn finish(&self, outcome: Outcome) -> Result<Finished, Unfinished> {
        let output = outcome.output();
        let mode = self.function.spec.payloads;
        let payload = receipt::payload(mode, &output);
        let now_us = self.worker.clock.now_us();
        let receipt = receipt::of(&self.about, &outcome, payload, &self.worker.prices(), now_us);
        let (fuel, status) = (receipt.fuel, receipt.status);
        let receipt = self.record(receipt, output).await?;
        receipt.durable().await?;
        let result = outcome.result.map_err(Failed::Fault);
        Ok(Finished { result, receipt, call: self.about.call, fuel, status })
    }

    /// Appends the receipt. A full queue is waited for: what was done must be said.
    pub(crate) async fn record(&self, receipt: Receipt, output: Bytes) -> Result<Pending, Unfinished> {
        self.span.answered(&receipt);
        self.worker.metrics.called(receipt.status, receipt.fuel, receipt.duration_us);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let kept = kept(self.function.spec.payloads, &output);
            match self.worker.ledger.append_receipt(receipt.clone(), kept) {
                Ok(pending) => {
                    self.paid(&pending, receipt.fee);
                    return Ok(pending);
                }
                Err(Refused::Full { retry_after, .. }) if attempts <= RECEIPT_ATTEMPTS => {
                    tokio::time::sleep(retry_after).await;
                }
                Err(refused) => return Err(refused.into()),
            }
        }
    }

    /// The receipt is recorded: of what was held only its fee stays so, until a block charges it.
    pub(super) fn paid(&self, receipt: &Pending, fee: Fee) {
        if let Some(hold) = self.hold.lock().take() {
            let units = u64::try_from(fee.total()).unwrap_or(u64::MAX);
            hold.until_charged(receipt.id().batch, units);
        }
    }
}

/// The bytes that the ledger's payload store keeps.
pub(crate) fn kept(mode: PayloadMode, bytes: &Bytes) -> PayloadBytes {
    match mode {
        PayloadMode::Keep { retention_s } => PayloadBytes::KeepFor { bytes: bytes.clone(), retention_s },
        PayloadMode::Inline | PayloadMode::Digest => PayloadBytes::None,
    }
}
