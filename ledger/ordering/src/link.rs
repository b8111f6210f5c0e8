//! The two networks that an engine may run on, behind one set of types.
//!
//! ```text
//!   Nobody: sends reach nobody, nothing is ever received, the only peer is this validator.
//!           No socket, no thread.
//!   Wire:   commonware's authenticated network over TCP.
//! ```
//!
//! The engine cannot tell which it has, and is compiled once for both.

use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    Address, AddressableManager as _, BlockedSubscription, Blocker, CheckedSender, LimitedSender, Message,
    PeerSetSubscription, PeerSetUpdate, Provider, Receiver, Recipients, TrackedPeers, authenticated::lookup,
};
use commonware_runtime::{IoBufs, tokio::Context};
use commonware_utils::{
    NZUsize,
    channel::{mpsc, ring},
    ordered::{Map, Set},
};
use parking_lot::Mutex;
use std::{num::NonZeroUsize, sync::Arc, time::SystemTime};

type WireSender = lookup::Sender<PublicKey, Context>;
type WireReceiver = lookup::Receiver<PublicKey>;

/// Index of the peer set of a validator without peers.
const PEER_SET: u64 = 0;

/// Sends over the wire, or to nobody.
#[derive(Clone)]
pub(crate) enum LinkSender {
    Nobody,
    Wire(WireSender),
}

/// A send whose recipients have been checked against their quota.
#[allow(clippy::large_enum_variant, reason = "lives for one call; a box would cost an allocation a message")]
pub(crate) enum LinkChecked<'a> {
    Nobody,
    Wire(<WireSender as LimitedSender>::Checked<'a>),
}

impl LimitedSender for LinkSender {
    type PublicKey = PublicKey;
    type Checked<'a> = LinkChecked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<LinkChecked<'_>, SystemTime> {
        match self {
            LinkSender::Nobody => Ok(LinkChecked::Nobody),
            LinkSender::Wire(sender) => sender.check(recipients).map(LinkChecked::Wire),
        }
    }
}

impl CheckedSender for LinkChecked<'_> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        match self {
            LinkChecked::Nobody => Vec::new(),
            LinkChecked::Wire(sender) => sender.recipients(),
        }
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        match self {
            LinkChecked::Nobody => Unreliable::new(Feedback::Ok),
            LinkChecked::Wire(sender) => CheckedSender::send(sender, message, priority),
        }
    }
}

/// Receives from the wire, or from nobody.
#[derive(Debug)]
pub(crate) enum LinkReceiver {
    Nobody,
    Wire(WireReceiver),
}

impl Receiver for LinkReceiver {
    type Error = lookup::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, lookup::Error> {
        match self {
            LinkReceiver::Nobody => std::future::pending().await,
            LinkReceiver::Wire(receiver) => receiver.recv().await,
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        match self {
            LinkReceiver::Nobody => NZUsize!(1),
            LinkReceiver::Wire(receiver) => receiver.capacity(),
        }
    }
}

/// Knows and blocks peers on the wire, or knows nobody.
#[derive(Clone, Debug)]
pub(crate) enum LinkPeers {
    Nobody(Alone),
    Wire(lookup::Oracle<PublicKey>),
}

impl LinkPeers {
    /// Is connected to these, and to nobody else.
    pub(crate) fn track(&mut self, number: u64, peers: Vec<(PublicKey, Address)>) {
        if let LinkPeers::Wire(oracle) = self {
            // Accounts are unique, so nothing is lost here. Without a network nobody listens.
            let _ = oracle.track(number, Map::from_iter_dedup(peers));
        }
    }
}

impl Provider for LinkPeers {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<PublicKey>> {
        match self {
            LinkPeers::Nobody(alone) => alone.peer_set(id).await,
            LinkPeers::Wire(oracle) => oracle.peer_set(id).await,
        }
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        match self {
            LinkPeers::Nobody(alone) => alone.subscribe().await,
            LinkPeers::Wire(oracle) => oracle.subscribe().await,
        }
    }
}

impl Blocker for LinkPeers {
    type PublicKey = PublicKey;

    fn block(&mut self, peer: PublicKey) -> Feedback {
        match self {
            LinkPeers::Nobody(alone) => alone.block(peer),
            LinkPeers::Wire(oracle) => oracle.block(peer),
        }
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        match self {
            LinkPeers::Nobody(alone) => alone.blocked(),
            LinkPeers::Wire(oracle) => oracle.blocked(),
        }
    }
}

/// Knows of one peer: this validator. Blocks nobody.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    me: PublicKey,
    /// A closed subscription would stop its reader, so the other ends live as long as this.
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    sets: Vec<mpsc::UnboundedSender<PeerSetUpdate<PublicKey>>>,
    blocked: Vec<ring::Sender<Set<PublicKey>>>,
}

impl Alone {
    /// The network of `me`.
    pub(crate) fn new(me: PublicKey) -> Alone {
        Alone { me, open: Arc::default() }
    }

    fn peers(&self) -> TrackedPeers<PublicKey> {
        TrackedPeers::primary(Set::from_iter_dedup([self.me.clone()]))
    }
}

impl Provider for Alone {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<PublicKey>> {
        (id == PEER_SET).then(|| self.peers())
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let update = PeerSetUpdate { index: PEER_SET, latest: self.peers(), all: self.peers() };
        // The receiver is in hand, so this cannot fail.
        let _ = sender.send(update);
        self.open.lock().sets.push(sender);
        receiver
    }
}

impl Blocker for Alone {
    type PublicKey = PublicKey;

    fn block(&mut self, _: PublicKey) -> Feedback {
        Feedback::Ok
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        let (sender, receiver) = ring::channel(NZUsize!(1));
        self.open.lock().blocked.push(sender);
        receiver
    }
}
