//! What one peer may cost in bytes, measured, and who asks for more is served later.
//!
//! ```text
//!   requests ──► Paced (holds back who is over its allowance) ──► resolver ──► Counted ──► answers
//!                                  ▲                                              │ bytes
//!                                  └───────────────── Meter ◄─────────────────────┘
//! ```
//!
//! The network below counts messages. A request is 50 bytes and its answer may be 8 MiB, so bytes are
//! counted here. Holding a request back costs nothing; it is not answered before its turn, so it costs no
//! reading of the disk either. Bytes are counted when they are sent, so a peer can overdraw by what it asked for
//! in one breath, and is held back for that much longer after it.

use crate::limits::MAX_HELD_REQUESTS;
use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{CheckedSender, LimitedSender, Message, Receiver, Recipients};
use commonware_runtime::{Clock, IoBufs};
use futures::future::{Either, pending};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How many peers are remembered before those with nothing on their account are let go: members of two
/// committees, the largest there are.
const REMEMBERED: usize = 2 * moot_record::limits::MAX_VALIDATORS;

/// An allowance of bytes a second for each peer, with some saved up.
pub(crate) struct Meter {
    bytes_per_second: u64,
    saved: Duration,
    /// When each peer has paid off what it had, less what it may save up.
    paid: Mutex<BTreeMap<PublicKey, SystemTime>>,
}

impl Meter {
    /// An allowance of `bytes_per_second`, with up to a second's worth saved up.
    pub(crate) fn new(bytes_per_second: u64) -> Meter {
        Meter { bytes_per_second, saved: Duration::from_secs(1), paid: Mutex::default() }
    }

    /// Puts bytes on a peer's account.
    pub(crate) fn charge(&self, peer: &PublicKey, bytes: usize, now: SystemTime) {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second.max(1);
        let mut paid = self.paid.lock();
        if paid.len() >= REMEMBERED {
            paid.retain(|_, at| *at > now);
        }
        let start = now.checked_sub(self.saved).unwrap_or(SystemTime::UNIX_EPOCH);
        let at = paid.get(peer).map_or(start, |at| start.max(*at));
        paid.insert(peer.clone(), at + Duration::from_nanos(nanos));
    }

    /// From when on a peer may cost more. In the past for all but greedy ones.
    pub(crate) fn free_at(&self, peer: &PublicKey) -> SystemTime {
        self.paid.lock().get(peer).copied().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// Counts what is sent.
pub(crate) struct Counted<E, S> {
    inner: S,
    clock: Arc<E>,
    meter: Arc<Meter>,
}

impl<E, S: Clone> Clone for Counted<E, S> {
    fn clone(&self) -> Self {
        let (clock, meter) = (Arc::clone(&self.clock), Arc::clone(&self.meter));
        Counted { inner: self.inner.clone(), clock, meter }
    }
}

/// A send whose recipients have been checked against their quota.
pub(crate) struct CountedChecked<'a, C> {
    inner: C,
    meter: &'a Meter,
    now: SystemTime,
}

impl<E: Clock, S: LimitedSender<PublicKey = PublicKey>> LimitedSender for Counted<E, S> {
    type PublicKey = PublicKey;
    type Checked<'a> = CountedChecked<'a, S::Checked<'a>>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let inner = self.inner.check(recipients)?;
        Ok(CountedChecked { inner, meter: &self.meter, now: self.clock.current() })
    }
}

impl<C: CheckedSender<PublicKey = PublicKey>> CheckedSender for CountedChecked<'_, C> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.inner.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message: IoBufs = message.into();
        for peer in self.inner.recipients() {
            self.meter.charge(&peer, message.len(), self.now);
        }
        self.inner.send(message, priority)
    }
}

/// Holds back the messages of peers that are over their allowance.
pub(crate) struct Paced<E, R> {
    inner: R,
    clock: Arc<E>,
    meter: Arc<Meter>,
    /// By the time of their release, and number, since two may have one time.
    held: BTreeMap<(SystemTime, u64), Message<PublicKey>>,
    count: BTreeMap<PublicKey, usize>,
    next: u64,
}

impl<E, R> fmt::Debug for Paced<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").field("held", &self.held.len()).finish_non_exhaustive()
    }
}

/// Both ends of a channel, with what is sent on it limited by `meter`.
pub(crate) fn metered<E, S, R>(
    (sender, receiver): (S, R),
    clock: E,
    meter: Meter,
) -> (Counted<E, S>, Paced<E, R>) {
    let (clock, meter) = (Arc::new(clock), Arc::new(meter));
    let sender = Counted { inner: sender, clock: Arc::clone(&clock), meter: Arc::clone(&meter) };
    let (held, count) = (BTreeMap::new(), BTreeMap::new());
    (sender, Paced { inner: receiver, clock, meter, held, count, next: 0 })
}

impl<E: Clock, R: Receiver<PublicKey = PublicKey>> Paced<E, R> {
    /// Passes a message on, or holds it back and returns nothing.
    fn admit(&mut self, message: Message<PublicKey>) -> Option<Message<PublicKey>> {
        let free = self.meter.free_at(&message.0);
        if free <= self.clock.current() {
            return Some(message);
        }
        let count = self.count.entry(message.0.clone()).or_default();
        if *count < MAX_HELD_REQUESTS {
            *count += 1;
            self.held.insert((free, self.next), message);
            self.next += 1;
        }
        None
    }

    /// The first held message whose time has come and whose sender may still cost more.
    fn release(&mut self) -> Option<Message<PublicKey>> {
        while let Some(entry) = self.held.first_entry() {
            if entry.key().0 > self.clock.current() {
                return None;
            }
            let message = entry.remove();
            if let Some(count) = self.count.get_mut(&message.0) {
                *count -= 1;
                if *count == 0 {
                    self.count.remove(&message.0);
                }
            }
            // Those released before it may have used up what it waited for: then it waits again.
            if let Some(message) = self.admit(message) {
                return Some(message);
            }
        }
        None
    }
}

impl<E: Clock, R: Receiver<PublicKey = PublicKey>> Receiver for Paced<E, R> {
    type Error = R::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, R::Error> {
        loop {
            if let Some(message) = self.release() {
                return Ok(message);
            }
            let due = self.held.first_key_value().map(|(key, _)| key.0);
            let clock = Arc::clone(&self.clock);
            let due = match due {
                Some(due) => Either::Left(clock.sleep_until(due)),
                None => Either::Right(pending()),
            };
            let arrived = select! {
                message = self.inner.recv() => Some(message?),
                _ = due => None,
            };
            if let Some(message) = arrived
                && let Some(message) = self.admit(message)
            {
                return Ok(message);
            }
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::{Signer as _, ed25519::PrivateKey};

    #[test]
    fn an_allowance_is_saved_up_for_a_second_and_no_longer() {
        let meter = Meter::new(1000);
        let (peer, other) = (PrivateKey::from_seed(1).public_key(), PrivateKey::from_seed(2).public_key());
        let at = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1000) + Duration::from_millis(ms);
        meter.charge(&peer, 1000, at(0));
        assert_eq!(meter.free_at(&peer), at(0), "what was saved up");
        meter.charge(&peer, 500, at(0));
        assert_eq!(meter.free_at(&peer), at(500));
        assert!(meter.free_at(&other) < at(0), "each has its own");
        meter.charge(&peer, 1000, at(60_000));
        assert_eq!(meter.free_at(&peer), at(60_000), "a minute saves up no more");
    }
}
