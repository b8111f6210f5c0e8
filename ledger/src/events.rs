//! What subscribers are told, after it is durable.

use crate::state::{FunctionRecord, Outcome};
use moot_record::{Call, EntryId, Receipt};
use std::sync::Arc;

/// Something that is on disk now.
#[derive(Debug, Clone)]
pub enum Event {
    /// A call was recorded.
    Call {
        /// Its id.
        id: EntryId,
        /// The call.
        call: Arc<Call>,
    },
    /// A receipt was recorded.
    Receipt {
        /// Its address.
        id: EntryId,
        /// The receipt.
        receipt: Arc<Receipt>,
    },
    /// A block became final.
    Block {
        /// Its height.
        height: u64,
        /// Its time.
        time_ms: u64,
        /// How many batches it orders.
        batches: u32,
    },
    /// A transaction was applied or refused.
    Outcome {
        /// The transaction.
        id: EntryId,
        /// What became of it.
        outcome: Outcome,
    },
    /// A function changed.
    Function(Arc<FunctionRecord>),
}
