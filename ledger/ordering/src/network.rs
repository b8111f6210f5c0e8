//! The network below the engine: five channels, who the peers are, and whom to block.
//!
//! ```text
//!            votes  certificates  resolver   backfill  blocks
//!              │         │           │           │        │
//!   Channels ──┴─────────┴─────┬─────┴───────────┴────────┘
//!                              │ Link (one of two)
//!                 ┌────────────┴────────────┐
//!          nobody                  authenticated TCP (commonware lookup)
//! ```
//!
//! [`Link`] picks at run time, so that the engine is compiled once for both. Tests put commonware's
//! simulated network in its place. Further channels (batches, in time) are registered here, before the
//! network starts.

use crate::{
    block::Block,
    config::{Config, Error},
    keys,
    limits::{MAX_BATCHES_PER_BLOCK, MESSAGES_PER_SECOND},
    link::{Alone, LinkPeers, LinkReceiver, LinkSender},
};
use commonware_consensus::{
    marshal::{self, standard::Standard},
    simplex::{self, scheme::ed25519::Scheme},
};
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{Address, AddressableManager as _, authenticated::lookup};
use commonware_runtime::{Handle, Quota, Supervisor as _, tokio::Context};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

/// What the engine sends and receives on. One pair a purpose, so that a flood on one cannot starve
/// another.
pub(crate) struct Channels<S, R> {
    /// Single votes.
    pub(crate) votes: (S, R),
    /// Certificates as soon as they exist.
    pub(crate) certificates: (S, R),
    /// Requests for certificates that were missed.
    pub(crate) resolver: (S, R),
    /// Requests for blocks that were missed.
    pub(crate) backfill: (S, R),
    /// Proposed blocks.
    pub(crate) blocks: (S, R),
}

impl<S, R> Channels<S, R> {
    /// Channels numbered from nought, made by `open`.
    pub(crate) fn numbered(mut open: impl FnMut(u64) -> (S, R)) -> Channels<S, R> {
        Channels {
            votes: open(0),
            certificates: open(1),
            resolver: open(2),
            backfill: open(3),
            blocks: open(4),
        }
    }
}

/// Largest message that the engine sends.
pub(crate) fn max_message_bytes() -> u32 {
    let members = moot_record::limits::MAX_VALIDATORS as u32;
    commonware_p2p::max_message_size(&[
        simplex::max_payload_size::<Scheme, crate::block::EngineDigest>(members),
        marshal::max_payload_size::<Standard<Block>, Scheme>(members, &MAX_BATCHES_PER_BLOCK),
    ])
}

/// Messages a peer may send on a channel.
pub(crate) fn quota() -> Quota {
    Quota::per_second(NZU32!(MESSAGES_PER_SECOND))
}

/// Channels, peers and blocker of a running validator.
pub(crate) struct Link {
    /// The channels.
    pub(crate) channels: Channels<LinkSender, LinkReceiver>,
    /// The peers.
    pub(crate) peers: LinkPeers,
    /// The network's task, when there is one. It ends only if something is wrong: a port in use.
    pub(crate) task: Option<Handle<()>>,
}

impl Link {
    /// Opens the network that the configuration asks for: none without a listening address.
    pub(crate) fn open(context: &Context, config: &Config, key: &PrivateKey) -> Result<Link, Error> {
        let Some(listen) = config.listen else {
            let channels = Channels::numbered(|_| (LinkSender::Nobody, LinkReceiver::Nobody));
            return Ok(Link { channels, peers: LinkPeers::Nobody(Alone::new(key.public_key())), task: None });
        };
        let mut peers: Vec<(PublicKey, Address)> = vec![(key.public_key(), Address::Symmetric(listen))];
        for peer in config.peers.iter().filter(|peer| peer.account != config.key.account()) {
            peers.push((keys::public_key(&peer.account)?, Address::Symmetric(peer.address)));
        }
        let settings = settings(key.clone(), &config.genesis.namespace(), listen, peers.len());
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), settings);
        // Accounts of a genesis are unique, so nothing is lost here.
        let _ = oracle.track(0, Map::from_iter_dedup(peers));
        let channels = Channels::numbered(|number| {
            let (sender, receiver) = network.register(number, quota());
            (LinkSender::Wire(sender), LinkReceiver::Wire(receiver))
        });
        let task = Some(network.start());
        Ok(Link { channels, peers: LinkPeers::Wire(oracle), task })
    }
}

type Handshake = cups::Cups<Sake<PrivateKey>, ChaCha20Poly1305>;

fn settings(
    key: PrivateKey,
    namespace: &[u8],
    listen: SocketAddr,
    members: usize,
) -> lookup::Config<Handshake> {
    let sake = Sake {
        signer: key,
        synchrony_bound: Duration::from_secs(5),
        max_handshake_age: Duration::from_secs(10),
        version: sake::Version::V1,
    };
    let members = NonZeroUsize::new(members).unwrap_or(NZUsize!(1));
    lookup::Config {
        // Validators of one network are often neighbours: in one machine room, on one machine.
        allow_private_ips: true,
        // A validator that restarts must be back within moments, not after a minute's cooldown.
        peer_connection_cooldown: Duration::from_millis(250),
        dial_frequency: Duration::from_millis(100),
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(64)),
        tracked_peer_sets: NZUsize!(2),
        ..lookup::Config::recommended(
            Cups::new(sake, cups::Version::V1),
            namespace,
            listen,
            members,
            max_message_bytes(),
            NZUsize!(1024),
        )
    }
}
