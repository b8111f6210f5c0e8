//! Accounts: who has what.

use super::Answered;
use crate::api::AccountView;
use crate::gateway::answer::{bytes_of, json};
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use crate::limits::{STATE_PROOF_PATIENCE, STATE_PROOF_STEP};
use http::{HeaderValue, StatusCode};
use moot_record::{AccountId, ParseError, StateFile, StateKey};
use std::time::Instant;

/// What an account has. One that nobody ever gave anything has nothing.
#[utoipa::path(get, path = "/_moot/accounts/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = AccountView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, account: &str) -> Answered {
    let account = parse(account)?;
    let ledger = &door.worker.ledger;
    // The height first: what is found is at least as new.
    let height = ledger.height();
    let balance = ledger.balance(&account).map_err(Failure::internal)?.to_string();
    Ok(json(StatusCode::OK, &AccountView { account, balance, height }))
}

/// The proof of what an account has, for a check with the genesis alone: a state file. Waits for the block that carries
/// the root of the present state, which an idle network makes about once a second.
#[utoipa::path(get, path = "/_moot/accounts/{account}/proof", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, description = "a state file (moot-state-1)", body = serde_json::Value), (status = 409, body = crate::api::Problem)))]
pub(super) async fn proof(door: &Door, account: &str) -> Answered {
    let key = StateKey::Account(parse(account)?);
    let ledger = &door.worker.ledger;
    let since = ledger.state_root();
    let begun = Instant::now();
    let proof = loop {
        if let Some(proof) = ledger.prove_state(&key, &since).map_err(Failure::internal)? {
            break proof;
        }
        if begun.elapsed() > STATE_PROOF_PATIENCE {
            let detail = "no block has carried the root of the present state yet; ask again in a second";
            return Err(Failure::new(Kind::NotFinal, detail));
        }
        tokio::time::sleep(STATE_PROOF_STEP).await;
    };
    let file = StateFile::new(proof, ledger.genesis()).map_err(Failure::internal)?;
    const MEDIA: HeaderValue = HeaderValue::from_static("application/json");
    Ok(bytes_of(StatusCode::OK, MEDIA, file.to_json().into()))
}

fn parse(account: &str) -> Result<AccountId, Failure> {
    account.parse().map_err(|e: ParseError| Failure::new(Kind::NotFound, e.to_string()))
}
