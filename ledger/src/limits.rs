//! Every bound of the ledger, each with the reason for its number.

use std::time::Duration;

/// Version of what is written to disk: 2 since batches are stored under their owner's seal, 3 since the state is a tree
/// and a log goes before the database, 4 since values are judged and listed, 5 since workers name their engine, 6 since a
/// rule's operands are checked when it is set, a function's access may be a rule, and keys can be revoked, 7 since others
/// are asked where the workers drawn for a call are silent. A directory of another version is refused: it may hold what
/// this program reads otherwise, or what it cannot read.
pub const FORMAT_VERSION: u32 = 7;

/// The log before the database. Room for [`MAX_LOGGED_COMMITS`] commits of a busy node; small enough to be written
/// once, at the first start, in a few milliseconds. A commit of fifty calls takes 16 KiB of it.
pub const LOG_BYTES: usize = 4 * 1024 * 1024;

/// A commit with more than this goes to the database at once: its bytes cost more than the sync, and would be
/// written twice.
pub const MAX_LOGGED_BYTES: usize = 256 * 1024;

/// Commits that the database may lie behind the log. Its sync then costs each of them next to nothing, and a start
/// after a crash has as many to repeat: some milliseconds.
pub const MAX_LOGGED_COMMITS: u32 = 256;

/// Commits that the database is given in one transaction when nobody reads before: opening tables and copying pages then
/// costs each of them little, and a reader who comes in between waits for a fraction of a millisecond. At half of it the
/// commit thread sees to it between two commits.
pub const MAX_STAGED_COMMITS: usize = 64;

/// Bytes of such commits: what the log holds of a busy node, kept once more in memory.
pub const MAX_STAGED_BYTES: usize = 1024 * 1024;

/// An open batch this long is closed even while the last commit still runs. redb rounds a row up to a power
/// of two: the batch's row, framing included, stays just under 1 MiB.
pub const BATCH_TARGET_BYTES: usize = 1024 * 1024 - 32 * 1024;

/// From this size on a batch is closed rather than spill over into the next power of two, whose empty rest redb would
/// write too. Four bundles of a thousand calls fill it, whose signatures are then checked at once; with smaller steps a
/// seal and a row for every bundle cost more than the rest that is left empty now and then.
pub const ROW_STEP_BYTES: usize = 512 * 1024;

/// A sealed batch this long is packed before it is stored and sent: it has some hundred entries that repeat each other. A
/// shorter one is mostly a node's own, waited for, and takes a block of the disk or two either way.
pub const PACK_FROM_BYTES: usize = 32 * 1024;

/// How much longer than its packed form a batch may be. Calls and receipts pack to a third; what packs better than this is
/// left as it is, so that few bytes never make others hash many.
pub const MAX_PACKED_RATIO: usize = 8;

/// What a batch's row has beside its entries: the seal, two headers with a signature, redb's own. Each of its parts is
/// below 256 bytes.
pub const ROW_FRAMING_BYTES: usize = 640;

/// Entries after which an open batch is closed. At 150 bytes each they fill [`BATCH_TARGET_BYTES`]; finding a
/// receipt in a batch means reading it whole, which this keeps under a millisecond.
pub const BATCH_TARGET_ENTRIES: usize = 8192;

/// Own pages after which an open batch is closed; `record` allows 1024 in a bundle.
pub const BATCH_TARGET_PAGES: usize = 768;

/// Client bundles in one batch: their headers and signatures stay well below one page of proof data, and the
/// position must fit the 16 bits of an entry's id.
pub const BATCH_MAX_BUNDLES: usize = 1024;

/// Entry and payload bytes that wait for their commit. At 100 MB/s of disk it is a third of a second of work;
/// beyond it callers are told to come back rather than made to wait.
pub const MAX_QUEUED_BYTES: usize = 32 * 1024 * 1024;

/// The same for receipts, which finish what was begun: twice as much, so that calls are refused first.
pub const MAX_QUEUED_RECEIPT_BYTES: usize = 2 * MAX_QUEUED_BYTES;

/// What a caller is told to wait when the queue is full: a few commits' time.
pub const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Calls without a receipt. Each costs about 40 bytes of memory and is looked at again after a crash.
pub const MAX_OPEN_CALLS: usize = 262_144;

/// The largest payload that is kept: above the gateway's largest body, below what makes one row a burden.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// Payloads are packed into rows of about this size, just under a power of two for redb.
pub const PAYLOAD_ROW_BYTES: usize = 256 * 1024 - 512;

/// Payload expiry is rounded up to this step, so that a sweep removes a range of rows instead of searching.
pub const EXPIRY_STEP_S: u64 = 3600;

/// How long a payload is kept when its function does not say: a week is enough to look into a complaint.
pub const DEFAULT_RETENTION_S: u64 = 7 * 24 * 3600;

/// Payload rows removed in one commit, so that a sweep does not make callers wait.
pub const SWEEP_ROWS: usize = 64;

/// A worker's bundle of receipts: a page of them with its frame, and some hundred bytes to spare. One that says more in
/// one breath is told to say it in several.
pub const MAX_SIGNED_RECEIPTS_BYTES: usize = 32 * 1024;

/// How far ahead of the present height a bundle may be valid: seven minutes at 240 blocks a second, a day at
/// one a second. Digests are remembered that long.
pub const MAX_VALIDITY_BLOCKS: u64 = 100_000;

/// Bundles that the state machine remembers having counted, so that none counts twice: some 60 bytes each. Four replicas
/// that order a million calls a second in bundles of a thousand have half as many that are still valid.
pub const MAX_COUNTED_BUNDLES: usize = 1 << 20;

/// How far ahead a bundle may be valid while more than half of [`MAX_COUNTED_BUNDLES`] are remembered. So whoever fills
/// that half with bundles that are valid for long, which no honest replica has to let in at once, takes the room of
/// nobody whose bundles are valid for as long as they take to be ordered.
pub const CROWDED_VALIDITY_BLOCKS: u64 = 1024;

/// How long after its block a call may be charged, in block time: a call may run for a quarter of an hour and wait for a
/// place before that. Which calls were is remembered that long.
pub const CHARGE_WINDOW_MS: u64 = 30 * 60 * 1000;

/// Batches with calls that may still be charged. A busy network opens some hundred a second and closes nearly all of them
/// with the next block; each costs some hundred bytes. Beyond it the oldest are forgotten, and their calls charged no more.
pub const MAX_OPEN_BATCHES: usize = 524_288;

/// Balances kept in memory for those whose calls are taken in: 40 bytes each.
pub const MAX_KNOWN_BALANCES: usize = 65_536;

/// Batches that are looked through for the calls of one batch's receipts. Of slow calls each may be in another batch; one
/// with more receipts than this of other batches has been made to keep others busy.
pub const MAX_LOOK_UPS: usize = 1024;

/// How many blocks a receipt may be ordered before its call, for triggers to see that the call has ended. A batch that was
/// missed is there a few blocks later, since its lane's owner leads too; and no replica may have pruned what is looked at.
pub const EARLY_ANSWER_BLOCKS: u64 = 512;

const _: () = assert!(EARLY_ANSWER_BLOCKS < ROOTS_REMEMBERED as u64);

/// Receipts of a lane that wait for the batches of their calls: a lane's batches come out of order by a few at most.
pub const MAX_EARLY_RECEIPTS: usize = 8192;

/// How often the committee gets what was paid, in blocks, where there are no epochs: about an hour of an idle network.
pub const PAYOUT_EVERY_BLOCKS: u64 = 3600;

/// How long the lines of accounts' statements are kept, in blocks: about a day of an idle network.
pub const STATEMENT_BLOCKS: u64 = 100_000;

/// Bundle digests remembered against replay: 40 bytes each, so 10 MB at most.
pub const MAX_REMEMBERED_BUNDLES: usize = 262_144;

/// An idempotency key: a UUID or a hash with a prefix fits; a document does not.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 256;

/// How long a finished idempotency key is remembered. A day is what payment interfaces promise.
pub const IDEMPOTENCY_RETENTION_S: u64 = 24 * 3600;

/// Idempotent calls whose commit has not returned: bounded by what the queue can hold.
pub const MAX_RESERVATIONS: usize = 65_536;

/// Durable batches that wait to be ordered. A batch is at least 300 bytes here; past this number ordering has
/// failed and calls are refused rather than piled up.
pub const MAX_UNORDERED_BATCHES: usize = 65_536;

/// Digests of ordered batches remembered, so that a block that names one again is recognised: 2 MB of memory,
/// and more than the full blocks that the engine delivers ahead of their commit.
pub const ORDERED_REMEMBERED: usize = 32_768;

/// Sealed batches kept in memory for readers, in bytes: the last second or so of a busy node.
pub const RECENT_BYTES: usize = 4 * 1024 * 1024;

/// Threads that check what other replicas send: one is busy with a batch of 1 MiB for a millisecond, and the
/// second keeps a large one from holding up the small.
pub const CHECKING_THREADS: usize = 2;

/// Bytes of other replicas that are in checking or on their way to the disk. Half a second of three full lanes;
/// what is pushed beyond it is dropped, and fetched when a block names it.
pub const MAX_CHECKING_BYTES: usize = 64 * 1024 * 1024;

/// Unordered batches held of each other lane. At a hundred batches a second it is ten seconds without a block;
/// beyond it pushes are dropped.
pub const MAX_UNORDERED_FOREIGN: usize = 1024;

/// Bytes of a batch's client bundles that stay in memory until its block comes; those of a batch that has more
/// transactions are read again from disk. With [`MAX_UNORDERED_FOREIGN`]: 64 MiB a lane at the worst.
pub const MAX_KEPT_CONTENT_BYTES: usize = 64 * 1024;

/// How long a batch that a proposed block names may be on its way before peers are asked for it. A push takes
/// one trip, as the block does; this covers the checking and the commit.
pub const FETCH_GRACE: Duration = Duration::from_millis(150);

/// How often the data plane is reminded of what is still missing: asking again changes nothing there.
pub const FETCH_AGAIN: Duration = Duration::from_secs(1);

/// Second versions of a lane's batches that are held because a proposed block names them. Their owner has
/// signed against itself each time; past this number its blocks wait.
pub const MAX_RIVALS: usize = 64;

/// Blocks for which a second version that no block names is a ground to vote; after as many again it is forgotten. A
/// block that was voted for is applied within [`MAX_UNCOMMITTED_BLOCKS`](moot_ordering::limits::MAX_UNCOMMITTED_BLOCKS),
/// of which this is eight times as many.
pub const RIVAL_BLOCKS: u64 = 512;

/// Proven double seals of a lane after which this replica proposes nothing of it any more. One may be an
/// accident with a restored disk.
pub const MAX_TOLERATED_EQUIVOCATIONS: usize = 16;

/// Double seals kept as evidence: one is enough to convict, so this is for the curious.
pub const MAX_EVIDENCE: usize = 256;

/// Contradicting votes of one account kept as evidence: one is enough to convict, and no account takes the room of
/// another.
pub const MAX_ACCUSATIONS_EACH: usize = 8;

/// Contradicting votes that wait for the commit thread. Whoever sends them is shut out at the first, so more come from
/// a test or an attack only, and are dropped.
pub const MAX_ACCUSATIONS_WAITING: usize = 64;

/// Seats of a network: every replica that ever voted or followed by the ledger's word. Each costs some hundred bytes
/// and a look at its lane when the ledger is opened.
pub const MAX_SEATS: usize = 512;

/// How long a replica's own word about a double seal or vote is valid: it is ordered within a few blocks, or said again after
/// the next start.
pub const ACCUSATION_VALIDITY_BLOCKS: u64 = 10_000;

/// Bytes of a bundle that holds an accusation and nothing else: its header, and a page of one entry with the longest
/// evidence. Within them a proven one is paid out of what it burns, and whatever else rode along would be free.
pub const MAX_ACCUSATION_BYTES: u64 = 1024;

/// Holds and stakes whose heights have come that go back in one block; the others follow in the next ones, in order. A
/// block that gives back as many takes some ten milliseconds longer.
pub const MAX_RETURNS_A_BLOCK: usize = 1024;

/// Steps of a lock-up to which the end of one is rounded up: what an account takes out of its stake bit by bit comes
/// back in a few parts.
pub const LOCKUP_STEPS: u64 = 8;

/// One in so many units that are behind a replica's key is burned when it is proven to have sealed twice, or to have
/// voted for two things in one view. A double seal costs the others work and cannot fork the chain, a double vote does
/// only together with a third of the committee, and a disk that was restored from a copy makes both: a tenth hurts more
/// than any gain from it, and ruins nobody. The key is out for good in any case.
pub const BURNED_SHARE: u64 = 10;

/// Requests of other replicas that wait for a checking thread; beyond it they are told to ask elsewhere.
pub const MAX_SUPPLIES: usize = 64;

/// Components that were uploaded and not deployed are kept this long: a deploy follows its upload by seconds, and is
/// valid for two hours at most.
pub const UPLOAD_KEPT_S: u64 = 3 * 3600;
/// So many of them, and
pub const MAX_UPLOADED: usize = 4096;
/// so many bytes together: some thirty of the largest. They are paid for when they are deployed.
pub const MAX_UPLOADED_BYTES: u64 = 2 << 30;
/// A part of a component as it travels: a subtree of BLAKE3, and a fraction of a second of a slow link.
pub const COMPONENT_PART_BYTES: usize = 1024 * 1024;

/// Components fetched at a time; each has a draft on disk and 2 KiB in memory.
pub const MAX_COMPONENT_FETCHES: usize = 16;

/// How long a component is asked for in vain while others wait for their turn: every peer has had time to answer
/// once.
pub const COMPONENT_PATIENCE: Duration = Duration::from_secs(20);

/// Lists of parts remembered for serving: 2 KiB each, for the functions deployed lately.
pub const MAX_PART_LISTS: usize = 32;

/// Blocks pruned in one commit, so that pruning does not make callers wait.
pub const PRUNE_BLOCKS: u64 = 64;

/// Pause between two such commits while there is more: up to 640 blocks a second, more than a network makes.
pub const PRUNE_PAUSE: Duration = Duration::from_millis(100);

/// State roots remembered to check the root that a block carries: a proposer lags by a few blocks, never by
/// this many.
pub const ROOTS_REMEMBERED: usize = 1024;

/// Expressions inside of each other in a rule, as the parser counts them. It goes down by calling itself, and uses up to
/// some ten kilobytes of stack for each step when it is not optimised.
pub const MAX_RULE_NESTING: u16 = 24;

/// What leads the parser deeper in a rule: brackets, fields, operations on numbers, `in`. A sentence has some ten.
pub const MAX_RULE_LINKS: usize = 64;

/// `!`, `-` and `?` in a rule, each of which the parser goes down for as well.
pub const MAX_RULE_PREFIXES: usize = 24;

/// Bytes of comparisons in a rule: most have two.
pub const MAX_RULE_COMPARISON_BYTES: usize = 96;

/// Stack of the thread that reads a rule: what suffices at these bounds without optimisation, four times over. Only what
/// is used of it becomes memory.
pub const RULE_STACK_BYTES: usize = 32 * 1024 * 1024;

/// Operations in each other in a rule: `a + b + c` has two. A commit thread's stack holds ten times as many.
pub const MAX_RULE_DEPTH: usize = 64;

/// Steps in which a rule must come to its verdict: some hundred microseconds.
pub const MAX_RULE_COST: u64 = 10_000;

/// Values in a block from which on those whose rules read no state are judged on several threads: below it the threads
/// cost more than the rules.
pub const MIN_VALUES_ABREAST: usize = 64;

/// Threads that judge at once; a replica has other things to do.
pub const MAX_JUDGING_THREADS: usize = 4;

/// How long the newest value of a path is delivered, in the blocks' time: a week, as payloads are kept.
pub const VALUE_RETENTION_S: u64 = DEFAULT_RETENTION_S;

/// Values that are forgotten in one commit beyond as many as it brings, so that a quiet week's end makes nobody wait.
pub const FORGET_VALUES: usize = 256;

/// Rows of the list of values that one look goes through for whoever follows a path.
pub const MAX_VALUES_LOOKED_AT: usize = 4096;

/// Triggers of a network. Each is a row and some hundred bytes of memory.
pub const MAX_TRIGGERS: usize = 4096;

/// Triggers below one first label, and those that wait for the end of one function's calls: so many at most does one
/// event make fire.
pub const MAX_TRIGGERS_OF_ONE: usize = 16;

/// Triggers in a row, each fired by what the one before made run. Deep enough for a workflow; a loop ends here.
pub const MAX_TRIGGER_DEPTH: u32 = 8;

/// Derived calls without an answer in all: ten megabytes of state and as much memory, with inline values.
pub const MAX_DERIVED_OPEN: usize = 16_384;

/// The same of one trigger, so that a storm on one does not take the room of all.
pub const MAX_OPEN_OF_TRIGGER: usize = 1024;

/// What a lane has beyond the function's deadline to bring the receipt of a derived call: a restart, and a queue before
/// it. After that the next lane has its turn.
pub const DERIVED_PATIENCE_MS: u64 = 60_000;

/// How much longer than its deadline a call may take on each of the workers that run it: a worker that has to compile the
/// function first, and a block or two.
pub const COMPARED_PATIENCE_MS: u64 = 60_000;

/// How long beyond its deadline the workers of a call may be silent, by the blocks' time, before others are asked: their
/// replica waits five seconds for a place at each, and as long beyond the deadline for its answer; the rest is for the
/// block that has the receipts.
pub const COMPARED_SILENCE_MS: u64 = 15_000;

/// And how many blocks: after a night without any, or where a proposer's clock is ahead, the time of one leaps over all
/// that they had. Two for each proposer of a committee of four, and seconds on an idle network.
pub const COMPARED_SILENCE_BLOCKS: u64 = 8;

/// Calls for which a block asks others; the rest follow in the next ones. Each is a row that is written anew.
pub const MAX_COMPARED_REPLACED: usize = 256;

// Others have as long as the first had.
const _: () = assert!(COMPARED_SILENCE_MS < COMPARED_PATIENCE_MS);

/// Calls whose workers have not all said what came of them; each is a row of up to two kilobytes. What finds no room is not
/// run, and says so.
pub const MAX_COMPARED_OPEN: usize = 16_384;

/// Calls for which a block draws workers: with as many workers as may be it takes half a second. What comes after them is
/// not run, and says so.
pub const MAX_COMPARED_A_BLOCK: usize = 2_048;

/// Calls that a block gives up waiting for; the others follow in the next ones.
pub const MAX_COMPARED_ENDED: usize = 256;

/// Workers that offer something: each has a number drawn for each call that several run, in a few hundred nanoseconds.
pub const MAX_WORKERS: usize = 1_024;

/// Derived calls that are passed on in one block, and traced calls that are forgotten.
pub const MAX_PASSED_ON: usize = 256;

/// Calls that are traced: those that triggers led to, and those whose end a trigger waits for.
pub const MAX_TRACED_CALLS: usize = 65_536;

/// How much longer a call is traced each time that its own time is over without a receipt, while a trigger waits for its
/// end: so seldom that a lane that never comes back costs nothing.
pub const TRACED_AGAIN_MS: u64 = 60 * 60 * 1000;

/// Versions of the state's tree that proofs can be made against: a block carries one of the last few. What they do not
/// share with each other is a way of some twenty nodes for each key that changed.
pub const STATE_TREES_KEPT: usize = 64;

/// Versions of a function that can be rolled back to. Older ones stay on the ledger, not in the registry.
pub const MAX_VERSIONS_KEPT: usize = 256;

/// Marks of where recovery starts are written once in this many commits: at most that many batches are read
/// twice after a crash.
pub const MARKS_EVERY_COMMITS: u64 = 256;

/// redb's page cache by default. An idle node must stay below 60 MB altogether.
pub const DEFAULT_CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Below this much room on the disk the ledger takes nothing new: enough to finish what is queued, redb's
/// growth step included.
pub const MIN_FREE_BYTES: u64 = 128 * 1024 * 1024;

/// How long a final block waits for entries to share its commit: three times what a client on this machine
/// takes to make its next call, and a small part of the time in which a block becomes final.
pub const BLOCK_PATIENCE: Duration = Duration::from_millis(1);

/// Final blocks that wait for the next sync of the database. The engine has them on disk and brings them again after a
/// crash, so a block costs the ledger no sync of its own; half of what the engine delivers ahead of acknowledgement.
pub const MAX_UNSYNCED_BLOCKS: usize = 8;

/// How long after a block a batch that nobody waits for waits for others to share its block. Ten blocks a second cost
/// about 1% of a core; without a pause a block a commit cost more than the calls in it.
pub const ORDER_WITHIN: Duration = Duration::from_millis(100);

/// The same among several replicas, where the leader does not know who waits: less than agreement itself takes.
pub const ORDER_WITHIN_OF_SEVERAL: Duration = Duration::from_millis(5);

/// How long a call that nobody waits for waits for its receipt, to share its commit: longer than a short function
/// runs, and a call that runs longer is on the ledger while it does.
pub const CALL_PATIENCE: Duration = Duration::from_millis(2);

/// How often the commit thread looks at the disk, the clock and the ordering engine when nothing else wakes it.
pub const TICK: Duration = Duration::from_secs(1);

/// Events that a slow subscriber may lag behind before it misses some.
pub const EVENT_BACKLOG: usize = 1024;

/// Blocks between two looks for bundle digests that no longer matter: a table page read every few minutes.
pub const FORGET_EVERY_BLOCKS: u64 = 256;

/// Batches that `recent` looks through for calls: at a thousand a second, the last few seconds.
pub const MAX_RECENT_BATCHES: u64 = 4096;

/// Calls listed at once by `recent`.
pub const MAX_RECENT_CALLS: usize = 1000;

const _: () = assert!(RIVAL_BLOCKS > moot_ordering::limits::MAX_UNCOMMITTED_BLOCKS);
const _: () = assert!(CROWDED_VALIDITY_BLOCKS < MAX_VALIDITY_BLOCKS);
const _: () = assert!(MAX_UNSYNCED_BLOCKS < moot_ordering::limits::MAX_PENDING_ACKS);
const _: () = assert!(MAX_LOGGED_BYTES <= MAX_STAGED_BYTES);
const _: () = assert!(COMPONENT_PART_BYTES.is_power_of_two());
const _: () = assert!(moot_record::limits::MAX_SEALED_BATCH_BYTES < MAX_CHECKING_BYTES);
const _: () = assert!(MAX_TOLERATED_EQUIVOCATIONS < MAX_RIVALS);
const _: () = assert!(BATCH_TARGET_BYTES + moot_record::limits::MAX_PAGE_BYTES < 1024 * 1024);
const _: () = assert!(BATCH_TARGET_PAGES < moot_record::limits::MAX_BUNDLE_PAGES);
const _: () = assert!(BATCH_MAX_BUNDLES < moot_record::limits::MAX_BATCH_BUNDLES);
const _: () = assert!(
    BATCH_TARGET_BYTES + moot_record::limits::MAX_BUNDLE_BYTES < moot_record::limits::MAX_BATCH_BYTES
);
