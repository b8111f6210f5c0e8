//! What flows over server-sent events.

use moot_record::{Digest, EntryId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One line that a function wrote: an event of `GET /_moot/functions/{name}/logs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// When, microseconds since 1970.
    pub time_us: u64,
    /// The call that wrote it.
    pub call: String,
    /// `trace`, `debug`, `info`, `warn`, `error`, `critical`, `stdout` or `stderr`.
    pub level: String,
    /// The guest's own context word; empty for standard output and error.
    #[serde(default)]
    pub context: String,
    /// The text.
    pub message: String,
}

/// An event of `GET /_moot/events`; the SSE event name is the `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum NodeEvent {
    /// A block was applied.
    Block {
        /// Its height.
        height: u64,
        /// Its digest.
        #[schema(value_type = String)]
        digest: Digest,
        /// How many batches it ordered.
        batches: u32,
    },
    /// A call got its receipt.
    Receipt {
        /// The call.
        #[schema(value_type = String)]
        call: EntryId,
        /// The receipt.
        #[schema(value_type = String)]
        receipt: EntryId,
        /// The receipt's status.
        status: String,
        /// Fuel used.
        fuel: u64,
    },
    /// A function was deployed, rolled back or retired.
    Function {
        /// Its name.
        name: String,
    },
    /// The reader was too slow and missed this many events.
    Missed {
        /// How many.
        events: u64,
    },
}
