//! Replicas whose machines have a wrong idea of the time.

use super::deploying::{call, deploy};
use crate::support::{Answer, TestNet, busy, until};
use moot_ordering::limits::MAX_TIME_AHEAD_MS;
use moot_record::FunctionKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

const ALL: [usize; 4] = [0, 1, 2, 3];
const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final, wait=60")];

/// A library that makes the clock of whoever loads it wrong: see its text.
fn wrong_clock(folder: &Path) -> PathBuf {
    let library = folder.join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clock/lib.rs");
    let made = Command::new("rustc")
        .args(["--edition", "2024", "--crate-name", "clock", "--crate-type", "cdylib", "-O", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    library
}

/// The words before a command whose clock is to be wrong by so many seconds.
fn wrong_by(library: &Path, seconds: i64) -> Vec<String> {
    let [load, wrong] = [format!("LD_PRELOAD={}", library.display()), format!("CLOCK_WRONG_BY_S={seconds}")];
    vec!["env".into(), load, wrong]
}

fn now_ms() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "a library before all others is loaded otherwise there")]
fn case_58_clocks_ten_minutes_wrong_in_either_direction_make_no_fork_and_stop_nobody() {
    // A wrong date is found late, and by then the machine has voted for days: it must neither harm nor be missed.
    const WRONG_BY_S: [i64; 4] = [0, 600, 600, -600];
    let mut net = TestNet::new(4);
    let library = wrong_clock(net.dir.path());
    for (index, seconds) in WRONG_BY_S.into_iter().enumerate() {
        match seconds {
            0 => net.start(index),
            _ => net.start_by(index, wrong_by(&library, seconds)),
        }
    }
    deploy(&net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    let calls: Vec<String> = std::thread::scope(|threads| {
        let remotes = net.remotes().into_iter();
        let calls: Vec<_> = remotes
            .map(|remote| threads.spawn(move || call(&remote, "/busy/add", &FINAL, b"[1, 2]")))
            .collect();
        let answers = calls.into_iter().map(|call| call.join().unwrap());
        let id = |answer: Answer| {
            assert_eq!((answer.status, answer.text().as_str()), (200, "3"));
            let applied = answer.header("preference-applied").unwrap_or_default();
            assert!(applied.contains("final"), "not final: {applied:?}");
            answer.header("moot-call").unwrap().to_owned()
        };
        answers.map(id).collect()
    });
    for (id, wrong) in calls.iter().zip(WRONG_BY_S) {
        // That the clocks are wrong, and which, is in what the replicas wrote down.
        let view = net.remote(0).get(&format!("/_moot/calls/{id}")).json();
        let time_s = view["time_us"].as_u64().unwrap_or_else(|| panic!("{view}")) / 1_000_000;
        let found = i64::try_from(time_s).unwrap() - i64::try_from(now_ms() / 1000).unwrap();
        assert!((wrong - 120..=wrong).contains(&found), "{id}: {found} s, not {wrong}");
        until("each call is final at all", || {
            net.remotes().iter().all(|at| at.get(&format!("/_moot/calls/{id}")).json()["height"].is_u64())
        });
    }
    until("equal states at equal heights", || {
        let views: Vec<_> = net.remotes().iter().map(|at| at.get("/_moot/status").json()).collect();
        views.iter().all(|view| view["height"] == views[0]["height"] && view["state"] == views[0]["state"])
    });
    net.assert_no_fork(&ALL);
    // Two of four are not what the time is: nobody has moved it.
    for height in 1..=net.remote(0).height() {
        let time_ms = net.block(0, height).unwrap()["time_ms"].as_u64().unwrap();
        assert!(time_ms <= now_ms() + MAX_TIME_AHEAD_MS, "block {height} is of {time_ms}");
    }
}
