//! The host: where components are inspected, admitted, compiled and loaded.

use crate::{AdmissionError, CompileError, Function, Inspection, LoadError, Policy};
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
    /// Threads that one compilation may use; 0 for as many as there are cores.
    pub compile_threads: usize,
}

impl Default for HostConfig {
    fn default() -> Self {
        HostConfig { max_instances: 1_000, max_memory_bytes: 1 << 30, wasi_http_0_3: false, compile_threads: 0 }
    }
}

/// Why a host could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The engine refused the configuration.
    #[error("the engine cannot be set up: {0}; a smaller `max_instances` or `max_memory_bytes` needs less address space")]
    Engine(String),
}

/// Runs components. Cheap to clone; clones share one engine.
#[derive(Clone)]
pub struct Host {
    inner: Arc<()>,
}

impl Host {
    /// Sets up the engine: some milliseconds and virtual memory, next to no real memory.
    ///
    /// # Errors
    /// When the operating system does not give the address space.
    pub fn new(config: HostConfig) -> Result<Host, HostError> {
        let _ = config;
        todo!()
    }

    /// Looks into a component without compiling it, in bounded time and memory.
    ///
    /// # Errors
    /// When the bytes are not a component, or it is larger in any respect than a function may be.
    pub fn inspect(&self, wasm: &[u8]) -> Result<Inspection, AdmissionError> {
        let _ = (&self.inner, wasm);
        todo!()
    }

    /// Inspects, and checks every import against the policy.
    ///
    /// # Errors
    /// As [`Host::inspect`], or an import that is not granted, by name.
    pub fn admit(&self, wasm: &[u8], policy: &Policy) -> Result<Inspection, AdmissionError> {
        let _ = (&self.inner, wasm, policy);
        todo!()
    }

    /// Compiles an admitted component to the bytes of a `.cwasm`. Blocks: up to seconds for a large one. Whoever
    /// compiles for strangers does it in a process with a time limit.
    ///
    /// # Errors
    /// When the compiler refuses it.
    pub fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        let _ = (&self.inner, wasm);
        todo!()
    }

    /// Loads what [`Host::compile`] wrote. `expected` is the BLAKE3 digest of the file, and checked.
    ///
    /// # Errors
    /// When the file is damaged, of another version, or imports what the policy does not grant.
    pub fn load(&self, cwasm: &Path, expected: &[u8; 32], policy: Policy) -> Result<Function, LoadError> {
        let _ = (&self.inner, cwasm, expected, policy);
        todo!()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}
