//! Grants and traps, as those who deploy see them.

use crate::support::{cx, fails, get, guest, host, hostile, load, refused, run};
use moot_host::{
    AdmissionError, DirGrant, Fault, Grants, Host, HostConfig, Limits, LoadError, Policy, Secret,
};

/// At deploy, not at the first call, and by name: so that its author knows what to change.
#[test]
fn case_30_an_import_that_nothing_grants_is_refused_by_name() {
    let error = refused(&hostile("random"), &Policy::default());
    assert_eq!(
        error.to_string(),
        "the component imports wasi:random/random@0.2.0, which is not granted. Put `random = true` under its grants in moot.toml"
    );
    let stranger = wat::parse_str(
        r#"(component (import "acme:secrets/vault@1.0.0" (instance (export "open" (func))))
            (core module $m (func (export "run"))) (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    )
    .unwrap();
    let error = refused(&stranger, &Policy::default());
    assert!(matches!(&error, AdmissionError::Unknown { import, .. } if import == "acme:secrets/vault@1.0.0"));
}

/// The same rules hold when a compiled file is loaded under another policy than it was deployed with.
#[test]
fn case_30_loading_checks_the_grants_again() {
    let wasm = hostile("random");
    let cwasm = host().compile(&wasm).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.cwasm");
    std::fs::write(&path, &cwasm).unwrap();
    let error = host().load(&path, blake3::hash(&cwasm).as_bytes(), Policy::default()).unwrap_err();
    assert!(matches!(error, LoadError::Refused(AdmissionError::NotGranted { .. })), "{error}");
}

#[test]
fn a_damaged_file_is_not_loaded() {
    let cwasm = host().compile(&hostile("harmless")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.cwasm");
    let digest = *blake3::hash(&cwasm).as_bytes();
    for at in [0, cwasm.len() / 2, cwasm.len() - 1] {
        let mut damaged = cwasm.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let error = host().load(&path, &digest, Policy::default()).unwrap_err();
        assert!(matches!(error, LoadError::Digest { .. }), "{error}");
    }
    let text = b"not machine code";
    std::fs::write(&path, text).unwrap();
    let error = host().load(&path, blake3::hash(text).as_bytes(), Policy::default()).unwrap_err();
    assert!(matches!(error, LoadError::Stale { .. }), "{error}");
    let missing = dir.path().join("missing.cwasm");
    let error = host().load(&missing, &digest, Policy::default()).unwrap_err();
    assert!(error.to_string().contains("missing.cwasm"), "{error}");
}

#[test]
fn a_directory_that_is_not_there_is_found_at_load() {
    let cwasm = host().compile(&hostile("harmless")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.cwasm");
    std::fs::write(&path, &cwasm).unwrap();
    let grant = DirGrant { name: "assets".into(), dir: dir.path().join("no"), at: "/a".into(), write: false };
    let policy = Policy { grants: Grants { dirs: vec![grant], ..Grants::default() }, ..Policy::default() };
    let error = host().load(&path, blake3::hash(&cwasm).as_bytes(), policy).unwrap_err();
    assert!(error.to_string().contains("`assets`"), "{error}");
}

#[tokio::test]
async fn a_trap_says_what_the_guest_did_and_where() {
    let function = load(host(), &hostile("oob"), Policy::default());
    for (export, says) in [
        ("memory", "memory out of bounds"),
        ("table", "function pointer that is out of bounds"),
        ("null", "null function pointer"),
        ("division", "divided an integer by zero"),
        ("conversion", "no integer"),
        ("panic", "unreachable"),
    ] {
        let (fault, _) = fails(&function, export).await;
        assert!(matches!(fault, Fault::Trap { .. }) && fault.to_string().contains(says), "{export}: {fault}");
    }
    let (fault, _) = fails(&function, "panic").await;
    assert_eq!(fault.backtrace()[0].function.as_deref(), Some("my_function_that_panics"));
}

/// Fuel is counted at calls only. A trap in between must not make what came before it free.
#[tokio::test]
async fn a_trap_is_charged_the_same_everywhere() {
    let function = load(host(), &hostile("oob"), Policy::default());
    assert_eq!(fails(&function, "late").await.1.fuel, Limits::default().fuel);
    let panic = fails(&function, "panic").await.1.fuel;
    assert!(panic < 100, "a panic is charged what it burned: {panic}");
}

#[tokio::test]
async fn a_host_with_one_instance_serves_one_call_after_another() {
    let host = Host::new(HostConfig { max_instances: 1, ..HostConfig::default() }).unwrap();
    let function = load(&host, &hostile("harmless"), Policy::default());
    for _ in 0..10 {
        assert_eq!(run(&function, "run").await.result.as_deref(), Ok("42"));
    }
}

#[tokio::test]
async fn more_calls_than_instances_are_told_so() {
    let host = Host::new(HostConfig { max_instances: 1, ..HostConfig::default() }).unwrap();
    let grants = Grants { http: Some(Vec::new()), random: true, ..Grants::default() };
    let function = load(&host, &guest("hello-http"), Policy { grants, ..Policy::default() });
    let waiting = futures::stream::pending::<Result<hyper::body::Frame<bytes::Bytes>, std::io::Error>>();
    let request = http::Request::post("/echo").header("host", "localhost");
    let request = request.body(http_body_util::StreamBody::new(Box::pin(waiting))).unwrap();
    let held = function.call_http(cx(), request).await.unwrap();
    let failed = function.call_http(cx(), get("/")).await.unwrap_err();
    assert_eq!(failed.fault, Fault::Busy);
    drop(held);
}

#[test]
fn secrets_are_not_printed() {
    let grants = Grants {
        secrets: vec![("API_KEY".into(), Secret::new("hunter2"))],
        env: vec![("TOKEN".into(), "hunter3".into())],
        ..Grants::default()
    };
    let shown = format!("{:?}", Policy { grants, ..Policy::default() });
    assert!(shown.contains("API_KEY") && !shown.contains("hunter"), "{shown}");
}

#[test]
fn a_memory_limit_that_the_host_cannot_give_is_refused() {
    let limits = Limits { memory_bytes: 100 << 30, ..Limits::default() };
    let error = refused(&hostile("harmless"), &Policy { limits, ..Policy::default() });
    assert!(matches!(error, AdmissionError::MemoryLimit { .. }), "{error}");
}
