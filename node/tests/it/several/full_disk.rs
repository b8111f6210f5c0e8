//! A replica whose disk is full: real files on a small file system of its own.

use super::deploying::{call, deploy};
use crate::support::{TestNet, busy, until};
use moot_record::FunctionKind;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ALL: [usize; 4] = [0, 1, 2, 3];
const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final")];
/// Room of the small file system: what a ledger must find free before it takes anything, and some.
const SIZE: &str = "200m";

/// What makes a small file system at the folder that is its first argument, which only the rest of its arguments, run as
/// a command, sees.
const SCRIPT: &str = "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"";

/// The words before a command that is to have a small file system; none where this machine allows none.
fn small_disk(folder: &Path) -> Option<Vec<String>> {
    let tries: [&[&str]; 2] = [&["unshare", "--mount"], &["unshare", "--user", "--map-root-user", "--mount"]];
    tries.iter().find_map(|words| {
        let mut all: Vec<String> = words.iter().map(ToString::to_string).collect();
        all.extend(["sh", "-c", SCRIPT, "sh", SIZE].map(str::to_owned));
        all.push(folder.display().to_string());
        let tried = Command::new(&all[0]).args(&all[1..]).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success()).then_some(all)
    })
}

/// Fills what is left of a file system.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let block = vec![0x5a; 1 << 20];
    while file.write_all(&block).is_ok() {}
    while file.write_all(&block[..4096]).is_ok() {}
}

#[test]
fn case_44_a_full_disk_of_a_replica_reads_only_and_goes_on_by_itself_when_there_is_room() {
    // Nobody should have to start anything again because a log of something else had filled the disk for an hour.
    let mut net = TestNet::new(4);
    let data = net.folder(3).join("data");
    std::fs::create_dir_all(&data).unwrap();
    let Some(before) = small_disk(&data) else {
        eprintln!("SKIPPED: this machine lets nobody mount a small file system (`unshare --mount`)");
        return;
    };
    net.start_by(3, before);
    (0..3).for_each(|index| net.start(index));
    deploy(&net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    assert_eq!(call(&net.remote(3), "/busy/add", &FINAL, b"[1, 2]").text(), "3");

    // The file system is the process's own: it is reached through the process.
    let inside = PathBuf::from(format!("/proc/{}/root", net.pid(3)));
    let ballast = inside.join(data.strip_prefix("/").unwrap()).join("ballast");
    fill(&ballast);
    until("it says that the disk is full", || {
        let status = net.remote(3).get("/_moot/status").json();
        status["condition"] == "read-only" && status["read_only"].as_str().is_some_and(|why| !why.is_empty())
    });
    let refused = net.remote(3).ask("POST", "/busy/add", &[], b"[1, 2]");
    assert_eq!((refused.status, refused.problem().as_str()), (503, "read-only"), "{}", refused.text());
    // The engine has written until there was no room for a vote, and stopped. The others go on without it.
    until("its engine has stopped for want of room", || {
        net.remote(3).get("/_moot/status").json()["ordering_failed"].is_string()
    });
    net.await_progress(&[0, 1, 2]);
    let missed = call(&net.remote(1), "/busy/add", &FINAL, b"[20, 3]");
    assert_eq!(missed.text(), "23");
    let height = net.remote(1).height();
    assert!(net.runs(3), "it must not end because its disk is full");
    // What it has is still read.
    assert_eq!(net.remote(3).get("/_moot/functions/busy").status, 200);

    std::fs::remove_file(&ballast).unwrap();
    until("it runs again", || net.remote(3).get("/_moot/status").json()["condition"] == "running");
    net.await_height(3, height);
    let status = net.remote(3).get("/_moot/status").json();
    assert!(status["ordering_failed"].is_null() && status["votes"] == true, "{status}");
    assert_eq!(call(&net.remote(3), "/busy/add", &FINAL, b"[4, 4]").text(), "8");
    net.await_progress(&ALL);
    // It is needed again: with another one gone, three are a quorum only with its votes.
    net.kill(2);
    net.await_progress(&[0, 1, 3]);
    net.assert_no_fork(&[0, 1, 3]);
    assert!(net.runs(3));
}
