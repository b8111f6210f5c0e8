//! A loaded HTTP function as a `tower::Service`.

use crate::call::report::Failed;
use crate::{CallContext, Function, GuestBody};
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body::Body;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A function of kind http, behind the trait that hyper, axum and tower speak.
///
/// Every request makes a [`CallContext`] by the closure given to [`HttpService::new`]. The report of a call is
/// dropped; use [`Function::call_http`] to have it.
#[derive(Clone)]
pub struct HttpService {
    function: Function,
    context: Arc<dyn Fn(&http::request::Parts) -> CallContext + Send + Sync>,
}

impl HttpService {
    /// Serves `function`, with a context made for every request.
    pub fn new(
        function: Function,
        context: impl Fn(&http::request::Parts) -> CallContext + Send + Sync + 'static,
    ) -> HttpService {
        HttpService { function, context: Arc::new(context) }
    }
}

impl<B> tower_service::Service<http::Request<B>> for HttpService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = http::Response<GuestBody>;
    type Error = Failed;
    type Future = BoxFuture<'static, Result<Self::Response, Failed>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let function = self.function.clone();
        let (parts, body) = request.into_parts();
        let cx = (self.context)(&parts);
        let request = http::Request::from_parts(parts, body);
        Box::pin(async move { Ok(function.call_http(cx, request).await?.response) })
    }
}
