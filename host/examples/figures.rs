//! What the example functions cost in each language: size, time to compile, cold start, warm call, memory. Prints Markdown.
//!
//! A first start is from a `.cwasm` file that this process has not seen to the first answer, with its digest checked; a cold
//! start is the same once more, after the function was put away; a warm call is from a loaded function to an answer. All
//! with a fresh instance, as every call has. Medians, but for the first start, which there is one of.
//! `cargo xtask guests --measure` runs it.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use moot_host::{Arguments, CallContext, Event, Function, Grants, Host, HostConfig, Policy};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// As the node has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls that a median is of. Cold starts of large components take some milliseconds each.
const COLD: usize = 21;
const WARM: usize = 201;

/// How old a file is before the host takes it for settled.
const SETTLED: Duration = Duration::from_millis(2_100);

const LANGUAGES: [(&str, &str); 4] =
    [("Rust", "rust"), ("JavaScript", "js"), ("Python", "python"), ("Go", "go")];
const FUNCTIONS: [&str; 3] = ["hello", "http", "calculator"];

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let host = Host::new(HostConfig::default())?;
    let folder = std::env::temp_dir().join(format!("moot-figures-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    println!(
        "| function | size | compiled | compile | first start | cold start | warm call | memory of a call | fuel |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (title, key) in LANGUAGES {
        for name in FUNCTIONS {
            let path = component(key, name);
            if !path.is_file() {
                continue;
            }
            let row = runtime.block_on(figures(&host, &folder, name, &path));
            println!("| {title} {name} | {} |", row.with_context(|| path.display().to_string())?);
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn component(key: &str, name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
    match (key, name) {
        ("rust", "http") => target.join("wasm32-wasip2/release/hello_http.wasm"),
        ("rust", name) => target.join("wasm32-wasip2/release").join(name).with_extension("wasm"),
        (key, name) => target.join(key).join(name).with_extension("wasm"),
    }
}

async fn figures(host: &Host, folder: &Path, name: &str, path: &Path) -> Result<String> {
    let wasm = std::fs::read(path)?;
    let grants = Grants { random: true, ..Grants::default() };
    let policy = Policy { grants, ..Policy::default() };
    let began = Instant::now();
    let compiled = host.compile(&wasm)?;
    let compile = began.elapsed();
    let file = folder.join("function.cwasm");
    std::fs::write(&file, &compiled)?;
    let digest = *blake3::hash(&compiled).as_bytes();
    // Until then the host reads it anew each time, as what was just written may still change.
    std::thread::sleep(SETTLED);
    let mut starts = Vec::new();
    for _ in 0..=COLD {
        let began = Instant::now();
        let function = host.load(&file, &digest, policy.clone())?;
        call(&function, name).await?;
        starts.push(began.elapsed());
    }
    let cold = starts.split_off(1);
    let function = host.load(&file, &digest, policy)?;
    let mut warm = Vec::new();
    let mut last = (0, 0);
    for _ in 0..WARM {
        let began = Instant::now();
        last = call(&function, name).await?;
        warm.push(began.elapsed());
    }
    let (memory, fuel) = last;
    Ok(format!(
        "{} | {} | {} | {} | {} | {} | {} | {fuel}",
        size(wasm.len() as u64),
        size(compiled.len() as u64),
        time(compile),
        time(median(starts)),
        time(median(cold)),
        time(median(warm)),
        size(memory),
    ))
}

/// One call; the linear memory it had at most, and its fuel.
async fn call(function: &Function, name: &str) -> Result<(u64, u64)> {
    let context = CallContext::new("0-1-0-0-0", name);
    let report = match name {
        "hello" => {
            let event = Event { payload: Bytes::from_static(b"ada"), ..Event::default() };
            let answer = function.call_event(context, event).await;
            answer.result?;
            answer.report
        }
        "http" => {
            let request = http::Request::get("http://localhost/http/x").body(Full::new(Bytes::new()))?;
            let answer = function.call_http(context, request).await?;
            let body =
                answer.response.into_body().collect().await.map_err(|error| anyhow::anyhow!("{error}"))?;
            if !body.to_bytes().starts_with(b"hello from /http/x") {
                bail!("it answered something else");
            }
            answer.report.await
        }
        _ => {
            let answer = function.call_typed(context, "add", Arguments::Json("[2, 3]")).await;
            answer.result?;
            answer.report
        }
    };
    match report.fault {
        Some(fault) => Err(fault.into()),
        None => Ok((report.peak_memory_bytes, report.fuel)),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn time(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1_000 => format!("{micros} us"),
        micros @ 1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        micros => format!("{:.1} s", micros as f64 / 1e6),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes / 1024),
        bytes => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
