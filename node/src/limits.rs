//! Every bound of the node, each with why it is what it is.
//!
//! Constants are hard; [`GatewayLimits`] and [`WorkerLimits`] are defaults that an operator (or a test
//! that cannot wait half a minute) may set otherwise.

use moot_record::{Economy, Prices};
use std::time::Duration;

/// How often it looks.
pub const STATE_PROOF_STEP: Duration = Duration::from_millis(20);

/// What a new local network gives each of its own accounts: enough for a million calls of a million units.
pub const LOCAL_FUNDS: u64 = 1_000_000_000_000;

/// What things cost on a new network: a unit a byte, and a unit a million of fuel. A component of a megabyte costs as much
/// as a hundred calls with all the fuel that they may have.
pub const NEW_PRICES: Prices = Prices { per_byte: 1, per_mega_fuel: 1, per_stored_byte: 1 };

/// How a new network deals with what is paid and staked: four fifths of what running a call costs are the worker's; staked
/// units wait for a day of an idle network; seven validators outlive two faults.
pub const NEW_ECONOMY: Economy = Economy { lockup_blocks: 86_400, seats: 7, worker_percent: 80 };

/// Receipts in one part of an invoice: half a megabyte of JSON.
pub const BILL_RECEIPTS: usize = 1000;

/// Batches and blocks that are looked through for one part of an invoice: some hundred milliseconds at the worst.
pub const BILL_BATCHES: usize = 512;

/// Blocks in one part of a statement: what a person scrolls through.
pub const MAX_STATEMENT_BLOCKS: usize = 200;

/// Lines of a statement that `moot account` shows: a screen with room for the rest.
pub const STATEMENT_SHOWN: usize = 15;

/// Blocks that `moot bill` looks at when nobody says from where on: the last hour of an idle network.
pub const USUAL_BILL_BLOCKS: u64 = 3600;

/// Most headers of one request. Browsers send about 20, proxies add a few; hyper answers 431 beyond.
pub const MAX_HEADERS: usize = 100;
/// Most bytes of one request head. Servers agree on 8 to 16 KiB for a line; 32 KiB leaves room for cookies.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Longest path with query. The head bound alone would let one path fill 32 KiB of every call record.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// Most bytes of a request body that the API takes by itself (bundles, values): the ledger's bundle cap
/// is lower, and says so better.
pub const MAX_API_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Memory that a body is given at once because it announces its length: a bundle of a thousand calls fits. Longer ones
/// get it as they come, so that an announcement alone costs little.
pub const BODY_RESERVE_BYTES: usize = 256 * 1024;
/// Largest component: 64 MiB holds a JavaScript engine five times over.
pub const MAX_COMPONENT_BYTES: usize = 64 * 1024 * 1024;
/// A response body up to this is held back until its receipt is durable, so that its headers can tell the
/// fuel. 64 KiB a call at 4,096 calls in flight is 256 MiB at the very worst.
pub const BUFFERED_RESPONSE_BYTES: usize = 64 * 1024;
/// A response that has not ended by then is streamed, however small: what it has to say may be meant for now.
pub const STREAM_AFTER: Duration = Duration::from_millis(50);
/// Chunks that wait between a streaming guest and a slow client. Each is at most 64 KiB in practice.
pub const STREAM_CHUNKS: usize = 4;
/// Longest idempotency key. The draft standard's examples are UUIDs of 36.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Times that a receipt is offered to a full ledger, half a second apart: a disk that is stuck for 30 s is broken.
pub const RECEIPT_ATTEMPTS: u32 = 60;
/// Calls of the last run that are finished at once at start; new calls come first.
pub const RECOVERED_AT_ONCE: usize = 16;
/// Calls of one client's bundle that run at once: enough to fill the cores, and never all places.
pub const BUNDLE_CALLS_AT_ONCE: usize = 16;
/// Calls of clients' bundles that wait to be run; further bundles are told to come back. About a second's work, and
/// 70 MiB when every one of them has the largest input.
pub const MAX_BUNDLE_CALLS: usize = 16_384;
/// Calls derived by triggers that run at once: enough to fill the cores, and never all places.
pub const DERIVED_AT_ONCE: usize = 16;
/// How often it is looked for derived calls when no block tells of any.
pub const DERIVED_AGAIN: Duration = Duration::from_secs(5);
/// Times that the code of a derived call's function is looked for, with growing pauses, before its receipt says that it
/// is not to be had.
pub const DERIVED_TRIES: u32 = 7;
/// The longest of these pauses.
pub const DERIVED_LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often it is looked whether a bundle found open at start has become final.
pub const FATE_EVERY: Duration = Duration::from_millis(200);
/// How often it is looked whether others are to be asked for a call whose workers are silent: a block of an idle network.
pub const OTHERS_EVERY: Duration = Duration::from_secs(1);
/// How deep calls may call. Each level holds an instance: deep enough to compose, far from the pool's size.
pub const MAX_CALL_DEPTH: u32 = 8;
/// Longest list that `GET /_moot/calls?limit=` gives.
pub const MAX_LISTED_CALLS: usize = 1000;
/// Longest list that `GET /_moot/values/...?below&limit=` gives; with 4 KiB each, 4 MiB.
pub const MAX_LISTED_VALUES: usize = 1000;
/// How long a function that writes a value waits for the block that judges it.
pub const VALUE_VERDICT_WAIT: Duration = Duration::from_secs(10);
/// Log lines that are kept for each function, for those who start to listen afterwards.
pub const KEPT_LOG_LINES: usize = 256;
/// Events that a slow reader of `/_moot/events` or of logs may be behind before it is told what it missed.
pub const EVENT_BACKLOG: usize = 1024;
/// Open event streams at once: readers of a room, of logs. Each holds a connection and a few hundred bytes; three quarters
/// of the connections stay for calls.
pub const MAX_EVENT_STREAMS: usize = 1024;
/// A comment goes down an event stream this often, so that proxies do not close it and dead peers show.
pub const SSE_KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A signed request is taken when it was made this long ago at most, or this far ahead: clocks differ.
pub const SIGNATURE_WINDOW: Duration = Duration::from_secs(300);
/// Signed requests remembered for that time. 100 bytes each; 400 a second.
pub const MAX_SEEN_SIGNATURES: usize = 131_072;
/// How often a node looks whether another process has made the machine code that it wants.
pub const LOCK_RETRY: Duration = Duration::from_millis(20);
/// Wall-clock limit of one compilation. 14 MB of JavaScript take 18 s on two cores; a loaded machine needs
/// several times that.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(60);
/// What one compilation may have in memory. 14 MB of JavaScript take 540 MB with two threads, and each further core some
/// functions more.
pub const COMPILE_MEMORY_BYTES: u64 = 4 << 30;
/// How often a compiler's memory is looked at: what it takes between two looks is what it can be over.
pub const COMPILER_LOOK: Duration = Duration::from_millis(50);
/// How long a call waits for the bytes of a component that was deployed at another replica: 64 MiB take half of it on a
/// link of 200 Mbit/s. Longer, and the caller had better be told.
pub const COMPONENT_WAIT: Duration = Duration::from_secs(5);
/// Calls that wait for bytes at once: as many as run at once by default. Further ones are told at once.
pub const MAX_ARRIVALS_AWAITED: usize = 1000;
/// How long a question for a call in another replica's lane waits for that lane to arrive here: who was answered there
/// may ask here in the next instant.
pub const LANE_WAIT: Duration = Duration::from_secs(2);
/// Compilations at once. Each uses every core it finds and up to [`COMPILE_MEMORY_BYTES`].
pub const MAX_COMPILATIONS: usize = 1;
/// How often the node looks for what other replicas changed; its own changes are taken up at once.
pub const REFRESH_EVERY: Duration = Duration::from_millis(500);
/// The same in a network of several, where most changes come from others: soon enough that nobody notices.
pub const REFRESH_SOON: Duration = Duration::from_millis(50);
/// Longest wait for finality that a request may ask for.
pub const FINAL_WAIT: Duration = Duration::from_secs(30);
/// Most bytes of a value: a message, and every replica that has it keeps it for a week.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// Most bytes of one key-value entry. Larger things belong into files or values.
pub const MAX_KV_VALUE_BYTES: usize = 1024 * 1024;
/// Longest key of a key-value store.
pub const MAX_KV_KEY_BYTES: usize = 1024;
/// Bytes of keys and values of one store. A function that fills a disk stops every function.
pub const MAX_KV_STORE_BYTES: u64 = 1024 * 1024 * 1024;
/// A request body must come at this rate on the average, beyond its first allowance of time. A tenth of a poor
/// mobile line; a body that drips slower is an attack or hopeless.
pub const MIN_BODY_BYTES_PER_S: u64 = 4 * 1024;
/// Largest key or secrets file: neither ever has a reason to be longer.
pub const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// A command waits this long for a connection: longer than a lost packet's first repetitions take.
pub const CLIENT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A command waits this long for an answer that needs no computing.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The same where the node compiles, runs a call or waits for finality first: above each of their own limits.
pub const CLIENT_LONG_TIMEOUT: Duration = Duration::from_secs(180);
/// What a call may take beyond its deadline: waiting for a place, for the disk, for finality.
pub const CALL_GRACE: Duration = Duration::from_secs(90);
/// Largest answer that a command reads: a component may be [`MAX_COMPONENT_BYTES`], nothing is larger.
pub const CLIENT_MAX_ANSWER_BYTES: usize = MAX_COMPONENT_BYTES + 1024 * 1024;
/// How often a request with an idempotency key is sent again: with doubling pauses about three seconds in all.
pub const CLIENT_RETRIES: u32 = 5;
/// The longest pause between two tries, whatever the node asks for: a person is waiting.
pub const CLIENT_MAX_RETRY_WAIT: Duration = Duration::from_secs(5);
/// Largest single event of a stream: a log line is at most 64 KiB, so this is generous.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;
/// Largest manifest: a thousand functions fit.
pub const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// Most functions in one manifest: as many as a node keeps loaded.
pub const MAX_MANIFEST_FUNCTIONS: usize = 1024;
/// Folders above the current one in which a manifest is looked for: deeper trees are mistakes or loops.
pub const MAX_MANIFEST_PARENTS: usize = 32;
/// Requests that a function is warmed up with. Each runs on the machine that builds.
pub const MAX_WARM_UP: usize = 32;
/// Folders below a project's `wit` that are read: `deps/<package>/` is two.
pub const MAX_WIT_DEPTH: usize = 4;
/// Most files of a project's WIT: all of WASI, in every version, is about a hundred.
pub const MAX_WIT_FILES: usize = 512;
/// Types in types that an interface is read to, for bindings and for a function's document: nobody's own code goes as
/// deep, and a component's bytes may be anybody's.
pub const MAX_TYPE_DEPTH: usize = 64;
/// Interfaces of components that are kept once they were read for a function's document: some kilobytes each.
pub const MAX_KEPT_INTERFACES: usize = 128;
/// Most fuel that a manifest may ask for: about a quarter of an hour of computing. More is a batch job.
pub const MAX_FUEL: u64 = 10_000_000_000_000;
/// Longest deadline that a manifest may ask for: a caller's connection seldom lives longer.
pub const MAX_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// Most memory that a manifest may ask for: what the host's instance pool is made for.
pub const MAX_MEMORY_BYTES: u64 = 1 << 30;
/// Largest request or response that a manifest may ask for. Payloads are kept in one piece.
pub const MAX_PAYLOAD_BYTES: u64 = 64 << 20;
/// Most log that one call may write: what a person would still scroll through.
pub const MAX_LOG_BYTES: u64 = 16 << 20;
/// Longest time that payloads are kept: ten years, the longest that bookkeeping laws ask for.
pub const MAX_RETENTION: Duration = Duration::from_secs(3653 * 86_400);
/// Most names in one list of grants. A function that needs more wants to be several.
pub const MAX_GRANTS: usize = 64;
/// Longest name, route or value in a manifest: it goes into every version that the ledger keeps.
pub const MAX_MANIFEST_TEXT_BYTES: usize = 1024;
/// Largest receipt or genesis file that `moot verify` reads: a proof is at most some tens of KiB.
pub const MAX_RECEIPT_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Most bytes of input that a command reads from a file or from standard input.
pub const MAX_INPUT_BYTES: u64 = 64 * 1024 * 1024;
/// Largest configuration of a replica: 128 peers of 400 bytes, several times over.
pub const MAX_CONFIG_BYTES: u64 = 256 * 1024;
/// Fewest replicas of a network that is made for several; one alone needs no configuration.
pub const MIN_REPLICAS: usize = 2;
/// Most replicas that `moot up --replicas` starts on this machine: each is a process with an engine of its own.
pub const MAX_LOCAL_REPLICAS: u64 = 16;
/// How long an idle leader waits before it makes an empty block, when nobody says otherwise.
pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(1);
/// Batches that a replica puts into a block: some hundred milliseconds of full batches, in 8 KiB of digests.
pub const MAX_BATCHES_PER_BLOCK: usize = 256;
/// Page cache of a replica among several. redb buffers half of it for a commit, and writes and reads again what is
/// beyond: a commit of a network at full speed has 15 MB. It fills with use only.
pub const REPLICA_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Shortest time for which blocks are kept when old ones are pruned: whoever called has to fetch the proof meanwhile.
pub const MIN_RETENTION: Duration = Duration::from_secs(10);
/// Longest: a hundred years, which is for ever.
pub const MAX_BLOCK_RETENTION: Duration = Duration::from_secs(100 * 366 * 24 * 3600);
/// How many heartbeats a replica's height may stay as it is before the others are asked whether they still have the next
/// block: views without a leader are longer than one.
pub const STUCK_HEARTBEATS: u32 = 10;
/// What is added to them: a busy machine.
pub const STUCK_GRACE: Duration = Duration::from_secs(5);
/// Least heartbeat: the engine refuses a shorter one, which would make empty blocks as fast as the disk can.
pub const MIN_HEARTBEAT: Duration = Duration::from_millis(20);
/// Longest heartbeat: a minute of silence can no longer be told from a fault.
pub const MAX_HEARTBEAT: Duration = Duration::from_secs(60);
/// Last lines of a replica's log that are shown when its process ends.
pub const KEPT_TAIL_LINES: usize = 12;
/// Longest log line of a replica that is passed on in one piece.
pub const MAX_TAIL_LINE_BYTES: usize = 16 * 1024;
/// How long a replica's process may take to become ready: redb checks its whole file after a crash.
pub const REPLICA_START: Duration = Duration::from_secs(120);
/// How long a replica's process may take to stop: its drain time, and the closing of its ledger.
pub const REPLICA_GRACE: Duration = Duration::from_secs(45);
/// How long another replica's port may take to answer a connection before it counts as out of reach: several times
/// round the earth.
pub const REACH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long another replica's gateway may take to say whether it has a block.
pub const HISTORY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it is believed whether another replica can be reached.
pub const REACH_KEPT: Duration = Duration::from_secs(2);
/// A replica whose last block is this much older than the newest one seen is behind: blocks come every heartbeat at
/// least, and are applied at all replicas within moments.
pub const BEHIND_AFTER: Duration = Duration::from_secs(3);
/// A deploy is valid for this many blocks: at 240 a second still half a minute, at one a second two hours.
pub const DEPLOY_VALIDITY_BLOCKS: u64 = 7_200;
/// `moot watch` rebuilds when nothing has changed for this long: editors save in several steps.
pub const WATCH_QUIET: Duration = Duration::from_millis(150);
/// `moot watch` builds again this many times for a file that is different after each build: a person may
/// save during one build and the next, a generated file with the time in it differs for ever.
pub const WATCH_RESTLESS: u32 = 3;

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
    /// Functions that stay loaded. One in QuickJS holds 0.7 MB beside the code it shares, a small one in Rust 0.3; loading
    /// one again and its first call take 0.3 to 14 ms.
    pub max_loaded: usize,
    /// Wall-clock limit of a compilation.
    pub compile_timeout: Duration,
    /// Bytes that a compiler may have in memory.
    pub compile_memory_bytes: u64,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        WorkerLimits {
            max_running: 1000,
            max_waiting: 4096,
            max_loaded: 1024,
            compile_timeout: COMPILE_TIMEOUT,
            compile_memory_bytes: COMPILE_MEMORY_BYTES,
        }
    }
}

const _: () = assert!(MAX_TARGET_BYTES < MAX_HEAD_BYTES);
