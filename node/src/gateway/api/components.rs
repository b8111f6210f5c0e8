//! Components: uploaded by digest, looked into before they are kept.

use super::Answered;
use crate::api::ComponentView;
use crate::gateway::answer::{bytes_of, json};
use crate::gateway::auth::is_signed;
use crate::gateway::call::unpaid;
use crate::gateway::door::{Door, Visit};
use crate::gateway::problem::{Failure, Kind};
use crate::limits::MAX_COMPONENT_BYTES;
use crate::worker::is_external;
use http::{HeaderValue, StatusCode};
use moot_ledger::ComponentError;
use moot_record::{Digest, component_digest};
use std::sync::Arc;

/// A component's bytes: whoever replays a call needs them, and checks them by their digest.
#[utoipa::path(get, path = "/_moot/components/{digest}", tag = "functions", params(("digest" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/wasm"), (status = 404, body = crate::api::Problem)))]
pub(super) async fn get(door: &Arc<Door>, digest: &str) -> Answered {
    const MEDIA: HeaderValue = HeaderValue::from_static("application/wasm");
    let digest = parse(digest)?;
    let worker = door.worker.clone();
    let bytes = tokio::task::spawn_blocking(move || worker.ledger.component(&digest)).await;
    match bytes.map_err(Failure::internal)?.map_err(Failure::internal)? {
        Some(bytes) => Ok(bytes_of(StatusCode::OK, MEDIA, bytes.into())),
        None => Err(Failure::new(Kind::NotFound, format!("no component {digest} was uploaded here"))),
    }
}

fn parse(digest: &str) -> Result<Digest, Failure> {
    digest.parse().map_err(|e: moot_record::ParseError| Failure::new(Kind::BadRequest, e.to_string()))
}

/// Uploads a component, in the name of the account that signed the request. It is inspected, not run and not compiled;
/// deploying it does that. What nobody deploys within three hours goes again.
#[utoipa::path(put, path = "/_moot/components/{digest}", tag = "functions",
    params(("digest" = String, Path, description = "BLAKE3 of the bytes, 64 hex digits")),
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 201, body = ComponentView), (status = 401, body = crate::api::Problem),
        (status = 402, body = crate::api::Problem), (status = 413, body = crate::api::Problem),
        (status = 422, body = crate::api::Problem), (status = 503, body = crate::api::Problem)))]
pub(super) async fn put(door: &Arc<Door>, mut visit: Visit, digest: &str) -> Answered {
    let digest = parse(digest)?;
    let unsigned = || {
        let detail =
            "who uploads a component is to be known: sign the request (RFC 9421), as `moot deploy` does";
        Failure::new(Kind::SignatureNeeded, detail)
    };
    // Before its megabytes are taken in.
    if !is_signed(&visit.parts) {
        return Err(unsigned());
    }
    let bytes = visit.read(door, MAX_COMPONENT_BYTES as u64).await?;
    let uploader = door.signer(&visit.parts, &bytes)?.ok_or_else(unsigned)?;
    let worker = door.worker.clone();
    worker.can_store(uploader, bytes.len() as u64).map_err(unpaid)?;
    // Hashing, inspecting and writing megabytes would hold up other requests.
    let stored = tokio::task::spawn_blocking(move || {
        let found = component_digest(&bytes);
        if found != digest {
            let detail = format!(
                "the bytes have digest {found}, and the path says {digest}; did the upload break off?"
            );
            return Err(Failure::new(Kind::BadComponent, detail));
        }
        if is_external(&bytes) {
            worker.ledger.put_component(&bytes).map_err(not_stored)?;
            let (imports, exports) = (Vec::new(), Vec::new());
            let kind = moot_record::FunctionKind::Event.as_str().to_owned();
            return Ok(ComponentView { digest, bytes: bytes.len() as u64, kind, imports, exports });
        }
        let inspection =
            worker.host.inspect(&bytes).map_err(|e| Failure::new(Kind::BadComponent, e.to_string()))?;
        worker.ledger.put_component(&bytes).map_err(not_stored)?;
        Ok(ComponentView {
            digest,
            bytes: inspection.bytes,
            kind: inspection.kind.as_str().to_owned(),
            imports: inspection.imports,
            exports: inspection.exports,
        })
    });
    let view = stored.await.map_err(Failure::internal)??;
    Ok(json(StatusCode::CREATED, &view))
}

fn not_stored(error: ComponentError) -> Failure {
    match error {
        ComponentError::NoRoom { .. } => Failure::new(Kind::Busy, error.to_string()),
        error => Failure::internal(error),
    }
}
