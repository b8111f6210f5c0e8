//! A ledger for tests: seals batches and pushes them, fetches what it misses, records what becomes final,
//! and checks every delivery.

use bytes::Bytes;
use moot_ordering::{
    Application, BoxFuture, EpochPlan, Finalized, Misconduct, OldBlock, Plane, Proposal, Wanted,
    genesis_block,
};
use moot_record::{AccountId, BlockHeader, Committee, Digest, Genesis, Keypair, Prices};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
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

/// How the application behaves towards its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the scenarios over TCP have honest validators only")]
pub(crate) enum Conduct {
    /// As it should.
    Honest,
    /// Never pushes its batches, but answers who asks.
    Lazy,
    /// Never pushes its own batches nor gives them to anybody, and proposes them all the same.
    Withholding,
    /// Answers every request with wrong bytes.
    Lying,
    /// Never answers a request.
    Mute,
}

type Ack = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Inner {
    plane: Option<Plane>,
    /// Batches durable here, in order of arrival.
    known: Vec<Digest>,
    held: BTreeSet<Digest>,
    /// Those sealed here.
    own: BTreeSet<Digest>,
    /// Final blocks whose batches are not all here.
    due: VecDeque<(Finalized, Ack)>,
    chain: BTreeMap<u64, Finalized>,
    when: BTreeMap<u64, Instant>,
    ordered: BTreeSet<Digest>,
    kept: Vec<Ack>,
    /// What was delivered wrongly.
    faults: Vec<String>,
    counts: Counts,
    /// Who was caught at contradicting itself, with the proofs.
    caught: Vec<Misconduct>,
    /// Of a validator whose journals were lost: the batch that only it can have made, and only since then.
    token: Option<Digest>,
    /// The first epoch in which it may vote.
    votes_from: u64,
}

/// When the network of the tests begins.
pub(crate) const GENESIS_MS: u64 = 1_700_000_000_000;

/// Who votes when: the first epoch of each committee after the genesis's, and its members, sorted.
pub(crate) type Script = Vec<(u64, Vec<AccountId>)>;

/// What the data plane did for this validator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Batches that came by a push, repeats included.
    pub(crate) pushed: u64,
    /// Batches that were fetched.
    pub(crate) fetched: u64,
    /// Answers that were refused.
    pub(crate) refused: u64,
    /// Requests of peers.
    pub(crate) asked: u64,
}

/// The test's application. It outlives the engine, as a ledger's file would.
pub(crate) struct Pool {
    genesis: Genesis,
    acks: Acks,
    conduct: Conduct,
    script: Script,
    inner: Mutex<Inner>,
    changed: Notify,
}

impl Pool {
    pub(crate) fn new(genesis: &Genesis, acks: Acks) -> Pool {
        let (inner, changed) = (Mutex::default(), Notify::new());
        Pool {
            genesis: genesis.clone(),
            acks,
            conduct: Conduct::Honest,
            script: Script::new(),
            inner,
            changed,
        }
    }

    #[allow(dead_code, reason = "the scenarios over TCP have honest validators only")]
    pub(crate) fn of_conduct(genesis: &Genesis, conduct: Conduct) -> Pool {
        Pool { conduct, ..Pool::new(genesis, Acks::All) }
    }

    /// The same with committees that change.
    #[allow(dead_code, reason = "the scenarios over TCP have one committee")]
    pub(crate) fn scripted(self, script: &Script) -> Pool {
        Pool { script: script.clone(), ..self }
    }

    /// Lost its journals: it votes again in the epoch after the one whose blocks name `token`.
    #[allow(dead_code, reason = "the scenarios over TCP lose nothing")]
    pub(crate) fn returning(self, token: Digest) -> Pool {
        {
            let mut inner = self.inner.lock().unwrap();
            (inner.token, inner.votes_from) = (Some(token), u64::MAX);
        }
        self.offer(token);
        self
    }

    /// The first epoch in which it may vote.
    pub(crate) fn votes_from(&self) -> u64 {
        self.inner.lock().unwrap().votes_from
    }

    fn epoch_of(&self, height: u64) -> u64 {
        self.genesis.epochs.map_or(0, |epochs| epochs.of(height))
    }

    /// Who votes in an epoch.
    pub(crate) fn committee(&self, epoch: u64) -> Committee {
        let begun = self.script.iter().take_while(|(first, _)| *first <= epoch);
        let (number, last) = (begun.clone().count(), begun.last());
        match last {
            Some((_, members)) => Committee { number: number as u32, members: members.clone() },
            None => self.genesis.committee(),
        }
    }

    /// Seals a batch: makes it durable here and pushes it to the others.
    pub(crate) fn offer(&self, batch: Digest) {
        let mut inner = self.inner.lock().unwrap();
        inner.own.insert(batch);
        self.hold(&mut inner, batch);
        if let Some(plane) = &inner.plane
            && !matches!(self.conduct, Conduct::Lazy | Conduct::Withholding)
        {
            plane.push(body(&batch));
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Makes a batch durable here, and commits what waited for it.
    fn hold(&self, inner: &mut Inner, batch: Digest) {
        if inner.held.insert(batch) {
            inner.known.push(batch);
        }
        if let Some(plane) = &inner.plane {
            plane.forget(&wanted(batch));
        }
        self.commit(inner);
    }

    /// Commits final blocks in order, as far as their batches are here, and asks for those that are not.
    fn commit(&self, inner: &mut Inner) {
        while let Some((block, _)) = inner.due.front() {
            let missing: Vec<Digest> =
                block.batches.iter().filter(|batch| !inner.held.contains(*batch)).copied().collect();
            // A process that was killed has lost its batches with its memory; it is after the blocks only.
            if !missing.is_empty() && self.acks != Acks::Announced {
                if let Some(plane) = &inner.plane {
                    // It says no when its engine has just ended.
                    missing.iter().for_each(|batch| _ = plane.fetch(wanted(*batch)));
                }
                return;
            }
            let Some((block, ack)) = inner.due.pop_front() else { return };
            let height = block.header.height;
            if inner.token.is_some_and(|token| block.batches.contains(&token)) {
                inner.votes_from = inner.votes_from.min(self.epoch_of(height) + 1);
            }
            inner.ordered.extend(block.batches.iter().copied());
            match self.acks {
                Acks::UpTo(most) if height > most => inner.kept.push(ack),
                Acks::Drop(at) if height == at => drop(ack),
                Acks::Announced => {
                    println!("block {height} {} {}", block.header.digest(), block.header.parent);
                    ack();
                }
                _ => ack(),
            }
        }
    }

    /// Height delivered last, nought before the first.
    pub(crate) fn height(&self) -> u64 {
        self.inner.lock().unwrap().chain.last_key_value().map_or(0, |(height, _)| *height)
    }

    /// Height committed last, nought before the first.
    pub(crate) fn committed(&self) -> u64 {
        let inner = self.inner.lock().unwrap();
        let due = inner.due.front().map(|(block, _)| block.header.height - 1);
        due.or(inner.chain.last_key_value().map(|(height, _)| *height)).unwrap_or(0)
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

    /// Whether all of these are in final blocks that are committed here, so that their bytes are here too.
    pub(crate) fn has(&self, batches: &[Digest]) -> bool {
        let inner = self.inner.lock().unwrap();
        batches.iter().all(|batch| inner.ordered.contains(batch))
    }

    /// What the data plane did.
    #[allow(dead_code, reason = "not every scenario counts")]
    pub(crate) fn counts(&self) -> Counts {
        self.inner.lock().unwrap().counts
    }

    /// Who was caught at contradicting itself, with the proofs.
    #[allow(dead_code, reason = "not every scenario has somebody to catch")]
    pub(crate) fn caught(&self) -> Vec<Misconduct> {
        self.inner.lock().unwrap().caught.clone()
    }

    /// Panics if something was delivered that must not be.
    pub(crate) fn assert_sound(&self, whose: &str) {
        let inner = self.inner.lock().unwrap();
        assert!(inner.faults.is_empty(), "{whose}: {:?}", inner.faults);
    }

    /// What is wrong with a delivery, given those before.
    fn fault(&self, inner: &Inner, block: &Finalized) -> Option<String> {
        let height = block.header.height;
        let epoch = self.epoch_of(block.certified().height);
        if let Err(error) = block.verify_by(&self.committee(epoch), &self.genesis.network()) {
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

/// Forgets what a block that was not voted for would have needed.
struct Asking<'a> {
    pool: &'a Pool,
    batches: &'a [Digest],
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let inner = self.pool.inner.lock().unwrap();
        let due: BTreeSet<&Digest> = inner.due.iter().flat_map(|(block, _)| &block.batches).collect();
        let Some(plane) = &inner.plane else { return };
        let idle = self.batches.iter().filter(|batch| !due.contains(batch));
        idle.for_each(|batch| plane.forget(&wanted(*batch)));
        drop(inner);
        // Another block may wait for the same batch: it asks again.
        self.pool.changed.notify_waiters();
    }
}

impl Application for Pool {
    fn attach(&self, plane: Plane) {
        let mut inner = self.inner.lock().unwrap();
        inner.plane = Some(plane);
        // The engine before this one has ended: the new one delivers again what was not acknowledged.
        inner.due.clear();
        inner.kept.clear();
    }

    fn epoch(&self, number: u64) -> Option<EpochPlan> {
        let (committee, next) = (self.committee(number), self.committee(number + 1));
        let last =
            number.checked_sub(1).map(|before| self.genesis.epochs.map_or(u64::MAX, |e| e.last(before)));
        let start = match last {
            None => genesis_block(&self.genesis).digest(),
            Some(last) if self.committed() >= last => {
                self.inner.lock().unwrap().chain.get(&last)?.header.digest()
            }
            Some(_) => return None,
        };
        Some(EpochPlan { committee, next, start, votes: number >= self.votes_from() })
    }

    fn old_block(&self, which: OldBlock) -> Option<Finalized> {
        let inner = self.inner.lock().unwrap();
        match which {
            OldBlock::At(height) => inner.chain.get(&height).cloned(),
            OldBlock::Named(digest) => {
                inner.chain.values().find(|block| block.header.digest() == digest).cloned()
            }
        }
    }

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
            let _asking = Asking { pool: self, batches };
            loop {
                // Made before the look, so that no change between the two is missed.
                let changed = self.changed.notified();
                {
                    let inner = self.inner.lock().unwrap();
                    let mut missing = batches.iter().filter(|batch| !inner.held.contains(*batch)).peekable();
                    if missing.peek().is_none() {
                        return true;
                    }
                    if let Some(plane) = &inner.plane {
                        missing.for_each(|batch| _ = plane.fetch(wanted(*batch)));
                    }
                }
                changed.await;
            }
        })
    }

    fn finalized(&self, block: Finalized, ack: Ack) {
        let height = block.header.height;
        let mut inner = self.inner.lock().unwrap();
        if let Some(fault) = self.fault(&inner, &block) {
            inner.faults.push(fault);
        }
        inner.when.entry(height).or_insert_with(Instant::now);
        inner.chain.entry(height).or_insert_with(|| block.clone());
        inner.due.push_back((block, ack));
        self.commit(&mut inner);
        drop(inner);
        self.changed.notify_waiters();
    }

    fn pushed(&self, _: AccountId, bytes: Bytes) {
        let Some(batch) = digest(&bytes) else { return };
        let mut inner = self.inner.lock().unwrap();
        inner.counts.pushed += 1;
        self.hold(&mut inner, batch);
        drop(inner);
        self.changed.notify_waiters();
    }

    fn supply<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            if self.conduct == Conduct::Mute {
                self.inner.lock().unwrap().counts.asked += 1;
                return std::future::pending().await;
            }
            let answer = {
                let mut inner = self.inner.lock().unwrap();
                inner.counts.asked += 1;
                let (held, own) = (inner.held.contains(&wanted.digest), inner.own.contains(&wanted.digest));
                match self.conduct {
                    Conduct::Honest | Conduct::Lazy => held.then(|| body(&wanted.digest)),
                    Conduct::Withholding => (held && !own).then(|| body(&wanted.digest)),
                    Conduct::Lying => Some(body(&batch(u64::MAX))),
                    Conduct::Mute => None,
                }
            };
            answer.filter(|_| (wanted.kind, wanted.part) == (0, 0))
        })
    }

    fn accept<'a>(&'a self, wanted: &'a Wanted, bytes: Bytes) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let mut inner = self.inner.lock().unwrap();
            if digest(&bytes) != Some(wanted.digest) {
                inner.counts.refused += 1;
                return false;
            }
            inner.counts.fetched += 1;
            self.hold(&mut inner, wanted.digest);
            drop(inner);
            self.changed.notify_waiters();
            true
        })
    }

    fn caught(&self, misconduct: Misconduct) {
        let mut inner = self.inner.lock().unwrap();
        let committee = self.committee(misconduct.epoch);
        if !misconduct.verify(&committee, &self.genesis.network()) {
            inner.faults.push(format!("what {} is accused of is not proven", misconduct.who));
        }
        inner.caught.push(misconduct);
    }
}

/// A digest that is nobody else's.
pub(crate) fn batch(n: u64) -> Digest {
    let mut bytes = [0x5a; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    Digest::from_bytes(bytes)
}

/// How a batch is asked for.
pub(crate) fn wanted(batch: Digest) -> Wanted {
    Wanted { kind: 0, digest: batch, part: 0 }
}

/// The bytes of a batch: its digest, and some more or less of something that follows from it.
pub(crate) fn body(batch: &Digest) -> Bytes {
    let name = batch.as_bytes();
    let mut bytes = name.to_vec();
    bytes.resize(32 + usize::from(name[7]) * 16, name[6] ^ 0x33);
    bytes.into()
}

/// The digest of which these are the bytes, if of any.
fn digest(bytes: &[u8]) -> Option<Digest> {
    let batch = Digest::from_bytes(bytes.get(..32)?.try_into().ok()?);
    (body(&batch) == bytes).then_some(batch)
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
    Genesis::new("test", GENESIS_MS, validators, Prices::default())
}
