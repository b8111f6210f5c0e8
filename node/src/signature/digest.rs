//! `Content-Digest` (RFC 9530): binds a body to the header that the signature covers.

use data_encoding::BASE64;
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use sha2::{Digest, Sha256, Sha512};

/// The field's value for a body.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(body)))
}

/// Whether a field's value is one of this body: every algorithm known here must agree, and one must be there.
pub(super) fn matches(value: &str, body: &[u8]) -> bool {
    let Ok(digests) = Parser::new(value).parse::<Dictionary>() else { return false };
    let mut known = 0;
    for (algorithm, entry) in &digests {
        let ListEntry::Item(item) = entry else { return false };
        let BareItem::ByteSequence(bytes) = &item.bare_item else { return false };
        let agrees = match algorithm.as_str() {
            "sha-256" => Sha256::digest(body).as_slice() == bytes.as_slice(),
            "sha-512" => Sha512::digest(body).as_slice() == bytes.as_slice(),
            _ => continue,
        };
        if !agrees {
            return false;
        }
        known += 1;
    }
    known > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_known_digest_must_be_there_and_none_may_differ() {
        // The example of RFC 9530, section 2.
        let body = b"{\"hello\": \"world\"}\n";
        let sha256 = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(body), sha256);
        assert!(matches(sha256, body));
        assert!(matches(&format!("unknown=:AAAA:, {sha256}"), body));
        for bad in ["", "sha-256=:AAAA:", "unknown=:AAAA:", "sha-256=1", &format!("{sha256}, sha-512=:AAAA:")]
        {
            assert!(!matches(bad, body), "{bad}");
        }
    }
}
