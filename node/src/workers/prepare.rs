//! Seeing to it that a worker is ready before it is asked: it gets every function that it could serve, as soon as there
//! is one, and calls of a version only once it has said that it is ready for that very version.

use super::joined::Joined;
use super::limits::PREPARE_TIMEOUT;
use super::wire::{self, FUNCTIONS, Offer};
use crate::limits::REFRESH_SOON;
use crate::worker::{Active, Registry, Worker};
use bytes::Bytes;
use http::{Method, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// How long after a question that was not answered it is put again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Tells a worker of functions, until its connection ends; which it does when its key is revoked.
pub(crate) async fn tend(worker: Arc<Worker>, joined: Arc<Joined>) {
    let mut known: Option<Arc<Registry>> = None;
    loop {
        let now = worker.registry();
        if known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &now)) {
            joined.keep_only(|name| now.get(name).is_some());
            let mut all_told = true;
            for active in now.all() {
                all_told &= offer(&worker, &joined, active).await;
            }
            if all_told {
                known = Some(now);
            } else {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
        tokio::time::sleep(REFRESH_SOON).await;
        if let Err(error) = worker.ledger.check_signer(&joined.account) {
            tracing::warn!(%error, "a worker is sent away");
            joined.end();
        }
        if joined.is_over() {
            return;
        }
    }
}

/// Offers one function; false when the worker has neither taken nor refused it.
async fn offer(worker: &Worker, joined: &Joined, active: &Active) -> bool {
    if joined.is_ready(active) || joined.has_refused(active) {
        return true;
    }
    // What is still on its way here is offered when it has come.
    let Ok(sandbox) = worker.arrived_sandbox(active).await else { return false };
    if !joined.could_serve(active, sandbox) {
        return true;
    }
    match told(worker, joined, active).await {
        Ok(Told::Ready) => joined.note_ready(active),
        Ok(Told::Refused(why)) => {
            let (account, function) = (joined.account, &active.name);
            tracing::warn!(%account, %function, why, "a worker does not serve a function");
            joined.note_refused(active, why);
        }
        Err(why) => {
            let (account, function) = (joined.account, &active.name);
            tracing::warn!(%account, %function, why, "a worker cannot be told of a function now");
            return false;
        }
    }
    true
}

enum Told {
    Ready,
    Refused(String),
}

async fn told(worker: &Worker, joined: &Joined, active: &Active) -> Result<Told, String> {
    let offer = Offer { owner: active.owner, component: active.component, spec: active.spec.encode() };
    let head = offer.encode();
    let path = format!("{FUNCTIONS}{}", active.name);
    let ask = |body: Bytes| joined.ask(Method::PUT, &path, body, PREPARE_TIMEOUT);
    let mut answer = ask(wire::frame(&head, b"")).await?;
    if answer.0 == StatusCode::NOT_FOUND {
        let bytes = worker.component_bytes(active).await?;
        answer = ask(wire::frame(&head, &bytes)).await?;
    }
    match answer {
        (StatusCode::NO_CONTENT, _) => Ok(Told::Ready),
        (StatusCode::UNPROCESSABLE_ENTITY, why) => Ok(Told::Refused(why)),
        (status, why) => Err(format!("it answered {status}: {why}")),
    }
}
