//! `cargo xtask demo`: the whole story on one screen, told by the real `moot` binary.
//!
//! ```text
//! moot up ◄── moot deploy guests/hello
//!    ▲ └──── GET /hello over a plain socket ──► answer, call id
//!    └────── moot show --proof ──► receipt.json          (the node is stopped here)
//!                                      └──► moot verify: valid; a tampered copy: refused
//! ```
//!
//! Everything lives in one temporary folder, and no port is fixed.

use crate::step::{cargo, cargo_guests, run, step, target};
use crate::toolchain;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An answer that takes longer is a failure of the demo, not something to wait for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a node may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The verb.
pub(crate) fn run_demo(arguments: &[String]) -> Result<()> {
    ensure!(arguments.is_empty(), "demo takes no arguments");
    let began = Instant::now();
    step("toolchain: the wasm target", toolchain::install)?;
    step("build: the component guests/hello, for wasm32-wasip2", || {
        run(&mut cargo_guests(&[
            "build",
            "--release",
            "--target",
            "wasm32-wasip2",
            "--locked",
            "-p",
            "hello",
        ]))
    })?;
    step("build: the moot binary (the first time takes some minutes)", || {
        // The whole workspace decides about features, as in the tests: so neither compiles the other's dependencies anew.
        run(&mut cargo(&["build", "--locked", "--workspace", "--bin", "moot"]))
    })?;
    let folder = Folder::new()?;
    let (receipt, genesis) = serve_one_call(&folder)?;
    check_offline(&folder, &receipt, &genesis)?;
    println!("\nthe demo took {:.1} s; its files are gone again", began.elapsed().as_secs_f64());
    Ok(())
}

/// Starts a node, deploys, calls, and saves the evidence; the node is stopped when this returns.
fn serve_one_call(folder: &Folder) -> Result<(PathBuf, PathBuf)> {
    let node = step("moot up: a node on a free port, with an empty data folder", || Node::start(folder))?;
    println!("    listening on {}", node.address);
    let moot = |words: &[&str]| {
        let mut command = folder.moot(words);
        command.env("MOOT_NODE", format!("http://{}", node.address));
        run(&mut command)
    };
    step("moot deploy: the component and its manifest, signed by the owner's key", || {
        let manifest = crate::step::root().join("guests/hello/moot.toml");
        moot(&["deploy", "--no-build", "--manifest", &manifest.to_string_lossy()])
    })?;
    let call = step("POST /hello, with the body \"folkmoot\"", || {
        let answer = post(&node.address, "/hello", "folkmoot")?;
        println!("{}", indent(&answer));
        let call = answer.lines().find_map(|line| line.strip_prefix("moot-call: ")).map(str::to_owned);
        call.context("the answer has no Moot-Call header")
    })?;
    let (receipt, genesis) = (folder.path("receipt.json"), folder.path("genesis.json"));
    step("moot show --proof: the receipt with the block that ordered it, and the network's genesis", || {
        moot(&["show", &call, "--proof", &receipt.to_string_lossy()])?;
        moot(&["genesis", "--output", &genesis.to_string_lossy()])
    })?;
    step("stop the node, and delete its data folder", || {
        node.stop()?;
        Ok(std::fs::remove_dir_all(folder.path("data"))?)
    })?;
    Ok((receipt, genesis))
}

/// Verifies the receipt, then a copy in which one figure was changed.
fn check_offline(folder: &Folder, receipt: &Path, genesis: &Path) -> Result<()> {
    let verify = |file: &Path| {
        folder.moot(&["verify", &file.to_string_lossy(), "--genesis", &genesis.to_string_lossy()])
    };
    step("moot verify: the receipt, with no node and no network", || run(&mut verify(receipt)))?;
    step("moot verify: a copy that claims another fuel figure is refused", || {
        let text = std::fs::read_to_string(receipt)?;
        let mut value: Value = serde_json::from_str(&text)?;
        let fuel = value.pointer_mut("/receipt/fuel").context("the receipt file has no receipt.fuel")?;
        let honest = fuel.as_u64().context("receipt.fuel is not a number")?;
        *fuel = Value::from(honest + 1);
        let tampered = folder.path("tampered.json");
        std::fs::write(&tampered, serde_json::to_vec_pretty(&value)?)?;
        let verdict = verify(&tampered).output()?;
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&verdict.stdout),
            String::from_utf8_lossy(&verdict.stderr)
        );
        println!("{}", indent(&said));
        ensure!(verdict.status.code() == Some(1), "a tampered receipt must be refused with exit code 1");
        ensure!(said.contains("fuel"), "the refusal must name the field that was changed");
        Ok(())
    })
}

/// `POST` over a plain socket: the demo shows what goes over the wire.
fn post(address: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("reading the answer")?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "the function did not answer 200:\n{answer}");
    Ok(answer.replace('\r', ""))
}

fn indent(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("    | {line}")).collect::<Vec<_>>().join("\n")
}

/// The demo's temporary folder, removed at the end whatever happened.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("moot-demo-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Folder(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The binary that was just built, with a key of its own.
    fn moot(&self, words: &[&str]) -> Command {
        let mut command = Command::new(target().join("debug/moot"));
        command.args(words).env("MOOT_KEY", self.path("owner.key")).current_dir(&self.0);
        command
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("could not remove {}: {error}", self.0.display());
        }
    }
}

/// `moot up` as a child process; killed if the demo fails.
struct Node {
    child: Child,
    address: String,
}

impl Node {
    fn start(folder: &Folder) -> Result<Node> {
        let data = folder.path("data");
        let mut command =
            folder.moot(&["up", "--json", "--listen", "127.0.0.1:0", "--data", &data.to_string_lossy()]);
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start moot up")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the node's output")?;
        let mut node = Node { child, address: String::new() };
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).with_context(|| format!("moot up said {line:?}"))?;
        let url = ready["address"].as_str().context("moot up named no address")?;
        node.address = url.trim_start_matches("http://").to_owned();
        Ok(node)
    }

    /// Asks it to stop as a service manager would, and waits.
    fn stop(mut self) -> Result<()> {
        run(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let until = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the node ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the node did not stop within {} s", STOP_TIMEOUT.as_secs())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
