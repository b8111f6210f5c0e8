//! What a proof of the state shows, for people.

use std::path::Path;

use moot_ledger::FunctionRecord;
use moot_record::{
    Account, Conviction, Genesis, Hold, PathOwner, PathRule, Pot, PriceList, ProvenState, SetTrigger, Stake,
    StateKey, TriggerOn, WorkerRecord,
};
use serde_json::{Value, json};

use crate::cli::terminal::{BAD, BOLD, DIM, GOOD};
use crate::cli::text;

/// The value, as far as it has a readable form.
pub(super) fn readable(proven: &ProvenState) -> Value {
    let Some(value) = proven.value.as_deref() else { return Value::Null };
    let read = match &proven.key {
        StateKey::Account(_) => Account::decode(value).map(|found| json!(found)),
        StateKey::Owner(_) => PathOwner::decode(value).map(|found| json!(found)),
        StateKey::Rule(_) => PathRule::decode(value).map(|found| json!(found)),
        StateKey::Hold(_) => Hold::decode(value).map(|found| json!(found)),
        StateKey::Stake(_) => Stake::decode(value).map(|found| json!(found)),
        StateKey::Conviction(_) => Conviction::decode(value).map(|found| json!(found)),
        StateKey::Prices => PriceList::decode(value).map(|found| json!(found)),
        StateKey::Pot => Pot::decode(value).map(|found| json!(found)),
        StateKey::Trigger(_) => SetTrigger::decode(value).map(|found| json!(found)),
        StateKey::Worker(_) => WorkerRecord::decode(value).map(|found| json!(found)),
        _ => Ok(json!(data_encoding::BASE64URL_NOPAD.encode(value))),
    };
    read.unwrap_or(Value::Null)
}

/// What it is about, and what it says.
fn said(proven: &ProvenState) -> (String, (&'static str, String)) {
    let value = proven.value.as_deref();
    match &proven.key {
        StateKey::Account(account) => {
            let found = value.and_then(|value| Account::decode(value).ok()).unwrap_or_default();
            let revoked = found.revoked.map_or(String::new(), |height| {
                format!(" {BAD}its key was revoked at block {height}{BAD:#}")
            });
            let balance = format!("{}{revoked}", text::number(found.balance));
            (format!("balance of {BOLD}{account}{BOLD:#}"), ("balance", balance))
        }
        StateKey::Owner(path) => {
            let owner = match value.and_then(|value| PathOwner::decode(value).ok()) {
                Some(PathOwner { owner: Some(owner) }) => owner.to_string(),
                Some(PathOwner { owner: None }) => "nobody, for ever".to_owned(),
                None => "none of its own".to_owned(),
            };
            (format!("owner of {BOLD}{}{BOLD:#}", text::line(path)), ("owner", owner))
        }
        StateKey::Rule(place) => {
            let rule = value.and_then(|value| PathRule::decode(value).ok());
            let shown = |rule: PathRule| {
                format!("{} {DIM}{}{DIM:#}", text::line(&rule.rule), text::line(&rule.pattern))
            };
            let rule = rule.map_or_else(|| "none".to_owned(), shown);
            (format!("rule at {BOLD}{}{BOLD:#}", text::line(place)), ("rule", rule))
        }
        StateKey::Function(name) => {
            let record = value.map(FunctionRecord::decode);
            let found = match (value, record) {
                (None, _) => "never deployed".to_owned(),
                (_, Some(Ok(record))) => function(&record),
                (Some(value), _) => text::count(value.len(), "byte"),
            };
            (format!("record of function {BOLD}{name}{BOLD:#}"), ("record", found))
        }
        StateKey::Hold(id) => {
            let hold = value.and_then(|value| Hold::decode(value).ok());
            let shown = |hold: Hold| {
                let amount = text::number(hold.amount);
                format!("{amount} {DIM}of {} for {} until height {}{DIM:#}", hold.from, hold.to, hold.until)
            };
            let hold = hold.map_or_else(|| "nothing".to_owned(), shown);
            (format!("what is held under {BOLD}{id}{BOLD:#}"), ("held", hold))
        }
        StateKey::Stake(account) => {
            let found = value.and_then(|value| Stake::decode(value).ok()).unwrap_or_default();
            let waiting = text::number(found.bound() - found.staked);
            let staked = format!("{} {DIM}and {waiting} on the way out{DIM:#}", text::number(found.staked));
            (format!("stake of {BOLD}{account}{BOLD:#}"), ("staked", staked))
        }
        StateKey::Conviction(replica) => {
            let found = value.and_then(|value| Conviction::decode(value).ok());
            let shown = |found: Conviction| {
                let what = found
                    .voted
                    .map_or_else(|| "sealed twice".to_owned(), |what| format!("voted twice ({what})"));
                format!("{what}, {} burned", text::number(found.burned))
            };
            let found = found.map_or_else(|| "none".to_owned(), shown);
            (format!("conviction of {BOLD}{replica}{BOLD:#}"), ("conviction", found))
        }
        StateKey::Prices => {
            let list = value.and_then(|value| PriceList::decode(value).ok());
            let shown =
                list.map_or_else(|| "nothing is charged".to_owned(), |list| text::prices(&list.prices));
            ("prices".to_owned(), ("prices", shown))
        }
        StateKey::Pot => {
            let pot = value.and_then(|value| Pot::decode(value).ok()).unwrap_or_default();
            ("what was paid and not paid out".to_owned(), ("pot", text::number(pot.units)))
        }
        StateKey::Trigger(name) => {
            let found = value.and_then(|value| SetTrigger::decode(value).ok());
            let shown = |found: SetTrigger| {
                let on = match &found.trigger.on {
                    TriggerOn::Value(pattern) => format!("on values at {}", text::line(pattern)),
                    TriggerOn::Schedule(cron) => format!("at {}", text::line(cron)),
                    TriggerOn::Completion(function) => format!("after calls of {function}"),
                };
                format!("{} {on} {DIM}by {}{DIM:#}", found.trigger.function, text::short(found.owner))
            };
            let found = found.map_or_else(|| "none".to_owned(), shown);
            (format!("trigger {BOLD}{name}{BOLD:#}"), ("runs", found))
        }
        StateKey::Worker(account) => {
            let found = value.and_then(|value| WorkerRecord::decode(value).ok()).unwrap_or_default();
            let takes = if found.offer.is_some() { "takes calls" } else { "takes no calls" };
            let faults = match found.last.last() {
                None => "no receipt of its differed from what most said".to_owned(),
                Some(fault) => format!(
                    "{}, {} burned; the last: receipt {} of call {}, and {} is what most said",
                    text::count(usize::try_from(found.faults).unwrap_or(usize::MAX), "fault"),
                    text::number(found.burned),
                    fault.receipt,
                    fault.call,
                    fault.agreed
                ),
            };
            (format!("worker {BOLD}{account}{BOLD:#}"), ("worker", format!("{takes} {DIM}{faults}{DIM:#}")))
        }
        StateKey::History
        | StateKey::Seats
        | StateKey::Derived(..)
        | StateKey::Watched(_)
        | StateKey::Compared(_) => {
            let bytes = value.map_or_else(|| "none".to_owned(), |value| text::count(value.len(), "byte"));
            ("state".to_owned(), ("value", bytes))
        }
    }
}

/// A function's record in a line: what runs, and whether that can change.
fn function(record: &FunctionRecord) -> String {
    let Some(active) = record.active() else { return "retired".to_owned() };
    let change = match (record.frozen, active.spec.lifecycle.upgradable) {
        (true, _) => ", frozen: nobody can ever change or retire it",
        (false, false) => ", which nobody can upgrade",
        (false, true) => "",
    };
    format!("v{} {DIM}component{DIM:#} {}{change}", active.number, active.component)
}

pub(super) fn summary(proven: &ProvenState, genesis: &Genesis, genesis_path: &Path) -> String {
    let (what, value) = said(proven);
    let time = text::time(proven.time_ms.saturating_mul(1000));
    let replicas = text::count(genesis.validators.len(), "replica");
    let block = format!(
        "in block {} at {time} {DIM}by a quorum of the committee that began with {replicas}{DIM:#}",
        proven.height
    );
    let rows = text::fields(4, &[value, ("signed for", block)]);
    let mut shown = format!("{GOOD}VALID{GOOD:#}  {what}\n\n  proven\n{rows}\n  not proven\n");
    for line in [
        format!("that it still is so: block {} carries the root of a state shortly before it", proven.height),
        format!(
            "that {} is the network you mean: its digest is\n      {}",
            genesis_path.display(),
            genesis.network()
        ),
    ] {
        shown.push_str(&format!("    {DIM}-{DIM:#} {line}\n"));
    }
    shown
}
