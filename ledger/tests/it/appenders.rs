//! Many threads at once.

use crate::sequencer::Sequencer;
use crate::world::{answer, call, eventually, open};
use moot_ledger::{Event, PayloadBytes};
use moot_record::{Entry, EntryId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Eight threads, each with 32 calls in the air: every id is unique, every call and receipt is where its id
/// says, and far fewer commits than calls were made.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_appenders_share_commits_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let done = Arc::new(AtomicBool::new(false));
    let orders = std::thread::spawn({
        let (ledger, done) = (ledger.clone(), done.clone());
        move || {
            let mut chain = Sequencer::new();
            while !done.load(Ordering::SeqCst) {
                chain.step(&ledger);
                let height = chain.acked();
                eventually("the block is committed", || chain.acked() >= height);
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    });
    let mut tasks = Vec::new();
    for worker in 0..256u64 {
        let ledger = ledger.clone();
        tasks.push(tokio::spawn(async move {
            let mut made = Vec::new();
            for round in 0..20 {
                let number = worker << 32 | round;
                let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
                if round % 2 == 0 {
                    pending.durable().await.unwrap();
                }
                let receipt = answer(&ledger, &pending).unwrap();
                receipt.durable().await.unwrap();
                assert!(pending.is_durable(), "a receipt was durable before its call");
                made.push((pending.id(), number, receipt.id()));
            }
            made
        }));
    }
    let mut all: HashMap<EntryId, u64> = HashMap::new();
    for task in tasks {
        for (id, number, receipt) in task.await.unwrap() {
            assert_eq!(all.insert(id, number), None, "two calls have the id {id}");
            assert_eq!(ledger.receipt_of(id).unwrap().unwrap().0, receipt);
        }
    }
    done.store(true, Ordering::SeqCst);
    orders.join().unwrap();
    let status = ledger.status();
    assert_eq!(all.len(), 256 * 20);
    assert_eq!(status.open_calls, 0);
    assert!(status.commits < 256 * 20, "{} commits for {} calls", status.commits, all.len());
    println!(
        "{} calls and receipts in {} commits of {} us",
        all.len(),
        status.commits,
        status.commit_us / status.commits
    );
    ledger.close().await;
    let ledger = open(dir.path());
    assert_eq!(ledger.open_calls(), []);
    for (id, number) in all.iter().step_by(50) {
        assert_eq!(ledger.entry(*id).unwrap(), Some(Entry::Call(call(*number))));
    }
    assert_eq!(ledger.recent(10).unwrap().len(), 10);
}

/// Subscribers hear of what is durable, in order, and only then.
#[tokio::test]
async fn subscribers_hear_what_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut events = ledger.subscribe();
    let said = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    assert!(matches!(events.recv().await.unwrap(), Event::Call { id, .. } if id == said.id()));
    assert!(said.is_durable());
    let answered = answer(&ledger, &said).unwrap();
    let Event::Receipt { id, receipt } = events.recv().await.unwrap() else { panic!("no receipt") };
    assert_eq!((id, receipt.call), (answered.id(), said.id()));
    Sequencer::new().step(&ledger);
    assert!(matches!(events.recv().await.unwrap(), Event::Block { height: 1, .. }));
}

/// After closing, everything is refused with a reason and nobody waits for ever.
#[tokio::test]
async fn a_closed_ledger_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let pending = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    let other = ledger.clone();
    ledger.close().await;
    pending.durable().await.unwrap();
    assert!(pending.finalized().await.is_err());
    assert!(other.append_call(call(2), PayloadBytes::None).is_err());
    other.close().await;
}
