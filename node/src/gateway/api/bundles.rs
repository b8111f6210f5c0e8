//! Signed bundles: how accounts deploy, roll back, retire and write, and how heavy clients call.
//!
//! ```text
//!  bytes ──► Bundle ──► Ledger::verify, once ──► every deploy prepared ──► Ledger::record ──final──► outcomes
//!                          └─ every call: run here, or only recorded?           └──────────────► calls run
//! ```
//!
//! What can be seen to fail is refused here, before the ledger has it: an import that is not granted, a component
//! that is not there or does not compile.

use super::Answered;
use crate::api::{BundleAnswer, BundleCalls, CallRun, DryRun, EntryOutcome, Outcome, RecordedOnly};
use crate::gateway::answer::json;
use crate::gateway::body::AnswerBody;
use crate::gateway::call::{applied, of_refused, unpaid};
use crate::gateway::door::{Door, Visit};
use crate::gateway::prefer::{Preferences, Wait};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::survive::Survive;
use crate::worker::{ArtifactError, Asked, CompileFailed, NotRun, PrepareError, Sorting, Worker};
use http::{Response, StatusCode};
use moot_ledger::{Fate, Pending, Refused, VerifiedBundle};
use moot_record::limits::MAX_BUNDLE_BYTES;
use moot_record::{AccountId, Bundle, Entry, EntryId, Transaction, Value};
use std::sync::Arc;

/// Submits a signed bundle of transactions and values, or of calls and values. Waits until it is final, unless
/// `respond-async` is preferred: then until it is durable here. Calls of functions that this replica serves are run
/// once the bundle is final, and have receipts by their addresses; the others are recorded, not run, and the answer
/// says why. With `dry-run` nothing is recorded: the answer (`DryRun`) says what would come of each transaction, and
/// what it would cost.
#[utoipa::path(post, path = "/_moot/bundles", tag = "functions",
    params(("dry-run" = Option<bool>, Query, description = "only say what would come of it")),
    request_body(content = Vec<u8>, content_type = "application/cbor"),
    responses((status = 200, description = "what came of it; of a dry run a DryRun", body = BundleOrDryRun), (status = 202, description = "recorded, not ordered yet", body = BundleAnswer), (status = 403, description = "the key that signed it was revoked", body = crate::api::Problem), (status = 422, body = crate::api::Problem)))]
pub(super) async fn post(door: &Arc<Door>, mut visit: Visit) -> Answered {
    let preferences = Preferences::of(&visit.parts.headers);
    let bytes = visit.read(door, MAX_BUNDLE_BYTES as u64).await?;
    let bundle = Bundle::decode(&bytes).map_err(|e| Failure::new(Kind::BadBundle, e.to_string()))?;
    drop(bytes);
    if super::flag(visit.parts.uri.query(), "dry-run") {
        return super::rehearse::rehearse(&door.worker, bundle).await;
    }
    let checked = Checked::of(&door.worker, bundle)?;
    Survive::new(submit(door.worker.clone(), checked, preferences)).await
}

/// What is answered to a bundle.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the document is made from it")]
pub(super) enum BundleOrDryRun {
    /// Of one that was recorded.
    Recorded(BundleAnswer),
    /// Of one that was only asked about.
    Dry(DryRun),
}

/// A bundle that may be recorded, and what is to be done about its entries.
struct Checked {
    verified: VerifiedBundle,
    /// Those that are no calls.
    entries: Vec<(u16, u16, Entry)>,
    calls: Vec<Run>,
    asked: Vec<Asked>,
    not_run: Vec<(NotRun, usize)>,
}

/// Calls one after the other in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    page: u16,
    slot: u16,
    count: u16,
}

impl Checked {
    fn of(worker: &Worker, bundle: Bundle) -> Result<Checked, Failure> {
        let signer = bundle.header.account;
        let mut sorting = Sorting::new(worker, signer);
        let (mut entries, mut calls) = (Vec::new(), Vec::new());
        let each = |page, slot, entry: &Entry| match entry {
            Entry::Call(call) => {
                place(&mut calls, page, slot);
                sorting.look(page, slot, call)
            }
            entry => {
                if let Entry::Value(value) = entry {
                    check_writer(signer, page, slot, value)?;
                }
                entries.push((page, slot, entry.clone()));
                Ok(false)
            }
        };
        let verified = worker.ledger.verify(bundle, each).map_err(|e| refused(&e))?;
        if !calls.is_empty() && !verified.transactions().is_empty() {
            let detail = "it holds calls and transactions: sign them in bundles of their own, because calls wait for the block and transactions make it";
            return Err(Failure::new(Kind::BadBundle, detail));
        }
        let not_run = sorting.not_run().collect();
        Ok(Checked { verified, entries, calls, asked: sorting.asked, not_run })
    }
}

/// A client writes in its own name or in nobody's.
fn check_writer(signer: AccountId, page: u16, slot: u16, value: &Value) -> Result<(), Refused> {
    let untrue =
        |what: &str| Err(Refused::BadBundle(format!("the value at page {page}, slot {slot} {what}")));
    if value.account.is_some_and(|account| account != signer) {
        return untrue("names an account that did not sign the bundle: name the bundle's account, or nobody");
    }
    if value.function.is_some() {
        return untrue("names a function that wrote it: only a worker can say so");
    }
    Ok(())
}

/// Adds a call to the runs.
fn place(runs: &mut Vec<Run>, page: u16, slot: u16) {
    match runs.last_mut() {
        Some(run) if run.page == page && u32::from(run.slot) + u32::from(run.count) == u32::from(slot) => {
            run.count += 1;
        }
        _ => runs.push(Run { page, slot, count: 1 }),
    }
}

pub(super) fn refused(error: &Refused) -> Failure {
    Failure::new(of_refused(error), error.to_string())
}

async fn submit(worker: Arc<Worker>, checked: Checked, preferences: Preferences) -> Answered {
    let Checked { verified, entries, calls, asked, not_run } = checked;
    let account = verified.account();
    for (_, _, transaction) in verified.transactions() {
        worker.prepare(account, transaction).await.map_err(unprepared)?;
    }
    let (count, run) = verified.calls();
    let room = worker.room_for(run).map_err(|e| Failure::new(Kind::Busy, e.to_string()))?;
    let held = worker.hold_bundle(&verified, &asked).map_err(unpaid)?;
    let changes = !verified.transactions().is_empty();
    let pending = worker.ledger.record(verified).map_err(|e| refused(&e))?;
    let mut holds = Vec::new();
    if let Some((bundle, calls)) = held {
        let units = bundle.units();
        bundle.until_charged(pending.id().batch, units);
        holds = calls;
    }
    pending.durable().await.map_err(|e| Failure::new(Kind::Stopping, e.to_string()))?;
    if run > 0 {
        tokio::spawn(worker.clone().run_bundle(pending.clone(), asked, (room, holds)));
    }
    let reached = wait(&worker, &pending, preferences, changes).await;
    let outcomes = entries.into_iter().map(|(page, slot, entry)| {
        let id = EntryId { page, slot, ..pending.id() };
        outcome(&worker, id, &entry, reached)
    });
    let entries = outcomes.collect::<Result<_, _>>()?;
    let calls = match count {
        0 => None,
        _ => Some(calls_answer(&worker, &pending, count, run, &calls, &not_run, reached)?),
    };
    let status = if reached { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response: Response<AnswerBody> = json(status, &BundleAnswer { entries, calls });
    applied(response.headers_mut(), preferences, if reached { Wait::Final } else { Wait::Accepted });
    Ok(response)
}

/// Waits for the bundle's block, as long as that is wanted. What it changes is taken up also when nobody waits.
async fn wait(worker: &Arc<Worker>, pending: &Pending, preferences: Preferences, changes: bool) -> bool {
    let within = preferences.final_within();
    let accepted_only = preferences.wait == Wait::Accepted;
    if changes {
        let ordered = tokio::spawn(order(worker.clone(), pending.clone()));
        return !accepted_only && matches!(tokio::time::timeout(within, ordered).await, Ok(Ok(true)));
    }
    !accepted_only && matches!(tokio::time::timeout(within, pending.finalized()).await, Ok(Ok(_)))
}

/// Waits for the bundle's block and takes up what it changed.
async fn order(worker: Arc<Worker>, pending: Pending) -> bool {
    let ordered = pending.finalized().await.is_ok();
    worker.refresh();
    ordered
}

fn calls_answer(
    worker: &Worker,
    pending: &Pending,
    count: usize,
    run: usize,
    calls: &[Run],
    not_run: &[(NotRun, usize)],
    reached: bool,
) -> Result<BundleCalls, Failure> {
    let bundle = pending.id();
    let fate = if reached { worker.ledger.fate(bundle).map_err(Failure::internal)? } else { Fate::Unordered };
    let (height, outcome, run) = match fate {
        Fate::Unordered => (None, Outcome::Accepted, run),
        Fate::Counts { height } => (Some(height), Outcome::Recorded, run),
        Fate::Void { height, why } => (Some(height), Outcome::Refused { reason: why.to_string() }, 0),
    };
    let first = |run: &Run| EntryId { page: run.page, slot: run.slot, ..bundle };
    let only =
        |(why, count): &(NotRun, usize)| RecordedOnly { count: *count, reason: why.reason().to_owned() };
    Ok(BundleCalls {
        count,
        at: calls.iter().map(|run| CallRun { first: first(run), count: run.count }).collect(),
        run,
        recorded_only: not_run.iter().map(only).collect(),
        height,
        outcome,
    })
}

fn outcome(worker: &Worker, id: EntryId, entry: &Entry, reached: bool) -> Result<EntryOutcome, Failure> {
    let (kind, name) = match entry {
        Entry::Transaction(transaction) => (transaction.kind(), transaction.name().cloned()),
        _ => ("value", None),
    };
    let found =
        if reached { worker.ledger.transaction_outcome(id).map_err(Failure::internal)? } else { None };
    let height = found.as_ref().map(|found| found.height);
    let outcome = match (found, name) {
        (Some(found), Some(name)) => match found.result {
            Ok(version) => {
                let retired = matches!(entry, Entry::Transaction(Transaction::Retire { .. }));
                Outcome::Applied { function: name.to_string(), version: (!retired).then_some(version) }
            }
            Err(refusal) => Outcome::Refused { reason: refusal.to_string() },
        },
        (Some(moot_ledger::Outcome { result: Err(refusal), .. }), None) => {
            Outcome::Refused { reason: refusal.to_string() }
        }
        (Some(_), None) => Outcome::Done,
        _ if reached => Outcome::Recorded,
        _ => Outcome::Accepted,
    };
    Ok(EntryOutcome { id, kind: kind.to_owned(), height, outcome })
}

fn unprepared(error: PrepareError) -> Failure {
    let kind = match &error {
        PrepareError::Missing(_) => Kind::ComponentMissing,
        PrepareError::Spec(_) => Kind::BadBundle,
        PrepareError::Artifact(ArtifactError::Compile(CompileFailed::TooSlow(_))) => Kind::CompileTooSlow,
        PrepareError::Artifact(ArtifactError::Compile(CompileFailed::TooLarge(_))) => Kind::CompileTooLarge,
        PrepareError::Artifact(
            ArtifactError::Compile(CompileFailed::Broken(_)) | ArtifactError::Io { .. },
        ) => {
            return Failure::internal(error);
        }
        PrepareError::Policy(_) => Kind::NotProvided,
        _ => Kind::BadComponent,
    };
    Failure::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_one_after_the_other_are_one_run() {
        let mut runs = Vec::new();
        for (page, slot) in [(0, 0), (0, 1), (0, 3), (1, 4), (2, 0), (2, 1), (2, 2)] {
            place(&mut runs, page, slot);
        }
        let run = |page, slot, count| Run { page, slot, count };
        assert_eq!(runs, [run(0, 0, 2), run(0, 3, 1), run(1, 4, 1), run(2, 0, 3)]);
    }
}
