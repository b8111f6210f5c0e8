//! A call that several workers run: asked all at once, believed when most say the same.
//!
//! ```text
//!  final ──► the workers that the state has drawn ──► lease, ask ──┐
//!                     ▲                             lease, ask ──┼──► most agree ──► the first of those: recorded, answered
//!                     │                             lease, ask ──┘         └──► what the others say is recorded beside it
//!   others, as blocks come ◄── too few have said anything ◄──┘
//! ```
//!
//! What workers say is kept until most agree, so that the first receipt of a call is its answer. To the state all of them are
//! silent until then: it may name more others than are needed, and as many are asked as have not answered.
//!
//! - Requires: that the state has drawn the workers, all of one engine, which it does in the block that orders the call.
//! - Provides: no answer before most of the workers have said it and it is on the disk; another one is asked for each that
//!   is away, dies or is too slow, as soon as the state names it; every receipt that came in time is recorded, so that the
//!   state can name the odd one out; no worker is asked that has joined with another engine than it was drawn for.
//! - Does not provide: an answer when too few of them are to be had, or say the same. What was said is recorded all the
//!   same, beside a receipt of the replica's own that says that there is none.

use crate::limits::OTHERS_EVERY;
use crate::worker::elsewhere::Said;
use crate::worker::job::{Executed, Finished, Job, Unfinished};
use crate::worker::places::Place;
use crate::worker::registry::Active;
use crate::worker::run::{Failed, failed_before};
use crate::worker::{LoadProblem, Worker};
use crate::workers::{Lost, PLACE_WAIT, PLACE_WAIT_AT_START};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use moot_host::Fault;
use moot_ledger::limits::MAX_VALIDITY_BLOCKS;
use moot_ledger::{ComparedCall, Ledger, may_agree, verdict_of};
use moot_record::{AccountId, Digest, Engine, Status};
use std::sync::Arc;
use tokio::time::Instant;

impl Worker {
    /// Refuses a call that too few workers could run, before anything of it is recorded: those among whom the state would
    /// draw now.
    pub(super) fn check_workers(&self, active: &Active) -> Result<(), LoadProblem> {
        let (workers, stakes) = (self.ledger.workers(), self.ledger.stakes());
        let alike = workers.alike(&stakes, &active.name, &self.ledger.account());
        let wanted = active.spec.replicas_k;
        let found = alike.as_ref().map_or(0, |alike| alike.workers.len());
        if found >= usize::from(wanted) {
            return Ok(());
        }
        let engine = alike.map(|alike| alike.engine.clone());
        Err(LoadProblem::TooFewWorkers { function: active.name.to_string(), wanted, found, engine })
    }
}

/// The workers of a call, as far as the blocks have named them.
struct Drawn {
    call: ComparedCall,
    /// How many of them have been asked.
    asked: usize,
    /// The last height at which others may be asked. What the first say is valid for so many blocks, and waits for the
    /// others here: one that is asked may take three quarters of them, so it has to be asked in the first.
    until: u64,
}

impl Drawn {
    fn new(call: ComparedCall, height: u64) -> Drawn {
        Drawn { call, asked: 0, until: height.saturating_add(MAX_VALIDITY_BLOCKS / 4) }
    }

    /// The next one to ask: of the others only while it can still be heard.
    fn next(&mut self, ledger: &Ledger) -> Option<AccountId> {
        let worker = *self.call.workers.get(self.asked)?;
        let first = self.asked < usize::from(self.call.places);
        let in_time = || ledger.height() <= self.until && self.call.in_time(ledger.time_ms());
        (first || in_time()).then(|| {
            self.asked += 1;
            worker
        })
    }

    /// Whether the state may name others.
    fn has_others(&self) -> bool {
        !self.call.others.is_empty()
    }

    /// Looks whom the last block has.
    fn look(&mut self, ledger: &Ledger) {
        match ledger.compared(&self.call.call) {
            Ok(Some(call)) => self.call = call,
            // Nobody is waited for any more.
            Ok(None) => self.call.others.clear(),
            Err(error) => {
                tracing::warn!(call = %self.call.call, %error, "who else is to run a call cannot be read");
                self.call.others.clear();
            }
        }
    }
}

/// What has come from workers so far.
#[derive(Default)]
struct Heard {
    said: Vec<Said>,
    /// Why others have said nothing.
    lost: Vec<String>,
}

impl Heard {
    /// The place of the first that so many agree with.
    fn agreed(&self, most: usize) -> Option<usize> {
        let verdicts = self.verdicts();
        let votes = |verdict: &Option<Digest>| verdicts.iter().filter(|other| *other == verdict).count();
        verdicts.iter().position(|verdict| verdict.is_some() && votes(verdict) >= most)
    }

    fn verdicts(&self) -> Vec<Option<Digest>> {
        self.said.iter().map(|said| verdict_of(&said.receipt)).collect()
    }

    fn take(&mut self, answer: Result<Said, Lost>) {
        match answer {
            Ok(said) => self.said.push(said),
            Err(Lost::NotRun(why) | Lost::Unknown(why)) => self.lost.push(why),
        }
    }
}

impl Job {
    /// Has the drawn workers run the call, and answers what most of them say.
    pub(super) async fn execute_compared(self, _place: Option<Place>) -> Result<Executed, Unfinished> {
        self.ordered().await?;
        let found = self.worker.ledger.compared(&self.id());
        let drawn = match found {
            Ok(Some(drawn)) => drawn,
            Ok(None) => {
                let why = "too few workers of one engine were registered when it was ordered, or it was ordered too \
                           long ago";
                return self.without(why).await;
            }
            Err(error) => return self.without(&error.to_string()).await,
        };
        let (job, most, places) = (Arc::new(self), drawn.majority(), usize::from(drawn.places));
        let engine = drawn.engine.clone();
        let mut drawn = Drawn::new(drawn, job.worker.ledger.height());
        let mut asked = FuturesUnordered::new();
        let mut heard = Heard::default();
        let mut look = tokio::time::interval_at(Instant::now() + OTHERS_EVERY, OTHERS_EVERY);
        loop {
            while heard.said.len() + asked.len() < places
                && let Some(worker) = drawn.next(&job.worker.ledger)
            {
                asked.push(job.clone().of_one(worker, engine.clone()));
            }
            let more = drawn.has_others() && may_agree(&heard.verdicts(), places - heard.said.len(), most);
            if asked.is_empty() && !more {
                return job.undecided(heard).await;
            }
            tokio::select! {
                Some(answer) = asked.next() => heard.take(answer?),
                _ = look.tick(), if more => drawn.look(&job.worker.ledger),
            }
            let Some(first) = heard.agreed(most) else { continue };
            let finished = job.believe(heard, first).await?;
            // Whoever is slower is heard too, and nobody waits for it.
            tokio::spawn(async move {
                while let Some(answer) = asked.next().await {
                    job.add(answer).await;
                }
            });
            return Ok(Executed::Finished(Box::new(finished)));
        }
    }

    /// What one worker says. One that has joined with another engine than it was drawn for is not asked: what it says could
    /// differ from what the others say, and cost it its stake.
    async fn of_one(
        self: Arc<Self>,
        worker: AccountId,
        engine: Engine,
    ) -> Result<Result<Said, Lost>, Unfinished> {
        // After a restart its workers have to join again first.
        let within = if self.recorded().is_some() { PLACE_WAIT } else { PLACE_WAIT_AT_START };
        let Some(lease) = self.worker.fleet.wait_for(&self.function, &worker, within).await else {
            return Ok(Err(Lost::NotRun(format!("worker {worker} is not here, or has no free place"))));
        };
        let answer = match lease.engine() {
            runs if *runs == engine => self.ask(&lease, &self.order()).await?,
            runs => Err(Lost::NotRun(format!(
                "worker {worker} runs {runs}, and was drawn among those that run {engine}"
            ))),
        };
        if let Err(Lost::NotRun(why) | Lost::Unknown(why)) = &answer {
            tracing::warn!(%worker, call = %self.id(), why, "a worker has not said what came of a call");
        }
        Ok(answer)
    }

    /// Records what was said, the first of those that agree in front: it is the answer.
    async fn believe(&self, mut heard: Heard, first: usize) -> Result<Finished, Unfinished> {
        let Said { signed, receipt, output, result } = heard.said.remove(first);
        let pending = self.record_signed(&signed, &receipt, &output, false).await?;
        let (fuel, status) = (receipt.fuel, receipt.status);
        self.add_all(heard.said).await;
        pending.durable().await?;
        Ok(Finished { result, receipt: pending, call: self.id(), fuel, status })
    }

    async fn add_all(&self, said: Vec<Said>) {
        for said in said {
            self.add(Ok(Ok(said))).await;
        }
    }

    /// Records what a further worker said. That it cannot be changes nothing about the answer.
    async fn add(&self, answer: Result<Result<Said, Lost>, Unfinished>) {
        let added = match answer {
            Ok(Ok(said)) => {
                self.record_signed(&said.signed, &said.receipt, &said.output, true).await.map(drop)
            }
            Ok(Err(_)) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = added {
            tracing::warn!(call = %self.id(), %error, "a further worker's receipt cannot be recorded");
        }
    }

    /// All have been heard, and most say nothing of one accord: the call ends without an answer. Its receipt is the
    /// replica's and says so, since whoever asks again must not get what one worker alone has said; that is recorded beside
    /// it, for the state to compare.
    async fn undecided(&self, heard: Heard) -> Result<Executed, Unfinished> {
        let (said, lost) = (heard.said.len(), heard.lost.len());
        let why = match (said, heard.lost.first()) {
            (0, why) => why.map_or_else(|| "no worker has said anything".to_owned(), String::clone),
            (_, None) => format!("its {said} workers do not agree on what came of it"),
            _ => format!(
                "{said} of its {} workers have said what came of it, and too few the same",
                said + lost
            ),
        };
        let ended = self.without(&why).await?;
        self.add_all(heard.said).await;
        Ok(ended)
    }

    /// There is no answer.
    async fn without(&self, why: &str) -> Result<Executed, Unfinished> {
        let finished = self.finish(failed_before(Fault::Host { message: why.to_owned() })).await?;
        let result = Err(Failed::Said { status: Status::Unavailable, text: why.to_owned() });
        Ok(Executed::Finished(Box::new(Finished { result, ..finished })))
    }
}
