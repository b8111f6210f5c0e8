//! What a call is told about itself, from its record alone.

use moot_host::CallContext;
use moot_record::{AccountId, Call, Digest, EntryId, FunctionName};

/// The context of a recorded call: the same whenever it is run, on any node.
///
/// A deterministic function sees neither height nor trace: the call's record does not have them, and a replay
/// could not give them back. Others get them from whoever runs the call ([`CallContext::height`],
/// [`CallContext::trace_parent`]).
#[must_use]
pub fn context_of(id: EntryId, call: &Call, network: &Digest) -> CallContext {
    context(id, &call.function, call.caller.as_ref(), call.time_us, call.fuel_limit, network)
}

pub(crate) fn context(
    id: EntryId,
    function: &FunctionName,
    caller: Option<&AccountId>,
    time_us: u64,
    fuel_limit: u64,
    network: &Digest,
) -> CallContext {
    CallContext {
        caller: caller.map(AccountId::to_string),
        time_us,
        seed: id.seed(network),
        fuel: Some(fuel_limit),
        ..CallContext::new(id.to_string(), function.as_str())
    }
}
