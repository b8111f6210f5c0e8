//! A ledger for tests: offers batches, records what becomes final, and checks every delivery.

use moot_ordering::{Application, BoxFuture, Finalized, Proposal};
use moot_record::{BlockHeader, Digest, Genesis, Keypair, Prices};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Instant,
};
use tokio::sync::Notify;

/// What the application does with deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the simulation acknowledges all")]
pub(crate) enum Acks {
    /// Acknowledges each.
    All,
    /// Acknowledges up to this height and keeps the rest waiting.
    UpTo(u64),
    /// Drops the acknowledgement of this height.
    Drop(u64),
    /// Acknowledges each, once it has said so on the standard output.
    Announced,
}

#[derive(Default)]
struct Inner {
    /// Batches durable here, in order of arrival.
    known: Vec<Digest>,
    chain: BTreeMap<u64, Finalized>,
    when: BTreeMap<u64, Instant>,
    ordered: BTreeSet<Digest>,
    kept: Vec<Box<dyn FnOnce() + Send>>,
    /// What was delivered wrongly.
    faults: Vec<String>,
}

/// The test's application. It outlives the engine, as a ledger's file would.
pub(crate) struct Pool {
    genesis: Genesis,
    acks: Acks,
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Pool {
    pub(crate) fn new(genesis: &Genesis, acks: Acks) -> Pool {
        Pool { genesis: genesis.clone(), acks, inner: Mutex::default(), changed: Notify::new() }
    }

    /// Makes a batch durable here.
    pub(crate) fn offer(&self, batch: Digest) {
        self.inner.lock().unwrap().known.push(batch);
        self.changed.notify_waiters();
    }

    /// Height delivered last, nought before the first.
    pub(crate) fn height(&self) -> u64 {
        self.inner.lock().unwrap().chain.last_key_value().map_or(0, |(height, _)| *height)
    }

    /// All that was delivered.
    pub(crate) fn chain(&self) -> BTreeMap<u64, Finalized> {
        self.inner.lock().unwrap().chain.clone()
    }

    /// When each block was delivered first.
    #[allow(dead_code, reason = "the simulation has a clock of its own")]
    pub(crate) fn when(&self) -> BTreeMap<u64, Instant> {
        self.inner.lock().unwrap().when.clone()
    }

    /// Whether all of these are in final blocks.
    pub(crate) fn has(&self, batches: &[Digest]) -> bool {
        let inner = self.inner.lock().unwrap();
        batches.iter().all(|batch| inner.ordered.contains(batch))
    }

    /// Panics if something was delivered that must not be.
    pub(crate) fn assert_sound(&self, whose: &str) {
        let inner = self.inner.lock().unwrap();
        assert!(inner.faults.is_empty(), "{whose}: {:?}", inner.faults);
    }

    /// What is wrong with a delivery, given those before.
    fn fault(&self, inner: &Inner, block: &Finalized) -> Option<String> {
        let height = block.header.height;
        if let Err(error) = block.verify(&self.genesis) {
            return Some(format!("certificate of block {height}: {error}"));
        }
        if let Some(before) = inner.chain.get(&height) {
            // The certificate may be another view's; the block may not.
            let same = before.header == block.header && before.batches == block.batches;
            return (!same).then(|| format!("block {height} came again, different"));
        }
        if let Some((last, before)) = inner.chain.last_key_value() {
            if height != last + 1 {
                return Some(format!("block {height} after {last}"));
            }
            if block.header.parent != before.header.digest() {
                return Some(format!("block {height} does not follow {last}"));
            }
            if block.header.time_ms < before.header.time_ms {
                return Some(format!("block {height} lies in the past of {last}"));
            }
        }
        if block.header.batches as usize != block.batches.len() {
            return Some(format!("block {height} has {} batches", block.batches.len()));
        }
        None
    }
}

impl Application for Pool {
    fn propose<'a>(&'a self, taken: &'a [Digest], max: usize) -> BoxFuture<'a, Proposal> {
        Box::pin(async move {
            loop {
                // Made before the look, so that no change between the two is missed.
                let changed = self.changed.notified();
                let batches: Vec<Digest> = {
                    let inner = self.inner.lock().unwrap();
                    let fresh = inner.known.iter().filter(|batch| !inner.ordered.contains(*batch));
                    fresh.filter(|batch| !taken.contains(*batch)).take(max).copied().collect()
                };
                if !batches.is_empty() {
                    return Proposal { batches, state: self.state() };
                }
                changed.await;
            }
        })
    }

    fn state(&self) -> Digest {
        Digest::from_bytes([7; 32])
    }

    fn available<'a>(&'a self, _: &'a BlockHeader, batches: &'a [Digest]) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            loop {
                // Made before the look, so that no change between the two is missed.
                let changed = self.changed.notified();
                {
                    let inner = self.inner.lock().unwrap();
                    if batches.iter().all(|batch| inner.known.contains(batch)) {
                        return true;
                    }
                }
                changed.await;
            }
        })
    }

    fn finalized(&self, block: Finalized, ack: Box<dyn FnOnce() + Send>) {
        let height = block.header.height;
        let mut inner = self.inner.lock().unwrap();
        if let Some(fault) = self.fault(&inner, &block) {
            inner.faults.push(fault);
        }
        inner.ordered.extend(block.batches.iter().copied());
        inner.when.entry(height).or_insert_with(Instant::now);
        let announced = format!("block {height} {} {}", block.header.digest(), block.header.parent);
        inner.chain.entry(height).or_insert(block);
        match self.acks {
            Acks::UpTo(most) if height > most => inner.kept.push(ack),
            Acks::Drop(at) if height == at => drop(ack),
            Acks::Announced => {
                println!("{announced}");
                ack();
            }
            _ => ack(),
        }
        drop(inner);
        self.changed.notify_waiters();
    }
}

/// A digest that is nobody else's.
pub(crate) fn batch(n: u64) -> Digest {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Digest::from_bytes(bytes)
}

/// Keys of `n` validators, in the committee's order.
pub(crate) fn keys(n: u8) -> Vec<Keypair> {
    let mut keys: Vec<Keypair> = (0..n).map(|seed| Keypair::from_seed([seed + 1; 32])).collect();
    keys.sort_by_key(|key| key.account());
    keys
}

/// The genesis of these validators.
pub(crate) fn genesis(keys: &[Keypair]) -> Genesis {
    let validators = keys.iter().map(Keypair::account).collect();
    Genesis::new("test", 1_700_000_000_000, validators, Prices::default())
}
