//! A request's body that gives way.
//!
//! Some host functions read a body to its end before they return (to reach its trailers, for instance). With a body
//! that always has more, such a function would never be pending, and then neither the deadline nor anyone else on
//! the thread would get a turn. So every frame costs a little of the task's budget, and a task without budget is
//! pending until its next turn.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::task::coop::consume_budget;
use wasmtime_wasi_http::{Error, WasiBody};

/// A body whose frames cost budget.
pub(crate) struct Paced(pub(crate) WasiBody);

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        ready!(pin!(consume_budget()).poll(cx));
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, stream};
    use http_body_util::{BodyExt, StreamBody};
    use std::time::Duration;

    #[tokio::test]
    async fn reading_an_endless_body_gives_way() {
        let endless = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b"x"))));
        let mut body = Paced(StreamBody::new(endless.boxed()).boxed_unsync());
        let reading = async { while body.frame().await.is_some() {} };
        assert!(tokio::time::timeout(Duration::from_millis(50), reading).await.is_err());
    }
}
