//! Signed HTTP requests: HTTP Message Signatures (RFC 9421) with ed25519, content digests (RFC 9530).
//!
//! ```text
//!  Signature-Input: moot=("@method" "@authority" "@path" "@query" "content-digest");created=..;keyid="<account>";..
//!  Signature:       moot=:<ed25519 over the signature base>:
//!  Content-Digest:  sha-256=:<hash of the body>:
//! ```
//!
//! `keyid` is the account, 64 hex digits. What must be covered: the method, the authority, path and query (or
//! `@target-uri` for the last three), and the content digest when there is a body. Other fields may be covered too.
//!
//! - Requires: clocks that agree within five minutes.
//! - Provides: the account made this very request, for this host, just now.
//! - Does not provide: that it is the first time ([`crate::gateway`] remembers those it has seen), or secrecy.

mod base;
mod digest;
mod sign;
mod verify;

pub use digest::content_digest;
pub use sign::{RequestToSign, SignedFields, sign};
pub use verify::{SignatureProblem, Verified, verify};

/// The label under which we sign. A request with several signatures is checked by this one, else by its first.
const LABEL: &str = "moot";
/// The algorithm's registered name.
const ALGORITHM: &str = "ed25519";
