//! One function's OpenAPI document: what it takes and answers, as far as that is known.
//!
//! ```text
//! active component ──interface::read──► exports, types ──schema──► a path for each export
//! spec (kind, route) ───────────────────────────────────────────► the rest
//! ```
//!
//! Of a typed function everything is known; of an event function that it takes bytes and answers with bytes; of one that
//! answers HTTP requests only where.

use super::Answered;
use crate::api::{Accepted, Payment, Problem};
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::interface::names::{camel, distinct};
use crate::interface::schema::{Form, Schemas};
use crate::interface::{self, Docs, Export, Interface};
use crate::limits::MAX_KEPT_INTERFACES;
use http::StatusCode;
use moot_ledger::{FunctionRecord, Version};
use moot_record::{Digest, FunctionKind, FunctionName};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use utoipa::PartialSchema as _;

/// One function's own OpenAPI document, made from its component's types.
#[utoipa::path(get, path = "/_moot/functions/{name}/openapi.json", tag = "functions", params(("name" = String, Path)),
    responses((status = 200, description = "an OpenAPI 3.1 document", body = serde_json::Value),
        (status = 404, body = crate::api::Problem)))]
pub(super) async fn document(door: &Door, name: &str) -> Answered {
    let name: FunctionName = name
        .parse()
        .map_err(|e: moot_record::ParseError| Failure::new(Kind::NoSuchFunction, e.to_string()))?;
    let record = door.worker.ledger.function(&name);
    let Some((record, version)) = record.as_ref().and_then(|record| Some((record, current(record)?))) else {
        let detail =
            format!("there is no function {name}; GET /_moot/functions lists them, `moot deploy` adds one");
        return Err(Failure::new(Kind::NoSuchFunction, detail));
    };
    let (paths, schemas) = match version.spec.kind {
        FunctionKind::Typed => typed(record, &*interface_of(door, version).await?),
        FunctionKind::Event => (event(&record.name), json!({})),
        FunctionKind::Http => (http(&version.spec.route), json!({})),
    };
    let mut all = json!({
        "Problem": schema_of(&Problem::schema()),
        "Payment": schema_of(&Payment::schema()),
        "Accepted": schema_of(&Accepted::schema()),
    });
    if let (Some(all), Value::Object(schemas)) = (all.as_object_mut(), schemas) {
        all.extend(schemas);
    }
    let description = "Calls take `Prefer` (`respond-async`, `wait=<s>`, `moot-wait=final`, `moot-receipt`), \
        `Idempotency-Key` and `traceparent`, as the node's own document says. Every answer to a call has its address in \
        `Moot-Call`.";
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": name, "version": version.number.to_string(), "description": description },
        "externalDocs": { "url": "/_moot/openapi.json", "description": "the node's API" },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": all },
    });
    Ok(json(StatusCode::OK, &document))
}

/// The active version, or for a retired function the one that was active last.
fn current(record: &FunctionRecord) -> Option<&Version> {
    record.version(record.active).or(record.versions.last())
}

fn schema_of(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// A path for each export, and the schemas that they refer to.
fn typed(record: &FunctionRecord, interface: &Interface) -> (Value, Value) {
    let mut schemas = Schemas::new(interface, &["Problem", "Payment", "Accepted"]);
    let exported: Vec<_> =
        interface.exports.iter().map(|one| (one.interface.as_deref(), one.name.as_str())).collect();
    let names = distinct(&exported, camel, &[]);
    let mut paths = serde_json::Map::new();
    for (export, operation) in interface.exports.iter().zip(names) {
        // Slashes stay: the node refuses encoded ones.
        let path = format!("/_moot/functions/{}/call/{}", record.name, export.path().replace('#', "%23"));
        paths.insert(path, json!({ "post": call(export, &operation, &mut schemas) }));
    }
    (Value::Object(paths), json!(schemas.named()))
}

fn call(export: &Export, operation: &str, schemas: &mut Schemas<'_>) -> Value {
    let arguments = schemas.arguments(&export.parameters);
    let answer = schemas.optional(export.answer.as_ref(), Form::Written);
    let mut responses = responses(&json!({ "application/json": { "schema": answer } }));
    responses["422"] = problem(match export.failure {
        interface::Failure::Never => "the arguments do not fit",
        interface::Failure::With(_) => {
            "the function answered with the error of its result (`function-failed`; the error is the JSON in `detail`), or \
             the arguments do not fit (`bad-arguments`)"
        }
    });
    json!({
        "operationId": operation,
        "summary": export.path(),
        "requestBody": {
            "description": "an array with one element a parameter; text/x-wave is taken too, one argument a line",
            // Nothing is an empty array.
            "required": !export.parameters.is_empty(),
            "content": { "application/json": { "schema": arguments } },
        },
        "responses": responses,
    })
}

fn event(name: &FunctionName) -> Value {
    let bytes = json!({ "application/octet-stream": {} });
    let responses = responses(&bytes);
    let body = json!({ "description": "the event's payload", "content": bytes });
    let post = json!({ "operationId": "call", "requestBody": body, "responses": responses });
    json!({ format!("/_moot/functions/{name}/call"): { "post": post } })
}

/// What such a function answers below its route is its own affair.
fn http(route: &str) -> Value {
    let answers = json!({ "default": { "description": "what the function answers" } });
    let operation = |method: &str| (method.to_owned(), json!({ "responses": answers }));
    let methods = ["get", "post", "put", "patch", "delete"].map(operation);
    let mut item: serde_json::Map<String, Value> = methods.into_iter().collect();
    item.insert(
        "description".to_owned(),
        json!("The function answers this path and all below it; it does not say what it takes."),
    );
    json!({ route: item })
}

/// The answers of a call, by status.
fn responses(content: &Value) -> Value {
    let accepted = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Accepted" } } });
    json!({
        "200": { "description": "what the function answered", "content": content },
        "202": { "description": "recorded, not run yet: asked for by `Prefer`", "content": accepted },
        "default": problem("a problem, named by its `type`"),
    })
}

fn problem(description: &str) -> Value {
    let content =
        json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    json!({ "description": description, "content": content })
}

/// Interfaces that were read lately. A component's digest says all that there is to know of it.
static KEPT: Mutex<VecDeque<(Digest, Arc<Interface>)>> = Mutex::new(VecDeque::new());

async fn interface_of(door: &Door, version: &Version) -> Result<Arc<Interface>, Failure> {
    let digest = version.component;
    if let Some((_, found)) = KEPT.lock().iter().find(|(kept, _)| *kept == digest) {
        return Ok(found.clone());
    }
    let worker = door.worker.clone();
    // Components have megabytes: reading one would hold up other requests.
    let read = tokio::task::spawn_blocking(move || {
        let Some(bytes) = worker.ledger.component(&digest).map_err(Failure::internal)? else {
            let detail = format!("the component {digest} has not arrived at this replica yet");
            return Err(Failure::new(Kind::OnTheWay, detail));
        };
        let interface = interface::read(&bytes, &Docs::default())
            .map_err(|error| Failure::new(Kind::BadComponent, error.to_string()))?;
        Ok(Arc::new(interface))
    });
    let interface = read.await.map_err(Failure::internal)??;
    let mut kept = KEPT.lock();
    if kept.len() >= MAX_KEPT_INTERFACES {
        kept.pop_front();
    }
    kept.push_back((digest, interface.clone()));
    Ok(interface)
}
