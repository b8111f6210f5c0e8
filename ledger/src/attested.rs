//! Receipts that a worker of its own key signed: recorded as the worker signed them.
//!
//! ```text
//!   worker ──bundle──► verify_receipts ──► SignedReceipts ──append──► lane, in its place among the node's own entries
//!                          once: who, key, network, validity, root, signature, receipts and nothing else
//! ```
//!
//! # Trust boundary
//! - **Requires**: that the caller knows whom it asked to run a call, and names that account.
//! - **Provides**: only receipts of open calls of this lane, signed by that account for this network, each call once,
//!   reach the lane, and of calls that several workers run those of the workers that the state names; a receipt's proof
//!   shows the worker's account, and nobody can make the worker's word of it but the worker.
//! - **Does not provide**: that what the worker says is true, nor that its receipt fits the call beyond its id: whoever
//!   asked looks at that first ([`SignedReceipts::receipts`]).
//!
//! Readers count every receipt in the lane of its call: the lane's owner seals what stands there, lets no client's
//! receipt in, and would gain nothing by a forged account that its own signature does not give it.

use crate::append::PayloadBytes;
use crate::error::Refused;
use crate::events::Event;
use crate::lane::{Kept, Lane};
use crate::ledger::Ledger;
use crate::limits::{MAX_QUEUED_RECEIPT_BYTES, MAX_SIGNED_RECEIPTS_BYTES, MAX_VALIDITY_BLOCKS};
use crate::pending::Pending;
use moot_record::{AccountId, Bundle, Digest, Entry, EntryId, Receipt, entry_digest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A worker's bundle of receipts that was checked, and that nobody can change any more.
#[derive(Debug)]
pub struct SignedReceipts {
    bundle: Bundle,
    bytes: usize,
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    page: u16,
    slot: u16,
    digest: Digest,
    receipt: Receipt,
}

impl SignedReceipts {
    /// The receipts, in the order in which their outputs are given.
    pub fn receipts(&self) -> impl Iterator<Item = &Receipt> {
        self.found.iter().map(|found| &found.receipt)
    }
}

impl Ledger {
    /// The last height that a worker's bundle may be valid until, if it is signed now.
    #[must_use]
    pub fn receipts_valid_until(&self) -> u64 {
        self.core().height() + MAX_VALIDITY_BLOCKS
    }

    /// Checks a bundle of receipts that `worker` is to have signed.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn verify_receipts(&self, bundle: Bundle, worker: &AccountId) -> Result<SignedReceipts, Refused> {
        let core = self.core();
        core.gate.check_receipt()?;
        let header = bundle.header;
        let bytes = bundle.encoded_len();
        if bytes > MAX_SIGNED_RECEIPTS_BYTES {
            let max = MAX_SIGNED_RECEIPTS_BYTES;
            return Err(Refused::TooLarge { what: "a bundle of receipts", bytes, max });
        }
        if header.account != *worker {
            let why = format!("account {} signed it, and {worker} ran the call", header.account);
            return Err(Refused::BadBundle(why));
        }
        core.check_signer(worker)?;
        if header.network != core.network {
            return Err(Refused::OtherNetwork { found: header.network, expected: core.network });
        }
        let height = core.height();
        if header.valid_until <= height {
            return Err(Refused::Expired { valid_until: header.valid_until, height });
        }
        let max = height + MAX_VALIDITY_BLOCKS;
        if header.valid_until > max {
            return Err(Refused::TooFarAhead { valid_until: header.valid_until, max });
        }
        let mut receipts = Vec::new();
        let mut calls = BTreeSet::new();
        bundle.verify_each(|page, slot, entry| {
            let Entry::Receipt(receipt) = entry else {
                let why = format!("it holds a {}: a worker's bundle holds receipts alone", entry.kind());
                return Err(Refused::BadBundle(why));
            };
            if !calls.insert(receipt.call) {
                let why = format!("it answers call {} twice", receipt.call);
                return Err(Refused::BadBundle(why));
            }
            receipts.push((page, slot, receipt));
            Ok(())
        })?;
        if receipts.is_empty() {
            return Err(Refused::BadBundle("it holds no entry".into()));
        }
        let found = receipts.into_iter().map(|(page, slot, receipt)| {
            // It was decoded from there a moment ago.
            let digest = bundle.entry(page, slot).map_or(Digest::ZERO, entry_digest);
            Found { page, slot, digest, receipt }
        });
        Ok(SignedReceipts { found: found.collect(), bundle, bytes })
    }

    /// Records receipts as their worker signed them, and keeps the outputs that are given, one for each receipt. All of
    /// them or none. Like [`Ledger::append_receipt`] it finishes what was begun, also while the ledger only reads.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn append_signed_receipts(
        &self,
        signed: &SignedReceipts,
        outputs: Vec<PayloadBytes>,
    ) -> Result<Vec<Pending>, Refused> {
        self.record_receipts(signed, outputs, |lane, call| lane.calls.contains(call))
    }

    /// The same for what further workers say of calls that several run, and that may have been answered: the first
    /// receipt is the answer, the others stand beside it and are compared when their block comes.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn append_further_receipts(
        &self,
        signed: &SignedReceipts,
        outputs: Vec<PayloadBytes>,
    ) -> Result<Vec<Pending>, Refused> {
        for receipt in signed.receipts() {
            let asked = self.compared(&receipt.call).ok().flatten();
            if asked.is_none_or(|asked| !asked.workers.contains(&signed.bundle.header.account)) {
                return Err(Refused::NotOpen(receipt.call));
            }
        }
        self.record_receipts(signed, outputs, |_, _| true)
    }

    fn record_receipts(
        &self,
        signed: &SignedReceipts,
        outputs: Vec<PayloadBytes>,
        admits: impl Fn(&Lane, &EntryId) -> bool,
    ) -> Result<Vec<Pending>, Refused> {
        let core = self.core();
        core.gate.check_receipt()?;
        if outputs.len() != signed.found.len() {
            let (found, expected) = (outputs.len() as u64, signed.found.len() as u64);
            return Err(Refused::OtherPayload { found, expected });
        }
        let outputs = signed.found.iter().zip(outputs);
        let kept = outputs.map(|(found, output)| core.keep(&found.receipt.output, output));
        let kept = kept.collect::<Result<Vec<_>, _>>()?;
        let kept_bytes = kept.iter().flatten().map(|(_, bytes)| bytes.len()).sum();
        let pendings = {
            let mut lane = core.lane.lock();
            for Found { receipt, .. } in &signed.found {
                if receipt.call.lane != core.lane_number() || !admits(&lane, &receipt.call) {
                    return Err(Refused::NotOpen(receipt.call));
                }
            }
            let batch = lane.room(signed.bytes, kept_bytes, MAX_QUEUED_RECEIPT_BYTES)?;
            let bundle = batch.append_receipts(signed.bundle.clone(), signed.bytes, signed.found.len());
            let (lane_number, seq) = (batch.lane(), batch.seq());
            let mut pendings = Vec::with_capacity(signed.found.len());
            for (Found { page, slot, digest, receipt }, kept) in signed.found.iter().zip(kept) {
                let id = EntryId { lane: lane_number, batch: seq, bundle, page: *page, slot: *slot };
                batch.link(&receipt.call);
                if let Some((hour, bytes)) = kept {
                    batch.keep(Kept { id, hour, bytes });
                }
                if core.has_listeners() {
                    batch.announce(Event::Receipt { id, receipt: Arc::new(receipt.clone()) });
                }
                pendings.push(Pending::new(id, *digest, batch.handle()));
            }
            for Found { receipt, .. } in &signed.found {
                lane.calls.close(&receipt.call);
            }
            pendings
        };
        core.signal.wake();
        Ok(pendings)
    }
}
