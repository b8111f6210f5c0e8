//! Why a proof proves nothing, naming the field.

use thiserror::Error;

use crate::bytes::Digest;
use crate::certificate::CertificateError;
use crate::error::DecodeError;
use crate::genesis::GenesisError;
use crate::key::SignatureError;
use crate::merkle::PathError;

/// Why a proof, a signed entry or a receipt file does not hold. [`ProofError::field`] names the part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Bytes that are not what they should be.
    #[error("{field}: {source}")]
    Encoding {
        /// Which part.
        field: &'static str,
        /// How.
        source: DecodeError,
    },
    /// It is for another network.
    #[error("bundle.network: it was signed for network {found}, the genesis is of {wanted}")]
    Network {
        /// The bundle's.
        found: Digest,
        /// The genesis's.
        wanted: Digest,
    },
    /// The page has no such entry.
    #[error("slot: the page has {entries} entries, none at {slot}")]
    Slot {
        /// Which.
        slot: u16,
        /// Entries of the page.
        entries: u16,
    },
    /// A path does not fit its tree.
    #[error("{field}: {source}")]
    Path {
        /// Which path.
        field: &'static str,
        /// How.
        source: PathError,
    },
    /// A path leads to another root.
    #[error("{field}: this {part} is not at this place in the {whole}: its path leads to another root")]
    Root {
        /// Which part.
        field: &'static str,
        /// What should be inside.
        part: &'static str,
        /// What it should be inside of.
        whole: &'static str,
    },
    /// The bundle's signature is wrong.
    #[error("bundle.signature: {0}")]
    Signature(#[from] SignatureError),
    /// The bundle was ordered too late.
    #[error("bundle.valid_until: it was valid until height {valid_until} and stands in block {height}")]
    Expired {
        /// Of the block.
        height: u64,
        /// Of the bundle.
        valid_until: u64,
    },
    /// The headers from the block to the certified one are no chain.
    #[error("descent: what follows block {height} does not name it as its parent at the next height")]
    Descent {
        /// Where the chain breaks.
        height: u64,
    },
    /// The handovers do not lead from the genesis's committee to the one that voted.
    #[error("{field}: handover {number}: {why}")]
    Handover {
        /// Which part.
        field: String,
        /// Which handover, from 1 on: it names the committee of this number.
        number: u32,
        /// What is wrong.
        why: String,
    },
    /// The certificate does not certify the block.
    #[error("{}: {source}", source.field())]
    Certificate {
        /// How.
        #[from]
        source: CertificateError,
    },
    /// The genesis cannot be used.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The file is not a receipt file.
    #[error("{field}: {why}")]
    File {
        /// Which field.
        field: &'static str,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A readable field says something else than the signed bytes.
    #[error("{field}: the file says {found}, what was signed says {proven}")]
    Field {
        /// The field's path in the file.
        field: String,
        /// What the file says.
        found: String,
        /// What was proven.
        proven: String,
    },
}

impl ProofError {
    /// The part that does not fit, dotted: `bundle.signature`, `certificate.quorum`, `receipt.fuel`.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::Encoding { field, .. }
            | Self::Path { field, .. }
            | Self::Root { field, .. }
            | Self::File { field, .. } => field,
            Self::Network { .. } => "bundle.network",
            Self::Slot { .. } => "slot",
            Self::Signature(_) => "bundle.signature",
            Self::Expired { .. } => "bundle.valid_until",
            Self::Descent { .. } => "descent",
            Self::Certificate { source } => source.field(),
            Self::Genesis(e) => e.field(),
            Self::Handover { field, .. } | Self::Field { field, .. } => field,
        }
    }

    pub(crate) const fn encoding(field: &'static str, source: DecodeError) -> Self {
        Self::Encoding { field, source }
    }

    pub(crate) fn file(field: &'static str, why: impl Into<String>) -> Self {
        Self::File { field, why: why.into() }
    }
}
