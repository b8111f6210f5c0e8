//! The genesis: what a network is, and all that a verifier has to trust.
//!
//! - Requires: that the file came from someone who is believed.
//! - Provides: the network's digest, which every bundle names; the committee whose votes certify blocks; prices.
//! - Does not provide: later committees. While the validators never change, one genesis verifies every height.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bytes::{AccountId, Digest};
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::fees::Prices;
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::limits::{MAX_GENESIS_BYTES, MAX_NETWORK_NAME_BYTES, MAX_VALIDATORS};
use crate::strict_json;
use crate::text::exact;

/// The version of the genesis format that this code knows.
pub const GENESIS_VERSION: u32 = 1;

/// The start of a network. In JSON its fields are preceded by the network's digest, which must fit them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Genesis {
    /// [`GENESIS_VERSION`].
    pub version: u32,
    /// A name for people.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
    /// The replicas that vote, sorted.
    pub validators: Vec<AccountId>,
    /// What things cost.
    pub prices: Prices,
}

canonical!(Genesis, MAX_GENESIS_BYTES);

/// The file form: the same fields, with the network's digest in front.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    network: Digest,
    version: u32,
    name: String,
    #[serde(with = "exact")]
    time_ms: u64,
    validators: Vec<AccountId>,
    prices: Prices,
}

/// A genesis file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// Not JSON, or not these fields.
    #[error("the genesis file cannot be read: {0}")]
    Json(String),
    /// A field against the rules.
    #[error("genesis {0}")]
    Invalid(#[from] Invalid),
    /// The fields do not hash to the network that the file names.
    #[error(
        "genesis network: the file says {said}, its other fields hash to {found}; something in it was changed, \
         get the file again from its source"
    )]
    Network {
        /// In the file.
        said: Digest,
        /// What the fields give.
        found: Digest,
    },
}

impl GenesisError {
    /// The field that is wrong, dotted.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Json(_) => "genesis",
            Self::Invalid(invalid) => invalid.field,
            Self::Network { .. } => "genesis.network",
        }
    }
}

impl Genesis {
    /// A genesis of the current version; the validators are sorted.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        time_ms: u64,
        mut validators: Vec<AccountId>,
        prices: Prices,
    ) -> Self {
        validators.sort_unstable();
        Self { version: GENESIS_VERSION, name: name.into(), time_ms, validators, prices }
    }

    /// The network's digest: what every bundle names.
    #[must_use]
    pub fn network(&self) -> Digest {
        Domain::GENESIS.hash(&self.encode())
    }

    /// The namespace of the replicas' votes: `moot:` and the first 16 digits of the network.
    #[must_use]
    pub fn namespace(&self) -> Vec<u8> {
        let mut namespace = b"moot:".to_vec();
        namespace.extend_from_slice(&self.network().to_string().as_bytes()[..16]);
        namespace
    }

    /// Reads a genesis file.
    ///
    /// # Errors
    /// When it is not one, or when its fields do not hash to the network that it names.
    pub fn from_json(text: &str) -> Result<Self, GenesisError> {
        let value = strict_json::parse(text, MAX_GENESIS_BYTES).map_err(GenesisError::Json)?;
        let file: File = serde_json::from_value(value).map_err(|e| GenesisError::Json(e.to_string()))?;
        Self::try_from(file)
    }

    /// The file form, for people to read and keep.
    #[must_use]
    pub fn to_json(&self) -> String {
        strict_json::pretty(self)
    }

    /// Checks what the types alone cannot; `decode` and `from_json` do it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        if self.version != GENESIS_VERSION {
            let why = format!("{}; this version of moot knows {GENESIS_VERSION}", self.version);
            return Err(Invalid::new("genesis.version", why));
        }
        let plain = !self.name.chars().any(char::is_control);
        if !plain || !(1..=MAX_NETWORK_NAME_BYTES).contains(&self.name.len()) {
            let shown: String = self.name.chars().take(80).collect();
            let why =
                format!("{shown:?} is not 1 to {MAX_NETWORK_NAME_BYTES} bytes without control characters");
            return Err(Invalid::new("genesis.name", why));
        }
        if !(1..=MAX_VALIDATORS).contains(&self.validators.len()) {
            let why = format!("{} of them; a network has 1 to {MAX_VALIDATORS}", self.validators.len());
            return Err(Invalid::new("genesis.validators", why));
        }
        if !self.validators.is_sorted_by(|a, b| a < b) {
            return Err(Invalid::new("genesis.validators", "not sorted, each once"));
        }
        for validator in &self.validators {
            // With a key of small order anybody could make this validator's votes.
            let key = ed25519_dalek::VerifyingKey::from_bytes(validator.as_bytes());
            if key.map_or(true, |key| key.is_weak()) {
                let why = format!("{validator} is no ed25519 public key that can be relied on");
                return Err(Invalid::new("genesis.validators", why));
            }
        }
        Ok(())
    }
}

impl TryFrom<File> for Genesis {
    type Error = GenesisError;

    fn try_from(file: File) -> Result<Self, GenesisError> {
        let File { network, version, name, time_ms, validators, prices } = file;
        let genesis = Self { version, name, time_ms, validators, prices };
        genesis.check()?;
        let found = genesis.network();
        if found != network {
            return Err(GenesisError::Network { said: network, found });
        }
        Ok(genesis)
    }
}

impl From<Genesis> for File {
    fn from(genesis: Genesis) -> Self {
        let network = genesis.network();
        let Genesis { version, name, time_ms, validators, prices } = genesis;
        Self { network, version, name, time_ms, validators, prices }
    }
}

impl Item for Genesis {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 5);
        cbor::uint(out, self.version);
        cbor::text(out, &self.name);
        cbor::uint(out, self.time_ms);
        cbor::array(out, self.validators.len());
        for validator in &self.validators {
            validator.write(out);
        }
        self.prices.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(5)?;
        let genesis = Self {
            version: r.small()?,
            name: r.text(MAX_NETWORK_NAME_BYTES)?.to_owned(),
            time_ms: r.uint()?,
            validators: (0..r.list(MAX_VALIDATORS)?).map(|_| AccountId::read(r)).collect::<Result<_, _>>()?,
            prices: Prices::read(r)?,
        };
        genesis.check()?;
        Ok(genesis)
    }
}
