//! Sealing: an open batch becomes the bytes that are stored, ordered and proven.

use super::batch::{Kept, OpenBatch, Slot};
use crate::events::Event;
use crate::exchange::tally;
use crate::limits::PAYLOAD_ROW_BYTES;
use crate::packed;
use crate::pending::Promise;
use crate::state::{Charges, OrderedBundle};
use crate::store::{KeyRow, position};
use bytes::Bytes;
use moot_record::cbor;
use moot_record::{Batch, Bundle, Digest, EntryId, Keypair, SealedHeader, SealedView};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row in the table of payloads: hour of expiry, first position, bytes.
pub(crate) type PayloadRow = (u32, u64, Vec<u8>);

/// A sealed batch with everything that goes to disk in its commit.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) lane: u32,
    pub(crate) seq: u64,
    pub(crate) digest: Digest,
    pub(crate) batch: Arc<Batch>,
    pub(crate) hours: Vec<u32>,
    /// The row in the table of batches, and what the other replicas are sent.
    pub(crate) row: Bytes,
    pub(crate) payloads: Vec<PayloadRow>,
    /// Earlier batches whose calls have receipts here.
    pub(crate) links: Vec<(u32, u64)>,
    pub(crate) keys: Vec<(Digest, KeyRow)>,
    pub(crate) bundle_ids: Vec<(u64, Digest)>,
    /// By client bundle: the pages and slots of calls that are to be answered here.
    pub(crate) answers: Vec<(u16, Vec<(u16, u16)>)>,
    pub(crate) ordered: Vec<OrderedBundle>,
    /// What is to be charged, where anything is.
    pub(crate) charges: Option<Box<Charges>>,
    pub(crate) events: Vec<Event>,
    pub(crate) promise: Promise,
}

/// Signs the node's own bundle and seals the batch. Fails only when a bound of the lane is wrong.
pub(crate) fn seal(
    open: OpenBatch,
    key: &Keypair,
    network: &Digest,
    valid_until: u64,
    charging: bool,
) -> Result<Sealed, String> {
    let (lane, seq) = (open.lane(), open.seq());
    let (mut own, mut ordered, mut values) = (Some(open.own.finish()), open.ordered, open.values);
    let bundles = open.slots.into_iter().map(|slot| match slot {
        Slot::Client(bundle) => Ok(bundle),
        Slot::Own => Bundle::sign(key, network, valid_until, own.take().unwrap_or_default()),
    });
    let bundles = bundles.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    let batch = Batch::seal(lane, seq, bundles).map_err(|error| error.to_string())?;
    if let Some((first, _)) = values.first() {
        let first = EntryId { page: 0, slot: 0, ..*first };
        let bundle = batch.bundles.get(usize::from(first.bundle));
        ordered.extend(bundle.map(|bundle| OrderedBundle {
            digest: bundle.header.id(),
            account: bundle.header.account,
            own: true,
            counts: false,
            valid_until: bundle.header.valid_until,
            first,
            transactions: Vec::new(),
            values: std::mem::take(&mut values),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: 0,
        }));
        // As they stand in the batch, which is how other replicas find them.
        ordered.sort_by_key(|bundle| bundle.first.bundle);
    }
    let digest = batch.digest();
    let (hours, payloads) = pack(open.kept);
    let head = SealedHeader { header: batch.header, seal: moot_record::seal(key, network, &digest) };
    let sealed = batch.encode_sealed(&head.seal);
    // From the bytes, as every other replica does it.
    let charges = match charging {
        true => {
            let view = SealedView::parse(&sealed).map_err(|error| error.to_string())?;
            Some(Box::new(tally(&view, Some(&key.account()))))
        }
        false => None,
    };
    let row = packed::pack(&head, sealed);
    Ok(Sealed {
        lane,
        seq,
        digest,
        batch: Arc::new(batch),
        hours,
        row,
        payloads,
        links: open.links.into_iter().collect(),
        keys: open.keys,
        bundle_ids: open.bundle_ids,
        answers: open.answers,
        ordered,
        charges,
        events: open.events,
        promise: open.promise,
    })
}

/// Packs payloads into rows: by hour of expiry, then by position, each row up to about
/// [`PAYLOAD_ROW_BYTES`]. A row's key names its first position, so a reader finds the one row it needs.
fn pack(mut kept: Vec<Kept>) -> (Vec<u32>, Vec<PayloadRow>) {
    kept.sort_by_key(|kept| (kept.hour, position(&kept.id)));
    let mut rows: Vec<PayloadRow> = Vec::new();
    let mut hours = BTreeMap::new();
    for kept in kept {
        let at = position(&kept.id);
        hours.insert(kept.hour, ());
        let fits = |row: &Vec<u8>| row.len() + kept.bytes.len() <= PAYLOAD_ROW_BYTES;
        match rows.last_mut() {
            Some((hour, _, row)) if *hour == kept.hour && fits(row) => write_payload(row, at, &kept.bytes),
            _ => {
                let mut row = Vec::with_capacity(kept.bytes.len() + 16);
                write_payload(&mut row, at, &kept.bytes);
                rows.push((kept.hour, at, row));
            }
        }
    }
    (hours.into_keys().collect(), rows)
}

/// One payload in its row: position, then the bytes.
pub(crate) fn write_payload(row: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    cbor::uint(row, at);
    cbor::bytes(row, bytes);
}
