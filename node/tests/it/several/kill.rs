//! One replica of four is killed under load, again and again.

use super::deploying::deploy;
use crate::kill::{Seen, check_acknowledged, check_unknown, client};
use crate::support::{Conn, TestNet, busy, guest, until};
use moot_record::FunctionKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

const ALL: [usize; 4] = [0, 1, 2, 3];
const CYCLES: u64 = 6;

#[test]
fn case_41_kill_9_of_one_of_four_under_load_loses_nothing_and_does_nothing_twice() {
    // What one replica acknowledged is in its lane alone for a moment: killed in that moment, it must still have it.
    let mut net = TestNet::four();
    net.remote(0).deploy("counter", &guest("counter"), FunctionKind::Event, |spec| {
        spec.grants.key_value = vec!["default".into()];
    });
    for index in ALL {
        until("the counter is everywhere", || {
            net.remote(index).get("/_moot/functions/counter").status == 200
        });
        until("it is loaded", || net.remote(index).post("/counter", b"?warm").status == 200);
    }
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let names = AtomicU64::new(0);
    let (mut acknowledged, mut random) = (0, seed);
    for round in 0..CYCLES {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let victim = (random >> 40) as usize % 4;
        let load = Duration::from_millis(100 + (random >> 33) % 300);
        let (stop, remotes) = (AtomicBool::new(false), net.remotes());
        let seen: Vec<Mutex<Seen>> = ALL.iter().map(|_| Mutex::new(Seen::default())).collect();
        std::thread::scope(|scope| {
            for (remote, seen) in remotes.iter().zip(&seen) {
                for _ in 0..2 {
                    scope.spawn(|| client(remote, &names, &stop, seen));
                }
            }
            std::thread::sleep(load);
            net.kill(victim);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        net.start(victim);
        for (index, seen) in seen.into_iter().enumerate() {
            let seen = seen.into_inner().unwrap();
            let remote = net.remote(index);
            let mut conn = Conn::open(remote.address);
            assert!(index == victim || seen.unknown.is_empty(), "round {round}: replica {index} failed too");
            for (name, call) in &seen.acknowledged {
                check_acknowledged(&remote, &mut conn, name, call);
            }
            for name in &seen.unknown {
                check_unknown(&remote, &mut conn, name);
            }
            if let Some((name, call)) = seen.acknowledged.last() {
                // And every other replica comes to have it, final.
                let other = net.remote((index + 1) % 4);
                until(&format!("{name} ({call}) is final at the next replica"), || {
                    other.get(&format!("/_moot/calls/{call}/receipt?final")).status == 200
                });
            }
            acknowledged += seen.acknowledged.len();
        }
        net.await_progress(&ALL);
    }
    assert!(acknowledged as u64 > CYCLES, "{acknowledged} acknowledged");
    net.assert_no_fork(&ALL);
    deploy(&net, 2, &ALL, "busy", &busy(), FunctionKind::Typed);
}
