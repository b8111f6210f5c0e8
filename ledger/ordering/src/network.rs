//! The two networks below the engine: their channels, who the peers are, and whom to block.
//!
//! ```text
//!            votes  certificates  resolver   backfill  blocks        push   fetch
//!              │         │           │           │        │            │      │
//!   Channels ──┴─────────┴─────┬─────┴───────────┴────────┘  DataSeat ─┴──┬───┘
//!                              └──────────────┬───────────────────────────┘
//!                                             │ Link (one of two)
//!                                ┌────────────┴────────────┐
//!                         nobody                  authenticated TCP (commonware lookup),
//!                                                 a listener and a connection a peer for each
//! ```
//!
//! [`Link`] picks at run time, so that the engine is compiled once for both. Tests put commonware's
//! simulated networks in its place.
//!
//! Bulk bytes on the connection of the votes would delay each vote by what lies before it: four to ten
//! times the latency, measured. Peers prove themselves to each network under a namespace of its own, so a
//! connection to one cannot be passed off as one to the other.

use crate::{
    block::Block,
    config::{Config, Error, Peer},
    data::DataSeat,
    keys,
    limits::{
        DATA_BURST, DATA_MAILBOX, FETCHES_PER_SECOND, LIAR_SHUT_OUT, MAX_BATCHES_PER_BLOCK,
        MAX_CLOCK_DIFFERENCE, MAX_DATA_BYTES, MAX_PEERS, MESSAGES_PER_SECOND, PUSHES_PER_SECOND,
    },
    link::{Alone, LinkPeers, LinkReceiver, LinkSender},
    wanted::Key,
};
use commonware_consensus::{
    marshal::{self, standard::Standard},
    simplex::{self, scheme::ed25519::Scheme},
};
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_p2p::{Address, AddressableManager as _, authenticated::lookup, utils::mux::prefixed};
use commonware_runtime::{Handle, Quota, Supervisor as _, tokio::Context};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use futures::future::pending;
use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};
use tokio::sync::watch;
use tracing::{info, warn};

/// What the data network's namespace has after the votes'.
const DATA_SUFFIX: &[u8] = b":data";
/// Messages that wait for one peer's connection on the network of votes. They are small.
const VOTES_MAILBOX: NonZeroUsize = NZUsize!(1024);

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
        // Votes are sorted by epoch.
        prefixed(simplex::max_payload_size::<Scheme, crate::block::EngineDigest>(members)),
        marshal::max_payload_size::<Standard<Block>, Scheme>(members, &MAX_BATCHES_PER_BLOCK),
    ])
}

/// Largest message of the data plane.
pub(crate) fn max_data_message_bytes() -> u32 {
    let fetched = commonware_resolver::p2p::max_message_size::<Key>(MAX_DATA_BYTES);
    commonware_p2p::max_message_size(&[MAX_DATA_BYTES, fetched])
}

/// Messages that a peer may push, and those that it may send to fetch and to answer.
pub(crate) fn data_quotas() -> (Quota, Quota) {
    let quota = |rate| Quota::per_second(rate).allow_burst(NZU32!(DATA_BURST));
    (quota(NZU32!(PUSHES_PER_SECOND)), quota(NZU32!(FETCHES_PER_SECOND)))
}

/// Messages a peer may send on a channel.
pub(crate) fn quota() -> Quota {
    Quota::per_second(NZU32!(MESSAGES_PER_SECOND))
}

/// The data plane's channels of a running validator.
type LinkData = DataSeat<LinkSender, LinkReceiver, LinkPeers, LinkPeers>;

/// Channels, peers and blocker of a running validator.
pub(crate) struct Link {
    /// The channels.
    pub(crate) channels: Channels<LinkSender, LinkReceiver>,
    /// The peers.
    pub(crate) peers: LinkPeers,
    /// The data plane's.
    pub(crate) data: LinkData,
    /// Whom it is connected to.
    pub(crate) roster: Roster,
    /// The networks' tasks, of votes and of data, when there are any. One ends only if something is wrong:
    /// a port in use.
    pub(crate) tasks: Option<(Handle<()>, Handle<()>)>,
}

impl Link {
    /// Opens the networks that the configuration asks for: none without addresses to listen on.
    pub(crate) fn open(context: &Context, config: &Config, key: &PrivateKey) -> Result<Link, Error> {
        let Some((listen, listen_data)) = config.listen.zip(config.listen_data) else {
            let nobody = || LinkPeers::Nobody(Alone::new(key.public_key()));
            let closed = || (LinkSender::Nobody, LinkReceiver::Nobody);
            let channels = Channels::numbered(|_| closed());
            let data = DataSeat { push: closed(), fetch: closed(), peers: nobody(), blocker: nobody() };
            let roster = Roster { me: None, votes: nobody(), data: nobody(), number: 0 };
            return Ok(Link { channels, peers: nobody(), data, roster, tasks: None });
        };
        let me = Me { key: key.public_key(), listen, listen_data };
        let (votes, data) = me.with(&config.peers)?;
        // Where replicas come and go, the room is for as many as there may ever be.
        let members = if config.genesis.epochs.is_some() { MAX_PEERS } else { votes.len() };
        let namespace = config.genesis.namespace();
        let settings =
            settings(key.clone(), &namespace, listen, members, (max_message_bytes(), VOTES_MAILBOX));
        let (mut network, peers) = track(context.child("network"), settings, votes);
        let channels = Channels::numbered(|number| channel(&mut network, number, quota()));

        let namespace = [namespace.as_slice(), DATA_SUFFIX].concat();
        let (bytes, mailbox) = (max_data_message_bytes(), NZUsize!(DATA_MAILBOX));
        let settings = data_settings(key.clone(), &namespace, listen_data, members, (bytes, mailbox));
        let (mut data_network, data_peers) = track(context.child("data"), settings, data);
        let (pushes, fetches) = data_quotas();
        let data = DataSeat {
            push: channel(&mut data_network, 0, pushes),
            fetch: channel(&mut data_network, 1, fetches),
            peers: data_peers.clone(),
            blocker: data_peers,
        };
        let roster = Roster { me: Some(me), votes: peers.clone(), data: data.peers.clone(), number: 0 };
        Ok(Link { channels, peers, data, roster, tasks: Some((network.start(), data_network.start())) })
    }
}

/// This validator on both networks.
struct Me {
    key: PublicKey,
    listen: SocketAddr,
    listen_data: SocketAddr,
}

type Addresses = Vec<(PublicKey, Address)>;

impl Me {
    /// It and the others, as the two networks want them.
    fn with(&self, peers: &[Peer]) -> Result<(Addresses, Addresses), Error> {
        let mut votes = vec![(self.key.clone(), Address::Symmetric(self.listen))];
        let mut data = vec![(self.key.clone(), Address::Symmetric(self.listen_data))];
        for peer in peers {
            let name = keys::public_key(&peer.account)?;
            if name != self.key {
                votes.push((name.clone(), Address::Symmetric(peer.address)));
                data.push((name, Address::Symmetric(peer.data)));
            }
        }
        Ok((votes, data))
    }
}

/// Whom the two networks are connected to; changes when the application says so.
pub(crate) struct Roster {
    me: Option<Me>,
    votes: LinkPeers,
    data: LinkPeers,
    /// Of the list that is in use.
    number: u64,
}

impl Roster {
    /// Takes up every list of the application's. Never returns.
    pub(crate) async fn keep(mut self, mut named: watch::Receiver<Option<Vec<Peer>>>) {
        loop {
            let peers = named.borrow_and_update().clone();
            if let (Some(me), Some(peers)) = (&self.me, peers) {
                let known: Vec<Peer> = peers.into_iter().take(MAX_PEERS - 1).collect();
                match me.with(&known) {
                    Ok((votes, data)) => {
                        self.number += 1;
                        info!(others = known.len(), "the list of replicas has changed");
                        self.votes.track(self.number, votes);
                        self.data.track(self.number, data);
                    }
                    Err(error) => warn!(%error, "the list of replicas cannot be used; the old one stays"),
                }
            }
            if named.changed().await.is_err() {
                return pending().await;
            }
        }
    }
}

type Handshake = cups::Cups<Sake<PrivateKey>, ChaCha20Poly1305>;
type Network = lookup::Network<Context, Handshake>;

/// A network that knows these peers.
fn track(
    context: Context,
    settings: lookup::Config<Handshake>,
    peers: Vec<(PublicKey, Address)>,
) -> (Network, LinkPeers) {
    let (network, mut oracle) = lookup::Network::new(context, settings);
    // Accounts of a genesis are unique, so nothing is lost here.
    let _ = oracle.track(0, Map::from_iter_dedup(peers));
    (network, LinkPeers::Wire(oracle))
}

/// A channel of a network, as the engine takes it.
fn channel(network: &mut Network, number: u64, quota: Quota) -> (LinkSender, LinkReceiver) {
    let (sender, receiver) = network.register(number, quota);
    (LinkSender::Wire(sender), LinkReceiver::Wire(receiver))
}

fn settings(
    key: PrivateKey,
    namespace: &[u8],
    listen: SocketAddr,
    members: usize,
    (max_message_bytes, mailbox): (u32, NonZeroUsize),
) -> lookup::Config<Handshake> {
    let sake = Sake {
        signer: key,
        synchrony_bound: MAX_CLOCK_DIFFERENCE,
        max_handshake_age: MAX_CLOCK_DIFFERENCE,
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
            max_message_bytes,
            mailbox,
        )
    }
}

fn data_settings(
    key: PrivateKey,
    namespace: &[u8],
    listen: SocketAddr,
    members: usize,
    sizes: (u32, NonZeroUsize),
) -> lookup::Config<Handshake> {
    lookup::Config { block_duration: LIAR_SHUT_OUT, ..settings(key, namespace, listen, members, sizes) }
}
