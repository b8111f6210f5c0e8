//! A client that sends what it is told, byte for byte, and reads what comes.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Long enough for a slow machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// An HTTP/1.1 answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The last part of a problem's type.
    pub(crate) fn problem(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned()
    }
}

/// One connection.
pub(crate) struct Conn {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Conn {
    pub(crate) fn open(address: SocketAddr) -> Conn {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Conn { stream, read: Vec::new() }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes; a peer that has closed is not an error here.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a well-formed request.
    pub(crate) fn request(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: test\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" || method == "PUT" {
            text += &format!("content-length: {}\r\n", body.len());
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.send(bytes);
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0u8; 65536];
        loop {
            return match self.stream.read(&mut buffer) {
                Ok(0) => false,
                Ok(n) => {
                    self.read.extend_from_slice(&buffer[..n]);
                    true
                }
                // A child of another test ended: a read with a timeout is not begun again by itself (signal(7)).
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("nothing came")
                }
                Err(_) => false,
            };
        }
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).take(end).collect();
                return Some(String::from_utf8(line).unwrap());
            }
            if !self.more() {
                return None;
            }
        }
    }

    fn fields(&mut self) -> Option<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { return Some(fields) };
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            if !self.more() {
                return None;
            }
        }
        Some(self.read.drain(..length).collect())
    }

    /// The head of the next answer; none when the connection was closed.
    pub(crate) fn head(&mut self) -> Option<Answer> {
        let line = self.line()?;
        let status =
            line.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        Some(Answer { status, headers: self.fields()?, body: Vec::new(), trailers: Vec::new() })
    }

    /// One chunk of a chunked body; empty at its end.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = usize::from_str_radix(self.line()?.trim(), 16).unwrap();
        if size == 0 {
            return Some(Vec::new());
        }
        let bytes = self.exactly(size)?;
        self.exactly(2)?;
        Some(bytes)
    }

    /// The next answer, whole; none when the connection was closed before its end.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head()?;
        if answer.header("transfer-encoding").is_some_and(|v| v.contains("chunked")) {
            loop {
                let chunk = self.chunk()?;
                if chunk.is_empty() {
                    break;
                }
                answer.body.extend(chunk);
            }
            answer.trailers = self.fields()?;
        } else {
            let length = answer.header("content-length").map_or(0, |v| v.parse().unwrap());
            answer.body = self.exactly(length)?;
        }
        Some(answer)
    }

    /// What still comes until the peer closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.read)
    }

    /// Whether the peer closes, after whatever it still sends.
    pub(crate) fn closes(&mut self) -> bool {
        while self.more() {}
        true
    }
}
