//! How many calls run at once, and how many may wait for that.
//!
//! Past both bounds a call is refused before anything of it is recorded, so nothing is lost: the client is told
//! to come back.

use crate::limits::WorkerLimits;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of a worker.
#[derive(Clone)]
pub(crate) struct Places {
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_running: usize,
    max_waiting: usize,
}

/// A call's place, given back when dropped.
pub(crate) struct Place(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// All places are taken, and all places in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{running} calls are running and {waiting} are waiting, which is all this node takes; try again shortly"
)]
pub(crate) struct Full {
    running: usize,
    waiting: usize,
}

impl Places {
    pub(crate) fn new(limits: &WorkerLimits) -> Self {
        Places {
            running: Arc::new(Semaphore::new(limits.max_running)),
            waiting: Arc::new(AtomicUsize::new(0)),
            max_running: limits.max_running,
            max_waiting: limits.max_waiting,
        }
    }

    /// A place, now or after those who came before.
    pub(crate) async fn take(&self) -> Result<Place, Full> {
        if let Ok(permit) = self.running.clone().try_acquire_owned() {
            return Ok(Place(permit));
        }
        let _queued = Queued::enter(self).ok_or(self.full())?;
        // The semaphore is never closed.
        self.running.clone().acquire_owned().await.map(Place).map_err(|_| self.full())
    }

    /// Calls that run or wait.
    pub(crate) fn taken(&self) -> usize {
        self.max_running - self.running.available_permits() + self.waiting.load(Ordering::Relaxed)
    }

    /// Returns when no call runs any more.
    pub(crate) async fn all_free(&self) {
        let all = u32::try_from(self.max_running).unwrap_or(u32::MAX);
        let _ = self.running.acquire_many(all).await;
    }

    fn full(&self) -> Full {
        Full { running: self.max_running, waiting: self.max_waiting }
    }
}

/// A place in the queue; leaving it is counted even when the one who waits gives up.
struct Queued<'a>(&'a AtomicUsize);

impl<'a> Queued<'a> {
    fn enter(places: &'a Places) -> Option<Self> {
        let before = places.waiting.fetch_add(1, Ordering::Relaxed);
        let queued = Queued(&places.waiting);
        (before < places.max_waiting).then_some(queued)
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(max_running: usize, max_waiting: usize) -> Places {
        Places::new(&WorkerLimits { max_running, max_waiting, ..WorkerLimits::default() })
    }

    #[tokio::test]
    async fn case_13_the_queue_is_bounded_and_gives_places_back() {
        // Without a bound a slow function would make the node hold every request that ever came.
        let places = places(1, 1);
        let first = places.take().await.unwrap();
        let second = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(places.taken(), 2);
        assert!(places.take().await.is_err());
        drop(first);
        assert!(second.await.unwrap().is_ok());
        assert_eq!(places.taken(), 0);
        places.all_free().await;
    }

    #[tokio::test]
    async fn one_who_gives_up_leaves_the_queue() {
        let places = places(1, 1);
        let first = places.take().await.unwrap();
        let gave_up = tokio::time::timeout(std::time::Duration::from_millis(5), places.take()).await;
        assert!(gave_up.is_err());
        assert_eq!(places.taken(), 1);
        drop(first);
        assert!(places.take().await.is_ok());
    }
}
