//! An answer that flows: sent as the guest makes it, ended only when its receipt is durable.
//!
//! ```text
//!  guest ──chunk──► hash ──► client          (the call is durable before the first byte)
//!  guest ends ──► Receipt ──durable──► last chunk, trailers, end
//! ```
//!
//! A client cannot take the answer for whole before the end has come, so the end is what waits: with a
//! `Content-Length`, the chunk that completes it. A client that goes away changes nothing: the guest is read to its
//! end, and its receipt recorded. Why an answer broke off is in its function's log.

use crate::api::header;
use crate::limits::STREAM_CHUNKS;
use crate::worker::job::{Executed, Job};
use crate::worker::run::{Streaming, response_head};
use crate::worker::{log_line, receipt};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::BodyExt;
use moot_host::{LogLine, LogSource};
use moot_record::{PayloadHasher, PayloadMode};
use tokio::sync::mpsc;

type Frames = mpsc::Sender<Result<Frame<Bytes>, String>>;

/// Starts the flow.
pub(crate) fn start(job: Job, streaming: Streaming) -> Executed {
    let (sender, frames) = mpsc::channel(STREAM_CHUNKS);
    let call = job.id();
    let parts = Box::new(streaming.parts.clone());
    tokio::spawn(pump(job, streaming, sender));
    Executed::Streaming { call, parts, frames }
}

/// What is known of the output so far: its digest, and its bytes when they are to be kept.
struct Output {
    hasher: PayloadHasher,
    kept: Option<BytesMut>,
    /// Body bytes that are still to come, when the guest said how many.
    left: Option<u64>,
}

impl Output {
    fn new(job: &Job, streaming: &Streaming) -> Self {
        let keep = match job.function.spec.payloads {
            PayloadMode::Keep { .. } | PayloadMode::Inline => Some(BytesMut::new()),
            PayloadMode::Digest => None,
        };
        let length = streaming.parts.headers.get(http::header::CONTENT_LENGTH);
        let left = length.and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let mut output = Output { hasher: PayloadHasher::new(), kept: keep, left };
        output.add(&response_head(&streaming.parts).with_body(b""));
        output
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }

    /// Adds body bytes; says whether they complete the announced length.
    fn body(&mut self, chunk: &[u8]) -> bool {
        self.add(chunk);
        match &mut self.left {
            Some(left) => {
                *left = left.saturating_sub(chunk.len() as u64);
                *left == 0
            }
            None => false,
        }
    }
}

async fn pump(job: Job, streaming: Streaming, client: Frames) {
    let mut output = Output::new(&job, &streaming);
    let Streaming { begun, mut rest, report, .. } = streaming;
    let mut last = None;
    let mut broken = None;
    let mut next = Some(begun);
    loop {
        let chunk = match next.take() {
            Some(chunk) => chunk,
            None => match rest.frame().await {
                None => break,
                Some(Err(error)) => {
                    broken = Some(error.fault);
                    break;
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_trailers) => continue,
                },
            },
        };
        if output.body(&chunk) {
            last = Some(chunk);
        } else if !chunk.is_empty() {
            // When the client is gone the chunk goes nowhere, and the guest on.
            let _ = client.send(Ok(Frame::data(chunk))).await;
        }
    }
    drop(rest);
    let mut report = report.await;
    report.fault = report.fault.or(broken);
    let fault = report.fault.as_ref().map(ToString::to_string);
    if let Some(fault) = &fault {
        explain(&job, fault);
    }
    let kept = output.kept.take().map(BytesMut::freeze).unwrap_or_default();
    let mut payload = output.hasher.finish();
    if job.function.spec.payloads == PayloadMode::Inline {
        payload = receipt::payload(PayloadMode::Inline, &kept);
    }
    let now_us = job.worker.clock.now_us();
    let receipt = receipt::of_streamed(&job.about, &report, payload, &job.worker.prices(), now_us);
    let fuel = receipt.fuel;
    let recorded = match job.record(receipt, kept).await {
        Ok(pending) => pending.durable().await.map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    // A part must never be taken for the whole: what failed breaks the stream off.
    let end = match (recorded, fault) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(fault)) => Err(fault),
        (Err(error), _) => Err(error),
    };
    match end {
        Ok(()) => {
            if let Some(last) = last {
                let _ = client.send(Ok(Frame::data(last))).await;
            }
            let mut trailers = HeaderMap::new();
            trailers.insert(header::FUEL, HeaderValue::from(fuel));
            let _ = client.send(Ok(Frame::trailers(trailers))).await;
        }
        Err(reason) => {
            let _ = client.send(Err(reason)).await;
        }
    }
}

/// Says in the function's log why its answer broke off: the client sees only that it did, and what is recorded is what there
/// was of it.
fn explain(job: &Job, fault: &str) {
    let text = format!("the answer broke off: {fault}");
    let line = LogLine { source: LogSource::Host, text: &text };
    job.function.logs.push(log_line(job.id(), &line));
}
