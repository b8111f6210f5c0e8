//! Values: judged by the rules in the block's order, on every replica alike; delivered when they are allowed.

use crate::town::Town;
use crate::world::{bundle, deploy, name, spec};
use futures::executor::block_on;
use moot_ledger::state::{Block, OrderedBundle, State};
use moot_ledger::{Fate, Ledger, Options, PayloadBytes, Refusal, ValueTurn};
use moot_record::{AccountId, Digest, Entry, EntryId, Keypair, Payload, StateKey, Transaction, Value};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn own(path: &str, owner: u8) -> Transaction {
    Transaction::Own { path: path.into(), owner: Some(account(owner)) }
}

fn rule(pattern: &str, text: &str) -> Transaction {
    Transaction::Rule { pattern: pattern.into(), rule: Some(text.into()) }
}

fn value(path: &str, text: &str, by: Option<u8>) -> Value {
    Value { account: by.map(account), ..Value::new(path, Payload::inlined(text.as_bytes())) }
}

/// A bundle in a place of its own.
fn said(batch: u64, by: u8, own: bool, transactions: &[Transaction], values: &[Value]) -> OrderedBundle {
    let mut digest = [by; 32];
    digest[..8].copy_from_slice(&batch.to_le_bytes());
    let id = |slot| EntryId { lane: 0, batch, bundle: 0, page: 0, slot };
    let after = u16::try_from(transactions.len()).unwrap();
    OrderedBundle {
        digest: Digest::from_bytes(digest),
        account: account(by),
        own,
        counts: !own || !transactions.is_empty(),
        valid_until: 1000,
        first: id(0),
        transactions: (0..).map(id).zip(transactions.iter().cloned()).collect(),
        values: (after..).map(id).zip(values.iter().cloned()).collect(),
        calls: Vec::new(),
        receipts: Vec::new(),
        bytes: 0,
    }
}

fn block(height: u64, bundles: Vec<OrderedBundle>) -> Block {
    Block {
        height,
        time_ms: 1_000_000 + height,
        digest: Digest::ZERO,
        bundles,
        charges: vec![],
        to_come: BTreeSet::new(),
    }
}

/// What became of the values: paths of those allowed, and refusals.
fn judged(state: &mut State, bundles: Vec<OrderedBundle>) -> (Vec<String>, Vec<Refusal>) {
    let changes = state.apply(&block(state.height() + 1, bundles));
    let refused = changes.outcomes.into_iter().filter_map(|(_, outcome)| outcome.result.err()).collect();
    (changes.values.into_iter().map(|(_, path)| path).collect(), refused)
}

fn denied(pattern: &str, why: &str) -> Refusal {
    Refusal::Denied { pattern: pattern.into(), why: why.into() }
}

#[test]
fn a_value_is_judged_in_its_turn_and_a_denied_one_leaves_why() {
    let mut state = State::new();
    let nothing = "no rule applies, and what no rule allows is denied";
    let (allowed, refused) =
        judged(&mut state, vec![said(1, 2, false, &[], &[value("/chat/a", "x", Some(2))])]);
    assert_eq!((allowed.as_slice(), refused.as_slice()), (&[][..], &[denied("", nothing)][..]));

    // The rules of a bundle count for its own values, and for those that come after it in the block alone.
    let before = said(2, 2, false, &[], &[value("/chat/a", "x", Some(2))]);
    let text = format!("auth.account == '{}' || value == 'open'", account(2));
    let set =
        said(3, 1, false, &[own("/chat", 1), rule("/chat/$room", &text)], &[value("/chat/b", "x", Some(1))]);
    let after = [value("/chat/c", "x", Some(2)), value("/chat/d", "open", None), value("/chat/e", "x", None)];
    let after = said(4, 2, false, &[], &after);
    let root = state.root();
    let (allowed, refused) = judged(&mut state, vec![before, set, after]);
    assert_eq!(allowed, ["/chat/c", "/chat/d"]);
    let no = || denied("/chat/$room", "the rule says no");
    assert_eq!(refused, [denied("", nothing), no(), no()]);
    assert_ne!(state.root(), root);
    // What is allowed is no state; what is denied leaves its outcome in it.
    let root = state.root();
    judged(&mut state, vec![said(5, 2, false, &[], &[value("/chat/c", "again", Some(2))])]);
    assert_eq!(state.root(), root);
    judged(&mut state, vec![said(6, 3, false, &[], &[value("/chat/c", "again", Some(3))])]);
    assert_ne!(state.root(), root);
}

/// In its own lane a replica says who wrote; nobody else says it of somebody else.
#[test]
fn a_client_writes_in_its_own_name_and_a_function_in_its_owners() {
    let mut state = State::new();
    let clerk = |by: u8, function: &str| Value {
        function: Some(name(function)),
        parent: Some("0-1-0-0-0".parse().unwrap()),
        ..value("/a/x", "x", Some(by))
    };
    let Entry::Transaction(deployed) = deploy("clerk", b"code", &spec("/clerk", true, true), None) else {
        panic!("a deploy")
    };
    let only = "auth.function == 'clerk' || auth.account == null";
    let setup = [own("/a", 1), rule("/a", only), deployed];
    judged(&mut state, vec![said(1, 1, false, &setup, &[])]);
    let by_client =
        [value("/a/1", "x", None), value("/a/2", "x", Some(3)), clerk(2, "clerk"), clerk(3, "clerk")];
    let (allowed, refused) = judged(&mut state, vec![said(2, 2, false, &[], &by_client)]);
    assert_eq!(allowed, ["/a/1"]);
    let other = || Refusal::NotSigner { account: account(3) };
    assert_eq!(refused, [other(), Refusal::NotByFunction, other()]);
    // A replica's own bundle need not count, so it may come again; and its word about accounts is taken.
    let by_replica = [value("/a/3", "x", Some(3)), clerk(1, "clerk"), clerk(3, "clerk"), clerk(1, "other")];
    for _ in 0..2 {
        let (allowed, refused) = judged(&mut state, vec![said(3, 9, true, &[], &by_replica)]);
        assert_eq!(allowed, ["/a/x"]);
        assert_eq!(
            refused,
            [
                denied("/a", "the rule says no"),
                Refusal::NotOwner { name: name("clerk"), owner: account(1) },
                Refusal::Unknown { name: name("other") }
            ]
        );
    }
}

#[test]
fn a_void_bundle_takes_its_values_along() {
    let mut state = State::new();
    judged(&mut state, vec![said(1, 1, false, &[own("/a", 1), rule("/a", "true")], &[])]);
    let twice = said(2, 2, false, &[], &[value("/a/1", "x", Some(2)), value("/a/2", "x", Some(2))]);
    let (allowed, refused) = judged(&mut state, vec![twice.clone(), twice]);
    assert_eq!(allowed, ["/a/1", "/a/2"]);
    assert_eq!(refused, [Refusal::Duplicate, Refusal::Duplicate]);
    let late =
        OrderedBundle { valid_until: 1, ..said(3, 2, false, &[own("/b", 2)], &[value("/a/3", "x", None)]) };
    let (allowed, refused) = judged(&mut state, vec![late]);
    assert!(allowed.is_empty());
    assert_eq!(refused, vec![Refusal::Expired { valid_until: 1 }; 2]);
}

type Wish = (u8, Vec<(u8, u8, u8)>, Option<u8>);

/// One of many things that a block may bring: who says it, values by path, text and writer, and a change.
fn any_bundle() -> impl Strategy<Value = Wish> {
    let values = prop::collection::vec((0u8..4, 0u8..6, 1u8..4), 0..60);
    (1u8..4, values, prop::option::of(0u8..9))
}

const RULES: [&str; 6] = [
    "true",
    "value_size < 3",
    "value == 'ab'",
    "path.x != '2'",
    "auth.account != null",
    "balance(auth.account) > 5",
];

fn made(batch: u64, (by, values, change): Wish) -> OrderedBundle {
    let values = values.into_iter().map(|(path, text, by)| {
        value(&format!("/p{path}/{}", text % 3), &"abc"[..usize::from(text % 4)], Some(by))
    });
    let change = change.map(|n| match RULES.get(usize::from(n)) {
        Some(text) => rule(&format!("/p{}/$x", n % 4), text),
        None => Transaction::Transfer { to: account(n % 3 + 1), amount: u64::from(n) },
    });
    said(batch, by, true, change.as_slice(), &values.collect::<Vec<_>>())
}

proptest! {
    /// Whether a block's values are judged one after the other or abreast, the verdicts are the same; also where the rules,
    /// and what accounts have, change among them.
    #[test]
    fn judging_abreast_changes_nothing(bundles in prop::collection::vec(any_bundle(), 1..6)) {
        let rows = (1..4).map(|n| {
            (StateKey::Account(account(n)), moot_record::Account::with(u64::from(n) * 4).encode())
        });
        let mut abreast = State::new().holding(rows);
        let owned = (0..4).map(|n| own(&format!("/p{n}"), 1));
        let ruled = (0..4).map(|n| rule(&format!("/p{n}/$x"), RULES[n + 2]));
        let setup: Vec<Transaction> = owned.chain(ruled).collect();
        abreast.apply(&block(1, vec![said(0, 1, false, &setup, &[])]));
        let mut made: Vec<OrderedBundle> =
            (1..).zip(bundles).map(|(batch, wish)| made(batch, wish)).collect();
        // So many that they are.
        let more: Vec<Value> = (0..80u8).map(|n| value(&format!("/p{}/{n}", n % 4), "ab", Some(1))).collect();
        made.push(said(99, 1, true, &[], &more));
        let mut one_by_one = abreast.clone();
        let together = abreast.apply(&block(2, made.clone()));
        let (mut values, mut outcomes) = (Vec::new(), Vec::new());
        for bundle in made {
            let mut parts: Vec<_> = bundle.values.chunks(40).map(<[_]>::to_vec).collect();
            if parts.is_empty() {
                parts.push(Vec::new());
            }
            for (index, values_of) in parts.into_iter().enumerate() {
                let transactions = if index == 0 { bundle.transactions.clone() } else { Vec::new() };
                let counts = bundle.counts && index == 0;
                let part = OrderedBundle { counts, transactions, values: values_of, ..bundle.clone() };
                let changes = one_by_one.apply(&block(one_by_one.height() + 1, vec![part]));
                values.extend(changes.values);
                outcomes.extend(changes.outcomes.into_iter().map(|(id, outcome)| (id, outcome.result)));
            }
        }
        let at_once: Vec<_> = together.outcomes.into_iter().map(|(id, outcome)| (id, outcome.result)).collect();
        prop_assert_eq!(together.values, values);
        prop_assert_eq!(at_once, outcomes);
    }
}

/// A network of one with the engine, where something may be written below `/a`.
fn one(dir: &std::path::Path) -> Ledger {
    let with = crate::world::options(dir);
    Ledger::open(Options::new(dir, with.genesis, with.key)).unwrap()
}

fn open_path(ledger: &Ledger) {
    let said = [own("/a", 1), rule("/a", "value_size != 3")].map(Entry::Transaction);
    let said = bundle(ledger, &key(1), ledger.height() + 100, &said);
    block_on(ledger.submit(said).unwrap().finalized()).unwrap();
}

fn write(ledger: &Ledger, path: &str, text: &[u8], by: Option<u8>) -> EntryId {
    let value = Value { account: by.map(account), ..Value::new(path, Payload::inlined(text)) };
    let pending = ledger.append_value(value, PayloadBytes::Keep(text.to_vec().into())).unwrap();
    block_on(pending.finalized()).unwrap();
    pending.id()
}

#[test]
fn the_newest_value_of_a_path_is_found_and_all_in_order_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = one(dir.path());
    open_path(&ledger);
    let start = ValueTurn::after_block(ledger.values_height().unwrap());
    let mut ids = Vec::new();
    for n in 0..10u8 {
        ids.push(write(&ledger, &format!("/a/{}", n % 3), &[n], Some(2)));
    }
    let no = write(&ledger, "/a/1", b"bad", Some(2));
    let refusal = ledger.denied(no).unwrap();
    assert_eq!(refusal, Some(denied("/a", "the rule says no")));
    assert_eq!(
        (ledger.denied(ids[0]).unwrap(), ledger.latest_value("/a/9").unwrap().is_none()),
        (None, true)
    );
    let large = vec![7; 100_000];
    let large_id = write(&ledger, "/a/large", &large, None);
    let check = |ledger: &Ledger| {
        let last = ledger.latest_value("/a/1").unwrap().unwrap();
        assert_eq!(
            (last.id, last.value.account, last.value.payload.inline),
            (ids[7], Some(account(2)), Some(vec![7]))
        );
        assert!(last.height > 0 && last.time_ms > 0);
        let below = ledger.values_below("/a", None, 9).unwrap();
        let paths: Vec<&str> = below.iter().map(|found| found.value.path.as_str()).collect();
        assert_eq!(paths, ["/a/0", "/a/1", "/a/2", "/a/large"]);
        let rest = ledger.values_below("/a", Some("/a/1"), 1).unwrap();
        assert_eq!(rest[0].value.path, "/a/2");
        let (all, reached) = ledger.values_after(start, |path| path != "/a/2").unwrap();
        let expected: Vec<EntryId> =
            ids.iter().enumerate().filter(|(n, _)| n % 3 != 2).map(|(_, id)| *id).chain([large_id]).collect();
        assert_eq!(all.iter().map(|found| found.id).collect::<Vec<_>>(), expected);
        assert_eq!(reached, ledger.value_turn(large_id).unwrap().unwrap());
        assert!(ledger.values_after(reached, |_| true).unwrap().0.is_empty());
        let turn = ledger.value_turn(ids[8]).unwrap().unwrap();
        let (after, _) = ledger.values_after(turn, |_| true).unwrap();
        assert_eq!(after.iter().map(|found| found.id).collect::<Vec<_>>(), [ids[9], large_id]);
        assert_eq!(ledger.value_turn(no).unwrap(), None::<ValueTurn>);
        assert_eq!(ledger.payload(large_id).unwrap().unwrap(), large);
    };
    check(&ledger);
    block_on(ledger.close());
    check(&one(dir.path()));
}

/// A denied value at a bundle's first place says nothing about the bundle's calls.
#[test]
fn a_denied_value_does_not_void_the_calls_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = one(dir.path());
    let entries = [Entry::Value(value("/nobodys", "x", None)), Entry::Call(crate::world::call(1))];
    let signed = bundle(&ledger, &key(5), ledger.height() + 100, &entries);
    let pending = ledger.submit(signed).unwrap();
    block_on(pending.finalized()).unwrap();
    assert!(matches!(ledger.fate(pending.id()).unwrap(), Fate::Counts { .. }));
    assert!(matches!(ledger.denied(pending.id()).unwrap(), Some(Refusal::Denied { .. })));
}

/// Values of every lane, some of them denied, with a replica that comes late: the same verdicts and the same order.
#[tokio::test]
async fn what_one_lane_says_all_judge_alike() {
    let mut town = Town::started(4, 5);
    let signed =
        [own("/a", 1), rule("/a/$n", "int(path.n) % 3 != 0 && value_size < 5000")].map(Entry::Transaction);
    let signed = bundle(&town.ledger(1), &key(1), 1000, &signed);
    town.ledger(1).submit(signed).unwrap().durable().await.unwrap();
    town.settle().await;
    town.stop(3);
    let mut ids = Vec::new();
    for n in 0..60u64 {
        let ledger = town.ledger(usize::try_from(n % 3).unwrap());
        let bytes = vec![1; if n % 5 == 0 { 4999 } else { 9 }];
        let said =
            Value { account: Some(account(7)), ..Value::new(format!("/a/{n}"), Payload::inlined(&bytes)) };
        let pending = match n % 4 {
            0 => {
                let said = Value { account: Some(account(8)), ..said };
                ledger.submit(bundle(&ledger, &key(8), 1000, &[Entry::Value(said)])).unwrap()
            }
            _ => ledger.append_value(said, PayloadBytes::Keep(bytes.into())).unwrap(),
        };
        pending.durable().await.unwrap();
        ids.push(pending.id());
        if n % 7 == 0 {
            town.view(usize::try_from(n).unwrap() % 3, std::time::Duration::from_millis(200)).await;
        }
    }
    town.settle().await;
    town.start(3);
    town.settle().await;
    town.assert_equal();
    let all = |ledger: &Ledger| -> Vec<EntryId> {
        let (found, _) = ledger.values_after(ValueTurn::default(), |_| true).unwrap();
        found.into_iter().map(|found| found.id).collect()
    };
    let first = all(&town.ledger(0));
    assert_eq!(first.len(), 40);
    for (me, ledger) in town.running() {
        assert_eq!(all(&ledger), first, "at {me}");
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(ledger.denied(*id).unwrap().is_some(), n % 3 == 0, "{n} at {me}");
        }
    }
}
