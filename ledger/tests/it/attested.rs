//! Receipts that a worker of its own key signed: whose word they are, and what is not let in.

use crate::sequencer::Sequencer;
use crate::world::{bundle, call, eventually, open, receipt};
use moot_ledger::limits::MAX_VALIDITY_BLOCKS;
use moot_ledger::{Ledger, PayloadBytes, Pending, Refused};
use moot_record::{Bundle, BundleBuilder, Digest, Entry, Keypair, PageClass, Payload, Status, Value};

fn worker() -> Keypair {
    Keypair::from_seed([60; 32])
}

/// The worker's answer to a call.
fn answer_of(call: &Pending) -> Entry {
    Entry::Receipt(receipt(call.id(), call.digest(), Status::Ok))
}

fn record(ledger: &Ledger, bundle: Bundle) -> Result<Vec<Pending>, Refused> {
    let signed = ledger.verify_receipts(bundle, &worker().account())?;
    let outputs = signed.receipts().map(|_| PayloadBytes::Keep(b"out".as_slice().into())).collect();
    ledger.append_signed_receipts(&signed, outputs)
}

/// The receipt is found, proven as the worker's word, and the call stays answered after a restart.
#[tokio::test]
async fn a_worker_answers_with_its_own_signature() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let calls = [1, 2].map(|number| ledger.append_call(call(number), PayloadBytes::None).unwrap());
    calls[1].durable().await.unwrap();
    let said = calls.each_ref().map(answer_of);
    let until = ledger.receipts_valid_until();
    let pendings = record(&ledger, bundle(&ledger, &worker(), until, &said)).unwrap();
    for pending in &pendings {
        pending.durable().await.unwrap();
    }
    for ((call, pending), said) in calls.iter().zip(&pendings).zip(&said) {
        let (id, found) = ledger.receipt_of(call.id()).unwrap().unwrap();
        assert_eq!((id, &Entry::Receipt(found)), (pending.id(), said));
        assert_eq!(pending.digest(), said.digest());
        assert_eq!(ledger.payload(id).unwrap().unwrap(), b"out".as_slice());
        let signed = ledger.signed(id).unwrap().unwrap().verify(ledger.genesis()).unwrap();
        assert_eq!((signed.account, &signed.entry), (worker().account(), said));
    }
    chain.step(&ledger);
    eventually("the block", || ledger.height() == 1);
    let proof = ledger.prove(pendings[0].id()).unwrap();
    assert_eq!(proof.verify(ledger.genesis()).unwrap().account, worker().account());
    // It is nothing that a block counts, and so says nothing about replay.
    assert_eq!(ledger.transaction_outcome(pendings[0].id()).unwrap(), None);
    ledger.close().await;
    let ledger = open(dir.path());
    assert!(ledger.open_calls().is_empty(), "{:?}", ledger.open_calls());
    assert!(ledger.receipt_of(calls[1].id()).unwrap().is_some());
}

/// A call is answered once, whoever says so first.
#[tokio::test]
async fn a_call_is_answered_once_by_worker_or_node() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let first = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    let second = ledger.append_call(call(2), PayloadBytes::None).unwrap();
    let own = receipt(first.id(), first.digest(), Status::Interrupted);
    ledger.append_receipt(own, PayloadBytes::None).unwrap();
    // One of the two is answered: neither is taken down.
    let both = bundle(&ledger, &worker(), 100, &[answer_of(&second), answer_of(&first)]);
    assert_eq!(record(&ledger, both).unwrap_err(), Refused::NotOpen(first.id()));
    let one = bundle(&ledger, &worker(), 100, &[answer_of(&second)]);
    record(&ledger, one.clone()).unwrap();
    assert_eq!(record(&ledger, one).unwrap_err(), Refused::NotOpen(second.id()));
    let own = receipt(second.id(), second.digest(), Status::Interrupted);
    let refused = ledger.append_receipt(own, PayloadBytes::None).unwrap_err();
    assert_eq!(refused, Refused::NotOpen(second.id()));
    // A client that sends a worker's words is refused as before.
    let third = ledger.append_call(call(3), PayloadBytes::None).unwrap();
    let sent = ledger.submit(bundle(&ledger, &worker(), 100, &[answer_of(&third)])).unwrap_err();
    assert!(matches!(sent, Refused::BadBundle(_)), "{sent}");
}

/// Another's signature, another network, another time, and whatever is no receipt.
#[tokio::test]
async fn what_a_worker_may_not_say_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let open_call = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    let said = [answer_of(&open_call)];
    let refused = |bundle| record(&ledger, bundle).unwrap_err();

    let other = Keypair::from_seed([61; 32]);
    assert!(refused(bundle(&ledger, &other, 100, &said)).to_string().contains("ran the call"));
    let mut builder = BundleBuilder::new();
    builder.append(PageClass::Receipt, &said[0].encode()).unwrap();
    let elsewhere = Digest::from_bytes([9; 32]);
    let foreign = Bundle::sign(&worker(), &elsewhere, 100, builder.finish()).unwrap();
    assert!(matches!(refused(foreign), Refused::OtherNetwork { .. }));
    assert!(matches!(refused(bundle(&ledger, &worker(), 0, &said)), Refused::Expired { .. }));
    let far = bundle(&ledger, &worker(), MAX_VALIDITY_BLOCKS + 1, &said);
    assert!(matches!(refused(far), Refused::TooFarAhead { .. }));
    let value = Entry::Value(Value::new("/a", Payload::inlined(b"x")));
    let more = bundle(&ledger, &worker(), 100, &[said[0].clone(), value]);
    assert!(refused(more).to_string().contains("holds a value"));
    let twice = bundle(&ledger, &worker(), 100, &[said[0].clone(), said[0].clone()]);
    assert!(refused(twice).to_string().contains("twice"));
    let mut forged = bundle(&ledger, &worker(), 100, &said);
    forged.header.valid_until += 1;
    assert!(matches!(refused(forged), Refused::BadBundle(_)));
    // An output of another length than the receipt's.
    let signed = ledger.verify_receipts(bundle(&ledger, &worker(), 100, &said), &worker().account()).unwrap();
    let output = PayloadBytes::Keep(b"other".as_slice().into());
    let wrong = ledger.append_signed_receipts(&signed, vec![output]).unwrap_err();
    assert_eq!(wrong, Refused::OtherPayload { found: 5, expected: 3 });
    assert!(matches!(ledger.append_signed_receipts(&signed, vec![]), Err(Refused::OtherPayload { .. })));
    // None of it spoilt the right one.
    record(&ledger, bundle(&ledger, &worker(), 100, &said)).unwrap();
}
