//! A validator that breaks the rules over real TCP: three engines as they are in a process of their own, and a puppet
//! with the fourth key on the very network that an engine would use.

use crate::{
    Application, Config, Contradiction, Ordering, Peer, keys,
    network::Link,
    pool::{self, Acks, Pool, batch},
    testing::scheme,
    testing::simulated::Puppet,
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{Message, Receiver};
use commonware_runtime::{Runner as _, tokio as runtime};
use moot_record::Digest;
use std::{
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering as Atomic},
    },
    time::{Duration, Instant},
};

/// Far more than any of this takes, for a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(90);
const N: usize = 4;

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The configuration of validator `n`; the first half of the addresses are for votes, the second for data.
fn config(dir: &Path, n: usize, addresses: &[SocketAddr]) -> Config {
    let (votes, data) = addresses.split_at(N);
    let all = pool::keys(N as u8);
    let peer = |n: usize| Peer { account: all[n].account(), address: votes[n], data: data[n] };
    let mut config = Config::new(dir.join(n.to_string()), all[n].clone(), pool::genesis(&all));
    config.peers = (0..N).map(peer).collect();
    config.listen = Some(votes[n]);
    config.listen_data = Some(data[n]);
    config.heartbeat = Duration::from_millis(100);
    config
}

/// Counts what is heard.
#[derive(Debug)]
struct Counted<R> {
    inner: R,
    heard: Arc<AtomicU64>,
}

impl<R: Receiver<PublicKey = PublicKey>> Receiver for Counted<R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        let message = self.inner.recv().await;
        self.heard.fetch_add(1, Atomic::SeqCst);
        message
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}

#[test]
fn case_55_over_tcp_whoever_votes_for_two_things_is_convicted_and_heard_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let listeners: Vec<TcpListener> = (0..2 * N).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<SocketAddr> =
        listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    drop(listeners);
    let genesis = pool::genesis(&pool::keys(N as u8));
    let pools: Vec<Arc<Pool>> = (1..N).map(|_| Arc::new(Pool::new(&genesis, Acks::All))).collect();
    let engines: Vec<Ordering> = (1..N)
        .map(|n| {
            let app = Arc::clone(&pools[n - 1]) as Arc<dyn Application>;
            Ordering::start(config(dir.path(), n, &addresses), app).unwrap()
        })
        .collect();

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let heard = Arc::new(AtomicU64::new(0));
    let (bad, counter) = (config(dir.path(), 0, &addresses), Arc::clone(&heard));
    let storage = dir.path().join("puppet");
    let puppet = std::thread::spawn(move || {
        let settings = runtime::Config::new()
            .with_worker_threads(2)
            .with_storage_directory(storage)
            .with_tcp_nodelay(Some(true));
        runtime::Runner::new(settings).start(|context| async move {
            let key = keys::private_key(&bad.key).unwrap();
            let link = Link::open(&context, &bad, &key).unwrap();
            let (sender, inner) = link.channels.votes;
            let votes = (sender, Counted { inner, heard: counter });
            select! {
                _ = Puppet::Conflicter.play(scheme(&bad.genesis, &bad.key), votes) => {},
                _ = stopped => {},
            }
        });
    });

    let bad = pool::keys(N as u8)[0].account();
    let mut offered: Vec<Digest> = Vec::new();
    wait("every honest one has caught it", || {
        let digest = batch(offered.len() as u64);
        pools[offered.len() % pools.len()].offer(digest);
        offered.push(digest);
        let caught = |pool: &Arc<Pool>| {
            pool.caught().iter().any(|found| found.who == bad && found.what == Contradiction::TwoBlocks)
        };
        pools.iter().all(caught)
    });
    wait("the three go on without it", || pools.iter().all(|pool| pool.has(&offered)));
    // What was on its way has come by then.
    std::thread::sleep(Duration::from_secs(1));
    let (heard_then, height) = (heard.load(Atomic::SeqCst), pools[0].height());
    wait("more blocks", || pools.iter().all(|pool| pool.height() > height + 5));
    assert_eq!(heard.load(Atomic::SeqCst), heard_then, "it is still told of votes");

    engines.into_iter().for_each(Ordering::stop);
    drop(stop);
    puppet.join().unwrap();
    for (n, pool) in pools.iter().enumerate() {
        pool.assert_sound(&format!("validator {}", n + 1));
        assert!(pool.caught().iter().all(|found| found.who == bad), "somebody honest is accused");
        for (height, block) in pool.chain() {
            if let Some(other) = pools[0].chain().get(&height) {
                assert_eq!(other.header, block.header, "fork at {height}");
            }
        }
    }
}
