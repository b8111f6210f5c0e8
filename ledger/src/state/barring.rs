//! What keeps a trigger that fires from running its function.
//!
//! ```text
//!  fires ──► no room, or a rule says no? ──► no call: the history says why
//!                 └──► a loop, retired, not admitted? ──► a call that is not run: its receipt says why
//! ```

use super::derived::Barred;
use super::triggers::TriggerRecord;
use super::{Block, State};
use crate::limits::{MAX_OPEN_OF_TRIGGER, MAX_TRIGGER_DEPTH};
use crate::rules::Scope;
use moot_record::{Access, AccountId, FunctionKind, FunctionName};

impl State {
    /// Why no call is made of a trigger that fires, which costs nobody anything.
    pub(super) fn unmade(&self, block: &Block, record: &TriggerRecord) -> Option<String> {
        let version = self.functions.get(&record.set.trigger.function).and_then(|record| record.active());
        let ruled = version.filter(|version| matches!(version.spec.access, Access::Rule(_)));
        let now = (block.height, block.time_ms);
        let balance = |account: &AccountId| self.balance(account);
        let scope = Scope::of_call(Some(record.set.owner), None, now, &balance);
        // Later nobody could tell that the rule said no, and the function's owner would pay for the call.
        if ruled.is_some_and(|version| version.access.admits(&scope).is_err()) {
            return Some("the rule of the function's access does not admit the trigger's owner".to_owned());
        }
        let (room, of_trigger) = self.open.room(&record.name);
        if !room {
            return Some("as many derived calls have no answer yet as may be in all".to_owned());
        }
        (of_trigger >= MAX_OPEN_OF_TRIGGER).then(|| {
            format!("{MAX_OPEN_OF_TRIGGER} calls of this trigger have no answer yet, as many as may be")
        })
    }

    /// Why a call is made, and not run.
    pub(super) fn barred(&self, function: &FunctionName, owner: &AccountId, depth: u32) -> Option<Barred> {
        if depth >= MAX_TRIGGER_DEPTH {
            return Some(Barred::Loop);
        }
        if self.revoked.has(owner) {
            return Some(Barred::Revoked);
        }
        // It was there when the trigger was set, and a function never goes.
        let Some(version) = self.functions.get(function).and_then(|record| record.active()) else {
            return Some(Barred::Retired);
        };
        match &version.spec {
            spec if spec.kind != FunctionKind::Event => Some(Barred::OtherKind),
            spec if !spec.can_have_admitted(Some(owner)) => Some(Barred::NotAdmitted),
            _ => None,
        }
    }
}
