//! What the scenarios share: one host, guests from text and from Rust, and a way to see that the host is unharmed.

use moot_host::{
    AdmissionError, Arguments, CallContext, Event, Fault, Function, Host, HostConfig, LogLine, LogSink,
    Policy, Report, TypedAnswer,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// One host for all scenarios, as in a node: what one guest breaks, the others would notice.
pub(crate) fn host() -> &'static Host {
    static HOST: LazyLock<Host> = LazyLock::new(|| Host::new(HostConfig::default()).unwrap());
    &HOST
}

/// The folder of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A hostile guest's binary, from `guests/hostile/NAME.wat`.
pub(crate) fn hostile(name: &str) -> Vec<u8> {
    let path = repository().join("guests/hostile").join(name).with_extension("wat");
    wat::parse_file(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A Rust guest's binary, from `guests/NAME`. All are built once, by whoever asks first.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    static BUILT: OnceLock<()> = OnceLock::new();
    let target = repository().join("target/guests");
    BUILT.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--target", "wasm32-wasip2", "--manifest-path"])
            .arg(repository().join("guests/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .unwrap();
        assert!(
            built.success(),
            "the guests do not build; is the target there? rustup target add wasm32-wasip2"
        );
    });
    let file = target.join("wasm32-wasip2/release").join(name.replace('-', "_")).with_extension("wasm");
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// Admits, compiles, writes and loads, as a node does.
pub(crate) fn load(host: &Host, wasm: &[u8], policy: Policy) -> Function {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    host.admit(wasm, &policy).unwrap();
    let cwasm = host.compile(wasm).unwrap();
    let path = DIR.path().join(format!("{}.cwasm", NEXT.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, &cwasm).unwrap();
    host.load(&path, blake3::hash(&cwasm).as_bytes(), policy).unwrap()
}

/// What a deploy of the component under the policy is refused with.
pub(crate) fn refused(wasm: &[u8], policy: &Policy) -> AdmissionError {
    host().admit(wasm, policy).expect_err("it should have been refused")
}

pub(crate) fn cx() -> CallContext {
    CallContext::new("0-1-0-0-0", "test")
}

/// Calls an export of a typed function without arguments.
pub(crate) async fn run(function: &Function, export: &str) -> TypedAnswer {
    function.call_typed(cx(), export, Arguments::Json("[]")).await
}

/// As [`run`], for a call that must fail.
pub(crate) async fn fails(function: &Function, export: &str) -> (Fault, Report) {
    let answer = run(function, export).await;
    assert_eq!(answer.report.fault.as_ref(), answer.result.as_ref().err());
    (answer.result.expect_err("the call should have failed"), answer.report)
}

/// An HTTP request with an empty body.
pub(crate) fn get(path: &str) -> http::Request<http_body_util::Empty<bytes::Bytes>> {
    http::Request::get(path).header("host", "localhost").body(http_body_util::Empty::new()).unwrap()
}

/// An event with a payload.
pub(crate) fn event(payload: &str) -> Event {
    Event { source: "call:".into(), payload: payload.to_owned().into(), ..Event::default() }
}

/// Keeps what guests log.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn line(&self, line: LogLine<'_>) {
        self.0.lock().unwrap().push(line.text.to_owned());
    }
}

impl Lines {
    pub(crate) fn new() -> Arc<Lines> {
        Arc::default()
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Sees that the host is unharmed: the next normal call succeeds, and resident memory is back near where it was.
///
/// Other scenarios run in the same process at the same time, so "near" allows for theirs: the constant is far below
/// what each hostile guest asks for.
pub(crate) struct Unharmed {
    before_bytes: u64,
}

/// What other scenarios may add meanwhile: compilers, and the pages that warm slots keep.
const SLACK_BYTES: u64 = 192 << 20;

impl Unharmed {
    pub(crate) async fn before() -> Unharmed {
        normal_call().await;
        Unharmed { before_bytes: resident_bytes() }
    }

    pub(crate) async fn after(self) {
        normal_call().await;
        let (before, now) = (self.before_bytes, resident_bytes());
        assert!(
            now <= before + before / 10 + SLACK_BYTES,
            "resident memory grew from {before} to {now} bytes"
        );
    }
}

async fn normal_call() {
    static NORMAL: OnceLock<Function> = OnceLock::new();
    let function = NORMAL.get_or_init(|| load(host(), &hostile("harmless"), Policy::default()));
    let answer = run(function, "run").await;
    assert_eq!(answer.result.as_deref(), Ok("42"), "the host does not serve normal calls any more");
}

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or("VmRSS: 0 kB");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
}
