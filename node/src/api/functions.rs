//! Functions, components and the outcome of a signed bundle.

use moot_record::{AccountId, Digest, EntryId, FunctionName, Spec, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// `GET /_moot/functions`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Functions {
    /// Every function that was ever deployed here, by name.
    pub functions: Vec<FunctionSummary>,
}

/// One line of the list of functions.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FunctionSummary {
    /// Its name.
    #[schema(value_type = String)]
    pub name: FunctionName,
    /// The account that deployed it and may change it.
    #[schema(value_type = String)]
    pub owner: AccountId,
    /// `http`, `event` or `typed`.
    pub kind: String,
    /// The path it answers below.
    pub route: String,
    /// Number of the version that answers calls.
    pub version: u32,
    /// Digest of that version's component.
    #[schema(value_type = String)]
    pub component: Digest,
    /// It was retired: calls are refused.
    pub retired: bool,
    /// Its owner gave up upgrade and destruction for good.
    #[serde(default)]
    pub frozen: bool,
}

/// `GET /_moot/functions/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FunctionView {
    /// The same as in the list.
    #[serde(flatten)]
    pub summary: FunctionSummary,
    /// The last 256 versions, oldest first.
    pub versions: Vec<VersionView>,
    /// What the active component exports. Empty when it cannot be loaded here.
    pub exports: Vec<ExportView>,
    /// What the active component imports.
    pub imports: Vec<String>,
}

/// One deployed version.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionView {
    /// Its number, from 1.
    pub number: u32,
    /// Digest of the component.
    #[schema(value_type = String)]
    pub component: Digest,
    /// Size of the component.
    pub component_bytes: u64,
    /// The manifest as recorded.
    #[schema(value_type = Object)]
    pub spec: Spec,
    /// Digest of the manifest's canonical encoding.
    #[schema(value_type = String)]
    pub spec_digest: Digest,
    /// Height of the block that made it so.
    pub height: u64,
    /// The entry that deployed it.
    #[schema(value_type = String)]
    pub deployed: EntryId,
}

/// One exported function of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportView {
    /// `name`, or `interface#name`.
    pub path: String,
    /// Its parameters.
    pub parameters: Vec<ParameterView>,
    /// Its result as WIT text, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParameterView {
    /// Its name.
    pub name: String,
    /// Its type as WIT text.
    #[serde(rename = "type")]
    pub ty: String,
}

/// Answer to `PUT /_moot/components/{digest}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComponentView {
    /// Digest of the bytes.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Their number.
    pub bytes: u64,
    /// `http`, `event` or `typed`.
    pub kind: String,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
}

/// Answer to `POST /_moot/bundles`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BundleAnswer {
    /// One for each entry of the bundle that is no call, in its order.
    pub entries: Vec<EntryOutcome>,
    /// Its calls, when it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<BundleCalls>,
}

/// What became of the calls of a bundle.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BundleCalls {
    /// How many there are.
    pub count: usize,
    /// Where they are on the ledger, in the bundle's order.
    pub at: Vec<CallRun>,
    /// How many this replica runs, now that the bundle is final or once it is. Their receipts are at
    /// `/_moot/calls/<id>/receipt`.
    pub run: usize,
    /// Those that are recorded and not run: they stay without a receipt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded_only: Vec<RecordedOnly>,
    /// Height of the block that ordered them; none when the request did not wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// `accepted`: durable here, not ordered yet. `recorded`: ordered. `refused`: ordered and void, and nothing of it is
    /// run.
    pub outcome: Outcome,
}

/// Calls that stand one after the other: each has the address of the one before, with the next slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallRun {
    /// The first one.
    #[schema(value_type = String)]
    pub first: EntryId,
    /// How many.
    pub count: u16,
}

/// Calls that are recorded and not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedOnly {
    /// How many.
    pub count: usize,
    /// Why.
    pub reason: String,
}

/// What became of one entry of a bundle.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryOutcome {
    /// Where it is on the ledger.
    #[schema(value_type = String)]
    pub id: EntryId,
    /// Which kind of transaction, or `value`.
    #[schema(schema_with = entry_kinds)]
    pub kind: String,
    /// Height of the block that ordered it; none when the request did not wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u64>,
    /// What it did.
    pub outcome: Outcome,
}

/// What an entry of a bundle can be that is no call.
fn entry_kinds() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Transaction::KINDS.iter().copied().chain(["value"])))
        .build()
}

/// What a transaction can be.
pub(super) fn transaction_kinds() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Transaction::KINDS.iter().copied()))
        .build()
}

/// What an entry did to the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Outcome {
    /// Durable here, not ordered yet.
    Accepted,
    /// A function changed.
    Applied {
        /// The function.
        function: String,
        /// The version that now answers calls; none after a retirement.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
    },
    /// The state changed, and no function did: a transfer, a seat.
    Done,
    /// Ordered; it is not the kind of entry that changes state.
    Recorded,
    /// Ordered, and without effect.
    Refused {
        /// Why.
        reason: String,
    },
}
