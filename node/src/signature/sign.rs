//! Signing, for the client.

use super::base::{Covered, base, parameters};
use super::{ALGORITHM, LABEL, content_digest};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::Signer;
use http::{HeaderMap, HeaderValue, Method, Uri};
use moot_record::Keypair;
use rand::Rng;
use sfv::{BareItem, InnerList, Item, Key, Parameters};
use std::time::{SystemTime, UNIX_EPOCH};

/// A request before it is sent.
pub struct RequestToSign<'a> {
    /// The method.
    pub method: &'a Method,
    /// What the `Host` header will say.
    pub authority: &'a str,
    /// Path and query.
    pub uri: &'a Uri,
    /// The body.
    pub body: &'a [u8],
}

/// The fields to be added to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedFields {
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
    /// `Content-Digest`.
    pub content_digest: String,
}

/// Signs a request, now and with a fresh nonce.
#[must_use]
pub fn sign(key: &Keypair, request: &RequestToSign<'_>) -> SignedFields {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut nonce = [0u8; 16];
    rand::rng().fill_bytes(&mut nonce);
    sign_at(key, request, now.as_secs(), &HEXLOWER.encode(&nonce))
}

pub(super) fn sign_at(
    key: &Keypair,
    request: &RequestToSign<'_>,
    created_s: u64,
    nonce: &str,
) -> SignedFields {
    let digest = content_digest(request.body);
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(digest.as_str()) {
        headers.insert("content-digest", value);
    }
    let covered = Covered::new(request.method, request.authority, request.uri, &headers);
    let input = input(&key.account().to_string(), created_s, nonce);
    // Every component named in `input` is there, and its parameters are plain text.
    let text = base(&covered, &input).unwrap_or_default();
    let signature = ed25519_dalek::SigningKey::from_bytes(&key.seed()).sign(text.as_bytes());
    SignedFields {
        signature_input: format!("{LABEL}={}", parameters(&input).unwrap_or_default()),
        signature: format!("{LABEL}=:{}:", BASE64.encode(&signature.to_bytes())),
        content_digest: digest,
    }
}

fn input(account: &str, created_s: u64, nonce: &str) -> InnerList {
    let string = |text: &str| sfv::String::from_string(text.to_owned()).ok().map(BareItem::String);
    let names = ["@method", "@authority", "@path", "@query", "content-digest"];
    let items = names.iter().filter_map(|name| string(name)).map(Item::new).collect();
    let created = sfv::Integer::try_from(created_s).ok().map(BareItem::Integer);
    let values = [
        ("created", created),
        ("keyid", string(account)),
        ("alg", string(ALGORITHM)),
        ("nonce", string(nonce)),
    ];
    let mut params = Parameters::new();
    for (name, value) in values {
        if let (Ok(name), Some(value)) = (Key::from_string(name.to_owned()), value) {
            params.insert(name, value);
        }
    }
    InnerList::with_params(items, params)
}
