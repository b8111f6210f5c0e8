//! Calls of kind http: `wasi:http` 0.2 and 0.3, bodies streamed both ways.
//!
//! ```text
//!  request ──► guest, polled here once ──ended──► head, whole body, report
//!                     │ pending: moves to a task of its own
//!                     ▼
//!              head as soon as it is set; body as it is written; report when the guest has ended
//! ```
//!
//! Most guests end in the first poll, and a task for each of them would cost more than they do.

use crate::call::body::{GuestBody, Link};
use crate::call::http_0_3;
use crate::call::pace::Paced;
use crate::call::report::{Failed, Report};
use crate::call::run::{Running, Stopped, within};
use crate::function::Entry;
use crate::state::State;
use crate::{CallContext, Fault, Function, Kind};
use bytes::Bytes;
use futures::future::{BoxFuture, Either};
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

/// The answer of an HTTP function, as soon as its head is there.
#[derive(Debug)]
pub struct HttpAnswer {
    /// Head and streamed body.
    pub response: http::Response<GuestBody>,
    /// Resolves when the guest has ended, with the whole report. The body must be read, or dropped, for that.
    pub report: Reporting,
}

/// The report to come.
#[derive(Debug)]
pub struct Reporting(Coming);

#[derive(Debug)]
enum Coming {
    Here(Option<Box<Report>>),
    Later(oneshot::Receiver<Report>),
}

impl Future for Reporting {
    type Output = Report;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        match &mut self.0 {
            Coming::Here(report) => Poll::Ready(report.take().map_or_else(Report::default, |r| *r)),
            Coming::Later(receiver) => Pin::new(receiver).poll(cx).map(|r| r.unwrap_or_else(|_| lost())),
        }
    }
}

/// The report of a guest whose task is gone: the runtime was shut down.
fn lost() -> Report {
    let fault = Fault::Host { message: "the guest's task was ended".to_owned() };
    Report { fault: Some(fault), ..Report::default() }
}

/// A response as the guest set it, or the error code it answered with.
pub(crate) type Head = Result<http::Response<WasiBody>, String>;

/// What a guest needs to know about its request.
pub(crate) struct Incoming {
    pub(crate) request: http::Request<WasiBody>,
    pub(crate) head: oneshot::Sender<Head>,
    pub(crate) link: Arc<Link>,
}

impl Function {
    /// Calls an HTTP function, in a fresh instance. The request must have an authority, in its URI or as `Host`.
    ///
    /// Dropping the future before it resolves ends the guest, if the guest has not been pending yet.
    ///
    /// # Errors
    /// [`Failed`] when the guest ended without a response; later faults are in the answer's report.
    pub async fn call_http<B>(&self, cx: CallContext, request: http::Request<B>) -> Result<HttpAnswer, Failed>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let bodiless = request.method() == http::Method::HEAD;
        let request = request.map(|body| Paced(body.map_err(broken).boxed_unsync()).boxed_unsync());
        let (head, mut coming) = oneshot::channel();
        let link = Arc::<Link>::default();
        let incoming = Incoming { request, head, link: link.clone() };
        let run = Running::start(&self.inner, cx);
        let (mut guest, read): (BoxFuture<'static, Report>, _) = match &self.inner.entry {
            Entry::Http(pre) => (Box::pin(serve(pre.clone(), run, incoming)), None),
            Entry::Http03(pre) => {
                let (read, done) = oneshot::channel();
                (Box::pin(http_0_3::serve(pre.clone(), run, incoming, done)), Some(read))
            }
            _ => {
                let fault = Fault::WrongKind { is: self.kind(), needs: Kind::Http };
                return Err(failed(fault, Report::default()));
            }
        };
        let limit = self.inner.policy.limits.response_bytes;
        let first = std::future::poll_fn(|cx| Poll::Ready(guest.as_mut().poll(cx))).await;
        if let Poll::Ready(report) = first {
            return match coming.try_recv() {
                Ok(Ok(response)) => whole(response, limit, bodiless, link, report),
                head => Err(headless(head.ok(), report)),
            };
        }
        let (done, report) = oneshot::channel();
        tokio::spawn(async move {
            // Nobody may wait for the report; then it is dropped.
            let _ = done.send(guest.await);
        });
        match coming.await {
            Ok(Ok(response)) => match streamed(response, limit, bodiless, link, read) {
                Ok(response) => Ok(HttpAnswer { response, report: Reporting(Coming::Later(report)) }),
                Err(fault) => Err(failed(fault, report.await.unwrap_or_else(|_| lost()))),
            },
            head => {
                drop(read);
                Err(headless(head.ok(), report.await.unwrap_or_else(|_| lost())))
            }
        }
    }
}

/// Runs a guest of `wasi:http` 0.2 to its end.
async fn serve(pre: ProxyPre<State>, mut run: Running, incoming: Incoming) -> Report {
    let Incoming { request, head, link } = incoming;
    let deadline = run.deadline();
    let store = &mut run.store;
    let work = async {
        let scheme = if request.uri().scheme() == Some(&http::uri::Scheme::HTTPS) {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(scheme, request)?;
        let answer = |answer: Result<http::Response<WasiBody>, ErrorCode>| {
            // The reader may have gone; the guest goes on.
            let _ = head.send(answer.map_err(|code| format!("{code:?}")));
        };
        let out = http.new_response_outparam_from_callback(answer)?;
        let guest = pre.instantiate_async(&mut *store).await?;
        store.data_mut().reached = true;
        guest.wasi_http_incoming_handler().call_handle(&mut *store, request, out).await?;
        Ok(())
    };
    let outcome = within(deadline, unless_stopped(&link, work)).await;
    run.finish_then(outcome, |report| link.ended(report.fault.as_ref())).1
}

/// Does the work unless the reader of the body stops it.
pub(crate) async fn unless_stopped<T>(
    link: &Link,
    work: impl Future<Output = Result<T, Stopped>>,
) -> Result<T, Stopped> {
    let (work, stopped) = (std::pin::pin!(work), std::pin::pin!(link.stopped()));
    match futures::future::select(work, stopped).await {
        Either::Left((result, _)) => result,
        Either::Right((fault, _)) => Err(Stopped::Fault(fault)),
    }
}

/// The answer of a guest that has ended: all of it is there.
fn whole(
    response: http::Response<WasiBody>,
    limit: u64,
    bodiless: bool,
    link: Arc<Link>,
    mut report: Report,
) -> Result<HttpAnswer, Failed> {
    if let Some(fault) = report.fault.clone() {
        return Err(failed(fault, report));
    }
    let response = streamed(response, limit, bodiless, link, None).and_then(|response| {
        let (parts, body) = response.into_parts();
        Ok(http::Response::from_parts(parts, body.settle()?))
    });
    match response {
        Ok(response) => Ok(HttpAnswer { response, report: Reporting(Coming::Here(Some(Box::new(report)))) }),
        Err(fault) => {
            report.fault = Some(fault.clone());
            Err(failed(fault, report))
        }
    }
}

/// The answer of a guest that may still be writing.
fn streamed(
    response: http::Response<WasiBody>,
    limit: u64,
    bodiless: bool,
    link: Arc<Link>,
    read: Option<oneshot::Sender<()>>,
) -> Result<http::Response<GuestBody>, Fault> {
    let (parts, body) = response.into_parts();
    if parts.status.is_informational() {
        let code = format!("it answered with status {}, which only a server itself may send", parts.status);
        return Err(Fault::HttpError { code });
    }
    let bodiless = bodiless || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let promised = if bodiless { None } else { content_length(&parts.headers)? };
    let body = GuestBody::new(body, limit, promised, link, read);
    Ok(http::Response::from_parts(parts, body))
}

/// The length that a head promises. The engine has let through at most one field; this holds it to that.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let digits = value.to_str().ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
    match (digits.and_then(|v| v.parse().ok()), values.next()) {
        (Some(length), None) => Ok(Some(length)),
        _ => Err(Fault::HttpError { code: "its content-length is not one number".to_owned() }),
    }
}

/// Why there is no response.
fn headless(head: Option<Head>, mut report: Report) -> Failed {
    let fault = match (head, report.fault.clone()) {
        (_, Some(fault)) => fault,
        (Some(Err(code)), None) => Fault::HttpError { code },
        (_, None) => Fault::NoResponse,
    };
    report.fault = Some(fault.clone());
    failed(fault, report)
}

fn failed(fault: Fault, mut report: Report) -> Failed {
    report.fault.get_or_insert_with(|| fault.clone());
    Failed { fault, report: Box::new(report) }
}

/// A request's body that broke off, as the guest sees it.
fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::InternalError(Some(format!("the request's body broke off: {}", error.into())))
}
