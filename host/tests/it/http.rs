//! Functions of kind http: unmodified `wasi:http` proxies.

use crate::support::{cx, get, guest, host, hostile, load};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use moot_host::{Fault, FaultKind, Grants, HttpService, Kind, LimitKind, Limits, Policy};
use std::convert::Infallible;
use std::time::Duration;
use tower_service::Service;

/// Unmodified proxies import outbound HTTP and randomness whether they use them or not.
fn proxy() -> Policy {
    Policy {
        grants: Grants { http: Some(Vec::new()), random: true, ..Grants::default() },
        ..Policy::default()
    }
}

fn post(path: &str, body: impl Into<Bytes>) -> http::Request<Full<Bytes>> {
    http::Request::post(path).header("host", "localhost").body(Full::new(body.into())).unwrap()
}

#[tokio::test]
async fn a_proxy_answers_and_its_body_s_length_is_known() {
    let function = load(host(), &guest("hello-http"), proxy());
    assert_eq!(function.kind(), Kind::Http);
    let answer = function.call_http(cx(), get("/there?a=b")).await.unwrap();
    assert_eq!(answer.response.status(), 200);
    assert_eq!(answer.response.headers()["content-type"], "text/plain; charset=utf-8");
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello from /there\n");
    let report = answer.report.await;
    assert!(report.fault.is_none() && report.fuel > 0, "{report:?}");
}

/// A task that has used up its turn finds every channel of tokio pending, ready or not.
#[tokio::test]
async fn a_task_without_budget_loses_no_answer() {
    let function = load(host(), &guest("hello-http"), proxy());
    // A turn has 128 units.
    for spent in 0..130 {
        tokio::task::yield_now().await;
        for _ in 0..spent {
            tokio::task::coop::consume_budget().await;
        }
        let answer = function.call_http(cx(), get("/there")).await.unwrap();
        let body = answer.response.into_body().collect().await.unwrap().to_bytes();
        let report = answer.report.await;
        assert_eq!(body, "hello from /there\n", "{report:?}");
    }
}

#[tokio::test]
async fn a_body_is_streamed_both_ways() {
    let function = load(host(), &guest("hello-http"), proxy());
    let (send, receive) = tokio::sync::mpsc::channel::<Bytes>(1);
    let chunks = stream::unfold(receive, |mut receive| async move {
        let chunk = receive.recv().await?;
        Some((Ok::<_, Infallible>(Frame::data(chunk)), receive))
    });
    let request = http::Request::post("/echo").header("host", "localhost");
    let request = request.body(StreamBody::new(Box::pin(chunks))).unwrap();
    send.send(Bytes::from_static(b"first")).await.unwrap();
    let answer = function.call_http(cx(), request).await.unwrap();
    let mut body = answer.response.into_body();
    // The first chunk is back before the second one is sent: nothing waits for the whole.
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    send.send(Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "second");
    drop(send);
    assert!(body.frame().await.is_none());
    assert!(answer.report.await.fault.is_none());
}

#[tokio::test]
async fn a_large_body_comes_back_whole() {
    let function = load(host(), &guest("hello-http"), proxy());
    let sent: Bytes = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect::<Vec<_>>().into();
    let answer = function.call_http(cx(), post("/echo", sent.clone())).await.unwrap();
    let back = answer.response.into_body().collect().await.unwrap().to_bytes();
    assert!(back == sent, "{} bytes came back", back.len());
    assert!(answer.report.await.fault.is_none());
}

/// A response without end would fill the memory of whoever collects it.
#[tokio::test]
async fn case_34_an_endless_response_is_cut_at_its_limit() {
    let limits = Limits { response_bytes: 1 << 20, ..Limits::default() };
    let function = load(host(), &guest("hello-http"), Policy { limits, ..proxy() });
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![7; 8192]))));
    let request = http::Request::post("/echo").header("host", "localhost");
    let request = request.body(StreamBody::new(endless.boxed())).unwrap();
    let answer = function.call_http(cx(), request).await.unwrap();
    let error = answer.response.into_body().collect().await.unwrap_err();
    assert!(error.to_string().contains("1 MiB"), "{error}");
    let report = answer.report.await;
    assert!(
        matches!(report.fault, Some(Fault::Limit { what: LimitKind::Response, .. })),
        "{:?}",
        report.fault
    );
}

/// A request whose body never comes holds a guest for ever.
#[tokio::test]
async fn case_29_a_poll_that_is_never_ready_ends_at_the_deadline() {
    let limits = Limits { deadline: Duration::from_millis(200), ..Limits::default() };
    let function = load(host(), &guest("hello-http"), Policy { limits, ..proxy() });
    let never = stream::pending::<Result<Frame<Bytes>, Infallible>>();
    let request = http::Request::post("/echo").header("host", "localhost");
    let request = request.body(StreamBody::new(never.boxed())).unwrap();
    let answer = function.call_http(cx(), request).await.unwrap();
    let error = answer.response.into_body().collect().await.unwrap_err();
    assert!(error.to_string().contains("200ms"), "{error}");
    let report = answer.report.await;
    assert_eq!(report.fault.map(|f| f.kind()), Some(FaultKind::Deadline));
}

#[tokio::test]
async fn a_reader_who_goes_away_does_not_hold_the_guest() {
    let function = load(host(), &guest("hello-http"), proxy());
    let answer = function.call_http(cx(), post("/echo", vec![1; 4 << 20])).await.unwrap();
    drop(answer.response);
    let report = tokio::time::timeout(Duration::from_secs(20), answer.report).await.unwrap();
    assert!(report.duration < Duration::from_secs(10), "{report:?}");
}

#[tokio::test]
async fn out_of_fuel_before_the_head_is_a_failed_call() {
    let limits = Limits { fuel: 1_000, ..Limits::default() };
    let function = load(host(), &guest("hello-http"), Policy { limits, ..proxy() });
    let failed = function.call_http(cx(), get("/")).await.unwrap_err();
    assert_eq!(failed.fault, Fault::OutOfFuel { limit: 1_000 });
    assert_eq!(failed.report.fuel, 1_000);
}

#[tokio::test]
async fn a_function_that_sets_no_response_is_told_so() {
    let function = load(host(), &hostile("silent-http"), Policy::default());
    let failed = function.call_http(cx(), get("/")).await.unwrap_err();
    assert_eq!(failed.fault, Fault::NoResponse);
    assert_eq!(failed.report.fault, Some(Fault::NoResponse));
}

#[tokio::test]
async fn a_function_is_a_tower_service() {
    let function = load(host(), &guest("hello-http"), proxy());
    let mut service = HttpService::new(function, |_| cx());
    let response = service.call(get("/tower")).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello from /tower\n");
}
