//! Who sent a request, when it is signed, and that it is the first time.
//!
//! A signed request is worth something to whoever overhears it, for as long as its time window is open. So those
//! that were seen are remembered that long, in memory; and after a restart, those made before it are refused.

use crate::gateway::problem::{Failure, Kind};
use crate::limits::{MAX_SEEN_SIGNATURES, SIGNATURE_WINDOW};
use crate::signature::{self, SignatureProblem};
use http::request::Parts;
use moot_record::AccountId;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// The signed requests that were seen.
pub(crate) struct Requests {
    started_s: u64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    digests: HashSet<[u8; 32]>,
    by_time: BTreeSet<(u64, [u8; 32])>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Requests { started_s: now_s(), seen: Mutex::default() }
    }

    /// The account that signed a request; none when it is not signed.
    pub(crate) fn signer(&self, parts: &Parts, body: &[u8]) -> Result<Option<AccountId>, Failure> {
        if !is_signed(parts) {
            return Ok(None);
        }
        let now_s = now_s();
        let wrong = |e: SignatureProblem| Failure::new(Kind::SignatureWrong, e.to_string());
        let Some(verified) = signature::verify(parts, body, now_s).map_err(wrong)? else { return Ok(None) };
        if verified.created_s < self.started_s {
            let detail = "the request was signed before this node started, and it cannot know whether it was served; sign it again";
            return Err(Failure::new(Kind::SignatureWrong, detail));
        }
        self.first(verified.created_s, verified.digest, now_s)?;
        Ok(Some(verified.account))
    }

    fn first(&self, created_s: u64, digest: [u8; 32], now_s: u64) -> Result<(), Failure> {
        let mut seen = self.seen.lock();
        let seen = &mut *seen;
        // Beyond the window their time refuses them.
        let gone = now_s.saturating_sub(SIGNATURE_WINDOW.as_secs() + 1);
        let kept = seen.by_time.split_off(&(gone, [0; 32]));
        for (_, digest) in std::mem::replace(&mut seen.by_time, kept) {
            seen.digests.remove(&digest);
        }
        if seen.digests.contains(&digest) {
            let detail = "this signed request was served already; sign a new one, with another nonce";
            return Err(Failure::new(Kind::SignatureWrong, detail));
        }
        if seen.digests.len() >= MAX_SEEN_SIGNATURES {
            let detail = "more signed requests came in five minutes than are remembered; try again shortly";
            return Err(Failure::new(Kind::Busy, detail));
        }
        seen.digests.insert(digest);
        seen.by_time.insert((created_s, digest));
        Ok(())
    }
}

/// Whether a request says that it is signed.
pub(crate) fn is_signed(parts: &Parts) -> bool {
    parts.headers.contains_key("signature-input") || parts.headers.contains_key("signature")
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_64_a_signed_request_is_served_once() {
        // Whoever copies a signed request from the wire must not be able to have it done again.
        let requests = Requests::new();
        let now_s = 1_800_000_000;
        requests.first(now_s, [1; 32], now_s).unwrap();
        assert!(requests.first(now_s, [1; 32], now_s + 299).is_err());
        requests.first(now_s, [2; 32], now_s).unwrap();
        requests.first(now_s + 400, [3; 32], now_s + 400).unwrap();
        assert_eq!(requests.seen.lock().digests.len(), 1, "what the window refuses is forgotten");
    }
}
