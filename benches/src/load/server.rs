//! The servers that are measured, in one process and on one runtime: a plain hyper hello, and a node.

use crate::deploy;
use crate::options::Serve;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use moot_node::{Node, NodeConfig};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

/// What the server prints when it can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) hyper: SocketAddr,
    pub(crate) node: SocketAddr,
    pub(crate) genesis: String,
}

/// Serves until standard input ends.
pub(crate) fn run(options: &Serve) -> Result<()> {
    // As `moot up` has it.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(serve(options));
    // Not waited for: a read of standard input cannot be broken off.
    runtime.shutdown_background();
    ended
}

async fn serve(options: &Serve) -> Result<()> {
    let hyper = hello().await?;
    let mut config = NodeConfig::new(options.data.join("node"));
    config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    // As on any network, who owns the functions pays for their calls.
    config.fund = vec![deploy::owner().account()];
    let node = Node::start(config).await?;
    deploy::deploy(node.address(), options.payloads.mode()).await?;
    let ready = Ready { hyper, node: node.address(), genesis: node.genesis().to_json() };
    println!("{}", serde_json::to_string(&ready)?);
    let ended = tokio::select! {
        ended = input_ends() => ended,
        why = node.failed() => Err(anyhow::anyhow!("the node failed: {why}")),
        () = tokio::time::sleep(Duration::from_secs(options.at_most)) => {
            Err(anyhow::anyhow!("nobody stopped the server in {} s", options.at_most))
        }
    };
    node.shutdown().await;
    ended
}

async fn input_ends() -> Result<()> {
    let mut rest = [0; 64];
    while tokio::io::stdin().read(&mut rest).await? > 0 {}
    Ok(())
}

/// The baseline: what hyper's own first example does, with the answer of `guests/hello-http`.
async fn hello() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    let address = listener.local_addr()?;
    tokio::spawn(accept(listener));
    Ok(address)
}

async fn accept(listener: TcpListener) -> Result<Infallible> {
    loop {
        let (stream, _) = listener.accept().await.context("the baseline cannot accept")?;
        stream.set_nodelay(true)?;
        let server = hyper::server::conn::http1::Builder::new();
        tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"hello from /hello-http\n")));
    let kind = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    Ok(response)
}
