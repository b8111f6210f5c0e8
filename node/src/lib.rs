//! The `moot` node: gateway, worker and command line around a ledger and a host.
//!
//! ```text
//!            ┌────────── gateway ──────────┐      ┌──────── worker ───────┐
//! client ──► │ limits ► route ► API, calls │ ───► │ compile, cache, run   │ ──► moot_host
//!            └──────────────┬──────────────┘      └───────────┬───────────┘
//!                           └───────────── moot_ledger ◄──────┘
//! ```
//!
//! This is the only room that sees both the host and the ledger. [`node::Node`] is the whole of it: what
//! `moot up`, the tests and the benches start. [`api`] holds the JSON that the gateway speaks and that
//! [`client`] reads.
#![forbid(unsafe_code)]

pub mod api;
pub mod cli;
pub mod client;
pub mod gateway;
mod interface;
pub mod keyfile;
pub mod kv;
pub mod limits;
pub mod manifest;
mod metrics;
pub mod network;
pub mod node;
pub mod private_file;
pub mod secrets;
pub mod signature;
mod traces;
pub mod worker;
pub mod workers;

pub use node::{Node, NodeConfig, StartError};
