//! Calls, receipts and blocks as people and scripts read them.

use moot_record::{AccountId, Digest, EntryId, FunctionName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/calls`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Calls {
    /// Newest first.
    pub calls: Vec<CallSummary>,
}

/// One line of the list of calls.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CallSummary {
    /// Its id.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// The function.
    #[schema(value_type = String)]
    pub function: FunctionName,
    /// `http`, `event` or `typed`.
    pub kind: String,
    /// When it came in, microseconds since 1970.
    pub time_us: u64,
    /// Status of its receipt: `ok`, `failed`, `trapped` and so on; none while it runs, and of a
    /// call that is only recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Fuel used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// How long it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
}

/// `GET /_moot/calls/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CallView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// The function.
    #[schema(value_type = String)]
    pub function: FunctionName,
    /// Digest of the component that was asked to run.
    #[schema(value_type = String)]
    pub component: Digest,
    /// Digest of the manifest at that time.
    #[schema(value_type = String)]
    pub spec: Digest,
    /// `http`, `event` or `typed`.
    pub kind: String,
    /// The export, for typed calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
    /// Who called, when the request was signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub caller: Option<AccountId>,
    /// The call that made this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub parent: Option<EntryId>,
    /// What went in.
    pub input: PayloadView,
    /// When it came in, microseconds since 1970.
    pub time_us: u64,
    /// The most fuel it may use.
    pub fuel_limit: u64,
    /// Height of the block that ordered it, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// What became of it; none while it runs, and of a call that is only recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptView>,
    /// Of a call that several workers ran and contradict each other about: which receipts, and that nobody is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disputed: Option<String>,
    /// Of a call that several workers run: what the others said, beside `receipt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OtherReceiptView>,
}

/// What another worker said of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OtherReceiptView {
    /// Where its receipt is on the ledger.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Who ran the call, and signed.
    #[schema(value_type = String)]
    pub worker: AccountId,
    /// `ok`, `failed`, `trapped`, `out-of-fuel`, `deadline` and so on.
    pub status: String,
    /// Whether it says the same of the function as the first receipt; left out when one of them says nothing of it: it
    /// was interrupted, say, or too slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agrees: Option<bool>,
}

/// A payload by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PayloadView {
    /// Its digest.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Its length.
    pub bytes: u64,
}

/// A receipt.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReceiptView {
    /// Where the receipt itself is on the ledger.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Who ran the call, and signed.
    #[schema(value_type = String)]
    pub worker: AccountId,
    /// `ok`, `failed`, `trapped`, `out-of-fuel`, `deadline` and so on.
    pub status: String,
    /// What came out.
    pub output: PayloadView,
    /// Fuel used.
    pub fuel: u64,
    /// Whether the fuel was measured; `false` for external functions, and for a call that was interrupted or not
    /// run.
    pub metered: bool,
    /// What it costs; whether that is charged, and to whom, the network's prices and the function's manifest say.
    pub fee: FeeView,
    /// What it touched outside.
    pub touched: Vec<TouchView>,
    /// When the receipt was made, microseconds since 1970.
    pub time_us: u64,
    /// How long the call ran.
    pub duration_us: u64,
}

/// A fee in the network's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeeView {
    /// For the bytes put in order.
    pub ordering: u64,
    /// For the fuel.
    pub execution: u64,
}

/// One thing that a call touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TouchView {
    /// `http`, `key-value`, `directory`, `function`, `value`, `clock` or `random`.
    pub kind: String,
    /// A host, a store, a directory, a function, a path.
    pub target: String,
    /// How often.
    pub count: u32,
}

/// Answer to `Prefer: respond-async` and to a call that is not done: 202.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The call's id.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Where its state can be read.
    pub location: String,
}

/// `GET /_moot/blocks/{height}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BlockView {
    /// Its height.
    pub height: u64,
    /// Its digest: what the certificate signs.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Digest of the block before.
    #[schema(value_type = String)]
    pub parent: Digest,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// Root of a recent state.
    #[schema(value_type = String)]
    pub state: Digest,
    /// The batches it orders.
    #[schema(value_type = Vec<String>)]
    pub batches: Vec<Digest>,
    /// Whose votes its certificate has. None where a later block's certificate proves it, or another committee's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub voters: Vec<AccountId>,
}
