//! What a transaction makes of a function: the rules of deploying, rolling back, retiring and freezing.

use super::{FunctionRecord, Refusal, Version};
use crate::access::CallAccess;
use crate::limits::MAX_VERSIONS_KEPT;
use moot_record::{AccountId, Digest, EntryId, FunctionName, Spec, Transaction};

/// The function's record after the transaction, or why it stays as it is.
pub(super) fn next(
    present: Option<&FunctionRecord>,
    height: u64,
    id: EntryId,
    account: AccountId,
    transaction: &Transaction,
) -> Result<FunctionRecord, Refusal> {
    if let Some(present) = present {
        let name = || present.name.clone();
        if present.owner != account {
            return Err(Refusal::NotOwner { name: name(), owner: present.owner });
        }
        if present.retired {
            return Err(Refusal::Retired { name: name() });
        }
    }
    match transaction {
        Transaction::Deploy { name, component, component_bytes, spec, previous } => {
            let spec = Spec::decode(spec).map_err(|error| Refusal::bad_spec(&error))?;
            let access = CallAccess::new(&spec.access).map_err(|why| Refusal::bad_rule(&why))?;
            let (component, component_bytes) = (*component, *component_bytes);
            let what = New { component, component_bytes, spec, access, height, id };
            match present {
                None => first(name, account, *previous, what),
                Some(present) => upgrade(present, *previous, what),
            }
        }
        Transaction::Rollback { name, version } => rollback(present, name, *version),
        Transaction::Retire { name } => retire(present, name),
        Transaction::Freeze { name } => freeze(present, name),
        // Not about a function: the state machine never asks.
        _ => Err(Refusal::FixedCommittee),
    }
}

/// What a deploy brings.
struct New {
    component: Digest,
    component_bytes: u64,
    spec: Spec,
    access: CallAccess,
    height: u64,
    id: EntryId,
}

impl New {
    fn version(self, number: u32) -> Version {
        Version {
            number,
            component: self.component,
            component_bytes: self.component_bytes,
            spec_digest: self.spec.digest(),
            spec: self.spec,
            access: self.access,
            height: self.height,
            deployed: self.id,
        }
    }
}

fn first(
    name: &FunctionName,
    owner: AccountId,
    previous: Option<u32>,
    what: New,
) -> Result<FunctionRecord, Refusal> {
    if let Some(expected) = previous {
        return Err(Refusal::Stale { name: name.clone(), expected, found: 0 });
    }
    Ok(FunctionRecord {
        name: name.clone(),
        owner,
        versions: vec![what.version(1)],
        active: 1,
        retired: false,
        frozen: false,
    })
}

fn upgrade(present: &FunctionRecord, previous: Option<u32>, what: New) -> Result<FunctionRecord, Refusal> {
    let name = || present.name.clone();
    let active = present.active();
    if active.is_some_and(|v| v.component == what.component && v.spec == what.spec) {
        // The same again is agreed to and changes nothing, also where nothing may change.
        return Ok(present.clone());
    }
    if present.frozen {
        return Err(Refusal::Frozen { name: name() });
    }
    let expected = previous.unwrap_or(0);
    if expected != present.active {
        return Err(Refusal::Stale { name: name(), expected, found: present.active });
    }
    if !active.is_some_and(|v| v.spec.lifecycle.upgradable) {
        return Err(Refusal::NotUpgradable { name: name() });
    }
    let was = active.is_some_and(|v| v.spec.lifecycle.destructible);
    if what.spec.lifecycle.destructible && !was {
        return Err(Refusal::WidensLifecycle { name: name() });
    }
    let mut next = present.clone();
    let number = next.versions.last().map_or(1, |v| v.number.saturating_add(1));
    next.versions.push(what.version(number));
    if next.versions.len() > MAX_VERSIONS_KEPT {
        next.versions.remove(0);
    }
    next.active = number;
    Ok(next)
}

fn rollback(
    present: Option<&FunctionRecord>,
    name: &FunctionName,
    number: u32,
) -> Result<FunctionRecord, Refusal> {
    let present = present.ok_or_else(|| Refusal::Unknown { name: name.clone() })?;
    if number == present.active {
        return Ok(present.clone());
    }
    if present.frozen {
        return Err(Refusal::Frozen { name: name.clone() });
    }
    let active = present.active().map(|v| v.spec.lifecycle);
    if !active.is_some_and(|lifecycle| lifecycle.upgradable) {
        return Err(Refusal::NotUpgradable { name: name.clone() });
    }
    let target =
        present.version(number).ok_or_else(|| Refusal::NoVersion { name: name.clone(), version: number })?;
    if target.spec.lifecycle.destructible && !active.is_some_and(|lifecycle| lifecycle.destructible) {
        return Err(Refusal::WidensLifecycle { name: name.clone() });
    }
    let mut next = present.clone();
    next.active = number;
    Ok(next)
}

fn retire(present: Option<&FunctionRecord>, name: &FunctionName) -> Result<FunctionRecord, Refusal> {
    let present = present.ok_or_else(|| Refusal::Unknown { name: name.clone() })?;
    if present.frozen {
        return Err(Refusal::Frozen { name: name.clone() });
    }
    if !present.active().is_some_and(|v| v.spec.lifecycle.destructible) {
        return Err(Refusal::NotDestructible { name: name.clone() });
    }
    let mut next = present.clone();
    next.retired = true;
    Ok(next)
}

/// Never changes again. Saying it twice changes nothing.
fn freeze(present: Option<&FunctionRecord>, name: &FunctionName) -> Result<FunctionRecord, Refusal> {
    let present = present.ok_or_else(|| Refusal::Unknown { name: name.clone() })?;
    Ok(FunctionRecord { frozen: true, ..present.clone() })
}
