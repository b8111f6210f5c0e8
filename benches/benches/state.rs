//! What the state machine does in a second, and what it keeps: transfers, values that a rule judges, calls that are
//! charged. No disk and no signatures: those are in `ledger.rs`, and in `cargo xtask load --order`.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moot_ledger::state::charges::{Charge, Group};
use moot_ledger::state::{Block, Changes, Charges, OrderedBundle, Seats, State};
use moot_record::testing::Network;
use moot_record::{
    Account, AccountId, Allocation, Digest, Economy, EntryId, FunctionKind, FunctionName, Genesis, Keypair,
    Payload, Spec, StateKey, Transaction, Value, component_digest,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Accounts that have something before a bench begins.
const ACCOUNTS: u64 = 100_000;
const FUNDS: u64 = 1 << 40;

/// Accounts that no key has: nobody asks for one here.
fn account(n: u64) -> AccountId {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    AccountId::from_bytes(bytes)
}

fn name() -> FunctionName {
    FunctionName::parse("f").unwrap()
}

/// What a block says in one bundle of account 0.
#[derive(Clone, Default)]
struct Said {
    transactions: Vec<Transaction>,
    values: Vec<Value>,
    charges: Vec<Charges>,
}

/// The state of a network with an economy and many accounts, after a block that says so.
fn begin(said: Said) -> State {
    let key = Keypair::from_seed([1; 32]).account();
    let funded =
        vec![Allocation { account: account(0), balance: FUNDS }, Allocation { account: key, balance: FUNDS }];
    let genesis: Genesis = Network::new(4).genesis.with_accounts(funded);
    let genesis = genesis.with_economy(Economy { lockup_blocks: 10, seats: 4, worker_percent: 80 });
    let rows = (1..ACCOUNTS).map(|n| (StateKey::Account(account(n)), Account::with(FUNDS).encode()));
    let mut state = State::genesis(&genesis, Arc::new(Seats::new(&genesis, Digest::ZERO))).holding(rows);
    apply(&mut state, said);
    state
}

fn apply(state: &mut State, said: Said) {
    drop(changes(state, said));
}

/// Applies a block, all of which must be taken.
fn changes(state: &mut State, said: Said) -> Changes {
    let height = state.height() + 1;
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&height.to_le_bytes());
    let digest = Digest::from_bytes(digest);
    let id = |n: usize| EntryId {
        lane: 0,
        batch: height,
        bundle: 0,
        page: (n >> 12) as u16,
        slot: (n & 0xfff) as u16,
    };
    let count = said.transactions.len();
    let bundle = OrderedBundle {
        digest,
        account: account(0),
        own: false,
        counts: true,
        valid_until: height + 1,
        first: id(0),
        transactions: (0..).map(id).zip(said.transactions).collect(),
        values: (count..).map(id).zip(said.values).collect(),
        calls: Vec::new(),
        receipts: Vec::new(),
        bytes: 0,
    };
    let (bundles, charges, to_come) = (vec![bundle], said.charges, BTreeSet::new());
    let block = Block { height, time_ms: height, digest, bundles, charges, to_come };
    let changes = state.apply(&block);
    assert!(
        changes.outcomes.iter().all(|(_, outcome)| outcome.result.is_ok()),
        "{:?}",
        changes.outcomes.first()
    );
    // The root is what a block carries: without it the work would only be put off.
    std::hint::black_box(state.root());
    changes
}

fn transfers(count: u64) -> Said {
    let to = |n: u64| Transaction::Transfer { to: account(n * 13 % ACCOUNTS + 1), amount: 1 };
    Said { transactions: (0..count).map(to).collect(), ..Said::default() }
}

/// Values of 64 bytes at different paths.
fn values(count: u64) -> Said {
    let text = [b'x'; 64];
    let value = |n: u64| Value {
        account: Some(account(0)),
        ..Value::new(format!("/chat/lobby/{n}"), Payload::inlined(&text))
    };
    Said { values: (0..count).map(value).collect(), ..Said::default() }
}

/// The path of the values, and who may write there: a look at the writer, the size and the value itself.
fn rules() -> Said {
    let rule = format!(
        "auth.account in ['{}', '{}'] && value_size > 0 && value_size <= 400 && !value.contains('heck')",
        account(1),
        account(0)
    );
    Said {
        transactions: vec![
            Transaction::Own { path: "/chat".into(), owner: Some(account(0)) },
            Transaction::Rule { pattern: "/chat/$room/$message".into(), rule: Some(rule) },
        ],
        ..Said::default()
    }
}

fn spec() -> Spec {
    Spec::new(FunctionKind::Http, "/f")
}

fn deployed() -> Said {
    let deploy = Transaction::deploy(name(), component_digest(b"f"), 1000, &spec(), None);
    Said { transactions: vec![deploy], ..Said::default() }
}

/// A batch of calls, each with its receipt, of `callers` accounts: a group each.
fn charged(calls: u32, callers: u32) -> Said {
    let group = |n: u32| Group {
        function: name(),
        spec: spec().digest(),
        caller: Some(account(u64::from(n) + 1)),
        worker: account(9),
    };
    let charge =
        |n: u32| Charge { group: n % callers, batch: 1, call: n, bytes: 480, paid_bytes: 0, fuel: 2_000_000 };
    let charges = Charges {
        place: (0, 1),
        digest: Digest::from_bytes([7; 32]),
        calls,
        clients: Vec::new(),
        groups: (0..callers).map(group).collect(),
        receipts: (0..calls).map(charge).collect(),
        elsewhere: Vec::new(),
        early: Vec::new(),
        written: Vec::new(),
    };
    Said { charges: vec![charges], ..Said::default() }
}

fn transitions(c: &mut Criterion) {
    let mut group = c.benchmark_group("state");
    group.sample_size(20);
    let mut bench = |what: &str, count: u64, before: Said, said: Said| {
        let state = begin(before);
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::new(what, count), |b| {
            // Each block is applied to the same state: what it costs must not depend on how often it was measured.
            b.iter_batched(
                || (state.clone(), said.clone()),
                |(mut state, said)| {
                    apply(&mut state, said);
                    // Given back, so that the end of the copy is not measured.
                    state
                },
                BatchSize::LargeInput,
            );
        });
    };
    for count in [1, 1_000, 10_000] {
        bench("transfers", count, Said::default(), transfers(count));
    }
    for count in [1, 1_000, 10_000] {
        bench("values with a rule", count, rules(), values(count));
    }
    for count in [1_000, 100_000] {
        bench("charged calls of one caller", count, deployed(), charged(count as u32, 1));
        bench("charged calls of 1,000 callers", count, deployed(), charged(count as u32, 1_000));
    }
    group.finish();
}

/// What the process holds, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Bytes of the rows of accounts on the disk, keys and values.
fn account_rows(changes: &Changes) -> usize {
    let rows = changes.rows.iter().filter(|(key, _)| matches!(key, StateKey::Account(_)));
    rows.map(|(key, value)| key.encode().len() + value.as_ref().map_or(0, |value| value.len())).sum()
}

/// Prints what an account and a function add, on the disk and in memory (tree, index and the row itself; `/proc`).
fn growth(_: &mut Criterion) {
    const FUNCTIONS: u64 = 10_000;
    let before = resident();
    let mut state = begin(Said::default());
    let accounts = resident().saturating_sub(before);
    let moved = changes(&mut state, transfers(1));
    let account = account_rows(&moved) / 2;
    println!("state: an account is a row of {account} bytes, and {} bytes in memory", accounts / ACCOUNTS);
    let deploys = (0..FUNCTIONS).map(|n| {
        let name = FunctionName::parse(&format!("function-{n}")).unwrap();
        let spec = Spec::new(FunctionKind::Http, format!("/function-{n}"));
        Transaction::deploy(name, component_digest(&n.to_be_bytes()), 1000, &spec, None)
    });
    let said = Said { transactions: deploys.collect(), ..Said::default() };
    let before = resident();
    let deployed = changes(&mut state, said);
    let rows = deployed.functions.iter().map(|record| record.name.as_str().len() + record.encode().len());
    let rows = rows.sum::<usize>() as u64;
    drop(deployed);
    let memory = resident().saturating_sub(before) / FUNCTIONS;
    println!(
        "state: a function of one version is a row of {} bytes, and {memory} bytes in memory; its component is apart",
        rows / FUNCTIONS
    );
}

// First, while the process is small.
criterion_group!(benches, growth, transitions);
criterion_main!(benches);
