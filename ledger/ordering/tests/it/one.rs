//! One validator on real files: order, prove, stop, drop, restart, and every way to fail loudly.

use crate::pool::{Acks, Pool, batch, keys};
use moot_ordering::{Application, Config, Error, Ordering, genesis_block};
use moot_record::{Digest, Genesis, Keypair};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Far more than any of this takes, for a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn genesis(n: u8) -> Genesis {
    crate::pool::genesis(&keys(n))
}

pub(crate) fn config(dir: &Path) -> Config {
    let mut config = Config::new(dir, keys(1).remove(0), genesis(1));
    config.heartbeat = Duration::from_millis(100);
    config
}

pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "waited {PATIENCE:?} for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(dir: &Path, pool: &Arc<Pool>) -> Ordering {
    Ordering::start(config(dir), Arc::clone(pool) as Arc<dyn Application>).unwrap()
}

#[test]
fn orders_what_is_offered_and_proves_it() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let engine = start(dir.path(), &pool);
    let batches: Vec<Digest> = (0..40).map(batch).collect();
    for batch in &batches {
        pool.offer(*batch);
        std::thread::sleep(Duration::from_millis(1));
    }
    wait("every batch in a final block", || pool.has(&batches));
    engine.stop();
    // Certificates, links, heights and times are checked at each delivery.
    pool.assert_sound("the only validator");
    let chain = pool.chain();
    let first = chain.first_key_value().unwrap().1;
    assert_eq!(first.header.height, 1);
    assert_eq!(first.header.parent, genesis_block(&genesis(1)).digest());
    let order: Vec<Digest> = chain.values().flat_map(|block| block.batches.clone()).collect();
    assert_eq!(order, batches, "each once, in the order offered");
}

#[test]
fn a_certificate_is_worth_nothing_for_another_block_or_network() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let engine = start(dir.path(), &pool);
    pool.offer(batch(1));
    wait("two blocks", || pool.height() >= 2);
    engine.stop();
    let chain = pool.chain();
    let (one, two) = (&chain[&1], &chain[&2]);
    assert!(one.descent.is_empty(), "nothing went wrong, so each block has its own certificate");
    let proven = one.certificate.verify(&genesis(1), &one.header.digest()).unwrap();
    assert_eq!(proven.0, 0, "epoch");
    assert!(one.certificate.verify(&genesis(1), &two.header.digest()).is_err());
    let mut elsewhere = genesis(1);
    elsewhere.name = "elsewhere".to_string();
    assert!(one.certificate.verify(&elsewhere, &one.header.digest()).is_err());
    let mut broken = two.clone();
    broken.header.state = Digest::from_bytes([9; 32]);
    assert!(broken.verify(&genesis(1)).is_err());
}

#[test]
fn idle_means_a_heartbeat_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let mut config = config(dir.path());
    config.heartbeat = Duration::from_millis(200);
    let engine = Ordering::start(config, Arc::clone(&pool) as Arc<dyn Application>).unwrap();
    wait("five heartbeats", || pool.height() >= 5);
    let when = pool.when();
    engine.stop();
    pool.assert_sound("the only validator");
    assert!(pool.chain().values().all(|block| block.batches.is_empty()));
    let took = when[&5].duration_since(when[&1]);
    assert!(took >= Duration::from_millis(700), "four heartbeats of 200 ms took {took:?}");
}

#[test]
fn goes_on_after_a_stop_and_after_a_drop() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    for run in 0..6_u64 {
        let engine = start(dir.path(), &pool);
        let batches: Vec<Digest> = (run * 10..run * 10 + 10).map(batch).collect();
        batches.iter().for_each(|batch| pool.offer(*batch));
        wait("this run's batches", || pool.has(&batches));
        if run % 2 == 0 {
            engine.stop();
        } else {
            drop(engine);
        }
        pool.assert_sound("the only validator");
    }
    let order: Vec<Digest> = pool.chain().values().flat_map(|block| block.batches.clone()).collect();
    assert_eq!(order, (0..60).map(batch).collect::<Vec<_>>());
}

#[test]
fn what_was_not_acknowledged_comes_again_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let first = Arc::new(Pool::new(&genesis(1), Acks::UpTo(3)));
    let engine = start(dir.path(), &first);
    first.offer(batch(1));
    wait("deliveries ahead of their acknowledgement", || first.height() >= 8);
    engine.stop();
    first.assert_sound("first run");

    // A ledger that has lost what it did not commit.
    let second = Arc::new(Pool::new(&genesis(1), Acks::All));
    let engine = start(dir.path(), &second);
    wait("all of them again, and more", || second.height() > first.height());
    engine.stop();
    second.assert_sound("second run");
    let (before, after) = (first.chain(), second.chain());
    let lowest = *after.first_key_value().unwrap().0;
    assert!(lowest <= 4, "4 was not acknowledged, yet delivery began at {lowest}");
    for (height, block) in after.range(..=first.height()) {
        assert_eq!(before[height].header, block.header, "block {height}");
    }
}

#[test]
fn deliveries_do_not_run_away_from_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::UpTo(0)));
    let mut config = config(dir.path());
    config.heartbeat = Duration::from_millis(20);
    let engine = Ordering::start(config, Arc::clone(&pool) as Arc<dyn Application>).unwrap();
    wait("as many as may wait", || pool.height() >= moot_ordering::limits::MAX_PENDING_ACKS as u64);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(pool.height(), moot_ordering::limits::MAX_PENDING_ACKS as u64);
    assert!(engine.failed().borrow().is_none(), "waiting is no failure");
    engine.stop();
}

#[test]
fn a_dropped_acknowledgement_is_a_failure_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::Drop(3)));
    let engine = start(dir.path(), &pool);
    let failed = engine.failed();
    wait("the failure", || failed.borrow().is_some());
    let failure = failed.borrow().clone().unwrap();
    assert!(failure.to_string().contains("restart the node"), "{failure}");
    engine.stop();
    // And nothing is lost by it.
    let again = Arc::new(Pool::new(&genesis(1), Acks::All));
    let engine = start(dir.path(), &again);
    wait("block 3 again", || again.height() >= 4);
    assert!(*again.chain().first_key_value().unwrap().0 <= 3);
    engine.stop();
}

#[test]
fn a_damaged_journal_is_reported_and_never_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let engine = start(dir.path(), &pool);
    wait("some blocks", || pool.height() >= 3);
    engine.stop();
    let mut damaged = 0;
    for partition in std::fs::read_dir(dir.path().join("journals")).unwrap() {
        let partition = partition.unwrap().path();
        if !partition.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(partition).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
            std::fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    let again = Arc::new(Pool::new(&genesis(1), Acks::All));
    match Ordering::start(config(dir.path()), again as Arc<dyn Application>) {
        Err(Error::Engine { reason }) => assert!(!reason.is_empty()),
        Err(other) => panic!("another error: {other}"),
        Ok(engine) => {
            let failed = engine.failed();
            wait("the failure", || failed.borrow().is_some());
        }
    }
}

#[test]
fn lost_journals_are_not_voted_over() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let start = |committed| {
        let mut config = config(dir.path());
        config.committed = committed;
        Ordering::start(config, Arc::clone(&pool) as Arc<dyn Application>)
    };
    let engine = start(0).unwrap();
    wait("some blocks", || pool.height() >= 3);
    engine.stop();
    // With its journals the validator goes on from what was committed, and no block comes from nowhere.
    start(pool.height()).unwrap().stop();
    pool.assert_sound("the only validator");
    std::fs::remove_dir_all(dir.path()).unwrap();
    let refused = start(pool.height()).unwrap_err().to_string();
    assert!(refused.contains("journals end at height 0"), "{refused}");
}

#[test]
fn a_second_engine_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let engine = start(dir.path(), &pool);
    let second = Ordering::start(config(dir.path()), Arc::clone(&pool) as Arc<dyn Application>);
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    engine.stop();
}

#[test]
fn a_wrong_configuration_says_what_would_be_right() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |change: &dyn Fn(&mut Config), part: &str| {
        let mut config = config(dir.path());
        change(&mut config);
        let pool = Arc::new(Pool::new(&config.genesis, Acks::All));
        let error = Ordering::start(config, pool as Arc<dyn Application>).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refuse(&|config| config.genesis.validators.clear(), "a network has 1 to");
    refuse(&|config| config.key = Keypair::from_seed([99; 32]), "not a validator");
    refuse(&|config| config.heartbeat = Duration::ZERO, "too short");
    refuse(&|config| config.max_batches_per_block = 0, "use 1 to");
    refuse(&|config| config.genesis = genesis(4), "address to listen on");
    let listening = |config: &mut Config| {
        config.genesis = genesis(4);
        config.listen = Some(([127, 0, 0, 1], 0).into());
    };
    refuse(&listening, "listen on for data");
    let both = |config: &mut Config| {
        listening(config);
        config.listen_data = Some(([127, 0, 0, 1], 0).into());
    };
    refuse(&both, "no address is known");
    refuse(&|config| config.listen_data = Some(([127, 0, 0, 1], 0).into()), "nothing listens for votes");
    let same = |config: &mut Config| {
        config.listen = Some(([127, 0, 0, 1], 9999).into());
        config.listen_data = config.listen;
    };
    refuse(&same, "another port");
    refuse(&|config| config.genesis.validators = vec![keys(1)[0].account(); 2], "not sorted");
}

#[test]
fn a_directory_that_is_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"not a directory").unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let outcome = Ordering::start(config(&path), pool as Arc<dyn Application>);
    assert!(matches!(outcome, Err(Error::Io { .. })), "{outcome:?}");
}
