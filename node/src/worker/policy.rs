//! From a function's spec and the operator's word to the policy that the host enforces.

use crate::kv::Stores;
use crate::secrets::Secrets;
use moot_host::{AllowedHost, DirGrant, Grants, Limits, Policy, Secret};
use moot_record::{AccountId, FunctionName, Spec, SpecDir};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What the operator provides for what specs grant.
#[derive(Clone)]
pub(crate) struct Provided {
    pub(crate) secrets: Secrets,
    pub(crate) dirs: BTreeMap<String, PathBuf>,
    pub(crate) stores: Stores,
}

/// Why a spec cannot be given what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// An outbound host is malformed.
    #[error("grants.http: {0}")]
    Host(String),
    /// The operator did not give the secret.
    #[error(
        "{function} is granted the secret {name}, and this node was not given it; add {name} = \"...\" to the \
         file of `moot up --secrets`, and start the node again"
    )]
    NoSecret {
        /// The function.
        function: String,
        /// The secret.
        name: String,
    },
    /// The operator did not map the directory.
    #[error(
        "{function} is granted the directory {name}, and this node maps none of that name; start the node with \
         `moot up --dir {name}=<path>`"
    )]
    NoDir {
        /// The function.
        function: String,
        /// The directory.
        name: String,
    },
}

impl Provided {
    /// The policy of a function.
    pub(crate) fn policy(
        &self,
        name: &FunctionName,
        owner: AccountId,
        spec: &Spec,
    ) -> Result<Policy, PolicyError> {
        Ok(Policy {
            grants: self.grants(name, owner, spec)?,
            limits: limits(spec),
            deterministic: spec.deterministic,
        })
    }

    fn grants(&self, name: &FunctionName, owner: AccountId, spec: &Spec) -> Result<Grants, PolicyError> {
        let asked = &spec.grants;
        let http = match &asked.http {
            None => None,
            Some(hosts) => Some(hosts.iter().map(|host| allowed(host)).collect::<Result<_, _>>()?),
        };
        let secrets =
            asked.secrets.iter().map(|secret| self.secret(name, secret)).collect::<Result<_, _>>()?;
        let dirs = asked.dirs.iter().map(|dir| self.dir(name, dir)).collect::<Result<_, _>>()?;
        let stores = asked.key_value.iter().map(|store| (store.clone(), self.stores.store(owner, store)));
        Ok(Grants {
            http,
            env: asked.env.clone(),
            secrets,
            key_value: stores.collect(),
            dirs,
            clock: asked.clock,
            random: asked.random,
            ledger: asked.ledger,
        })
    }

    fn secret(&self, function: &FunctionName, name: &str) -> Result<(String, Secret), PolicyError> {
        match self.secrets.get(function.as_str(), name) {
            Some(value) => Ok((name.to_owned(), Secret::new(value.as_str()))),
            None => Err(PolicyError::NoSecret { function: function.to_string(), name: name.to_owned() }),
        }
    }

    fn dir(&self, function: &FunctionName, dir: &SpecDir) -> Result<DirGrant, PolicyError> {
        let SpecDir { name, at, write } = dir.clone();
        match self.dirs.get(&name) {
            Some(path) => Ok(DirGrant { name, dir: path.clone(), at, write }),
            None => Err(PolicyError::NoDir { function: function.to_string(), name }),
        }
    }
}

fn allowed(host: &str) -> Result<AllowedHost, PolicyError> {
    host.parse().map_err(|e: moot_host::AllowedHostError| PolicyError::Host(e.to_string()))
}

/// The limits that a spec asks for.
pub(crate) fn limits(spec: &Spec) -> Limits {
    let asked = &spec.limits;
    Limits {
        fuel: asked.fuel,
        deadline: Duration::from_millis(asked.deadline_ms),
        memory_bytes: asked.memory_bytes,
        response_bytes: asked.response_bytes,
        log_bytes: asked.log_bytes,
        ..Limits::default()
    }
}
