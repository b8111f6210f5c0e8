//! An address as configurations have it: a host, by name or number, and a port.
//!
//! The engine below speaks to numbers only, so names are looked up once, when a replica starts.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

/// Longest host name, by RFC 1035.
const MAX_HOST_BYTES: usize = 253;

/// A host and a port: `10.0.0.7:9080`, `[::1]:9080`, `replica-2.example:9080`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is not one.
    #[error("{text:?} is not an address: write a host and a port, such as 10.0.0.7:9080 or [::1]:9080")]
    Malformed {
        /// What was written.
        text: String,
    },
    /// Nobody knows the name.
    #[error(
        "{address}: the name cannot be resolved here ({reason}); write an IP address, or make the name known"
    )]
    Unknown {
        /// The address.
        address: Address,
        /// What the system said.
        reason: String,
    },
}

impl Address {
    /// An address of its parts; `host` without brackets.
    pub fn new(host: &str, port: u16) -> Result<Address, AddressError> {
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let number = host.parse::<IpAddr>().is_ok();
        if number || (!host.is_empty() && host.len() <= MAX_HOST_BYTES && host.chars().all(name)) {
            return Ok(Address { host: host.to_owned(), port });
        }
        Err(AddressError::Malformed { text: format!("{host}:{port}") })
    }

    /// The host, an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether only this machine can reach it, as far as the text says.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The address as a number. Names are looked up, and the first answer counts; blocks meanwhile.
    pub fn resolve(&self) -> Result<SocketAddr, AddressError> {
        let unknown = |reason: String| AddressError::Unknown { address: self.clone(), reason };
        let mut found =
            (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| unknown(error.to_string()))?;
        found.next().ok_or_else(|| unknown("it has no address".to_owned()))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let malformed = || AddressError::Malformed { text: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let port = port.parse().map_err(|_| malformed())?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        // Without brackets, the last group of an IPv6 address would be taken for a port.
        if bare.is_none() && host.contains(':') {
            return Err(malformed());
        }
        Address::new(bare.unwrap_or(host), port).map_err(|_| malformed())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address { host: address.ip().to_string(), port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_shown_alike() {
        for text in ["10.0.0.7:9080", "[::1]:9080", "replica-2.example:1", "localhost:65535"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert!("[::1]:1".parse::<Address>().unwrap().is_loopback());
        assert!("localhost:1".parse::<Address>().unwrap().is_loopback());
        assert!(!"10.0.0.7:1".parse::<Address>().unwrap().is_loopback());
    }

    #[test]
    fn what_is_none_is_refused_with_what_would_be_right() {
        for text in ["", "host", "host:", ":80", "::1:80", "host:99999", "a b:1", "http://x:1", "[x]y:1"] {
            let said = text.parse::<Address>().unwrap_err().to_string();
            assert!(said.contains("10.0.0.7:9080"), "{text}: {said}");
        }
    }

    #[test]
    fn numbers_resolve_to_themselves_and_unknown_names_say_so() {
        let address: Address = "127.0.0.1:9".parse().unwrap();
        assert_eq!(address.resolve().unwrap(), SocketAddr::from(([127, 0, 0, 1], 9)));
        let said = "no-such-name.invalid:9".parse::<Address>().unwrap().resolve().unwrap_err().to_string();
        assert!(said.contains("no-such-name.invalid:9") && said.contains("resolved"), "{said}");
    }
}
