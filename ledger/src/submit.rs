//! Bundles that clients signed themselves.
//!
//! # Trust boundary
//! - **Requires**: nothing of the sender. The bundle may be any bytes that decode.
//! - **Provides**: only bundles for this network, within their validity window, of bounded size, whose root,
//!   signature (ZIP215) and entries fit, and that were not recorded before, reach the lane; a bundle that was
//!   recorded is refused until its validity is over, across restarts.
//! - **Does not provide**: that what it says is allowed. Transactions are judged by the state machine when
//!   their block is final, and whoever runs a client's call checks its access first.
//! - **Does not provide** either: that no other replica has recorded the same bundle a moment ago. The state
//!   machine lets the one count that the blocks name first and voids the other, with an outcome at the bundle's
//!   first entry. A worker that runs a call when it is durable runs it at most once itself, but another replica's
//!   worker may run its twin; the void one is not charged. A worker that must not risk that (a function that is
//!   not idempotent, called by a client that sends one bundle to two replicas) waits until the bundle is final
//!   and looks at [`Ledger::transaction_outcome`] of its first entry before it runs anything.

use crate::error::Refused;
use crate::ledger::Ledger;
use crate::limits::{MAX_QUEUED_BYTES, MAX_REMEMBERED_BUNDLES, MAX_VALIDITY_BLOCKS, RETRY_AFTER};
use crate::pending::Pending;
use crate::state::OrderedBundle;
use moot_record::limits::MAX_BUNDLE_BYTES;
use moot_record::{Bundle, Entry, EntryId, Transaction};

/// The entries of a bundle that the ledger has to know about.
#[derive(Default)]
struct Content {
    entries: usize,
    calls: Vec<(u16, u16)>,
    transactions: Vec<(u16, u16, Transaction)>,
}

impl Content {
    fn of(bundle: &Bundle) -> Result<Content, Refused> {
        let mut content = Content::default();
        for (page, slot, bytes) in bundle.entries() {
            content.entries += 1;
            match Entry::decode(bytes).map_err(|error| Refused::BadBundle(error.to_string()))? {
                Entry::Call(_) => content.calls.push((page, slot)),
                Entry::Transaction(transaction) => content.transactions.push((page, slot, transaction)),
                Entry::Value(_) => {}
                Entry::Receipt(_) => {
                    return Err(Refused::BadBundle(
                        "it holds a receipt: only the worker that ran a call may answer it".into(),
                    ));
                }
            }
        }
        Ok(content)
    }
}

impl Ledger {
    /// Takes down a bundle signed by a client. The pending's id is that of its first entry; the others follow
    /// from their page and slot in the bundle.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn submit(&self, bundle: Bundle) -> Result<Pending, Refused> {
        let core = self.core();
        core.admit()?;
        let header = bundle.header;
        let bytes = bundle.encoded_len();
        if bytes > MAX_BUNDLE_BYTES {
            return Err(Refused::TooLarge { what: "a bundle", bytes, max: MAX_BUNDLE_BYTES });
        }
        if header.network != core.network {
            return Err(Refused::OtherNetwork { found: header.network, expected: core.network });
        }
        let height = core.height();
        // The earliest block that can hold it is the next one.
        if header.valid_until <= height {
            return Err(Refused::Expired { valid_until: header.valid_until, height });
        }
        let max = height + MAX_VALIDITY_BLOCKS;
        if header.valid_until > max {
            return Err(Refused::TooFarAhead { valid_until: header.valid_until, max });
        }
        let digest = header.id();
        let key = (header.valid_until, digest);
        // Looked at before the signature, which costs more, and again under the lane's lock.
        if core.remembered.lock().contains(&key) {
            return Err(Refused::Duplicate(digest));
        }
        bundle.verify().map_err(|error| Refused::BadBundle(error.to_string()))?;
        let content = Content::of(&bundle)?;
        if content.entries == 0 {
            return Err(Refused::BadBundle("it holds no entry".into()));
        }
        let pending = {
            let mut lane = core.lane.lock();
            if !content.calls.is_empty() {
                lane.check_open_calls()?;
            }
            let batch = lane.room(bytes, 0, MAX_QUEUED_BYTES)?;
            {
                let mut remembered = core.remembered.lock();
                if remembered.len() >= MAX_REMEMBERED_BUNDLES {
                    let what = "the list of bundles remembered against replay";
                    return Err(Refused::Full { what, retry_after: RETRY_AFTER });
                }
                if !remembered.insert(key) {
                    return Err(Refused::Duplicate(digest));
                }
            }
            let place = batch.append_bundle(bundle, digest, bytes, content.entries);
            let (lane_number, seq) = (batch.lane(), batch.seq());
            let id = |page, slot| EntryId { lane: lane_number, batch: seq, bundle: place, page, slot };
            if header.account != core.account || !content.transactions.is_empty() {
                let transactions = content.transactions.into_iter();
                batch.order(OrderedBundle {
                    digest,
                    account: header.account,
                    valid_until: header.valid_until,
                    first: id(0, 0),
                    transactions: transactions.map(|(page, slot, said)| (id(page, slot), said)).collect(),
                });
            }
            let pending = Pending::new(id(0, 0), digest, batch.handle());
            for (page, slot) in content.calls {
                lane.calls.open(&id(page, slot));
            }
            pending
        };
        core.signal.wake();
        Ok(pending)
    }
}
