//! Workers in processes and on machines of their own, and the replica that they joined.
//!
//! ```text
//!  moot worker ──dials──► listener          TLS 1.3, each side proves its ed25519 account (raw public keys)
//!       ▲                     │
//!       │   HTTP/2, turned round: the worker has dialled, and the replica asks
//!       │                     ▼
//!       ├──── POST /hello ─── Joined        which functions, which engine, how many calls at once
//!       ├──── PUT /functions/hello          spec and component: admitted, compiled, kept
//!       └──── POST /calls ─── Lease         a recorded call ──► output, and the receipt that the worker signed
//! ```
//!
//! A call is one request, and the request's end is the call's: there is no lease to be renewed and no list to be asked
//! for again. A connection that breaks, or answers no ping, ends every call on it at once.
//!
//! - Requires: on the replica, the list of accounts whose word it takes; on the worker, the account of its replica.
//! - Provides: nobody else gets a call, a component or an answer; a call leaves this process only when it is on the
//!   disk; what the worker answers is held against the call before it is recorded; a worker that is gone, silent or
//!   wrong is noticed, and its calls are run again only where that is harmless.
//! - Does not provide: that what a worker says it computed is so (its receipt is its word, as ever); functions that
//!   need the replica's own stores or its ledger: they run on the replica.

mod external;
mod fleet;
pub mod identity;
mod joined;
mod limits;
mod listener;
mod logs;
mod prepare;
mod runner;
mod separate;
mod session;
pub mod wire;

pub use separate::{Said, SeparateWorker, SeparateWorkerError, WorkerConfig};

pub(crate) use fleet::{Bounds, Fleet, Lease};
pub(crate) use joined::{Answered, Lost};
pub(crate) use limits::{MAX_DEADLINE_ELSEWHERE, MAX_TRIES, PLACE_WAIT, PLACE_WAIT_AT_START};
pub(crate) use listener::serve;
pub(crate) use logs::kept_lines;

use moot_record::{AccountId, Engine};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// What this program runs components with.
pub(crate) const ENGINE: Engine = Engine::named(moot_host::ENGINE);

/// Which workers may join a node, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Where they dial to. Port 0 takes a free one: see [`crate::Node::workers_address`].
    pub listen: SocketAddr,
    /// Their accounts.
    pub allow: BTreeSet<AccountId>,
}
