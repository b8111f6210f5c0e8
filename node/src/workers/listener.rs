//! Where workers knock: proven, asked what they offer, taken up.

use super::fleet::Fleet;
use super::identity;
use super::joined::{Joined, causes};
use super::limits::{
    CONNECTION_WINDOW_BYTES, HANDSHAKE_TIMEOUT, MAX_HANDSHAKES, PING_INTERVAL, PING_TIMEOUT,
    STREAM_WINDOW_BYTES,
};
use super::prepare::tend;
use super::wire::Hello;
use crate::worker::Worker;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{self, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

type Conn = Connection<TokioIo<TlsStream<TcpStream>>, Full<Bytes>, TokioExecutor>;

/// Takes workers in until `stop` turns true. Those that are in stay until the fleet is ended.
pub(crate) fn serve(
    listener: TcpListener,
    config: ServerConfig,
    worker: Arc<Worker>,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = accept(&listener, &handshakes) => accepted,
            };
            let (stream, peer, handshake) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Mostly "too many open files": waiting lets some connections end.
                    tracing::warn!(%error, "cannot accept a worker's connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (acceptor, worker) = (acceptor.clone(), worker.clone());
            tokio::spawn(async move {
                let welcomed =
                    tokio::time::timeout(HANDSHAKE_TIMEOUT, welcome(&acceptor, stream, peer, &worker));
                let welcomed =
                    welcomed.await.unwrap_or_else(|_| Err(format!("not done within {HANDSHAKE_TIMEOUT:?}")));
                drop(handshake);
                match welcomed {
                    Ok((joined, connection)) => host(&worker, joined, connection).await,
                    Err(why) => tracing::warn!(%peer, why, "who knocked as a worker is not let in"),
                }
            });
        }
    })
}

async fn accept(
    listener: &TcpListener,
    handshakes: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let handshake = handshakes.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, handshake))
}

/// The handshake, and the first question. The connection runs on a task of its own from then on.
async fn welcome(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    worker: &Worker,
) -> Result<(Arc<Joined>, JoinHandle<Result<(), hyper::Error>>), String> {
    let _ = stream.set_nodelay(true);
    let stream = acceptor.accept(stream).await.map_err(|error| error.to_string())?;
    let connection = stream.get_ref().1;
    let account = identity::peer(connection).ok_or("it has shown no key")?;
    if connection.alpn_protocol() != Some(identity::PROTOCOL) {
        return Err(format!("account {account} speaks another version of the workers' protocol"));
    }
    worker.ledger.check_signer(&account).map_err(|error| error.to_string())?;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    let shaken: (_, Conn) = builder.handshake(TokioIo::new(stream)).await.map_err(|error| causes(&error))?;
    let (sender, connection) = shaken;
    // Dropped before it has joined, the connection goes with it.
    let connection = Aborting(Some(tokio::spawn(connection)));
    let hello = Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        network: worker.network,
        prices: worker.prices(),
    };
    let room = worker.fleet.room.clone();
    let joined = Joined::meet(account, peer, sender, &hello, room).await;
    let joined = joined.map_err(|why| format!("account {account}: {why}"))?;
    match connection.keep() {
        Some(connection) => Ok((Arc::new(joined), connection)),
        None => Err("its connection is gone".to_owned()),
    }
}

/// A task that ends with whoever waits for it.
struct Aborting<T>(Option<JoinHandle<T>>);

impl<T> Aborting<T> {
    fn keep(mut self) -> Option<JoinHandle<T>> {
        self.0.take()
    }
}

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Keeps a worker for as long as its connection lives.
async fn host(
    worker: &Arc<Worker>,
    joined: Arc<Joined>,
    mut connection: JoinHandle<Result<(), hyper::Error>>,
) {
    let (account, fleet): (_, &Fleet) = (joined.account, &worker.fleet);
    if !fleet.add(joined.clone()) {
        connection.abort();
        tracing::warn!(%account, "too many workers have joined: this one is sent away");
        return;
    }
    tracing::info!(%account, peer = %joined.peer, "a worker has joined");
    if let Some(offer) = worker.ledger.workers().get(&account).and_then(|record| record.offer.as_ref())
        && offer.engine != joined.welcome.engine
    {
        let (runs, offers) = (&joined.welcome.engine, &offer.engine);
        tracing::warn!(
            %account, %runs, %offers,
            "a worker runs another engine than it offers: no call that several run is given to it, until it joins with that \
             one or registers again"
        );
    }
    let tending = tokio::spawn(tend(worker.clone(), joined.clone()));
    let why = tokio::select! {
        ended = &mut connection => match ended {
            Ok(Ok(())) => "it has left".to_owned(),
            Ok(Err(error)) => causes(&error),
            Err(error) => error.to_string(),
        },
        () = joined.ended() => {
            connection.abort();
            "it was sent away".to_owned()
        }
    };
    // Whoever still waits for an answer is told by the connection's end.
    joined.end();
    fleet.remove(&joined);
    tending.abort();
    tracing::info!(%account, why, "a worker is gone");
}
