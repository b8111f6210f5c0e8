//! What a replica knows of the others' addresses, and whether they can be reached from here.
//!
//! Reached means: its port for votes takes a connection. It is tried when somebody asks, and the answer is kept for
//! a moment, so that questions cannot be turned into a flood of connections.
//!
//! A replica that was away for longer than the others keep old blocks cannot catch up from them. It finds that out by
//! asking their gateways for the block that it needs next, as far as it knows them.

use super::{Address, Seat};
use crate::client::{Client, ClientError, NodeAddress};
use crate::limits::{HISTORY_TIMEOUT, REACH_KEPT, REACH_TIMEOUT};
use futures::future::join_all;
use http::StatusCode;
use moot_record::AccountId;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};

/// The other replicas.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    /// Where this replica takes votes and batches.
    own: Option<(SocketAddr, SocketAddr)>,
    peers: BTreeMap<AccountId, SocketAddr>,
    gateways: BTreeMap<AccountId, Address>,
    seen: Mutex<Option<(Instant, BTreeMap<AccountId, bool>)>>,
    /// Why this replica cannot catch up, when that is so.
    lost: parking_lot::Mutex<Option<String>>,
}

impl Neighbours {
    pub(crate) fn of(seat: &Seat) -> Neighbours {
        Neighbours {
            own: Some((seat.listen, seat.listen_data)),
            peers: seat.peers.iter().map(|peer| (peer.account, peer.address)).collect(),
            gateways: seat.gateways.iter().cloned().collect(),
            seen: Mutex::default(),
            lost: parking_lot::Mutex::default(),
        }
    }

    /// Why this replica cannot catch up from the others, when that is so.
    pub(crate) fn lost(&self) -> Option<String> {
        self.lost.lock().clone()
    }

    /// Looks, while nothing is agreed on here for a while, whether the others still have the block that comes next.
    /// `height` is the last block's here. Returns when told to stop, or at once when nothing can be missed.
    pub(crate) async fn keep_looking(
        self: Arc<Self>,
        height: impl Fn() -> u64,
        after: Option<Duration>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let Some(after) = after else { return };
        let (mut seen, mut since) = (height(), Instant::now());
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(after / 3) => {}
            }
            let now = height();
            if now != seen {
                (seen, since) = (now, Instant::now());
                self.note_lost(None);
            } else if since.elapsed() >= after {
                tokio::select! {
                    _ = stopping.wait_for(|stop| *stop) => return,
                    () = self.look_for(now + 1) => {}
                }
            }
        }
    }

    /// Takes up whether this replica can catch up.
    fn note_lost(&self, why: Option<String>) {
        *self.lost.lock() = why;
    }

    /// Asks the others whether they have a block, and notes when it is gone from all that answer.
    async fn look_for(&self, height: u64) {
        let questions = self.gateways.iter().map(|(account, gateway)| async move {
            let client = Client::new(NodeAddress::parse(&gateway.to_string()).ok()?);
            let asked = tokio::time::timeout(HISTORY_TIMEOUT, client.block(height)).await.ok()?;
            Some((account, asked.map(|found| found.is_some())))
        });
        let answers: Vec<_> = join_all(questions).await.into_iter().flatten().collect();
        let why = match history(height, &answers) {
            History::Kept | History::Unknown => None,
            History::Gone(who) => Some(format!(
                "cannot catch up: it needs block {height} next, and {who} pruned it. Start a replica that still has that \
                 block (one that keeps everything, or a copy of one), or begin anew in an empty data folder on a network \
                 where somebody keeps everything"
            )),
        };
        if let Some(why) = why.as_ref().filter(|why| self.lost().as_ref() != Some(*why)) {
            tracing::error!("{why}");
        }
        self.note_lost(why);
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
        let answer: BTreeMap<_, _> = join_all(tries).await.into_iter().collect();
        *seen = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// Whether the others have a block.
#[derive(Debug, PartialEq, Eq)]
enum History {
    /// Somebody has it.
    Kept,
    /// It is gone from those named.
    Gone(String),
    /// Nobody who could answered, or somebody has not got so far.
    Unknown,
}

/// What the answers to the question for a block mean. Who does not answer may have it, and is no help.
fn history(height: u64, answers: &[(&AccountId, Result<bool, ClientError>)]) -> History {
    let (mut gone, mut later) = (Vec::new(), false);
    for (account, answer) in answers {
        match answer {
            Ok(true) => return History::Kept,
            // It has not got so far either.
            Ok(false) => later = true,
            Err(ClientError::Refused(refusal)) if refusal.status == StatusCode::GONE => {
                gone.push(account.to_string());
            }
            Err(error) => tracing::debug!(%account, height, %error, "no answer about a block"),
        }
    }
    match gone.as_slice() {
        _ if later => History::Unknown,
        [] => History::Unknown,
        [one] => History::Gone(format!("the only one that answers ({one}) has")),
        all => History::Gone(format!("all that answer ({}) have", all.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Problem;
    use crate::client::Refusal;

    fn refused(status: StatusCode) -> Result<bool, ClientError> {
        let (headers, body) = (http::HeaderMap::new(), bytes::Bytes::new());
        let problem = Problem { status: status.as_u16(), ..Problem::default() };
        Err(ClientError::Refused(Box::new(Refusal { status, headers, problem, body })))
    }

    #[test]
    fn a_block_is_gone_only_when_everybody_who_answers_says_so() {
        let [one, other] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        let ask = |answers: [Result<bool, ClientError>; 2]| {
            let [first, second] = answers;
            history(7, &[(&one, first), (&other, second)])
        };
        let gone = || refused(StatusCode::GONE);
        assert_eq!(ask([gone(), Ok(true)]), History::Kept);
        assert_eq!(ask([gone(), Ok(false)]), History::Unknown, "it may have it one day");
        assert!(matches!(ask([gone(), gone()]), History::Gone(who) if who.contains(&other.to_string())));
        let busy = || refused(StatusCode::SERVICE_UNAVAILABLE);
        assert!(matches!(ask([gone(), busy()]), History::Gone(who) if who.contains("the only one")));
        assert_eq!(ask([busy(), busy()]), History::Unknown);
        assert_eq!(history(7, &[]), History::Unknown);
    }
}
