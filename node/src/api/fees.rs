//! What things cost, what an account paid and got, and invoices. Units are decimal digits, because they may be above 2^53.

use moot_record::{AccountId, EntryId, FunctionName, PriceVote, Prices};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /_moot/prices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricesView {
    /// Whether they are charged; if not, receipts state them and nobody pays.
    pub charged: bool,
    /// What things cost now.
    #[schema(value_type = Object)]
    pub prices: Prices,
    /// What members of the committee would have instead.
    #[schema(value_type = Vec<Object>)]
    pub votes: Vec<PriceVote>,
    /// How many members have to wish the same for it to be so.
    pub quorum: usize,
    /// The members of the present committee.
    #[schema(value_type = Vec<String>)]
    pub members: Vec<AccountId>,
    /// Height of the block after which that was so.
    pub height: u64,
}

/// `GET /_moot/accounts/{account}/statement`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatementView {
    /// Whose.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// What it paid and got, newest block first.
    pub lines: Vec<LineView>,
    /// Ask again with `below` this height for what came before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    /// Height of the block.
    pub height: u64,
    /// `bundle`, `storage`, `calls`, `values`, `sent`, `bound`: paid. `received`, `work`, `committee`, `freed`: got.
    pub kind: String,
    /// Whether the account has less by it.
    pub paid: bool,
    /// The function that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub function: Option<FunctionName>,
    /// How much.
    pub units: String,
    /// How many calls it is for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub calls: u64,
    /// What was due beyond what the account had, and was not charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpaid: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// `GET /_moot/bill`: a part of an invoice. What each receipt costs follows from prices, bytes and fuel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BillView {
    /// The receipts, in the order of the blocks.
    pub calls: Vec<BilledView>,
    /// Prices, each with the first height that they are for.
    pub prices: Vec<PricesFrom>,
    /// Ask again with `from` this for the rest: a height, and the place of a batch in its block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Prices, and from when on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricesFrom {
    /// The first height.
    pub height: u64,
    /// The prices.
    #[schema(value_type = Object)]
    pub prices: Prices,
}

/// A receipt in an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BilledView {
    /// Height of the receipt's block.
    pub height: u64,
    /// The call.
    #[schema(value_type = String)]
    pub call: EntryId,
    /// The receipt's entry.
    #[schema(value_type = String)]
    pub receipt: EntryId,
    /// The function.
    #[schema(value_type = String)]
    pub function: FunctionName,
    /// Who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub payer: Option<AccountId>,
    /// Who signed the receipt.
    #[schema(value_type = String)]
    pub worker: AccountId,
    /// Bytes of the call's entry and of the receipt's.
    pub bytes: u64,
    /// Of these those that were paid for with the bundle that a client signed.
    pub paid_bytes: u64,
    /// Fuel that is charged.
    pub fuel: u64,
    /// What the receipt says that ordering costs.
    pub stated_ordering: String,
    /// What it says that execution costs.
    pub stated_execution: String,
}
