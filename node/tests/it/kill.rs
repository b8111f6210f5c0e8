//! The node is killed under load, again and again, and nothing that was acknowledged may be lost.
//!
//! ```text
//!  threads ──POST, a new name and key each──► moot up ──► counter (key-value store on disk)
//!                                               ▲
//!            kill -9 at a random moment ────────┘  then restart, and look
//! ```
//!
//! The counter keeps a number for each name. Every name is counted once by its call; so a number above one is a
//! call that was executed twice, and an acknowledged name whose number is not one, or whose receipt is not there,
//! is a call that was lost.

use super::support::{Conn, Remote, busy, guest};
use moot_record::{FunctionKind, ReceiptFile, Status};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CYCLES: u64 = 50;
const CLIENTS: usize = 8;

/// `moot up` in a process of its own.
pub(crate) struct Process {
    child: Child,
    pub(crate) remote: Remote,
}

impl Process {
    pub(crate) fn start(dir: &std::path::Path) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_moot"))
            .args(["up", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir.join("data"))
            .current_dir(dir)
            .env("HOME", dir)
            .env("MOOT_KEY", key_file(dir))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        let address = ready["address"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        Process { remote: Remote::at(address), child }
    }

    /// `kill -9`: nothing of it can run any more.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file with the owner's key: what a new network funds.
pub(crate) fn key_file(dir: &std::path::Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join("owner.key");
    std::fs::write(&path, format!("moot-key-1 {}\n", data_encoding::HEXLOWER.encode(&[11; 32]))).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// What the clients know after a cycle.
#[derive(Default)]
pub(crate) struct Seen {
    /// Name and call of what was answered with success.
    pub(crate) acknowledged: Vec<(String, String)>,
    /// Names whose answer never came.
    pub(crate) unknown: Vec<String>,
}

/// Calls until the node goes away.
pub(crate) fn client(remote: &Remote, names: &AtomicU64, stop: &AtomicBool, seen: &Mutex<Seen>) {
    let mut conn = Conn::open(remote.address);
    while !stop.load(Ordering::Relaxed) {
        let name = format!("n{}", names.fetch_add(1, Ordering::Relaxed));
        conn.request("POST", "/counter", &[("idempotency-key", &name)], name.as_bytes());
        match conn.answer() {
            Some(answer) if answer.status == 200 => {
                assert_eq!(answer.text(), "1", "{name} was counted before");
                let call = answer.header("moot-call").unwrap().to_owned();
                seen.lock().unwrap().acknowledged.push((name, call));
            }
            _ => {
                seen.lock().unwrap().unknown.push(name);
                return;
            }
        }
    }
}

/// Load for a while, then the signal in the middle of it.
fn cycle(process: &mut Process, names: &AtomicU64, load: Duration, signal: &str) -> Seen {
    let seen = Mutex::new(Seen::default());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| client(&process.remote, names, &stop, &seen));
        }
        std::thread::sleep(load);
        // The handle is ours alone; the address is all the clients need.
        let killed = Command::new("kill").args([signal, &process.child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        stop.store(true, Ordering::Relaxed);
    });
    seen.into_inner().unwrap()
}

/// How often a name was counted.
fn count(remote: &Remote, conn: &mut Conn, name: &str) -> u64 {
    conn.request("POST", "/counter", &[], format!("?{name}").as_bytes());
    let answer = conn.answer().unwrap_or_else(|| panic!("{} does not answer", remote.address));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().parse().unwrap()
}

/// An acknowledged call is there, was executed once, and its receipt verifies.
pub(crate) fn check_acknowledged(remote: &Remote, conn: &mut Conn, name: &str, call: &str) {
    assert_eq!(count(remote, conn, name), 1, "{name}, acknowledged as {call}");
    conn.request("GET", &format!("/_moot/calls/{call}/receipt"), &[], b"");
    let file = conn.answer().unwrap();
    assert_eq!(file.status, 200, "{name}, acknowledged as {call}: {}", file.text());
    let checked = ReceiptFile::parse(&file.text()).unwrap().check(&remote.genesis).unwrap();
    assert_eq!((checked.receipt.status, checked.receipt.call.to_string()), (Status::Ok, call.to_owned()));
    assert_eq!(checked.call.unwrap().function.as_str(), "counter");
}

/// A call whose answer never came was executed at most once, and trying again changes nothing of that.
pub(crate) fn check_unknown(remote: &Remote, conn: &mut Conn, name: &str) {
    let began = Instant::now();
    let answer = loop {
        conn.request("POST", "/counter", &[("idempotency-key", name)], name.as_bytes());
        let answer = conn.answer().unwrap();
        if answer.status != 409 {
            break answer;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{name} is never finished: {}", answer.text());
        std::thread::sleep(Duration::from_millis(20));
    };
    let counted = count(remote, conn, name);
    match answer.status {
        200 => assert_eq!((answer.text().as_str(), counted), ("1", 1), "{name}"),
        500 => {
            assert_eq!(answer.problem(), "interrupted", "{name}");
            assert!(counted <= 1, "{name} was executed twice");
        }
        status => panic!("{name}: {status} {}", answer.text()),
    }
}

#[test]
fn case_41_and_49_kill_9_under_load_loses_nothing_and_does_nothing_twice() {
    // A crash can come between any two instructions; the only way to know is to let it come, many times.
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path());
    process.remote.deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let names = AtomicU64::new(0);
    let (mut acknowledged, mut unknown) = (0, 0);
    let mut random = seed;
    for round in 0..CYCLES {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let load = Duration::from_millis(20 + (random >> 33) % 160);
        let seen = cycle(&mut process, &names, load, "-9");
        process.kill();
        process = Process::start(dir.path());
        let mut conn = Conn::open(process.remote.address);
        for (name, call) in &seen.acknowledged {
            check_acknowledged(&process.remote, &mut conn, name, call);
        }
        for name in &seen.unknown {
            check_unknown(&process.remote, &mut conn, name);
        }
        println!(
            "cycle {round}: {load:?}, {} acknowledged, {} unknown",
            seen.acknowledged.len(),
            seen.unknown.len()
        );
        acknowledged += seen.acknowledged.len();
        unknown += seen.unknown.len();
    }
    assert!(
        acknowledged as u64 > CYCLES && unknown as u64 > CYCLES,
        "{acknowledged} acknowledged, {unknown} unknown"
    );
}

#[test]
fn case_16_sigterm_under_load_answers_what_was_taken() {
    // A node is stopped for every new version of it. Nobody's call may be cut off for that.
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path());
    process.remote.deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    let names = AtomicU64::new(0);
    let mut acknowledged = 0;
    for round in 0..5 {
        let seen = cycle(&mut process, &names, Duration::from_millis(100 + round * 37), "-TERM");
        let status = process.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "round {round}: it did not stop in good order");
        process = Process::start(dir.path());
        let mut conn = Conn::open(process.remote.address);
        for (name, call) in &seen.acknowledged {
            check_acknowledged(&process.remote, &mut conn, name, call);
        }
        // What was not answered was not begun: none is `interrupted`.
        for name in &seen.unknown {
            assert_eq!(count(&process.remote, &mut conn, name), 0, "{name} was run, and not answered");
            conn.request("POST", "/counter", &[("idempotency-key", name)], name.as_bytes());
            let again = conn.answer().unwrap();
            assert_eq!((again.status, again.text().as_str()), (200, "1"), "{name}: {}", again.text());
        }
        acknowledged += seen.acknowledged.len();
    }
    assert!(acknowledged > 5, "{acknowledged} acknowledged: there was no load");
}

/// Waits until a call has its receipt; the receipt as the API shows it.
fn receipt_of(remote: &Remote, call: &str) -> serde_json::Value {
    let began = Instant::now();
    loop {
        let view = remote.get(&format!("/_moot/calls/{call}")).json();
        if view["receipt"].is_object() {
            return view["receipt"].clone();
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{view}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn case_49_a_call_cut_off_is_run_again_only_when_that_is_harmless() {
    // Nobody can know how far a call had come: so it is repeated where that changes nothing, and else said to be cut off.
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(dir.path());
    let long = |spec: &mut moot_record::Spec| {
        spec.limits.deadline_ms = 60_000;
        spec.limits.fuel = 10_000_000_000_000;
    };
    let deploy = |name: &str, change: &dyn Fn(&mut moot_record::Spec)| {
        process.remote.deploy(name, &busy(), FunctionKind::Typed, |spec| {
            long(spec);
            change(spec);
        });
    };
    deploy("once", &|_| {});
    deploy("again", &|spec| spec.idempotent = true);
    deploy("replayable", &|spec| spec.deterministic = true);
    let calls: Vec<(&str, String)> = ["once", "again", "replayable"]
        .into_iter()
        .map(|name| {
            let target = format!("/{name}/spin");
            let answer = process.remote.ask("POST", &target, &[("prefer", "respond-async")], b"[1000000000]");
            assert_eq!(answer.status, 202, "{}", answer.text());
            (name, answer.json()["id"].as_str().unwrap().to_owned())
        })
        .collect();
    process.kill();
    process = Process::start(dir.path());
    for (name, call) in &calls {
        let receipt = receipt_of(&process.remote, call);
        let expected = if *name == "once" { "interrupted" } else { "ok" };
        assert_eq!(receipt["status"], expected, "{name}: {receipt}");
        if expected == "ok" {
            assert_eq!(process.remote.get(&format!("/_moot/calls/{call}/output")).text(), "1000000000");
        } else {
            assert_eq!(receipt["metered"], false);
        }
        let file = process.remote.get(&format!("/_moot/calls/{call}/receipt?final"));
        ReceiptFile::parse(&file.text()).unwrap().check(&process.remote.genesis).unwrap();
    }
    // Once finished, they stay as they are.
    process.kill();
    process = Process::start(dir.path());
    for (name, call) in &calls {
        let expected = if *name == "once" { "interrupted" } else { "ok" };
        assert_eq!(receipt_of(&process.remote, call)["status"], expected);
    }
    let calls = process.remote.calls();
    assert_eq!(calls, 3, "no call was made anew");
}
