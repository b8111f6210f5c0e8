//! What can go wrong in a call, said so that the author of the guest knows what to do.
//!
//! ```text
//!  wasmtime::Error + what the store's state noted ──► Fault ──kind()──► the status in a receipt
//! ```

use std::fmt;
use std::time::Duration;

/// How a call failed. `Display` is for people; [`Fault::kind`] is for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The guest burned all the fuel the call was given.
    OutOfFuel {
        /// What the call was given.
        limit: u64,
    },
    /// The call took longer than its function may take.
    Deadline {
        /// The function's deadline.
        limit: Duration,
    },
    /// The guest trapped: a panic, an access out of bounds, a stack overflow.
    Trap {
        /// What happened, in words.
        message: String,
        /// The end of its standard error: what a panic said, or a language's own stack trace. For the function's owner,
        /// so not in `Display`: it names files and values that are no business of the caller's.
        said: Box<str>,
        /// Where, innermost frame first.
        backtrace: Vec<Frame>,
    },
    /// The guest went over a limit of its function.
    Limit {
        /// Which limit.
        what: LimitKind,
        /// How much the guest asked for, when that is known; in the limit's unit.
        asked: Option<u64>,
        /// The limit.
        limit: u64,
        /// Where, innermost frame first; empty when the guest was not running at that moment.
        backtrace: Vec<Frame>,
    },
    /// The guest used something that its policy does not grant.
    Denied {
        /// What it used.
        what: String,
        /// What to change, when something can be.
        advice: String,
    },
    /// The function answered with a failure of its own: an ordinary answer.
    Guest(Failure),
    /// The guest called `exit` instead of answering.
    Exit {
        /// Its exit code.
        code: i32,
    },
    /// An HTTP function returned without setting a response.
    NoResponse,
    /// An HTTP function answered with one of the error codes of `wasi:http`.
    HttpError {
        /// The error code, as `wasi:http` writes it.
        code: String,
    },
    /// Arguments of a typed call do not fit the parameters.
    BadArguments {
        /// Where: `args[1].point.x`.
        path: String,
        /// The type that is expected there, as WIT text.
        expected: String,
        /// What was found there.
        got: String,
    },
    /// The component has no such export.
    NoSuchExport {
        /// What was asked for.
        asked: String,
        /// What there is.
        available: Vec<String>,
    },
    /// The function is of another kind than the call.
    WrongKind {
        /// What the function is.
        is: crate::Kind,
        /// What the call needs it to be.
        needs: crate::Kind,
    },
    /// No instance is free: more calls at once than the host was configured for.
    Busy,
    /// The host itself failed. Not the guest's fault.
    Host {
        /// What happened.
        message: String,
    },
}

/// The class of a [`Fault`]. An embedder maps it to the status of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// An ordinary answer that is a failure, or arguments that do not fit.
    Failed,
    /// The guest trapped, exited, or gave no answer.
    Trapped,
    /// All fuel burned.
    OutOfFuel,
    /// Too slow.
    Deadline,
    /// Over a limit.
    LimitExceeded,
    /// Not granted.
    Denied,
    /// The host could not run it now.
    Unavailable,
}

/// A limit of a call that a guest can exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitKind {
    /// Bytes of linear memory.
    Memory,
    /// Elements of a table.
    TableElements,
    /// Core instances, memories or tables.
    Instances,
    /// Bytes of the answer.
    Response,
    /// Resource handles open at once.
    Handles,
    /// Bytes passed in one host call.
    HostCall,
    /// Bytes of header fields.
    Headers,
}

/// One frame of a WebAssembly backtrace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The function's name, demangled, when the component has a name section.
    pub function: Option<String>,
    /// Index of the function in its module.
    pub index: u32,
    /// Offset in the module, in bytes.
    pub offset: Option<usize>,
    /// Source file and line, when the component has debug information.
    pub source: Option<String>,
}

/// A failure that a function answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub kind: FailureKind,
    /// For people. For [`FailureKind::Typed`]: the error value, as JSON or WAVE text, as the arguments were.
    pub message: String,
}

/// The class of a [`Failure`]: the cases of `moot:function/types.failure`, and one for typed functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The event is malformed.
    Invalid,
    /// The caller may not do this.
    Denied,
    /// What the event refers to does not exist.
    NotFound,
    /// The event contradicts the present state.
    Conflict,
    /// Something the function depends on is not available.
    Unavailable,
    /// The function itself is at fault.
    Internal,
    /// A typed function returned the error case of its `result`.
    Typed,
}

impl FailureKind {
    /// The HTTP status for this failure, as `moot:function/types` documents it.
    pub fn http_status(self) -> u16 {
        match self {
            FailureKind::Invalid | FailureKind::Typed => 422,
            FailureKind::Denied => 403,
            FailureKind::NotFound => 404,
            FailureKind::Conflict => 409,
            FailureKind::Unavailable => 503,
            FailureKind::Internal => 500,
        }
    }

    /// The name of the case in WIT.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Invalid => "invalid",
            FailureKind::Denied => "denied",
            FailureKind::NotFound => "not-found",
            FailureKind::Conflict => "conflict",
            FailureKind::Unavailable => "unavailable",
            FailureKind::Internal => "internal",
            FailureKind::Typed => "error",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

impl Fault {
    /// The class of this fault.
    pub fn kind(&self) -> FaultKind {
        match self {
            Fault::OutOfFuel { .. } => FaultKind::OutOfFuel,
            Fault::Deadline { .. } => FaultKind::Deadline,
            Fault::Trap { .. } | Fault::Exit { .. } | Fault::NoResponse => FaultKind::Trapped,
            Fault::Limit { .. } => FaultKind::LimitExceeded,
            Fault::Denied { .. } => FaultKind::Denied,
            Fault::Guest(_)
            | Fault::HttpError { .. }
            | Fault::BadArguments { .. }
            | Fault::NoSuchExport { .. }
            | Fault::WrongKind { .. } => FaultKind::Failed,
            Fault::Busy | Fault::Host { .. } => FaultKind::Unavailable,
        }
    }

    /// The backtrace, innermost frame first; empty when there is none.
    pub fn backtrace(&self) -> &[Frame] {
        match self {
            Fault::Trap { backtrace, .. } | Fault::Limit { backtrace, .. } => backtrace,
            _ => &[],
        }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::OutOfFuel { limit } => write!(
                f,
                "the guest burned all {limit} units of fuel it was given; look for an endless loop, or raise `fuel` in moot.toml"
            ),
            Fault::Deadline { limit } => write!(
                f,
                "the call was not finished within {limit:?}; look for a wait that never ends, or raise `deadline` in moot.toml"
            ),
            Fault::Trap { message, .. } => write!(f, "the guest trapped: {message}"),
            Fault::Limit { what, asked, limit, .. } => what.explain(f, *asked, *limit),
            Fault::Denied { what, advice } => write!(f, "{what} is not granted; {advice}"),
            Fault::Guest(failure) => write!(f, "the function answered with a failure: {failure}"),
            Fault::Exit { code } => write!(
                f,
                "the guest called exit({code}) instead of answering; return from the handler with an answer or an error"
            ),
            Fault::NoResponse => write!(
                f,
                "the guest returned without setting a response; call `response-outparam.set` on every path of the handler"
            ),
            Fault::HttpError { code } => write!(f, "the guest answered with the error {code}"),
            Fault::BadArguments { path, expected, got } => {
                write!(f, "{path}: expected {expected}, got {got}")
            }
            Fault::NoSuchExport { asked, available } if available.is_empty() => {
                write!(f, "there is no export {asked}: the component exports no plain functions")
            }
            Fault::NoSuchExport { asked, available } => {
                write!(f, "there is no export {asked}; ")?;
                if let Some(nearest) = crate::typed::nearest(asked, available.iter().map(String::as_str)) {
                    write!(f, "did you mean {nearest}? ")?;
                }
                write!(f, "There are: {}", available.join(", "))
            }
            Fault::WrongKind { is, needs } => {
                write!(f, "the function is of kind {is}, and this call is for functions of kind {needs}")
            }
            Fault::Busy => {
                write!(f, "all instances are in use; try again shortly, or let the host have more of them")
            }
            Fault::Host { message } => write!(f, "the host failed: {message}"),
        }
    }
}

impl LimitKind {
    fn explain(self, f: &mut fmt::Formatter<'_>, asked: Option<u64>, limit: u64) -> fmt::Result {
        let (thing, key) = match self {
            LimitKind::Memory => ("of memory", "raise `memory` in moot.toml"),
            LimitKind::TableElements => ("table elements", "no function needs more"),
            LimitKind::Instances => {
                ("instances, memories or tables", "build the component with fewer modules")
            }
            LimitKind::Response => ("of response", "raise `response` in moot.toml"),
            LimitKind::Handles => ("open resource handles", "drop those that are done with"),
            LimitKind::HostCall => ("passed in one host call", "pass less at a time"),
            LimitKind::Headers => ("of header fields", "send fewer or shorter fields"),
        };
        let in_bytes = matches!(
            self,
            LimitKind::Memory | LimitKind::Response | LimitKind::HostCall | LimitKind::Headers
        );
        let show = |n: u64| if in_bytes { bytes(n) } else { n.to_string() };
        match asked {
            Some(asked) => {
                write!(f, "the guest asked for {} {thing}; its limit is {}; {key}", show(asked), show(limit))
            }
            None => write!(f, "the guest went over its limit of {} {thing}; {key}", show(limit)),
        }
    }
}

/// A number of bytes as a person would write it. Mebibytes are the largest unit, so that "64 MiB" and "4096 MiB" can be
/// compared at a glance.
pub(crate) fn bytes(n: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match n {
        MIB.. if n.is_multiple_of(MIB) => format!("{} MiB", n / MIB),
        MIB.. => format!("{:.1} MiB", n as f64 / MIB as f64),
        KIB.. if n.is_multiple_of(KIB) => format!("{} KiB", n / KIB),
        _ => format!("{n} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_says_what_was_asked_what_it_is_and_what_to_change() {
        let fault = Fault::Limit {
            what: LimitKind::Memory,
            asked: Some(4 << 30),
            limit: 64 << 20,
            backtrace: Vec::new(),
        };
        assert_eq!(
            fault.to_string(),
            "the guest asked for 4096 MiB of memory; its limit is 64 MiB; raise `memory` in moot.toml"
        );
    }

    #[test]
    fn bytes_are_shown_exactly_where_that_is_short() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1500), "1500 bytes");
        assert_eq!(bytes(2048), "2 KiB");
        assert_eq!(bytes(3 << 30), "3072 MiB");
        assert_eq!(bytes((1 << 20) + 1), "1.0 MiB");
    }
}
