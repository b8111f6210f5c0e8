//! The load generator: keep-alive HTTP/1.1 connections, each of which sends its next request when it has read
//! the whole answer (a closed loop, so that latency is what a client waits).
//!
//! ```text
//!  run ──► a thread a core ──► a single-threaded runtime ──► its share of the connections
//! ```
//!
//! It parses no more of an answer than it must, because it runs on the cores of the server that it measures.

use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer's head may be this long; ours are a few hundred bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// How long after its time a run may last: past it the run fails instead of hanging.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// One request, written once and sent again and again.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    expected: &'static str,
    expected_head: &'static str,
}

impl Request {
    /// A request with a body, or without one when it is empty, whose answer's body must hold `expected`.
    pub(crate) fn new(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        expected: &'static str,
    ) -> Request {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Request { bytes, expected, expected_head: "" }
    }

    /// The same, whose answer's head must hold `line` too.
    pub(crate) fn expecting_head(self, line: &'static str) -> Request {
        Request { expected_head: line, ..self }
    }
}

/// How one measurement goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    /// Before the measured time; its answers count for nothing but the evidence.
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
}

/// What a run measured.
pub(crate) struct Measured {
    /// Answers a second, over the measured time.
    pub(crate) requests_per_s: f64,
    /// Latencies in microseconds.
    pub(crate) latency_us: Histogram<u64>,
    /// All answers, those of the warm-up and of the end included.
    pub(crate) answers: u64,
    /// The id of the last call of each connection.
    pub(crate) calls: Vec<String>,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    /// Four bytes an answer, written one after the other: a histogram for each connection would fill the cache.
    latencies_us: Vec<u32>,
    answers: u64,
    last_call: Option<String>,
}

/// Sends `request` as planned. Every answer must be 200 and hold what the request expects.
pub(crate) fn run(address: SocketAddr, request: &Request, plan: Plan) -> Result<Measured> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(plan.connections);
    let from = Instant::now() + plan.warm_up;
    let until = from + plan.time;
    let seen = std::thread::scope(|scope| {
        let share =
            |thread: usize| plan.connections / threads + usize::from(thread < plan.connections % threads);
        let work: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || one_thread(address, request, share(thread), from, until)))
            .collect();
        let mut all = Vec::with_capacity(plan.connections);
        for thread in work {
            all.extend(
                thread.join().map_err(|_| anyhow::anyhow!("a thread of the load generator panicked"))??,
            );
        }
        anyhow::Ok(all)
    })?;
    let mut latency_us = histogram()?;
    for latency in seen.iter().flat_map(|seen| &seen.latencies_us) {
        latency_us.saturating_record(u64::from(*latency));
    }
    Ok(Measured {
        requests_per_s: latency_us.len() as f64 / plan.time.as_secs_f64(),
        latency_us,
        answers: seen.iter().map(|seen| seen.answers).sum(),
        calls: seen.into_iter().filter_map(|seen| seen.last_call).collect(),
    })
}

/// Three significant digits from a microsecond to a minute.
pub(crate) fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn one_thread(
    address: SocketAddr,
    request: &Request,
    connections: usize,
    from: Instant,
    until: Instant,
) -> Result<Vec<Seen>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(connection(address, request.clone(), from, until)))
            .collect();
        let all = async {
            let mut seen = Vec::with_capacity(connections);
            for task in tasks {
                seen.push(task.await??);
            }
            anyhow::Ok(seen)
        };
        let limit = until.saturating_duration_since(Instant::now()) + LONGEST_ANSWER;
        let late = || format!("an answer had not come {} s after the end", LONGEST_ANSWER.as_secs());
        tokio::time::timeout(limit, all).await.with_context(late)?
    })
}

async fn connection(address: SocketAddr, request: Request, from: Instant, until: Instant) -> Result<Seen> {
    let mut stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    let mut seen = Seen::default();
    let mut buffer = Vec::with_capacity(MAX_HEAD_BYTES);
    loop {
        let began = Instant::now();
        if began >= until {
            seen.last_call = call_of(&buffer);
            return Ok(seen);
        }
        stream.write_all(&request.bytes).await?;
        let body = read_answer(&mut stream, &mut buffer).await?;
        if seen.answers == 0 {
            let head = String::from_utf8_lossy(&buffer[..body]);
            ensure!(
                head.contains(request.expected_head),
                "the answer's head {head:?} does not hold {:?}",
                request.expected_head
            );
            let body = String::from_utf8_lossy(&buffer[body..]);
            ensure!(
                body.contains(request.expected),
                "the answer {body:?} does not hold {:?}",
                request.expected
            );
        }
        seen.answers += 1;
        let ended = Instant::now();
        if began >= from && ended <= until {
            let latency = (ended - began).as_micros();
            seen.latencies_us.push(u32::try_from(latency).unwrap_or(u32::MAX));
        }
    }
}

/// Reads one answer whole; says where its body begins.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize> {
    buffer.clear();
    let (head, length) = loop {
        ensure!(buffer.len() < MAX_HEAD_BYTES, "an answer's head is over {MAX_HEAD_BYTES} bytes");
        ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
        if let Some(found) = parse_head(buffer)? {
            break found;
        }
    };
    while buffer.len() < head + length {
        ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection in an answer");
    }
    ensure!(buffer.len() == head + length, "the server sent more than it announced");
    Ok(head)
}

/// The lengths of head and body, once the whole head is there.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    if status != 200 {
        bail!("the server answered {status}: {}", String::from_utf8_lossy(&bytes[head..]));
    }
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.context("the answer has no content-length")?;
    Ok(Some((head, std::str::from_utf8(length.value)?.parse()?)))
}

/// The id of the call that an answer belongs to.
fn call_of(answer: &[u8]) -> Option<String> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(answer).ok()?;
    let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("moot-call"))?;
    String::from_utf8(header.value.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn waits_for_the_whole_head() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        assert_eq!(parse_head(&answer[..20]).unwrap(), None);
        assert_eq!(parse_head(answer).unwrap(), Some((38, 2)));
    }

    #[test]
    fn a_refusal_is_an_error() {
        assert!(parse_head(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").is_err());
    }

    /// A server that answers every read with `answer`.
    fn server(answer: &'static [u8]) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).is_ok_and(|read| read > 0)
                        && stream.write_all(answer).is_ok()
                    {}
                });
            }
        });
        address
    }

    const PLAN: Plan =
        Plan { connections: 3, warm_up: Duration::from_millis(20), time: Duration::from_millis(80) };

    #[test]
    fn counts_answers_and_remembers_calls() {
        let address = server(b"HTTP/1.1 200 OK\r\nmoot-call: 0-1-0-0-0\r\ncontent-length: 2\r\n\r\nhi");
        let measured = run(address, &Request::new("GET", "/", &[], b"", "hi"), PLAN).unwrap();
        assert!(measured.requests_per_s > 0.0 && measured.answers >= measured.latency_us.len());
        assert_eq!(measured.calls, ["0-1-0-0-0"; 3]);
    }

    #[test]
    fn another_answer_than_the_expected_fails_the_run() {
        let address = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
        let error = run(address, &Request::new("GET", "/", &[], b"", "hi"), PLAN).err().unwrap();
        assert!(error.to_string().contains("does not hold"), "{error}");
    }
}
