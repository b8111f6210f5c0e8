//! Serves any `wasi:http` component with a plain hyper server:
//!
//! ```sh
//! cargo run --release -p moot-host --example serve -- component.wasm 127.0.0.1:8080
//! ```

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use moot_host::{CallContext, Grants, Host, HostConfig, HttpService, Policy};
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let component = args.next().ok_or("usage: serve COMPONENT.wasm [ADDRESS]")?;
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".into());

    // Inspected and compiled once; machine code is mapped from a file.
    let host = Host::new(HostConfig::default())?;
    // Nothing outside: outbound requests are all denied, randomness is real.
    let grants = Grants { http: Some(Vec::new()), random: true, ..Grants::default() };
    let policy = Policy { grants, ..Policy::default() };
    let wasm = std::fs::read(&component)?;
    host.admit(&wasm, &policy)?;
    let cwasm = host.compile(&wasm)?;
    let file = std::env::temp_dir().join(format!("serve-{}.cwasm", std::process::id()));
    std::fs::write(&file, &cwasm)?;
    let function = host.load(&file, blake3::hash(&cwasm).as_bytes(), policy)?;

    // A fresh instance for every request, with its own id and seed.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let service = HttpService::new(function, |_| {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        CallContext {
            time_us: now.as_micros() as u64,
            seed: rand::random(),
            ..CallContext::new(id.to_string(), "serve")
        }
    });
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("{component} answers on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                eprintln!("{error}");
            }
        });
    }
}
