//! `access`: who may call a function.
//!
//! ```text
//!  access = "anyone"    access = ["<account>", ...]    access = { rule = "balance(auth.account) >= 10" }
//! ```

use super::section::{Found, Section};
use moot_ledger::CallAccess;
use moot_record::{Access, AccountId};

const WANT: &str =
    "\"anyone\", a list of accounts (64 hex digits each) or { rule = \"auth.account != null\" }";

/// Reads it. Anyone's where it is left out, and where a problem was noted.
pub(super) fn read(section: &Section<'_, '_>) -> Access {
    if section.is_table("access") {
        return read_rule(section).unwrap_or(Access::Anyone);
    }
    match section.text_or_texts("access", WANT) {
        None | Some(Ok(("anyone", _))) => Access::Anyone,
        Some(Err(list)) if list.is_empty() && !section.source().has_problems() => {
            let help = Some("name at least one account, or write access = \"anyone\"".to_owned());
            section.source().problem(section.at(), "`access` is an empty list: nobody could call", help);
            Access::Anyone
        }
        Some(Ok((other, at))) => {
            let help = "`moot account` shows yours".to_owned();
            section.source().problem(at, format!("`access` must be {WANT}, not {other:?}"), Some(help));
            Access::Anyone
        }
        Some(Err(list)) => Access::Accounts(read_accounts(section, list)),
    }
}

fn read_accounts(section: &Section<'_, '_>, list: Vec<Found<&str>>) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> = Vec::new();
    for (text, at) in list {
        match text.parse() {
            Ok(account) => accounts.push(account),
            Err(_) => {
                let message = format!("{text:?} is not an account: 64 lowercase hex digits");
                let help = Some("`moot account` shows yours".to_owned());
                section.source().problem(at, message, help);
            }
        }
    }
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

/// Reads a rule as the ledger does: what it would refuse at deploy is refused here, with its line.
fn read_rule(section: &Section<'_, '_>) -> Option<Access> {
    const RULE: &str = "an expression in CEL, such as \"auth.account != null\"";
    let table = section.section("access", WANT)?;
    let rule = table.text("rule", RULE);
    if rule.is_none() && !table.has("rule") {
        section.source().problem(table.at(), format!("`access` must be {WANT}"), None);
    }
    table.finish();
    let (text, at) = rule?;
    let access = Access::Rule(text.to_owned());
    if let Err(why) = CallAccess::new(&access) {
        let help = "it may ask for auth.account, auth.function, now, height and balance(account)".to_owned();
        section.source().problem(at, format!("`access`: the rule cannot be read: {why}"), Some(help));
    }
    Some(access)
}
