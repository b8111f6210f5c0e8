//! What answers `wasi:http/outgoing-handler` during one call: the policy's word before anything moves.

use super::dial::{self, Done, Sent, Timeouts};
use super::resolve::{self, Resolver, System};
use super::target::Target;
use crate::call::report::{TouchKind, Touches};
use crate::limits::{
    BODY_BUFFER_CHUNKS, BODY_CHUNK_BYTES, MAX_OUTBOUND_OPEN, MAX_OUTBOUND_TIMEOUT, OUTBOUND_CONNECT_TIMEOUT,
    OUTBOUND_SILENCE_TIMEOUT,
};
use crate::state::logs::CallLog;
use crate::{AllowedHost, LogSource, Policy};
use http::header::HOST;
use http::{HeaderValue, Method, Request, Uri, Version};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The outbound side of one call.
pub(crate) struct Hooks {
    policy: Arc<Policy>,
    touched: Touches,
    /// The guest is only told a code; its author reads here what to change.
    log: CallLog,
    /// Made with the first request: most calls send none.
    open: Option<Arc<Semaphore>>,
    resolver: &'static dyn Resolver,
    /// Other roots than the built-in ones.
    tls: Option<Arc<ClientConfig>>,
}

impl Hooks {
    /// Hooks for a call under `policy`, counting into `touched`, explaining into `log`.
    pub(crate) fn new(policy: Arc<Policy>, touched: Touches, log: CallLog) -> Hooks {
        Hooks { policy, touched, log, open: None, resolver: &System, tls: None }
    }

    /// Everything that can be refused before anything moves.
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<(Target, OwnedSemaphorePermit), Error> {
        let target = Target::of(request.uri()).map_err(|why| {
            note(
                &self.log,
                &format!("an outbound request to {} was refused, because {why}", place(request.uri())),
            );
            Error::HttpRequestUriInvalid
        })?;
        self.touched.note(TouchKind::Http, &target.to_string());
        if !self.allowed().iter().any(|host| host.admits(&target)) {
            note(
                &self.log,
                &format!(
                    "an outbound request to {target} was refused; to allow it, add \"{target}\" to `http` in the grants of moot.toml"
                ),
            );
            return Err(Error::HttpRequestDenied);
        }
        if request.method() == Method::CONNECT {
            // A tunnel is a connection to anything, through whoever is allowed.
            return Err(Error::HttpRequestMethodInvalid);
        }
        let open = self.open.get_or_insert_with(|| Arc::new(Semaphore::new(MAX_OUTBOUND_OPEN)));
        let permit = open.clone().try_acquire_owned().map_err(|_| Error::ConnectionLimitReached)?;
        Ok((target, permit))
    }

    fn allowed(&self) -> &[AllowedHost] {
        self.policy.grants.http.as_deref().unwrap_or(&[])
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_read: Done,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let admitted = self.admit(&request).and_then(|admitted| Ok((admitted, timeouts(options)?)));
        let ((target, permit), timeouts) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => return Box::new(std::future::ready(Err(error))),
        };
        let (resolver, tls, log) = (self.resolver, self.tls.clone(), self.log.clone());
        Box::new(async move {
            let request = on_the_wire(request, &target)?;
            let resolving = resolve::addresses(resolver, &target);
            let resolved =
                tokio::time::timeout(timeouts.connect, resolving).await.map_err(|_| Error::DnsTimeout)?;
            if let Err(Error::DestinationIpProhibited) = resolved {
                note(
                    &log,
                    &format!(
                        "an outbound request to {target} was refused: the name leads only to addresses that are not public; grant such an address itself if it is meant"
                    ),
                );
            }
            let addresses = resolved?;
            dial::send(target, addresses, request, timeouts, tls, permit).await
        })
    }

    // A guest whose body fits into what may be buffered need not wait for its reader, and then ends in its first poll.
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        BODY_BUFFER_CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES
    }
}

/// Tells the function's log what became of a request.
fn note(log: &CallLog, text: &str) {
    log.message(LogSource::Host, text);
}

/// Scheme, host and port of a URI that is no target. Its user name, path and query may hold what the function was granted
/// as a secret, and a log is read by more people than may know that.
fn place(uri: &Uri) -> String {
    let authority = uri.authority().map_or("no host", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{}://{host}", uri.scheme_str().unwrap_or("no scheme"))
}

/// The request as it is sent to a server: only the path in its first line, and its own authority as `Host`, whatever
/// the guest put there.
fn on_the_wire(mut request: Request<WasiBody>, target: &Target) -> Result<Request<WasiBody>, Error> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.is_empty() { "/" } else { path };
    *request.uri_mut() = path.parse::<Uri>().map_err(|_| Error::HttpRequestUriInvalid)?;
    *request.version_mut() = Version::HTTP_11;
    let host = HeaderValue::from_str(&target.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(HOST, host);
    Ok(request)
}

/// The guest's timeouts, or the defaults. A timeout of zero can only fail, and is a mistake: it is said.
fn timeouts(options: Option<RequestOptions>) -> Result<Timeouts, Error> {
    let options = options.unwrap_or_default();
    let bounded = |name: &str, given: Option<Duration>, default: Duration| match given {
        Some(Duration::ZERO) => Err(Error::InternalError(Some(format!(
            "the {name} timeout is zero; leave it unset for {} s, or set it to what the other side needs",
            default.as_secs()
        )))),
        Some(given) => Ok(given.min(MAX_OUTBOUND_TIMEOUT)),
        None => Ok(default),
    };
    Ok(Timeouts {
        connect: bounded("connect", options.connect_timeout, OUTBOUND_CONNECT_TIMEOUT)?,
        first_byte: bounded("first-byte", options.first_byte_timeout, OUTBOUND_SILENCE_TIMEOUT)?,
        between_bytes: bounded("between-bytes", options.between_bytes_timeout, OUTBOUND_SILENCE_TIMEOUT)?,
    })
}

#[cfg(test)]
mod tests;
