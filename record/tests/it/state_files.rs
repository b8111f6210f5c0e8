//! Proofs of a small state, and what is no proof of it: every kind of end that a way can have.

use moot_record::state::{bit, leaf_digest, node_digest, root_digest, value_digest};
use moot_record::testing::{Network, certify};
use moot_record::{
    Account, AccountId, BlockHeader, Conviction, Digest, EntryId, Found, Genesis, Hold, Keypair, PathOwner,
    PathRule, Stake, StateFile, StateKey, StateProof, Waiting, cbor, component_digest,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::vectors::full_spec;

/// A state: values by the places of their keys.
struct Small {
    leaves: BTreeMap<Digest, Vec<u8>>,
}

impl Small {
    fn of(values: impl IntoIterator<Item = (StateKey, Vec<u8>)>) -> Small {
        Small { leaves: values.into_iter().map(|(key, value)| (key.place(), value)).collect() }
    }

    fn root(&self) -> Digest {
        root_digest(&top(&self.leaves.iter().collect::<Vec<_>>(), 0))
    }

    /// What is under a key, and the digests beside the way, from its end to the top.
    fn prove(&self, key: &StateKey) -> (Found, Vec<Digest>) {
        let place = key.place();
        let (mut here, mut beside): (Vec<_>, Vec<Digest>) = (self.leaves.iter().collect(), Vec::new());
        while here.len() > 1 {
            let depth = beside.len();
            let (on, off): (Vec<_>, Vec<_>) =
                here.into_iter().partition(|(leaf, _)| bit(leaf, depth) == bit(&place, depth));
            beside.push(top(&off, depth + 1));
            here = on;
        }
        beside.reverse();
        let found = match here.first() {
            Some((leaf, value)) if **leaf == place => Found::Value((*value).clone()),
            Some((leaf, value)) => Found::Other { place: **leaf, value: value_digest(value) },
            None => Found::Nothing,
        };
        (found, beside)
    }
}

/// The digest of a subtree whose leaves share the bits above a depth.
fn top(leaves: &[(&Digest, &Vec<u8>)], depth: usize) -> Digest {
    match leaves {
        [] => Digest::ZERO,
        [(place, value)] => leaf_digest(place, &value_digest(value)),
        several => {
            let (right, left): (Vec<_>, Vec<_>) = several.iter().partition(|(place, _)| bit(place, depth));
            node_digest(&top(&left, depth + 1), &top(&right, depth + 1))
        }
    }
}

fn account(n: u8) -> AccountId {
    Keypair::from_seed([n; 32]).account()
}

fn said(slot: u16) -> EntryId {
    EntryId { lane: 0, batch: 42, bundle: 0, page: 1, slot }
}

/// A function as the state holds it.
fn function(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::array(&mut out, 5);
    cbor::text(&mut out, name);
    cbor::bytes(&mut out, account(200).as_bytes());
    cbor::uint(&mut out, 1u32);
    cbor::boolean(&mut out, false);
    cbor::array(&mut out, 1);
    cbor::array(&mut out, 6);
    cbor::uint(&mut out, 1u32);
    cbor::bytes(&mut out, component_digest(b"component").as_bytes());
    cbor::uint(&mut out, 9u64);
    cbor::bytes(&mut out, &full_spec().encode());
    cbor::uint(&mut out, 5u64);
    cbor::bytes(&mut out, &said(0).encode());
    out
}

/// An account of two bytes, over and over.
fn numbered(n: u16) -> AccountId {
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(2).for_each(|pair| pair.copy_from_slice(&n.to_be_bytes()));
    AccountId::from_bytes(bytes)
}

/// One whose leaf shares the first byte of its place with the leaf of account 200, so that beside their way nothing is.
fn neighbour() -> AccountId {
    let first = |account: AccountId| StateKey::Account(account).place().as_bytes()[0];
    (0..=u16::MAX).map(numbered).find(|one| first(*one) == first(account(200))).unwrap()
}

fn state() -> Small {
    let large = (1 << 53) + 1;
    let rule = PathRule { pattern: "/chat/$room".into(), rule: "auth.account != null".into() };
    let hold = Hold { from: account(200), to: account(201), amount: 900, until: 100 };
    let stake =
        Stake { staked: 500, waiting: vec![Waiting { until: 64, amount: 200 }], replicas: Vec::new() };
    let conviction = Conviction { said: said(1), burned: 50, voted: None };
    Small::of([
        (StateKey::Account(account(200)), Account::with(large).encode()),
        (StateKey::Account(account(201)), Account::with(7).encode()),
        (StateKey::Account(account(202)), Account { balance: 9, revoked: Some(7) }.encode()),
        (StateKey::Account(neighbour()), Account::with(8).encode()),
        (StateKey::Owner("/chat".into()), PathOwner { owner: Some(account(200)) }.encode()),
        (StateKey::Owner("/gone".into()), PathOwner { owner: None }.encode()),
        (StateKey::Rule("/chat/$".into()), rule.encode()),
        (StateKey::Function("hello".parse().unwrap()), function("hello")),
        (StateKey::Hold(said(2)), hold.encode()),
        (StateKey::Stake(account(200)), stake.encode()),
        (StateKey::Conviction(account(3)), conviction.encode()),
    ])
}

/// A proof of what a state holds under a key, in a block of height 9.
fn prove(network: &Network, state: &Small, key: &StateKey) -> StateProof {
    let (found, path) = state.prove(key);
    let block_header = BlockHeader::new(9, Digest::from_bytes([8; 32]), 1_700_000_009_000, state.root(), &[]);
    let certificate = network.certify(&block_header);
    let (key, descent, handovers) = (key.clone(), Vec::new(), Vec::new());
    StateProof { key, found, path, block_header, descent, certificate, handovers }
}

/// The same, where a block two heights later has the certificate.
fn later(network: &Network, mut proof: StateProof) -> StateProof {
    let mut last = proof.block_header;
    for _ in 0..2 {
        last = BlockHeader::new(last.height + 1, last.digest(), last.time_ms + 1000, Digest::ZERO, &[]);
        proof.descent.push(last);
    }
    proof.certificate = network.certify(&last);
    proof
}

fn file(proof: StateProof, genesis: &Genesis) -> Value {
    serde_json::from_str(&StateFile::new(proof, genesis).unwrap().to_json()).unwrap()
}

/// The section of `vectors.json`: files that hold, of what is there and what is not, and such as do not.
pub(crate) fn vectors(network: &Network) -> Value {
    let genesis = &network.genesis;
    let state = state();
    let of = |key: StateKey| prove(network, &state, &key);
    let name = |name: &str| StateKey::Function(name.parse().unwrap());
    let balance = of(StateKey::Account(account(200)));
    // Ways that end at nothing, and at another key's leaf.
    let absent = |nothing: bool| {
        let found = (0..=u16::MAX).map(|n| StateKey::Account(numbered(n))).find(|key| {
            let (found, _) = state.prove(key);
            matches!((found, nothing), (Found::Nothing, true) | (Found::Other { .. }, false))
        });
        of(found.unwrap())
    };
    let (nothing, other) = (absent(true), absent(false));
    let mut cases = vec![
        ("a balance", balance.clone()),
        ("an account whose key was revoked", of(StateKey::Account(account(202)))),
        ("a balance that a later block certifies", later(network, balance.clone())),
        ("no balance, where nothing is", nothing.clone()),
        ("no balance, where another leaf is", other.clone()),
        ("an owner", of(StateKey::Owner("/chat".into()))),
        ("a path that was given up", of(StateKey::Owner("/gone".into()))),
        ("a path that nobody owns", of(StateKey::Owner("/free".into()))),
        ("a rule", of(StateKey::Rule("/chat/$".into()))),
        ("no rule", of(StateKey::Rule("/chat/$/$".into()))),
        ("a function", of(name("hello"))),
        ("no function", of(name("hullo"))),
        ("a hold", of(StateKey::Hold(said(2)))),
        ("a stake", of(StateKey::Stake(account(200)))),
        ("a conviction", of(StateKey::Conviction(account(3)))),
        ("no pot", of(StateKey::Pot)),
    ];
    // A state of one leaf: its way has no length.
    let lone = Small::of([(StateKey::Account(account(200)), Account::with(1).encode())]);
    cases.push(("the only balance", prove(network, &lone, &StateKey::Account(account(200)))));
    cases.extend(forged(network, &balance, &nothing, &other));
    let mut files: Vec<(String, Value)> =
        cases.into_iter().map(|(name, proof)| (name.to_owned(), file(proof, genesis))).collect();
    files.extend(rewritten(&file(balance, genesis), &file(nothing, genesis)));
    let one = |(name, file): &(String, Value)| {
        let verdict = StateFile::parse(&file.to_string()).and_then(|file| file.check(genesis));
        json!({ "name": name, "file": file, "refused": verdict.err().map(|e| e.field().to_owned()) })
    };
    files.iter().map(one).collect()
}

/// Proofs that prove nothing, in files that say what they say.
fn forged(
    network: &Network,
    balance: &StateProof,
    nothing: &StateProof,
    other: &StateProof,
) -> Vec<(&'static str, StateProof)> {
    let rich = Account::with(u64::MAX).encode();
    let with = |change: &dyn Fn(&mut StateProof)| {
        let mut proof = balance.clone();
        change(&mut proof);
        proof
    };
    let mut cut = balance.path.clone();
    cut.pop();
    let swapped = {
        let mut path = balance.path.clone();
        path.reverse();
        path
    };
    let (place, value) = (balance.key.place(), Digest::from_bytes([7; 32]));
    let far = Found::Other { place: Digest::from_bytes(place.as_bytes().map(|byte| !byte)), value };
    // What the state says of another key is no answer about this one.
    let own_leaf = Found::Other { place, value: value_digest(&Account::with((1 << 53) + 1).encode()) };
    let another_root = BlockHeader { state: Digest::from_bytes([9; 32]), ..balance.block_header };
    let few = certify(&network.genesis, &network.validators[..2], 0, 9, &balance.block_header.digest());
    let strangers = Network::named("other", 4);
    let mut broken = later(network, balance.clone());
    broken.descent.remove(0);
    let emptied = Small::of([]);
    vec![
        ("another balance", with(&|proof| proof.found = Found::Value(rich.clone()))),
        ("another account's balance", with(&|proof| proof.key = StateKey::Account(account(201)))),
        (
            "a balance under the key of a stake",
            StateProof { key: StateKey::Stake(account(200)), found: Found::Nothing, ..balance.clone() },
        ),
        ("a balance that is there, denied", with(&|proof| proof.found = Found::Nothing)),
        ("a balance that is there, denied by its own leaf", with(&|proof| proof.found = own_leaf.clone())),
        ("a leaf that does not stand on the way", with(&|proof| proof.found = far.clone())),
        (
            "another leaf, beside which a value is claimed",
            StateProof { found: Found::Value(rich.clone()), ..other.clone() },
        ),
        ("a value where nothing is", StateProof { found: Found::Value(rich.clone()), ..nothing.clone() }),
        ("a way that is cut short", with(&|proof| proof.path.clone_from(&cut))),
        ("a way that goes on", with(&|proof| proof.path.push(Digest::ZERO))),
        ("a way in another order", with(&|proof| proof.path.clone_from(&swapped))),
        ("a way that is too long", with(&|proof| proof.path = vec![Digest::ZERO; 256])),
        ("a block with another root", with(&|proof| proof.block_header = another_root)),
        ("a root that nobody voted for", {
            let other = Small::of([(balance.key.clone(), rich)]);
            let forged = prove(network, &other, &balance.key);
            StateProof { certificate: balance.certificate.clone(), ..forged }
        }),
        ("the empty state, which nobody voted for", {
            let forged = prove(network, &emptied, &balance.key);
            StateProof { certificate: balance.certificate.clone(), ..forged }
        }),
        ("too few votes", with(&|proof| proof.certificate = few.clone())),
        (
            "votes of another network",
            with(&|proof| {
                proof.certificate = strangers.certify(&proof.block_header);
            }),
        ),
        ("headers with one left out", broken),
    ]
}

/// Files whose readable part says something else than the proof.
fn rewritten(good: &Value, absent: &Value) -> Vec<(String, Value)> {
    let others = [
        ("a file of another balance", good, "/value/balance", json!("9007199254740994")),
        ("a file of a balance as a number", good, "/value/balance", json!(9_007_199_254_740_993_u64)),
        ("a file of no balance, which is there", good, "/value", Value::Null),
        ("a file of a balance that is not there", absent, "/value", json!({ "balance": 0 })),
        ("a file of another key", good, "/key", json!({ "account": "00".repeat(32) })),
        ("a file of another kind of key", good, "/key", json!({ "stake": account(200) })),
        ("a file of another height", good, "/block/height", json!(10)),
        ("a file of another time", good, "/block/time_ms", json!(0)),
        ("a file of another network", good, "/network", json!("00".repeat(32))),
        ("a file of another format", good, "/format", json!("moot-state-0")),
        ("a file with a broken proof", good, "/proof", json!("AAAA")),
        ("a file with a proof in another alphabet", good, "/proof", json!("+/+/")),
    ];
    let changed = others.map(|(name, file, pointer, value)| {
        let mut forged = file.clone();
        *forged.pointer_mut(pointer).unwrap() = value;
        (name.to_owned(), forged)
    });
    let mut more = good.clone();
    more["note"] = json!("trust me");
    let mut less = good.clone();
    less.as_object_mut().unwrap().remove("value");
    changed
        .into_iter()
        .chain([("a file that says more".to_owned(), more), ("a file that says less".to_owned(), less)])
        .collect()
}

/// What is called a forgery is refused, and what is not holds: each by the name that it is given.
#[test]
fn state_files_have_the_verdicts_they_claim() {
    let network = Network::new(4);
    let all = vectors(&network);
    let all = all.as_array().unwrap();
    let good = all.iter().filter(|case| case["refused"].is_null()).count();
    assert_eq!(good, 17, "every proof of the state itself holds");
    for (at, case) in all.iter().enumerate() {
        assert_eq!(case["refused"].is_null(), at < good, "{}", case["name"]);
        let text = case["file"].to_string();
        assert_eq!(StateFile::is_one(&text), case["file"]["format"] == "moot-state-1");
        if at < good {
            let file = StateFile::parse(&text).unwrap();
            let proven = file.check(&network.genesis).unwrap();
            assert_eq!(proven.value.is_none(), case["file"]["value"].is_null(), "{}", case["name"]);
            assert!(file.check(&Network::named("other", 4).genesis).is_err());
        }
    }
    let fields: std::collections::BTreeSet<&str> =
        all.iter().filter_map(|case| case["refused"].as_str()).collect();
    assert!(fields.len() >= 10, "{fields:?}");
}
