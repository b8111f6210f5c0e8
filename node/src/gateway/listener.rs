//! Connections: accepted within a bound, spoken to in the protocol they open with, closed politely.
//!
//! ```text
//!  accept ──► place (of max_connections) ──► first bytes: "PRI" ──► HTTP/2
//!                                                         else ──► HTTP/1.1 ──► Service
//! ```
//!
//! Further connections wait in the kernel's queue, so those that have a place are served. On shutdown idle
//! connections close at once, busy ones after their answers, stuck ones when the drain time is over.

use crate::gateway::body::AnswerBody;
use crate::gateway::timed::TimedIo;
use crate::limits::{GatewayLimits, MAX_HEAD_BYTES};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use prometheus_client::metrics::gauge::Gauge;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Pending connections in the kernel while all places are taken.
const BACKLOG: u32 = 1024;
/// Requests that a client may cancel faster than they are begun, before the connection is closed (HTTP/2 rapid
/// reset, CVE-2023-44487). hyper's default, named here so that it cannot change unseen.
const MAX_PENDING_RESETS: usize = 20;
/// Streams that we may reset for a client's errors before the connection is closed.
const MAX_LOCAL_RESETS: usize = 256;
/// What one HTTP/2 connection buffers of answers that its client does not read.
const MAX_SEND_BUFFER_BYTES: usize = 256 * 1024;
/// A silent HTTP/2 peer is asked whether it lives this often.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Opens the listening socket.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves connections until `stop` turns true; returns when all of them are closed or the drain time is over.
pub(crate) async fn serve<S>(
    listener: TcpListener,
    service_for: impl Fn(SocketAddr) -> S,
    limits: Arc<GatewayLimits>,
    open: Gauge,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
{
    let places = Arc::new(Semaphore::new(limits.max_connections));
    let graceful = GracefulShutdown::new();
    let protocols = Arc::new(Protocols::new(&limits));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Mostly "too many open files": waiting lets some connections end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (protocols, service, watcher) = (protocols.clone(), service_for(peer), graceful.watcher());
        let counted = Counted::new(&open, place);
        tokio::spawn(async move {
            protocols.serve(stream, service, watcher).await;
            drop(counted);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!(after = ?limits.drain_timeout, "connections were still busy and are cut off");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Holds a connection's place, and counts it.
struct Counted(Gauge, #[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Counted {
    fn new(open: &Gauge, place: OwnedSemaphorePermit) -> Self {
        open.inc();
        Counted(open.clone(), place)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    header_timeout: Duration,
    write_timeout: Duration,
}

impl Protocols {
    fn new(limits: &GatewayLimits) -> Self {
        let mut http1 = http1::Builder::new();
        // The number of headers stays at hyper's default of 100: setting it costs an allocation a request.
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(MAX_HEAD_BYTES);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(limits.write_timeout)
            .max_concurrent_streams(limits.max_streams)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_LOCAL_RESETS)
            .max_send_buf_size(MAX_SEND_BUFFER_BYTES);
        Protocols { http1, http2, header_timeout: limits.header_timeout, write_timeout: limits.write_timeout }
    }

    async fn serve<S>(&self, stream: TcpStream, service: S, watcher: hyper_util::server::graceful::Watcher)
    where
        S: Service<Request<Incoming>, Response = Response<AnswerBody>, Error = Infallible> + Send + 'static,
        S::Future: Send + 'static,
    {
        let Ok(Ok(http2)) = tokio::time::timeout(self.header_timeout, opens_http2(&stream)).await else {
            return;
        };
        let io = TokioIo::new(TimedIo::new(stream, self.write_timeout));
        let ended = if http2 {
            watcher.watch(self.http2.serve_connection(io, service)).await
        } else {
            watcher.watch(self.http1.serve_connection(io, service)).await
        };
        if let Err(error) = ended {
            // Clients break connections all the time; our own breaks are said where they are decided.
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Whether the client opens with HTTP/2's preface. `PRI` is no method of HTTP/1, and never will be (RFC 9113,
/// section 11.6), so three bytes settle it.
async fn opens_http2(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: &[u8; 3] = b"PRI";
    let mut first = [0u8; 3];
    loop {
        let read = stream.peek(&mut first).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first[..read] != PREFACE[..read] {
            return Ok(false);
        }
        if read == PREFACE.len() {
            return Ok(true);
        }
        // "P" or "PR": the rest comes soon. Peeking again at once would spin.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
