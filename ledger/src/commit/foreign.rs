//! What to do with checked batches that did not come from the own lane.
//!
//! ```text
//!   known already ──────────────────────────► nothing
//!   its place is free ──────────────────────► held
//!   its place is taken ──► both seals are evidence ──┬─► a block names it: held as a rival
//!                                                    └─► else dropped
//! ```

use super::Committer;
use crate::exchange::Checked;
use crate::limits::{MAX_EVIDENCE, MAX_RIVALS};
use crate::store::{Changeset, read};
use moot_record::{Digest, Equivocation, SealedHeader};
use std::collections::{HashMap, HashSet};

/// What one transaction holds of other lanes.
#[derive(Default)]
pub(super) struct Landing {
    places: HashMap<(u32, u64), SealedHeader>,
    digests: HashSet<Digest>,
}

impl Landing {
    /// Whether the batch goes to disk in this transaction.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}

enum Verdict {
    Known,
    Free,
    Taken(SealedHeader),
    /// Its place was decided long ago, and the batch there is pruned.
    Passed,
}

impl Committer {
    /// Sorts what came into the transaction. An error means that this replica's key is used elsewhere.
    pub(super) fn hold(&mut self, came: Vec<Checked>, changes: &mut Changeset) -> Result<Landing, String> {
        let core = self.core.clone();
        let mut landing = Landing::default();
        for batch in came {
            let (place, digest) = (batch.place(), batch.digest);
            match self.verdict(&batch, &landing)? {
                Verdict::Known => core.intake.landed(&digest),
                Verdict::Free => {
                    self.claim_own(place)?;
                    landing.places.insert(place, batch.sealed);
                    landing.digests.insert(digest);
                    changes.foreign.push(batch);
                }
                verdict @ (Verdict::Taken(_) | Verdict::Passed) => {
                    if let Verdict::Taken(first) = verdict {
                        changes.evidence.extend(self.convict(first, batch.sealed));
                    }
                    // A final block decides alone; of those that are only proposed, a bounded number.
                    let rivals = core.unordered.lock().marks(place.0).rivals;
                    let proposed = rivals < MAX_RIVALS && core.wants.is_wanted(&digest);
                    if proposed || self.missing.contains_key(&digest) {
                        landing.digests.insert(digest);
                        changes.rivals.push(batch);
                    } else {
                        core.intake.landed(&digest);
                    }
                }
            }
        }
        Ok(landing)
    }

    fn verdict(&self, batch: &Checked, landing: &Landing) -> Result<Verdict, String> {
        let core = &self.core;
        let (place, digest) = (batch.place(), batch.digest);
        let held = {
            let unordered = core.unordered.lock();
            if landing.has(&digest) || unordered.holds(&digest) {
                return Ok(Verdict::Known);
            }
            unordered.marks(place.0).held
        };
        if let Some(first) = landing.places.get(&place) {
            return Ok(Verdict::Taken(*first));
        }
        if held.is_none_or(|held| place.1 > held) {
            // Nearly always: the next of its lane, and nothing to look for on disk.
            return Ok(Verdict::Free);
        }
        let found = core.store.read(|txn| {
            let placed = read::place(txn, place.0, place.1)?.is_some();
            Ok((read::is_settled(txn, &digest)?, read::version(txn, place)?, placed))
        });
        Ok(match found.map_err(|error| error.to_string())? {
            (true, _, _) => Verdict::Known,
            (false, Some((first, _)), _) if first.header.digest() != digest => Verdict::Taken(first),
            (false, None, true) => Verdict::Passed,
            (false, _, _) => Verdict::Free,
        })
    }

    /// Batches of the own lane come from others when this replica has lost its disk: their numbers are spent.
    fn claim_own(&self, (lane, seq): (u32, u64)) -> Result<(), String> {
        if lane != self.core.lane_number() || self.core.lane.lock().skip_past(seq) {
            return Ok(());
        }
        Err(format!(
            "batch {seq} of this replica's own lane came back from others while another was being filled under \
             the same number: its disk was lost, or its key is used elsewhere too; move the data directory away \
             and let the replica catch up before it takes calls"
        ))
    }

    /// Notes that a lane's owner has sealed twice.
    fn convict(&mut self, first: SealedHeader, second: SealedHeader) -> Option<Equivocation> {
        let (lane, seq) = (first.header.lane, first.header.seq);
        if self.convicted.len() >= MAX_EVIDENCE || !self.convicted.insert((lane, seq)) {
            return None;
        }
        let (one, other) = (first.header.digest(), second.header.digest());
        let owner = self.core.lane_account(lane);
        tracing::error!(
            lane, seq, owner = owner.as_ref().map(tracing::field::display), %one, %other,
            "the owner of a lane has sealed two batches with one number; both seals are kept as evidence"
        );
        self.core.unordered.lock().marks_mut(lane).equivocations += 1;
        Some(Equivocation { first, second })
    }
}
