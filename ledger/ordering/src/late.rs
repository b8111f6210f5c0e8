//! The last pushes, for peers that were not reached.

use crate::limits::{LATE_FOR, MAX_LATE, MAX_LATE_BYTES};
use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use std::collections::VecDeque;
use std::time::SystemTime;

struct Pushed {
    at: SystemTime,
    bytes: Bytes,
    reached: Vec<PublicKey>,
}

/// What was pushed a moment ago, and to whom.
#[derive(Default)]
pub(crate) struct Late {
    pushes: VecDeque<Pushed>,
    bytes: usize,
}

impl Late {
    pub(crate) fn is_empty(&self) -> bool {
        self.pushes.is_empty()
    }

    /// Remembers a push, and forgets the oldest ones beyond the bounds.
    pub(crate) fn sent(&mut self, at: SystemTime, bytes: Bytes, reached: Vec<PublicKey>) {
        self.bytes += bytes.len();
        self.pushes.push_back(Pushed { at, bytes, reached });
        while self.pushes.len() > MAX_LATE || self.bytes > MAX_LATE_BYTES {
            self.forget();
        }
    }

    /// What those who are connected now have not been sent; they count as reached from here on.
    pub(crate) fn missed(
        &mut self,
        now: SystemTime,
        connected: &[PublicKey],
    ) -> Vec<(Bytes, Vec<PublicKey>)> {
        let old = |push: &Pushed| now.duration_since(push.at).is_ok_and(|age| age > LATE_FOR);
        while self.pushes.front().is_some_and(old) {
            self.forget();
        }
        let mut missed = Vec::new();
        for push in &mut self.pushes {
            let new: Vec<_> = connected.iter().filter(|peer| !push.reached.contains(peer)).cloned().collect();
            if !new.is_empty() {
                push.reached.extend(new.iter().cloned());
                missed.push((push.bytes.clone(), new));
            }
        }
        missed
    }

    fn forget(&mut self) {
        self.bytes -= self.pushes.pop_front().map_or(0, |push| push.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
    use std::time::Duration;

    fn peer(seed: u64) -> PublicKey {
        PrivateKey::from_seed(seed).public_key()
    }

    #[test]
    fn whoever_connects_soon_is_sent_what_it_missed_once() {
        let (mut late, began) = (Late::default(), SystemTime::UNIX_EPOCH);
        late.sent(began, Bytes::from_static(b"one"), vec![peer(1)]);
        late.sent(began, Bytes::from_static(b"two"), vec![peer(1), peer(2)]);
        let connected = [peer(1), peer(2), peer(3)];
        let missed = late.missed(began + LATE_FOR, &connected);
        assert_eq!(
            missed,
            [
                (Bytes::from_static(b"one"), vec![peer(2), peer(3)]),
                (Bytes::from_static(b"two"), vec![peer(3)])
            ]
        );
        assert_eq!(late.missed(began + LATE_FOR, &connected), []);
        let later = began + LATE_FOR + Duration::from_millis(1);
        assert_eq!(late.missed(later, &[peer(4)]), []);
        assert!(late.is_empty() && late.bytes == 0);
    }

    #[test]
    fn it_keeps_the_newest_within_its_bounds() {
        let (mut late, began) = (Late::default(), SystemTime::UNIX_EPOCH);
        for _ in 0..MAX_LATE + 3 {
            late.sent(began, Bytes::from_static(b"x"), Vec::new());
        }
        assert_eq!((late.pushes.len(), late.bytes), (MAX_LATE, MAX_LATE));
        late.sent(began, Bytes::from(vec![0; MAX_LATE_BYTES + 1]), Vec::new());
        assert!(late.is_empty() && late.bytes == 0);
    }
}
