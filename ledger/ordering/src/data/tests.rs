//! The data plane alone, without consensus, in commonware's deterministic runtime.

use super::*;
use crate::{
    BoxFuture, Finalized, Plane, Proposal,
    limits::{FETCH_TURN, FETCH_WINDOW},
    network::{data_quotas, max_data_message_bytes},
};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use commonware_p2p::simulated::{self, Link, Oracle};
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use commonware_utils::probability;
use moot_record::{BlockHeader, Digest};
use parking_lot::Mutex;
use std::{collections::BTreeMap, time::Duration};

type Context = deterministic::Context;

/// Keeps what it is given, and gives what it has.
#[derive(Default)]
struct Shelf {
    things: Mutex<BTreeMap<Wanted, Bytes>>,
    pushed: Mutex<Vec<(AccountId, Bytes)>>,
    had: Mutex<Vec<Wanted>>,
    asked: Mutex<Vec<Wanted>>,
}

impl Application for Shelf {
    fn attach(&self, _: Plane) {}
    fn epoch(&self, _: u64) -> Option<crate::EpochPlan> {
        None
    }
    fn old_block(&self, _: crate::OldBlock) -> Option<crate::Finalized> {
        None
    }
    fn propose<'a>(&'a self, _: &'a [Digest], _: usize) -> BoxFuture<'a, Proposal> {
        Box::pin(pending())
    }
    fn state(&self) -> Digest {
        Digest::from_bytes([0; 32])
    }
    fn available<'a>(&'a self, _: &'a BlockHeader, _: &'a [Digest]) -> BoxFuture<'a, bool> {
        Box::pin(pending())
    }
    fn finalized(&self, _: Finalized, _: Box<dyn FnOnce() + Send>) {}
    fn pushed(&self, from: AccountId, bytes: Bytes) {
        self.pushed.lock().push((from, bytes));
    }
    fn supply<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Option<Bytes>> {
        self.asked.lock().push(*wanted);
        let found = self.things.lock().get(wanted).cloned();
        Box::pin(async move { found })
    }
    fn accept<'a>(&'a self, wanted: &'a Wanted, bytes: Bytes) -> BoxFuture<'a, bool> {
        let right = bytes.first() == Some(&wanted.kind);
        if right {
            self.had.lock().push(*wanted);
        }
        Box::pin(async move { right })
    }
    fn caught(&self, _: crate::Misconduct) {}
}

struct Node {
    name: PublicKey,
    shelf: Arc<Shelf>,
    plane: Plane,
    tasks: Vec<Handle<()>>,
}

/// `n` data planes with good links between them.
async fn mesh(context: &Context, n: u64) -> (Oracle<PublicKey, Context>, Vec<Node>) {
    let settings = simulated::Config {
        max_size: max_data_message_bytes(),
        max_peers_per_set: NZUsize!(8),
        disconnect_on_block: true,
        tracked_peer_sets: NZUsize!(1),
    };
    let names: Vec<PublicKey> = (0..n).map(|seed| PrivateKey::from_seed(seed).public_key()).collect();
    let (network, oracle) =
        simulated::Network::new_with_peers(context.child("network"), settings, names.clone()).await;
    network.start();
    let link =
        Link { latency: Duration::from_millis(10), jitter: Duration::ZERO, success_rate: probability!(1.0) };
    let mut nodes = Vec::new();
    for name in &names {
        for other in names.iter().filter(|other| *other != name) {
            oracle.add_link(name.clone(), other.clone(), link.clone()).await.unwrap();
        }
        nodes.push(open(context, &oracle, name.clone(), Arc::default()).await);
    }
    (oracle, nodes)
}

async fn open(
    context: &Context,
    oracle: &Oracle<PublicKey, Context>,
    name: PublicKey,
    shelf: Arc<Shelf>,
) -> Node {
    let control = oracle.control(name.clone());
    let (pushes, fetches) = data_quotas();
    let seat = DataSeat {
        push: control.register(0, pushes).await.unwrap(),
        fetch: control.register(1, fetches).await.unwrap(),
        peers: oracle.manager(),
        blocker: control,
    };
    let (plane, end) = Plane::new();
    let app = Arc::clone(&shelf) as Arc<dyn Application>;
    let context = context.child("node").with_attribute("at", format!("{:?}", context.current()));
    let tasks = start(&context, name.clone(), seat, &app, end);
    Node { name, shelf, plane, tasks }
}

fn thing(n: u64, bytes: usize) -> (Wanted, Bytes) {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&n.to_be_bytes());
    (Wanted { kind: 5, digest: Digest::from_bytes(digest), part: 3 }, Bytes::from(vec![5; bytes]))
}

/// Waits until it is so, and says how long that took.
async fn until(context: &Context, limit: Duration, so: impl Fn() -> bool) -> Duration {
    let since = context.current();
    loop {
        let waited = context.current().duration_since(since).unwrap();
        if so() {
            return waited;
        }
        assert!(waited < limit, "waited {waited:?}");
        context.sleep(Duration::from_millis(10)).await;
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_push_reaches_all_others_and_says_whose_it_is() {
    deterministic::Runner::default().start(|context| async move {
        let (_oracle, nodes) = mesh(&context, 4).await;
        assert!(nodes[1].plane.push(Bytes::from_static(b"a batch")));
        context.sleep(Duration::from_secs(1)).await;
        let from = account(&nodes[1].name);
        for (n, node) in nodes.iter().enumerate() {
            let expected = if n == 1 { vec![] } else { vec![(from, Bytes::from_static(b"a batch"))] };
            assert_eq!(*node.shelf.pushed.lock(), expected, "at {n}");
        }
    });
}

#[test]
fn what_one_has_is_found_and_asked_for_once() {
    deterministic::Runner::default().start(|context| async move {
        let (_oracle, nodes) = mesh(&context, 4).await;
        let (wanted, bytes) = thing(1, 100);
        nodes[3].shelf.things.lock().insert(wanted, bytes);
        (0..5).for_each(|_| assert!(nodes[0].plane.fetch(wanted)));
        until(&context, MINUTE, || !nodes[0].shelf.had.lock().is_empty()).await;
        context.sleep(MINUTE).await;
        assert_eq!(*nodes[0].shelf.had.lock(), [wanted], "once");
        assert_eq!(*nodes[3].shelf.asked.lock(), [wanted], "not a second time");
    });
}

#[test]
fn a_request_outlives_the_restart_of_the_only_one_that_has_it() {
    deterministic::Runner::default().start(|context| async move {
        let (oracle, mut nodes) = mesh(&context, 2).await;
        let (wanted, bytes) = thing(1, 100);
        let other = nodes.pop().unwrap();
        other.tasks.iter().for_each(Handle::abort);
        assert!(nodes[0].plane.fetch(wanted));
        context.sleep(MINUTE).await;
        other.shelf.things.lock().insert(wanted, bytes);
        let _other = open(&context, &oracle, other.name, other.shelf).await;
        until(&context, MINUTE, || !nodes[0].shelf.had.lock().is_empty()).await;
    });
}

#[test]
fn what_is_forgotten_is_asked_for_no_more() {
    deterministic::Runner::default().start(|context| async move {
        let (_oracle, nodes) = mesh(&context, 2).await;
        let (wanted, bytes) = thing(1, 100);
        assert!(nodes[0].plane.fetch(wanted));
        context.sleep(Duration::from_secs(2)).await;
        nodes[0].plane.forget(&wanted);
        context.sleep(Duration::from_secs(1)).await;
        nodes[1].shelf.things.lock().insert(wanted, bytes);
        let asked = nodes[1].shelf.asked.lock().len();
        context.sleep(MINUTE).await;
        assert_eq!(nodes[1].shelf.asked.lock().len(), asked);
        assert!(nodes[0].shelf.had.lock().is_empty());
        assert!(nodes[0].plane.fetch(wanted));
        until(&context, MINUTE, || !nodes[0].shelf.had.lock().is_empty()).await;
    });
}

#[test]
fn names_that_nobody_can_answer_hold_nobody_up_for_long() {
    deterministic::Runner::default().start(|context| async move {
        let (_oracle, nodes) = mesh(&context, 4).await;
        (0..2 * FETCH_WINDOW as u64).for_each(|n| assert!(nodes[0].plane.fetch(thing(n, 1).0)));
        let (wanted, bytes) = thing(1000, 100);
        nodes[2].shelf.things.lock().insert(wanted, bytes);
        assert!(nodes[0].plane.fetch(wanted));
        let limit = FETCH_TURN * 3;
        until(&context, limit, || !nodes[0].shelf.had.lock().is_empty()).await;
    });
}

#[test]
fn a_liar_is_shut_out_and_the_others_are_asked() {
    deterministic::Runner::default().start(|context| async move {
        let (oracle, nodes) = mesh(&context, 3).await;
        for n in 0..20 {
            let (wanted, bytes) = thing(n, 100);
            nodes[1].shelf.things.lock().insert(wanted, Bytes::from_static(b"lies"));
            nodes[2].shelf.things.lock().insert(wanted, bytes);
            assert!(nodes[0].plane.fetch(wanted));
        }
        until(&context, MINUTE, || nodes[0].shelf.had.lock().len() == 20).await;
        let blocked = oracle.blocked().await.unwrap();
        assert_eq!(blocked, [(nodes[0].name.clone(), nodes[1].name.clone())]);
    });
}

#[test]
fn something_too_large_is_not_answered_and_harms_nobody() {
    deterministic::Runner::default().start(|context| async move {
        let (oracle, nodes) = mesh(&context, 2).await;
        let (large, bytes) = thing(1, MAX_DATA_BYTES + 1);
        nodes[1].shelf.things.lock().insert(large, bytes);
        let (fits, bytes) = thing(2, MAX_DATA_BYTES);
        nodes[1].shelf.things.lock().insert(fits, bytes);
        assert!(nodes[0].plane.fetch(large) && nodes[0].plane.fetch(fits));
        until(&context, MINUTE, || *nodes[0].shelf.had.lock() == [fits]).await;
        assert!(oracle.blocked().await.unwrap().is_empty());
    });
}

#[test]
fn a_greedy_peer_is_answered_at_its_allowance_and_a_modest_one_at_once() {
    deterministic::Runner::default().start(|context| async move {
        let (_oracle, nodes) = mesh(&context, 3).await;
        let (many, modest) = (40, 1000);
        let (_, bytes) = thing(0, MAX_DATA_BYTES);
        for n in (0..many).chain([modest]) {
            nodes[2].shelf.things.lock().insert(thing(n, 0).0, bytes.clone());
        }
        (0..many).for_each(|n| assert!(nodes[0].plane.fetch(thing(n, 0).0)));
        context.sleep(Duration::from_millis(200)).await;
        assert!(nodes[1].plane.fetch(thing(modest, 0).0));
        let second = Duration::from_secs(1);
        let short = until(&context, MINUTE, || nodes[1].shelf.had.lock().len() == 1).await;
        let long = until(&context, MINUTE, || nodes[0].shelf.had.lock().len() == many as usize).await;
        // A second's worth was saved up, and what is asked for at once is answered before it is paid for.
        let worth = |things: usize| second * (things * MAX_DATA_BYTES / 1024 / 1024) as u32 / 64;
        let least = worth(many as usize) - second - worth(FETCH_WINDOW) - second / 2;
        assert!(short < second, "{short:?}");
        assert!(long > least, "{long:?}, {least:?}");
    });
}
