//! Every request: checked, timed, sent to the API or to a function, and said in the access log.

use crate::api;
use crate::gateway::auth::Requests;
use crate::gateway::body::{self, AnswerBody};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::trace::TraceParent;
use crate::gateway::{api as routes, call, target};
use crate::limits::GatewayLimits;
use crate::metrics::Metrics;
use crate::network::Neighbours;
use crate::worker::{Active, Registry, Worker};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use moot_record::AccountId;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// Headers by which a proxy says that a request comes from elsewhere.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// What every request needs.
pub(crate) struct Door {
    pub(crate) worker: Arc<Worker>,
    pub(crate) limits: Arc<GatewayLimits>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) requests: Requests,
    /// Whether this replica pays for values that nobody signed, where they are charged.
    pub(crate) pays_for_unsigned: bool,
    pub(crate) account: AccountId,
    pub(crate) started: Instant,
    /// Turns true when the node is to stop: event streams end then.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) streams: Arc<Semaphore>,
    /// The other replicas of the network.
    pub(crate) neighbours: Arc<Neighbours>,
}

/// A request on its way through the node.
pub(crate) struct Visit {
    pub(crate) parts: Parts,
    pub(crate) body: Option<Incoming>,
    pub(crate) trace: TraceParent,
    /// The request comes from this machine, and from no proxy on it.
    pub(crate) local: bool,
}

impl Visit {
    /// Reads the body, up to `cap` bytes.
    pub(crate) async fn read(&mut self, door: &Door, cap: u64) -> Result<Bytes, Failure> {
        match self.body.take() {
            Some(incoming) => Ok(body::read(incoming, cap, door.limits.body_timeout).await?),
            None => Ok(Bytes::new()),
        }
    }
}

impl Door {
    /// Answers one request. Whatever goes wrong becomes an answer.
    pub(crate) async fn enter(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let begun = Instant::now();
        let (parts, incoming) = request.into_parts();
        let span = self.worker.traces.request(&parts, || self.route_of(parts.uri.path()));
        let trace = match &span {
            Some(span) => span.trace(),
            None => TraceParent::continue_or_start(parts.headers.get(api::header::TRACEPARENT)),
        };
        let log = tracing::enabled!(target: "moot::access", tracing::Level::INFO)
            .then(|| (parts.method.clone(), parts.uri.clone()));
        let local =
            peer.ip().is_loopback() && !FORWARDED.iter().any(|name| parts.headers.contains_key(*name));
        let visit = Visit { parts, body: Some(incoming), trace, local };
        let mut response = match self.serve(visit).await {
            Ok(response) => response,
            Err(failure) => self.refuse(failure),
        };
        if let Some(value) = trace.header() {
            response.headers_mut().insert(api::header::TRACEPARENT, value);
        }
        if let Some(span) = span {
            span.end(&response);
        }
        if let Some((method, uri)) = log {
            let (status, took) = (response.status().as_u16(), begun.elapsed());
            tracing::info!(target: "moot::access", %method, path = uri.path(), status, ?took, trace = trace.as_str());
        }
        Ok(response)
    }

    /// The account that signed a request, with a key that was not revoked; none when it is not signed.
    pub(crate) fn signer(&self, parts: &Parts, body: &[u8]) -> Result<Option<AccountId>, Failure> {
        let account = self.requests.signer(parts, body)?;
        let checked = account.iter().try_for_each(|account| self.worker.ledger.check_signer(account));
        checked.map_err(|error| Failure::new(call::of_refused(&error), error.to_string()))?;
        Ok(account)
    }

    fn refuse(&self, failure: Failure) -> Response<AnswerBody> {
        if failure.call.is_none() {
            self.metrics.refused.inc();
        }
        let call = failure.call;
        let fuel = failure.fuel;
        let mut response = failure.into_response();
        if let Some(id) = call {
            call::label(response.headers_mut(), id, fuel);
        }
        response
    }

    async fn serve(self: &Arc<Self>, visit: Visit) -> Result<Response<AnswerBody>, Failure> {
        let parts = &visit.parts;
        target::check_host(parts.version, &parts.uri, &parts.headers)?;
        target::check_path(&parts.uri)?;
        if parts.method == Method::CONNECT {
            return Err(Failure::new(Kind::WrongMethod, "this is no proxy: CONNECT leads nowhere"));
        }
        let path = parts.uri.path();
        if path == "/_moot" || path.starts_with(api::PREFIX) {
            return routes::serve(self, visit).await;
        }
        let function = self.route(path)?;
        call::by_route(self, function, visit).await
    }

    /// Looks for a function. In a network of several a missing one is looked for again on the ledger itself: it may have
    /// been deployed elsewhere an instant ago, and who was told so may ask here next.
    pub(crate) fn find(&self, look: impl Fn(&Registry) -> Option<Arc<Active>>) -> Option<Arc<Active>> {
        let found = look(&self.worker.registry());
        if found.is_some() || self.neighbours.is_alone() {
            return found;
        }
        self.worker.refresh();
        look(&self.worker.registry())
    }

    /// The route that leads a path to its function.
    fn route_of(&self, path: &str) -> Option<String> {
        Some(self.worker.registry().routes.find(path)?.spec.route.to_string())
    }

    fn route(&self, path: &str) -> Result<Arc<Active>, Failure> {
        self.find(|registry| registry.routes.find(path).cloned()).ok_or_else(|| {
            let shown: String = path.chars().take(200).collect();
            Failure::new(
                Kind::NoRoute,
                format!("no function's route leads to {shown}; GET /_moot/functions lists them, `moot deploy` adds one"),
            )
        })
    }
}
