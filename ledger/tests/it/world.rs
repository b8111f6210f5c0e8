//! What scenarios are made of: a network of one, entries, a temporary directory.

use moot_ledger::{Clock, Disk, Ledger, Options, OrderingChoice, PayloadBytes, Pending};
use moot_record::testing::Network;
use moot_record::{
    Bundle, BundleBuilder, Call, CallKind, Digest, Entry, EntryId, Fee, FunctionName, Keypair, Lifecycle,
    PageClass, Payload, Receipt, Spec, Status, Transaction,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Options of a ledger without an engine.
pub(crate) fn options(dir: &Path) -> Options {
    let network = Network::new(1);
    let key = network.validators[0].clone();
    Options { ordering: OrderingChoice::External, ..Options::new(dir, network.genesis, key) }
}

/// Opens a ledger without an engine on the given disk.
pub(crate) fn open_on(dir: &Path, disk: impl Disk) -> Result<Ledger, moot_ledger::OpenError> {
    Ledger::open(Options { disk: Arc::new(disk), ..options(dir) })
}

/// Opens a ledger without an engine on real files.
pub(crate) fn open(dir: &Path) -> Ledger {
    Ledger::open(options(dir)).unwrap()
}

pub(crate) fn name(name: &str) -> FunctionName {
    FunctionName::parse(name).unwrap()
}

/// A call that `number` makes unlike every other.
pub(crate) fn call(number: u64) -> Call {
    Call {
        function: name("hello"),
        component: Digest::from_bytes([1; 32]),
        spec: Digest::from_bytes([2; 32]),
        kind: CallKind::Http,
        caller: None,
        input: Payload::of(&number.to_le_bytes()),
        time_us: 1_700_000_000_000_000 + number,
        fuel_limit: 1_000_000,
        idempotency: None,
        parent: None,
    }
}

/// A receipt of `pending`.
pub(crate) fn receipt(call: EntryId, digest: Digest, status: Status) -> Receipt {
    Receipt {
        call,
        call_digest: digest,
        component: Digest::from_bytes([1; 32]),
        status,
        output: Payload::of(b"out"),
        fuel: 1234,
        metered: true,
        fee: Fee { ordering: 1, execution: 2 },
        touched: Vec::new(),
        time_us: 1_700_000_000_000_001,
        duration_us: 5,
    }
}

/// Answers a call.
pub(crate) fn answer(ledger: &Ledger, call: &Pending) -> Result<Pending, moot_ledger::Refused> {
    ledger.append_receipt(receipt(call.id(), call.digest(), Status::Ok), PayloadBytes::None)
}

/// A bundle of `entries` signed by `key`.
pub(crate) fn bundle(ledger: &Ledger, key: &Keypair, valid_until: u64, entries: &[Entry]) -> Bundle {
    let mut builder = BundleBuilder::new();
    for entry in entries {
        builder.append(PageClass::Bulk, &entry.encode()).unwrap();
    }
    Bundle::sign(key, &ledger.network(), valid_until, builder.finish()).unwrap()
}

/// A spec with the given rights.
pub(crate) fn spec(route: &str, upgradable: bool, destructible: bool) -> Spec {
    Spec {
        lifecycle: Lifecycle { upgradable, destructible },
        ..Spec::new(moot_record::FunctionKind::Http, route)
    }
}

/// A deploy of the component that consists of `code`.
pub(crate) fn deploy(function: &str, code: &[u8], spec: &Spec, previous: Option<u32>) -> Entry {
    let digest = moot_record::component_digest(code);
    Entry::Transaction(Transaction::deploy(name(function), digest, code.len() as u64, spec, previous))
}

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    pub(crate) fn at_s(seconds: u64) -> ManualClock {
        ManualClock(Arc::new(AtomicU64::new(seconds * 1_000_000)))
    }

    pub(crate) fn advance_s(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_us(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Waits for something that another thread brings about.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 60, "{what}: not within a minute");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
