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

/// Not a test: the validator that the parent kills. Says each block before it acknowledges it.
#[test]
#[ignore = "run by survives_kill_9"]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let pool = Arc::new(Pool::new(&genesis(1), Acks::Announced));
    let app = Arc::clone(&pool) as Arc<dyn Application>;
    let _engine = Ordering::start(config(Path::new(&dir)), app).unwrap();
    let base = u64::from(std::process::id()) * 1_000_000;
    // Ends by itself, in case the parent does not live to kill it.
    for n in 0..100_000 {
        pool.offer(batch(base + n));
        std::thread::sleep(Duration::from_micros(500));
        pool.assert_sound("the child");
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
        let (mut seen, mut fresh, started) = (0, false, Instant::now());
        // To the end of the pipe: what was said before the kill was acknowledged, or nearly.
        for line in output.lines() {
            let line = line.unwrap();
            // The test harness talks on the same pipe, sometimes on the same line.
            let Some((_, block)) = line.split_once("block ") else { continue };
            let parts: Vec<&str> = block.split(' ').collect();
            let [height, digest, parent] = parts[..] else { panic!("cycle {cycle}: {line}") };
            let (height, link) = (height.parse::<u64>().unwrap(), (digest.to_string(), parent.to_string()));
            if let Some(before) = chain.get(&height) {
                assert_eq!(*before, link, "cycle {cycle}: block {height} changed");
            } else if let Some((last, (digest, _))) = chain.last_key_value() {
                assert_eq!(height, last + 1, "cycle {cycle}: block {height} after {last}");
                assert_eq!(link.1, *digest, "cycle {cycle}: block {height} does not follow {last}");
            }
            if chain.insert(height, link).is_none() && !fresh {
                fresh = true;
                println!("cycle {cycle}: first new block after {:?}", started.elapsed());
            }
            seen += 1;
            if seen == 11 + cycle * 7 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen > 10, "cycle {cycle}: the child ended by itself after {seen} blocks");
    }
}
