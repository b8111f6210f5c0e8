//! Four validators in one process, over real TCP on the loopback address.

use crate::{
    one::{genesis, wait},
    pool::{Acks, Pool, batch, keys},
};
use moot_ordering::{Application, Config, Ordering, Peer};
use moot_record::Digest;
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Addresses that were free a moment ago.
fn addresses(n: usize) -> Vec<SocketAddr> {
    let listeners: Vec<TcpListener> = (0..n).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

fn config(dir: &Path, n: usize, addresses: &[SocketAddr]) -> Config {
    let all = keys(addresses.len() as u8);
    let peers =
        all.iter().zip(addresses).map(|(key, address)| Peer { account: key.account(), address: *address });
    let mut config = Config::new(dir.join(n.to_string()), keys(addresses.len() as u8).remove(n), genesis(4));
    config.peers = peers.collect();
    config.listen = Some(addresses[n]);
    config.heartbeat = Duration::from_millis(200);
    config
}

#[test]
fn agree_lose_one_and_take_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let addresses = addresses(4);
    let pools: Vec<Arc<Pool>> = (0..4).map(|_| Arc::new(Pool::new(&genesis(4), Acks::All))).collect();
    let start = |n: usize| {
        let app = Arc::clone(&pools[n]) as Arc<dyn Application>;
        Ordering::start(config(dir.path(), n, &addresses), app).unwrap()
    };
    let offer = |range: std::ops::Range<u64>| {
        let batches: Vec<Digest> = range.map(batch).collect();
        batches.iter().for_each(|batch| pools.iter().for_each(|pool| pool.offer(*batch)));
        batches
    };
    let mut engines: Vec<Option<Ordering>> = (0..4).map(|n| Some(start(n))).collect();

    let first = offer(0..50);
    wait("the first batches at all four", || pools.iter().all(|pool| pool.has(&first)));
    engines[2].take().unwrap().stop();
    let second = offer(50..100);
    wait("the second at three", || [0, 1, 3].iter().all(|n: &usize| pools[*n].has(&second)));
    assert!(!pools[2].has(&second));
    engines[2] = Some(start(2));
    let third = offer(100..120);
    wait("all at all four", || pools.iter().all(|pool| pool.has(&second) && pool.has(&third)));

    engines.into_iter().flatten().for_each(Ordering::stop);
    for (n, pool) in pools.iter().enumerate() {
        pool.assert_sound(&format!("validator {n}"));
        for (height, block) in pool.chain() {
            if let Some(other) = pools[0].chain().get(&height) {
                assert_eq!(other.header, block.header, "fork at {height} between 0 and {n}");
            }
        }
    }
}

#[test]
fn a_busy_port_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut all = addresses(4);
    all[0] = taken.local_addr().unwrap();
    let pool = Arc::new(Pool::new(&genesis(4), Acks::All));
    match Ordering::start(config(dir.path(), 0, &all), pool as Arc<dyn Application>) {
        Err(_) => {}
        Ok(engine) => {
            let failed = engine.failed();
            wait("the failure", || failed.borrow().is_some());
        }
    }
}
