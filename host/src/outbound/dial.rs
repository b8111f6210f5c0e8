//! From addresses to a response: TCP, TLS where the scheme says so, one HTTP/1.1 exchange.
//!
//! Nothing here resolves anything: it dials exactly the addresses it is given.

use super::body::Bounded;
use super::target::{Host, Scheme, Target};
use crate::limits::{MAX_OUTBOUND_BODY_BYTES, MAX_OUTBOUND_FIELDS, MAX_OUTBOUND_HEAD_BYTES};
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::{Error, WasiBody};

/// How long each part of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// Until the connection stands, TLS included.
    pub(super) connect: Duration,
    /// From then on, until the response's head is there.
    pub(super) first_byte: Duration,
    /// Between two frames of the response's body.
    pub(super) between_bytes: Duration,
}

/// Tells how a connection ended. Must be polled for the body to come.
pub(super) type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// A response, and what drives its connection.
pub(super) type Sent = Result<(Response<WasiBody>, Done), Error>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// TLS by Mozilla's roots, HTTP/1.1 only.
pub(super) static TLS: LazyLock<Arc<ClientConfig>> =
    LazyLock::new(|| tls(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() }));

pub(super) fn tls(roots: RootCertStore) -> Arc<ClientConfig> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    #[allow(clippy::expect_used, reason = "the provider and the versions are both constants")]
    let builder = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring provides TLS 1.2 and 1.3");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Sends a request to one of `addresses`. `permit` is held until the response's body is dropped.
pub(super) async fn send(
    target: Target,
    addresses: Vec<SocketAddr>,
    request: Request<WasiBody>,
    timeouts: Timeouts,
    tls: Option<Arc<ClientConfig>>,
    permit: OwnedSemaphorePermit,
) -> Sent {
    let until = Instant::now() + timeouts.connect;
    let tcp = connect(&addresses, until).await?;
    let stream: Box<dyn Stream> = match target.scheme {
        Scheme::Http => Box::new(tcp),
        Scheme::Https => {
            let connector = TlsConnector::from(tls.unwrap_or_else(|| TLS.clone()));
            let connecting = connector.connect(server_name(&target.host)?, tcp);
            let stream = timeout_at(until, connecting).await.map_err(|_| Error::ConnectionTimeout)?;
            Box::new(stream.map_err(|error| tls_error(&error))?)
        }
    };
    exchange(stream, request, timeouts, permit).await
}

/// Tries one address after the other; each gets an equal share of the time left.
async fn connect(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, Error> {
    let mut error = Error::DestinationNotFound;
    for (tried, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - tried) as u32;
        error = match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Requests are written whole; waiting for more to send only delays them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => connect_error(error),
            Err(_) => Error::ConnectionTimeout,
        };
    }
    Err(error)
}

/// One request and its response on a fresh connection.
async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<WasiBody>,
    timeouts: Timeouts,
    permit: OwnedSemaphorePermit,
) -> Sent {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_OUTBOUND_HEAD_BYTES)
        .max_headers(MAX_OUTBOUND_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(http_error)?;
    let request = request.map(|body| Bounded::request(body, MAX_OUTBOUND_BODY_BYTES));
    let mut connection = Box::pin(connection);
    let mut ended = false;
    let response = {
        let mut sending = std::pin::pin!(sender.send_request(request));
        let deadline = tokio::time::sleep(timeouts.first_byte);
        let mut deadline = std::pin::pin!(deadline);
        loop {
            // The connection moves only when it is polled, and may end before the response is picked up.
            tokio::select! {
                biased;
                response = &mut sending => break response.map_err(http_error)?,
                result = &mut connection, if !ended => {
                    result.map_err(http_error)?;
                    ended = true;
                }
                () = &mut deadline => return Err(Error::ConnectionReadTimeout),
            }
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Error::HttpUpgradeFailed);
    }
    // The connection's buffer grows in steps, so it lets heads of up to twice the limit pass.
    let head: usize =
        response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if head > MAX_OUTBOUND_HEAD_BYTES {
        return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(head).ok()));
    }
    let announced = response.body().size_hint().lower();
    if announced > MAX_OUTBOUND_BODY_BYTES {
        return Err(Error::HttpResponseBodySize(Some(announced)));
    }
    let response = response.map(|body| {
        let body = body.map_err(http_error);
        Bounded::response(body, MAX_OUTBOUND_BODY_BYTES, timeouts.between_bytes, permit).boxed_unsync()
    });
    let done = async move { if ended { Ok(()) } else { connection.await.map_err(http_error) } };
    Ok((response, Box::new(done)))
}

fn server_name(host: &Host) -> Result<ServerName<'static>, Error> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid),
    }
}

fn connect_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::HostUnreachable => Error::DestinationUnavailable,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => Error::DestinationIpUnroutable,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::InternalError(Some(format!("cannot connect: {error}"))),
    }
}

fn tls_error(error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            tracing::debug!(?why, "outbound: certificate refused");
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

fn http_error(error: hyper::Error) -> Error {
    tracing::debug!(%error, "outbound: exchange failed");
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(Some(MAX_OUTBOUND_HEAD_BYTES as u32));
    }
    if error.is_incomplete_message() {
        return Error::HttpResponseIncomplete;
    }
    if error.is_parse() {
        return Error::HttpProtocolError;
    }
    if error.is_canceled() || error.is_closed() {
        return Error::ConnectionTerminated;
    }
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        // The request's own body failed: say what it said.
        if let Some(Error::HttpRequestBodySize(limit)) = cause.downcast_ref::<Error>() {
            return Error::HttpRequestBodySize(*limit);
        }
        match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::UnexpectedEof) => return Error::HttpResponseIncomplete,
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                return Error::ConnectionTerminated;
            }
            _ => source = cause.source(),
        }
    }
    Error::Hyper(error)
}
