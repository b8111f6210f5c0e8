//! What the blocks of a ledger hold, entry by entry.

use futures::FutureExt;
use futures::executor::block_on;
use moot_ledger::{KIND_BATCH, Ledger};
use moot_ordering::Wanted;
use moot_record::{Entry, EntryId, SealedView};
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::unconstrained;

/// Every entry that the blocks have, in their order, with its address.
pub(crate) fn entries(ledger: &Ledger) -> Vec<(EntryId, Entry)> {
    let mut found = Vec::new();
    // A block may name a batch again that an earlier one has ordered.
    let mut named = BTreeSet::new();
    for height in 1..=ledger.height() {
        let batches = ledger.block(height).unwrap().unwrap().batches;
        for digest in batches.into_iter().filter(|digest| named.insert(*digest)) {
            let wanted = Wanted { kind: KIND_BATCH, digest, part: 0 };
            // Without tokio's budget, which is the whole test's: what has used it up would wait for ever.
            let application = ledger.application();
            let mut supplied = unconstrained(application.supply(&wanted));
            let at_once = (&mut supplied).now_or_never();
            // One without threads looks it up now.
            ledger.step();
            let bytes = at_once.unwrap_or_else(|| block_on(supplied)).expect("it is final here");
            let view = SealedView::parse(&bytes).unwrap();
            for (bundle, content) in (0u16..).zip(&view.bundles) {
                for (page, slot, bytes) in content.entries() {
                    let (lane, batch) = (view.header.lane, view.header.seq);
                    let id = EntryId { lane, batch, bundle, page, slot };
                    found.extend(Entry::decode(bytes).ok().map(|entry| (id, entry)));
                }
            }
        }
    }
    found
}

/// The receipts among them, by their calls.
pub(crate) fn receipts(entries: &[(EntryId, Entry)]) -> BTreeMap<EntryId, Vec<EntryId>> {
    let mut found: BTreeMap<EntryId, Vec<EntryId>> = BTreeMap::new();
    for (id, entry) in entries {
        if let Entry::Receipt(receipt) = entry {
            found.entry(receipt.call).or_default().push(*id);
        }
    }
    found
}
