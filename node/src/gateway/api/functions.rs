//! Functions: which there are, their versions, what they export.

use super::Answered;
use crate::api::{ExportView, FunctionSummary, FunctionView, Functions, ParameterView, VersionView};
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;
use moot_ledger::{FunctionRecord, Version};
use moot_record::FunctionName;

/// Every function that was deployed here.
#[utoipa::path(get, path = "/_moot/functions", tag = "functions", responses((status = 200, body = Functions)))]
pub(super) async fn list(door: &Door) -> Answered {
    let functions = door.worker.ledger.functions();
    let functions = functions.iter().filter_map(|record| summary(record)).collect();
    Ok(json(StatusCode::OK, &Functions { functions }))
}

/// One function with its versions and its interface.
#[utoipa::path(get, path = "/_moot/functions/{name}", tag = "functions", params(("name" = String, Path)),
    responses((status = 200, body = FunctionView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, name: &str) -> Answered {
    let name: FunctionName = name
        .parse()
        .map_err(|e: moot_record::ParseError| Failure::new(Kind::NoSuchFunction, e.to_string()))?;
    let record = door.worker.ledger.function(&name);
    let Some((record, summary)) = record.and_then(|r| summary(&r).map(|s| (r, s))) else {
        let detail =
            format!("there is no function {name}; GET /_moot/functions lists them, `moot deploy` adds one");
        return Err(Failure::new(Kind::NoSuchFunction, detail));
    };
    let (exports, imports) = interface(door, &record).await;
    let versions = record.versions.iter().map(version).collect();
    Ok(json(StatusCode::OK, &FunctionView { summary, versions, exports, imports }))
}

/// What the active component offers and needs, as far as it can be seen here. Its code is loaded for that, as for a
/// call: whoever asks is about to make one.
async fn interface(door: &Door, record: &FunctionRecord) -> (Vec<ExportView>, Vec<String>) {
    let Some(version) = current(record) else { return Default::default() };
    let Ok(Some(bytes)) = door.worker.ledger.component(&version.component) else { return Default::default() };
    let imports = door.worker.host.inspect(&bytes).map(|found| found.imports).unwrap_or_default();
    let active = door.worker.registry().get(&record.name).cloned();
    let Some(active) = active else { return (Vec::new(), imports) };
    let Ok(function) = door.worker.load(&active, door.worker.clock.now_us()).await else {
        return (Vec::new(), imports);
    };
    let exports = function.interface().functions.iter().map(|export| ExportView {
        path: export.path.clone(),
        parameters: export
            .params
            .iter()
            .map(|(name, ty)| ParameterView { name: name.clone(), ty: ty.clone() })
            .collect(),
        result: export.result.clone(),
    });
    (exports.collect(), imports)
}

/// The active version, or for a retired function the one that was active last.
fn current(record: &FunctionRecord) -> Option<&Version> {
    record.version(record.active).or(record.versions.last())
}

fn summary(record: &FunctionRecord) -> Option<FunctionSummary> {
    let version = current(record)?;
    Some(FunctionSummary {
        name: record.name.clone(),
        owner: record.owner,
        kind: version.spec.kind.as_str().to_owned(),
        route: version.spec.route.clone(),
        version: version.number,
        component: version.component,
        retired: record.retired,
        frozen: record.frozen,
    })
}

fn version(version: &Version) -> VersionView {
    VersionView {
        number: version.number,
        component: version.component,
        component_bytes: version.component_bytes,
        spec: version.spec.clone(),
        spec_digest: version.spec_digest,
        height: version.height,
        deployed: version.deployed,
    }
}
