//! The endpoints of the Lambda Runtime API, version 2018-06-01, for one process.
//!
//! Every request becomes a message to the process's supervisor, which alone knows what the process is at.

use super::Invocation;
use crate::workers::limits::{MAX_EXTERNAL_CONNECTIONS, MAX_EXTERNAL_RESPONSE_BYTES};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// What a process says.
pub(super) enum Said {
    /// It wants a call, and waits here for it.
    Next(oneshot::Sender<Reply>),
    /// It answers the call with this id.
    Response { id: String, body: Result<Bytes, TooLong>, reply: oneshot::Sender<Reply> },
    /// It says that the call with this id failed.
    Error { id: String, body: Bytes, reply: oneshot::Sender<Reply> },
    /// It cannot begin.
    InitError { body: Bytes, reply: oneshot::Sender<Reply> },
}

/// A body over the bound.
pub(super) struct TooLong;

pub(super) type Reply = Response<Full<Bytes>>;

/// Serves one process until it is dropped.
pub(super) async fn serve(listener: TcpListener, say: mpsc::Sender<Said>) {
    let places = Arc::new(Semaphore::new(MAX_EXTERNAL_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let say = say.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let say = say.clone();
                async move { Ok::<_, Infallible>(answer(request, &say).await) }
            });
            // A process may wait for its next call for days.
            let mut builder = http1::Builder::new();
            let connection = builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
            drop(place);
        });
    }
}

async fn answer(request: Request<Incoming>, say: &mpsc::Sender<Said>) -> Reply {
    let (parts, body) = request.into_parts();
    let Some(path) = parts.uri.path().strip_prefix("/2018-06-01/runtime/") else {
        return problem(StatusCode::NOT_FOUND, "InvalidPath", "the paths begin with /2018-06-01/runtime/");
    };
    let (reply, replied) = oneshot::channel();
    let said = match (&parts.method, path.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::GET, ["invocation", "next"]) => Said::Next(reply),
        (&Method::POST, ["init", "error"]) => {
            let Ok(body) = read(body).await else { return gone() };
            Said::InitError { body: body.unwrap_or_default(), reply }
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let Ok(body) = read(body).await else { return gone() };
            Said::Error { id: (*id).to_owned(), body: body.unwrap_or_default(), reply }
        }
        (&Method::POST, ["invocation", id, "response"]) => match whole(body).await {
            Ok(Answered::Body(body)) => Said::Response { id: (*id).to_owned(), body, reply },
            // A streamed answer says at its end that it failed.
            Ok(Answered::Failed(body)) => Said::Error { id: (*id).to_owned(), body, reply },
            // Half an answer is none: the process is still to answer, or its deadline comes.
            Err(()) => return gone(),
        },
        _ => return problem(StatusCode::NOT_FOUND, "InvalidPath", "the runtime API has no such endpoint"),
    };
    if say.send(said).await.is_err() {
        return gone();
    }
    replied.await.unwrap_or_else(|_| gone())
}

enum Answered {
    Body(Result<Bytes, TooLong>),
    Failed(Bytes),
}

/// An answer's body, and whether its trailers say that it broke off.
async fn whole(body: Incoming) -> Result<Answered, ()> {
    match Limited::new(body, MAX_EXTERNAL_RESPONSE_BYTES).collect().await {
        Ok(collected) => {
            let failed = collected.trailers().and_then(failure);
            Ok(match failed {
                Some(text) => Answered::Failed(text),
                None => Answered::Body(Ok(collected.to_bytes())),
            })
        }
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Ok(Answered::Body(Err(TooLong))),
        Err(_) => Err(()),
    }
}

/// The body of an error, from the trailers of a streamed answer.
fn failure(trailers: &HeaderMap) -> Option<Bytes> {
    let kind = trailers.get("lambda-runtime-function-error-type")?.to_str().ok()?;
    let said = serde_json::json!({ "errorType": kind, "errorMessage": "the streamed answer broke off" });
    serde_json::to_vec(&said).ok().map(Bytes::from)
}

async fn read(body: Incoming) -> Result<Option<Bytes>, ()> {
    match Limited::new(body, MAX_EXTERNAL_RESPONSE_BYTES).collect().await {
        Ok(collected) => Ok(Some(collected.to_bytes())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Ok(None),
        Err(_) => Err(()),
    }
}

/// A call, as the process gets it.
pub(super) fn next(invocation: &Invocation) -> Reply {
    // An event is JSON; nobody to speak of sends none.
    let payload = match invocation.payload.is_empty() {
        true => Bytes::from_static(b"{}"),
        false => invocation.payload.clone(),
    };
    let mut response = Response::new(Full::new(payload));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut insert = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    insert("lambda-runtime-aws-request-id", invocation.call.to_string());
    insert("lambda-runtime-deadline-ms", invocation.deadline_ms().to_string());
    insert("lambda-runtime-invoked-function-arn", invocation.arn());
    if let Some(trace) = invocation.x_ray() {
        insert("lambda-runtime-trace-id", trace);
    }
    response
}

pub(super) fn accepted() -> Reply {
    json(StatusCode::ACCEPTED, &serde_json::json!({ "status": "OK" }))
}

pub(super) fn problem(status: StatusCode, kind: &str, message: &str) -> Reply {
    json(status, &serde_json::json!({ "errorType": kind, "errorMessage": message }))
}

fn gone() -> Reply {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "Stopping", "this process is being stopped")
}

fn json(status: StatusCode, value: &serde_json::Value) -> Reply {
    let mut response = Response::new(Full::new(value.to_string().into()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
