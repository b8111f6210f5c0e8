//! How a ledger is opened.

use crate::clock::{Clock, SystemClock};
use crate::disk::{Disk, FileDisk};
use crate::limits::{DEFAULT_CACHE_BYTES, DEFAULT_RETENTION_S, MIN_FREE_BYTES, ORDER_WITHIN, RECENT_BYTES};
use moot_ordering::Peer;
use moot_record::{Digest, Genesis, Keypair};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Payloads, when nobody says otherwise, in seconds.
    pub payloads_s: u64,
    /// Blocks with their batches, in seconds from the block's time; none: for ever. An older block goes when no
    /// payload of its batches is kept and no call in them is open; everything before it went earlier. What was
    /// proven of it stays proven for whoever kept the proof, but this replica makes no more of them, and another
    /// one cannot catch up from it: a network should have some that keep everything.
    pub blocks_s: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { payloads_s: DEFAULT_RETENTION_S, blocks_s: None }
    }
}

/// Who puts batches in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderingChoice {
    /// The engine of `moot_ordering`, started and stopped with the ledger.
    Engine {
        /// How long an idle leader waits before it makes an empty block.
        heartbeat: Duration,
        /// Most batches in a block.
        max_batches_per_block: usize,
        /// How long a batch that nobody waits for may wait for others to share its block.
        order_within: Duration,
        /// Address for other validators; none for a network of one.
        listen: Option<SocketAddr>,
        /// Address for their data; none for a network of one.
        listen_data: Option<SocketAddr>,
        /// The other validators.
        peers: Vec<Peer>,
    },
    /// Whoever takes [`crate::Ledger::application`]: tests.
    External,
    /// An engine that is run elsewhere on [`crate::Ledger::application`], and delivers again what was not acknowledged. The
    /// ledger has no threads: whoever opened it makes each [`crate::Ledger::step`], so that a simulation can say what
    /// happens when.
    Stepped,
}

impl Default for OrderingChoice {
    fn default() -> Self {
        OrderingChoice::Engine {
            heartbeat: Duration::from_secs(1),
            max_batches_per_block: 256,
            order_within: ORDER_WITHIN,
            listen: None,
            listen_data: None,
            peers: Vec::new(),
        }
    }
}

/// Everything a ledger needs to know.
pub struct Options {
    /// The data directory. It is created when it is missing.
    pub dir: PathBuf,
    /// The network.
    pub genesis: Genesis,
    /// The validator's key: signs bundles and votes.
    pub key: Keypair,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How long payloads are kept.
    pub retention: Retention,
    /// Who puts batches in order.
    pub ordering: OrderingChoice,
    /// A random number that was drawn when the journal of the key's votes was found to be lost, the same for every
    /// start since; none while it is there. With it the replica follows, and votes again when that is safe.
    pub journal_lost: Option<Digest>,
    /// redb's page cache.
    pub cache_bytes: usize,
    /// Sealed batches kept in memory for readers.
    pub recent_bytes: usize,
    /// Below this much room on the disk the ledger only reads.
    pub min_free_bytes: u64,
}

impl Options {
    /// The usual ledger of a network of one: real disk, real clock, a heartbeat a second.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, genesis: Genesis, key: Keypair) -> Options {
        Options {
            dir: dir.into(),
            genesis,
            key,
            disk: Arc::new(FileDisk),
            clock: Arc::new(SystemClock),
            retention: Retention::default(),
            ordering: OrderingChoice::default(),
            journal_lost: None,
            cache_bytes: DEFAULT_CACHE_BYTES,
            recent_bytes: RECENT_BYTES,
            min_free_bytes: MIN_FREE_BYTES,
        }
    }
}
