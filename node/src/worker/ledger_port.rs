//! `moot:function/ledger`: what a function that was granted it can do on the ledger.

use crate::gateway::why_denied;
use crate::limits::{MAX_CALL_DEPTH, MAX_VALUE_BYTES, VALUE_VERDICT_WAIT};
use crate::worker::Worker;
use crate::worker::input;
use crate::worker::job::{BeginError, Executed, Job, Order};
use crate::worker::payment::payer;
use crate::worker::run::{Answer, Failed};
use bytes::Bytes;
use futures::future::BoxFuture;
use moot_host::{Event, Fault, LedgerError, LedgerPort};
use moot_ledger::limits::VALUE_RETENTION_S;
use moot_ledger::{Ledger, PayloadBytes, Pending, Refused};
use moot_record::{AccountId, CallKind, EntryId, FunctionKind, FunctionName, Payload, Value, check_path};
use std::sync::Arc;

/// The port of one call.
struct Port {
    worker: Arc<Worker>,
    function: FunctionName,
    owner: AccountId,
    /// Who pays for the call, and so for what is written in it.
    payer: Option<AccountId>,
    call: EntryId,
    depth: u32,
    trace: Option<String>,
}

/// The port that `job`'s guest gets.
pub(crate) fn port(job: &Job, depth: u32) -> Arc<dyn LedgerPort> {
    Arc::new(Port {
        worker: job.worker.clone(),
        function: job.function.name.clone(),
        owner: job.function.owner,
        payer: payer(&job.function, job.caller).ok(),
        call: job.id(),
        depth,
        trace: job.trace.clone(),
    })
}

impl LedgerPort for Port {
    fn write(&self, path: String, value: Bytes) -> BoxFuture<'static, Result<String, LedgerError>> {
        let (worker, owner, function, call) =
            (self.worker.clone(), self.owner, self.function.clone(), self.call);
        let payer = self.payer;
        Box::pin(async move {
            check_path(&path).map_err(|e| LedgerError::Invalid(e.to_string()))?;
            if value.len() > MAX_VALUE_BYTES {
                return Err(LedgerError::TooLarge(MAX_VALUE_BYTES as u64));
            }
            let ledger = &worker.ledger;
            let verdict = ledger.judge(&path, Some(owner), Some(&function), &value);
            if !verdict.allowed {
                return Err(LedgerError::Denied(why_denied(&verdict)));
            }
            let entry = Value {
                account: Some(owner),
                function: Some(function),
                parent: Some(call),
                ..Value::new(path, Payload::inlined(&value))
            };
            let promise = worker.hold_value(payer, &entry).map_err(|e| LedgerError::Denied(e.to_string()))?;
            let kept = PayloadBytes::KeepFor { bytes: value, retention_s: VALUE_RETENTION_S };
            let pending = ledger.append_value(entry, kept).map_err(refused)?;
            promise.until_charged(&pending);
            judged(ledger, &pending).await
        })
    }

    fn call(
        &self,
        function: String,
        content_type: Option<String>,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Vec<u8>, LedgerError>> {
        let order = self.order(function, content_type, payload);
        let worker = self.worker.clone();
        Box::pin(async move {
            let job = worker.begin(order?).await.map_err(|e| match e {
                BeginError::Refused(e) => refused(e),
                e => LedgerError::Unavailable(e.to_string()),
            })?;
            // On a task of its own: when the caller is ended at its deadline, the callee still gets its receipt.
            let executed = tokio::spawn(job.execute()).await;
            match executed.map_err(|e| LedgerError::Unavailable(e.to_string()))? {
                Ok(Executed::Finished(done)) => match done.result {
                    Ok(Answer::Bytes(bytes)) => Ok(bytes.to_vec()),
                    Ok(_) => Err(LedgerError::Aborted("another kind of answer".to_owned())),
                    Err(Failed::Fault(Fault::Guest(failure))) => Err(LedgerError::Failed(failure)),
                    Err(_) => Err(LedgerError::Aborted(done.status.as_str().to_owned())),
                },
                Ok(Executed::Streaming { .. }) => Err(LedgerError::Aborted("a streamed answer".to_owned())),
                Err(error) => Err(LedgerError::Unavailable(error.to_string())),
            }
        })
    }
}

impl Port {
    fn order(
        &self,
        function: String,
        content_type: Option<String>,
        payload: Bytes,
    ) -> Result<Order, LedgerError> {
        if self.depth >= MAX_CALL_DEPTH {
            return Err(LedgerError::TooDeep(MAX_CALL_DEPTH));
        }
        let name: FunctionName =
            function.parse().map_err(|e: moot_record::ParseError| LedgerError::Invalid(e.to_string()))?;
        let registry = self.worker.registry();
        let Some(active) = registry.get(&name) else { return Err(LedgerError::NoSuchFunction(function)) };
        if active.spec.kind != FunctionKind::Event {
            let kind = active.spec.kind.as_str();
            return Err(LedgerError::Invalid(format!(
                "{function} is of kind {kind}; functions call functions of kind event"
            )));
        }
        if let Err(why) = self.worker.ledger.admits(&active.access, Some(self.owner), Some(&self.function)) {
            return Err(LedgerError::Denied(format!("{function} does not admit {}: {why}", self.owner)));
        }
        let most = active.spec.limits.request_bytes;
        if payload.len() as u64 > most {
            return Err(LedgerError::TooLarge(most));
        }
        let event = Event {
            source: format!("function:{}", self.function),
            content_type,
            attributes: Vec::new(),
            payload,
        };
        Ok(Order {
            function: active.clone(),
            kind: CallKind::Event,
            input: input::of_event(&event),
            caller: Some(self.owner),
            parent: Some(self.call),
            origin: None,
            depth: self.depth + 1,
            trace: self.trace.clone(),
            reservation: None,
        })
    }
}

/// Waits for the block that judges a value; gives its address, or why it was denied.
async fn judged(ledger: &Ledger, pending: &Pending) -> Result<String, LedgerError> {
    let id = pending.id();
    let unavailable =
        |why: String| LedgerError::Unavailable(format!("the value is recorded as {id}, and {why}"));
    let ordered = tokio::time::timeout(VALUE_VERDICT_WAIT, pending.finalized()).await;
    ordered
        .map_err(|_| unavailable(format!("no block has judged it within {VALUE_VERDICT_WAIT:?}")))?
        .map_err(|error| unavailable(error.to_string()))?;
    match ledger.denied(id).map_err(|error| unavailable(error.to_string()))? {
        None => Ok(id.to_string()),
        Some(refusal) => Err(LedgerError::Denied(refusal.to_string())),
    }
}

fn refused(error: Refused) -> LedgerError {
    match error {
        Refused::TooLarge { max, .. } => LedgerError::TooLarge(max as u64),
        error => LedgerError::Unavailable(error.to_string()),
    }
}
