//! A node: ledger, host, worker and gateway, started together and stopped in the right order.

use crate::keyfile::KeyFileError;
use crate::limits::{GatewayLimits, WorkerLimits};
use crate::secrets::Secrets;
use crate::worker::Compiler;
use moot_record::{AccountId, Genesis};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a node needs to know. [`NodeConfig::new`] has sensible values for all but the folder.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The data folder; made when missing.
    pub dir: PathBuf,
    /// Where the gateway listens. Port 0 takes a free one: see [`Node::address`].
    pub listen: SocketAddr,
    /// Name of the network, for the genesis of a new data folder.
    pub network_name: String,
    /// What functions are given for the secrets they were granted.
    pub secrets: Secrets,
    /// Folders that functions can be granted, by name.
    pub dirs: BTreeMap<String, PathBuf>,
    /// How components are compiled.
    pub compiler: Compiler,
    /// Bounds of the front door.
    pub gateway: GatewayLimits,
    /// Bounds of the worker.
    pub worker: WorkerLimits,
}

impl NodeConfig {
    /// A node on 127.0.0.1:8080 that compiles in its own process.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        NodeConfig {
            dir: dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            network_name: "local".to_owned(),
            secrets: Secrets::default(),
            dirs: BTreeMap::new(),
            compiler: Compiler::InProcess,
            gateway: GatewayLimits::default(),
            worker: WorkerLimits::default(),
        }
    }
}

/// Why a node did not start. Every message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Someone else listens there.
    #[error("{address} is in use by another program. Stop it, or choose another address: moot up --listen 127.0.0.1:0 takes a free port")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        error: io::Error,
    },
    /// The node's key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

/// A running node.
pub struct Node {
    address: SocketAddr,
    account: AccountId,
    genesis: Genesis,
}

impl Node {
    /// Starts a node on the calling tokio runtime. It is ready when this returns.
    pub async fn start(config: NodeConfig) -> Result<Node, StartError> {
        let _ = config;
        todo!()
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The node's public key.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The network's genesis.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Returns when the node cannot go on: its disk or its ordering failed. Says why.
    pub async fn failed(&self) -> String {
        todo!()
    }

    /// Answers what was accepted, writes everything down and stops.
    pub async fn shutdown(self) {
        todo!()
    }
}
