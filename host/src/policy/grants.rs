//! The capabilities that a policy can give.

use crate::{AllowedHost, KeyValue};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a component may reach. The default is nothing.
#[derive(Clone, Default)]
pub struct Grants {
    /// Outbound HTTP: `None` refuses a component that imports it, an empty list lets it in and denies every request.
    pub http: Option<Vec<AllowedHost>>,
    /// Environment variables, also readable through `wasi:config/store`.
    pub env: Vec<(String, String)>,
    /// The same, for values that are nobody's business: never printed, erased when dropped.
    pub secrets: Vec<(String, Secret)>,
    /// Key-value stores by the name that the guest opens them with.
    pub key_value: Vec<(String, Arc<dyn KeyValue>)>,
    /// Directories.
    pub dirs: Vec<DirGrant>,
    /// The real clocks.
    pub clock: bool,
    /// Real randomness.
    pub random: bool,
    /// Writing values and calling functions on the ledger.
    pub ledger: bool,
}

/// A directory of the operator's, shown to the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirGrant {
    /// The name it has in the manifest, used in records.
    pub name: String,
    /// Where it is on the host.
    pub dir: PathBuf,
    /// Where the guest sees it: `/assets`.
    pub at: String,
    /// Whether the guest may change it.
    pub write: bool,
}

/// A value that must not be seen: not printed by `Debug`, erased from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret value.
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(value.into()))
    }

    /// The value. Give it to nobody but the guest that it was granted to.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Grants {
    /// Whether a call under these grants can have or feel an effect outside of it. One that cannot may run while
    /// its record is still being written.
    pub fn touches_outside(&self) -> bool {
        self.http.as_ref().is_some_and(|hosts| !hosts.is_empty())
            || !self.key_value.is_empty()
            || !self.dirs.is_empty()
            || self.ledger
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names<T>(pairs: &[(String, T)]) -> Vec<&str> {
            pairs.iter().map(|(name, _)| name.as_str()).collect()
        }
        f.debug_struct("Grants")
            .field("http", &self.http)
            .field("env", &names(&self.env))
            .field("secrets", &names(&self.secrets))
            .field("key_value", &names(&self.key_value))
            .field("dirs", &self.dirs)
            .field("clock", &self.clock)
            .field("random", &self.random)
            .field("ledger", &self.ledger)
            .finish()
    }
}
