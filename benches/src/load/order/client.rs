//! A client's process: signs its bundles, sends them when they are due, and says when each was final.
//!
//! ```text
//!  stdin   {"sign": 250, "valid_until": 20000}     ──► "ready"
//!          {"per_s": 50.0, "warm_s": 1, "time_s": 4} ──► one line with what came of it
//! ```
//!
//! An open loop: a bundle has its time, whatever became of those before. Latency counts from that time, so waiting
//! for a free connection is in it. Refusals (503) are counted and not repeated.

use super::bundles::{Signed, Signer};
use super::options::OrderClient;
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Buf as _;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::BufRead as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Connections of one client, and so bundles on their way: at 300 a second a fifth of a second's.
const CONNECTIONS: usize = 64;
/// An answer may have this many bytes; ours have one or two KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// How long after its end a step may last: past it the client fails instead of hanging.
const LONGEST_ANSWER: Duration = Duration::from_secs(40);

/// What a client is asked, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Ask {
    /// Sign bundles for the next step.
    Sign { sign: usize, valid_until: u64 },
    /// Send them.
    Send(Pace),
}

/// When bundles are due.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// Bundles a second.
    pub(crate) per_s: f64,
    /// Before the measured time.
    pub(crate) warm_s: f64,
    /// The measured time.
    pub(crate) time_s: f64,
}

/// What came of a step.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Came {
    /// Bundles of which the answer "final" came within the measured time.
    pub(crate) ordered: u64,
    /// Bundles sent within the measured time.
    pub(crate) sent: u64,
    /// Bundles of the whole step that were answered "busy".
    pub(crate) refused: u64,
    /// Bundles of the whole step that were durable and not final within the time that the answer waits.
    pub(crate) late: u64,
    /// From due to final in microseconds, of bundles due within the measured time.
    pub(crate) latencies_us: Vec<u32>,
    /// The first call of the last bundle that became final.
    pub(crate) call: Option<String>,
}

/// Answers what the harness asks, until standard input ends.
pub(crate) fn run(options: &OrderClient) -> Result<()> {
    let network = options.network.parse().context("--network")?;
    let mut signer = Signer::new(options.number, network, options.gateway.to_string(), options.bundle)?;
    let mut signed = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str(&line?)? {
            Ask::Sign { sign, valid_until } => {
                signed = signer.sign(sign, valid_until)?;
                println!("ready");
            }
            Ask::Send(pace) => {
                let bundles = std::mem::take(&mut signed);
                let came = runtime.block_on(send(options.gateway, bundles, pace))?;
                println!("{}", serde_json::to_string(&came)?);
            }
        }
    }
    Ok(())
}

/// One step: what is left to send, and what came so far.
struct Step {
    left: VecDeque<(Duration, Signed)>,
    began: Instant,
    from: Duration,
    until: Duration,
    came: Came,
}

async fn send(gateway: SocketAddr, bundles: Vec<Signed>, pace: Pace) -> Result<Came> {
    let due = |number: usize| Duration::from_secs_f64(number as f64 / pace.per_s);
    let left = bundles.into_iter().enumerate().map(|(number, bundle)| (due(number), bundle)).collect();
    let from = Duration::from_secs_f64(pace.warm_s);
    let until = from + Duration::from_secs_f64(pace.time_s);
    let mut streams = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(gateway).await.with_context(|| format!("connecting to {gateway}"))?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let step =
        Rc::new(RefCell::new(Step { left, began: Instant::now(), from, until, came: Came::default() }));
    let all = tokio::task::LocalSet::new();
    let tasks: Vec<_> =
        streams.into_iter().map(|stream| all.spawn_local(connection(stream, step.clone()))).collect();
    let ended = all.run_until(async {
        for task in tasks {
            task.await??;
        }
        anyhow::Ok(())
    });
    let late = || format!("answers had not come {} s after the end", LONGEST_ANSWER.as_secs());
    tokio::time::timeout(until + LONGEST_ANSWER, ended).await.with_context(late)??;
    let came = std::mem::take(&mut step.borrow_mut().came);
    Ok(came)
}

/// Takes the next bundle, waits until it is due, sends it, reads the answer; until the step is over.
async fn connection(mut stream: TcpStream, step: Rc<RefCell<Step>>) -> Result<()> {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let (began, until) = (step.borrow().began, step.borrow().until);
        let next = step.borrow_mut().left.pop_front();
        let Some((due, Signed { head, shared, last })) = next else { return Ok(()) };
        tokio::time::sleep_until((began + due).into()).await;
        let sent = began.elapsed();
        if sent >= until {
            return Ok(());
        }
        stream.write_all_buf(&mut head.chain(shared).chain(last)).await?;
        let said = read_answer(&mut stream, &mut buffer).await?;
        step.borrow_mut().note(due, sent, said);
    }
}

impl Step {
    fn note(&mut self, due: Duration, sent: Duration, said: Said) {
        let now = self.began.elapsed();
        let within = |time: Duration| (self.from..self.until).contains(&time);
        self.came.sent += u64::from(within(sent));
        match said {
            Said::Final(call) => {
                self.came.ordered += u64::from(within(now));
                if within(due) {
                    let latency = now.saturating_sub(due).as_micros();
                    self.came.latencies_us.push(u32::try_from(latency).unwrap_or(u32::MAX));
                }
                self.came.call = Some(call);
            }
            Said::Busy => self.came.refused += 1,
            Said::Accepted => self.came.late += 1,
        }
    }
}

/// What an answer says of its bundle.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// Ordered, with the address of its first call.
    Final(String),
    Accepted,
    Busy,
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Said> {
    buffer.clear();
    loop {
        if let Some(said) = parse(buffer)? {
            return Ok(said);
        }
        ensure!(buffer.len() < MAX_ANSWER_BYTES, "an answer has over {MAX_ANSWER_BYTES} bytes");
        ensure!(stream.read_buf(buffer).await? > 0, "the gateway closed the connection");
    }
}

/// Reads an answer, once it is whole.
fn parse(bytes: &[u8]) -> Result<Option<Said>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize =
        std::str::from_utf8(length.context("the answer has no content-length")?.value)?.parse()?;
    let Some(body) = bytes.get(head..head + length) else { return Ok(None) };
    match response.code {
        Some(200) => {
            let answer: moot_node::api::BundleAnswer = serde_json::from_slice(body)?;
            let calls = answer.calls.context("the answer tells of no calls")?;
            ensure!(
                calls.outcome == moot_node::api::Outcome::Recorded && calls.height.is_some(),
                "a bundle was not ordered: {:?}",
                calls.outcome
            );
            let first = calls.at.first().context("the answer has no address")?.first;
            Ok(Some(Said::Final(first.to_string())))
        }
        Some(202) => Ok(Some(Said::Accepted)),
        Some(503) => Ok(Some(Said::Busy)),
        status => bail!("the gateway answered {status:?}: {}", String::from_utf8_lossy(body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_final_counts() {
        let body = r#"{"entries":[],"calls":{"count":2,"at":[{"first":"1-7-0-0-0","count":2}],"run":0,"height":9,"outcome":{"status":"recorded"}}}"#;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        assert_eq!(parse(&answer.as_bytes()[..answer.len() - 1]).unwrap(), None);
        assert_eq!(parse(answer.as_bytes()).unwrap(), Some(Said::Final("1-7-0-0-0".into())));
        let void = answer.replace("\"recorded\"", "\"refusedd\"");
        assert!(parse(void.as_bytes()).is_err());
        let of = |status: u16| parse(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes());
        assert_eq!((of(202).unwrap(), of(503).unwrap()), (Some(Said::Accepted), Some(Said::Busy)));
        assert!(of(422).is_err());
    }

    #[test]
    fn latency_counts_from_when_it_was_due_and_throughput_within_the_time() {
        let second = Duration::from_secs(1);
        let began = Instant::now() - 5 * second;
        let mut step =
            Step { left: VecDeque::new(), began, from: second, until: 10 * second, came: Came::default() };
        step.note(4 * second, 5 * second, Said::Final("0-1-0-0-0".into()));
        step.note(second / 2, 5 * second, Said::Final("0-1-0-0-0".into()));
        step.note(4 * second, 5 * second, Said::Busy);
        let came = &step.came;
        assert_eq!((came.ordered, came.sent, came.refused, came.latencies_us.len()), (2, 3, 1, 1));
        assert!((1_000_000..1_500_000).contains(&came.latencies_us[0]), "{:?}", came.latencies_us);
    }
}
