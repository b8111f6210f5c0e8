//! What a request is for: its path and its host, refused when two readers could read them differently.
//!
//! A path goes to the ledger, to the router and to a guest. `..`, an encoded slash or a NUL would mean one thing
//! to one of them and another to the next, so they are refused rather than repaired.

use crate::limits::MAX_TARGET_BYTES;
use http::uri::{Authority, Uri};
use http::{HeaderMap, Version, header};

/// What is wrong with a target. The text says what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    #[error(
        "the request target has {0} bytes; at most {MAX_TARGET_BYTES} are taken. Send long input in the body"
    )]
    TooLong(usize),
    #[error("the request target must start with `/`, as in `GET /hello HTTP/1.1`")]
    NoPath,
    #[error("the path has a `.` or `..` segment; send the path that it stands for")]
    DotSegment,
    #[error(
        "the path has an encoded `/`, `\\` or control character (%2f, %5c, %00 to %1f, %7f); these are refused because programs read them differently"
    )]
    Encoded,
    #[error("the path has a `%` that is not followed by two hex digits")]
    Percent,
    #[error("the path has a `\\`; use `/`")]
    Backslash,
    #[error("there is no Host header; HTTP/1.1 asks for exactly one (RFC 9112, section 3.2)")]
    NoHost,
    #[error("there are {0} Host headers; HTTP/1.1 asks for exactly one (RFC 9112, section 3.2)")]
    ManyHosts(usize),
    #[error("the Host header is not `host` or `host:port`")]
    BadHost,
    #[error("the Host header and the request target name different hosts")]
    HostsDiffer,
}

/// Checks the path and its length. The common path without `%` or `.` costs one pass.
pub(crate) fn check_path(uri: &Uri) -> Result<(), TargetError> {
    let path = uri.path();
    let length = path.len() + uri.query().map_or(0, |q| q.len() + 1);
    if length > MAX_TARGET_BYTES {
        return Err(TargetError::TooLong(length));
    }
    if !path.starts_with('/') {
        return Err(TargetError::NoPath);
    }
    if !path.bytes().any(|b| matches!(b, b'%' | b'\\' | b'.')) {
        return Ok(());
    }
    path.split('/').try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), TargetError> {
    let bytes = segment.as_bytes();
    let mut at = 0;
    let (mut dots, mut others) = (0, 0);
    while at < bytes.len() {
        let byte = match bytes[at] {
            b'\\' => return Err(TargetError::Backslash),
            b'%' => {
                let hex = bytes.get(at + 1..at + 3).ok_or(TargetError::Percent)?;
                at += 2;
                let digit = |b: u8| (b as char).to_digit(16).ok_or(TargetError::Percent);
                let byte = (digit(hex[0])? * 16 + digit(hex[1])?) as u8;
                if byte < 0x20 || matches!(byte, 0x7f | b'/' | b'\\') {
                    return Err(TargetError::Encoded);
                }
                byte
            }
            byte => byte,
        };
        at += 1;
        if byte == b'.' { dots += 1 } else { others += 1 }
    }
    if others == 0 && (dots == 1 || dots == 2) { Err(TargetError::DotSegment) } else { Ok(()) }
}

/// A checked path's text with its `%xx` decoded.
pub(crate) fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16)).unwrap_or_default();
        bytes.push(if byte == b'%' { (hex(rest.next()) * 16 + hex(rest.next())) as u8 } else { byte });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Checks that the request names one host, and that its two places for it agree.
pub(crate) fn check_host(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), TargetError> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let first = hosts.next();
    let more = hosts.count();
    if more > 0 {
        return Err(TargetError::ManyHosts(more + 1));
    }
    let host = match first {
        Some(value) => Some(plain_authority(value.as_bytes())?),
        None => None,
    };
    match (host, uri.authority()) {
        (None, None) if version == Version::HTTP_10 => Ok(()),
        (None, None) => Err(TargetError::NoHost),
        (None, Some(_)) if version == Version::HTTP_11 => Err(TargetError::NoHost),
        (Some(host), Some(authority)) if !host.as_str().eq_ignore_ascii_case(authority.as_str()) => {
            Err(TargetError::HostsDiffer)
        }
        (_, Some(authority)) if authority.as_str().contains('@') => Err(TargetError::BadHost),
        _ => Ok(()),
    }
}

fn plain_authority(value: &[u8]) -> Result<Authority, TargetError> {
    let authority = Authority::try_from(value).map_err(|_| TargetError::BadHost)?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(TargetError::BadHost);
    }
    Ok(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<(), TargetError> {
        check_path(&text.parse::<Uri>().unwrap())
    }

    #[test]
    fn case_15_paths_that_programs_read_differently_are_refused() {
        // A router that decodes and a guest that does not (or the other way round) is how filters are passed.
        for bad in ["/a/../b", "/..", "/a/./b", "/a/%2e%2e/b", "/a/.%2E", "/%2e", "/."] {
            assert_eq!(path(bad), Err(TargetError::DotSegment), "{bad}");
        }
        for bad in ["/a%2fb", "/a%2Fb", "/a%00", "/%5c", "/a%0d%0ab", "/%7f"] {
            assert_eq!(path(bad), Err(TargetError::Encoded), "{bad}");
        }
        for bad in ["/a%", "/a%2", "/a%zz", "/%%20"] {
            assert_eq!(path(bad), Err(TargetError::Percent), "{bad}");
        }
        for good in ["/", "/a", "/a.b", "/...", "/a..b/c", "/%20x", "/a%2eb", "/a//b", "/.well-known/x"] {
            assert_eq!(path(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_target_has_a_bounded_length_and_a_path() {
        assert_eq!(
            path(&format!("/{}", "a".repeat(MAX_TARGET_BYTES))),
            Err(TargetError::TooLong(MAX_TARGET_BYTES + 1))
        );
        assert_eq!(
            path(&format!("/?{}", "a".repeat(MAX_TARGET_BYTES))),
            Err(TargetError::TooLong(MAX_TARGET_BYTES + 2))
        );
        assert_eq!(path("*"), Err(TargetError::NoPath));
    }

    #[test]
    fn exports_come_through_the_path() {
        assert_eq!(decoded("docs:adder/add@0.1.0%23add"), "docs:adder/add@0.1.0#add");
        assert_eq!(decoded("caf%C3%A9"), "caf\u{e9}");
    }

    fn host(version: Version, uri: &str, hosts: &[&str]) -> Result<(), TargetError> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        check_host(version, &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn case_09_one_host_and_only_one() {
        // With none or two, a proxy in front and this gateway could disagree on whose request it is.
        use Version as V;
        assert_eq!(host(V::HTTP_11, "/", &["a:80"]), Ok(()));
        assert_eq!(host(V::HTTP_11, "/", &[]), Err(TargetError::NoHost));
        assert_eq!(host(V::HTTP_11, "/", &["a", "a"]), Err(TargetError::ManyHosts(2)));
        assert_eq!(host(V::HTTP_10, "/", &[]), Ok(()));
        assert_eq!(host(V::HTTP_11, "http://a/", &["b"]), Err(TargetError::HostsDiffer));
        assert_eq!(host(V::HTTP_11, "http://a/", &[]), Err(TargetError::NoHost));
        assert_eq!(host(V::HTTP_2, "http://a/", &[]), Ok(()));
        assert_eq!(host(V::HTTP_2, "http://a/", &["b"]), Err(TargetError::HostsDiffer));
        assert_eq!(host(V::HTTP_2, "/", &[]), Err(TargetError::NoHost));
        for bad in ["user@a", "", "a b", "a/b"] {
            assert_eq!(host(V::HTTP_11, "/", &[bad]), Err(TargetError::BadHost), "{bad}");
        }
    }
}
