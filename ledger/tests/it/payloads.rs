//! Payloads: kept, found, erased, expired; and proofs that do not care.

use crate::sequencer::Sequencer;
use crate::world::{ManualClock, answer, call, eventually, open, options, receipt};
use moot_ledger::{Ledger, Options, PayloadBytes, ReadError, Refused};
use moot_record::{Call, Payload, Receipt, Status};
use std::sync::Arc;

fn with_input(number: u64, input: &[u8]) -> Call {
    Call { input: Payload::of(input), ..call(number) }
}

/// Small, large, inline, not kept: each is found as it should be, also after a restart.
#[tokio::test]
async fn payloads_are_kept_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut kept = Vec::new();
    for number in 0..50u64 {
        let size = usize::try_from(number * number * 41).unwrap();
        let input: Vec<u8> = (0..size).map(|i| (i as u64 * number) as u8).collect();
        let pending =
            ledger.append_call(with_input(number, &input), PayloadBytes::Keep(input.clone().into()));
        kept.push((pending.unwrap(), input));
    }
    let huge = vec![3u8; 5 << 20];
    let said = ledger.append_call(with_input(99, &huge), PayloadBytes::Keep(huge.clone().into())).unwrap();
    let output = b"an answer".to_vec();
    let answer = Receipt { output: Payload::of(&output), ..receipt(said.id(), said.digest(), Status::Ok) };
    let answer = ledger.append_receipt(answer, PayloadBytes::Keep(output.clone().into())).unwrap();
    kept.push((said, huge));
    kept.push((answer.clone(), output));
    let inline = Call { input: Payload::inlined(b"public"), ..call(100) };
    let inline = ledger.append_call(inline, PayloadBytes::None).unwrap();
    let digest_only = ledger.append_call(with_input(101, b"secret"), PayloadBytes::None).unwrap();
    digest_only.durable().await.unwrap();
    answer.durable().await.unwrap();
    let check = |ledger: &Ledger| {
        for (pending, input) in &kept {
            assert_eq!(ledger.payload(pending.id()).unwrap().unwrap(), input, "{}", pending.id());
        }
        assert_eq!(ledger.payload(inline.id()).unwrap().unwrap(), &b"public"[..]);
        assert_eq!(ledger.payload(digest_only.id()).unwrap(), None);
    };
    check(&ledger);
    ledger.close().await;
    check(&open(dir.path()));
}

/// People have a right to be forgotten: erasing the bytes leaves the digest, and the proof verifies.
#[tokio::test]
async fn erasing_a_payload_breaks_no_proof() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let calls: Vec<_> = (0..5u64)
        .map(|number| {
            let input = format!("personal data {number}").into_bytes();
            ledger.append_call(with_input(number, &input), PayloadBytes::Keep(input.into())).unwrap()
        })
        .collect();
    calls[4].durable().await.unwrap();
    chain.step(&ledger);
    calls[2].finalized().await.unwrap();
    assert!(ledger.erase_payload(calls[2].id()).await.unwrap());
    assert!(!ledger.erase_payload(calls[2].id()).await.unwrap());
    for (i, pending) in calls.iter().enumerate() {
        assert_eq!(ledger.payload(pending.id()).unwrap().is_some(), i != 2);
        ledger.prove(pending.id()).unwrap().verify(ledger.genesis()).unwrap();
    }
    ledger.close().await;
    assert_eq!(open(dir.path()).payload(calls[2].id()).unwrap(), None);
}

/// What people send must not be immortal by accident: after the retention it goes by itself.
#[tokio::test]
async fn expired_payloads_and_keys_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::at_s(1_800_000_000);
    let ledger = Ledger::open(Options { clock: Arc::new(clock.clone()), ..options(dir.path()) }).unwrap();
    let keep = |number: u64, retention_s: u64| {
        let input = number.to_le_bytes().to_vec();
        let keep = PayloadBytes::KeepFor { bytes: input.clone().into(), retention_s };
        ledger.append_call(with_input(number, &input), keep).unwrap()
    };
    let (short, long) = (keep(1, 60), keep(2, 30 * 24 * 3600));
    long.durable().await.unwrap();
    short.durable().await.unwrap();
    assert!(ledger.payload(short.id()).unwrap().is_some());
    clock.advance_s(2 * 3600);
    eventually("the short one is gone", || ledger.payload(short.id()).unwrap().is_none());
    assert!(ledger.payload(long.id()).unwrap().is_some());
    clock.advance_s(31 * 24 * 3600);
    eventually("the long one is gone", || ledger.payload(long.id()).unwrap().is_none());
    assert!(ledger.entry(short.id()).unwrap().is_some());
    answer(&ledger, &short).unwrap().durable().await.unwrap();
}

/// The entry names one payload, the bytes are of another length: a mistake worth stopping early.
#[tokio::test]
async fn a_payload_of_another_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let refused = ledger.append_call(with_input(1, b"four"), PayloadBytes::Keep((&b"three"[..]).into()));
    assert_eq!(refused.unwrap_err(), Refused::OtherPayload { found: 5, expected: 4 });
}

/// Bytes of the right length and the wrong content are found out when they are read.
#[tokio::test]
async fn a_payload_that_does_not_hash_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let pending =
        ledger.append_call(with_input(1, b"four"), PayloadBytes::Keep((&b"five"[..]).into())).unwrap();
    pending.durable().await.unwrap();
    assert!(matches!(ledger.payload(pending.id()), Err(ReadError::Damaged { .. })));
}

/// Components are found by digest, and an altered file is noticed.
#[tokio::test]
async fn components_are_content_addressed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let digest = ledger.put_component(b"\0asm component").unwrap();
    assert_eq!(ledger.put_component(b"\0asm component").unwrap(), digest);
    assert_eq!(ledger.component(&digest).unwrap().unwrap(), b"\0asm component");
    assert_eq!(ledger.component(&moot_record::Digest::ZERO).unwrap(), None);
    let uploaded = dir.path().join("components/uploaded").join(format!("{digest}.wasm"));
    std::fs::write(&uploaded, b"\0asm altered").unwrap();
    assert!(matches!(ledger.component(&digest), Err(ReadError::Damaged { .. })));
    // Storing it again repairs it.
    assert_eq!(ledger.put_component(b"\0asm component").unwrap(), digest);
    assert!(ledger.component(&digest).unwrap().is_some());
}

/// One that is deployed is repaired where it is kept, not beside it for a while.
#[tokio::test]
async fn a_damaged_component_is_repaired_where_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let digest = moot_record::component_digest(b"\0asm component");
    let kept = dir.path().join("components").join(format!("{digest}.wasm"));
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    std::fs::write(&kept, b"\0asm altered").unwrap();
    assert!(matches!(ledger.component(&digest), Err(ReadError::Damaged { .. })));
    assert_eq!(ledger.put_component(b"\0asm component").unwrap(), digest);
    assert_eq!(std::fs::read(&kept).unwrap(), b"\0asm component");
    assert!(!dir.path().join("components/uploaded").exists());
}
