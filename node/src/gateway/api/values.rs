//! Values: messages written to a path.

use super::Answered;
use crate::api::ValueWritten;
use crate::gateway::answer::json;
use crate::gateway::call::of_refused;
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use crate::limits::MAX_VALUE_BYTES;
use http::StatusCode;
use moot_ledger::PayloadBytes;
use moot_record::{Payload, Value, check_path};

/// Writes a value. The request must be signed: nobody writes unnamed.
#[utoipa::path(put, path = "/_moot/values/{path}", tag = "values", params(("path" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = ValueWritten), (status = 401, body = crate::api::Problem)))]
pub(super) async fn put(door: &Door, mut visit: Visit, path: &str) -> Answered {
    let path = format!("/{path}");
    check_path(&path).map_err(|e| Failure::new(Kind::BadRequest, e.to_string()))?;
    let body = visit.read(door, MAX_VALUE_BYTES as u64).await?;
    if door.requests.signer(&visit.parts, &body)?.is_none() {
        return Err(Failure::new(
            Kind::SignatureNeeded,
            "a value is written by an account: sign the request (RFC 9421)",
        ));
    }
    let payload = Payload::of(&body);
    let digest = payload.digest;
    let refused = |e: moot_ledger::Refused| Failure::new(of_refused(&e), e.to_string());
    let pending = door
        .worker
        .ledger
        .append_value(Value { path: path.clone(), payload }, PayloadBytes::Keep(body))
        .map_err(refused)?;
    pending.durable().await.map_err(|e| Failure::new(Kind::Stopping, e.to_string()))?;
    Ok(json(StatusCode::CREATED, &ValueWritten { id: pending.id(), path, digest }))
}
