//! `vectors.json`: the format by example, for verifiers in other languages.
//!
//! The file is made from the code here. The test checks that the file and the code agree, so that neither can
//! drift from the other; `MOOT_WRITE_VECTORS=1 cargo test -p moot-record vectors` writes it anew.
//!
//! FAULTS 71: Rust, JavaScript and Python give identical bytes and ids from one file.

use std::path::Path;

use data_encoding::HEXLOWER;
use moot_record::limits::{MAX_TOGETHER, MAX_VOTED_PRICE};
use moot_record::testing::{Network, certify, certify_by, changing, descend, prove_later, sign_path};
use moot_record::{
    Access, AccountId, Allocation, Batch, BlockHeader, Bundle, Call, CallKind, Candidate, Certificate,
    Committee, Contradiction, Digest, Domain, DoubleVote, Economy, Engine, Entry, EntryId, Equivocation,
    EventInput, Evidence, FunctionKind, FunctionName, Genesis, HttpField, HttpRequestHead, HttpResponseHead,
    Keypair, PageClass, Payload, Prices, Proof, Receipt, ReceiptFile, Role, Sandbox, SealedHeader, Signature,
    Spec, SpecDir, Status, Transaction, Trigger, TriggerAccess, TriggerOn, Value as Message, WorkOffer,
    component_digest, merkle, page_digest, payload_digest, seal, verify,
};
use serde_json::{Value, json};

use crate::forgeries::{a_call, a_receipt};
use crate::{signatures, state_files};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

#[test]
fn vectors_file_is_what_the_code_makes() {
    let made = format!("{}\n", serde_json::to_string_pretty(&vectors()).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors.json");
    if std::env::var_os("MOOT_WRITE_VECTORS").is_some_and(|v| v == "1") {
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let first = made.lines().zip(found.lines()).position(|(made, found)| made != found);
    assert!(
        made == found,
        "vectors.json differs from the code, first at line {:?}; if the format was meant to change, \
         write it anew with MOOT_WRITE_VECTORS=1",
        first.map(|line| line + 1)
    );
}

/// Whoever reads only this file must be able to check every forged proof's expected field.
#[test]
fn vectors_proofs_have_the_verdicts_they_claim() {
    let file = vectors();
    assert!(verdicts(&file["genesis"][0], &file["proofs"]).len() >= 15);
    let committees = &file["committees"];
    assert!(verdicts(&committees["genesis"], &committees["proofs"]).len() >= 9);
}

/// Checks every proof of a list, and gives the fields by which some are refused.
fn verdicts(genesis: &Value, proofs: &Value) -> std::collections::BTreeSet<String> {
    let genesis = Genesis::from_json(&genesis["file"].to_string()).unwrap();
    let mut refused = std::collections::BTreeSet::new();
    for case in proofs.as_array().unwrap() {
        let bytes = HEXLOWER.decode(case["proof"].as_str().unwrap().as_bytes()).unwrap();
        let verdict = Proof::decode(&bytes)
            .map_err(|_| "proof".to_owned())
            .and_then(|proof| proof.verify(&genesis).map_err(|e| e.field().to_owned()));
        match (verdict, case["refused"].as_str()) {
            (Ok(proven), None) => assert_eq!(case["proven"]["id"], proven.id.to_string()),
            (Err(field), Some(expected)) => {
                assert_eq!(field, expected, "{}", case["name"]);
                refused.insert(field);
            }
            (verdict, expected) => panic!("{}: {verdict:?} instead of {expected:?}", case["name"]),
        }
    }
    refused
}

fn vectors() -> Value {
    let network = Network::new(4);
    json!({
        "format": "moot-vectors-1",
        "note": "Bytes are lowercase hexadecimal. A hash in a domain is BLAKE3 keyed with the domain's tag; \
                 a signature covers tag || message.",
        "domains": domains(),
        "cbor_refused": cbor_refused(),
        "names": names(),
        "ids": ids(&network.genesis),
        "payloads": payloads(),
        "specs": specs(),
        "entries": entries(),
        "entries_refused": entries_refused(),
        "heads": heads(),
        "trees": trees(),
        "genesis": [
            genesis(&network.genesis),
            genesis(&Network::named("other", 1).genesis),
            genesis(&funded()),
            genesis(&funded().with_epochs(changing().0.genesis.epochs.unwrap())),
            genesis(&charging()),
            genesis(&charging().with_accounts(Vec::new())),
            genesis(&charging().with_epochs(changing().0.genesis.epochs.unwrap())),
        ],
        "bundles": bundles(&network),
        "sealed_batches": sealed_batches(&network),
        "certificates": certificates(&network),
        "proofs": proofs(&network),
        "committees": committees(),
        "double_votes": double_votes(),
        "receipt_files": receipt_files(&network),
        "signatures": signature_verdicts(),
        "state_files": state_files::vectors(&network),
    })
}

fn domains() -> Value {
    let all = [
        ("page", Domain::PAGE),
        ("node", Domain::NODE),
        ("bundle", Domain::BUNDLE),
        ("bundle_id", Domain::BUNDLE_ID),
        ("batch", Domain::BATCH),
        ("seal", Domain::SEAL),
        ("block", Domain::BLOCK),
        ("entry", Domain::ENTRY),
        ("payload", Domain::PAYLOAD),
        ("spec", Domain::SPEC),
        ("genesis", Domain::GENESIS),
        ("seed", Domain::SEED),
        ("state", Domain::STATE),
        ("request", Domain::REQUEST),
        ("candidate", Domain::CANDIDATE),
    ];
    let one = |(name, domain): &(&str, Domain)| json!({ "name": name, "tag": hex(domain.tag()), "hash_of_abc": domain.hash(b"abc") });
    all.iter().map(one).collect()
}

fn cbor_refused() -> Value {
    json!([
        { "why": "an integer not in its shortest form", "bytes": "1805" },
        { "why": "an integer not in its shortest form", "bytes": "1900ff" },
        { "why": "an integer not in its shortest form", "bytes": "1a0000ffff" },
        { "why": "an integer not in its shortest form", "bytes": "1b00000000ffffffff" },
        { "why": "a negative integer", "bytes": "20" },
        { "why": "a float", "bytes": "f94500" },
        { "why": "a tag", "bytes": "c105" },
        { "why": "a map", "bytes": "a10102" },
        { "why": "undefined", "bytes": "f7" },
        { "why": "bytes of indefinite length", "bytes": "5f4101ff" },
        { "why": "a length not in its shortest form", "bytes": "580101" },
        { "why": "text that is not UTF-8", "bytes": "61ff" },
        { "why": "text with a surrogate", "bytes": "63eda080" },
        { "why": "an array of indefinite length", "bytes": "9f01ff" },
        { "why": "a length that nothing follows", "bytes": "5bffffffffffffffff" },
        { "why": "an array that nothing follows", "bytes": "9affffffff" },
        { "why": "bytes after the end", "bytes": "0000" },
    ])
}

fn names() -> Value {
    let of = |name: &String| json!({ "name": name, "good": FunctionName::parse(name).is_ok() });
    let names = ["hello", "a", "a1-b2", "", "Hello", "1a", "-a", "a-", "a--b", "a_b", "h\u{e9}llo", "a b"];
    let long = [63, 64].map(|n| "a".repeat(n));
    names.iter().map(ToString::to_string).chain(long).map(|name| of(&name)).collect()
}

fn ids(genesis: &Genesis) -> Value {
    [
        EntryId { lane: 0, batch: 0, bundle: 0, page: 0, slot: 0 },
        EntryId { lane: 0, batch: 42, bundle: 0, page: 1, slot: 3 },
        EntryId { lane: u32::MAX, batch: u64::MAX, bundle: u16::MAX, page: u16::MAX, slot: u16::MAX },
    ]
    .iter()
    .map(|id| {
        let network = genesis.network();
        json!({ "text": id, "cbor": hex(id.encode()), "network": network, "seed": hex(id.seed(&network)) })
    })
    .collect()
}

fn payloads() -> Value {
    let long: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8).collect();
    [&b""[..], b"hello", &long]
        .iter()
        .map(|bytes| {
            json!({
                "bytes": hex(bytes),
                "payload_digest": payload_digest(bytes),
                "component_digest": component_digest(bytes),
            })
        })
        .collect()
}

pub(crate) fn full_spec() -> Spec {
    let mut spec = Spec::new(FunctionKind::Typed, "/math");
    spec.access = Access::Accounts([4u8, 3].map(|i| Keypair::from_seed([i; 32]).account()).to_vec());
    spec.idempotent = true;
    spec.grants.http = Some(vec!["https://b.example:443".into(), "http://a.example:80".into()]);
    spec.grants.env = vec![("GREETING".into(), "h\u{e9}llo".into())];
    spec.grants.secrets = vec!["API_KEY".into()];
    spec.grants.key_value = vec!["default".into()];
    spec.grants.dirs = vec![SpecDir { name: "assets".into(), at: "/assets".into(), write: false }];
    spec.grants.clock = true;
    spec.limits.fuel = u64::MAX;
    spec.sorted()
}

fn specs() -> Value {
    let mut compared = Spec::new(FunctionKind::Event, "/sum");
    compared.deterministic = true;
    compared.replicas_k = 3;
    let mut ruled = Spec::new(FunctionKind::Http, "/members");
    ruled.access = Access::Rule("auth.account != null && balance(auth.account) >= 10u".into());
    [Spec::new(FunctionKind::Http, "/"), full_spec(), compared, ruled]
        .iter()
        .map(|spec| json!({ "json": spec, "cbor": hex(spec.encode()), "digest": spec.digest() }))
        .collect()
}

fn some_entries() -> Vec<(&'static str, Entry)> {
    let call = a_call();
    let bare = Call {
        kind: CallKind::Http,
        caller: None,
        input: Payload::of(b"not kept"),
        idempotency: None,
        parent: None,
        ..call.clone()
    };
    let event = Call { kind: CallKind::Event, input: Payload::empty(), ..bare.clone() };
    let receipt = a_receipt(&call, (1 << 53) + 1);
    let failed =
        Receipt { status: Status::OutOfFuel, metered: false, touched: vec![], ..a_receipt(&bare, 0) };
    let name = FunctionName::parse("hello").unwrap();
    let component = component_digest(b"wasm");
    let deploy = |previous| Transaction::deploy(name.clone(), component, 4, &full_spec(), previous);
    vec![
        ("a typed call with everything", call.into()),
        ("an HTTP call with nothing", bare.into()),
        ("an event", event.into()),
        ("a receipt", receipt.into()),
        ("a receipt of a failure", failed.into()),
        ("a first deploy", deploy(None).into()),
        ("a later deploy", deploy(Some(3)).into()),
        ("a rollback", Transaction::Rollback { name: name.clone(), version: 2 }.into()),
        ("a retirement", Transaction::Retire { name: name.clone() }.into()),
        ("a value", Message::new("/chat/lobby/42", Payload::inlined(b"hi")).into()),
    ]
}

/// What moves units; apart from the others, so that the bundles made of those stay as they are.
fn transfers() -> Vec<(&'static str, Entry)> {
    let to = Keypair::from_seed([3; 32]).account();
    let transfer = |amount| Transaction::Transfer { to, amount }.into();
    let rule = |pattern: &str, rule: Option<&str>| {
        Transaction::Rule { pattern: pattern.into(), rule: rule.map(Into::into) }.into()
    };
    vec![
        ("a transfer of one unit", transfer(1)),
        ("a transfer of all there can be", transfer(u64::MAX)),
        ("two together", Transaction::Together { count: 2 }.into()),
        ("as many together as can be", Transaction::Together { count: MAX_TOGETHER }.into()),
        ("a path's owner", Transaction::Own { path: "/chat".into(), owner: Some(to) }.into()),
        ("a path given up", Transaction::Own { path: "/chat/lobby".into(), owner: None }.into()),
        ("a rule", rule("/chat/$room/$message_2", Some("auth.account != '' && value.size() < 100"))),
        ("a rule taken back", rule("/chat", None)),
        ("a vote for prices", Transaction::Prices { prices: charging().prices }.into()),
        ("a function frozen", Transaction::Freeze { name: FunctionName::parse("calc").unwrap() }.into()),
        ("a key revoked", Transaction::Revoke {}.into()),
    ]
}

/// A replica that somebody stakes for, with its consent.
fn candidate(network: &Digest) -> (Candidate, Signature) {
    let replica = Keypair::from_seed([6; 32]);
    let staker = Keypair::from_seed([3; 32]).account();
    let (ledger, data) = ("10.0.0.6:9080".parse().unwrap(), "[2001:db8::6]:10080".parse().unwrap());
    let consent = Candidate::consent(&replica, network, &staker);
    (Candidate { account: replica.account(), ledger, data }, consent)
}

/// What binds units and frees them.
fn bonds() -> Vec<(&'static str, Entry)> {
    let network = Network::new(4);
    let to = Keypair::from_seed([3; 32]).account();
    let hold = EntryId { lane: 0, batch: 42, bundle: 0, page: 1, slot: 3 };
    let (replica, consent) = candidate(&network.genesis.network());
    vec![
        ("a hold", Transaction::Hold { to, amount: 9, until: 1000 }.into()),
        ("a third released", Transaction::Release { hold, part: 1, whole: 3 }.into()),
        ("all given back", Transaction::Release { hold, part: 0, whole: 1 }.into()),
        ("a stake", Transaction::Stake { amount: u64::MAX, replica: None, consent: None }.into()),
        (
            "a stake behind a replica",
            Transaction::Stake { amount: 0, replica: Some(replica), consent: Some(consent) }.into(),
        ),
        ("units unstaked", Transaction::Unstake { amount: 1 }.into()),
        ("a conviction", Transaction::Convict { evidence: sealed_twice(&network).encode() }.into()),
    ]
    .into_iter()
    .chain(convicted_by_votes())
    .collect()
}

/// Each of the kinds of votes that convict.
fn convicted_by_votes() -> impl Iterator<Item = (&'static str, Entry)> {
    let cases = crate::double_votes::cases().into_iter().filter(|(_, _, refused)| refused.is_none());
    cases.map(|(_, pair, _)| {
        let name = match pair.what {
            Contradiction::TwoBlocks => "a conviction by votes for two blocks",
            Contradiction::TwoFinal => "a conviction by votes that make two blocks final",
            Contradiction::SkippedAndFinal => {
                "a conviction by votes to skip a view and to make its block final"
            }
        };
        (name, Transaction::Convict { evidence: pair.encode() }.into())
    })
}

/// Pairs of votes, and what is wrong with those that convict nobody.
fn double_votes() -> Value {
    let (committee, _, network) = crate::double_votes::voters();
    let committee = hex(committee.encode());
    let one = |(name, pair, refused): (&str, DoubleVote, Option<&str>)| {
        let votes = hex(pair.encode());
        json!({ "name": name, "network": network, "committee": committee, "votes": votes, "refused": refused })
    };
    crate::double_votes::cases().into_iter().map(one).collect()
}

/// What proves that the owner of lane 2 has sealed twice.
fn sealed_twice(network: &Network) -> Equivocation {
    let [first, second] = [1u8, 2].map(|n| {
        let value = Entry::Value(Message::new("/a", Payload::inlined(&[n])));
        let batch = Batch::seal(2, 7, vec![network.bundle(&[(PageClass::Bulk, value.encode())], 9)]).unwrap();
        let seal = seal(&network.validators[2], &network.genesis.network(), &batch.digest());
        SealedHeader { header: batch.header, seal }
    });
    Equivocation { first, second }
}

/// Values that somebody put a name to; apart from the others for the same reason.
fn written() -> Vec<(&'static str, Entry)> {
    let account = Keypair::from_seed([3; 32]).account();
    let value = Message::new("/chat/lobby/43", Payload::inlined(b"hi")).by(account);
    let by_function = Message {
        function: FunctionName::parse("moderator").ok(),
        parent: "0-42-0-1-3".parse().ok(),
        ..value.clone()
    };
    let name = |name: &str| FunctionName::parse(name).unwrap();
    let trigger = |on, function: &str, access| {
        let trigger = Some(Trigger { on, function: name(function), access });
        Transaction::Trigger { name: name("moderate"), trigger }.into()
    };
    let on = TriggerOn::Value("/chat/$room/$message".into());
    let of_one = TriggerAccess::Accounts(vec![account]);
    let by_rule = TriggerAccess::Rule("path.room != 'closed'".into());
    let (daily, anyone) = (TriggerOn::Schedule("0 6 * * 1-5".into()), TriggerAccess::Anyone);
    let after = TriggerOn::Completion(name("payments"));
    vec![
        ("a value by an account", value.into()),
        ("a value by a function", by_function.into()),
        ("a trigger on values", trigger(on, "moderator", by_rule)),
        ("a trigger by schedule", trigger(daily, "digest", anyone)),
        ("a trigger after calls", trigger(after, "auditor", of_one)),
        ("a trigger taken back", Transaction::Trigger { name: name("moderate"), trigger: None }.into()),
    ]
}

/// What workers say of themselves; apart from the others for the same reason.
fn offered() -> Vec<(&'static str, Entry)> {
    let names = ["calc", "resize"].map(|name| FunctionName::parse(name).unwrap());
    let replica = Keypair::from_seed([6; 32]).account();
    let engine = || Engine::named("wasmtime-48.0.8+1");
    let all =
        WorkOffer { kinds: vec![Sandbox::Component], functions: None, replicas: None, engine: engine() };
    let some = WorkOffer {
        kinds: Sandbox::ALL.to_vec(),
        functions: Some(names.to_vec()),
        replicas: Some(vec![replica]),
        engine: engine(),
    };
    let work = |offer| Transaction::Work { offer }.into();
    vec![
        ("a worker for everything", work(Some(all))),
        ("a worker for some functions of one replica", work(Some(some))),
        ("a worker that stops", work(None)),
    ]
}

fn entries() -> Value {
    [some_entries(), transfers(), bonds(), written(), offered()]
        .concat()
        .iter()
        .map(|(name, entry)| {
            json!({ "name": name, "json": entry, "cbor": hex(entry.encode()), "digest": entry.digest() })
        })
        .collect()
}

fn entries_refused() -> Value {
    let value = |path: &str, payload| Entry::Value(Message::new(path, payload)).encode();
    let good = value("/a", Payload::inlined(b"hello"));
    let lying = Payload { inline: Some(b"jello".to_vec()), ..Payload::inlined(b"hello") };
    let mut receipt = a_receipt(&a_call(), 1);
    receipt.touched.reverse();
    let mut unknown = good.clone();
    unknown[1] = 4;
    let by = Message::new("/a", Payload::empty()).by(Keypair::from_seed([3; 32]).account());
    let mut nameless = good.clone();
    nameless[0] = 0x86;
    nameless.extend_from_slice(&[0xf6, 0xf6, 0xf6]);
    let function = Message { function: FunctionName::parse("moderator").ok(), ..by.clone() };
    let call = Message { parent: "0-42-0-1-3".parse().ok(), ..by };
    let said = |transaction| Entry::Transaction(transaction).encode();
    let to = Keypair::from_seed([3; 32]).account();
    let own = |path: &str, owner| said(Transaction::Own { path: path.into(), owner });
    let rule = |pattern: &str, text: &str| {
        said(Transaction::Rule { pattern: pattern.into(), rule: Some(text.into()) })
    };
    let triggered = |on, access| {
        let (name, function) = (FunctionName::parse("t").unwrap(), FunctionName::parse("f").unwrap());
        said(Transaction::Trigger { name, trigger: Some(Trigger { on, function, access }) })
    };
    let schedule = |text: &str| TriggerOn::Schedule(text.into());
    let values = || TriggerOn::Value("/chat/$room".into());
    let offer = |kinds, functions| {
        said(Transaction::Work {
            offer: Some(WorkOffer { kinds, functions, replicas: None, engine: Engine::named("e-1") }),
        })
    };
    // Last in the entry, after a byte with its length.
    let engine = |name: &[u8]| {
        let mut bytes = offer(vec![Sandbox::Component], None);
        bytes.truncate(bytes.len() - 4);
        bytes.extend_from_slice(name);
        bytes
    };
    let compared = |kind, change: &dyn Fn(&mut Spec)| {
        let mut spec = Spec { deterministic: true, replicas_k: 3, ..Spec::new(kind, "/sum") };
        change(&mut spec);
        let name = FunctionName::parse("sum").unwrap();
        said(Transaction::deploy(name, component_digest(b"sum"), 3, &spec, None))
    };
    let ruled = |bytes| Access::Rule("a".repeat(bytes));
    let mut weak = [0; 32];
    weak[0] = 1;
    let weak = AccountId::from_bytes(weak);
    let hold = EntryId { lane: 0, batch: 42, bundle: 0, page: 1, slot: 3 };
    let (replica, consent) = candidate(&Digest::ZERO);
    let stake = |amount, replica, consent| said(Transaction::Stake { amount, replica, consent });
    let dear = Prices { per_byte: MAX_VOTED_PRICE + 1, ..Prices::default() };
    let cases = [
        ("cut", good[..good.len() - 1].to_vec()),
        ("a byte after the end", [good.as_slice(), &[0]].concat()),
        ("an unknown kind", unknown),
        ("inline bytes of another digest", value("/a", lying)),
        ("a path with a dot-dot", value("/a/../b", Payload::empty())),
        ("a path with an escape", value("/a%2fb", Payload::empty())),
        ("touches out of order", Entry::Receipt(receipt).encode()),
        ("a transfer of nothing", said(Transaction::Transfer { to, amount: 0 })),
        ("a transfer to nobody's key", said(Transaction::Transfer { to: weak, amount: 1 })),
        ("a revocation that says more", vec![0x83, 2, 18, 0]),
        ("a price that no account could pay", said(Transaction::Prices { prices: dear })),
        ("an owner of nothing", own("chat", Some(to))),
        ("an owner of a variable", own("/chat/$room", Some(to))),
        ("an owner with nobody's key", own("/chat", Some(weak))),
        ("a rule for a variable first", rule("/$chat", "true")),
        ("a rule for a variable without a name", rule("/chat/$", "true")),
        ("a rule for a variable of another form", rule("/chat/$Room", "true")),
        ("a rule for a variable twice", rule("/chat/$a/$a", "true")),
        ("a rule for too deep a pattern", rule(&"/a".repeat(33), "true")),
        ("an empty rule", rule("/chat", "")),
        ("a rule that is too long", rule("/chat", &"a".repeat(1025))),
        ("a path that is too deep", value(&"/a".repeat(33), Payload::empty())),
        ("one together", said(Transaction::Together { count: 1 })),
        ("too many together", said(Transaction::Together { count: MAX_TOGETHER + 1 })),
        ("a hold of nothing", said(Transaction::Hold { to, amount: 0, until: 9 })),
        ("a hold for nobody's key", said(Transaction::Hold { to: weak, amount: 1, until: 9 })),
        ("a share of nothing", said(Transaction::Release { hold, part: 0, whole: 0 })),
        ("a share of more than all", said(Transaction::Release { hold, part: 2, whole: 1 })),
        ("a stake of nothing", stake(0, None, None)),
        ("a stake behind a replica that did not consent", stake(1, Some(replica), None)),
        ("a consent of no replica", stake(1, None, Some(consent))),
        (
            "a stake behind nobody's key",
            stake(1, Some(Candidate { account: weak, ..replica }), Some(consent)),
        ),
        (
            "a stake behind a replica with one port",
            stake(1, Some(Candidate { data: replica.ledger, ..replica }), Some(consent)),
        ),
        ("nothing unstaked", said(Transaction::Unstake { amount: 0 })),
        ("a conviction without evidence", said(Transaction::Convict { evidence: vec![0x80] })),
        ("a trigger by a schedule with letters", triggered(schedule("@daily"), TriggerAccess::Anyone)),
        ("a schedule with an access", triggered(schedule("* * * * *"), TriggerAccess::Rule("true".into()))),
        ("a trigger for nobody", triggered(values(), TriggerAccess::Accounts(vec![]))),
        ("a trigger for one account twice", triggered(values(), TriggerAccess::Accounts(vec![to, to]))),
        ("a trigger with an empty rule", triggered(values(), TriggerAccess::Rule(String::new()))),
        ("a worker without a sandbox", offer(vec![], None)),
        ("a worker with one sandbox twice", offer(vec![Sandbox::External; 2], None)),
        ("a worker that serves nothing", offer(vec![Sandbox::Component], Some(vec![]))),
        ("a worker without an engine", engine(b"\x60")),
        ("a worker with an engine in capitals", engine(b"\x63E-1")),
        ("a worker with too long an engine", engine(&[&b"\x78\x21"[..], &[b'e'; 33]].concat())),
        ("workers that may differ by right", compared(FunctionKind::Event, &|s| s.deterministic = false)),
        ("workers of a function with HTTP streams", compared(FunctionKind::Http, &|_| ())),
        ("workers of one with requests", compared(FunctionKind::Typed, &|s| s.grants.http = Some(vec![]))),
        ("a manifest with an empty rule", compared(FunctionKind::Typed, &|s| s.access = ruled(0))),
        ("a manifest with too long a rule", compared(FunctionKind::Typed, &|s| s.access = ruled(1025))),
        ("too many workers for a call", compared(FunctionKind::Typed, &|s| s.replicas_k = 8)),
        ("a value by nobody in the long form", nameless),
        ("a value by a function in no call", Entry::Value(function).encode()),
        ("a value by no function in a call", Entry::Value(call).encode()),
        ("nothing", vec![]),
    ];
    let misshapen = crate::double_votes::misshapen();
    let misshapen = misshapen
        .into_iter()
        .map(|(why, pair)| (why, said(Transaction::Convict { evidence: pair.encode() })));
    let cases: Vec<(&str, Vec<u8>)> = cases.into_iter().chain(misshapen).collect();
    let one = |(why, bytes): &(&str, Vec<u8>)| {
        assert!(Entry::decode(bytes).is_err(), "{why}");
        json!({ "why": why, "bytes": hex(bytes) })
    };
    cases.iter().map(one).collect()
}

fn heads() -> Value {
    let request = HttpRequestHead {
        method: "POST".into(),
        target: "/hello?name=w%C3%B6rld".into(),
        headers: vec![HttpField::new("content-type", "text/plain"), HttpField::new("x-odd", [0xff, 0x80])],
    };
    let response = HttpResponseHead { status: 200, headers: vec![HttpField::new("set-cookie", "a=1")] };
    let event = EventInput {
        source: "http".into(),
        content_type: "application/json".into(),
        attributes: vec![("id".into(), "7".into())],
    };
    json!([
        { "kind": "request", "json": request, "body": hex("hi"), "payload": hex(request.with_body(b"hi")) },
        { "kind": "response", "json": response, "body": "", "payload": hex(response.with_body(b"")) },
        { "kind": "event", "json": event, "body": hex("{}"), "payload": hex(event.with_body(b"{}")) },
    ])
}

fn trees() -> Value {
    let leaf = |i: u32| Domain::PAGE.hash(&i.to_be_bytes());
    [0u32, 1, 2, 3, 5, 8, 13]
        .iter()
        .map(|n| {
            let leaves: Vec<Digest> = (0..*n).map(leaf).collect();
            let paths: Vec<_> = (0..leaves.len()).map(|i| merkle::path(&leaves, i)).collect();
            json!({ "leaves": leaves, "root": merkle::root(&leaves), "paths": paths })
        })
        .collect()
}

fn genesis(genesis: &Genesis) -> Value {
    let file: Value = serde_json::from_str(&genesis.to_json()).unwrap();
    let namespace = String::from_utf8(genesis.namespace()).unwrap();
    json!({ "file": file, "cbor": hex(genesis.encode()), "network": genesis.network(), "namespace": namespace })
}

/// A network where two accounts have something from the start.
fn funded() -> Genesis {
    let one = |seed, balance| Allocation { account: Keypair::from_seed([seed; 32]).account(), balance };
    Network::named("funded", 1).genesis.with_accounts(vec![one(3, 1), one(4, u64::MAX - 1)])
}

/// The same where what is ordered, run and stored is charged.
fn charging() -> Genesis {
    let mut genesis = funded().with_economy(Economy { lockup_blocks: 600, seats: 7, worker_percent: 80 });
    genesis.prices.per_stored_byte = 3;
    genesis
}

fn mixed_bundle(network: &Network) -> Bundle {
    let entries: Vec<_> = some_entries()
        .iter()
        .map(|(_, entry)| {
            let class = if entry.kind() == "receipt" { PageClass::Receipt } else { PageClass::Bulk };
            (class, entry.encode())
        })
        .collect();
    network.bundle(&entries, 100)
}

fn bundles(network: &Network) -> Value {
    let small = network.bundle(&[(PageClass::Bulk, some_entries()[9].1.encode())], u64::MAX);
    let bundles = vec![mixed_bundle(network), small];
    let batch = Batch::seal(2, 7, bundles.clone()).unwrap();
    let block = BlockHeader::new(9, Digest::ZERO, 1_700_000_000_123, Digest::ZERO, &[batch.digest()]);
    let show = |b: &Bundle| {
        let pages: Vec<_> = b
            .pages
            .iter()
            .map(|page| json!({ "bytes": hex(page), "digest": page_digest(page).unwrap() }))
            .collect();
        json!({
            "seed": hex(*network.worker.seed()),
            "header": hex(b.header.encode()),
            "signature": b.signature,
            "id": b.header.id(),
            "digest": b.digest(),
            "pages": pages,
            "encoded": hex(b.encode()),
        })
    };
    json!({
        "bundles": bundles.iter().map(show).collect::<Vec<_>>(),
        "batch": { "header": hex(batch.header.encode()), "digest": batch.digest(), "encoded": hex(batch.encode()) },
        "block": { "header": hex(block.encode()), "digest": block.digest() },
        "heartbeat": {
            "header": hex(BlockHeader::new(10, block.digest(), 0, Digest::ZERO, &[]).encode()),
        },
    })
}

fn sealed_batches(network: &Network) -> Value {
    let cases = crate::sealed_batches::cases(network);
    let one = |(name, bytes): &(&str, Vec<u8>)| {
        let good = crate::sealed_batches::accepted(network, bytes);
        json!({ "name": name, "sealed": hex(bytes), "good": good })
    };
    cases.iter().map(one).collect()
}

fn certificates(network: &Network) -> Value {
    let block = Domain::BLOCK.hash(b"some block");
    let by = |voters: &[usize], epoch, view| {
        let voters: Vec<Keypair> = voters.iter().map(|i| network.validators[*i].clone()).collect();
        certify(&network.genesis, &voters, epoch, view, &block)
    };
    let good = by(&[0, 1, 2], 0, 1);
    let bitmap = good.0.len() - 3 * 64 - 2;
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.0.clone();
        change(&mut bytes);
        Certificate(bytes)
    };
    let other = certify(&network.genesis, &network.validators, 0, 1, &Domain::BLOCK.hash(b"another"));
    let cases = [
        ("three of four", good.clone()),
        ("four of four, large numbers", by(&[3, 0, 2, 1], 300, 70_000_000_000)),
        ("all but the first", by(&[1, 2, 3], 3, 1000)),
        ("two of four", by(&[0, 1], 0, 1)),
        ("for another block", other),
        ("of seven validators", Network::new(7).certify(&BlockHeader::new(1, block, 0, block, &[]))),
        ("a vote by someone else", with(&|b| b[bitmap] = 0b1011)),
        ("a voter that does not exist", with(&|b| b[bitmap] |= 0b1_0000)),
        ("more voters than votes", with(&|b| b[bitmap] |= 0b1000)),
        ("a number not in its shortest form", with(&|b| drop(b.splice(0..1, [0x80, 0x00])))),
        ("cut", with(&|b| b.truncate(b.len() - 1))),
        ("a byte after the end", with(&|b| b.push(0))),
    ];
    let one = |(name, certificate): &(&str, Certificate)| {
        let mut case = json!({ "name": name, "block": block, "certificate": hex(&certificate.0) });
        match certificate.verify(&network.genesis, &block) {
            Ok((epoch, view)) => case["proven"] = json!({ "epoch": epoch, "view": view }),
            Err(error) => case["refused"] = error.field().into(),
        }
        case
    };
    cases.iter().map(one).collect()
}

fn proofs(network: &Network) -> Value {
    let good = {
        let bundles = vec![mixed_bundle(network), mixed_bundle(network), mixed_bundle(network)];
        let before = [Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])];
        network.prove_in(bundles, 1, (1, 1), &before, 50).0
    };
    let late = network.prove_in(vec![mixed_bundle(network)], 0, (0, 0), &[], 101).0;
    let alone = network.prove(&some_entries()[9].1, PageClass::Bulk, 3).0;
    let below = descend(network, good.clone(), 2);
    let mut unlinked = below.clone();
    unlinked.descent.remove(0);
    let mut cases = vec![
        ("one of many", good.clone()),
        ("alone", alone),
        ("of a block whose descendant is certified", below),
        ("a link of the descent left out", unlinked),
        ("expired", late),
    ];
    let mut forge = |name, change: &dyn Fn(&mut Proof)| {
        let mut forged = good.clone();
        change(&mut forged);
        cases.push((name, forged));
    };
    let other = Network::named("other", 4).genesis.network();
    forge("another network", &|p| p.entry.bundle_header.network = other);
    forge("another account", &|p| p.entry.bundle_header.account = network.validators[0].account());
    forge("a longer validity", &|p| p.entry.bundle_header.valid_until += 1);
    forge("a changed page", &|p| p.entry.page[40] ^= 1);
    forge("bytes after the page", &|p| p.entry.page.push(0));
    forge("a slot beyond the page", &|p| p.entry.slot = 500);
    forge("another page number", &|p| p.entry.page_index = 0);
    forge("a page number beyond the bundle", &|p| p.entry.page_index = 9);
    forge("a longer page path", &|p| p.entry.page_path.push(other));
    forge("another bundle number", &|p| p.bundle_index = 0);
    forge("a shorter bundle path", &|p| p.bundle_path.truncate(p.bundle_path.len() - 1));
    forge("another lane", &|p| p.batch_header.lane = 1);
    forge("another batch number", &|p| p.batch_header.seq += 1);
    forge("no batch path", &|p| p.batch_path.clear());
    forge("another height", &|p| p.block_header.height += 1);
    forge("another time", &|p| p.block_header.time_ms += 1);
    forge("a changed vote", &|p| *p.certificate.0.last_mut().unwrap() ^= 1);
    forge("a cut certificate", &|p| p.certificate.0.truncate(p.certificate.0.len() - 1));
    forge("too few votes", &|p| {
        let voters = &network.validators[..2];
        p.certificate = certify(&network.genesis, voters, 0, 50, &p.block_header.digest());
    });
    forge("another committee", &|p| p.certificate = Network::new(5).certify(&p.block_header));
    forge("another signature", &|p| p.entry.signature = mixed_bundle(&Network::named("x", 1)).signature);
    let mut out: Vec<Value> = cases.iter().map(|(name, proof)| proof_case(network, name, proof)).collect();
    let bytes = good.encode();
    let broken = [
        ("cut", bytes[..bytes.len() - 1].to_vec()),
        ("a byte after the end", [bytes.as_slice(), &[0]].concat()),
        ("another version", [&bytes[..1], &[2], &bytes[2..]].concat()),
    ];
    for (name, bytes) in broken {
        out.push(json!({ "name": name, "proof": hex(bytes), "refused": "proof" }));
    }
    Value::Array(out)
}

/// Everything about committees that change, apart from what networks without them have.
fn committees() -> Value {
    let (network, keys) = changing();
    let all = moot_record::testing::committees(&keys);
    let id = network.genesis.network();
    let one = |committee: &Committee| {
        json!({
            "number": committee.number,
            "members": committee.members,
            "cbor": hex(committee.encode()),
            "digest": committee.digest(),
            "namespace": String::from_utf8(committee.namespace(&id)).unwrap(),
        })
    };
    let (account, at) = (keys[1][0].account(), |text: &str| text.parse().ok());
    let seat = |role, ledger, data| Entry::from(Transaction::Seat { account, role, ledger, data });
    let entries = [
        ("a seat that votes", seat(Role::Votes, at("10.0.0.5:9080"), at("10.0.0.5:10080"))),
        ("a seat that follows", seat(Role::Follows, at("[2001:db8::5]:9080"), at("[2001:db8::5]:10080"))),
        ("a seat that is left", seat(Role::Out, None, None)),
    ];
    let entries = entries.iter().map(|(name, entry)| {
        json!({ "name": name, "json": entry, "cbor": hex(entry.encode()), "digest": entry.digest() })
    });
    let header = BlockHeader::new(19, Digest::ZERO, 1_700_000_000_019, Digest::ZERO, &[]);
    let header = header.naming(Some(all[1].digest()));
    let said = crate::committees::said();
    let [first, second, third] =
        crate::committees::HEIGHTS.map(|height| prove_later(&network, &keys, &said, height));
    let mut cases = vec![
        ("of the first committee", first.clone()),
        ("of the second committee", second.clone()),
        ("of the third committee", third.clone()),
    ];
    let mut forge = |name, of: &Proof, change: &dyn Fn(&mut Proof)| {
        let mut forged = of.clone();
        change(&mut forged);
        cases.push((name, forged));
    };
    let votes = |number: usize, epoch: u64, header: &BlockHeader| {
        certify_by(&all[number], &id, &keys[number], (epoch, 7), &header.digest())
    };
    forge("the first handover left out", &third, &|p| drop(p.handovers.remove(0)));
    forge("handovers swapped", &third, &|p| p.handovers.swap(0, 1));
    forge("the last handover left out", &third, &|p| p.handovers.truncate(1));
    forge("all handovers left out", &third, &|p| p.handovers.clear());
    forge("a handover twice", &third, &|p| p.handovers.push(p.handovers[1].clone()));
    forge("a handover after the block", &first, &|p| p.handovers = second.handovers.clone());
    forge("another member", &second, &|p| p.handovers[0].members[0] = network.worker.account());
    forge("members out of order", &second, &|p| p.handovers[0].members.swap(0, 1));
    forge("a handover inside an epoch", &second, &|p| {
        p.handovers[0].header.height -= 1;
        p.handovers[0].certificate = votes(0, 1, &p.handovers[0].header);
    });
    forge("a block that names nobody", &second, &|p| {
        p.handovers[0].header.committee = None;
        p.handovers[0].certificate = votes(0, 1, &p.handovers[0].header);
    });
    forge("a handover certified by the next committee", &second, &|p| {
        p.handovers[0].certificate = votes(1, 1, &p.handovers[0].header);
    });
    forge("a handover of another epoch", &second, &|p| {
        p.handovers[0].certificate = votes(0, 0, &p.handovers[0].header);
    });
    forge("a changed vote for a handover", &second, &|p| {
        *p.handovers[0].certificate.0.last_mut().unwrap() ^= 1
    });
    forge("a handover of another time", &second, &|p| p.handovers[0].header.time_ms += 1);
    forge("votes of an old epoch", &second, &|p| p.certificate = votes(1, 1, &p.block_header));
    forge("votes of the committee before", &second, &|p| p.certificate = votes(0, 2, &p.block_header));
    let proofs: Vec<Value> = cases.iter().map(|(name, proof)| proof_case(&network, name, proof)).collect();
    json!({
        "domain": { "name": "committee", "tag": hex(Domain::COMMITTEE.tag()), "hash_of_abc": Domain::COMMITTEE.hash(b"abc") },
        "genesis": genesis(&network.genesis),
        "committees": all.iter().map(one).collect::<Vec<_>>(),
        "entries": entries.collect::<Vec<_>>(),
        "header": { "header": hex(header.encode()), "digest": header.digest() },
        "proofs": proofs,
    })
}

fn proof_case(network: &Network, name: &str, proof: &Proof) -> Value {
    let mut case = json!({ "name": name, "proof": hex(proof.encode()) });
    // Some forgeries no longer decode at all, as whoever reads the file will find.
    let verdict = Proof::decode(&proof.encode())
        .map_err(|_| "proof".to_owned())
        .and_then(|proof| proof.verify(&network.genesis).map_err(|e| e.field().to_owned()));
    match verdict {
        Ok(p) => {
            case["proven"] = json!({
                "entry": p.entry, "digest": p.digest, "account": p.account, "id": p.id,
                "height": p.height, "time_ms": p.time_ms, "epoch": p.epoch, "view": p.view,
            });
        }
        Err(field) => case["refused"] = field.into(),
    }
    case
}

fn receipt_files(network: &Network) -> Value {
    let (call, receipt) = (Entry::Call(a_call()), Entry::Receipt(a_receipt(&a_call(), (1 << 53) + 1)));
    let proof = network.prove(&receipt, PageClass::Receipt, 7).0;
    let signed = sign_path(&network.bundle(&[(PageClass::Receipt, receipt.encode())], 9), 0, 0);
    let file = |evidence| ReceiptFile::new(evidence, Some(call.encode())).unwrap();
    let good = serde_json::to_value(file(Evidence::Final(proof))).unwrap();
    let mut cases = vec![
        ("final", good.clone()),
        ("signed", serde_json::to_value(file(Evidence::Signed(signed))).unwrap()),
    ];
    for (name, pointer, value) in [
        ("another fuel", "/receipt/fuel", json!("9007199254740992")),
        ("another status", "/receipt/status", json!("failed")),
        ("another output", "/receipt/output/digest", json!("00".repeat(32))),
        ("another caller", "/call/caller", json!("00".repeat(32))),
        ("another place", "/id", json!("0-7-0-0-1")),
        ("another time", "/block/time_ms", json!(0)),
        ("another worker", "/worker", json!("00".repeat(32))),
        ("another format", "/format", json!("moot-receipt-0")),
    ] {
        let mut forged = good.clone();
        *forged.pointer_mut(pointer).unwrap() = value;
        cases.push((name, forged));
    }
    let one = |(name, file): &(&str, Value)| {
        let verdict = ReceiptFile::parse(&file.to_string()).and_then(|f| f.check(&network.genesis));
        json!({ "name": name, "file": file, "refused": verdict.err().map(|e| e.field().to_owned()) })
    };
    cases.iter().map(one).collect()
}

fn signature_verdicts() -> Value {
    let ours = signatures::vectors().into_iter().map(|v| {
        let good = verify(&v.account, signatures::DOMAIN, &v.message, &v.signature).is_ok();
        json!({
            "name": v.name, "account": v.account, "message": hex(signatures::DOMAIN.message(&v.message)),
            "signature": v.signature, "good": good,
        })
    });
    let theirs = signatures::wycheproof().into_iter().map(|v| {
        json!({
            "name": v.name(), "account": v.account(), "message": hex(&v.message),
            "signature": hex(&v.signature), "good": v.is_good(),
        })
    });
    ours.chain(theirs).collect()
}
