//! Applying final blocks to the state, in the order of their heights.
//!
//! A replica that catches up gets blocks before their batches: the next one waits while what it names is fetched,
//! and those after it wait behind it. How many can is bounded by the engine, which delivers a few blocks ahead of
//! their acknowledgement.

use super::foreign::Landing;
use super::{Committer, Work};
use crate::core::Ack;
use crate::exchange::{Content, Looking, Scan, scan};
use crate::limits::ROOTS_REMEMBERED;
use crate::pending::Promise;
use crate::state::{Block, Charges, OrderedBundle};
use crate::store::{Applied, Job, Place, StoredBlock, read};
use crate::unordered::{LaneMarks, Named};
use moot_ordering::Finalized;
use moot_record::{Committee, Digest, Handover, SealedView};

/// A batch that became final, with those who wait for that.
pub(super) struct Settled {
    pub(super) promise: Promise,
    pub(super) height: u64,
}

/// What a block's digests turn out to be.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) placed: Vec<((u32, u64), Digest, Place)>,
    pub(super) swapped: Vec<((u32, u64), Digest, Digest)>,
    voids: Vec<(Digest, Place)>,
    pub(super) links: Vec<((u32, u64), (u32, u64))>,
    /// Of those placed, by number, the ones that come after later batches of their lanes; where calls are followed.
    pub(super) late: Vec<usize>,
    pub(super) bundles: Vec<OrderedBundle>,
    charges: Vec<Charges>,
    settled: Vec<Settled>,
    /// Calls and receipts matter too: batches are looked through once more.
    pub(super) follow: bool,
}

impl Contents {
    /// Gives a batch its place. `marks` are its lane's, with this batch.
    fn place(&mut self, place: (u32, u64), digest: Digest, at: Place, marks: LaneMarks) {
        if self.follow && marks.ordered > Some(place.1) {
            self.late.push(self.placed.len());
        }
        self.placed.push((place, digest, at));
    }
}

impl Committer {
    /// Puts delivered blocks into the queue and asks for what they name and is not here.
    pub(super) fn enqueue(
        &mut self,
        blocks: impl IntoIterator<Item = (Finalized, Ack)>,
        landing: &Landing,
    ) -> Result<(), String> {
        for (block, ack) in blocks {
            let alone = self.core.is_alone();
            if block.header.height > self.state.height() {
                for digest in &block.batches {
                    if self.missing.contains_key(digest) || self.is_here(digest)? {
                        continue;
                    }
                    if alone {
                        return Err(format!(
                            "block {} orders batch {digest}, which this replica does not hold, and there is no \
                             other to ask: its data was lost",
                            block.header.height
                        ));
                    }
                    let coming = landing.has(digest);
                    let want = (!coming).then(|| self.core.wants.want(*digest, true));
                    self.missing.insert(*digest, want);
                }
            }
            self.blocks.push_back((block, ack));
        }
        Ok(())
    }

    fn is_here(&self, digest: &Digest) -> Result<bool, String> {
        if self.core.unordered.lock().holds(digest) {
            return Ok(true);
        }
        self.core.store.read(|txn| read::is_settled(txn, digest)).map_err(|error| error.to_string())
    }

    /// Applies the blocks at the head of the queue that are complete.
    pub(super) fn apply_ready(&mut self, work: &mut Work) -> Result<(), String> {
        if !self.missing.is_empty() {
            let unordered = self.core.unordered.lock();
            self.missing.retain(|digest, _| !unordered.holds(digest));
        }
        while let Some((block, _)) = self.blocks.front() {
            if block.batches.iter().any(|digest| self.missing.contains_key(digest)) {
                break;
            }
            let Some((block, ack)) = self.blocks.pop_front() else { break };
            let token = self.lost.as_mut().filter(|lost| {
                lost.votes_from.is_none() && lost.token.is_some_and(|token| block.batches.contains(&token))
            });
            if let Some(lost) = token {
                // The block was made after the loss, so the next epoch begins after it: see `standing`.
                let epoch = self.core.seats.read().epoch_of(block.header.height);
                lost.votes_from = Some(epoch + 1);
                work.changes.lost = Some(lost.clone());
            }
            if let Some((applied, settled)) = self.apply(block, &work.changes.blocks)? {
                let mut forgotten = self.core.unordered.lock().advance(applied.block.header.height);
                // One that comes again in this very transaction stays.
                forgotten.retain(|digest| !work.changes.rivals.iter().any(|rival| rival.digest == *digest));
                work.changes.jobs.extend((!forgotten.is_empty()).then_some(Job::Forget(forgotten)));
                work.changes.blocks.push(applied);
                work.settled.extend(settled);
            }
            work.acks.push(ack);
        }
        Ok(())
    }

    /// Applies the next block; none for one that was applied before. `pending` are those before it that are not written
    /// yet. An error means that this replica's history does not fit the network's: it must stop, loudly.
    fn apply(
        &mut self,
        block: Finalized,
        pending: &[Applied],
    ) -> Result<Option<(Applied, Vec<Settled>)>, String> {
        let height = block.header.height;
        let expected = self.state.height() + 1;
        if height < expected {
            return Ok(None);
        }
        if height > expected {
            return Err(format!(
                "block {height} was delivered, block {expected} is next: blocks are missing"
            ));
        }
        if !block.header.names(&block.batches) {
            return Err(format!(
                "the header of block {height} does not commit to the batches delivered with it"
            ));
        }
        if !self.roots.contains(&block.header.state) {
            return Err(format!(
                "block {height} carries state root {}, this replica had {} after block {} and never that one: \
                 one of them is wrong",
                block.header.state,
                self.state.root(),
                self.state.height(),
            ));
        }
        let handover = self.handover(&block)?;
        let mut contents = Contents { follow: self.state.follows(), ..Contents::default() };
        for (index, digest) in (0u32..).zip(&block.batches) {
            self.resolve(digest, Place { height, index }, &mut contents)?;
        }
        let to_come = self.calls_to_come(&contents, pending)?;
        let answers = self.answered_before(&contents, pending)?;
        contents.bundles.extend(answers);
        let Contents { placed, swapped, voids, links, bundles, mut charges, settled, .. } = contents;
        self.look_up_calls(&mut charges)?;
        let (time_ms, digest) = (block.header.time_ms, block.header.digest());
        let changes = self.state.apply(&Block { height, time_ms, digest, bundles, charges, to_come });
        self.roots.push_back(self.state.root());
        if self.roots.len() > ROOTS_REMEMBERED {
            self.roots.pop_front();
        }
        let block = StoredBlock {
            header: block.header,
            batches: block.batches,
            certificate: block.certificate,
            descent: block.descent,
            state_after: self.state.root(),
            history_after: self.state.history(),
        };
        let (rules, triggers) = (self.state.rules().clone(), self.state.triggers().clone());
        let (stakes, workers) = (self.state.stakes().clone(), self.state.workers().clone());
        let revoked = self.state.revoked().clone();
        let tree = self.state.tree().clone();
        let applied = Applied {
            block,
            placed,
            swapped,
            voids,
            links,
            changes,
            rules,
            triggers,
            stakes,
            workers,
            revoked,
            tree,
            handover,
        };
        Ok(Some((applied, settled)))
    }

    /// What a proof shows of the committee that a block names; an error if it names not the one that is settled.
    fn handover(&self, block: &Finalized) -> Result<Option<(u32, Handover)>, String> {
        let height = block.header.height;
        let named = self.state.seats().and_then(|seats| seats.named_by(height));
        if block.header.committee != named.map(Committee::digest) {
            return Err(format!(
                "block {height} names {:?} as the next committee, this replica has {named:?}: one of them is wrong",
                block.header.committee
            ));
        }
        let Some(committee) = named else { return Ok(None) };
        if !block.descent.is_empty() {
            return Err(format!("block {height} ends an epoch, and has no certificate of its own"));
        }
        let (header, certificate) = (block.header, block.certificate.clone());
        Ok(Some((committee.number, Handover { header, certificate, members: committee.members.clone() })))
    }

    /// What the next digest of a block means. It depends on the blocks alone: whoever is named first for a place
    /// of a lane has it, and what is named for it later is void.
    fn resolve(&self, digest: &Digest, at: Place, contents: &mut Contents) -> Result<(), String> {
        let core = &self.core;
        let mut unordered = core.unordered.lock();
        match unordered.take(digest) {
            Named::Waiting(place, waiting) => {
                contents.place(place, *digest, at, unordered.marks(place.0));
                let (bundles, charges) = match waiting.content {
                    Content::Here(bundles, charges) if !contents.follow => (bundles, charges),
                    Content::Here(..) | Content::OnDisk => {
                        let Scan { ordered, charges, .. } = self.read_again(place, contents.follow)?;
                        (ordered, charges)
                    }
                };
                contents.bundles.extend(bundles);
                contents.charges.extend(charges.map(|charges| *charges));
                let height = at.height;
                contents.settled.extend(waiting.promise.map(|promise| Settled { promise, height }));
            }
            Named::Rival(place) => match unordered.displace(place) {
                Some(_) if place.0 == core.lane_number() => {
                    return Err(format!(
                        "block {} orders batch {digest} as number {} of this replica's own lane, which it sealed \
                         otherwise: its key is used elsewhere too; stop the other, then start anew in an empty \
                         directory",
                        at.height, place.1
                    ));
                }
                Some(first) => {
                    unordered.insert_rival(first.digest, place);
                    let Scan { ordered, links, charges, .. } = self.read_rival(digest, contents.follow)?;
                    contents.place(place, *digest, at, unordered.marks(place.0));
                    contents.swapped.push((place, *digest, first.digest));
                    contents.links.extend(links.into_iter().map(|call| (call, place)));
                    contents.bundles.extend(ordered);
                    contents.charges.extend(charges.map(|charges| *charges));
                    tracing::warn!(lane = place.0, seq = place.1, %digest, instead_of = %first.digest,
                        "a block decided between two batches that a lane's owner sealed with one number");
                }
                None => {
                    contents.voids.push((*digest, at));
                    tracing::warn!(lane = place.0, seq = place.1, %digest,
                        "a block names a batch whose number another one has for good: it is void");
                }
            },
            // The first place counts.
            Named::Settled => {}
            Named::Unknown => {
                drop(unordered);
                if !self.is_here(digest)? {
                    return Err(format!("batch {digest} of block {} has gone from the disk", at.height));
                }
            }
        }
        Ok(())
    }

    /// What is looked for in a batch of a lane.
    fn looking(&self, lane: u32, follow: bool) -> impl Fn(&SealedView<'_>) -> Scan {
        let (owner, charging) = (self.core.lane_account(lane), self.core.charging());
        move |view| scan(view, owner.as_ref(), Looking { follow, charging })
    }

    pub(super) fn read_again(&self, place: (u32, u64), follow: bool) -> Result<Scan, String> {
        let look = self.looking(place.0, follow);
        let found = self.core.store.read(|txn| read::with_batch(txn, &self.core.owners(), place, look));
        let found = found.map_err(|error| error.to_string())?;
        found.ok_or_else(|| format!("batch {}-{} has gone from the disk", place.0, place.1))
    }

    pub(super) fn read_rival(&self, digest: &Digest, follow: bool) -> Result<Scan, String> {
        let look = |view: &SealedView<'_>| self.looking(view.header.lane, follow)(view);
        let found = self.core.store.read(|txn| read::with_rival(txn, &self.core.owners(), digest, look));
        found
            .map_err(|error| error.to_string())?
            .ok_or_else(|| format!("batch {digest} has gone from the disk"))
    }
}
