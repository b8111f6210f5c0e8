//! A disk that fills up. Needs a small file system: `MOOT_SMALL_DISK=/mnt/tiny cargo test ... -- --ignored full`.

use crate::{
    one::{config, genesis, wait},
    pool::{Acks, Pool, batch},
};
use moot_ordering::{Application, Ordering};
use std::{io::Write as _, path::Path, sync::Arc};

#[test]
#[ignore = "needs MOOT_SMALL_DISK, a file system of a few MiB"]
fn a_full_disk_is_a_failure_that_a_restart_mends() {
    let Ok(disk) = std::env::var("MOOT_SMALL_DISK") else { return };
    let dir = Path::new(&disk).join("ordering");
    let ballast = Path::new(&disk).join("ballast");
    let pool = Arc::new(Pool::new(&genesis(1), Acks::All));
    let start = || Ordering::start(config(&dir), Arc::clone(&pool) as Arc<dyn Application>).unwrap();
    let engine = start();
    wait("a first block", || pool.height() >= 1);

    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let failed = engine.failed();
    let mut n = 0;
    wait("the failure", || {
        n += 1;
        pool.offer(batch(n));
        failed.borrow().is_some()
    });
    println!("{}", failed.borrow().clone().unwrap());
    engine.stop();

    std::fs::remove_file(&ballast).unwrap();
    let engine = start();
    let all: Vec<_> = (1..=n).map(batch).collect();
    wait("everything after the restart", || pool.has(&all));
    engine.stop();
    pool.assert_sound("the only validator");
}
