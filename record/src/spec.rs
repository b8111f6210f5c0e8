//! A function's spec: its manifest as the ledger keeps it.
//!
//! What the owner signs at deploy, and what every call names by digest: who may call, who pays, what the
//! function may touch, how much it may use. Lists that are sets are sorted, so that one meaning has one digest.

mod codec;
mod rules;

use serde::{Deserialize, Serialize};

use crate::bytes::{AccountId, Digest};
use crate::hash::Domain;
use crate::text::{exact, numbered};

/// The rules that a function runs under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How it is called.
    pub kind: FunctionKind,
    /// The HTTP path that leads to it and everything below: `/hello`, or `/`.
    pub route: String,
    /// Who may call it.
    pub access: Access,
    /// Who pays.
    pub payer: Payer,
    /// What its owner may still do to it.
    pub lifecycle: Lifecycle,
    /// Whether anyone can replay its calls: no outside access, fixed clock, seeded randomness.
    pub deterministic: bool,
    /// Whether a call may be run again after its worker died in the middle.
    pub idempotent: bool,
    /// What is kept of what goes in and out.
    pub payloads: PayloadMode,
    /// What it may touch.
    pub grants: SpecGrants,
    /// What a call may use.
    pub limits: SpecLimits,
    /// On how many workers each call is run: what most of them say is the answer. More than one of a deterministic
    /// function alone.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub replicas_k: u8,
}

const fn once() -> u8 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
const fn is_once(replicas_k: &u8) -> bool {
    *replicas_k == 1
}

numbered! {
    /// How a function is called.
    pub enum FunctionKind("kind of function") {
        /// By HTTP requests: `wasi:http/proxy`.
        Http = 0, "http";
        /// By events: `moot:function/handler`.
        Event = 1, "event";
        /// By its own exports.
        Typed = 2, "typed";
    }
}

numbered! {
    /// Who pays for a call.
    pub enum Payer("payer") {
        /// The function's owner.
        Owner = 0, "owner";
        /// The caller, who must then be known.
        Caller = 1, "caller";
    }
}

/// Who may call a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Anyone, known or not.
    Anyone,
    /// These accounts, sorted. An empty list lets nobody call.
    Accounts(Vec<AccountId>),
    /// Whom a rule allows, in the language of the paths' rules. It is asked when a call comes in.
    Rule(String),
}

impl Access {
    /// Whether `caller` may call, as far as the manifest alone can say; none where a rule decides, which asks for what
    /// only the ledger knows.
    #[must_use]
    pub fn admits(&self, caller: Option<&AccountId>) -> Option<bool> {
        match self {
            Self::Anyone => Some(true),
            Self::Accounts(accounts) => {
                Some(caller.is_some_and(|caller| accounts.binary_search(caller).is_ok()))
            }
            Self::Rule(_) => None,
        }
    }
}

/// What an owner may still do. Both are given up for ever by setting them to false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// Deploy another version, or roll back to one.
    pub upgradable: bool,
    /// Retire it.
    pub destructible: bool,
}

/// What the ledger's payload store keeps of a function's payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum PayloadMode {
    /// The bytes, erased after this time.
    Keep {
        /// How long, in seconds.
        #[serde(with = "exact")]
        retention_s: u64,
    },
    /// The bytes, in the entry, for ever; larger ones by digest only.
    Inline,
    /// Nothing but the digest.
    Digest,
}

/// What a function may touch outside its sandbox. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecGrants {
    /// Hosts it may send requests to, `scheme://host:port`, sorted. An empty list lets it import the interface
    /// and refuses every request; none refuses the import.
    pub http: Option<Vec<String>>,
    /// Environment variables, sorted by name.
    pub env: Vec<(String, String)>,
    /// Names of secrets, sorted; the operator gives their values.
    pub secrets: Vec<String>,
    /// Names of key-value stores, sorted.
    pub key_value: Vec<String>,
    /// Directories, sorted by name.
    pub dirs: Vec<SpecDir>,
    /// The real clock.
    pub clock: bool,
    /// Real randomness.
    pub random: bool,
    /// Writing values and calling other functions.
    pub ledger: bool,
}

/// A directory that the operator maps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecDir {
    /// The operator's name for it.
    pub name: String,
    /// Where the function sees it: `/assets`.
    pub at: String,
    /// Whether it may write.
    pub write: bool,
}

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecLimits {
    /// Units of fuel.
    #[serde(with = "exact")]
    pub fuel: u64,
    /// Wall-clock milliseconds.
    #[serde(with = "exact")]
    pub deadline_ms: u64,
    /// Bytes of linear memory.
    #[serde(with = "exact")]
    pub memory_bytes: u64,
    /// Bytes of a request.
    #[serde(with = "exact")]
    pub request_bytes: u64,
    /// Bytes of a response.
    #[serde(with = "exact")]
    pub response_bytes: u64,
    /// Bytes of log.
    #[serde(with = "exact")]
    pub log_bytes: u64,
}

impl Default for SpecLimits {
    /// 10 billion units of fuel (some seconds of computing), 10 s, 64 MiB, 8 MiB in, 8 MiB out, 256 KiB of log.
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            deadline_ms: 10_000,
            memory_bytes: 64 << 20,
            request_bytes: 8 << 20,
            response_bytes: 8 << 20,
            log_bytes: 256 << 10,
        }
    }
}

impl Default for Lifecycle {
    /// Upgradable, not destructible.
    fn default() -> Self {
        Self { upgradable: true, destructible: false }
    }
}

impl Default for PayloadMode {
    /// Kept for seven days.
    fn default() -> Self {
        Self::Keep { retention_s: 7 * 24 * 60 * 60 }
    }
}

impl Spec {
    /// A spec that grants nothing, open to anyone, with every default.
    #[must_use]
    pub fn new(kind: FunctionKind, route: impl Into<String>) -> Self {
        Self {
            kind,
            route: route.into(),
            access: Access::Anyone,
            payer: Payer::Owner,
            lifecycle: Lifecycle::default(),
            deterministic: false,
            idempotent: false,
            payloads: PayloadMode::default(),
            grants: SpecGrants::default(),
            limits: SpecLimits::default(),
            replicas_k: once(),
        }
    }

    /// The digest of its encoding: what a call names.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Domain::SPEC.hash(&self.encode())
    }

    /// Sorts the lists that are sets and drops exact repetitions.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        fn set<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        if let Access::Accounts(accounts) = &mut self.access {
            set(accounts);
        }
        if let Some(hosts) = &mut self.grants.http {
            set(hosts);
        }
        set(&mut self.grants.env);
        set(&mut self.grants.secrets);
        set(&mut self.grants.key_value);
        set(&mut self.grants.dirs);
        self
    }

    /// Whether a call by `caller` can have been let in, by all that can be said of it later: what a rule was asked about
    /// is gone by then, so under one anybody's can.
    #[must_use]
    pub fn can_have_admitted(&self, caller: Option<&AccountId>) -> bool {
        self.access.admits(caller) != Some(false)
    }
}
