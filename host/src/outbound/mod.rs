//! Outbound HTTP: allow-list, resolver, private address filter, dialling.

use crate::call::report::{TouchKind, Touches};
use crate::Policy;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// An outside host that a policy allows: `https://api.example.com:443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AllowedHost {
    scheme: String,
    host: String,
    port: u16,
}

/// Why a text is not an [`AllowedHost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an outside host: {reason}; write it as https://api.example.com:443")]
pub struct AllowedHostError {
    text: String,
    reason: &'static str,
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let _ = text;
        todo!()
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// What answers `wasi:http/outgoing-handler` during one call.
pub(crate) struct Hooks {
    policy: Arc<Policy>,
    touched: Touches,
}

impl Hooks {
    /// Hooks for a call under `policy`, counting into `touched`.
    pub(crate) fn new(policy: Arc<Policy>, touched: Touches) -> Hooks {
        Hooks { policy, touched }
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let _ = &self.policy.grants.http;
        self.touched.note(TouchKind::Http, request.uri().authority().map_or("", |a| a.as_str()));
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}

/// A response, and what tells how its connection ended.
type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;
