//! One process and its supervisor, which alone knows what the process is at.
//!
//! ```text
//!  started ──next──► waits ──call──► works ──response, error──► waits
//!     │                                 └──deadline, end, another next──► the call has failed
//!     └──init error, end──► a pause that grows ──► started again
//! ```

use super::runtime_api::{self, Reply, Said, TooLong};
use super::{Ended, Job, Program, ended_itself, own_failure, too_long};
use crate::workers::limits::{
    EXTERNAL_GOOD_RUN, EXTERNAL_GRACE, EXTERNAL_LATE_LINES, EXTERNAL_PAUSE_FIRST, EXTERNAL_PAUSE_MOST,
    MAX_EXTERNAL_LINE_BYTES, MAX_EXTERNAL_RESPONSE_BYTES,
};
use http::StatusCode;
use moot_host::{Fault, LogLine, LogSink as _, LogSource};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;

type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

/// Keeps a process running until `stop` turns true.
pub(super) async fn supervise(program: Program, number: usize, jobs: Jobs, mut stop: watch::Receiver<bool>) {
    let mut pause = EXTERNAL_PAUSE_FIRST;
    while !*stop.borrow() {
        let began = Instant::now();
        match run(&program, number, &jobs, &mut stop).await {
            Ok(Over::Stopped) => return,
            Ok(Over::Killed) => {}
            Ok(Over::Ended(how)) => {
                tracing::warn!(number, how, "an external process is over; it is started again")
            }
            Err(error) => {
                let command = program.command.display().to_string();
                tracing::error!(command, %error, "an external process cannot be started; it is tried again");
            }
        }
        if began.elapsed() >= EXTERNAL_GOOD_RUN {
            pause = EXTERNAL_PAUSE_FIRST;
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(EXTERNAL_PAUSE_MOST);
    }
}

/// How a process came to its end.
enum Over {
    Stopped,
    /// It was over its deadline.
    Killed,
    Ended(String),
}

/// A call in a process's hands.
struct Current {
    job: super::Invocation,
    done: oneshot::Sender<Ended>,
    began: Instant,
}

impl Current {
    fn log(&self, line: &Line) {
        self.job.logs.line(LogLine { source: line.source(), text: &line.text });
    }

    fn end(self, result: Result<bytes::Bytes, Fault>) {
        // Whoever asked may have gone.
        let _ = self.done.send(Ended { result, duration: self.began.elapsed() });
    }
}

/// One life of a process.
async fn run(
    program: &Program,
    number: usize,
    jobs: &Jobs,
    stop: &mut watch::Receiver<bool>,
) -> io::Result<Over> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let mut process = Process::start(program, number, address)?;
    let (say, mut said) = mpsc::channel(4);
    let api = tokio::spawn(runtime_api::serve(listener, say));
    let mut lines = process.lines()?;
    let mut current: Option<Current> = None;
    let mut waiting: Option<oneshot::Sender<Reply>> = None;
    let mut init_error = None;
    let over = loop {
        let due = current.as_ref().map(|current| current.began + current.job.deadline);
        tokio::select! {
            () = async { drop(stop.wait_for(|stop| *stop).await) } => break Over::Stopped,
            // What it said before its end counts: its messages come first.
            Some(message) = said.recv() => match message {
                Said::Next(reply) => {
                    if let Some(left) = current.take() {
                        left.end(Err(ended_itself("asked for another call without answering this one")));
                    }
                    waiting = Some(reply);
                }
                Said::Response { id, body, reply } => {
                    lines.so_far(current.as_ref()).await;
                    let told = match current.take_if(|current| current.job.call.to_string() == id) {
                        Some(answered) => respond(answered, body),
                        None => unknown(&id),
                    };
                    let _ = reply.send(told);
                }
                Said::Error { id, body, reply } => {
                    lines.so_far(current.as_ref()).await;
                    let told = match current.take_if(|current| current.job.call.to_string() == id) {
                        Some(failed) => {
                            failed.end(Err(own_failure(&body)));
                            runtime_api::accepted()
                        }
                        None => unknown(&id),
                    };
                    let _ = reply.send(told);
                }
                Said::InitError { body, reply } => {
                    init_error = Some(own_failure(&body).to_string());
                    let _ = reply.send(runtime_api::accepted());
                }
            },
            Some(line) = lines.come.recv() => match &current {
                Some(current) => current.log(&line),
                None => tracing::info!(number, line = line.text, "an external process says"),
            },
            status = process.child.wait() => break Over::Ended(match (init_error.take(), status) {
                (Some(why), _) => format!("could not begin: {why}"),
                (None, Ok(status)) => format!("ended with {status}"),
                (None, Err(error)) => format!("was lost: {error}"),
            }),
            () = async { tokio::time::sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                break Over::Killed;
            }
            job = next_job(jobs), if waiting.is_some() && current.is_none() => {
                let Some(Job { invocation, begun, done }) = job else { break Over::Stopped };
                if waiting.as_ref().is_some_and(oneshot::Sender::is_closed) {
                    // It hung up while it waited: the call is not begun, and whoever asked is told so.
                    waiting = None;
                    drop((begun, done));
                    continue;
                }
                // Nobody wants it any more, or it is begun from here on.
                if begun.send(()).is_ok() && let Some(waiting) = waiting.take() {
                    let reply = runtime_api::next(&invocation);
                    current = Some(Current { job: invocation, done, began: Instant::now() });
                    let _ = waiting.send(reply);
                }
            }
        }
    };
    if let Some(current) = current.take() {
        let limit = current.job.deadline;
        current.end(Err(match &over {
            Over::Killed => Fault::Deadline { limit },
            Over::Stopped => ended_itself("was stopped with its worker"),
            Over::Ended(how) => ended_itself(how),
        }));
    }
    process.end(matches!(over, Over::Stopped)).await;
    api.abort();
    Ok(over)
}

async fn next_job(jobs: &Jobs) -> Option<Job> {
    jobs.lock().await.recv().await
}

fn respond(current: Current, body: Result<bytes::Bytes, TooLong>) -> Reply {
    let limit = current.job.response_bytes.min(MAX_EXTERNAL_RESPONSE_BYTES as u64);
    let length = body.as_ref().ok().map(|body| body.len() as u64);
    match body {
        Ok(body) if body.len() as u64 <= limit => {
            current.end(Ok(body));
            runtime_api::accepted()
        }
        _ => {
            current.end(Err(too_long(length, limit)));
            let message = format!("the answer is longer than {limit} bytes");
            runtime_api::problem(StatusCode::PAYLOAD_TOO_LARGE, "Function.ResponseSizeTooLarge", &message)
        }
    }
}

fn unknown(id: &str) -> Reply {
    let shown: String = id.chars().take(80).collect();
    let message = format!("{shown:?} is not the call that this process has");
    runtime_api::problem(StatusCode::BAD_REQUEST, "InvalidRequestID", &message)
}

/// A process, the leader of a group of its own.
struct Process {
    child: Child,
}

struct Line {
    text: String,
    is_error: bool,
}

impl Line {
    fn source(&self) -> LogSource<'_> {
        if self.is_error { LogSource::Stderr } else { LogSource::Stdout }
    }
}

/// What a process writes, and the pipes that it comes through, to ask what is still in them.
struct Lines {
    come: mpsc::Receiver<Line>,
    pipes: Vec<OwnedFd>,
}

impl Lines {
    /// What the process wrote before it answered belongs to the call that it answered. It may still be in a pipe, so the
    /// readers are waited for; not for long, since another thread of the process may write without end.
    async fn so_far(&mut self, current: Option<&Current>) {
        let Some(current) = current else { return };
        let late = Instant::now() + EXTERNAL_LATE_LINES;
        loop {
            let unread =
                self.pipes.iter().any(|pipe| rustix::io::ioctl_fionread(pipe).is_ok_and(|bytes| bytes > 0));
            // A reader passes on at once what it has read.
            tokio::task::yield_now().await;
            while let Ok(line) = self.come.try_recv() {
                current.log(&line);
            }
            if !unread || Instant::now() >= late {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Process {
    fn start(program: &Program, number: usize, address: SocketAddr) -> io::Result<Process> {
        let mut command = Command::new(&program.command);
        // What the worker itself was told is none of its program's business.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MOOT_")) {
            command.env_remove(name);
        }
        let child = command
            .args(&program.arguments)
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            // What runtime clients read at their start, and refuse to begin without.
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "moot")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", number.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Process { child })
    }

    /// What it writes, line by line.
    fn lines(&mut self) -> io::Result<Lines> {
        let (say, come) = mpsc::channel(64);
        let mut pipes = Vec::new();
        if let Some(stdout) = self.child.stdout.take() {
            pipes.push(stdout.as_fd().try_clone_to_owned()?);
            tokio::spawn(pass_on(BufReader::new(stdout), false, say.clone()));
        }
        if let Some(stderr) = self.child.stderr.take() {
            pipes.push(stderr.as_fd().try_clone_to_owned()?);
            tokio::spawn(pass_on(BufReader::new(stderr), true, say));
        }
        Ok(Lines { come, pipes })
    }

    /// Ends the process and whatever it has started.
    async fn end(&mut self, politely: bool) {
        if politely && self.signal(rustix::process::Signal::TERM) {
            let _ = tokio::time::timeout(EXTERNAL_GRACE, self.child.wait()).await;
        }
        self.signal(rustix::process::Signal::KILL);
        let _ = self.child.start_kill();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
    }

    /// False when it has ended already: its number may be another's by now.
    fn signal(&self, signal: rustix::process::Signal) -> bool {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(rustix::process::Pid::from_raw);
        group.is_some_and(|group| rustix::process::kill_process_group(group, signal).is_ok())
    }
}

async fn pass_on(mut from: impl AsyncBufRead + Unpin, is_error: bool, say: mpsc::Sender<Line>) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut from).take(MAX_EXTERNAL_LINE_BYTES as u64).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if say.send(Line { text, is_error }).await.is_err() {
            return;
        }
    }
}
