//! Hands final blocks to the application, each with its certificate.
//!
//! ```text
//!   marshal ──Update::Block + ack──► Courier ──► Delivery ──Finalized + ack──► application
//!      ▲                                            │                             │ commit
//!      ├──────── certificate? descendants? ─────────┤                             ▼
//!      └──────── prune what is old ─────────────────┘◄──────── committed ──────  ack
//! ```
//!
//! Marshal delivers a block only after it and its certificate are on disk, one after the other and
//! at least once. What is added here is the certificate in the record's form, and for a block that
//! has none of its own, the headers down to the one that has.

use crate::{
    Application, Finalized,
    block::{Block, EngineDigest, from_engine},
    limits::{BLOCKS_PER_SECTION, CERTIFICATE_PATIENCE, KEPT_BLOCKS, MAX_DESCENT},
};
use commonware_actor::Feedback;
use commonware_codec::Encode as _;
use commonware_consensus::{
    Reporter,
    marshal::{Update, core::Mailbox, standard::Standard},
    simplex::{scheme::ed25519::Scheme, types::Finalization},
    types::Height,
};
use commonware_cryptography::Digested;
use commonware_runtime::Clock;
use commonware_utils::acknowledgement::{Acknowledgement as _, Exact};
use futures::{StreamExt as _, channel::mpsc};
use moot_record::{BlockHeader, Certificate};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use tracing::warn;

type Marshal = Mailbox<Scheme, Standard<Block>>;
type Parcel = (Digested<Block>, Exact);

/// Takes marshal's reports. Unbounded in form; marshal itself has at most
/// [`MAX_PENDING_ACKS`](crate::limits::MAX_PENDING_ACKS) blocks on the way.
#[derive(Clone)]
pub(crate) struct Courier(mpsc::UnboundedSender<Parcel>);

/// The other end of a [`Courier`].
pub(crate) type Parcels = mpsc::UnboundedReceiver<Parcel>;

impl Courier {
    /// A courier and what it brings.
    pub(crate) fn new() -> (Courier, Parcels) {
        let (sender, receiver) = mpsc::unbounded();
        (Courier(sender), receiver)
    }
}

impl Reporter for Courier {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(..) => Feedback::Ok,
            Update::Block(block, ack) => match self.0.unbounded_send((block, ack)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// Delivers what the courier brings, until the engine ends.
pub(crate) struct Delivery<E> {
    runtime: E,
    marshal: Marshal,
    app: Arc<dyn Application>,
    committed: Arc<watch::Sender<u64>>,
}

impl<E: Clock> Delivery<E> {
    /// A delivery that records in `committed` what the application has acknowledged.
    pub(crate) fn new(
        runtime: E,
        marshal: Marshal,
        app: Arc<dyn Application>,
        committed: watch::Sender<u64>,
    ) -> Delivery<E> {
        Delivery { runtime, marshal, app, committed: Arc::new(committed) }
    }

    /// Runs until marshal is gone (`Ok`) or a block lacks its evidence (`Err`, with the reason).
    pub(crate) async fn run(self, mut parcels: Parcels) -> Result<(), String> {
        while let Some((block, ack)) = parcels.next().await {
            let height = block.inner().header().height;
            if height == 0 {
                ack.acknowledge();
                continue;
            }
            let (certificate, descent) = self.evidence(block.inner()).await?;
            let header = *block.inner().header();
            let batches = block.inner().batches().to_vec();
            let committed = Arc::clone(&self.committed);
            let ack = Box::new(move || {
                committed.send_if_modified(|known| {
                    let later = height > *known;
                    *known = height.max(*known);
                    later
                });
                ack.acknowledge();
            });
            self.app.finalized(Finalized { header, batches, certificate, descent }, ack);
            if height.is_multiple_of(BLOCKS_PER_SECTION) {
                self.marshal.prune(Height::new(height.saturating_sub(KEPT_BLOCKS)));
            }
        }
        Ok(())
    }

    /// The block's certificate, or its next certified descendant's with the headers down to it.
    async fn evidence(&self, block: &Block) -> Result<(Certificate, Vec<BlockHeader>), String> {
        let step = Duration::from_millis(10);
        let mut waited = Duration::ZERO;
        loop {
            if let Some(found) = self.search(block).await? {
                return Ok(found);
            }
            // The certificate is written before the block is delivered, so this is a second chance only.
            if waited >= CERTIFICATE_PATIENCE {
                let height = block.header().height;
                return Err(format!("block {height} is final, but no certificate for it can be found"));
            }
            if waited.is_zero() {
                warn!(height = block.header().height, "certificate not found at once");
            }
            self.runtime.sleep(step).await;
            waited += step;
        }
    }

    async fn search(&self, block: &Block) -> Result<Option<(Certificate, Vec<BlockHeader>)>, String> {
        let mut descent: Vec<BlockHeader> = Vec::new();
        let mut height = Height::new(block.header().height);
        while descent.len() <= MAX_DESCENT {
            if let Some(finalization) = self.marshal.get_finalization(height).await {
                let certified = descent.last().unwrap_or(block.header());
                return encode(&finalization, certified).map(|certificate| Some((certificate, descent)));
            }
            height = height.next();
            match self.marshal.get_block(height).await {
                Some(child) => descent.push(*child.inner().header()),
                None => return Ok(None),
            }
        }
        Err(format!("no certificate for {MAX_DESCENT} blocks after block {}", block.header().height))
    }
}

fn encode(
    finalization: &Finalization<Scheme, EngineDigest>,
    certified: &BlockHeader,
) -> Result<Certificate, String> {
    let named = from_engine(&finalization.proposal.payload);
    if named != certified.digest() {
        return Err(format!("the archive has a certificate of {named} at height {}", certified.height));
    }
    Ok(Certificate(finalization.encode().to_vec()))
}
