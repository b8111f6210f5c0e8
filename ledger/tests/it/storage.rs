//! The disk misbehaves in other ways: errors, want of room, flipped bits, cut files, wrong owners.

use crate::faulty_disk::{FaultyDisk, Plan};
use crate::world::{answer, call, eventually, open, open_on, options};
use moot_ledger::limits::FORMAT_VERSION;
use moot_ledger::{CommitError, Condition, Ledger, OpenError, Options, PayloadBytes, Refused};
use moot_record::{Call, Entry, Payload};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// After a failed fsync the kernel may have dropped what it covered, and a second fsync would report success:
/// the ledger stops and never says "durable" for it.
#[tokio::test]
async fn case_43_failed_fsync_stops_the_ledger_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    let kept = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    kept.durable().await.unwrap();
    let at = disk.syncs() + 1;
    disk.plan(|plan| plan.fail_sync = Some(at));
    let lost = ledger.append_call(call(2), PayloadBytes::None).unwrap();
    let error = lost.durable().await.unwrap_err();
    assert!(matches!(&error, CommitError::Stopped(why) if why.contains("sync")), "{error}");
    // The disk works again, but nothing makes the ledger try.
    assert!(matches!(ledger.status().condition, Condition::Stopped(_)));
    assert!(matches!(ledger.append_call(call(3), PayloadBytes::None), Err(Refused::Stopped(_))));
    assert!(lost.finalized().await.is_err());
    drop(ledger);
    let ledger = open_on(dir.path(), disk.crash(43)).unwrap();
    assert_eq!(ledger.entry(kept.id()).unwrap(), Some(Entry::Call(call(1))));
    assert_eq!(ledger.entry(lost.id()).unwrap(), None, "what was refused must not be there");
}

/// No room: what was taken down waits, new calls are refused with the reason, reading goes on, and when there
/// is room everything goes on by itself.
#[tokio::test]
async fn case_44_full_disk_reads_only_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    let kept = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    kept.durable().await.unwrap();
    disk.plan(|plan| plan.capacity = Some(0));
    // Larger than what redb has in reserve, so that the file has to grow.
    let big = vec![7; 8 << 20];
    let said = Call { input: Payload::of(&big), ..call(2) };
    let waiting = ledger.append_call(said, PayloadBytes::Keep(big.clone().into())).unwrap();
    eventually("the ledger only reads", || matches!(ledger.status().condition, Condition::ReadOnly(_)));
    let refused = ledger.append_call(call(3), PayloadBytes::None).unwrap_err();
    assert!(matches!(&refused, Refused::ReadOnly(why) if why.contains("full")), "{refused}");
    assert!(!waiting.is_durable());
    eventually("it is read from the disk", || matches!(ledger.block(1), Ok(None)));
    assert_eq!(ledger.entry(kept.id()).unwrap(), Some(Entry::Call(call(1))));

    disk.plan(|plan| plan.capacity = None);
    waiting.durable().await.unwrap();
    assert_eq!(ledger.payload(waiting.id()).unwrap().unwrap(), big);
    ledger.append_call(call(4), PayloadBytes::None).unwrap().durable().await.unwrap();
    assert_eq!(ledger.status().condition, Condition::Running);
    drop(ledger);
    assert_eq!(open_on(dir.path(), disk).unwrap().open_calls().len(), 3);
}

/// Before the disk is full it is nearly full: refusing then leaves room to finish what was taken down.
#[tokio::test]
async fn case_44_nearly_full_disk_refuses_before_it_hurts() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new(Plan { free: Some(10 << 20), ..Plan::default() });
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    eventually("the ledger only reads", || matches!(ledger.status().condition, Condition::ReadOnly(_)));
    let refused = ledger.append_call(call(1), PayloadBytes::None).unwrap_err();
    assert!(refused.to_string().contains("10 MiB are free"), "{refused}");
    disk.plan(|plan| plan.free = None);
    eventually("it runs again", || ledger.status().condition == Condition::Running);
    let begun = ledger.append_call(call(1), PayloadBytes::None).unwrap();
    begun.durable().await.unwrap();
    // What was begun is finished: the room that is left is for that.
    disk.plan(|plan| plan.free = Some(10 << 20));
    eventually("the ledger only reads", || matches!(ledger.status().condition, Condition::ReadOnly(_)));
    answer(&ledger, &begun).unwrap().durable().await.unwrap();
}

/// Whatever bit flips, a reader gets the truth or an error, never something else.
#[tokio::test]
async fn case_45_flipped_bits_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    let mut said = Vec::new();
    for number in 0..40u64 {
        let input = number.to_le_bytes().repeat(700);
        let what = Call { input: Payload::of(&input), ..call(number) };
        let pending = ledger.append_call(what.clone(), PayloadBytes::Keep(input.clone().into())).unwrap();
        pending.durable().await.unwrap();
        said.push((pending.id(), what, input));
    }
    ledger.close().await;
    let (mut noticed, mut unharmed) = (0, 0);
    for flip in 0..400u64 {
        let bad = disk.crash(0);
        bad.database(|bytes| {
            // The same places on every run, all over the file.
            let at = flip.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (bytes.len() as u64 * 8);
            bytes[usize::try_from(at / 8).unwrap()] ^= 1 << (at % 8);
        });
        let Ok(ledger) = open_on(dir.path(), bad) else {
            noticed += 1;
            continue;
        };
        let mut errors = 0;
        for (id, what, input) in &said {
            match ledger.entry(*id) {
                Ok(found) => assert_eq!(found, Some(Entry::Call(what.clone())), "flip {flip} changed {id}"),
                Err(_) => errors += 1,
            }
            match ledger.payload(*id) {
                Ok(Some(found)) => assert_eq!(found, input, "flip {flip} changed the payload of {id}"),
                // A key that was hit hides what lies under it: as if it had been erased, which its sender sees.
                Ok(None) => errors += 1,
                Err(_) => errors += 1,
            }
        }
        if errors > 0 { noticed += 1 } else { unharmed += 1 }
    }
    println!("{noticed} noticed, {unharmed} hit nothing that is read");
    assert!(noticed > 0 && unharmed > 0);
}

/// What only the log has after a crash is found there; a log that is damaged, cut or gone is an error that says so,
/// because acknowledged calls were in it.
#[tokio::test]
async fn case_45_and_46_a_damaged_log_is_not_an_older_history() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    let syncs = disk.syncs();
    for number in 0..10 {
        let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
        pending.durable().await.unwrap();
    }
    assert_eq!(disk.syncs(), syncs + 10, "one sync a commit, of the log");
    let crashed = disk.crash(1);
    drop(ledger);
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("does not fit its check", |log| log[4 * 4096 + 50] ^= 1),
        ("does not fit its check", |log| log[..4096].fill(0)),
        ("has 40960 bytes", |log| log.truncate(10 * 4096)),
        ("has 0 bytes", |log| log.clear()),
    ];
    for (said, damage) in damages {
        let bad = crashed.crash(1);
        bad.file("ledger.log", damage);
        let error = open_on(dir.path(), bad).err().unwrap();
        assert!(matches!(error, OpenError::Damaged { .. }) && error.to_string().contains(said), "{error}");
    }
    let ledger = open_on(dir.path(), crashed).unwrap();
    assert_eq!(ledger.open_calls().len(), 10);
    ledger.close().await;
}

/// A cut file is an error that says so; never an empty history, never an older one.
#[tokio::test]
async fn case_46_truncated_file_is_an_error_and_not_an_empty_genesis() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut last = None;
    for number in 0..20 {
        let pending = ledger.append_call(call(number), PayloadBytes::None).unwrap();
        pending.durable().await.unwrap();
        last = Some(pending.id());
    }
    ledger.close().await;
    let path = dir.path().join("ledger.redb");
    let whole = std::fs::read(&path).unwrap();
    let mut lengths: Vec<usize> = (0..60).map(|i| i * whole.len() / 60).collect();
    lengths.extend([0, 1, 100, 4095, 4096, whole.len() - 1]);
    for length in lengths {
        std::fs::write(&path, &whole[..length]).unwrap();
        match Ledger::open(options(dir.path())) {
            Err(OpenError::Truncated { .. } | OpenError::Damaged { .. }) => {}
            Err(other) => panic!("{length} of {} bytes: {other}", whole.len()),
            Ok(ledger) => {
                // Only free pages were cut off: then everything must be there.
                assert!(
                    ledger.entry(last.unwrap()).unwrap().is_some(),
                    "{length}: the end of history is gone"
                );
            }
        }
    }
    std::fs::remove_file(&path).unwrap();
    let error = Ledger::open(options(dir.path())).err().unwrap();
    assert!(matches!(&error, OpenError::Truncated { .. }), "{error}");
    assert!(!path.exists(), "nothing was made in its place");
    std::fs::write(&path, &whole).unwrap();
    assert!(open(dir.path()).entry(last.unwrap()).unwrap().is_some());
}

/// Two writers would destroy each other's history.
#[test]
fn case_47_second_process_on_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    // A second instance here.
    let error = Ledger::open(options(dir.path())).err().unwrap();
    assert!(
        matches!(&error, OpenError::Locked { holder, .. } if holder.contains(&std::process::id().to_string()))
    );
    // A second process.
    let child = || {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "storage::child_opens_the_directory"]);
        child.env("MOOT_TEST_DIR", dir.path()).output().unwrap()
    };
    let output = child();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("is in use by process"), "{said}");
    drop(ledger);
    assert!(child().status.success());
}

/// What the second process of case 47 does.
#[test]
#[ignore = "run by case_47 in a process of its own"]
fn child_opens_the_directory() {
    let Some(dir) = std::env::var_os("MOOT_TEST_DIR") else { return };
    if let Err(error) = Ledger::open(options(dir.as_ref())) {
        panic!("{error}");
    }
}

/// An older program must not guess at a newer one's files.
#[test]
fn case_48_future_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let marker = dir.path().join("FORMAT");
    let text = std::fs::read_to_string(&marker).unwrap();
    let ours = format!("moot-ledger {FORMAT_VERSION}");
    assert!(text.contains(&ours), "{text}");
    std::fs::write(&marker, text.replace(&ours, "moot-ledger 1000")).unwrap();
    let error = Ledger::open(options(dir.path())).err().unwrap();
    assert!(matches!(&error, OpenError::FutureFormat { found: 1000, known: FORMAT_VERSION, .. }), "{error}");
    // What an older one wrote is not converted, and not touched.
    std::fs::write(&marker, text.replace(&ours, "moot-ledger 1")).unwrap();
    let error = Ledger::open(options(dir.path())).err().unwrap();
    assert!(matches!(&error, OpenError::PastFormat { found: 1, known: FORMAT_VERSION, .. }), "{error}");
    // The same when only the database says so.
    std::fs::write(&marker, text).unwrap();
    let db = redb::Database::open(dir.path().join("ledger.redb")).unwrap();
    let txn = db.begin_write().unwrap();
    let meta: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("meta");
    txn.open_table(meta).unwrap().insert("format", 1_000u32.to_le_bytes().as_slice()).unwrap();
    txn.commit().unwrap();
    drop(db);
    let error = Ledger::open(options(dir.path())).err().unwrap();
    assert!(matches!(&error, OpenError::FutureFormat { found: 1000, known: FORMAT_VERSION, .. }), "{error}");
}

/// A queue has a bound: who comes when it is full is told when to come back, and nothing taken down is lost.
#[tokio::test]
async fn case_13_full_queue_refuses_with_a_time_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let ledger = open_on(dir.path(), disk.clone()).unwrap();
    disk.plan(|plan| plan.stalled = true);
    let big = vec![1; 1 << 20];
    let mut taken = Vec::new();
    let refused = loop {
        let said = Call { input: Payload::of(&big), ..call(taken.len() as u64) };
        match ledger.append_call(said, PayloadBytes::Keep(big.clone().into())) {
            Ok(pending) => taken.push(pending),
            Err(refused) => break refused,
        }
        assert!(taken.len() < 1000, "the queue has no bound");
    };
    assert!(
        matches!(refused, Refused::Full { retry_after, .. } if retry_after > Duration::ZERO),
        "{refused}"
    );
    disk.plan(|plan| plan.stalled = false);
    for pending in &taken {
        pending.durable().await.unwrap();
    }
    // And there is room again.
    let pending = ledger.append_call(call(9999), PayloadBytes::None).unwrap();
    pending.durable().await.unwrap();
    answer(&ledger, &pending).unwrap().durable().await.unwrap();
}

/// A key that the genesis does not name cannot sign this network's batches.
#[test]
fn a_foreign_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = moot_record::Keypair::from_seed([99; 32]);
    let error = Ledger::open(Options { key, disk: Arc::new(FaultyDisk::default()), ..options(dir.path()) });
    assert!(matches!(error.err().unwrap(), OpenError::NotAValidator { .. }));
}
