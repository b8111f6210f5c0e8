//! After a crash: every call that has no receipt gets one, once.
//!
//! ```text
//!  open call ──► may be repeated, and its input is here? ──yes──► run again ──► Receipt
//!                                                         ──no──► Receipt: interrupted
//! ```
//!
//! A client's bundle first has to be final and count: what a block made void was nobody's to run.
//!
//! Only idempotent and deterministic functions are run again: of any other nobody can know what it did before
//! the crash.

use crate::limits::{FATE_EVERY, RECEIPT_ATTEMPTS, RECOVERED_AT_ONCE};
use crate::worker::receipt::{self, About};
use crate::worker::registry::version_of;
use crate::worker::{Job, Worker, bundle};
use crate::workers::PLACE_WAIT_AT_START;
use futures::StreamExt;
use moot_ledger::{Fate, PayloadBytes, Refused};
use moot_record::{Call, Entry, EntryId, Receipt, Status};
use std::sync::Arc;

impl Worker {
    /// Finishes what the last run of this node left open.
    pub(crate) async fn recover(self: Arc<Self>, mut open: Vec<(EntryId, Call)>) {
        if open.is_empty() {
            return;
        }
        tracing::info!(calls = open.len(), "finishing calls that were cut off");
        // Clients' come last: they may have to wait for their block.
        open.sort_by_key(|(id, _)| self.ledger.is_of_client(id));
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
        if self.ledger.is_of_client(&id) && !self.counts(id).await? {
            return Ok(());
        }
        let entry = Entry::Call(call.clone());
        let about = About {
            call: id,
            call_digest: entry.digest(),
            component: call.component,
            call_bytes: entry.encode().len() as u64,
        };
        let derived = call.idempotency.and_then(|digest| self.ledger.derived_of(&digest));
        if let Some(barred) = derived.and_then(|derived| derived.barred) {
            // It was recorded to be denied.
            return self.state_not_run(&about, Status::Denied, barred.reason()).await;
        }
        match self.again(&about, call).await {
            Some(job) => job.execute().await.map(drop).map_err(Into::into),
            None => self.interrupt(&about).await,
        }
    }

    /// Waits until a client's bundle is final; false when it is void, and its calls are let go.
    async fn counts(&self, id: EntryId) -> anyhow::Result<bool> {
        loop {
            match self.ledger.fate(id)? {
                Fate::Unordered => tokio::time::sleep(FATE_EVERY).await,
                Fate::Counts { .. } => return Ok(true),
                Fate::Void { .. } => {
                    self.ledger.close_void(id)?;
                    return Ok(false);
                }
            }
        }
    }

    /// The call as a job, when it may and can be run again.
    async fn again(self: &Arc<Self>, about: &About, call: Call) -> Option<Job> {
        let record = self.ledger.function(&call.function)?;
        let version = version_of(&record, &call).filter(|v| v.repeatable())?;
        let input = match bundle::input_of(&call) {
            Some(input) => input,
            None => self.ledger.payload(about.call).ok().flatten()?,
        };
        if !call.input.is_of(&input) {
            return None;
        }
        if version.spec.replicas_k > 1 {
            return Some(Job::compared(self, version, *about, call, input, None));
        }
        // Its workers have to join again first.
        if let Some(lease) = self.lease_if_needed(&version, PLACE_WAIT_AT_START).await.ok()? {
            return Some(Job::handed_over(self, version, lease, *about, call, input));
        }
        let code = self.load(&version, self.clock.now_us()).await.ok()?;
        Some(Job::recorded_before(self, version, code, *about, call, input, None))
    }

    async fn interrupt(&self, about: &About) -> anyhow::Result<()> {
        self.state(receipt::interrupted(about, &self.prices(), self.clock.now_us())).await
    }

    /// Writes the receipt of a call that was not run. A full queue is waited for.
    pub(super) async fn state(&self, receipt: Receipt) -> anyhow::Result<()> {
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
