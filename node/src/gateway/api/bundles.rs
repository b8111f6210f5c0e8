//! Signed bundles: how accounts deploy, roll back, retire and write.
//!
//! ```text
//!  bytes ──► Bundle (canonical, signed) ──► every deploy prepared ──► ledger ──final──► outcomes, registry
//! ```
//!
//! What can be seen to fail is refused here, before the ledger has it: an import that is not granted, a component
//! that is not there or does not compile.

use super::Answered;
use crate::api::{BundleAnswer, EntryOutcome, Outcome};
use crate::gateway::answer::json;
use crate::gateway::body::AnswerBody;
use crate::gateway::call::{applied, of_refused};
use crate::gateway::door::{Door, Visit};
use crate::gateway::prefer::{Preferences, Wait};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::survive::Survive;
use crate::worker::{ArtifactError, CompileFailed, PrepareError, Worker};
use http::{Response, StatusCode};
use moot_ledger::Pending;
use moot_record::limits::MAX_BUNDLE_BYTES;
use moot_record::{Bundle, Entry, EntryId, Transaction};
use std::sync::Arc;

/// Submits a signed bundle of transactions and values. Waits until it is final, unless `respond-async` is preferred.
#[utoipa::path(post, path = "/_moot/bundles", tag = "functions",
    request_body(content = Vec<u8>, content_type = "application/cbor"),
    responses((status = 200, body = BundleAnswer), (status = 202, body = BundleAnswer), (status = 422, body = crate::api::Problem)))]
pub(super) async fn post(door: &Arc<Door>, mut visit: Visit) -> Answered {
    let preferences = Preferences::of(&visit.parts.headers);
    let bytes = visit.read(door, MAX_BUNDLE_BYTES as u64).await?;
    let bundle = Bundle::decode(&bytes).map_err(|e| Failure::new(Kind::BadBundle, e.to_string()))?;
    // Before anything is compiled for it.
    bundle.verify().map_err(|e| Failure::new(Kind::BadBundle, e.to_string()))?;
    let entries = entries(&bundle)?;
    let worker = door.worker.clone();
    Survive::new(submit(worker, bundle, entries, preferences)).await
}

type Entries = Vec<(u16, u16, Entry)>;

fn entries(bundle: &Bundle) -> Result<Entries, Failure> {
    let bad = |detail: String| Failure::new(Kind::BadBundle, detail);
    bundle
        .entries()
        .map(|(page, slot, bytes)| match Entry::decode(bytes).map_err(|e| bad(e.to_string()))? {
            Entry::Call(_) => {
                Err(bad("it holds a call; send calls as HTTP requests, signed if need be".to_owned()))
            }
            Entry::Receipt(_) => Err(bad("it holds a receipt; those are the worker's to sign".to_owned())),
            entry => Ok((page, slot, entry)),
        })
        .collect()
}

async fn submit(worker: Arc<Worker>, bundle: Bundle, entries: Entries, preferences: Preferences) -> Answered {
    let account = bundle.header.account;
    for (_, _, entry) in &entries {
        if let Entry::Transaction(transaction) = entry {
            worker.prepare(account, transaction).await.map_err(unprepared)?;
        }
    }
    let pending = worker.ledger.submit(bundle).map_err(|e| Failure::new(of_refused(&e), e.to_string()))?;
    pending.durable().await.map_err(|e| Failure::new(Kind::Stopping, e.to_string()))?;
    let ordered = tokio::spawn(order(worker.clone(), pending.clone()));
    let within = preferences.final_within();
    let reached = preferences.wait != Wait::Accepted
        && matches!(tokio::time::timeout(within, ordered).await, Ok(Ok(true)));
    let outcomes = entries.into_iter().map(|(page, slot, entry)| {
        let id = EntryId { page, slot, ..pending.id() };
        outcome(&worker, id, &entry, reached)
    });
    let answer = BundleAnswer { entries: outcomes.collect::<Result<_, _>>()? };
    let status = if reached { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response: Response<AnswerBody> = json(status, &answer);
    applied(response.headers_mut(), preferences, if reached { Wait::Final } else { Wait::Accepted });
    Ok(response)
}

/// Waits for the bundle's block and takes up what it changed, also when nobody waits for the answer.
async fn order(worker: Arc<Worker>, pending: Pending) -> bool {
    let ordered = pending.finalized().await.is_ok();
    worker.refresh();
    ordered
}

fn outcome(worker: &Worker, id: EntryId, entry: &Entry, reached: bool) -> Result<EntryOutcome, Failure> {
    let (kind, name) = match entry {
        Entry::Transaction(transaction) => {
            let kind = match transaction {
                Transaction::Deploy { .. } => "deploy",
                Transaction::Rollback { .. } => "rollback",
                Transaction::Retire { .. } => "retire",
                Transaction::Seat { .. } => "seat",
            };
            (kind, transaction.name().cloned())
        }
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
