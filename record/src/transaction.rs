//! Transactions: what changes the ledger's state.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

use crate::address::EntryId;
use crate::bond::{Candidate, check_evidence, check_parts, check_stake};
use crate::bytes::{AccountId, Digest, Signature};
use crate::cbor::{self, Reader};
use crate::committee::check_key;
use crate::error::{DecodeError, Invalid};
use crate::fees::Prices;
use crate::item::Item;
use crate::limits::{MAX_COMPONENT_BYTES, MAX_PATH_BYTES, MAX_RULE_BYTES, MAX_SPEC_BYTES, MAX_TOGETHER};
use crate::name::FunctionName;
use crate::offence::MAX_OFFENCE_BYTES;
use crate::path::{Pattern, check_path, check_rule_text};
use crate::price_list::check_prices;
use crate::spec::Spec;
use crate::text::{base64url, exact, numbered};
use crate::trigger::Trigger;
use crate::work::WorkOffer;

numbered! {
    /// What a replica does in the network.
    pub enum Role("role of a replica") {
        /// Nothing any more: the others do not talk to it.
        Out = 0, "out";
        /// It gets blocks and batches, and answers questions.
        Follows = 1, "follows";
        /// It votes as well, from the epoch on whose committee it is in.
        Votes = 2, "votes";
    }
}

/// A change of state, said by the account whose bundle carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Transaction {
    /// A new function, or a new version of one.
    Deploy {
        /// Its name.
        name: FunctionName,
        /// The component: [`crate::component_digest`].
        component: Digest,
        /// The component's length.
        #[serde(with = "exact")]
        component_bytes: u64,
        /// The canonical encoding of a [`Spec`].
        #[serde(with = "base64url")]
        spec: Vec<u8>,
        /// The version that this one follows; none for a new function. A deploy that raced another is refused.
        previous: Option<u32>,
    },
    /// An earlier version becomes the active one.
    Rollback {
        /// The function.
        name: FunctionName,
        /// The version.
        version: u32,
    },
    /// The function stops answering.
    Retire {
        /// The function.
        name: FunctionName,
    },
    /// A replica gets another role, or other addresses. Said by the authority that the genesis names.
    Seat {
        /// The replica.
        account: AccountId,
        /// What it does.
        role: Role,
        /// Where it takes votes and blocks; none: as before, or as the others' configurations have it.
        ledger: Option<SocketAddr>,
        /// Where it takes batches.
        data: Option<SocketAddr>,
    },
    /// Units go from the account that says it to another.
    Transfer {
        /// Who gets them.
        to: AccountId,
        /// How many, in the network's smallest unit of account; at least one.
        #[serde(with = "exact")]
        amount: u64,
    },
    /// The transactions that follow it in its bundle, so many of them, are all applied or none is.
    Together {
        /// How many: 2 to [`MAX_TOGETHER`].
        count: u16,
    },
    /// A path gets another owner. Said by the owner of the closest path at or above it, or by whoever comes first to a
    /// first label.
    Own {
        /// The path: [`crate::check_path`].
        path: String,
        /// Who may change owners and rules there and below from now on; none: nobody ever again.
        owner: Option<AccountId>,
    },
    /// What may be written below a pattern. Said by the owner of its first labels.
    Rule {
        /// The pattern: [`crate::Pattern`].
        pattern: String,
        /// An expression; none: there is no rule any more. The ledger reads it and says when it is none.
        rule: Option<String>,
    },
    /// Units leave the account that says it and are held for another, under the address of this transaction.
    Hold {
        /// Whom they are held for.
        to: AccountId,
        /// How many, at least one.
        #[serde(with = "exact")]
        amount: u64,
        /// The height at which what is still held goes back by itself.
        #[serde(with = "exact")]
        until: u64,
    },
    /// A hold ends: `part` of `whole` of it is paid, rounded down, and the rest goes back. Said by whose units they were;
    /// said by whom they are held for, `part` is 0.
    Release {
        /// The address of the transaction that made it.
        hold: EntryId,
        /// How many parts are paid.
        #[serde(with = "exact")]
        part: u64,
        /// Of how many.
        #[serde(with = "exact")]
        whole: u64,
    },
    /// Units leave the balance of the account that says it for its stake.
    Stake {
        /// How many; 0 only where a replica is named.
        #[serde(with = "exact")]
        amount: u64,
        /// A replica that the stake is behind from now on, beside those named before; or new addresses of one of them.
        replica: Option<Candidate>,
        /// The replica's consent: [`Candidate::consent`]. With a replica, and only then.
        consent: Option<Signature>,
    },
    /// Units leave the stake of the account that says it, and come back after the lock-up.
    Unstake {
        /// How many, at least one.
        #[serde(with = "exact")]
        amount: u64,
    },
    /// A replica has sealed two batches with one number, or voted for two things in one view. Said by anybody.
    Convict {
        /// The encoding of an [`crate::Offence`].
        #[serde(with = "base64url")]
        evidence: Vec<u8>,
    },
    /// What things should cost, as a member of the committee would have it. Once a quorum wishes the same it is so from
    /// the next block on.
    Prices {
        /// All of the prices.
        prices: Prices,
    },
    /// A function's owner gives up its upgrade and its destruction for good.
    Freeze {
        /// The function.
        name: FunctionName,
    },
    /// What makes a function run. Said by the owner of the pattern's first labels, or of the function.
    Trigger {
        /// The trigger's name; it belongs to who set it, as long as it is set.
        name: FunctionName,
        /// The trigger; none: there is none any more.
        trigger: Option<Trigger>,
    },
    /// The account that says it is a worker with a stake, and takes calls.
    Work {
        /// What it offers; none: it takes no calls any more.
        offer: Option<WorkOffer>,
    },
    /// The key of the account that says it signs nothing any more, for ever: what it has and should go on belonging to
    /// somebody is handed over before, at best together with this.
    Revoke {},
}

/// A word for each kind of transaction: the compiler asks for one that has none.
macro_rules! kinds {
    ($($kind:ident => $word:literal),* $(,)?) => {
        impl Transaction {
            /// The words of all kinds.
            pub const KINDS: &[&str] = &[$($word),*];

            /// What kind of transaction, in one word.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind { .. } => $word,)*
                }
            }
        }
    };
}

kinds! {
    Deploy => "deploy",
    Rollback => "rollback",
    Retire => "retire",
    Seat => "seat",
    Transfer => "transfer",
    Together => "together",
    Own => "own",
    Rule => "rule",
    Hold => "hold",
    Release => "release",
    Stake => "stake",
    Unstake => "unstake",
    Convict => "convict",
    Prices => "prices",
    Freeze => "freeze",
    Trigger => "trigger",
    Work => "work",
    Revoke => "revoke",
}

impl Transaction {
    /// A deploy of `spec`.
    #[must_use]
    pub fn deploy(
        name: FunctionName,
        component: Digest,
        component_bytes: u64,
        spec: &Spec,
        previous: Option<u32>,
    ) -> Self {
        Self::Deploy { name, component, component_bytes, spec: spec.encode(), previous }
    }

    /// The function that it is about, if about one.
    #[must_use]
    pub const fn name(&self) -> Option<&FunctionName> {
        match self {
            Self::Deploy { name, .. }
            | Self::Rollback { name, .. }
            | Self::Retire { name }
            | Self::Freeze { name } => Some(name),
            Self::Seat { .. }
            | Self::Transfer { .. }
            | Self::Together { .. }
            | Self::Own { .. }
            | Self::Rule { .. }
            | Self::Hold { .. }
            | Self::Release { .. }
            | Self::Stake { .. }
            | Self::Unstake { .. }
            | Self::Convict { .. }
            | Self::Prices { .. }
            | Self::Trigger { .. }
            | Self::Work { .. }
            | Self::Revoke {} => None,
        }
    }

    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        let (component_bytes, spec) = match self {
            Self::Deploy { component_bytes, spec, .. } => (component_bytes, spec),
            Self::Seat { account, ledger, data, .. } => return check_seat(account, ledger, data),
            Self::Transfer { to, amount } | Self::Hold { to, amount, .. } => {
                return check_transfer(to, *amount);
            }
            Self::Release { part, whole, .. } => return check_parts(*part, *whole),
            Self::Stake { amount, replica, consent } => return check_stake(*amount, replica, consent),
            Self::Unstake { amount } => return check_amount(*amount),
            Self::Convict { evidence } => return check_evidence(evidence),
            Self::Together { count } => return check_together(*count),
            Self::Own { path, owner } => return check_own(path, owner.as_ref()),
            Self::Rule { pattern, rule } => return check_rule(pattern, rule.as_deref()),
            Self::Prices { prices } => return check_prices(prices),
            Self::Trigger { trigger, .. } => return trigger.as_ref().map_or(Ok(()), Trigger::check),
            Self::Work { offer } => return offer.as_ref().map_or(Ok(()), WorkOffer::check),
            Self::Rollback { .. } | Self::Retire { .. } | Self::Freeze { .. } | Self::Revoke {} => {
                return Ok(());
            }
        };
        if *component_bytes == 0 || *component_bytes > MAX_COMPONENT_BYTES {
            let why = format!("{component_bytes}; a component has 1 to {MAX_COMPONENT_BYTES} bytes");
            return Err(Invalid::new("transaction.component_bytes", why));
        }
        match Spec::decode(spec) {
            Ok(_) => Ok(()),
            Err(e) => Err(Invalid::new("transaction.spec", e.to_string())),
        }
    }

    pub(crate) const fn fields(&self) -> usize {
        match self {
            Self::Deploy { .. } => 6,
            Self::Rollback { .. } => 3,
            Self::Retire { .. } => 2,
            Self::Seat { .. } => 5,
            Self::Transfer { .. } | Self::Own { .. } | Self::Rule { .. } | Self::Trigger { .. } => 3,
            Self::Hold { .. } | Self::Release { .. } | Self::Stake { .. } => 4,
            Self::Together { .. }
            | Self::Unstake { .. }
            | Self::Convict { .. }
            | Self::Prices { .. }
            | Self::Freeze { .. }
            | Self::Work { .. } => 2,
            Self::Revoke {} => 1,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Deploy { name, component, component_bytes, spec, previous } => {
                cbor::uint(out, 0u8);
                name.write(out);
                component.write(out);
                cbor::uint(out, *component_bytes);
                cbor::bytes(out, spec);
                cbor::option(out, previous.as_ref(), |out, version| cbor::uint(out, *version));
            }
            Self::Rollback { name, version } => {
                cbor::uint(out, 1u8);
                name.write(out);
                cbor::uint(out, *version);
            }
            Self::Retire { name } => {
                cbor::uint(out, 2u8);
                name.write(out);
            }
            Self::Seat { account, role, ledger, data } => {
                cbor::uint(out, 3u8);
                account.write(out);
                cbor::uint(out, role.number());
                cbor::option(out, ledger.as_ref(), write_address);
                cbor::option(out, data.as_ref(), write_address);
            }
            Self::Transfer { to, amount } => {
                cbor::uint(out, 4u8);
                to.write(out);
                cbor::uint(out, *amount);
            }
            Self::Together { count } => {
                cbor::uint(out, 5u8);
                cbor::uint(out, *count);
            }
            Self::Own { path, owner } => {
                cbor::uint(out, 6u8);
                cbor::text(out, path);
                cbor::option(out, owner.as_ref(), |out, owner| owner.write(out));
            }
            Self::Rule { pattern, rule } => {
                cbor::uint(out, 7u8);
                cbor::text(out, pattern);
                cbor::option(out, rule.as_ref(), |out, rule| cbor::text(out, rule));
            }
            Self::Hold { to, amount, until } => {
                cbor::uint(out, 8u8);
                to.write(out);
                cbor::uint(out, *amount);
                cbor::uint(out, *until);
            }
            Self::Release { hold, part, whole } => {
                cbor::uint(out, 9u8);
                hold.write(out);
                cbor::uint(out, *part);
                cbor::uint(out, *whole);
            }
            Self::Stake { amount, replica, consent } => {
                cbor::uint(out, 10u8);
                cbor::uint(out, *amount);
                cbor::option(out, replica.as_ref(), |out, replica| replica.write(out));
                cbor::option(out, consent.as_ref(), |out, consent| consent.write(out));
            }
            Self::Unstake { amount } => {
                cbor::uint(out, 11u8);
                cbor::uint(out, *amount);
            }
            Self::Convict { evidence } => {
                cbor::uint(out, 12u8);
                cbor::bytes(out, evidence);
            }
            Self::Prices { prices } => {
                cbor::uint(out, 13u8);
                prices.write(out);
            }
            Self::Freeze { name } => {
                cbor::uint(out, 14u8);
                name.write(out);
            }
            Self::Trigger { name, trigger } => {
                cbor::uint(out, 16u8);
                name.write(out);
                cbor::option(out, trigger.as_ref(), |out, trigger| trigger.write(out));
            }
            Self::Work { offer } => {
                cbor::uint(out, 17u8);
                cbor::option(out, offer.as_ref(), |out, offer| offer.write(out));
            }
            Self::Revoke {} => cbor::uint(out, 18u8),
        }
    }

    /// Reads the fields after the entry's kind, of which there must be `fields`.
    pub(crate) fn read(r: &mut Reader<'_>, fields: usize) -> Result<Self, DecodeError> {
        let at = r.position();
        let transaction = match r.uint()? {
            0 => Self::Deploy {
                name: FunctionName::read(r)?,
                component: Digest::read(r)?,
                component_bytes: r.uint()?,
                spec: r.bytes(MAX_SPEC_BYTES)?.to_vec(),
                previous: r.option(Reader::small)?,
            },
            1 => Self::Rollback { name: FunctionName::read(r)?, version: r.small()? },
            2 => Self::Retire { name: FunctionName::read(r)? },
            3 => Self::Seat {
                account: AccountId::read(r)?,
                role: Role::read(r)?,
                ledger: r.option(read_address)?,
                data: r.option(read_address)?,
            },
            4 => Self::Transfer { to: AccountId::read(r)?, amount: r.uint()? },
            5 => Self::Together { count: r.small()? },
            6 => Self::Own { path: r.text(MAX_PATH_BYTES)?.to_owned(), owner: r.option(AccountId::read)? },
            7 => Self::Rule {
                pattern: r.text(MAX_PATH_BYTES)?.to_owned(),
                rule: r.option(|r| Ok(r.text(MAX_RULE_BYTES)?.to_owned()))?,
            },
            8 => Self::Hold { to: AccountId::read(r)?, amount: r.uint()?, until: r.uint()? },
            9 => Self::Release { hold: EntryId::read(r)?, part: r.uint()?, whole: r.uint()? },
            10 => Self::Stake {
                amount: r.uint()?,
                replica: r.option(Candidate::read)?,
                consent: r.option(Signature::read)?,
            },
            11 => Self::Unstake { amount: r.uint()? },
            12 => Self::Convict { evidence: r.bytes(MAX_OFFENCE_BYTES)?.to_vec() },
            13 => Self::Prices { prices: Prices::read(r)? },
            14 => Self::Freeze { name: FunctionName::read(r)? },
            16 => Self::Trigger { name: FunctionName::read(r)?, trigger: r.option(Trigger::read)? },
            17 => Self::Work { offer: r.option(WorkOffer::read)? },
            18 => Self::Revoke {},
            value => return Err(DecodeError::UnknownNumber { at, what: "transaction", value }),
        };
        let wanted = transaction.fields();
        if fields != wanted {
            return Err(DecodeError::WrongLength { at, what: "the transaction", len: fields as u64, wanted });
        }
        transaction.check()?;
        Ok(transaction)
    }
}

/// What the types of a transfer alone cannot check.
fn check_transfer(to: &AccountId, amount: u64) -> Result<(), Invalid> {
    check_amount(amount)?;
    // What goes to such a key is anybody's.
    check_key("transaction.to", to)
}

pub(crate) fn check_amount(amount: u64) -> Result<(), Invalid> {
    if amount == 0 {
        return Err(Invalid::new("transaction.amount", "0; write one unit at least"));
    }
    Ok(())
}

fn check_together(count: u16) -> Result<(), Invalid> {
    if (2..=MAX_TOGETHER).contains(&count) {
        return Ok(());
    }
    let why = format!("{count}; 2 to {MAX_TOGETHER} transactions are applied together");
    Err(Invalid::new("transaction.count", why))
}

fn check_own(path: &str, owner: Option<&AccountId>) -> Result<(), Invalid> {
    check_path(path).map_err(|error| Invalid::new("transaction.path", error.why))?;
    owner.map_or(Ok(()), |owner| check_key("transaction.owner", owner))
}

fn check_rule(pattern: &str, rule: Option<&str>) -> Result<(), Invalid> {
    Pattern::parse(pattern)?;
    rule.map_or(Ok(()), |rule| check_rule_text("transaction.rule", rule))
}

/// What the types of a seat alone cannot check.
fn check_seat(
    account: &AccountId,
    ledger: &Option<SocketAddr>,
    data: &Option<SocketAddr>,
) -> Result<(), Invalid> {
    check_key("transaction.account", account)?;
    for (field, address) in [("transaction.ledger", ledger), ("transaction.data", data)] {
        let Some(address) = address else { continue };
        check_address(field, address)?;
    }
    if ledger.is_some() && ledger == data {
        let why = "the same as for votes; batches need a port of their own";
        return Err(Invalid::new("transaction.data", why));
    }
    Ok(())
}

/// An address that others can be told.
pub(crate) fn check_address(field: &'static str, address: &SocketAddr) -> Result<(), Invalid> {
    let plain = SocketAddr::new(address.ip(), address.port());
    if address.port() == 0 || address.ip().is_unspecified() || plain != *address {
        let why = format!("{address}; write an IP address that others can reach, and a port from 1 on");
        return Err(Invalid::new(field, why));
    }
    Ok(())
}

/// The bytes of an IP address and of a port, both big-endian: 6 of them, or 18.
pub(crate) fn write_address(out: &mut Vec<u8>, address: &SocketAddr) {
    let mut bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes.extend_from_slice(&address.port().to_be_bytes());
    cbor::bytes(out, &bytes);
}

pub(crate) fn read_address(r: &mut Reader<'_>) -> Result<SocketAddr, DecodeError> {
    let at = r.position();
    let bytes = r.bytes(18)?;
    let wrong = || DecodeError::WrongLength { at, what: "the address", len: bytes.len() as u64, wanted: 6 };
    let (ip, port) = bytes.split_last_chunk::<2>().ok_or_else(wrong)?;
    let v4 = <[u8; 4]>::try_from(ip).map(IpAddr::from);
    let ip = v4.or_else(|_| <[u8; 16]>::try_from(ip).map(IpAddr::from)).map_err(|_| wrong())?;
    Ok(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}
