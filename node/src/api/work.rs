//! Workers that registered, with what they offer and what was found against them. Amounts are decimal digits, because
//! they may be above 2^53.

use moot_record::{AccountId, EntryId, FunctionName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkersView {
    /// All that offer something, or were ever found at fault, by account.
    pub workers: Vec<WorkerView>,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// `GET /_moot/workers/{account}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerView {
    /// The worker.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it answers with. With nothing it gets no calls.
    pub staked: String,
    /// What it offers; none: it takes no calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<OfferView>,
    /// The height from which on that was so.
    pub since: u64,
    /// How many of its receipts differed from what most workers of a call said.
    pub faults: u64,
    /// What was burned of its stake for them.
    pub burned: String,
    /// The last of them, the newest last.
    pub last: Vec<FaultView>,
}

/// What a worker offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfferView {
    /// The sandboxes that it has: `component`, `external`.
    pub kinds: Vec<String>,
    /// The functions that it serves; none: every one that it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub functions: Option<Vec<FunctionName>>,
    /// The replicas that it has joined; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub replicas: Option<Vec<AccountId>>,
    /// What it runs components with, as in `wasmtime-48.0.8+1`: a call that several run is run by workers with one.
    pub engine: String,
}

/// A receipt that differed from what most workers of its call said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FaultView {
    /// The call.
    #[schema(value_type = String)]
    pub call: EntryId,
    /// The worker's own receipt.
    #[schema(value_type = String)]
    pub receipt: EntryId,
    /// The first receipt of those that agree.
    #[schema(value_type = String)]
    pub agreed: EntryId,
    /// What was burned for it.
    pub burned: String,
}
