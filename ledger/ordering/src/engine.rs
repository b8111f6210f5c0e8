//! The engine: consensus, ordered delivery and the network's channels, put together.
//!
//! ```text
//!              ┌────────── Inline ◄── Adapter ◄── Application
//!              ▼             │  ▲
//!   votes ◄─► simplex ───────┼──┘ reports, relays          (one for each epoch: epochs.rs)
//!                            ▼
//!   blocks ◄─► buffer ◄─► marshal ──► Courier ──► Delivery ──► Application
//!   backfill ◄─────────────►─┘
//!   push, fetch ◄─► data plane ◄── Plane ◄── Application
//! ```
//!
//! [`run`] is generic over runtime, storage and network: a validator runs it on tokio and files, a
//! test on commonware's deterministic runtime. There is no other way to start an engine.

use crate::{
    Application,
    beyond::Beyond,
    block::{Block, EngineDigest},
    data::{self, DataSeat},
    delivery::{Courier, Delivery},
    doors::Doors,
    epochs::{self, Epochs, Schemes},
    limits::MAX_BATCHES_PER_BLOCK,
    network::Channels,
    plane::PlaneEnd,
    settings,
};
use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{core::Actor, resolver::p2p as backfill, standard::Standard, store::Blocks as _},
    simplex::{scheme::ed25519::Scheme, types::Finalization},
};
use commonware_cryptography::{
    Digested, Digestible as _, Signer as _,
    certificate::Verifier as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_macros::select;
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use commonware_storage::{archive::prunable, translator::EightCap};
use futures::future::select_all;
use moot_record::Digest;
use rand::CryptoRng;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// A validator's seat: who it is, what it may do, and what it is connected to.
pub(crate) struct Seat<S, R, P, B> {
    /// The validator's key.
    pub(crate) key: PrivateKey,
    /// The network: what votes are bound to.
    pub(crate) network: Digest,
    /// Blocks in an epoch; none: there is one epoch.
    pub(crate) epoch_blocks: Option<u64>,
    /// The block that the chain starts from.
    pub(crate) genesis: Block,
    /// Height that the application has committed.
    pub(crate) committed: u64,
    /// Whether the journals that belong to it are lost: then the validator follows, and has them made anew.
    pub(crate) journals_lost: bool,
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
    /// The same of the data network.
    pub(crate) data: DataSeat<S, R, P, B>,
    /// The engine's end of the application's handle.
    pub(crate) plane: PlaneEnd,
}

/// What the engine can run on.
pub(crate) trait Runtime: Clock + CryptoRng + Spawner + Storage + Metrics {}
impl<E: Clock + CryptoRng + Spawner + Storage + Metrics> Runtime for E {}

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
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    app.attach(seat.plane.plane());
    let cache = settings::page_cache();
    let needed = if seat.journals_lost { 0 } else { seat.committed };
    match archives(&context, &seat.partition, &cache, needed).await {
        Ok((archives, last)) => match start(&context, seat, app, (archives, last), cache).await {
            Ok(parts) => {
                ready();
                parts.watch().await
            }
            Err(reason) => reason,
        },
        Err(reason) => reason,
    }
}

type Certificates<E> = prunable::Archive<EightCap, E, EngineDigest, Finalization<Scheme, EngineDigest>>;
type Blocks<E> = prunable::Archive<EightCap, E, EngineDigest, Arc<Block>>;
type Archives<E> = (Certificates<E>, Blocks<E>);

/// Opens the archives of certificates and of blocks, both by height, and says where they end. Refuses those that end below
/// what the application has committed: a block is in the archive before it is delivered, so such an
/// archive is another one, and so are the votes beside it.
async fn archives<E: Runtime>(
    context: &E,
    partition: &str,
    cache: &CacheRef,
    committed: u64,
) -> Result<(Archives<E>, u64), String> {
    let broken = |error| format!("its archive of blocks cannot be opened: {error}");
    let votes = Scheme::certificate_codec_config_unbounded();
    let certificates = settings::archive(partition, "certificates", cache, votes);
    let blocks = settings::archive(partition, "blocks", cache, MAX_BATCHES_PER_BLOCK);
    let certificates =
        prunable::Archive::init(context.child("certificates"), certificates).await.map_err(broken)?;
    let blocks: Blocks<E> = prunable::Archive::init(context.child("blocks"), blocks).await.map_err(broken)?;
    let last = blocks.last_index().map_or(0, |height| height.get());
    if last < committed {
        return Err(format!(
            "its journals end at height {last}, but height {committed} was committed: they were lost, or \
             replaced by older ones, and voting without them could contradict earlier votes; restore the \
             directory as it was"
        ));
    }
    Ok(((certificates, blocks), last))
}

/// The running parts of an engine.
struct Parts {
    buffer: Handle<()>,
    marshal: Handle<()>,
    delivery: Handle<Result<(), String>>,
    consensus: Handle<String>,
    data: Vec<Handle<()>>,
}

/// Starts every part.
async fn start<E, S, R, P, B>(
    context: &E,
    seat: Seat<S, R, P, B>,
    app: Arc<dyn Application>,
    ((certificates, blocks), archived): (Archives<E>, u64),
    cache: CacheRef,
) -> Result<Parts, String>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    let (me, channels) = (seat.key.public_key(), seat.channels);
    let (epocher, schemes) = (settings::epocher(seat.epoch_blocks), Schemes::default());
    let data = data::start(&context.child("data"), me.clone(), seat.data, &app, seat.plane);
    let settings = settings::buffer(me.clone(), seat.peers.clone());
    let (buffer_engine, buffer) = buffered::Engine::new(context.child("buffer"), settings);
    let settings = settings::backfill(me, seat.peers, seat.blocker.clone());
    let resolver = backfill::init(context.child("backfill"), settings, channels.backfill);

    let digest = seat.genesis.digest();
    let genesis = Digested::precomputed(seat.genesis, digest);
    // Journals that are made anew begin before what the application has. All others are at least as long, and an
    // epoch that the application has left is not voted in again: its votes may be gone.
    let since = if seat.journals_lost { archived.min(seat.committed) } else { seat.committed };
    epochs::begin(app.as_ref(), (&seat.key, &seat.network), (&epocher, &schemes), since)?;
    let settings =
        settings::marshal(&seat.partition, (schemes.clone(), epocher.clone()), genesis, cache.clone());
    let (actor, marshal, floor) = Actor::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        Beyond::new(certificates, Arc::clone(&app)),
        Beyond::new(blocks, Arc::clone(&app)),
        settings,
    )
    .await;

    let processed = floor.processed().map_or(0, |at| at.height().get());
    let (committed, watched) =
        watch::channel(if seat.journals_lost { processed } else { processed.max(since) });
    let (courier, parcels) = Courier::new();
    let delivery = Delivery::new(context.child("clock"), marshal.clone(), Arc::clone(&app), committed);
    let doors = Doors::new(context, channels.votes, channels.certificates, channels.resolver);
    let epochs = Epochs {
        context: context.child("consensus"),
        key: seat.key,
        network: seat.network,
        epocher,
        schemes,
        doors,
        blocker: seat.blocker,
        app,
        marshal,
        committed: watched,
        heartbeat: seat.heartbeat,
        max_batches: seat.max_batches,
        partition: seat.partition,
        cache,
    };

    Ok(Parts {
        buffer: buffer_engine.start(channels.blocks),
        marshal: actor.start(courier, buffer, resolver),
        delivery: context.child("delivery").spawn(move |_| delivery.run(parcels)),
        consensus: context.child("epochs").spawn(move |_| epochs.run()),
        data,
    })
}

impl Parts {
    /// Waits until one part ends, which none does in health, and says why.
    async fn watch(mut self) -> String {
        select! {
            ended = &mut self.delivery => match ended {
                Ok(Err(reason)) => reason,
                other => format!("delivery of blocks ended ({other:?})"),
            },
            ended = &mut self.marshal => {
                format!("the keeper of blocks ended ({ended:?}): was an acknowledgement dropped?")
            },
            ended = &mut self.consensus => match ended {
                Ok(reason) => reason,
                Err(error) => format!("consensus ended ({error:?})"),
            },
            (ended, ..) = select_all(&mut self.data) => format!("the data plane ended ({ended:?})"),
            ended = &mut self.buffer => format!("the exchange of blocks ended ({ended:?})"),
        }
    }
}
