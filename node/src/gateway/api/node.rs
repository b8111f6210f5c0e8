//! The node itself: health, metrics, status, genesis.

use super::Answered;
use crate::api::{self, Health, Status, Validator};
use crate::gateway::answer::{bytes_of, json};
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use http::{HeaderValue, StatusCode};
use moot_ledger::{Condition, LaneStatus, OrderingStatus};

/// The process runs and answers.
#[utoipa::path(get, path = "/_moot/health", tag = "node", responses((status = 200, body = Health)))]
pub(super) async fn health(_door: &Door) -> Answered {
    Ok(json(StatusCode::OK, &Health { status: "ok".to_owned() }))
}

/// The node can record calls.
#[utoipa::path(get, path = "/_moot/ready", tag = "node",
    responses((status = 200, body = Health), (status = 503, body = crate::api::Problem)))]
pub(super) async fn ready(door: &Door) -> Answered {
    if *door.stopping.borrow() {
        return Err(Failure::new(Kind::Stopping, "the node is stopping; ask another one"));
    }
    match why_read_only(&door.worker.ledger.status().condition) {
        Some(why) => Err(Failure::new(Kind::ReadOnly, why)),
        None => match door.worker.ledger.status().standing {
            standing if standing.records => Ok(json(StatusCode::OK, &Health { status: "ok".to_owned() })),
            standing => Err(Failure::new(Kind::ReadOnly, standing.why.unwrap_or_default())),
        },
    }
}

/// What Prometheus scrapes.
#[utoipa::path(get, path = "/_moot/metrics", tag = "node",
    responses((status = 200, description = "OpenMetrics text", body = String)))]
pub(super) async fn metrics(door: &Door) -> Answered {
    const MEDIA: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    door.metrics.running.set(door.worker.places.taken() as i64);
    door.metrics.workers.set(door.worker.fleet.count() as i64);
    door.metrics.workers_running.set(door.worker.fleet.running() as i64);
    door.metrics.height.set(door.worker.ledger.height() as i64);
    Ok(bytes_of(StatusCode::OK, MEDIA, door.metrics.text().into()))
}

/// How the node is doing, and what it knows of the others.
#[utoipa::path(get, path = "/_moot/status", tag = "node", responses((status = 200, body = Status)))]
pub(super) async fn status(door: &Door, visit: &Visit) -> Answered {
    let worker = &door.worker;
    let ledger = worker.ledger.status();
    let registry = worker.registry();
    let validators = validators(door, visit, &ledger).await;
    Ok(json(
        StatusCode::OK,
        &Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            network_name: worker.ledger.genesis().name.clone(),
            network: worker.network,
            account: door.account,
            lane: ledger.lane,
            votes: ledger.standing.votes,
            follows: ledger.standing.why.clone(),
            epoch: ledger.epoch,
            height: ledger.height,
            kept_from: ledger.kept_from,
            time_ms: ledger.time_ms,
            state: ledger.state,
            condition: condition(&ledger.condition),
            functions: registry.len(),
            running: worker.places.taken() + worker.fleet.running(),
            open_calls: ledger.open_calls,
            read_only: why_read_only(&ledger.condition),
            ordering_failed: ordering(&ledger.ordering),
            lost: door.neighbours.lost(),
            waiting_blocks: ledger.waiting_blocks as u64,
            missing_batches: ledger.missing_batches as u64,
            evidence: ledger.evidence as u64,
            uptime_s: door.started.elapsed().as_secs(),
            validators,
            workers: worker.fleet.view(visit.local),
            conflicts: registry.routes.conflicts().to_vec(),
        },
    ))
}

async fn validators(door: &Door, visit: &Visit, ledger: &moot_ledger::Status) -> Vec<Validator> {
    let reachable = door.neighbours.reachable().await;
    let view = |lane: &LaneStatus| Validator {
        lane: lane.lane,
        account: lane.account,
        role: lane.role.as_str().to_owned(),
        votes: lane.votes,
        reachable: reachable.get(&lane.account).copied(),
        gateway: door.neighbours.gateway(&lane.account).filter(|_| visit.local).map(ToString::to_string),
        held: lane.last_held,
        ordered: lane.last_ordered,
        waiting: lane.unordered as u64,
        equivocations: lane.equivocations as u64,
        contradictions: lane.contradictions as u64,
    };
    ledger.lanes.iter().map(view).collect()
}

fn ordering(ordering: &OrderingStatus) -> Option<String> {
    match ordering {
        OrderingStatus::Running | OrderingStatus::External => None,
        OrderingStatus::Waiting(why) | OrderingStatus::Failed(why) => Some(why.clone()),
    }
}

fn condition(condition: &Condition) -> api::Condition {
    match condition {
        Condition::Running => api::Condition::Running,
        Condition::ReadOnly(_) => api::Condition::ReadOnly,
        Condition::Closing => api::Condition::Closing,
        Condition::Stopped(_) => api::Condition::Stopped,
    }
}

/// The genesis: all that a verifier has to trust.
#[utoipa::path(get, path = "/_moot/genesis", tag = "node",
    responses((status = 200, description = "the genesis file", body = Object)))]
pub(super) async fn genesis(door: &Door) -> Answered {
    const MEDIA: HeaderValue = HeaderValue::from_static("application/json");
    Ok(bytes_of(StatusCode::OK, MEDIA, door.worker.ledger.genesis().to_json().into()))
}

/// The kinds of problem that errors name.
#[utoipa::path(get, path = "/_moot/problems", tag = "node",
    responses((status = 200, description = "type, status and title of each, one a line", body = String)))]
pub(super) async fn problems() -> Answered {
    const MEDIA: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    let rows = Kind::ALL.iter().map(|kind| {
        let (slug, status, title) = kind.row();
        format!("{slug} {status} {title}\n")
    });
    Ok(bytes_of(StatusCode::OK, MEDIA, rows.collect::<String>().into()))
}

fn why_read_only(condition: &Condition) -> Option<String> {
    match condition {
        Condition::Running => None,
        Condition::Closing => Some("the ledger is closing".to_owned()),
        Condition::ReadOnly(why) | Condition::Stopped(why) => Some(why.clone()),
    }
}
