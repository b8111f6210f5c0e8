//! What answers `wasi:http/outgoing-handler` during one call: the policy's word before anything moves.

use super::dial::{self, Done, Sent, Timeouts};
use super::resolve::{self, Resolver, System};
use super::target::Target;
use crate::call::report::{TouchKind, Touches};
use crate::limits::{
    MAX_OUTBOUND_OPEN, MAX_OUTBOUND_TIMEOUT, OUTBOUND_CONNECT_TIMEOUT, OUTBOUND_SILENCE_TIMEOUT,
};
use crate::{AllowedHost, Policy};
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
    /// Made with the first request: most calls send none.
    open: Option<Arc<Semaphore>>,
    resolver: &'static dyn Resolver,
    /// Other roots than the built-in ones.
    tls: Option<Arc<ClientConfig>>,
}

impl Hooks {
    /// Hooks for a call under `policy`, counting into `touched`.
    pub(crate) fn new(policy: Arc<Policy>, touched: Touches) -> Hooks {
        Hooks { policy, touched, open: None, resolver: &System, tls: None }
    }

    /// Everything that can be refused before anything moves.
    fn admit(&mut self, request: &Request<WasiBody>) -> Result<(Target, OwnedSemaphorePermit), Error> {
        let target = Target::of(request.uri()).map_err(|why| {
            tracing::info!(uri = %request.uri(), why, "outbound: not a target");
            Error::HttpRequestUriInvalid
        })?;
        self.touched.note(TouchKind::Http, &target.to_string());
        if !self.allowed().iter().any(|host| host.admits(&target)) {
            tracing::info!(%target, "outbound: not granted");
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
        let (resolver, tls) = (self.resolver, self.tls.clone());
        Box::new(async move {
            let request = on_the_wire(request, &target)?;
            let resolving = resolve::addresses(resolver, &target);
            let addresses =
                tokio::time::timeout(timeouts.connect, resolving).await.map_err(|_| Error::DnsTimeout)??;
            dial::send(target, addresses, request, timeouts, tls, permit).await
        })
    }
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
