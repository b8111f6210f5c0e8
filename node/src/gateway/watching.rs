//! Following values: what is written to the paths of a pattern, as server-sent events in the blocks' order.
//!
//! ```text
//!                                             ┌► at (id: block-17): where following begins, and later where it is
//!  ledger's list of values ──read from there──┴► value (id: its address) ──► reader
//!          └─ news ─ wakes
//! ```
//!
//! A reader that comes back with the last id it has seen gets what came after it, and nothing twice. It has one from the
//! first moment on, also when nothing was written yet; and while nothing it wants is written, a later one now and then,
//! so that it need not be looked for where values were forgotten. An `at` has data, because a browser's EventSource
//! passes over an event without; its id would count all the same (HTML, 9.2.6). Where something was forgotten, `missed`
//! comes first, and then all that is kept.

use super::api::values::view;
use crate::api::{ValuesAt, ValuesMissed};
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
use std::str::FromStr;
use std::sync::Arc;
use tokio::sync::mpsc;

type Reader = mpsc::Sender<Result<Frame<Bytes>, String>>;

/// What stands before the height in the id of an event `at`.
const BLOCK: &str = "block-";

/// What a reader has seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// A value.
    Value(EntryId),
    /// Everything up to the end of a block.
    Block(u64),
}

impl FromStr for Seen {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Seen, ParseError> {
        let height = text.strip_prefix(BLOCK).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        match height.and_then(|digits| digits.parse().ok()) {
            Some(height) => Ok(Seen::Block(height)),
            None => text.parse().map(Seen::Value),
        }
    }
}

/// Where a reader begins.
struct Begin {
    turn: ValueTurn,
    /// The end of the block that it begins after; none after a value, whose address the reader has.
    block: Option<u64>,
    /// What it asked for is not known any more.
    missed: bool,
}

/// Streams the values of a path or pattern, from now on or after what was seen last.
pub(crate) fn follow(
    door: &Arc<Door>,
    pattern: &str,
    from: Option<&str>,
) -> Result<Response<AnswerBody>, Failure> {
    let pattern = Pattern::parse(&format!("/{}", target::decoded(pattern)))
        .map_err(|e| Failure::new(Kind::BadRequest, e.why))?;
    let ledger = door.worker.ledger.clone();
    let wrong = |e: ParseError| {
        let detail =
            format!("{e}; write a value's address, such as 0-42-0-1-3, or a block's end, such as {BLOCK}17");
        Failure::new(Kind::BadRequest, detail)
    };
    let seen = from.map(str::parse::<Seen>).transpose().map_err(wrong)?;
    let begin = begin(&ledger, seen).map_err(Failure::internal)?;
    let from = from.unwrap_or_default().to_owned();
    streamed(door, move |reader| async move {
        if begin.missed && send(&reader, event("missed", &ValuesMissed { from })).await.is_none() {
            return;
        }
        if let Some(height) = begin.block
            && send(&reader, at(height)).await.is_none()
        {
            return;
        }
        if let Err(error) = pump(ledger, pattern, begin, reader).await {
            tracing::error!(%error, "values cannot be followed any more");
        }
    })
}

/// Finds where to begin for a reader that has seen something, or nothing yet.
fn begin(ledger: &Ledger, seen: Option<Seen>) -> Result<Begin, ReadError> {
    let known = match seen {
        None => Some(Seen::Block(ledger.values_height()?)),
        Some(Seen::Block(height)) => ledger.keeps_values_since(height)?.then_some(Seen::Block(height)),
        Some(Seen::Value(id)) => {
            if let Some(turn) = ledger.value_turn(id)? {
                return Ok(Begin { turn, block: None, missed: false });
            }
            None
        }
    };
    let (block, missed) = match known {
        Some(Seen::Block(height)) => (height, false),
        // All that is kept, with what is written from now on if that is nothing.
        _ => match ledger.first_values_height()? {
            Some(first) => (first.saturating_sub(1), true),
            None => (ledger.values_height()?, true),
        },
    };
    Ok(Begin { turn: ValueTurn::after_block(block), block: Some(block), missed })
}

/// Says up to which block nothing is missing.
fn at(height: u64) -> Bytes {
    let at = format!("{BLOCK}{height}");
    event_with_id(&at, "at", &ValuesAt { at: at.clone() })
}

/// Sends what there is, and then what comes, until the reader has gone.
async fn pump(ledger: Ledger, pattern: Pattern, begin: Begin, reader: Reader) -> Result<(), ReadError> {
    let mut news = ledger.value_news();
    let mut turn = begin.turn;
    loop {
        news.mark_unchanged();
        // Everything up to here is read below, so this is where the reader then stands.
        let height = ledger.height();
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
                // Which also shows that somebody is still here.
                Err(_) => if send(&reader, at(height)).await.is_none() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_a_value_or_a_block() {
        assert_eq!("block-17".parse::<Seen>().unwrap(), Seen::Block(17));
        assert!(matches!("0-42-0-1-3".parse::<Seen>().unwrap(), Seen::Value(id) if id.batch == 42));
        for text in ["", "block-", "block-+1", "block-99999999999999999999", "17", "block17", "0-42-0-1"] {
            assert!(text.parse::<Seen>().is_err(), "{text:?}");
        }
    }
}
