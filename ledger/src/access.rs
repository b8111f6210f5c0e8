//! Who may call a function: what its manifest says, with a rule ready to be asked.
//!
//! ```text
//!  manifest ──deploy: the rule is read, or refused──► CallAccess ──who calls, the state as it is──► admitted, or why not
//! ```
//!
//! Whoever takes a call in asks: the replica, about who has signed the request. What its rule saw is gone when the call's
//! block comes, so nobody can ask again, and that the call was let in is the replica's word, as its caller is.

use crate::ledger::Ledger;
use crate::rules::{Rule, Scope, Subject};
use moot_record::{Access, AccountId, FunctionName};
use std::collections::BTreeMap;

/// The access of a manifest, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAccess {
    access: Access,
    /// Of one by rule.
    rule: Option<Rule>,
}

/// Why somebody may not call a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It has a list of accounts.
    #[error("its access is for certain accounts, and this is none of them")]
    NotListed,
    /// It has a rule, which does not allow it.
    #[error("its access is by the rule `{rule}`, which {why}")]
    ByRule {
        /// The rule's text, in one line.
        rule: String,
        /// What it says, or what went wrong.
        why: String,
        /// Whether another account could be admitted.
        asks_who: bool,
    },
}

impl NotAdmitted {
    /// Whether it can depend on who calls.
    #[must_use]
    pub const fn depends_on_who(&self) -> bool {
        match self {
            NotAdmitted::NotListed => true,
            NotAdmitted::ByRule { asks_who, .. } => *asks_who,
        }
    }
}

impl CallAccess {
    /// Reads the access of a manifest.
    ///
    /// # Errors
    /// Says why its rule cannot be judged by.
    pub fn new(access: &Access) -> Result<CallAccess, String> {
        let rule = match access {
            Access::Rule(text) => Some(Rule::parse(text, Subject::Call)?),
            Access::Anyone | Access::Accounts(_) => None,
        };
        Ok(CallAccess { access: access.clone(), rule })
    }

    /// Whether a call is admitted; what goes wrong with a rule denies.
    ///
    /// # Errors
    /// Why it is not.
    pub fn admits(&self, scope: &Scope<'_>) -> Result<(), NotAdmitted> {
        let (Access::Rule(text), Some(rule)) = (&self.access, &self.rule) else {
            return self.lists(scope.account.as_ref());
        };
        let why = match rule.judge(&BTreeMap::new(), scope) {
            Ok(true) => return Ok(()),
            Ok(false) => "says no".to_owned(),
            Err(why) => format!("denies, because it fails: {why}"),
        };
        let rule_text = text.replace(char::is_control, " ");
        Err(NotAdmitted::ByRule { rule: rule_text, why, asks_who: rule.asks_who() })
    }

    /// The same of one without a rule.
    fn lists(&self, account: Option<&AccountId>) -> Result<(), NotAdmitted> {
        if self.access.admits(account) == Some(true) { Ok(()) } else { Err(NotAdmitted::NotListed) }
    }
}

impl Ledger {
    /// Whether a call is admitted, as things are now; `function` is the one that calls, if one does.
    ///
    /// # Errors
    /// Why it is not.
    pub fn admits(
        &self,
        access: &CallAccess,
        account: Option<AccountId>,
        function: Option<&FunctionName>,
    ) -> Result<(), NotAdmitted> {
        if access.rule.is_none() {
            // Nearly every call: nothing of the state is asked for it.
            return access.lists(account.as_ref());
        }
        let (height, now_ms) = (self.height(), self.time_ms());
        let balance = |account: &AccountId| self.balance(account).unwrap_or(0);
        access.admits(&Scope::of_call(account, function, (height, now_ms), &balance))
    }
}
