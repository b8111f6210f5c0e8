//! What a replica knows of the others' addresses, and whether they can be reached from here.
//!
//! Reached means: its port for votes takes a connection. It is tried when somebody asks, and the answer is kept for
//! a moment, so that questions cannot be turned into a flood of connections.

use super::{Address, Seat};
use crate::limits::{REACH_KEPT, REACH_TIMEOUT};
use moot_record::AccountId;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// The other replicas.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    /// Where this replica takes votes and batches.
    own: Option<(SocketAddr, SocketAddr)>,
    peers: BTreeMap<AccountId, SocketAddr>,
    gateways: BTreeMap<AccountId, Address>,
    seen: Mutex<Option<(Instant, BTreeMap<AccountId, bool>)>>,
}

impl Neighbours {
    pub(crate) fn of(seat: &Seat) -> Neighbours {
        Neighbours {
            own: Some((seat.listen, seat.listen_data)),
            peers: seat.peers.iter().map(|peer| (peer.account, peer.address)).collect(),
            gateways: seat.gateways.iter().cloned().collect(),
            seen: Mutex::default(),
        }
    }

    /// Where this replica takes votes and batches, when it has others.
    pub(crate) fn own(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.own
    }

    /// Where another replica's gateway is.
    pub(crate) fn gateway(&self, account: &AccountId) -> Option<&Address> {
        self.gateways.get(account)
    }

    /// Whether there are others.
    pub(crate) fn is_alone(&self) -> bool {
        self.peers.is_empty()
    }

    /// Which of the others can be reached.
    pub(crate) async fn reachable(&self) -> BTreeMap<AccountId, bool> {
        // Held while it is tried: who asks at the same time gets the same answer.
        let mut seen = self.seen.lock().await;
        if let Some((when, answer)) = &*seen
            && when.elapsed() < REACH_KEPT
        {
            return answer.clone();
        }
        let tries = self.peers.iter().map(|(account, address)| async move {
            let connected = tokio::time::timeout(REACH_TIMEOUT, TcpStream::connect(address)).await;
            (*account, matches!(connected, Ok(Ok(_))))
        });
        let answer: BTreeMap<_, _> = futures::future::join_all(tries).await.into_iter().collect();
        *seen = Some((Instant::now(), answer.clone()));
        answer
    }
}
