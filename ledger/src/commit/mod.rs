//! The commit thread: the only writer.
//!
//! ```text
//!   lane ──take──┐                                              ┌──► waiters of the batch (one wake a commit)
//!   foreign ─────┼──► prepare ──► log, one redb transaction ────┼──► ordering (fresh batches, acks)
//!   blocks ──────┤                                              ├──► the other replicas (own batches)
//!   jobs ────────┘                                              └──► recent, registry, events
//! ```
//!
//! It takes what is there as soon as the last commit returns and somebody waits for it: no timer, no window. Final
//! blocks are applied to the state here and ride in the same transaction as the next batches, so a busy node pays
//! nothing extra for ordering. Blocks alone are committed without a sync: readers see them at once, the next sync
//! covers them (an idle node makes one for eight heartbeats), and only then are they acknowledged. Until then the
//! engine's own disk has them.

mod answers;
mod blocks;
mod charges;
mod foreign;
mod made;
mod prepare;
mod publish;
mod upkeep;

use crate::core::{Ack, Core, Counters};
use crate::error::CommitError;
use crate::exchange::{Want, check_all};
use crate::limits::{BLOCK_PATIENCE, CALL_PATIENCE, MAX_UNSYNCED_BLOCKS, TICK};
use crate::standing::Lost;
use crate::state::{Changes, State};
use crate::store::{Applied, Changeset, Marks, WriteError};
use moot_ordering::Finalized;
use moot_record::Digest;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use upkeep::Upkeep;

/// State that only the commit thread touches.
pub(crate) struct Committer {
    core: Arc<Core>,
    state: State,
    /// State roots after the last blocks, oldest first: what a block may carry.
    roots: VecDeque<Digest>,
    /// Final blocks that wait for batches, in the order of their heights.
    blocks: VecDeque<(Finalized, Ack)>,
    /// The batches that they wait for; without a want what is on its way to the disk.
    missing: BTreeMap<Digest, Option<Want>>,
    /// Blocks that readers see and the next sync covers, with what acknowledges them.
    unsynced: Vec<(Changeset, Vec<Ack>)>,
    /// Places of lanes whose owners were seen to seal twice.
    convicted: BTreeSet<(u32, u64)>,
    /// The marks that are on disk.
    marks: Marks,
    /// A lost journal of votes, with what is not published yet.
    lost: Option<Lost>,
    commits: u64,
    upkeep: Upkeep,
}

/// What the commit thread goes on from.
pub(crate) struct Committed {
    pub(crate) state: State,
    pub(crate) roots: VecDeque<Digest>,
    pub(crate) marks: Marks,
    pub(crate) convicted: BTreeSet<(u32, u64)>,
}

/// A transaction with those who wait for it.
struct Work {
    changes: Changeset,
    settled: Vec<blocks::Settled>,
    acks: Vec<Ack>,
    done: Vec<oneshot::Sender<()>>,
}

/// What became of one look at what there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There was something, and it is done.
    Worked,
    /// There was nothing.
    Idle,
    /// The ledger is closed, or had to stop.
    Stopped,
}

/// Who commits.
pub(crate) enum Commits {
    Thread(JoinHandle<()>),
    /// Whoever steps; none once the ledger has stopped.
    Stepped(Option<Box<Committer>>),
}

impl Commits {
    pub(crate) fn begin(committer: Committer, stepped: bool) -> io::Result<Commits> {
        if stepped {
            return Ok(Commits::Stepped(Some(Box::new(committer))));
        }
        let thread = std::thread::Builder::new().name("moot-commit".into());
        Ok(Commits::Thread(thread.spawn(move || committer.run())?))
    }

    /// Does all that there is to do, checking included; false when the ledger has stopped, or a thread does it.
    pub(crate) fn step(&mut self, core: &Core) -> bool {
        let Commits::Stepped(stepped) = self else { return false };
        let Some(committer) = stepped else { return false };
        loop {
            let checked = check_all(core);
            match committer.step() {
                Turn::Stopped => break,
                Turn::Idle if !checked => return true,
                Turn::Idle | Turn::Worked => {}
            }
        }
        *stepped = None;
        false
    }

    /// Waits until all is written.
    pub(crate) fn end(self) {
        match self {
            // A panic of the thread was reported by the panic itself; there is nothing left to do about it.
            Commits::Thread(thread) => drop(thread.join()),
            Commits::Stepped(committer) => committer.into_iter().for_each(|mut committer| committer.finish()),
        }
    }
}

/// How a transaction gets on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With a sync of the database.
    Synced,
    /// Its batches by the log; the rest with the next sync of the database.
    Logged,
    /// With the next sync of the database.
    Unsynced,
}

impl Committer {
    pub(crate) fn new(core: Arc<Core>, recovered: Committed) -> Committer {
        let Committed { state, roots, marks, convicted } = recovered;
        let lost = core.lost.read().clone();
        Committer {
            core,
            state,
            roots,
            blocks: VecDeque::new(),
            missing: BTreeMap::new(),
            unsynced: Vec::new(),
            convicted,
            marks,
            lost,
            commits: 0,
            upkeep: Upkeep::default(),
        }
    }

    /// Runs until the ledger is closed or has to stop.
    fn run(mut self) {
        self.core.signal.attach();
        // Nobody asked for anything while we took a nap.
        let mut quiet = false;
        loop {
            let closing = self.core.gate.is_closing();
            self.upkeep.tick(&self.core);
            let pressing = self.core.signal.take_pressing();
            if !(pressing || closing || quiet) {
                self.core.signal.nap(CALL_PATIENCE, || self.core.gate.is_closing());
                quiet = true;
                continue;
            }
            quiet = false;
            self.wait_for_company(closing);
            match self.turn(closing) {
                Turn::Worked => {}
                Turn::Idle => self.rest(),
                Turn::Stopped => return,
            }
        }
    }

    /// Does in the caller's thread what there is to do, and waits for nothing.
    fn step(&mut self) -> Turn {
        self.upkeep.tick(&self.core);
        self.core.signal.take_pressing();
        self.turn(false)
    }

    /// Writes what is left, in the caller's thread, and ends.
    fn finish(&mut self) {
        while self.turn(true) != Turn::Stopped {}
    }

    /// Takes all that waits and writes it. With nothing left to do a ledger that closes has stopped.
    fn turn(&mut self, closing: bool) -> Turn {
        let work = match self.prepare(closing) {
            Ok(Some(work)) => work,
            Ok(None) if closing => return self.stop("it was closed", None),
            Ok(None) => return Turn::Idle,
            Err(why) => return self.stop(&why, None),
        };
        match self.commit(&work.changes, if closing { Way::Synced } else { self.way(&work) }) {
            Ok(synced) => {
                self.publish(work, synced);
                self.core.store.catch_up();
                Turn::Worked
            }
            Err(why) => self.stop(&why, Some(work)),
        }
    }

    /// Waits for work.
    fn rest(&self) {
        let core = &self.core;
        let oldest = core.unordered.lock().oldest();
        let left = oldest.map(|since| core.order_within.saturating_sub(since.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            // It became due while this thread was busy.
            core.pace.ring();
        }
        // Behind one that is on its way others become due: look again soon.
        let again = |left: Duration| if left.is_zero() { core.order_within.max(CALL_PATIENCE) } else { left };
        core.signal.sleep(left.map_or(TICK, again).min(TICK), || {
            core.gate.is_closing() || !core.lane.lock().is_empty() || !core.inbox.lock().is_empty()
        });
        if left.is_some() {
            core.pace.ring();
        }
    }

    /// How a transaction gets on disk. Blocks can wait for the next sync, because the engine brings them again after a
    /// crash. Three kinds cannot: an epoch's last one, because the next epoch begins when it is acknowledged; one with
    /// transactions, because calls that came after it may be found by a start that has not seen it again yet; and one that
    /// says something of derived calls, because their calls would be.
    fn way(&self, work: &Work) -> Way {
        let changes = &work.changes;
        if changes.is_empty() {
            // Nothing but blocks that came again: on disk already, unless others wait for the sync that covers them.
            return if self.unsynced.is_empty() { Way::Synced } else { Way::Unsynced };
        }
        let epochs = self.core.genesis.epochs;
        let ends = |height| epochs.is_some_and(|epochs| epochs.is_last(height));
        let presses = |applied: &Applied| {
            let Changes { outcomes, derived, .. } = &applied.changes;
            ends(applied.block.header.height) || !(outcomes.is_empty() && derived.is_empty())
        };
        let blocks_wait = work.acks.is_empty() && changes.blocks.is_empty()
            || self.core.redelivers
                && self.unsynced_blocks() + work.acks.len() <= MAX_UNSYNCED_BLOCKS
                && !changes.blocks.iter().any(presses);
        match blocks_wait && changes.only_rows() {
            true if changes.has_rows() => Way::Logged,
            true if changes.only_blocks() => Way::Unsynced,
            _ => Way::Synced,
        }
    }

    fn unsynced_blocks(&self) -> usize {
        self.unsynced.iter().map(|(_, acks)| acks.len()).sum()
    }

    /// A block alone that has to be synced waits a moment for entries to share its commit: otherwise every call of a
    /// client that makes one after the other would wait behind the block of the call before.
    fn wait_for_company(&self, closing: bool) {
        let core = &self.core;
        let alone = {
            let inbox = core.inbox.lock();
            !inbox.blocks.is_empty() && inbox.jobs.is_empty() && inbox.foreign.is_empty()
        };
        let synced = !core.redelivers || self.unsynced_blocks() >= MAX_UNSYNCED_BLOCKS;
        if alone && synced && !closing && core.lane.lock().is_empty() {
            core.signal.nap(BLOCK_PATIENCE, || core.gate.is_closing() || !core.lane.lock().is_empty());
        }
    }

    /// Writes until it is on disk in its way, and says whether the database was synced. A full disk is waited out;
    /// anything else is final.
    fn commit(&mut self, changes: &Changeset, way: Way) -> Result<bool, String> {
        // Blocks that came again are only acknowledged.
        if changes.is_empty() {
            return Ok(way == Way::Synced);
        }
        let core = self.core.clone();
        let begun = Instant::now();
        let mut result = match way {
            Way::Synced => core.store.write(changes).map(|()| true),
            Way::Logged => core.store.write_logged(changes),
            Way::Unsynced => core.store.write_unsynced(changes).map(|()| false),
        };
        let synced = loop {
            let why = match result {
                Ok(synced) => break synced,
                Err(WriteError::Fatal(why)) => return Err(why),
                Err(WriteError::Full(why)) => why,
            };
            if !core.gate.is_read_only() {
                tracing::warn!(%why, "the disk is full: reading only until there is room");
            }
            core.gate
                .read_only(&format!("the disk is full ({why}): free some space in {}", core.dir.display()));
            // At once, so that readers are served while there is no room; and before the next try, because
            // only a database that was opened anew knows whether the last one went through.
            let reopened = core.store.reopen();
            if core.gate.is_closing() {
                return Err(format!("the disk is full ({why})"));
            }
            // What presses has to wait as well.
            core.signal.take_pressing();
            core.signal.nap(TICK, || core.gate.is_closing());
            // What was not synced is undone by that, and comes first.
            let mut all = self.unsynced.iter().map(|(changes, _)| changes).chain([changes]);
            result = reopened.and_then(|()| {
                all.try_for_each(|changes| match core.store.holds(changes) {
                    Ok(true) => Ok(()),
                    Ok(false) => core.store.write(changes),
                    Err(error) => Err(WriteError::Fatal(error.to_string())),
                })?;
                Ok(true)
            });
            if result.is_ok() {
                tracing::info!("there is room on the disk again");
                core.gate.running();
            }
        };
        self.commits += 1;
        Counters::add(&core.counters.commits, 1);
        Counters::add(
            &core.counters.commit_us,
            u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
        Ok(synced)
    }

    /// Ends everything: nobody waits for ever, and nothing is answered with success.
    fn stop(&mut self, why: &str, work: Option<Work>) -> Turn {
        let core = &self.core;
        if !core.gate.is_closing() {
            tracing::error!(%why, "the ledger has stopped");
        }
        core.gate.stopped(why);
        let error = CommitError::Stopped(why.to_owned());
        if let Some(work) = work {
            work.changes.batches.iter().for_each(|batch| batch.promise.failed(&error));
            work.settled.iter().for_each(|settled| settled.promise.failed(&error));
        }
        core.lane.lock().take().iter().for_each(|batch| batch.promise().failed(&error));
        let waiting = core.unordered.lock().drain();
        waiting.iter().flat_map(|waiting| &waiting.promise).for_each(|promise| promise.failed(&error));
        self.blocks.clear();
        self.unsynced.clear();
        self.missing.clear();
        core.intake.close();
        *core.inbox.lock() = crate::core::Inbox::default();
        core.pace.ring();
        Turn::Stopped
    }
}
