//! W3C trace context: <https://www.w3.org/TR/trace-context/>.
//!
//! A valid `traceparent` is continued under a span of our own; anything else starts a new trace.

use data_encoding::HEXLOWER;
use http::HeaderValue;
use opentelemetry::trace::SpanContext;
use rand::Rng;

const LENGTH: usize = 55;

/// The trace that a request belongs to, and our span in it: `00-<trace>-<span>-<flags>`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent([u8; LENGTH]);

impl TraceParent {
    /// Continues the trace that the client sent, or starts one.
    pub(crate) fn continue_or_start(sent: Option<&HeaderValue>) -> Self {
        let mut random = [0u8; 24];
        rand::rng().fill_bytes(&mut random);
        // The standard forbids ids of zeros; one bit settles it.
        random[0] |= 1;
        random[16] |= 1;
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        match sent.map(HeaderValue::as_bytes).filter(|bytes| valid(bytes)) {
            Some(sent) => {
                text[3..35].copy_from_slice(&sent[3..35]);
                text[53..55].copy_from_slice(&sent[53..55]);
            }
            None => HEXLOWER.encode_mut(&random[..16], &mut text[3..35]),
        }
        HEXLOWER.encode_mut(&random[16..], &mut text[36..52]);
        TraceParent(text)
    }

    /// Of a span that is measured.
    pub(crate) fn of(span: &SpanContext) -> Self {
        let text = format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8());
        // One that is not valid is of a tracer which has ended.
        Self::read(&text).unwrap_or_else(|| Self::continue_or_start(None))
    }

    /// Reads the first version's part of it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        valid(bytes).then(|| bytes.first_chunk().copied().map(TraceParent)).flatten()
    }

    pub(crate) fn as_str(&self) -> &str {
        // Only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(&self.0).ok()
    }
}

/// Whether this is a `traceparent` that we can continue. A future version is read as far as version 00 goes.
pub(crate) fn valid(text: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &[u8]| part.iter().all(|b| *b == b'0');
    if text.len() < LENGTH || text[2] != b'-' || text[35] != b'-' || text[52] != b'-' {
        return false;
    }
    let (version, trace, span, flags) = (&text[..2], &text[3..35], &text[36..52], &text[53..55]);
    let length_fits =
        if version == b"00" { text.len() == LENGTH } else { text.get(LENGTH).is_none_or(|b| *b == b'-') };
    length_fits
        && version != b"ff"
        && hex(version)
        && hex(trace)
        && hex(span)
        && hex(flags)
        && !zero(trace)
        && !zero(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    #[test]
    fn a_valid_trace_goes_on_under_our_own_span() {
        let sent = HeaderValue::from_static(SENT);
        let ours = TraceParent::continue_or_start(Some(&sent));
        assert_eq!(ours.as_str()[..36], SENT[..36]);
        assert_ne!(ours.as_str()[36..52], SENT[36..52]);
        assert_eq!(ours.as_str()[52..], SENT[52..]);
        assert!(valid(ours.as_str().as_bytes()));
    }

    #[test]
    fn anything_else_starts_a_new_trace() {
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        ] {
            assert!(!valid(bad.as_bytes()), "{bad}");
            let ours = TraceParent::continue_or_start(HeaderValue::from_str(bad).ok().as_ref());
            assert!(valid(ours.as_str().as_bytes()));
        }
        assert!(
            valid(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
            "a later version may add"
        );
    }
}
