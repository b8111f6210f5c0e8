//! Hashing and signing domains.
//!
//! Every kind of thing that is hashed or signed has its own tag, so that a page can never pass for a tree
//! node, nor a signed bundle for a signed request. A hash is BLAKE3 in keyed mode with the tag as its (public)
//! key; a signature covers `tag || message`. The tag is the domain's name, zero-padded to 32 bytes.

use crate::bytes::Digest;

/// A domain-separation tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Domain([u8; 32]);

impl Domain {
    /// A page of entries: a leaf of a bundle's tree.
    pub const PAGE: Self = Self::new("moot page 1");
    /// An inner node of any tree.
    pub const NODE: Self = Self::new("moot node 1");
    /// A bundle: what its account signs, and a leaf of a batch's tree.
    pub const BUNDLE: Self = Self::new("moot bundle 1");
    /// A bundle's header without its signature: what replay protection remembers.
    pub const BUNDLE_ID: Self = Self::new("moot bundle id 1");
    /// A batch: a leaf of a block's tree.
    pub const BATCH: Self = Self::new("moot batch 1");
    /// A seal: what the owner of a lane signs for each of its batches.
    pub const SEAL: Self = Self::new("moot seal 1");
    /// A block: what the replicas' votes are about.
    pub const BLOCK: Self = Self::new("moot block 1");
    /// A committee: what the last block of the epoch before names.
    pub const COMMITTEE: Self = Self::new("moot committee 1");
    /// One entry.
    pub const ENTRY: Self = Self::new("moot entry 1");
    /// Bytes that went into a function or came out of it.
    pub const PAYLOAD: Self = Self::new("moot payload 1");
    /// A function's spec.
    pub const SPEC: Self = Self::new("moot spec 1");
    /// A genesis: the network's identity.
    pub const GENESIS: Self = Self::new("moot genesis 1");
    /// A call's seed for deterministic randomness.
    pub const SEED: Self = Self::new("moot seed 1");
    /// The ledger's state root.
    pub const STATE: Self = Self::new("moot state 1");
    /// A signed request to a node's API.
    pub const REQUEST: Self = Self::new("moot request 1");
    /// A replica's consent that an account stakes for it.
    pub const CANDIDATE: Self = Self::new("moot candidate 1");
    /// Coefficients of a signature batch; never stored.
    pub(crate) const VERIFY_MANY: Self = Self::new("moot verify many 1");

    /// A domain of the given name, at most 32 bytes, by convention `moot <what> <version>`.
    ///
    /// # Panics
    /// When the name is longer; in a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let name = name.as_bytes();
        assert!(!name.is_empty() && name.len() <= 32, "a domain's name has 1 to 32 bytes");
        let mut tag = [0; 32];
        let mut i = 0;
        while i < name.len() {
            tag[i] = name[i];
            i += 1;
        }
        Self(tag)
    }

    /// The 32 bytes of the tag.
    #[must_use]
    pub const fn tag(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes `bytes` in this domain.
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> Digest {
        Digest::from_bytes(*blake3::keyed_hash(&self.0, bytes).as_bytes())
    }

    /// A streaming hasher of this domain.
    #[must_use]
    pub fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }

    /// What a signature in this domain covers.
    #[must_use]
    pub fn message(&self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() + message.len());
        out.extend_from_slice(&self.0);
        out.extend_from_slice(message);
        out
    }
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Domain({:?})", String::from_utf8_lossy(&self.0).trim_end_matches('\0'))
    }
}

/// A component's name: the plain BLAKE3 digest of its bytes, as `b3sum` prints it.
///
/// ```
/// let digest = moot_record::component_digest(b"");
/// assert_eq!(digest.to_string(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
/// ```
#[must_use]
pub fn component_digest(wasm: &[u8]) -> Digest {
    Digest::from_bytes(*blake3::hash(wasm).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_differ() {
        let all = [
            Domain::PAGE,
            Domain::NODE,
            Domain::BUNDLE,
            Domain::BUNDLE_ID,
            Domain::BATCH,
            Domain::SEAL,
            Domain::BLOCK,
            Domain::ENTRY,
            Domain::PAYLOAD,
            Domain::SPEC,
            Domain::GENESIS,
            Domain::SEED,
            Domain::STATE,
            Domain::REQUEST,
            Domain::CANDIDATE,
            Domain::VERIFY_MANY,
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
                assert_ne!(a.hash(b"same"), b.hash(b"same"));
            }
        }
        assert_eq!(format!("{:?}", Domain::PAGE), "Domain(\"moot page 1\")");
    }
}
