//! The data plane: moves bytes that the blocks name, on a network of its own.
//!
//! ```text
//!   Plane.push ──► outbox ──► push channel ══► peers ══► push channel ──► Application::pushed
//!   Plane.fetch ─► wants ──► resolver ══ request ══► peer's resolver ──► Application::supply
//!                               ▲◄═══════ answer ═════════════┘
//!                               └──► Application::accept ──► true: had; false: that peer has lied
//! ```
//!
//! - **Requires**: an application that answers promptly, and that calls bytes wrong only if they are: a
//!   peer whose answer is refused is shut out for [`LIAR_SHUT_OUT`](crate::limits::LIAR_SHUT_OUT).
//! - **Provides**: what is wanted is asked for until it comes, while one honest peer that can be reached
//!   has it. A peer that floods is slowed down to its allowance, one that is silent costs a timeout now and
//!   then, and neither stops the others.
//! - **Does not provide**: delivery of pushes, or any check of the bytes.

use crate::{
    Application, Wanted,
    late::Late,
    limits::{
        FETCH_RETRY_DELAY, FETCH_TIMEOUT, MAILBOX, MAX_DATA_BYTES, MAX_SUPPLIED, MAX_SUPPLY_BACKLOG,
        PUSH_AGAIN, PUSHED_BYTES_PER_SECOND, SUPPLIED_BYTES_PER_SECOND,
    },
    meter::{Meter, metered},
    plane::PlaneEnd,
    wanted::Key,
};
use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{Blocker, CheckedSender as _, Provider, Receiver, Recipients, Sender};
use commonware_resolver::{
    Consumer, Delivery, Resolver,
    p2p::{self, Mailbox, Producer},
};
use commonware_runtime::{Clock, Handle, Metrics, Spawner};
use commonware_utils::{
    NZDuration, NZUsize,
    channel::{mpsc, oneshot},
    futures::Pool,
};
use futures::future::{Either, pending};
use moot_record::AccountId;
use rand::CryptoRng;
use std::sync::Arc;
use tracing::{debug, error, warn};

/// What the data plane is connected to.
pub(crate) struct DataSeat<S, R, P, B> {
    /// New batches, unasked for.
    pub(crate) push: (S, R),
    /// Requests and answers.
    pub(crate) fetch: (S, R),
    /// The peers on this network.
    pub(crate) peers: P,
    /// The means to shut one out of this network.
    pub(crate) blocker: B,
}

/// Starts the data plane of the validator `me`. Every task ends with `context`; none ends before in health.
pub(crate) fn start<E, S, R, P, B>(
    context: &E,
    me: PublicKey,
    seat: DataSeat<S, R, P, B>,
    app: &Arc<dyn Application>,
    end: PlaneEnd,
) -> Vec<Handle<()>>
where
    E: Clock + Spawner + CryptoRng + Metrics,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
{
    let end = Arc::new(end);
    let (answers, answered) = mpsc::unbounded_channel();
    let (requests, requested) = mpsc::channel(MAX_SUPPLY_BACKLOG);
    let settings = p2p::Config {
        peer_provider: seat.peers,
        blocker: seat.blocker,
        consumer: Inbox(answers),
        producer: Counter(requests),
        mailbox_size: NZUsize!(MAILBOX),
        me: Some(me),
        fetch_timeout: NZDuration!(FETCH_TIMEOUT),
        fetch_retry_delay: FETCH_RETRY_DELAY,
        // Small, and somebody waits for it: it overtakes the batches.
        priority_requests: true,
        priority_responses: false,
    };
    let (engine, resolver) = p2p::Engine::new(context.child("fetch"), settings);
    let fetch = metered(seat.fetch, context.child("pace"), Meter::new(SUPPLIED_BYTES_PER_SECOND));
    let (sender, receiver) = seat.push;
    let (outbox, wants) = (Arc::clone(&end), end);
    let (taking, judging, supplying) = (Arc::clone(app), Arc::clone(app), Arc::clone(app));
    vec![
        engine.start(fetch),
        context.child("pusher").spawn(move |context| push(context, sender, outbox)),
        context.child("pushed").spawn(move |context| pushed(context, receiver, taking)),
        context.child("wants").spawn(move |context| fetched(context, wants, resolver, answered, judging)),
        context.child("supply").spawn(move |_| supply(requested, supplying)),
    ]
}

/// Sends what the application pushes. A peer whose connection comes up a moment later gets it then: at the start of a
/// network all of them do, and would else hear of the first batches from the first leader that has them.
async fn push<E: Clock, S: Sender<PublicKey = PublicKey>>(context: E, mut sender: S, end: Arc<PlaneEnd>) {
    let mut late = Late::default();
    loop {
        let next = async {
            match late.is_empty() {
                true => pending().await,
                false => context.sleep(PUSH_AGAIN).await,
            }
        };
        select! {
            bytes = end.next_push() => {
                let reached = send(&context, &mut sender, Recipients::All, bytes.clone()).await;
                late.sent(context.current(), bytes, reached);
            },
            _ = next => {
                // Whoever is connected now, or has its allowance again.
                let connected = sender.check(Recipients::All).map(|checked| checked.recipients());
                for (bytes, missed) in late.missed(context.current(), &connected.unwrap_or_default()) {
                    send(&context, &mut sender, Recipients::Some(missed), bytes).await;
                }
            },
        }
    }
}

/// Sends to those who may be sent to, and says whom: best effort, whoever is not reached fetches it.
async fn send<E: Clock, S: Sender<PublicKey = PublicKey>>(
    context: &E,
    sender: &mut S,
    to: Recipients<PublicKey>,
    bytes: Bytes,
) -> Vec<PublicKey> {
    loop {
        // All peers have the same quota and get the same, so it is used up for all or for none.
        let free = match sender.check(to.clone()) {
            Ok(checked) => {
                let reached = checked.recipients();
                let _ = checked.send(bytes, false);
                return reached;
            }
            Err(free) => free,
        };
        context.sleep_until(free).await;
    }
}

/// Hands over what peers push, up to each one's allowance.
async fn pushed<E: Clock, R: Receiver<PublicKey = PublicKey>>(
    context: E,
    mut receiver: R,
    app: Arc<dyn Application>,
) {
    let meter = Meter::new(PUSHED_BYTES_PER_SECOND);
    loop {
        let (peer, bytes) = match receiver.recv().await {
            Ok(message) => message,
            // The network has ended, and whoever watches it says why.
            Err(_) => return pending().await,
        };
        let now = context.current();
        if bytes.len() > MAX_DATA_BYTES || meter.free_at(&peer) > now {
            debug!(%peer, bytes = bytes.len(), "push dropped");
            continue;
        }
        meter.charge(&peer, bytes.len(), now);
        app.pushed(account(&peer), bytes.into());
    }
}

fn account(peer: &PublicKey) -> AccountId {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(peer.as_ref());
    AccountId::from_bytes(bytes)
}

type Answer = (Wanted, Bytes, oneshot::Sender<bool>);

/// Takes the resolver's answers. Unbounded in form; there is at most one for each that is asked for.
#[derive(Clone)]
struct Inbox(mpsc::UnboundedSender<Answer>);

impl Consumer for Inbox {
    type Key = Key;
    type Value = Bytes;
    type Subscriber = ();
    type Outcome = bool;

    fn deliver(&mut self, delivery: Delivery<Key, ()>, value: Bytes) -> oneshot::Receiver<bool> {
        let (sender, receiver) = oneshot::channel();
        // Without a receiver the engine is ending, and the verdict with it.
        let _ = self.0.send((delivery.key.0, value, sender));
        receiver
    }
}

/// Keeps the resolver asking for what is wanted, and the application judging what comes.
async fn fetched<E: Clock>(
    context: E,
    end: Arc<PlaneEnd>,
    mut resolver: Mailbox<Key, PublicKey>,
    mut answered: mpsc::UnboundedReceiver<Answer>,
    app: Arc<dyn Application>,
) {
    let mut verdicts: Pool<'static, (Wanted, bool)> = Pool::default();
    loop {
        let plan = end.plan(context.current());
        if !plan.stop.is_empty() {
            let stop = plan.stop;
            let _ = resolver.retain(move |key, ()| !stop.contains(&key.0));
        }
        if !plan.ask.is_empty() {
            let _ = resolver.fetch_all(plan.ask.into_iter().map(Key).collect());
        }
        let again = match plan.again {
            Some(at) => Either::Left(context.sleep_until(at)),
            None => Either::Right(pending()),
        };
        select! {
            _ = end.changed() => {},
            _ = again => {},
            (wanted, accepted) = verdicts.next_completed() => end.judged(&wanted, accepted),
            answer = answered.recv() => {
                let Some((wanted, bytes, verdict)) = answer else { return pending().await };
                // If it was forgotten meanwhile, a verdict dropped says nothing about the peer.
                if end.judge(&wanted) {
                    let app = Arc::clone(&app);
                    verdicts.push(async move {
                        let accepted = app.accept(&wanted, bytes).await;
                        if !accepted {
                            warn!(%wanted, "a peer's answer was refused");
                        }
                        let _ = verdict.send(accepted);
                        (wanted, accepted)
                    });
                }
            },
        }
    }
}

/// Takes peers' requests to the counter. One that finds it full is told that there is nothing.
#[derive(Clone)]
struct Counter(mpsc::Sender<(Wanted, oneshot::Sender<Bytes>)>);

impl Producer for Counter {
    type Key = Key;

    fn produce(&mut self, key: Key) -> oneshot::Receiver<Bytes> {
        let (sender, receiver) = oneshot::channel();
        let _ = self.0.try_send((key.0, sender));
        receiver
    }
}

/// Answers peers' requests, some at a time.
async fn supply(mut requested: mpsc::Receiver<(Wanted, oneshot::Sender<Bytes>)>, app: Arc<dyn Application>) {
    let mut supplies: Pool<'static, ()> = Pool::default();
    loop {
        let room = supplies.len() < MAX_SUPPLIED;
        let request = async { if room { requested.recv().await } else { pending().await } };
        // A place that becomes free is seen at the next turn of this loop.
        let request = select! {
            request = request => request,
            () = supplies.next_completed() => continue,
        };
        let Some((wanted, answer)) = request else { return pending().await };
        let app = Arc::clone(&app);
        supplies.push(async move {
            match app.supply(&wanted).await {
                Some(bytes) if bytes.len() <= MAX_DATA_BYTES => {
                    let _ = answer.send(bytes);
                }
                Some(bytes) => {
                    let bytes = bytes.len();
                    error!(%wanted, bytes, "too large for the network; split it into parts of at most 1 MiB");
                }
                None => {}
            }
        });
    }
}

#[cfg(test)]
mod tests;
