//! The host: where components are inspected, admitted, compiled and loaded.

use crate::engine::Engines;
use crate::{AdmissionError, CompileError, Function, Inspection, LoadError, Policy};
use crate::{compile, fault, function, inspect, policy};
use std::path::Path;
use std::sync::Arc;

/// How large a host is. Memory is virtual until a guest uses it.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Calls that can run at once. Each has about three core instances, one or two memories, one stack.
    pub max_instances: u32,
    /// The largest linear memory that any policy may give a component, in bytes.
    pub max_memory_bytes: u64,
    /// Whether components for `wasi:http` 0.3 are taken. Their calls are slower, and the standard is young.
    pub wasi_http_0_3: bool,
    /// Whether one compilation uses all cores.
    pub parallel_compilation: bool,
}

impl Default for HostConfig {
    fn default() -> Self {
        HostConfig {
            max_instances: 1_000,
            max_memory_bytes: 1 << 30,
            wasi_http_0_3: false,
            parallel_compilation: true,
        }
    }
}

/// Why a host could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The engine refused the configuration.
    #[error(
        "the engine cannot be set up: {0}; a smaller `max_instances` or `max_memory_bytes` needs less address space"
    )]
    Engine(String),
}

/// Runs components. Cheap to clone; clones share one engine.
#[derive(Clone)]
pub struct Host {
    pub(crate) engines: Arc<Engines>,
}

impl Host {
    /// Sets up the engine: some milliseconds and virtual memory, next to no real memory.
    ///
    /// # Errors
    /// When the operating system does not give the address space.
    pub fn new(config: HostConfig) -> Result<Host, HostError> {
        Ok(Host { engines: Arc::new(Engines::new(config)?) })
    }

    /// Looks into a component without compiling it, in bounded time and memory.
    ///
    /// # Errors
    /// When the bytes are not a component, or it is larger in any respect than a function may be.
    pub fn inspect(&self, wasm: &[u8]) -> Result<Inspection, AdmissionError> {
        inspect::inspect(wasm, self.features())
    }

    /// Inspects, and checks every import against the policy.
    ///
    /// # Errors
    /// As [`Host::inspect`], or an import that is not granted, by name.
    pub fn admit(&self, wasm: &[u8], policy: &Policy) -> Result<Inspection, AdmissionError> {
        let inspection = self.inspect(wasm)?;
        let wasi_0_3 = self.engines.config().wasi_http_0_3;
        policy::imports::check(inspection.imports.iter().map(String::as_str), policy, wasi_0_3)?;
        if inspection.needs_concurrency() && !wasi_0_3 {
            let import = inspection.exports.first().cloned().unwrap_or_default();
            return Err(AdmissionError::Unknown { import, advice: compile::SWITCH_OFF.to_owned() });
        }
        let (has, limit) = (inspection.initial_memory_bytes, policy.limits.memory_bytes);
        if has > limit {
            return Err(AdmissionError::StartsTooLarge {
                has: fault::bytes(has),
                limit: fault::bytes(limit),
            });
        }
        let max = self.engines.config().max_memory_bytes;
        if limit > max {
            return Err(AdmissionError::MemoryLimit { asked: fault::bytes(limit), limit: fault::bytes(max) });
        }
        Ok(inspection)
    }

    /// Compiles an admitted component to the bytes of a `.cwasm`. Blocks: up to seconds for a large one. Whoever
    /// compiles for strangers does it in a process with a time limit.
    ///
    /// # Errors
    /// When the compiler refuses it.
    pub fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        compile::compile(self, wasm)
    }

    /// Loads what [`Host::compile`] wrote. `expected` is the BLAKE3 digest of the file, and checked.
    ///
    /// # Errors
    /// When the file is damaged, of another version, or imports what the policy does not grant.
    pub fn load(&self, cwasm: &Path, expected: &[u8; 32], policy: Policy) -> Result<Function, LoadError> {
        function::load(&self.engines, cwasm, expected, policy)
    }

    fn features(&self) -> wasmparser::WasmFeatures {
        // Those of the most capable engine that may be made, so that a component for a switch that is off is refused
        // for what it imports, and not as invalid.
        self.engines.fast().engine.get_wasm_features() | wasmparser::WasmFeatures::CM_ASYNC
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}
