//! Functions that were deployed at another replica: their bytes come later, and nobody here has looked at them.
//!
//! ```text
//!  block applied ──► registry ──► bytes here? ──no──► asked for, waited for, with a deadline
//!                                      └─yes─► admitted as at deploy ──► compiled ──► called
//! ```
//!
//! - Requires: nothing of the other replica: what it let pass is looked at again before it is compiled.
//! - Provides: a call comes to find its function; most often compiled before the first call.
//! - Does not provide: functions whose bytes nobody has any more.

use super::{Active, LoadProblem, Worker};
use crate::limits::COMPONENT_WAIT;
use crate::workers::wire::Sandbox;
use moot_host::Policy;
use std::sync::Arc;

impl Worker {
    fn is_alone(&self) -> bool {
        self.ledger.is_alone()
    }

    /// Waits for a function's bytes, unless what was compiled of them is here. Everybody who calls it waits here at once, not
    /// one after the other.
    pub(super) async fn arrived(&self, active: &Active) -> Result<(), LoadProblem> {
        if self.artifacts.has(&active.component) { Ok(()) } else { self.bytes_arrived(active).await }
    }

    /// The same where its machine code is not enough.
    async fn bytes_arrived(&self, active: &Active) -> Result<(), LoadProblem> {
        let component = &active.component;
        if self.is_alone() {
            return Ok(());
        }
        let on_the_way = || LoadProblem::OnTheWay { component: *component };
        let _waiting = self.arrivals.try_acquire().map_err(|_| on_the_way())?;
        let waited = tokio::time::timeout(COMPONENT_WAIT, self.ledger.component_arrived(component)).await;
        waited.map_err(|_| on_the_way())
    }

    /// What a function needs to run, once its bytes are here.
    pub(crate) async fn arrived_sandbox(&self, active: &Active) -> Result<Sandbox, LoadProblem> {
        self.arrived(active).await?;
        self.sandbox(active)
    }

    /// A function's bytes, for a worker that needs them.
    pub(crate) async fn component_bytes(&self, active: &Active) -> Result<Vec<u8>, String> {
        self.bytes_arrived(active).await.map_err(|error| error.to_string())?;
        self.bytes(&active.component).ok_or_else(|| format!("component {} is not here", active.component))
    }

    /// Looks at what is about to be compiled as the replica that took it should have.
    pub(super) fn admit_foreign(&self, active: &Active, policy: &Policy) -> Result<(), LoadProblem> {
        if self.is_alone() || self.artifacts.has(&active.component) {
            return Ok(());
        }
        // Bytes that went in the meantime are missed, by name, where they are needed.
        let Some(bytes) = self.bytes(&active.component) else { return Ok(()) };
        let (is, says) = (self.host.admit(&bytes, policy)?.kind.as_str(), active.spec.kind.as_str());
        if is == says { Ok(()) } else { Err(LoadProblem::OtherKind { is, says }) }
    }

    /// Compiles what was deployed elsewhere before somebody calls it, one after the other. What cannot be compiled says
    /// so again, to whoever calls it.
    pub(crate) async fn prepare_ahead(&self) {
        let registry = self.registry();
        let missing: Vec<Arc<Active>> =
            registry.all().filter(|active| !self.artifacts.has(&active.component)).cloned().collect();
        for active in missing {
            if let Err(error) = self.prepare_one(&active).await {
                tracing::warn!(function = %active.name, %error, "a function that was deployed elsewhere cannot run here");
            }
        }
    }

    async fn prepare_one(&self, active: &Active) -> Result<(), LoadProblem> {
        self.arrived(active).await?;
        if self.sandbox(active)? == Sandbox::External {
            return Ok(());
        }
        let policy = self.provided.policy(&active.name, active.owner, &active.spec)?;
        self.admit_foreign(active, &policy)?;
        Ok(self.artifacts.ensure(&active.component, || self.bytes(&active.component)).await?)
    }
}
