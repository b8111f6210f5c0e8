//! Bundles that clients sign: replays, foreign networks, windows, forgeries, and idempotency keys.

use crate::sequencer::Sequencer;
use crate::world::{bundle, call, deploy, eventually, name, open, receipt, spec};
use moot_ledger::limits::MAX_VALIDITY_BLOCKS;
use moot_ledger::{Fate, Idempotency, KeyError, Ledger, PayloadBytes, Refusal, Refused};
use moot_record::{
    Bundle, BundleBuilder, Call, Digest, Entry, EntryId, Keypair, PageClass, Payload, Status, Transaction,
    Value,
};

fn value(text: &str) -> Entry {
    Entry::Value(Value::new("/chat/lobby", Payload::inlined(text.as_bytes())))
}

fn client() -> Keypair {
    Keypair::from_seed([50; 32])
}

/// A bundle counts once: replayed at once, after its commit, and after a restart it is refused.
#[tokio::test]
async fn case_64_replayed_bundle_is_refused_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let signed = bundle(&ledger, &client(), 100, &[value("hello")]);
    let pending = ledger.submit(signed.clone()).unwrap();
    assert!(matches!(ledger.submit(signed.clone()), Err(Refused::Duplicate(_))));
    pending.durable().await.unwrap();
    assert_eq!(ledger.entry(pending.id()).unwrap(), Some(value("hello")));
    assert_eq!(
        ledger.signed(pending.id()).unwrap().unwrap().verify(ledger.genesis()).unwrap().account,
        client().account()
    );
    ledger.close().await;
    let ledger = open(dir.path());
    let refused = ledger.submit(signed).unwrap_err();
    assert!(matches!(refused, Refused::Duplicate(_)), "{refused}");
}

/// Case 70: whoever has a stolen key gets nothing done with it once its revocation is ordered: not by what was recorded
/// before its block came, not by what is handed in later, and not after a restart.
#[tokio::test]
async fn case_70_what_a_revoked_key_signed_is_void_or_refused_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let said = |ledger: &Ledger, entry| bundle(ledger, &client(), 100, &[entry]);
    let revoke = ledger.submit(said(&ledger, Entry::Transaction(Transaction::Revoke {}))).unwrap();
    let calls = ledger.submit(said(&ledger, Entry::Call(call(1)))).unwrap();
    revoke.durable().await.unwrap();
    calls.durable().await.unwrap();
    chain.step(&ledger);
    let height = calls.finalized().await.unwrap();
    assert_eq!(ledger.transaction_outcome(revoke.id()).unwrap().unwrap().result, Ok(0));
    let void = Fate::Void { height, why: Refusal::Revoked { height } };
    assert_eq!(ledger.fate(calls.id()).unwrap(), void);
    assert_eq!(ledger.close_void(calls.id()).unwrap(), 1);
    let account = client().account();
    for _ in 0..2 {
        let refused = Refused::Revoked { account, height };
        assert_eq!(ledger.submit(said(&ledger, value("hello"))).unwrap_err(), refused);
        assert_eq!(ledger.check_signer(&account), Err(refused.clone()));
        let of_worker = said(&ledger, Entry::Receipt(receipt(calls.id(), calls.digest(), Status::Ok)));
        assert_eq!(ledger.verify_receipts(of_worker, &account).unwrap_err(), refused);
        let found = ledger.account_state(&account).unwrap();
        assert_eq!((found.balance, found.revoked), (0, Some(height)));
        ledger.close().await;
        ledger = open(dir.path());
    }
}

/// The same idempotency key with another body is a mistake of the client: the first call wins.
#[tokio::test]
async fn case_64_same_key_with_another_body_conflicts() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let (body, other) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
    let ask = |body: &Digest| ledger.idempotent("hello", None, "order-1", body).unwrap();
    let Idempotency::Fresh(reservation) = ask(&body) else { panic!("not fresh") };
    assert!(matches!(ask(&body), Idempotency::InFlight(None)));
    assert!(matches!(ask(&other), Idempotency::Conflict));
    let pending = ledger.append_call_once(call(1), PayloadBytes::None, reservation).unwrap();
    assert!(
        matches!(ask(&body), Idempotency::InFlight(Some(id)) | Idempotency::Known(id) if id == pending.id())
    );
    pending.durable().await.unwrap();
    assert!(matches!(ask(&body), Idempotency::Known(id) if id == pending.id()));
    assert!(matches!(ask(&other), Idempotency::Conflict));
    // Another caller's key of the same name is another key.
    let elsewhere = ledger.idempotent("hello", Some(client().account()), "order-1", &other).unwrap();
    assert!(matches!(elsewhere, Idempotency::Fresh(_)));
    drop(elsewhere);
    let long = "k".repeat(1000);
    assert!(matches!(ledger.idempotent("hello", None, &long, &body), Err(KeyError::Length { .. })));
    ledger.close().await;
    let ledger = open(dir.path());
    let known = ledger.idempotent("hello", None, "order-1", &body).unwrap();
    assert!(matches!(known, Idempotency::Known(id) if id == pending.id()));
}

/// A validity window replaces nonces: no gap to fill, and nothing has to be remembered for ever.
#[tokio::test]
async fn case_65_validity_far_ahead_or_overflowing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for valid_until in [MAX_VALIDITY_BLOCKS + 1, u64::MAX] {
        let refused = ledger.submit(bundle(&ledger, &client(), valid_until, &[value("x")])).unwrap_err();
        assert_eq!(refused, Refused::TooFarAhead { valid_until, max: MAX_VALIDITY_BLOCKS });
    }
    ledger.submit(bundle(&ledger, &client(), MAX_VALIDITY_BLOCKS, &[value("x")])).unwrap();
}

/// Signed for something else: another network, a time that is over, other bytes, another account.
#[tokio::test]
async fn case_66_foreign_expired_and_forged_bundles_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let entries = [value("hello")];

    let mut builder = BundleBuilder::new();
    builder.append(PageClass::Bulk, &entries[0].encode()).unwrap();
    let elsewhere = Digest::from_bytes([9; 32]);
    let foreign = Bundle::sign(&client(), &elsewhere, 100, builder.finish()).unwrap();
    assert_eq!(
        ledger.submit(foreign).unwrap_err(),
        Refused::OtherNetwork { found: elsewhere, expected: ledger.network() }
    );

    for _ in 0..3 {
        chain.step(&ledger);
    }
    eventually("three blocks", || ledger.height() == 3);
    let late = ledger.submit(bundle(&ledger, &client(), 3, &entries)).unwrap_err();
    assert_eq!(late, Refused::Expired { valid_until: 3, height: 3 });

    let good = bundle(&ledger, &client(), 100, &entries);
    let mut changed = good.clone();
    let last = changed.pages[0].len() - 1;
    changed.pages[0][last] ^= 1;
    assert!(matches!(ledger.submit(changed), Err(Refused::BadBundle(_))));
    let mut stolen = good.clone();
    stolen.header.account = Keypair::from_seed([51; 32]).account();
    assert!(matches!(ledger.submit(stolen), Err(Refused::BadBundle(_))));
    let mut longer = good.clone();
    longer.header.valid_until += 1;
    assert!(matches!(ledger.submit(longer), Err(Refused::BadBundle(_))));
    // What was refused does not block the real one.
    ledger.submit(good).unwrap().durable().await.unwrap();
}

/// Only the worker that ran a call answers it: a client's "receipt" must not become one.
#[tokio::test]
async fn a_clients_receipt_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let said = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    let forged = Entry::Receipt(receipt(said.id(), said.digest(), Status::Ok));
    let refused = ledger.submit(bundle(&ledger, &client(), 100, &[forged])).unwrap_err();
    assert!(matches!(&refused, Refused::BadBundle(why) if why.contains("receipt")), "{refused}");
}

/// A client's calls are open questions like the node's own.
#[tokio::test]
async fn a_clients_calls_are_answered_once_too() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let calls = [Entry::Call(call(1)), Entry::Call(call(2))];
    let pending = ledger.submit(bundle(&ledger, &client(), 100, &calls)).unwrap();
    pending.durable().await.unwrap();
    assert_eq!(ledger.status().open_calls, 2);
    let answer = receipt(pending.id(), calls[0].digest(), Status::Ok);
    let answered = ledger.append_receipt(answer.clone(), PayloadBytes::None).unwrap();
    answered.durable().await.unwrap();
    assert_eq!(
        ledger.append_receipt(answer, PayloadBytes::None).unwrap_err(),
        Refused::NotOpen(pending.id())
    );
    assert_eq!(ledger.receipt_of(pending.id()).unwrap().unwrap().0, answered.id());
    assert_eq!(ledger.recent(10).unwrap().len(), 2);
    ledger.close().await;
    let ledger = open(dir.path());
    assert_eq!(ledger.open_calls().len(), 1);
}

/// What nobody here is going to answer is recorded, and is no open question, now and after a restart.
#[tokio::test]
async fn calls_that_nobody_answers_are_recorded_only() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let calls: Vec<Entry> = (0..300).map(|n| Entry::Call(call(n))).collect();
    let signed = bundle(&ledger, &client(), 100, &calls);
    let mut seen = 0;
    let third = |_, _, entry: &Entry| {
        assert_eq!(*entry, calls[seen]);
        seen += 1;
        Ok(seen % 3 == 0)
    };
    let verified = ledger.verify(signed, third).unwrap();
    assert_eq!((verified.calls(), verified.account()), ((300, 100), client().account()));
    let pending = ledger.record(verified).unwrap();
    pending.durable().await.unwrap();
    assert_eq!(ledger.status().open_calls, 100);
    let third = EntryId { slot: 2, ..pending.id() };
    ledger.append_receipt(receipt(third, calls[2].digest(), Status::Ok), PayloadBytes::None).unwrap();
    let first = receipt(pending.id(), calls[0].digest(), Status::Ok);
    assert_eq!(ledger.append_receipt(first, PayloadBytes::None).unwrap_err(), Refused::NotOpen(pending.id()));
    ledger.close().await;
    let ledger = open(dir.path());
    let found = ledger.open_calls();
    assert_eq!(found.len(), 99);
    for (id, said) in found {
        let number = calls.iter().position(|call| *call == Entry::Call(said.clone())).unwrap();
        assert!(ledger.is_of_client(&id) && number % 3 == 2, "{id}");
    }
    assert_eq!(ledger.entry(pending.id()).unwrap(), Some(calls[0].clone()));
}

/// A bundle that a block made void was nobody's to run: its calls are let go, whatever happens in between.
#[tokio::test]
async fn the_calls_of_a_void_bundle_are_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let pending = ledger.submit(bundle(&ledger, &client(), 1, &[Entry::Call(call(1))])).unwrap();
    pending.durable().await.unwrap();
    assert_eq!(ledger.fate(pending.id()).unwrap(), Fate::Unordered);
    assert_eq!(ledger.close_void(pending.id()).unwrap(), 0, "not decided yet");
    let state = ledger.status().state;
    chain.push(&ledger, vec![], state);
    eventually("a heartbeat", || ledger.height() == 1);
    chain.step(&ledger);
    assert_eq!(pending.finalized().await, Ok(2));
    let why = Refusal::Expired { valid_until: 1 };
    let void = Fate::Void { height: 2, why };
    assert_eq!(ledger.fate(pending.id()).unwrap(), void);
    ledger.close().await;
    let ledger = open(dir.path());
    assert_eq!((ledger.open_calls().len(), ledger.fate(pending.id()).unwrap()), (1, void));
    assert_eq!((ledger.close_void(pending.id()).unwrap(), ledger.status().open_calls), (1, 0));
    // One that counts keeps its calls.
    let pending = ledger.submit(bundle(&ledger, &client(), 50, &[Entry::Call(call(2))])).unwrap();
    pending.durable().await.unwrap();
    chain.step(&ledger);
    let height = pending.finalized().await.unwrap();
    assert_eq!(ledger.fate(pending.id()).unwrap(), Fate::Counts { height });
    assert_eq!((ledger.close_void(pending.id()).unwrap(), ledger.status().open_calls), (0, 1));
}

/// In the lane owner's own bundles every call is its to answer and every receipt counts: nobody else writes them.
#[tokio::test]
async fn calls_under_the_replicas_own_key_and_too_many_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let own = moot_record::testing::Network::new(1).validators[0].clone();
    let refused = ledger.submit(bundle(&ledger, &own, 100, &[Entry::Call(call(1))])).unwrap_err();
    assert!(matches!(&refused, Refused::BadBundle(why) if why.contains("own key")), "{refused}");
    ledger.submit(bundle(&ledger, &own, 100, &[value("x")])).unwrap();
    let large = Payload::inlined(&[7; 4000]);
    let calls: Vec<Entry> = (0..260).map(|n| Entry::Call(Call { input: large.clone(), ..call(n) })).collect();
    let refused = ledger.submit(bundle(&ledger, &client(), 100, &calls)).unwrap_err();
    assert!(matches!(refused, Refused::TooLarge { what: "a bundle with calls", .. }), "{refused}");
}

/// A deploy is judged when its block is final, and the judgement survives a restart.
#[tokio::test]
async fn transactions_have_outcomes() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let fixed = spec("/hello", false, false);
    let first = bundle(&ledger, &client(), 100, &[deploy("hello", b"one", &fixed, None)]);
    let first = ledger.submit(first).unwrap();
    let second = bundle(&ledger, &client(), 100, &[deploy("hello", b"two", &fixed, Some(1))]);
    let second = ledger.submit(second).unwrap();
    second.durable().await.unwrap();
    assert_eq!(ledger.transaction_outcome(first.id()).unwrap(), None);
    chain.step(&ledger);
    assert_eq!(second.finalized().await, Ok(1));
    assert_eq!(ledger.transaction_outcome(first.id()).unwrap().unwrap().result, Ok(1));
    let refused = Err(Refusal::NotUpgradable { name: name("hello") });
    assert_eq!(ledger.transaction_outcome(second.id()).unwrap().unwrap().result, refused);
    let before = ledger.function(&name("hello")).unwrap();
    assert_eq!((before.owner, before.active, before.versions.len()), (client().account(), 1, 1));
    let state = ledger.status().state;
    ledger.close().await;

    let ledger = open(dir.path());
    assert_eq!(ledger.status().state, state);
    assert_eq!(ledger.function(&name("hello")).unwrap(), before);
    assert_eq!(ledger.transaction_outcome(second.id()).unwrap().unwrap().result, refused);
}

/// A bundle that was valid when it came and is not when its block comes changes nothing, and says so.
#[tokio::test]
async fn a_bundle_that_expires_before_its_block_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut chain = Sequencer::new();
    let entry = deploy("late", b"code", &spec("/late", true, true), None);
    let pending = ledger.submit(bundle(&ledger, &client(), 1, &[entry])).unwrap();
    pending.durable().await.unwrap();
    // A heartbeat takes the one height at which it would have counted.
    let state = ledger.status().state;
    chain.push(&ledger, vec![], state);
    eventually("a heartbeat", || ledger.height() == 1);
    chain.step(&ledger);
    assert_eq!(pending.finalized().await, Ok(2));
    let outcome = ledger.transaction_outcome(pending.id()).unwrap().unwrap();
    assert_eq!(outcome.result, Err(Refusal::Expired { valid_until: 1 }));
    assert_eq!(ledger.function(&name("late")), None);
}
