//! Following values: what is written to the paths of a pattern, as server-sent events in the blocks' order.
//!
//! ```text
//!  ledger's list of values ──read from where the reader stands──► event (id: the value's address) ──► reader
//!          └─ news ─ wakes
//! ```
//!
//! A reader that comes back with the last address it has seen gets what came after it, and nothing twice.

use super::api::values::view;
use crate::api::ValuesMissed;
use crate::gateway::body::AnswerBody;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::sse::{event, event_with_id, streamed};
use crate::gateway::target;
use crate::limits::SSE_KEEP_ALIVE;
use bytes::Bytes;
use http::Response;
use http_body::Frame;
use moot_ledger::{Ledger, ReadError, ValueTurn, WrittenValue};
use moot_record::{EntryId, ParseError, Pattern};
use std::sync::Arc;
use tokio::sync::mpsc;

type Reader = mpsc::Sender<Result<Frame<Bytes>, String>>;

/// Streams the values of a path or pattern, from now on or after the one at an address.
pub(crate) fn follow(
    door: &Arc<Door>,
    pattern: &str,
    from: Option<&str>,
) -> Result<Response<AnswerBody>, Failure> {
    let pattern = Pattern::parse(&format!("/{}", target::decoded(pattern)))
        .map_err(|e| Failure::new(Kind::BadRequest, e.why))?;
    let ledger = door.worker.ledger.clone();
    let (turn, missed) = match from {
        None => (ledger.last_value_turn().map_err(Failure::internal)?, None),
        Some(from) => {
            let id: EntryId =
                from.parse().map_err(|e: ParseError| Failure::new(Kind::BadRequest, e.to_string()))?;
            match ledger.value_turn(id).map_err(Failure::internal)? {
                Some(turn) => (turn, None),
                None => (ValueTurn::default(), Some(id)),
            }
        }
    };
    streamed(door, move |reader| async move {
        if let Some(from) = missed
            && send(&reader, event("missed", &ValuesMissed { from })).await.is_none()
        {
            return;
        }
        if let Err(error) = pump(ledger, pattern, turn, reader).await {
            tracing::error!(%error, "values cannot be followed any more");
        }
    })
}

/// Sends what there is, and then what comes, until the reader has gone.
async fn pump(
    ledger: Ledger,
    pattern: Pattern,
    mut turn: ValueTurn,
    reader: Reader,
) -> Result<(), ReadError> {
    let mut news = ledger.value_news();
    loop {
        news.mark_unchanged();
        loop {
            let (found, reached) = read(&ledger, &pattern, turn).await?;
            for value in &found {
                let shown = event_with_id(&value.id.to_string(), "value", &view(value));
                if send(&reader, shown).await.is_none() {
                    return Ok(());
                }
            }
            if reached == turn {
                break;
            }
            turn = reached;
        }
        tokio::select! {
            () = reader.closed() => return Ok(()),
            more = tokio::time::timeout(SSE_KEEP_ALIVE, news.changed()) => match more {
                Ok(Ok(())) => {}
                // The ledger was closed.
                Ok(Err(_)) => return Ok(()),
                Err(_) => if send(&reader, Bytes::from_static(b": still here\n\n")).await.is_none() {
                    return Ok(());
                },
            },
        }
    }
}

/// Reads on a thread that may wait for the disk.
async fn read(
    ledger: &Ledger,
    pattern: &Pattern,
    turn: ValueTurn,
) -> Result<(Vec<WrittenValue>, ValueTurn), ReadError> {
    let (ledger, pattern) = (ledger.clone(), pattern.clone());
    let reading =
        tokio::task::spawn_blocking(move || ledger.values_after(turn, |path| pattern.matches(path)));
    // A panic was reported by the panic itself; the reader comes back.
    reading.await.unwrap_or(Ok((Vec::new(), turn)))
}

async fn send(reader: &Reader, bytes: Bytes) -> Option<()> {
    reader.send(Ok(Frame::data(bytes))).await.ok()
}
