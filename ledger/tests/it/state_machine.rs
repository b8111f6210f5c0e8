//! The state machine as a pure function: any sequence of transactions, any split into blocks.

use crate::world::{name, spec};
use moot_ledger::limits::{CROWDED_VALIDITY_BLOCKS, MAX_COUNTED_BUNDLES, MAX_VALIDITY_BLOCKS};
use moot_ledger::state::{Block, OrderedBundle, State};
use moot_ledger::{FunctionRecord, Refusal};
use moot_record::{AccountId, Digest, EntryId, Transaction, component_digest};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One transaction of a small world, where everything meets everything.
#[derive(Debug, Clone)]
enum Said {
    Deploy { code: u8, upgradable: bool, destructible: bool, previous: Option<u32>, garbage: bool },
    Rollback { version: u32 },
    Retire,
}

#[derive(Debug, Clone)]
struct Step {
    account: u8,
    function: u8,
    said: Said,
    /// Zero: expired.
    valid_for: u64,
    repeat: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let deploy = (
        0..3u8,
        prop::bool::weighted(0.8),
        any::<bool>(),
        prop::option::of(0..4u32),
        prop::bool::weighted(0.05),
    );
    prop_oneof![
        6 => deploy.prop_map(|(code, upgradable, destructible, previous, garbage)| Said::Deploy {
            code, upgradable, destructible, previous, garbage
        }),
        2 => (0..5u32).prop_map(|version| Said::Rollback { version }),
        1 => Just(Said::Retire),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..3u8, 0..3u8, said(), 0..20u64, prop::bool::weighted(0.1)).prop_map(
        |(account, function, said, valid_for, repeat)| Step { account, function, said, valid_for, repeat },
    );
    prop::collection::vec(step, 1..60)
}

fn transaction(step: &Step) -> Transaction {
    let function = name(&format!("f{}", step.function));
    match &step.said {
        Said::Deploy { code, upgradable, destructible, previous, garbage } => {
            let spec = spec("/f", *upgradable, *destructible).encode();
            let spec = if *garbage { vec![0xff; 5] } else { spec };
            let component = component_digest(&[*code]);
            Transaction::Deploy { name: function, component, component_bytes: 1, spec, previous: *previous }
        }
        Said::Rollback { version } => Transaction::Rollback { name: function, version: *version },
        Said::Retire => Transaction::Retire { name: function },
    }
}

/// The steps as blocks of `size` bundles.
fn blocks(steps: &[Step], size: usize) -> Vec<Block> {
    let mut made: Vec<OrderedBundle> = Vec::new();
    for (index, step) in (0u64..).zip(steps) {
        let height = index / size as u64 + 1;
        if step.repeat
            && let Some(last) = made.last().cloned()
        {
            made.push(last);
            continue;
        }
        let id = EntryId { lane: 0, batch: index, bundle: 0, page: 0, slot: 0 };
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&index.to_le_bytes());
        made.push(OrderedBundle {
            digest: Digest::from_bytes(digest),
            account: AccountId::from_bytes([step.account; 32]),
            own: false,
            counts: true,
            valid_until: height + step.valid_for - 1,
            first: id,
            transactions: vec![(id, transaction(step))],
            values: Vec::new(),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: 0,
        });
    }
    let chunks = made.chunks(size).map(<[OrderedBundle]>::to_vec);
    (1..).zip(chunks).map(|(height, bundles)| block(height, bundles)).collect()
}

fn block(height: u64, bundles: Vec<OrderedBundle>) -> Block {
    Block {
        height,
        time_ms: height,
        digest: Digest::ZERO,
        bundles,
        charges: vec![],
        to_come: BTreeSet::new(),
    }
}

/// What must hold of a function's history, whatever was said.
fn lawful(before: Option<&FunctionRecord>, after: &FunctionRecord) {
    assert!(after.version(after.active).is_some(), "the active version exists");
    assert!(after.versions.is_sorted_by(|a, b| a.number < b.number));
    let Some(before) = before else {
        assert_eq!((after.active, after.versions.len(), after.retired), (1, 1, false));
        return;
    };
    if before == after {
        return;
    }
    assert_eq!(before.owner, after.owner, "an owner is for ever");
    assert!(!before.retired, "nothing changes after retirement");
    assert!(after.versions.starts_with(&before.versions), "history is only added to");
    let lifecycle = before.active().unwrap().spec.lifecycle;
    if after.retired {
        assert!(lifecycle.destructible);
    } else {
        assert!(lifecycle.upgradable);
        let now = after.active().unwrap().spec.lifecycle;
        assert!(lifecycle.destructible || !now.destructible, "a right given up does not come back");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Only lawful changes, one outcome for each transaction, the same root for the same blocks, and a state
    /// restored from its parts is the same state.
    #[test]
    fn any_history_is_lawful_and_repeatable(steps in steps(), size in 1..6usize) {
        let (mut state, mut twin) = (State::new(), State::new());
        let mut counted = std::collections::BTreeSet::new();
        for block in blocks(&steps, size) {
            let before: BTreeMap<_, Arc<FunctionRecord>> = state.functions().clone();
            let root = state.root();
            let changes = state.apply(&block);
            let said: usize = block.bundles.iter().map(|bundle| bundle.transactions.len()).sum();
            prop_assert_eq!(changes.outcomes.len(), said);
            prop_assert!(said == 0 || state.root() != root, "an outcome is part of the state");
            if block.bundles.len() == 1 {
                for record in state.functions().values() {
                    lawful(before.get(&record.name).map(Arc::as_ref), record);
                }
                if changes.outcomes[0].1.result.is_err() {
                    prop_assert_eq!(&before, state.functions());
                }
            }
            for (bundle, (_, outcome)) in block.bundles.iter().zip(&changes.outcomes) {
                if bundle.valid_until < block.height {
                    let expired = Refusal::Expired { valid_until: bundle.valid_until };
                    prop_assert_eq!(outcome.result.clone(), Err(expired));
                }
            }
            counted.extend(changes.counted.iter().copied());
            twin.apply(&block);
            prop_assert_eq!(state.root(), twin.root());
            let functions = state.functions().values().cloned();
            let live = counted.iter().copied().filter(|(valid_until, _)| *valid_until >= block.height);
            twin = State::restore(block.height, state.history(), functions, live);
            prop_assert_eq!(state.root(), twin.root());
        }
    }
}

/// A bundle repeated in a later block counts once.
#[test]
fn a_repeated_bundle_counts_once() {
    let step = Step {
        account: 1,
        function: 1,
        said: Said::Deploy { code: 1, upgradable: true, destructible: true, previous: None, garbage: false },
        valid_for: 10,
        repeat: false,
    };
    let bundle = blocks(&[step], 1)[0].bundles[0].clone();
    let mut state = State::new();
    let first = state.apply(&block(1, vec![bundle.clone()]));
    assert_eq!(first.outcomes[0].1.result, Ok(1));
    let second = state.apply(&block(2, vec![bundle]));
    assert_eq!(second.outcomes[0].1.result, Err(Refusal::Duplicate));
}

/// A deploy that follows another version than the active one was made without knowing of it.
#[test]
fn a_stale_deploy_is_refused() {
    let deploy = |code: u8, previous| Step {
        account: 1,
        function: 1,
        said: Said::Deploy { code, upgradable: true, destructible: true, previous, garbage: false },
        valid_for: 10,
        repeat: false,
    };
    let mut state = State::new();
    let steps = [deploy(0, None), deploy(1, Some(1)), deploy(2, Some(1)), deploy(2, None), deploy(1, None)];
    let results: Vec<_> =
        blocks(&steps, 1).iter().map(|block| state.apply(block).outcomes[0].1.result.clone()).collect();
    let stale = |expected| Err(Refusal::Stale { name: name("f1"), expected, found: 2 });
    // The last says what is already so.
    assert_eq!(results, [Ok(1), Ok(2), stale(1), stale(0), Ok(2)]);
}

/// A faulty replica may seal bundles as fast as it likes, each valid for as long as any may be. What is remembered of
/// them has a bound, every replica refuses the same ones, and whoever asks for a short validity is not kept out.
#[test]
fn bundles_to_be_remembered_have_a_bound_that_leaves_room_for_short_ones() {
    let bundle = |height: u64, number: u64, valid_for: u64| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&height.to_be_bytes());
        digest[8..16].copy_from_slice(&number.to_be_bytes());
        OrderedBundle {
            digest: Digest::from_bytes(digest),
            account: AccountId::from_bytes([7; 32]),
            own: false,
            counts: true,
            valid_until: height + valid_for,
            first: EntryId { lane: 0, batch: height, bundle: 0, page: 0, slot: 0 },
            transactions: Vec::new(),
            values: Vec::new(),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: 0,
        }
    };
    let step = |state: &mut State, height: u64, count: usize, valid_for: u64| {
        let bundles = (0..count as u64).map(|number| bundle(height, number, valid_for)).collect();
        state.apply(&block(height, bundles)).counted.len()
    };
    let (mut state, most, crowd) = (State::new(), MAX_COUNTED_BUNDLES, 1000);
    assert_eq!(state.validity(), Some(MAX_VALIDITY_BLOCKS));
    // Half of the room goes to whoever comes.
    assert_eq!(step(&mut state, 1, most / 2 + crowd, MAX_VALIDITY_BLOCKS), most / 2);
    assert_eq!(state.validity(), Some(CROWDED_VALIDITY_BLOCKS));
    assert_eq!(step(&mut state, 2, crowd, CROWDED_VALIDITY_BLOCKS + 1), 0, "valid for too long");
    assert_eq!(step(&mut state, 3, crowd, CROWDED_VALIDITY_BLOCKS), crowd);
    // The other half is full of short ones: nothing counts until they are over.
    assert_eq!(step(&mut state, 4, most, CROWDED_VALIDITY_BLOCKS), most / 2 - crowd);
    assert_eq!((state.validity(), step(&mut state, 5, 1, 0)), (None, 0));
    assert_eq!(step(&mut state, 4 + CROWDED_VALIDITY_BLOCKS, 1, 1), 1, "the first of them are over");
    assert_eq!(step(&mut state, 6 + CROWDED_VALIDITY_BLOCKS, crowd, CROWDED_VALIDITY_BLOCKS), crowd);
    // And so is the first half in its time.
    step(&mut state, 2 + MAX_VALIDITY_BLOCKS, 0, 0);
    assert_eq!(state.validity(), Some(MAX_VALIDITY_BLOCKS));
}
