//! A loaded function: machine code, linked once, ready for any number of calls at once.

use crate::bindings::FunctionPre as EventPre;
use crate::engine::{Engines, Linked};
use crate::precompiled::{self, UsedCode};
use crate::state::{State, sockets};
use crate::{AdmissionError, HostError, Interface, Kind, Policy, fault, inspect, policy};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// A loaded function. Cheap to clone.
#[derive(Clone)]
pub struct Function {
    pub(crate) inner: Arc<Loaded>,
}

pub(crate) struct Loaded {
    pub(crate) kind: Kind,
    pub(crate) interface: Interface,
    pub(crate) policy: Arc<Policy>,
    /// Linked, ready to be instantiated.
    pub(crate) pre: InstancePre<State>,
    /// The same with the handler's place looked up.
    pub(crate) entry: Entry,
    /// Machine code that it shares with others.
    _code: Option<UsedCode>,
}

/// How a call enters the component.
pub(crate) enum Entry {
    /// `wasi:http/incoming-handler` 0.2
    Http(ProxyPre<State>),
    /// `wasi:http/handler` 0.3
    Http03(ServicePre<State>),
    /// `moot:function/handler`
    Event(EventPre<State>),
    /// Whatever it exports.
    Typed,
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
    #[error(
        "{path} has digest {found}, but {expected} was expected: it is damaged or was changed; compile the component again"
    )]
    Digest {
        /// The file.
        path: PathBuf,
        /// Its BLAKE3 digest, in hex.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Compiled by another version of the host, or with other settings.
    #[error(
        "{path} was compiled for another version or other settings of this host ({reason}); compile the component again"
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The component imports what its policy does not grant, or breaks a limit.
    #[error(transparent)]
    Refused(#[from] AdmissionError),
    /// The component imports or exports an interface in a shape that is not the standard's.
    #[error("the component does not fit the interfaces of this host: {0}")]
    Mismatch(String),
    /// A granted directory is not there.
    #[error("the directory {dir} (granted as `{name}`) cannot be used: {reason}")]
    Directory {
        /// Its name in the manifest.
        name: String,
        /// Where it should be.
        dir: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The engine for it cannot be made.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Loads a `.cwasm` file under a policy.
pub(crate) fn load(
    engines: &Engines,
    path: &Path,
    expected: &[u8; 32],
    policy: Policy,
) -> Result<Function, LoadError> {
    let max = engines.config().max_memory_bytes;
    if policy.limits.memory_bytes > max {
        let (asked, limit) = (fault::bytes(policy.limits.memory_bytes), fault::bytes(max));
        return Err(AdmissionError::MemoryLimit { asked, limit }.into());
    }
    directories(&policy)?;
    let file = precompiled::check(path, expected, engines.seen())?;
    let stale =
        |error: wasmtime::Error| LoadError::Stale { path: path.to_owned(), reason: format!("{error:#}") };
    // The file does not say which engine it was compiled for; the engines do.
    let (linked, component) = match file.load(&engines.fast().engine) {
        Ok(component) => (engines.fast(), component),
        Err(error) => match engines.concurrent()? {
            Some(linked) => (linked, file.load(&linked.engine).map_err(stale)?),
            None => return Err(stale(error)),
        },
    };
    let code = file.share(&component, engines.code())?;
    link(linked, &component, code, policy, engines.config().wasi_http_0_3)
}

fn link(
    linked: &Linked,
    component: &Component,
    code: Option<UsedCode>,
    policy: Policy,
    wasi_0_3: bool,
) -> Result<Function, LoadError> {
    let ty = component.component_type();
    let types_only = |item: &ComponentItem| match item {
        ComponentItem::Type(_) => true,
        ComponentItem::ComponentInstance(interface) => {
            interface.exports(&linked.engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)))
        }
        _ => false,
    };
    let imports = ty.imports(&linked.engine).filter(|(_, item)| !types_only(&item.ty)).map(|(name, _)| name);
    policy::imports::check(imports, &policy, wasi_0_3)?;
    let exports: Vec<&str> = ty.exports(&linked.engine).map(|(name, _)| name).collect();
    let kind = inspect::kind(exports.iter().copied()).unwrap_or(Kind::Typed);
    let mismatch = |error: wasmtime::Error| LoadError::Mismatch(format!("{error:#}"));
    let sockets = sockets::stand_in(&linked.linker, component, &linked.engine).map_err(mismatch)?;
    let pre = sockets.as_ref().unwrap_or(&linked.linker).instantiate_pre(component).map_err(mismatch)?;
    let entry = match kind {
        Kind::Event => Entry::Event(EventPre::new(pre.clone()).map_err(mismatch)?),
        Kind::Http if exports.iter().any(|name| inspect::is_wasi_0_3(name)) => {
            Entry::Http03(ServicePre::new(pre.clone()).map_err(mismatch)?)
        }
        Kind::Http => Entry::Http(ProxyPre::new(pre.clone()).map_err(mismatch)?),
        Kind::Typed => Entry::Typed,
    };
    let interface = Interface::of(component);
    Ok(Function {
        inner: Arc::new(Loaded { kind, interface, policy: Arc::new(policy), pre, entry, _code: code }),
    })
}

fn directories(policy: &Policy) -> Result<(), LoadError> {
    for grant in &policy.grants.dirs {
        let reason = match std::fs::metadata(&grant.dir) {
            Ok(meta) if meta.is_dir() => continue,
            Ok(_) => "it is not a directory".to_owned(),
            Err(error) => error.to_string(),
        };
        return Err(LoadError::Directory { name: grant.name.clone(), dir: grant.dir.clone(), reason });
    }
    Ok(())
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
