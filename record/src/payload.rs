//! A payload by digest: what went into a function or came out of it.

use serde::{Deserialize, Serialize};

use crate::bytes::Digest;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::hash::Domain;
use crate::item::Item;
use crate::limits::MAX_INLINE_BYTES;
use crate::text::{base64url, exact};

/// The digest and length of some bytes, and the bytes themselves when they are few and public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// [`payload_digest`] of the bytes.
    pub digest: Digest,
    /// How many bytes.
    #[serde(with = "exact")]
    pub bytes: u64,
    /// The bytes, at most [`MAX_INLINE_BYTES`]; in JSON base64url without padding.
    #[serde(with = "base64url::option", default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<Vec<u8>>,
}

impl Payload {
    /// Digest and length of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: payload_digest(bytes), bytes: bytes.len() as u64, inline: None }
    }

    /// The same with the bytes in the entry, when they are at most [`MAX_INLINE_BYTES`].
    #[must_use]
    pub fn inlined(bytes: &[u8]) -> Self {
        let inline = (bytes.len() <= MAX_INLINE_BYTES).then(|| bytes.to_vec());
        Self { inline, ..Self::of(bytes) }
    }

    /// No bytes.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(&[])
    }

    /// Whether these are the bytes.
    #[must_use]
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes.len() as u64 && self.digest == payload_digest(bytes)
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let Some(inline) = &self.inline else { return Ok(()) };
        if inline.len() > MAX_INLINE_BYTES {
            let why = format!("{} bytes; at most {MAX_INLINE_BYTES} ride in an entry", inline.len());
            return Err(Invalid::new("payload.inline", why));
        }
        if inline.len() as u64 != self.bytes {
            let why = format!("{} bytes are inline, {} are announced", inline.len(), self.bytes);
            return Err(Invalid::new("payload.bytes", why));
        }
        let digest = payload_digest(inline);
        if digest != self.digest {
            let why = format!("the inline bytes have digest {digest}, not {}", self.digest);
            return Err(Invalid::new("payload.digest", why));
        }
        Ok(())
    }
}

impl Item for Payload {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        self.digest.write(out);
        cbor::uint(out, self.bytes);
        cbor::option(out, self.inline.as_ref(), |out, inline| cbor::bytes(out, inline));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        let digest = Digest::read(r)?;
        let bytes = r.uint()?;
        let inline = r.option(|r| r.bytes(MAX_INLINE_BYTES).map(<[u8]>::to_vec))?;
        Ok(Self { digest, bytes, inline })
    }
}

/// The digest of a payload.
#[must_use]
pub fn payload_digest(bytes: &[u8]) -> Digest {
    Domain::PAYLOAD.hash(bytes)
}

/// Computes a [`Payload`] from bytes as they stream by.
#[derive(Debug, Clone)]
pub struct PayloadHasher {
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Default for PayloadHasher {
    fn default() -> Self {
        Self { hasher: Domain::PAYLOAD.hasher(), bytes: 0 }
    }
}

impl PayloadHasher {
    /// Starts with no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        self
    }

    /// How many bytes went by.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The payload so far.
    #[must_use]
    pub fn finish(&self) -> Payload {
        Payload {
            digest: Digest::from_bytes(*self.hasher.finalize().as_bytes()),
            bytes: self.bytes,
            inline: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streaming_gives_the_same() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        let mut hasher = PayloadHasher::new();
        for piece in bytes.chunks(777) {
            hasher.update(piece);
        }
        assert_eq!(hasher.finish(), Payload::of(&bytes));
        assert!(Payload::of(&bytes).is_of(&bytes));
        assert!(!Payload::of(&bytes).is_of(&bytes[1..]));
    }

    #[test]
    fn inline_bytes_must_match() {
        let good = Payload::inlined(b"hello");
        assert_eq!(good.check(), Ok(()));
        assert_eq!(Payload::inlined(&[0; MAX_INLINE_BYTES + 1]).inline, None);
        let other = Payload { inline: Some(b"jello".to_vec()), ..good.clone() };
        assert_eq!(other.check().unwrap_err().field, "payload.digest");
        let longer = Payload { bytes: 6, ..good };
        assert_eq!(longer.check().unwrap_err().field, "payload.bytes");
    }
}
