//! Settings of the engine's parts, each value with its reason here or in [`limits`](crate::limits).
//!
//! Names of partitions and sizes of pages and sections belong to the files on disk: they cannot change
//! once a validator has run.

use crate::{
    block::{Block, EngineDigest},
    epochs::Schemes,
    limits::{
        BLOCKS_PER_SECTION, BUFFERED_BLOCKS_PER_PEER, KEPT_VIEWS, LEADER_GRACE, LONE_LEADER_GRACE, MAILBOX,
        MAX_BATCHES_PER_BLOCK, MAX_PENDING_ACKS, MAX_REPAIR,
    },
    witness::Witness,
};
use commonware_broadcast::buffered;
use commonware_consensus::{
    CertifiableAutomaton, Relay, Reporter, Reporters,
    marshal::{self, Start, resolver::p2p as backfill},
    simplex::{
        self, Plan,
        config::{ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
        types::{Activity, Context},
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{Digested, blake3::Blake3, ed25519::PublicKey};
use commonware_p2p::{Blocker, Provider};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::{CacheRef, page_size};
use commonware_storage::{archive::prunable, translator::EightCap};
use commonware_utils::{NZDuration, NZU64, NZUsize};
use std::{num::NonZeroU64, num::NonZeroUsize, time::Duration};

/// Heights in the only epoch of a network whose committee never changes: every height there can be.
const EPOCH_BLOCKS: NonZeroU64 = NZU64!(1 << 62);
/// Size of a page of the cache over the archives.
const PAGE_BYTES: u32 = 4096;
/// Pages in that cache: 1 MiB, since the archives are read from their end only.
const PAGES: NonZeroUsize = NZUsize!(256);
/// Buffer of each file being written. A block with its certificate is half a KiB.
const WRITE_BUFFER: NonZeroUsize = NZUsize!(1 << 14);
/// Buffer for reading a file back at the start.
const REPLAY_BUFFER: NonZeroUsize = NZUsize!(1 << 16);
/// How long a peer may take to answer, and the pause before the next is asked.
const FETCH: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));

/// The bounds of epochs of so many blocks; without a number there is one epoch.
pub(crate) fn epocher(blocks: Option<u64>) -> FixedEpocher {
    // An epoch of one block would hold nothing but the genesis block; no genesis has that.
    let blocks = blocks.filter(|blocks| *blocks > 1).and_then(NonZeroU64::new);
    FixedEpocher::new(blocks.unwrap_or(EPOCH_BLOCKS))
}

/// Where the votes of an epoch are kept. The first one's name is older than epochs.
pub(crate) fn votes_partition(partition: &str, epoch: Epoch) -> String {
    match epoch.get() {
        0 => format!("{partition}-votes"),
        later => format!("{partition}-votes-{later}"),
    }
}

/// The cache that all archives share.
pub(crate) fn page_cache() -> CacheRef {
    CacheRef::new(page_size(PAGE_BYTES), PAGES)
}

/// Exchange of proposed blocks.
pub(crate) fn buffer<P: Provider<PublicKey = PublicKey>>(
    me: PublicKey,
    peers: P,
) -> buffered::Config<PublicKey, usize, P, Sequential> {
    buffered::Config {
        public_key: me,
        mailbox_size: NZUsize!(MAILBOX),
        deque_size: BUFFERED_BLOCKS_PER_PEER,
        priority: true,
        codec_config: MAX_BATCHES_PER_BLOCK,
        peer_provider: peers,
        strategy: Sequential,
    }
}

/// Fetching of missed blocks.
pub(crate) fn backfill<P, B>(me: PublicKey, peers: P, blocker: B) -> backfill::Config<PublicKey, P, B>
where
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    backfill::Config {
        public_key: me,
        peer_provider: peers,
        blocker,
        mailbox_size: NZUsize!(MAILBOX),
        fetch_timeout: NZDuration!(FETCH.0),
        fetch_retry_delay: FETCH.1,
        priority_requests: false,
        priority_responses: false,
    }
}

/// An archive of what is final.
pub(crate) fn archive<C>(
    partition: &str,
    what: &str,
    cache: &CacheRef,
    codec_config: C,
) -> prunable::Config<EightCap, C> {
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{partition}-{what}-metadata"),
        key_partition: format!("{partition}-{what}-keys"),
        key_page_cache: cache.clone(),
        value_partition: format!("{partition}-{what}-values"),
        compression: None,
        codec_config,
        items_per_section: NZU64!(BLOCKS_PER_SECTION),
        key_write_buffer: WRITE_BUFFER,
        value_write_buffer: WRITE_BUFFER,
        replay_buffer: REPLAY_BUFFER,
    }
}

/// Marshal's settings.
pub(crate) type MarshalConfig =
    marshal::Config<Schemes, FixedEpocher, Sequential, Block, Digested<Block>, EngineDigest>;

/// Ordered delivery.
pub(crate) fn marshal(
    partition: &str,
    (provider, epocher): (Schemes, FixedEpocher),
    genesis: Digested<Block>,
    page_cache: CacheRef,
) -> MarshalConfig {
    marshal::Config {
        provider,
        epocher,
        start: Start::Genesis(genesis),
        partition_prefix: format!("{partition}-marshal"),
        mailbox_size: NZUsize!(MAILBOX),
        view_retention: ViewDelta::new(KEPT_VIEWS),
        prunable_items_per_section: NZU64!(KEPT_VIEWS),
        page_cache,
        replay_buffer: REPLAY_BUFFER,
        key_write_buffer: WRITE_BUFFER,
        value_write_buffer: WRITE_BUFFER,
        block_codec_config: MAX_BATCHES_PER_BLOCK,
        max_repair: NZUsize!(MAX_REPAIR),
        max_pending_acks: NZUsize!(MAX_PENDING_ACKS),
        strategy: Sequential,
    }
}

/// How long views may take.
pub(crate) struct Pace {
    /// How long an idle leader waits.
    pub(crate) heartbeat: Duration,
    /// Whether the committee has one member.
    pub(crate) alone: bool,
}

/// Settings of consensus, with one application in every part, and a witness beside it.
pub(crate) type SimplexConfig<A, B> =
    simplex::Config<Scheme, RoundRobin<Blake3>, B, EngineDigest, A, A, Reporters<Witness, A>, Sequential>;

/// Consensus in one epoch, which follows the block `start`, with `inline` as its application, and a witness.
pub(crate) fn simplex<A, B>(
    (partition, epoch): (&str, Epoch),
    scheme: Scheme,
    start: EngineDigest,
    pace: &Pace,
    (inline, witness, blocker): (A, Witness, B),
    page_cache: CacheRef,
) -> SimplexConfig<A, B>
where
    A: CertifiableAutomaton<Context = Context<EngineDigest, PublicKey>, Digest = EngineDigest>
        + Relay<Digest = EngineDigest, PublicKey = PublicKey, Plan = Plan<PublicKey>>
        + Reporter<Activity = Activity<Scheme, EngineDigest>>,
    B: Blocker<PublicKey = PublicKey>,
{
    // A validator killed between its vote and the certificate does not count that vote again: it waits
    // until the view is certain to have failed. Alone, everybody waits with it, so that time is short.
    let grace = if pace.alone { LONE_LEADER_GRACE } else { LEADER_GRACE };
    let leader = pace.heartbeat + grace;
    simplex::Config {
        scheme,
        elector: RoundRobin::default(),
        blocker,
        automaton: inline.clone(),
        relay: inline.clone(),
        reporter: (witness, inline).into(),
        track_historical_votes: false,
        strategy: Sequential,
        partition: votes_partition(partition, epoch),
        mailbox_size: NZUsize!(MAILBOX),
        epoch,
        floor: simplex::Floor::Genesis(start),
        replay_buffer: REPLAY_BUFFER,
        write_buffer: WRITE_BUFFER,
        page_cache,
        leader_timeout: leader,
        certification_timeout: leader + grace,
        timeout_retry: leader,
        view_retention: ViewDelta::new(KEPT_VIEWS),
        // A leader that has not been heard of for this long is not waited for.
        skip: SkipPolicy::Enabled { timeout: leader * 3, budget: SkipBudget::Participants },
        fetch_timeout: NZDuration!(FETCH.0),
        fetch_retry_delay: FETCH.1,
        forward: ForwardPolicy::SilentVoters,
    }
}
