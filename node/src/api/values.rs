//! Values: messages written to paths.

use data_encoding::BASE64URL_NOPAD;
use moot_record::{AccountId, Digest, EntryId, FunctionName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `PUT /_moot/values/{path}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValueWritten {
    /// Where the value is on the ledger.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Its path.
    pub path: String,
    /// Digest of its bytes.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Height of the block in which the rules allowed it; none while it is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
}

/// A value that was allowed: in a list, and as the data of an event named `value`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValueView {
    /// Its address.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Its path.
    pub path: String,
    /// Height of its block.
    pub height: u64,
    /// Time of its block, milliseconds since 1970.
    pub time_ms: u64,
    /// Who wrote it, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<AccountId>,
    /// The function that wrote it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub function: Option<FunctionName>,
    /// The call in which the function wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub call: Option<EntryId>,
    /// Its length.
    pub bytes: u64,
    /// Digest of its bytes.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// The value, when it is in its entry (4 KiB at most) and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The value in base64url, when it is in its entry and no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl ValueView {
    /// The bytes that came with it.
    #[must_use]
    pub fn inline(&self) -> Option<Vec<u8>> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(text)) => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
            (None, None) => None,
        }
    }
}

/// The event `at` of `GET /_moot/values/{path}?follow`: up to here nothing is missing. Whoever comes back with it as `from`
/// or `Last-Event-ID`, at any replica of the network, gets what was written after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValuesAt {
    /// A block's end: `block-17`.
    pub at: String,
}

/// `GET /_moot/values/{path}?below`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValuesView {
    /// The newest of each path below, by path.
    pub values: Vec<ValueView>,
    /// Where the list goes on: `after` of the next request; none at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An event named `missed`: values after that address were forgotten before they could be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValuesMissed {
    /// The address that was to be followed from, or the end of a block: `block-17`.
    pub from: String,
}
