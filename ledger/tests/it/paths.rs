//! Owners and rules in the state machine: whose word counts, what is left when one of several fails, what survives.

use crate::world::bundle;
use futures::executor::block_on;
use moot_ledger::rules::Scope;
use moot_ledger::state::{Block, OrderedBundle, State};
use moot_ledger::{Ledger, Options, Refusal};
use moot_record::{AccountId, Digest, Entry, EntryId, Keypair, StateKey, Transaction};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn own(path: &str, owner: Option<u8>) -> Transaction {
    Transaction::Own { path: path.into(), owner: owner.map(account) }
}

fn rule(pattern: &str, text: Option<&str>) -> Transaction {
    Transaction::Rule { pattern: pattern.into(), rule: text.map(Into::into) }
}

fn block(height: u64, by: u8, transactions: &[Transaction]) -> Block {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&height.to_le_bytes());
    let id = |slot| EntryId { lane: 0, batch: height, bundle: 0, page: 0, slot };
    let bundle = OrderedBundle {
        digest: Digest::from_bytes(digest),
        account: account(by),
        own: false,
        counts: true,
        valid_until: height,
        first: id(0),
        transactions: (0..).map(id).zip(transactions.iter().cloned()).collect(),
        values: Vec::new(),
        calls: Vec::new(),
        receipts: Vec::new(),
        bytes: 0,
    };
    Block {
        height,
        time_ms: height,
        digest: Digest::ZERO,
        bundles: vec![bundle],
        charges: vec![],
        to_come: BTreeSet::new(),
    }
}

fn say(state: &mut State, by: u8, transactions: &[Transaction]) -> Vec<Result<u32, Refusal>> {
    let changes = state.apply(&block(state.height() + 1, by, transactions));
    changes.outcomes.into_iter().map(|(_, outcome)| outcome.result).collect()
}

fn allowed(state: &State, path: &str, by: u8, value: &str) -> (bool, Option<String>) {
    let scope = Scope {
        account: Some(account(by)),
        function: None,
        value: Some(value.as_bytes()),
        value_bytes: value.len() as u64,
        now_ms: 0,
        height: state.height(),
        balance: &|account| state.balance(account),
    };
    let verdict = state.rules().judge(path, &scope);
    (verdict.allowed, verdict.rule.map(|rule| rule.pattern.as_str().to_owned()))
}

#[test]
fn only_the_owner_of_its_first_labels_says_what_a_pattern_rules() {
    let mut state = State::new();
    let nobodys = Refusal::NobodysPath { path: "/chat".into() };
    assert_eq!(say(&mut state, 1, &[rule("/chat/$room", Some("true"))]), [Err(nobodys)]);
    assert_eq!(say(&mut state, 1, &[own("/chat", Some(1)), own("/chat/lobby", Some(2))]), [Ok(0), Ok(0)]);
    let adas = || Err(Refusal::NotPathOwner { path: "/chat".into(), owner: account(1) });
    // The owner of one room does not rule them all; the owner of all does not rule that room.
    assert_eq!(say(&mut state, 2, &[rule("/chat/$room", Some("true"))]), [adas()]);
    let bobs = Err(Refusal::NotPathOwner { path: "/chat/lobby".into(), owner: account(2) });
    assert_eq!(say(&mut state, 1, &[rule("/chat/lobby/$n", Some("true"))]), [bobs]);

    assert_eq!(allowed(&state, "/chat/a", 9, "hi"), (false, None), "what no rule allows is denied");
    let mine = format!("auth.account == '{}' && path.room != 'closed'", account(9));
    assert_eq!(say(&mut state, 1, &[rule("/chat/$room", Some(&mine))]), [Ok(0)]);
    assert_eq!(say(&mut state, 2, &[rule("/chat/lobby", Some("value_size < 5"))]), [Ok(0)]);
    let of = |pattern: &str, yes: bool| (yes, Some(pattern.to_owned()));
    assert_eq!(allowed(&state, "/chat/a", 9, "hi"), of("/chat/$room", true));
    assert_eq!(allowed(&state, "/chat/a", 8, "hi"), of("/chat/$room", false));
    assert_eq!(allowed(&state, "/chat/closed/1", 9, "hi"), of("/chat/$room", false));
    assert_eq!(allowed(&state, "/chat/lobby/1", 8, "hi"), of("/chat/lobby", true));
    assert_eq!(allowed(&state, "/chat/lobby/1", 8, "longer"), of("/chat/lobby", false));

    let unreadable = say(&mut state, 1, &[rule("/chat/$room", Some("nobody()"))]);
    assert!(matches!(&unreadable[0], Err(Refusal::BadRule(why)) if why.contains("nobody")), "{unreadable:?}");
    assert_eq!(allowed(&state, "/chat/a", 9, "hi"), of("/chat/$room", true), "the one before stays");
    assert_eq!(say(&mut state, 1, &[rule("/chat/$other_name", None)]), [Ok(0)], "the same place");
    assert_eq!(allowed(&state, "/chat/a", 9, "hi"), (false, None));
}

#[test]
fn giving_up_freezes_what_is_below() {
    let mut state = State::new();
    let done = say(&mut state, 1, &[own("/law", Some(1)), rule("/law/$n", Some("false")), own("/law", None)]);
    assert_eq!(done, [Ok(0), Ok(0), Ok(0)]);
    let given_up = || Err(Refusal::PathGivenUp { path: "/law".into() });
    for said in
        [rule("/law/$n", Some("true")), rule("/law/$n", None), own("/law", Some(1)), own("/law/1", Some(1))]
    {
        assert_eq!(say(&mut state, 1, &[said]), [given_up()]);
    }
    assert_eq!(state.owner_of("/law/1"), Some(("/law", None)));
}

#[test]
fn a_refused_group_leaves_owners_and_rules_as_they_were() {
    let mut state = State::new();
    say(&mut state, 1, &[own("/a", Some(1)), rule("/a", Some("true"))]);
    let group = [
        Transaction::Together { count: 5 },
        rule("/a", Some("false")),
        rule("/a/$b", Some("false")),
        own("/a", Some(2)),
        own("/b", Some(1)),
        // Not hers any more.
        rule("/a", Some("false")),
    ];
    let results = say(&mut state, 1, &group);
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert!(allowed(&state, "/a/1", 1, "").0);
    assert_eq!(state.owner_of("/a"), Some(("/a", Some(account(1)))));
    assert_eq!((state.owner_of("/b"), state.rules().iter().count()), (None, 1));
}

fn anything() -> impl Strategy<Value = (u8, Transaction)> {
    let path = prop::sample::select(vec!["/a", "/a/x", "/a/x/y", "/b", "/b/x"]);
    let pattern = prop::sample::select(vec!["/a", "/a/$v", "/a/x/$v", "/a/$w", "/b/$v/$w", "/b/x"]);
    let text = prop::option::of(prop::sample::select(vec!["true", "path.v == 'x'", "value_size > 1", "1 +"]));
    let said = prop_oneof![
        (path, prop::option::weighted(0.9, 0..3u8)).prop_map(|(path, owner)| own(path, owner)),
        (pattern, text).prop_map(|(pattern, text)| rule(pattern, text)),
        (2..4u16).prop_map(|count| Transaction::Together { count }),
    ];
    (0..3u8, said)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The root is a function of the blocks and of the rows; a path that was given up stays so; what is refused changes
    /// no owner and no rule.
    #[test]
    fn any_history_is_lawful(steps in prop::collection::vec((0..3u8, prop::collection::vec(anything(), 1..5)), 1..25)) {
        let mut state = State::new();
        let mut rows: BTreeMap<StateKey, Vec<u8>> = BTreeMap::new();
        let mut given_up: Vec<&str> = Vec::new();
        for (by, said) in &steps {
            let said: Vec<Transaction> = said.iter().map(|(_, said)| said.clone()).collect();
            let mut twin = state.clone();
            let block = block(state.height() + 1, *by, &said);
            let changes = state.apply(&block);
            twin.apply(&block);
            prop_assert_eq!(state.root(), twin.root());
            let before = rows.clone();
            for (key, value) in changes.rows {
                match value {
                    Some(value) => drop(rows.insert(key, value.to_vec())),
                    None => drop(rows.remove(&key)),
                }
            }
            if changes.outcomes.iter().all(|(_, outcome)| outcome.result.is_err()) {
                prop_assert_eq!(&before, &rows);
            }
            let restored = State::restore(state.height(), state.history(), [], []).holding(rows.clone());
            prop_assert_eq!(restored.root(), state.root(), "the rows are all there is");
            for path in &given_up {
                prop_assert_eq!(state.owner_of(path), Some((*path, None)), "for good");
            }
            given_up = ["/a", "/a/x", "/a/x/y", "/b", "/b/x"]
                .into_iter()
                .filter(|path| state.owner_of(path) == Some((path, None)))
                .collect();
        }
    }
}

#[test]
fn rules_and_owners_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let with = crate::world::options(dir.path());
    let open_engine =
        || Ledger::open(Options::new(dir.path(), with.genesis.clone(), with.key.clone())).unwrap();
    let ledger = open_engine();
    let said = [own("/chat", Some(1)), rule("/chat/$room", Some("path.room == 'lobby' && value.n > 3"))];
    let entries = said.map(Entry::Transaction);
    let said = bundle(&ledger, &key(1), ledger.height() + 100, &entries);
    block_on(ledger.submit(said).unwrap().finalized()).unwrap();
    let judge = |ledger: &Ledger| {
        let of =
            |path: &str, value: &str| ledger.judge(path, Some(account(5)), None, value.as_bytes()).allowed;
        [of("/chat/lobby", "{\"n\": 4}"), of("/chat/lobby", "{\"n\": 3}"), of("/chat/attic", "{\"n\": 4}")]
    };
    assert_eq!(judge(&ledger), [true, false, false]);
    block_on(ledger.close());
    let ledger = open_engine();
    assert_eq!(judge(&ledger), [true, false, false]);
    let (at, owner) = ledger.owner_of("/chat/lobby").unwrap().unwrap();
    assert_eq!((at.as_str(), owner.owner), ("/chat", Some(account(1))));
    assert!(ledger.owner_of("/else").unwrap().is_none());
    block_on(ledger.close());
}
