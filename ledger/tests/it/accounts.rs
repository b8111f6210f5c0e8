//! Balances: whatever is said, in whatever blocks, no unit is made or lost, and what counts together counts all or none.

use crate::world::{bundle, name, options};
use futures::executor::block_on;
use moot_ledger::state::{Block, OrderedBundle, Seats, State};
use moot_ledger::{Ledger, Outcome, Refusal};
use moot_record::testing::Network;
use moot_record::{
    AccountId, Allocation, Digest, Entry, EntryId, Genesis, Keypair, Transaction, component_digest,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn transfer(to: u8, amount: u64) -> Transaction {
    Transaction::Transfer { to: account(to), amount }
}

fn deploy(function: u8) -> Transaction {
    let spec = crate::world::spec("/f", true, true);
    let component = component_digest(&[function]);
    Transaction::deploy(name(&format!("f{function}")), component, 1, &spec, None)
}

/// A network where the accounts 0, 1, 2 have something.
fn genesis(balances: [u64; 3]) -> Genesis {
    let funded = (0..).zip(balances).filter(|(_, balance)| *balance > 0);
    let funded = funded.map(|(n, balance)| Allocation { account: account(n), balance });
    Network::new(1).genesis.with_accounts(funded.collect())
}

fn begin(genesis: &Genesis) -> State {
    State::genesis(genesis, Arc::new(Seats::new(genesis, Digest::ZERO)))
}

/// One bundle of `by`; `number` makes it unlike every other.
fn said(by: u8, number: u64, transactions: &[Transaction]) -> OrderedBundle {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_le_bytes());
    let id = |slot| EntryId { lane: 0, batch: number, bundle: 0, page: 0, slot };
    OrderedBundle {
        digest: Digest::from_bytes(digest),
        account: account(by),
        own: false,
        counts: true,
        valid_until: u64::MAX >> 1,
        first: id(0),
        transactions: (0..).map(id).zip(transactions.iter().cloned()).collect(),
        values: Vec::new(),
        calls: Vec::new(),
        receipts: Vec::new(),
        bytes: 0,
    }
}

fn apply(state: &mut State, bundles: Vec<OrderedBundle>) -> Vec<Result<u32, Refusal>> {
    let height = state.height() + 1;
    let bundles =
        bundles.into_iter().map(|bundle| OrderedBundle { valid_until: height + 10, ..bundle }).collect();
    let changes = state.apply(&Block {
        height,
        digest: Digest::ZERO,
        bundles,
        time_ms: 0,
        charges: vec![],
        to_come: BTreeSet::new(),
    });
    changes.outcomes.into_iter().map(|(_, Outcome { result, .. })| result).collect()
}

#[derive(Debug, Clone)]
enum Said {
    Transfer { to: u8, amount: u64 },
    Together { count: u16 },
    Deploy { function: u8 },
    Revoke,
}

fn anything() -> impl Strategy<Value = Said> {
    let amount = prop_oneof![0..40u64, Just(u64::MAX), Just(u64::MAX / 2), any::<u64>()];
    prop_oneof![
        6 => (0..4u8, amount).prop_map(|(to, amount)| Said::Transfer { to, amount }),
        2 => (0..5u16).prop_map(|count| Said::Together { count }),
        1 => (0..3u8).prop_map(|function| Said::Deploy { function }),
        1 => Just(Said::Revoke),
    ]
}

fn transaction(said: &Said) -> Transaction {
    match said {
        Said::Transfer { to, amount } => transfer(*to, *amount),
        Said::Together { count } => Transaction::Together { count: *count },
        Said::Deploy { function } => deploy(*function),
        Said::Revoke => Transaction::Revoke {},
    }
}

type Bundles = Vec<Vec<(u8, Vec<Said>)>>;

fn blocks() -> impl Strategy<Value = Bundles> {
    let bundle = (0..4u8, prop::collection::vec(anything(), 1..8));
    prop::collection::vec(prop::collection::vec(bundle, 0..4), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The sum of all balances is what the genesis gave; the root is the same for the same blocks and for a state
    /// restored from its rows; and a block whose every transaction was refused leaves all balances as they were.
    #[test]
    fn supply_is_conserved(blocks in blocks(), large in any::<bool>()) {
        let balances = if large { [u64::MAX - 30, 10, 20] } else { [50, 10, 0] };
        let genesis = genesis(balances);
        let supply: u128 = balances.iter().map(|balance| u128::from(*balance)).sum();
        let mut state = begin(&genesis);
        let mut rows: std::collections::BTreeMap<_, Vec<u8>> = genesis_rows(&genesis);
        let mut number = 0;
        for bundles in blocks {
            let made = bundles.iter().map(|(by, all)| {
                number += 1;
                let transactions: Vec<Transaction> = all.iter().map(transaction).collect();
                OrderedBundle { valid_until: state.height() + 5, ..said(*by, number, &transactions) }
            });
            let block = Block { height: state.height() + 1, digest: Digest::ZERO, bundles: made.collect(), time_ms: 0, charges: vec![], to_come: BTreeSet::new() };
            let mut twin = state.clone();
            let before: Vec<(AccountId, u64)> = state.accounts().map(|(of, balance)| (*of, balance)).collect();
            let changes = state.apply(&block);
            prop_assert_eq!(state.supply(), supply);
            prop_assert!(state.accounts().all(|(_, balance)| balance > 0));
            let outcomes: usize = block.bundles.iter().map(|bundle| bundle.transactions.len()).sum();
            prop_assert_eq!(changes.outcomes.len(), outcomes, "one outcome for each");
            if changes.outcomes.iter().all(|(_, outcome)| outcome.result.is_err()) {
                let after: Vec<(AccountId, u64)> = state.accounts().map(|(of, balance)| (*of, balance)).collect();
                prop_assert_eq!(before, after);
            }
            twin.apply(&block);
            prop_assert_eq!(twin.root(), state.root());
            for (key, value) in changes.rows {
                match value {
                    Some(value) => drop(rows.insert(key, value.to_vec())),
                    None => drop(rows.remove(&key)),
                }
            }
            let functions = state.functions().values().cloned();
            let restored = State::restore(state.height(), state.history(), functions, []);
            let restored = restored.seated(state.seats().unwrap().clone()).holding(rows.clone());
            prop_assert_eq!(restored.root(), state.root(), "the rows are all there is");
            prop_assert_eq!(restored.supply(), supply);
        }
    }
}

fn genesis_rows(genesis: &Genesis) -> std::collections::BTreeMap<moot_record::StateKey, Vec<u8>> {
    let row = |one: &Allocation| {
        let value = moot_record::Account::with(one.balance).encode();
        (moot_record::StateKey::Account(one.account), value)
    };
    genesis.accounts.iter().map(row).collect()
}

#[test]
fn a_failed_one_of_a_group_undoes_the_others_and_says_why() {
    let mut state = begin(&genesis([50, 0, 0]));
    let root = state.root();
    let group = |count, amounts: &[u64]| -> Vec<Transaction> {
        let transfers = amounts.iter().map(|amount| transfer(1, *amount));
        [Transaction::Together { count }, deploy(1)].into_iter().chain(transfers).collect()
    };
    let done = apply(&mut state, vec![said(0, 1, &group(3, &[30, 30]))]);
    let undone = || Err(Refusal::GroupRefused { place: 3 });
    let short = Err(Refusal::Insufficient { balance: 20, needed: 30 });
    assert_eq!(done, [undone(), undone(), undone(), short]);
    assert!(state.functions().is_empty(), "the deploy was undone as well");
    assert_eq!((state.balance(&account(0)), state.balance(&account(1))), (50, 0));
    assert_ne!(state.root(), root, "the outcomes are on the record");

    let done = apply(&mut state, vec![said(0, 2, &group(3, &[30, 20, 1]))]);
    let none_left = Err(Refusal::Insufficient { balance: 0, needed: 1 });
    assert_eq!(done, [Ok(3), Ok(1), Ok(0), Ok(0), none_left], "what follows the group stands alone");
    assert_eq!((state.balance(&account(0)), state.balance(&account(1))), (0, 50));
    assert_eq!(state.functions().len(), 1);
}

#[test]
fn a_group_that_is_cut_or_has_a_group_in_it_changes_nothing() {
    let mut state = begin(&genesis([50, 0, 0]));
    let cut = [transfer(1, 1), Transaction::Together { count: 3 }, transfer(1, 2), transfer(1, 3)];
    let incomplete = || Err(Refusal::GroupIncomplete { count: 3, left: 2 });
    assert_eq!(apply(&mut state, vec![said(0, 1, &cut)]), [Ok(0), incomplete(), incomplete(), incomplete()]);
    assert_eq!(state.balance(&account(1)), 1, "what came before stands alone");
    let nested = [
        Transaction::Together { count: 2 },
        transfer(1, 2),
        Transaction::Together { count: 2 },
        transfer(1, 3),
    ];
    let done = apply(&mut state, vec![said(0, 2, &nested)]);
    let undone = || Err(Refusal::GroupRefused { place: 2 });
    assert_eq!(done, [undone(), undone(), Err(Refusal::GroupInGroup), Ok(0)]);
    assert_eq!(state.balance(&account(1)), 4);
}

#[test]
fn one_bundle_recorded_twice_pays_once() {
    let mut state = begin(&genesis([50, 0, 0]));
    let pay = said(0, 1, &[transfer(1, 30)]);
    let pay = OrderedBundle { valid_until: 9, ..pay };
    for height in 1..=2 {
        state.apply(&Block {
            height,
            digest: Digest::ZERO,
            bundles: vec![pay.clone(), pay.clone()],
            time_ms: 0,
            charges: vec![],
            to_come: BTreeSet::new(),
        });
    }
    assert_eq!((state.balance(&account(0)), state.balance(&account(1))), (20, 30));
}

/// Case 70: whoever holds a key that its owner has revoked must get nothing done with it, also not by what it signed
/// before and what comes late.
#[test]
fn case_70_nothing_that_a_revoked_key_signs_counts() {
    let mut state = begin(&genesis([50, 10, 0]));
    let early = said(0, 1, &[transfer(1, 1)]);
    let last = said(0, 2, &[transfer(2, 20), Transaction::Revoke {}, transfer(2, 5)]);
    let height = state.height() + 1;
    let void = || Err(Refusal::Revoked { height });
    assert_eq!(apply(&mut state, vec![last]), [Ok(0), Ok(0), void()], "from that very moment");
    assert_eq!(state.revoked().at(&account(0)), Some(height));
    let deploys = said(0, 3, &[transfer(1, 30), deploy(1)]);
    let others = vec![early, deploys, said(0, 4, &[Transaction::Revoke {}]), said(0, 5, &[])];
    assert_eq!(apply(&mut state, others), [void(), void(), void(), void(), void()]);
    assert_eq!((state.balance(&account(0)), state.functions().len()), (30, 0));
    // What nobody can use any more is not given away by mistake.
    let own = |owner| Transaction::Own { path: "/a".into(), owner: Some(account(owner)) };
    let unusable = || Err(Refusal::AccountRevoked { account: account(0), height });
    let given = apply(&mut state, vec![said(1, 6, &[transfer(0, 1), own(1), own(0), transfer(2, 1)])]);
    assert_eq!(given, [unusable(), Ok(0), unusable(), Ok(0)]);
    // Where nothing else is there, the revocation is.
    assert_eq!(apply(&mut state, vec![said(7, 7, &[Transaction::Revoke {}])]), [Ok(0)]);
    assert_eq!(state.revoked().at(&account(7)), Some(state.height()));
}

/// Case 70: the same revocation handed to two replicas is ordered twice, and is no other thing than any bundle then.
#[test]
fn case_70_a_revocation_counts_once_and_with_its_group_or_not_at_all() {
    let mut state = begin(&genesis([50, 10, 0]));
    let rescue = |amount| [Transaction::Together { count: 2 }, transfer(2, amount), Transaction::Revoke {}];
    let failed = apply(&mut state, vec![said(0, 1, &rescue(51))]);
    assert!(failed.iter().all(Result::is_err), "{failed:?}");
    let after = [Transaction::Together { count: 2 }, Transaction::Revoke {}, transfer(2, 1)];
    let failed = apply(&mut state, vec![said(0, 2, &after)]);
    let undone = || Err(Refusal::GroupRefused { place: 2 });
    assert_eq!(failed, [undone(), undone(), Err(Refusal::Revoked { height: state.height() })]);
    assert_eq!((state.revoked().at(&account(0)), state.balance(&account(0))), (None, 50));
    let done = said(0, 3, &rescue(50));
    let twice = apply(&mut state, vec![done.clone(), done]);
    let again = || Err(Refusal::Duplicate);
    assert_eq!(twice, [Ok(2), Ok(0), Ok(0), again(), again(), again()]);
    assert_eq!((state.balance(&account(0)), state.balance(&account(2))), (0, 50));
    // The key of the replica itself is needed for its lane.
    assert_eq!(apply(&mut state, vec![said(1, 4, &[Transaction::Revoke {}])]), [Err(Refusal::StillSeated)]);
    assert_eq!(apply(&mut state, vec![said(1, 5, &[transfer(2, 10)])]), [Ok(0)]);
}

/// A ledger on disk: the transfer is final, survives a restart, and is not done again.
#[test]
fn balances_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let funded = |dir: &std::path::Path| moot_ledger::Options { genesis: genesis([50, 0, 0]), ..engine(dir) };
    let open = || Ledger::open(funded(dir.path())).unwrap();
    let ledger = open();
    assert_eq!(ledger.balance(&account(0)).unwrap(), 50, "from the genesis, before the first block");
    let said = bundle(&ledger, &key(0), ledger.height() + 100, &[Entry::Transaction(transfer(1, 30))]);
    let pending = ledger.submit(said.clone()).unwrap();
    block_on(pending.finalized()).unwrap();
    let balances = |ledger: &Ledger| [0, 1].map(|n| ledger.balance(&account(n)).unwrap());
    assert_eq!(balances(&ledger), [20, 30]);
    block_on(ledger.close());
    let ledger = open();
    assert_eq!(balances(&ledger), [20, 30]);
    assert!(matches!(ledger.submit(said), Err(moot_ledger::Refused::Duplicate(_))));
    let poor = bundle(&ledger, &key(0), ledger.height() + 100, &[Entry::Transaction(transfer(1, 21))]);
    let poor = ledger.submit(poor).unwrap();
    block_on(poor.finalized()).unwrap();
    let outcome = ledger.transaction_outcome(poor.id()).unwrap().unwrap();
    assert_eq!(outcome.result, Err(Refusal::Insufficient { balance: 20, needed: 21 }));
    assert_eq!(balances(&ledger), [20, 30]);
    block_on(ledger.close());
}

/// Options of a ledger with an engine of its own.
fn engine(dir: &std::path::Path) -> moot_ledger::Options {
    let with = options(dir);
    moot_ledger::Options::new(dir, with.genesis, with.key)
}

/// Prints what an account and a transfer cost; run by hand, with `--release`, and `--ignored --nocapture`.
#[test]
#[ignore = "measures, and takes a while"]
fn what_accounts_cost() {
    const ACCOUNTS: u64 = 200_000;
    let of = |n: u64| {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        AccountId::from_bytes(bytes)
    };
    let rows = (0..ACCOUNTS)
        .map(|n| (moot_record::StateKey::Account(of(n)), moot_record::Account::with(1_000_000).encode()));
    let begun = std::time::Instant::now();
    let mut state = State::new().holding(rows);
    println!("{ACCOUNTS} accounts: tree built in {:?}", begun.elapsed());
    let mut height = 0;
    for transfers in [1u64, 100, 10_000] {
        let transactions: Vec<(EntryId, Transaction)> = (0..transfers)
            .map(|n| {
                let id = EntryId { lane: 0, batch: height, bundle: 0, page: 0, slot: n as u16 };
                (id, Transaction::Transfer { to: of(n * 13 % ACCOUNTS), amount: 1 })
            })
            .collect();
        height += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&height.to_le_bytes());
        let first = transactions[0].0;
        let digest = Digest::from_bytes(digest);
        let bundle = OrderedBundle {
            digest,
            account: of(0),
            valid_until: height + 1,
            first,
            transactions,
            ..said(0, height, &[])
        };
        let begun = std::time::Instant::now();
        let changes = state.apply(&Block {
            height,
            digest,
            bundles: vec![bundle],
            time_ms: 0,
            charges: vec![],
            to_come: BTreeSet::new(),
        });
        let took = begun.elapsed();
        assert!(changes.outcomes.iter().all(|(_, outcome)| outcome.result.is_ok()));
        println!("a block of {transfers} transfers: {took:?}, {:?} each", took / transfers as u32);
    }
}
