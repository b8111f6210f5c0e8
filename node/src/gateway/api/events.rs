//! Live lists, as server-sent events.

use super::{Answered, flag, private};
use crate::api::{LogLine, NodeEvent};
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use crate::gateway::sse::{event, follow};
use bytes::Bytes;
use moot_ledger::Event;
use moot_record::FunctionName;
use std::sync::Arc;

/// What a function wrote: the last lines, and with `follow` what comes after them.
#[utoipa::path(get, path = "/_moot/functions/{name}/logs", tag = "functions",
    params(("name" = String, Path), ("follow" = Option<bool>, Query)),
    responses((status = 200, description = "server-sent events named `log`, each a LogLine", body = String, content_type = "text/event-stream")))]
pub(super) async fn logs(door: &Door, visit: &Visit, name: &str) -> Answered {
    let name: FunctionName = name
        .parse()
        .map_err(|e: moot_record::ParseError| Failure::new(Kind::NoSuchFunction, e.to_string()))?;
    let registry = door.worker.registry();
    let Some(function) = registry.get(&name) else {
        return Err(Failure::new(
            Kind::NoSuchFunction,
            format!("there is no function {name} that can be called"),
        ));
    };
    private(door, visit, Some(function.owner), None)?;
    let (kept, next) = function.logs.follow();
    let kept = kept.iter().map(|line| event("log", line.as_ref())).collect();
    let next = flag(visit.parts.uri.query(), "follow").then_some(next);
    follow(door, kept, next, |line: Result<Arc<LogLine>, u64>| {
        Some(match line {
            Ok(line) => event("log", line.as_ref()),
            Err(events) => event("missed", &NodeEvent::Missed { events }),
        })
    })
}

/// Blocks, receipts and changes of functions, as they become durable.
#[utoipa::path(get, path = "/_moot/events", tag = "node",
    responses((status = 200, description = "server-sent events named by type, each a NodeEvent", body = String, content_type = "text/event-stream")))]
pub(super) async fn all(door: &Door) -> Answered {
    let worker = door.worker.clone();
    follow(door, Vec::new(), Some(worker.ledger.subscribe()), move |said: Result<Event, u64>| {
        let shown = match said {
            Err(events) => NodeEvent::Missed { events },
            Ok(Event::Block { height, batches, .. }) => {
                let digest = worker.ledger.block(height).ok().flatten()?.header.digest();
                NodeEvent::Block { height, digest, batches }
            }
            Ok(Event::Receipt { id, receipt }) => NodeEvent::Receipt {
                call: receipt.call,
                receipt: id,
                status: receipt.status.as_str().to_owned(),
                fuel: receipt.fuel,
            },
            Ok(Event::Function(record)) => NodeEvent::Function { name: record.name.to_string() },
            Ok(_) => return None,
        };
        Some(show(&shown))
    })
}

fn show(said: &NodeEvent) -> Bytes {
    let name = match said {
        NodeEvent::Block { .. } => "block",
        NodeEvent::Receipt { .. } => "receipt",
        NodeEvent::Function { .. } => "function",
        NodeEvent::Missed { .. } => "missed",
    };
    event(name, said)
}
