//! Triggers, and the calls that they derive.

use super::CallView;
use moot_record::{AccountId, EntryId, FunctionName, Trigger};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/triggers`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TriggersView {
    /// All of them, by name.
    pub triggers: Vec<TriggerView>,
}

/// One trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriggerView {
    /// Its name.
    #[schema(value_type = String)]
    pub name: FunctionName,
    /// Who set it, and is the caller of what it makes run.
    #[schema(value_type = String)]
    pub owner: AccountId,
    /// What it waits for, which function runs, and who may make it: `on`, `function` and `access`.
    #[schema(value_type = Object)]
    pub trigger: Trigger,
    /// Of a schedule: when it fires next, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<u64>,
}

/// `GET /_moot/derived`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DerivedCalls {
    /// Newest first.
    pub derived: Vec<DerivedView>,
}

/// `GET /_moot/derived/{id}`: a call that a trigger derived.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DerivedView {
    /// Its name: `d-17-0`, for the first of block 17.
    pub id: String,
    /// The trigger.
    #[schema(value_type = String)]
    pub trigger: FunctionName,
    /// The function.
    #[schema(value_type = String)]
    pub function: FunctionName,
    /// The trigger's owner, who is the caller.
    #[schema(value_type = String)]
    pub owner: AccountId,
    /// What happened: `value:/chat/lobby/42`, `schedule:digest`, `completion:0-7-0-0-1`.
    pub source: String,
    /// The value, or the call that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub at: Option<EntryId>,
    /// Who wrote the value, or made the call that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub by: Option<AccountId>,
    /// When, milliseconds since 1970.
    pub time_ms: u64,
    /// How many triggers in a row led to it.
    pub depth: u32,
    /// The lane whose replica runs it.
    pub lane: u32,
    /// `open`, `answered` or `dropped`.
    pub state: String,
    /// Why it is not run, or was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Status of its receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Its call's address, once a block has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub call: Option<EntryId>,
    /// The call with its receipt; in the list left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<CallView>,
}
