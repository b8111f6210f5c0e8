//! Every bound of this crate, with the reason for its value.

use std::time::Duration;

/// Batches that one block may name, as the record has it. A block of this many is 32 KiB of digests:
/// one message of the network. Part of the rules: every validator refuses a block with more.
pub const MAX_BATCHES_PER_BLOCK: usize = moot_record::limits::MAX_BLOCK_BATCHES;

/// How far a block's time may lie ahead of a validator's own clock before it waits with its vote.
/// Network time keeps machines within tens of milliseconds; half a second forgives a bad one without
/// letting a leader move `now` noticeably.
pub const MAX_TIME_AHEAD_MS: u64 = 500;

/// Blocks delivered to the application and not yet acknowledged. Enough to keep a group commit
/// busy; few enough that a stuck ledger is seen at once.
pub const MAX_PENDING_ACKS: usize = 16;

/// How far proposals may run ahead of the application's commits, in blocks. Beyond it this validator
/// proposes nothing until its ledger has caught up: the disk sets the pace, not the network.
pub const MAX_UNCOMMITTED_BLOCKS: u64 = 64;

/// Finalised blocks and certificates that the engine keeps for validators which lag behind: four
/// and a half hours of heartbeats. The ledger keeps them all; who lags further asks a ledger.
pub const KEPT_BLOCKS: u64 = 16_384;

/// Blocks a section of the engine's archives, and so how often they are pruned: each section is four
/// files, and pruning removes whole ones.
pub const BLOCKS_PER_SECTION: u64 = 1024;

/// Views whose votes and candidates are kept behind the finalised one, for peers a little late.
pub const KEPT_VIEWS: u64 = 64;

/// Most headers between a block without a certificate of its own and the next one that has one.
/// Only a network that loses votes view after view comes near; past it the engine stops and says so.
pub const MAX_DESCENT: usize = 4096;

/// How long a delivered block may lack a certificate in the engine's own archive before the engine
/// is declared broken. The archive is synced before delivery, so this is never waited for in health.
pub const CERTIFICATE_PATIENCE: Duration = Duration::from_secs(30);

/// What the leader's silence may exceed the heartbeat by, before its view is given up. Must cover a
/// slow fsync at the leader and one trip of the network.
pub const LEADER_GRACE: Duration = Duration::from_secs(1);

/// The same for a validator without peers, whose proposal does not travel. A view given up too early
/// costs one more view; one given up too late is waited out after a kill in the middle of a vote.
pub const LONE_LEADER_GRACE: Duration = Duration::from_millis(250);

/// Least heartbeat. A shorter one would make empty blocks as fast as the disk can.
pub const MIN_HEARTBEAT: Duration = Duration::from_millis(20);

/// Missing blocks fetched from peers at a time: enough to fill a link with 100 ms of delay.
pub const MAX_REPAIR: usize = 32;

/// Messages waiting in the mailbox of one of the engine's actors.
pub const MAILBOX: usize = 1024;

/// Blocks kept in memory for each sender until they are agreed on.
pub const BUFFERED_BLOCKS_PER_PEER: usize = 16;

/// Messages a second that one peer may send on one channel. At 200 views a second a peer sends 400
/// votes; backfill of a lagging peer asks for some hundred blocks.
pub const MESSAGES_PER_SECOND: u32 = 1024;

/// How long `start` waits for a directory that an engine of this process, just dropped, still holds.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(5);

const _: () = assert!(MAX_UNCOMMITTED_BLOCKS >= MAX_PENDING_ACKS as u64);
const _: () = assert!(KEPT_BLOCKS.is_multiple_of(BLOCKS_PER_SECTION));
const _: () = assert!(KEPT_BLOCKS > MAX_UNCOMMITTED_BLOCKS + BLOCKS_PER_SECTION);
