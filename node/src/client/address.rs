//! Where a node is: `http://127.0.0.1:8080`, `https://moot.example`, or just `127.0.0.1:8080`.

use std::fmt;

use http::uri::{Authority, Scheme, Uri};

use super::error::ClientError;

/// A node's address, checked once: scheme, host and port, and nothing behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    authority: Authority,
    secure: bool,
}

impl NodeAddress {
    /// Reads an address as people write it. A missing scheme means `http`.
    pub fn parse(text: &str) -> Result<NodeAddress, ClientError> {
        let wrong = |why: &str| ClientError::Address { address: text.to_owned(), why: why.to_owned() };
        let trimmed = text.trim().trim_end_matches('/');
        let with_scheme =
            if trimmed.contains("://") { trimmed.to_owned() } else { format!("http://{trimmed}") };
        let uri: Uri = with_scheme.parse().map_err(|_| wrong("it is not a URL"))?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong("only http and https are spoken")),
        };
        let authority = uri.authority().cloned().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a user or password does not belong in it"));
        }
        if authority.host().is_empty() || (authority.as_str().ends_with(':')) {
            return Err(wrong("it names no host and port"));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong("it must end after the host and port"));
        }
        Ok(NodeAddress { authority, secure })
    }

    /// Whether TLS is used.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The name or address to look up; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, or the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// What the `Host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether the address is this very machine's.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for (text, shown, host, port) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1", 8080),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", "127.0.0.1", 8080),
            ("https://moot.example", "https://moot.example", "moot.example", 443),
            ("localhost", "http://localhost", "localhost", 80),
            ("http://[::1]:9", "http://[::1]:9", "::1", 9),
        ] {
            let address = NodeAddress::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.host(), address.port()), (shown, host, port));
        }
        assert!(NodeAddress::parse("http://[::1]:9").unwrap().is_local());
        assert!(!NodeAddress::parse("https://moot.example").unwrap().is_local());
    }

    #[test]
    fn refused_with_a_reason() {
        for (text, reason) in [
            ("ftp://host", "only http and https"),
            ("http://user:pw@host", "user or password"),
            ("http://host/path", "end after"),
            ("http://host?x=1", "end after"),
            ("http://", ""),
            ("", ""),
            ("http://ho st", ""),
            ("host:", ""),
        ] {
            let error = NodeAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("127.0.0.1:8080"), "{text}: {error}");
        }
    }
}
