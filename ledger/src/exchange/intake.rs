//! The queue to the checking threads, and the threads.

use super::check::check;
use super::{KIND_BATCH, Wants};
use crate::core::Core;
use crate::limits::{CHECKING_THREADS, MAX_CHECKING_BYTES, MAX_SUPPLIES, MAX_UNORDERED_FOREIGN};
use crate::packed;
use crate::store::read;
use bytes::Bytes;
use moot_ordering::Wanted;
use moot_record::{AccountId, Digest};
use parking_lot::Mutex;
use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Something for a checking thread.
enum Job {
    /// A batch: pushed, or an answer whose carrier waits for the verdict.
    Batch { bytes: Bytes, digest: Digest, room: OwnedSemaphorePermit, verdict: Option<oneshot::Sender<bool>> },
    /// A component or a part of one.
    Component { wanted: Wanted, bytes: Bytes, _room: OwnedSemaphorePermit, verdict: oneshot::Sender<bool> },
    /// Somebody asks.
    Supply { wanted: Wanted, reply: oneshot::Sender<Option<Bytes>> },
}

#[derive(Default)]
struct Queue {
    /// Before what others ask for: their answers hold up nobody here.
    checks: VecDeque<Job>,
    supplies: VecDeque<Job>,
    /// Pushed batches that are in checking or on their way to the disk.
    checking: HashSet<Digest>,
    closing: bool,
}

/// What waits to be checked.
pub(crate) struct Intake {
    queue: Mutex<Queue>,
    room: Arc<Semaphore>,
    wants: Arc<Wants>,
}

impl Intake {
    pub(crate) fn new(wants: Arc<Wants>) -> Intake {
        Intake { queue: Mutex::default(), room: Arc::new(Semaphore::new(MAX_CHECKING_BYTES)), wants }
    }

    /// A batch is on disk, or was not wanted after all.
    pub(crate) fn landed(&self, digest: &Digest) {
        self.queue.lock().checking.remove(digest);
    }

    /// Ends the threads; nothing is taken any more.
    pub(crate) fn close(&self) {
        let left = {
            let mut queue = self.queue.lock();
            queue.closing = true;
            (std::mem::take(&mut queue.checks), std::mem::take(&mut queue.supplies))
        };
        drop(left);
        self.room.close();
        self.wants.bell.ring_all();
    }

    fn put(&self, job: Job) {
        let mut queue = self.queue.lock();
        if queue.closing {
            return;
        }
        match job {
            Job::Supply { .. } => queue.supplies.push_back(job),
            job => queue.checks.push_back(job),
        }
        drop(queue);
        self.wants.bell.ring();
    }

    /// The next job; none when there is none, an error when there will be none any more.
    fn take(&self) -> Result<Option<Job>, ()> {
        let mut queue = self.queue.lock();
        if queue.closing {
            return Err(());
        }
        Ok(queue.checks.pop_front().or_else(|| queue.supplies.pop_front()))
    }

    async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.room.clone().acquire_many_owned(permits(bytes)).await.ok()
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.min(MAX_CHECKING_BYTES)).unwrap_or(u32::MAX)
}

impl Core {
    /// Takes bytes that another replica pushed, or drops them: what matters is fetched when a block names it.
    /// A batch that is here already costs the reading of its header.
    pub(crate) fn take_push(&self, from: &AccountId, bytes: Bytes) {
        if self.is_alone() || self.gate.check().is_err() {
            return;
        }
        let head = match packed::peek(&bytes) {
            Ok(head) => head.header,
            Err(error) => {
                tracing::debug!(%from, %error, "what was pushed is no sealed batch");
                return;
            }
        };
        // Nobody but this replica makes its lane; what a lost disk held is fetched when a block names it.
        // A lane's owner alone pushes it: another could push what only looks like it, to crowd the true one out.
        if head.lane == self.lane_number() || self.lane_account(head.lane) != Some(*from) {
            return;
        }
        let digest = head.digest();
        let known = {
            let unordered = self.unordered.lock();
            unordered.holds(&digest) || unordered.count(head.lane) >= MAX_UNORDERED_FOREIGN
        };
        if known && !self.wants.is_wanted(&digest) {
            return;
        }
        let Ok(room) = self.intake.room.clone().try_acquire_many_owned(permits(bytes.len())) else { return };
        if self.intake.queue.lock().checking.insert(digest) {
            self.intake.put(Job::Batch { bytes, digest, room, verdict: None });
        }
    }

    /// Judges an answer to what was asked for: false when it is not what the name stands for, whether or not
    /// it is still needed.
    pub(crate) async fn judge(&self, wanted: &Wanted, bytes: Bytes) -> bool {
        let wanted = *wanted;
        if wanted.kind == KIND_BATCH {
            let digest = packed::peek(&bytes).map(|head| head.header.digest());
            if digest != Ok(wanted.digest) {
                return false;
            }
        }
        // From here on a failure is this replica's own: the other is not to blame.
        let Some(room) = self.intake.room_for(bytes.len()).await else { return true };
        let (verdict, judged) = oneshot::channel();
        self.intake.put(match wanted.kind {
            KIND_BATCH => Job::Batch { bytes, digest: wanted.digest, room, verdict: Some(verdict) },
            _ => Job::Component { wanted, bytes, _room: room, verdict },
        });
        judged.await.unwrap_or(true)
    }

    /// Looks up what another replica asks for.
    pub(crate) async fn look_up(&self, wanted: &Wanted) -> Option<Bytes> {
        if self.intake.queue.lock().supplies.len() >= MAX_SUPPLIES {
            return None;
        }
        let (reply, replied) = oneshot::channel();
        self.intake.put(Job::Supply { wanted: *wanted, reply });
        replied.await.ok().flatten()
    }

    fn run(&self, job: Job) {
        match job {
            Job::Batch { bytes, digest, room, verdict } => {
                let checked = check(bytes, &self.owners(), self.charging(), Some(room));
                let good = checked.is_ok();
                match checked {
                    Ok(checked) => {
                        self.inbox.lock().foreign.push(checked);
                        self.signal.wake();
                    }
                    Err(error) => {
                        self.intake.landed(&digest);
                        tracing::warn!(%digest, %error, "a batch of another replica is refused");
                    }
                }
                if let Some(verdict) = verdict {
                    let _ = verdict.send(good);
                }
            }
            Job::Component { wanted, bytes, verdict, .. } => {
                let _ = verdict.send(self.components.judge(&self.wants.line, &wanted, &bytes));
            }
            Job::Supply { wanted, reply } => drop(reply.send(self.supply_now(&wanted))),
        }
    }

    /// What is due is asked for, unless the disk has it: a block may name again what was ordered long ago.
    fn ask_for(&self, digest: Digest) {
        match self.store.read(|txn| read::is_settled(txn, &digest)) {
            Ok(true) => {
                self.unordered.lock().remember(digest);
                self.wants.arrived(&digest);
                self.pace.ring();
            }
            Ok(false) => self.wants.ask(digest),
            Err(error) => tracing::warn!(%digest, %error, "cannot look for a batch"),
        }
    }
}

/// Starts the checking threads; they end when the intake is closed.
pub(crate) fn start(core: &Arc<Core>) -> io::Result<Vec<JoinHandle<()>>> {
    let threads = (0..CHECKING_THREADS).map(|number| {
        let core = core.clone();
        std::thread::Builder::new().name(format!("moot-check-{number}")).spawn(move || work(&core))
    });
    threads.collect()
}

fn work(core: &Core) {
    loop {
        let seen = core.wants.bell.rings();
        match turn(core) {
            Err(()) => return,
            Ok(true) => {}
            Ok(false) => core.wants.bell.wait(seen, core.wants.next_due()),
        }
    }
}

/// Does one job, or asks for one batch that is due; false when there is neither, an error when there will be none any more.
fn turn(core: &Core) -> Result<bool, ()> {
    if let Some(job) = core.intake.take()? {
        core.run(job);
    } else if let Some(digest) = core.wants.take_due() {
        core.ask_for(digest);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Does all that there is to do, in the caller's thread; says whether there was anything.
pub(crate) fn check_all(core: &Core) -> bool {
    let mut any = false;
    while turn(core) == Ok(true) {
        any = true;
    }
    any
}
