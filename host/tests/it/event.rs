//! Functions of kind event, built from Rust.

use crate::support::{Lines, cx, event, guest, host, hostile, load};
use moot_host::{CallContext, FailureKind, Fault, Grants, Kind, LimitKind, Limits, Policy};
use std::sync::Arc;

#[tokio::test]
async fn an_event_is_answered_with_bytes_and_a_report() {
    let function = load(host(), &guest("hello"), Policy::default());
    assert_eq!(function.kind(), Kind::Event);
    let answer = function.call_event(cx(), event("ada")).await;
    assert_eq!(answer.result.unwrap(), b"hello, ada\n");
    assert!(answer.report.fuel > 0 && answer.report.peak_memory_bytes > 0);
    assert_eq!(answer.report.touched, []);
}

#[tokio::test]
async fn a_typed_failure_is_an_ordinary_answer() {
    let function = load(host(), &guest("hello"), Policy::default());
    let answer = function.call_event(cx(), event(&"x".repeat(300))).await;
    let Err(Fault::Guest(failure)) = answer.result else { panic!("{:?}", answer.result) };
    assert_eq!(failure.kind, FailureKind::Invalid);
    assert!(failure.message.contains("300 bytes"), "{}", failure.message);
}

#[tokio::test]
async fn granted_environment_and_the_call_s_facts_reach_the_guest() {
    let grants = Grants { env: vec![("GREETING".into(), "ahoy".into())], ..Grants::default() };
    let function = load(host(), &guest("hello"), Policy { grants, ..Policy::default() });
    let lines = Lines::new();
    let cx = CallContext { logs: Some(lines.clone()), ..CallContext::new("0-7-0-0-1", "hello") };
    let answer = function.call_event(cx, event("ada")).await;
    assert_eq!(answer.result.unwrap(), b"ahoy, ada\n");
    assert_eq!(lines.all(), ["call 0-7-0-0-1 greets ada"]);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused() {
    let limits = Limits { response_bytes: 5, ..Limits::default() };
    let function = load(host(), &guest("hello"), Policy { limits, ..Policy::default() });
    let answer = function.call_event(cx(), event("ada")).await;
    assert!(
        matches!(
            answer.result,
            Err(Fault::Limit { what: LimitKind::Response, asked: Some(11), limit: 5, .. })
        ),
        "{:?}",
        answer.result
    );
}

#[tokio::test]
async fn calls_run_beside_each_other() {
    let function = Arc::new(load(host(), &guest("hello"), Policy::default()));
    let calls = (0..64).map(|n| {
        let function = function.clone();
        tokio::spawn(async move { function.call_event(cx(), event(&n.to_string())).await.result })
    });
    for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap(), format!("hello, {n}\n").into_bytes());
    }
}

#[tokio::test]
async fn a_call_of_the_wrong_kind_says_so() {
    let function = load(host(), &hostile("harmless"), Policy::default());
    let fault = function.call_event(cx(), event("")).await.result.unwrap_err();
    assert!(fault.to_string().contains("kind typed"), "{fault}");
}
