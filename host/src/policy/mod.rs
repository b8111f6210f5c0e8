//! What a component may do: nothing, until it is granted.

mod grants;
pub(crate) mod imports;

pub use grants::{DirGrant, Grants, Secret};

use crate::Limits;

/// The rules under which a component runs.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// What it may reach.
    pub grants: Grants,
    /// What it may use.
    pub limits: Limits,
    /// The same call gives the same answer and burns the same fuel, anywhere: the clock stands at the call's time,
    /// randomness comes from the call's seed, and grants that reach outside are refused.
    pub deterministic: bool,
}
