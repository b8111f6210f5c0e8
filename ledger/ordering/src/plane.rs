//! The application's handle on the data plane, and the desk behind it.
//!
//! ```text
//!   Application ── push / fetch / forget ──► Plane ──► desk (bounded) ◄── PlaneEnd ── data::run
//!               └─ know (peers) ───────────────────────► roster ◄────────────── networks
//! ```
//!
//! The handle only writes down what is to be done and rings; it never waits and never touches the
//! network. So it works before the engine runs, on any thread, and after the engine has ended (when it
//! does nothing).

use crate::{
    Peer, Wanted,
    limits::{MAX_DATA_BYTES, MAX_PUSH_BACKLOG, MAX_PUSH_BACKLOG_BYTES},
    wants::{Plan, Wants},
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::VecDeque, fmt, sync::Arc, time::SystemTime};
use tokio::sync::{Notify, watch};

/// Moves opaque bytes between validators. Cheap to clone; the application gets it by
/// [`Application::attach`](crate::Application::attach).
#[derive(Clone)]
pub struct Plane {
    shared: Arc<Shared>,
}

struct Shared {
    desk: Mutex<Desk>,
    /// Something is to be pushed.
    pushes: Notify,
    /// What is wanted has changed.
    changes: Notify,
    /// Whom to be connected to; none until the application says so.
    roster: watch::Sender<Option<Vec<Peer>>>,
}

struct Desk {
    open: bool,
    outbox: VecDeque<Bytes>,
    outbox_bytes: usize,
    wants: Wants,
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plane").finish_non_exhaustive()
    }
}

impl Plane {
    /// A handle, and the end that the engine works from.
    pub(crate) fn new() -> (Plane, PlaneEnd) {
        let desk = Desk { open: true, outbox: VecDeque::new(), outbox_bytes: 0, wants: Wants::default() };
        let shared = Shared {
            desk: Mutex::new(desk),
            pushes: Notify::new(),
            changes: Notify::new(),
            roster: watch::Sender::new(None),
        };
        let plane = Plane { shared: Arc::new(shared) };
        (plane.clone(), PlaneEnd { plane })
    }

    /// Sends these bytes to every other validator, once and with best effort: who is away or slow does not
    /// get them, and fetches them when they turn out to matter.
    ///
    /// False when nothing is sent: more than [`MAX_DATA_BYTES`], a backlog that is full (the network is
    /// slower than this application), or an engine that has ended. Nothing need be done about it.
    pub fn push(&self, bytes: Bytes) -> bool {
        {
            let mut desk = self.shared.desk.lock();
            let full = desk.outbox.len() >= MAX_PUSH_BACKLOG
                || desk.outbox_bytes.saturating_add(bytes.len()) > MAX_PUSH_BACKLOG_BYTES;
            if !desk.open || full || bytes.len() > MAX_DATA_BYTES {
                return false;
            }
            desk.outbox_bytes += bytes.len();
            desk.outbox.push_back(bytes);
        }
        self.shared.pushes.notify_one();
        true
    }

    /// Asks peers for this, one after the other, until [`Application::accept`](crate::Application::accept)
    /// takes an answer or it is forgotten. Asking again for what is being asked for changes nothing.
    ///
    /// False when [`MAX_WANTED`](crate::limits::MAX_WANTED) are wanted already (ask again when one of them
    /// has come) or the engine has ended.
    pub fn fetch(&self, wanted: Wanted) -> bool {
        {
            let mut desk = self.shared.desk.lock();
            if !desk.open || !desk.wants.want(wanted) {
                return false;
            }
        }
        self.shared.changes.notify_one();
        true
    }

    /// These are the others from now on, instead of those of the configuration or those named before. Connections
    /// to whoever is not among them any more end.
    pub fn know(&self, peers: Vec<Peer>) {
        self.shared.roster.send_if_modified(|known| {
            let changed = known.as_ref() != Some(&peers);
            *known = Some(peers);
            changed
        });
    }

    /// Whom the application names.
    pub(crate) fn roster(&self) -> watch::Receiver<Option<Vec<Peer>>> {
        self.shared.roster.subscribe()
    }

    /// Stops asking for this: it came another way, or nobody needs it. An answer that is on its way may
    /// still be offered.
    pub fn forget(&self, wanted: &Wanted) {
        self.shared.desk.lock().wants.forget(wanted);
        self.shared.changes.notify_one();
    }
}

/// The engine's end. When it is dropped the handles do nothing any more.
pub(crate) struct PlaneEnd {
    plane: Plane,
}

impl PlaneEnd {
    /// The handle.
    pub(crate) fn plane(&self) -> Plane {
        self.plane.clone()
    }

    /// The next bytes to push. One task may wait here.
    pub(crate) async fn next_push(&self) -> Bytes {
        loop {
            if let Some(bytes) = self.take_push() {
                return bytes;
            }
            self.plane.shared.pushes.notified().await;
        }
    }

    fn take_push(&self) -> Option<Bytes> {
        let mut desk = self.plane.shared.desk.lock();
        let bytes = desk.outbox.pop_front()?;
        desk.outbox_bytes -= bytes.len();
        Some(bytes)
    }

    /// Resolves when what is wanted has changed since this resolved last. One task may wait here.
    pub(crate) async fn changed(&self) {
        self.plane.shared.changes.notified().await;
    }

    /// See [`Wants::plan`].
    pub(crate) fn plan(&self, now: SystemTime) -> Plan {
        self.plane.shared.desk.lock().wants.plan(now)
    }

    /// See [`Wants::judge`].
    pub(crate) fn judge(&self, wanted: &Wanted) -> bool {
        self.plane.shared.desk.lock().wants.judge(wanted)
    }

    /// See [`Wants::judged`].
    pub(crate) fn judged(&self, wanted: &Wanted, accepted: bool) {
        self.plane.shared.desk.lock().wants.judged(wanted, accepted);
    }
}

impl Drop for PlaneEnd {
    fn drop(&mut self) {
        let mut desk = self.plane.shared.desk.lock();
        desk.open = false;
        desk.outbox.clear();
        desk.outbox_bytes = 0;
        desk.wants.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt as _, executor::block_on};
    use moot_record::Digest;

    #[test]
    fn pushes_in_order_and_within_bounds() {
        let (plane, end) = Plane::new();
        for n in 0..MAX_PUSH_BACKLOG {
            assert!(plane.push(Bytes::from(vec![n as u8])));
        }
        assert!(!plane.push(Bytes::from_static(b"one more")));
        for n in 0..MAX_PUSH_BACKLOG {
            assert_eq!(block_on(end.next_push()), vec![n as u8]);
        }
        assert!(end.next_push().now_or_never().is_none());
        let large = Bytes::from(vec![0; MAX_DATA_BYTES]);
        let fit = MAX_PUSH_BACKLOG_BYTES / MAX_DATA_BYTES;
        assert_eq!((0..fit + 3).filter(|_| plane.push(large.clone())).count(), fit);
        assert!(!plane.push(Bytes::from(vec![0; MAX_DATA_BYTES + 1])));
    }

    #[test]
    fn an_ended_engine_leaves_a_handle_that_does_nothing() {
        let (plane, end) = Plane::new();
        let wanted = Wanted { kind: 0, digest: Digest::from_bytes([1; 32]), part: 0 };
        assert!(plane.push(Bytes::from_static(b"x")) && plane.fetch(wanted));
        drop(end);
        assert!(!plane.push(Bytes::from_static(b"x")) && !plane.fetch(wanted));
        plane.forget(&wanted);
    }
}
