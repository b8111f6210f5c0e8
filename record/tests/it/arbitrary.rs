//! Values of every type that has an encoding, for property tests.

use moot_record::{
    Access, AccountId, Allocation, BatchHeader, BlockHeader, Bundle, BundleHeader, Call, CallKind, Candidate,
    Certificate, Contradiction, Digest, DoubleVote, Economy, Engine, Entry, EntryId, Epochs, Equivocation,
    EventInput, Fee, FunctionKind, FunctionName, Genesis, Handover, HttpField, HttpRequestHead,
    HttpResponseHead, Keypair, Lifecycle, Payer, Payload, PayloadMode, Prices, Proof, Proposed, Receipt,
    Role, Sandbox, SealedHeader, Signature, SignedEntry, Spec, SpecDir, SpecGrants, SpecLimits, Status,
    Touch, TouchKind, Transaction, Trigger, TriggerAccess, TriggerOn, Value, Vote, WorkOffer,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest::from_bytes)
}

pub(crate) fn account() -> impl Strategy<Value = AccountId> {
    any::<[u8; 32]>().prop_map(AccountId::from_bytes)
}

fn signature() -> impl Strategy<Value = Signature> {
    (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(r, s)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        Signature::from_bytes(bytes)
    })
}

/// Integers of every width, so that every head form is met.
fn integer() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(value, shift)| value >> shift)
}

pub(crate) fn entry_id() -> impl Strategy<Value = EntryId> {
    (any::<u32>(), integer(), any::<u16>(), any::<u16>(), any::<u16>())
        .prop_map(|(lane, batch, bundle, page, slot)| EntryId { lane, batch, bundle, page, slot })
}

pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(|bytes| Payload::inlined(&bytes)),
        (digest(), integer()).prop_map(|(digest, bytes)| Payload { digest, bytes, inline: None }),
    ]
}

fn name() -> impl Strategy<Value = FunctionName> {
    "[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,20})?".prop_map(|name| FunctionName::parse(&name).unwrap())
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let kind = prop_oneof![
        Just(CallKind::Http),
        Just(CallKind::Event),
        "[!-~]{1,60}".prop_map(|export| CallKind::Typed { export }),
    ];
    let who = (name(), digest(), digest(), kind, option::of(account()));
    let what = (payload(), integer(), integer(), option::of(digest()), option::of(entry_id()));
    (who, what).prop_map(|((function, component, spec, kind, caller), what)| {
        let (input, time_us, fuel_limit, idempotency, parent) = what;
        Call { function, component, spec, kind, caller, input, time_us, fuel_limit, idempotency, parent }
    })
}

fn touch() -> impl Strategy<Value = Touch> {
    (select(TouchKind::ALL), "[!-~é]{1,40}", 1u32..).prop_map(|(kind, target, count)| Touch {
        kind,
        target,
        count,
    })
}

pub(crate) fn receipt() -> impl Strategy<Value = Receipt> {
    let call = (entry_id(), digest(), digest(), select(Status::ALL), payload());
    let cost = (integer(), any::<bool>(), integer(), integer(), vec(touch(), 0..80), integer(), integer());
    (call, cost).prop_map(|((call, call_digest, component, status, output), cost)| {
        let (fuel, metered, ordering, execution, touched, time_us, duration_us) = cost;
        let (fee, touched) = (Fee { ordering, execution }, Touch::gather(touched));
        Receipt {
            call,
            call_digest,
            component,
            status,
            output,
            fuel,
            metered,
            fee,
            touched,
            time_us,
            duration_us,
        }
    })
}

pub(crate) fn transaction() -> impl Strategy<Value = Transaction> {
    let deploy =
        (name(), digest(), 1..=moot_record::limits::MAX_COMPONENT_BYTES, spec(), option::of(any::<u32>()));
    prop_oneof![
        deploy.prop_map(|(name, component, bytes, spec, previous)| {
            Transaction::deploy(name, component, bytes, &spec, previous)
        }),
        (name(), any::<u32>()).prop_map(|(name, version)| Transaction::Rollback { name, version }),
        name().prop_map(|name| Transaction::Retire { name }),
        (any::<[u8; 32]>(), select(Role::ALL), option::of(address(0)), option::of(address(1))).prop_map(
            |(seed, role, ledger, data)| {
                let account = Keypair::from_seed(seed).account();
                Transaction::Seat { account, role, ledger, data }
            }
        ),
        (any::<[u8; 32]>(), integer()).prop_map(|(seed, amount)| {
            Transaction::Transfer { to: Keypair::from_seed(seed).account(), amount: amount.max(1) }
        }),
        ("(/[A-Za-z0-9_~-]{1,20}){1,6}", option::of(any::<[u8; 32]>())).prop_map(|(path, seed)| {
            let owner = seed.map(|seed| Keypair::from_seed(seed).account());
            Transaction::Own { path, owner }
        }),
        ("(/[a-zA-Z0-9-]{1,12})(/[a-z]{1,9}){0,4}(/\\$[a-z][a-z0-9_]{0,9})?", option::of(".{1,80}"))
            .prop_map(|(pattern, rule)| Transaction::Rule { pattern, rule }),
        (2..=moot_record::limits::MAX_TOGETHER).prop_map(|count| Transaction::Together { count }),
        bond(),
        (price(), price(), price()).prop_map(|(per_byte, per_mega_fuel, per_stored_byte)| {
            Transaction::Prices { prices: Prices { per_byte, per_mega_fuel, per_stored_byte } }
        }),
        name().prop_map(|name| Transaction::Freeze { name }),
        (name(), option::of(trigger())).prop_map(|(name, trigger)| Transaction::Trigger { name, trigger }),
        option::of(offer()).prop_map(|offer| Transaction::Work { offer }),
        Just(Transaction::Revoke {}),
    ]
}

/// What a worker offers.
pub(crate) fn offer() -> impl Strategy<Value = WorkOffer> {
    let kinds = vec(select(Sandbox::ALL), 1..=2);
    let (functions, replicas) = (option::of(vec(name(), 1..9)), option::of(vec(account(), 1..9)));
    let engine = "[a-z0-9.+-]{1,32}".prop_map(|name| Engine::parse(&name).unwrap());
    (kinds, functions, replicas, engine).prop_map(|(kinds, functions, replicas, engine)| {
        WorkOffer { kinds, functions, replicas, engine }.sorted()
    })
}

pub(crate) fn trigger() -> impl Strategy<Value = Trigger> {
    let on = prop_oneof![
        "(/[a-z]{1,9}){1,3}(/\\$[a-z]{1,9})?".prop_map(TriggerOn::Value),
        name().prop_map(TriggerOn::Completion),
    ];
    let access = prop_oneof![
        Just(TriggerAccess::Anyone),
        vec(account(), 1..5).prop_map(|mut accounts| {
            accounts.sort();
            accounts.dedup();
            TriggerAccess::Accounts(accounts)
        }),
        ".{1,80}".prop_map(TriggerAccess::Rule),
    ];
    let schedule = "[0-9 *,/-]{1,64}".prop_map(TriggerOn::Schedule);
    prop_oneof![
        (on, name(), access).prop_map(|(on, function, access)| Trigger { on, function, access }),
        (schedule, name()).prop_map(|(on, function)| Trigger { on, function, access: TriggerAccess::Anyone }),
    ]
}

/// What binds units, and what frees them.
fn bond() -> impl Strategy<Value = Transaction> {
    let candidate =
        (any::<[u8; 32]>(), address(0), address(1), signature()).prop_map(|(seed, ledger, data, consent)| {
            let account = Keypair::from_seed(seed).account();
            (Some(Candidate { account, ledger, data }), Some(consent))
        });
    let sealed = || (batch_header(), signature()).prop_map(|(header, seal)| SealedHeader { header, seal });
    prop_oneof![
        (any::<[u8; 32]>(), integer(), integer()).prop_map(|(seed, amount, until)| {
            let to = Keypair::from_seed(seed).account();
            Transaction::Hold { to, amount: amount.max(1), until }
        }),
        (entry_id(), integer(), integer()).prop_map(|(hold, one, other)| {
            let whole = one.max(other).max(1);
            Transaction::Release { hold, part: one.min(other), whole }
        }),
        integer().prop_map(|amount| {
            Transaction::Stake { amount: amount.max(1), replica: None, consent: None }
        }),
        (integer(), candidate).prop_map(|(amount, (replica, consent))| Transaction::Stake {
            amount,
            replica,
            consent
        }),
        integer().prop_map(|amount| Transaction::Unstake { amount: amount.max(1) }),
        (sealed(), sealed()).prop_map(|(first, second)| {
            Transaction::Convict { evidence: Equivocation { first, second }.encode() }
        }),
        double_vote().prop_map(|pair| Transaction::Convict { evidence: pair.encode() }),
    ]
}

/// Two votes of the form that they must have.
fn double_vote() -> impl Strategy<Value = DoubleVote> {
    let vote = || {
        (integer(), any::<[u8; 32]>(), signature()).prop_map(|(parent, block, signature)| {
            let proposed = Some(Proposed { parent, block: Digest::from_bytes(block) });
            Vote { proposed, signature }
        })
    };
    (account(), select(Contradiction::ALL), integer(), integer(), vote(), vote())
        .prop_map(|(who, what, epoch, view, mut first, second)| {
            first.proposed = first.proposed.filter(|_| what != Contradiction::SkippedAndFinal);
            DoubleVote { who, what, epoch, view, first, second }
        })
        .prop_filter("both are for the same", |pair| pair.first.proposed != pair.second.proposed)
}

/// A price that can be voted for.
fn price() -> impl Strategy<Value = u64> {
    integer().prop_map(|price| price % (moot_record::limits::MAX_VOTED_PRICE + 1))
}

/// An address that others can reach, with an even or an odd port.
fn address(odd: u16) -> impl Strategy<Value = std::net::SocketAddr> {
    let ip = prop_oneof![
        (1u8..=223, any::<[u8; 3]>()).prop_map(|(first, [b, c, d])| [first, b, c, d].into()),
        any::<[u8; 15]>().prop_map(|rest| {
            let mut bytes = [0x20; 16];
            bytes[1..].copy_from_slice(&rest);
            bytes.into()
        }),
    ];
    (ip, 1u16..30_000).prop_map(move |(ip, port)| std::net::SocketAddr::new(ip, port * 2 + odd))
}

fn value() -> impl Strategy<Value = Value> {
    let by_function = option::of((name(), entry_id()));
    let named = option::of((account(), by_function));
    ("(/[A-Za-z0-9_~-]{1,20}){1,6}", payload(), named).prop_map(|(path, payload, named)| {
        let (account, by) = named.map_or((None, None), |(account, by)| (Some(account), by));
        let (function, parent) = by.unzip();
        Value { path, payload, account, function, parent }
    })
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        call().prop_map(Entry::Call),
        receipt().prop_map(Entry::Receipt),
        transaction().prop_map(Entry::Transaction),
        value().prop_map(Entry::Value),
    ]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    vec("[ -~é]{1,20}", 0..6)
}

fn grants() -> impl Strategy<Value = SpecGrants> {
    let env = proptest::collection::btree_map("[A-Z_]{1,8}", "[ -~\n]{0,20}", 0..5);
    let dirs = proptest::collection::btree_map("[a-z]{1,8}", ("/[a-z]{1,8}", any::<bool>()), 0..4);
    let lists = (option::of(texts()), env, texts(), texts(), dirs);
    (lists, any::<[bool; 3]>()).prop_map(
        |((http, env, secrets, key_value, dirs), [clock, random, ledger])| {
            let dirs = dirs.into_iter().map(|(name, (at, write))| SpecDir { name, at, write }).collect();
            let env = env.into_iter().collect();
            SpecGrants { http, env, secrets, key_value, dirs, clock, random, ledger }
        },
    )
}

pub(crate) fn spec() -> impl Strategy<Value = Spec> {
    let access = prop_oneof![
        Just(Access::Anyone),
        vec(account(), 1..5).prop_map(Access::Accounts),
        ".{1,80}".prop_map(Access::Rule),
    ];
    let payloads = prop_oneof![
        integer().prop_map(|retention_s| PayloadMode::Keep { retention_s }),
        Just(PayloadMode::Inline),
        Just(PayloadMode::Digest),
    ];
    let route = prop_oneof![Just("/".to_owned()), "/[a-z]{1,12}(/[a-z]{1,12})?"];
    let flags = (any::<[bool; 3]>(), 1..=moot_record::limits::MAX_REPLICAS_K);
    let head = (select(FunctionKind::ALL), route, access, select(Payer::ALL), flags);
    let limits = proptest::array::uniform6(integer().prop_map(|limit| limit.max(1)));
    (head, payloads, option::of(grants()), limits).prop_map(|(head, payloads, grants, limits)| {
        let (kind, route, access, payer, ([upgradable, destructible, idempotent], k)) = head;
        let [fuel, deadline_ms, memory_bytes, request_bytes, response_bytes, log_bytes] = limits;
        Spec {
            kind,
            route,
            access,
            payer,
            lifecycle: Lifecycle { upgradable, destructible },
            deterministic: grants.is_none(),
            replicas_k: if grants.is_none() && kind != FunctionKind::Http { k } else { 1 },
            idempotent,
            payloads,
            grants: grants.unwrap_or_default(),
            limits: SpecLimits { fuel, deadline_ms, memory_bytes, request_bytes, response_bytes, log_bytes },
        }
        .sorted()
    })
}

pub(crate) fn bundle_header() -> impl Strategy<Value = BundleHeader> {
    (digest(), account(), integer(), 1u32..=1024, digest()).prop_map(
        |(network, account, valid_until, pages, root)| BundleHeader {
            network,
            account,
            valid_until,
            pages,
            root,
        },
    )
}

pub(crate) fn bundle() -> impl Strategy<Value = Bundle> {
    (bundle_header(), signature(), vec(vec(any::<u8>(), 0..80), 1..6)).prop_map(
        |(header, signature, pages)| {
            let header = BundleHeader { pages: pages.len() as u32, ..header };
            Bundle { header, signature, pages }
        },
    )
}

pub(crate) fn batch_header() -> impl Strategy<Value = BatchHeader> {
    (any::<u32>(), integer(), 1u32..=4096, digest()).prop_map(|(lane, seq, bundles, root)| BatchHeader {
        lane,
        seq,
        bundles,
        root,
    })
}

pub(crate) fn block_header() -> impl Strategy<Value = BlockHeader> {
    (integer(), digest(), integer(), digest(), vec(digest(), 0..5), option::of(digest())).prop_map(
        |(height, parent, time_ms, state, batches, committee)| {
            BlockHeader::new(height, parent, time_ms, state, &batches).naming(committee)
        },
    )
}

fn path() -> impl Strategy<Value = Vec<Digest>> {
    vec(digest(), 0..=16)
}

pub(crate) fn signed_entry() -> impl Strategy<Value = SignedEntry> {
    (vec(any::<u8>(), 0..300), any::<u16>(), any::<u16>(), path(), bundle_header(), signature()).prop_map(
        |(page, slot, page_index, page_path, bundle_header, signature)| SignedEntry {
            page,
            slot,
            page_index,
            page_path,
            bundle_header,
            signature,
        },
    )
}

pub(crate) fn proof() -> impl Strategy<Value = Proof> {
    let handover = (block_header(), vec(any::<u8>(), 0..300), vec(account(), 0..5));
    let handover = handover.prop_map(|(header, certificate, members)| Handover {
        header,
        certificate: Certificate(certificate),
        members,
    });
    let votes = (vec(block_header(), 0..4), vec(any::<u8>(), 0..300), vec(handover, 0..3));
    let up = (any::<u16>(), path(), batch_header(), any::<u16>(), path(), block_header(), votes);
    (signed_entry(), up).prop_map(|(entry, up)| {
        let (bundle_index, bundle_path, batch_header, batch_index, batch_path, block_header, votes) = up;
        let (descent, certificate) = (votes.0, Certificate(votes.1));
        Proof {
            entry,
            bundle_index,
            bundle_path,
            batch_header,
            batch_index,
            batch_path,
            block_header,
            descent,
            certificate,
            handovers: votes.2,
        }
    })
}

pub(crate) fn genesis() -> impl Strategy<Value = Genesis> {
    let seeds = proptest::collection::btree_set(any::<[u8; 32]>(), 1..8);
    let epochs = option::of((8u64..1 << 40, any::<[u8; 32]>()));
    let funded = proptest::collection::btree_map(any::<[u8; 32]>(), 1..u64::MAX / 8, 0..8);
    let economy = option::of((0u64..1 << 40, 1u32..=128, 0u8..=100, integer()));
    let prices = (integer(), integer());
    ("[ -~é]{1,40}", integer(), seeds, prices, epochs, funded, economy).prop_map(
        |(name, time_ms, seeds, (per_byte, per_mega_fuel), epochs, funded, economy)| {
            let of = |seed| Keypair::from_seed(seed).account();
            let funded = funded.into_iter().map(|(seed, balance)| Allocation { account: of(seed), balance });
            let per_stored_byte = economy.map_or(0, |(.., price)| price);
            let prices = Prices { per_byte, per_mega_fuel, per_stored_byte };
            let genesis = Genesis::new(name, time_ms, seeds.into_iter().map(of).collect(), prices);
            let genesis = genesis.with_accounts(funded.collect());
            let genesis = match economy {
                None => genesis,
                Some((lockup_blocks, seats, worker_percent, _)) => {
                    genesis.with_economy(Economy { lockup_blocks, seats, worker_percent })
                }
            };
            match epochs {
                None => genesis,
                Some((blocks, seed)) => genesis.with_epochs(Epochs { blocks, authority: of(seed) }),
            }
        },
    )
}

fn fields() -> impl Strategy<Value = Vec<HttpField>> {
    vec(("[a-z][a-z0-9-]{0,12}", vec(any::<u8>(), 0..30)), 0..6)
        .prop_map(|list| list.into_iter().map(|(name, value)| HttpField::new(&name, value)).collect())
}

pub(crate) fn request_head() -> impl Strategy<Value = HttpRequestHead> {
    ("[A-Z]{1,8}", "/[!-~]{0,30}", fields()).prop_map(|(method, target, headers)| HttpRequestHead {
        method,
        target,
        headers,
    })
}

pub(crate) fn response_head() -> impl Strategy<Value = HttpResponseHead> {
    (100u16..=999, fields()).prop_map(|(status, headers)| HttpResponseHead { status, headers })
}

pub(crate) fn event_input() -> impl Strategy<Value = EventInput> {
    (".{0,20}", ".{0,20}", vec((".{0,10}", ".{0,10}"), 0..6))
        .prop_map(|(source, content_type, attributes)| EventInput { source, content_type, attributes })
}
