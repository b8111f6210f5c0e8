//! Accounts.

use moot_record::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/accounts/{account}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// Its public key.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it has, in the network's smallest unit of account: decimal digits, because it may be above 2^53.
    pub balance: String,
    /// What of that is reserved for calls that are under way at this node.
    #[serde(default)]
    pub reserved: String,
    /// Height of the block that revoked its key: nothing that the key signs counts any more. Left out while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
    /// Height of the block after which that was so.
    pub height: u64,
}
