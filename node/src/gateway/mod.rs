//! The front door: HTTP/1.1 and HTTP/2 on one listener.
//!
//! ```text
//!  listener ──► connection limits ──► door: host, path, trace ──┬─► API (/_moot/...)
//!                                                               └─► call: route ► worker ► answer
//! ```
//!
//! - Requires: nothing of a client. TLS is for whoever stands in front.
//! - Provides: every head, body, connection, stream and wait is bounded; what is refused was not recorded; what
//!   was recorded goes on without its client; errors are problem details.
//! - Does not provide: fairness between clients, or protection from more traffic than the machine can take.

mod answer;
mod api;
mod auth;
mod body;
mod call;
mod door;
mod idempotency;
mod listener;
mod prefer;
mod problem;
mod sse;
mod survive;
mod target;
mod timed;
mod trace;
mod watching;

use crate::limits::{GatewayLimits, MAX_EVENT_STREAMS};
use crate::network::Neighbours;
use crate::worker::Worker;
use auth::Requests;
use door::Door;
use hyper::service::service_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

pub(crate) use api::values::why_denied;
pub(crate) use listener::bind;
pub(crate) use trace::TraceParent;

/// Serves until `stop` turns true, and then until what was accepted is answered.
pub(crate) fn serve(
    listener: TcpListener,
    worker: Arc<Worker>,
    neighbours: Arc<Neighbours>,
    limits: GatewayLimits,
    pays_for_unsigned: bool,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let limits = Arc::new(limits);
    let metrics = worker.metrics.clone();
    let connections = metrics.connections.clone();
    let door = Arc::new(Door {
        account: worker.ledger.account(),
        worker,
        limits: limits.clone(),
        metrics,
        requests: Requests::new(),
        pays_for_unsigned,
        started: Instant::now(),
        stopping: stop.clone(),
        streams: Arc::new(Semaphore::new(MAX_EVENT_STREAMS)),
        neighbours,
    });
    let service_for = move |peer: SocketAddr| {
        let door = door.clone();
        service_fn(move |request| door.clone().enter(request, peer))
    };
    tokio::spawn(listener::serve(listener, service_for, limits, connections, stop))
}
