//! `moot values`: write a message to a path, read it, follow what comes.

use std::path::PathBuf;

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand};
use http::{Method, StatusCode};
use moot_record::{Pattern, check_path};

use super::failure::Failure;
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BOLD, DIM};
use super::text;
use crate::api::{ValueView, ValueWritten, ValuesView, header};
use crate::client::{Client, Event};
use crate::limits::MAX_VALUE_BYTES;

/// Write a message to a path, read the newest one, follow what comes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  moot values put /chat/lobby/1 --data hello\n  \
                        moot values put /chat/lobby/2 --file photo.png\n  \
                        moot values get /chat/lobby/1\n  \
                        moot values ls /chat/lobby\n  \
                        moot values follow '/chat/$room/$message'\n\n\
                        A value is a message, not state: the rules say who may write it (`moot rules`), its digest stays on\n\
                        the ledger, and it is delivered for a week. One of up to 4 KiB stays there whole.")]
pub(crate) struct Values {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a value, in the name of your account
    Put {
        /// Where
        path: String,
        /// The value
        #[arg(
            long,
            short,
            value_name = "TEXT",
            allow_hyphen_values = true,
            required_unless_present = "file"
        )]
        data: Option<String>,
        /// A file with the value
        #[arg(long, value_name = "FILE", conflicts_with = "data")]
        file: Option<PathBuf>,
        /// Write in nobody's name
        #[arg(long)]
        unsigned: bool,
        /// Do not wait for the block that judges it
        #[arg(long)]
        no_wait: bool,
        /// Makes it safe to write again: the same key writes once, at this replica and for a day; retry at the one that
        /// was asked first
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        #[command(flatten)]
        with: With,
    },
    /// Print the newest value of a path
    Get {
        /// The path
        path: String,
        #[command(flatten)]
        with: With,
    },
    /// List the newest values of the paths below one
    Ls {
        /// The path
        path: String,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// What comes after this path
        #[arg(long, value_name = "PATH")]
        after: Option<String>,
        #[command(flatten)]
        with: With,
    },
    /// Print values as they are written, until interrupted
    Follow {
        /// A path, or a pattern: '/chat/$room/$message'
        pattern: String,
        /// Begin after the value at this address instead of now, or after a block: block-17
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        #[command(flatten)]
        with: With,
    },
}

#[derive(Debug, Args)]
struct With {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

impl Values {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self.verb {
            Verb::Put { path, data, file, unsigned, no_wait, idempotency_key, with } => {
                let body = match (data, file) {
                    (Some(data), _) => Bytes::from(data),
                    (None, Some(file)) => read(&file)?,
                    (None, None) => Bytes::new(),
                };
                let mut ask = Client::ask(Method::PUT, target(&path)?);
                ask.body = body;
                if no_wait {
                    ask = ask.header(header::PREFER, "respond-async")?;
                }
                if let Some(key) = &idempotency_key {
                    ask = ask.header(header::IDEMPOTENCY_KEY, key)?;
                }
                let mut client = with.node.client()?;
                if !unsigned {
                    // Made first if need be: a value says who wrote it, unless one does not want that.
                    with.key.load_or_create()?;
                    client = with.node.client_with(&with.key)?;
                    ask = client.sign(ask)?;
                }
                let answer = client.expect(&ask).await?;
                let written: ValueWritten = serde_json::from_slice(&answer.body)?;
                if with.json {
                    return Ok(terminal::print_json(&written)?);
                }
                match written.height {
                    Some(_) => terminal::done("Wrote", &text::line(&written.path)),
                    None => {
                        terminal::done("Recorded", &format!("{}; not judged yet", text::line(&written.path)))
                    }
                }
                Ok(terminal::print(&format!("{}\n", written.id))?)
            }
            Verb::Get { path, with } => get(&with, &path).await,
            Verb::Ls { path, limit, after, with } => {
                let mut query = format!("{}?below&limit={limit}", target(&path)?);
                if let Some(after) = &after {
                    check_path(after).map_err(|error| Failure::usage(error.why))?;
                    query += &format!("&after={after}");
                }
                let answer = with.node.client()?.expect(&Client::ask(Method::GET, query)).await?;
                let found: ValuesView = serde_json::from_slice(&answer.body)?;
                if with.json {
                    return Ok(terminal::print_json(&found)?);
                }
                let rows: Vec<Vec<String>> = found.values.iter().map(row).collect();
                terminal::print(&text::table(&["PATH", "ADDRESS", "BYTES", "BY", "VALUE"], &rows))?;
                if let Some(next) = &found.next {
                    terminal::hint(&format!("there may be more: --after {}", text::line(next)));
                }
                Ok(())
            }
            Verb::Follow { pattern, from, with } => follow(&with, &pattern, from.as_deref()).await,
        }
    }
}

/// The path of the API.
fn target(path: &str) -> anyhow::Result<String> {
    check_path(path).map_err(|error| Failure::usage(error.why).hint("write it like /chat/lobby/1"))?;
    Ok(format!("/_moot/values{path}"))
}

fn read(file: &std::path::Path) -> anyhow::Result<Bytes> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() > MAX_VALUE_BYTES {
        let what =
            format!("{} has {} bytes; a value has at most {MAX_VALUE_BYTES}", file.display(), bytes.len());
        return Err(Failure::new(what).into());
    }
    Ok(bytes.into())
}

async fn get(with: &With, path: &str) -> anyhow::Result<()> {
    let answer = with.node.client()?.send(&Client::ask(Method::GET, target(path)?)).await?;
    if answer.status != StatusCode::OK {
        let problem: crate::api::Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
        return Err(Failure::new(problem.detail).into());
    }
    if with.json {
        let said = |name: &str| answer.header(name).map(str::to_owned);
        let text = std::str::from_utf8(&answer.body).ok();
        return Ok(terminal::print_json(&serde_json::json!({
            "path": path,
            "id": said(header::VALUE),
            "height": said(header::HEIGHT).and_then(|height| height.parse::<u64>().ok()),
            "account": said(header::ACCOUNT),
            "function": said(header::FUNCTION),
            "bytes": answer.body.len(),
            "text": text,
            "base64": text.is_none().then(|| data_encoding::BASE64URL_NOPAD.encode(&answer.body)),
        }))?);
    }
    Ok(terminal::print_bytes(&answer.body)?)
}

async fn follow(with: &With, pattern: &str, from: Option<&str>) -> anyhow::Result<()> {
    Pattern::parse(pattern)
        .map_err(|error| Failure::usage(error.why).hint("write it like '/chat/$room', in single quotes"))?;
    let mut query = format!("/_moot/values{pattern}?follow");
    if let Some(from) = from {
        query += &format!("&from={from}");
    }
    let mut events = with.node.client()?.events(&query).await?;
    while let Some(event) = events.next().await {
        show(&event?, with.json)?;
    }
    Err(Failure::new("the node ended the stream; follow again, with --from and the last address").into())
}

fn show(event: &Event, json: bool) -> anyhow::Result<()> {
    // Where the reader stands; here nobody goes on by it.
    if event.name == "at" {
        return Ok(());
    }
    let Ok(value) = serde_json::from_str::<ValueView>(&event.data) else {
        terminal::warn(&format!("{}: {}", text::line(&event.name), text::line(&event.data)));
        return Ok(());
    };
    if json {
        return Ok(terminal::print_json_line(&value)?);
    }
    let (time, path) = (text::time(value.time_ms.saturating_mul(1000)), text::line(&value.path));
    Ok(terminal::print(&format!(
        "{DIM}{time} {}{DIM:#} {BOLD}{path}{BOLD:#} {DIM}{}{DIM:#} {}\n",
        value.id,
        writer(&value),
        content(&value)
    ))?)
}

fn row(value: &ValueView) -> Vec<String> {
    vec![
        text::line(&value.path),
        value.id.to_string(),
        text::number(value.bytes),
        writer(value),
        content(value),
    ]
}

fn writer(value: &ValueView) -> String {
    match (&value.function, &value.account) {
        (Some(function), _) => function.to_string(),
        (None, Some(account)) => text::short(account),
        (None, None) => "nobody".to_owned(),
    }
}

/// The value as far as it came along, in one line.
fn content(value: &ValueView) -> String {
    match (&value.text, &value.base64) {
        (Some(said), _) => text::line(said).chars().take(200).collect(),
        (None, Some(_)) => format!("{DIM}{} bytes that are no text{DIM:#}", value.bytes),
        (None, None) => format!("{DIM}{} bytes: `moot values get`{DIM:#}", value.bytes),
    }
}
