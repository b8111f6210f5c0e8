//! The spans: one for each request, one for each call. Names by the semantic conventions for HTTP and FaaS:
//! <https://opentelemetry.io/docs/specs/semconv/>.

use http::request::Parts;
use http::{Method, Response};
use moot_record::{EntryId, FunctionName, Receipt, Status};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status as SpanStatus, TraceContextExt as _, TraceFlags,
    TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use parking_lot::Mutex;

use super::Traces;
use crate::api::header;
use crate::gateway::TraceParent;

/// A request, until its answer begins.
pub(crate) struct RequestSpan(Span);

impl Traces {
    /// A request has come; none if nothing is measured. `route` is that of the function which answers, if one does.
    pub(crate) fn request(
        &self,
        parts: &Parts,
        route: impl FnOnce() -> Option<String>,
    ) -> Option<RequestSpan> {
        let tracer = self.tracer()?;
        let method = known(&parts.method);
        let route = route();
        let name = match (&route, method) {
            (Some(route), Some(method)) => format!("{method} {route}"),
            (None, Some(method)) => method.to_owned(),
            (_, None) => "HTTP".to_owned(),
        };
        let mut attributes = vec![
            KeyValue::new("http.request.method", method.unwrap_or("_OTHER")),
            KeyValue::new("url.scheme", "http"),
            // Without the query, in which people put keys.
            KeyValue::new("url.path", parts.uri.path().to_owned()),
        ];
        attributes.extend(route.map(|route| KeyValue::new("http.route", route)));
        let sent = parts.headers.get(header::TRACEPARENT).and_then(|sent| sent.to_str().ok());
        Some(RequestSpan(begin(tracer, name, SpanKind::Server, sent, attributes)))
    }

    /// A call is recorded; `trace` is the span that it belongs to, if it belongs to one.
    pub(crate) fn call(&self, function: &FunctionName, call: EntryId, trace: Option<&str>) -> CallSpan {
        let Some(tracer) = self.tracer() else { return CallSpan::default() };
        let attributes = vec![
            KeyValue::new("faas.name", function.to_string()),
            KeyValue::new("faas.invocation_id", call.to_string()),
        ];
        let span = begin(tracer, function.to_string(), SpanKind::Internal, trace, attributes);
        CallSpan(Some(Box::new(Mutex::new(span))))
    }
}

impl RequestSpan {
    /// What the answer and the function are told.
    pub(crate) fn trace(&self) -> TraceParent {
        TraceParent::of(self.0.span_context())
    }

    /// The answer's head is there.
    pub(crate) fn end<B>(mut self, response: &Response<B>) {
        let status = response.status();
        self.0.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if let Some(call) = response.headers().get(header::CALL).and_then(|call| call.to_str().ok()) {
            self.0.set_attribute(KeyValue::new("faas.invocation_id", call.to_owned()));
        }
        if status.is_server_error() {
            self.0.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            self.0.set_status(SpanStatus::error(""));
        }
    }
}

/// A call, until its receipt is recorded; nothing if nothing is measured. It ends when it is dropped.
#[derive(Default)]
pub(crate) struct CallSpan(Option<Box<Mutex<Span>>>);

impl CallSpan {
    /// What the guest, and what it calls, continue.
    pub(crate) fn trace(&self) -> Option<String> {
        let span = self.0.as_ref()?.lock();
        Some(TraceParent::of(span.span_context()).as_str().to_owned())
    }

    /// What the call's receipt says of it.
    pub(crate) fn answered(&self, receipt: &Receipt) {
        let Some(span) = &self.0 else { return };
        let mut span = span.lock();
        span.set_attribute(KeyValue::new("moot.fuel", i64::try_from(receipt.fuel).unwrap_or(i64::MAX)));
        span.set_attribute(KeyValue::new("moot.status", receipt.status.as_str()));
        if receipt.status != Status::Ok {
            span.set_attribute(KeyValue::new("error.type", receipt.status.as_str()));
            span.set_status(SpanStatus::error(receipt.status.as_str()));
        }
    }
}

fn begin(
    tracer: &SdkTracer,
    name: String,
    kind: SpanKind,
    parent: Option<&str>,
    attributes: Vec<KeyValue>,
) -> Span {
    let parent = parent.and_then(TraceParent::read).and_then(context);
    let parent = parent.map_or_else(Context::new, |of| Context::new().with_remote_span_context(of));
    tracer.span_builder(name).with_kind(kind).with_attributes(attributes).start_with_context(tracer, &parent)
}

/// Methods have to be few: a client may send any word.
fn known(method: &Method) -> Option<&'static str> {
    const KNOWN: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str())
}

fn context(parent: TraceParent) -> Option<SpanContext> {
    let text = parent.as_str();
    let trace = TraceId::from_hex(text.get(3..35)?).ok()?;
    let span = SpanId::from_hex(text.get(36..52)?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(text.get(53..55)?, 16).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::default()))
}
