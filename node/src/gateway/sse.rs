//! Server-sent events: how a live list becomes a response.
//!
//! Each stream is a task and holds a connection, so there is a bounded number of them. A reader that is too slow is told
//! how much it missed; a silent stream says a comment now and then.

use crate::gateway::body::AnswerBody;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::limits::{MAX_EVENT_STREAMS, SSE_KEEP_ALIVE, STREAM_CHUNKS};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;

/// One event of a stream: its name and its JSON.
pub(crate) fn event(name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}

/// The same with an id, which a reader that comes back names.
pub(crate) fn event_with_id(id: &str, name: &str, data: &impl Serialize) -> Bytes {
    let json = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("id: {id}\nevent: {name}\ndata: {json}\n\n"))
}

/// Streams `first`, then whatever `source` brings, made into events by `show`.
pub(crate) fn follow<T, F>(
    door: &Door,
    first: Vec<Bytes>,
    source: Option<broadcast::Receiver<T>>,
    show: F,
) -> Result<Response<AnswerBody>, Failure>
where
    T: Clone + Send + 'static,
    F: Fn(Result<T, u64>) -> Option<Bytes> + Send + 'static,
{
    streamed(door, |sender| async move { pump(first, source, show, sender).await })
}

/// A response that `run` fills, on a task of its own, until the reader has gone or the node stops.
pub(crate) fn streamed<F, R>(door: &Door, run: F) -> Result<Response<AnswerBody>, Failure>
where
    F: FnOnce(mpsc::Sender<Result<Frame<Bytes>, String>>) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let place = door.streams.clone().try_acquire_owned().map_err(|_| {
        Failure::new(
            Kind::Busy,
            format!("{MAX_EVENT_STREAMS} event streams are open, which is all this node takes"),
        )
    })?;
    let (sender, frames) = mpsc::channel(STREAM_CHUNKS);
    let mut stopping = door.stopping.clone();
    let running = run(sender);
    tokio::spawn(async move {
        let _place = place;
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => {}
            () = running => {}
        }
    });
    let mut response = Response::new(AnswerBody::Stream(frames));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn pump<T, F>(
    first: Vec<Bytes>,
    source: Option<broadcast::Receiver<T>>,
    show: F,
    client: mpsc::Sender<Result<Frame<Bytes>, String>>,
) where
    T: Clone,
    F: Fn(Result<T, u64>) -> Option<Bytes>,
{
    for event in first {
        if client.send(Ok(Frame::data(event))).await.is_err() {
            return;
        }
    }
    let Some(mut source) = source else { return };
    loop {
        let bytes = match tokio::time::timeout(SSE_KEEP_ALIVE, source.recv()).await {
            Err(_) => Some(Bytes::from_static(b": still here\n\n")),
            Ok(Ok(item)) => show(Ok(item)),
            Ok(Err(RecvError::Lagged(missed))) => show(Err(missed)),
            Ok(Err(RecvError::Closed)) => return,
        };
        if let Some(bytes) = bytes
            && client.send(Ok(Frame::data(bytes))).await.is_err()
        {
            return;
        }
        if client.is_closed() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stays_on_one_line() {
        // A line break in what a guest logs must not begin a field of its own.
        let bytes = event("log", &"a\ndata: forged\n\n");
        assert_eq!(bytes, "event: log\ndata: \"a\\ndata: forged\\n\\n\"\n\n");
    }
}
