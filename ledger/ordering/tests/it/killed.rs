//! `kill -9` in the middle of work: a child process runs the validator, the parent kills it.

use crate::{
    one::{config, genesis},
    pool::{Acks, Pool, batch},
};
use moot_ordering::{Application, Ordering};
use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// Tells the child where its directory is, and that it is the child.
const DIR: &str = "MOOT_ORDERING_TEST_DIR";

/// Not a test: the validator that the parent kills. Prints every block it has acknowledged.
#[test]
#[ignore = "run by survives_kill_9"]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let _engine =
        Ordering::start(config(Path::new(&dir)), Arc::clone(&pool) as Arc<dyn Application>).unwrap();
    let mut printed = 0;
    let base = std::process::id() as u64 * 1_000_000;
    for n in 0..100_000 {
        pool.offer(batch(base + n));
        std::thread::sleep(Duration::from_micros(500));
        pool.assert_sound("the child");
        for (height, block) in pool.chain().range(printed + 1..) {
            println!("block {height} {} {}", block.header.digest(), block.header.parent);
            printed = *height;
        }
    }
}

#[test]
fn survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut chain: BTreeMap<u64, (String, String)> = BTreeMap::new();
    for cycle in 0..6_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (mut lines, mut fresh, started) = (0, false, Instant::now());
        for line in output.lines() {
            let line = line.unwrap();
            // The test harness talks on the same pipe, sometimes on the same line.
            let Some((_, block)) = line.split_once("block ") else { continue };
            let parts: Vec<&str> = block.split(' ').collect();
            let [height, digest, parent] = parts[..] else { panic!("cycle {cycle}: {line}") };
            let height: u64 = height.parse().unwrap();
            let link = (digest.to_string(), parent.to_string());
            if let Some(before) = chain.get(&height) {
                assert_eq!(*before, link, "cycle {cycle}: block {height} changed");
            } else if let Some((last, (digest, _))) = chain.last_key_value() {
                assert!(height <= last + 1, "cycle {cycle}: block {height} after {last}");
                assert_eq!(link.1, *digest, "cycle {cycle}: block {height} does not follow {last}");
            }
            if chain.insert(height, link).is_none() && !fresh {
                fresh = true;
                println!("cycle {cycle}: first new block after {:?}", started.elapsed());
            }
            lines += 1;
            if lines > 10 + cycle * 7 {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(lines > 10, "cycle {cycle}: the child ended by itself after {lines} blocks");
    }
}
