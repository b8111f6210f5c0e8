//! Outbound HTTP: what a guest may reach, and nothing else.
//!
//! ```text
//!  request ──► Target ──► allow-list ──► resolve once ──► filter addresses ──► dial one of them ──► TLS ──► HTTP/1.1
//!              (target)    (allow)        (resolve)         (address)            (dial)                      (body: caps)
//! ```
//!
//! **Requires**: a [`Resolver`](resolve::Resolver) (the system's); trusted roots (Mozilla's, built in).
//!
//! **Provides**: a request leaves only for a `scheme://host:port` that the policy names; a name never leads to an
//! address inside (loopback, private, link-local, ...) unless the policy names that very address or `localhost`;
//! what was checked is what is dialled; redirects are answers like any other and never followed; the authority is
//! the request's own, never the inbound `Host`; time and size are bounded; every attempt is counted as a touch.
//!
//! **Does not provide**: connection reuse between requests (a connection outlives neither its response nor its
//! call), HTTP/2, proxies, client certificates, revocation checks.

mod address;
mod allow;
mod body;
mod dial;
mod hooks;
mod resolve;
mod target;

pub use allow::{AllowedHost, AllowedHostError};
pub(crate) use hooks::Hooks;
