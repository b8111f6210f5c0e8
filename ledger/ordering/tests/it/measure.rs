//! Figures, printed: `cargo test -p moot-ordering --test it -- --ignored measure --nocapture`.

use crate::{
    one::{config, genesis, wait},
    pool::{Acks, Pool, batch},
};
use moot_ordering::{Application, Ordering};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// Processor time of this process so far, in milliseconds.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

fn files(dir: &Path) -> (u64, u64) {
    let mut sum = (0, 0);
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let (count, bytes) = files(&entry.path());
            sum = (sum.0 + count, sum.1 + bytes);
        } else {
            // Blocks in use, not the length: pages are written ahead.
            use std::os::unix::fs::MetadataExt as _;
            sum = (sum.0 + 1, sum.1 + entry.metadata().unwrap().blocks() * 512);
        }
    }
    sum
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "prints figures; needs a quiet machine"]
fn measure_one_validator() {
    let dir = tempfile::tempdir_in(std::env::var("MOOT_MEASURE_DIR").unwrap_or("/tmp".into())).unwrap();
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let mut config = config(dir.path());
    config.heartbeat = Duration::from_secs(1);
    let since = Instant::now();
    let engine = Ordering::start(config, Arc::clone(&pool) as Arc<dyn Application>).unwrap();
    println!("start: {:?}", since.elapsed());
    wait("the first block", || pool.height() >= 1);

    let mut latencies: Vec<Duration> = Vec::new();
    for n in 0..500 {
        std::thread::sleep(Duration::from_millis(7));
        let offered = Instant::now();
        pool.offer(batch(n));
        while !pool.has(&[batch(n)]) {
            std::thread::sleep(Duration::from_micros(50));
        }
        latencies.push(offered.elapsed());
    }
    latencies.sort();
    println!(
        "finality of a lone batch: p50 {:?}, p99 {:?}, max {:?}",
        latencies[250], latencies[495], latencies[499]
    );

    let (height, cpu, wall, disk) = (pool.height(), cpu_ms(), Instant::now(), files(dir.path()));
    let seconds = std::env::var("MOOT_IDLE_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(30);
    std::thread::sleep(Duration::from_secs(seconds));
    let share = (cpu_ms() - cpu) as f64 / wall.elapsed().as_millis() as f64 * 100.0;
    let (blocks, after) = (pool.height() - height, files(dir.path()));
    println!(
        "idle: {share:.2}% of a core, {blocks} blocks in {:?}, {} KiB resident",
        wall.elapsed(),
        resident_kib()
    );
    println!(
        "disk: {} files, {} KiB before; {} files, {} KiB after",
        disk.0,
        disk.1 / 1024,
        after.0,
        after.1 / 1024
    );

    let (cpu, wall, height) = (cpu_ms(), Instant::now(), pool.height());
    let mut n = 1000;
    while wall.elapsed() < Duration::from_secs(5) {
        pool.offer(batch(n));
        n += 1;
        std::thread::sleep(Duration::from_micros(100));
    }
    let seconds = wall.elapsed().as_secs_f64();
    let rate = (pool.height() - height) as f64 / seconds;
    println!("busy: {rate:.0} blocks/s, {:.0}% of a core", (cpu_ms() - cpu) as f64 / 10.0 / seconds);
    engine.stop();
}
