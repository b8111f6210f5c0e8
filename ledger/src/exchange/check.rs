//! Checking a sealed batch, and finding in it what the ledger has to know.

use super::tally::tally;
use crate::limits::MAX_KEPT_CONTENT_BYTES;
use crate::packed;
use crate::state::{Charges, FollowedCall, FollowedReceipt, OrderedBundle};
use crate::store::read::Owners;
use bytes::Bytes;
use moot_record::cbor::Reader;
use moot_record::{
    AccountId, DecodeError, Digest, Entry, EntryId, Invalid, SealError, SealedHeader, SealedView, Value,
    lane_owner,
};
use std::collections::BTreeSet;
use tokio::sync::OwnedSemaphorePermit;

/// What the state machine gets of a batch when its block comes.
#[derive(Debug)]
pub(crate) enum Content {
    /// The bundles that count, and what is to be charged where anything is.
    Here(Vec<OrderedBundle>, Option<Box<Charges>>),
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
    charging: bool,
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
        let owner = lane_owner(&owners.accounts, head.header.lane);
        let found = scan(&view, owner, Looking { follow: false, charging });
        let Scan { ordered, links, charges, bytes } = found;
        (head, view.digest(), Content::new(ordered, charges, bytes), links)
    };
    Ok(Checked { sealed, digest, row, content, links, _room: room })
}

impl Content {
    /// Keeps it, unless that would be much.
    pub(crate) fn new(ordered: Vec<OrderedBundle>, charges: Option<Box<Charges>>, bytes: usize) -> Content {
        if bytes > MAX_KEPT_CONTENT_BYTES { Content::OnDisk } else { Content::Here(ordered, charges) }
    }
}

/// What a batch holds that matters beyond its bytes.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Bundles that the state machine looks at: all but the owner's own without transactions and values, and those that
    /// hold nothing but receipts. Both change no state, and said twice they say nothing new.
    pub(crate) ordered: Vec<OrderedBundle>,
    /// Other batches whose calls have receipts here.
    pub(crate) links: Vec<(u32, u64)>,
    /// What is to be charged, where anything is.
    pub(crate) charges: Option<Box<Charges>>,
    /// About how much memory `ordered` and `charges` take.
    pub(crate) bytes: usize,
}

/// Kinds of entries, as their second byte says: the first is the head of a short array.
pub(crate) const CALL: u8 = 0;
pub(crate) const RECEIPT: u8 = 1;
const TRANSACTION: u8 = 2;
pub(crate) const VALUE: u8 = 3;

/// What is looked for in a batch beyond transactions and values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looking {
    /// Calls and receipts, because triggers wait for the ends of some, or several workers run them.
    pub(crate) follow: bool,
    /// What is to be charged.
    pub(crate) charging: bool,
}

/// Looks once at every entry's second byte, and decodes transactions and values only. An entry that says it is one and
/// does not decode is none, on every replica alike. Where calls are followed it decodes calls and receipts too, and leaves
/// no bundle out that has any.
pub(crate) fn scan(view: &SealedView<'_>, owner: Option<&AccountId>, looking: Looking) -> Scan {
    let Looking { follow, charging } = looking;
    let (lane, batch) = (view.header.lane, view.header.seq);
    let (mut ordered, mut links, mut size) = (Vec::new(), BTreeSet::new(), 0);
    for (bundle, content) in (0u16..).zip(&view.bundles) {
        let owners = owner == Some(&content.header.account);
        let (mut entries, mut receipts) = (0usize, 0usize);
        let (mut transactions, mut values) = (Vec::new(), Vec::new());
        let (mut calls, mut answers) = (Vec::new(), Vec::new());
        for (page, slot, bytes) in content.entries() {
            entries += 1;
            match bytes.get(1) {
                Some(&TRANSACTION) => {
                    if let Ok(Entry::Transaction(said)) = Entry::decode(bytes) {
                        size += bytes.len();
                        transactions.push((EntryId { lane, batch, bundle, page, slot }, said));
                    }
                }
                Some(&VALUE) => {
                    if let Ok(Entry::Value(said)) = Entry::decode(bytes) {
                        size += bytes.len() + size_of::<Value>();
                        values.push((EntryId { lane, batch, bundle, page, slot }, said));
                    }
                }
                // In a lane stand its owner's receipts, and those of the workers that the owner asked.
                Some(&RECEIPT) => {
                    receipts += 1;
                    let elsewhere = |call: &(u32, u64)| call.0 == lane && call.1 != batch;
                    links.extend(receipt_of(bytes).ok().filter(elsewhere));
                    if follow && let Ok(Entry::Receipt(said)) = Entry::decode(bytes) {
                        let id = EntryId { lane, batch, bundle, page, slot };
                        answers.push((id, FollowedReceipt::new(said, bytes.len())));
                    }
                }
                Some(&CALL) if follow => {
                    if let Ok(Entry::Call(said)) = Entry::decode(bytes) {
                        let call = FollowedCall::new(said, bytes);
                        calls.push((EntryId { lane, batch, bundle, page, slot }, call));
                    }
                }
                _ => {}
            }
        }
        let counts = !owners && (entries == 0 || receipts < entries) || !transactions.is_empty();
        if counts || !(values.is_empty() && calls.is_empty() && answers.is_empty()) {
            size += size_of::<OrderedBundle>();
            ordered.push(OrderedBundle {
                digest: content.header.id(),
                account: content.header.account,
                own: owners,
                counts,
                valid_until: content.header.valid_until,
                first: EntryId { lane, batch, bundle, page: 0, slot: 0 },
                transactions,
                values,
                calls,
                receipts: answers,
                bytes: content.paid_bytes(),
            });
        }
    }
    let charges = charging.then(|| Box::new(tally(view, owner)));
    size += charges.as_ref().map_or(0, |charges| charges.bytes());
    Scan { ordered, links: links.into_iter().collect(), charges, bytes: size }
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
        let (packed, plain) = (
            check(row.clone(), &owners, false, None).unwrap(),
            check(bytes.clone().into(), &owners, false, None).unwrap(),
        );
        assert_eq!((packed.digest, packed.place(), &packed.row), (plain.digest, (0, 3), &row));
        let (other, _) = sealed(4, 32);
        let error = check(pack(&other, bytes.clone()), &owners, false, None).unwrap_err().to_string();
        assert!(error.contains("another batch"), "{error}");
        // Its seal is looked at before it is unpacked.
        let stranger = SealedHeader { seal: other.seal, ..head };
        let mut garbage = pack(&stranger, bytes).to_vec();
        garbage.truncate(garbage.len() / 2);
        assert!(matches!(check(garbage.into(), &owners, false, None), Err(SealError::Seal { .. })));
    }
}
