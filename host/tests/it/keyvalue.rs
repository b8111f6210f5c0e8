//! The `counter` guest, with a store and without.

use crate::support::{cx, event, guest, host, load, refused};
use moot_host::{
    AdmissionError, Failure, FailureKind, Fault, Grants, KeyValue, MemoryStore, Policy, TouchKind,
};
use std::sync::Arc;

fn policy(stores: &[(&str, Arc<MemoryStore>)]) -> Policy {
    let key_value =
        stores.iter().map(|(name, store)| ((*name).to_owned(), store.clone() as Arc<dyn KeyValue>));
    Policy { grants: Grants { key_value: key_value.collect(), ..Grants::default() }, ..Policy::default() }
}

#[tokio::test]
async fn counter_counts_across_calls_in_the_granted_store() {
    let store = Arc::new(MemoryStore::default());
    let counter = load(host(), &guest("counter"), policy(&[("default", store.clone())]));
    for (said, expected) in [
        ("apples", "1"),
        ("apples", "2"),
        ("pears", "1"),
        ("?apples", "2"),
        ("-apples", "0"),
        ("?apples", "0"),
        ("apples", "1"),
    ] {
        let answer = counter.call_event(cx(), event(said)).await;
        assert_eq!(String::from_utf8(answer.result.unwrap()).unwrap(), expected, "{said}");
        let touched = answer.report.touched;
        assert!(
            matches!(&touched[..], [touch] if touch.kind == TouchKind::KeyValue && touch.target == "default"),
            "{touched:?}"
        );
    }
    assert_eq!(store.get("pears").unwrap().as_deref(), Some(&b"1"[..]));
}

#[tokio::test]
async fn calls_at_once_lose_no_count() {
    let store = Arc::new(MemoryStore::default());
    let counter = load(host(), &guest("counter"), policy(&[("default", store.clone())]));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let counter = counter.clone();
            tokio::spawn(async move { counter.call_event(cx(), event("n")).await.result.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(store.get("n").unwrap().as_deref(), Some(&b"100"[..]));
}

#[tokio::test]
async fn a_store_of_another_name_is_not_reached() {
    let other = load(host(), &guest("counter"), policy(&[("other", Arc::default())]));
    let fault = other.call_event(cx(), event("apples")).await.result.unwrap_err();
    let Fault::Guest(Failure { kind: FailureKind::Internal, message }) = &fault else { panic!("{fault}") };
    assert!(message.contains("not granted"), "{message}");
}

/// Without the grant the component is not even let in, and the refusal says what to write.
#[tokio::test]
async fn case_30_key_value_without_a_grant_is_refused_at_deploy() {
    let error = refused(&guest("counter"), &Policy::default());
    let AdmissionError::NotGranted { import, advice } = &error else { panic!("{error}") };
    assert!(import.starts_with("wasi:keyvalue/"), "{import}");
    assert!(advice.contains("keyvalue"), "{advice}");
}
