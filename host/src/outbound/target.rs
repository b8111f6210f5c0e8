//! Where a request goes: scheme, host and port in one canonical form, so that comparing is enough.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The schemes that can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// A host: an address, or a name in lowercase without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Host {
    Address(IpAddr),
    Name(String),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Scheme {
    pub(super) fn parse(text: &str) -> Option<Scheme> {
        match text {
            _ if text.eq_ignore_ascii_case("https") => Some(Scheme::Https),
            _ if text.eq_ignore_ascii_case("http") => Some(Scheme::Http),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub(super) fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl Host {
    /// Reads a host as it stands in a URL. Refuses every way of writing an address but the plain one: what looks
    /// like a number to some resolver must not look like a name to us.
    pub(super) fn parse(text: &str) -> Result<Host, &'static str> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or("the bracket around the IPv6 address is not closed")?;
            let address =
                inner.parse::<Ipv6Addr>().map_err(|_| "what is in brackets is not an IPv6 address")?;
            return Ok(Host::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(address.into()));
        }
        Host::name(text).map(Host::Name)
    }

    /// Reads a name: dot-separated labels, the last of them no number.
    pub(super) fn name(text: &str) -> Result<String, &'static str> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() {
            return Err("it has no host");
        }
        if !name.is_ascii() {
            return Err("the host is not ASCII: write an international name as xn--...");
        }
        if name.len() > 253 {
            return Err("the host is longer than the 253 bytes a name may have");
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let mut last = name;
        for label in name.split('.') {
            let hyphen = label.starts_with('-') || label.ends_with('-');
            if label.is_empty() || label.len() > 63 || hyphen || !label.bytes().all(fits) {
                return Err("the host is not a name (labels of 1 to 63 letters, digits, - and _)");
            }
            last = label;
        }
        let hexadecimal = last.strip_prefix("0x").or(last.strip_prefix("0X"));
        if last.bytes().all(|byte| byte.is_ascii_digit())
            || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err("the host is a number but not an IPv4 address in its plain form, like 192.0.2.1");
        }
        Ok(name.to_ascii_lowercase())
    }
}

impl Target {
    /// Where a request with this URI goes.
    pub(super) fn of(uri: &http::Uri) -> Result<Target, &'static str> {
        let scheme =
            uri.scheme_str().and_then(Scheme::parse).ok_or("its scheme is neither http nor https")?;
        let authority = uri.authority().ok_or("it has no authority")?;
        if authority.as_str().contains('@') {
            return Err("it has a user name in its authority");
        }
        let host = Host::parse(authority.host())?;
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            None => scheme.default_port(),
            Some(_) => authority.port_u16().filter(|port| *port != 0).ok_or("its port is not a port")?,
        };
        Ok(Target { scheme, host, port })
    }

    /// The authority for the `Host` header: the port only where it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Result<String, &'static str> {
        Target::of(&uri.parse().unwrap()).map(|target| target.to_string())
    }

    #[test]
    fn one_form_for_each_target() {
        for (uri, target) in [
            ("https://API.Example.com/path?q", "https://api.example.com:443"),
            ("https://api.example.com.:443/", "https://api.example.com:443"),
            ("http://api.example.com", "http://api.example.com:80"),
            ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000"),
            ("http://[::1]:9000/x", "http://[::1]:9000"),
            ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]:80"),
            ("http://a_b.example", "http://a_b.example:80"),
        ] {
            assert_eq!(of(uri).as_deref(), Ok(target), "{uri}");
        }
    }

    /// Resolvers of the C library read these as 127.0.0.1; a name filter that lets them pass is no filter.
    #[test]
    fn case_36_decimal_octal_and_hexadecimal_ipv4_are_not_hosts() {
        for host in [
            "2130706433",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "0x7f000001",
            "0x7f.1",
            "0X7F.0.0.0x1",
            "127.0.0.01",
            "1.2.3.4.5",
            "a.0x",
            "017700000001",
            "256.1.1.1",
        ] {
            let why = of(&format!("http://{host}/")).unwrap_err();
            assert!(why.contains("plain form") || why.contains("not a name"), "{host}: {why}");
        }
    }

    #[test]
    fn what_is_no_target() {
        for (uri, why) in [
            ("ftp://example.com/", "scheme"),
            ("/only/a/path", "scheme"),
            ("http://user:secret@example.com/", "user name"),
            ("http://example.com:0/", "port"),
            ("http://example.com:/", "port"),
            ("http://-a.example/", "not a name"),
            ("http://a..example/", "not a name"),
        ] {
            assert!(of(uri).unwrap_err().contains(why), "{uri}: {:?}", of(uri));
        }
        assert!(Host::parse("bücher.example").unwrap_err().contains("xn--"));
        assert!(Host::parse(&"a.".repeat(200)).unwrap_err().contains("253"));
        assert!(Host::parse("[::1").unwrap_err().contains("bracket"));
        assert!(Host::parse("[fe80::1%25eth0]").is_err());
    }

    #[test]
    fn the_host_header_leaves_out_the_schemes_own_port() {
        let of = |uri: &str| Target::of(&uri.parse().unwrap()).unwrap().authority();
        assert_eq!(of("https://Example.com:443/"), "example.com");
        assert_eq!(of("http://example.com:443/"), "example.com:443");
        assert_eq!(of("http://[::1]:81/"), "[::1]:81");
    }
}
