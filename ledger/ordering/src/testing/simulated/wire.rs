//! The simulated networks' channels, with what the simulated networks cannot do by themselves.
//!
//! ```text
//!   engine ──► WireSender ──► reach (a twin talks to some only) ──► late, twice ──► simulated network
//!   engine ◄── WireReceiver ◄── router (a twin hears some only) ◄────────────────── simulated network
//! ```

use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{
    CheckedSender, LimitedSender, Message, Receiver, Recipients,
    simulated::{self, Error},
};
use commonware_runtime::{Clock as _, IoBufs, deterministic::Context};
use commonware_utils::{NZUsize, channel::mpsc, futures::Pool};
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    future::pending,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub(crate) type RawSender = simulated::Sender<PublicKey, Context>;
pub(crate) type RawReceiver = simulated::Receiver<PublicKey>;

/// Numbers that follow from a seed and from nothing else.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// One of `n` numbers from nought on.
    pub fn roll(&mut self, n: u64) -> u64 {
        // SplitMix64, from its definition: even a counter makes a good sequence.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A message that arrives later than it should, or once more.
struct Letter {
    at: SystemTime,
    from: RawSender,
    to: Vec<PublicKey>,
    message: IoBufs,
}

/// Delays and repeats messages.
pub(crate) struct Post {
    dice: Mutex<Dice>,
    /// Of a hundred messages, how many are delayed, and how many repeated.
    percent: Mutex<u64>,
    letters: mpsc::UnboundedSender<Letter>,
    clock: Context,
}

impl Post {
    /// A post that does nothing yet, and the work it has to do.
    pub(crate) fn new(seed: u64, clock: Context) -> (Arc<Post>, impl Future<Output = ()> + Send + use<>) {
        let (letters, mut posted) = mpsc::unbounded_channel::<Letter>();
        let runtime = commonware_runtime::Supervisor::child(&clock, "letters");
        let dice = Mutex::new(Dice::new(seed));
        let work = async move {
            let mut bag: Pool<'static, ()> = Pool::default();
            loop {
                select! {
                    letter = posted.recv() => {
                        let Some(mut letter) = letter else { return };
                        let due = runtime.sleep_until(letter.at);
                        bag.push(async move {
                            due.await;
                            if let Ok(checked) = letter.from.check(Recipients::Some(letter.to)) {
                                let _ = checked.send(letter.message, false);
                            }
                        });
                    },
                    () = bag.next_completed() => {},
                }
            }
        };
        (Arc::new(Post { dice, percent: Mutex::new(0), letters, clock }), work)
    }

    /// Delays and repeats this share of all messages from now on.
    pub(crate) fn disturb(&self, percent: u64) {
        *self.percent.lock() = percent;
    }

    /// Whether a message goes now, and whether it goes later.
    fn fate(&self) -> (bool, Option<SystemTime>) {
        let percent = *self.percent.lock();
        if percent == 0 {
            return (true, None);
        }
        let mut dice = self.dice.lock();
        let later = self.clock.current() + Duration::from_millis(1 + dice.roll(400));
        match dice.roll(100) {
            roll if roll < percent => (false, Some(later)),
            roll if roll < 2 * percent => (true, Some(later)),
            _ => (true, None),
        }
    }
}

/// Sends to those it may reach.
#[derive(Clone)]
pub(crate) struct WireSender {
    pub(crate) inner: RawSender,
    /// None for all.
    pub(crate) reach: Option<Arc<BTreeSet<PublicKey>>>,
    pub(crate) post: Arc<Post>,
}

pub(crate) struct WireChecked<'a> {
    inner: <RawSender as LimitedSender>::Checked<'a>,
    again: RawSender,
    post: Arc<Post>,
}

impl LimitedSender for WireSender {
    type PublicKey = PublicKey;
    type Checked<'a> = WireChecked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<WireChecked<'_>, SystemTime> {
        let recipients = match (&self.reach, recipients) {
            (None, recipients) => recipients,
            (Some(reach), Recipients::All) => Recipients::Some(reach.iter().cloned().collect()),
            (Some(reach), Recipients::One(one)) => {
                Recipients::Some([one].into_iter().filter(|one| reach.contains(one)).collect())
            }
            (Some(reach), Recipients::Some(some)) => {
                Recipients::Some(some.into_iter().filter(|one| reach.contains(one)).collect())
            }
        };
        let (again, post) = (self.inner.clone(), Arc::clone(&self.post));
        Ok(WireChecked { inner: self.inner.check(recipients)?, again, post })
    }
}

impl CheckedSender for WireChecked<'_> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.inner.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message: IoBufs = message.into();
        let (now, later) = self.post.fate();
        if let Some(at) = later {
            let (to, message) = (self.inner.recipients(), message.clone());
            let _ = self.post.letters.send(Letter { at, from: self.again, to, message });
        }
        if now { self.inner.send(message, priority) } else { Unreliable::new(Feedback::Ok) }
    }
}

/// Receives from all, or what a router lets through.
#[derive(Debug)]
pub(crate) enum WireReceiver {
    Direct(RawReceiver),
    Routed(mpsc::UnboundedReceiver<Message<PublicKey>>),
}

impl Receiver for WireReceiver {
    type Error = Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Error> {
        match self {
            WireReceiver::Direct(receiver) => receiver.recv().await,
            WireReceiver::Routed(receiver) => match receiver.recv().await {
                Some(message) => Ok(message),
                None => pending().await,
            },
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        match self {
            WireReceiver::Direct(receiver) => receiver.capacity(),
            WireReceiver::Routed(_) => NZUsize!(1024),
        }
    }
}

/// Gives each of two receivers what comes from those that it may hear.
pub(crate) fn split(
    mut receiver: RawReceiver,
    reach: [Arc<BTreeSet<PublicKey>>; 2],
) -> ([WireReceiver; 2], impl Future<Output = ()> + Send) {
    let (first, one) = mpsc::unbounded_channel();
    let (second, other) = mpsc::unbounded_channel();
    let work = async move {
        while let Ok((from, message)) = receiver.recv().await {
            for (reach, to) in reach.iter().zip([&first, &second]) {
                if reach.contains(&from) {
                    let _ = to.send((from.clone(), message.clone()));
                }
            }
        }
    };
    ([WireReceiver::Routed(one), WireReceiver::Routed(other)], work)
}
