//! The application as the engine sees it: what to propose, and what to vote for.
//!
//! ```text
//!   propose: parent ──► wait for own commits ──► app.propose │ heartbeat ──► block
//!   verify:  block ──► rules (never change) ──► clock ──► app.available ──► vote
//! ```
//!
//! A verdict of `false` is for ever, so only what can never become valid is answered with it. All else
//! (a batch not here yet, a time ahead of this clock) stays pending: no vote, until the view passes.

use crate::{
    Application, Proposal,
    block::{Block, EngineDigest, from_engine},
    limits::{MAX_TIME_AHEAD_MS, MAX_UNCOMMITTED_BLOCKS},
};
use commonware_consensus::{
    Application as EngineApplication,
    marshal::ancestry::Ancestry,
    simplex::{scheme::ed25519::Scheme, types::Context},
};
use commonware_cryptography::{Digested, ed25519::PublicKey};
use commonware_parallel::Sequential;
use commonware_runtime::Clock;
use futures::{
    StreamExt as _,
    future::{Either, pending, select},
};
use moot_record::Digest;
use std::{
    collections::BTreeSet,
    pin::pin,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use tokio::sync::watch;
use tracing::warn;

/// Connects the plain [`Application`] to the engine's trait.
#[derive(Clone)]
pub(crate) struct Adapter {
    app: Arc<dyn Application>,
    /// Height up to which the application has committed.
    committed: watch::Receiver<u64>,
    heartbeat: Duration,
    max_batches: usize,
    epoch: Bound,
}

/// What the rules of an epoch say about its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Its last height.
    pub(crate) last: u64,
    /// What the block there names: the next committee, if that is another.
    pub(crate) names: Option<Digest>,
}

impl Bound {
    /// What the block of a height names.
    fn named(&self, height: u64) -> Option<Digest> {
        self.names.filter(|_| height == self.last)
    }
}

impl Adapter {
    /// An adapter of one epoch that proposes at most `max_batches` a block and an empty block every `heartbeat`.
    pub(crate) fn new(
        app: Arc<dyn Application>,
        committed: watch::Receiver<u64>,
        heartbeat: Duration,
        max_batches: usize,
        epoch: Bound,
    ) -> Adapter {
        Adapter { app, committed, heartbeat, max_batches, epoch }
    }

    /// Waits until the application is at most [`MAX_UNCOMMITTED_BLOCKS`] behind `parent`. Returns the
    /// height it has committed.
    async fn committed(&mut self, parent: u64) -> u64 {
        let near = |committed: &u64| parent.saturating_sub(*committed) <= MAX_UNCOMMITTED_BLOCKS;
        let committed = self.committed.wait_for(near).await.map(|committed| *committed);
        match committed {
            Ok(committed) => committed,
            // The engine is ending: there is nobody left to propose to.
            Err(_) => pending().await,
        }
    }

    /// What goes into the next block: the application's proposal, or nothing once the heartbeat is due.
    async fn content(&self, runtime: &impl Clock, taken: &[Digest]) -> Proposal {
        let due = runtime.current() + self.heartbeat;
        let asked = self.app.propose(taken, self.max_batches);
        if let Either::Left((proposal, _)) = select(asked, pin!(runtime.sleep(self.heartbeat))).await {
            let proposal = tidy(proposal, taken, self.max_batches);
            if !proposal.batches.is_empty() {
                return proposal;
            }
            // An application with nothing to say must not make blocks as fast as the disk can.
            runtime.sleep_until(due).await;
        }
        Proposal { batches: Vec::new(), state: self.app.state() }
    }
}

/// The proposal without what the rules would refuse or what is on its way already.
fn tidy(proposal: Proposal, taken: &[Digest], max: usize) -> Proposal {
    let mut seen: BTreeSet<Digest> = taken.iter().copied().collect();
    let batches = proposal.batches.into_iter().filter(|batch| seen.insert(*batch)).take(max).collect();
    Proposal { batches, state: proposal.state }
}

/// Batches in `parent` and its ancestors above `committed`, oldest first.
async fn taken(parent: &Digested<Block>, ancestry: &mut impl Ancestry<Block>, committed: u64) -> Vec<Digest> {
    let mut blocks = vec![parent.clone()];
    while blocks.last().is_some_and(|block| block.inner().header().height > committed + 1) {
        match ancestry.next().await {
            Some(block) => blocks.push(block),
            None => break,
        }
    }
    let above = blocks.iter().rev().filter(|block| block.inner().header().height > committed);
    above.flat_map(|block| block.inner().batches()).copied().collect()
}

fn now_ms(runtime: &impl Clock) -> u64 {
    // A clock before 1970 counts as 1970: times then follow the parents'.
    let since = runtime.current().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Waits until `time_ms` is no more than the allowed drift ahead of the clock. A time no later than the
/// parent's was accepted once and needs no wait.
async fn not_ahead(runtime: &impl Clock, time_ms: u64, parent_ms: u64) {
    if time_ms <= parent_ms {
        return;
    }
    loop {
        let ahead = time_ms.saturating_sub(now_ms(runtime).saturating_add(MAX_TIME_AHEAD_MS));
        if ahead == 0 {
            return;
        }
        // In steps, because a wall clock can be set while we sleep.
        runtime.sleep(Duration::from_millis(ahead.min(1000))).await;
    }
}

impl<E: Clock> EngineApplication<E> for Adapter {
    type SigningScheme = Scheme;
    type Context = Context<EngineDigest, PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (runtime, context): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = ancestry.next().await?;
        let (height, parent_ms) = (parent.inner().header().height, parent.inner().header().time_ms);
        let committed = self.committed(height).await;
        let taken = taken(&parent, &mut ancestry, committed).await;
        let content = self.content(&runtime, &taken).await;
        let time_ms = now_ms(&runtime).max(parent_ms);
        let digest = from_engine(&context.parent.1);
        let height = height.checked_add(1)?;
        let block = Block::new(height, digest, time_ms, content.state, content.batches)
            .naming(self.epoch.named(height));
        Some(Digested::compute(block, &Sequential).await)
    }

    async fn verify(
        &mut self,
        (runtime, context): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
    ) -> bool {
        let (Some(block), Some(parent)) = (ancestry.next().await, ancestry.next().await) else {
            // The parent cannot be had now. That proves nothing against the block.
            return pending().await;
        };
        let (block, parent) = (block.inner(), parent.inner());
        if let Err(reason) = block.check(parent, self.epoch.named(block.header().height)) {
            warn!(height = block.header().height, round = %context.round, %reason, "block refused");
            return false;
        }
        not_ahead(&runtime, block.header().time_ms, parent.header().time_ms).await;
        self.app.available(block.header(), block.batches()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BoxFuture, Plane, Wanted};
    use bytes::Bytes;
    use commonware_consensus::{
        marshal::ancestry::from_iter,
        types::{Epoch, Round, View},
    };
    use commonware_cryptography::{Digestible as _, Signer as _, ed25519::PrivateKey};
    use commonware_runtime::{Runner as _, deterministic};
    use moot_record::{AccountId, BlockHeader};

    const FIRST: Bound = Bound { last: 1_000, names: None };

    fn digest(n: u8) -> Digest {
        Digest::from_bytes([n; 32])
    }

    /// Offers `ready`, and finds everything available but batch 66, which never can be.
    struct App {
        ready: Vec<Digest>,
    }

    impl Application for App {
        fn propose<'a>(&'a self, _: &'a [Digest], _: usize) -> BoxFuture<'a, Proposal> {
            let proposal = Proposal { batches: self.ready.clone(), state: digest(1) };
            Box::pin(async move { proposal })
        }
        fn state(&self) -> Digest {
            digest(2)
        }
        fn available<'a>(&'a self, _: &'a BlockHeader, batches: &'a [Digest]) -> BoxFuture<'a, bool> {
            Box::pin(async move { !batches.contains(&digest(66)) })
        }
        fn finalized(&self, _: crate::Finalized, ack: Box<dyn FnOnce() + Send>) {
            ack();
        }
        fn attach(&self, _: Plane) {}
        fn epoch(&self, _: u64) -> Option<crate::EpochPlan> {
            None
        }
        fn old_block(&self, _: crate::OldBlock) -> Option<crate::Finalized> {
            None
        }
        fn pushed(&self, _: AccountId, _: Bytes) {}
        fn supply<'a>(&'a self, _: &'a Wanted) -> BoxFuture<'a, Option<Bytes>> {
            Box::pin(async { None })
        }
        fn accept<'a>(&'a self, _: &'a Wanted, _: Bytes) -> BoxFuture<'a, bool> {
            Box::pin(async { true })
        }
        fn caught(&self, _: crate::Misconduct) {}
    }

    fn context(parent: &Digested<Block>) -> Context<EngineDigest, PublicKey> {
        Context {
            round: Round::new(Epoch::zero(), View::new(9)),
            leader: PrivateKey::from_seed(0).public_key(),
            parent: (View::new(8), parent.digest()),
        }
    }

    fn sealed(block: Block) -> Digested<Block> {
        let digest = commonware_cryptography::Digestible::digest(&block);
        Digested::precomputed(block, digest)
    }

    fn chain() -> (Digested<Block>, Digested<Block>) {
        let old = sealed(Block::new(4, digest(9), 5_000, digest(0), vec![digest(10)]));
        let parent = Block::new(5, from_engine(&old.digest()), 5_000, digest(0), vec![digest(11)]);
        (old, sealed(parent))
    }

    fn adapter(committed: u64, ready: Vec<Digest>) -> (Adapter, watch::Sender<u64>) {
        let (sender, receiver) = watch::channel(committed);
        (Adapter::new(Arc::new(App { ready }), receiver, Duration::from_secs(1), 2, FIRST), sender)
    }

    #[test]
    fn proposes_what_is_new_and_no_more_than_it_may() {
        deterministic::Runner::default().start(|runtime| async move {
            let (old, parent) = chain();
            let ready = vec![digest(10), digest(11), digest(12), digest(12), digest(13), digest(14)];
            let (mut adapter, _open) = adapter(3, ready);
            let blocks = from_iter([parent.clone(), old]);
            let block = adapter.propose((runtime, context(&parent)), blocks, ()).await.unwrap();
            let block = block.inner();
            assert_eq!(block.batches(), [digest(12), digest(13)]);
            assert_eq!(block.check(parent.inner(), None), Ok(()));
            assert_eq!(block.header().time_ms, 5_000, "never before the parent's time");
        });
    }

    #[test]
    fn an_empty_proposal_waits_for_the_heartbeat() {
        deterministic::Runner::default().start(|runtime| async move {
            let (old, parent) = chain();
            let (mut adapter, _open) = adapter(3, vec![digest(11)]);
            let before = runtime.current();
            let clock = commonware_runtime::Supervisor::child(&runtime, "clock");
            let blocks = from_iter([parent.clone(), old]);
            let block = adapter.propose((runtime, context(&parent)), blocks, ()).await.unwrap();
            assert!(block.inner().batches().is_empty());
            assert_eq!(block.inner().header().state, digest(2));
            assert_eq!(clock.current().duration_since(before).unwrap(), Duration::from_secs(1));
        });
    }

    #[test]
    fn no_proposal_while_the_ledger_is_far_behind() {
        deterministic::Runner::default().start(|runtime| async move {
            let parent = sealed(Block::new(MAX_UNCOMMITTED_BLOCKS + 1, digest(9), 0, digest(0), vec![]));
            let (mut adapter, committed) = adapter(0, vec![digest(12)]);
            let blocks = from_iter([parent.clone()]);
            let clock = commonware_runtime::Supervisor::child(&runtime, "clock");
            let proposed = adapter.propose((runtime, context(&parent)), blocks, ());
            let mut proposed = pin!(proposed);
            let minute = pin!(clock.sleep(Duration::from_secs(60)));
            let early = matches!(select(proposed.as_mut(), minute).await, Either::Left(_));
            assert!(!early, "proposed ahead of its own commits");
            committed.send(1).unwrap();
            assert!(proposed.await.is_some());
        });
    }

    #[test]
    fn votes_for_sound_blocks_only() {
        deterministic::Runner::default().start(|runtime| async move {
            let (_, parent) = chain();
            let (adapter, _open) = adapter(3, vec![]);
            let right = from_engine(&parent.digest());
            let now = now_ms(&runtime);
            let ask = |time_ms, batches: Vec<Digest>, limit: Duration| {
                let mut adapter = adapter.clone();
                let runtime = commonware_runtime::Supervisor::child(&runtime, "ask");
                let clock = commonware_runtime::Supervisor::child(&runtime, "clock");
                let block = sealed(Block::new(6, right, time_ms, digest(0), batches));
                let blocks = from_iter([block, parent.clone()]);
                let context = context(&parent);
                async move {
                    let verdict = pin!(adapter.verify((runtime, context), blocks));
                    match select(verdict, pin!(clock.sleep(limit))).await {
                        Either::Left((verdict, _)) => Some(verdict),
                        Either::Right(_) => None,
                    }
                }
            };
            let moment = Duration::from_millis(1);
            assert_eq!(ask(5_000, vec![digest(12)], moment).await, Some(true));
            assert_eq!(ask(5_000, vec![digest(66)], moment).await, Some(false), "never available");
            assert_eq!(ask(4_999, vec![], moment).await, Some(false), "before its parent");
            assert_eq!(ask(5_000, vec![digest(12), digest(12)], moment).await, Some(false), "twice");
            let far = now + 60_000;
            assert_eq!(ask(far, vec![], Duration::from_secs(50)).await, None, "too far ahead: no vote yet");
            let soon = Duration::from_secs(60);
            assert_eq!(ask(far, vec![], soon).await, Some(true), "its time has come");
        });
    }
}
