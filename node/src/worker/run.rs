//! Runs a recorded input on the host, to an outcome that a receipt can state.

use crate::limits::{BUFFERED_RESPONSE_BYTES, STREAM_AFTER};
use crate::worker::input::{self, TypedInput};
use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body_util::{BodyExt, Full};
use moot_host::{
    Arguments, CallContext, FailureKind, Fault, FaultKind, Function, GuestBody, HttpAnswer, Report, Reporting,
};
use moot_record::{CallKind, HttpField, HttpResponseHead, Status};

/// What a function answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An HTTP response.
    Http(Box<Parts>, Bytes),
    /// The bytes of a function of kind event.
    Bytes(Bytes),
    /// A typed result: JSON, or WAVE when `wave`.
    Text { text: String, wave: bool },
}

impl Answer {
    /// A recorded output as the answer that it was. `wave`: for a typed call whose arguments were WAVE.
    pub(crate) fn recorded(kind: &CallKind, output: Bytes, wave: bool) -> Result<Answer, String> {
        Ok(match kind {
            CallKind::Http => {
                let (head, body) = HttpResponseHead::split(&output).map_err(|error| error.to_string())?;
                let body = output.slice_ref(body);
                let mut response = http::Response::new(());
                *response.status_mut() =
                    http::StatusCode::from_u16(head.status).map_err(|e| e.to_string())?;
                for field in head.headers {
                    let name: http::HeaderName = field.name.parse().map_err(not_http)?;
                    let value = http::HeaderValue::from_bytes(&field.value).map_err(not_http)?;
                    response.headers_mut().append(name, value);
                }
                Answer::Http(Box::new(response.into_parts().0), body)
            }
            CallKind::Event => Answer::Bytes(output),
            CallKind::Typed { .. } => {
                let text = String::from_utf8(output.into()).map_err(|error| error.to_string())?;
                Answer::Text { text, wave }
            }
        })
    }
}

fn not_http(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// As this process saw it.
    Fault(Fault),
    /// As its receipt and its output say.
    Said { status: Status, text: String },
}

impl Failed {
    /// What a worker says of a call that failed. A function's own failure has its kind at the front of its text.
    pub(crate) fn said(status: Status, output: &[u8]) -> Failed {
        let text = String::from_utf8_lossy(output);
        let own = text.split_once(": ").filter(|_| status == Status::Failed);
        let kind = own.and_then(|(kind, _)| FAILURES.into_iter().find(|known| known.as_str() == kind));
        match (kind, own) {
            (Some(kind), Some((_, message))) => {
                Failed::Fault(Fault::Guest(moot_host::Failure { kind, message: message.to_owned() }))
            }
            _ => Failed::Said { status, text: text.into_owned() },
        }
    }
}

const FAILURES: [FailureKind; 7] = [
    FailureKind::Invalid,
    FailureKind::Denied,
    FailureKind::NotFound,
    FailureKind::Conflict,
    FailureKind::Unavailable,
    FailureKind::Internal,
    FailureKind::Typed,
];

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Answer, Fault>,
    pub(crate) report: Report,
}

/// A response that is too long or too slow to be held back.
pub(crate) struct Streaming {
    pub(crate) parts: Parts,
    pub(crate) begun: Bytes,
    pub(crate) rest: GuestBody,
    pub(crate) report: Reporting,
}

/// A call that has ended, or whose answer flows.
pub(crate) enum Ran {
    Done(Outcome),
    Streaming(Box<Streaming>),
}

/// Runs a call from its recorded input.
pub(crate) async fn run(function: &Function, cx: CallContext, kind: &CallKind, input: &Bytes) -> Ran {
    match kind {
        CallKind::Http => run_http(function, cx, input).await,
        CallKind::Event => Ran::Done(run_event(function, cx, input).await),
        CallKind::Typed { export } => Ran::Done(run_typed(function, cx, export, input).await),
    }
}

/// The same to its end: an answer that flows is gathered, as far as its function may answer.
pub(crate) async fn run_whole(
    function: &Function,
    cx: CallContext,
    kind: &CallKind,
    input: &Bytes,
) -> Outcome {
    let Streaming { parts, begun, mut rest, report } = match run(function, cx, kind, input).await {
        Ran::Done(outcome) => return outcome,
        Ran::Streaming(streaming) => *streaming,
    };
    let mut body = BytesMut::from(begun);
    let mut broken = None;
    while let Some(frame) = rest.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => body.extend_from_slice(&data),
            Ok(Err(_trailers)) => {}
            Err(error) => {
                broken = Some(error.fault);
                break;
            }
        }
    }
    drop(rest);
    let mut report = report.await;
    report.fault = report.fault.or(broken);
    let result = match &report.fault {
        None => Ok(Answer::Http(Box::new(parts), body.freeze())),
        Some(fault) => Err(fault.clone()),
    };
    Outcome { result, report }
}

async fn run_http(function: &Function, cx: CallContext, input: &Bytes) -> Ran {
    let request = match input::to_http(input) {
        Ok(request) => request.map(Full::new),
        Err(error) => return Ran::Done(unreadable(&error)),
    };
    let HttpAnswer { response, report } = match function.call_http(cx, request).await {
        Ok(answer) => answer,
        Err(failed) => {
            return Ran::Done(Outcome { result: Err(failed.fault), report: *failed.report });
        }
    };
    let (parts, mut rest) = response.into_parts();
    match begin(&mut rest).await {
        Begun::All(body) => {
            let report = report.await;
            let result = match &report.fault {
                None => Ok(Answer::Http(Box::new(parts), body)),
                Some(fault) => Err(fault.clone()),
            };
            Ran::Done(Outcome { result, report })
        }
        Begun::Broken(broken) => {
            // A guest that goes on writing finds nobody.
            drop(rest);
            let mut report = report.await;
            let fault = report.fault.get_or_insert(broken).clone();
            Ran::Done(Outcome { result: Err(fault), report })
        }
        Begun::More(begun) => Ran::Streaming(Box::new(Streaming { parts, begun, rest, report })),
    }
}

enum Begun {
    All(Bytes),
    More(Bytes),
    Broken(Fault),
}

/// Reads a body as far as it is held back: to its end, to the buffer's size, or until it makes people wait.
async fn begin(body: &mut GuestBody) -> Begun {
    let mut first = Bytes::new();
    let mut more: Option<BytesMut> = None;
    let length = |first: &Bytes, more: &Option<BytesMut>| more.as_ref().map_or(first.len(), BytesMut::len);
    let joined = |first: Bytes, more: Option<BytesMut>| more.map_or(first, BytesMut::freeze);
    let due = tokio::time::Instant::now() + STREAM_AFTER;
    loop {
        if length(&first, &more) > BUFFERED_RESPONSE_BYTES {
            return Begun::More(joined(first, more));
        }
        let frame = match tokio::time::timeout_at(due, body.frame()).await {
            Err(_) => return Begun::More(joined(first, more)),
            Ok(None) => return Begun::All(joined(first, more)),
            Ok(Some(Err(error))) => return Begun::Broken(error.fault),
            Ok(Some(Ok(frame))) => frame,
        };
        // A guest's trailers are rare, and not part of the recorded output: they are not passed on.
        let Ok(data) = frame.into_data() else { continue };
        match &mut more {
            Some(buffer) => buffer.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut buffer = BytesMut::with_capacity(first.len() + data.len());
                buffer.extend_from_slice(&first);
                buffer.extend_from_slice(&data);
                more = Some(buffer);
            }
        }
    }
}

async fn run_event(function: &Function, cx: CallContext, input: &Bytes) -> Outcome {
    let event = match input::to_event(input) {
        Ok(event) => event,
        Err(error) => return unreadable(&error),
    };
    let answer = function.call_event(cx, event).await;
    Outcome { result: answer.result.map(|bytes| Answer::Bytes(bytes.into())), report: answer.report }
}

async fn run_typed(function: &Function, cx: CallContext, export: &str, input: &Bytes) -> Outcome {
    let (answer, wave) = match TypedInput::from_payload(input) {
        Ok(TypedInput::Json(text)) => (function.call_typed(cx, export, Arguments::Json(&text)).await, false),
        Ok(TypedInput::Wave(wave)) => (function.call_typed(cx, export, Arguments::Wave(wave)).await, true),
        Err(error) => return unreadable(&error),
    };
    Outcome { result: answer.result.map(|text| Answer::Text { text, wave }), report: answer.report }
}

fn unreadable(error: &input::BadInput) -> Outcome {
    failed_before(Fault::Host { message: error.to_string() })
}

/// The outcome of a call that never reached its function.
pub(crate) fn failed_before(fault: Fault) -> Outcome {
    let mut report = Report::default();
    report.fault = Some(fault.clone());
    Outcome { result: Err(fault), report }
}

impl Outcome {
    /// The status that its receipt states.
    pub(crate) fn status(&self) -> Status {
        self.result.as_ref().err().map_or(Status::Ok, status_of)
    }

    /// The bytes whose digest its receipt states: the answer, or why there is none.
    pub(crate) fn output(&self) -> Bytes {
        match &self.result {
            Ok(Answer::Http(parts, body)) => Bytes::from(response_head(parts).with_body(body)),
            Ok(Answer::Bytes(bytes)) => bytes.clone(),
            Ok(Answer::Text { text, .. }) => Bytes::copy_from_slice(text.as_bytes()),
            Err(Fault::Guest(failure)) => Bytes::from(failure.to_string()),
            Err(fault) => Bytes::from(fault.to_string()),
        }
    }
}

/// The receipt status of a fault.
pub(crate) fn status_of(fault: &Fault) -> Status {
    match fault.kind() {
        FaultKind::Failed => Status::Failed,
        FaultKind::Trapped => Status::Trapped,
        FaultKind::OutOfFuel => Status::OutOfFuel,
        FaultKind::Deadline => Status::Deadline,
        FaultKind::LimitExceeded => Status::LimitExceeded,
        FaultKind::Denied => Status::Denied,
        _ => Status::Unavailable,
    }
}

/// A response's head as it is recorded.
pub(crate) fn response_head(parts: &Parts) -> HttpResponseHead {
    let fields = parts.headers.iter();
    HttpResponseHead {
        status: parts.status.as_u16(),
        headers: fields
            .map(|(n, v)| HttpField { name: n.as_str().to_owned(), value: v.as_bytes().to_vec() })
            .collect(),
    }
}
