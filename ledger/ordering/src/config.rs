//! What an engine needs to know before it starts, and what may be wrong with it.

use crate::limits::{MAX_BATCHES_PER_BLOCK, MIN_HEARTBEAT};
use moot_record::{AccountId, Genesis, Invalid, Keypair};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use thiserror::Error;

/// Another validator and where it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its account, which is also its network identity.
    pub account: AccountId,
    /// Where it listens for votes and blocks.
    pub address: SocketAddr,
    /// Where it listens for data.
    pub data: SocketAddr,
}

/// How one validator takes part.
///
/// With one validator in the genesis and no addresses no socket is opened. With more, `listen`,
/// `listen_data` and a peer for each other validator are needed.
pub struct Config {
    /// Directory of the engine's journals. Nobody else may write there. Losing it means losing what
    /// this validator has voted for: its key must then not vote again.
    pub dir: PathBuf,
    /// This validator's key, for votes and for the network.
    pub key: Keypair,
    /// The network's genesis: the validators and the name under which they sign.
    pub genesis: Genesis,
    /// Whether the journals were lost that belong to what the application has committed. The validator then follows
    /// and has them made anew; the application sees to it that its key does not vote where it may have voted before.
    pub journals_lost: bool,
    /// Height up to which the application has committed. Journals that end below it are not those that
    /// this validator voted with: the engine refuses them, because voting on could contradict them.
    pub committed: u64,
    /// How long an idle leader waits before it makes an empty block.
    pub heartbeat: Duration,
    /// Most batches that this validator puts into a block it proposes.
    pub max_batches_per_block: usize,
    /// Address to listen on for other validators' votes and blocks.
    pub listen: Option<SocketAddr>,
    /// Address to listen on for other validators' data. Another one, so that no vote waits behind a batch.
    pub listen_data: Option<SocketAddr>,
    /// The other validators.
    pub peers: Vec<Peer>,
}

impl Config {
    /// A validator on its own: one heartbeat a second, no listener, no peers.
    pub fn new(dir: impl Into<PathBuf>, key: Keypair, genesis: Genesis) -> Config {
        Config {
            dir: dir.into(),
            key,
            genesis,
            journals_lost: false,
            committed: 0,
            heartbeat: Duration::from_secs(1),
            max_batches_per_block: 256,
            listen: None,
            listen_data: None,
            peers: Vec::new(),
        }
    }

    /// Checks what can be checked before anything is opened.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let validators = &self.genesis.validators;
        self.genesis.check()?;
        let account = self.key.account();
        let alone = validators.len() == 1 && validators.contains(&account);
        // Where the committee changes, whoever the others know may follow, and vote one day.
        let fixed = self.genesis.epochs.is_none();
        if fixed && !validators.contains(&account) {
            return Err(Error::NotAValidator { account });
        }
        if self.heartbeat < MIN_HEARTBEAT {
            return Err(Error::Heartbeat { found: self.heartbeat });
        }
        if self.max_batches_per_block == 0 || self.max_batches_per_block > MAX_BATCHES_PER_BLOCK {
            return Err(Error::Batches { found: self.max_batches_per_block });
        }
        if !alone && self.listen.is_none() {
            return Err(Error::NoListener { validators: validators.len(), what: "votes" });
        }
        if self.listen.is_some() && self.listen_data.is_none() {
            return Err(Error::NoListener { validators: validators.len(), what: "data" });
        }
        if let (None, Some(address)) = (self.listen, self.listen_data) {
            return Err(Error::DataAlone { address });
        }
        let own = self.listen.zip(self.listen_data);
        let others = self.peers.iter().map(|peer| (peer.address, peer.data));
        if let Some((address, _)) = own.into_iter().chain(others).find(|(votes, data)| shared(votes, data)) {
            return Err(Error::SharedAddress { address });
        }
        // Where the committee changes, some of the first may have left, and others' addresses are in the blocks.
        for validator in validators.iter().filter(|validator| fixed && **validator != account) {
            if !self.peers.iter().any(|peer| peer.account == *validator) {
                return Err(Error::UnknownAddress { validator: *validator });
            }
        }
        Ok(())
    }
}

/// Whether two listeners cannot both be at their addresses. Port 0 is whichever is free.
fn shared(votes: &SocketAddr, data: &SocketAddr) -> bool {
    votes == data && votes.port() != 0
}

/// Why an engine did not start.
#[derive(Debug, Error)]
pub enum Error {
    /// The genesis breaks its own rules.
    #[error("{0}")]
    Genesis(#[from] Invalid),
    /// The key is not in the genesis.
    #[error("{account} is not a validator of this network: use the key of one that the genesis names")]
    NotAValidator {
        /// Account of the key given.
        account: AccountId,
    },
    /// Heartbeat too short.
    #[error("a heartbeat of {found:?} is too short: use {MIN_HEARTBEAT:?} or more")]
    Heartbeat {
        /// The value given.
        found: Duration,
    },
    /// Batch count out of range.
    #[error("{found} batches a block: use 1 to {MAX_BATCHES_PER_BLOCK}")]
    Batches {
        /// The value given.
        found: usize,
    },
    /// Several validators, and this one cannot be reached.
    #[error(
        "the genesis names {validators} validators, so this one needs an address to listen on for {what}"
    )]
    NoListener {
        /// How many validators there are.
        validators: usize,
        /// What it would listen for.
        what: &'static str,
    },
    /// An address for data and none for votes.
    #[error("{address} is to listen for data, but nothing listens for votes: give both addresses or none")]
    DataAlone {
        /// The address for data.
        address: SocketAddr,
    },
    /// One address for two listeners.
    #[error("{address} cannot take both votes and data: use another port for data")]
    SharedAddress {
        /// The address.
        address: SocketAddr,
    },
    /// A validator without an address.
    #[error("no address is known for validator {validator}: add it to the peers")]
    UnknownAddress {
        /// The validator.
        validator: AccountId,
    },
    /// Another engine runs on the directory.
    #[error("{} is in use by another process: a validator's key may vote in one place only", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory cannot be used.
    #[error("cannot use {}: {source}", dir.display())]
    Io {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An account that is not a point of the curve.
    #[error("{account} is not an ed25519 public key")]
    BadAccount {
        /// The account.
        account: AccountId,
    },
    /// The engine ended while it was starting, for example because a journal is damaged.
    #[error("the ordering engine did not start: {reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
}
