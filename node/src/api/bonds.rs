//! Units that are bound: holds, stakes, and who bids for a seat. Amounts are decimal digits, because they may be above
//! 2^53.

use moot_record::{AccountId, EntryId};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use utoipa::ToSchema;

/// `GET /_moot/holds/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldView {
    /// The transaction that made it.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Whose units they were, and who says how much of them is paid.
    #[schema(value_type = String)]
    pub from: AccountId,
    /// Whom they are held for.
    #[schema(value_type = String)]
    pub to: AccountId,
    /// How many.
    pub amount: String,
    /// The height at which all of them go back.
    pub until: u64,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// `GET /_moot/stakes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakesView {
    /// Whether stake decides who votes in this network.
    pub by_stake: bool,
    /// How many seats there are for it.
    pub seats: u32,
    /// Blocks that what is unstaked waits.
    pub lockup_blocks: u64,
    /// Every replica that a stake is behind, the best first.
    pub bids: Vec<BidView>,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// A replica with the share of a stake that it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BidView {
    /// The replica.
    #[schema(value_type = String)]
    pub replica: AccountId,
    /// Who stakes for it.
    #[schema(value_type = String)]
    pub staker: AccountId,
    /// Its share of the stake, rounded down.
    pub share: String,
    /// Whether it votes, or is settled to.
    pub seated: bool,
}

/// `GET /_moot/stakes/{account}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakeView {
    /// Who stakes.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What counts for seats.
    pub staked: String,
    /// What was unstaked and has not come back yet.
    pub waiting: Vec<WaitingView>,
    /// The replicas that it is behind.
    pub replicas: Vec<StakedReplicaView>,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// Units on their way out of a stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingView {
    /// How many.
    pub amount: String,
    /// The height at which they come back; later, if the replica has to stay in the committee for longer.
    pub until: u64,
}

/// A replica behind which a stake is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StakedReplicaView {
    /// The replica.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// Where it takes votes and blocks.
    #[schema(value_type = String)]
    pub ledger: SocketAddr,
    /// Where it takes batches.
    #[schema(value_type = String)]
    pub data: SocketAddr,
    /// Whether it votes, or is settled to.
    pub seated: bool,
    /// Units that were burned because it sealed or voted twice; none: it was never convicted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burned: Option<String>,
    /// Of one that was convicted by its votes: `two-blocks`, `two-final` or `skipped-and-final`. Without it, it sealed
    /// twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voted: Option<String>,
}

/// `GET /_moot/replicas`: what a machine needs to know to follow the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicasView {
    /// The one that answers, first, and the others that take part, as far as it knows where they are.
    pub replicas: Vec<ReplicaView>,
}

/// Where a replica is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaView {
    /// Its account.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// Where it takes votes and blocks. The one that answers may say 0.0.0.0: it is where it was asked.
    #[schema(value_type = String)]
    pub ledger: SocketAddr,
    /// Where it takes batches.
    #[schema(value_type = String)]
    pub data: SocketAddr,
}

/// `POST /_moot/bundles?dry-run`: what would come of the bundle now. Nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DryRun {
    /// Whether everything in it would be done.
    pub accepted: bool,
    /// What it would cost, in the network's smallest unit of account.
    pub fee: String,
    /// Each of its transactions, in order; of those that count together or not at all the `together` before them, too.
    pub transactions: Vec<DryOutcome>,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// What would come of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DryOutcome {
    /// Which kind of transaction.
    #[schema(schema_with = super::functions::transaction_kinds)]
    pub kind: String,
    /// Why it would not be done; none: it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Of a function: the version that would answer calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// What was not looked at, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
}
