//! What a function writes at a worker: gathered, and sent along with the answer.

use super::limits::{MAX_LOG_BYTES, MAX_LOG_LINES};
use crate::api::LogLine;
use crate::worker::log_line;
use moot_host::LogSink;
use moot_record::EntryId;
use parking_lot::Mutex;

/// The first lines of one call. What had no room is counted.
pub(super) struct Gathered {
    call: EntryId,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    kept: Vec<LogLine>,
    bytes: usize,
    missed: usize,
}

/// A line in its JSON, but for its text: field names, a time, a call's id.
const LINE_FRAME_BYTES: usize = 192;
/// What a byte of text becomes in JSON at the worst: `\u0000`.
const JSON_BYTES_PER_BYTE: usize = 6;

impl Gathered {
    pub(super) fn new(call: EntryId) -> Gathered {
        Gathered { call, lines: Mutex::default() }
    }

    /// The lines as they are sent.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut lines = std::mem::take(&mut *self.lines.lock());
        if lines.missed > 0 {
            let text = format!("{} further lines of this call stayed at its worker", lines.missed);
            let line = moot_host::LogLine { source: moot_host::LogSource::Host, text: &text };
            lines.kept.push(log_line(self.call, &line));
        }
        serde_json::to_vec(&lines.kept).unwrap_or_default()
    }
}

impl LogSink for Gathered {
    fn line(&self, line: moot_host::LogLine<'_>) {
        let made = log_line(self.call, &line);
        let bytes = LINE_FRAME_BYTES
            + made.context.len() * JSON_BYTES_PER_BYTE
            + serde_json::to_string(&made.message).map_or(usize::MAX, |text| text.len());
        let mut lines = self.lines.lock();
        // Room is left for the line that says what is missing.
        let full = lines.bytes.saturating_add(bytes) > MAX_LOG_BYTES - 2 * LINE_FRAME_BYTES
            || lines.kept.len() + 1 >= MAX_LOG_LINES;
        if full || lines.missed > 0 {
            lines.missed += 1;
        } else {
            lines.bytes += bytes;
            lines.kept.push(made);
        }
    }
}

/// The lines that came with an answer, as far as they are any, under the call that was asked: a worker says nothing of
/// other calls.
pub(crate) fn kept_lines(sent: &[u8], call: EntryId) -> Vec<LogLine> {
    let lines: Vec<LogLine> = serde_json::from_slice(sent).unwrap_or_default();
    let call = call.to_string();
    lines.into_iter().take(MAX_LOG_LINES).map(|line| LogLine { call: call.clone(), ..line }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_host::LogSource;

    #[test]
    fn lines_are_bounded_and_what_is_missing_is_said() {
        for text in ["x".repeat(1000), "\u{1}".repeat(1000), String::new()] {
            let gathered = Gathered::new("0-1-2-3-4".parse().unwrap());
            for _ in 0..10_000 {
                gathered.line(moot_host::LogLine { source: LogSource::Stdout, text: &text });
            }
            let sent = gathered.take();
            assert!(sent.len() <= MAX_LOG_BYTES, "{}", sent.len());
            let lines: Vec<LogLine> = serde_json::from_slice(&sent).unwrap();
            assert!(lines.len() <= MAX_LOG_LINES);
            assert!(lines.last().unwrap().message.contains("stayed at its worker"));
        }
    }
}
