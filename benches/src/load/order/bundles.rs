//! Bundles signed before they are sent, in little memory: of a client's bundles all pages but the last are the same
//! bytes, and the last begins with a call that no other bundle has.
//!
//! ```text
//!  [HTTP head | bundle header, signature] + [seven pages, shared] + [last page]        three pieces, one write
//! ```
//!
//! Whoever receives them cannot tell: every bundle is hashed, checked, stored and ordered whole.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use moot_record::{
    BundleHeader, Call, CallKind, Digest, Domain, Entry, FunctionName, Keypair, PageBuilder, PageClass,
    Payload, cbor, merkle, page_digest,
};

/// Bytes of a call's entry: what the figures are about.
pub(crate) const CALL_BYTES: usize = 128;
/// Bundles signed ahead: at 16 KiB each 320 MiB in all, ten seconds of one client at two million calls a second.
const MAX_AHEAD: usize = 20_000;

/// Makes a client's bundles.
pub(crate) struct Signer {
    key: Keypair,
    network: Digest,
    gateway: String,
    /// The shared pages as the bundle has them, and their digests.
    shared: Bytes,
    leaves: Vec<Digest>,
    /// The entries of the last page but for its first.
    last: Vec<Vec<u8>>,
    next: u64,
}

/// A bundle as it is sent.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) head: Bytes,
    pub(crate) shared: Bytes,
    pub(crate) last: Bytes,
}

/// A call of a function that nobody serves: it is ordered, and not run.
fn call(number: u64) -> Result<Vec<u8>> {
    let call = Call {
        function: FunctionName::parse("n")?,
        component: Digest::from_bytes([1; 32]),
        spec: Digest::from_bytes([2; 32]),
        kind: CallKind::Http,
        caller: None,
        input: Payload::of(&number.to_be_bytes()),
        time_us: 1_700_000_000_000_000 + number,
        fuel_limit: 10_000_000,
        idempotency: None,
        parent: None,
    };
    let bytes = Entry::Call(call).encode();
    ensure!(bytes.len() == CALL_BYTES, "a call has {} bytes and should have {CALL_BYTES}", bytes.len());
    Ok(bytes)
}

/// One page of entries; those that do not fit are left.
fn page<'a>(entries: &mut std::iter::Peekable<impl Iterator<Item = &'a [u8]>>) -> Result<Vec<u8>> {
    let mut page = PageBuilder::new(PageClass::Bulk);
    while entries.next_if(|entry| page.append(entry).is_some()).is_some() {}
    page.finish().context("an entry does not fit a page")
}

/// Signers of one run: one for each replica, and some for who tries more.
pub(crate) const MAX_SIGNERS: u8 = 16;
/// What each has: all of them together fit a balance.
pub(crate) const SIGNERS_FUNDS: u64 = 1_000_000_000_000_000_000;

/// The key of a signer.
pub(crate) fn signer_key(number: u8) -> Keypair {
    Keypair::from_seed([number.wrapping_add(100); 32])
}

impl Signer {
    pub(crate) fn new(number: u8, network: Digest, gateway: String, calls: usize) -> Result<Signer> {
        let all = (0..calls as u64).map(call).collect::<Result<Vec<_>>>()?;
        let mut rest = all.iter().map(Vec::as_slice).peekable();
        let (mut shared, mut leaves, mut pages) = (Vec::new(), Vec::new(), Vec::new());
        while rest.peek().is_some() {
            pages.push(page(&mut rest)?);
        }
        let last = pages.pop().context("a bundle needs a call")?;
        for page in &pages {
            cbor::bytes(&mut shared, page);
            leaves.push(page_digest(page)?);
        }
        let last = moot_record::Page::parse(&last)?.iter().skip(1).map(<[u8]>::to_vec).collect();
        let key = signer_key(number);
        let next = (u64::from(number) + 1) << 40;
        Ok(Signer { key, network, gateway, shared: shared.into(), leaves, last, next })
    }

    /// Signs `count` bundles that no other will equal.
    pub(crate) fn sign(&mut self, count: usize, valid_until: u64) -> Result<Vec<Signed>> {
        ensure!(
            count <= MAX_AHEAD,
            "{count} bundles are more than are signed ahead, {MAX_AHEAD}: shorten the step"
        );
        (0..count).map(|_| self.one(valid_until)).collect()
    }

    fn one(&mut self, valid_until: u64) -> Result<Signed> {
        self.next += 1;
        let first = call(self.next)?;
        let mut entries =
            std::iter::once(first.as_slice()).chain(self.last.iter().map(Vec::as_slice)).peekable();
        let page = page(&mut entries)?;
        let mut leaves = self.leaves.clone();
        leaves.push(page_digest(&page)?);
        let header = BundleHeader {
            network: self.network,
            account: self.key.account(),
            valid_until,
            pages: u32::try_from(leaves.len())?,
            root: merkle::root(&leaves),
        }
        .encode();
        let signature = self.key.sign(Domain::BUNDLE, &header);
        let mut begin = Vec::with_capacity(256);
        cbor::array(&mut begin, 3);
        cbor::bytes(&mut begin, &header);
        cbor::bytes(&mut begin, signature.as_bytes());
        cbor::array(&mut begin, leaves.len());
        let mut last = Vec::with_capacity(page.len() + 3);
        cbor::bytes(&mut last, &page);
        let length = begin.len() + self.shared.len() + last.len();
        let mut head = format!(
            "POST /_moot/bundles HTTP/1.1\r\nhost: {}\r\ncontent-type: application/cbor\r\n\
             prefer: moot-wait=final, wait=30\r\ncontent-length: {length}\r\n\r\n",
            self.gateway
        )
        .into_bytes();
        head.extend_from_slice(&begin);
        Ok(Signed { head: head.into(), shared: self.shared.clone(), last: last.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::Bundle;

    #[test]
    fn what_is_sent_is_a_bundle_and_each_is_another() {
        let network = Digest::from_bytes([9; 32]);
        let mut signer = Signer::new(3, network, "127.0.0.1:1".into(), 995).unwrap();
        let signed = signer.sign(2, 77).unwrap();
        let bundles: Vec<Bundle> = signed
            .iter()
            .map(|signed| {
                let all = [&signed.head[..], &signed.shared, &signed.last].concat();
                let body = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
                let head = std::str::from_utf8(&all[..body]).unwrap();
                assert!(head.contains(&format!("content-length: {}\r\n", all.len() - body)), "{head}");
                Bundle::decode(&all[body..]).unwrap()
            })
            .collect();
        for bundle in &bundles {
            bundle.verify().unwrap();
            assert_eq!(bundle.entries().count(), 995);
            assert!(bundle.entries().all(|(_, _, bytes)| bytes.len() == CALL_BYTES));
            assert_eq!((bundle.header.network, bundle.header.valid_until), (network, 77));
            // A batch of one, and redb's own part of its row, stay under a power of two.
            assert!(bundle.encoded_len() > 128_000 && bundle.encoded_len() + 800 < 128 * 1024);
        }
        assert_ne!(bundles[0].header.id(), bundles[1].header.id());
        assert!(signer.sign(MAX_AHEAD + 1, 77).is_err());
    }

    #[test]
    fn one_call_is_a_bundle_too() {
        let signed = Signer::new(0, Digest::ZERO, "x".into(), 1).unwrap().sign(1, 9).unwrap();
        assert!(signed[0].shared.is_empty());
    }
}
