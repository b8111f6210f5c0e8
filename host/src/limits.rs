//! Every limit of the host, with the reason for its number.

use crate::AdmissionError;
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

/// Compiled files of which it is remembered that they were checked, and whose code is theirs; then all are forgotten, and
/// looked at once more. More than a node keeps loaded.
pub(crate) const MAX_REMEMBERED_FILES: usize = 10_000;

/// A file that was changed less than this before it was looked at may be changed again without a sign: as coarse as the
/// clock of any file system in use.
pub(crate) const SETTLED: Duration = Duration::from_secs(2);

/// Less machine code is not worth a comparison: a function in Rust has its own anyway.
pub(crate) const MIN_SHARED_BYTES: usize = 1 << 20;

/// Random bytes in one host call: a guest that seeds a generator needs 32.
pub(crate) const MAX_RANDOM_BYTES: u64 = 1 << 20;

/// Header fields of one message, counted as they lie in memory: room for some hundred.
pub(crate) const MAX_FIELDS_BYTES: usize = 128 << 10;

/// The longest deadline there can be: a day. Also keeps sums of times within range.
pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// A limit on something that is counted in a component before it is compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    what: &'static str,
    max: u64,
}

impl Count {
    /// Refuses more than the limit.
    pub(crate) fn check(&self, found: u64) -> Result<(), AdmissionError> {
        if found <= self.max {
            return Ok(());
        }
        Err(AdmissionError::TooMuch { what: self.what.to_owned(), found, limit: self.max })
    }
}

/// JavaScript and Python components carry their interpreter: 12 to 40 MB.
pub(crate) const COMPONENT_BYTES: Count = Count { what: "bytes", max: 64 << 20 };

/// The interpreters have some 30,000.
pub(crate) const FUNCTIONS: Count = Count { what: "functions", max: 200_000 };

/// Compiling is worse than linear in the size of one function. The main loops of interpreters have some 200 KB.
pub(crate) const FUNCTION_BYTES: Count = Count { what: "bytes in one function", max: 1 << 20 };

/// One for each language, and adapters between them.
pub(crate) const MODULES: Count = Count { what: "core modules", max: 64 };

/// Composed components hold others; what is deeper was made by nobody's tool.
pub(crate) const NESTING: Count = Count { what: "levels of nested components", max: 8 };

/// As [`MODULES`].
pub(crate) const COMPONENTS: Count = Count { what: "components", max: 64 };

/// Types, aliases and canonical functions: some hundred for each interface.
pub(crate) const TYPES: Count = Count { what: "types and aliases", max: 50_000 };

/// Each instance is made for every call.
pub(crate) const INSTANCES: Count = Count { what: "instances", max: 1_000 };

/// As the pool has room for.
pub(crate) const MEMORIES: Count = Count { what: "linear memories", max: MAX_MEMORIES as u64 };

/// As the pool has room for.
pub(crate) const TABLES: Count = Count { what: "tables", max: MAX_TABLES as u64 };

/// As the pool has room for.
pub(crate) const TABLE_ELEMENTS: Count =
    Count { what: "elements in one table", max: POOL_TABLE_ELEMENTS as u64 };

/// Snapshots of an interpreter's memory are cut into at most some thousand.
pub(crate) const SEGMENTS: Count = Count { what: "data and element segments", max: 50_000 };

/// A snapshot's largest piece.
pub(crate) const SEGMENT_BYTES: Count = Count { what: "bytes in one data segment", max: 48 << 20 };

/// 4 GiB, which is what 32-bit memories can have.
pub(crate) const MEMORY_PAGES: Count = Count { what: "pages of memory to start with", max: 65_536 };

/// Each is a word in every instance.
pub(crate) const GLOBALS: Count = Count { what: "globals", max: 50_000 };

/// Each is 32 bytes in every instance.
pub(crate) const CORE_IMPORTS: Count = Count { what: "imports of core modules", max: 20_000 };

/// Each is a row in tables of the host.
pub(crate) const CORE_EXPORTS: Count = Count { what: "exports of core modules", max: 100_000 };

/// The standard has some 40 interfaces.
pub(crate) const IMPORTS: Count = Count { what: "imports", max: 500 };

/// As many as a person can look through.
pub(crate) const EXPORTS: Count = Count { what: "exports", max: 1_000 };

/// Addresses tried for one outbound request. Names with more have them for balance, not because eight are down.
pub(crate) const MAX_OUTBOUND_ADDRESSES: usize = 8;

/// Outbound requests of one call that are open at once: each holds a socket of the machine's.
pub(crate) const MAX_OUTBOUND_OPEN: usize = 32;

/// Bytes of one outbound request's body, and of one response's: what a call can move within its deadline, and a
/// bound on what one call can make the machine transfer.
pub(crate) const MAX_OUTBOUND_BODY_BYTES: u64 = 64 << 20;

/// Bytes of an outbound response's head, and the fields in it: what servers themselves take, doubled.
pub(crate) const MAX_OUTBOUND_HEAD_BYTES: usize = 64 << 10;

/// Fields in an outbound response's head.
pub(crate) const MAX_OUTBOUND_FIELDS: usize = 100;

/// How long a connection may take when the guest sets no timeout: a packet lost twice, and TLS.
pub(crate) const OUTBOUND_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other side may be silent when the guest sets no timeout. A call's deadline usually ends it before.
pub(crate) const OUTBOUND_SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest timeout a guest can set: longer than any deadline, short enough to be added to any point in time.
pub(crate) const MAX_OUTBOUND_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Bytes of the arguments of one typed call, as text. An embedder's own cap is usually lower; this one bounds memory.
pub(crate) const MAX_TYPED_TEXT_BYTES: usize = 64 << 20;

/// Values in the arguments of one typed call, parts counted one by one: 40 MiB of memory. Byte lists that are
/// parameters of their own do not count.
pub(crate) const MAX_TYPED_VALUES: usize = 1 << 20;

/// Functions of one component that typed calls can name, and types that they list: people read such a list.
pub(crate) const MAX_EXPORTED_FUNCTIONS: usize = 1_000;

/// Types with a name that are known while an interface is written as text: each lookup goes through all of them.
pub(crate) const MAX_NAMED_TYPES: usize = 500;

/// Parts of types looked at when a component is loaded. Ordinary components have some hundred; nested ones can be
/// made to have as many as they like.
pub(crate) const MAX_TYPE_STEPS: usize = 200_000;

/// Writes to a body that wait for its reader. Guests' libraries write 4 KiB at a time: 64 KiB in all.
pub(crate) const BODY_BUFFER_CHUNKS: usize = 16;

/// Bytes in one write to a body. With [`BODY_BUFFER_CHUNKS`] a call buffers at most 1 MiB.
pub(crate) const BODY_CHUNK_BYTES: usize = 64 << 10;
