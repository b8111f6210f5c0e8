//! `replica.toml`: which network, whose key, where to listen, who the others are.
//!
//! Nothing here touches the network or other files. What was read holds only values that are valid by themselves;
//! whether they fit the genesis is looked at when the replica starts. Paths are relative to the file.

use super::Address;
use crate::limits::{
    DEFAULT_HEARTBEAT, MAX_BLOCK_RETENTION, MAX_CONFIG_BYTES, MAX_HEARTBEAT, MAX_MANIFEST_TEXT_BYTES,
    MIN_HEARTBEAT, MIN_RETENTION,
};
use crate::manifest::units::show_duration;
use crate::manifest::{ManifestError, Section, Source};
use moot_record::AccountId;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use toml::de::DeTable;

/// The name of the file.
pub const FILE_NAME: &str = "replica.toml";

const PAYS_FOR_UNSIGNED: &str = "pays-for-unsigned";

/// Where a replica listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For clients, HTTP.
    pub gateway: Address,
    /// For the other replicas: votes and blocks.
    pub ledger: Address,
    /// For the other replicas: batches and components.
    pub data: Address,
}

/// Another replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Its account, as the genesis has it.
    pub account: AccountId,
    /// Where it takes votes and blocks.
    pub ledger: Address,
    /// Where it takes batches.
    pub data: Address,
    /// Its gateway, for `moot status`.
    pub gateway: Option<Address>,
}

/// One replica of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaConfig {
    /// The file that this was read from.
    pub path: PathBuf,
    /// The genesis file.
    pub genesis: PathBuf,
    /// The key's file.
    pub key: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: Listen,
    /// The others; that this replica itself is among them does no harm.
    pub peers: Vec<PeerConfig>,
    /// How long an idle leader waits before it makes an empty block.
    pub heartbeat: Duration,
    /// How long blocks are kept, with their batches; none: for ever.
    pub retention: Option<Duration>,
    /// What the gateway does at the replica's own expense.
    pub gateway: GatewayConfig,
    /// Where workers in other processes join, and which.
    pub workers: Option<WorkersConfig>,
}

/// The gateway beyond where it listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Whether the replica pays for values that nobody signed, where values are charged.
    pub pays_for_unsigned: bool,
}

/// Workers in other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkersConfig {
    /// Where they dial to.
    pub listen: Address,
    /// Their accounts.
    pub allow: Vec<AccountId>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The system said no.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// No configuration has a reason to be that long.
    #[error(
        "{path} has {bytes} bytes, a replica's configuration at most {MAX_CONFIG_BYTES}; is it the right file?"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// What is in it.
    #[error(transparent)]
    Content(#[from] ManifestError),
}

impl ReplicaConfig {
    /// Reads the configuration at `path`, which may also be the folder that holds it.
    pub fn load(path: &Path) -> Result<ReplicaConfig, ConfigError> {
        let path = if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() };
        let io = |error| ConfigError::Io { path: path.clone(), error };
        let bytes = std::fs::metadata(&path).map_err(io)?.len();
        if bytes > MAX_CONFIG_BYTES {
            return Err(ConfigError::TooLarge { path, bytes });
        }
        let text = std::fs::read_to_string(&path).map_err(io)?;
        Ok(ReplicaConfig::parse(&text, &path)?)
    }

    /// Reads a configuration's text; `path` is what messages call it and what its paths are relative to.
    pub fn parse(text: &str, path: &Path) -> Result<ReplicaConfig, ManifestError> {
        let source = Source::new(path, text);
        let mut read = None;
        match DeTable::parse(text) {
            Err(error) => {
                let at = error.span().unwrap_or(0..0);
                source.problem(at, format!("this is not TOML: {}", error.message()), None);
            }
            Ok(table) => {
                let whole = Section::new(&source, String::new(), table.get_ref(), 0..0);
                read = read_all(&whole, path);
                whole.finish();
            }
        }
        if read.is_none() && !source.has_problems() {
            source.problem(0..0, "the configuration is incomplete", None);
        }
        let read = source.finish(read)?;
        // Nothing is missing without a problem having been noted, see above.
        read.ok_or_else(|| ManifestError { path: path.to_owned(), problems: Vec::new() })
    }

    /// The folder of the file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// The text of the file, with paths as they are here and `heading` as its first comment lines.
    #[must_use]
    pub fn to_toml(&self, heading: &str) -> String {
        let mut text = String::new();
        for line in heading.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let path = |path: &Path| quoted(&path.to_string_lossy());
        let _ = write!(
            text,
            "# Paths are relative to this file. Hosts may be names; they are looked up when the replica starts.\n\n\
             genesis = {}\nkey = {}\ndata = {}\nheartbeat = \"{}\"\n{}\n\
             [listen]\ngateway = \"{}\"  # clients, HTTP\nledger = \"{}\"   # other replicas: votes\ndata = \"{}\"     # other replicas: batches\n",
            path(&self.genesis),
            path(&self.key),
            path(&self.data),
            duration(self.heartbeat),
            self.retention.map_or_else(String::new, |kept| format!("retention = \"{}\"\n", duration(kept))),
            self.listen.gateway,
            self.listen.ledger,
            self.listen.data,
        );
        if self.gateway.pays_for_unsigned {
            let _ = write!(text, "\n[gateway]\n{PAYS_FOR_UNSIGNED} = true\n");
        }
        if let Some(workers) = &self.workers {
            let accounts: Vec<String> =
                workers.allow.iter().map(|account| format!("\"{account}\"")).collect();
            let _ = write!(
                text,
                "\n[workers]\nlisten = \"{}\"\nallow = [{}]\n",
                workers.listen,
                accounts.join(", ")
            );
        }
        for peer in &self.peers {
            let _ = write!(
                text,
                "\n[[peers]]\naccount = \"{}\"\nledger = \"{}\"\ndata = \"{}\"\n",
                peer.account, peer.ledger, peer.data
            );
            if let Some(gateway) = &peer.gateway {
                let _ = writeln!(text, "gateway = \"{gateway}\"");
            }
        }
        text
    }
}

/// A duration as the file has it, to the millisecond.
fn duration(duration: Duration) -> String {
    match duration.as_millis() {
        ms if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string().trim().to_owned()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("."),
    }
}

fn read_all(whole: &Section<'_, '_>, path: &Path) -> Option<ReplicaConfig> {
    let folder = folder_of(path);
    let file = |key, example| needed_path(whole, key, example, folder);
    let (genesis, key, data) =
        (file("genesis", "genesis.json"), file("key", "replica.key"), file("data", "data"));
    let heartbeat = whole.duration("heartbeat", MAX_HEARTBEAT).map_or(DEFAULT_HEARTBEAT, |(found, at)| {
        if found < MIN_HEARTBEAT {
            let least = show_duration(MIN_HEARTBEAT);
            whole.source().problem(at, format!("`heartbeat` must be {least} or more"), None);
        }
        found
    });
    let retention = whole.duration("retention", MAX_BLOCK_RETENTION).map(|(found, at)| {
        if found < MIN_RETENTION {
            let least = show_duration(MIN_RETENTION);
            whole.source().problem(at, format!("`retention` must be {least} or more"), None);
        }
        found
    });
    let listen = read_listen(whole);
    let peers = read_peers(whole);
    let gateway = read_gateway(whole);
    let workers = read_workers(whole);
    Some(ReplicaConfig {
        path: path.to_owned(),
        genesis: genesis?,
        key: key?,
        data: data?,
        listen: listen?,
        peers,
        heartbeat,
        retention,
        gateway,
        workers,
    })
}

fn needed_path(whole: &Section<'_, '_>, key: &'static str, example: &str, folder: &Path) -> Option<PathBuf> {
    let want = format!("a path such as {example:?}");
    let Some((text, at)) = whole.text(key, &want) else {
        missing(whole, key, &want);
        return None;
    };
    if text.is_empty() || text.len() > MAX_MANIFEST_TEXT_BYTES {
        whole.source().problem(at, format!("`{key}` must be {want}"), None);
        return None;
    }
    Some(folder.join(text))
}

/// Notes that a key is not there, unless it is there and wrong, which was noted already.
fn missing(section: &Section<'_, '_>, key: &'static str, want: &str) {
    if section.entries().iter().any(|((name, _), _)| *name == key) {
        return;
    }
    let place =
        if section.name().is_empty() { "the file".to_owned() } else { format!("[{}]", section.name()) };
    section.source().problem(section.at(), format!("{place} has no `{key}`: {want} is needed"), None);
}

fn read_listen(whole: &Section<'_, '_>) -> Option<Listen> {
    const WANT: &str = "a table with `gateway`, `ledger` and `data`";
    let Some(section) = whole.section("listen", WANT) else {
        missing(whole, "listen", WANT);
        return None;
    };
    let address = |key| needed::<Address>(&section, key, "an address such as \"127.0.0.1:9080\"");
    let (gateway, ledger, data) = (address("gateway"), address("ledger"), address("data"));
    if let (Some(ledger), Some(data)) = (&ledger, &data)
        && ledger == data
    {
        let message = format!("`ledger` and `data` are both {data}: each needs a port of its own");
        section.source().problem(section.at(), message, None);
    }
    section.finish();
    Some(Listen { gateway: gateway?, ledger: ledger?, data: data? })
}

fn read_gateway(whole: &Section<'_, '_>) -> GatewayConfig {
    let Some(section) = whole.section("gateway", "a table with `pays-for-unsigned`") else {
        return GatewayConfig::default();
    };
    let pays = section.flag(PAYS_FOR_UNSIGNED).is_some_and(|(pays, _)| pays);
    section.finish();
    GatewayConfig { pays_for_unsigned: pays }
}

fn read_workers(whole: &Section<'_, '_>) -> Option<WorkersConfig> {
    let section = whole.section("workers", "a table with `listen` and `allow`")?;
    let listen = needed::<Address>(&section, "listen", "an address such as \"10.0.0.7:9180\"");
    const WANT: &str = "a list of public keys of 64 hex digits";
    let names = section.texts("allow", WANT);
    if names.is_none() {
        missing(&section, "allow", WANT);
    }
    let mut allow = Vec::new();
    for (text, at) in names.unwrap_or_default() {
        match text.parse::<AccountId>() {
            Ok(account) => allow.push(account),
            Err(error) => section.source().problem(at, format!("`allow`: {error}"), None),
        }
    }
    section.finish();
    Some(WorkersConfig { listen: listen?, allow })
}

fn read_peers(whole: &Section<'_, '_>) -> Vec<PeerConfig> {
    let mut peers: Vec<PeerConfig> = Vec::new();
    for section in whole.sections("peers", "a list of tables: [[peers]]") {
        let account = needed::<AccountId>(&section, "account", "a public key of 64 hex digits");
        let address = |key| needed::<Address>(&section, key, "an address such as \"10.0.0.7:9080\"");
        let (ledger, data) = (address("ledger"), address("data"));
        let gateway = optional::<Address>(&section, "gateway", "an address such as \"10.0.0.7:8080\"");
        if let Some(twice) = account.filter(|account| peers.iter().any(|peer| peer.account == *account)) {
            let message = format!("the account {twice} is in the list twice");
            section.source().problem(section.at(), message, Some("keep one of the two [[peers]]".to_owned()));
        }
        section.finish();
        if let (Some(account), Some(ledger), Some(data)) = (account, ledger, data) {
            peers.push(PeerConfig { account, ledger, data, gateway });
        }
    }
    peers
}

fn needed<T: FromStr>(section: &Section<'_, '_>, key: &'static str, want: &str) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    let found = optional(section, key, want);
    if found.is_none() {
        missing(section, key, want);
    }
    found
}

fn optional<T: FromStr>(section: &Section<'_, '_>, key: &'static str, want: &str) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    let (text, at) = section.text(key, want)?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            section.source().problem(at, format!("`{key}`: {error}"), None);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u8) -> AccountId {
        moot_record::Keypair::from_seed([n; 32]).account()
    }

    fn config() -> ReplicaConfig {
        let at = |port: u16| Address::new("127.0.0.1", port).unwrap();
        let peer = |n: u8| PeerConfig {
            account: account(n),
            ledger: at(9080 + u16::from(n)),
            data: at(10080 + u16::from(n)),
            gateway: (n != 2).then(|| at(8080 + u16::from(n))),
        };
        ReplicaConfig {
            path: PathBuf::from("r/replica.toml"),
            genesis: "genesis.json".into(),
            key: "a \"quoted\" key".into(),
            data: "data".into(),
            listen: Listen { gateway: at(8080), ledger: at(9080), data: at(10080) },
            peers: vec![peer(1), peer(2), peer(3)],
            heartbeat: Duration::from_millis(1500),
            retention: Some(Duration::from_secs(30 * 24 * 3600)),
            gateway: GatewayConfig { pays_for_unsigned: true },
            workers: Some(WorkersConfig { listen: at(9180), allow: vec![account(7), account(8)] }),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let written = config();
        let read = ReplicaConfig::parse(&written.to_toml("Replica 0\nof a network"), &written.path).unwrap();
        let below = |path: &Path| Path::new("r").join(path);
        let expected = ReplicaConfig {
            genesis: below(&written.genesis),
            key: below(&written.key),
            data: below(&written.data),
            ..written
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn paths_are_relative_to_the_file_unless_they_are_absolute() {
        let text = config().to_toml("").replace("data = \"data\"", "data = \"/var/lib/moot\"");
        let read = ReplicaConfig::parse(&text, Path::new("/etc/moot/replica.toml")).unwrap();
        assert_eq!(read.genesis, Path::new("/etc/moot/genesis.json"));
        assert_eq!(read.data, Path::new("/var/lib/moot"));
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let good = config().to_toml("");
        let first = format!("account = \"{}\"", account(1));
        for (from, to, words) in [
            ("heartbeat =", "hartbeat =", vec!["unknown key `hartbeat`", "did you mean `heartbeat`?"]),
            ("heartbeat = \"1500ms\"", "heartbeat = \"1ms\"", vec!["`heartbeat` must be 20 ms or more"]),
            ("retention = \"2592000s\"", "retention = \"3s\"", vec!["`retention` must be 10 s or more"]),
            ("genesis = \"genesis.json\"\n", "", vec!["no `genesis`", "\"genesis.json\""]),
            ("[listen]", "[lisen]", vec!["unknown key `lisen`", "did you mean `listen`?", "has no `listen`"]),
            (
                "gateway = \"127.0.0.1:8080\"",
                "gateway = \"everywhere\"",
                vec!["`gateway`", "everywhere", "10.0.0.7:9080"],
            ),
            (
                "ledger = \"127.0.0.1:9080\"",
                "ledger = 9080",
                vec!["`ledger` must be an address", "the number 9080"],
            ),
            ("data = \"127.0.0.1:10080\"", "data = \"127.0.0.1:9080\"", vec!["both 127.0.0.1:9080"]),
            (first.as_str(), "account = \"abc\"", vec!["`account`", "abc"]),
            (first.as_str(), "", vec!["[peers] has no `account`"]),
            (
                "\ndata = \"127.0.0.1:10081\"",
                "\ndta = \"127.0.0.1:10081\"",
                vec!["unknown key `dta`", "no `data`"],
            ),
            ("genesis =", "genesis", vec!["not TOML"]),
        ] {
            assert!(good.contains(from), "{from}");
            let text = good.replacen(from, to, 1);
            let said = ReplicaConfig::parse(&text, Path::new("replica.toml")).unwrap_err().to_string();
            for word in words {
                assert!(said.contains(word), "{to}: {word}\n{said}");
            }
            assert!(said.contains("--> replica.toml:"), "{said}");
        }
        let twice = good.replace(&account(2).to_string(), &account(1).to_string());
        let said = ReplicaConfig::parse(&twice, Path::new("r.toml")).unwrap_err().to_string();
        assert!(said.contains("in the list twice"), "{said}");
    }
}
