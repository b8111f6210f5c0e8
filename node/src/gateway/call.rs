//! A request that calls a function: who calls, with what, how far to wait, and what to answer.
//!
//! ```text
//!  caller? ──► body (bounded) ──► idempotency key ──► Worker::begin ──► execute ──► answer
//!                                      └─ known: the stored answer       └─ respond-async: 202 once durable
//! ```

use crate::api::{Accepted, header};
use crate::gateway::answer;
use crate::gateway::body::AnswerBody;
use crate::gateway::door::{Door, Visit};
use crate::gateway::idempotency::{self, Key};
use crate::gateway::prefer::{Preferences, Wait};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::survive::Survive;
use crate::gateway::target;
use crate::worker::{
    self, Active, BeginError, Executed, Finished, Job, LoadProblem, Order, TypedInput, Unfinished, Unpaid,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use moot_host::Event;
use moot_ledger::{NotAdmitted, Refused};
use moot_record::{AccountId, CallKind, EntryId, FunctionKind, FunctionName, Payer};
use std::sync::Arc;

/// A call of the function whose route leads to the request's path.
pub(crate) async fn by_route(
    door: &Arc<Door>,
    function: Arc<Active>,
    mut visit: Visit,
) -> Result<Response<AnswerBody>, Failure> {
    let body = visit.read(door, function.spec.limits.request_bytes).await?;
    let caller = caller(door, &function, &visit, &body)?;
    let parts = &visit.parts;
    let (kind, input) = match function.spec.kind {
        FunctionKind::Http => {
            (CallKind::Http, worker::of_http(&parts.method, &parts.uri, &parts.headers, &body).0)
        }
        FunctionKind::Event => {
            let event = worker::http_as_event(&parts.method, &parts.uri, &parts.headers, body);
            (CallKind::Event, worker::of_event(&event))
        }
        FunctionKind::Typed => {
            let export = typed_export(&function, parts.uri.path())?;
            (CallKind::Typed { export }, arguments(&parts.headers, &body)?.payload())
        }
    };
    make(door, function, visit, caller, kind, input).await
}

/// A call through the API: `POST /_moot/functions/{name}/call` and `.../call/{export}`.
pub(crate) async fn by_name(
    door: &Arc<Door>,
    function: Arc<Active>,
    export: Option<String>,
    mut visit: Visit,
) -> Result<Response<AnswerBody>, Failure> {
    let body = visit.read(door, function.spec.limits.request_bytes).await?;
    let caller = caller(door, &function, &visit, &body)?;
    let name = &function.name;
    let (kind, input) = match (function.spec.kind, export) {
        (FunctionKind::Event, None) => {
            let event = Event {
                source: "call:".to_owned(),
                content_type: worker::content_type(&visit.parts.headers),
                attributes: Vec::new(),
                payload: body,
            };
            (CallKind::Event, worker::of_event(&event))
        }
        (FunctionKind::Typed, Some(export)) => {
            (CallKind::Typed { export }, arguments(&visit.parts.headers, &body)?.payload())
        }
        (FunctionKind::Http, _) => {
            let route = &function.spec.route;
            let detail = format!("{name} is of kind http: send it HTTP requests, at {route}");
            return Err(Failure::new(Kind::NotCalledSo, detail));
        }
        (FunctionKind::Event, Some(_)) => {
            let detail = format!(
                "{name} is of kind event and has no exports to choose from: POST to /_moot/functions/{name}/call"
            );
            return Err(Failure::new(Kind::NotCalledSo, detail));
        }
        (FunctionKind::Typed, None) => {
            let detail = format!(
                "{name} is of kind typed: say which export, /_moot/functions/{name}/call/<export>; GET /_moot/functions/{name} lists them"
            );
            return Err(Failure::new(Kind::NoSuchExport, detail));
        }
    };
    make(door, function, visit, caller, kind, input).await
}

/// Who calls, and whether they may.
fn caller(door: &Door, function: &Active, visit: &Visit, body: &Bytes) -> Result<Option<AccountId>, Failure> {
    let caller = door.signer(&visit.parts, body)?;
    if let Err(why) = door.worker.ledger.admits(&function.access, caller, None) {
        return Err(not_admitted(&function.name, caller, &why));
    }
    if function.spec.payer == Payer::Caller && caller.is_none() {
        let detail =
            format!("calls of {} are paid by the caller: sign the request (RFC 9421)", function.name);
        return Err(Failure::new(Kind::SignatureNeeded, detail));
    }
    Ok(caller)
}

/// Asks for a signature where one could change it.
fn not_admitted(name: &FunctionName, caller: Option<AccountId>, why: &NotAdmitted) -> Failure {
    match caller {
        None if why.depends_on_who() => Failure::new(
            Kind::SignatureNeeded,
            format!(
                "{name} does not admit everybody: {why}; sign the request (RFC 9421), as `moot invoke` does"
            ),
        ),
        None => Failure::new(Kind::NotAllowed, format!("{name} admits nobody now: {why}")),
        Some(account) => {
            Failure::new(Kind::NotAllowed, format!("{name} does not admit account {account}: {why}"))
        }
    }
}

/// `/<route>/<export>` for a typed function called by its route.
fn typed_export(function: &Active, path: &str) -> Result<String, Failure> {
    let rest = path.strip_prefix(function.spec.route.as_str()).unwrap_or(path).trim_start_matches('/');
    if rest.is_empty() {
        let detail =
            format!("{} is of kind typed: say which export, {}/<export>", function.name, function.spec.route);
        return Err(Failure::new(Kind::NoSuchExport, detail));
    }
    Ok(target::decoded(rest))
}

/// The arguments of a typed call, by the body's media type.
fn arguments(headers: &HeaderMap, body: &Bytes) -> Result<TypedInput, Failure> {
    let text = std::str::from_utf8(body)
        .map_err(|_| Failure::new(Kind::BadArguments, "the arguments are not UTF-8 text"))?;
    let media = worker::content_type(headers).unwrap_or_default();
    match media.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" | "application/x-www-form-urlencoded" => {
            let text = if text.trim().is_empty() { "[]" } else { text };
            if !text.trim_start().starts_with('[') {
                let detail = "arguments are a JSON array with one element a parameter, such as [1, 2]";
                return Err(Failure::new(Kind::BadArguments, detail));
            }
            Ok(TypedInput::Json(text.to_owned()))
        }
        "text/x-wave" => Ok(TypedInput::Wave(
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        )),
        other => Err(Failure::new(
            Kind::WrongMediaType,
            format!(
                "{other} is not taken: send application/json with a JSON array, or text/x-wave with one argument a line"
            ),
        )),
    }
}

async fn make(
    door: &Arc<Door>,
    function: Arc<Active>,
    visit: Visit,
    caller: Option<AccountId>,
    kind: CallKind,
    input: Bytes,
) -> Result<Response<AnswerBody>, Failure> {
    let headers = &visit.parts.headers;
    let preferences = Preferences::of(headers);
    let reservation = match idempotency::key(door, &function.name, caller, headers, &kind, &input)? {
        Key::None => None,
        Key::Fresh(reservation) => Some(reservation),
        Key::Known(id) => return idempotency::replay(door, id, preferences),
    };
    let order = Order {
        function,
        kind,
        input,
        caller,
        parent: None,
        origin: None,
        depth: 0,
        trace: Some(visit.trace.as_str().to_owned()),
        reservation,
    };
    let job = door.worker.begin(order).await.map_err(not_begun)?;
    if preferences.wait == Wait::Accepted {
        return accept(door, job, preferences).await;
    }
    let id = job.id();
    let executed = Survive::new(job.execute()).await;
    answer(door, id, executed, preferences).await
}

/// `respond-async`: the call runs on a task, and the answer says where to look.
async fn accept(
    door: &Arc<Door>,
    job: Job,
    preferences: Preferences,
) -> Result<Response<AnswerBody>, Failure> {
    let id = job.id();
    let recorded = job.recorded();
    let mut run = tokio::spawn(job.execute());
    if let Some(within) = preferences.async_within()
        && let Ok(Ok(executed)) = tokio::time::timeout(within, &mut run).await
    {
        return answer(door, id, executed, preferences).await;
    }
    if let Some(pending) = recorded {
        pending.durable().await.map_err(|e| unfinished(id, e.into()))?;
    }
    let location = format!("/_moot/calls/{id}");
    let mut response = answer::json(StatusCode::ACCEPTED, &Accepted { id, location: location.clone() });
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(location) {
        headers.insert(http::header::LOCATION, value);
    }
    label(headers, id, None);
    applied(headers, preferences, Wait::Accepted);
    Ok(response)
}

async fn answer(
    door: &Door,
    id: EntryId,
    executed: Result<Executed, Unfinished>,
    preferences: Preferences,
) -> Result<Response<AnswerBody>, Failure> {
    match executed.map_err(|e| unfinished(id, e))? {
        Executed::Streaming { call, parts, frames } => {
            Ok(answer::streaming(call, *parts, frames, preferences))
        }
        Executed::Finished(finished) => finish(door, *finished, preferences).await,
    }
}

/// Waits further when that is asked for, and makes the answer.
async fn finish(
    door: &Door,
    finished: Finished,
    preferences: Preferences,
) -> Result<Response<AnswerBody>, Failure> {
    let mut reached = Wait::Executed;
    if preferences.wait == Wait::Final {
        let ordered = tokio::time::timeout(preferences.final_within(), finished.receipt.finalized()).await;
        if matches!(ordered, Ok(Ok(_))) {
            reached = Wait::Final;
        }
    }
    let receipt = finished.receipt.id();
    let mut response = answer::finished(finished)?;
    if preferences.receipt
        && let Some(value) = answer::receipt_header(door, receipt)
    {
        response.headers_mut().insert(header::RECEIPT, value);
    }
    applied(response.headers_mut(), preferences, reached);
    Ok(response)
}

pub(crate) fn applied(headers: &mut HeaderMap, preferences: Preferences, reached: Wait) {
    if let Some(value) = preferences.applied(reached) {
        headers.insert(header::PREFERENCE_APPLIED, value);
    }
}

/// Puts the call's id and fuel into an answer's headers.
pub(crate) fn label(headers: &mut HeaderMap, id: EntryId, fuel: Option<u64>) {
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(header::CALL, value);
    }
    if let Some(fuel) = fuel {
        headers.insert(header::FUEL, HeaderValue::from(fuel));
    }
}

fn not_begun(error: BeginError) -> Failure {
    let kind = match &error {
        BeginError::Full(_) => Kind::Busy,
        BeginError::Load(LoadProblem::OnTheWay { .. }) => Kind::OnTheWay,
        BeginError::Load(LoadProblem::NoWorker { .. } | LoadProblem::TooFewWorkers { .. }) => {
            Kind::Unavailable
        }
        BeginError::Load(_) => Kind::NotLoaded,
        BeginError::Refused(refused) => of_refused(refused),
        BeginError::Unpaid(_) => Kind::PaymentRequired,
    };
    match error {
        BeginError::Unpaid(error) => unpaid(error),
        error => Failure::new(kind, error.to_string()),
    }
}

/// Nobody pays: what is missing, for people and for programs.
pub(crate) fn unpaid(error: Unpaid) -> Failure {
    let detail = error.to_string();
    match error {
        Unpaid::Short(shortage) => {
            Failure { shortage: Some(Box::new(shortage)), ..Failure::new(Kind::PaymentRequired, detail) }
        }
        Unpaid::Nobody(_) => Failure::new(Kind::SignatureNeeded, detail),
        Unpaid::Read(_) => Failure::internal(detail),
    }
}

fn unfinished(id: EntryId, error: Unfinished) -> Failure {
    let kind = match &error {
        Unfinished::Commit(_) => Kind::Stopping,
        Unfinished::Refused(refused) => of_refused(refused),
    };
    let detail = format!("{error}; the call was recorded, and its receipt will be at /_moot/calls/{id}");
    Failure { call: Some(id), ..Failure::new(kind, detail) }
}

/// The kind of a ledger's refusal.
pub(crate) fn of_refused(refused: &Refused) -> Kind {
    match refused {
        Refused::Full { .. } => Kind::Busy,
        Refused::ReadOnly(_) | Refused::Follows(_) => Kind::ReadOnly,
        Refused::Stopped(_) => Kind::Stopping,
        Refused::TooLarge { .. } => Kind::BodyTooLarge,
        Refused::NotOpen(_) | Refused::OtherPayload { .. } => Kind::Internal,
        Refused::BadBundle(_) => Kind::BadBundle,
        Refused::Revoked { .. } => Kind::KeyRevoked,
        _ => Kind::BundleRefused,
    }
}
