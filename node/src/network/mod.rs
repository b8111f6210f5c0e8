//! Networks of several replicas: what is written down for each of them, and how one starts from it.
//!
//! ```text
//!  moot net init ──► genesis.json                     moot up --config replica.toml
//!                    replica-0/ genesis.json               │ read, checked, names resolved
//!                               replica.key                ▼
//!                               replica.toml ───────► NodeConfig ──► Node
//!                               fresh   (its key has never voted: gone after the first start)
//! ```
//!
//! - Requires: that the files of a replica are moved, never copied: a key votes in one place.
//! - Provides: configurations that are valid as a whole, or an error that names file, key and value; a key whose
//!   journal of votes is lost does not vote again.
//! - Does not provide: secrecy on the way. Keys are files; whoever carries them to another machine sees to that.

mod address;
mod config;
mod first_start;
mod join;
mod make;
mod neighbours;
mod start;

pub use address::{Address, AddressError};
pub use config::{ConfigError, FILE_NAME, GatewayConfig, Listen, PeerConfig, ReplicaConfig, WorkersConfig};
pub use first_start::{FRESH_FILE, FirstStartError};
pub use join::{JoinError, Joining, Known, check_vacant, join, join_known};
pub use make::{Made, MadeReplica, MakeError, Plan, make};
pub use start::{Seat, SeatError};

pub(crate) use first_start::{may_vote, settle};
pub(crate) use make::{AUTHORITY_FILE, DATA_ABOVE, GENESIS_FILE, LEDGER_ABOVE};
pub(crate) use neighbours::Neighbours;
