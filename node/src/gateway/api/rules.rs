//! Paths: their rules, what these would say, and who owns what.

use super::Answered;
use crate::api::{OwnerView, Question, RuleView, RulesView, VerdictView};
use crate::gateway::answer::json;
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use crate::limits::MAX_VALUE_BYTES;
use http::StatusCode;
use moot_ledger::RuleRecord;
use moot_record::{Invalid, check_path};

fn view(record: &RuleRecord) -> RuleView {
    RuleView { pattern: record.pattern.as_str().to_owned(), rule: record.text.clone() }
}

fn bad_path(error: Invalid) -> Failure {
    Failure::new(Kind::BadRequest, error.to_string())
}

/// All rules.
#[utoipa::path(get, path = "/_moot/rules", tag = "rules", responses((status = 200, body = RulesView)))]
pub(super) async fn list(door: &Door) -> Answered {
    let rules = door.worker.ledger.rules().iter().map(|record| view(record)).collect();
    Ok(json(StatusCode::OK, &RulesView { rules }))
}

/// What the rules would say about writing a value, and which of them. Nothing is written.
#[utoipa::path(post, path = "/_moot/rules/eval", tag = "rules", request_body = Question,
    responses((status = 200, body = VerdictView), (status = 400, body = crate::api::Problem)))]
pub(super) async fn eval(door: &Door, mut visit: Visit) -> Answered {
    let body = visit.read(door, 2 * MAX_VALUE_BYTES as u64).await?;
    let question: Question = serde_json::from_slice(&body).map_err(|error| {
        Failure::new(
            Kind::BadRequest,
            format!("the question is not JSON with `path`, `account`, `function` and `value`: {error}"),
        )
    })?;
    check_path(&question.path).map_err(bad_path)?;
    let ledger = &door.worker.ledger;
    let height = ledger.height();
    // What a function writes it writes in its owner's name.
    let owner = question.function.as_ref().and_then(|name| ledger.function(name)).map(|record| record.owner);
    let account = question.account.or(owner).unwrap_or(door.account);
    let (function, value) = (question.function.as_ref(), question.value.as_bytes());
    let verdict = ledger.judge(&question.path, Some(account), function, value);
    let rule = verdict.rule.as_deref().map(view);
    // Before any rule is asked a value must be its function's owner's.
    let why = match (function, owner) {
        (Some(name), None) => Some(format!("there is no function {name}")),
        (Some(name), Some(owner)) if owner != account => {
            Some(format!("{name} belongs to {owner}, and writes in no other account's name"))
        }
        _ => verdict.why,
    };
    let allowed = verdict.allowed && why.is_none();
    Ok(json(StatusCode::OK, &VerdictView { allowed, rule, why, height }))
}

/// Who owns a path: the owner of the closest path at or above it.
#[utoipa::path(get, path = "/_moot/owners/{path}", tag = "rules", params(("path" = String, Path)),
    responses((status = 200, body = OwnerView), (status = 400, body = crate::api::Problem)))]
pub(super) async fn owner(door: &Door, path: &str) -> Answered {
    let path = format!("/{path}");
    check_path(&path).map_err(bad_path)?;
    let found = door.worker.ledger.owner_of(&path).map_err(Failure::internal)?;
    let given_up = found.as_ref().is_some_and(|(_, found)| found.owner.is_none());
    let (at, owner) = found.map_or((None, None), |(at, found)| (Some(at), found.owner));
    Ok(json(StatusCode::OK, &OwnerView { path, at, owner, given_up }))
}
