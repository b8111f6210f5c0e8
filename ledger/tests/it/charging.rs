//! Charging on real ledgers: from recorded calls and receipts to balances, statements and invoices, alone and among four.

use crate::town::Town;
use crate::world::{bundle, call, deploy, receipt, spec};
use futures::executor::block_on;
use moot_ledger::{
    BillFrom, HoldError, Ledger, Options, PayloadBytes, Pending, PostingKind, Refusal, Refused, value_fee,
};
use moot_record::testing::Network;
use moot_record::{
    AccountId, Allocation, Call, Economy, Entry, EntryId, Fee, FunctionName, Genesis, Keypair, PageClass,
    Payer, Payload, Prices, Receipt, Spec, Status, Transaction, Value, fee, priced_bytes,
};
use std::path::Path;
use std::time::Duration;

const PRICES: Prices = Prices { per_byte: 2, per_mega_fuel: 1_000_000, per_stored_byte: 1 };
const FUNDS: u64 = 1_000_000_000;

fn key(n: u8) -> Keypair {
    // None of the validators', whose seeds count up from one.
    Keypair::from_seed([n + 100; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

/// The same network, where the accounts 0 and 1 have something and all is charged.
fn charging(genesis: Genesis) -> Genesis {
    let funded = [0, 1].map(|n| Allocation { account: account(n), balance: FUNDS });
    let genesis = Genesis { prices: PRICES, ..genesis.with_accounts(funded.to_vec()) };
    genesis.with_economy(Economy { lockup_blocks: 10, seats: 4, worker_percent: 50 })
}

fn open(dir: &Path) -> Ledger {
    let network = Network::new(1);
    let key = network.validators[0].clone();
    Ledger::open(Options::new(dir, charging(network.genesis), key)).unwrap()
}

fn function(payer: Payer) -> Spec {
    Spec { payer, ..spec("/hello", true, true) }
}

/// Has something said that must be applied.
fn say(ledger: &Ledger, by: u8, entries: &[Entry]) {
    let said = ledger.submit(bundle(ledger, &key(by), ledger.height() + 1000, entries)).unwrap();
    block_on(said.finalized()).unwrap();
    for slot in 0..entries.len() as u16 {
        let id = moot_record::EntryId { slot, ..said.id() };
        let outcome = ledger.transaction_outcome(id).unwrap().unwrap();
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
}

/// A call of the function by its owner, account 0, or of account 1.
fn a_call(spec: &Spec, number: u64, caller: Option<u8>) -> Call {
    Call { spec: spec.digest(), caller: caller.map(account), ..call(number) }
}

/// The receipt of a call, with the fee that it must have.
fn priced(pending: (moot_record::EntryId, moot_record::Digest), call: &Call, fuel: u64) -> Receipt {
    let receipt = Receipt { fuel, fee: Fee::default(), ..receipt(pending.0, pending.1, Status::Ok) };
    let encoded = Entry::Receipt(receipt.clone()).encode().len();
    let bytes = Entry::Call(call.clone()).encode().len() as u64 + priced_bytes(&receipt, encoded);
    Receipt { fee: fee(&PRICES, bytes, fuel), ..receipt }
}

/// Records a call and its receipt; the receipt's fee.
fn run(ledger: &Ledger, call: Call, fuel: u64) -> (Fee, Pending, Pending) {
    let asked = ledger.append_call(call.clone(), PayloadBytes::None).unwrap();
    let receipt = priced((asked.id(), asked.digest()), &call, fuel);
    let said = ledger.append_receipt(receipt.clone(), PayloadBytes::None).unwrap();
    (receipt.fee, asked, said)
}

fn balance(ledger: &Ledger, n: u8) -> u64 {
    ledger.balance(&account(n)).unwrap()
}

#[test]
fn calls_are_charged_as_their_receipts_say_and_an_invoice_says_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let (worker, spec) = (ledger.account(), function(Payer::Owner));
    say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
    let before = balance(&ledger, 0);
    assert!(before < FUNDS - 4, "bytes and storage are paid");
    let pot = |ledger: &Ledger| {
        u128::from(FUNDS) * 2
            - u128::from(balance(ledger, 0))
            - u128::from(balance(ledger, 1))
            - u128::from(ledger.balance(&worker).unwrap())
    };
    let paid = pot(&ledger);
    let from = ledger.height() + 1;
    let mut due = Fee::default();
    // Call and receipt in one batch, and in two.
    for number in 0..20 {
        let call = a_call(&spec, number, None);
        let asked = ledger.append_call(call.clone(), PayloadBytes::None).unwrap();
        if number % 2 == 0 {
            block_on(asked.durable()).unwrap();
        }
        if number % 4 == 0 {
            block_on(asked.finalized()).unwrap();
        }
        let receipt = priced((asked.id(), asked.digest()), &call, 1000 + 2 * number);
        let said = ledger.append_receipt(receipt.clone(), PayloadBytes::None).unwrap();
        due.ordering += receipt.fee.ordering;
        due.execution += receipt.fee.execution;
        block_on(said.finalized()).unwrap();
    }
    assert_eq!(before - balance(&ledger, 0), due.ordering + due.execution);
    assert_eq!(ledger.balance(&worker).unwrap(), due.execution / 2, "an even number each");
    assert_eq!(pot(&ledger) - paid, u128::from(due.ordering + due.execution - due.execution / 2));
    let statement = ledger.statement(&account(0), u64::MAX, 100).unwrap();
    let lines = || statement.iter().flat_map(|(_, lines)| lines);
    let calls: u64 = lines().filter(|line| line.kind == PostingKind::Calls).map(|line| line.calls).sum();
    let units: u64 = lines().map(|line| line.units).sum();
    assert_eq!((calls, units), (20, FUNDS - balance(&ledger, 0)));

    // Anybody computes the same from the blocks.
    let mut at = Some(BillFrom { height: from, batch: 0 });
    let (mut billed, mut parts) = (Vec::new(), 0);
    while let Some(from) = at {
        let part = ledger.bill(from, u64::MAX, Some(&account(0)), (3, 100)).unwrap();
        assert_eq!(part.prices, [(from.height, PRICES)]);
        billed.extend(part.calls);
        at = part.next;
        parts += 1;
    }
    assert!(parts > 3);
    assert!(billed.iter().all(|one| one.stated == fee(&PRICES, one.bytes, one.fuel)));
    let sum: u64 = billed.iter().map(|one| one.stated.ordering + one.stated.execution).sum();
    assert_eq!((billed.len(), sum), (20, due.ordering + due.execution));
    let nobody =
        ledger.bill(BillFrom { height: 1, batch: 0 }, u64::MAX, Some(&account(7)), (100, 10_000)).unwrap();
    assert!(nobody.calls.is_empty());
    block_on(ledger.close());
}

/// A restart between call and receipt, and one after both: charged once, and the statement is still there.
#[test]
fn a_restart_charges_nothing_twice_and_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = function(Payer::Caller);
    say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
    let owner = balance(&ledger, 0);
    let call = a_call(&spec, 1, Some(1));
    let asked = ledger.append_call(call.clone(), PayloadBytes::None).unwrap();
    block_on(asked.finalized()).unwrap();
    let place = (asked.id(), asked.digest());
    block_on(ledger.close());
    let ledger = open(dir.path());
    let receipt = priced(place, &call, 5000);
    let said = ledger.append_receipt(receipt.clone(), PayloadBytes::None).unwrap();
    block_on(said.finalized()).unwrap();
    let left = FUNDS - receipt.fee.ordering - receipt.fee.execution;
    assert_eq!((balance(&ledger, 1), balance(&ledger, 0)), (left, owner));
    let statement = ledger.statement(&account(1), u64::MAX, 9).unwrap();
    block_on(ledger.close());
    let ledger = open(dir.path());
    assert_eq!(balance(&ledger, 1), left);
    assert_eq!(ledger.statement(&account(1), u64::MAX, 9).unwrap(), statement);
    let again = ledger.append_receipt(receipt, PayloadBytes::None);
    assert!(matches!(again, Err(Refused::NotOpen(_))));
    block_on(ledger.close());
}

/// Calls that a client signed: the bundle pays for their bytes, their receipts for the rest.
#[test]
fn a_client_pays_for_its_bundle_and_once_for_each_call() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = function(Payer::Caller);
    say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
    // The first names its caller, the second does not: who signed it called.
    let calls = [a_call(&spec, 1, Some(1)), a_call(&spec, 2, None)];
    let entries = calls.clone().map(Entry::Call);
    let signed = bundle(&ledger, &key(1), ledger.height() + 1000, &entries);
    let bytes = 2 * signed.paid_bytes();
    let said = ledger.submit(signed).unwrap();
    block_on(said.finalized()).unwrap();
    assert_eq!(balance(&ledger, 1), FUNDS - bytes);
    let mut due = bytes;
    for (slot, call) in (0u16..).zip(&calls) {
        let entry = Entry::Call(call.clone());
        let id = moot_record::EntryId { slot, ..said.id() };
        let receipt = priced((id, entry.digest()), call, 700);
        due += receipt.fee.ordering + receipt.fee.execution - 2 * entry.encode().len() as u64;
        let said = ledger.append_receipt(receipt, PayloadBytes::None).unwrap();
        block_on(said.finalized()).unwrap();
    }
    assert_eq!(balance(&ledger, 1), FUNDS - due);
    let part =
        ledger.bill(BillFrom { height: 1, batch: 0 }, u64::MAX, Some(&account(1)), (100, 10_000)).unwrap();
    assert_eq!(part.calls.len(), 2);
    let billed: u64 = part
        .calls
        .iter()
        .map(|one| one.stated.ordering + one.stated.execution - fee(&PRICES, one.paid_bytes, 0).ordering)
        .sum();
    assert_eq!(billed + bytes, due);
    block_on(ledger.close());
}

#[test]
fn a_bundle_that_cannot_pay_is_void_with_its_calls() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = function(Payer::Owner);
    say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
    let before = balance(&ledger, 0);
    let call = a_call(&spec, 1, None);
    let poor = bundle(&ledger, &key(5), ledger.height() + 1000, &[Entry::Call(call.clone())]);
    let needed = 2 * poor.paid_bytes();
    let said = ledger.submit(poor).unwrap();
    block_on(said.finalized()).unwrap();
    let fate = ledger.fate(said.id()).unwrap();
    let why = Refusal::CannotPay { balance: 0, needed };
    assert!(matches!(&fate, moot_ledger::Fate::Void { why: found, .. } if *found == why), "{fate:?}");
    // Who runs it all the same gets nothing for it.
    let receipt = priced((said.id(), Entry::Call(call.clone()).digest()), &call, 700);
    let said = ledger.append_receipt(receipt, PayloadBytes::None).unwrap();
    block_on(said.finalized()).unwrap();
    assert_eq!(balance(&ledger, 0), before);
    block_on(ledger.close());
}

#[test]
fn what_is_held_cannot_be_held_again_until_it_is_charged() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = function(Payer::Caller);
    say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
    let hold = ledger.hold(account(1), FUNDS - 10).unwrap();
    let Err(HoldError::Short(short)) = ledger.hold(account(1), 11) else { panic!("it has 10 left") };
    assert_eq!((short.balance, short.reserved, short.needed, short.missing()), (FUNDS, FUNDS - 10, 11, 1));
    assert!(matches!(ledger.hold(account(7), 1), Err(HoldError::Short(_))));
    let (fee, _, receipt) = run(&ledger, a_call(&spec, 1, Some(1)), 100);
    let due = fee.ordering + fee.execution;
    hold.until_charged(receipt.id().batch, due);
    block_on(receipt.finalized()).unwrap();
    crate::world::eventually("nothing is held", || ledger.reserved(&account(1)) == 0);
    assert_eq!(balance(&ledger, 1), FUNDS - due);
    assert!(ledger.hold(account(1), FUNDS - due + 1).is_err());
    drop(ledger.hold(account(1), FUNDS - due).unwrap());
    block_on(ledger.close());
}

/// A place where anybody may write.
fn open_place() -> [Entry; 2] {
    let own = Transaction::Own { path: "/v".into(), owner: Some(account(0)) };
    let rule = Transaction::Rule { pattern: "/v/$x".into(), rule: Some("true".into()) };
    [own, rule].map(Entry::Transaction)
}

/// A value of an account, or of nobody.
fn a_value(number: u64, by: Option<u8>) -> Value {
    let value = Value::new("/v/x", Payload::inlined(&[number as u8; 100]));
    Value { account: by.map(account), ..value }
}

/// A value that the function wrote in a call.
fn written_in(call: EntryId, number: u64) -> Value {
    let function = FunctionName::parse("hello").ok();
    Value { function, parent: Some(call), ..a_value(number, Some(0)) }
}

/// Values that a replica writes down: each is paid by who wrote it, or else by the replica, as is said beforehand.
#[test]
fn values_are_charged_to_who_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let replica = ledger.account();
    let callers = function(Payer::Caller);
    let give = Entry::Transaction(Transaction::Transfer { to: replica, amount: 10_000 });
    say(&ledger, 0, &[deploy("hello", b"code", &function(Payer::Owner), None), give]);
    say(&ledger, 0, &open_place());
    let balances = || [balance(&ledger, 0), balance(&ledger, 1), ledger.balance(&replica).unwrap()];
    let wrote = |value: Value, payer: usize| {
        let (before, cost) = (balances(), value_fee(&PRICES, &value));
        let said = ledger.append_value(value.clone(), PayloadBytes::None).unwrap();
        block_on(said.finalized()).unwrap();
        assert_eq!(ledger.denied(said.id()).unwrap(), None);
        let mut due = before;
        due[payer] -= cost;
        assert_eq!(balances(), due, "{value:?}");
        assert_eq!(cost, 2 * Entry::Value(value).encode().len() as u64);
    };
    wrote(a_value(1, Some(1)), 1);
    wrote(a_value(2, None), 2);
    // In a call whose owner pays: written in another batch than the call, and in the same.
    let asked = ledger.append_call(a_call(&function(Payer::Owner), 1, Some(1)), PayloadBytes::None).unwrap();
    wrote(written_in(asked.id(), 3), 0);
    block_on(asked.finalized()).unwrap();
    wrote(written_in(asked.id(), 4), 0);
    // In calls whose caller pays: one that a gateway took, and one that a client signed without a name.
    say(&ledger, 0, &[deploy("hello", b"code", &callers, Some(1))]);
    let asked = ledger.append_call(a_call(&callers, 2, Some(1)), PayloadBytes::None).unwrap();
    block_on(asked.durable()).unwrap();
    wrote(written_in(asked.id(), 5), 1);
    let signed = bundle(&ledger, &key(1), ledger.height() + 1000, &[Entry::Call(a_call(&callers, 3, None))]);
    let asked = ledger.submit(signed).unwrap();
    block_on(asked.finalized()).unwrap();
    wrote(written_in(asked.id(), 6), 1);
    // In no call that there is.
    wrote(written_in(EntryId { slot: 77, ..asked.id() }, 7), 2);
    let poor = a_value(8, Some(5));
    let needed = value_fee(&PRICES, &poor);
    let before = balances();
    let said = ledger.append_value(poor, PayloadBytes::None).unwrap();
    // Nothing that stands beside it is void with it.
    let beside = ledger.append_value(a_value(9, Some(1)), PayloadBytes::None).unwrap();
    block_on(beside.finalized()).unwrap();
    assert_eq!(ledger.denied(said.id()).unwrap(), Some(Refusal::Insufficient { balance: 0, needed }));
    assert_eq!(ledger.denied(beside.id()).unwrap(), None);
    assert_eq!(balances(), [before[0], before[1] - needed, before[2]]);
    // What a client signs itself is paid with its bundle, and once.
    let signed = bundle(&ledger, &key(1), ledger.height() + 1000, &[Entry::Value(a_value(10, Some(1)))]);
    let cost = 2 * signed.paid_bytes();
    let said = ledger.submit(signed).unwrap();
    block_on(said.finalized()).unwrap();
    assert_eq!(balances(), [before[0], before[1] - needed - cost, before[2]]);
    let statement = ledger.statement(&account(1), u64::MAX, 100).unwrap();
    let lines = statement.iter().flat_map(|(_, lines)| lines).filter(|line| line.kind == PostingKind::Values);
    assert_eq!(lines.count(), 4);
    block_on(ledger.close());
}

/// Four replicas, a network that loses: whoever takes a value in, the same accounts pay for it everywhere.
#[tokio::test]
async fn four_replicas_charge_values_alike() {
    const EACH: u64 = 100_000;
    let mut town = Town::with_genesis(4, 8, charging);
    town.faults(|faults| faults.loss = 0.3);
    (0..4).for_each(|me| town.start(me));
    let replicas: Vec<AccountId> = town.network.validators.iter().map(|key| key.account()).collect();
    let spec = function(Payer::Caller);
    let fund = |to: &AccountId| Entry::Transaction(Transaction::Transfer { to: *to, amount: EACH });
    let mut said = vec![deploy("hello", b"code", &spec, None)];
    said.extend(open_place());
    said.extend(replicas.iter().map(fund));
    let said = bundle(&town.ledger(0), &key(0), 1000, &said);
    let spent = 2 * said.paid_bytes() + 4 + 4 * EACH;
    town.ledger(0).submit(said).unwrap();
    town.settle().await;
    let (mut of_owner, mut of_caller, mut of_replicas) = (0, 0, 0);
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for round in 0..4u64 {
        for me in 0..4 {
            let ledger = town.ledger(me);
            let asked = a_call(&spec, round * 10 + me as u64, Some(1));
            let asked = ledger.append_call(asked, PayloadBytes::None).unwrap();
            asked.durable().await.unwrap();
            let (signed, written) = (a_value(round, Some(0)), written_in(asked.id(), round));
            let (nobodys, poor) = (a_value(round, None), a_value(round, Some(5)));
            of_owner += value_fee(&PRICES, &signed);
            of_caller += value_fee(&PRICES, &written);
            of_replicas += value_fee(&PRICES, &nobodys);
            for value in [signed, written, nobodys, poor] {
                let of_poor = value.account == Some(account(5));
                let said = ledger.append_value(value, PayloadBytes::None).unwrap();
                said.durable().await.unwrap();
                if of_poor { &mut refused } else { &mut allowed }.push(said.id());
            }
        }
        town.settle().await;
    }
    town.assert_equal();
    for (me, ledger) in town.running() {
        assert_eq!(balance(&ledger, 0), FUNDS - spent - of_owner, "at {me}");
        let left: u64 = replicas.iter().map(|replica| ledger.balance(replica).unwrap()).sum();
        let (by_caller, by_replicas) = (FUNDS - balance(&ledger, 1), 4 * EACH - left);
        // Where a batch was missed, a value can be ordered before its call: then it is its replica's to pay.
        assert!(by_caller > of_caller / 2 && by_caller <= of_caller, "{by_caller} of {of_caller} at {me}");
        assert_eq!(by_caller + by_replicas, of_caller + of_replicas, "at {me}");
        assert!(allowed.iter().all(|id| ledger.denied(*id).unwrap().is_none()), "at {me}");
        for id in &refused {
            let why = ledger.denied(*id).unwrap();
            assert!(matches!(why, Some(Refusal::Insufficient { balance: 0, .. })), "{id} at {me}: {why:?}");
        }
    }
}

/// A worker of its own key has the worker's share.
#[test]
fn the_share_is_of_whoever_signed_the_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let spec = function(Payer::Owner);
    say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
    let call = a_call(&spec, 1, None);
    let asked = ledger.append_call(call.clone(), PayloadBytes::None).unwrap();
    block_on(asked.durable()).unwrap();
    let receipt = priced((asked.id(), asked.digest()), &call, 9000);
    let mut builder = moot_record::BundleBuilder::new();
    builder.append(PageClass::Receipt, &Entry::Receipt(receipt.clone()).encode()).unwrap();
    let valid = ledger.receipts_valid_until();
    let signed = moot_record::Bundle::sign(&key(44), &ledger.network(), valid, builder.finish()).unwrap();
    let signed = ledger.verify_receipts(signed, &account(44)).unwrap();
    let said = ledger.append_signed_receipts(&signed, vec![PayloadBytes::None]).unwrap();
    block_on(said[0].finalized()).unwrap();
    assert_eq!(balance(&ledger, 44), receipt.fee.execution / 2);
    assert_eq!(ledger.balance(&ledger.account()).unwrap(), 0);
    block_on(ledger.close());
}

/// Four replicas, a network that loses, a replica that starts again in between: the same balances everywhere, and a bundle
/// that two were given pays once.
#[tokio::test]
async fn four_replicas_charge_alike() {
    let mut town = Town::with_genesis(4, 7, charging);
    town.faults(|faults| faults.loss = 0.3);
    (0..4).for_each(|me| town.start(me));
    let spec = function(Payer::Owner);
    let first = town.ledger(0);
    let deployed = bundle(&first, &key(0), 1000, &[deploy("hello", b"code", &spec, None)]);
    first.submit(deployed.clone()).unwrap();
    town.ledger(1).submit(deployed.clone()).unwrap();
    drop(first);
    town.settle().await;
    let stored = 2 * deployed.paid_bytes() + 4;
    assert_eq!(balance(&town.ledger(2), 0), FUNDS - stored, "a bundle at two replicas pays once");
    let mut due = 0;
    for round in 0..6u64 {
        let mut open = Vec::new();
        for me in 0..4 {
            let ledger = town.ledger(me);
            let (fee, _, receipt) = run(&ledger, a_call(&spec, round * 100 + me as u64, None), 1000);
            due += fee.ordering + fee.execution;
            receipt.durable().await.unwrap();
            // One whose receipt comes in a later batch, or after the restart of others.
            let call = a_call(&spec, round * 100 + 50 + me as u64, None);
            let asked = ledger.append_call(call.clone(), PayloadBytes::None).unwrap();
            asked.durable().await.unwrap();
            open.push((me, asked.id(), asked.digest(), call));
        }
        town.view(round as usize % 4, Duration::from_millis(200)).await;
        if round == 2 {
            town.stop(3);
            town.settle().await;
            town.start(3);
        }
        for (me, id, digest, call) in open {
            let receipt = priced((id, digest), &call, 2000);
            due += receipt.fee.ordering + receipt.fee.execution;
            let said = town.ledger(me).append_receipt(receipt, PayloadBytes::None).unwrap();
            said.durable().await.unwrap();
        }
    }
    town.settle().await;
    town.assert_equal();
    for (me, ledger) in town.running() {
        assert_eq!(balance(&ledger, 0), FUNDS - stored - due, "at {me}");
        let part = ledger.bill(BillFrom { height: 1, batch: 0 }, u64::MAX, None, (10_000, 100_000)).unwrap();
        assert_eq!(part.calls.len(), 48);
    }
    // A vote of three.
    let dear = Prices { per_byte: 9, ..PRICES };
    let fund = town.network.validators.iter().map(|key| {
        let to = key.account();
        Entry::Transaction(Transaction::Transfer { to, amount: 10_000 })
    });
    let fund: Vec<Entry> = fund.collect();
    town.ledger(0).submit(bundle(&town.ledger(0), &key(0), 1000, &fund)).unwrap();
    town.settle().await;
    for member in 0..3 {
        let vote = [Entry::Transaction(Transaction::Prices { prices: dear })];
        let ledger = town.ledger(member);
        ledger.submit(bundle(&ledger, &town.network.validators[member].clone(), 1000, &vote)).unwrap();
    }
    town.settle().await;
    town.assert_equal();
    assert!(town.running().iter().all(|(_, ledger)| ledger.price_list().unwrap().prices == dear));
    // They are in force from the next block on, whatever it has.
    let last = town.ledger(0).height();
    town.force(vec![], town.ledger(0).status().state);
    town.settle().await;
    let part =
        town.ledger(3).bill(BillFrom { height: 1, batch: 0 }, last + 9, None, (10_000, 100_000)).unwrap();
    assert_eq!(part.prices.last().unwrap().1, dear);
    assert_eq!(part.prices[0], (1, PRICES));
}

/// Prints what charging costs; run by hand, with `--ignored --nocapture`.
#[test]
#[ignore = "measures, and takes a while"]
fn what_charging_costs() {
    const CALLS: u64 = 20_000;
    for economy in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let network = Network::new(1);
        let key0 = network.validators[0].clone();
        let funded = [0, 1].map(|n| Allocation { account: account(n), balance: u64::MAX / 4 });
        let genesis = network.genesis.with_accounts(funded.to_vec());
        let genesis = match economy {
            true => genesis.with_economy(Economy { lockup_blocks: 10, seats: 4, worker_percent: 50 }),
            false => genesis,
        };
        let ledger = Ledger::open(Options::new(dir.path(), genesis, key0)).unwrap();
        let spec = function(Payer::Owner);
        say(&ledger, 0, &[deploy("hello", b"code", &spec, None)]);
        let begun = std::time::Instant::now();
        let mut last = None;
        for number in 0..CALLS {
            last = Some(run(&ledger, a_call(&spec, number, None), 1000).2);
            if number % 100 == 99 {
                block_on(last.as_ref().unwrap().durable()).unwrap();
            }
        }
        block_on(last.unwrap().finalized()).unwrap();
        let took = begun.elapsed();
        println!("charged: {economy}; {CALLS} calls with receipts: {took:?}, {:?} each", took / CALLS as u32);
        let entries: Vec<Entry> = (0..1000).map(|n| Entry::Call(a_call(&spec, n, None))).collect();
        let begun = std::time::Instant::now();
        let mut last = None;
        for number in 0..100 {
            let mut entries = entries.clone();
            entries.push(Entry::Call(a_call(&spec, 1_000_000 + number, None)));
            let signed = bundle(&ledger, &key(1), ledger.height() + 10_000, &entries);
            let verified = ledger.verify(signed, |_, _, _| Ok(false)).unwrap();
            last = Some(ledger.record(verified).unwrap());
            block_on(last.as_ref().unwrap().durable()).unwrap();
        }
        block_on(last.unwrap().finalized()).unwrap();
        let took = begun.elapsed();
        println!(
            "charged: {economy}; 100 signed bundles of 1001 calls: {took:?}, {:?} a call",
            took / 100_100
        );
        block_on(ledger.close());
    }
}
