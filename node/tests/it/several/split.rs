//! Partitions, delays and broken connections between replicas, made by the test.
//!
//! ```text
//!  replica i ──dials──► wire (i, j) ──► replica j      one for each pair, direction and network
//!                          └─ forwards, holds back, delays, breaks
//! ```

use super::deploying::{call, deploy};
use crate::support::{TestNet, busy, until};
use moot_record::FunctionKind;
use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ALL: [usize; 4] = [0, 1, 2, 3];
const FINAL: [(&str, &str); 1] = [("prefer", "moot-wait=final")];

/// What happens on the wires now.
#[derive(Default)]
struct Weather {
    /// Directions in which nothing passes: it is held back until the way is free again.
    held: Mutex<HashSet<(usize, usize)>>,
    /// Every piece is held back for up to this many milliseconds.
    jitter_ms: AtomicU64,
    /// One of this many pieces breaks its connection instead; 0 for none.
    breaks: AtomicU64,
    random: AtomicU64,
    over: AtomicBool,
}

impl Weather {
    fn next(&self) -> u64 {
        let step = |x: u64| Some(x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        self.random.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap() >> 33
    }

    fn holds(&self, way: (usize, usize)) -> bool {
        self.held.lock().unwrap().contains(&way) && !self.over.load(Ordering::Relaxed)
    }

    /// Holds back everything between the two groups, both ways.
    fn part(&self, one: &[usize], other: &[usize]) {
        let mut held = self.held.lock().unwrap();
        one.iter().for_each(|i| other.iter().for_each(|j| held.extend([(*i, *j), (*j, *i)])));
    }

    fn clear(&self) {
        self.held.lock().unwrap().clear();
        self.jitter_ms.store(0, Ordering::Relaxed);
        self.breaks.store(0, Ordering::Relaxed);
    }
}

/// Four replicas that reach each other over wires only.
struct Split {
    net: TestNet,
    weather: Arc<Weather>,
}

impl Split {
    fn start() -> Split {
        let mut net = TestNet::new(4);
        let weather = Arc::new(Weather::default());
        for from in ALL {
            for to in ALL.into_iter().filter(|to| *to != from) {
                let gateway = net.remote(to).address;
                for above in [1000, 2000] {
                    let real = SocketAddr::new(gateway.ip(), gateway.port() + above);
                    let wire = wire(from, to, real, weather.clone());
                    net.edit(from, |text| text.replace(&format!("\"{real}\""), &format!("\"{wire}\"")));
                }
            }
        }
        net.start_all();
        Split { net, weather }
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        self.weather.over.store(true, Ordering::Relaxed);
    }
}

/// A listener whose connections lead to `real`.
fn wire(from: usize, to: usize, real: SocketAddr, weather: Arc<Weather>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            if weather.over.load(Ordering::Relaxed) {
                return;
            }
            let Ok(far) = TcpStream::connect(real) else { continue };
            for (source, sink, way) in [(&near, &far, (from, to)), (&far, &near, (to, from))] {
                let (Ok(source), Ok(sink)) = (source.try_clone(), sink.try_clone()) else { continue };
                let weather = weather.clone();
                std::thread::spawn(move || pump(source, sink, way, &weather));
            }
        }
    });
    address
}

fn pump(mut source: TcpStream, mut sink: TcpStream, way: (usize, usize), weather: &Weather) {
    let mut buffer = [0; 16 * 1024];
    let _ = sink.set_nodelay(true);
    while let Ok(bytes @ 1..) = source.read(&mut buffer) {
        while weather.holds(way) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let jitter = weather.jitter_ms.load(Ordering::Relaxed);
        if jitter > 0 {
            std::thread::sleep(Duration::from_millis(weather.next() % jitter));
        }
        let breaks = weather.breaks.load(Ordering::Relaxed);
        let broken = breaks > 0 && weather.next().is_multiple_of(breaks);
        if broken || sink.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = source.shutdown(Shutdown::Both);
    let _ = sink.shutdown(Shutdown::Both);
}

#[test]
fn case_56_two_against_two_halts_without_a_fork_and_heals() {
    // Neither half is a quorum: both must wait, rather than each go its own way.
    let split = Split::start();
    let net = &split.net;
    deploy(net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    for index in ALL {
        assert_eq!(call(&net.remote(index), "/busy/add", &FINAL, b"[1, 2]").text(), "3");
    }
    split.weather.part(&[0, 1], &[2, 3]);
    std::thread::sleep(Duration::from_secs(1));
    let before: Vec<u64> = ALL.iter().map(|index| net.remote(*index).height()).collect();
    let taken: Vec<String> = ALL
        .iter()
        .map(|index| {
            let answer = net.remote(*index).post("/busy/add", b"[5, 5]");
            assert_eq!(answer.text(), "10", "what is asked for is done, and becomes final later");
            answer.header("moot-call").unwrap().to_owned()
        })
        .collect();
    std::thread::sleep(Duration::from_secs(4));
    for (index, before) in before.iter().enumerate() {
        assert!(net.remote(index).height() <= before + 1, "replica {index} made blocks without a quorum");
    }
    net.assert_no_fork(&ALL);
    split.weather.clear();
    net.await_progress(&ALL);
    for id in &taken {
        for index in ALL {
            until("what was taken meanwhile is final everywhere", || {
                net.remote(index).get(&format!("/_moot/calls/{id}")).json()["height"].is_u64()
            });
        }
    }
    net.assert_no_fork(&ALL);
}

#[test]
fn case_56_one_way_partition_the_others_go_on_and_it_heals() {
    // A replica that hears everything and is heard by nobody must neither stop the others nor fork.
    let split = Split::start();
    let net = &split.net;
    net.await_progress(&ALL);
    split.weather.held.lock().unwrap().extend([(3, 0), (3, 1), (3, 2)]);
    net.await_progress(&[0, 1, 2]);
    split.weather.clear();
    net.await_progress(&ALL);
    // And one that is heard and hears nothing.
    split.weather.held.lock().unwrap().extend([(0, 3), (1, 3), (2, 3)]);
    net.await_progress(&[0, 1, 2]);
    split.weather.clear();
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
}

#[test]
fn case_57_delays_and_connections_that_break_are_lived_with() {
    // TCP hides loss and reordering; what is left of them is delay, and connections that end in the middle of a frame.
    let split = Split::start();
    let net = &split.net;
    deploy(net, 0, &ALL, "busy", &busy(), FunctionKind::Typed);
    split.weather.jitter_ms.store(30, Ordering::Relaxed);
    split.weather.breaks.store(200, Ordering::Relaxed);
    for round in 0..8 {
        let remote = net.remote(round % 4);
        let answer = call(&remote, "/busy/add", &[("prefer", "moot-wait=final, wait=60")], b"[4, 4]");
        assert_eq!((answer.status, answer.text().as_str()), (200, "8"));
    }
    net.await_progress(&ALL);
    split.weather.clear();
    net.await_progress(&ALL);
    net.assert_no_fork(&ALL);
}
