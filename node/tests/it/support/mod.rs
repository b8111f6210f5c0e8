//! What the scenarios share: a node in this process, guests, and a client that can send anything.

mod guests;
mod net;
mod node;
mod raw;

pub(crate) use guests::{busy, framing, guest, hostile, keeper, relay};
pub(crate) use net::{PATIENCE, TestNet, free_base, moot, shared_code, until};
pub(crate) use node::{Remote, TestNode, bundle, bundle_by, deploy_bundle, key, open_path, say, signature};
pub(crate) use raw::{Answer, Conn};
