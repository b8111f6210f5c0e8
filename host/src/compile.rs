//! From component to machine code.

use crate::inspect::AdmissionError;
use crate::{Host, HostError};

/// Why a component could not be compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// It would not be let in.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The compiler refused it.
    #[error("the component cannot be compiled: {0}")]
    Refused(String),
    /// The engine for it cannot be made.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Inspects and compiles.
pub(crate) fn compile(host: &Host, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
    let inspection = host.inspect(wasm)?;
    let engines = &host.engines;
    let linked = match inspection.needs_concurrency() {
        true => engines.concurrent()?.ok_or_else(|| CompileError::Refused(SWITCH_OFF.to_owned()))?,
        false => engines.fast(),
    };
    linked.engine.precompile_component(wasm).map_err(|error| CompileError::Refused(format!("{error:#}")))
}

pub(crate) const SWITCH_OFF: &str = "it is for WASI 0.3, which is behind a switch of the host that is off; build it for WASI 0.2, or have the operator turn it on";
