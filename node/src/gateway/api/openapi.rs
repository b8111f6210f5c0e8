//! The OpenAPI document of the API, made from the handlers and types themselves.

use super::{
    Answered, accounts, blocks, bonds, bundles, calls, components, events, fees, functions, interface, node,
    rules, state, triggers, values, work,
};
use crate::api;
use crate::gateway::answer::bytes_of;
use http::{HeaderValue, StatusCode};
use std::sync::OnceLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Folkmoot node",
        description = "Functions whose every call leaves evidence. Errors are RFC 9457 problem details. \
            Requests that must name an account are signed by RFC 9421 with ed25519; `keyid` is the account. \
            Calls take `Prefer` (`respond-async`, `wait=<s>`, `moot-wait=final`, `moot-receipt`), `Idempotency-Key` and `traceparent`."
    ),
    paths(
        node::health,
        node::ready,
        node::metrics,
        node::status,
        node::genesis,
        node::problems,
        accounts::show,
        bonds::hold,
        bonds::stakes,
        bonds::stake,
        bonds::replicas,
        work::list,
        work::show,
        fees::prices,
        fees::statement,
        fees::bill,
        state::prove,
        functions::list,
        functions::show,
        interface::document,
        components::put,
        components::get,
        bundles::post,
        events::logs,
        events::all,
        blocks::show,
        rules::list,
        rules::eval,
        rules::owner,
        triggers::list,
        triggers::derived,
        triggers::show,
        values::put,
        values::get,
        calls::list,
        calls::show,
        calls::receipt,
        calls::input,
        calls::output,
        call_event,
        call_typed
    ),
    components(schemas(
        api::LogLine,
        api::NodeEvent,
        api::Accepted,
        api::DryRun,
        api::Problem,
        api::ValueView,
        api::ValuesAt,
        api::ValuesView,
        api::ValuesMissed
    ))
)]
struct Document;

/// Calls a function of kind event; the body is the event's payload.
#[utoipa::path(post, path = "/_moot/functions/{name}/call", tag = "calls", params(("name" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "what the function answered", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 202, body = api::Accepted), (status = "default", body = api::Problem)))]
#[allow(dead_code, reason = "the document is made from it; crate::gateway::call answers")]
fn call_event() {}

/// Calls an export of a function of kind typed: a JSON array of arguments, or WAVE, one argument a line.
#[utoipa::path(post, path = "/_moot/functions/{name}/call/{export}", tag = "calls",
    params(("name" = String, Path), ("export" = String, Path, description = "`name` or `interface#name`, the `#` as %23")),
    request_body(content = Vec<serde_json::Value>, content_type = "application/json"),
    responses((status = 200, description = "the result as JSON, or WAVE", body = serde_json::Value),
        (status = 202, body = api::Accepted), (status = "default", body = api::Problem)))]
#[allow(dead_code, reason = "the document is made from it; crate::gateway::call answers")]
fn call_typed() {}

/// The document.
pub(super) async fn document() -> Answered {
    static JSON: OnceLock<String> = OnceLock::new();
    const MEDIA: HeaderValue = HeaderValue::from_static("application/json");
    let json = JSON.get_or_init(|| Document::openapi().to_json().unwrap_or_default());
    Ok(bytes_of(StatusCode::OK, MEDIA, json.clone().into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::Transaction;

    #[test]
    fn every_path_is_in_the_document() {
        let document = Document::openapi();
        for path in [
            "/_moot/status",
            "/_moot/calls/{id}/receipt",
            "/_moot/functions/{name}/call/{export}",
            "/_moot/bundles",
        ] {
            assert!(document.paths.paths.contains_key(path), "{path}");
        }
        assert_eq!(document.paths.paths.len(), 39);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = Document::openapi().to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut names: Vec<&str> = text.split("\"#/components/schemas/").skip(1).collect();
        names.iter_mut().for_each(|rest| *rest = rest.split('"').next().unwrap());
        assert!(names.len() > 20);
        for name in names {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn a_dry_run_and_every_kind_of_transaction_are_in_the_document() {
        let document = serde_json::to_value(Document::openapi()).unwrap();
        let answer = &document["paths"]["/_moot/bundles"]["post"]["responses"]["200"]["content"];
        let answer = answer["application/json"]["schema"]["$ref"].as_str().unwrap();
        let one = &document["components"]["schemas"][answer.rsplit('/').next().unwrap()];
        let bodies: Vec<_> =
            one["oneOf"].as_array().unwrap().iter().map(|body| body["$ref"].as_str().unwrap()).collect();
        assert_eq!(bodies, ["#/components/schemas/BundleAnswer", "#/components/schemas/DryRun"]);
        let kinds =
            |schema: &str| document["components"]["schemas"][schema]["properties"]["kind"]["enum"].clone();
        let said = serde_json::to_value(Transaction::KINDS).unwrap();
        assert_eq!(kinds("DryOutcome"), said);
        assert!(said.as_array().unwrap().contains(&"together".into()));
        assert_eq!(kinds("EntryOutcome").as_array().unwrap().len(), Transaction::KINDS.len() + 1);
    }
}
