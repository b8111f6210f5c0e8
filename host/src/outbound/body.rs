//! Bodies with bounds: so many bytes in all, so long between two frames.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

/// A body that ends with an error when it is too long or too slow.
pub(super) struct Bounded<B> {
    inner: B,
    /// Bytes that may still come.
    left: u64,
    /// What to say when more come.
    too_long: fn() -> Error,
    silence: Option<Silence>,
    /// One of the call's open requests, until the body is dropped.
    _permit: Option<OwnedSemaphorePermit>,
}

struct Silence {
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer runs: it starts when somebody waits for a frame, not when the guest dawdles.
    running: bool,
}

impl<B> Bounded<B> {
    /// A request's body: bounded in size.
    pub(super) fn request(inner: B, bytes: u64) -> Bounded<B> {
        let too_long = || Error::HttpRequestBodySize(Some(crate::limits::MAX_OUTBOUND_BODY_BYTES));
        Bounded { inner, left: bytes, too_long, silence: None, _permit: None }
    }

    /// A response's body: bounded in size and in silence between frames.
    pub(super) fn response(
        inner: B,
        bytes: u64,
        silence: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Bounded<B> {
        let too_long = || Error::HttpResponseBodySize(Some(crate::limits::MAX_OUTBOUND_BODY_BYTES));
        let silence =
            Silence { limit: silence, timer: Box::pin(tokio::time::sleep(silence)), running: false };
        Bounded { inner, left: bytes, too_long, silence: Some(silence), _permit: Some(permit) }
    }
}

impl<B> Body for Bounded<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let Some(silence) = &mut this.silence else { return Poll::Pending };
                if !std::mem::replace(&mut silence.running, true) {
                    silence.timer.as_mut().reset(Instant::now() + silence.limit);
                }
                return silence.timer.as_mut().poll(cx).map(|()| Some(Err(Error::ConnectionReadTimeout)));
            }
        };
        if let Some(silence) = &mut this.silence {
            silence.running = false;
        }
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(Into::into)?;
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            this.left = this.left.checked_sub(bytes).ok_or_else(this.too_long)?;
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full, StreamBody};
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    /// Short, because the test waits for it in earnest.
    const SILENCE: Duration = Duration::from_millis(200);

    fn permit() -> OwnedSemaphorePermit {
        Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()
    }

    #[tokio::test]
    async fn a_body_of_just_the_limit_passes_and_one_byte_more_does_not() {
        let body = |bytes: usize| Full::new(Bytes::from(vec![7; bytes]));
        let whole = Bounded::request(body(10), 10).collect().await.unwrap().to_bytes();
        assert_eq!(whole.len(), 10);
        let error = Bounded::request(body(11), 10).collect().await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestBodySize(_)), "{error}");
        let long = Bounded::response(body(11), 10, Duration::from_secs(9), permit());
        assert!(matches!(long.collect().await.unwrap_err(), Error::HttpResponseBodySize(_)));
    }

    #[tokio::test]
    async fn silence_ends_a_response_and_a_slow_reader_does_not() {
        let (mut tx, rx) = futures::channel::mpsc::unbounded::<Result<Frame<Bytes>, Error>>();
        let mut body = Bounded::response(StreamBody::new(rx), 100, SILENCE, permit());
        for _ in 0..3 {
            futures::SinkExt::send(&mut tx, Ok(Frame::data(Bytes::from_static(b"x")))).await.unwrap();
            // The reader takes its time: that is not the other side's silence.
            tokio::time::sleep(2 * SILENCE).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        let before = Instant::now();
        assert!(matches!(body.frame().await, Some(Err(Error::ConnectionReadTimeout))));
        assert!(before.elapsed() >= SILENCE);
    }
}
