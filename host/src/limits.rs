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

/// Bytes of a key in a key-value store. Long enough for a path or a URL; an index holds keys whole.
pub(crate) const MAX_KEY_BYTES: usize = 1_024;

/// Bytes of a value in a key-value store. One fits memory many times over; larger things are files.
pub(crate) const MAX_VALUE_BYTES: usize = 1 << 20;

/// Keys in one call of `wasi:keyvalue/batch`: more than a page shows, few enough to finish within a deadline.
pub(crate) const MAX_KEY_VALUE_BATCH: usize = 1_000;

/// Keys in one answer of `list-keys`. At the longest keys, a page is 1 MiB.
pub(crate) const MAX_KEYS_PER_PAGE: usize = 1_000;

/// How far a cursor of `list-keys` reaches. A cursor that this handle did not give is found by walking there.
pub(crate) const MAX_KEYS_WALKED: u64 = 1_000_000;

/// Keys and values of one [`MemoryStore`](crate::MemoryStore): it is for tests and small embedders.
pub(crate) const MAX_MEMORY_STORE_BYTES: u64 = 64 << 20;

/// How often guests are made to give way and their deadlines are looked at while they compute: short enough that
/// others wait little, long enough that the thread which does it costs nothing.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ticks without a call before the ticking thread sleeps: one second.
pub(crate) const LINGER_TICKS: u32 = 200;

/// Stack that a guest's own code may use. What languages' runtimes ask for by default is 64 KiB to 1 MiB, most of it
/// in linear memory; this is for the machine's part.
pub(crate) const WASM_STACK_BYTES: usize = 512 << 10;

/// Stack of one call: the guest's part, and at least as much again for host functions it calls into.
pub(crate) const ASYNC_STACK_BYTES: usize = 2 << 20;

const _: () = assert!(ASYNC_STACK_BYTES >= 2 * WASM_STACK_BYTES);

/// Core instances that one component may have. A component of one language has three to ten; composed ones more.
pub(crate) const MAX_CORE_INSTANCES: u32 = 64;

/// Core instances reserved for each call on average: metadata only, made when needed.
pub(crate) const CORE_INSTANCES_PER_CALL: u32 = 16;

/// Linear memories that one component may have: one for each language in it.
pub(crate) const MAX_MEMORIES: u32 = 8;

/// Tables that one component may have.
pub(crate) const MAX_TABLES: u32 = 32;

/// Metadata of one instance: about 32 bytes for each function that is imported or stored in a table.
pub(crate) const MAX_INSTANCE_METADATA_BYTES: usize = 8 << 20;

/// Elements a table can grow to: as [`Limits::table_elements`] by default.
pub(crate) const POOL_TABLE_ELEMENTS: usize = 100_000;

/// Instance slots kept warm between calls. More calls than this at once work, and find colder slots.
pub(crate) const WARM_SLOTS: u32 = 64;

/// Linear memory a warm slot keeps, at most. A Rust guest writes to some 100 KiB, a JavaScript guest to a few MiB.
/// With [`WARM_SLOTS`] it bounds what a burst leaves behind: 256 MiB.
pub(crate) const MEMORY_KEEP_RESIDENT_BYTES: usize = 4 << 20;

/// Table a warm slot keeps: 8 bytes an element, few guests have more than some thousand.
pub(crate) const TABLE_KEEP_RESIDENT_BYTES: usize = 256 << 10;

/// Stack a warm slot keeps: what a call of ordinary depth touches.
pub(crate) const STACK_KEEP_RESIDENT_BYTES: usize = 64 << 10;

/// Random bytes in one host call: a guest that seeds a generator needs 32.
pub(crate) const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// Header fields of one message, counted as they lie in memory: room for some hundred.
pub(crate) const MAX_FIELDS_BYTES: usize = 128 << 10;
