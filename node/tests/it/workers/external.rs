//! Functions that are processes: the Lambda Runtime API, spoken here by hand over a socket.
//!
//! The process is this test program itself, told to run one test: see [`as_a_runtime_client`].

use super::process::WorkerProcess;
use super::{await_ready, checked, node_for};
use crate::support::{Answer, Conn, TestNode, moot, until};
use moot_node::worker::external_artifact;
use moot_record::{AccountId, FunctionKind, Spec, Status};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

const API: &str = "/2018-06-01/runtime";

/// Not a test of anything by itself: the runtime client, when it is started as one.
#[test]
fn as_a_runtime_client() {
    let Ok(address) = std::env::var("AWS_LAMBDA_RUNTIME_API") else { return };
    let ask = |method: &str, path: &str, body: &[u8]| -> Answer {
        let mut conn = Conn::open(address.parse().unwrap());
        conn.request(method, &format!("{API}/{path}"), &[], body);
        // The worker is gone, and so is this.
        conn.answer().unwrap_or_else(|| std::process::exit(0))
    };
    if std::env::var("SICK").is_ok() {
        ask("POST", "init/error", br#"{"errorType": "Sick", "errorMessage": "no breakfast"}"#);
        std::process::exit(1);
    }
    loop {
        let next = ask("GET", "invocation/next", b"");
        let id = next.header("lambda-runtime-aws-request-id").unwrap().to_owned();
        let event: Value = serde_json::from_slice(&next.body).unwrap();
        let respond = |body: &[u8]| ask("POST", &format!("invocation/{id}/response"), body);
        println!("doing {}", event["do"]);
        match event["do"].as_str().unwrap_or_default() {
            "echo" => assert_eq!(respond(&next.body).status, 202),
            "tell" => {
                let header = |name: &str| next.header(name).unwrap_or_default().to_owned();
                let told = json!({
                    "id": id,
                    "pid": std::process::id(),
                    "deadline": header("lambda-runtime-deadline-ms"),
                    "arn": header("lambda-runtime-invoked-function-arn"),
                    "trace": header("lambda-runtime-trace-id"),
                    "name": std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap(),
                });
                respond(told.to_string().as_bytes());
            }
            "fail" => {
                let body = br#"{"errorType": "ValueError", "errorMessage": "too early", "stackTrace": []}"#;
                assert_eq!(ask("POST", &format!("invocation/{id}/error"), body).status, 202);
            }
            "exit" => std::process::exit(3),
            // Longer than any deadline here, and not for ever: nobody is left to end it when its worker was killed.
            "hang" => std::thread::sleep(Duration::from_secs(30)),
            "skip" => {}
            "long" => {
                let answer = respond(&vec![b'x'; event["bytes"].as_u64().unwrap() as usize]);
                assert_eq!((answer.status, answer.json()["errorType"].as_str().is_some()), (413, true));
            }
            "other" => {
                let other = ask("POST", "invocation/0-0-0-0-0/response", b"1");
                assert_eq!(other.status, 400, "{}", other.text());
                respond(b"\"mine\"");
            }
            _ => drop(respond(b"null")),
        }
    }
}

/// A worker whose program is this one; `more` comes before the command.
fn external(dir: &std::path::Path, node: &TestNode, more: &[&str], wrap: Option<&str>) -> WorkerProcess {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let mut words: Vec<&str> = more.to_vec();
    words.extend(["--external", "--"]);
    words.extend(wrap.into_iter().flat_map(str::split_whitespace));
    words.extend([program, "--exact", "workers::external::as_a_runtime_client", "--nocapture"]);
    let worker = WorkerProcess::start(dir, node.workers(), node.account(), &words);
    worker.await_joined();
    worker
}

fn deploy(node: &TestNode, name: &str, change: impl FnOnce(&mut Spec)) {
    node.deploy(name, &external_artifact("this test").unwrap(), FunctionKind::Event, |spec| {
        spec.limits.deadline_ms = 20_000;
        change(spec);
    });
}

fn start(change: impl FnOnce(&mut Spec)) -> (tempfile::TempDir, TestNode, AccountId) {
    let dir = tempfile::tempdir().unwrap();
    let account = WorkerProcess::account_in(dir.path());
    let node = node_for(&[account]);
    deploy(&node, "job", change);
    (dir, node, account)
}

fn ask(node: &TestNode, what: &Value) -> Answer {
    node.post("/job", what.to_string().as_bytes())
}

#[test]
fn a_process_answers_calls_and_its_worker_signs_that_nothing_was_metered() {
    let (dir, node, account) = start(|_| {});
    let worker = external(dir.path(), &node, &[], None);
    await_ready(&node, 1);
    let event = json!({ "do": "echo", "n": [1, 2] });
    let answer = ask(&node, &event);
    assert_eq!((answer.status, answer.json()), (200, event), "{}", answer.text());
    let call = answer.header("moot-call").unwrap();
    let receipt = checked(&node, call);
    assert_eq!((receipt.worker, receipt.receipt.status), (account, Status::Ok));
    assert_eq!((receipt.receipt.metered, receipt.receipt.fuel), (false, 0));
    assert_eq!(node.get("/_moot/status").json()["workers"][0]["kinds"], json!(["external"]));
    // What it prints is its log; a line may come too late for its own call's answer.
    until("a line of its log", || {
        ask(&node, &json!({ "do": "echo" }));
        node.get("/_moot/functions/job/logs").text().contains("doing")
    });

    let answer = ask(&node, &json!({ "do": "tell" }));
    let told = answer.json();
    assert_eq!(told["id"], answer.header("moot-call").unwrap());
    assert!(told["arn"].as_str().unwrap().ends_with(":function:job"), "{told}");
    assert!(told["trace"].as_str().unwrap().starts_with("Root=1-"), "{told}");
    let deadline: u128 = told["deadline"].as_str().unwrap().parse().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(deadline > now && deadline < now + 21_000, "{deadline} {now}");

    let failed = ask(&node, &json!({ "do": "fail" }));
    assert_eq!((failed.status, failed.problem().as_str()), (500, "function-failed"), "{}", failed.text());
    assert!(failed.text().contains("ValueError: too early"), "{}", failed.text());
    assert_eq!(ask(&node, &json!({ "do": "other" })).text(), "\"mine\"");
    // Without a payload the event is an empty object.
    assert_eq!(node.post("/job", b"").text(), "null");

    // It leaves no process behind.
    let pid = told["pid"].to_string();
    let lives = || Command::new("kill").args(["-0", &pid]).output().unwrap().status.success();
    assert!(lives());
    assert_eq!(worker.stop(), Some(0));
    until("the process has ended", || !lives());
}

#[test]
fn a_process_that_ends_hangs_or_says_too_much_fails_its_call_alone() {
    let (dir, node, account) = start(|spec| {
        spec.limits.deadline_ms = 1500;
        spec.limits.response_bytes = 64 << 20;
    });
    let _worker = external(dir.path(), &node, &[], None);
    await_ready(&node, 1);
    let healthy = |after: &str| {
        let answer = ask(&node, &json!({ "do": "echo" }));
        assert_eq!(answer.status, 200, "after {after}: {}", answer.text());
    };
    healthy("the start");
    let fails = |what: Value, status: Status| {
        let began = Instant::now();
        let answer = ask(&node, &what);
        let call =
            answer.json()["call"].as_str().unwrap_or_else(|| panic!("{what}: {}", answer.text())).to_owned();
        let receipt = checked(&node, &call);
        assert_eq!((receipt.worker, receipt.receipt.status), (account, status), "{what}: {}", answer.text());
        assert!(!receipt.receipt.metered);
        assert!(began.elapsed() < Duration::from_secs(20));
        healthy(&what.to_string());
    };
    fails(json!({ "do": "exit" }), Status::Trapped);
    fails(json!({ "do": "skip" }), Status::Trapped);
    fails(json!({ "do": "hang" }), Status::Deadline);
    // Beyond what Lambda allows, whatever the manifest says.
    fails(json!({ "do": "long", "bytes": (6 << 20) + 1 }), Status::LimitExceeded);
}

#[test]
fn as_many_calls_run_as_there_are_processes() {
    let (dir, node, _) = start(|_| {});
    let _worker = external(dir.path(), &node, &["--places", "2"], None);
    await_ready(&node, 1);
    let told = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(&node, &json!({ "do": "tell" })))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    for answer in &told {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["id"], answer.header("moot-call").unwrap(), "its own call's answer");
    }
}

#[test]
fn without_a_worker_nothing_is_recorded_and_the_caller_is_told() {
    let (dir, node, _) = start(|_| {});
    let answer = ask(&node, &json!({ "do": "echo" }));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.text().contains("moot worker --external"), "{}", answer.text());
    assert_eq!(node.calls(), 0);
    // One whose program cannot begin has nothing to give calls to, and says so in a receipt.
    let worker = external(dir.path(), &node, &[], Some("env SICK=1"));
    await_ready(&node, 1);
    let answer = ask(&node, &json!({ "do": "echo" }));
    assert_eq!(answer.status, 503, "{}", answer.text());
    let view = node.get("/_moot/calls").json();
    assert_eq!(view["calls"][0]["status"], "unavailable", "{view}");
    assert_eq!(worker.stop(), Some(0));
}

#[test]
fn kill_9_of_an_external_worker_interrupts_its_call() {
    let (dir, node, _) = start(|_| {});
    let worker = external(dir.path(), &node, &[], None);
    await_ready(&node, 1);
    let answer = node.ask("POST", "/job", &[("prefer", "respond-async")], br#"{"do": "hang"}"#);
    let call = answer.json()["id"].as_str().unwrap().to_owned();
    super::await_running(&node, 1);
    // The place is taken before the process has the call.
    std::thread::sleep(Duration::from_millis(500));
    worker.kill();
    let receipt = checked(&node, &call);
    assert_eq!((receipt.worker, receipt.receipt.status), (node.account(), Status::Interrupted));
}

#[test]
fn what_no_process_can_keep_is_refused_at_deploy() {
    let (_dir, node, _) = start(|_| {});
    let artifact = external_artifact("another").unwrap();
    let refused = |change: &dyn Fn(&mut Spec), word: &str| {
        let mut spec = Spec::new(FunctionKind::Event, "/other");
        change(&mut spec);
        let answer = node.try_deploy("other", &artifact, &spec).answer.unwrap();
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains(word), "{}", answer.text());
    };
    refused(&|spec| spec.kind = FunctionKind::Http, "kind event");
    refused(&|spec| spec.deterministic = true, "deterministic");
    refused(&|spec| spec.grants.env = vec![("A".into(), "b".into())], "granted nothing");
}

#[test]
fn an_external_function_is_deployed_from_a_manifest() {
    let (dir, node, account) = start(|_| {});
    let manifest = "[functions.resize]\nkind = \"external\"\nprogram = \"resize 1.4\"\n";
    std::fs::write(dir.path().join("moot.toml"), manifest).unwrap();
    let url = format!("http://{}", node.address);
    let key = crate::kill::key_file(dir.path());
    let deployed = moot(dir.path()).args(["deploy", "--node", &url, "--key"]).arg(key).output().unwrap();
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    let _worker = external(dir.path(), &node, &["--function", "resize"], None);
    await_ready(&node, 1);
    let answer = node.post("/resize", br#"{"do": "echo"}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(checked(&node, answer.header("moot-call").unwrap()).worker, account);
    let built = moot(dir.path()).args(["build", "--json"]).output().unwrap();
    assert!(String::from_utf8_lossy(&built.stdout).contains("\"event\""), "{built:?}");
}
