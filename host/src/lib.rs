//! Runs WebAssembly components: engine, capabilities, metering, invocation. Embeddable alone.
//!
//! ```text
//!  bytes ──inspect──► Inspection ──admit (policy)──► compile ──► .cwasm file
//!                                                                   │ load (digest checked, linked once)
//!                                                                   ▼
//!  request ──► Function::call_*  ──► fresh instance, fuel, deadline, grants ──► answer + Report
//! ```
//!
//! **Requires** of the one who embeds it: a tokio runtime with time enabled around every call; `.cwasm` files
//! that only this crate's [`Host::compile`] wrote; a [`Policy`] that says what a component may do.
//!
//! **Provides**: a component reaches nothing that its policy does not grant; no call outlives its fuel, its
//! deadline or its memory; nothing of one call is seen by the next; every call ends with a [`Report`].
//!
//! **Does not provide**: storage, an HTTP server, any memory of calls, protection against side channels
//! between calls that run in the same process.
#![warn(missing_docs)]

mod bindings;
mod call;
mod compile;
mod engine;
mod fault;
mod function;
mod host;
mod inspect;
pub mod keyvalue;
mod limits;
mod outbound;
mod policy;
mod precompiled;
mod service;
mod state;
mod typed;

pub use call::body::{BodyError, GuestBody};
pub use call::context::{CallContext, LedgerError, LedgerPort, LogLevel, LogLine, LogSink, LogSource};
pub use call::event::{Answer, Event};
pub use call::http::{HttpAnswer, Reporting};
pub use call::report::{Failed, Report, Touch, TouchKind};
pub use compile::CompileError;
pub use engine::ENGINE;
pub use fault::{Failure, FailureKind, Fault, FaultKind, Frame, LimitKind};
pub use function::{Function, LoadError};
pub use host::{Host, HostConfig, HostError};
pub use inspect::{AdmissionError, HOW_TO_MAKE_A_COMPONENT, Inspection, Kind};
pub use keyvalue::{KeyValue, KeyValueError, MemoryStore};
pub use limits::Limits;
pub use outbound::{AllowedHost, AllowedHostError};
pub use policy::{DirGrant, Grants, Policy, Secret};
pub use service::HttpService;
pub use typed::{Arguments, ExportedFunction, ExportedType, Interface, TypedAnswer};
