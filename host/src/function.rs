//! A loaded function: machine code, linked once, ready for any number of calls at once.

use crate::{Interface, Kind, Policy};
use std::path::PathBuf;
use std::sync::Arc;

/// A loaded function. Cheap to clone.
#[derive(Clone)]
pub struct Function {
    pub(crate) inner: Arc<Loaded>,
}

pub(crate) struct Loaded {
    pub(crate) kind: Kind,
    pub(crate) interface: Interface,
    pub(crate) policy: Arc<Policy>,
}

/// Why a `.cwasm` could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file could not be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not the one that was expected: damaged, or not written by this host.
    #[error("{path} has digest {found}, but {expected} was expected: it is damaged or was changed; compile the component again")]
    Digest {
        /// The file.
        path: PathBuf,
        /// Its BLAKE3 digest, in hex.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Compiled by another version of the host, or with other settings.
    #[error("{path} was compiled for another version or other settings of this host ({reason}); compile the component again")]
    Stale {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The component imports what its policy does not grant, or breaks a limit.
    #[error(transparent)]
    Refused(#[from] crate::AdmissionError),
}

impl Function {
    /// What sort of calls it takes.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// Its exported functions.
    pub fn interface(&self) -> &Interface {
        &self.inner.interface
    }

    /// The rules it runs under.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function").field("kind", &self.inner.kind).finish_non_exhaustive()
    }
}
