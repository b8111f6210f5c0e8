//! The way to the collector: the client that the command line uses, on the node's own runtime and with its own TLS.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::client::{Ask, NodeAddress, send_once};

/// The most that is read of its answer: a few words on what it could not take.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// What the standard waits for one batch.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends batches. Says when it begins to fail and when it works again, not each time.
pub(super) struct Collector {
    runtime: Handle,
    away: AtomicBool,
}

impl Collector {
    /// On the runtime that this is called in.
    pub(super) fn of_this_runtime() -> Self {
        Collector { runtime: Handle::current(), away: AtomicBool::new(false) }
    }

    fn note(&self, to: &str, failed: Option<&dyn fmt::Display>) {
        let was_away = self.away.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(why) if !was_away => {
                tracing::warn!("traces are dropped until their collector at {to} takes them: {why}");
            }
            None if was_away => tracing::warn!("the collector at {to} takes traces again"),
            _ => {}
        }
    }
}

/// Headers hold the collector's key, and are not shown.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut base = parts.uri.clone().into_parts();
        let target = base.path_and_query.take().map_or_else(|| "/".to_owned(), |path| path.to_string());
        let scheme = parts.uri.scheme_str().unwrap_or("http");
        let authority = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
        let to = format!("{scheme}://{authority}");
        let sent = async {
            let address = NodeAddress::parse(&to).map_err(|error| error.to_string())?;
            let mut headers = parts.headers;
            // The client writes them itself.
            headers.remove(header::HOST);
            headers.remove(header::CONTENT_LENGTH);
            let ask = Ask {
                method: parts.method,
                target,
                headers,
                body,
                timeout: TIMEOUT,
                max_answer_bytes: MAX_ANSWER_BYTES,
            };
            // Who asks is a thread without a runtime.
            let answer = self.runtime.spawn(async move { send_once(&address, &ask).await }).await;
            let answer = answer.map_err(|stopped| stopped.to_string())?.map_err(|error| error.to_string())?;
            match answer.status.is_success() {
                true => Ok(answer),
                false => Err(format!("it answers {}", answer.status)),
            }
        };
        let answer = sent.await;
        self.note(&to, answer.as_ref().err().map(|why: &String| why as &dyn fmt::Display));
        let answer = answer?;
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
