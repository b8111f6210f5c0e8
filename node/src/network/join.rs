//! A folder for a replica that joins a network which runs already.

use super::config::{FILE_NAME, GatewayConfig, Listen, PeerConfig, ReplicaConfig};
use super::make::{DATA_ABOVE, GENESIS_FILE, KEY_FILE, LEDGER_ABOVE, write};
use super::{Address, AddressError, ConfigError, FRESH_FILE, first_start};
use crate::keyfile::{self, KeyFileError};
use moot_record::AccountId;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the new replica is to be.
#[derive(Clone, Debug)]
pub struct Joining {
    /// A replica of the network: whose genesis and peers are taken.
    pub of: PathBuf,
    /// Where that replica is reached, when its own configuration does not say.
    pub of_host: Option<String>,
    /// Where the new one listens and is reached.
    pub host: String,
    /// Its gateway's port; the others as for a new network.
    pub port: u16,
}

/// Why there is no folder for a new replica.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// Something is there already.
    #[error("{path} is not empty: a replica gets a folder of its own, and keys are never overwritten")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The network's committee never changes.
    #[error("the network of {genesis} has a committee that never changes: nobody can join it")]
    Fixed {
        /// The genesis.
        genesis: PathBuf,
    },
    /// The other replica listens everywhere.
    #[error("{config} listens on {address}: say where that replica is reached, with --of-host")]
    OfHost {
        /// The other's configuration.
        config: PathBuf,
        /// The address in it.
        address: Address,
    },
    /// No room above the port.
    #[error("port {port} leaves no room: ports up to {port} + {DATA_ABOVE} are needed below 65536")]
    Port {
        /// The port.
        port: u16,
    },
    /// An address that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The other's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key cannot be read or written.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The other's genesis.
    #[error("{path}: {error}", path = path.display())]
    Genesis {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: moot_record::GenesisError,
    },
    /// The system said no.
    #[error("cannot use {path}: {error}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

/// What is known of a network that somebody joins.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its genesis.
    pub genesis: moot_record::Genesis,
    /// Some of its replicas, to hear of the others from.
    pub peers: Vec<PeerConfig>,
    /// How long an idle leader waits before it makes an empty block.
    pub heartbeat: std::time::Duration,
}

/// Makes the folder `dir`, and says whose it is.
///
/// # Errors
/// See [`JoinError`]. What was written before an error stays, and the folder is then not empty.
pub fn join(dir: &Path, joining: &Joining) -> Result<(AccountId, ReplicaConfig), JoinError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| JoinError::Io { path, error }
    };
    let of = ReplicaConfig::load(&joining.of)?;
    let text = fs::read_to_string(&of.genesis).map_err(io(&of.genesis))?;
    let genesis = moot_record::Genesis::from_json(&text);
    let genesis = genesis.map_err(|error| JoinError::Genesis { path: of.genesis.clone(), error })?;
    if genesis.epochs.is_none() {
        return Err(JoinError::Fixed { genesis: of.genesis });
    }
    let mut peers = vec![itself(&of, joining)?];
    peers
        .extend(of.peers.iter().filter(|peer| peer.account != peers[0].account).cloned().collect::<Vec<_>>());
    join_known(dir, &Known { genesis, peers, heartbeat: of.heartbeat }, &joining.host, joining.port)
}

/// The same, with what is known of the network.
///
/// # Errors
/// See [`JoinError`]. What was written before an error stays, and the folder is then not empty.
pub fn join_known(
    dir: &Path,
    known: &Known,
    host: &str,
    port: u16,
) -> Result<(AccountId, ReplicaConfig), JoinError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| JoinError::Io { path, error }
    };
    let Known { genesis, peers, heartbeat } = known;
    port.checked_add(DATA_ABOVE).ok_or(JoinError::Port { port })?;
    let at = |above: u16| Address::new(host, port + above);
    let listen = Listen { gateway: at(0)?, ledger: at(LEDGER_ABOVE)?, data: at(DATA_ABOVE)? };
    check_vacant(dir)?;
    fs::create_dir_all(dir).map_err(io(dir))?;
    let key = keyfile::generate();
    let account = key.account();
    keyfile::create(&dir.join(KEY_FILE), &key)?;
    let config = ReplicaConfig {
        path: dir.join(FILE_NAME),
        genesis: GENESIS_FILE.into(),
        key: KEY_FILE.into(),
        data: "data".into(),
        listen,
        peers: peers.clone(),
        heartbeat: *heartbeat,
        retention: None,
        gateway: GatewayConfig::default(),
        workers: None,
    };
    let heading = format!(
        "A replica that joins the network {}, account {account}.\nStart it with: moot up --config {FILE_NAME}",
        genesis.name
    );
    let put = |name: &str, text: &str| write(&dir.join(name), text).map_err(io(&dir.join(name)));
    put(GENESIS_FILE, &genesis.to_json())?;
    put(FRESH_FILE, &first_start::marker(&account))?;
    // Last: a folder that has it is whole.
    put(FILE_NAME, &config.to_toml(&heading))?;
    Ok((account, config))
}

/// Whether a replica's folder can be made there: it is empty, or not there yet.
///
/// # Errors
/// [`JoinError::NotEmpty`], and what the system says.
pub fn check_vacant(dir: &Path) -> Result<(), JoinError> {
    match fs::read_dir(dir).map(|mut found| found.next().is_none()) {
        Ok(false) => Err(JoinError::NotEmpty { path: dir.to_owned() }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JoinError::Io { path: dir.to_owned(), error })
        }
        _ => Ok(()),
    }
}

/// The other replica, as the new one reaches it.
fn itself(of: &ReplicaConfig, joining: &Joining) -> Result<PeerConfig, JoinError> {
    let account = keyfile::load(&of.key)?.account();
    let reached = |address: &Address| -> Result<Address, JoinError> {
        let everywhere = address.host().parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        match &joining.of_host {
            Some(host) => Ok(Address::new(host, address.port())?),
            None if everywhere => {
                Err(JoinError::OfHost { config: of.path.clone(), address: address.clone() })
            }
            None => Ok(address.clone()),
        }
    };
    let (ledger, data) = (reached(&of.listen.ledger)?, reached(&of.listen.data)?);
    Ok(PeerConfig { account, ledger, data, gateway: Some(of.listen.gateway.clone()) })
}

#[cfg(test)]
mod tests {
    use super::super::{Plan, make};
    use super::*;

    #[test]
    fn who_joins_knows_all_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::on_hosts("test", 1, 4, &["127.0.0.1".to_owned()], 8080, false).unwrap();
        let net = dir.path().join("net");
        let made = make(&net, &Plan { epoch_blocks: Some(50), ..plan.clone() }).unwrap();
        let of = net.join("replica-2");
        let joining = Joining { of: of.clone(), of_host: None, host: "127.0.0.1".into(), port: 8084 };
        let (account, _) = join(&net.join("replica-4"), &joining).unwrap();
        let read = ReplicaConfig::load(&net.join("replica-4")).unwrap();
        assert_eq!(read.peers.len(), 4);
        assert!(made.genesis.validators.iter().all(|v| read.peers.iter().any(|peer| peer.account == *v)));
        assert_eq!(keyfile::load(&read.key).unwrap().account(), account);
        assert_eq!(read.listen.data.to_string(), "127.0.0.1:10084");
        let again = join(&net.join("replica-4"), &joining);
        assert!(matches!(again, Err(JoinError::NotEmpty { .. })));
        let fixed = dir.path().join("fixed");
        make(&fixed, &plan).unwrap();
        let joining = Joining { of: fixed.join("replica-0"), ..joining };
        assert!(matches!(join(&fixed.join("replica-4"), &joining), Err(JoinError::Fixed { .. })));
    }
}
