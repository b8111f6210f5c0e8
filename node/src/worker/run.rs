//! Runs a recorded input on the host, to an outcome that a receipt can state.

use crate::limits::{BUFFERED_RESPONSE_BYTES, STREAM_AFTER};
use crate::worker::input::{self, TypedInput};
use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body_util::{BodyExt, Full};
use moot_host::{
    Arguments, CallContext, Fault, FaultKind, Function, GuestBody, HttpAnswer, Report, Reporting,
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
        Begun::Broken(reason) => {
            let report = report.await;
            let fault = report.fault.clone().unwrap_or(Fault::Host { message: reason });
            Ran::Done(Outcome { result: Err(fault), report })
        }
        Begun::More(begun) => Ran::Streaming(Box::new(Streaming { parts, begun, rest, report })),
    }
}

enum Begun {
    All(Bytes),
    More(Bytes),
    Broken(String),
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
            Ok(Some(Err(error))) => return Begun::Broken(error.to_string()),
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
