//! `moot show`: everything about one function, call or block.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use moot_record::{Access, EntryId, FunctionName, Payer, PayloadMode, Spec};

use super::account::revoked;
use super::deploy::unknown_function;
use super::failure::Failure;
use super::invoke::{save_receipt, signature};
use super::options::{KeyOption, NodeOption};
use super::terminal::{self, BAD, BOLD, DIM, GOOD};
use super::text;
use super::transfer::read_account;
use crate::api::{AccountView, BlockView, CallView, FunctionView, PayloadView, ReceiptView};
use crate::client::Client;
use crate::manifest::units::{show_duration, show_size};

/// Show a function, a call, a block or an account
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  moot show hello                        a function: versions, grants, limits, exports\n  \
                        moot show 0-42-0-1-3                   a call and its receipt\n  \
                        moot show 0-42-0-1-3 --proof r.json    its receipt, with certificate, in a file\n  \
                        moot show 0-42-0-1-3 --output          what it answered\n  \
                        moot show 17                           block 17\n  \
                        moot show account ID --proof a.json    what an account has, with its proof in a file\n  \
                        moot show rule '/chat/$room' --proof r.json    the same of a rule, an owner (of a path), a function\n  \
                        moot show network prices --proof p.json   what everything costs here"
)]
pub(crate) struct Show {
    /// The name of a function, the id of a call, the height of a block; or `account`, `owner`, `rule`, `trigger`, `function`, `hold`, `stake`, `worker`, `conviction` or `network`
    what: String,
    /// Which account, path, pattern or name; of the network `prices` or `pot`
    which: Option<String>,
    /// Save a call's receipt, once it is final, with the proof that it was ordered; or the proof of what the state holds
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// Print what went into a call, as it was recorded
    #[arg(long, conflicts_with_all = ["output", "proof", "json"])]
    input: bool,
    /// Print what came out of a call, as it was recorded
    #[arg(long, conflicts_with_all = ["proof", "json"])]
    output: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeOption,
    #[command(flatten)]
    key: KeyOption,
}

impl Show {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let client = self.node.client_with(&self.key)?;
        match &self.which {
            Some(key) if STATE_KINDS.contains(&self.what.as_str()) => return self.state(&client, key).await,
            Some(_) => {
                let failure = Failure::usage(format!("{:?} is shown alone", self.what));
                return Err(failure.hint("`moot show account ID` shows an account").into());
            }
            None => {}
        }
        if let Ok(id) = self.what.parse::<EntryId>() {
            return self.call(&client, id).await;
        }
        if self.proof.is_some() || self.input || self.output {
            let failure = Failure::usage(format!("{:?} is not the id of a call", self.what));
            return Err(failure.hint("an id looks like 0-42-0-1-3; `moot ls --calls` lists them").into());
        }
        if let Ok(height) = self.what.parse::<u64>() {
            let Some(block) = client.block(height).await? else {
                let status = client.status().await?;
                let failure = Failure::new(format!("there is no block {height}"));
                return Err(failure.hint(format!("the newest is {}", status.height)).into());
            };
            return self.answer(&block, block_shown);
        }
        let name = FunctionName::parse(&self.what).map_err(|error| {
            Failure::usage(format!("{:?} is no call, block or function: {error}", self.what))
                .hint("a call looks like 0-42-0-1-3, a block like 17, a function like hello")
        })?;
        match client.function(&name).await? {
            Some(function) => self.answer(&function, function_shown),
            None => Err(unknown_function(&client, &name).await),
        }
    }

    fn answer<T: serde::Serialize>(&self, value: &T, shown: fn(&T) -> String) -> anyhow::Result<()> {
        if self.json { Ok(terminal::print_json(value)?) } else { Ok(terminal::print(&shown(value))?) }
    }

    /// What the state holds of something.
    async fn state(&self, client: &Client, key: &str) -> anyhow::Result<()> {
        if self.what == "account" {
            let found = client.account(&read_account(key)?).await?;
            self.answer(&found, account_shown)?;
            if self.proof.is_none() {
                return Ok(());
            }
        }
        let file = client.state_proof(&self.what, key).await?;
        let Some(path) = &self.proof else { return Ok(terminal::print_bytes(&file)?) };
        std::fs::write(path, &file).with_context(|| format!("cannot write {}", path.display()))?;
        let path = path.display();
        terminal::done(
            "Saved",
            &format!("what the state holds, with its proof, in {path}: moot verify {path}"),
        );
        Ok(())
    }

    async fn call(&self, client: &Client, id: EntryId) -> anyhow::Result<()> {
        for (wanted, which) in [(self.input, "input"), (self.output, "output")] {
            if wanted {
                let bytes = client.payload(&id, which).await?;
                let bytes = bytes.ok_or_else(|| Failure::new(format!("the {which} of {id} is not there")))?;
                return Ok(terminal::print_bytes(&bytes)?);
            }
        }
        let Some(call) = client.call(&id).await? else {
            return Err(Failure::new(format!("{} has no call {id}", client.address()))
                .hint("`moot ls --calls` lists the newest")
                .into());
        };
        if self.json {
            terminal::print_json(&call)?;
        } else {
            let charged = client.prices().await?.charged;
            terminal::print(&call_shown(&call, charged))?;
        }
        if let Some(path) = &self.proof {
            save_receipt(client, &id, true, path).await?;
            let path = path.display();
            terminal::done("Saved", &format!("the receipt with its proof in {path}: moot verify {path}"));
        }
        Ok(())
    }
}

/// What of the state can be proven by name.
const STATE_KINDS: [&str; 10] =
    ["account", "function", "owner", "rule", "trigger", "hold", "stake", "worker", "conviction", "network"];

fn account_shown(found: &AccountView) -> String {
    let balance = found.balance.parse().map_or_else(|_| text::line(&found.balance), text::number);
    let height = found.height;
    let mut rows = vec![
        ("account", format!("{BOLD}{}{BOLD:#}", found.account)),
        ("balance", format!("{balance} {DIM}after block {height}{DIM:#}")),
    ];
    rows.extend(found.revoked.map(revoked));
    text::fields(0, &rows)
}

fn call_shown(call: &CallView, charged: bool) -> String {
    let mut rows = vec![
        ("call", format!("{BOLD}{}{BOLD:#}", call.id)),
        ("function", format!("{} {DIM}component {}{DIM:#}", call.function, text::short(call.component))),
    ];
    let export = call.export.as_ref().map_or(String::new(), |export| format!(" {}", text::line(export)));
    rows.push(("kind", format!("{}{export}", text::line(&call.kind))));
    if let Some(caller) = &call.caller {
        rows.push(("caller", caller.to_string()));
    }
    if let Some(parent) = &call.parent {
        rows.push(("made by", parent.to_string()));
    }
    rows.push(("input", payload(&call.input)));
    rows.push(("recorded", format!("{} {DIM}{}{DIM:#}", text::time(call.time_us), text::ago(call.time_us))));
    rows.push((
        "ordered",
        call.height.map_or_else(|| "not yet".to_owned(), |height| format!("in block {height}")),
    ));
    match &call.receipt {
        None => rows.push(("status", "it has no receipt: it is running, or was only recorded".to_owned())),
        Some(receipt) => rows.extend(receipt_rows(receipt, call.fuel_limit, charged)),
    }
    for (index, other) in call.others.iter().enumerate() {
        let says = match other.agrees {
            Some(true) => format!("{GOOD}says the same{GOOD:#}"),
            Some(false) => format!("{BAD}says otherwise: {}{BAD:#}", text::line(&other.status)),
            None => text::line(&other.status),
        };
        let name = if index == 0 { "also run by" } else { "" };
        rows.push((name, format!("{} {says} {DIM}receipt {}{DIM:#}", text::short(other.worker), other.id)));
    }
    if let Some(why) = &call.disputed {
        rows.push(("disputed", format!("{BAD}{}{BAD:#}", text::line(why))));
    }
    text::fields(0, &rows)
}

fn receipt_rows(receipt: &ReceiptView, fuel_limit: u64, charged: bool) -> Vec<(&'static str, String)> {
    let style = if receipt.status == "ok" { GOOD } else { BAD };
    let took = show_duration(Duration::from_micros(receipt.duration_us));
    let mut rows = vec![
        ("run by", receipt.worker.to_string()),
        ("status", format!("{style}{}{style:#} {DIM}in {took}{DIM:#}", text::line(&receipt.status))),
        ("output", payload(&receipt.output)),
    ];
    let fuel = match receipt.metered {
        true => format!("{} {DIM}of {}{DIM:#}", text::number(receipt.fuel), text::number(fuel_limit)),
        false => "not measured: it ran in no sandbox with a meter, or was interrupted or not run".to_owned(),
    };
    rows.push(("fuel", fuel));
    let fee = &receipt.fee;
    let total = text::number(fee.ordering.saturating_add(fee.execution));
    let (ordering, execution) = (text::number(fee.ordering), text::number(fee.execution));
    let free = if charged { "" } else { "; nothing is charged here" };
    rows.push(("fee", format!("{total} {DIM}ordering {ordering}, execution {execution}{free}{DIM:#}")));
    for (index, touch) in receipt.touched.iter().enumerate() {
        let times = if touch.count == 1 { String::new() } else { format!(" x{}", touch.count) };
        let name = if index == 0 { "touched" } else { "" };
        rows.push((name, format!("{} {}{times}", text::line(&touch.kind), text::line(&touch.target))));
    }
    if receipt.touched.is_empty() {
        let seen = if receipt.metered { "nothing outside" } else { "not seen" };
        rows.push(("touched", seen.to_owned()));
    }
    rows.push(("receipt", receipt.id.to_string()));
    rows
}

fn payload(payload: &PayloadView) -> String {
    format!("{} {DIM}{}{DIM:#}", show_size(payload.bytes), text::short(payload.digest))
}

fn block_shown(block: &BlockView) -> String {
    let mut rows = vec![
        ("block", format!("{BOLD}{}{BOLD:#}", block.height)),
        ("digest", block.digest.to_string()),
        ("parent", block.parent.to_string()),
        ("time", text::time(block.time_ms.saturating_mul(1000))),
        ("state", block.state.to_string()),
    ];
    if block.batches.is_empty() {
        rows.push(("batches", "none: a heartbeat".to_owned()));
    }
    for (index, batch) in block.batches.iter().enumerate() {
        rows.push((if index == 0 { "batches" } else { "" }, batch.to_string()));
    }
    text::fields(0, &rows)
}

fn function_shown(function: &FunctionView) -> String {
    let summary = &function.summary;
    let state =
        if summary.retired { format!("{BAD}retired{BAD:#}") } else { format!("v{}", summary.version) };
    let state =
        if summary.frozen { format!("{state} frozen: nobody can ever change or retire it") } else { state };
    let mut rows = vec![
        ("function", format!("{BOLD}{}{BOLD:#} {state}", summary.name)),
        ("kind", text::line(&summary.kind)),
        ("route", text::line(&summary.route)),
        ("owner", summary.owner.to_string()),
        ("component", summary.component.to_string()),
    ];
    let active = function.versions.iter().find(|version| version.number == summary.version);
    if let Some(active) = active {
        rows.extend(spec_rows(&active.spec, summary.frozen));
    }
    for (index, export) in function.exports.iter().enumerate() {
        rows.push((if index == 0 { "exports" } else { "" }, signature(export)));
    }
    let mut shown = text::fields(0, &rows);
    let versions: Vec<Vec<String>> = function
        .versions
        .iter()
        .rev()
        .map(|version| {
            let active = version.number == summary.version;
            vec![
                format!("v{}{}", version.number, if active { " *" } else { "" }),
                text::short(version.component),
                show_size(version.component_bytes),
                format!("block {}", version.height),
                version.deployed.to_string(),
            ]
        })
        .collect();
    shown.push('\n');
    shown.push_str(&text::table(&["VERSION", "COMPONENT", "SIZE", "SINCE", "DEPLOYED BY"], &versions));
    shown
}

fn spec_rows(spec: &Spec, frozen: bool) -> Vec<(&'static str, String)> {
    let mut rows =
        vec![("access", access(spec)), ("promises", promises(spec, frozen)), ("grants", grants(spec))];
    let kept = match spec.payloads {
        PayloadMode::Keep { retention_s } => {
            format!("kept for {}", show_duration(Duration::from_secs(retention_s)))
        }
        PayloadMode::Inline => {
            "in the entry, as long as its block is kept; above 4 KiB by digest alone".to_owned()
        }
        PayloadMode::Digest => "by digest alone".to_owned(),
    };
    rows.push(("payloads", kept));
    if spec.replicas_k > 1 {
        rows.push(("runs on", format!("{} workers; what most of them say is the answer", spec.replicas_k)));
    }
    let limits = &spec.limits;
    rows.push((
        "limits",
        format!(
            "{} fuel, {}, memory {}, request {}, response {}, log {}",
            text::number(limits.fuel),
            show_duration(Duration::from_millis(limits.deadline_ms)),
            show_size(limits.memory_bytes),
            show_size(limits.request_bytes),
            show_size(limits.response_bytes),
            show_size(limits.log_bytes)
        ),
    ));
    rows
}

fn access(spec: &Spec) -> String {
    let who = match &spec.access {
        Access::Anyone => "anyone".to_owned(),
        Access::Accounts(accounts) => accounts.iter().map(text::short).collect::<Vec<_>>().join(", "),
        Access::Rule(rule) => format!("whom the rule {} allows", text::line(rule)),
    };
    let payer = match spec.payer {
        Payer::Owner => "the owner",
        Payer::Caller => "the caller",
    };
    format!("{who}; {payer} pays")
}

fn promises(spec: &Spec, frozen: bool) -> String {
    let upgradable = spec.lifecycle.upgradable && !frozen;
    let destructible = spec.lifecycle.destructible && !frozen;
    let words = [
        (spec.deterministic, "deterministic"),
        (spec.idempotent, "idempotent"),
        (upgradable, "upgradable"),
        (!upgradable, "never changes"),
        (destructible, "destructible"),
        (!destructible, "cannot be retired"),
    ];
    words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
}

fn grants(spec: &Spec) -> String {
    let grants = &spec.grants;
    let mut words = Vec::new();
    match &grants.http {
        Some(hosts) if !hosts.is_empty() => words.extend(hosts.iter().map(|host| text::line(host))),
        _ => {}
    }
    let named = [
        ("env", grants.env.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()),
        ("secrets", grants.secrets.iter().map(String::as_str).collect()),
        ("keyvalue", grants.key_value.iter().map(String::as_str).collect()),
        ("dirs", grants.dirs.iter().map(|dir| dir.name.as_str()).collect()),
    ];
    for (what, names) in named {
        if !names.is_empty() {
            words.push(format!("{what} {}", text::line(&names.join(" "))));
        }
    }
    for (granted, what) in [(grants.clock, "clock"), (grants.random, "random"), (grants.ledger, "ledger")] {
        if granted {
            words.push(what.to_owned());
        }
    }
    if words.is_empty() { "nothing outside".to_owned() } else { words.join(", ") }
}
