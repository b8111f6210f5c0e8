//! How many functions are held in how much memory: loads a component many times, each from a file of its own as different
//! functions are, calls each once, and prints what of this process is resident then.
//!
//! `density COMPONENT COUNT`; `cargo xtask guests --measure` runs it with an event function in QuickJS.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use moot_host::{CallContext, Event, Grants, Host, HostConfig, Policy};
use std::path::Path;

/// As the node has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let component = arguments.next().context("usage: density COMPONENT COUNT")?;
    let count: usize = arguments.next().context("usage: density COMPONENT COUNT")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = std::env::temp_dir().join(format!("moot-density-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = runtime.block_on(measure(Path::new(&component), count, &folder));
    std::fs::remove_dir_all(&folder)?;
    let (before, after) = measured?;
    let each = after.saturating_sub(before) / count as u64;
    println!(
        "{count} functions, each from a file of its own and called once: {} MiB resident, {} KiB each.",
        after / 1024,
        each
    );
    Ok(())
}

/// KiB resident before the first function, and with all of them.
async fn measure(component: &Path, count: usize, folder: &Path) -> Result<(u64, u64)> {
    let host = Host::new(HostConfig::default())?;
    let compiled = host.compile(&std::fs::read(component)?)?;
    let digest = *blake3::hash(&compiled).as_bytes();
    let grants = Grants { random: true, ..Grants::default() };
    let policy = Policy { grants, ..Policy::default() };
    let before = resident()?;
    let mut functions = Vec::with_capacity(count);
    for number in 0..count {
        let file = folder.join(number.to_string());
        std::fs::write(&file, &compiled)?;
        let function = host.load(&file, &digest, policy.clone())?;
        let event = Event { payload: Bytes::from_static(b"ada"), ..Event::default() };
        function.call_event(CallContext::new("0-1-0-0-0", "density"), event).await.result?;
        functions.push(function);
    }
    Ok((before, resident()?))
}

/// What of this process is in memory, the pages of mapped files among it, those that several functions map counted once.
fn resident() -> Result<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("Pss")?;
    Ok(line.split_whitespace().next().context("Pss has no number")?.parse()?)
}
