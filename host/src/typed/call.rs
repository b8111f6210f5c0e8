//! One typed call: read the arguments, call, write the result.

use super::bytes::{Plain, Returned};
use super::exports::Call;
use super::place::Wrong;
use super::{Arguments, Interface, TypedAnswer, json, wave};
use crate::call::report::Report;
use crate::call::run::{Running, Stopped, within};
use crate::limits::MAX_TYPED_TEXT_BYTES;
use crate::{CallContext, Failure, FailureKind, Fault, Function, LimitKind};
use wasmtime::component::Val;
use wasmtime::component::types::Type;

/// An argument as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arg {
    /// A parameter of type `list<u8>`.
    Bytes(Vec<u8>),
    /// Any other.
    Val(Val),
}

impl Arg {
    fn plain(self) -> Option<Plain> {
        match self {
            Arg::Bytes(bytes) => Some(Plain::Bytes(bytes)),
            Arg::Val(Val::String(text)) => Some(Plain::Text(text)),
            Arg::Val(_) => None,
        }
    }

    fn val(self) -> Val {
        match self {
            Arg::Bytes(bytes) => Val::List(bytes.into_iter().map(Val::U8).collect()),
            Arg::Val(val) => val,
        }
    }
}

/// How arguments and results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    Json,
    Wave,
}

impl Function {
    /// Calls an exported function in a fresh instance. Dropping the future ends the guest.
    ///
    /// `export` is its path as [`Interface`] lists it, `name` or `interface#name`; version, package and interface may
    /// be left out as long as only one function is meant. Arguments that do not fit are refused before the guest is
    /// started, and cost no fuel.
    pub async fn call_typed(&self, cx: CallContext, export: &str, args: Arguments<'_>) -> TypedAnswer {
        let notation = match args {
            Arguments::Json(_) => Notation::Json,
            Arguments::Wave(_) => Notation::Wave,
        };
        let (call, args) = match prepare(self.interface(), export, args) {
            Ok(prepared) => prepared,
            Err(fault) => {
                let report = Report { fault: Some(fault.clone()), ..Report::default() };
                return TypedAnswer { result: Err(fault), report };
            }
        };
        let mut run = Running::start(&self.inner, cx);
        let deadline = run.deadline();
        let limit = self.policy().limits.response_bytes;
        let work = async {
            let instance = self.inner.pre.instantiate_async(&mut run.store).await?;
            run.store.data_mut().reached = true;
            let func = instance.get_func(&mut run.store, call.index).ok_or_else(|| {
                Stopped::Fault(Fault::Host { message: format!("{export} is not a function") })
            })?;
            if let Some(fast) = call.fast {
                let args = args.into_iter().filter_map(Arg::plain).collect();
                return match fast.call(&mut run.store, func, args).await? {
                    Ok(returned) => Ok(notation.returned(returned, limit)?),
                    Err(message) => {
                        Err(typed_failure(notation.text(&Val::String(message), &Type::String, limit)?))
                    }
                };
            }
            let args: Vec<Val> = args.into_iter().map(Arg::val).collect();
            let mut results = vec![Val::Bool(false); usize::from(call.result.is_some())];
            func.call_async(&mut run.store, &args, &mut results).await?;
            notation.result(results.pop(), call.result.as_ref(), limit)
        };
        let outcome = within(deadline, work).await;
        let (result, report) = run.finish(outcome);
        TypedAnswer { result, report }
    }
}

fn prepare<'i>(
    interface: &'i Interface,
    export: &str,
    args: Arguments<'_>,
) -> Result<(&'i Call, Vec<Arg>), Fault> {
    let place = interface.find(export)?;
    let function = &interface.functions[place];
    if let Some(why) = &function.refused {
        return Err(Fault::BadArguments {
            path: function.path.clone(),
            expected: "parameters and a result that are plain values".to_owned(),
            got: why.clone(),
        });
    }
    let call = interface
        .call(place)
        .ok_or_else(|| Fault::NoSuchExport { asked: export.to_owned(), available: vec![] })?;
    let bytes = match &args {
        Arguments::Json(text) => text.len(),
        Arguments::Wave(texts) => texts.iter().map(String::len).sum(),
    };
    if bytes > MAX_TYPED_TEXT_BYTES {
        let expected = format!("at most {MAX_TYPED_TEXT_BYTES} bytes");
        return Err(Wrong { path: "arguments".into(), expected, got: bytes.to_string() }.into());
    }
    let signature = || format!("{}: {}", function.path, function.signature());
    let args = match args {
        Arguments::Json(text) => json::arguments(text, &call.params, &call.names, signature)?,
        Arguments::Wave(texts) => wave::arguments(&texts, &call.params, &call.names, signature)?,
    };
    Ok((call, args))
}

/// The wrong number of arguments, said with the signature.
pub(super) fn wrong_number(expected: usize, got: usize, signature: impl FnOnce() -> String) -> Wrong {
    let plural = if expected == 1 { "argument" } else { "arguments" };
    Wrong {
        path: "arguments".to_owned(),
        expected: format!("{expected} {plural} for {}", signature()),
        got: got.to_string(),
    }
}

impl Notation {
    /// A function's result: the value, or what its `result` says went wrong.
    fn result(self, val: Option<Val>, ty: Option<&Type>, limit: u64) -> Result<String, Stopped> {
        let (val, ty) = match (val, ty) {
            (Some(Val::Result(val)), Some(Type::Result(ty))) => match val {
                Ok(payload) => (payload.map(|payload| *payload), ty.ok()),
                Err(payload) => {
                    return Err(typed_failure(self.optional(
                        payload.map(|payload| *payload),
                        ty.err(),
                        limit,
                    )?));
                }
            },
            (val, ty) => (val, ty.cloned()),
        };
        Ok(self.optional(val, ty, limit)?)
    }

    fn optional(self, val: Option<Val>, ty: Option<Type>, limit: u64) -> Result<String, Fault> {
        match (val, ty) {
            (Some(val), Some(ty)) => self.text(&val, &ty, limit),
            _ => Ok(self.nothing()),
        }
    }

    fn nothing(self) -> String {
        match self {
            Notation::Json => "null".to_owned(),
            Notation::Wave => String::new(),
        }
    }

    fn text(self, val: &Val, ty: &Type, limit: u64) -> Result<String, Fault> {
        match self {
            Notation::Json => json::text(val, ty, limit),
            Notation::Wave => wave::text(val, limit),
        }
        .map_err(|failed| failed.fault(limit))
    }

    fn returned(self, returned: Returned, limit: u64) -> Result<String, Fault> {
        let text = match (self, returned) {
            (_, Returned::Nothing) => self.nothing(),
            (Notation::Json, Returned::OptionBytes(None)) => "null".to_owned(),
            (Notation::Json, Returned::Bytes(bytes) | Returned::OptionBytes(Some(bytes))) => {
                json::bytes_text(&bytes)
            }
            (Notation::Wave, Returned::OptionBytes(None)) => "none".to_owned(),
            (Notation::Wave, Returned::OptionBytes(Some(bytes))) => {
                format!("some({})", wave::bytes_text(&bytes))
            }
            (Notation::Wave, Returned::Bytes(bytes)) => wave::bytes_text(&bytes),
        };
        if text.len() as u64 > limit {
            return Err(too_long(limit, Some(text.len() as u64)));
        }
        Ok(text)
    }
}

/// Why a result could not be written.
#[derive(Debug)]
pub(super) enum NotWritten {
    /// Longer than the function's response may be.
    TooLong,
    /// A value that is not of its type.
    Mismatch(String),
}

impl NotWritten {
    fn fault(self, limit: u64) -> Fault {
        match self {
            NotWritten::TooLong => too_long(limit, None),
            NotWritten::Mismatch(message) => Fault::Host { message },
        }
    }
}

fn too_long(limit: u64, asked: Option<u64>) -> Fault {
    Fault::Limit { what: LimitKind::Response, asked, limit, backtrace: Vec::new() }
}

fn typed_failure(message: String) -> Stopped {
    Stopped::Fault(Fault::Guest(Failure { kind: FailureKind::Typed, message }))
}
