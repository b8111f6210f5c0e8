//! Single HTTP calls through all four gateways, answered when their receipts are final.

use super::network::Net;
use crate::client::{Measured, Plan, Request, histogram, run};
use crate::deploy;
use anyhow::{Context as _, Result, bail};
use moot_benches::guests::Guest;
use moot_record::PayloadMode;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Before each measured time.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long a component may be on its way to all replicas.
const ARRIVAL: Duration = Duration::from_secs(30);

/// One number of connections.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Singles {
    pub(crate) connections: usize,
    pub(crate) calls_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// One call at a time, at each gateway in turn; then sixteen connections at each gateway at once.
pub(crate) fn measure(net: &Net, seconds: f64) -> Result<Vec<Singles>> {
    net.ask(0, async |_| deploy::deploy(net.gateways[0], PayloadMode::Digest).await)?;
    arrived(net)?;
    let request = Request::new(
        "GET",
        "/hello-http",
        &[("prefer", "moot-wait=final, wait=30")],
        b"",
        "hello from /hello-http",
    )
    .expecting_head("preference-applied: moot-wait=final");
    let plan = |connections| Plan { connections, warm_up: WARM_UP, time: Duration::from_secs_f64(seconds) };
    let alone = net.gateways.iter().map(|gateway| run(*gateway, &request, plan(1)));
    let alone = alone.collect::<Result<Vec<Measured>>>()?;
    let many = std::thread::scope(|scope| {
        let ask = |gateway: &SocketAddr| {
            let (gateway, request) = (*gateway, &request);
            scope.spawn(move || run(gateway, request, plan(16)))
        };
        let threads: Vec<_> = net.gateways.iter().map(ask).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Measured>>| match thread.join() {
            Ok(measured) => measured,
            Err(_) => bail!("a thread of the load generator panicked"),
        };
        threads.into_iter().map(join).collect::<Result<Vec<Measured>>>()
    })?;
    let turns = alone.len() as f64;
    Ok(vec![together(1, &alone, turns)?, together(16 * many.len(), &many, 1.0)?])
}

/// Several measurements as one; `turns` when they came one after the other.
fn together(connections: usize, all: &[Measured], turns: f64) -> Result<Singles> {
    let mut latencies = histogram()?;
    for measured in all {
        latencies.add(&measured.latency_us)?;
    }
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
    let calls_per_s = all.iter().map(|measured| measured.requests_per_s).sum::<f64>() / turns;
    Ok(Singles { connections, calls_per_s, p50_ms: ms(0.5), p99_ms: ms(0.99) })
}

/// Waits until every replica has the function and its bytes.
fn arrived(net: &Net) -> Result<()> {
    let name = moot_record::FunctionName::parse(Guest::HelloHttp.name())?;
    let due = Instant::now() + ARRIVAL;
    for number in 0..net.gateways.len() {
        loop {
            let view = net.ask(number, async |client| Ok(client.function(&name).await?))?;
            let component = view.map(|view| view.summary.component);
            if let Some(digest) = component
                && net.ask(number, async |client| Ok(client.component(&digest).await?))?.is_some()
            {
                break;
            }
            if Instant::now() > due {
                bail!("{name} has not come to replica {number} within {} s", ARRIVAL.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    net.settle().context("after the deploy")
}
