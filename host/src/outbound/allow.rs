//! The allow-list: patterns of `scheme://host:port`, parsed once when a policy is made.

use super::target::{Host, Scheme, Target};
use std::fmt;
use std::str::FromStr;

/// An outside host that a policy allows.
///
/// - `https://api.example.com:443`: this name at this port. The port may be left out for 443 and 80.
/// - `https://*.example.com`: any one label in place of the star, as in a certificate; neither `example.com`
///   itself nor `a.b.example.com`.
/// - `http://127.0.0.1:9000`, `http://[::1]:9000`: this address, though it lies inside.
/// - `http://localhost:3000`: this machine.
///
/// Two that mean the same compare equal and print the same.
///
/// ```
/// # use moot_host::AllowedHost;
/// let host: AllowedHost = "https://API.example.com".parse()?;
/// assert_eq!(host.to_string(), "https://api.example.com:443");
/// # Ok::<(), moot_host::AllowedHostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AllowedHost {
    scheme: Scheme,
    host: Pattern,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Pattern {
    Exactly(Host),
    /// One label below this name.
    Below(String),
}

/// Why a text is not an [`AllowedHost`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an outside host: {reason}; write it as {example}")]
pub struct AllowedHostError {
    text: String,
    reason: &'static str,
    example: &'static str,
}

const EXAMPLE: &str = "https://api.example.com:443";
const EXAMPLE_BELOW: &str = "https://*.example.com:443";

impl AllowedHost {
    /// Whether a request may go to `target`.
    pub(super) fn admits(&self, target: &Target) -> bool {
        self.scheme == target.scheme
            && self.port == target.port
            && match (&self.host, &target.host) {
                (Pattern::Exactly(host), asked) => host == asked,
                (Pattern::Below(name), Host::Name(asked)) => {
                    asked.split_once('.').is_some_and(|(_, parent)| parent == name)
                }
                (Pattern::Below(_), Host::Address(_)) => false,
            }
    }

    fn parse(text: &str) -> Result<AllowedHost, (&'static str, &'static str)> {
        let (scheme, rest) = text.split_once("://").ok_or(("it has no scheme", EXAMPLE))?;
        let scheme = Scheme::parse(scheme).ok_or(("its scheme is neither https nor http", EXAMPLE))?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(("it has a path, and a grant is for a whole host", EXAMPLE));
        }
        if rest.contains('@') {
            return Err(("it has a user name", EXAMPLE));
        }
        // The last colon, unless it lies within the brackets of an IPv6 address.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match port {
            None => scheme.default_port(),
            Some(port) => port
                .parse::<u16>()
                .ok()
                .filter(|number| *number != 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
                .ok_or(("its port is not a number from 1 to 65535", EXAMPLE))?,
        };
        let host = match host.strip_prefix("*.") {
            Some(parent) => {
                let parent = Host::name(parent).map_err(|why| (why, EXAMPLE_BELOW))?;
                if !parent.contains('.') {
                    return Err((
                        "a star right below a top-level domain would allow nearly everyone",
                        EXAMPLE_BELOW,
                    ));
                }
                Pattern::Below(parent)
            }
            None if host.contains('*') => {
                return Err((
                    "a star stands for one whole label, at the front, of a name with at least two more",
                    EXAMPLE_BELOW,
                ));
            }
            None => Pattern::Exactly(Host::parse(host).map_err(|why| (why, EXAMPLE))?),
        };
        Ok(AllowedHost { scheme, host, port })
    }
}

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        AllowedHost::parse(text).map_err(|(reason, example)| AllowedHostError {
            text: text.chars().take(300).collect(),
            reason,
            example,
        })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if matches!(self.host, Pattern::Below(_)) { "*." } else { "" };
        let host: &dyn fmt::Display = match &self.host {
            Pattern::Exactly(host) => host,
            Pattern::Below(name) => name,
        };
        write!(f, "{}://{star}{host}:{}", self.scheme.as_str(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, uri: &str) -> bool {
        let pattern: AllowedHost = pattern.parse().unwrap();
        pattern.admits(&Target::of(&uri.parse().unwrap()).unwrap())
    }

    #[test]
    fn prints_the_canonical_form() {
        for (text, canonical) in [
            ("https://api.example.com:443", "https://api.example.com:443"),
            ("HTTPS://API.example.COM./", "https://api.example.com:443"),
            ("http://example.com", "http://example.com:80"),
            ("https://*.Example.com", "https://*.example.com:443"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::0001]", "http://[::1]:80"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            let parsed: AllowedHost = text.parse().unwrap();
            assert_eq!(parsed.to_string(), canonical);
            assert_eq!(canonical.parse::<AllowedHost>().unwrap(), parsed);
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_would_be_right() {
        for (text, why) in [
            ("api.example.com", "no scheme"),
            ("ftp://example.com", "neither https nor http"),
            ("https://example.com/v1", "path"),
            ("https://me@example.com", "user name"),
            ("https://example.com:0", "1 to 65535"),
            ("https://example.com:+80", "1 to 65535"),
            ("https://example.com:65536", "1 to 65535"),
            ("https://", "no host"),
            ("https://*", "star"),
            ("https://*.com", "nearly everyone"),
            ("https://a.*.example.com", "star"),
            ("https://*x.example.com", "star"),
            ("http://2130706433", "plain form"),
            ("http://127.1", "plain form"),
            ("https://bücher.example", "xn--"),
        ] {
            let error = text.parse::<AllowedHost>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("write it as https://"), "{text}: {error}");
        }
    }

    #[test]
    fn admits_exactly_what_it_names() {
        let pattern = "https://api.example.com:443";
        assert!(admits(pattern, "https://api.example.com/any/path?q"));
        assert!(admits(pattern, "https://API.EXAMPLE.COM.:443/"));
        for other in [
            "http://api.example.com:443/",
            "https://api.example.com:444/",
            "https://example.com/",
            "https://api.example.com.evil.example/",
            "https://evilapi.example.com/",
        ] {
            assert!(!admits(pattern, other), "{other}");
        }
    }

    #[test]
    fn a_star_is_one_label() {
        let pattern = "https://*.example.com";
        assert!(admits(pattern, "https://a.example.com/"));
        for other in [
            "https://example.com/",
            "https://a.b.example.com/",
            "https://a.example.com:8443/",
            "https://aexample.com/",
            "https://93.184.215.14/",
        ] {
            assert!(!admits(pattern, other), "{other}");
        }
    }
}
