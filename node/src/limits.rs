//! Every bound of the node, each with why it is what it is.
//!
//! Constants are hard; [`GatewayLimits`] and [`WorkerLimits`] are defaults that an operator (or a test
//! that cannot wait half a minute) may set otherwise.

use std::time::Duration;

/// Most headers of one request. Browsers send about 20, proxies add a few; hyper answers 431 beyond.
pub const MAX_HEADERS: usize = 100;
/// Most bytes of one request head. Servers agree on 8 to 16 KiB for a line; 32 KiB leaves room for cookies.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Longest path with query. The head bound alone would let one path fill 32 KiB of every call record.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// Most bytes of a request body that the API takes by itself (bundles, values): the ledger's bundle cap
/// is lower, and says so better.
pub const MAX_API_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Largest component: 64 MiB holds a JavaScript engine five times over.
pub const MAX_COMPONENT_BYTES: usize = 64 * 1024 * 1024;
/// A response body up to this is held back until its receipt is durable, so that its headers can tell the
/// fuel. 64 KiB a call at 4,096 calls in flight is 256 MiB at the very worst.
pub const BUFFERED_RESPONSE_BYTES: usize = 64 * 1024;
/// Chunks that wait between a streaming guest and a slow client. Each is at most 64 KiB in practice.
pub const STREAM_CHUNKS: usize = 4;
/// Most frames of one streamed response that the last piece may hold back while its receipt is written.
pub const HELD_BACK_BYTES: usize = 64 * 1024;
/// Longest idempotency key. The draft standard's examples are UUIDs of 36.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// How deep calls may call. Each level holds an instance: deep enough to compose, far from the pool's size.
pub const MAX_CALL_DEPTH: u32 = 8;
/// Longest list that `GET /_moot/calls?limit=` gives.
pub const MAX_LISTED_CALLS: usize = 1000;
/// Log lines that are kept for each function, for those who start to listen afterwards.
pub const KEPT_LOG_LINES: usize = 256;
/// Events that a slow reader of `/_moot/events` or of logs may be behind before it is told what it missed.
pub const EVENT_BACKLOG: usize = 1024;
/// Open event streams at once. Each holds a connection; the rest of the connections stay for calls.
pub const MAX_EVENT_STREAMS: usize = 64;
/// A comment goes down an event stream this often, so that proxies do not close it and dead peers show.
pub const SSE_KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A signed request is taken when it was made this long ago at most, or this far ahead: clocks differ.
pub const SIGNATURE_WINDOW: Duration = Duration::from_secs(300);
/// Wall-clock limit of one compilation. 12 MB of JavaScript take 6 s on two cores; a loaded machine needs
/// several times that.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(60);
/// Compilations at once. Each uses every core it finds and up to a gigabyte.
pub const MAX_COMPILATIONS: usize = 1;
/// Longest wait for finality that a request may ask for.
pub const FINAL_WAIT: Duration = Duration::from_secs(30);
/// Most that `moot:function/ledger` writes in one value.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Most bytes of one key-value entry. Larger things belong into files or values.
pub const MAX_KV_VALUE_BYTES: usize = 1024 * 1024;
/// Longest key of a key-value store.
pub const MAX_KV_KEY_BYTES: usize = 1024;
/// Keys that one listing returns; a cursor leads on.
pub const KV_PAGE_KEYS: usize = 256;
/// Largest key or secrets file: neither ever has a reason to be longer.
pub const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// Bounds of the front door.
#[derive(Clone, Debug)]
pub struct GatewayLimits {
    /// Connections at once; further ones wait in the kernel's queue. One costs about 30 KB.
    pub max_connections: usize,
    /// A request head must be complete this long after its first byte, or after the connection was made.
    pub header_timeout: Duration,
    /// A request body must go on within this time.
    pub body_timeout: Duration,
    /// The client must take some bytes of the answer within this time.
    pub write_timeout: Duration,
    /// Streams that one HTTP/2 connection may have open.
    pub max_streams: u32,
    /// How long shutdown waits for calls that were accepted.
    pub drain_timeout: Duration,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        GatewayLimits {
            max_connections: 4096,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            max_streams: 128,
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Bounds of the worker.
#[derive(Clone, Debug)]
pub struct WorkerLimits {
    /// Calls that run at once. The host's instance pool is the same size.
    pub max_running: usize,
    /// Calls that wait for a place; the next one gets 503 with `Retry-After`.
    pub max_waiting: usize,
    /// Functions that stay loaded. One costs about 300 KB resident; loading one again costs 0.1 to 2 ms.
    pub max_loaded: usize,
    /// Wall-clock limit of a compilation.
    pub compile_timeout: Duration,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        WorkerLimits { max_running: 1000, max_waiting: 4096, max_loaded: 1024, compile_timeout: COMPILE_TIMEOUT }
    }
}

const _: () = assert!(HELD_BACK_BYTES <= BUFFERED_RESPONSE_BYTES);
const _: () = assert!(MAX_TARGET_BYTES < MAX_HEAD_BYTES);
