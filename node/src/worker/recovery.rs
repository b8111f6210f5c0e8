//! After a crash: every call that has no receipt gets one, once.
//!
//! ```text
//!  open call ──► may be repeated, and its input is here? ──yes──► run again ──► Receipt
//!                                                         ──no──► Receipt: interrupted
//! ```
//!
//! Only idempotent and deterministic functions are run again: of any other nobody can know what it did before
//! the crash.

use crate::limits::{RECEIPT_ATTEMPTS, RECOVERED_AT_ONCE};
use crate::worker::receipt::{self, About};
use crate::worker::registry::version_of;
use crate::worker::{Job, Worker};
use futures::StreamExt;
use moot_ledger::{PayloadBytes, Refused};
use moot_record::{Call, Entry, EntryId};
use std::sync::Arc;

impl Worker {
    /// Finishes what the last run of this node left open.
    pub(crate) async fn recover(self: Arc<Self>, open: Vec<(EntryId, Call)>) {
        if open.is_empty() {
            return;
        }
        tracing::info!(calls = open.len(), "finishing calls that were cut off");
        futures::stream::iter(open)
            .for_each_concurrent(RECOVERED_AT_ONCE, |(id, call)| {
                let worker = self.clone();
                async move {
                    if let Err(error) = worker.clone().finish_open(id, call).await {
                        tracing::error!(call = %id, %error, "a call that was cut off could not be finished");
                    }
                }
            })
            .await;
    }

    async fn finish_open(self: Arc<Self>, id: EntryId, call: Call) -> anyhow::Result<()> {
        let entry = Entry::Call(call.clone());
        let about = About {
            call: id,
            call_digest: entry.digest(),
            component: call.component,
            call_bytes: entry.encode().len() as u64,
        };
        match self.again(&about, call).await {
            Some(job) => job.execute().await.map(drop).map_err(Into::into),
            None => self.interrupt(&about).await,
        }
    }

    /// The call as a job, when it may and can be run again.
    async fn again(self: &Arc<Self>, about: &About, call: Call) -> Option<Job> {
        let record = self.ledger.function(&call.function)?;
        let version = version_of(&record, &call).filter(|v| v.repeatable())?;
        let input = match &call.input.inline {
            Some(inline) => inline.clone().into(),
            None => self.ledger.payload(about.call).ok().flatten()?,
        };
        if !call.input.is_of(&input) {
            return None;
        }
        let code = self.load(&version, self.clock.now_us()).await.ok()?;
        Some(Job::again(self, version, code, *about, call, input))
    }

    async fn interrupt(&self, about: &About) -> anyhow::Result<()> {
        let receipt = receipt::interrupted(about, &self.prices, self.clock.now_us());
        for _ in 0..RECEIPT_ATTEMPTS {
            match self.ledger.append_receipt(receipt.clone(), PayloadBytes::None) {
                Ok(pending) => {
                    self.metrics.called(receipt.status, 0, 0);
                    return Ok(pending.durable().await?);
                }
                Err(Refused::Full { retry_after, .. }) => tokio::time::sleep(retry_after).await,
                Err(refused) => return Err(refused.into()),
            }
        }
        anyhow::bail!("the ledger's queue stayed full")
    }
}
