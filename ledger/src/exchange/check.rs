//! Checking a sealed batch, and finding in it what the ledger has to know.

use crate::limits::MAX_KEPT_CONTENT_BYTES;
use crate::packed;
use crate::state::OrderedBundle;
use crate::store::read::Owners;
use bytes::Bytes;
use moot_record::cbor::Reader;
use moot_record::{
    AccountId, DecodeError, Digest, Entry, EntryId, Invalid, SealError, SealedHeader, SealedView, lane_owner,
};
use std::collections::BTreeSet;
use tokio::sync::OwnedSemaphorePermit;

/// What the state machine gets of a batch when its block comes.
#[derive(Debug)]
pub(crate) enum Content {
    /// The bundles that count.
    Here(Vec<OrderedBundle>),
    /// Too much to keep: to be read again.
    OnDisk,
}

/// A batch of another replica, checked, on its way to the disk.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) sealed: SealedHeader,
    pub(crate) digest: Digest,
    /// The very bytes that came: the row.
    pub(crate) row: Bytes,
    pub(crate) content: Content,
    /// Batches with calls that have receipts in this one.
    pub(crate) links: Vec<(u32, u64)>,
    /// Its share of what may be in checking.
    _room: Option<OwnedSemaphorePermit>,
}

impl Checked {
    pub(crate) fn place(&self) -> (u32, u64) {
        (self.sealed.header.lane, self.sealed.header.seq)
    }
}

/// Checks the bytes and scans them.
pub(crate) fn check(
    row: Bytes,
    owners: &Owners,
    room: Option<OwnedSemaphorePermit>,
) -> Result<Checked, SealError> {
    let head = packed::peek(&row)?;
    if packed::is_packed(&row) {
        // Only its owner makes others unpack it.
        head.verify(&owners.accounts, &owners.network)?;
    }
    let (sealed, digest, content, links) = {
        let bytes = packed::unpack(&row)?;
        let view = SealedView::parse(&bytes)?;
        if view.sealed_header() != head {
            let why = "what was packed is another batch than its header says".to_owned();
            return Err(DecodeError::from(Invalid { field: "packed", why }).into());
        }
        view.verify(&owners.accounts, &owners.network)?;
        let Scan { ordered, links, bytes } = scan(&view, lane_owner(&owners.accounts, head.header.lane));
        (head, view.digest(), Content::new(ordered, bytes), links)
    };
    Ok(Checked { sealed, digest, row, content, links, _room: room })
}

impl Content {
    /// Keeps it, unless that would be much.
    pub(crate) fn new(ordered: Vec<OrderedBundle>, bytes: usize) -> Content {
        if bytes > MAX_KEPT_CONTENT_BYTES { Content::OnDisk } else { Content::Here(ordered) }
    }
}

/// What a batch holds that matters beyond its bytes.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Bundles that the state machine counts: all but the owner's own without transactions, and those that hold nothing
    /// but receipts. Both change no state, and said twice they say nothing new.
    pub(crate) ordered: Vec<OrderedBundle>,
    /// Other batches whose calls have receipts here.
    pub(crate) links: Vec<(u32, u64)>,
    /// About how much memory `ordered` takes.
    pub(crate) bytes: usize,
}

/// Kinds of entries, as their second byte says: the first is the head of a short array.
pub(crate) const RECEIPT: u8 = 1;
const TRANSACTION: u8 = 2;

/// Looks once at every entry's second byte, and decodes transactions only. An entry that says it is one and
/// does not decode is none, on every replica alike.
pub(crate) fn scan(view: &SealedView<'_>, owner: Option<&AccountId>) -> Scan {
    let (lane, batch) = (view.header.lane, view.header.seq);
    let (mut ordered, mut links, mut size) = (Vec::new(), BTreeSet::new(), 0);
    for (bundle, content) in (0u16..).zip(&view.bundles) {
        let owners = owner == Some(&content.header.account);
        let (mut entries, mut receipts) = (0usize, 0usize);
        let mut transactions = Vec::new();
        for (page, slot, bytes) in content.entries() {
            entries += 1;
            match bytes.get(1) {
                Some(&TRANSACTION) => {
                    if let Ok(Entry::Transaction(said)) = Entry::decode(bytes) {
                        size += bytes.len();
                        transactions.push((EntryId { lane, batch, bundle, page, slot }, said));
                    }
                }
                // In a lane stand its owner's receipts, and those of the workers that the owner asked.
                Some(&RECEIPT) => {
                    receipts += 1;
                    let elsewhere = |call: &(u32, u64)| call.0 == lane && call.1 != batch;
                    links.extend(receipt_of(bytes).ok().filter(elsewhere));
                }
                _ => {}
            }
        }
        let counts = !owners && (entries == 0 || receipts < entries);
        if counts || !transactions.is_empty() {
            size += size_of::<OrderedBundle>();
            ordered.push(OrderedBundle {
                digest: content.header.id(),
                account: content.header.account,
                valid_until: content.header.valid_until,
                first: EntryId { lane, batch, bundle, page: 0, slot: 0 },
                transactions,
            });
        }
    }
    Scan { ordered, links: links.into_iter().collect(), bytes: size }
}

/// The batch of the call that a receipt answers: the call's id is the first field after the kind.
fn receipt_of(bytes: &[u8]) -> Result<(u32, u64), DecodeError> {
    let mut r = Reader::new(bytes.get(2..).unwrap_or_default());
    r.array(5)?;
    Ok((r.small()?, r.uint()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::{pack, tests::sealed};
    use moot_record::testing::Network;

    fn owners(network: &Network) -> Owners {
        let accounts = network.validators.iter().map(|key| key.account()).collect();
        Owners { accounts, network: network.genesis.network() }
    }

    #[test]
    fn a_packed_batch_is_checked_as_what_it_unpacks_to() {
        let owners = owners(&Network::new(1));
        let (head, bytes) = sealed(3, 32);
        let row = pack(&head, bytes.clone());
        assert!(packed::is_packed(&row));
        let (packed, plain) =
            (check(row.clone(), &owners, None).unwrap(), check(bytes.clone().into(), &owners, None).unwrap());
        assert_eq!((packed.digest, packed.place(), &packed.row), (plain.digest, (0, 3), &row));
        let (other, _) = sealed(4, 32);
        let error = check(pack(&other, bytes.clone()), &owners, None).unwrap_err().to_string();
        assert!(error.contains("another batch"), "{error}");
        // Its seal is looked at before it is unpacked.
        let stranger = SealedHeader { seal: other.seal, ..head };
        let mut garbage = pack(&stranger, bytes).to_vec();
        garbage.truncate(garbage.len() / 2);
        assert!(matches!(check(garbage.into(), &owners, None), Err(SealError::Seal { .. })));
    }
}
