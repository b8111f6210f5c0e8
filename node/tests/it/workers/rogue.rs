//! A worker that speaks the protocol and lies: what it says is held against the call before any of it is recorded.

use super::{await_ready, checked, node_for};
use crate::support::{TestNode, busy, until};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use moot_node::workers::{identity, wire};
use moot_record::{
    AccountId, Bundle, BundleBuilder, Digest, Engine, Entry, Fee, FunctionKind, Keypair, PageClass, Payload,
    Receipt, Status, entry_digest, fee,
};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use wire::{CallOrder, Hello};

type Reply = Response<Full<Bytes>>;
pub(super) type Lie = dyn Fn(&Hello, &CallOrder) -> Option<Reply> + Send + Sync;

fn key() -> Keypair {
    Keypair::from_seed([70; 32])
}

/// A worker in this process that answers calls as it is told.
pub(super) struct Rogue {
    _runtime: Runtime,
}

impl Rogue {
    pub(super) fn join(key: Keypair, address: SocketAddr, replica: AccountId, lie: Arc<Lie>) -> Rogue {
        Rogue::join_with(Engine::named(moot_host::ENGINE), key, address, replica, lie)
    }

    pub(super) fn join_with(
        engine: Engine,
        key: Keypair,
        address: SocketAddr,
        replica: AccountId,
        lie: Arc<Lie>,
    ) -> Rogue {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(async move {
            let tls = identity::client(&key, replica).unwrap();
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
            let stream = connector.connect(identity::no_name().unwrap(), stream).await.unwrap();
            let hello = Arc::new(OnceLock::new());
            let service =
                service_fn(move |request| answer(request, hello.clone(), engine.clone(), lie.clone()));
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            // It ends when the replica has had enough of it.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
        Rogue { _runtime: runtime }
    }
}

async fn answer(
    request: Request<Incoming>,
    hello: Arc<OnceLock<Hello>>,
    engine: Engine,
    lie: Arc<Lie>,
) -> Result<Reply, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let reply = match parts.uri.path() {
        wire::HELLO => {
            let _ = hello.set(serde_json::from_slice(&body).unwrap());
            let welcome = wire::Welcome {
                version: "rogue".into(),
                functions: None,
                kinds: vec![wire::Sandbox::Component],
                engine,
                places: 4,
            };
            Some(reply(StatusCode::OK, serde_json::to_vec(&welcome).unwrap()))
        }
        wire::CALLS => {
            let (head, _) = wire::unframe(&body).unwrap();
            lie(hello.get().unwrap(), &CallOrder::decode(&head).unwrap())
        }
        _ => Some(reply(StatusCode::NO_CONTENT, Vec::new())),
    };
    match reply {
        Some(reply) => Ok(reply),
        None => std::future::pending().await,
    }
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply
}

/// A receipt that fits the call.
fn receipt(hello: &Hello, order: &CallOrder, output: &[u8]) -> Receipt {
    let Ok(Entry::Call(call)) = Entry::decode(&order.entry) else { panic!("no call") };
    let mut receipt = Receipt {
        call: order.id,
        call_digest: entry_digest(&order.entry),
        component: call.component,
        status: Status::Ok,
        output: Payload::of(output),
        fuel: 1,
        metered: true,
        fee: Fee::default(),
        touched: Vec::new(),
        time_us: call.time_us,
        duration_us: 1,
    };
    let bytes = order.entry.len() + Entry::Receipt(receipt.clone()).encode().len();
    receipt.fee = fee(&hello.prices, bytes as u64, receipt.fuel);
    receipt
}

fn signed(by: &Keypair, hello: &Hello, order: &CallOrder, receipts: &[Receipt]) -> Vec<u8> {
    let mut builder = BundleBuilder::new();
    for receipt in receipts {
        builder.append(PageClass::Receipt, &Entry::Receipt(receipt.clone()).encode()).unwrap();
    }
    Bundle::sign(by, &hello.network, order.valid_until, builder.finish()).unwrap().encode()
}

fn framed(bundle: Vec<u8>, output: &[u8]) -> Option<Reply> {
    let head = wire::Answer { bundle, logs: b"[]".to_vec() }.encode();
    Some(reply(StatusCode::OK, wire::frame(&head, output)))
}

/// What a worker of a key answers to every call: this, whatever was asked.
pub(super) fn saying(key: Keypair, output: &'static [u8]) -> Arc<Lie> {
    Arc::new(move |hello, order| framed(signed(&key, hello, order, &[receipt(hello, order, output)]), output))
}

/// An answer that is right in everything but what `change` does to its receipt.
fn changed(change: impl Fn(&mut Receipt) + Send + Sync + 'static) -> Arc<Lie> {
    Arc::new(move |hello, order| {
        let mut receipt = receipt(hello, order, b"999");
        change(&mut receipt);
        framed(signed(&key(), hello, order, &[receipt]), b"999")
    })
}

fn node() -> TestNode {
    let node = node_for(&[key().account()]);
    let deploy = |name: &str, idempotent| {
        node.deploy(name, &busy(), FunctionKind::Typed, |spec| {
            spec.limits.response_bytes = 1024;
            spec.limits.deadline_ms = 1000;
            spec.idempotent = idempotent;
        });
    };
    deploy("once", false);
    deploy("again", true);
    node
}

fn join(node: &TestNode, lie: Arc<Lie>) -> Rogue {
    let rogue = Rogue::join(key(), node.workers(), node.account(), lie);
    await_ready(node, 2);
    rogue
}

/// What it said was not believed: it is sent away, and its call is finished without it.
#[track_caller]
fn assert_not_believed(node: &TestNode, what: &str, lie: Arc<Lie>) {
    let rogue = join(node, lie.clone());
    let answer = node.post("/once/add", b"[1, 2]");
    assert_eq!((answer.status, answer.problem().as_str()), (500, "interrupted"), "{what}: {}", answer.text());
    let receipt = checked(node, answer.json()["call"].as_str().unwrap());
    assert_eq!((receipt.worker, receipt.receipt.status), (node.account(), Status::Interrupted), "{what}");
    until(&format!("{what}: it is sent away"), || node.get("/_moot/status").json()["workers"].is_null());
    drop(rogue);
    let _rogue = join(node, lie);
    let answer = node.post("/again/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"), "{what}");
    assert_eq!(checked(node, answer.header("moot-call").unwrap()).worker, node.account(), "{what}");
    until(&format!("{what}: it is sent away again"), || {
        node.get("/_moot/status").json()["workers"].is_null()
    });
}

#[test]
fn what_a_worker_says_is_its_own_word() {
    // The control: an answer that fits is believed, though it is not what the function makes.
    let node = node();
    let _rogue = join(&node, changed(|_| {}));
    let answer = node.post("/once/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "999"));
    let said = checked(&node, answer.header("moot-call").unwrap());
    assert_eq!((said.worker, said.receipt.status), (key().account(), Status::Ok));
}

#[test]
fn receipts_that_do_not_fit_are_not_recorded() {
    let node = node();
    assert_not_believed(&node, "another call", changed(|r| r.call_digest = Digest::from_bytes([1; 32])));
    assert_not_believed(&node, "another address", changed(|r| r.call.slot += 1));
    assert_not_believed(&node, "another output", changed(|r| r.output = Payload::of(b"998")));
    assert_not_believed(&node, "another fee", changed(|r| r.fee.execution += 1));
    assert_not_believed(&node, "no meter", changed(|r| r.metered = false));
    assert_not_believed(&node, "interrupted", changed(|r| r.status = Status::Interrupted));
}

#[test]
fn bundles_that_do_not_fit_are_not_recorded() {
    let node = node();
    let two = Arc::new(|hello: &Hello, order: &CallOrder| {
        let one = receipt(hello, order, b"999");
        let mut other = one.clone();
        other.call.slot += 1;
        framed(signed(&key(), hello, order, &[one, other]), b"999")
    });
    assert_not_believed(&node, "two receipts", two);
    let another = Arc::new(|hello: &Hello, order: &CallOrder| {
        let stranger = Keypair::from_seed([71; 32]);
        framed(signed(&stranger, hello, order, &[receipt(hello, order, b"999")]), b"999")
    });
    assert_not_believed(&node, "another's signature", another);
    let short_lived = Arc::new(|hello: &Hello, order: &CallOrder| {
        let order = CallOrder { valid_until: order.valid_until - 1000, ..order.clone() };
        framed(signed(&key(), hello, &order, &[receipt(hello, &order, b"999")]), b"999")
    });
    assert_not_believed(&node, "a bundle that runs out early", short_lived);
    let garbage = Arc::new(|_: &Hello, _: &CallOrder| framed(vec![7; 100], b"999"));
    assert_not_believed(&node, "garbage", garbage);
    let short = Arc::new(|_: &Hello, _: &CallOrder| Some(reply(StatusCode::OK, vec![0xff; 3])));
    assert_not_believed(&node, "half a frame", short);
}

#[test]
fn an_output_over_the_cap_is_refused_before_it_is_read() {
    let node = node();
    let long = Arc::new(|hello: &Hello, order: &CallOrder| {
        let output = vec![b'9'; 4 << 20];
        framed(signed(&key(), hello, order, &[receipt(hello, order, &output)]), &output)
    });
    assert_not_believed(&node, "4 MiB for a function of 1 KiB", long);
}

#[test]
fn what_a_worker_has_not_begun_runs_here() {
    let node = node();
    let _rogue =
        join(&node, Arc::new(|_, _| Some(reply(StatusCode::SERVICE_UNAVAILABLE, "all places are taken"))));
    let answer = node.post("/once/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"));
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, node.account());
    assert!(!node.get("/_moot/status").json()["workers"].is_null(), "that is no lie");
}

#[test]
fn a_worker_that_never_answers_is_not_waited_for_beyond_the_deadline() {
    let node = node();
    let _rogue = join(&node, Arc::new(|_, _| None));
    let began = Instant::now();
    let answer = node.post("/once/add", b"[1, 2]");
    assert_eq!(answer.problem(), "interrupted", "{}", answer.text());
    assert!(began.elapsed() > Duration::from_secs(1) && began.elapsed() < Duration::from_secs(30));
    let answer = node.post("/again/add", b"[1, 2]");
    assert_eq!((answer.status, answer.text().as_str()), (200, "3"));
}
