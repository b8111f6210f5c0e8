//! The engine: consensus, ordered delivery and the network's channels, put together.
//!
//! ```text
//!              ┌────────── Inline ◄── Adapter ◄── Application
//!              ▼             │  ▲
//!   votes ◄─► simplex ───────┼──┘ reports, relays
//!                            ▼
//!   blocks ◄─► buffer ◄─► marshal ──► Courier ──► Delivery ──► Application
//!   backfill ◄─────────────►─┘
//! ```
//!
//! [`run`] is generic over runtime, storage and network: a validator runs it on tokio and files, a
//! test on commonware's deterministic runtime. There is no other way to start an engine.

use crate::{
    Application,
    application::Adapter,
    block::{Block, EngineDigest},
    delivery::{Courier, Delivery},
    limits::{
        BLOCKS_PER_SECTION, BUFFERED_BLOCKS_PER_PEER, KEPT_VIEWS, LEADER_GRACE, MAILBOX,
        MAX_BATCHES_PER_BLOCK, MAX_PENDING_ACKS, MAX_REPAIR,
    },
    network::Channels,
};
use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{
        self, Start,
        core::Actor,
        resolver::p2p as backfill,
        standard::{Inline, Standard},
    },
    simplex::{
        self,
        config::{ForwardPolicy, SkipBudget, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
        types::Finalization,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Signer as _,
    blake3::Blake3,
    certificate::{ConstantProvider, Verifier as _},
    ed25519::{PrivateKey, PublicKey},
};
use commonware_macros::select;
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Clock, Metrics, Spawner, Storage,
    buffer::paged::{CacheRef, page_size},
};
use commonware_storage::{
    archive::{self, prunable},
    translator::EightCap,
};
use commonware_utils::{NZU64, NZUsize, NonZeroDuration, ordered::Set};
use rand::CryptoRng;
use std::{num::NonZeroU64, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Heights in an epoch. The committee does not change yet, so one epoch holds every height there can be.
const EPOCH_BLOCKS: NonZeroU64 = NZU64!(1 << 62);
/// Size of a page of the archives' cache. Fixed for good: existing files have it.
const PAGE_BYTES: u32 = 4096;

/// A validator's seat: who it is, what it may do, and what it is connected to.
pub(crate) struct Seat<S, R, P, B> {
    /// The validator's key.
    pub(crate) key: PrivateKey,
    /// All validators.
    pub(crate) committee: Set<PublicKey>,
    /// Namespace of the votes.
    pub(crate) namespace: Vec<u8>,
    /// The block that the chain starts from.
    pub(crate) genesis: Block,
    /// How long an idle leader waits.
    pub(crate) heartbeat: Duration,
    /// Most batches in a proposal.
    pub(crate) max_batches: usize,
    /// Start of the name of everything it stores.
    pub(crate) partition: String,
    /// Its channels.
    pub(crate) channels: Channels<S, R>,
    /// Its peers.
    pub(crate) peers: P,
    /// Its means to shut a peer out.
    pub(crate) blocker: B,
}

/// Runs one validator until a part of it ends, and says which and why. A part that finds its storage
/// damaged panics, as commonware has it: the runtime then ends as a whole. `ready` is called once
/// the archives are open.
pub(crate) async fn run<E, S, R, P, B>(
    context: E,
    seat: Seat<S, R, P, B>,
    app: Arc<dyn Application>,
    ready: impl FnOnce(),
) -> String
where
    E: Clock + CryptoRng + Spawner + Storage + Metrics,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    let Some(scheme) = Scheme::signer(&seat.namespace, seat.committee.clone(), seat.key.clone()) else {
        return "its key is not in the committee".to_string();
    };
    let me = seat.key.public_key();
    let epocher = FixedEpocher::new(EPOCH_BLOCKS);
    let cache = CacheRef::new(page_size(PAGE_BYTES), NZUsize!(256));
    let channels = seat.channels;

    let (buffer_engine, buffer) = buffered::Engine::new(
        context.child("buffer"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: NZUsize!(MAILBOX),
            deque_size: BUFFERED_BLOCKS_PER_PEER,
            priority: true,
            codec_config: MAX_BATCHES_PER_BLOCK,
            peer_provider: seat.peers.clone(),
            strategy: Sequential,
        },
    );
    let resolver = backfill::init(
        context.child("backfill"),
        backfill::Config {
            public_key: me,
            peer_provider: seat.peers,
            blocker: seat.blocker.clone(),
            mailbox_size: NZUsize!(MAILBOX),
            fetch_timeout: NonZeroDuration::new_panic(Duration::from_secs(1)),
            fetch_retry_delay: Duration::from_millis(50),
            priority_requests: false,
            priority_responses: false,
        },
        channels.backfill,
    );

    let (finalizations, blocks) = match archives(&context, &seat.partition, &cache).await {
        Ok(archives) => archives,
        Err(error) => return format!("its archive of blocks cannot be opened: {error}"),
    };
    let genesis_digest = seat.genesis.digest();
    let genesis = Digested::precomputed(seat.genesis, genesis_digest);
    let provider = ConstantProvider::<Scheme, Epoch>::new(scheme.clone());
    let (actor, marshal, floor) = Actor::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        finalizations,
        blocks,
        marshal_config(&seat.partition, provider, epocher.clone(), genesis, cache.clone()),
    )
    .await;

    let committed = floor.processed().map_or(0, |processed| processed.height().get());
    let (committed, watched) = watch::channel(committed);
    let (courier, parcels) = Courier::new();
    let delivery = Delivery::new(context.child("clock"), marshal.clone(), Arc::clone(&app), committed);
    let adapter = Adapter::new(app, watched, seat.heartbeat, seat.max_batches);
    let inline = Inline::new(context.child("inline"), adapter, marshal, epocher);
    let leader = seat.heartbeat + LEADER_GRACE;
    let consensus = simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Blake3>::default(),
            blocker: seat.blocker,
            automaton: inline.clone(),
            relay: inline.clone(),
            reporter: inline,
            track_historical_votes: false,
            strategy: Sequential,
            partition: format!("{}-votes", seat.partition),
            mailbox_size: NZUsize!(MAILBOX),
            epoch: Epoch::zero(),
            floor: simplex::Floor::Genesis(genesis_digest),
            replay_buffer: NZUsize!(1 << 16),
            write_buffer: NZUsize!(1 << 14),
            page_cache: cache,
            leader_timeout: leader,
            certification_timeout: leader * 2,
            timeout_retry: leader,
            view_retention: ViewDelta::new(KEPT_VIEWS),
            // A leader that has not been heard of for this long is not waited for.
            skip: SkipPolicy::Enabled { timeout: leader * 3, budget: SkipBudget::Participants },
            fetch_timeout: NonZeroDuration::new_panic(Duration::from_secs(1)),
            fetch_retry_delay: Duration::from_millis(50),
            forward: ForwardPolicy::SilentVoters,
        },
    );

    let mut buffer_task = buffer_engine.start(channels.blocks);
    let mut marshal_task = actor.start(courier, buffer, resolver);
    let mut delivery_task = context.child("delivery").spawn(move |_| delivery.run(parcels));
    let mut consensus_task = consensus.start(channels.votes, channels.certificates, channels.resolver);
    ready();
    select! {
        ended = &mut delivery_task => match ended {
            Ok(Err(reason)) => reason,
            other => format!("delivery of blocks ended ({other:?})"),
        },
        ended = &mut marshal_task => {
            format!("the keeper of blocks ended ({ended:?}): was an acknowledgement dropped?")
        },
        ended = &mut consensus_task => format!("consensus ended ({ended:?})"),
        ended = &mut buffer_task => format!("the exchange of blocks ended ({ended:?})"),
    }
}

type Finalizations<E> = prunable::Archive<EightCap, E, EngineDigest, Finalization<Scheme, EngineDigest>>;
type Blocks<E> = prunable::Archive<EightCap, E, EngineDigest, Arc<Block>>;

/// Opens the archives of certificates and of blocks, both by height.
async fn archives<E: Storage + Metrics + Clock + Spawner>(
    context: &E,
    partition: &str,
    cache: &CacheRef,
) -> Result<(Finalizations<E>, Blocks<E>), archive::Error> {
    let certificates =
        archive_config(partition, "certificates", cache, Scheme::certificate_codec_config_unbounded());
    let blocks = archive_config(partition, "blocks", cache, MAX_BATCHES_PER_BLOCK);
    Ok((
        prunable::Archive::init(context.child("certificates"), certificates).await?,
        prunable::Archive::init(context.child("blocks"), blocks).await?,
    ))
}

fn archive_config<C>(
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
        key_write_buffer: NZUsize!(1 << 14),
        value_write_buffer: NZUsize!(1 << 14),
        replay_buffer: NZUsize!(1 << 16),
    }
}

type MarshalConfig = marshal::Config<
    ConstantProvider<Scheme, Epoch>,
    FixedEpocher,
    Sequential,
    Block,
    Digested<Block>,
    EngineDigest,
>;

fn marshal_config(
    partition: &str,
    provider: ConstantProvider<Scheme, Epoch>,
    epocher: FixedEpocher,
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
        replay_buffer: NZUsize!(1 << 16),
        key_write_buffer: NZUsize!(1 << 14),
        value_write_buffer: NZUsize!(1 << 14),
        block_codec_config: MAX_BATCHES_PER_BLOCK,
        max_repair: NZUsize!(MAX_REPAIR),
        max_pending_acks: NZUsize!(MAX_PENDING_ACKS),
        strategy: Sequential,
    }
}
