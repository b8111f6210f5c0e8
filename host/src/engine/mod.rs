//! The engines: how machine code is made and where instances live.
//!
//! ```text
//!  HostConfig ──► fast        (no component-model-async: `wasi:http` 0.2, events, typed calls)
//!            └──► concurrent  (for `wasi:http` 0.3; made when the first such component comes, if the switch is on)
//! ```
//!
//! Every setting that changes a result or a fuel figure is fixed here, and is the same on every machine: a call
//! of a deterministic function must burn the same fuel wherever it is replayed.

pub(crate) mod ticker;

use crate::precompiled::{Seen, SharedCode};
use crate::state::State;
use crate::{HostConfig, HostError, limits};
use std::sync::OnceLock;
use wasmparser::WasmFeatures;
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
};

/// What runs components, as workers name it to each other: two hosts with one name burn the same fuel for the same call of
/// a deterministic function, and come to the same result.
///
/// It is wasmtime with its version, and after the plus sign a number of this crate's own. That one is counted up whenever a
/// change here, or of what components are given beside wasmtime, can change fuel, a result or the words in which a failure
/// is told; a new version of wasmtime begins again at 1.
pub const ENGINE: &str = "wasmtime-48.0.8+2";

/// An engine with everything that components may import linked to it.
pub(crate) struct Linked {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<State>,
}

/// The engines of one host.
pub(crate) struct Engines {
    config: HostConfig,
    fast: Linked,
    concurrent: OnceLock<Linked>,
    seen: Seen,
    code: SharedCode,
}

impl Engines {
    pub(crate) fn new(config: HostConfig) -> Result<Engines, HostError> {
        let fast = linked(&config, false)?;
        Ok(Engines {
            config,
            fast,
            concurrent: OnceLock::new(),
            seen: Seen::default(),
            code: SharedCode::default(),
        })
    }

    pub(crate) fn config(&self) -> &HostConfig {
        &self.config
    }

    /// Files that need not be hashed again.
    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Code that several components have.
    pub(crate) fn code(&self) -> &SharedCode {
        &self.code
    }

    /// The engine for everything but `wasi:http` 0.3.
    pub(crate) fn fast(&self) -> &Linked {
        &self.fast
    }

    /// The engine for `wasi:http` 0.3; `None` when the switch is off.
    pub(crate) fn concurrent(&self) -> Result<Option<&Linked>, HostError> {
        if !self.config.wasi_http_0_3 {
            return Ok(None);
        }
        if let Some(linked) = self.concurrent.get() {
            return Ok(Some(linked));
        }
        // Two threads may both make one; the second is dropped. That costs address space for a moment, once.
        let made = linked(&self.config, true)?;
        Ok(Some(self.concurrent.get_or_init(|| made)))
    }
}

fn linked(config: &HostConfig, concurrency: bool) -> Result<Linked, HostError> {
    let fail = |e: wasmtime::Error| HostError::Engine(format!("{e:#}"));
    let engine = Engine::new(&settings(config, concurrency)).map_err(fail)?;
    ticker::watch(&engine)
        .map_err(|e| HostError::Engine(format!("the epoch thread cannot be started: {e}")))?;
    let linker = crate::state::link::linker(&engine, concurrency).map_err(fail)?;
    Ok(Linked { engine, linker })
}

fn settings(config: &HostConfig, concurrency: bool) -> Config {
    let mut c = Config::new();
    // Fixed for determinism: compiler, optimisation, stack, data segments by copy-on-write, NaN bits, SIMD.
    c.strategy(Strategy::Cranelift);
    c.cranelift_opt_level(OptLevel::Speed);
    c.cranelift_nan_canonicalization(true);
    c.relaxed_simd_deterministic(true);
    c.memory_init_cow(true);
    c.max_wasm_stack(limits::WASM_STACK_BYTES);
    c.async_stack_size(limits::ASYNC_STACK_BYTES);
    c.consume_fuel(true);
    c.epoch_interruption(true);
    // Threads would make results depend on the scheduler; collected objects would need memory that no limit counts.
    c.wasm_features(WasmFeatures::THREADS, false);
    c.wasm_gc(false);
    c.concurrency_support(concurrency);
    // A table that only unwinders of other languages read. Registering it goes through all of it, at every load.
    c.native_unwind_info(false);
    // Function names and, where the component carries debug information, source lines in backtraces.
    c.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable);
    c.parallel_compilation(config.parallel_compilation);
    c.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    c
}

/// Slots for instances. All of it is address space that costs nothing until it is used; a used slot keeps a bounded
/// part of its pages, because giving pages back and faulting them in again costs more than a small guest's whole call.
fn pool(config: &HostConfig) -> PoolingAllocationConfig {
    let n = config.max_instances;
    let mut p = PoolingAllocationConfig::new();
    p.total_component_instances(n)
        .total_core_instances(n.saturating_mul(limits::CORE_INSTANCES_PER_CALL))
        .total_memories(n.saturating_mul(2))
        .total_tables(n.saturating_mul(4))
        .total_stacks(n)
        .max_core_instances_per_component(limits::MAX_CORE_INSTANCES)
        .max_memories_per_component(limits::MAX_MEMORIES)
        .max_tables_per_component(limits::MAX_TABLES)
        .max_memories_per_module(limits::MAX_MEMORIES)
        .max_tables_per_module(limits::MAX_TABLES)
        .max_core_instance_size(limits::MAX_INSTANCE_METADATA_BYTES)
        .max_component_instance_size(limits::MAX_INSTANCE_METADATA_BYTES)
        .table_elements(limits::POOL_TABLE_ELEMENTS)
        .max_memory_size(usize::try_from(config.max_memory_bytes).unwrap_or(usize::MAX))
        .max_unused_warm_slots(limits::WARM_SLOTS)
        .linear_memory_keep_resident(limits::MEMORY_KEEP_RESIDENT_BYTES)
        .table_keep_resident(limits::TABLE_KEEP_RESIDENT_BYTES)
        .async_stack_keep_resident(limits::STACK_KEEP_RESIDENT_BYTES);
    // Linux 6.7 and later can say which pages a guest wrote, so that only those are cleared.
    let scan = PoolingAllocationConfig::is_pagemap_scan_available();
    p.pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    p
}

#[cfg(test)]
mod tests {
    use super::ENGINE;
    use std::path::Path;

    #[test]
    fn the_engine_is_named_after_the_wasmtime_that_is_built() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
        let lock = std::fs::read_to_string(path).unwrap();
        let wasmtime = |package: &&str| package.lines().any(|line| line == "name = \"wasmtime\"");
        let versions: Vec<&str> = lock
            .split("[[package]]")
            .filter(wasmtime)
            .filter_map(|package| package.lines().find_map(|line| line.strip_prefix("version = ")))
            .map(|version| version.trim_matches('"'))
            .collect();
        let [version] = versions[..] else { panic!("one wasmtime was expected, and there are {versions:?}") };
        let revision = ENGINE.strip_prefix(&format!("wasmtime-{version}+"));
        assert!(
            revision.is_some_and(|revision| revision.parse::<u32>().is_ok()),
            "{ENGINE}: it is {version}"
        );
    }
}
