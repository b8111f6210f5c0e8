//! RFC 9457 problem details as a client reads them.

use moot_record::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of every error answer, `application/problem+json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; relative to the node: `/_moot/problems#<slug>`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind of problem in words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What was wrong this time, with the value, and what to do next.
    #[serde(default)]
    pub detail: String,
    /// The call that failed, when one was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The status of the call's receipt, when there is one.
    #[serde(rename = "call-status", default, skip_serializing_if = "Option::is_none")]
    pub call_status: Option<String>,
    /// Fuel that the failed call used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The guest's stack when it trapped, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<String>,
    /// What is missing, when an account cannot pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
}

/// What an account that has to pay lacks: units as decimal digits, because they may be above 2^53.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    /// Who has to pay.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it has.
    pub balance: String,
    /// What of that is reserved for calls that are under way.
    pub reserved: String,
    /// What is needed.
    pub needed: String,
    /// What is missing: give the account as much, and try again.
    pub missing: String,
}

impl Problem {
    /// The last part of the type: a word that scripts can compare, such as `body-too-large`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('#').next().unwrap_or_default()
    }
}
