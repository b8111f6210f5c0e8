//! Triggers: what makes a function run without anybody calling it.
//!
//! ```text
//! trigger  [on, function, access]
//! on       [0, pattern] | [1, cron] | [2, function]
//! access   [0] | [1, [account, ...]] | [2, text]
//! ```

use serde::{Deserialize, Serialize};

use crate::bytes::AccountId;
use crate::cbor::{self, Reader};
use crate::error::{DecodeError, Invalid};
use crate::item::Item;
use crate::limits::{MAX_CRON_BYTES, MAX_PATH_BYTES, MAX_RULE_BYTES, MAX_TRIGGER_ACCOUNTS};
use crate::name::FunctionName;
use crate::path::{Pattern, check_rule_text};

/// What makes a function run, and who may make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// What it waits for.
    pub on: TriggerOn,
    /// The function that runs: one of kind event.
    pub function: FunctionName,
    /// Who may make it run: the writer of the value, or the caller of the call that ended. Of a schedule, anyone.
    pub access: TriggerAccess,
}

/// What a trigger waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerOn {
    /// A value written to one of a pattern's paths, as deep as the pattern.
    Value(String),
    /// A time: five fields of cron, in UTC, by the time of blocks.
    Schedule(String),
    /// The end of a call of another function.
    Completion(FunctionName),
}

/// Who may make a trigger fire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerAccess {
    /// Anyone, known or not.
    Anyone,
    /// These accounts, sorted.
    Accounts(Vec<AccountId>),
    /// Whom a rule allows, in the language of the paths' rules.
    Rule(String),
}

impl Trigger {
    /// Checks what the types alone cannot; `decode` does it too. Whether a schedule or a rule can be read is the ledger's
    /// to say.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        match &self.on {
            TriggerOn::Value(pattern) => {
                Pattern::parse(pattern)?;
            }
            TriggerOn::Schedule(cron) => {
                let plain = cron.bytes().all(|b| b.is_ascii_digit() || b" *,-/".contains(&b));
                if !plain || !(1..=MAX_CRON_BYTES).contains(&cron.len()) {
                    let why = format!(
                        "{cron:?} is not 1 to {MAX_CRON_BYTES} of digits, spaces and `*,-/`: five fields, as in `0 6 * * 1-5`"
                    );
                    return Err(Invalid::new("trigger.on", why));
                }
            }
            TriggerOn::Completion(_) => {}
        }
        match &self.access {
            TriggerAccess::Anyone => Ok(()),
            _ if matches!(self.on, TriggerOn::Schedule(_)) => {
                Err(Invalid::new("trigger.access", "time is nobody's: a schedule has access for anyone"))
            }
            TriggerAccess::Accounts(accounts) if !accounts.is_sorted_by(|a, b| a < b) => {
                Err(Invalid::new("trigger.access", "the accounts are not sorted, or one is there twice"))
            }
            TriggerAccess::Accounts(accounts) if accounts.is_empty() => Err(Invalid::new(
                "trigger.access",
                "an empty list lets nobody make it fire: take the trigger back",
            )),
            TriggerAccess::Accounts(_) => Ok(()),
            TriggerAccess::Rule(text) => check_rule_text("trigger.access", text),
        }
    }
}

impl Item for Trigger {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::array(out, 2);
        match &self.on {
            TriggerOn::Value(pattern) => {
                cbor::uint(out, 0u8);
                cbor::text(out, pattern);
            }
            TriggerOn::Schedule(cron) => {
                cbor::uint(out, 1u8);
                cbor::text(out, cron);
            }
            TriggerOn::Completion(function) => {
                cbor::uint(out, 2u8);
                function.write(out);
            }
        }
        self.function.write(out);
        match &self.access {
            TriggerAccess::Anyone => {
                cbor::array(out, 1);
                cbor::uint(out, 0u8);
            }
            TriggerAccess::Accounts(accounts) => {
                cbor::array(out, 2);
                cbor::uint(out, 1u8);
                cbor::array(out, accounts.len());
                accounts.iter().for_each(|account| account.write(out));
            }
            TriggerAccess::Rule(text) => {
                cbor::array(out, 2);
                cbor::uint(out, 2u8);
                cbor::text(out, text);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        r.array(2)?;
        let at = r.position();
        let on = match r.uint()? {
            0 => TriggerOn::Value(r.text(MAX_PATH_BYTES)?.to_owned()),
            1 => TriggerOn::Schedule(r.text(MAX_CRON_BYTES)?.to_owned()),
            2 => TriggerOn::Completion(FunctionName::read(r)?),
            value => return Err(DecodeError::UnknownNumber { at, what: "what a trigger is on", value }),
        };
        let function = FunctionName::read(r)?;
        let at = r.position();
        let fields = r.list(2)?;
        let number_at = r.position();
        let access = match (r.uint()?, fields) {
            (0, 1) => TriggerAccess::Anyone,
            (1, 2) => {
                let count = r.list(MAX_TRIGGER_ACCOUNTS)?;
                TriggerAccess::Accounts((0..count).map(|_| AccountId::read(r)).collect::<Result<_, _>>()?)
            }
            (2, 2) => TriggerAccess::Rule(r.text(MAX_RULE_BYTES)?.to_owned()),
            (0..=2, _) => {
                let (what, len) = ("a trigger's access", fields as u64);
                return Err(DecodeError::WrongLength { at, what, len, wanted: 3 - fields });
            }
            (value, _) => return Err(DecodeError::UnknownNumber { at: number_at, what: "access", value }),
        };
        let trigger = Self { on, function, access };
        trigger.check()?;
        Ok(trigger)
    }
}

/// What the state holds of a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetTrigger {
    /// Who set it, may change it, and is the caller of what it makes run.
    pub owner: AccountId,
    /// The trigger.
    pub trigger: Trigger,
    /// Of a schedule: when it fires next, in milliseconds since 1970.
    #[serde(with = "crate::text::exact")]
    pub next_ms: u64,
}

crate::item::canonical!(SetTrigger, 2 * MAX_RULE_BYTES + MAX_PATH_BYTES + 64 * MAX_TRIGGER_ACCOUNTS);

impl Item for SetTrigger {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        self.owner.write(out);
        self.trigger.write(out);
        cbor::uint(out, self.next_ms);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(3)?;
        Ok(Self { owner: AccountId::read(r)?, trigger: Trigger::read(r)?, next_ms: r.uint()? })
    }
}
