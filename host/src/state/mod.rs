//! What a store holds during one call.

use crate::call::report::Touches;
use crate::{CallContext, Policy};
use std::sync::Arc;
use wasmtime::component::ResourceTable;

/// The data of the store of one call.
pub(crate) struct State {
    /// Resources that the guest holds handles to.
    pub(crate) table: ResourceTable,
    /// The rules of the function.
    pub(crate) policy: Arc<Policy>,
    /// What the call is told about itself.
    pub(crate) context: CallContext,
    /// What the call reached outside.
    pub(crate) touched: Touches,
}
