//! What the node says about itself.

use moot_record::{AccountId, Digest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/health` and `GET /_moot/ready`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or what is wrong.
    pub status: String,
}

/// `GET /_moot/status`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of this program.
    pub version: String,
    /// Name of the network, from its genesis.
    pub network_name: String,
    /// Digest of the genesis: what every signature is bound to.
    #[schema(value_type = String)]
    pub network: Digest,
    /// Public key of this node.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// Height of the last block that was applied here.
    pub height: u64,
    /// How many functions can be called.
    pub functions: usize,
    /// Calls in flight or waiting for a place.
    pub running: usize,
    /// Why nothing can be recorded, when that is so (disk full, disk failed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<String>,
    /// Seconds since this node started.
    pub uptime_s: u64,
    /// Routes that two functions claim: the one that was deployed first keeps it.
    #[serde(default)]
    pub conflicts: Vec<RouteConflict>,
}

/// Two functions want one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteConflict {
    /// The route.
    pub route: String,
    /// The function that has it.
    pub owner: String,
    /// The function that asked for it later, and is reachable by the API alone.
    pub refused: String,
}
