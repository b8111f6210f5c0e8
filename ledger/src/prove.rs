//! Evidence that leaves the house: signed entries and full proofs.

use crate::error::{ProveError, ReadError};
use crate::ledger::Ledger;
use crate::recent::Stored;
use crate::store::read;
use moot_record::limits::MAX_PROOF_BYTES;
use moot_record::{EntryId, Proof, SignedEntry, merkle};

/// The entry with its page, path and signature.
fn signed_entry(stored: &Stored, id: EntryId) -> Result<Option<SignedEntry>, ReadError> {
    let Some(bundle) = stored.batch.bundles.get(usize::from(id.bundle)) else { return Ok(None) };
    let Some(page) = bundle.pages.get(usize::from(id.page)) else { return Ok(None) };
    if bundle.entry(id.page, id.slot).is_none() {
        return Ok(None);
    }
    let leaves = bundle.leaves().map_err(|error| ReadError::damaged(format!("the bundle of {id}"), error))?;
    Ok(Some(SignedEntry {
        page: page.clone(),
        slot: id.slot,
        page_index: id.page,
        page_path: merkle::path(&leaves, usize::from(id.page)),
        bundle_header: bundle.header,
        signature: bundle.signature,
    }))
}

impl Ledger {
    /// The entry as its account signed it: the word of whoever said it, before anybody agreed on it.
    ///
    /// # Errors
    /// When the disk cannot be read, or what it holds is damaged.
    pub fn signed(&self, id: EntryId) -> Result<Option<SignedEntry>, ReadError> {
        let Some(stored) = self.core().batch(id.lane, id.batch)? else { return Ok(None) };
        signed_entry(&stored, id)
    }

    /// The proof that the network agreed on the entry at its place. It is verified before it is given away.
    ///
    /// # Errors
    /// When nothing is recorded there, when its block is not final yet, when it was pruned, or when what is
    /// stored does not fit.
    pub fn prove(&self, id: EntryId) -> Result<Proof, ProveError> {
        let core = self.core();
        let Some(stored) = core.batch(id.lane, id.batch)? else {
            let pruned = core.store.read(|txn| read::pruned_lane(txn, id.lane))?;
            return Err(match pruned {
                Some(last) if id.batch <= last => ProveError::Pruned { id },
                _ => ProveError::NotFound(id),
            });
        };
        let entry = signed_entry(&stored, id)?.ok_or(ProveError::NotFound(id))?;
        let found = core.store.read(|txn| {
            let Some(place) = read::place(txn, id.lane, id.batch)? else { return Ok(None) };
            let block = read::block(txn, place.height)?;
            let missing = || ReadError::damaged(format!("block {}", place.height), "it is missing");
            let block = block.ok_or_else(missing)?;
            let seats = core.seats.read().clone();
            let certified = block.descent.last().map_or(place.height, |header| header.height);
            let handovers = read::handovers(txn, seats.committee(seats.epoch_of(certified)).number)?;
            Ok(Some((place, block, handovers)))
        })?;
        let (place, block, handovers) = found.ok_or(ProveError::NotFinal(id))?;
        let index = usize::try_from(place.index).unwrap_or(usize::MAX);
        let proof = Proof {
            entry,
            bundle_index: id.bundle,
            bundle_path: merkle::path(&stored.batch.leaves(), usize::from(id.bundle)),
            batch_header: stored.batch.header,
            batch_index: u16::try_from(place.index).unwrap_or(u16::MAX),
            batch_path: merkle::path(&block.batches, index),
            block_header: block.header,
            descent: block.descent,
            certificate: block.certificate,
            handovers,
        };
        let bytes = proof.encode().len();
        if !proof.handovers.is_empty() && bytes > MAX_PROOF_BYTES {
            return Err(ProveError::TooLong { id, bytes, max: MAX_PROOF_BYTES });
        }
        proof.verify(&core.genesis).map_err(|error| ProveError::Broken { id, error })?;
        Ok(proof)
    }
}
