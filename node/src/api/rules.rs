//! Paths: their rules and their owners.

use moot_record::{AccountId, FunctionName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/rules`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RulesView {
    /// All of them, by pattern.
    pub rules: Vec<RuleView>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RuleView {
    /// What it is about: `/chat/$room`.
    pub pattern: String,
    /// The expression.
    pub rule: String,
}

/// `POST /_moot/rules/eval`: what is asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Where somebody would write.
    pub path: String,
    /// Who; the function's owner when one is named and nobody else, and else the node's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<AccountId>,
    /// The function that would write, if one would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub function: Option<FunctionName>,
    /// What, as text; nothing when nothing is said.
    #[serde(default)]
    pub value: String,
}

/// `POST /_moot/rules/eval`: the answer. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictView {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// The rule that says so; none when none applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleView>,
    /// Why it would not be allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// `GET /_moot/owners/{path}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnerView {
    /// The path that was asked about.
    pub path: String,
    /// The closest path at or above it that has an owner, or had; none: nobody ever owned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Its owner; none when nobody has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<AccountId>,
    /// It was given up for good.
    pub given_up: bool,
}
