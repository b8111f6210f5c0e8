//! A worker that has joined, as the replica knows it.
//!
//! ```text
//!  Lease { a place } ──POST /calls──► worker
//!       ◄── Answered: bundle, logs, output
//!       ◄── Lost::NotRun    it says that it has not begun, or the question never left: run it elsewhere
//!       ◄── Lost::Unknown   gone, silent, late or wrong: nobody knows what it did
//! ```

use super::limits::{
    CALL_SLACK, MAX_DEADLINE_ELSEWHERE, MAX_LOG_BYTES, MAX_OUTPUT_HEAD_BYTES, MAX_PLACES, MAX_REASON_BYTES,
    MAX_WELCOME_BYTES,
};
use super::wire::{self, CALLS, CallOrder, HELLO, Hello, Sandbox, Welcome};
use crate::worker::Active;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use moot_record::{AccountId, Bundle, Digest, Engine, FunctionName, Prices};
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// What can break off a call at a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It was not begun.
    NotRun(String),
    /// It may have been begun, and even finished.
    Unknown(String),
}

/// What a worker answered to a call; not looked at yet.
pub(crate) struct Answered {
    pub(crate) worker: AccountId,
    pub(crate) bundle: Bundle,
    pub(crate) logs: Bytes,
    pub(crate) output: Bytes,
}

/// One version of a function.
pub(super) type Version = (Digest, Digest);

pub(super) fn version_of(active: &Active) -> Version {
    (active.component, active.spec_digest)
}

/// A joined worker. It is one connection: who joins again is another.
pub(crate) struct Joined {
    pub(crate) account: AccountId,
    pub(crate) peer: SocketAddr,
    pub(super) since: Instant,
    pub(super) welcome: Welcome,
    /// What it was told that calls cost.
    prices: Prices,
    sender: SendRequest<Full<Bytes>>,
    places: Arc<Semaphore>,
    /// Room for answers of all workers together.
    room: Arc<Semaphore>,
    ready: RwLock<HashMap<FunctionName, Version>>,
    refused: RwLock<BTreeMap<FunctionName, (Version, String)>>,
    pub(super) answered: AtomicU64,
    pub(super) lost: AtomicU64,
    over: watch::Sender<bool>,
}

impl Joined {
    /// Asks a worker who has just come what it offers.
    pub(super) async fn meet(
        account: AccountId,
        peer: SocketAddr,
        sender: SendRequest<Full<Bytes>>,
        hello: &Hello,
        room: Arc<Semaphore>,
    ) -> Result<Joined, String> {
        let body = serde_json::to_vec(hello).map_err(|error| error.to_string())?;
        let (status, answer) = ask(&sender, Method::POST, HELLO, body.into(), MAX_WELCOME_BYTES).await?;
        if status != StatusCode::OK {
            return Err(format!("it answered {status}: {}", reason(&answer)));
        }
        let welcome: Welcome = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let places = welcome.places.min(MAX_PLACES);
        Ok(Joined {
            account,
            peer,
            since: Instant::now(),
            welcome,
            prices: hello.prices,
            sender,
            places: Arc::new(Semaphore::new(places)),
            room,
            ready: RwLock::default(),
            refused: RwLock::default(),
            answered: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            over: watch::channel(false).0,
        })
    }

    /// Whether it offers what a function needs. Whoever keeps state on the replica, speaks to
    /// its ledger or takes very long runs there.
    pub(super) fn could_serve(&self, active: &Active, sandbox: Sandbox) -> bool {
        let grants = &active.spec.grants;
        let apart = grants.key_value.is_empty()
            && !grants.ledger
            && u128::from(active.spec.limits.deadline_ms) <= MAX_DEADLINE_ELSEWHERE.as_millis();
        let named = self.welcome.functions.as_ref().is_none_or(|names| names.contains(&active.name));
        apart && named && self.welcome.kinds.contains(&sandbox)
    }

    pub(super) fn is_ready(&self, active: &Active) -> bool {
        self.ready.read().get(&active.name) == Some(&version_of(active))
    }

    /// Whether it has said that it cannot serve this version.
    pub(super) fn has_refused(&self, active: &Active) -> bool {
        self.refused.read().get(&active.name).is_some_and(|(version, _)| *version == version_of(active))
    }

    pub(super) fn note_ready(&self, active: &Active) {
        self.refused.write().remove(&active.name);
        self.ready.write().insert(active.name.clone(), version_of(active));
    }

    pub(super) fn note_refused(&self, active: &Active, why: String) {
        self.ready.write().remove(&active.name);
        self.refused.write().insert(active.name.clone(), (version_of(active), why));
    }

    /// Forgets functions that can no longer be called.
    pub(super) fn keep_only(&self, there: impl Fn(&FunctionName) -> bool) {
        self.ready.write().retain(|name, _| there(name));
        self.refused.write().retain(|name, _| there(name));
    }

    pub(super) fn functions_ready(&self) -> usize {
        self.ready.read().len()
    }

    pub(super) fn refusals(&self) -> Vec<(String, String)> {
        self.refused.read().iter().map(|(name, (_, why))| (name.to_string(), why.clone())).collect()
    }

    pub(super) fn max_places(&self) -> usize {
        self.welcome.places.min(MAX_PLACES)
    }

    pub(super) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    /// A place for a call, when one is free.
    pub(super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some(Lease { worker: self.clone(), _place: place })
    }

    /// Asks something that is not a call.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<(StatusCode, String), String> {
        let asked = ask(&self.sender, method, path, body, MAX_REASON_BYTES);
        let (status, answer) = tokio::time::timeout(within, asked)
            .await
            .map_err(|_| format!("no answer within {within:?}"))??;
        Ok((status, reason(&answer)))
    }

    /// Closes the connection: what runs there is lost.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Resolves when somebody has closed it.
    pub(super) async fn ended(&self) {
        // The sender lives as long as this does.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow() || self.sender.is_closed()
    }
}

/// A place at a worker, for one call. Given back when dropped.
pub(crate) struct Lease {
    worker: Arc<Joined>,
    _place: OwnedSemaphorePermit,
}

/// What a call at a worker may take.
pub(crate) struct Bounds {
    /// The function's deadline.
    pub(crate) deadline: Duration,
    /// The longest body of its answer.
    pub(crate) response_bytes: u64,
}

impl Lease {
    pub(crate) fn account(&self) -> AccountId {
        self.worker.account
    }

    /// What the worker runs components with.
    pub(crate) fn engine(&self) -> &Engine {
        &self.worker.welcome.engine
    }

    /// What the worker was told that calls cost.
    pub(crate) fn prices(&self) -> &Prices {
        &self.worker.prices
    }

    /// Has the call run. Whoever drops this ends the call there.
    pub(crate) async fn run(
        &self,
        order: &CallOrder,
        input: &Bytes,
        bounds: &Bounds,
    ) -> Result<Answered, Lost> {
        let limit = bounds.deadline + CALL_SLACK;
        let body = wire::frame(&order.encode(), input);
        let answer = match tokio::time::timeout(limit, self.answer(body, bounds)).await {
            Ok(answer) => answer,
            Err(_) => Err(Lost::Unknown(format!("it has not answered within {limit:?}"))),
        };
        match &answer {
            Ok(_) => drop(self.worker.answered.fetch_add(1, Ordering::Relaxed)),
            Err(Lost::NotRun(_)) => {}
            Err(Lost::Unknown(_)) => drop(self.worker.lost.fetch_add(1, Ordering::Relaxed)),
        }
        answer
    }

    /// What it answered does not fit: nothing that it says is asked for again.
    pub(crate) fn distrust(&self, why: &str) {
        let worker = self.worker.account;
        tracing::error!(%worker, why, "a worker's answer is wrong; it is sent away");
        self.worker.lost.fetch_add(1, Ordering::Relaxed);
        self.worker.end();
    }

    async fn answer(&self, body: Bytes, bounds: &Bounds) -> Result<Answered, Lost> {
        let request = request(Method::POST, CALLS, body).map_err(Lost::NotRun)?;
        let response = match self.worker.sender.clone().try_send_request(request).await {
            Ok(response) => response,
            // Only what was not sent comes back.
            Err(mut failed) => {
                let why = format!("its connection failed: {}", causes(failed.error()));
                return Err(match failed.take_message() {
                    Some(_) => Lost::NotRun(why),
                    None => Lost::Unknown(why),
                });
            }
        };
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let why = text(response.into_body()).await.unwrap_or_else(|error| error);
            return Err(Lost::NotRun(why));
        }
        if status != StatusCode::OK {
            let why = text(response.into_body()).await.unwrap_or_else(|error| error);
            return Err(Lost::Unknown(format!("it answered {status}: {why}")));
        }
        self.read(response, bounds).await
    }

    /// Reads an answer, whose length was announced and is not beyond what the function may answer.
    async fn read(&self, response: http::Response<Incoming>, bounds: &Bounds) -> Result<Answered, Lost> {
        let wrong = |why: String| {
            self.distrust(&why);
            Lost::Unknown(why)
        };
        let most = most_bytes(bounds);
        let length = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length = length.and_then(|value| value.parse::<usize>().ok());
        let Some(length) = length.filter(|length| *length <= most) else {
            return Err(wrong(match length {
                Some(length) => format!("its answer has {length} bytes, and may have {most}"),
                None => "its answer does not say how long it is".to_owned(),
            }));
        };
        let kib = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        let _room = self.worker.room.acquire_many(kib).await.ok();
        let body = Limited::new(response.into_body(), length).collect().await;
        let body = body.map_err(|error| Lost::Unknown(format!("its answer broke off: {error}")))?.to_bytes();
        let (head, output) = wire::unframe(&body).map_err(|error| wrong(format!("its answer: {error}")))?;
        let answer = wire::Answer::decode(&head).map_err(|error| wrong(format!("its answer: {error}")))?;
        let bundle = Bundle::decode(&answer.bundle).map_err(|error| wrong(format!("its bundle: {error}")))?;
        Ok(Answered { worker: self.worker.account, bundle, logs: answer.logs.into(), output })
    }
}

/// The longest answer to a call.
fn most_bytes(bounds: &Bounds) -> usize {
    let output = bounds.response_bytes.saturating_add(MAX_OUTPUT_HEAD_BYTES);
    let beside = MAX_LOG_BYTES + moot_ledger::limits::MAX_SIGNED_RECEIPTS_BYTES + 64;
    usize::try_from(output).unwrap_or(usize::MAX).saturating_add(beside)
}

fn request(method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, String> {
    let request = Request::builder().method(method).uri(format!("http://worker.invalid{path}"));
    request.body(Full::new(body)).map_err(|error| error.to_string())
}

async fn ask(
    sender: &SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    body: Bytes,
    most: usize,
) -> Result<(StatusCode, Bytes), String> {
    let response = sender.clone().send_request(request(method, path, body)?).await;
    let response = response.map_err(|error| causes(&error))?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), most).collect().await;
    Ok((status, answer.map_err(|error| error.to_string())?.to_bytes()))
}

async fn text(body: Incoming) -> Result<String, String> {
    let bytes = Limited::new(body, MAX_REASON_BYTES).collect().await;
    Ok(reason(&bytes.map_err(|error| error.to_string())?.to_bytes()))
}

/// A worker's words, for a log: it may be any bytes.
fn reason(bytes: &Bytes) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON_BYTES).collect()
}

/// An error with what brought it about.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
