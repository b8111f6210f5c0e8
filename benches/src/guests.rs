//! The example functions as components: found where `cargo xtask` puts them, built once when they are not there.

use crate::place::root;
use anyhow::{Context as _, Result, ensure};
use moot_host::{Function, Host, HostConfig, Policy};
use std::path::PathBuf;
use std::process::Command;

/// An example function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// `guests/hello-http`: kind http, nothing of this platform in it.
    HelloHttp,
    /// `guests/hello-http-plain`: the same answer by the bindings of `wasi:http` alone.
    HelloHttpPlain,
    /// `guests/calculator`: kind typed.
    Calculator,
    /// `guests/hello`: kind event; writes one line of log a call.
    Hello,
}

impl Guest {
    /// The name it is deployed under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Guest::HelloHttp => "hello-http",
            Guest::HelloHttpPlain => "hello-http-plain",
            Guest::Calculator => "calculator",
            Guest::Hello => "hello",
        }
    }

    /// The component's bytes.
    ///
    /// # Errors
    /// When it is not there and cannot be built.
    pub fn bytes(self) -> Result<Vec<u8>> {
        let path = self.path();
        if !path.is_file() {
            build()?;
        }
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    fn path(self) -> PathBuf {
        let file = format!("{}.wasm", self.name().replace('-', "_"));
        target().join("wasm32-wasip2/release").join(file)
    }
}

fn target() -> PathBuf {
    root().join("target/guests")
}

fn build() -> Result<()> {
    eprintln!("building the guests");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--target", "wasm32-wasip2"])
        .current_dir(root().join("guests"))
        .env("CARGO_TARGET_DIR", target())
        .status()
        .context("cannot start cargo")?;
    ensure!(
        status.success(),
        "the guests cannot be built ({status}); try `cargo xtask test guests`, it installs what that needs"
    );
    Ok(())
}

/// A guest compiled to a file, to be loaded any number of times.
#[derive(Debug)]
pub struct Compiled {
    dir: tempfile::TempDir,
    digest: [u8; 32],
}

impl Compiled {
    /// Compiles a guest with `host`.
    ///
    /// # Errors
    /// When the guest is not there or does not compile.
    pub fn new(host: &Host, guest: Guest) -> Result<Compiled> {
        let cwasm = host.compile(&guest.bytes()?)?;
        let dir = crate::place::fresh()?;
        std::fs::write(dir.path().join("cwasm"), &cwasm)?;
        Ok(Compiled { dir, digest: *blake3::hash(&cwasm).as_bytes() })
    }

    /// Loads it as a worker does: digest checked, mapped, linked.
    ///
    /// # Errors
    /// When the file was changed meanwhile.
    pub fn load(&self, host: &Host) -> Result<Function> {
        Ok(host.load(&self.dir.path().join("cwasm"), &self.digest, Policy::default())?)
    }
}

/// A host as the node has it.
///
/// # Errors
/// When there is not enough address space.
pub fn host() -> Result<Host> {
    Ok(Host::new(HostConfig::default())?)
}
