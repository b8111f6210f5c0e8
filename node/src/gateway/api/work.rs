//! Workers that registered.

use super::Answered;
use crate::api::{FaultView, OfferView, WorkerView, WorkersView};
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;
use moot_ledger::Stakes;
use moot_record::{AccountId, ParseError, WorkOffer, WorkerRecord};

/// The workers that registered, and those that were found at fault.
#[utoipa::path(get, path = "/_moot/workers", tag = "accounts", responses((status = 200, body = WorkersView)))]
pub(super) async fn list(door: &Door) -> Answered {
    let ledger = &door.worker.ledger;
    let (height, stakes, workers) = (ledger.height(), ledger.stakes(), ledger.workers());
    let workers = workers.iter().map(|(account, record)| view(*account, record, &stakes)).collect();
    Ok(json(StatusCode::OK, &WorkersView { workers, height }))
}

/// What an account offers as a worker, and what was found against it.
#[utoipa::path(get, path = "/_moot/workers/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = WorkerView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, account: &str) -> Answered {
    let account: AccountId =
        account.parse().map_err(|e: ParseError| Failure::new(Kind::NotFound, e.to_string()))?;
    let ledger = &door.worker.ledger;
    let (stakes, workers) = (ledger.stakes(), ledger.workers());
    let Some(record) = workers.get(&account) else {
        let detail = format!("{account} is no worker: it offers nothing, and nothing was found against it");
        return Err(Failure::new(Kind::NotFound, detail));
    };
    Ok(json(StatusCode::OK, &view(account, record, &stakes)))
}

fn view(account: AccountId, record: &WorkerRecord, stakes: &Stakes) -> WorkerView {
    let offer = |WorkOffer { kinds, functions, replicas, engine }: &WorkOffer| OfferView {
        kinds: kinds.iter().map(ToString::to_string).collect(),
        functions: functions.clone(),
        replicas: replicas.clone(),
        engine: engine.to_string(),
    };
    let last = record.last.iter().map(|fault| FaultView {
        call: fault.call,
        receipt: fault.receipt,
        agreed: fault.agreed,
        burned: fault.burned.to_string(),
    });
    WorkerView {
        account,
        staked: stakes.get(&account).map_or(0, |stake| stake.staked).to_string(),
        offer: record.offer.as_ref().map(offer),
        since: record.since,
        faults: record.faults,
        burned: record.burned.to_string(),
        last: last.collect(),
    }
}
