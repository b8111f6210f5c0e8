//! Answers: from what a call came to, to an HTTP response.

use crate::api::header as names;
use crate::gateway::body::AnswerBody;
use crate::gateway::call::{applied, label};
use crate::gateway::door::Door;
use crate::gateway::prefer::{Preferences, Wait};
use crate::gateway::problem::{self, Failure};
use crate::worker::{Answer, Failed, Finished};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use moot_host::{Fault, Frame as StackFrame};
use moot_record::EntryId;
use serde::Serialize;
use tokio::sync::mpsc;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Functions of kind event answer with bytes, and say nothing of their type.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// Media type of WAVE text.
const WAVE: HeaderValue = HeaderValue::from_static("text/x-wave; charset=utf-8");
/// Frames of a guest's stack that a problem shows.
const MAX_FRAMES: usize = 32;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<AnswerBody> {
    match serde_json::to_vec(value) {
        Ok(bytes) => bytes_of(status, JSON, bytes.into()),
        Err(error) => Failure::internal(error).into_response(),
    }
}

/// An answer of some type.
pub(crate) fn bytes_of(status: StatusCode, media: HeaderValue, bytes: Bytes) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The answer of a call whose receipt is durable.
pub(crate) fn finished(finished: Finished) -> Result<Response<AnswerBody>, Failure> {
    let Finished { result, call, fuel, status, .. } = finished;
    let answer = result.map_err(|failed| Failure {
        call: Some(call),
        call_status: Some(status),
        fuel: Some(fuel),
        ..match failed {
            Failed::Fault(fault) => Failure {
                backtrace: fault.backtrace().iter().take(MAX_FRAMES).map(frame).collect(),
                ..Failure::new(problem::of_fault(&fault), detail(&fault))
            },
            Failed::Said { status, text } => Failure::new(problem::of_status(status), text),
        }
    })?;
    let mut response = of_answer(answer);
    label(response.headers_mut(), call, Some(fuel));
    Ok(response)
}

/// A function's answer as an HTTP response.
pub(crate) fn of_answer(answer: Answer) -> Response<AnswerBody> {
    match answer {
        Answer::Http(parts, body) => {
            let mut parts = *parts;
            ours_only(&mut parts.headers);
            if !body.is_empty() {
                // The length is known, and the guest's word for it is not needed.
                parts.headers.remove(header::CONTENT_LENGTH);
            }
            Response::from_parts(parts, AnswerBody::full(body))
        }
        Answer::Bytes(bytes) => bytes_of(StatusCode::OK, BYTES, bytes),
        Answer::Text { text, wave } => bytes_of(StatusCode::OK, if wave { WAVE } else { JSON }, text.into()),
    }
}

/// A guest does not speak for the node.
fn ours_only(headers: &mut HeaderMap) {
    for name in [names::CALL, names::FUEL, names::RECEIPT, names::REPLAYED, names::PREFERENCE_APPLIED] {
        headers.remove(name);
    }
}

/// The answer of a call that flows. Its fuel comes as a trailer, for clients that take trailers.
pub(crate) fn streaming(
    call: EntryId,
    mut parts: Parts,
    frames: mpsc::Receiver<Result<Frame<Bytes>, String>>,
    preferences: Preferences,
) -> Response<AnswerBody> {
    ours_only(&mut parts.headers);
    label(&mut parts.headers, call, None);
    parts.headers.insert(header::TRAILER, HeaderValue::from_static(names::FUEL));
    applied(&mut parts.headers, Preferences { receipt: false, ..preferences }, Wait::Executed);
    Response::from_parts(parts, AnswerBody::Stream(frames))
}

/// The worker's signed word for a receipt, for the `Moot-Receipt` header.
pub(crate) fn receipt_header(door: &Door, receipt: EntryId) -> Option<HeaderValue> {
    let signed = door.worker.ledger.signed(receipt).ok().flatten()?;
    HeaderValue::try_from(BASE64URL_NOPAD.encode(&signed.encode())).ok()
}

fn detail(fault: &Fault) -> String {
    match fault {
        // What a function says of its own failure is its answer: shown as it is.
        Fault::Guest(failure) => failure.message.clone(),
        fault => fault.to_string(),
    }
}

fn frame(frame: &StackFrame) -> String {
    let name = frame.function.clone().unwrap_or_else(|| format!("function {}", frame.index));
    match &frame.source {
        Some(source) => format!("{name} at {source}"),
        None => name,
    }
}
