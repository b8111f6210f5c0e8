//! What a call is told about itself, and the ports through which it reaches its embedder.

use crate::Failure;
use bytes::Bytes;
use futures::future::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// Facts about one call, and the ports it may use. All but `id` and `function` may be left at their defaults.
#[derive(Clone, Default)]
pub struct CallContext {
    /// The call's id, as the guest reads it.
    pub id: String,
    /// The name the function is deployed under.
    pub function: String,
    /// The account that the call is made by, as text.
    pub caller: Option<String>,
    /// Height of the newest final block when the call is run; 0 for a deterministic function.
    pub height: u64,
    /// When the call was recorded: microseconds since the Unix epoch.
    pub time_us: u64,
    /// Where the randomness of a call without the `random` grant comes from. Must not be shared by two calls.
    pub seed: [u8; 32],
    /// W3C `traceparent`; none for a deterministic function.
    pub trace_parent: Option<String>,
    /// Fuel for this call, when it is less than the function's limit.
    pub fuel: Option<u64>,
    /// What serves `moot:function/ledger`. Without it every use is refused.
    pub ledger: Option<Arc<dyn LedgerPort>>,
    /// Where the guest's log goes. Without it the log is dropped.
    pub logs: Option<Arc<dyn LogSink>>,
}

impl CallContext {
    /// A context with the given id and function name, and nothing else.
    pub fn new(id: impl Into<String>, function: impl Into<String>) -> CallContext {
        CallContext { id: id.into(), function: function.into(), ..CallContext::default() }
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("id", &self.id)
            .field("function", &self.function)
            .field("caller", &self.caller)
            .field("height", &self.height)
            .field("time_us", &self.time_us)
            .field("fuel", &self.fuel)
            .finish_non_exhaustive()
    }
}

/// Serves `moot:function/ledger`. The embedder bounds depth and checks authority.
pub trait LedgerPort: Send + Sync {
    /// Writes a value to a path; answers with the entry's address once its block has allowed it.
    fn write(&self, path: String, value: Bytes) -> BoxFuture<'static, Result<String, LedgerError>>;

    /// Calls a function of kind event; answers with its answer once the receipt is durable.
    fn call(
        &self,
        function: String,
        content_type: Option<String>,
        payload: Bytes,
    ) -> BoxFuture<'static, Result<Vec<u8>, LedgerError>>;
}

/// Why the ledger did not do what was asked: the cases of `moot:function/ledger.error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The rules or the function called do not allow it, or who pays has too little.
    #[error("denied: {0}")]
    Denied(String),
    /// No function has this name.
    #[error("there is no function {0}")]
    NoSuchFunction(String),
    /// Path, name or content type malformed.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The payload is too large; holds the limit in bytes.
    #[error("the payload is over {0} bytes")]
    TooLarge(u64),
    /// Calls nest too deeply; holds the limit.
    #[error("calls nest more than {0} deep")]
    TooDeep(u32),
    /// It could not be done now.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The function called answered with a failure.
    #[error("{0}")]
    Failed(Failure),
    /// The function called did not come to an answer; holds its receipt's status.
    #[error("the function called ended with {0}")]
    Aborted(String),
}

/// Takes what a guest writes to standard output, standard error and `wasi:logging`, line by line.
///
/// Called from the guest's own thread: must be quick and must not block.
pub trait LogSink: Send + Sync {
    /// Takes one line, without its line break. Not more than the function's `log` limit in one call, and one
    /// last line that says so when it was reached.
    fn line(&self, line: LogLine<'_>);
}

/// One line of a guest's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Where the guest wrote it.
    pub source: LogSource<'a>,
    /// The text; invalid UTF-8 replaced.
    pub text: &'a str,
}

/// Where a line of log comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource<'a> {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// `wasi:logging`.
    Log {
        /// Severity.
        level: LogLevel,
        /// What the guest says the message belongs to; may be empty.
        context: &'a str,
    },
    /// The host: a note about the log itself.
    Host,
}

/// Severity, as in `wasi:logging`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

impl LogLevel {
    /// The name of the case in WIT.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
            LogLevel::Critical => "critical",
        }
    }
}
