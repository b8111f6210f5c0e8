//! One request on one connection: look up, connect, TLS when asked for, HTTP/1.1, bounded answer.
//!
//! A command sends a handful of requests, so no connection is kept. Every step has a time limit and every answer a
//! size limit: a node that hangs or floods cannot do so to its client.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::address::NodeAddress;
use super::error::ClientError;
use crate::limits::CLIENT_CONNECT_TIMEOUT;

/// A request before it is sent.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub target: String,
    /// Headers; `host` and `content-length` are added.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long the whole answer may take.
    pub timeout: Duration,
    /// The largest answer that is read.
    pub max_answer_bytes: usize,
}

impl Ask {
    /// What is asked for, as messages name it.
    #[must_use]
    pub fn what(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Adds a header; the error names the header whose value cannot be sent.
    pub fn header(mut self, name: &str, value: &str) -> Result<Ask, ClientError> {
        let header = HeaderName::try_from(name)
            .map_err(|_| ClientError::Request(format!("{name:?} is not the name of a header")))?;
        let value = HeaderValue::try_from(value).map_err(|_| {
            ClientError::Request(format!(
                "the value of header `{name}` holds a line break or another control character"
            ))
        })?;
        self.headers.append(header, value);
        Ok(self)
    }
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header as text, when it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Sends `ask` and reads the answer to its end.
pub(crate) async fn send(address: &NodeAddress, ask: &Ask) -> Result<Answer, ClientError> {
    let exchange = async {
        let response = open(address, ask).await?;
        let (parts, mut body) = response.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(address, &error))?;
            if let Some(data) = frame.data_ref() {
                if bytes.len() + data.len() > ask.max_answer_bytes {
                    return Err(ClientError::TooLarge { what: ask.what(), limit: ask.max_answer_bytes });
                }
                bytes.extend_from_slice(data);
            }
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body: bytes.freeze() })
    };
    within(address, ask, ask.timeout, exchange).await
}

/// Sends `ask` and hands back the answer as soon as its head is there; the body streams. The time limit is for the
/// head alone.
pub(crate) async fn stream(address: &NodeAddress, ask: &Ask) -> Result<Response<Incoming>, ClientError> {
    within(address, ask, ask.timeout, open(address, ask)).await
}

async fn within<T>(
    address: &NodeAddress,
    ask: &Ask,
    limit: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(ClientError::Timeout { address: address.to_string(), what: ask.what(), after: limit })
    })
}

async fn open(address: &NodeAddress, ask: &Ask) -> Result<Response<Incoming>, ClientError> {
    let request = request(address, ask)?;
    let connect = TcpStream::connect((address.host(), address.port()));
    let tcp = match tokio::time::timeout(CLIENT_CONNECT_TIMEOUT, connect).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) => return Err(unreachable(address, &error)),
        Err(_) => return Err(unreachable(address, &"no answer to the attempt to connect")),
    };
    let _ = tcp.set_nodelay(true);
    if address.is_secure() {
        let name = ServerName::try_from(address.host().to_owned())
            .map_err(|_| unreachable(address, &"the host is not a name that a certificate can hold"))?;
        let tls = tls().connect(name, tcp).await.map_err(|error| unreachable(address, &error))?;
        exchange(address, tls, request).await
    } else {
        exchange(address, tcp, request).await
    }
}

fn request(address: &NodeAddress, ask: &Ask) -> Result<Request<Full<Bytes>>, ClientError> {
    let mut request = Request::builder()
        .method(ask.method.clone())
        .uri(ask.target.as_str())
        .body(Full::new(ask.body.clone()))
        .map_err(|error| ClientError::Request(format!("{:?} is not a path: {error}", ask.target)))?;
    *request.headers_mut() = ask.headers.clone();
    let host = HeaderValue::try_from(address.authority())
        .map_err(|_| ClientError::Request(format!("{address} is not a host")))?;
    request.headers_mut().entry(header::HOST).or_insert(host);
    let agent = HeaderValue::from_static(concat!("moot/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().entry(header::USER_AGENT).or_insert(agent);
    Ok(request)
}

async fn exchange<S>(
    address: &NodeAddress,
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(address, &error))?;
    // Ends by itself when the answer has been read or dropped.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| {
        if error.is_parse() {
            ClientError::Foreign { address: address.to_string(), why: format!("not HTTP: {error}") }
        } else {
            broken(address, &error)
        }
    })
}

fn tls() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

fn unreachable(address: &NodeAddress, why: &dyn std::fmt::Display) -> ClientError {
    ClientError::Unreachable { address: address.to_string(), why: why.to_string() }
}

fn broken(address: &NodeAddress, error: &dyn std::error::Error) -> ClientError {
    let mut why = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        why = format!("{why}: {error}");
        source = error.source();
    }
    ClientError::Broken { address: address.to_string(), why }
}
