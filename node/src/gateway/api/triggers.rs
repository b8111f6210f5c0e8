//! Triggers that are set, and the calls that they derived.

use super::{Answered, calls, value};
use crate::api::{DerivedCalls, DerivedView, TriggerView, TriggersView};
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::limits::MAX_LISTED_CALLS;
use http::StatusCode;
use moot_ledger::{DerivedEnd, DerivedId, DerivedNews};
use moot_record::TriggerOn;

/// Derived calls that are listed when the request does not say how many.
const DEFAULT_LISTED: usize = 50;

/// All triggers.
#[utoipa::path(get, path = "/_moot/triggers", tag = "triggers", responses((status = 200, body = TriggersView)))]
pub(super) async fn list(door: &Door) -> Answered {
    let triggers = door.worker.ledger.triggers();
    let view = triggers.iter().map(|record| TriggerView {
        name: record.name.clone(),
        owner: record.set.owner,
        trigger: record.set.trigger.clone(),
        next_ms: matches!(record.set.trigger.on, TriggerOn::Schedule(_)).then_some(record.set.next_ms),
    });
    Ok(json(StatusCode::OK, &TriggersView { triggers: view.collect() }))
}

/// The newest calls that triggers derived.
#[utoipa::path(get, path = "/_moot/derived", tag = "triggers", params(("limit" = Option<usize>, Query)),
    responses((status = 200, body = DerivedCalls)))]
pub(super) async fn derived(door: &Door, query: Option<&str>) -> Answered {
    let limit = match value(query, "limit") {
        None => DEFAULT_LISTED,
        Some(text) => text.parse().map_err(|_| {
            let detail = format!("limit={text} is not a number from 1 to {MAX_LISTED_CALLS}");
            Failure::new(Kind::BadRequest, detail)
        })?,
    };
    let found = door.worker.ledger.newest_derived(limit.min(MAX_LISTED_CALLS)).map_err(Failure::internal)?;
    Ok(json(StatusCode::OK, &DerivedCalls { derived: found.iter().map(view).collect() }))
}

/// A call that a trigger derived, with the call in its lane when there is one.
#[utoipa::path(get, path = "/_moot/derived/{id}", tag = "triggers",
    params(("id" = String, Path, description = "like d-17-0")),
    responses((status = 200, body = DerivedView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, id: &str) -> Answered {
    let id: DerivedId = id.parse().map_err(|why: String| Failure::new(Kind::NotFound, why))?;
    let Some(news) = door.worker.ledger.derived(id).map_err(Failure::internal)? else {
        return Err(Failure::new(
            Kind::NotFound,
            format!("there is no derived call {id}, or it is forgotten"),
        ));
    };
    let mut shown = view(&news);
    if let Some(call) = news.call.call {
        shown.view = Some(calls::view(door, call).await?);
    }
    Ok(json(StatusCode::OK, &shown))
}

fn view(news: &DerivedNews) -> DerivedView {
    let call = &news.call;
    let (state, why, status) = match &news.end {
        None => ("open", None, None),
        Some(DerivedEnd::Answered { status, .. }) => ("answered", None, Some(status.as_str().to_owned())),
        Some(DerivedEnd::Dropped { why }) => ("dropped", Some(why.clone()), None),
    };
    let barred = call.barred.map(|barred| barred.reason().to_owned());
    DerivedView {
        id: call.id.to_string(),
        trigger: call.trigger.clone(),
        function: call.function.clone(),
        owner: call.owner,
        source: call.source.clone(),
        at: call.at,
        by: call.by,
        time_ms: call.time_ms,
        depth: call.depth,
        lane: call.lane,
        state: state.to_owned(),
        why: why.or(barred),
        status,
        call: call.call,
        view: None,
    }
}
