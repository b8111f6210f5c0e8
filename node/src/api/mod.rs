//! The JSON of the `/_moot/` API: one type for what the gateway writes and what the client reads.
//!
//! Nothing here knows how an answer is found. Digests, accounts and ids are hex or text as in
//! `moot_record`; every length is in bytes, every time in microseconds or milliseconds as its name says.

mod accounts;
mod bonds;
mod calls;
mod events;
mod fees;
mod functions;
mod problem;
mod rules;
mod status;
mod triggers;
mod values;
mod work;

pub use accounts::AccountView;
pub use bonds::{
    BidView, DryOutcome, DryRun, HoldView, ReplicaView, ReplicasView, StakeView, StakedReplicaView,
    StakesView, WaitingView,
};
pub use calls::{
    Accepted, BlockView, CallSummary, CallView, Calls, FeeView, OtherReceiptView, PayloadView, ReceiptView,
    TouchView,
};
pub use events::{LogLine, NodeEvent};
pub use fees::{BillView, BilledView, LineView, PricesFrom, PricesView, StatementView};
pub use functions::{
    BundleAnswer, BundleCalls, CallRun, ComponentView, EntryOutcome, ExportView, FunctionSummary,
    FunctionView, Functions, Outcome, ParameterView, RecordedOnly, VersionView,
};
pub use problem::{Payment, Problem};
pub use rules::{OwnerView, Question, RuleView, RulesView, VerdictView};
pub use status::{Condition, Health, JoinedWorker, RouteConflict, Status, Validator};
pub use triggers::{DerivedCalls, DerivedView, TriggerView, TriggersView};
pub use values::{ValueView, ValueWritten, ValuesAt, ValuesMissed, ValuesView};
pub use work::{FaultView, OfferView, WorkerView, WorkersView};

/// Everything below this path is the API; everything else routes to functions.
pub const PREFIX: &str = "/_moot/";

/// Names of the headers that are ours.
pub mod header {
    /// Id of the call, on every answer to a call.
    pub const CALL: &str = "moot-call";
    /// Fuel that the call used.
    pub const FUEL: &str = "moot-fuel";
    /// In a request: ask for the signed receipt. In an answer: the signed receipt, base64url.
    pub const RECEIPT: &str = "moot-receipt";
    /// Makes a retry safe: the same key with the same body runs once, at this replica and for a day. Retry at the one
    /// that was asked first.
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
    /// How far to wait, and whether to send the receipt along (RFC 7240).
    pub const PREFER: &str = "prefer";
    /// Which preferences were honoured (RFC 7240).
    pub const PREFERENCE_APPLIED: &str = "preference-applied";
    /// Address of a value.
    pub const VALUE: &str = "moot-value";
    /// Height of its block.
    pub const HEIGHT: &str = "moot-height";
    /// Who wrote it.
    pub const ACCOUNT: &str = "moot-account";
    /// The function that wrote it.
    pub const FUNCTION: &str = "moot-function";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";
    /// Whether the answer is the stored one of an earlier call with the same idempotency key.
    pub const REPLAYED: &str = "moot-replayed";
}
