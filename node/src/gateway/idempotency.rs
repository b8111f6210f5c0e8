//! `Idempotency-Key`: a retry gets the first call's answer, and makes no second call.
//!
//! The key belongs to the function and the caller, and is durable with its call. What counts as the same request is
//! the recorded input: method, path, headers that matter and body. Headers that differ from try to try (such as
//! `traceparent`) do not count.

use crate::api::header::{IDEMPOTENCY_KEY, PREFER, REPLAYED, TRACEPARENT};
use crate::gateway::answer;
use crate::gateway::body::AnswerBody;
use crate::gateway::call::{applied, label};
use crate::gateway::door::Door;
use crate::gateway::prefer::{Preferences, Wait};
use crate::gateway::problem::{self, Failure, Kind};
use crate::limits::MAX_IDEMPOTENCY_KEY_BYTES;
use crate::worker::{Answer, TypedInput};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use moot_ledger::{Idempotency, KeyError, Reservation};
use moot_record::{
    AccountId, CallKind, Digest, Domain, Entry, EntryId, FunctionName, HttpRequestHead, Receipt, Status,
};

const BODY: Domain = Domain::new("moot idempotent body 1");

/// What a request's key means.
pub(crate) enum Key {
    /// There is none.
    None,
    /// It is new: the call is made with this reservation.
    Fresh(Reservation),
    /// Its call was made.
    Known(EntryId),
}

/// Looks up a request's key.
pub(crate) fn key(
    door: &Door,
    function: &FunctionName,
    caller: Option<AccountId>,
    headers: &HeaderMap,
    kind: &CallKind,
    input: &Bytes,
) -> Result<Key, Failure> {
    look(door, function.as_str(), caller, headers, || same_request(kind, input))
}

/// Looks up the key of a request that writes a value.
pub(crate) fn of_value(
    door: &Door,
    path: &str,
    account: Option<AccountId>,
    headers: &HeaderMap,
    value: &Bytes,
) -> Result<Key, Failure> {
    // A path begins with a slash, which no function's name has.
    look(door, path, account, headers, || BODY.hash(value))
}

fn look(
    door: &Door,
    scope: &str,
    caller: Option<AccountId>,
    headers: &HeaderMap,
    body: impl FnOnce() -> Digest,
) -> Result<Key, Failure> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(Key::None) };
    let text = value.to_str().map(|t| t.trim().trim_matches('"')).unwrap_or_default();
    if values.next().is_some() || text.is_empty() || text.len() > MAX_IDEMPOTENCY_KEY_BYTES {
        let detail = format!(
            "an Idempotency-Key is one header of 1 to {MAX_IDEMPOTENCY_KEY_BYTES} printable ASCII characters, such as a random UUID"
        );
        return Err(Failure::new(Kind::BadRequest, detail));
    }
    match door.worker.ledger.idempotent(scope, caller, text, &body()) {
        Ok(Idempotency::Fresh(reservation)) => Ok(Key::Fresh(reservation)),
        Ok(Idempotency::Known(id)) => Ok(Key::Known(id)),
        Ok(Idempotency::InFlight(call)) => Err(Failure { call, ..in_flight() }),
        Ok(Idempotency::Conflict) => Err(Failure::new(
            Kind::KeyReused,
            "this Idempotency-Key was used with another request; the first one counts. Take a new key for a new request",
        )),
        Err(error @ KeyError::Full { .. }) => Err(Failure::new(Kind::Busy, error.to_string())),
        Err(error @ KeyError::Length { .. }) => Err(Failure::new(Kind::BadRequest, error.to_string())),
        Err(KeyError::Read(error)) => Err(Failure::internal(error)),
    }
}

fn in_flight() -> Failure {
    Failure::new(Kind::InFlight, "a request with this Idempotency-Key is being served; ask again shortly")
}

/// A digest that two tries of one request share.
fn same_request(kind: &CallKind, input: &Bytes) -> Digest {
    let mut hasher = BODY.hasher();
    match kind {
        CallKind::Http => match HttpRequestHead::split(input) {
            Ok((mut head, body)) => {
                head.headers.retain(|field| !differs_by_try(&field.name));
                hasher.update(&head.with_body(body));
            }
            Err(_) => drop(hasher.update(input)),
        },
        CallKind::Event => drop(hasher.update(event_without_headers(input).as_ref())),
        CallKind::Typed { export } => {
            hasher.update(&(export.len() as u64).to_le_bytes()).update(export.as_bytes()).update(input);
        }
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// An event's source and payload: its attributes are mostly headers.
fn event_without_headers(input: &Bytes) -> Bytes {
    match moot_record::EventInput::split(input) {
        Ok((mut head, body)) => {
            head.attributes.retain(|(name, _)| name == ":method");
            head.with_body(body).into()
        }
        Err(_) => input.clone(),
    }
}

/// Headers that a client, or a proxy on the way, sends anew with every try.
fn differs_by_try(name: &str) -> bool {
    const SIGNED: [&str; 2] = ["signature", "signature-input"];
    const PATH: [&str; 6] = ["tracestate", "date", "via", "forwarded", "x-forwarded-for", "x-request-id"];
    name == TRACEPARENT
        || name == PREFER
        || name == "user-agent"
        || SIGNED.contains(&name)
        || PATH.contains(&name)
}

/// The stored answer of the call that was made for a key.
pub(crate) fn replay(
    door: &Door,
    id: EntryId,
    preferences: Preferences,
) -> Result<Response<AnswerBody>, Failure> {
    let ledger = &door.worker.ledger;
    let Some((receipt_id, receipt)) = ledger.receipt_of(id).map_err(Failure::internal)? else {
        return Err(Failure { call: Some(id), ..in_flight() });
    };
    let call = match ledger.entry(id).map_err(Failure::internal)? {
        Some(Entry::Call(call)) => call,
        _ => return Err(Failure::internal(format!("entry {id} of an idempotency key is no call"))),
    };
    let output = match &receipt.output.inline {
        Some(inline) => Some(Bytes::from(inline.clone())),
        None if receipt.output.bytes == 0 => Some(Bytes::new()),
        None => ledger.payload(receipt_id).map_err(Failure::internal)?,
    };
    let told = |kind, detail: String| Failure {
        call: Some(id),
        call_status: Some(receipt.status),
        fuel: Some(receipt.fuel),
        ..Failure::new(kind, detail)
    };
    let Some(output) = output else {
        let detail = format!(
            "this request was served as call {id}, and its answer is not kept; its receipt is at /_moot/calls/{id}/receipt"
        );
        return Err(told(Kind::AnswerNotKept, detail));
    };
    if receipt.status != Status::Ok {
        let detail = String::from_utf8_lossy(&output).into_owned();
        return Err(told(failed_kind(&receipt), detail));
    }
    let input =
        if matches!(call.kind, CallKind::Typed { .. }) { ledger.payload(id).ok().flatten() } else { None };
    let wave = input.is_some_and(|i| matches!(TypedInput::from_payload(&i), Ok(TypedInput::Wave(_))));
    let answer = Answer::recorded(&call.kind, output, wave).map_err(Failure::internal)?;
    let mut response = answer::of_answer(answer);
    let headers = response.headers_mut();
    label(headers, id, Some(receipt.fuel));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if preferences.receipt
        && let Some(value) = answer::receipt_header(door, receipt_id)
    {
        headers.insert(crate::api::header::RECEIPT, value);
    }
    applied(headers, Preferences { wait: Wait::Executed, ..preferences }, Wait::Executed);
    Ok(response)
}

/// A function's own failure has its kind at the front of its recorded text.
fn failed_kind(receipt: &Receipt) -> Kind {
    problem::of_status(receipt.status)
}
