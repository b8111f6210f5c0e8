//! Serves `moot:function/context`, `moot:function/ledger` and `wasi:logging`.

use super::State;
use crate::bindings::moot::function::{context, ledger, types};
use crate::bindings::wasi::logging::logging;
use crate::call::report::TouchKind;
use crate::{Failure, FailureKind, LedgerError, LedgerPort, LogLevel, LogSource};
use std::sync::Arc;
use wasmtime::AsContext;
use wasmtime::component::{Access, HasSelf};

impl context::Host for State {
    fn call_id(&mut self) -> wasmtime::Result<String> {
        Ok(self.context.id.clone())
    }

    fn function(&mut self) -> wasmtime::Result<String> {
        Ok(self.context.function.clone())
    }

    fn caller(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.context.caller.clone())
    }

    fn height(&mut self) -> wasmtime::Result<u64> {
        Ok(self.context.height)
    }

    fn time_us(&mut self) -> wasmtime::Result<u64> {
        Ok(self.context.time_us)
    }

    fn trace_parent(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.context.trace_parent.clone())
    }
}

impl<T> context::HostWithStore<T> for HasSelf<State> {
    fn fuel_left(host: Access<'_, T, Self>) -> wasmtime::Result<u64> {
        host.as_context().get_fuel()
    }
}

impl types::Host for State {}

impl ledger::Host for State {
    async fn write(
        &mut self,
        path: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<String, ledger::Error>> {
        let Some(port) = self.port() else { return Ok(Err(no_port())) };
        self.touched.note(TouchKind::Value, &path);
        Ok(port.write(path, value.into()).await.map_err(Into::into))
    }

    async fn call(
        &mut self,
        function: String,
        content_type: Option<String>,
        payload: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, ledger::Error>> {
        let Some(port) = self.port() else { return Ok(Err(no_port())) };
        self.touched.note(TouchKind::Function, &function);
        Ok(port.call(function, content_type, payload.into()).await.map_err(Into::into))
    }
}

impl State {
    fn port(&self) -> Option<Arc<dyn LedgerPort>> {
        self.context.ledger.clone().filter(|_| self.policy.grants.ledger)
    }
}

fn no_port() -> ledger::Error {
    ledger::Error::Unavailable("there is no ledger where this function runs".into())
}

impl From<LedgerError> for ledger::Error {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Denied(why) => ledger::Error::Denied(why),
            LedgerError::NoSuchFunction(name) => ledger::Error::NoSuchFunction(name),
            LedgerError::Invalid(why) => ledger::Error::Invalid(why),
            LedgerError::TooLarge(limit) => ledger::Error::TooLarge(limit),
            LedgerError::TooDeep(limit) => ledger::Error::TooDeep(limit),
            LedgerError::Unavailable(why) => ledger::Error::Unavailable(why),
            LedgerError::Failed(failure) => ledger::Error::Failed(failure.into()),
            LedgerError::Aborted(status) => ledger::Error::Aborted(status),
        }
    }
}

impl From<Failure> for types::Failure {
    fn from(failure: Failure) -> Self {
        let text = failure.message;
        match failure.kind {
            FailureKind::Invalid | FailureKind::Typed => types::Failure::Invalid(text),
            FailureKind::Denied => types::Failure::Denied(text),
            FailureKind::NotFound => types::Failure::NotFound(text),
            FailureKind::Conflict => types::Failure::Conflict(text),
            FailureKind::Unavailable => types::Failure::Unavailable(text),
            FailureKind::Internal => types::Failure::Internal(text),
        }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        let (kind, message) = match failure {
            types::Failure::Invalid(text) => (FailureKind::Invalid, text),
            types::Failure::Denied(text) => (FailureKind::Denied, text),
            types::Failure::NotFound(text) => (FailureKind::NotFound, text),
            types::Failure::Conflict(text) => (FailureKind::Conflict, text),
            types::Failure::Unavailable(text) => (FailureKind::Unavailable, text),
            types::Failure::Internal(text) => (FailureKind::Internal, text),
        };
        Failure { kind, message }
    }
}

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, context: String, message: String) -> wasmtime::Result<()> {
        let level = match level {
            logging::Level::Trace => LogLevel::Trace,
            logging::Level::Debug => LogLevel::Debug,
            logging::Level::Info => LogLevel::Info,
            logging::Level::Warn => LogLevel::Warn,
            logging::Level::Error => LogLevel::Error,
            logging::Level::Critical => LogLevel::Critical,
        };
        self.log.message(LogSource::Log { level, context: &context }, &message);
        Ok(())
    }
}
