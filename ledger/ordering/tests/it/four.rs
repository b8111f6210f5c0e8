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

/// The config of validator `n`; the first half of the addresses are for votes, the second for data.
fn config(dir: &Path, n: usize, addresses: &[SocketAddr]) -> Config {
    let (votes, data) = addresses.split_at(addresses.len() / 2);
    let all = keys(votes.len() as u8);
    let peer = |n: usize| Peer { account: all[n].account(), address: votes[n], data: data[n] };
    let mut config = Config::new(dir.join(n.to_string()), keys(votes.len() as u8).remove(n), genesis(4));
    config.peers = (0..votes.len()).map(peer).collect();
    config.listen = Some(votes[n]);
    config.listen_data = Some(data[n]);
    config.heartbeat = Duration::from_millis(200);
    config
}

#[test]
fn agree_lose_one_and_take_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let addresses = addresses(8);
    let pools: Vec<Arc<Pool>> = (0..4).map(|_| Arc::new(Pool::new(&genesis(4), Acks::All))).collect();
    let start = |n: usize| {
        let app = Arc::clone(&pools[n]) as Arc<dyn Application>;
        Ordering::start(config(dir.path(), n, &addresses), app).unwrap()
    };
    // Each batch is sealed by one validator: the others have it by push, or fetch it.
    let offer = |range: std::ops::Range<u64>, lanes: &[usize]| {
        let batches: Vec<Digest> = range.map(batch).collect();
        let lanes = lanes.iter().cycle();
        batches.iter().zip(lanes).for_each(|(batch, lane)| pools[*lane].offer(*batch));
        batches
    };
    let mut engines: Vec<Option<Ordering>> = (0..4).map(|n| Some(start(n))).collect();

    let first = offer(0..50, &[0, 1, 2, 3]);
    wait("the first batches at all four", || pools.iter().all(|pool| pool.has(&first)));
    // Waits until it is gone: a dying engine would still take pushes.
    engines[2].take().unwrap().stop();
    let before = pools[2].counts();
    let second = offer(50..100, &[0, 1, 3]);
    wait("the second at three", || [0, 1, 3].iter().all(|n: &usize| pools[*n].has(&second)));
    assert!(!pools[2].has(&second));
    // Longer than pushes are remembered for somebody who comes late.
    std::thread::sleep(moot_ordering::limits::LATE_FOR + std::time::Duration::from_millis(500));
    engines[2] = Some(start(2));
    let third = offer(100..120, &[2, 3, 0, 1]);
    wait("all at all four", || pools.iter().all(|pool| pool.has(&second) && pool.has(&third)));
    let fetched = pools[2].counts().fetched - before.fetched;
    assert!(fetched >= second.len() as u64, "validator 2 missed {} batches, fetched {fetched}", second.len());
    let fourth = offer(120..160, &[0, 1, 2, 3]);
    wait("the last at all four", || pools.iter().all(|pool| pool.has(&fourth)));
    let pushed: Vec<u64> = pools.iter().map(|pool| pool.counts().pushed).collect();
    assert!(pushed.iter().all(|pushed| *pushed > 0), "pushes that came: {pushed:?}");

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
    // The one for votes, and the one for data.
    for port in [0, 4] {
        let mut all = addresses(8);
        all[port] = taken.local_addr().unwrap();
        let pool = Arc::new(Pool::new(&genesis(4), Acks::All));
        let reason = match Ordering::start(config(dir.path(), 0, &all), pool as Arc<dyn Application>) {
            Err(error) => error.to_string(),
            Ok(engine) => {
                let failed = engine.failed();
                wait("the failure", || failed.borrow().is_some());
                let failure = failed.borrow().clone();
                failure.unwrap().to_string()
            }
        };
        println!("{reason}");
    }
}
