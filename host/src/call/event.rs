//! Calls of kind event: `moot:function/handler`.

use crate::call::report::Report;
use crate::{CallContext, Fault, Function};
use bytes::Bytes;

/// One thing that happened: `moot:function/types.event`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What caused it: `http:/hello`, `call:`, `function:<name>`.
    pub source: String,
    /// Media type of the payload.
    pub content_type: Option<String>,
    /// Further facts; names in lowercase.
    pub attributes: Vec<(String, String)>,
    /// The body.
    pub payload: Bytes,
}

/// What came of a call of kind event.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The bytes the function answered with, or why there are none.
    pub result: Result<Vec<u8>, Fault>,
    /// What the call used. `report.fault` is the fault in `result`.
    pub report: Report,
}

impl Function {
    /// Calls the handler of a function of kind event, in a fresh instance.
    pub async fn call_event(&self, cx: CallContext, event: Event) -> Answer {
        let _ = (cx, event);
        todo!()
    }
}
