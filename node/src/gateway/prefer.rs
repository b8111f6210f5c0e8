//! How far a client wants to wait: the standard `Prefer` header (RFC 7240).
//!
//! | preference | the answer comes | echoed as |
//! |---|---|---|
//! | `respond-async` (or `moot-wait=accepted`) | once the call is durable: 202 with `Location` | `respond-async` |
//! | `respond-async, wait=5` | when the call is done, or after 5 s as above | `respond-async` |
//! | none (or `moot-wait=executed`) | once the receipt is durable | nothing |
//! | `moot-wait=final` | once the receipt's block has its certificate, within 30 s or `wait=<s>` | the same, if it was in time |
//! | `moot-receipt` | with the receipt in `Moot-Receipt`, base64url | the same |
//!
//! Unknown preferences are ignored, as the standard says.

use crate::api::header::PREFER;
use crate::limits::FINAL_WAIT;
use http::{HeaderMap, HeaderValue};
use std::time::Duration;

/// When the answer is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The call is durable.
    Accepted,
    /// The receipt is durable.
    #[default]
    Executed,
    /// The receipt is ordered under a certificate.
    Final,
}

/// What a request prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    pub(crate) wait: Wait,
    /// The longest that the client wants to wait, in seconds.
    pub(crate) seconds: Option<u32>,
    /// Send the receipt in a header.
    pub(crate) receipt: bool,
}

impl Preferences {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut found =
            Preferences { receipt: headers.contains_key(crate::api::header::RECEIPT), ..Self::default() };
        for value in headers.get_all(PREFER) {
            // A preference that cannot be read is one that is not known.
            let Ok(text) = value.to_str() else { continue };
            for preference in text.split(',') {
                found.read(preference);
            }
        }
        found
    }

    fn read(&mut self, preference: &str) {
        let token = preference.split(';').next().unwrap_or_default();
        let (name, value) = token.split_once('=').unwrap_or((token, ""));
        let value = value.trim().trim_matches('"');
        match (name.trim().to_ascii_lowercase().as_str(), value) {
            ("respond-async", _) | ("moot-wait", "accepted") => self.wait = Wait::Accepted,
            ("moot-wait", "executed") => self.wait = Wait::Executed,
            ("moot-wait", "final") => self.wait = Wait::Final,
            ("moot-receipt", _) => self.receipt = true,
            ("wait", seconds) => self.seconds = seconds.parse().ok(),
            _ => {}
        }
    }

    /// How long to wait for finality.
    pub(crate) fn final_within(&self) -> Duration {
        self.seconds.map_or(FINAL_WAIT, |s| Duration::from_secs(u64::from(s)).min(FINAL_WAIT))
    }

    /// With `respond-async`: how long to wait before answering 202.
    pub(crate) fn async_within(&self) -> Option<Duration> {
        self.seconds.filter(|s| *s > 0).map(|s| Duration::from_secs(u64::from(s)).min(FINAL_WAIT))
    }

    /// The `Preference-Applied` of an answer that honoured `wait`; none when nothing was asked.
    pub(crate) fn applied(&self, reached: Wait) -> Option<HeaderValue> {
        let wait = match (self.wait, reached) {
            (Wait::Accepted, _) => Some("respond-async"),
            (Wait::Final, Wait::Final) => Some("moot-wait=final"),
            _ => None,
        };
        match (wait, self.receipt) {
            (Some("respond-async"), true) => Some(HeaderValue::from_static("respond-async, moot-receipt")),
            (Some("respond-async"), false) => Some(HeaderValue::from_static("respond-async")),
            (Some(_), true) => Some(HeaderValue::from_static("moot-wait=final, moot-receipt")),
            (Some(_), false) => Some(HeaderValue::from_static("moot-wait=final")),
            (None, true) => Some(HeaderValue::from_static("moot-receipt")),
            (None, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Preferences {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PREFER, value.parse().unwrap());
        }
        Preferences::of(&headers)
    }

    #[test]
    fn standard_tokens_are_read_in_any_arrangement() {
        assert_eq!(of(&[]), Preferences::default());
        let both = Preferences { wait: Wait::Accepted, seconds: Some(10), receipt: false };
        assert_eq!(of(&["respond-async, wait=10"]), both);
        assert_eq!(of(&["Respond-Async", "wait=\"10\"; x=y"]), both);
        assert_eq!(of(&["moot-wait=final, moot-receipt"]).wait, Wait::Final);
        assert!(of(&["moot-wait=final, moot-receipt"]).receipt);
        assert_eq!(of(&["handling=lenient, wait=soon,, =, moot-wait=never"]), Preferences::default());
    }

    #[test]
    fn only_what_was_honoured_is_echoed() {
        assert_eq!(of(&["moot-wait=final"]).applied(Wait::Executed), None);
        assert_eq!(of(&["moot-wait=final"]).applied(Wait::Final).unwrap(), "moot-wait=final");
        assert_eq!(of(&["respond-async"]).applied(Wait::Accepted).unwrap(), "respond-async");
        assert_eq!(of(&[]).applied(Wait::Executed), None);
    }

    #[test]
    fn waits_are_bounded() {
        assert_eq!(of(&["wait=4000000000"]).final_within(), FINAL_WAIT);
        assert_eq!(of(&["wait=2"]).final_within(), Duration::from_secs(2));
    }
}
