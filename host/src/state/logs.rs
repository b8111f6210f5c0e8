//! Standard output, standard error and `wasi:logging` of one call.
//!
//! ```text
//!  stdout ─┐
//!  stderr ─┼──► lines ──► budget (log_bytes) ──► LogSink
//!  logging ┘                 └─ used up: one note, then silence
//! ```

use crate::{LogLine, LogSink, LogSource};
use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The log of one call. Clones write to the same log.
#[derive(Clone)]
pub(crate) struct CallLog(Arc<Mutex<Inner>>);

struct Inner {
    sink: Option<Arc<dyn LogSink>>,
    left: u64,
    limit: u64,
    written: u64,
    noted: bool,
    partial: [Vec<u8>; 2],
    /// The end of standard error: what a panic said.
    tail: Vec<u8>,
}

/// Bytes of a line before it is cut in two: a guest need not write line breaks.
const MAX_LINE_BYTES: usize = 8 << 10;

/// Bytes of standard error shown with a trap.
const TAIL_BYTES: usize = 512;

/// Which of the two standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Std {
    Out,
    Err,
}

impl Std {
    fn source(self) -> LogSource<'static> {
        match self {
            Std::Out => LogSource::Stdout,
            Std::Err => LogSource::Stderr,
        }
    }
}

impl CallLog {
    pub(crate) fn new(sink: Option<Arc<dyn LogSink>>, limit: u64) -> CallLog {
        CallLog(Arc::new(Mutex::new(Inner {
            sink,
            left: limit,
            limit,
            written: 0,
            noted: false,
            partial: [Vec::new(), Vec::new()],
            tail: Vec::new(),
        })))
    }

    /// Takes bytes of a standard stream.
    pub(crate) fn write(&self, to: Std, bytes: &[u8]) {
        self.0.lock().write(to, bytes);
    }

    /// Takes one message of `wasi:logging`.
    pub(crate) fn message(&self, source: LogSource<'_>, text: &str) {
        let mut inner = self.0.lock();
        inner.written += text.len() as u64;
        for line in text.lines() {
            inner.line(source, line.as_bytes());
        }
    }

    /// Writes out unfinished lines; returns how many bytes there were in all.
    pub(crate) fn finish(&self) -> u64 {
        let mut inner = self.0.lock();
        for to in [Std::Out, Std::Err] {
            let rest = std::mem::take(&mut inner.partial[to as usize]);
            if !rest.is_empty() {
                inner.line(to.source(), &rest);
            }
        }
        inner.written
    }

    /// The end of standard error, as text.
    pub(crate) fn tail(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().tail).trim().to_owned()
    }

    /// A stream for `wasi:cli`.
    pub(crate) fn stream(&self, to: Std) -> LogStream {
        LogStream { log: self.clone(), to }
    }
}

impl Inner {
    fn write(&mut self, to: Std, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        if to == Std::Err {
            let keep = bytes.len().min(TAIL_BYTES);
            self.tail.extend_from_slice(&bytes[bytes.len() - keep..]);
            let over = self.tail.len().saturating_sub(TAIL_BYTES);
            self.tail.drain(..over);
        }
        if self.noted || self.sink.is_none() {
            return;
        }
        let mut partial = std::mem::take(&mut self.partial[to as usize]);
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            for chunk in text.chunks(MAX_LINE_BYTES) {
                if partial.len() + chunk.len() > MAX_LINE_BYTES {
                    self.line(to.source(), &std::mem::take(&mut partial));
                }
                partial.extend_from_slice(chunk);
            }
            if ends {
                self.line(to.source(), &std::mem::take(&mut partial));
            }
        }
        self.partial[to as usize] = partial;
    }

    fn line(&mut self, source: LogSource<'_>, line: &[u8]) {
        let Some(sink) = &self.sink else { return };
        // A line costs its line break too, else empty lines would be free.
        let cost = line.len() as u64 + 1;
        if cost <= self.left {
            self.left -= cost;
            sink.line(LogLine { source, text: &String::from_utf8_lossy(line) });
        } else if !self.noted {
            self.noted = true;
            self.left = 0;
            let limit = crate::fault::bytes(self.limit);
            let text = format!("log truncated: the call wrote more than {limit}; raise `log` in moot.toml");
            sink.line(LogLine { source: LogSource::Host, text: &text });
        }
    }
}

/// One of the two standard streams, for `wasi:cli` 0.2 and 0.3.
pub(crate) struct LogStream {
    log: CallLog,
    to: Std,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.log.stream(self.to))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.log.stream(self.to))
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.log.write(self.to, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE_BYTES)
    }
}

/// Bytes taken in one write.
const MAX_WRITE_BYTES: usize = 64 << 10;

#[async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.log.write(self.to, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl LogSink for Lines {
        fn line(&self, line: LogLine<'_>) {
            self.0.lock().push(line.text.to_owned());
        }
    }

    fn log(limit: u64) -> (CallLog, Arc<Lines>) {
        let lines = Arc::new(Lines::default());
        (CallLog::new(Some(lines.clone()), limit), lines)
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let (log, lines) = log(1000);
        log.write(Std::Out, b"a");
        log.write(Std::Err, b"other\n");
        log.write(Std::Out, b"b\nc\nrest");
        log.finish();
        assert_eq!(*lines.0.lock(), ["other", "ab", "c", "rest"]);
    }

    #[test]
    fn a_log_over_its_limit_ends_with_a_note() {
        let (log, lines) = log(10);
        for _ in 0..1000 {
            log.write(Std::Out, b"1234\n");
        }
        assert_eq!(log.finish(), 5000);
        let lines = lines.0.lock();
        assert_eq!(lines.len(), 3);
        assert!(lines[2].contains("truncated"), "{lines:?}");
    }

    #[test]
    fn an_endless_line_is_cut() {
        let (log, lines) = log(1 << 20);
        for _ in 0..100 {
            log.write(Std::Out, &[b'x'; 1000]);
        }
        assert!(lines.0.lock().iter().all(|l| l.len() <= MAX_LINE_BYTES));
        assert!(lines.0.lock().len() >= 11);
    }

    #[test]
    fn the_tail_of_standard_error_is_kept_without_a_sink() {
        let log = CallLog::new(None, 0);
        log.write(Std::Err, &[b'x'; 5000]);
        log.write(Std::Err, b"panicked: boom\n");
        assert!(log.tail().ends_with("panicked: boom"));
        assert!(log.tail().len() <= TAIL_BYTES);
    }
}
