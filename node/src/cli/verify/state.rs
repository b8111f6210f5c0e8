//! What a proof of the state shows, for people.

use std::path::Path;

use moot_record::{Account, Genesis, ProvenState, StateKey};
use serde_json::{Value, json};

use crate::cli::terminal::{BOLD, DIM, GOOD};
use crate::cli::text;

/// The value, as far as it has a readable form.
pub(super) fn readable(proven: &ProvenState) -> Value {
    match (&proven.key, &proven.value) {
        (StateKey::Account(_), Some(value)) => {
            Account::decode(value).map_or(Value::Null, |found| json!(found))
        }
        (_, Some(value)) => json!(data_encoding::BASE64URL_NOPAD.encode(value)),
        (_, None) => Value::Null,
    }
}

pub(super) fn summary(proven: &ProvenState, genesis: &Genesis, genesis_path: &Path) -> String {
    let (what, value) = match &proven.key {
        StateKey::Account(account) => {
            let found = proven.value.as_deref().and_then(|value| Account::decode(value).ok());
            let balance = found.unwrap_or_default().balance;
            (format!("balance of {BOLD}{account}{BOLD:#}"), ("balance", text::number(balance)))
        }
        key => {
            let bytes =
                proven.value.as_ref().map_or("none".to_owned(), |value| text::count(value.len(), "byte"));
            (format!("state under {key:?}"), ("value", bytes))
        }
    };
    let time = text::time(proven.time_ms.saturating_mul(1000));
    let replicas = text::count(genesis.validators.len(), "replica");
    let block = format!(
        "in block {} at {time} {DIM}by a quorum of the committee that began with {replicas}{DIM:#}",
        proven.height
    );
    let rows = text::fields(4, &[value, ("signed for", block)]);
    let mut shown = format!("{GOOD}VALID{GOOD:#}  {what}\n\n  proven\n{rows}\n  not proven\n");
    for line in [
        format!(
            "that it still is so: a block carries the root of the state shortly before it, here {}",
            proven.height
        ),
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
