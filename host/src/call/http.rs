//! Calls of kind http: `wasi:http/incoming-handler`, bodies streamed both ways.

use crate::call::report::{Failed, Report};
use crate::{CallContext, Function};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The answer of an HTTP function, as soon as its head is there.
#[derive(Debug)]
pub struct HttpAnswer {
    /// Head and streamed body.
    pub response: http::Response<GuestBody>,
    /// Resolves when the guest has ended, with the whole report. The body must be read (or dropped) for that.
    pub report: Reporting,
}

/// The body of an HTTP function's response, as the guest writes it.
#[derive(Debug)]
pub struct GuestBody(());

/// The report to come.
#[derive(Debug)]
pub struct Reporting(());

/// Why a guest's body broke off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the guest's body broke off: {reason}")]
pub struct BodyError {
    /// What happened.
    pub reason: String,
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        todo!()
    }
}

impl Future for Reporting {
    type Output = Report;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Report> {
        todo!()
    }
}

impl Function {
    /// Calls an HTTP function, in a fresh instance. The request must have an authority, in its URI or as `Host`.
    ///
    /// # Errors
    /// [`Failed`] when the guest ended without a response; later faults are in the answer's report.
    pub async fn call_http<B>(&self, cx: CallContext, request: http::Request<B>) -> Result<HttpAnswer, Failed>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let _ = (cx, request);
        todo!()
    }
}
