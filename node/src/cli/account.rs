//! `moot account`: who signs, and what it cost so far.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BOLD, DIM};
use super::text;
use crate::api::{CallSummary, FunctionSummary};
use crate::client::{Client, ClientError};
use crate::keyfile;
use crate::limits::MAX_LISTED_CALLS;

/// Show the account that signs, what it owns and what it cost
#[derive(Debug, Args)]
pub(crate) struct Account {
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

/// What a node knows about an account.
struct Seen {
    functions: Vec<FunctionSummary>,
    calls: Vec<CallSummary>,
    fuel: u64,
    balance: String,
}

impl Account {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
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
            }))?);
        }
        let mut rows =
            vec![("account", format!("{BOLD}{account}{BOLD:#}")), ("key", path.display().to_string())];
        match &seen {
            None => rows.push(("node", format!("none answers at {}", client.address()))),
            Some(seen) => rows.extend(owned(seen)),
        }
        Ok(terminal::print(&text::fields(0, &rows))?)
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
    let balance = client.account(&account).await?.balance;
    Ok(Seen { functions, calls, fuel, balance })
}

fn owned(seen: &Seen) -> Vec<(&'static str, String)> {
    let names: Vec<String> = seen.functions.iter().map(|function| function.name.to_string()).collect();
    let functions = if names.is_empty() { "none deployed here".to_owned() } else { names.join(", ") };
    let calls = format!("{} lately, {} fuel", text::count(seen.calls.len(), "call"), text::number(seen.fuel));
    let balance = match seen.balance.parse() {
        Ok(units) => text::number(units),
        Err(_) => text::line(&seen.balance),
    };
    let balance = format!("{balance} {DIM}nothing is charged yet; every receipt states its fee{DIM:#}");
    vec![("balance", balance), ("functions", functions), ("use", calls)]
}
