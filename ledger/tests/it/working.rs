//! Calls that several workers run, on real ledgers: one, four, and four in trouble.

use crate::town::Town;
use crate::world::{self, bundle, eventually, name};
use futures::executor::block_on;
use moot_ledger::{Ledger, Options, PayloadBytes, PostingKind, Refused};
use moot_record::testing::Network;
use moot_record::{
    AccountId, Allocation, Call, Digest, Economy, Engine, Entry, EntryId, FunctionKind, Genesis, Keypair,
    Payload, Prices, Receipt, Sandbox, Spec, Status, Transaction, WorkOffer, component_digest,
};
use std::path::Path;

const PRICES: Prices = Prices { per_byte: 1, per_mega_fuel: 1_000_000, per_stored_byte: 0 };
pub(crate) const FUNDS: u64 = 1_000_000;
pub(crate) const LOCKUP: u64 = 16;

pub(crate) fn key(n: u8) -> Keypair {
    // None of the validators', whose seeds count up from one.
    Keypair::from_seed([n + 100; 32])
}

pub(crate) fn account(n: u8) -> AccountId {
    key(n).account()
}

/// Account 0 owns the function; 1 to 5 can be workers, who have half of what execution costs; 6 has units.
pub(crate) fn charging(genesis: Genesis) -> Genesis {
    let mut funded: Vec<_> = (0..=6).map(|n| Allocation { account: account(n), balance: FUNDS }).collect();
    funded.sort_by_key(|of| of.account);
    let genesis = Genesis { prices: PRICES, ..genesis.with_accounts(funded) };
    genesis.with_economy(Economy { lockup_blocks: LOCKUP, seats: 4, worker_percent: 50 })
}

pub(crate) fn function(k: u8) -> Spec {
    Spec { deterministic: true, replicas_k: k, ..Spec::new(FunctionKind::Event, "/sum") }
}

pub(crate) fn deploy(spec: &Spec) -> Transaction {
    Transaction::deploy(name("sum"), component_digest(b"sum"), 3, spec, None)
}

pub(crate) fn stake(amount: u64) -> Transaction {
    Transaction::Stake { amount, replica: None, consent: None }
}

pub(crate) fn offer() -> WorkOffer {
    offer_of("e-1")
}

fn offer_of(engine: &'static str) -> WorkOffer {
    let kinds = vec![Sandbox::Component];
    WorkOffer { kinds, functions: None, replicas: None, engine: Engine::named(engine) }
}

pub(crate) fn work() -> Transaction {
    work_with("e-1")
}

pub(crate) fn work_with(engine: &'static str) -> Transaction {
    Transaction::Work { offer: Some(offer_of(engine)) }
}

/// Has something said that must be applied.
pub(crate) fn say(ledger: &Ledger, by: u8, transactions: Vec<Transaction>) -> EntryId {
    let entries: Vec<Entry> = transactions.into_iter().map(Entry::Transaction).collect();
    ledger.submit(bundle(ledger, &key(by), ledger.height() + 1000, &entries)).unwrap().id()
}

pub(crate) fn a_call(spec: &Spec, number: u64) -> Call {
    Call {
        function: name("sum"),
        component: component_digest(b"sum"),
        spec: spec.digest(),
        ..world::call(number)
    }
}

/// A worker's receipt in its own bundle, recorded; `further` when the call has an answer.
pub(crate) fn record(
    ledger: &Ledger,
    call: (EntryId, Digest),
    worker: AccountId,
    output: &[u8],
    further: bool,
) -> Result<EntryId, Refused> {
    let key = (1..=5).map(key).find(|key| key.account() == worker).unwrap();
    let receipt = Receipt {
        component: component_digest(b"sum"),
        output: Payload::of(output),
        fuel: 10,
        ..world::receipt(call.0, call.1, Status::Ok)
    };
    let bundle = bundle(ledger, &key, ledger.receipts_valid_until(), &[Entry::Receipt(receipt)]);
    let signed = ledger.verify_receipts(bundle, &worker)?;
    let kept = vec![PayloadBytes::None];
    let done = match further {
        true => ledger.append_further_receipts(&signed, kept)?,
        false => ledger.append_signed_receipts(&signed, kept)?,
    };
    Ok(done[0].id())
}

/// Workers 1 to 4 with equal stakes, and a function that three of them run.
pub(crate) fn begin(ledger: &Ledger) -> Spec {
    let spec = function(3);
    say(ledger, 0, vec![deploy(&spec)]);
    (1..=4).for_each(|n| {
        say(ledger, n, vec![Transaction::Together { count: 2 }, stake(1000), work()]);
    });
    spec
}

pub(crate) fn open(dir: &Path) -> Ledger {
    let network = Network::new(1);
    let key = network.validators[0].clone();
    Ledger::open(Options::new(dir, charging(network.genesis), key)).unwrap()
}

#[test]
fn one_replica_draws_compares_and_remembers() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = begin(&ledger);
    eventually("the workers", || ledger.workers().iter().count() == 4);
    let asked = ledger.append_call(a_call(&spec, 1), PayloadBytes::None).unwrap();
    block_on(asked.finalized()).unwrap();
    let call = (asked.id(), asked.digest());
    let drawn = ledger.compared(&call.0).unwrap().unwrap();
    let before = ledger.balance(&account(0)).unwrap();
    let [one, two, three] = drawn.workers[..] else { panic!("{drawn:?}") };
    let other = (1..=4).map(account).find(|worker| !drawn.workers.contains(worker)).unwrap();
    let answer = record(&ledger, call, one, b"six", false).unwrap();
    // It is answered, so only the drawn ones may still speak.
    assert!(matches!(record(&ledger, call, two, b"six", false), Err(Refused::NotOpen(_))));
    assert!(matches!(record(&ledger, call, other, b"six", true), Err(Refused::NotOpen(_))));
    let odd = record(&ledger, call, two, b"five", true).unwrap();
    record(&ledger, call, three, b"six", true).unwrap();
    eventually("the fault", || ledger.workers().get(&two).is_some_and(|found| found.faults == 1));
    let record_of_two = ledger.workers().get(&two).unwrap().clone();
    assert_eq!((record_of_two.last[0].receipt, record_of_two.last[0].agreed), (odd, answer));
    assert_eq!(ledger.stakes().get(&two).unwrap().staked, 900);
    assert!(ledger.balance(&account(0)).unwrap() < before);
    assert_eq!(ledger.receipt_of(call.0).unwrap().unwrap().0, answer, "the first is the answer");
    assert!(ledger.compared(&call.0).unwrap().is_none());
    // What is open is there after a restart, with the same root.
    let spec = function(3);
    let asked = ledger.append_call(a_call(&spec, 2), PayloadBytes::None).unwrap();
    block_on(asked.finalized()).unwrap();
    assert!(ledger.compared(&asked.id()).unwrap().is_some());
    let root = ledger.status().state;
    block_on(ledger.close());
    let ledger = open(dir.path());
    assert_eq!(ledger.workers().get(&two), Some(&record_of_two));
    assert!(ledger.compared(&asked.id()).unwrap().is_some());
    assert_eq!(ledger.status().state, root);
}

#[tokio::test]
async fn four_replicas_find_the_same_one_at_fault() {
    let mut town = Town::with_genesis(4, 7, charging);
    (0..4).for_each(|me| town.start(me));
    let spec = begin(&town.ledger(0));
    town.settle().await;
    let mut asked = Vec::new();
    for me in 0..4 {
        for number in 0..5 {
            let ledger = town.ledger(me);
            let call = a_call(&spec, me as u64 * 100 + number);
            let pending = ledger.append_call(call, PayloadBytes::None).unwrap();
            asked.push((me, (pending.id(), pending.digest())));
        }
    }
    town.settle().await;
    let before = town.ledger(0).balance(&account(0)).unwrap();
    let mut bad = None;
    for (place, (me, call)) in asked.iter().enumerate() {
        let ledger = town.ledger(*me);
        let drawn = ledger.compared(&call.0).unwrap().unwrap();
        for other in 0..4 {
            assert_eq!(town.ledger(other).compared(&call.0).unwrap().as_ref(), Some(&drawn));
        }
        for (n, worker) in drawn.workers.iter().enumerate() {
            let lies = place == 7 && n == 1;
            let output: &[u8] = if lies { b"five" } else { b"six" };
            record(&ledger, *call, *worker, output, n > 0).unwrap();
            bad = bad.or(lies.then_some(*worker));
        }
    }
    // One of them sees none of it, and hears of it later.
    town.stop(3);
    town.settle().await;
    town.start(3);
    town.settle().await;
    town.assert_equal();
    let bad = bad.unwrap();
    for (_, ledger) in town.running() {
        let at_fault: Vec<AccountId> =
            ledger.workers().iter().filter(|(_, of)| of.faults > 0).map(|(worker, _)| *worker).collect();
        assert_eq!(at_fault, [bad]);
        assert_eq!(ledger.stakes().get(&bad).unwrap().staked, 900);
        assert!(asked.iter().all(|(_, call)| ledger.compared(&call.0).unwrap().is_none()));
        assert!(ledger.balance(&account(0)).unwrap() < before);
    }
    let lines = town.ledger(0).statement(&account(0), u64::MAX, 1000).unwrap();
    let calls = lines.iter().flat_map(|(_, lines)| lines).filter(|line| line.kind == PostingKind::Calls);
    assert_eq!(calls.map(|line| line.calls).sum::<u64>(), 20, "each is charged once");
}
