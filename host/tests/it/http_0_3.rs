//! Functions of `wasi:http` 0.3, behind the host's switch.

use crate::support::{cx, get, guest, host, load};
use http_body_util::BodyExt;
use moot_host::{AdmissionError, Fault, FaultKind, Function, Host, HostConfig, Kind, Limits, Policy};
use std::sync::LazyLock;
use std::time::Duration;

fn with_switch() -> &'static Host {
    static HOST: LazyLock<Host> =
        LazyLock::new(|| Host::new(HostConfig { wasi_http_0_3: true, ..HostConfig::default() }).unwrap());
    &HOST
}

fn function(limits: Limits) -> Function {
    load(with_switch(), &guest("hello-http-0-3"), Policy { limits, ..Policy::default() })
}

#[tokio::test]
async fn a_service_answers_and_writes_its_body_after_it_returned() {
    let function = function(Limits::default());
    assert_eq!(function.kind(), Kind::Http);
    let answer = function.call_http(cx(), get("/there")).await.unwrap();
    assert_eq!(answer.response.status(), 200);
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello from /there\nand goodbye\n");
    let report = answer.report.await;
    assert!(report.fault.is_none() && report.fuel > 0, "{report:?}");
}

#[tokio::test]
async fn a_trap_while_the_body_is_written_breaks_it_off() {
    let answer = function(Limits::default()).call_http(cx(), get("/trap")).await.unwrap();
    assert!(answer.response.into_body().collect().await.is_err());
    let fault = answer.report.await.fault.unwrap();
    assert!(matches!(fault, Fault::Trap { .. }), "{fault}");
}

#[tokio::test]
async fn fuel_and_deadline_hold_here_too() {
    let spinning = function(Limits { fuel: 10_000_000, ..Limits::default() });
    let failed = spinning.call_http(cx(), get("/spin")).await.unwrap_err();
    assert_eq!(failed.fault, Fault::OutOfFuel { limit: 10_000_000 });
    let limits = Limits { fuel: u64::MAX / 4, deadline: Duration::from_millis(200), ..Limits::default() };
    let failed = function(limits).call_http(cx(), get("/spin")).await.unwrap_err();
    assert_eq!(failed.fault.kind(), FaultKind::Deadline);
}

#[tokio::test]
async fn a_reader_who_goes_away_does_not_hold_the_guest() {
    let answer = function(Limits::default()).call_http(cx(), get("/")).await.unwrap();
    drop(answer.response);
    tokio::time::timeout(Duration::from_secs(20), answer.report).await.unwrap();
}

#[test]
fn its_tasks_have_an_order_of_their_own_so_it_cannot_be_deterministic() {
    let policy = Policy { deterministic: true, ..Policy::default() };
    let error = with_switch().admit(&guest("hello-http-0-3"), &policy).unwrap_err();
    assert_eq!(error, AdmissionError::ConcurrentNotDeterministic);
}

#[test]
fn without_the_switch_it_is_refused_with_what_to_do() {
    let error = host().admit(&guest("hello-http-0-3"), &Policy::default()).unwrap_err();
    assert!(matches!(error, AdmissionError::Unknown { .. }));
    assert!(error.to_string().contains("switch"), "{error}");
}
