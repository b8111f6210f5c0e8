//! What can go wrong between a client and a node, in words for the person at the keyboard.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::api::Problem;

/// Why a request has no answer, or not the one that was wanted.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("{address:?} is no address of a node: {why}; an address looks like http://127.0.0.1:8080")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers there.
    #[error("no node answers at {address}: {why}")]
    Unreachable {
        /// Where.
        address: String,
        /// The system's words.
        why: String,
    },
    /// The connection was made and then failed.
    #[error("the connection to {address} broke: {why}")]
    Broken {
        /// Where.
        address: String,
        /// What happened.
        why: String,
    },
    /// No answer in time.
    #[error("{address} did not answer {what} within {} s", .after.as_secs())]
    Timeout {
        /// Where.
        address: String,
        /// The method and path.
        what: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// More than this client is willing to hold.
    #[error("the answer to {what} is larger than {limit} bytes")]
    TooLarge {
        /// The method and path.
        what: String,
        /// The most that is read.
        limit: usize,
    },
    /// An answer that is not of this API.
    #[error("{address} does not speak the API of a Folkmoot node: {why}")]
    Foreign {
        /// Where.
        address: String,
        /// What was seen instead.
        why: String,
    },
    /// A request that cannot be written, such as a header with a line break in it.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The node wants the request signed, and there is no key to do it with.
    #[error("the request must be signed, and it cannot be: {0}")]
    Key(String),
    /// The node refused, with its reason.
    #[error("{}", refusal(.0))]
    Refused(Box<Refusal>),
}

/// An error answer of the node.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers: a call that failed has its id there.
    pub headers: HeaderMap,
    /// The node's own words.
    pub problem: Problem,
    /// The body as it came.
    pub body: bytes::Bytes,
}

fn refusal(refusal: &Refusal) -> String {
    let Problem { detail, title, .. } = &refusal.problem;
    match (detail.is_empty(), title.is_empty()) {
        (false, _) => detail.clone(),
        (true, false) => title.clone(),
        (true, true) => format!("the node answered {}", refusal.status),
    }
}

impl ClientError {
    /// Whether the same request may succeed when sent again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            ClientError::Unreachable { .. } | ClientError::Broken { .. } | ClientError::Timeout { .. } => {
                true
            }
            ClientError::Refused(refusal) => match refusal.status.as_u16() {
                429 | 503 => true,
                // With a call it is what the function came to, and comes again the same.
                502 | 504 => !refusal.headers.contains_key(crate::api::header::CALL),
                _ => false,
            },
            _ => false,
        }
    }

    /// How long the node asked to wait before the next try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let ClientError::Refused(refusal) = self else { return None };
        let seconds = refusal.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The node's problem, when it gave one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            ClientError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
