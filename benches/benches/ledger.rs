//! What it costs to keep a call: on disk, alone and with others; in a final block; and to prove it afterwards.
//!
//! The data is below `target/`, on a disk: fsync is most of what is measured.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moot_benches::sample;
use moot_ledger::{Ledger, Options, PayloadBytes, Pending, Status};
use moot_record::{
    AccountId, Allocation, Bundle, BundleBuilder, Entry, EntryId, Genesis, Keypair, PageClass, Prices, Proof,
    StateFile, StateKey, StateProof, Transaction,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio::runtime::Runtime;

struct Bench {
    ledger: Ledger,
    runtime: Runtime,
    number: AtomicU64,
    _dir: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let dir = moot_benches::place::fresh().unwrap();
        let key = Keypair::from_seed([9; 32]);
        let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
        let funded = vec![Allocation { account: key.account(), balance: 1 << 40 }];
        let genesis =
            Genesis::new("bench", now_ms, vec![key.account()], Prices::default()).with_accounts(funded);
        let ledger = Ledger::open(Options::new(dir.path(), genesis, key)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Bench { ledger, runtime, number: AtomicU64::new(0), _dir: dir }
    }

    fn call(&self) -> Pending {
        let call = sample::call(self.number.fetch_add(1, Ordering::Relaxed));
        self.ledger.append_call(call, PayloadBytes::None).unwrap()
    }

    fn receipt(&self, call: &Pending) -> Pending {
        let receipt = sample::receipt(call.id(), call.digest());
        self.ledger.append_receipt(receipt, PayloadBytes::None).unwrap()
    }

    /// A call and its receipt, durable: what a function that can touch nothing outside needs.
    async fn pair(&self) -> Pending {
        let receipt = self.receipt(&self.call());
        receipt.durable().await.unwrap();
        receipt
    }

    /// The time in which `tasks` tasks make `count` calls together.
    async fn together(self: &Arc<Self>, tasks: u64, count: u64) -> Duration {
        let began = Instant::now();
        let work: Vec<_> = (0..tasks)
            .map(|task| {
                let bench = self.clone();
                let share = count / tasks + u64::from(task < count % tasks);
                tokio::spawn(async move {
                    for _ in 0..share {
                        bench.pair().await;
                    }
                })
            })
            .collect();
        for task in work {
            task.await.unwrap();
        }
        began.elapsed()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.runtime.block_on(self.ledger.clone().close());
    }
}

fn commit(c: &mut Criterion) {
    let bench = Arc::new(Bench::new());
    let timed = async |two_commits: bool, count: u64| {
        let began = Instant::now();
        for _ in 0..count {
            let call = bench.call();
            if two_commits {
                call.durable().await.unwrap();
            }
            bench.receipt(&call).durable().await.unwrap();
        }
        began.elapsed()
    };
    let mut group = c.benchmark_group("commit");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(8));
    group.bench_function("one call and its receipt", |b| {
        b.iter_custom(|n| bench.runtime.block_on(timed(false, n)))
    });
    group.bench_function("one call, then its receipt", |b| {
        b.iter_custom(|n| bench.runtime.block_on(timed(true, n)))
    });
    for tasks in [64, 256] {
        let (before, number) = (bench.ledger.status(), bench.number.load(Ordering::Relaxed));
        group.bench_function(format!("calls and receipts of {tasks} clients, a call"), |b| {
            b.iter_custom(|n| bench.runtime.block_on(bench.together(tasks, n)));
        });
        let calls = bench.number.load(Ordering::Relaxed) - number;
        if calls > 0 {
            say(&format!("{tasks} clients"), calls, &before, &bench.ledger.status());
        }
    }
    group.finish();
}

/// What the commits since `before` were like.
fn say(who: &str, calls: u64, before: &Status, after: &Status) {
    let commits = (after.commits - before.commits).max(1) as f64;
    let us = (after.commit_us - before.commit_us) as f64 / commits;
    let bytes = (after.batch_bytes - before.batch_bytes) as f64 / calls.max(1) as f64;
    let batches = (after.batches - before.batches).max(1) as f64;
    println!(
        "{who}: {calls} calls in {commits:.0} commits of {us:.0} us; {:.1} calls a commit, {:.1} a batch, {bytes:.0} bytes a call",
        calls as f64 / commits,
        calls as f64 / batches
    );
}

fn finality(c: &mut Criterion) {
    let bench = Bench::new();
    let mut latencies_us: Vec<u64> = Vec::new();
    let mut timed = async |count: u64| {
        let mut sum = Duration::ZERO;
        for _ in 0..count {
            let began = Instant::now();
            bench.receipt(&bench.call()).finalized().await.unwrap();
            let took = began.elapsed();
            latencies_us.push(took.as_micros() as u64);
            sum += took;
        }
        sum
    };
    let mut group = c.benchmark_group("finality");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    group.bench_function("one call, one replica", |b| b.iter_custom(|n| bench.runtime.block_on(timed(n))));
    group.finish();
    if latencies_us.is_empty() {
        return;
    }
    latencies_us.sort_unstable();
    let at = |share: f64| latencies_us[((latencies_us.len() - 1) as f64 * share) as usize];
    println!("finality, one replica: {} calls, p50 {} us, p99 {} us", latencies_us.len(), at(0.5), at(0.99));
}

fn prove(c: &mut Criterion) {
    let bench = Arc::new(Bench::new());
    let id: EntryId = bench.runtime.block_on(async {
        bench.together(118, 20_000).await;
        let receipt = bench.pair().await;
        bench.together(118, 20_000).await;
        let last = bench.pair().await;
        last.finalized().await.unwrap();
        receipt.id()
    });
    let proof: Proof = bench.ledger.prove(id).unwrap();
    println!(
        "a proof from the ledger: {} bytes, certificate {}",
        proof.encode().len(),
        proof.certificate.0.len()
    );
    proof.verify(bench.ledger.genesis()).unwrap();
    let mut group = c.benchmark_group("prove");
    group.bench_function("make the proof of a call", |b| b.iter(|| bench.ledger.prove(id).unwrap()));
    group.bench_function("read an entry", |b| b.iter(|| bench.ledger.entry(id).unwrap().unwrap()));
    group.finish();
}

/// One account of many.
fn account(n: u64) -> AccountId {
    Keypair::from_seed(*blake3::hash(&n.to_be_bytes()).as_bytes()).account()
}

/// Gives one unit to each of so many accounts, a thousand in a bundle.
fn settle(bench: &Bench, accounts: std::ops::Range<u64>) {
    let key = Keypair::from_seed([9; 32]);
    let all: Vec<u64> = accounts.collect();
    for some in all.chunks(1_000) {
        let mut builder = BundleBuilder::new();
        for n in some {
            let entry = Entry::Transaction(Transaction::Transfer { to: account(*n), amount: 1 });
            builder.append(PageClass::Bulk, &entry.encode()).unwrap();
        }
        let until = bench.ledger.height() + 50;
        let bundle = Bundle::sign(&key, &bench.ledger.network(), until, builder.finish()).unwrap();
        bench.runtime.block_on(bench.ledger.submit(bundle).unwrap().finalized()).unwrap();
    }
}

fn prove_account(ledger: &Ledger, key: &StateKey) -> StateProof {
    let since = ledger.state_root();
    loop {
        match ledger.prove_state(key, &since).unwrap() {
            Some(proof) => return proof,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// What it takes to make and to check the proof of a balance, and how large it is, as the state grows.
fn prove_state(c: &mut Criterion) {
    let bench = Bench::new();
    let mut group = c.benchmark_group("state proof");
    let mut settled = 0;
    for accounts in [100, 10_000] {
        settle(&bench, settled..accounts);
        settled = accounts;
        let key = StateKey::Account(account(accounts / 2));
        let proof = prove_account(&bench.ledger, &key);
        proof.verify(bench.ledger.genesis()).unwrap();
        let bytes = proof.encode();
        let file = StateFile::new(proof, bench.ledger.genesis()).unwrap().to_json();
        println!("state of {accounts} accounts: a proof of {} bytes, a file of {}", bytes.len(), file.len());
        let since = bench.ledger.state_root();
        group.bench_function(format!("make, {accounts} accounts"), |b| {
            b.iter(|| bench.ledger.prove_state(&key, &since).unwrap())
        });
        group.bench_function(format!("decode and verify, {accounts} accounts"), |b| {
            b.iter(|| StateProof::decode(&bytes).unwrap().verify(bench.ledger.genesis()).unwrap())
        });
    }
    group.finish();
}

criterion_group!(benches, commit, finality, prove, prove_state);
criterion_main!(benches);
