//! Verifying, for the gateway.

use super::base::{Covered, base};
use super::{ALGORITHM, LABEL, digest};
use crate::limits::SIGNATURE_WINDOW;
use ed25519_zebra::VerificationKey;
use http::HeaderMap;
use http::request::Parts;
use moot_record::AccountId;
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

/// Why a request's signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// Only one of the two fields, or not their syntax.
    #[error("Signature and Signature-Input are not a pair of RFC 9421: {0}")]
    Malformed(&'static str),
    /// Something that must be covered is not.
    #[error("the signature must cover {0}")]
    NotCovered(&'static str),
    /// Something that is covered is not there, or is covered in a way that is not known here.
    #[error("the signature covers what this request does not have, or with component parameters")]
    NoBase,
    /// Not ed25519.
    #[error("the algorithm is {0}; only ed25519 is taken")]
    Algorithm(String),
    /// The key id is no account.
    #[error("the keyid is not an account: 64 hex digits of an ed25519 public key are expected")]
    KeyId,
    /// Too old, from the future, or without a time.
    #[error("the signature was made at {created_s}, and it is {now_s} here: it is taken within {} s; sign again, and check both clocks", SIGNATURE_WINDOW.as_secs())]
    Time {
        /// When it says it was made, seconds since 1970.
        created_s: i64,
        /// The time here.
        now_s: u64,
    },
    /// The body is another one.
    #[error("the Content-Digest is not the body's")]
    OtherBody,
    /// The signature is not the account's for this request.
    #[error("the signature is not {0}'s for this request")]
    Wrong(AccountId),
}

/// A signature that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub account: AccountId,
    /// When, seconds since 1970.
    pub created_s: u64,
    /// BLAKE3 of what was signed (not of the signature, which its maker can vary): the same request has the same.
    pub digest: [u8; 32],
}

/// Checks a request's signature. `Ok(None)` when it has none.
///
/// # Errors
/// When it has one that is not accepted.
pub fn verify(parts: &Parts, body: &[u8], now_s: u64) -> Result<Option<Verified>, SignatureProblem> {
    let Some((input, signature)) = fields(&parts.headers)? else { return Ok(None) };
    let created_s = check_parameters(&input, now_s)?;
    let account = account(&input)?;
    check_covered(&input, &parts.headers, body)?;
    let text =
        Covered::of(parts).and_then(|covered| base(&covered, &input)).ok_or(SignatureProblem::NoBase)?;
    let wrong = |_| SignatureProblem::Wrong(account);
    let signature: [u8; 64] = signature.try_into().map_err(|_| SignatureProblem::Wrong(account))?;
    let key = VerificationKey::try_from(*account.as_bytes()).map_err(wrong)?;
    key.verify(&signature.into(), text.as_bytes()).map_err(wrong)?;
    Ok(Some(Verified { account, created_s, digest: *blake3::hash(text.as_bytes()).as_bytes() }))
}

fn fields(headers: &HeaderMap) -> Result<Option<(InnerList, Vec<u8>)>, SignatureProblem> {
    let (inputs, signatures) = match (joined(headers, "signature-input"), joined(headers, "signature")) {
        (None, None) => return Ok(None),
        (Some(inputs), Some(signatures)) => (inputs, signatures),
        _ => return Err(SignatureProblem::Malformed("one of them is missing")),
    };
    let parse = |text: &str| Parser::new(text).parse::<Dictionary>();
    let inputs =
        parse(&inputs).map_err(|_| SignatureProblem::Malformed("Signature-Input is no dictionary"))?;
    let signatures =
        parse(&signatures).map_err(|_| SignatureProblem::Malformed("Signature is no dictionary"))?;
    let ours = inputs.get(LABEL).map(|input| (LABEL, input));
    let first = || inputs.iter().next().map(|(label, input)| (label.as_str(), input));
    let (label, input) =
        ours.or_else(first).ok_or(SignatureProblem::Malformed("there is no signature in them"))?;
    let ListEntry::InnerList(input) = input else {
        return Err(SignatureProblem::Malformed("Signature-Input has no list of components"));
    };
    match signatures.get(label) {
        Some(ListEntry::Item(item)) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => Ok(Some((input.clone(), bytes.clone()))),
            _ => Err(SignatureProblem::Malformed("the signature is no byte sequence")),
        },
        _ => Err(SignatureProblem::Malformed("their labels differ")),
    }
}

fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().map(|v| v.to_str().unwrap_or("?")).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// Checks time and algorithm; answers with the time.
fn check_parameters(input: &InnerList, now_s: u64) -> Result<u64, SignatureProblem> {
    let integer = |name: &str| input.params.get(name).and_then(BareItem::as_integer).map(i64::from);
    if let Some(algorithm) = input.params.get("alg") {
        let name = algorithm.as_string().map(|s| s.as_str().to_owned()).unwrap_or_default();
        if name != ALGORITHM {
            return Err(SignatureProblem::Algorithm(name));
        }
    }
    let created = integer("created").unwrap_or_default();
    let late = SignatureProblem::Time { created_s: created, now_s };
    let created_s = u64::try_from(created).map_err(|_| late.clone())?;
    let expired = integer("expires").is_some_and(|expires| u64::try_from(expires).is_ok_and(|e| e < now_s));
    if expired || created_s.abs_diff(now_s) > SIGNATURE_WINDOW.as_secs() {
        return Err(late);
    }
    Ok(created_s)
}

fn account(input: &InnerList) -> Result<AccountId, SignatureProblem> {
    let keyid = input.params.get("keyid").and_then(BareItem::as_string).ok_or(SignatureProblem::KeyId)?;
    keyid.as_str().parse().map_err(|_| SignatureProblem::KeyId)
}

/// Checks that nothing which matters is left out, and that the covered digest is the body's.
fn check_covered(input: &InnerList, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureProblem> {
    let covers = |name: &str| {
        input.items.iter().any(|item| item.bare_item.as_string().is_some_and(|s| s.as_str() == name))
    };
    let whole = covers("@target-uri");
    let target = covers("@request-target") || (covers("@path") && covers("@query"));
    for (covered, name) in [
        (covers("@method"), "@method"),
        (whole || covers("@authority"), "@authority"),
        (whole || target, "@path and @query"),
        (body.is_empty() || covers("content-digest"), "content-digest"),
    ] {
        if !covered {
            return Err(SignatureProblem::NotCovered(name));
        }
    }
    if covers("content-digest") {
        let value = joined(headers, "content-digest").unwrap_or_default();
        if !digest::matches(&value, body) {
            return Err(SignatureProblem::OtherBody);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::sign::{RequestToSign, sign_at};
    use super::*;
    use http::{Method, Request, Uri};
    use moot_record::Keypair;

    const NOW_S: u64 = 1_800_000_000;

    fn signed(method: &Method, uri: &str, body: &[u8]) -> Parts {
        let key = Keypair::from_seed([3; 32]);
        let uri: Uri = uri.parse().unwrap();
        let request = RequestToSign { method, authority: "Example.com:80", uri: &uri, body };
        let fields = sign_at(&key, &request, NOW_S, "nonce");
        let request = Request::builder()
            .method(method.clone())
            .uri(uri)
            .header("host", "example.com")
            .header("signature-input", fields.signature_input)
            .header("signature", fields.signature)
            .header("content-digest", fields.content_digest);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_was_signed_is_accepted_and_names_the_account() {
        let parts = signed(&Method::POST, "/call?a=1", b"body");
        let verified = verify(&parts, b"body", NOW_S + 10).unwrap().unwrap();
        assert_eq!(verified.account, Keypair::from_seed([3; 32]).account());
        assert_eq!(verified.created_s, NOW_S);
    }

    #[test]
    fn case_66_another_request_body_host_or_time_is_refused() {
        // A signature is for one request: it must not carry over to any other.
        let check = |change: &dyn Fn(&mut Parts), body: &[u8], now_s| {
            let mut parts = signed(&Method::POST, "/call?a=1", b"body");
            change(&mut parts);
            verify(&parts, body, now_s).unwrap_err()
        };
        let keep = |_: &mut Parts| {};
        let account = Keypair::from_seed([3; 32]).account();
        assert_eq!(check(&keep, b"other", NOW_S), SignatureProblem::OtherBody);
        assert!(matches!(check(&keep, b"body", NOW_S + 301), SignatureProblem::Time { .. }));
        assert!(matches!(check(&keep, b"body", NOW_S - 301), SignatureProblem::Time { .. }));
        let wrong = SignatureProblem::Wrong(account);
        assert_eq!(check(&|p| p.method = Method::PUT, b"body", NOW_S), wrong);
        assert_eq!(check(&|p| p.uri = "/call?a=2".parse().unwrap(), b"body", NOW_S), wrong);
        assert_eq!(check(&|p| p.uri = "/other?a=1".parse().unwrap(), b"body", NOW_S), wrong);
        let host = |p: &mut Parts| drop(p.headers.insert("host", "other.com".parse().unwrap()));
        assert_eq!(check(&host, b"body", NOW_S), wrong);
    }

    #[test]
    fn half_a_signature_is_an_error_and_none_is_none() {
        let mut parts = signed(&Method::GET, "/", b"");
        parts.headers.remove("signature");
        assert!(matches!(verify(&parts, b"", NOW_S), Err(SignatureProblem::Malformed(_))));
        parts.headers.remove("signature-input");
        assert_eq!(verify(&parts, b"", NOW_S), Ok(None));
    }

    #[test]
    fn a_body_that_is_not_covered_is_refused() {
        let mut parts = signed(&Method::GET, "/", b"");
        let input = parts.headers["signature-input"].to_str().unwrap().replace(" \"content-digest\"", "");
        parts.headers.insert("signature-input", input.parse().unwrap());
        assert_eq!(verify(&parts, b"x", NOW_S), Err(SignatureProblem::NotCovered("content-digest")));
        let input = input.replace("\"@method\" ", "");
        parts.headers.insert("signature-input", input.parse().unwrap());
        assert_eq!(verify(&parts, b"", NOW_S), Err(SignatureProblem::NotCovered("@method")));
    }
}
