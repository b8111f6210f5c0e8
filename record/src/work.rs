//! Workers that registered: what each offers, and what was found against it.
//!
//! ```text
//!  Work ──► offer: sandboxes, functions, replicas, engine ──► calls are assigned to it
//!                     └── its receipt differs from most ──► fault: both receipts, and what was burned
//! ```
//!
//! What the state holds of a worker, under a key of its own, so that it can be proven. Who gets which call is the
//! ledger's to say.

use serde::{Deserialize, Serialize};

use crate::address::EntryId;
use crate::bytes::AccountId;
use crate::cbor::{self, Reader};
use crate::engine::Engine;
use crate::error::{DecodeError, Invalid};
use crate::item::{Item, canonical};
use crate::limits::{MAX_OFFERED_FUNCTIONS, MAX_OFFERED_REPLICAS, MAX_OFFERED_SANDBOXES, MAX_WORKER_FAULTS};
use crate::name::FunctionName;
use crate::text::{exact, numbered};

numbered! {
    /// A kind of secure runtime environment that a worker offers.
    pub enum Sandbox("sandbox") {
        /// WebAssembly components.
        Component = 0, "component";
        /// A process of the operator's choice that speaks the AWS Lambda Runtime API.
        External = 1, "external";
    }
}

/// What a worker offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkOffer {
    /// The sandboxes that it has, sorted, at least one.
    pub kinds: Vec<Sandbox>,
    /// The functions that it serves, sorted; none: every one that it can.
    pub functions: Option<Vec<FunctionName>>,
    /// The replicas that it has joined, sorted; none: all of them.
    pub replicas: Option<Vec<AccountId>>,
    /// What it runs components with. Only workers with one and the same run one call together.
    pub engine: Engine,
}

impl WorkOffer {
    /// Whether it has a sandbox, serves a function and has joined a replica.
    #[must_use]
    pub fn covers(&self, kind: Sandbox, function: &FunctionName, replica: &AccountId) -> bool {
        let named = self.functions.as_ref().is_none_or(|names| names.binary_search(function).is_ok());
        let joined = self.replicas.as_ref().is_none_or(|joined| joined.binary_search(replica).is_ok());
        named && joined && self.kinds.binary_search(&kind).is_ok()
    }

    /// Sorts the lists, which are sets, and drops repetitions.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        fn set<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        set(&mut self.kinds);
        self.functions.iter_mut().for_each(set);
        self.replicas.iter_mut().for_each(set);
        self
    }

    /// Checks what the types alone cannot; `decode` does it too.
    ///
    /// # Errors
    /// Names the field.
    pub fn check(&self) -> Result<(), Invalid> {
        check_set("transaction.kinds", &self.kinds, MAX_OFFERED_SANDBOXES)?;
        if let Some(functions) = &self.functions {
            check_set("transaction.functions", functions, MAX_OFFERED_FUNCTIONS)?;
        }
        let Some(replicas) = &self.replicas else { return Ok(()) };
        check_set("transaction.replicas", replicas, MAX_OFFERED_REPLICAS)
    }
}

fn check_set<T: Ord>(field: &'static str, list: &[T], max: usize) -> Result<(), Invalid> {
    if list.is_empty() || list.len() > max {
        return Err(Invalid::new(field, format!("{} members; write 1 to {max}", list.len())));
    }
    if list.is_sorted_by(|a, b| a < b) { Ok(()) } else { Err(Invalid::new(field, "not sorted, each once")) }
}

fn write_set<T: Item>(out: &mut Vec<u8>, list: &[T]) {
    cbor::array(out, list.len());
    list.iter().for_each(|member| member.write(out));
}

fn read_set<T: Item>(r: &mut Reader<'_>, max: usize) -> Result<Vec<T>, DecodeError> {
    (0..r.list(max)?).map(|_| T::read(r)).collect()
}

impl Item for WorkOffer {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 4);
        write_set(out, &self.kinds);
        cbor::option(out, self.functions.as_ref(), |out, names| write_set(out, names));
        cbor::option(out, self.replicas.as_ref(), |out, joined| write_set(out, joined));
        self.engine.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(4)?;
        let offer = Self {
            kinds: read_set(r, MAX_OFFERED_SANDBOXES)?,
            functions: r.option(|r| read_set(r, MAX_OFFERED_FUNCTIONS))?,
            replicas: r.option(|r| read_set(r, MAX_OFFERED_REPLICAS))?,
            engine: Engine::read(r)?,
        };
        offer.check()?;
        Ok(offer)
    }
}

/// A receipt that differs from what most of the workers of its call said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerFault {
    /// The call.
    pub call: EntryId,
    /// The worker's own receipt.
    pub receipt: EntryId,
    /// The first of those that agree.
    pub agreed: EntryId,
    /// How many units of its stake were burned for it.
    #[serde(with = "exact")]
    pub burned: u64,
}

impl Item for WorkerFault {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 4);
        self.call.write(out);
        self.receipt.write(out);
        self.agreed.write(out);
        cbor::uint(out, self.burned);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(4)?;
        let (call, receipt, agreed) = (EntryId::read(r)?, EntryId::read(r)?, EntryId::read(r)?);
        Ok(Self { call, receipt, agreed, burned: r.uint()? })
    }
}

/// What the state holds of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerRecord {
    /// What it offers; none: it gets no calls any more.
    pub offer: Option<WorkOffer>,
    /// The height at which that was so first.
    #[serde(with = "exact")]
    pub since: u64,
    /// How many of its receipts differed from what most said.
    #[serde(with = "exact")]
    pub faults: u64,
    /// How many units were burned for them all.
    #[serde(with = "exact")]
    pub burned: u64,
    /// The last of them, the newest last.
    pub last: Vec<WorkerFault>,
}

canonical!(WorkerRecord, 8192);

impl WorkerRecord {
    /// Adds a fault; of more than can be kept the oldest is forgotten here, and stays on the ledger.
    pub fn add(&mut self, fault: WorkerFault) {
        self.faults = self.faults.saturating_add(1);
        self.burned = self.burned.saturating_add(fault.burned);
        if self.last.len() >= MAX_WORKER_FAULTS {
            self.last.remove(0);
        }
        self.last.push(fault);
    }
}

impl Item for WorkerRecord {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 5);
        cbor::option(out, self.offer.as_ref(), |out, offer| offer.write(out));
        cbor::uint(out, self.since);
        cbor::uint(out, self.faults);
        cbor::uint(out, self.burned);
        write_set(out, &self.last);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array(5)?;
        Ok(Self {
            offer: r.option(WorkOffer::read)?,
            since: r.uint()?,
            faults: r.uint()?,
            burned: r.uint()?,
            last: read_set(r, MAX_WORKER_FAULTS)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_ENGINE_BYTES;

    fn offer() -> WorkOffer {
        let names = ["a", "b"].map(|name| FunctionName::parse(name).unwrap());
        WorkOffer {
            kinds: vec![Sandbox::Component],
            functions: Some(names.to_vec()),
            replicas: Some(vec![AccountId::from_bytes([3; 32])]),
            engine: Engine::named("wasmtime-48.0.8+1"),
        }
    }

    #[test]
    fn what_the_state_holds_of_a_worker_reads_back_and_is_bounded() {
        let name = |n: usize| FunctionName::parse(&format!("{}-{n:02}", "f".repeat(58))).unwrap();
        let full = WorkOffer {
            kinds: Sandbox::ALL.to_vec(),
            functions: Some((0..MAX_OFFERED_FUNCTIONS).map(name).collect()),
            replicas: Some((0..MAX_OFFERED_REPLICAS as u8).map(|n| AccountId::from_bytes([n; 32])).collect()),
            engine: Engine::parse(&"e".repeat(MAX_ENGINE_BYTES)).unwrap(),
        };
        let mut record = WorkerRecord { offer: Some(full), since: u64::MAX, ..WorkerRecord::default() };
        let id =
            EntryId { lane: u32::MAX, batch: u64::MAX, bundle: u16::MAX, page: u16::MAX, slot: u16::MAX };
        for n in 0..12 {
            record.add(WorkerFault { call: id, receipt: id, agreed: id, burned: n });
        }
        assert_eq!((record.faults, record.burned, record.last.len()), (12, 66, MAX_WORKER_FAULTS));
        assert_eq!(record.last.last().map(|fault| fault.burned), Some(11));
        assert_eq!(WorkerRecord::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn an_offer_covers_what_it_names() {
        let (offer, name) = (offer(), |name: &str| FunctionName::parse(name).unwrap());
        let (joined, other) = (AccountId::from_bytes([3; 32]), AccountId::from_bytes([4; 32]));
        assert!(offer.covers(Sandbox::Component, &name("a"), &joined));
        assert!(!offer.covers(Sandbox::External, &name("a"), &joined));
        assert!(!offer.covers(Sandbox::Component, &name("c"), &joined));
        assert!(!offer.covers(Sandbox::Component, &name("a"), &other));
        let all = WorkOffer { functions: None, replicas: None, ..offer };
        assert!(all.covers(Sandbox::Component, &name("c"), &other));
    }

    #[test]
    fn an_offer_names_each_thing_once() {
        let field = |change: &dyn Fn(&mut WorkOffer)| {
            let mut offer = offer();
            change(&mut offer);
            offer.check().unwrap_err().field
        };
        assert_eq!(field(&|o| o.kinds.clear()), "transaction.kinds");
        assert_eq!(field(&|o| o.kinds = vec![Sandbox::External, Sandbox::Component]), "transaction.kinds");
        assert_eq!(field(&|o| o.functions.iter_mut().for_each(|f| f.reverse())), "transaction.functions");
        assert_eq!(field(&|o| o.replicas = Some(vec![])), "transaction.replicas");
        let twice =
            WorkOffer { kinds: vec![Sandbox::External, Sandbox::Component, Sandbox::External], ..offer() };
        assert_eq!(twice.sorted().check(), Ok(()));
    }
}
