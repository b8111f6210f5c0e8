//! The API below `/_moot/`: which request is which question.

mod accounts;
mod blocks;
mod bonds;
mod bundles;
mod calls;
mod components;
mod events;
mod fees;
mod functions;
mod interface;
mod node;
mod openapi;
mod rehearse;
mod rules;
mod state;
mod triggers;
pub(crate) mod values;
mod work;

use crate::api::PREFIX;
use crate::gateway::body::AnswerBody;
use crate::gateway::call;
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::target;
use crate::worker::Active;
use http::{HeaderValue, Method, Response, header};
use moot_record::{AccountId, EntryId, FunctionName};
use std::sync::Arc;

type Answered = Result<Response<AnswerBody>, Failure>;

/// Answers a request to the API.
pub(crate) async fn serve(door: &Arc<Door>, visit: Visit) -> Answered {
    let path = visit.parts.uri.path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    match visit.parts.method {
        Method::GET | Method::HEAD => get(door, visit, &segments).await,
        Method::PUT => put(door, visit, &segments).await,
        Method::POST => post(door, visit, &segments).await,
        Method::OPTIONS if known(&segments) => Ok(allowed(&segments)),
        _ if known(&segments) => Err(wrong_method(&segments)),
        _ => Err(unknown()),
    }
}

async fn get(door: &Arc<Door>, visit: Visit, segments: &[&str]) -> Answered {
    match segments {
        ["health"] => node::health(door).await,
        ["ready"] => node::ready(door).await,
        ["metrics"] => node::metrics(door).await,
        ["openapi.json"] => openapi::document().await,
        ["problems"] => node::problems().await,
        ["status"] => node::status(door, &visit).await,
        ["genesis"] => node::genesis(door).await,
        ["functions"] => functions::list(door).await,
        ["functions", name] => functions::show(door, name).await,
        ["functions", name, "openapi.json"] => interface::document(door, name).await,
        ["functions", name, "logs"] => events::logs(door, &visit, name).await,
        ["components", digest] => components::get(door, digest).await,
        ["calls"] => calls::list(door, visit.parts.uri.query()).await,
        ["calls", id] => calls::show(door, id).await,
        ["calls", id, "receipt"] => calls::receipt(door, id, visit.parts.uri.query()).await,
        ["calls", id, "input"] => calls::input(door, &visit, id).await,
        ["calls", id, "output"] => calls::output(door, &visit, id).await,
        ["events"] => events::all(door).await,
        ["rules"] => rules::list(door).await,
        ["values", path @ ..] if !path.is_empty() => values::get(door, &visit, &path.join("/")).await,
        ["triggers"] => triggers::list(door).await,
        ["derived"] => triggers::derived(door, visit.parts.uri.query()).await,
        ["derived", id] => triggers::show(door, id).await,
        ["owners", path @ ..] if !path.is_empty() => rules::owner(door, &path.join("/")).await,
        ["accounts", account] => accounts::show(door, account).await,
        ["holds", id] => bonds::hold(door, id).await,
        ["stakes"] => bonds::stakes(door).await,
        ["stakes", account] => bonds::stake(door, account).await,
        ["workers"] => work::list(door).await,
        ["workers", account] => work::show(door, account).await,
        ["replicas"] => bonds::replicas(door).await,
        ["accounts", account, "statement"] => fees::statement(door, account, visit.parts.uri.query()).await,
        ["prices"] => fees::prices(door).await,
        ["bill"] => fees::bill(door, visit.parts.uri.query()).await,
        ["state", kind, key @ ..] if !key.is_empty() => {
            state::prove(door, &visit, kind, &key.join("/")).await
        }
        ["blocks", height] => blocks::show(door, height).await,
        _ if known(segments) => Err(wrong_method(segments)),
        _ => Err(unknown()),
    }
}

async fn put(door: &Arc<Door>, visit: Visit, segments: &[&str]) -> Answered {
    match segments {
        ["components", digest] => components::put(door, visit, digest).await,
        ["values", path @ ..] if !path.is_empty() => values::put(door, visit, &path.join("/")).await,
        _ if known(segments) => Err(wrong_method(segments)),
        _ => Err(unknown()),
    }
}

async fn post(door: &Arc<Door>, visit: Visit, segments: &[&str]) -> Answered {
    match segments {
        ["bundles"] => bundles::post(door, visit).await,
        ["rules", "eval"] => rules::eval(door, visit).await,
        ["functions", name, "call"] => call::by_name(door, function(door, name)?, None, visit).await,
        ["functions", name, "call", export @ ..] => {
            let export = target::decoded(&export.join("/"));
            call::by_name(door, function(door, name)?, Some(export), visit).await
        }
        _ if known(segments) => Err(wrong_method(segments)),
        _ => Err(unknown()),
    }
}

/// The method of a known path; none for a path that is none of ours.
fn method_of(segments: &[&str]) -> Option<&'static str> {
    match segments {
        [
            "health" | "ready" | "metrics" | "openapi.json" | "problems" | "status" | "genesis" | "functions"
            | "rules" | "prices" | "bill" | "triggers" | "derived" | "stakes" | "replicas" | "workers",
        ]
        | ["functions", _]
        | ["functions", _, "logs" | "openapi.json"]
        | ["calls" | "events"]
        | ["calls", _]
        | ["calls", _, "receipt" | "input" | "output"]
        | ["accounts", _, "statement"]
        | ["accounts" | "blocks" | "derived" | "holds" | "stakes" | "workers", _]
        | ["state", _, _, ..]
        | ["owners", _, ..] => Some("GET, HEAD"),
        ["components", _] => Some("GET, HEAD, PUT"),
        ["values", _, ..] => Some("GET, HEAD, PUT"),
        ["bundles"] | ["rules", "eval"] | ["functions", _, "call", ..] => Some("POST"),
        _ => None,
    }
}

fn known(segments: &[&str]) -> bool {
    method_of(segments).is_some()
}

fn allowed(segments: &[&str]) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    let methods = method_of(segments).unwrap_or_default();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    response
}

fn wrong_method(segments: &[&str]) -> Failure {
    let methods = method_of(segments).unwrap_or_default();
    let failure = Failure::new(Kind::WrongMethod, format!("this is answered to {methods}"));
    Failure { allow: Some(methods), ..failure }
}

fn unknown() -> Failure {
    Failure::new(Kind::NotFound, "the API has no such path; GET /_moot/openapi.json lists what it has")
}

/// The callable function of a name in the path.
fn function(door: &Door, name: &str) -> Result<Arc<Active>, Failure> {
    let parsed: FunctionName = name
        .parse()
        .map_err(|e: moot_record::ParseError| Failure::new(Kind::NoSuchFunction, e.to_string()))?;
    if let Some(active) = door.find(|registry| registry.get(&parsed).cloned()) {
        return Ok(active);
    }
    if door.worker.ledger.function(&parsed).is_some_and(|record| record.retired) {
        return Err(Failure::new(
            Kind::Retired,
            format!("{parsed} was retired by its owner and answers no more"),
        ));
    }
    let detail =
        format!("there is no function {parsed}; GET /_moot/functions lists them, `moot deploy` adds one");
    Err(Failure::new(Kind::NoSuchFunction, detail))
}

fn entry_id(text: &str) -> Result<EntryId, Failure> {
    text.parse().map_err(|e: moot_record::ParseError| Failure::new(Kind::NotFound, e.to_string()))
}

/// Lets only those see what passed through a function who may: its owner, the caller, and people on this machine.
fn private(
    door: &Door,
    visit: &Visit,
    owner: Option<AccountId>,
    caller: Option<AccountId>,
) -> Result<(), Failure> {
    if visit.local {
        return Ok(());
    }
    match door.signer(&visit.parts, b"")? {
        Some(account) if Some(account) == owner || Some(account) == caller || account == door.account => {
            Ok(())
        }
        Some(account) => {
            let detail =
                format!("only the function's owner and the caller may see this, and {account} is neither");
            Err(Failure::new(Kind::NotAllowed, detail))
        }
        None => {
            let detail = "from another machine, only the function's owner and the caller may see this: sign the request (RFC 9421)";
            Err(Failure::new(Kind::SignatureNeeded, detail))
        }
    }
}

/// Whether a query has a flag: `?final`, `?final=true`.
fn flag(query: Option<&str>, name: &str) -> bool {
    value(query, name).is_some_and(|value| !matches!(value, "0" | "false"))
}

/// The value of a query parameter; empty when it has none.
fn value<'a>(query: Option<&'a str>, name: &str) -> Option<&'a str> {
    query?
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_flags_are_read() {
        assert!(flag(Some("final"), "final") && flag(Some("a=1&final=true"), "final"));
        assert!(
            !flag(Some("final=false"), "final") && !flag(Some("finally"), "final") && !flag(None, "final")
        );
        assert_eq!(value(Some("limit=5"), "limit"), Some("5"));
    }
}
