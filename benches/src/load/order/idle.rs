//! A network that nobody asks anything: heartbeats, and what they cost.

use super::network::Net;
use anyhow::Result;
use std::time::{Duration, Instant};

/// What the four replicas use together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Idle {
    pub(crate) seconds: f64,
    /// Of a core.
    pub(crate) cpu: f64,
    /// More room taken on the disk at the end.
    pub(crate) grown_bytes: i64,
    /// Sent to the disk meanwhile.
    pub(crate) written_bytes: u64,
    pub(crate) blocks: u64,
}

/// Before it is watched: what starting left to do.
const CALM: Duration = Duration::from_secs(2);

/// Watches.
pub(crate) fn measure(net: &Net, seconds: f64) -> Result<Idle> {
    net.settle()?;
    std::thread::sleep(CALM);
    eprintln!("  idle for {seconds:.0} s");
    let height = net.height()?;
    let (used, disk, began) = (net.used()?, net.disk_bytes()?, Instant::now());
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let (used, seconds) = (net.used()?.since(&used), began.elapsed().as_secs_f64());
    let grown = net.disk_bytes()? as i64 - disk as i64;
    Ok(Idle {
        seconds,
        cpu: used.cpu_us as f64 / 1e6 / seconds,
        grown_bytes: grown,
        written_bytes: used.written_bytes,
        blocks: net.height()? - height,
    })
}
