//! The body of an HTTP function's response, between the guest that writes it and whoever reads it.
//!
//! ```text
//!  guest ──write──► channel ──► GuestBody ──► reader
//!                      ▲            │ over `response_bytes`: reader gets an error,
//!                      └── Link ◄───┘ and the guest is stopped
//! ```
//!
//! A guest that ends early leaves a channel that looks like the end of its body, so the reader is told by the
//! [`Link`] whether the end is one.

use crate::{Fault, LimitKind};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::sync::{Notify, oneshot};
use wasmtime_wasi_http::WasiBody;

/// The body of an HTTP function's response, as the guest writes it.
pub struct GuestBody {
    /// Taken in already, checked and counted.
    front: VecDeque<Frame<Bytes>>,
    /// What the guest still writes, or wrote and nobody has taken in; none at the end.
    rest: Option<WasiBody>,
    /// Bytes it may still have.
    left: u64,
    limit: u64,
    /// Bytes it must still have, when its head said how many.
    promised: Option<u64>,
    link: Arc<Link>,
    /// Dropped when the body is at its end, or nobody wants it any more.
    read: Option<oneshot::Sender<()>>,
}

/// Why a guest's body broke off.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the response broke off: {fault}")]
pub struct BodyError {
    /// What happened. The call failed by it, also when the guest had ended before anybody read so far.
    pub fault: Fault,
}

/// What the two ends of a body tell each other.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// How the guest failed, set before the channel closes.
    fault: Mutex<Option<Fault>>,
    /// How the reader stopped the guest.
    stop: Mutex<Option<Fault>>,
    stopping: Notify,
}

impl Link {
    /// Said by the guest's end, before it goes.
    pub(crate) fn ended(&self, fault: Option<&Fault>) {
        *self.fault.lock() = fault.cloned();
    }

    fn stop(&self, fault: Fault) {
        *self.stop.lock() = Some(fault);
        self.stopping.notify_one();
    }

    /// Resolves when the reader stops the guest.
    pub(crate) async fn stopped(&self) -> Fault {
        loop {
            if let Some(fault) = self.stop.lock().clone() {
                return fault;
            }
            self.stopping.notified().await;
        }
    }
}

impl GuestBody {
    pub(crate) fn new(
        body: WasiBody,
        limit: u64,
        promised: Option<u64>,
        link: Arc<Link>,
        read: Option<oneshot::Sender<()>>,
    ) -> GuestBody {
        GuestBody { front: VecDeque::new(), rest: Some(body), left: limit, limit, promised, link, read }
    }

    /// Takes in all that a guest which has ended has written, so that the body's length is known. Fails as reading
    /// it would.
    pub(crate) fn settle(mut self) -> Result<GuestBody, Fault> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.take_in(&mut cx) {
                Poll::Ready(Some(Ok(frame))) => self.front.push_back(frame),
                Poll::Ready(Some(Err(error))) => return Err(error.fault),
                Poll::Ready(None) => return Ok(self),
                // The guest is gone, but a task that has used up its turn finds every channel pending: what is
                // left comes when it is read.
                Poll::Pending => return Ok(self),
            }
        }
    }

    /// Nothing more is read; whoever keeps this need not be waited for.
    fn close(&mut self) {
        self.rest = None;
        self.read = None;
    }

    /// The next frame from the guest.
    fn take_in(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.rest else { return Poll::Ready(None) };
        let frame = match ready!(Pin::new(body).poll_frame(cx)) {
            None => {
                self.close();
                return Poll::Ready(self.end());
            }
            Some(Err(error)) => {
                self.close();
                return Poll::Ready(Some(Err(self.aborted(error.to_string()))));
            }
            Some(Ok(frame)) => frame,
        };
        let bytes = length(&frame);
        Poll::Ready(Some(self.count(bytes).map(|()| frame)))
    }

    /// Counts a frame; an error when there is too much of it.
    fn count(&mut self, bytes: u64) -> Result<(), BodyError> {
        if bytes > self.left {
            let fault = Fault::Limit {
                what: LimitKind::Response,
                asked: None,
                limit: self.limit,
                backtrace: Vec::new(),
            };
            self.link.stop(fault.clone());
            self.close();
            return Err(BodyError { fault });
        }
        self.left -= bytes;
        match &mut self.promised {
            Some(promised) if bytes > *promised => Err(http_error(WRONG_LENGTH)),
            Some(promised) => {
                *promised -= bytes;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Why the engine has given a body up. It says so in its own words, of which only the length makes sense to people.
    fn aborted(&self, error: String) -> BodyError {
        match (self.link.fault.lock().as_ref(), self.promised) {
            (Some(fault), _) => BodyError { fault: fault.clone() },
            (None, Some(1..)) => http_error(WRONG_LENGTH),
            (None, Some(0)) => http_error(TOO_LONG),
            (None, None) => http_error(error),
        }
    }

    /// Whether the end is one.
    fn end(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        if let Some(fault) = self.link.fault.lock().as_ref() {
            return Some(Err(BodyError { fault: fault.clone() }));
        }
        match self.promised.take() {
            Some(1..) => Some(Err(http_error(WRONG_LENGTH))),
            _ => None,
        }
    }
}

const WRONG_LENGTH: &str = "its body does not have the length that its content-length says";

const TOO_LONG: &str =
    "it wrote more than its content-length says, or dropped its body instead of finishing it";

fn http_error(code: impl Into<String>) -> BodyError {
    BodyError { fault: Fault::HttpError { code: code.into() } }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.front.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => self.take_in(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.front.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let front: u64 = self.front.iter().map(length).sum();
        match (&self.rest, self.promised) {
            (None, _) => SizeHint::with_exact(front),
            (Some(_), Some(promised)) => SizeHint::with_exact(front + promised),
            (Some(_), None) => SizeHint::default(),
        }
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}

impl std::fmt::Debug for GuestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestBody").field("left", &self.left).field("promised", &self.promised).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full};

    fn body(bytes: &'static [u8], limit: u64, promised: Option<u64>) -> (GuestBody, Arc<Link>) {
        let link = Arc::new(Link::default());
        let inner = Full::new(Bytes::from_static(bytes)).map_err(|never| match never {}).boxed_unsync();
        (GuestBody::new(inner, limit, promised, link.clone(), None), link)
    }

    #[tokio::test]
    async fn a_body_over_its_limit_stops_the_guest() {
        let (body, link) = body(b"12345", 4, None);
        let error = body.collect().await.unwrap_err();
        assert!(error.to_string().contains("4 bytes") && error.fault == link.stopped().await, "{error}");
        assert!(matches!(link.stopped().await, Fault::Limit { what: LimitKind::Response, .. }));
    }

    #[tokio::test]
    async fn a_promised_length_must_be_kept() {
        assert!(body(b"12345", 9, Some(5)).0.collect().await.is_ok());
        for wrong in [4, 6] {
            let error = body(b"12345", 9, Some(wrong)).0.collect().await.unwrap_err();
            assert!(matches!(error.fault, Fault::HttpError { .. }), "it is the guest's fault: {error}");
        }
        assert!(matches!(body(b"12345", 9, Some(6)).0.settle(), Err(Fault::HttpError { .. })));
    }

    #[tokio::test]
    async fn the_end_of_a_guest_that_failed_is_no_end() {
        let (body, link) = body(b"", 9, None);
        link.ended(Some(&Fault::NoResponse));
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn at_its_end_the_guest_is_told_though_the_body_is_kept() {
        let (sender, read) = oneshot::channel();
        let (mut body, _) = body(b"12345", 9, None);
        body.read = Some(sender);
        assert!(body.frame().await.unwrap().is_ok() && body.frame().await.is_none());
        assert!(read.await.is_err());
        assert!(body.is_end_stream());
    }

    #[test]
    fn a_settled_body_knows_its_length() {
        let (body, _) = body(b"12345", 9, None);
        assert_eq!(body.settle().unwrap().size_hint().exact(), Some(5));
    }
}
