//! One engine of consensus after the other, each for an epoch and its committee.
//!
//! ```text
//!   epoch 3: committee 1 ──votes──► last block, committed here ──► engine ends
//!   epoch 4: committee 2 ───────────────────────────────────────► engine begins, from that block
//!                 ▲
//!   a vote of epoch 4 while this validator is in epoch 3: who sent it has the last block of epoch 3 with its
//!   certificate, and is asked for it (marshal's backfill)
//! ```
//!
//! An engine ends as soon as the last block is committed: left running it would propose that block again and
//! again, as fast as the network can. Whoever was late gets the block's certificate from any of those who have it,
//! by the hint above; so nobody needs the old engine. The certificate of each epoch's last block is always at hand,
//! because no certificate of a later epoch is looked at before.
//!
//! Who is not in the committee, or must not vote, runs the same engine without a key: it hears and checks
//! everything, and says nothing.

use crate::{
    Application, EpochPlan,
    application::{Adapter, Bound},
    block::{Block, to_engine},
    doors::Doors,
    engine::Runtime,
    keys,
    settings::{self, Pace},
    witness::Witness,
};
use commonware_consensus::{
    marshal::{
        core::Mailbox,
        standard::{Inline, Standard},
    },
    simplex::{self, scheme::ed25519::Scheme},
    types::{Epoch, Epocher as _, FixedEpocher, Height},
};
use commonware_cryptography::{
    certificate::{Provider, Scoped},
    ed25519::{PrivateKey, PublicKey},
};
use commonware_macros::select;
use commonware_p2p::{Blocker, Sender, utils::mux};
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_utils::non_empty_vec;
use moot_record::{Committee, Digest};
use parking_lot::RwLock;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use tracing::{info, warn};

/// Epochs whose certificates can be checked: this one, and the one before for answers that are late.
const KEPT_SCHEMES: usize = 2;

/// Whose votes count in which epoch, as far as it has begun here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schemes(Arc<RwLock<BTreeMap<Epoch, Arc<Scheme>>>>);

impl Schemes {
    fn begin(&self, epoch: Epoch, scheme: &Scheme) {
        let mut schemes = self.0.write();
        schemes.insert(epoch, Arc::new(scheme.clone()));
        while schemes.len() > KEPT_SCHEMES {
            schemes.pop_first();
        }
    }
}

impl Provider for Schemes {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.0.read().get(&epoch).map(|scheme| Scoped::scheme(Arc::clone(scheme)))
    }
}

/// What every epoch's engine needs.
pub(crate) struct Epochs<E, S: Sender, B> {
    pub(crate) context: E,
    pub(crate) key: PrivateKey,
    pub(crate) network: Digest,
    pub(crate) epocher: FixedEpocher,
    pub(crate) schemes: Schemes,
    pub(crate) doors: Doors<S>,
    pub(crate) blocker: B,
    pub(crate) app: Arc<dyn Application>,
    pub(crate) marshal: Mailbox<Scheme, Standard<Block>>,
    /// Height that the application has committed.
    pub(crate) committed: watch::Receiver<u64>,
    pub(crate) heartbeat: Duration,
    pub(crate) max_batches: usize,
    pub(crate) partition: String,
    pub(crate) cache: CacheRef,
}

/// The epoch in which the next block is, the first time also before marshal runs.
pub(crate) fn begin(
    app: &dyn Application,
    (key, network): (&PrivateKey, &Digest),
    (epocher, schemes): (&FixedEpocher, &Schemes),
    committed: u64,
) -> Result<(Epoch, EpochPlan, Scheme), String> {
    let next = Height::new(committed.saturating_add(1));
    let epoch = epocher.containing(next).map(|info| info.epoch()).unwrap_or_default();
    let plan = app.epoch(epoch.get()).ok_or_else(|| {
        format!(
            "block {committed} is committed, but the committee of epoch {epoch} is not known: the blocks before it \
             were pruned here while the journals were lost; start anew in an empty data folder"
        )
    })?;
    let scheme = scheme(key, network, &plan)?;
    schemes.begin(epoch, &scheme);
    Ok((epoch, plan, scheme))
}

/// The committee as the engine has it: with this validator's key only if it votes.
fn scheme(key: &PrivateKey, network: &Digest, plan: &EpochPlan) -> Result<Scheme, String> {
    let Committee { members, .. } = &plan.committee;
    let namespace = plan.committee.namespace(network);
    let members = keys::set(members).map_err(|error| error.to_string())?;
    let signer = plan.votes.then(|| Scheme::signer(&namespace, members.clone(), key.clone())).flatten();
    Ok(signer.unwrap_or_else(|| Scheme::verifier(&namespace, members)))
}

impl<E, S, B> Epochs<E, S, B>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    /// Runs epoch after epoch, and says why it ended, which it does not in health.
    pub(crate) async fn run(mut self) -> String {
        loop {
            let committed = *self.committed.borrow();
            let keys = (&self.key, &self.network);
            let begun = begin(self.app.as_ref(), keys, (&self.epocher, &self.schemes), committed);
            let (epoch, plan, scheme) = match begun {
                Ok(begun) => begun,
                Err(reason) => return reason,
            };
            if let Some(reason) = self.epoch(epoch, plan, scheme).await {
                return reason;
            }
        }
    }

    /// Runs one epoch to its end: none, or why it ended before.
    async fn epoch(&mut self, epoch: Epoch, plan: EpochPlan, scheme: Scheme) -> Option<String> {
        let last = self.epocher.last(epoch).map_or(u64::MAX, |height| height.get());
        self.tidy(epoch).await;
        let mut engine = match self.start(epoch, &plan, scheme, last).await {
            Ok(engine) => engine,
            Err(error) => return Some(format!("the channels of epoch {epoch} cannot be opened: {error}")),
        };
        if epoch.get() > 0 {
            let (number, members) = (plan.committee.number, plan.committee.members.len());
            info!(%epoch, committee = number, members, votes = plan.votes, "an epoch begins");
        }
        let mut committed = self.committed.clone();
        let over = committed.wait_for(|height| *height >= last);
        let mut over = std::pin::pin!(over);
        loop {
            select! {
                ended = &mut over => {
                    if ended.is_err() {
                        return Some("delivery of blocks ended".to_string());
                    }
                    break;
                },
                ended = &mut engine => return Some(format!("consensus ended in epoch {epoch} ({ended:?})")),
                stranger = self.doors.stranger() => {
                    let (ahead, message) = match stranger {
                        Ok(stranger) => stranger,
                        Err(reason) => return Some(reason),
                    };
                    if ahead > epoch.get() {
                        self.marshal.hint_finalized(Height::new(last), non_empty_vec![message.0.clone()]);
                    }
                    self.doors.keep(ahead, epoch.get() + 1, message);
                },
            }
        }
        engine.abort();
        // The next engine needs none of its files, but they should be closed before they are removed one day.
        let _ = engine.await;
        None
    }

    /// Starts an epoch's engine.
    async fn start(
        &mut self,
        epoch: Epoch,
        plan: &EpochPlan,
        scheme: Scheme,
        last: u64,
    ) -> Result<Handle<()>, mux::Error> {
        let context = self.context.child("epoch").with_attribute("epoch", epoch);
        let names = (plan.next != plan.committee).then(|| plan.next.digest());
        let adapter = Adapter::new(
            Arc::clone(&self.app),
            self.committed.clone(),
            self.heartbeat,
            self.max_batches,
            Bound { last, names },
        );
        let inline =
            Inline::new(context.child("inline"), adapter, self.marshal.clone(), self.epocher.clone());
        let pace = Pace { heartbeat: self.heartbeat, alone: plan.committee.members.len() == 1 };
        let witness = Witness::new(Arc::clone(&self.app), &plan.committee, self.network);
        let settings = settings::simplex(
            (&self.partition, epoch),
            scheme,
            to_engine(&plan.start),
            &pace,
            (inline, witness, self.blocker.clone()),
            self.cache.clone(),
        );
        let consensus = simplex::Engine::new(context.child("simplex"), settings);
        let (votes, certificates, resolver) = self.doors.open(epoch.get()).await?;
        Ok(consensus.start(votes, certificates, resolver))
    }

    /// Removes the votes of the epoch before the last one: nobody asks for them any more.
    async fn tidy(&mut self, epoch: Epoch) {
        let Some(old) = epoch.get().checked_sub(2) else { return };
        let partition = settings::votes_partition(&self.partition, Epoch::new(old));
        match self.context.remove(&partition, None).await {
            Ok(()) | Err(commonware_runtime::Error::PartitionMissing(_)) => {}
            Err(error) => warn!(%partition, %error, "the votes of an old epoch cannot be removed"),
        }
    }
}
