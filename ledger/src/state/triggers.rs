//! The triggers that are set: who may set them, and which of them an event makes fire.
//!
//! ```text
//!  value /chat/lobby/42 ──first label──► patterns ──exact depth──► triggers, by name
//!  block time ──────────due, by time───► schedules, each once
//!  end of a call ───────its function───► triggers, by name
//! ```
//!
//! Fan-out is bounded where triggers are set, so that none of them is left out when they fire.

use super::cron::Cron;
use super::{FunctionRecord, Refusal};
use crate::limits::{MAX_TRIGGERS, MAX_TRIGGERS_OF_ONE};
use crate::rules::{Rule, Subject};
use moot_record::{AccountId, FunctionName, Pattern, SetTrigger, Trigger, TriggerAccess, TriggerOn};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A trigger that is set.
#[derive(Debug, Clone)]
pub struct TriggerRecord {
    /// Its name.
    pub name: FunctionName,
    /// Who set it, what it is, and when it fires next.
    pub set: SetTrigger,
    pub(super) event: Event,
    /// Of one whose access is a rule.
    pub(super) rule: Option<Rule>,
}

/// What a trigger waits for, as it is looked for.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Value(Pattern),
    Schedule(Cron),
    Completion(FunctionName),
}

impl TriggerRecord {
    /// Reads a trigger.
    ///
    /// # Errors
    /// Says what of it cannot be read.
    pub fn new(name: FunctionName, set: SetTrigger) -> Result<TriggerRecord, String> {
        let event = match &set.trigger.on {
            TriggerOn::Value(pattern) => {
                Event::Value(Pattern::parse(pattern).map_err(|error| error.to_string())?)
            }
            TriggerOn::Schedule(cron) => {
                Event::Schedule(Cron::parse(cron).map_err(|why| format!("schedule {cron:?}: {why}"))?)
            }
            TriggerOn::Completion(function) => Event::Completion(function.clone()),
        };
        let variables = match &event {
            Event::Value(pattern) => pattern.variables(),
            Event::Schedule(_) | Event::Completion(_) => Vec::new(),
        };
        let rule = match &set.trigger.access {
            TriggerAccess::Rule(text) => Some(Rule::parse(text, Subject::Value(&variables))?),
            TriggerAccess::Anyone | TriggerAccess::Accounts(_) => None,
        };
        Ok(TriggerRecord { name, event, rule, set })
    }

    /// What its fan-out is counted under.
    fn place(&self) -> Option<String> {
        match &self.event {
            Event::Value(pattern) => Some(first_label(pattern.as_str()).to_owned()),
            Event::Completion(function) => Some(function.to_string()),
            Event::Schedule(_) => None,
        }
    }
}

/// The first label of a path, with its slash.
fn first_label(path: &str) -> &str {
    let end = path.get(1..).and_then(|rest| rest.find('/')).map_or(path.len(), |at| at + 1);
    path.get(..end).unwrap_or(path)
}

/// All that are set.
#[derive(Debug, Clone, Default)]
pub struct Triggers {
    all: BTreeMap<FunctionName, Arc<TriggerRecord>>,
    /// By first label of the pattern, or by the function whose calls are waited for; which have no slash.
    places: BTreeMap<String, BTreeSet<FunctionName>>,
    due: BTreeSet<(u64, FunctionName)>,
}

impl Triggers {
    /// The trigger of a name.
    #[must_use]
    pub fn get(&self, name: &FunctionName) -> Option<&Arc<TriggerRecord>> {
        self.all.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TriggerRecord>> {
        self.all.values()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Puts a trigger in its place, or none; gives what was there.
    pub(super) fn put(
        &mut self,
        name: FunctionName,
        record: Option<Arc<TriggerRecord>>,
    ) -> Option<Arc<TriggerRecord>> {
        let was = self.all.remove(&name);
        if let Some(was) = &was {
            self.due.remove(&(was.set.next_ms, name.clone()));
            if let Some(place) = was.place()
                && let Some(names) = self.places.get_mut(&place)
            {
                names.remove(&name);
                if names.is_empty() {
                    self.places.remove(&place);
                }
            }
        }
        if let Some(record) = record {
            match record.place() {
                Some(place) => drop(self.places.entry(place).or_default().insert(name.clone())),
                None => drop(self.due.insert((record.set.next_ms, name.clone()))),
            }
            self.all.insert(name, record);
        }
        was
    }

    /// Whether there is room for a trigger beside the others.
    pub(super) fn check_room(&self, record: &TriggerRecord) -> Result<(), Refusal> {
        if !self.all.contains_key(&record.name) && self.all.len() >= MAX_TRIGGERS {
            return Err(Refusal::TooManyTriggers {
                place: "this network".to_owned(),
                most: MAX_TRIGGERS as u64,
            });
        }
        let Some(place) = record.place() else { return Ok(()) };
        let beside =
            self.places.get(&place).map_or(0, |names| names.iter().filter(|n| **n != record.name).count());
        if beside >= MAX_TRIGGERS_OF_ONE {
            return Err(Refusal::TooManyTriggers { place, most: MAX_TRIGGERS_OF_ONE as u64 });
        }
        Ok(())
    }

    fn at(&self, place: &str) -> impl Iterator<Item = &Arc<TriggerRecord>> {
        self.places.get(place).into_iter().flatten().filter_map(|name| self.all.get(name))
    }

    /// Those that a value written to a path may make fire, by name.
    pub(super) fn of_value(&self, path: &str) -> Vec<Arc<TriggerRecord>> {
        let fits = |record: &&Arc<TriggerRecord>| match &record.event {
            Event::Value(pattern) => pattern.matches(path),
            Event::Schedule(_) | Event::Completion(_) => false,
        };
        self.at(first_label(path)).filter(fits).cloned().collect()
    }

    /// Those that the end of a call of a function may make fire, by name.
    pub(super) fn of_completion(&self, function: &FunctionName) -> Vec<Arc<TriggerRecord>> {
        self.at(function.as_str()).cloned().collect()
    }

    /// Whether anybody waits for the end of calls.
    pub(super) fn waits_for_calls(&self) -> bool {
        self.places.keys().any(|place| !place.starts_with('/'))
    }

    /// Whether somebody waits for the end of a function's calls.
    pub(super) fn watches(&self, function: &FunctionName) -> bool {
        self.places.contains_key(function.as_str())
    }

    /// Schedules whose time has come, the longest due first.
    pub(super) fn due(&self, now_ms: u64) -> Vec<Arc<TriggerRecord>> {
        let due = self.due.iter().take_while(|(next_ms, _)| *next_ms <= now_ms);
        due.filter_map(|(_, name)| self.all.get(name).cloned()).collect()
    }
}

/// Whether a function can be what a trigger makes run.
pub(super) fn check_target<'a>(
    functions: &'a BTreeMap<FunctionName, Arc<FunctionRecord>>,
    name: &FunctionName,
) -> Result<&'a FunctionRecord, Refusal> {
    let record = functions.get(name).ok_or_else(|| Refusal::Unknown { name: name.clone() })?;
    let version = record.active().ok_or_else(|| Refusal::Retired { name: name.clone() })?;
    if version.spec.kind != moot_record::FunctionKind::Event {
        return Err(Refusal::NotEventKind { name: name.clone() });
    }
    Ok(record.as_ref())
}

/// Whether an account may set a trigger that waits for the end of a function's calls: its owner, and whom it admits for
/// good. A rule says whom it admits now, and a trigger stays.
pub(super) fn check_watched(record: &FunctionRecord, account: &AccountId) -> Result<(), Refusal> {
    let admits =
        record.active().is_some_and(|version| version.spec.access.admits(Some(account)) == Some(true));
    if record.owner == *account || admits {
        return Ok(());
    }
    Err(Refusal::NotOwner { name: record.name.clone(), owner: record.owner })
}

/// What the state's tree and table hold of a new trigger. Of a schedule the first time is after `now_ms`.
pub(super) fn set(owner: AccountId, trigger: &Trigger, now_ms: u64) -> Result<SetTrigger, String> {
    let next_ms = match &trigger.on {
        TriggerOn::Schedule(cron) => {
            let cron = Cron::parse(cron).map_err(|why| format!("schedule {cron:?}: {why}"))?;
            cron.next(now_ms).ok_or("no such day ever comes")?
        }
        TriggerOn::Value(_) | TriggerOn::Completion(_) => 0,
    };
    Ok(SetTrigger { owner, trigger: trigger.clone(), next_ms })
}
