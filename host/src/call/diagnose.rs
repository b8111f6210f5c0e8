//! From what stopped a call to what is said about it, and what it is charged.
//!
//! What is charged must be the same on every machine, so:
//! - a call that answered, or whose guest panicked (`unreachable`), exited, failed in a host call, or answered with what
//!   is not in its memory: what it burned;
//! - out of fuel: all it was given;
//! - any other trap (an access out of bounds, a division by zero, a stack overflow), or stopped by its deadline while
//!   computing: all it was given. The engine writes the count down only at calls, so at these points it is too low
//!   by what the last function burned, and a guest could compute for nothing by trapping at the end.

use crate::call::run::{Charge, Stopped, shown_deadline};
use crate::state::State;
use crate::{Fault, Frame, LimitKind};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// Says what stopped a call that was given `fuel`.
pub(crate) fn diagnose(stopped: Stopped, state: &State, fuel: u64) -> (Fault, Charge) {
    let late = Fault::Deadline { limit: shown_deadline(state.policy.limits.deadline) };
    let error = match stopped {
        Stopped::Fault(fault) => return (fault, Charge::Burned),
        Stopped::Late => return (late, Charge::Burned),
        Stopped::Wasm(error) => error,
    };
    let backtrace = frames(&error);
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::OutOfFuel => (Fault::OutOfFuel { limit: fuel }, Charge::Everything),
            Trap::Interrupt => (late, Charge::Everything),
            Trap::UnreachableCodeReached => (unreachable(state, backtrace), Charge::Burned),
            // Some runtimes fail in ways of their own when they get no memory: then the limit is what stopped them.
            trap => {
                let fault = match refused(state, &backtrace) {
                    Some(limit) => limit,
                    None => trapped(words(*trap), state, backtrace),
                };
                (fault, Charge::Everything)
            }
        };
    }
    (host_error(&error, state, backtrace), Charge::Burned)
}

/// An error that a host function or the engine raised.
fn host_error(error: &wasmtime::Error, state: &State, frames: Vec<Frame>) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        let mut fault = fault.clone();
        if let Fault::Trap { backtrace, .. } | Fault::Limit { backtrace, .. } = &mut fault {
            *backtrace = frames;
        }
        return fault;
    }
    // Go's runtime exits when it gets no memory: then the limit is what stopped it.
    if let Some(I32Exit(code)) = error.downcast_ref()
        && (*code == 0 || state.limiter.refused().is_none())
    {
        return Fault::Exit { code: *code };
    }
    let over = |what, limit| Fault::Limit { what, asked: None, limit, backtrace: frames.clone() };
    if let Some(ResourceTableError::Full) = error.downcast_ref() {
        return over(LimitKind::Handles, u64::from(state.policy.limits.handles));
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::Busy;
    }
    if let Some(limit) = refused(state, &frames) {
        return limit;
    }
    let text = format!("{error:#}");
    // The engine's error types for these two are private, so their words must do; a test holds us to them.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return over(LimitKind::HostCall, state.policy.limits.host_call_bytes);
    }
    if text.contains("resource limit exceeded") {
        return over(LimitKind::Instances, u64::from(state.policy.limits.instances));
    }
    if frames.is_empty() && !state.reached {
        return Fault::Host { message: text };
    }
    trapped(error.root_cause().to_string(), state, frames)
}

/// A panic, an abort, or an allocation that failed.
fn unreachable(state: &State, backtrace: Vec<Frame>) -> Fault {
    if let Some(limit) = refused(state, &backtrace) {
        return limit;
    }
    let message = if state.log.tail().is_empty() {
        "it reached `unreachable`, which is how a panic or an abort ends"
    } else {
        "it panicked or aborted; its log has what it said"
    };
    trapped(message.to_owned(), state, backtrace)
}

/// The limit that the guest last asked to go over, when it did.
fn refused(state: &State, backtrace: &[Frame]) -> Option<Fault> {
    let refused = state.limiter.refused()?;
    Some(Fault::Limit {
        what: refused.what,
        asked: Some(refused.asked),
        limit: refused.limit,
        backtrace: backtrace.to_vec(),
    })
}

fn trapped(message: String, state: &State, backtrace: Vec<Frame>) -> Fault {
    Fault::Trap { message, said: state.log.tail().into(), backtrace }
}

fn words(trap: Trap) -> String {
    match trap {
        Trap::StackOverflow => "the call stack is exhausted: a recursion without end, or one too deep".into(),
        Trap::MemoryOutOfBounds => "it accessed memory out of bounds".into(),
        Trap::TableOutOfBounds => "it called through a function pointer that is out of bounds".into(),
        Trap::IndirectCallToNull => "it called through a null function pointer".into(),
        Trap::BadSignature => "it called through a function pointer of another type".into(),
        Trap::IntegerOverflow => "an integer overflowed".into(),
        Trap::IntegerDivisionByZero => "it divided an integer by zero".into(),
        Trap::BadConversionToInteger => {
            "it converted a number that is no integer, or too large, to one".into()
        }
        other => other.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}

fn frames(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let frame = |info: &wasmtime::FrameInfo| {
        let symbol = info.symbols().first();
        let name = symbol.and_then(|s| s.name()).or_else(|| info.func_name());
        let source = symbol.and_then(|s| Some(format!("{}:{}", s.file()?, s.line()?)));
        Frame {
            function: name.map(demangled),
            index: info.func_index(),
            offset: info.module_offset(),
            source,
        }
    };
    backtrace.frames().iter().map(frame).collect()
}

/// The name as its author wrote it.
fn demangled(name: &str) -> String {
    match rustc_demangle::try_demangle(name) {
        Ok(demangled) => format!("{demangled:#}"),
        Err(_) => name.to_owned(),
    }
}
