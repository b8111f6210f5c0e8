//! Bodies: how a request's is read within bounds, and what an answer's can be.

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::limits::{BODY_RESERVE_BYTES, MIN_BODY_BYTES_PER_S};

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body has more than {0} bytes, the most that is taken here")]
    TooLarge(u64),
    #[error("the body did not arrive in time; send it faster, or in smaller parts")]
    TooSlow,
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// Reads a whole body of at most `cap` bytes. A declared length over the cap is refused before a byte is read.
pub(crate) async fn read<B>(mut body: B, cap: u64, allowance: Duration) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > cap {
        return Err(BodyError::TooLarge(cap));
    }
    // What is announced and will not grow needs no copying from buffer to buffer.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX).min(BODY_RESERVE_BYTES);
    let start = Instant::now();
    let mut first = Bytes::new();
    let mut more: Option<BytesMut> = None;
    let mut read = 0u64;
    loop {
        let due = start + allowance + Duration::from_secs(read / MIN_BODY_BYTES_PER_S);
        let frame = match timeout_at(due, body.frame()).await {
            Err(_) => return Err(BodyError::TooSlow),
            Ok(None) => return Ok(more.map_or(first, BytesMut::freeze)),
            Ok(Some(Err(error))) => return Err(BodyError::Broken(error.to_string())),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers of a request are not part of what a function is given.
        let Ok(data) = frame.into_data() else { continue };
        read += data.len() as u64;
        if read > cap {
            return Err(BodyError::TooLarge(cap));
        }
        match &mut more {
            Some(buffer) => buffer.extend_from_slice(&data),
            // Most bodies come in one piece, and need not be copied.
            None if first.is_empty() => first = data,
            None => {
                let mut buffer = BytesMut::with_capacity(announced.max(first.len() + data.len()));
                buffer.extend_from_slice(&first);
                buffer.extend_from_slice(&data);
                more = Some(buffer);
            }
        }
    }
}

/// Why an answer's body ended early: hyper then breaks the connection or stream, so that no client takes a part
/// for the whole.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BrokenOff(pub(crate) String);

/// The body of an answer.
pub(crate) enum AnswerBody {
    /// Known in full.
    Full(Option<Bytes>),
    /// As it comes; an error text breaks it off.
    Stream(mpsc::Receiver<Result<Frame<Bytes>, String>>),
}

impl AnswerBody {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        AnswerBody::Full(Some(bytes.into()))
    }

    pub(crate) fn empty() -> Self {
        AnswerBody::Full(None)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut *self {
            AnswerBody::Full(bytes) => {
                Poll::Ready(bytes.take().filter(|b| !b.is_empty()).map(|b| Ok(Frame::data(b))))
            }
            AnswerBody::Stream(frames) => frames.poll_recv(cx).map(|f| f.map(|f| f.map_err(BrokenOff))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Full(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            AnswerBody::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            AnswerBody::Stream(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn case_10_a_declared_body_over_the_cap_is_refused_unread() {
        // What is refused must cost nothing: neither memory nor a record.
        assert_eq!(
            read(Full::new(Bytes::from_static(b"12345")), 4, SECOND).await,
            Err(BodyError::TooLarge(4))
        );
        assert_eq!(read(Full::new(Bytes::from_static(b"1234")), 4, SECOND).await.unwrap(), "1234");
    }

    #[tokio::test]
    async fn a_streamed_body_is_counted_as_it_comes() {
        for (parts, cap, fits) in [(3, 6, true), (3, 5, false), (0, 0, true)] {
            let (sender, receiver) = mpsc::channel(8);
            for _ in 0..parts {
                sender.send(Ok(Frame::data(Bytes::from_static(b"ab")))).await.unwrap();
            }
            drop(sender);
            let read = read(AnswerBody::Stream(receiver), cap, SECOND).await;
            assert_eq!(
                read,
                if fits { Ok(Bytes::from("ab".repeat(parts))) } else { Err(BodyError::TooLarge(cap)) }
            );
        }
    }

    #[tokio::test]
    async fn case_02_a_body_that_drips_is_given_up() {
        // A client that sends a byte now and then would hold memory and a connection for ever.
        let (sender, receiver) = mpsc::channel(8);
        let drip = tokio::spawn(async move {
            while sender.send(Ok(Frame::data(Bytes::from_static(b"x")))).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        });
        assert_eq!(read(AnswerBody::Stream(receiver), 1000, SECOND / 4).await, Err(BodyError::TooSlow));
        drip.await.unwrap();
    }
}
