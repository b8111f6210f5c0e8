//! `moot invoke`: one call, its answer, and what it left behind.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::{HeaderMap, Method};
use moot_record::{EntryId, FunctionName};
use serde_json::json;

mod arguments;

use super::deploy::unknown_function;
use super::failure::{FAILED, Failure, Silent};
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BAD, DIM, Progress};
use super::text;
use crate::api::{FunctionView, Problem, header};
use crate::client::{Answer, Ask, Client};
use crate::limits::{CALL_GRACE, MAX_INPUT_BYTES};
use crate::manifest::units::show_duration;
use arguments::TypedBody;
pub(crate) use arguments::signature;

/// Call a function
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot invoke hello --data ada                     an event with a payload\n  \
                        moot invoke site /about?lang=en                  an HTTP request below the function's route\n  \
                        moot invoke site -X PUT /a -H 'x-a: 1' -d @file  with method, header and body\n  \
                        moot invoke calculator add 1 2                   a typed export with JSON arguments\n  \
                        moot invoke calculator add '{\"a\":1,\"b\":2}'       the same by name\n  \
                        moot invoke calculator 'add(1, 2)'               the same in WAVE\n\n\
                        The answer goes to standard output. Exit code 1 when the call failed or was answered with 400 and above."
)]
pub(crate) struct Invoke {
    /// The function
    name: String,
    /// For an http function a path below its route; for a typed one the export and its arguments
    #[arg(value_name = "PATH | EXPORT [ARGUMENT]", allow_negative_numbers = true)]
    words: Vec<String>,
    /// What is sent: text, @FILE, or - for standard input
    #[arg(long, short, value_name = "DATA", allow_hyphen_values = true)]
    data: Option<String>,
    /// A header, `name: value`; can be repeated
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    headers: Vec<String>,
    /// The HTTP method [default: GET, or POST with --data]
    #[arg(long, short = 'X', value_name = "METHOD")]
    method: Option<String>,
    /// How far to wait
    #[arg(long, value_enum, default_value_t = Wait::Executed)]
    wait: Wait,
    /// Makes it safe to send the call again: the same key runs once, at this replica and for a day; retry at the one
    /// that was asked first
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Sign the call, so that its record names the caller; done by itself where a function asks for it
    #[arg(long)]
    sign: bool,
    /// Save the receipt; with --wait final it has the certificate too
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Show the response's status and headers too
    #[arg(long, short)]
    include: bool,
    /// Print call, status, fuel and answer as JSON
    #[arg(long, conflicts_with = "include")]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

/// How far a call is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wait {
    /// Until the call is recorded; it runs afterwards
    Accepted,
    /// Until it has run and its receipt is recorded
    Executed,
    /// Until its receipt is ordered, with a certificate
    Final,
}

impl Invoke {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let name = FunctionName::parse(&self.name).map_err(|error| Failure::usage(error.to_string()))?;
        if self.wait == Wait::Accepted && self.receipt.is_some() {
            let failure = Failure::usage("a call that is only accepted has no receipt yet");
            return Err(failure
                .hint("leave --wait accepted out, or fetch it later: moot show CALL --proof FILE")
                .into());
        }
        let client = self.node.client_with(&self.key)?;
        let Some(function) = client.function(&name).await? else {
            return Err(unknown_function(&client, &name).await);
        };
        let mut ask = self.ask(&function)?;
        if self.sign {
            ask = client.sign(ask)?;
        }
        let began = Instant::now();
        let progress = Progress::start("Calling", name.as_str());
        let answer = client.send(&ask).await?;
        drop(progress);
        let took = began.elapsed();
        let id = answer.header(header::CALL).and_then(|id| id.parse::<EntryId>().ok());
        let saved = match (&self.receipt, &id) {
            (Some(path), Some(id)) => Some(save_receipt(&client, id, self.wait == Wait::Final, path).await?),
            _ => None,
        };
        if self.json {
            self.show_json(&answer, id.as_ref(), took)?;
        } else {
            self.show(&answer, id.as_ref(), took)?;
            if let Some(path) = saved {
                terminal::done(
                    "Saved",
                    &format!("the receipt in {}: moot verify {}", path.display(), path.display()),
                );
            }
        }
        if answer.status.as_u16() >= 400 { Err(Silent(FAILED).into()) } else { Ok(()) }
    }

    /// The request that a function of this kind takes.
    fn ask(&self, function: &FunctionView) -> anyhow::Result<Ask> {
        let name = &function.summary.name;
        let mut ask = match function.summary.kind.as_str() {
            "http" => self.ask_http(function)?,
            "typed" => self.ask_typed(function)?,
            _ => {
                if let Some(word) = self.words.first() {
                    return Err(Failure::usage(format!(
                        "{name} takes an event, and no argument such as {word:?}"
                    ))
                    .hint(format!("moot invoke {name} --data {word:?}"))
                    .into());
                }
                let mut ask =
                    Client::ask(self.method(Method::POST)?, format!("/_moot/functions/{name}/call"));
                ask.body = self.data()?.unwrap_or_default();
                ask
            }
        };
        let version = function.versions.iter().find(|version| version.number == function.summary.version);
        let deadline = version.map_or(0, |version| version.spec.limits.deadline_ms);
        ask.timeout = Duration::from_millis(deadline) + CALL_GRACE;
        for line in &self.headers {
            let (name, value) = line.split_once(':').ok_or_else(|| {
                Failure::usage(format!("{line:?} is not a header")).hint("write it as --header 'name: value'")
            })?;
            ask = ask.header(name.trim(), value.trim())?;
        }
        if let Some(key) = &self.idempotency_key {
            ask = ask.header(header::IDEMPOTENCY_KEY, key)?;
        }
        Ok(match self.wait {
            Wait::Accepted => ask.header(header::PREFER, "respond-async")?,
            Wait::Executed => ask,
            Wait::Final => ask.header(header::PREFER, "moot-wait=final")?,
        })
    }

    fn ask_http(&self, function: &FunctionView) -> anyhow::Result<Ask> {
        let path = match self.words.as_slice() {
            [] => "",
            [path] if path.starts_with('/') || path.starts_with('?') => path,
            [word, ..] => {
                return Err(Failure::usage(format!(
                    "{} takes HTTP requests: a path, not {word:?}",
                    function.summary.name
                ))
                .hint(format!("moot invoke {} /{}", function.summary.name, word.trim_start_matches('/')))
                .into());
            }
        };
        let route = function.summary.route.trim_end_matches('/');
        let target = format!("{route}{path}");
        let target = if target.starts_with('/') { target } else { format!("/{target}") };
        let data = self.data()?;
        let method = self.method(if data.is_some() { Method::POST } else { Method::GET })?;
        let mut ask = Client::ask(method, target);
        ask.body = data.unwrap_or_default();
        Ok(ask)
    }

    fn ask_typed(&self, function: &FunctionView) -> anyhow::Result<Ask> {
        let name = &function.summary.name;
        let mut words = self.words.clone();
        if let Some(data) = self.data()? {
            let text = String::from_utf8(data.to_vec())
                .context("the arguments of a typed call must be UTF-8 text")?;
            words.push(text);
        }
        let (export, body) = arguments::typed(function, &words)?;
        let target = format!("/_moot/functions/{name}/call/{}", arguments::escape(&export));
        let mut ask = Client::ask(self.method(Method::POST)?, target);
        let media_type = match body {
            TypedBody::Json(text) => {
                ask.body = text.into();
                "application/json"
            }
            TypedBody::Wave(text) => {
                ask.body = text.into();
                "text/x-wave"
            }
        };
        Ok(ask.header("content-type", media_type)?)
    }

    fn method(&self, usual: Method) -> anyhow::Result<Method> {
        let Some(method) = &self.method else { return Ok(usual) };
        let read = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
        Ok(read.map_err(|_| Failure::usage(format!("{method:?} is not an HTTP method")))?)
    }

    fn data(&self) -> anyhow::Result<Option<Bytes>> {
        let Some(data) = &self.data else { return Ok(None) };
        if data == "-" {
            return Ok(Some(read_input(std::io::stdin().lock(), "standard input")?));
        }
        match data.strip_prefix('@') {
            None => Ok(Some(Bytes::copy_from_slice(data.as_bytes()))),
            Some(path) => {
                let file = std::fs::File::open(path).with_context(|| format!("cannot read {path}"))?;
                Ok(Some(read_input(file, path)?))
            }
        }
    }

    fn show(&self, answer: &Answer, id: Option<&EntryId>, took: Duration) -> anyhow::Result<()> {
        if self.include {
            terminal::print(&head(answer))?;
        }
        if let Some(problem) = problem_of(answer) {
            show_problem(&problem);
        } else if answer.status.as_u16() == 202 && self.wait == Wait::Accepted {
            let id = id.map_or_else(String::new, EntryId::to_string);
            terminal::hint(&format!("it runs now; `moot show {id}` says what became of it"));
            terminal::print(&format!("{id}\n"))?;
            return Ok(());
        } else {
            show_body(&answer.body)?;
        }
        if let Some(id) = id {
            let fuel = answer.header(header::FUEL).and_then(|fuel| fuel.parse().ok());
            let fuel = fuel.map_or(String::new(), |fuel| format!("  {} fuel", text::number(fuel)));
            let status = answer.status;
            let status =
                if status.as_u16() == 200 { String::new() } else { format!("  HTTP {}", status.as_u16()) };
            let took = show_duration(took);
            terminal::done("Call", &format!("{id}{DIM}{status}{fuel}  {took}{DIM:#}"));
        }
        Ok(())
    }

    fn show_json(&self, answer: &Answer, id: Option<&EntryId>, took: Duration) -> anyhow::Result<()> {
        let problem = problem_of(answer);
        let content_type = answer.header("content-type").unwrap_or_default();
        let body = match std::str::from_utf8(&answer.body) {
            _ if problem.is_some() => serde_json::Value::Null,
            Ok(text) if content_type.starts_with("application/json") => {
                serde_json::from_str(text).unwrap_or_else(|_| json!(text))
            }
            Ok(text) => json!(text),
            Err(_) => json!({ "base64": data_encoding::BASE64.encode(&answer.body) }),
        };
        let fuel: Option<u64> = answer.header(header::FUEL).and_then(|fuel| fuel.parse().ok());
        Ok(terminal::print_json(&json!({
            "call": id,
            "http_status": answer.status.as_u16(),
            "headers": headers_json(&answer.headers),
            "fuel": fuel.or_else(|| problem.as_ref().and_then(|problem| problem.fuel)),
            "took_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "body": body,
            "problem": problem,
        }))?)
    }
}

fn read_input(source: impl std::io::Read, name: &str) -> anyhow::Result<Bytes> {
    let mut bytes = Vec::new();
    source
        .take(MAX_INPUT_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(Failure::new(format!("{name} has more than {MAX_INPUT_BYTES} bytes")).into());
    }
    Ok(bytes.into())
}

/// Saves a call's receipt; gives the path back.
pub(crate) async fn save_receipt(
    client: &Client,
    id: &EntryId,
    wait_final: bool,
    path: &std::path::Path,
) -> anyhow::Result<PathBuf> {
    let Some(file) = client.receipt(id, wait_final).await? else {
        return Err(Failure::new(format!("the call {id} has no receipt yet"))
            .hint("it may still be running: `moot show` says so")
            .into());
    };
    std::fs::write(path, &file).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_owned())
}

/// The node's own problem, as opposed to an error that the function answered.
fn problem_of(answer: &Answer) -> Option<Problem> {
    let ours = answer.header("content-type")?.starts_with("application/problem+json");
    let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
    (ours && problem.kind.starts_with("/_moot/problems#")).then_some(problem)
}

fn show_problem(problem: &Problem) {
    let title = text::line(&problem.title);
    let mut shown =
        format!("{BAD}error:{BAD:#} {title}\n  {}\n", text::block(&problem.detail).replace('\n', "\n  "));
    for frame in &problem.backtrace {
        shown.push_str(&format!("    {DIM}at{DIM:#} {}\n", text::line(frame)));
    }
    anstream::eprint!("{shown}");
}

/// A body as it is, unless a terminal would have to show it: then as text that cannot command it.
fn show_body(body: &Bytes) -> anyhow::Result<()> {
    if !terminal::stdout_is_terminal() {
        return Ok(terminal::print_bytes(body)?);
    }
    match std::str::from_utf8(body) {
        Ok("") => Ok(()),
        Ok(text) => {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            Ok(terminal::print(&format!("{}{end}", text::block(text)))?)
        }
        Err(_) => {
            terminal::hint(&format!("{} bytes that are not text; `> FILE` keeps them", body.len()));
            Ok(())
        }
    }
}

fn head(answer: &Answer) -> String {
    let mut head = format!("HTTP {}\n", answer.status);
    for (name, value) in headers(&answer.headers) {
        head.push_str(&format!("{DIM}{name}:{DIM:#} {}\n", text::line(&value)));
    }
    head.push('\n');
    head
}

/// Headers by name; a name that repeats has a list.
fn headers_json(all: &HeaderMap) -> serde_json::Value {
    let mut map = serde_json::Map::new();
    for name in all.keys() {
        let mut values: Vec<String> = all
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let value = if values.len() == 1 { json!(values.remove(0)) } else { json!(values) };
        map.insert(name.to_string(), value);
    }
    map.into()
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
