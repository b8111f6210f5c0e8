//! Every bound of this crate, with the reason for its value.

use std::time::Duration;

/// Batches that one block may name, as the record has it. A block of this many is 32 KiB of digests:
/// one message of the network. Part of the rules: every validator refuses a block with more.
pub const MAX_BATCHES_PER_BLOCK: usize = moot_record::limits::MAX_BLOCK_BATCHES;

/// How far a block's time may lie ahead of a validator's own clock before it waits with its vote.
/// Network time keeps machines within tens of milliseconds; half a second forgives a bad one without
/// letting a leader move `now` noticeably.
pub const MAX_TIME_AHEAD_MS: u64 = 500;

/// How far the clocks of two validators may differ for them to connect. A clock that shows local time for UTC is wrong
/// by up to 14 hours, one with the wrong date by 24. Whose clock it is need not be shut out: votes have no time in them,
/// and [`MAX_TIME_AHEAD_MS`] sees to the blocks'. So this only bounds how old a recorded greeting may be that somebody
/// plays to a listener: that costs a signature, and is over when the next step does not come.
pub const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(36 * 60 * 60);

/// Blocks delivered to the application and not yet acknowledged. Enough to keep a group commit
/// busy; few enough that a stuck ledger is seen at once.
pub const MAX_PENDING_ACKS: usize = 16;

/// How far proposals may run ahead of the application's commits, in blocks. Beyond it this validator
/// proposes nothing until its ledger has caught up: the disk sets the pace, not the network.
pub const MAX_UNCOMMITTED_BLOCKS: u64 = 64;

/// Finalised blocks and certificates that the engine keeps for validators which lag behind: four
/// and a half hours of heartbeats. For those who lag further the application is asked.
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

/// Votes of the next epoch kept until it begins here. Who is later than a few views gets the rest by asking.
pub const MAX_EARLY_VOTES: usize = 1024;

/// How long `start` waits for a directory that an engine of this process, just dropped, still holds.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Largest thing that travels on the data network: a batch with its lane owner's seal, as the record has it.
/// Components travel in parts of at most 1 MiB.
pub const MAX_DATA_BYTES: usize = moot_record::limits::MAX_SEALED_BATCH_BYTES;

/// Replicas that one is connected to, itself included: a full committee, and as many that follow as a machine can
/// send every batch to.
pub const MAX_PEERS: usize = moot_record::limits::MAX_VALIDATORS + 32;

/// Batches that wait to be pushed. The network takes them over at once unless its own queues are full, so
/// this is a quarter of a second at a thousand batches a second.
pub const MAX_PUSH_BACKLOG: usize = 256;

/// Their bytes: four of the largest batches, and most of a second at full speed.
pub const MAX_PUSH_BACKLOG_BYTES: usize = 4 * MAX_DATA_BYTES;

/// Pushes remembered for peers that were not reached, and their bytes: what the clients of a network that has just
/// begun send before its connections stand. One that misses more fetches it.
pub const MAX_LATE: usize = 32;

/// Their bytes.
pub const MAX_LATE_BYTES: usize = 4 * 1024 * 1024;

/// How long: a few attempts to connect.
pub const LATE_FOR: Duration = Duration::from_secs(2);

/// How often it is looked whether somebody has come: well below what a view takes.
pub const PUSH_AGAIN: Duration = Duration::from_millis(20);

/// Things wanted from peers at a time. Full blocks up to [`MAX_PENDING_ACKS`] name half as many batches; the
/// rest is for candidates and components. The names take 4 MiB at most.
pub const MAX_WANTED: usize = 2 * MAX_PENDING_ACKS * MAX_BATCHES_PER_BLOCK;

/// Of these, how many peers are asked for at a time. Of batches of 128 KiB it fills 150 Mbit/s at 100 ms of
/// delay; of the largest ones it is 128 MiB in flight, the most that a validator should need to hold.
pub const FETCH_WINDOW: usize = 16;

/// How long a peer may take to answer before another is asked: less than a view lasts, so that a peer that
/// never answers cannot use it up. A window of batches of 128 KiB passes a link of 9 Mbit/s in this time; a
/// window of the largest ones needs 540 Mbit/s, and one alone 35.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause before a peer is asked again for what the last one did not have: about one trip of the network, in
/// which a push that was merely late arrives.
pub const FETCH_RETRY_DELAY: Duration = Duration::from_millis(100);

/// How long one thing may be asked for while others wait for their turn. Not less than the time a peer has to
/// answer, or large answers over slow links would never be waited for.
pub const FETCH_TURN: Duration = FETCH_TIMEOUT;

/// Requests of peers that the application looks up at a time: enough to keep a disk busy.
pub const MAX_SUPPLIED: usize = 8;

/// Requests of peers that wait for it. Those beyond are told at once that there is nothing, and ask elsewhere.
pub const MAX_SUPPLY_BACKLOG: usize = 256;

/// Requests held back of one peer that is over its allowance: what an honest one has in flight, with as many
/// answers to our own.
pub const MAX_HELD_REQUESTS: usize = 2 * FETCH_WINDOW;

/// Bytes a second that one peer is answered with. A validator that missed an hour of four full lanes of 35 MB/s
/// catches up in about as long from three peers; one that only pretends costs a tenth of a core.
pub const SUPPLIED_BYTES_PER_SECOND: u64 = 64 * 1024 * 1024;

/// Bytes a second that one peer may push. Three times what a lane carries when four order a million calls a
/// second; the rest is dropped before the application sees it.
pub const PUSHED_BYTES_PER_SECOND: u64 = 128 * 1024 * 1024;

/// Messages a second that one peer may push. A lane seals at most about a thousand batches a second.
pub const PUSHES_PER_SECOND: u32 = 2048;

/// Requests and answers a second that one peer may send.
pub const FETCHES_PER_SECOND: u32 = 1024;

/// How many of each may come at once. The network keeps room for as many of every peer.
pub const DATA_BURST: u32 = 128;

/// Messages that wait for one peer's connection. A peer too slow for 64 batches misses the next, and fetches.
pub const DATA_MAILBOX: usize = 64;

/// How long a peer that answered with wrong bytes is shut out of the data network. Its votes still count. Long
/// enough that lying does not pay; short enough that a repaired validator is heard again without a restart.
pub const LIAR_SHUT_OUT: Duration = Duration::from_secs(10 * 60);

const _: () = assert!(MAX_WANTED > FETCH_WINDOW && FETCH_TURN.as_millis() >= FETCH_TIMEOUT.as_millis());
const _: () = assert!(DATA_BURST as usize >= 2 * FETCH_WINDOW);
const _: () = assert!(MAX_UNCOMMITTED_BLOCKS >= MAX_PENDING_ACKS as u64);
const _: () = assert!(KEPT_BLOCKS.is_multiple_of(BLOCKS_PER_SECTION));
const _: () = assert!(KEPT_BLOCKS > MAX_UNCOMMITTED_BLOCKS + BLOCKS_PER_SECTION);
