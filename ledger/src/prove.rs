//! Evidence that leaves the house: signed entries and full proofs.

use crate::error::{ProveError, ReadError};
use crate::ledger::Ledger;
use crate::limits::STATE_TREES_KEPT;
use crate::recent::Stored;
use crate::state::tree::{End, Way};
use crate::store::read;
use moot_record::limits::{MAX_PROOF_BYTES, MAX_STATE_VALUE_BYTES};
use moot_record::{Digest, EntryId, Found, Proof, SignedEntry, StateKey, StateProof, merkle};

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

    /// The root of the state after the last block committed here.
    #[must_use]
    pub fn state_root(&self) -> Digest {
        self.core().head.read().state
    }

    /// The proof of what the state holds under a key, as of `since` ([`Ledger::state_root`]) or of a later state. None
    /// while no block carries the root of one: the next heartbeat does. It is verified before it is given away.
    ///
    /// # Errors
    /// When the value is longer than a proof shows, or what is stored does not fit.
    pub fn prove_state(&self, key: &StateKey, since: &Digest) -> Result<Option<StateProof>, ProveError> {
        let core = self.core();
        let trees: Vec<_> = {
            let trees = core.trees.read();
            let since = trees.iter().rposition(|(root, _)| root == since).unwrap_or(0);
            trees.iter().skip(since).cloned().collect()
        };
        let head = core.height();
        let found = core.store.read(|txn| {
            for height in (1..=head).rev().take(STATE_TREES_KEPT) {
                let Some(block) = read::block(txn, height)? else { return Ok(None) };
                let tree = trees.iter().rev().find(|(root, _)| *root == block.header.state);
                let Some((_, tree)) = tree else { continue };
                let certified = block.descent.last().map_or(height, |header| header.height);
                let seats = core.seats.read().clone();
                let handovers = read::handovers(txn, seats.committee(seats.epoch_of(certified)).number)?;
                return Ok(Some((tree.clone(), block, handovers)));
            }
            Ok(None)
        })?;
        let Some((tree, block, handovers)) = found else { return Ok(None) };
        let Way { end, path } = tree.way(&key.place());
        let found = match end {
            End::Value(value) if value.len() > MAX_STATE_VALUE_BYTES => {
                return Err(ProveError::LongValue { bytes: value.len(), max: MAX_STATE_VALUE_BYTES });
            }
            End::Value(value) => Found::Value(value.to_vec()),
            End::Empty => Found::Nothing,
            End::Other { place, value_digest } => Found::Other { place, value: value_digest },
        };
        let proof = StateProof {
            key: key.clone(),
            found,
            path,
            block_header: block.header,
            descent: block.descent,
            certificate: block.certificate,
            handovers,
        };
        proof.verify(&core.genesis).map_err(ProveError::BrokenState)?;
        Ok(Some(proof))
    }
}
