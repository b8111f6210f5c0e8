//! The sweep: rates from low to high, a few seconds each.

use super::client::{Ask, Came, Pace};
use super::network::{self, Net, usage};
use crate::client::histogram;
use crate::options::Options;
use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// Before the measured time: connections are warm, lanes flow.
const WARM_S: f64 = 1.0;
/// What is sent before a step, and not measured: a few bundles a client.
const FIRST: Pace = Pace { per_s: 8.0, warm_s: 0.0, time_s: 1.0 };
/// Blocks that a step's bundles are valid for: minutes at any speed, and forgotten soon after.
const VALIDITY_BLOCKS: u64 = 20_000;
/// Room that must be left on the disk after a step.
const SPARE_BYTES: u64 = 4 << 30;
/// What a call takes on the disks of all replicas, at the worst: 131 bytes in rows of a power of two.
const WORST_BYTES_A_CALL: f64 = 4.0 * 262.0;

/// One rate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) offered_per_s: f64,
    /// Sent in time: less than offered when all connections waited.
    pub(crate) sent_per_s: f64,
    /// Answered "final" by the gateway where they came in.
    pub(crate) ordered_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Of a core, all replicas together.
    pub(crate) replicas_cpu: f64,
    /// Of a core, all clients together.
    pub(crate) clients_cpu: f64,
    pub(crate) written_mb_per_s: f64,
    /// Bundles answered "busy", or not final within 30 s.
    pub(crate) refused: u64,
}

/// A client's process.
struct Client {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(net: &Net, number: usize, bundle: usize) -> Result<Client> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("order-client")
            .args(["--gateway", &net.gateways[number].to_string()])
            .args(["--network", &net.genesis.network().to_string()])
            .args(["--number", &number.to_string(), "--bundle", &bundle.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start a client")?;
        let input = process.stdin.take().context("a client has no standard input")?;
        let output = BufReader::new(process.stdout.take().context("a client has no standard output")?);
        Ok(Client { process, input, output })
    }

    fn say(&mut self, ask: &Ask) -> Result<()> {
        writeln!(self.input, "{}", serde_json::to_string(ask)?).context("a client has ended")
    }

    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "a client has ended; what it said is above");
        Ok(line)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Measures every rate.
pub(crate) fn measure(data: &Path, options: &Options) -> Result<Vec<Step>> {
    let bundle = options.ordering.bundle;
    let mut steps = Vec::new();
    for &rate in &options.ordering.rates {
        let needed = f64::from(rate) * (WARM_S + options.seconds) * WORST_BYTES_A_CALL;
        if room()? < needed as u64 + SPARE_BYTES {
            eprintln!(
                "  {rate} calls/s would leave less than {} GiB on the disk: the sweep ends here",
                SPARE_BYTES >> 30
            );
            break;
        }
        let step = network::with(data, |net| one(net, f64::from(rate), options.seconds, bundle))?;
        eprintln!(
            "  offered {:>9.0}/s  ordered {:>9.0}/s  p50 {:>7.1} ms  p99 {:>7.1} ms",
            step.offered_per_s, step.ordered_per_s, step.p50_ms, step.p99_ms
        );
        steps.push(step);
    }
    Ok(steps)
}

fn room() -> Result<u64> {
    let found = rustix::fs::statvfs(moot_benches::place::root())?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

fn one(net: &Net, rate: f64, time_s: f64, bundle: usize) -> Result<Step> {
    let clients = (0..net.gateways.len()).map(|number| Client::start(net, number, bundle));
    let mut clients = clients.collect::<Result<Vec<Client>>>()?;
    let per_s = rate / bundle as f64 / clients.len() as f64;
    // The first batches of a new network find connections that are just being made, and lanes that never flowed.
    sign(net, &mut clients, FIRST)?;
    send(&mut clients, FIRST)?;
    net.settle()?;
    let pace = Pace { per_s, warm_s: WARM_S, time_s };
    sign(net, &mut clients, pace)?;
    let ids: Vec<u32> = clients.iter().map(|client| client.process.id()).collect();
    let (used, spent, began) = (net.used()?, usage(ids.iter().copied())?, Instant::now());
    let came = send(&mut clients, pace)?;
    let took_s = began.elapsed().as_secs_f64();
    let (used, spent) = (net.used()?.since(&used), usage(ids.iter().copied())?.since(&spent));
    net.settle()?;
    elsewhere(net, &came)?;
    let of_core = |cpu_us: u64| cpu_us as f64 / 1e6 / took_s;
    let mut latencies = histogram()?;
    for latency in came.iter().flat_map(|came| &came.latencies_us) {
        latencies.saturating_record(u64::from(*latency));
    }
    let a_second = |bundles: u64| (bundles * bundle as u64) as f64 / time_s;
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Step {
        offered_per_s: rate,
        sent_per_s: a_second(came.iter().map(|came| came.sent).sum()),
        ordered_per_s: a_second(came.iter().map(|came| came.ordered).sum()),
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        replicas_cpu: of_core(used.cpu_us),
        clients_cpu: of_core(spent.cpu_us),
        written_mb_per_s: used.written_bytes as f64 / 1e6 / took_s,
        refused: came.iter().map(|came| came.refused + came.late).sum(),
    })
}

/// Has every client sign what a step takes: one after the other, and before it begins.
fn sign(net: &Net, clients: &mut [Client], pace: Pace) -> Result<()> {
    let sign = (pace.per_s * (pace.warm_s + pace.time_s)).ceil() as usize;
    let valid_until = net.height()? + VALIDITY_BLOCKS;
    for client in clients {
        client.say(&Ask::Sign { sign, valid_until })?;
        client.hear()?;
    }
    Ok(())
}

/// Has all clients send at once; says what came of it.
fn send(clients: &mut [Client], pace: Pace) -> Result<Vec<Came>> {
    for client in clients.iter_mut() {
        client.say(&Ask::Send(pace))?;
    }
    clients.iter_mut().map(|client| Ok(serde_json::from_str(&client.hear()?)?)).collect()
}

/// What one replica called final, the next one shows in a block too.
fn elsewhere(net: &Net, came: &[Came]) -> Result<()> {
    for (number, call) in came.iter().enumerate().filter_map(|(n, came)| Some((n, came.call.as_ref()?))) {
        let next = (number + 1) % net.gateways.len();
        let id = call.parse()?;
        let found = net.ask(next, async |client| Ok(client.call(&id).await?))?;
        let height = found.with_context(|| format!("call {call} is not at replica {next}"))?.height;
        ensure!(height.is_some(), "call {call} was called final, and is in no block of replica {next}");
    }
    Ok(())
}
