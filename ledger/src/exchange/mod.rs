//! Dealings with other replicas: what they send, what is asked of them, what they ask for.
//!
//! ```text
//!   pushed ──┐                                         ┌──► inbox of the commit thread ──► durable
//!   accept ──┼──► queue ──► checking threads ──────────┤
//!   supply ──┘   (bounded)      │                      └──► reply
//!                               └── what is due: ask for what is still missing ──► Carrier
//! ```
//!
//! Nothing here runs on the engine's threads for longer than it takes to write a job down, and nothing here
//! writes to the database.
//!
//! # Trust boundary
//! - **Requires**: nothing of whoever sends; of the carrier, that it offers every answer to [`Core::judge`].
//! - **Provides**: only batches under the seal of their lane's owner, whole, with every signature checked,
//!   reach the commit thread; only parts that belong to a component's digest reach its file; memory is bounded.
//! - **Does not provide**: that two batches of one lane and sequence number are one: the commit thread keeps the
//!   first, and both seals as evidence.

mod bell;
mod check;
mod components;
mod intake;
mod parts;
mod supply;
mod tally;
mod wants;

pub(crate) use check::{Checked, Content, Looking, RECEIPT, Scan, VALUE, scan};
pub(crate) use components::Components;
pub(crate) use intake::{Intake, check_all, start};
pub(crate) use tally::{FoundCalls, find_calls, tally};
pub(crate) use wants::{Want, Wants};

use bytes::Bytes;
use moot_ordering::{Peer, Wanted};
use moot_record::Digest;
use parking_lot::RwLock;
use std::sync::Arc;

/// [`Wanted::kind`]: a sealed batch, by its digest.
pub const KIND_BATCH: u8 = 0;
/// [`Wanted::kind`]: a component of at most 1 MiB whole, or the list of a larger one's parts: the BLAKE3
/// chaining values of its 1 MiB subtrees, 32 bytes each.
pub const KIND_COMPONENT: u8 = 1;
/// [`Wanted::kind`]: one part of a component of more than 1 MiB.
pub const KIND_PART: u8 = 2;

/// Carries bytes between replicas: the data plane of `moot_ordering`, or a test's.
pub trait Carrier: Send + Sync + 'static {
    /// Sends to every other replica, with best effort.
    fn push(&self, bytes: Bytes);

    /// Asks others for it until an answer is accepted or it is forgotten; asking twice is asking once. False
    /// when it cannot be asked for now.
    fn fetch(&self, wanted: Wanted) -> bool;

    /// Stops asking.
    fn forget(&self, wanted: &Wanted);

    /// These are the other replicas from now on. Of no use to a carrier that does not choose whom it talks to.
    fn know(&self, peers: Vec<Peer>) {
        drop(peers);
    }
}

/// The carrier, once there is one.
#[derive(Default)]
pub(crate) struct Line(RwLock<Option<Arc<dyn Carrier>>>);

impl Line {
    pub(crate) fn attach(&self, carrier: Arc<dyn Carrier>) {
        *self.0.write() = Some(carrier);
    }

    pub(crate) fn push(&self, bytes: Bytes) {
        if let Some(carrier) = self.0.read().as_ref() {
            carrier.push(bytes);
        }
    }

    pub(crate) fn know(&self, peers: Vec<Peer>) {
        if let Some(carrier) = self.0.read().as_ref() {
            carrier.know(peers);
        }
    }

    fn fetch(&self, wanted: Wanted) -> bool {
        self.0.read().as_ref().is_some_and(|carrier| carrier.fetch(wanted))
    }

    fn forget(&self, wanted: &Wanted) {
        if let Some(carrier) = self.0.read().as_ref() {
            carrier.forget(wanted);
        }
    }
}

/// A batch, as the carrier names it.
fn batch_named(digest: Digest) -> Wanted {
    Wanted { kind: KIND_BATCH, digest, part: 0 }
}
