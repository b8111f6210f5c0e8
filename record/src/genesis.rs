//! The genesis: what a network is, and all that a verifier has to trust.
//!
//! - Requires: that the file came from someone who is believed.
//! - Provides: the network's digest, which every bundle names; the first committee, whose votes certify blocks and
//!   later committees; prices.
//! - Does not provide: a defence against members of an old committee who all sell their keys: together they could
//!   certify another history from their time on. Who fears that keeps a later proof.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bytes::{AccountId, Digest};
use crate::cbor::{self, Reader};
use crate::committee::{Committee, Epochs, check_members, read_members, write_members};
use crate::economy::{Allocation, Economy, check_allocations, read_allocations, write_allocations};
use crate::error::{DecodeError, Invalid};
use crate::fees::Prices;
use crate::hash::Domain;
use crate::item::{Item, canonical};
use crate::limits::{MAX_GENESIS_BYTES, MAX_NETWORK_NAME_BYTES};
use crate::strict_json;
use crate::text::exact;

/// The version of a genesis whose committee never changes.
pub const GENESIS_VERSION: u32 = 1;

/// The version of a genesis with [`Epochs`].
pub const GENESIS_VERSION_EPOCHS: u32 = 2;

/// The version of a genesis with [`Allocation`]s.
pub const GENESIS_VERSION_ACCOUNTS: u32 = 3;

/// The version of a genesis with an [`Economy`].
pub const GENESIS_VERSION_ECONOMY: u32 = 4;

/// The start of a network. In JSON its fields are preceded by the network's digest, which must fit them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Genesis {
    /// [`GENESIS_VERSION`], [`GENESIS_VERSION_EPOCHS`] with `epochs`, [`GENESIS_VERSION_ACCOUNTS`] with `accounts`,
    /// [`GENESIS_VERSION_ECONOMY`] with `economy`.
    pub version: u32,
    /// A name for people.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
    /// The replicas that vote, or that vote first; sorted.
    pub validators: Vec<AccountId>,
    /// What things cost.
    pub prices: Prices,
    /// How the committee may change; none: it never does.
    pub epochs: Option<Epochs>,
    /// Who has what from the start, sorted by account: all there ever is. Empty: nobody has anything.
    pub accounts: Vec<Allocation>,
    /// Where what is paid goes; none: nothing is charged.
    pub economy: Option<Economy>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epochs: Option<Epochs>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<Allocation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    economy: Option<Economy>,
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
    /// A genesis whose committee never changes; the validators are sorted.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        time_ms: u64,
        mut validators: Vec<AccountId>,
        prices: Prices,
    ) -> Self {
        validators.sort_unstable();
        let (name, accounts) = (name.into(), Vec::new());
        let version = GENESIS_VERSION;
        Self { version, name, time_ms, validators, prices, epochs: None, accounts, economy: None }
    }

    /// The same network with a committee that can change.
    #[must_use]
    pub fn with_epochs(self, epochs: Epochs) -> Self {
        Self { epochs: Some(epochs), ..self }.versioned()
    }

    /// The same network where these accounts have something from the start; they are sorted.
    #[must_use]
    pub fn with_accounts(self, mut accounts: Vec<Allocation>) -> Self {
        accounts.sort_unstable_by_key(|allocation| allocation.account);
        Self { accounts, ..self }.versioned()
    }

    /// The same network where what is ordered, run and stored is charged.
    #[must_use]
    pub fn with_economy(self, economy: Economy) -> Self {
        Self { economy: Some(economy), ..self }.versioned()
    }

    fn versioned(self) -> Self {
        Self { version: self.fitting_version(), ..self }
    }

    /// The version of a genesis with these fields: each has one encoding.
    const fn fitting_version(&self) -> u32 {
        match (&self.economy, self.accounts.is_empty(), &self.epochs) {
            (Some(_), _, _) => GENESIS_VERSION_ECONOMY,
            (None, false, _) => GENESIS_VERSION_ACCOUNTS,
            (None, true, Some(_)) => GENESIS_VERSION_EPOCHS,
            (None, true, None) => GENESIS_VERSION,
        }
    }

    /// The first committee: the validators.
    #[must_use]
    pub fn committee(&self) -> Committee {
        Committee { number: 0, members: self.validators.clone() }
    }

    /// The network's digest: what every bundle names.
    #[must_use]
    pub fn network(&self) -> Digest {
        Domain::GENESIS.hash(&self.encode())
    }

    /// The namespace of the first committee's votes: `moot:` and the first 16 digits of the network.
    #[must_use]
    pub fn namespace(&self) -> Vec<u8> {
        self.committee().namespace(&self.network())
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
        if self.version != self.fitting_version() {
            let why = format!(
                "{}; this version of moot knows {GENESIS_VERSION}, {GENESIS_VERSION_EPOCHS} with epochs, \
                 {GENESIS_VERSION_ACCOUNTS} with accounts, and {GENESIS_VERSION_ECONOMY} with an economy",
                self.version
            );
            return Err(Invalid::new("genesis.version", why));
        }
        let plain = !self.name.chars().any(char::is_control);
        if !plain || !(1..=MAX_NETWORK_NAME_BYTES).contains(&self.name.len()) {
            let shown: String = self.name.chars().take(80).collect();
            let why =
                format!("{shown:?} is not 1 to {MAX_NETWORK_NAME_BYTES} bytes without control characters");
            return Err(Invalid::new("genesis.name", why));
        }
        check_members("genesis.validators", &self.validators)?;
        if let Some(epochs) = &self.epochs {
            epochs.check()?;
        }
        check_allocations(&self.accounts)?;
        match &self.economy {
            Some(economy) => economy.check(),
            // The versions before have no place for it.
            None if self.prices.per_stored_byte != 0 => {
                let why = "per_stored_byte belongs to a genesis with an economy: leave it out, or add one";
                Err(Invalid::new("genesis.prices", why))
            }
            None => Ok(()),
        }
    }
}

impl TryFrom<File> for Genesis {
    type Error = GenesisError;

    fn try_from(file: File) -> Result<Self, GenesisError> {
        let File { network, version, name, time_ms, validators, prices, epochs, accounts, economy } = file;
        let genesis = Self { version, name, time_ms, validators, prices, epochs, accounts, economy };
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
        let Genesis { version, name, time_ms, validators, prices, epochs, accounts, economy } = genesis;
        Self { network, version, name, time_ms, validators, prices, epochs, accounts, economy }
    }
}

/// The fields of a genesis with nothing but a committee; epochs, accounts and economy follow them in this order.
const PLAIN_FIELDS: usize = 5;

impl Item for Genesis {
    fn write(&self, out: &mut Vec<u8>) {
        let more = match (&self.economy, self.accounts.is_empty()) {
            (Some(_), _) => 3,
            (None, false) => 2,
            (None, true) => usize::from(self.epochs.is_some()),
        };
        cbor::array(out, PLAIN_FIELDS + more);
        cbor::uint(out, self.version);
        cbor::text(out, &self.name);
        cbor::uint(out, self.time_ms);
        write_members(out, &self.validators);
        match &self.economy {
            Some(_) => self.prices.write(out),
            None => self.prices.write_without_storage(out),
        }
        if more > 0 {
            cbor::option(out, self.epochs.as_ref(), |out, epochs| epochs.write(out));
        }
        if more > 1 {
            write_allocations(out, &self.accounts);
        }
        if let Some(economy) = &self.economy {
            economy.write(out);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        let fields = r.list(PLAIN_FIELDS + 3)?;
        let Some(more) = fields.checked_sub(PLAIN_FIELDS) else {
            let (what, len) = ("the genesis", fields as u64);
            return Err(DecodeError::WrongLength { at, what, len, wanted: PLAIN_FIELDS });
        };
        let genesis = Self {
            version: r.small()?,
            name: r.text(MAX_NETWORK_NAME_BYTES)?.to_owned(),
            time_ms: r.uint()?,
            validators: read_members(r)?,
            prices: if more > 2 { Prices::read(r)? } else { Prices::read_without_storage(r)? },
            epochs: match more {
                0 => None,
                1 => Some(Epochs::read(r)?),
                _ => r.option(Epochs::read)?,
            },
            accounts: if more > 1 { read_allocations(r)? } else { Vec::new() },
            economy: if more > 2 { Some(Economy::read(r)?) } else { None },
        };
        if more == 2 && genesis.accounts.is_empty() {
            // Without any it is of another version, with fewer fields: each has one encoding.
            let what = "the list of accounts";
            return Err(DecodeError::WrongLength { at, what, len: 0, wanted: 1 });
        }
        genesis.check()?;
        Ok(genesis)
    }
}
