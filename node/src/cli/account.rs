//! `moot account`: who signs, and what it cost so far.

mod revoke;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BAD, BOLD, DIM};
use super::text;
use crate::api::{AccountView, CallSummary, FunctionSummary, LineView, PricesView, StatementView};
use crate::client::{Client, ClientError};
use crate::keyfile;
use crate::limits::{MAX_LISTED_CALLS, STATEMENT_SHOWN};

/// Show the account that signs, what it owns and what it cost
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Account {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Make a new key; an existing file is never overwritten
    #[arg(long)]
    new: bool,
    /// Print the public key alone (or write it to FILE)
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "new")]
    export_public: Option<Option<PathBuf>>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    key: KeyOption,
    #[command(flatten)]
    node: NodeOption,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Revoke(revoke::Revoke),
}

/// What a node knows about an account.
struct Seen {
    functions: Vec<FunctionSummary>,
    calls: Vec<CallSummary>,
    fuel: u64,
    balance: String,
    reserved: String,
    revoked: Option<u64>,
    prices: PricesView,
    statement: StatementView,
}

impl Account {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        if let Some(Verb::Revoke(verb)) = self.verb {
            return verb.run().await;
        }
        let path = self.key.path()?;
        if self.new && path.exists() {
            return Err(Failure::new(format!(
                "{} exists already, and a key is never overwritten",
                path.display()
            ))
            .hint("name another file: moot account --new --key FILE")
            .into());
        }
        if !self.new && !path.exists() {
            return Err(Failure::new(format!("there is no key at {} yet", path.display()))
                .hint("`moot account --new` makes one; so does the first `moot deploy`")
                .into());
        }
        let key = if self.new { self.key.load_or_create()? } else { keyfile::load(&path)? };
        let account = key.account();
        if let Some(file) = &self.export_public {
            return export(&account.to_string(), file.as_ref());
        }
        let client = self.node.client()?;
        let seen = match look(&client, account).await {
            Ok(seen) => Some(seen),
            // The key is the answer; a node only adds to it.
            Err(ClientError::Unreachable { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if self.json {
            return Ok(terminal::print_json(&json!({
                "account": account,
                "key": path,
                "functions": seen.as_ref().map(|seen| seen.functions.iter().map(|f| f.name.to_string()).collect::<Vec<_>>()),
                "recent_calls": seen.as_ref().map(|seen| seen.calls.len()),
                "recent_fuel": seen.as_ref().map(|seen| seen.fuel),
                "balance": seen.as_ref().map(|seen| &seen.balance),
                "reserved": seen.as_ref().map(|seen| &seen.reserved),
                "revoked": seen.as_ref().and_then(|seen| seen.revoked),
                "prices": seen.as_ref().map(|seen| &seen.prices.prices),
                "charged": seen.as_ref().map(|seen| seen.prices.charged),
                "statement": seen.as_ref().map(|seen| &seen.statement.lines),
            }))?);
        }
        let mut rows =
            vec![("account", format!("{BOLD}{account}{BOLD:#}")), ("key", path.display().to_string())];
        match &seen {
            None => rows.push(("node", format!("none answers at {}", client.address()))),
            Some(seen) => rows.extend(owned(seen)),
        }
        let lines = seen.as_ref().map_or(String::new(), |seen| lines(&seen.statement.lines));
        Ok(terminal::print(&format!("{}{lines}", text::fields(0, &rows)))?)
    }
}

fn export(account: &str, file: Option<&PathBuf>) -> anyhow::Result<()> {
    match file {
        None => Ok(terminal::print(&format!("{account}\n"))?),
        Some(path) => {
            std::fs::write(path, format!("{account}\n"))
                .with_context(|| format!("cannot write {}", path.display()))?;
            terminal::done("Saved", &format!("the public key in {}", path.display()));
            Ok(())
        }
    }
}

async fn look(client: &Client, account: moot_record::AccountId) -> Result<Seen, ClientError> {
    let functions: Vec<FunctionSummary> = client
        .functions()
        .await?
        .functions
        .into_iter()
        .filter(|function| function.owner == account)
        .collect();
    let mut calls = client.calls(MAX_LISTED_CALLS).await?.calls;
    calls.retain(|call| functions.iter().any(|function| function.name == call.function));
    let fuel = calls.iter().filter_map(|call| call.fuel).sum();
    let found = client.account(&account).await?;
    let (prices, statement) = (client.prices().await?, client.statement(&account, STATEMENT_SHOWN).await?);
    let AccountView { balance, reserved, revoked, .. } = found;
    Ok(Seen { functions, calls, fuel, balance, reserved, revoked, prices, statement })
}

fn owned(seen: &Seen) -> Vec<(&'static str, String)> {
    let names: Vec<String> = seen.functions.iter().map(|function| function.name.to_string()).collect();
    let functions = if names.is_empty() { "none deployed here".to_owned() } else { names.join(", ") };
    let calls = format!("{} lately, {} fuel", text::count(seen.calls.len(), "call"), text::number(seen.fuel));
    let reserved = match seen.reserved.as_str() {
        "" | "0" => String::new(),
        reserved => format!(" {DIM}{} of it reserved for calls under way{DIM:#}", units(reserved)),
    };
    let balance = format!("{}{reserved}", units(&seen.balance));
    let free =
        if seen.prices.charged { "" } else { " nothing is charged here; every receipt states its fee" };
    let prices = format!("{}{DIM}{free}{DIM:#}", text::prices(&seen.prices.prices));
    let mut rows = vec![("balance", balance), ("prices", prices), ("functions", functions), ("use", calls)];
    rows.extend(seen.revoked.map(revoked));
    rows
}

/// That a key was revoked, as a row.
pub(super) fn revoked(height: u64) -> (&'static str, String) {
    ("revoked", format!("{BAD}at block {height}: nothing that its key signs counts any more{BAD:#}"))
}

/// Units as a node writes them.
fn units(text: &str) -> String {
    text.parse().map_or_else(|_| text::line(text), text::number)
}

/// The last lines of a statement.
fn lines(lines: &[LineView]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .take(STATEMENT_SHOWN)
        .map(|line| {
            let sign = if line.paid { "-" } else { "+" };
            let unpaid =
                line.unpaid.as_deref().map_or(String::new(), |unpaid| format!("{} unpaid", units(unpaid)));
            vec![
                line.height.to_string(),
                format!("{sign}{}", units(&line.units)),
                text::line(&line.kind),
                line.function.as_ref().map_or(String::new(), ToString::to_string),
                if line.calls > 0 { text::number(line.calls) } else { String::new() },
                unpaid,
            ]
        })
        .collect();
    format!("\n{}", text::table(&["BLOCK", "UNITS", "FOR", "FUNCTION", "CALLS", ""], &rows))
}
