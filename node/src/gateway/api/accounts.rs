//! Accounts: who has what, and may sign.

use super::Answered;
use crate::api::AccountView;
use crate::gateway::answer::json;
use crate::gateway::door::Door;
use crate::gateway::problem::{Failure, Kind};
use http::StatusCode;
use moot_record::{AccountId, ParseError};

/// What an account has, and whether its key was revoked. One that nobody ever gave anything has nothing.
#[utoipa::path(get, path = "/_moot/accounts/{account}", tag = "accounts", params(("account" = String, Path)),
    responses((status = 200, body = AccountView), (status = 404, body = crate::api::Problem)))]
pub(super) async fn show(door: &Door, account: &str) -> Answered {
    let account: AccountId =
        account.parse().map_err(|e: ParseError| Failure::new(Kind::NotFound, e.to_string()))?;
    let ledger = &door.worker.ledger;
    // The height first: what is found is at least as new.
    let height = ledger.height();
    let found = ledger.account_state(&account).map_err(Failure::internal)?;
    let (balance, reserved) = (found.balance.to_string(), ledger.reserved(&account).to_string());
    let view = AccountView { account, balance, reserved, revoked: found.revoked, height };
    Ok(json(StatusCode::OK, &view))
}
