//! The engine: consensus, ordered delivery and the network's channels, put together.
//!
//! ```text
//!              ┌────────── Inline ◄── Adapter ◄── Application
//!              ▼             │  ▲
//!   votes ◄─► simplex ───────┼──┘ reports, relays
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
    application::Adapter,
    block::{Block, EngineDigest},
    data::{self, DataSeat},
    delivery::{Courier, Delivery},
    limits::MAX_BATCHES_PER_BLOCK,
    network::Channels,
    plane::PlaneEnd,
    settings::{self, Pace},
};
use commonware_broadcast::buffered;
use commonware_consensus::{
    marshal::{
        core::Actor,
        resolver::p2p as backfill,
        standard::{Inline, Standard},
        store::Blocks as _,
    },
    simplex::{self, scheme::ed25519::Scheme, types::Finalization},
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
use commonware_utils::ordered::Set;
use futures::future::select_all;
use rand::CryptoRng;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

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
    /// Height that the application has committed.
    pub(crate) committed: u64,
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
    match archives(&context, &seat.partition, &cache, seat.committed).await {
        Ok(archives) => {
            let parts = start(&context, seat, app, archives, cache).await;
            match parts {
                Some(parts) => {
                    ready();
                    parts.watch().await
                }
                None => "its key is not in the committee".to_string(),
            }
        }
        Err(reason) => reason,
    }
}

type Certificates<E> = prunable::Archive<EightCap, E, EngineDigest, Finalization<Scheme, EngineDigest>>;
type Blocks<E> = prunable::Archive<EightCap, E, EngineDigest, Arc<Block>>;

/// Opens the archives of certificates and of blocks, both by height. Refuses those that end below
/// what the application has committed: a block is in the archive before it is delivered, so such an
/// archive is another one, and so are the votes beside it.
async fn archives<E: Runtime>(
    context: &E,
    partition: &str,
    cache: &CacheRef,
    committed: u64,
) -> Result<(Certificates<E>, Blocks<E>), String> {
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
    Ok((certificates, blocks))
}

/// The running parts of an engine.
struct Parts {
    buffer: Handle<()>,
    marshal: Handle<()>,
    delivery: Handle<Result<(), String>>,
    consensus: Handle<()>,
    data: Vec<Handle<()>>,
}

/// Starts every part. None if the key has no seat in the committee.
async fn start<E, S, R, P, B>(
    context: &E,
    seat: Seat<S, R, P, B>,
    app: Arc<dyn Application>,
    (certificates, blocks): (Certificates<E>, Blocks<E>),
    cache: CacheRef,
) -> Option<Parts>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    let pace = Pace { heartbeat: seat.heartbeat, alone: seat.committee.len() == 1 };
    let scheme = Scheme::signer(&seat.namespace, seat.committee, seat.key.clone())?;
    let (me, channels) = (seat.key.public_key(), seat.channels);
    let data = data::start(&context.child("data"), me.clone(), seat.data, &app, seat.plane);
    let settings = settings::buffer(me.clone(), seat.peers.clone());
    let (buffer_engine, buffer) = buffered::Engine::new(context.child("buffer"), settings);
    let settings = settings::backfill(me, seat.peers, seat.blocker.clone());
    let resolver = backfill::init(context.child("backfill"), settings, channels.backfill);

    let digest = seat.genesis.digest();
    let genesis = Digested::precomputed(seat.genesis, digest);
    let settings = settings::marshal(&seat.partition, scheme.clone(), genesis, cache.clone());
    let (actor, marshal, floor) = Actor::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        settings,
    )
    .await;

    let (committed, watched) = watch::channel(floor.processed().map_or(0, |at| at.height().get()));
    let (courier, parcels) = Courier::new();
    let delivery = Delivery::new(context.child("clock"), marshal.clone(), Arc::clone(&app), committed);
    let adapter = Adapter::new(app, watched, seat.heartbeat, seat.max_batches);
    let inline = Inline::new(context.child("inline"), adapter, marshal, settings::epocher());
    let settings = settings::simplex(&seat.partition, scheme, digest, &pace, (inline, seat.blocker), cache);
    let consensus = simplex::Engine::new(context.child("simplex"), settings);

    Some(Parts {
        buffer: buffer_engine.start(channels.blocks),
        marshal: actor.start(courier, buffer, resolver),
        delivery: context.child("delivery").spawn(move |_| delivery.run(parcels)),
        consensus: consensus.start(channels.votes, channels.certificates, channels.resolver),
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
            ended = &mut self.consensus => format!("consensus ended ({ended:?})"),
            (ended, ..) = select_all(&mut self.data) => format!("the data plane ended ({ended:?})"),
            ended = &mut self.buffer => format!("the exchange of blocks ended ({ended:?})"),
        }
    }
}
