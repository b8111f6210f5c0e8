//! A socket whose writes must make progress.
//!
//! hyper bounds how long a head may take to arrive, but not how long a client may leave an answer unread: such
//! a client would hold its connection, and what is buffered for it, for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Fails with `TimedOut` when a write waits longer than the limit for the peer.
pub(crate) struct TimedIo<S> {
    socket: S,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Kept between waits: a sleep costs an allocation.
    armed: bool,
}

impl<S> TimedIo<S> {
    pub(crate) fn new(socket: S, limit: Duration) -> Self {
        TimedIo { socket, limit, waiting: None, armed: false }
    }

    /// Passes a finished write on; starts or checks the clock of one that waits.
    fn timed<T>(&mut self, cx: &mut Context<'_>, write: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.armed = false;
            return write;
        }
        let sleep = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)));
        if !self.armed {
            self.armed = true;
            sleep.as_mut().reset(Instant::now() + self.limit);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.timed(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.timed(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.socket).poll_flush(cx);
        self.timed(cx, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shutdown = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.timed(cx, shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_peer_that_reads_late_is_waited_for_and_one_that_never_reads_is_not() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut near = TimedIo::new(near, Duration::from_millis(200));
        let reader = tokio::spawn(async move {
            let mut got = [0u8; 8];
            tokio::time::sleep(Duration::from_millis(20)).await;
            far.read_exact(&mut got).await.unwrap();
            (far, got)
        });
        near.write_all(b"12345678").await.unwrap();
        let (_far, got) = reader.await.unwrap();
        assert_eq!(&got, b"12345678");
        let refused = near.write_all(b"never read by anyone").await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    }
}
