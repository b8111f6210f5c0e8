//! Any process as a function: the AWS Lambda Runtime API on the loopback address, and the processes that speak it.
//!
//! ```text
//!  call ──► queue ──► a process that waits:  GET  /2018-06-01/runtime/invocation/next
//!                          │                 POST /2018-06-01/runtime/invocation/<id>/response | error
//!       ◄── outcome ◄──────┘                 POST /2018-06-01/runtime/init/error
//! ```
//!
//! One process answers one call at a time, as on Lambda; `--places` says how many processes there are. Each has an
//! address of its own, so that none can answer another's call. The shapes are those of "Using the Lambda runtime API for
//! custom runtimes" in AWS's Lambda developer guide.
//!
//! - Requires: a command that the operator trusts as much as the worker itself.
//! - Provides: a deadline for every call, after which the process is killed; a bound on answers and logs; a process that
//!   ends is started again, with pauses that grow while it fails; none is left behind when the worker ends in order.
//! - Does not provide: a sandbox, a meter, or a record of what the process touched: receipts say that nothing was
//!   metered.

mod instance;
mod runtime_api;

use super::limits::EXTERNAL_PATIENCE;
use crate::workers::logs::Gathered;
use bytes::Bytes;
use moot_host::{Failure, FailureKind, Fault, LimitKind};
use moot_record::{AccountId, Digest, EntryId, FunctionName};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The command of a worker, and what it is told of its function.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) command: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// One call for a process.
pub(super) struct Invocation {
    pub(super) call: EntryId,
    pub(super) function: FunctionName,
    pub(super) owner: AccountId,
    pub(super) network: Digest,
    pub(super) payload: Bytes,
    pub(super) trace: Option<String>,
    pub(super) deadline: Duration,
    pub(super) response_bytes: u64,
    pub(super) logs: Arc<Gathered>,
}

/// How an invocation ended.
pub(super) struct Ended {
    pub(super) result: Result<Bytes, Fault>,
    pub(super) duration: Duration,
}

/// An invocation on its way to a process.
struct Job {
    invocation: Invocation,
    /// Told when a process gets it; whoever is not there any more does not want it begun.
    begun: oneshot::Sender<()>,
    done: oneshot::Sender<Ended>,
}

/// The processes of a worker.
pub(super) struct Processes {
    jobs: mpsc::Sender<Job>,
    stop: watch::Sender<bool>,
    supervisors: Mutex<Vec<JoinHandle<()>>>,
}

impl Processes {
    /// Starts as many as there are places.
    pub(super) fn start(program: &Program, places: usize) -> Processes {
        let (jobs, waiting) = mpsc::channel(places.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let (stop, stopping) = watch::channel(false);
        let supervise = |number| {
            tokio::spawn(instance::supervise(program.clone(), number, waiting.clone(), stopping.clone()))
        };
        let supervisors = Mutex::new((0..places).map(supervise).collect());
        Processes { jobs, stop, supervisors }
    }

    /// Has a process answer. An error means that none has got it.
    pub(super) async fn invoke(&self, invocation: Invocation) -> Result<Ended, String> {
        let (begun, has_begun) = oneshot::channel();
        let (done, ended) = oneshot::channel();
        let gone = || "its process was over before it got the call".to_owned();
        let job = Job { invocation, begun, done };
        let handed = async {
            self.jobs.send(job).await.map_err(|_| gone())?;
            has_begun.await.map_err(|_| gone())
        };
        // Dropped in the middle, the job finds nobody who wants it begun.
        tokio::time::timeout(EXTERNAL_PATIENCE, handed).await.map_err(|_| {
            format!("none of its processes has asked for a call within {EXTERNAL_PATIENCE:?}")
        })??;
        ended.await.or_else(|_| Ok(Ended::failed(Fault::Host { message: gone() }, Duration::ZERO)))
    }

    /// Ends all processes.
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        for supervisor in self.supervisors.lock().await.drain(..) {
            let _ = supervisor.await;
        }
    }
}

impl Ended {
    fn failed(fault: Fault, duration: Duration) -> Ended {
        Ended { result: Err(fault), duration }
    }
}

impl Invocation {
    /// The header that says until when, in milliseconds since 1970.
    fn deadline_ms(&self) -> u128 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (now + self.deadline).as_millis()
    }

    /// A name of the form that Lambda's clients take apart.
    fn arn(&self) -> String {
        let network = self.network.to_string();
        let region = network.get(..16).unwrap_or_default();
        format!("arn:moot:lambda:{region}:{}:function:{}", self.owner, self.function)
    }

    /// The W3C trace (`00-<32>-<16>-<flags>`) in the form of X-Ray.
    fn x_ray(&self) -> Option<String> {
        let mut parts = self.trace.as_deref()?.split('-');
        let (_, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let (first, rest) = (trace.get(..8)?, trace.get(8..32)?);
        let sampled = u8::from(flags.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']));
        Some(format!("Root=1-{first}-{rest};Parent={parent};Sampled={sampled}"))
    }
}

/// A function's own failure, from the body that a runtime client sends: `errorType` and `errorMessage`.
fn own_failure(body: &[u8]) -> Fault {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Said {
        #[serde(default)]
        error_type: String,
        #[serde(default)]
        error_message: String,
    }
    let message = match serde_json::from_slice::<Said>(body) {
        Ok(Said { error_type, error_message }) if error_type.is_empty() => error_message,
        Ok(Said { error_type, error_message }) => format!("{error_type}: {error_message}"),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    Fault::Guest(Failure { kind: FailureKind::Internal, message })
}

fn ended_itself(how: &str) -> Fault {
    // What it printed is in its log.
    Fault::Trap { message: format!("its process {how}"), said: Box::default(), backtrace: Vec::new() }
}

fn too_long(asked: Option<u64>, limit: u64) -> Fault {
    Fault::Limit { what: LimitKind::Response, asked, limit, backtrace: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_traces_are_translated() {
        let said = own_failure(br#"{"errorType": "ValueError", "errorMessage": "no", "stackTrace": []}"#);
        assert_eq!(said.to_string(), "the function answered with a failure: internal: ValueError: no");
        assert!(own_failure(b"oh").to_string().ends_with("internal: oh"));
        let mut invocation = Invocation {
            call: "0-1-2-3-4".parse().unwrap(),
            function: "resize".parse().unwrap(),
            owner: AccountId::from_bytes([1; 32]),
            network: Digest::from_bytes([2; 32]),
            payload: Bytes::new(),
            trace: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            deadline: Duration::from_secs(1),
            response_bytes: 1,
            logs: Arc::new(Gathered::new("0-1-2-3-4".parse().unwrap())),
        };
        assert_eq!(
            invocation.x_ray().unwrap(),
            "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;Sampled=1"
        );
        assert!(invocation.arn().starts_with("arn:moot:lambda:0202020202020202:0101"));
        assert_eq!(invocation.arn().split(':').count(), 7);
        invocation.trace = Some("odd".into());
        assert_eq!(invocation.x_ray(), None);
    }
}
