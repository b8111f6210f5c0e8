//! Charging, as the state machine does it: who pays what, once, and nothing is made or lost.

use crate::world::{name, spec};
use moot_ledger::limits::{CHARGE_WINDOW_MS, PAYOUT_EVERY_BLOCKS};
use moot_ledger::state::charges::{Charge, ClientCalls, Elsewhere, Group, Written};
use moot_ledger::state::{Block, Changes, Charges, OpenBatch, OrderedBundle, Seats, State};
use moot_ledger::{PostingKind, Refusal, quote};
use moot_record::testing::Network;
use moot_record::{
    AccountId, Allocation, Digest, Economy, EntryId, Epochs, Genesis, Keypair, Payer, Payload, Prices, Spec,
    StateKey, Transaction, Value, component_digest,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NO_RULE: &str = "no rule applies, and what no rule allows is denied";
const PRICES: Prices = Prices { per_byte: 2, per_mega_fuel: 3, per_stored_byte: 5 };

fn key(n: u8) -> Keypair {
    // None of the validators', whose seeds count up from one.
    Keypair::from_seed([n + 100; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

/// A network of some validators where the accounts 0, 1, 2 have something, and four fifths of execution are the worker's.
fn genesis(validators: u8, balances: [u64; 3]) -> Genesis {
    let funded = (0..).zip(balances).filter(|(_, balance)| *balance > 0);
    let funded = funded.map(|(n, balance)| Allocation { account: account(n), balance });
    let genesis = Network::new(validators).genesis.with_accounts(funded.collect());
    Genesis { prices: PRICES, ..genesis }.with_economy(Economy {
        lockup_blocks: 10,
        seats: 4,
        worker_percent: 80,
    })
}

fn begin(genesis: &Genesis) -> State {
    State::genesis(genesis, Arc::new(Seats::new(genesis, Digest::ZERO)))
}

/// A bundle of so many bytes; `number` makes it unlike every other.
fn said(by: u8, number: u64, bytes: u64, transactions: &[Transaction]) -> OrderedBundle {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    let id = |slot| EntryId { lane: 0, batch: number, bundle: 0, page: 0, slot };
    OrderedBundle {
        digest: Digest::from_bytes(digest),
        account: account(by),
        own: false,
        counts: true,
        valid_until: 1 << 16,
        first: id(0),
        transactions: (0..).map(id).zip(transactions.iter().cloned()).collect(),
        values: Vec::new(),
        calls: Vec::new(),
        receipts: Vec::new(),
        bytes,
    }
}

fn apply(state: &mut State, bundles: Vec<OrderedBundle>, charges: Vec<Charges>) -> Changes {
    let height = state.height() + 1;
    state.apply(&Block {
        height,
        digest: Digest::ZERO,
        time_ms: height,
        bundles,
        charges,
        to_come: BTreeSet::new(),
    })
}

fn results(changes: Changes) -> Vec<Result<u32, Refusal>> {
    changes.outcomes.into_iter().map(|(_, outcome)| outcome.result).collect()
}

fn function(payer: Payer) -> Spec {
    Spec { payer, ..spec("/f", true, true) }
}

fn deploy(spec: &Spec, bytes: u64) -> Transaction {
    Transaction::deploy(name("f"), component_digest(b"f"), bytes, spec, None)
}

/// What batch `seq` of lane 0 asks to be charged: calls of a function, each with its receipt.
fn charges(seq: u64, group: Group, calls: u32, receipts: impl IntoIterator<Item = Charge>) -> Charges {
    Charges {
        place: (0, seq),
        digest: Digest::from_bytes([7; 32]),
        calls,
        clients: Vec::new(),
        groups: vec![group],
        receipts: receipts.into_iter().collect(),
        elsewhere: Vec::new(),
        early: Vec::new(),
        written: Vec::new(),
    }
}

/// Where a value stands that the replica of account 3 wrote down.
fn place_of_value(number: u64) -> EntryId {
    EntryId { lane: 0, batch: (1 << 21) + number, bundle: 0, page: 0, slot: 0 }
}

/// A value that the replica of account 3 wrote down: of nobody, of an account, or of the function of account 0.
fn wrote(number: u64, by: Option<u8>, function: bool) -> (OrderedBundle, Value) {
    let value = Value { account: by.map(account), ..Value::new("/a/b", Payload::inlined(b"hello")) };
    let value = match function {
        true => Value {
            account: Some(account(0)),
            function: Some(name("f")),
            parent: Some(place_of_value(0)),
            ..value
        },
        false => value,
    };
    let id = place_of_value(number);
    let bundle = said(3, number, 1 << 20, &[]);
    (
        OrderedBundle { own: true, counts: false, first: id, values: vec![(id, value.clone())], ..bundle },
        value,
    )
}

/// What a batch with such a value of a function says of its call.
fn written_in(number: u64, group: Group) -> Charges {
    let value = place_of_value(number);
    let written = vec![Written { value, call: place_of_value(0), group: Some(0) }];
    Charges { place: (0, value.batch), written, ..charges(0, group, 0, []) }
}

fn group(spec: &Spec, caller: Option<u8>) -> Group {
    Group { function: name("f"), spec: spec.digest(), caller: caller.map(account), worker: account(9) }
}

fn charge(batch: u64, call: u32, bytes: u64, fuel: u64) -> Charge {
    Charge { group: 0, batch, call, bytes, paid_bytes: 0, fuel }
}

/// A state in which account 0 owns the function, with what it has left.
fn with_function(spec: &Spec, balances: [u64; 3]) -> State {
    let mut state = begin(&genesis(1, balances));
    let done = results(apply(&mut state, vec![said(0, 1, 0, &[deploy(spec, 1)])], vec![]));
    assert_eq!(done, [Ok(1)]);
    state
}

#[test]
fn a_bundle_pays_for_its_bytes_or_nothing_of_it_counts() {
    let mut state = begin(&genesis(1, [1000, 0, 0]));
    let to = |amount| Transaction::Transfer { to: account(1), amount };
    assert_eq!(
        results(apply(&mut state, vec![said(0, 1, 100, &[to(10), to(900)])], vec![])),
        [Ok(0), Err(Refusal::Insufficient { balance: 790, needed: 900 })]
    );
    let balances = |state: &State| [state.balance(&account(0)), state.balance(&account(1)), state.pot()];
    assert_eq!(balances(&state), [790, 10, 200], "the bytes of what failed stay paid");
    // Of one that cannot pay nothing counts, and it is not tried again either.
    let poor = said(1, 2, 6, &[Transaction::Transfer { to: account(0), amount: 1 }]);
    let short = Err(Refusal::CannotPay { balance: 10, needed: 12 });
    assert_eq!(results(apply(&mut state, vec![poor.clone()], vec![])), [short]);
    apply(&mut state, vec![said(0, 3, 0, &[to(100)])], vec![]);
    assert_eq!(results(apply(&mut state, vec![poor], vec![])), [Err(Refusal::Duplicate)]);
    assert_eq!(balances(&state), [690, 110, 200]);
    // Calls alone: said once, at the bundle's first entry.
    let changes = apply(&mut state, vec![said(2, 4, 1, &[])], vec![]);
    assert_eq!(results(changes), [Err(Refusal::CannotPay { balance: 0, needed: 2 })]);
}

#[test]
fn a_deploy_pays_for_what_is_stored_and_a_group_gets_it_back() {
    let mut state = begin(&genesis(1, [1000, 0, 0]));
    let spec = function(Payer::Owner);
    let transfer = Transaction::Transfer { to: account(1), amount: 600 };
    let group = [Transaction::Together { count: 2 }, deploy(&spec, 100), transfer];
    let undone = || Err(Refusal::GroupRefused { place: 2 });
    let changes = apply(&mut state, vec![said(0, 1, 0, &group)], vec![]);
    assert!(changes.postings.is_empty(), "what was undone is in no statement");
    assert_eq!(
        results(changes),
        [undone(), undone(), Err(Refusal::Insufficient { balance: 500, needed: 600 })]
    );
    assert_eq!((state.balance(&account(0)), state.pot()), (1000, 0));
    let again = [deploy(&spec, 100), deploy(&spec, 100), deploy(&function(Payer::Caller), 200)];
    let done = results(apply(&mut state, vec![said(0, 2, 0, &again)], vec![]));
    // The same again changes nothing and costs nothing; the third is dearer than what is left.
    assert_eq!(done[..2], [Ok(1), Ok(1)]);
    assert!(matches!(&done[2], Err(Refusal::Stale { .. })));
    assert_eq!((state.balance(&account(0)), state.pot()), (500, 500));
    assert_eq!(quote(&PRICES, 10, &again).total(), 20 + 500 + 500 + 1000);
}

#[test]
fn a_receipt_is_charged_to_whom_the_manifest_says_and_once() {
    for (payer, at) in [(Payer::Owner, 0), (Payer::Caller, 1)] {
        let spec = function(payer);
        let mut state = with_function(&spec, [10_000, 10_000, 0]);
        let before = [0, 1, 9].map(|n| state.balance(&account(n)));
        let pot = state.pot();
        // 500 bytes at 2, 2,000,001 of fuel at 3 a million.
        let one = charges(5, group(&spec, Some(1)), 2, [charge(5, 0, 500, 2_000_001)]);
        let changes = apply(&mut state, vec![], vec![one.clone()]);
        let after = [0, 1, 9].map(|n| state.balance(&account(n)));
        let share = 6;
        assert_eq!(before[at] - after[at], 1000 + 7);
        assert_eq!(before[1 - at], after[1 - at]);
        assert_eq!((after[2] - before[2], state.pot() - pot), (share, 1000 + 7 - share));
        let paid = changes.postings.iter().find(|line| line.kind == PostingKind::Calls).unwrap();
        assert_eq!((paid.account, paid.units, paid.calls, paid.unpaid), (account(at as u8), 1007, 1, 0));
        // The same receipt in a later batch, with the call that is still open.
        let late = charges(6, group(&spec, Some(1)), 0, [charge(5, 0, 500, 9), charge(5, 1, 10, 0)]);
        apply(&mut state, vec![], vec![late.clone()]);
        assert_eq!(state.balance(&account(at as u8)), after[at] - 20);
        assert!(state.open_batch(&(0, 5)).is_none(), "all of its calls are answered");
        apply(&mut state, vec![], vec![late]);
        assert_eq!(state.balance(&account(at as u8)), after[at] - 20);
    }
}

#[test]
fn no_more_fuel_is_charged_than_the_manifest_allows_and_nothing_of_what_it_does_not_admit() {
    let mut spec = function(Payer::Owner);
    spec.limits.fuel = 1_000_000;
    spec.access = moot_record::Access::Accounts(vec![account(1)]);
    let mut state = with_function(&spec, [10_000, 10_000, 0]);
    let before = state.balance(&account(0));
    apply(&mut state, vec![], vec![charges(5, group(&spec, Some(1)), 1, [charge(5, 0, 0, u64::MAX)])]);
    assert_eq!(state.balance(&account(0)), before - 3);
    let other = Group { spec: Digest::ZERO, ..group(&spec, Some(1)) };
    for stranger in [group(&spec, None), group(&spec, Some(2)), other] {
        apply(&mut state, vec![], vec![charges(6, stranger, 1, [charge(6, 0, 100, 100)])]);
        assert_eq!(state.balance(&account(0)), before - 3);
    }
}

#[test]
fn what_a_payer_does_not_have_is_not_charged_and_stated() {
    let spec = function(Payer::Caller);
    let mut state = with_function(&spec, [1000, 30, 0]);
    let pot = state.pot();
    let changes =
        apply(&mut state, vec![], vec![charges(5, group(&spec, Some(1)), 1, [charge(5, 0, 10, 20_000_000)])]);
    // 20 for ordering come first, 10 are left of the 60 for execution, 8 of them the worker's.
    assert_eq!((state.balance(&account(1)), state.balance(&account(9)), state.pot() - pot), (0, 8, 22));
    let line = changes.postings.iter().find(|line| line.kind == PostingKind::Calls).unwrap();
    assert_eq!((line.units, line.unpaid), (30, 50));
    let changes =
        apply(&mut state, vec![], vec![charges(6, group(&spec, Some(1)), 1, [charge(6, 0, 10, 0)])]);
    let line = changes.postings.iter().find(|line| line.kind == PostingKind::Calls).unwrap();
    assert_eq!((line.units, line.unpaid), (0, 20));
}

#[test]
fn a_value_is_paid_by_who_wrote_it_before_it_is_judged() {
    let spec = function(Payer::Caller);
    let mut state = with_function(&spec, [2_000, 1_000, 0]);
    let fund = [Transaction::Transfer { to: account(3), amount: 1_000 }];
    apply(&mut state, vec![said(0, 2, 0, &fund)], vec![]);
    let supply = state.supply();
    let mut paid = |bundle: OrderedBundle, charges: Option<Charges>| {
        let before: Vec<u64> = (0..4).map(|n| state.balance(&account(n))).collect();
        let changes = apply(&mut state, vec![bundle], charges.into_iter().collect());
        assert_eq!(state.supply(), supply);
        let lines = changes.postings.iter().filter(|line| line.kind.is_paid());
        let lines: u64 = lines.map(|line| line.units).sum();
        let paid: Vec<u64> = (0..4).map(|n| before[usize::from(n)] - state.balance(&account(n))).collect();
        assert_eq!(paid.iter().sum::<u64>(), lines, "its statement says so");
        (paid, results(changes))
    };
    let denied = || vec![Err(Refusal::Denied { pattern: String::new(), why: NO_RULE.into() })];
    // An account that signed; nobody, so the replica; whoever called the function.
    let (bundle, value) = wrote(1, Some(1), false);
    let fee = |value: &Value| moot_ledger::value_fee(&PRICES, value);
    assert_eq!(paid(bundle, None), (vec![0, fee(&value), 0, 0], denied()));
    let (bundle, value) = wrote(2, None, false);
    assert_eq!(paid(bundle, None), (vec![0, 0, 0, fee(&value)], denied()));
    let (bundle, value) = wrote(3, None, true);
    let called = Some(written_in(3, group(&spec, Some(1))));
    assert_eq!(paid(bundle, called), (vec![0, fee(&value), 0, 0], denied()));
    // Of a call that is not there, of another function, or that the manifest admits nobody to make so: the replica.
    let (bundle, value) = wrote(4, None, true);
    assert_eq!(paid(bundle, None).0, [0, 0, 0, fee(&value)]);
    let other = Group { function: name("g"), ..group(&spec, Some(1)) };
    assert_eq!(paid(wrote(5, None, true).0, Some(written_in(5, other))).0, [0, 0, 0, fee(&value)]);
    assert_eq!(
        paid(wrote(6, None, true).0, Some(written_in(6, group(&spec, None)))).0,
        [0, 0, 0, fee(&value)]
    );
    // Who has not as much writes nothing, and is charged nothing.
    let (bundle, value) = wrote(7, Some(2), false);
    let short = Err(Refusal::Insufficient { balance: 0, needed: fee(&value) });
    assert_eq!(paid(bundle, None), (vec![0; 4], vec![short]));
    // What a client signed was paid with its bundle.
    let (bundle, value) = wrote(8, Some(1), false);
    let clients = OrderedBundle { own: false, counts: true, account: account(1), bytes: 7, ..bundle };
    assert_eq!(paid(clients, None).0, [0, 7 * PRICES.per_byte, 0, 0], "{value:?}");
}

#[test]
fn calls_of_a_void_bundle_are_charged_to_nobody() {
    let spec = function(Payer::Owner);
    let mut state = with_function(&spec, [10_000, 0, 0]);
    let before = state.balance(&account(0));
    // Account 2 has nothing: its bundle does not count, and the worker that ran its call gets nothing.
    let bundle = OrderedBundle {
        first: EntryId { lane: 0, batch: 5, bundle: 3, page: 0, slot: 0 },
        ..said(2, 5, 9, &[])
    };
    let mut asked = charges(5, group(&spec, Some(2)), 3, []);
    asked.clients = vec![ClientCalls { bundle: 3, first: 1, count: 2 }];
    apply(&mut state, vec![bundle], vec![asked]);
    let late =
        charges(6, group(&spec, Some(2)), 0, [charge(5, 1, 5, 5), charge(5, 2, 5, 5), charge(5, 0, 5, 0)]);
    apply(&mut state, vec![], vec![late]);
    assert_eq!(state.balance(&account(0)), before - 10, "the lane owner's own call is another matter");
}

/// Case 70: what a replica records in the name of a revoked key must cost nobody anything; what the key's owner has
/// promised to others goes on as long as there are units.
#[test]
fn case_70_a_revoked_key_pays_for_no_call_of_its_own_and_for_others_as_promised() {
    let revoke = |state: &mut State, by: u8, number| {
        let done = results(apply(state, vec![said(by, number, 0, &[Transaction::Revoke {}])], vec![]));
        assert_eq!(done, [Ok(0)]);
    };
    let call =
        |seq, spec: &Spec, caller| charges(seq, group(spec, Some(caller)), 1, [charge(seq, 0, 500, 9)]);
    let spec = function(Payer::Caller);
    let mut state = with_function(&spec, [10_000, 10_000, 0]);
    let before = [0, 1].map(|n| state.balance(&account(n)));
    revoke(&mut state, 1, 2);
    let changes = apply(&mut state, vec![], vec![call(5, &spec, 1)]);
    assert!(changes.postings.is_empty());
    let written = apply(&mut state, vec![wrote(7, Some(1), false).0], vec![]);
    let height = state.revoked().at(&account(1)).unwrap();
    assert_eq!(results(written), [Err(Refusal::AccountRevoked { account: account(1), height })]);
    assert_eq!([0, 1].map(|n| state.balance(&account(n))), before);

    let spec = function(Payer::Owner);
    let mut state = with_function(&spec, [10_000, 10_000, 0]);
    revoke(&mut state, 0, 2);
    let before = state.balance(&account(0));
    apply(&mut state, vec![], vec![call(5, &spec, 0)]);
    assert_eq!(state.balance(&account(0)), before, "a call by the key itself");
    apply(&mut state, vec![], vec![call(6, &spec, 1)]);
    assert_eq!((state.balance(&account(0)), state.balance(&account(9))), (before - 1001, 1));
    let by_function =
        apply(&mut state, vec![wrote(8, None, true).0], vec![written_in(8, group(&spec, Some(1)))]);
    let no_rule = Refusal::Denied { pattern: String::new(), why: NO_RULE.into() };
    assert_eq!(results(by_function), [Err(no_rule)], "judged as before");
    assert!(state.balance(&account(0)) < before - 1001, "and paid for as before");
    let upgrade = Transaction::deploy(name("f"), component_digest(b"g"), 1, &spec, Some(1));
    let height = state.revoked().at(&account(0)).unwrap();
    let refused = results(apply(&mut state, vec![said(0, 9, 0, &[upgrade])], vec![]));
    assert_eq!(refused, [Err(Refusal::Revoked { height })]);
    // A worker's share is given to nobody who could not use it.
    revoke(&mut state, 9, 10);
    let (before, pot) = (state.balance(&account(0)), state.pot());
    apply(&mut state, vec![], vec![call(11, &spec, 1)]);
    assert_eq!((before - state.balance(&account(0)), state.pot() - pot), (1001, 1001));
    assert_eq!(state.balance(&account(9)), 1);
}

/// A replica that missed a batch proposes the next first: the receipt waits for its call, and is charged once.
#[test]
fn a_receipt_that_comes_before_its_call_waits_for_it() {
    let spec = function(Payer::Owner);
    let mut state = with_function(&spec, [10_000, 0, 0]);
    let before = state.balance(&account(0));
    let call = EntryId { lane: 0, batch: 5, bundle: 0, page: 0, slot: 0 };
    let early = Elsewhere { call, call_digest: Digest::ZERO, worker: account(9), bytes: 10, fuel: 0 };
    let mut first = charges(6, group(&spec, None), 0, []);
    first.early = vec![early];
    let changes = apply(&mut state, vec![], vec![first]);
    assert_eq!((changes.early.len(), state.early_receipts(&(0, 5))), (1, [early].as_slice()));
    // Whoever applies blocks puts what waits beside its call.
    let came = charges(5, group(&spec, None), 1, [charge(5, 0, 10, 0)]);
    let changes = apply(&mut state, vec![], vec![came]);
    assert_eq!(changes.early, [((0, 5), None)]);
    assert_eq!(before - state.balance(&account(0)), 20);
    assert!(state.early_receipts(&(0, 5)).is_empty() && state.open_batch(&(0, 5)).is_none());
    // In one block, the receipt's batch first.
    let later = charges(8, group(&spec, None), 0, [charge(7, 0, 10, 0)]);
    apply(&mut state, vec![], vec![later, charges(7, group(&spec, None), 1, [])]);
    assert_eq!(before - state.balance(&account(0)), 40);
}

#[test]
fn bytes_that_a_bundle_paid_for_are_not_paid_again() {
    let spec = function(Payer::Owner);
    let mut state = with_function(&spec, [10_000, 0, 0]);
    let before = state.balance(&account(0));
    let receipt = Charge { paid_bytes: 60, ..charge(5, 0, 100, 0) };
    apply(&mut state, vec![], vec![charges(5, group(&spec, Some(1)), 1, [receipt])]);
    assert_eq!(state.balance(&account(0)), before - 80);
}

#[test]
fn a_call_is_charged_within_its_window_or_never() {
    let spec = function(Payer::Owner);
    for (late, charged) in [(CHARGE_WINDOW_MS, 20), (CHARGE_WINDOW_MS + 1, 0)] {
        let mut state = with_function(&spec, [10_000, 0, 0]);
        let before = state.balance(&account(0));
        let block = |height, time_ms, charges| Block {
            height,
            digest: Digest::ZERO,
            time_ms,
            bundles: vec![],
            charges: vec![charges],
            to_come: BTreeSet::new(),
        };
        state.apply(&block(2, 1000, charges(5, group(&spec, None), 1, [])));
        state.apply(&block(3, 1000 + late, charges(6, group(&spec, None), 0, [charge(5, 0, 10, 0)])));
        assert_eq!(before - state.balance(&account(0)), charged);
        assert!(state.open_batch(&(0, 5)).is_none());
    }
}

#[test]
fn the_committee_gets_the_pot_in_equal_parts_and_the_rest_stays() {
    let mut state = begin(&genesis(4, [1000, 0, 0]));
    apply(&mut state, vec![said(0, 1, 49, &[])], vec![]);
    assert_eq!(state.pot(), 98);
    let supply = state.supply();
    while state.height() < PAYOUT_EVERY_BLOCKS {
        assert_eq!(state.pot(), 98);
        apply(&mut state, vec![], vec![]);
    }
    let members = Network::new(4).genesis.validators;
    assert!(members.iter().all(|member| state.balance(member) == 24));
    assert_eq!((state.pot(), state.supply()), (2, supply));

    // With epochs: at the end of each.
    let epochs = Epochs { blocks: 8, authority: account(3) };
    let mut state = begin(&genesis(4, [1000, 0, 0]).with_epochs(epochs));
    apply(&mut state, vec![said(0, 1, 49, &[])], vec![]);
    while state.height() < 7 {
        apply(&mut state, vec![], vec![]);
    }
    assert!(members.iter().all(|member| state.balance(member) == 24));
}

#[test]
fn a_quorum_of_the_committee_sets_the_prices_from_the_next_block_on() {
    let network = Network::new(4);
    let mut genesis = genesis(4, [1000, 0, 0]);
    genesis
        .accounts
        .extend(network.genesis.validators.iter().map(|v| Allocation { account: *v, balance: 100 }));
    let genesis = genesis.clone().with_accounts(genesis.accounts);
    let mut state = begin(&genesis);
    let dear = Prices { per_byte: 4, ..PRICES };
    let vote = |member: usize, number, prices| OrderedBundle {
        account: network.validators[member].account(),
        ..said(0, number, 1, &[Transaction::Prices { prices }])
    };
    let stranger = said(0, 1, 1, &[Transaction::Prices { prices: dear }]);
    let refused = Err(Refusal::NotMember { account: account(0) });
    assert_eq!(results(apply(&mut state, vec![stranger], vec![])), [refused]);
    let root = state.root();
    apply(&mut state, vec![vote(0, 2, dear), vote(1, 3, dear), vote(1, 4, PRICES)], vec![]);
    assert_ne!(state.root(), root, "votes are state");
    apply(&mut state, vec![vote(2, 5, dear)], vec![]);
    assert_eq!(state.prices().unwrap().prices, PRICES, "two of the latest votes are not enough");
    assert_eq!(state.prices().unwrap().votes.len(), 3);
    let before = state.balance(&account(0));
    let changes = apply(&mut state, vec![vote(3, 6, dear), said(0, 7, 10, &[])], vec![]);
    assert_eq!(before - state.balance(&account(0)), 20, "in the block itself the old ones hold");
    assert_eq!(changes.prices.unwrap().prices, dear);
    apply(&mut state, vec![said(0, 8, 10, &[])], vec![]);
    assert_eq!(before - state.balance(&account(0)), 60);
    assert_eq!(state.prices().unwrap().votes.len(), 1, "those that were heeded are spent");
}

#[test]
fn without_an_economy_nothing_is_charged() {
    let genesis = Network::new(1).genesis;
    let mut state = begin(&genesis);
    let spec = function(Payer::Owner);
    let vote = Transaction::Prices { prices: PRICES };
    let done = apply(&mut state, vec![said(0, 1, 1000, &[deploy(&spec, 1000), vote])], vec![]);
    assert!(done.rows.is_empty() && done.postings.is_empty());
    assert_eq!(results(done), [Ok(1), Err(Refusal::NothingCharged)]);
    let done = apply(&mut state, vec![], vec![charges(5, group(&spec, None), 1, [charge(5, 0, 10, 10)])]);
    assert!(done.rows.is_empty() && done.open.is_empty());
    assert!(state.prices().is_none());
}

#[test]
fn a_frozen_function_never_changes_again() {
    let mut state = begin(&genesis(1, [100_000, 1000, 0]));
    let spec = function(Payer::Owner);
    let freeze = || Transaction::Freeze { name: name("f") };
    assert_eq!(
        results(apply(&mut state, vec![said(0, 1, 0, &[freeze()])], vec![])),
        [Err(Refusal::Unknown { name: name("f") })]
    );
    let second = Transaction::deploy(name("f"), component_digest(b"g"), 1, &spec, Some(1));
    apply(&mut state, vec![said(0, 2, 0, &[deploy(&spec, 1), second])], vec![]);
    let owner = Err(Refusal::NotOwner { name: name("f"), owner: account(0) });
    assert_eq!(results(apply(&mut state, vec![said(1, 3, 0, &[freeze()])], vec![])), [owner]);
    let root = state.root();
    assert_eq!(
        results(apply(&mut state, vec![said(0, 4, 0, &[freeze(), freeze()])], vec![])),
        [Ok(2), Ok(2)]
    );
    assert_ne!(state.root(), root);
    let third = Transaction::deploy(name("f"), component_digest(b"h"), 1, &spec, Some(2));
    let same = Transaction::deploy(name("f"), component_digest(b"g"), 1, &spec, Some(2));
    let back = Transaction::Rollback { name: name("f"), version: 1 };
    let retire = Transaction::Retire { name: name("f") };
    let frozen = || Err(Refusal::Frozen { name: name("f") });
    let done = results(apply(&mut state, vec![said(0, 5, 0, &[third, back, retire, same])], vec![]));
    assert_eq!(done, [frozen(), frozen(), frozen(), Ok(2)]);
    let record = &state.functions()[&name("f")];
    assert_eq!(moot_ledger::FunctionRecord::decode(&record.encode()).as_ref(), Ok(&**record));
    assert!(record.frozen && record.active().is_some());
}

#[derive(Debug, Clone)]
enum Event {
    Bundle { by: u8, bytes: u64, to: u8, amount: u64, again: bool },
    Batch { caller: Option<u8>, owner_pays: bool, calls: u32, receipts: Vec<(u8, u32, u64, u64)> },
    Vote { member: u8, per_byte: u64 },
    Value { by: Option<u8>, called: Option<bool> },
}

fn event() -> impl Strategy<Value = Event> {
    let fuel = prop_oneof![Just(0), 0..5_000_000u64, Just(u64::MAX)];
    let bytes = prop_oneof![0..50u64, Just(u64::MAX)];
    let receipt = (0..4u8, 0..5u32, bytes.clone(), fuel);
    prop_oneof![
        3 => (0..4u8, bytes, 0..10u8, 0..80u64, any::<bool>())
            .prop_map(|(by, bytes, to, amount, again)| Event::Bundle { by, bytes, to, amount, again }),
        4 => (prop::option::of(0..4u8), any::<bool>(), 0..5u32, prop::collection::vec(receipt, 0..8))
            .prop_map(|(caller, owner_pays, calls, receipts)| Event::Batch { caller, owner_pays, calls, receipts }),
        1 => (0..4u8, 0..4u64).prop_map(|(member, per_byte)| Event::Vote { member, per_byte }),
        2 => (prop::option::of(0..4u8), prop::option::of(any::<bool>()))
            .prop_map(|(by, called)| Event::Value { by, called }),
    ]
}

/// What a test keeps of a state as the disk would.
#[derive(Default)]
struct Rows {
    state: BTreeMap<StateKey, Vec<u8>>,
    open: BTreeMap<(u32, u64), OpenBatch>,
    counted: Vec<(u64, Digest)>,
}

impl Rows {
    fn take(&mut self, changes: &Changes) {
        for (key, value) in &changes.rows {
            match value {
                Some(value) => drop(self.state.insert(key.clone(), value.to_vec())),
                None => drop(self.state.remove(key)),
            }
        }
        for (place, batch) in &changes.open {
            match batch {
                Some(batch) => drop(self.open.insert(*place, batch.clone())),
                None => drop(self.open.remove(place)),
            }
        }
        self.counted.extend(&changes.counted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is said and charged: the sum of balances and pot stays, no call is charged twice, and a state that was
    /// stored and read again goes on as the one that was not.
    #[test]
    fn units_are_neither_made_nor_lost(
        blocks in prop::collection::vec(prop::collection::vec(event(), 0..6), 1..40),
        balances in prop_oneof![Just([100_000, 500, 3]), Just([u64::MAX - 1000, 10, 20])],
        epochs in any::<bool>(),
    ) {
        let genesis = genesis(4, balances);
        let genesis = if epochs { genesis.with_epochs(Epochs { blocks: 8, authority: account(3) }) } else { genesis };
        let supply: u128 = balances.iter().map(|balance| u128::from(*balance)).sum();
        let specs = [function(Payer::Owner), function(Payer::Caller)];
        let mut state = begin(&genesis);
        let mut rows = Rows::default();
        rows.state.extend(genesis.accounts.iter().map(|one| {
            let value = moot_record::Account::with(one.balance).encode();
            (StateKey::Account(one.account), value)
        }));
        let list = moot_record::PriceList { prices: genesis.prices, votes: vec![] };
        rows.state.insert(StateKey::Prices, list.encode());
        let second = Transaction::deploy(name("f"), component_digest(b"f"), 1, &specs[1], Some(1));
        rows.take(&apply(&mut state, vec![said(0, 1 << 20, 0, &[deploy(&specs[0], 1), second])], vec![]));
        let members = Network::new(4).validators;
        let (mut number, mut seq, mut charged) = (0u64, 0u64, BTreeMap::new());
        for events in blocks {
            let (mut bundles, mut batches) = (Vec::new(), Vec::new());
            for event in events {
                number += 1;
                match event {
                    Event::Bundle { by, bytes, to, amount, again } => {
                        let transfer = Transaction::Transfer { to: account(to), amount: amount + 1 };
                        let bundle = said(by, number, bytes, &[transfer]);
                        bundles.extend(again.then(|| bundle.clone()));
                        bundles.push(bundle);
                    }
                    Event::Vote { member, per_byte } => {
                        let prices = Prices { per_byte, ..PRICES };
                        let account = members[usize::from(member)].account();
                        bundles.push(OrderedBundle { account, ..said(0, number, 0, &[Transaction::Prices { prices }]) });
                    }
                    Event::Value { by, called } => {
                        bundles.push(wrote(number, by, called.is_some()).0);
                        if let Some(owner_pays) = called {
                            let group = group(&specs[usize::from(!owner_pays)], by);
                            batches.push(written_in(number, group));
                        }
                    }
                    Event::Batch { caller, owner_pays, calls, receipts } => {
                        seq += 1;
                        let spec = &specs[usize::from(!owner_pays)];
                        let receipts = receipts.iter().map(|(back, call, bytes, fuel)| {
                            charge(seq.saturating_sub((*back).into()), *call, *bytes, *fuel)
                        });
                        batches.push(charges(seq, group(spec, caller), calls, receipts));
                    }
                }
            }
            let height = state.height() + 1;
            let block = Block { height, digest: Digest::ZERO, time_ms: height, bundles, charges: batches, to_come: BTreeSet::new() };
            let functions = state.functions().values().cloned();
            let mut twin = State::restore(state.height(), state.history(), functions, rows.counted.clone())
                .seated(state.seats().unwrap().clone())
                .charging(&genesis)
                .expecting(rows.open.clone(), [])
                .holding(rows.state.clone());
            prop_assert_eq!(twin.root(), state.root(), "the rows are all there is");
            let changes = state.apply(&block);
            let twins = twin.apply(&block);
            prop_assert_eq!(twin.root(), state.root());
            prop_assert_eq!(&changes.open, &twins.open);
            prop_assert_eq!(&changes.postings, &twins.postings);
            prop_assert_eq!(state.supply(), supply);
            for line in &changes.postings {
                if line.kind == PostingKind::Calls {
                    *charged.entry(line.account).or_insert(0u64) += line.calls;
                }
            }
            rows.take(&changes);
        }
        // No more calls are charged than there are.
        prop_assert!(charged.values().sum::<u64>() <= seq * 4);
    }
}
