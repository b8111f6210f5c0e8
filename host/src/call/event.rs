//! Calls of kind event: `moot:function/handler`.

use crate::bindings::moot::function::types;
use crate::call::report::Report;
use crate::call::run::{Running, Stopped, within};
use crate::function::Entry;
use crate::{CallContext, Fault, Function, Kind, LimitKind};
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
    /// Calls the handler of a function of kind event, in a fresh instance. Dropping the future ends the guest.
    pub async fn call_event(&self, cx: CallContext, event: Event) -> Answer {
        let Entry::Event(pre) = &self.inner.entry else {
            let fault = Fault::WrongKind { is: self.kind(), needs: Kind::Event };
            let report = Report { fault: Some(fault.clone()), ..Report::default() };
            return Answer { result: Err(fault), report };
        };
        let mut run = Running::start(&self.inner, cx);
        let deadline = run.deadline();
        let limit = self.inner.policy.limits.response_bytes;
        let work = async {
            let guest = pre.instantiate_async(&mut run.store).await?;
            run.store.data_mut().reached = true;
            let event = types::Event {
                source: event.source,
                content_type: event.content_type,
                attributes: event.attributes,
                payload: event.payload.into(),
            };
            match guest.moot_function_handler().call_handle(&mut run.store, &event).await? {
                Ok(bytes) if bytes.len() as u64 > limit => Err(Stopped::Fault(Fault::Limit {
                    what: LimitKind::Response,
                    asked: Some(bytes.len() as u64),
                    limit,
                    backtrace: Vec::new(),
                })),
                Ok(bytes) => Ok(bytes),
                Err(failure) => Err(Stopped::Fault(Fault::Guest(failure.into()))),
            }
        };
        let outcome = within(deadline, work).await;
        let (result, report) = run.finish(outcome);
        Answer { result, report }
    }
}
