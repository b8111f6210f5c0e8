//! A client of a node's API: what every command that talks to a node goes through.
//!
//! ```text
//! verb ──► Client ──Ask──► wire (connect, TLS, HTTP/1.1, limits) ──► node
//!             ▲                                                        │
//!             └──── api types, or ClientError in words for people ◄────┘
//! ```
//!
//! A request is sent again only when its idempotency key makes that safe, or when the node refused it unsigned and
//! there is a key to sign it with.

mod address;
mod error;
mod events;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use moot_record::{AccountId, Digest, EntryId, FunctionName, Keypair};
use serde::de::DeserializeOwned;

pub use address::NodeAddress;
pub use error::{ClientError, Refusal};
pub use events::{Event, Events};
pub(crate) use wire::send as send_once;
pub use wire::{Answer, Ask};

use crate::api;
use crate::limits::{
    CLIENT_LONG_TIMEOUT, CLIENT_MAX_ANSWER_BYTES, CLIENT_MAX_RETRY_WAIT, CLIENT_RETRIES, CLIENT_TIMEOUT,
};
use crate::signature::{self, RequestToSign};

/// Where the key comes from when a request must be signed. Asked only then, so that a command that needs no key works
/// without one.
pub type KeySource = Arc<dyn Fn() -> Result<Keypair, String> + Send + Sync>;

/// A node, seen from outside.
#[derive(Clone)]
pub struct Client {
    address: NodeAddress,
    key: Option<KeySource>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the node at `address`. Connects to nothing yet.
    #[must_use]
    pub fn new(address: NodeAddress) -> Client {
        Client { address, key: None }
    }

    /// The same client, which signs what the node wants signed.
    #[must_use]
    pub fn with_key(self, key: KeySource) -> Client {
        Client { key: Some(key), ..self }
    }

    /// The node's address.
    #[must_use]
    pub fn address(&self) -> &NodeAddress {
        &self.address
    }

    /// A request with the client's usual limits.
    #[must_use]
    pub fn ask(method: Method, target: impl Into<String>) -> Ask {
        Ask {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: CLIENT_TIMEOUT,
            max_answer_bytes: CLIENT_MAX_ANSWER_BYTES,
        }
    }

    /// Signs a request: the caller is known then.
    pub fn sign(&self, ask: Ask) -> Result<Ask, ClientError> {
        let source = self.key.as_ref().ok_or_else(|| ClientError::Key("no key was named".to_owned()))?;
        self.sign_by(&source().map_err(ClientError::Key)?, ask)
    }

    fn sign_by(&self, key: &Keypair, mut ask: Ask) -> Result<Ask, ClientError> {
        let uri = ask
            .target
            .parse()
            .map_err(|_| ClientError::Request(format!("{:?} is not a path", ask.target)))?;
        let authority = self.address.authority();
        let request = RequestToSign { method: &ask.method, authority, uri: &uri, body: &ask.body };
        let fields = signature::sign(key, &request);
        for name in ["signature-input", "signature", "content-digest"] {
            ask.headers.remove(name);
        }
        ask.header("signature-input", &fields.signature_input)?
            .header("signature", &fields.signature)?
            .header("content-digest", &fields.content_digest)
    }

    /// Sends a request and gives the answer, whatever its status. One that the node wants signed is signed, when there
    /// is a key. One with an idempotency key is tried again when the node is out of reach or busy.
    pub async fn send(&self, ask: &Ask) -> Result<Answer, ClientError> {
        let signed = ask.headers.contains_key("signature");
        let answer = self.send_patiently(ask, signed).await?;
        // A function's own 401 comes with its call, and asks for no signature of ours.
        let wanted =
            answer.status == StatusCode::UNAUTHORIZED && !answer.headers.contains_key(api::header::CALL);
        if signed || !wanted || self.key.is_none() {
            return Ok(answer);
        }
        self.send_patiently(ask, true).await
    }

    async fn send_patiently(&self, ask: &Ask, signed: bool) -> Result<Answer, ClientError> {
        let tries = if ask.headers.contains_key(api::header::IDEMPOTENCY_KEY) { CLIENT_RETRIES } else { 0 };
        let mut wait = Duration::from_millis(100);
        for _ in 0..tries {
            let error = match self.send_once(ask, signed).await {
                Ok(answer) => match refusal_of(answer) {
                    Err(error) if error.is_transient() => error,
                    Err(ClientError::Refused(refusal)) => return Ok(refusal.into()),
                    Err(error) => return Err(error),
                    Ok(answer) => return Ok(answer),
                },
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            let pause = error.retry_after().unwrap_or(wait).min(CLIENT_MAX_RETRY_WAIT);
            tracing::debug!(%error, ?pause, "trying again");
            tokio::time::sleep(pause).await;
            wait *= 2;
        }
        self.send_once(ask, signed).await
    }

    /// A node serves a signed request once, so each try has a signature of its own.
    async fn send_once(&self, ask: &Ask, signed: bool) -> Result<Answer, ClientError> {
        match signed && self.key.is_some() {
            true => wire::send(&self.address, &self.sign(ask.clone())?).await,
            false => wire::send(&self.address, ask).await,
        }
    }

    /// Sends a request; an answer of 400 and above is an error with the node's words.
    pub async fn expect(&self, ask: &Ask) -> Result<Answer, ClientError> {
        refusal_of(self.send(ask).await?)
    }

    async fn get<T: DeserializeOwned>(&self, target: String) -> Result<T, ClientError> {
        let answer = self.expect(&Self::ask(Method::GET, target)).await?;
        self.json(&answer)
    }

    fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ClientError> {
        serde_json::from_slice(&answer.body).map_err(|error| ClientError::Foreign {
            address: self.address.to_string(),
            why: format!("its answer is not the JSON expected ({error}); is it the same version of moot?"),
        })
    }

    /// What the node says about itself.
    pub async fn status(&self) -> Result<api::Status, ClientError> {
        self.get("/_moot/status".into()).await
    }

    /// The network's genesis, as the text of its file.
    pub async fn genesis(&self) -> Result<Bytes, ClientError> {
        Ok(self.expect(&Self::ask(Method::GET, "/_moot/genesis")).await?.body)
    }

    /// Every function.
    pub async fn functions(&self) -> Result<api::Functions, ClientError> {
        self.get("/_moot/functions".into()).await
    }

    /// One function; `None` when there is none of that name.
    pub async fn function(&self, name: &FunctionName) -> Result<Option<api::FunctionView>, ClientError> {
        missing_is_none(self.get(format!("/_moot/functions/{name}")).await)
    }

    /// Uploads a component, in its owner's name. The node inspects it; deploying compiles it.
    pub async fn put_component(
        &self,
        owner: &Keypair,
        digest: &Digest,
        bytes: Bytes,
    ) -> Result<api::ComponentView, ClientError> {
        let mut ask = Self::ask(Method::PUT, format!("/_moot/components/{digest}"));
        ask.body = bytes;
        ask.timeout = CLIENT_LONG_TIMEOUT;
        let ask = self.sign_by(owner, ask.header("content-type", "application/wasm")?)?;
        let answer = self.expect(&ask).await?;
        self.json(&answer)
    }

    /// What things cost, and the votes for other prices.
    pub async fn prices(&self) -> Result<api::PricesView, ClientError> {
        self.get("/_moot/prices".into()).await
    }

    /// What an account paid and got lately, of so many blocks.
    pub async fn statement(
        &self,
        account: &AccountId,
        limit: usize,
    ) -> Result<api::StatementView, ClientError> {
        self.get(format!("/_moot/accounts/{account}/statement?limit={limit}")).await
    }

    /// A part of the invoice of the blocks up to `to`: from a height on, or from where the part before ended.
    pub async fn bill(
        &self,
        from: &str,
        to: u64,
        account: Option<&AccountId>,
    ) -> Result<api::BillView, ClientError> {
        let account = account.map_or(String::new(), |account| format!("&account={account}"));
        self.get(format!("/_moot/bill?from={from}&to={to}{account}")).await
    }

    /// Submits a signed bundle and waits until it is final.
    pub async fn submit(&self, bundle: Vec<u8>) -> Result<api::BundleAnswer, ClientError> {
        let mut ask = Self::ask(Method::POST, "/_moot/bundles");
        ask.body = bundle.into();
        ask.timeout = CLIENT_LONG_TIMEOUT;
        let answer = self.expect(&ask.header("content-type", "application/cbor")?).await?;
        self.json(&answer)
    }

    /// Asks what would come of a signed bundle; nothing is recorded.
    pub async fn rehearse(&self, bundle: Vec<u8>) -> Result<api::DryRun, ClientError> {
        let mut ask = Self::ask(Method::POST, "/_moot/bundles?dry-run");
        ask.body = bundle.into();
        ask.timeout = CLIENT_LONG_TIMEOUT;
        let answer = self.expect(&ask.header("content-type", "application/cbor")?).await?;
        self.json(&answer)
    }

    /// What is held under the address of a transaction; `None` when nothing is.
    pub async fn hold(&self, id: &EntryId) -> Result<Option<api::HoldView>, ClientError> {
        missing_is_none(self.get(format!("/_moot/holds/{id}")).await)
    }

    /// Who bids for a seat.
    pub async fn stakes(&self) -> Result<api::StakesView, ClientError> {
        self.get("/_moot/stakes".into()).await
    }

    /// What an account has staked.
    pub async fn stake(&self, account: &AccountId) -> Result<api::StakeView, ClientError> {
        self.get(format!("/_moot/stakes/{account}")).await
    }

    /// The workers that registered.
    pub async fn workers(&self) -> Result<api::WorkersView, ClientError> {
        self.get("/_moot/workers".into()).await
    }

    /// What an account offers as a worker, and what was found against it.
    pub async fn worker(&self, account: &AccountId) -> Result<api::WorkerView, ClientError> {
        self.get(format!("/_moot/workers/{account}")).await
    }

    /// Where the replicas are; `None` where nobody can join by stake.
    pub async fn replicas(&self) -> Result<Option<api::ReplicasView>, ClientError> {
        missing_is_none(self.get("/_moot/replicas".into()).await)
    }

    /// The newest calls.
    pub async fn calls(&self, limit: usize) -> Result<api::Calls, ClientError> {
        self.get(format!("/_moot/calls?limit={limit}")).await
    }

    /// One call; `None` when there is none of that id.
    pub async fn call(&self, id: &EntryId) -> Result<Option<api::CallView>, ClientError> {
        missing_is_none(self.get(format!("/_moot/calls/{id}")).await)
    }

    /// The receipt file of a call, with a certificate once it is final when `wait_final`; `None` when there is no
    /// such call or no receipt yet.
    pub async fn receipt(&self, id: &EntryId, wait_final: bool) -> Result<Option<Bytes>, ClientError> {
        let query = if wait_final { "?final" } else { "" };
        let mut ask = Self::ask(Method::GET, format!("/_moot/calls/{id}/receipt{query}"));
        ask.timeout = CLIENT_LONG_TIMEOUT;
        missing_is_none(self.expect(&ask).await.map(|answer| answer.body))
    }

    /// What went into a call or came out of it (`input`, `output`); `None` when it is not kept.
    pub async fn payload(&self, id: &EntryId, which: &str) -> Result<Option<Bytes>, ClientError> {
        let mut ask = Self::ask(Method::GET, format!("/_moot/calls/{id}/{which}"));
        ask.timeout = CLIENT_LONG_TIMEOUT;
        missing_is_none(self.expect(&ask).await.map(|answer| answer.body))
    }

    /// What an account has.
    pub async fn account(&self, account: &AccountId) -> Result<api::AccountView, ClientError> {
        self.get(format!("/_moot/accounts/{account}")).await
    }

    /// The proof of what the state holds of an `account`, a `stake`, a `conviction`, a `worker`, a `hold`, a `function`, a
    /// `trigger`, an `owner`, a `rule` or the `network`: a state file.
    pub async fn state_proof(&self, kind: &str, key: &str) -> Result<Bytes, ClientError> {
        let key = key.trim_start_matches('/');
        Ok(self.expect(&Self::ask(Method::GET, format!("/_moot/state/{kind}/{key}"))).await?.body)
    }

    /// All rules.
    pub async fn rules(&self) -> Result<api::RulesView, ClientError> {
        self.get("/_moot/rules".into()).await
    }

    /// What the rules would say.
    pub async fn judge(&self, question: &api::Question) -> Result<api::VerdictView, ClientError> {
        let mut ask = Self::ask(Method::POST, "/_moot/rules/eval");
        let body = serde_json::to_vec(question).map_err(|error| ClientError::Request(error.to_string()))?;
        ask.body = body.into();
        let answer = self.expect(&ask.header("content-type", "application/json")?).await?;
        self.json(&answer)
    }

    /// All triggers.
    pub async fn triggers(&self) -> Result<api::TriggersView, ClientError> {
        self.get("/_moot/triggers".into()).await
    }

    /// The newest calls that triggers derived.
    pub async fn derived_calls(&self, limit: usize) -> Result<api::DerivedCalls, ClientError> {
        self.get(format!("/_moot/derived?limit={limit}")).await
    }

    /// A call that a trigger derived; `None` when there is none of that name.
    pub async fn derived(&self, id: &str) -> Result<Option<api::DerivedView>, ClientError> {
        missing_is_none(self.get(format!("/_moot/derived/{id}")).await)
    }

    /// Who owns a path.
    pub async fn owner(&self, path: &str) -> Result<api::OwnerView, ClientError> {
        self.get(format!("/_moot/owners{path}")).await
    }

    /// A block.
    pub async fn block(&self, height: u64) -> Result<Option<api::BlockView>, ClientError> {
        missing_is_none(self.get(format!("/_moot/blocks/{height}")).await)
    }

    /// A component's bytes; `None` when the node has them not.
    pub async fn component(&self, digest: &Digest) -> Result<Option<Bytes>, ClientError> {
        let mut ask = Self::ask(Method::GET, format!("/_moot/components/{digest}"));
        ask.timeout = CLIENT_LONG_TIMEOUT;
        missing_is_none(self.expect(&ask).await.map(|answer| answer.body))
    }

    /// Server-sent events of `target`.
    pub async fn events(&self, target: &str) -> Result<Events, ClientError> {
        let ask = Self::ask(Method::GET, target).header("accept", "text/event-stream")?;
        let mut response = wire::stream(&self.address, &ask).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.key.is_some() {
            response = wire::stream(&self.address, &self.sign(ask.clone())?).await?;
        }
        if response.status() == StatusCode::OK {
            return Ok(Events::new(response.into_body()));
        }
        self.expect(&ask).await?;
        Err(ClientError::Foreign {
            address: self.address.to_string(),
            why: format!("{target} is no event stream"),
        })
    }
}

/// An answer below 400, or the refusal that it is.
fn refusal_of(answer: Answer) -> Result<Answer, ClientError> {
    if answer.status.as_u16() < 400 {
        return Ok(answer);
    }
    let problem = serde_json::from_slice(&answer.body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&answer.body);
        let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
        api::Problem {
            detail: format!("the node answered {}: {line}", answer.status),
            ..api::Problem::default()
        }
    });
    Err(ClientError::Refused(Box::new(Refusal {
        status: answer.status,
        headers: answer.headers,
        problem,
        body: answer.body,
    })))
}

impl From<Box<Refusal>> for Answer {
    fn from(refusal: Box<Refusal>) -> Answer {
        Answer { status: refusal.status, headers: refusal.headers, body: refusal.body }
    }
}

/// 404 as `None`.
fn missing_is_none<T>(result: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ClientError::Refused(refusal)) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
