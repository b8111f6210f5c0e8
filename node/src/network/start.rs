//! From a configuration to a seat in the network: files read, names resolved, everything held against the genesis.

use super::{Address, AddressError, ConfigError, FRESH_FILE, ReplicaConfig};
use crate::keyfile::{self, KeyFileError};
use crate::limits::MAX_RECEIPT_FILE_BYTES;
use moot_ledger::Peer;
use moot_record::{AccountId, Genesis, Keypair};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A replica's place in its network: all that its node needs beyond what every node needs.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The network.
    pub genesis: Genesis,
    /// The key that votes.
    pub key: Keypair,
    /// The marker that the key has never voted, see [`FRESH_FILE`].
    pub fresh: PathBuf,
    /// Where other replicas send votes and blocks.
    pub listen: SocketAddr,
    /// Where other replicas send batches.
    pub listen_data: SocketAddr,
    /// The other replicas.
    pub peers: Vec<Peer>,
    /// The other replicas' gateways, as far as they are known.
    pub gateways: Vec<(AccountId, Address)>,
    /// How long an idle leader waits before it makes an empty block.
    pub heartbeat: Duration,
}

/// Why a configuration does not make a replica. Every message names the file and the key.
#[derive(Debug, thiserror::Error)]
pub enum SeatError {
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key's file.
    #[error("{config}: `key`: {error}")]
    Key {
        /// The configuration.
        config: PathBuf,
        /// What is wrong with the file.
        error: KeyFileError,
    },
    /// One value does not do.
    #[error("{config}: `{key}`: {reason}")]
    Value {
        /// The configuration.
        config: PathBuf,
        /// The key in it.
        key: &'static str,
        /// What is wrong, with the value, and what to do.
        reason: String,
    },
}

impl Seat {
    /// Reads everything that `config` names. Looks names up, so it blocks.
    ///
    /// # Errors
    /// See [`SeatError`]; nothing was changed.
    pub fn take(config: &ReplicaConfig) -> Result<Seat, SeatError> {
        let wrong = |key, reason: String| SeatError::Value { config: config.path.clone(), key, reason };
        let genesis = read_genesis(&config.genesis).map_err(|reason| wrong("genesis", reason))?;
        let key = keyfile::load(&config.key);
        let key = key.map_err(|error| SeatError::Key { config: config.path.clone(), error })?;
        let account = key.account();
        if genesis.epochs.is_none() && !genesis.validators.contains(&account) {
            let reason = format!(
                "{} is the key of {account}, and {} names no such validator; give this replica the key that was made for it",
                config.key.display(),
                config.genesis.display()
            );
            return Err(wrong("key", reason));
        }
        check_peers(config, &genesis, &account).map_err(|reason| wrong("peers.account", reason))?;
        let resolve = |key, address: &Address| {
            address.resolve().map_err(|error: AddressError| wrong(key, error.to_string()))
        };
        let others = || config.peers.iter().filter(|peer| peer.account != account);
        let peers = others().map(|peer| {
            let (address, data) =
                (resolve("peers.ledger", &peer.ledger)?, resolve("peers.data", &peer.data)?);
            Ok(Peer { account: peer.account, address, data })
        });
        let seat = Seat {
            peers: peers.collect::<Result<_, SeatError>>()?,
            listen: resolve("listen.ledger", &config.listen.ledger)?,
            listen_data: resolve("listen.data", &config.listen.data)?,
            fresh: config.folder().join(FRESH_FILE),
            gateways: others().filter_map(|peer| Some((peer.account, peer.gateway.clone()?))).collect(),
            heartbeat: config.heartbeat,
            genesis,
            key,
        };
        let own = [("listen.ledger", seat.listen), ("listen.data", seat.listen_data)];
        let peers = seat.peers.iter().flat_map(|p| [("peers.ledger", p.address), ("peers.data", p.data)]);
        let mut seen = BTreeMap::new();
        for (key, address) in own.into_iter().chain(peers) {
            if address.port() == 0 {
                let reason = format!("{address}: the others must know the port; write one from 1 on");
                return Err(wrong(key, reason));
            }
            if let Some(before) = seen.insert(address, key) {
                return Err(wrong(
                    key,
                    format!("{address} is given as `{before}` too; each needs its own address"),
                ));
            }
        }
        // Held together, so that one cannot take the other's place.
        let held = own.map(|(key, address)| free(address).map_err(|reason| wrong(key, reason)));
        held.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(seat)
    }
}

fn read_genesis(path: &Path) -> Result<Genesis, String> {
    let text = || {
        let bytes = std::fs::metadata(path)?.len();
        if bytes > MAX_RECEIPT_FILE_BYTES {
            return Err(io::Error::other(format!("it has {bytes} bytes, far more than a genesis")));
        }
        std::fs::read_to_string(path)
    };
    let text = text().map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Genesis::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The peers are the genesis's other validators, no more and no fewer; where the committee changes, some of those
/// who take part, and the ledger knows the others.
fn check_peers(config: &ReplicaConfig, genesis: &Genesis, account: &AccountId) -> Result<(), String> {
    let path = config.genesis.display();
    if genesis.epochs.is_some() {
        let alone = genesis.validators.len() == 1 && genesis.validators.contains(account);
        if alone || config.peers.iter().any(|peer| peer.account != *account) {
            return Ok(());
        }
        return Err(format!(
            "there is none: name some replicas of the network of {path}, with their addresses, to hear of the others from"
        ));
    }
    if let Some(stranger) = config.peers.iter().find(|peer| !genesis.validators.contains(&peer.account)) {
        let stranger = stranger.account;
        return Err(format!(
            "{stranger} is no validator of {path}; remove it, or give the genesis of its network"
        ));
    }
    let known =
        |validator: &AccountId| validator == account || config.peers.iter().any(|p| p.account == *validator);
    match genesis.validators.iter().find(|validator| !known(validator)) {
        None => Ok(()),
        Some(missing) => Err(format!(
            "validator {missing} of {path} has no [[peers]] with its account; add it with its addresses"
        )),
    }
}

/// Whether an address can be listened on: the engine would find out too, and say it less plainly.
fn free(address: SocketAddr) -> Result<TcpListener, String> {
    match TcpListener::bind(address) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(format!(
            "{address} is in use by another program; stop it, or choose another address here and in the peers' files"
        )),
        Err(error) => Err(format!("cannot listen on {address}: {error}")),
    }
}
