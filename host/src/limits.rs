//! Every limit of the host, with the reason for its number.

use std::time::Duration;

/// What one call may use. The defaults suit a small web function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fuel: about one unit per WebAssembly instruction.
    pub fuel: u64,
    /// Wall-clock time from the start of the call to the end of its answer.
    pub deadline: Duration,
    /// Linear memory of all modules of the component together, in bytes.
    pub memory_bytes: u64,
    /// Elements of all tables together.
    pub table_elements: u32,
    /// Core instances, and likewise memories and tables, of one component instance.
    pub instances: u32,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// Bytes of standard output, standard error and log messages together.
    pub log_bytes: u64,
    /// Resource handles open at once.
    pub handles: u32,
    /// Bytes that one host call may take from the guest.
    pub host_call_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            // One to two seconds of computing on today's machines.
            fuel: 10_000_000_000,
            // People wait no longer; what takes longer should answer first and work later.
            deadline: Duration::from_secs(10),
            // A Rust or Go guest needs 1 to 16 MiB, JavaScript and Python up to 50.
            memory_bytes: 64 << 20,
            // A component's indirect calls: the largest guests seen have under 20,000.
            table_elements: 100_000,
            // Adapters and shims of `wit-component` make about ten.
            instances: 64,
            // What a gateway can hold for each of a few hundred calls.
            response_bytes: 8 << 20,
            // Some thousand lines: enough to find a fault, too little to fill a disk.
            log_bytes: 256 << 10,
            // Each is an allocation in the host.
            handles: 1_000,
            // A body is written in chunks of at most 1 MiB; a list of strings is larger in the host than in the guest.
            host_call_bytes: 16 << 20,
        }
    }
}

/// Different targets listed in a report: what a receipt has room for.
pub(crate) const MAX_TOUCHES: usize = 64;
