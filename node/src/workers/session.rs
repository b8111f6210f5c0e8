//! One connection of a worker to its replica: dialled, proven, served until it ends.

use super::identity;
use super::joined::causes;
use super::limits::{
    CONNECTION_WINDOW_BYTES, DIAL_TIMEOUT, HANDSHAKE_TIMEOUT, PING_INTERVAL, PING_TIMEOUT,
    STREAM_WINDOW_BYTES,
};
use super::runner::{NoAnswer, NotReady, Runner};
use super::wire::{self, CALLS, CallOrder, FUNCTIONS, HELLO, Hello, Offer};
use crate::limits::{MAX_API_BODY_BYTES, MAX_COMPONENT_BYTES, MAX_PAYLOAD_BYTES};
use crate::network::Address;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use moot_record::AccountId;
use moot_record::limits::{MAX_ENTRY_BYTES, MAX_SPEC_BYTES};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError, ClientConfig};

/// What a head of a frame may have beyond an entry or a spec.
const HEAD_BYTES: usize = 1024;

/// How a session ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It was told to stop, and has answered everything.
    Left,
    /// It never began.
    NotJoined(String),
    /// It broke off.
    Broken(String),
}

/// Dials, and serves until the connection ends or `stop` turns true. `joined` is told when the replica has asked its
/// first question.
pub(super) async fn run(
    runner: &Arc<Runner>,
    address: &Address,
    replica: AccountId,
    tls: Arc<ClientConfig>,
    stop: &mut watch::Receiver<bool>,
    joined: impl FnOnce(),
) -> Ended {
    let stream = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return Ended::Left,
        dialled = dial(address, replica, tls) => match dialled {
            Ok(stream) => stream,
            Err(why) => return Ended::NotJoined(why),
        },
    };
    let (say, asked) = oneshot::channel();
    let visit = Arc::new(Visit {
        runner: runner.clone(),
        hello: OnceLock::new(),
        first: parking_lot::Mutex::new(Some(say)),
    });
    let service = {
        let visit = visit.clone();
        service_fn(move |request| {
            let visit = visit.clone();
            async move { Ok::<_, Infallible>(visit.answer(request).await) }
        })
    };
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // Offers come beside calls.
        .max_concurrent_streams(u32::try_from(runner.max_places + 8).unwrap_or(u32::MAX));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let first = tokio::select! {
        ended = connection.as_mut() => Err(ended.err().map_or_else(|| "it was closed".to_owned(), |e| why(&e))),
        asked = tokio::time::timeout(HANDSHAKE_TIMEOUT, asked) => match asked {
            Ok(Ok(())) => Ok(()),
            _ => Err(format!("it has asked nothing within {HANDSHAKE_TIMEOUT:?}")),
        },
    };
    if let Err(error) = first {
        return Ended::NotJoined(format!(
            "{address} closed the connection before it asked anything ({error}). Does it let {} in? \
             `moot up --allow-worker {}`, or `workers.allow` in its replica.toml; a key that was revoked is let in nowhere",
            runner.account(),
            runner.account()
        ));
    }
    joined();
    tokio::select! {
        ended = connection.as_mut() => return Ended::Broken(match ended {
            Ok(()) => "the replica closed the connection".to_owned(),
            Err(error) => causes(&error),
        }),
        _ = stop.wait_for(|stop| *stop) => {}
    }
    // New calls are told to go elsewhere from here on, and those that run are answered.
    runner.leaving.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut leaving = pin!(tokio::time::timeout(super::limits::LEAVE_TIMEOUT, runner.idle()));
    tokio::select! {
        _ = connection.as_mut() => return Ended::Left,
        _ = leaving.as_mut() => {}
    }
    connection.as_mut().graceful_shutdown();
    // What is still on its way out goes out.
    let _ = tokio::time::timeout(Duration::from_secs(2), connection).await;
    Ended::Left
}

async fn dial(
    address: &Address,
    replica: AccountId,
    tls: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, String> {
    let target = (address.host(), address.port());
    let stream = match tokio::time::timeout(DIAL_TIMEOUT, TcpStream::connect(target)).await {
        Err(_) => return Err(format!("{address} takes no connection within {DIAL_TIMEOUT:?}")),
        Ok(Err(error)) => return Err(format!("{address} cannot be reached: {error}")),
        Ok(Ok(stream)) => stream,
    };
    let _ = stream.set_nodelay(true);
    let name = identity::no_name().map_err(|error| error.to_string())?;
    let shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, TlsConnector::from(tls).connect(name, stream));
    let stream = match shaken.await {
        Err(_) => return Err(format!("{address} has not proven itself within {HANDSHAKE_TIMEOUT:?}")),
        Ok(Err(error)) => return Err(refused(address, replica, &error)),
        Ok(Ok(stream)) => stream,
    };
    if stream.get_ref().1.alpn_protocol() != Some(identity::PROTOCOL) {
        return Err(format!("{address} speaks another version of the workers' protocol"));
    }
    Ok(stream)
}

/// Why the handshake failed, and what to look at.
fn refused(address: &Address, replica: AccountId, error: &std::io::Error) -> String {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => format!(
            "whoever answers at {address} is not replica {replica}: nothing was told to it. `moot status` there shows \
             its account"
        ),
        _ => format!("{address} does not speak the workers' protocol, or not with this worker: {error}"),
    }
}

/// An error of the connection; a refused key shows in it as an alert.
fn why(error: &hyper::Error) -> String {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(found) = next {
        if let Some(rustls::Error::AlertReceived(alert)) = found.downcast_ref::<rustls::Error>()
            && *alert != AlertDescription::CloseNotify
        {
            return format!("it does not know this worker's key, {alert:?}");
        }
        next = match found.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => found.source(),
        };
    }
    causes(error)
}

/// What one connection's questions are answered with.
struct Visit {
    runner: Arc<Runner>,
    hello: OnceLock<Hello>,
    first: parking_lot::Mutex<Option<oneshot::Sender<()>>>,
}

type Reply = Response<Full<Bytes>>;

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}

impl Visit {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        match (&parts.method, path, path.strip_prefix(FUNCTIONS)) {
            (&Method::POST, HELLO, _) => self.hello(body).await,
            (&Method::PUT, _, Some(name)) => self.function(name, body).await,
            (&Method::POST, CALLS, _) => self.call(body).await,
            _ => reply(StatusCode::NOT_IMPLEMENTED, "this worker does not know that question"),
        }
    }

    async fn hello(&self, body: Incoming) -> Reply {
        let Ok(body) = read(body, HEAD_BYTES).await else {
            return reply(StatusCode::BAD_REQUEST, "the greeting is too long, or broke off");
        };
        match serde_json::from_slice(&body) {
            Ok(hello) => drop(self.hello.set(hello)),
            Err(error) => return reply(StatusCode::BAD_REQUEST, error.to_string()),
        }
        if let Some(first) = self.first.lock().take() {
            let _ = first.send(());
        }
        match serde_json::to_vec(&self.runner.welcome()) {
            Ok(welcome) => reply(StatusCode::OK, welcome),
            Err(error) => reply(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }

    async fn function(&self, name: &str, body: Incoming) -> Reply {
        let body = match read(body, MAX_COMPONENT_BYTES + MAX_SPEC_BYTES + HEAD_BYTES).await {
            Ok(body) => body,
            Err(error) => return reply(StatusCode::BAD_REQUEST, error),
        };
        let parsed = name.parse().map_err(|error: moot_record::ParseError| error.to_string());
        let framed = wire::unframe(&body).map_err(|error| error.to_string());
        let offer = framed
            .and_then(|(head, bytes)| Ok((Offer::decode(&head).map_err(|error| error.to_string())?, bytes)));
        let (name, (offer, bytes)) = match (parsed, offer) {
            (Ok(name), Ok(offer)) => (name, offer),
            (Err(why), _) | (_, Err(why)) => return reply(StatusCode::BAD_REQUEST, why),
        };
        match self.runner.prepare(&name, offer, bytes).await {
            Ok(()) => reply(StatusCode::NO_CONTENT, Bytes::new()),
            Err(NotReady::SendBytes) => reply(StatusCode::NOT_FOUND, "send the component's bytes"),
            Err(NotReady::Refused(why)) => reply(StatusCode::UNPROCESSABLE_ENTITY, why),
        }
    }

    async fn call(&self, body: Incoming) -> Reply {
        let not_begun = |why: String| reply(StatusCode::SERVICE_UNAVAILABLE, why);
        let Some(hello) = self.hello.get() else {
            return not_begun("nobody has said for which network".to_owned());
        };
        let body = match read(body, MOST_CALL_BYTES).await {
            Ok(body) => body,
            Err(why) => return not_begun(why),
        };
        let order = wire::unframe(&body).and_then(|(head, input)| Ok((CallOrder::decode(&head)?, input)));
        let (order, input) = match order {
            Ok(order) => order,
            Err(error) => return not_begun(format!("the call does not decode: {error}")),
        };
        match self.runner.call(hello, order, input).await {
            Ok((answer, output)) => reply(StatusCode::OK, wire::frame(&answer.encode(), &output)),
            Err(NoAnswer::NotBegun(why)) => not_begun(why),
            Err(NoAnswer::Broken(why)) => reply(StatusCode::INTERNAL_SERVER_ERROR, why),
        }
    }
}

/// The longest call: an input with its heads, and an entry.
const MOST_CALL_BYTES: usize = MAX_PAYLOAD_BYTES as usize + MAX_API_BODY_BYTES + MAX_ENTRY_BYTES + HEAD_BYTES;

async fn read(body: Incoming, most: usize) -> Result<Bytes, String> {
    let whole = Limited::new(body, most).collect().await;
    Ok(whole.map_err(|error| error.to_string())?.to_bytes())
}
