//! A bundle that is only asked about: what would come of it, and what it would cost.

use super::Answered;
use super::bundles::refused;
use crate::api::{DryOutcome, DryRun};
use crate::gateway::answer::json;
use crate::gateway::problem::{Failure, Kind};
use crate::worker::{PrepareError, Worker};
use http::StatusCode;
use moot_ledger::{Outcome, VerifiedBundle, quote};
use moot_record::{Bundle, Entry, Transaction};

/// Says what would come of a bundle of transactions. Nothing is recorded, and the bundle can be sent afterwards.
pub(super) async fn rehearse(worker: &Worker, bundle: Bundle) -> Answered {
    let mut others = 0usize;
    let each = |_, _, entry: &Entry| {
        others += usize::from(!matches!(entry, Entry::Transaction(_)));
        Ok(false)
    };
    let verified = worker.ledger.verify(bundle, each).map_err(|error| refused(&error))?;
    if others > 0 {
        let detail = "a dry run is of transactions: calls and values have no effect on the state to foresee";
        return Err(Failure::new(Kind::BadBundle, detail));
    }
    let rehearsal = worker.ledger.rehearse(&verified);
    let mut transactions = Vec::new();
    for ((_, _, said), outcome) in verified.transactions().iter().zip(rehearsal.outcomes) {
        transactions.push(foreseen(worker, &verified, said, outcome).await?);
    }
    let accepted = transactions.iter().all(|one| one.refused.is_none());
    let said = verified.transactions().iter().map(|(_, _, said)| said);
    let fee = match worker.ledger.pays_itself(&verified) {
        true => 0,
        false => quote(&worker.prices(), verified.paid_bytes(), said).total(),
    };
    let fee = fee.to_string();
    Ok(json(StatusCode::OK, &DryRun { accepted, fee, transactions, height: rehearsal.height }))
}

async fn foreseen(
    worker: &Worker,
    verified: &VerifiedBundle,
    said: &Transaction,
    outcome: Outcome,
) -> Result<DryOutcome, Failure> {
    let kind = said.kind().to_owned();
    let (version, reason) = match outcome.result {
        Ok(number) => (said.name().map(|_| number), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    // What the node itself would not let in, as far as it has the component.
    let (reason, unchecked) = match (reason, worker.prepare(verified.account(), said).await) {
        (Some(reason), _) => (Some(reason), None),
        (None, Ok(_)) => (None, None),
        (None, Err(error @ PrepareError::Missing(_))) => (None, Some(error.to_string())),
        (None, Err(error)) => (Some(error.to_string()), None),
    };
    Ok(DryOutcome { kind, refused: reason, version, unchecked })
}
