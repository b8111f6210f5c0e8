//! What it costs to run a function: instantiate, call, drop, on one thread and on two; from a `.cwasm` file to the
//! first answer; to compile; and what a loaded function holds.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on panics")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http_body_util::{BodyExt as _, Full};
use moot_benches::guests::{Compiled, Guest, host};
use moot_host::{Arguments, CallContext, Event, Function, Host};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn context() -> CallContext {
    CallContext::new("0-1-0-0-0", "bench")
}

/// One call of the guest, answer read to its end.
async fn call(guest: Guest, function: &Function) {
    match guest {
        Guest::HelloHttp | Guest::HelloHttpPlain => {
            let request = http::Request::get("http://localhost/hello").body(Full::new(Bytes::new())).unwrap();
            let answer = function.call_http(context(), request).await.unwrap();
            let (head, body) = answer.response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let report = answer.report.await;
            assert!(body.starts_with(b"hello") && report.fault.is_none(), "{head:?} {body:?} {report:?}");
        }
        Guest::Calculator => {
            let answer = function.call_typed(context(), "add", Arguments::Json("[2,3]")).await;
            assert_eq!(answer.result.unwrap(), "5");
        }
        Guest::Hello => {
            let event = Event { payload: Bytes::from_static(b"Ada"), ..Event::default() };
            assert_eq!(function.call_event(context(), event).await.result.unwrap(), b"hello, Ada\n");
        }
    }
}

/// The time of `count` calls, one after the other.
async fn calls(guest: Guest, function: &Function, count: u64) -> Duration {
    let began = Instant::now();
    for _ in 0..count {
        call(guest, function).await;
    }
    began.elapsed()
}

/// The time in which each of `threads` threads makes `count` calls.
fn on_threads(threads: usize, guest: Guest, function: &Function, count: u64) -> Duration {
    let start = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        let work: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let runtime = runtime();
                    runtime.block_on(call(guest, function));
                    start.wait();
                    runtime.block_on(calls(guest, function, count));
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        for thread in work {
            thread.join().unwrap();
        }
        began.elapsed()
    })
}

const GUESTS: [Guest; 4] = [Guest::HelloHttp, Guest::HelloHttpPlain, Guest::Calculator, Guest::Hello];

fn warm(c: &mut Criterion) {
    let host = host().unwrap();
    let runtime = runtime();
    let mut group = c.benchmark_group("instantiate, call, drop");
    for guest in GUESTS {
        let function = Compiled::new(&host, guest).unwrap().load(&host).unwrap();
        group.throughput(Throughput::Elements(1));
        group.bench_function(guest.name(), |b| {
            b.iter_custom(|n| runtime.block_on(calls(guest, &function, n)))
        });
        group.throughput(Throughput::Elements(2));
        let name = format!("{} on each of two threads", guest.name());
        group.bench_function(name, |b| b.iter_custom(|n| on_threads(2, guest, &function, n)));
    }
    group.throughput(Throughput::Elements(1));
    let function = Compiled::new(&host, Guest::Calculator).unwrap().load(&host).unwrap();
    let nothing = async |count: u64| {
        let began = Instant::now();
        for _ in 0..count {
            assert!(function.call_typed(context(), "nothing", Arguments::Json("[]")).await.result.is_ok());
        }
        began.elapsed()
    };
    group.bench_function("calculator, a function that does nothing", |b| {
        b.iter_custom(|n| runtime.block_on(nothing(n)));
    });
    group.finish();
}

fn cold(c: &mut Criterion) {
    let host = host().unwrap();
    let runtime = runtime();
    let mut group = c.benchmark_group("cold start");
    for guest in GUESTS {
        let compiled = Compiled::new(&host, guest).unwrap();
        group.bench_function(format!("{} from .cwasm to the first answer", guest.name()), |b| {
            b.iter(|| {
                let function = compiled.load(&host).unwrap();
                runtime.block_on(call(guest, &function));
            });
        });
    }
    group.sample_size(10);
    for guest in GUESTS {
        let bytes = guest.bytes().unwrap();
        group.bench_function(format!("{} compile, {} KB", guest.name(), bytes.len() / 1000), |b| {
            b.iter(|| host.compile(&bytes).unwrap());
        });
        group.bench_function(format!("{} inspect", guest.name()), |b| {
            b.iter(|| host.inspect(&bytes).unwrap())
        });
    }
    group.finish();
    for guest in GUESTS {
        resident(&host, &runtime, guest);
    }
}

/// Loads a guest many times, each from a file of its own as different functions have, and prints what one holds.
fn resident(host: &Host, runtime: &Runtime, guest: Guest) {
    const COUNT: usize = 200;
    let compiled: Vec<Compiled> = (0..COUNT).map(|_| Compiled::new(host, guest).unwrap()).collect();
    let before = memory_kb();
    let functions: Vec<Function> = compiled.iter().map(|one| one.load(host).unwrap()).collect();
    for function in &functions {
        runtime.block_on(call(guest, function));
    }
    let after = memory_kb();
    let (all, own) = ((after.0 - before.0) as f64 / COUNT as f64, (after.1 - before.1) as f64 / COUNT as f64);
    let in_gib = f64::from(1 << 20) / all;
    println!(
        "{}: a loaded function that was called once holds {all:.0} KB, {own:.0} of them not from its file: {in_gib:.0} in a GiB",
        guest.name()
    );
}

/// Resident memory of this process in KiB: all of it, and what no file backs.
fn memory_kb() -> (i64, i64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| -> i64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("RssAnon:"))
}

criterion_group!(benches, warm, cold);
criterion_main!(benches);
