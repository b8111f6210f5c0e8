//! Accounts: who has what.

use super::Answered;
use crate::api::AccountView;
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;
use moot_record::{AccountId, ParseError};

/// What an account has. One that nobody ever gave anything has nothing.
#[utoipa::path(get, path = "/_moot/accounts/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = AccountView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, account: &str) -> Answered {
    let account: AccountId =
        account.parse().map_err(|e: ParseError| Failure::new(Kind::NotFound, e.to_string()))?;
    let ledger = &door.worker.ledger;
    // The height first: what is found is at least as new.
    let height = ledger.height();
    let balance = ledger.balance(&account).map_err(Failure::internal)?.to_string();
    let reserved = ledger.reserved(&account).to_string();
    Ok(json(StatusCode::OK, &AccountView { account, balance, reserved, height }))
}
