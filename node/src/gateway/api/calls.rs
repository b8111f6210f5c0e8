//! Calls and their receipts, as they stand on the ledger.

use super::{Answered, entry_id, flag, private, value};
use crate::api::{
    CallSummary, CallView, Calls, FeeView, OtherReceiptView, PayloadView, ReceiptView, TouchView,
};
use crate::gateway::answer::{bytes_of, json};
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use crate::limits::{FINAL_WAIT, LANE_WAIT, MAX_LISTED_CALLS};
use http::{HeaderValue, StatusCode};
use moot_ledger::{FoundReceipt, ProveError, Refusal, verdict_of};
use moot_record::{Call, CallKind, Entry, EntryId, Evidence, Payload, ReceiptFile};
use std::time::Duration;
use tokio::time::Instant;

/// Calls that are listed when the request does not say how many.
const DEFAULT_LISTED: usize = 50;
/// How often finality is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The newest calls.
#[utoipa::path(get, path = "/_moot/calls", tag = "calls", params(("limit" = Option<usize>, Query)),
    responses((status = 200, body = Calls)))]
pub(super) async fn list(door: &Door, query: Option<&str>) -> Answered {
    let limit = match value(query, "limit") {
        None => DEFAULT_LISTED,
        Some(text) => text.parse().map_err(|_| {
            Failure::new(
                Kind::BadRequest,
                format!("limit={text} is not a number from 1 to {MAX_LISTED_CALLS}"),
            )
        })?,
    };
    let ledger = &door.worker.ledger;
    let recent = ledger.recent(limit.min(MAX_LISTED_CALLS)).map_err(Failure::internal)?;
    let calls = recent.into_iter().map(|(id, call)| {
        let receipt = ledger.receipt_of(id).map_err(Failure::internal)?.map(|(_, receipt)| receipt);
        Ok(CallSummary {
            id,
            kind: kind(&call.kind).to_owned(),
            function: call.function,
            time_us: call.time_us,
            status: receipt.as_ref().map(|r| r.status.as_str().to_owned()),
            fuel: receipt.as_ref().map(|r| r.fuel),
            duration_us: receipt.as_ref().map(|r| r.duration_us),
        })
    });
    Ok(json(StatusCode::OK, &Calls { calls: calls.collect::<Result<_, Failure>>()? }))
}

/// One call with its receipt.
#[utoipa::path(get, path = "/_moot/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, id: &str) -> Answered {
    let id = entry_id(id)?;
    Ok(json(StatusCode::OK, &view(door, id).await?))
}

/// A call as people and scripts read it.
pub(super) async fn view(door: &Door, id: EntryId) -> Result<CallView, Failure> {
    let call = find_soon(door, id).await?;
    let ledger = &door.worker.ledger;
    let receipts = ledger.receipts_of(id, receipts_expected(door, &call)).map_err(Failure::internal)?;
    let mut receipts = receipts.into_iter();
    let first = receipts.next();
    let verdict = first.as_ref().and_then(|first| verdict_of(&first.receipt));
    let others = receipts.map(|other| OtherReceiptView {
        id: other.id,
        worker: other.worker,
        status: other.receipt.status.as_str().to_owned(),
        agrees: verdict.zip(verdict_of(&other.receipt)).map(|(first, other)| first == other),
    });
    let outcome = ledger.transaction_outcome(id).map_err(Failure::internal)?;
    let disputed = outcome.and_then(|outcome| outcome.result.err());
    let disputed = disputed.filter(|why| matches!(why, Refusal::Disputed { .. }));
    let height = ledger.prove(id).ok().map(|proof| proof.block_header.height);
    let export = match &call.kind {
        CallKind::Typed { export } => Some(export.clone()),
        CallKind::Http | CallKind::Event => None,
    };
    Ok(CallView {
        id,
        component: call.component,
        spec: call.spec,
        kind: kind(&call.kind).to_owned(),
        export,
        caller: call.caller,
        parent: call.parent,
        input: payload_view(&call.input),
        time_us: call.time_us,
        fuel_limit: call.fuel_limit,
        function: call.function,
        height,
        receipt: first.map(receipt_view),
        disputed: disputed.map(|why| why.to_string()),
        others: others.collect(),
    })
}

/// The receipt as a file that can be kept and checked offline: signed by the worker, and proven once it is final.
#[utoipa::path(get, path = "/_moot/calls/{id}/receipt", tag = "calls",
    params(("id" = String, Path), ("final" = Option<bool>, Query, description = "wait for the certificate")),
    responses((status = 200, description = "a receipt file, format moot-receipt-1", body = Object),
        (status = 404, body = crate::api::Problem), (status = 409, body = crate::api::Problem)))]
pub(super) async fn receipt(door: &Door, id: &str, query: Option<&str>) -> Answered {
    let call = entry_id(id)?;
    let entry = Entry::Call(find_soon(door, call).await?).encode();
    let due = Instant::now() + FINAL_WAIT;
    let wait = flag(query, "final");
    loop {
        let evidence = evidence(door, call)?;
        let done = match evidence {
            Some(Evidence::Final(_)) => evidence,
            Some(Evidence::Signed(_)) if !wait => evidence,
            _ if wait && Instant::now() < due => None,
            Some(_) => {
                return Err(Failure { call: Some(call), ..not_final("the receipt has no certificate yet") });
            }
            None => return Err(Failure { call: Some(call), ..not_final("the call has no receipt yet") }),
        };
        if let Some(evidence) = done {
            let file = ReceiptFile::new(evidence, Some(entry)).map_err(Failure::internal)?;
            const MEDIA: HeaderValue = HeaderValue::from_static("application/json");
            return Ok(bytes_of(StatusCode::OK, MEDIA, file.to_json().into()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn not_final(what: &str) -> Failure {
    Failure::new(Kind::NotFinal, format!("{what}; ask again shortly"))
}

/// The best evidence that there is for a call's receipt now.
fn evidence(door: &Door, call: EntryId) -> Result<Option<Evidence>, Failure> {
    let ledger = &door.worker.ledger;
    let Some((receipt, _)) = ledger.receipt_of(call).map_err(Failure::internal)? else { return Ok(None) };
    match ledger.prove(receipt) {
        Ok(proof) => Ok(Some(Evidence::Final(proof))),
        Err(ProveError::NotFinal(_) | ProveError::NotFound(_)) => {
            Ok(ledger.signed(receipt).map_err(Failure::internal)?.map(Evidence::Signed))
        }
        Err(error) => Err(Failure::internal(error)),
    }
}

/// What went into a call: exactly the recorded bytes, whose digest its record has.
#[utoipa::path(get, path = "/_moot/calls/{id}/input", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 410, body = crate::api::Problem)))]
pub(super) async fn input(door: &Door, visit: &Visit, id: &str) -> Answered {
    let id = entry_id(id)?;
    let call = find_soon(door, id).await?;
    visible(door, visit, &call)?;
    payload(door, id)
}

/// What came out of a call: exactly the recorded bytes, whose digest its receipt has.
#[utoipa::path(get, path = "/_moot/calls/{id}/output", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 410, body = crate::api::Problem)))]
pub(super) async fn output(door: &Door, visit: &Visit, id: &str) -> Answered {
    let id = entry_id(id)?;
    let call = find_soon(door, id).await?;
    visible(door, visit, &call)?;
    let receipt = door.worker.ledger.receipt_of(id).map_err(Failure::internal)?;
    match receipt {
        Some((receipt, _)) => payload(door, receipt),
        None => Err(Failure { call: Some(id), ..not_final("the call has no receipt yet") }),
    }
}

fn visible(door: &Door, visit: &Visit, call: &Call) -> Result<(), Failure> {
    let owner = door.worker.ledger.function(&call.function).map(|record| record.owner);
    private(door, visit, owner, call.caller)
}

fn payload(door: &Door, id: EntryId) -> Answered {
    const MEDIA: HeaderValue = HeaderValue::from_static("application/octet-stream");
    match door.worker.ledger.payload(id).map_err(Failure::internal)? {
        Some(bytes) => Ok(bytes_of(StatusCode::OK, MEDIA, bytes)),
        None if Some(id.lane) != door.worker.ledger.lane() => Err(Failure::new(
            Kind::NotKept,
            format!(
                "these bytes are not kept here: payloads stay with the replica that took the call, of lane {}",
                id.lane
            ),
        )),
        None => Err(Failure::new(
            Kind::NotKept,
            "these bytes are not kept: the function keeps digests only, or their time is over, or they were erased",
        )),
    }
}

/// A call; one of another replica's lane may still be on its way here, and is waited for a moment.
async fn find_soon(door: &Door, id: EntryId) -> Result<Call, Failure> {
    let worker = &door.worker;
    let lanes = worker.ledger.seats().all().len() as u64;
    if Some(id.lane) == worker.ledger.lane() || u64::from(id.lane) >= lanes {
        return find(door, id);
    }
    let due = Instant::now() + LANE_WAIT;
    while worker.ledger.entry(id).map_err(Failure::internal)?.is_none() && Instant::now() < due {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    find(door, id).map_err(|failure| {
        let detail = format!("{}; it belongs to the lane of replica {}", failure.detail, id.lane);
        Failure { detail, ..failure }
    })
}

fn find(door: &Door, id: EntryId) -> Result<Call, Failure> {
    match door.worker.ledger.entry(id).map_err(Failure::internal)? {
        Some(Entry::Call(call)) => Ok(call),
        Some(_) => Err(Failure::new(Kind::NotFound, format!("{id} is recorded, and is no call"))),
        None if door.worker.ledger.is_pruned(id).map_err(Failure::internal)? => Err(Failure::new(
            Kind::NotKept,
            format!(
                "{id} was pruned here with its block; the oldest block kept is {}. A proof that was given out stays \
                 valid; ask a replica that keeps everything for another",
                door.worker.ledger.kept_from()
            ),
        )),
        None => Err(Failure::new(Kind::NotFound, format!("no call is recorded under {id}"))),
    }
}

fn kind(kind: &CallKind) -> &'static str {
    match kind {
        CallKind::Http => "http",
        CallKind::Event => "event",
        CallKind::Typed { .. } => "typed",
    }
}

fn payload_view(payload: &Payload) -> PayloadView {
    PayloadView { digest: payload.digest, bytes: payload.bytes }
}

/// How many receipts a call may have: of each worker that runs it, and one of the replica's own beside those of several.
fn receipts_expected(door: &Door, call: &Call) -> usize {
    let record = door.worker.ledger.function(&call.function);
    let version = record.iter().flat_map(|record| &record.versions).find(|v| v.spec_digest == call.spec);
    match version.map_or(1, |version| usize::from(version.spec.replicas_k)) {
        0 | 1 => 1,
        several => several + 1,
    }
}

fn receipt_view(found: FoundReceipt) -> ReceiptView {
    let FoundReceipt { id, worker, receipt } = found;
    let touched = receipt.touched.into_iter();
    ReceiptView {
        id,
        worker,
        status: receipt.status.as_str().to_owned(),
        output: payload_view(&receipt.output),
        fuel: receipt.fuel,
        metered: receipt.metered,
        fee: FeeView { ordering: receipt.fee.ordering, execution: receipt.fee.execution },
        touched: touched
            .map(|t| TouchView { kind: t.kind.as_str().to_owned(), target: t.target, count: t.count })
            .collect(),
        time_us: receipt.time_us,
        duration_us: receipt.duration_us,
    }
}
