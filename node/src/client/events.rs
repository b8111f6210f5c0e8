//! Server-sent events, read line by line (WHATWG HTML, section 9.2).
//!
//! ```text
//! body ──chunks──► line buffer (bounded) ──► fields ──blank line──► Event
//! ```

use std::collections::VecDeque;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::error::ClientError;
use crate::limits::MAX_EVENT_BYTES;

/// One event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// Its kind; `message` when the server gave none.
    pub name: String,
    /// Its data; lines joined by line breaks.
    pub data: String,
    /// Its id, when the server gave one.
    pub id: Option<String>,
}

/// The events of one answer.
#[derive(Debug)]
pub struct Events {
    body: Incoming,
    parser: Parser,
}

impl Events {
    pub(crate) fn new(body: Incoming) -> Self {
        Events { body, parser: Parser::default() }
    }

    /// The next event; `None` when the server ended the stream.
    pub async fn next(&mut self) -> Option<Result<Event, ClientError>> {
        loop {
            if let Some(event) = self.parser.ready.pop_front() {
                return Some(Ok(event));
            }
            let frame = match self.body.frame().await? {
                Ok(frame) => frame,
                Err(error) => {
                    return Some(Err(ClientError::Broken {
                        address: "the node".into(),
                        why: error.to_string(),
                    }));
                }
            };
            if let Some(data) = frame.data_ref()
                && let Err(limit) = self.parser.feed(data)
            {
                return Some(Err(ClientError::TooLarge { what: "the event stream".into(), limit }));
            }
        }
    }
}

/// Turns bytes into events. Holds at most one unfinished event.
#[derive(Debug, Default)]
struct Parser {
    line: BytesMut,
    event: Event,
    has_data: bool,
    ready: VecDeque<Event>,
}

impl Parser {
    /// Takes the next bytes; the error is the limit that they went over.
    fn feed(&mut self, mut bytes: &[u8]) -> Result<(), usize> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = self.line.split();
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            self.field(&String::from_utf8_lossy(line));
            self.check()?;
        }
        self.line.extend_from_slice(bytes);
        self.check()
    }

    fn check(&self) -> Result<(), usize> {
        if self.line.len() + self.event.data.len() > MAX_EVENT_BYTES { Err(MAX_EVENT_BYTES) } else { Ok(()) }
    }

    fn field(&mut self, line: &str) {
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                if event.name.is_empty() {
                    event.name = "message".to_owned();
                }
                self.ready.push_back(event);
            }
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => self.event.name = value.to_owned(),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment (empty name), `retry`, or a field of a later version.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::default();
        for chunk in chunks {
            parser.feed(chunk).unwrap();
        }
        parser.ready.into()
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into(), id: None }
    }

    #[test]
    fn events_of_a_stream() {
        let text = b": hello\n\nevent: log\ndata: {\"a\":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: empty\n\ndata:x\n\n";
        let expected = [event("log", "{\"a\":1}"), event("message", "one\ntwo"), event("message", "x")];
        assert_eq!(parse(&[text]), expected);
        // However the bytes are cut, the events are the same.
        for cut in 0..text.len() {
            assert_eq!(parse(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn case_75_a_flood_is_bounded() {
        // A server that never ends its line must not fill the client's memory.
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 64 * 1024];
        let refused = (0..1024).find_map(|_| parser.feed(&chunk).err());
        assert_eq!(refused, Some(MAX_EVENT_BYTES));
        // Nor one that sends data lines and never ends the event.
        let mut parser = Parser::default();
        let line = [b"data: ".as_slice(), &chunk, b"\n"].concat();
        assert_eq!((0..1024).find_map(|_| parser.feed(&line).err()), Some(MAX_EVENT_BYTES));
    }
}
