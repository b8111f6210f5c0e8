//! Values: messages written to a path, and read there.
//!
//! ```text
//!  PUT ──► signer? ──► key known? ──► the rules now ──► paid? ──► recorded ──► its block: allowed (201) or denied (403)
//!  GET ──► the newest of a path, a list of those below it, or events as they come (`follow`)
//! ```
//!
//! - Provides: what is answered with 201 was allowed in its block, on every replica alike.
//! - Does not provide: that what the rules allow now they allow then. The verdict in the block counts.

use super::{Answered, flag, value as parameter};
use crate::api::{ValueView, ValueWritten, ValuesView, header};
use crate::gateway::answer::{bytes_of, json};
use crate::gateway::call::{applied, of_refused, unpaid};
use crate::gateway::door::{Door, Visit};
use crate::gateway::idempotency::{self, Key};
use crate::gateway::prefer::{Preferences, Wait};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::survive::Survive;
use crate::gateway::{target, watching};
use crate::limits::{MAX_LISTED_VALUES, MAX_VALUE_BYTES};
use crate::worker::Worker;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, HeaderValue, StatusCode};
use moot_ledger::limits::VALUE_RETENTION_S;
use moot_ledger::{PayloadBytes, Pending, Refusal, Refused, Verdict, WrittenValue};
use moot_record::{Digest, Entry, EntryId, Payload, Value, check_path};
use std::sync::Arc;

/// Values that are listed when the request does not say how many.
const DEFAULT_LISTED: usize = 50;

/// Why a value that nobody signed is not taken, and what can be done about it.
const UNSIGNED: &str = "this replica does not pay for values that nobody signed: sign the request with a key whose account \
    has units (RFC 9421), as `moot values put` and the SDKs' clients do. Its operator can let it pay for strangers: \
    `pays-for-unsigned = true` below [gateway] in replica.toml, or `moot up --pays-for-unsigned`";

/// Writes a value, by the account that signed the request, which pays for it, or by nobody: then this replica does, if its
/// operator lets it, or nothing is charged on the network. Answers when its block has judged it, unless `respond-async` is
/// preferred: then when it is durable.
#[utoipa::path(put, path = "/_moot/values/{path}", tag = "values", params(("path" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = ValueWritten), (status = 202, body = ValueWritten),
        (status = 401, description = "nobody signed, and this replica does not pay for strangers", body = crate::api::Problem),
        (status = 402, description = "who would pay has too little", body = crate::api::Problem),
        (status = 403, description = "the rules do not allow it, or the key that signed was revoked", body = crate::api::Problem)))]
pub(super) async fn put(door: &Arc<Door>, mut visit: Visit, path: &str) -> Answered {
    let path = path_of(path)?;
    let preferences = Preferences::of(&visit.parts.headers);
    let body = visit.read(door, MAX_VALUE_BYTES as u64).await?;
    let account = door.signer(&visit.parts, &body)?;
    let worker = door.worker.clone();
    if account.is_none() && !door.pays_for_unsigned && worker.ledger.charges() {
        return Err(Failure::new(Kind::SignatureNeeded, UNSIGNED));
    }
    let key = idempotency::of_value(door, &path, account, &visit.parts.headers, &body)?;
    if let Key::Known(id) = key {
        return replay(&worker, id, path);
    }
    let verdict = worker.ledger.judge(&path, account, None, &body);
    if !verdict.allowed {
        return Err(Failure::new(Kind::DeniedByRule, why_denied(&verdict)));
    }
    let payload = Payload::inlined(&body);
    let digest = payload.digest;
    let value = Value { account, ..Value::new(path.as_str(), payload) };
    let promise = worker.hold_value(account, &value).map_err(unpaid)?;
    let kept = PayloadBytes::KeepFor { bytes: body, retention_s: VALUE_RETENTION_S };
    let pending = match key {
        Key::Fresh(reservation) => worker.ledger.append_value_once(value, kept, reservation),
        _ => worker.ledger.append_value(value, kept),
    };
    let pending = pending.map_err(|e: Refused| Failure::new(of_refused(&e), e.to_string()))?;
    promise.until_charged(&pending);
    Survive::new(judged(worker, pending, path, digest, preferences)).await
}

/// Waits for the verdict, as far as that is wanted.
async fn judged(
    worker: Arc<Worker>,
    pending: Pending,
    path: String,
    digest: Digest,
    preferences: Preferences,
) -> Answered {
    pending.durable().await.map_err(|e| Failure::new(Kind::Stopping, e.to_string()))?;
    let within = match preferences.wait {
        Wait::Accepted => preferences.async_within().unwrap_or_default(),
        Wait::Executed | Wait::Final => preferences.final_within(),
    };
    let height = match within.is_zero() {
        true => None,
        false => match tokio::time::timeout(within, pending.finalized()).await {
            Ok(height) => Some(height.map_err(|e| Failure::new(Kind::Stopping, e.to_string()))?),
            Err(_) => None,
        },
    };
    answer(&worker, pending.id(), path, digest, height, preferences)
}

fn answer(
    worker: &Worker,
    id: EntryId,
    path: String,
    digest: Digest,
    height: Option<u64>,
    preferences: Preferences,
) -> Answered {
    if height.is_some()
        && let Some(refusal) = worker.ledger.denied(id).map_err(Failure::internal)?
    {
        let detail = format!("{refusal}; it is recorded as {id}, and was denied in its block");
        let kind = match refusal {
            Refusal::Insufficient { .. } => Kind::PaymentRequired,
            Refusal::AccountRevoked { .. } => Kind::KeyRevoked,
            _ => Kind::DeniedByRule,
        };
        return Err(Failure::new(kind, detail));
    }
    let (status, reached) = match height {
        Some(_) => (StatusCode::CREATED, Wait::Final),
        None => (StatusCode::ACCEPTED, Wait::Accepted),
    };
    let mut response = json(status, &ValueWritten { id, path: path.clone(), digest, height });
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(format!("/_moot/values{path}")) {
        headers.insert(http::header::LOCATION, location);
    }
    applied(headers, preferences, reached);
    Ok(response)
}

/// The answer to a key whose value was recorded before.
fn replay(worker: &Worker, id: EntryId, path: String) -> Answered {
    let ledger = &worker.ledger;
    let Some(Entry::Value(value)) = ledger.entry(id).map_err(Failure::internal)? else {
        return Err(Failure::internal(format!("entry {id} of an idempotency key is no value")));
    };
    let height = ledger.height_of(id).map_err(Failure::internal)?;
    let mut response = answer(worker, id, path, value.payload.digest, height, Preferences::default())?;
    response.headers_mut().insert(header::REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// Why the rules would not allow a value now, with the pattern of the rule that says so.
pub(crate) fn why_denied(verdict: &Verdict) -> String {
    let why = verdict.why.as_deref().unwrap_or("the rule says no");
    match &verdict.rule {
        Some(rule) => format!("the rule of {} does not allow it: {why}", rule.pattern.as_str()),
        None => why.to_owned(),
    }
}

/// The newest value of a path; with `below` a list of the newest of each path below; with `follow` server-sent events
/// named `value`, each a ValueView, of a path or a pattern, from now on or after the value at the address `from` (or
/// `Last-Event-ID`). The first event is an `at`, a ValuesAt whose id can be given as `from` like a value's; more of them
/// come while no value does. Where values after `from` were forgotten, an event `missed`, a ValuesMissed, comes first,
/// then all that are kept.
#[utoipa::path(get, path = "/_moot/values/{path}", tag = "values",
    params(("path" = String, Path), ("below" = Option<bool>, Query), ("limit" = Option<usize>, Query),
        ("after" = Option<String>, Query, description = "list what comes after this path"),
        ("follow" = Option<bool>, Query), ("from" = Option<String>, Query)),
    responses((status = 200, description = "the bytes, with Moot-Value (address), Moot-Height, Moot-Account and Moot-Function", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, body = crate::api::Problem)))]
pub(super) async fn get(door: &Arc<Door>, visit: &Visit, path: &str) -> Answered {
    let query = visit.parts.uri.query();
    if flag(query, "follow") {
        let last = visit.parts.headers.get("last-event-id").and_then(|id| id.to_str().ok());
        return watching::follow(door, path, last.or_else(|| parameter(query, "from")));
    }
    let path = path_of(path)?;
    if flag(query, "below") {
        return below(door, &path, query);
    }
    let ledger = &door.worker.ledger;
    let Some(found) = ledger.latest_value(&path).map_err(Failure::internal)? else {
        let days = VALUE_RETENTION_S / 86_400;
        let detail = format!("nothing was written to {path} in the last {days} days");
        return Err(Failure::new(Kind::NotFound, detail));
    };
    let bytes = match ledger.payload(found.id).map_err(Failure::internal)? {
        Some(bytes) => bytes,
        None => return Err(not_here(door, &found)),
    };
    const MEDIA: HeaderValue = HeaderValue::from_static("application/octet-stream");
    let mut response = bytes_of(StatusCode::OK, MEDIA, bytes);
    describe(response.headers_mut(), &found);
    Ok(response)
}

/// The bytes are at the replica that took them, or nowhere any more.
fn not_here(door: &Door, found: &WrittenValue) -> Failure {
    let WrittenValue { id, value, .. } = found;
    let Payload { digest, bytes, .. } = &value.payload;
    match door.worker.ledger.is_of_own_lane(id) {
        true => Failure::new(Kind::NotKept, format!("the {bytes} bytes of value {id} are not kept any more")),
        false => Failure::new(
            Kind::KeptElsewhere,
            format!(
                "the {bytes} bytes of value {id} are at the replica of lane {}, which took them: ask there; \
                 they have digest {digest}",
                id.lane
            ),
        ),
    }
}

fn describe(headers: &mut HeaderMap, found: &WrittenValue) {
    let mut say = |name: &'static str, text: String| {
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(name, text);
        }
    };
    say(header::VALUE, found.id.to_string());
    say(header::HEIGHT, found.height.to_string());
    if let Some(account) = &found.value.account {
        say(header::ACCOUNT, account.to_string());
    }
    if let Some(function) = &found.value.function {
        say(header::FUNCTION, function.to_string());
    }
}

fn below(door: &Door, path: &str, query: Option<&str>) -> Answered {
    let limit = match parameter(query, "limit") {
        None => DEFAULT_LISTED,
        Some(text) => text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
            let detail = format!("limit={text} is not a number from 1 to {MAX_LISTED_VALUES}");
            Failure::new(Kind::BadRequest, detail)
        })?,
    };
    let limit = limit.min(MAX_LISTED_VALUES);
    let after = parameter(query, "after").map(target::decoded);
    let found = door.worker.ledger.values_below(path, after.as_deref(), limit).map_err(Failure::internal)?;
    let next = (found.len() == limit).then(|| found.last().map(|last| last.value.path.clone())).flatten();
    let values = found.iter().map(view).collect();
    Ok(json(StatusCode::OK, &ValuesView { values, next }))
}

/// A value as people and scripts read it.
pub(crate) fn view(found: &WrittenValue) -> ValueView {
    let Value { path, payload, account, function, parent } = found.value.clone();
    let Payload { digest, bytes, inline } = payload;
    let inline = inline.or_else(|| (bytes == 0).then(Vec::new));
    let (text, base64) = match inline.map(String::from_utf8) {
        Some(Ok(text)) => (Some(text), None),
        Some(Err(other)) => (None, Some(BASE64URL_NOPAD.encode(other.as_bytes()))),
        None => (None, None),
    };
    ValueView {
        id: found.id,
        path,
        height: found.height,
        time_ms: found.time_ms,
        account,
        function,
        call: parent,
        bytes,
        digest,
        text,
        base64,
    }
}

fn path_of(path: &str) -> Result<String, Failure> {
    let path = format!("/{}", target::decoded(path));
    check_path(&path).map_err(|e| Failure::new(Kind::BadRequest, e.to_string()))?;
    Ok(path)
}
