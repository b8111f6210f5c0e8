//! A new network on paper: keys, genesis, one folder a replica.
//!
//! Ports: the gateway's is the base and counts up among replicas of one host; the ledger's is [`LEDGER_ABOVE`] and
//! the data's [`DATA_ABOVE`] above it.

use super::config::{FILE_NAME, GatewayConfig, Listen, PeerConfig, ReplicaConfig};
use super::{Address, FRESH_FILE, first_start};
use crate::keyfile::{self, KeyFileError};
use crate::limits::{DEFAULT_HEARTBEAT, LOCAL_FUNDS, MIN_REPLICAS, NEW_ECONOMY, NEW_PRICES};
use moot_record::limits::MAX_VALIDATORS;
use moot_record::{AccountId, Allocation, Economy, Epochs, Genesis, Invalid, Keypair, Prices};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A replica's port for votes is this much above its gateway's.
pub(crate) const LEDGER_ABOVE: u16 = 1000;
/// And its port for batches this much.
pub(crate) const DATA_ABOVE: u16 = 2000;

/// What network to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Name of the network.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
    /// Where each replica listens; their number is the network's.
    pub listen: Vec<Listen>,
    /// Where each replica is reached by the others; ports as in `listen`.
    pub hosts: Vec<String>,
    /// How long an idle leader waits before it makes an empty block.
    pub heartbeat: Duration,
    /// Blocks in an epoch, of a network whose committee may change; none: it never does.
    pub epoch_blocks: Option<u64>,
    /// Who has what from the start; empty: each replica's account has the same, and each of `fund`.
    pub accounts: Vec<Allocation>,
    /// Accounts that have as much as a replica's.
    pub fund: Vec<AccountId>,
    /// How what is paid is dealt with; none: nothing is charged.
    pub economy: Option<Economy>,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The genesis.
    pub genesis: Genesis,
    /// Its file.
    pub path: PathBuf,
    /// The replicas, in the order of the plan.
    pub replicas: Vec<MadeReplica>,
}

/// One replica's folder.
#[derive(Clone, Debug)]
pub struct MadeReplica {
    /// The folder.
    pub folder: PathBuf,
    /// Its account.
    pub account: AccountId,
    /// Its configuration, paths relative to the folder.
    pub config: ReplicaConfig,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// Something is there already.
    #[error(
        "{path} is not empty: a network is made in a folder of its own, and keys are never overwritten; name another folder"
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Too few or too many.
    #[error(
        "{found} replicas: a network of several has {MIN_REPLICAS} to {MAX_VALIDATORS}; 4 is the least that outlives a fault"
    )]
    Replicas {
        /// How many were asked for.
        found: usize,
    },
    /// Hosts and replicas do not fit.
    #[error("{hosts} hosts for {replicas} replicas: name one host for all of them, or one for each")]
    Hosts {
        /// How many hosts.
        hosts: usize,
        /// How many replicas.
        replicas: usize,
    },
    /// A host that is none.
    #[error(
        "{host:?} is not a host: write an IP address such as 10.0.0.7 or a name such as replica-2.example, without a port"
    )]
    Host {
        /// What was written.
        host: String,
    },
    /// No room above the base.
    #[error(
        "port {base} leaves no room: {replicas} replicas need ports up to {base} + {} + {replicas} below 65536",
        DATA_ABOVE
    )]
    Port {
        /// The base.
        base: u16,
        /// How many replicas.
        replicas: usize,
    },
    /// The genesis breaks a rule.
    #[error("the network cannot be made: {0}")]
    Genesis(#[from] Invalid),
    /// A key cannot be written.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The system said no.
    #[error("cannot write {path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        error: io::Error,
    },
}

impl Plan {
    /// A plan for replicas on `hosts`: one for all of them, or one for each. `open` lets gateways of hosts that are
    /// not this machine listen on every interface instead of on the loopback address alone.
    pub fn on_hosts(
        name: &str,
        time_ms: u64,
        replicas: usize,
        hosts: &[String],
        base: u16,
        open: bool,
    ) -> Result<Plan, MakeError> {
        if !(MIN_REPLICAS..=MAX_VALIDATORS).contains(&replicas) {
            return Err(MakeError::Replicas { found: replicas });
        }
        let hosts: Vec<String> = match hosts {
            [one] => vec![one.clone(); replicas],
            each if each.len() == replicas => each.to_vec(),
            _ => return Err(MakeError::Hosts { hosts: hosts.len(), replicas }),
        };
        let mut listen = Vec::with_capacity(replicas);
        for (index, host) in hosts.iter().enumerate() {
            let nth = hosts[..index].iter().filter(|other| *other == host).count();
            let port = u16::try_from(nth).ok().and_then(|nth| base.checked_add(nth));
            let port = port.filter(|port| port.checked_add(DATA_ABOVE).is_some());
            let port = port.ok_or(MakeError::Port { base, replicas })?;
            let reached = address(host, port)?;
            let (every, here) =
                if reached.host().contains(':') { ("::", "::1") } else { ("0.0.0.0", "127.0.0.1") };
            let inside = if reached.is_loopback() { host.as_str() } else { every };
            let gateway = if reached.is_loopback() || open { inside } else { here };
            listen.push(Listen {
                gateway: address(gateway, port)?,
                ledger: address(inside, port + LEDGER_ABOVE)?,
                data: address(inside, port + DATA_ABOVE)?,
            });
        }
        Ok(Plan {
            name: name.to_owned(),
            time_ms,
            listen,
            hosts,
            heartbeat: DEFAULT_HEARTBEAT,
            epoch_blocks: None,
            accounts: Vec::new(),
            fund: Vec::new(),
            economy: Some(NEW_ECONOMY),
        })
    }
}

fn address(host: &str, port: u16) -> Result<Address, MakeError> {
    Address::new(host, port).map_err(|_| MakeError::Host { host: host.to_owned() })
}

/// Makes the network in `dir`, which must be empty or not there yet.
///
/// # Errors
/// See [`MakeError`]. What was written before an error stays, and the folder is then not empty.
pub fn make(dir: &Path, plan: &Plan) -> Result<Made, MakeError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| MakeError::Io { path, error }
    };
    let replicas = plan.listen.len();
    if !(MIN_REPLICAS..=MAX_VALIDATORS).contains(&replicas) {
        return Err(MakeError::Replicas { found: replicas });
    }
    fs::create_dir_all(dir).map_err(io(dir))?;
    if fs::read_dir(dir).map_err(io(dir))?.next().is_some() {
        return Err(MakeError::NotEmpty { path: dir.to_owned() });
    }
    let mut keys: Vec<Keypair> = (0..replicas).map(|_| keyfile::generate()).collect();
    // As the genesis sorts them: so a replica's folder has the number of its lane.
    keys.sort_by_key(Keypair::account);
    // Looked at before anything is written.
    let accounts: Vec<AccountId> = keys.iter().map(Keypair::account).collect();
    let authority = plan.epoch_blocks.map(|blocks| (blocks, keyfile::generate()));
    let funded = funded(plan, &accounts, authority.as_ref().map(|(_, key)| key.account()));
    let genesis = match plan.economy {
        Some(economy) => {
            Genesis::new(plan.name.as_str(), plan.time_ms, accounts, NEW_PRICES).with_economy(economy)
        }
        None => Genesis::new(plan.name.as_str(), plan.time_ms, accounts, Prices::default()),
    };
    let genesis = genesis.with_accounts(funded);
    let genesis = match &authority {
        Some((blocks, key)) => genesis.with_epochs(Epochs { blocks: *blocks, authority: key.account() }),
        None => genesis,
    };
    genesis.check()?;
    if let Some((_, key)) = &authority {
        keyfile::create(&dir.join(AUTHORITY_FILE), key)?;
    }
    let mut folders = Vec::with_capacity(replicas);
    for (index, key) in keys.iter().enumerate() {
        let folder = dir.join(format!("replica-{index}"));
        keyfile::create(&folder.join(KEY_FILE), key)?;
        folders.push((folder, key.account()));
    }
    let json = genesis.to_json();
    let peers = peers(plan, &folders)?;
    let mut made = Vec::with_capacity(replicas);
    for (index, ((folder, account), listen)) in folders.into_iter().zip(&plan.listen).enumerate() {
        let config = ReplicaConfig {
            path: folder.join(FILE_NAME),
            genesis: GENESIS_FILE.into(),
            key: KEY_FILE.into(),
            data: "data".into(),
            listen: listen.clone(),
            peers: peers.iter().filter(|peer| peer.account != account).cloned().collect(),
            heartbeat: plan.heartbeat,
            retention: None,
            gateway: GatewayConfig::default(),
            workers: None,
        };
        let heading = format!(
            "Replica {index} of the network {}, account {account}.\nStart it with: moot up --config {FILE_NAME}",
            genesis.name
        );
        let write = |name: &str, text: &str| write(&folder.join(name), text).map_err(io(&folder.join(name)));
        write(GENESIS_FILE, &json)?;
        write(FRESH_FILE, &first_start::marker(&account))?;
        // Last: a folder that has it is whole.
        write(FILE_NAME, &config.to_toml(&heading))?;
        made.push(MadeReplica { folder, account, config });
    }
    let path = dir.join(GENESIS_FILE);
    write(&path, &json).map_err(io(&path))?;
    Ok(Made { genesis, path, replicas: made })
}

/// Name of the file with the key that says who votes, in the network's folder.
pub(crate) const AUTHORITY_FILE: &str = "authority.key";
/// Name of the genesis file, in the network's folder and in each replica's.
pub(crate) const GENESIS_FILE: &str = "genesis.json";
pub(super) const KEY_FILE: &str = "replica.key";

/// Who has what from the start. The authority can always pay for what it says.
fn funded(plan: &Plan, replicas: &[AccountId], authority: Option<AccountId>) -> Vec<Allocation> {
    let mut funded: BTreeMap<AccountId, u64> = BTreeMap::new();
    if plan.accounts.is_empty() {
        funded.extend(replicas.iter().chain(&plan.fund).map(|account| (*account, LOCAL_FUNDS)));
    }
    if plan.economy.is_some() {
        funded.extend(authority.map(|account| (account, LOCAL_FUNDS)));
    }
    let named = plan.accounts.iter().copied();
    let rest = funded.into_iter().map(|(account, balance)| Allocation { account, balance });
    named.chain(rest).collect()
}

/// How each replica is reached by the others.
fn peers(plan: &Plan, folders: &[(PathBuf, AccountId)]) -> Result<Vec<PeerConfig>, MakeError> {
    let all = folders.iter().zip(&plan.listen).zip(&plan.hosts);
    all.map(|(((_, account), listen), host)| {
        Ok(PeerConfig {
            account: *account,
            ledger: address(host, listen.ledger.port())?,
            data: address(host, listen.data.port())?,
            // One that listens on its own machine alone cannot be asked from another.
            gateway: match address(host, listen.gateway.port())? {
                reached if listen.gateway.is_loopback() && !reached.is_loopback() => None,
                reached => Some(reached),
            },
        })
    })
    .collect()
}

pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(replicas: usize, hosts: &[&str], base: u16) -> Result<Plan, MakeError> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Plan::on_hosts("test", 1, replicas, &hosts, base, false)
    }

    #[test]
    fn ports_count_up_on_one_host_and_are_the_same_on_many() {
        let one = plan(4, &["127.0.0.1"], 8080).unwrap();
        let shown: Vec<String> =
            one.listen.iter().map(|l| format!("{} {} {}", l.gateway, l.ledger, l.data)).collect();
        assert_eq!(shown[3], "127.0.0.1:8083 127.0.0.1:9083 127.0.0.1:10083");
        let many = plan(2, &["10.0.0.1", "two.example"], 80).unwrap();
        assert_eq!(many.listen[1].gateway.to_string(), "127.0.0.1:80", "closed unless it is asked for");
        assert_eq!(many.listen[1].ledger.to_string(), "0.0.0.0:1080");
        let open = Plan::on_hosts("t", 1, 2, &["::2".into()], 80, true).unwrap();
        assert_eq!(open.listen[1].gateway.to_string(), "[::]:81");
    }

    #[test]
    fn a_network_whose_committee_may_change_has_an_authority() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan { epoch_blocks: Some(100), ..plan(4, &["127.0.0.1"], 8080).unwrap() };
        let made = make(&dir.path().join("net"), &plan).unwrap();
        let key = keyfile::load(&dir.path().join("net").join(AUTHORITY_FILE)).unwrap();
        assert_eq!(made.genesis.epochs, Some(Epochs { blocks: 100, authority: key.account() }));
        let short = Plan { epoch_blocks: Some(1), ..plan };
        assert!(matches!(make(&dir.path().join("short"), &short), Err(MakeError::Genesis(_))));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(plan(1, &["127.0.0.1"], 8080), Err(MakeError::Replicas { found: 1 })));
        assert!(matches!(plan(4, &["a", "b"], 8080), Err(MakeError::Hosts { hosts: 2, replicas: 4 })));
        assert!(matches!(plan(4, &["a:1"], 8080), Err(MakeError::Host { .. })));
        assert!(matches!(plan(4, &["127.0.0.1"], 63_534), Err(MakeError::Port { .. })));
        assert!(plan(2, &["127.0.0.1"], 63_534).is_ok());
    }

    #[test]
    fn each_replica_gets_all_it_needs() {
        let dir = tempfile::tempdir().unwrap();
        let made = make(&dir.path().join("net"), &plan(4, &["127.0.0.1"], 8080).unwrap()).unwrap();
        assert_eq!(made.genesis.validators.len(), 4);
        for (lane, replica) in made.replicas.iter().enumerate() {
            assert_eq!(made.genesis.validators[lane], replica.account, "folders have the numbers of lanes");
            let read = ReplicaConfig::load(&replica.folder).unwrap();
            assert_eq!(read.peers.len(), 3);
            assert_eq!(keyfile::load(&read.key).unwrap().account(), replica.account);
            let genesis = Genesis::from_json(&fs::read_to_string(&read.genesis).unwrap()).unwrap();
            assert_eq!(genesis, made.genesis);
            first_start::may_vote(&read.data, &replica.folder.join(FRESH_FILE), &replica.account).unwrap();
        }
        let again = make(&dir.path().join("net"), &plan(4, &["127.0.0.1"], 8080).unwrap());
        assert!(matches!(again, Err(MakeError::NotEmpty { .. })));
    }
}
