//! What the node says about itself.

use moot_record::{AccountId, Digest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/health` and `GET /_moot/ready`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`; what is wrong is a problem document, with 503.
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
    /// Number of this node's lane: its place among the validators; none without a seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<u32>,
    /// Whether this node votes in the present epoch.
    #[serde(default)]
    pub votes: bool,
    /// Why this node does not both vote and take calls, when it does not: it follows, joins or leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// The epoch of the next block; none where the committee never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Height of the last block that was applied here.
    pub height: u64,
    /// Height of the oldest block that is kept here with its batches: those before were pruned.
    #[serde(default = "first_block")]
    pub kept_from: u64,
    /// Time of the last block, milliseconds since 1970.
    pub time_ms: u64,
    /// Root of the state after that block.
    #[schema(value_type = String)]
    pub state: Digest,
    /// What the ledger may do.
    pub condition: Condition,
    /// How many functions can be called.
    pub functions: usize,
    /// Calls in flight or waiting for a place.
    pub running: usize,
    /// Recorded calls that have no receipt yet and are to get one.
    #[serde(default)]
    pub open_calls: usize,
    /// Why nothing can be recorded, when that is so (disk full, disk failed, state differs).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<String>,
    /// Why the ordering engine has stopped, when it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_failed: Option<String>,
    /// Why this node cannot catch up from the others, when that is so: they have pruned what it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// Final blocks that wait for batches which are not here yet.
    pub waiting_blocks: u64,
    /// Batches that are missing here and asked for.
    pub missing_batches: u64,
    /// How often a replica was seen to say two things in one place; both are kept.
    pub evidence: u64,
    /// Seconds since this node started.
    pub uptime_s: u64,
    /// The network's replicas and their lanes, by the lanes' numbers; this node is among them if it has a seat.
    pub validators: Vec<Validator>,
    /// Workers in other processes that have joined this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<JoinedWorker>,
    /// Routes that two functions claim: the one that was deployed first keeps it.
    #[serde(default)]
    pub conflicts: Vec<RouteConflict>,
}

/// Nodes that do not say keep everything.
fn first_block() -> u64 {
    1
}

/// A worker in another process that has joined a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JoinedWorker {
    /// Its public key, which signs its receipts.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// Where it has dialled from. Shown to people on this machine only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Version of its program.
    pub version: String,
    /// What it runs components with.
    pub engine: String,
    /// The kinds of sandbox that it offers.
    pub kinds: Vec<String>,
    /// How many functions it is ready for.
    pub functions: usize,
    /// What it does not serve, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// Calls that it runs at a time.
    pub places: usize,
    /// Calls that run there now.
    pub running: usize,
    /// Calls that it has answered since it joined.
    pub answered: u64,
    /// Calls that were lost with it.
    pub lost: u64,
    /// Seconds since it joined.
    pub joined_s: u64,
}

/// What a node's ledger may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Everything.
    Running,
    /// Only read, until there is room again.
    ReadOnly,
    /// It is closing.
    Closing,
    /// It has stopped for good: its disk or its ordering failed, or its state differs from the network's.
    Stopped,
}

/// A replica of the network and its lane, as this node sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validator {
    /// Number of its lane.
    pub lane: u32,
    /// Its public key.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it is to do: `votes`, `follows` or `out`.
    #[serde(default)]
    pub role: String,
    /// Whether it is in the committee that votes now.
    #[serde(default)]
    pub votes: bool,
    /// Whether it can be reached from this node; none for this node itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// Where its gateway is, as this node was told. Shown to people on this machine only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Number of the newest batch of its lane that is held here; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<u64>,
    /// Number of the newest batch of its lane that a block has ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<u64>,
    /// Batches of its lane that are held here and wait for a block.
    pub waiting: u64,
    /// How often its owner was seen to seal two batches with one number.
    pub equivocations: u64,
    /// In how many views its owner was seen to vote for two things; only the first few are counted.
    #[serde(default)]
    pub contradictions: u64,
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
