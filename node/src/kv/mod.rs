//! Key-value stores for functions that were granted one, in redb.
//!
//! ```text
//! wasi:keyvalue ──► moot_host::KeyValue ──► Store { owner/name } ──► kv/stores.redb
//! ```
//!
//! A store belongs to an owner's account: an owner's functions that are granted the same name share it, and
//! nobody else's can reach it. A write is on the disk when it returns, so what a receipt says was done survives a
//! crash. Stores are outside the ledger: they are state of this node, and no proof covers them.

mod store;

pub use store::{KvError, Stores};
