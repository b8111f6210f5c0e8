//! The Hono application deployed, against the same on bare Node: one client, one load, one machine.
//!
//! ```text
//! moot up (release) ◄── deploy hono-quickjs, hono     ─┐
//! node serve.mjs    ◄── bundled by jco's own rolldown ─┴─► as many connections, as many requests: requests a second
//! ```

use crate::step::{root, run, target};
use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Connections at once: enough to keep two cores busy.
const CONNECTIONS: usize = 8;
/// Requests of each connection, after a quarter as many that are not counted.
const REQUESTS: usize = 1_000;
/// Times that each is measured, in turns; the best of each counts, which is what the machine can do undisturbed.
const ROUNDS: usize = 3;
/// The application as functions: in QuickJS, and in StarlingMonkey.
const FUNCTIONS: [&str; 2] = ["hono-quickjs", "hono"];
/// What is asked for: a route with a parameter and a middleware, answered as JSON.
const PATH: &str = "/hono/api/books/7?page=2";
const ANSWER: &str = r#"{"id":7,"page":"2"}"#;
/// An answer that takes longer is a failure.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Measures, and gives the lines for the README.
pub(super) fn compare() -> Result<String> {
    let folder = std::env::temp_dir().join(format!("moot-hono-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    std::fs::remove_dir_all(&folder)?;
    let [quickjs, starlingmonkey, bare] = measured?;
    Ok(format!(
        "The Hono application, {CONNECTIONS} connections, requests a second: {quickjs:.0} deployed in QuickJS ({:.0} %), {starlingmonkey:.0} in StarlingMonkey ({:.0} %), {bare:.0} on bare Node.",
        100.0 * quickjs / bare,
        100.0 * starlingmonkey / bare
    ))
}

fn measure(folder: &Path) -> Result<[f64; 3]> {
    let bundle = folder.join("serve.mjs");
    run(Command::new(root().join("guests/js/node_modules/.bin/rolldown"))
        .args(["hono/serve.mjs", "--platform", "node", "--format", "esm", "--file"])
        .arg(&bundle)
        .current_dir(root().join("guests/js"))
        .stdout(Stdio::null()))?;
    let (_quickjs, quickjs) = deployed(folder, FUNCTIONS[0])?;
    let (_starlingmonkey, starlingmonkey) = deployed(folder, FUNCTIONS[1])?;
    let mut bare = Server::start(Command::new("node").arg(&bundle).env("NODE_ENV", "production"))?;
    let addresses = [quickjs, starlingmonkey, format!("127.0.0.1:{}", bare.line()?.trim())];
    let mut best = [0.0_f64; 3];
    for _ in 0..ROUNDS {
        for (address, best) in addresses.iter().zip(&mut best) {
            *best = best.max(load(address)?);
        }
    }
    Ok(best)
}

/// A node with one function, and its address. Two that answer at one path need a node each.
fn deployed(folder: &Path, function: &str) -> Result<(Server, String)> {
    let moot = target().join("release/moot");
    let key = folder.join("owner.key");
    let mut node = Server::start(
        Command::new(&moot)
            .args(["up", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join(function))
            .env("MOOT_KEY", &key),
    )?;
    let ready: serde_json::Value = serde_json::from_str(&node.line()?)?;
    let url = ready["address"].as_str().context("moot up named no address")?.to_owned();
    run(Command::new(&moot)
        .args(["deploy", function, "--no-build", "--manifest"])
        .arg(root().join("guests/js/moot.toml"))
        .env("MOOT_NODE", &url)
        .env("MOOT_KEY", &key))?;
    Ok((node, url.trim_start_matches("http://").to_owned()))
}

/// Requests a second.
fn load(address: &str) -> Result<f64> {
    asked(address, REQUESTS / 4)?;
    let began = Instant::now();
    asked(address, REQUESTS)?;
    Ok((CONNECTIONS * REQUESTS) as f64 / began.elapsed().as_secs_f64())
}

fn asked(address: &str, requests: usize) -> Result<()> {
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| connection(address, requests))).collect();
        all.into_iter()
            .try_for_each(|one| one.join().unwrap_or_else(|_| anyhow::bail!("a connection panicked")))
    })
}

fn connection(address: &str, requests: usize) -> Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    for _ in 0..requests {
        (&stream).write_all(request.as_bytes())?;
        let body = answer(&mut reader)?;
        ensure!(body == ANSWER, "{address} answered {body:?}");
    }
    Ok(())
}

/// The body of one answer, of a known length or in chunks.
fn answer(reader: &mut impl std::io::BufRead) -> Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    ensure!(line.starts_with("HTTP/1.1 200 "), "it answered {line:?}");
    let (mut length, mut chunked) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let field = line.trim().to_ascii_lowercase();
        match field.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse()?,
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    let mut body = Vec::new();
    loop {
        if chunked {
            line.clear();
            reader.read_line(&mut line)?;
            length = usize::from_str_radix(line.trim(), 16)?;
        }
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..])?;
        if !chunked {
            break;
        }
        if length == 0 {
            // Trailers, which nobody asked for, and the empty line behind them.
            while line != "\r\n" {
                line.clear();
                reader.read_line(&mut line)?;
            }
            break;
        }
        line.clear();
        reader.read_line(&mut line)?;
    }
    Ok(String::from_utf8(body)?)
}

/// A server that is ended when this goes.
struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(command: &mut Command) -> Result<Server> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Server { child, lines })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        ensure!(!line.is_empty(), "a server ended before it was ready");
        Ok(line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn answers_are_read_to_their_end() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        ] {
            let twice = text.repeat(2);
            let mut reader = std::io::BufReader::new(twice.as_bytes());
            assert_eq!(answer(&mut reader).unwrap(), "hello");
            assert_eq!(answer(&mut reader).unwrap(), "hello", "nothing of the first is left");
        }
        assert!(answer(&mut &b"HTTP/1.1 500 No\r\n\r\n"[..]).is_err());
    }
}
