//! Work that goes on when the one who waits for it goes away.
//!
//! hyper drops the future of a request whose client disconnects or resets its stream. A call that was recorded must
//! end all the same: so its future, when dropped before its end, moves to a task of its own. While the client
//! stays, it costs one allocation and no task.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A future that cannot be cancelled by dropping it.
pub(crate) struct Survive<F>(Option<Pin<Box<F>>>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static;

impl<F> Survive<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    pub(crate) fn new(future: F) -> Self {
        Survive(Some(Box::pin(future)))
    }
}

impl<F> Future for Survive<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.0 else { return Poll::Pending };
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<F> Drop for Survive<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the next start finishes the call.
        if let (Some(future), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn case_14_dropped_half_way_it_still_ends() {
        // A client that disconnects must not decide whether what it asked for is done.
        let (go, wait) = oneshot::channel::<()>();
        let (done, seen) = oneshot::channel();
        let mut work = Survive::new(async move {
            wait.await.unwrap();
            done.send(7).unwrap();
        });
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(seen.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn waited_for_it_gives_its_result() {
        assert_eq!(Survive::new(async { 5 }).await, 5);
    }
}
