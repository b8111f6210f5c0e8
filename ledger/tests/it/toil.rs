//! What workers do while there is trouble: they come and go, are asked, answer, and some lie. In the end all that were drawn
//! have spoken, and every replica must have charged each call that most agree on once, and found the same ones at fault. Who
//! waits for the ends of these calls has heard of each once: that most agree, or that they do not.

use crate::town::Replicas;
use crate::working::{a_call, account, deploy, function, key, record, stake, work_with};
use crate::world::bundle;
use moot_ledger::{ComparedCall, DerivedNews, Ledger, PayloadBytes, PostingKind, Refusal, Refused};
use moot_record::{AccountId, Digest, Entry, EntryId, Spec, Status, Transaction};
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

const WORKERS: u8 = 5;
const STAKE: u64 = 10_000;

/// A call that several workers run.
struct Asked {
    at: usize,
    call: (EntryId, Digest),
    /// Whom the state has drawn, once that was seen.
    drawn: Vec<AccountId>,
    /// Who lies about it, of those that have spoken.
    said: BTreeMap<AccountId, bool>,
}

pub(crate) struct Toil {
    spec: Spec,
    asked: Vec<Asked>,
    number: u64,
}

impl Toil {
    /// Deploys the function, and registers workers 1 to 4.
    pub(crate) async fn begin(town: &mut impl Replicas) -> Toil {
        let mut spec = function(3);
        // None is given up: who lies and who does not must be known of all.
        spec.limits.deadline_ms = 3_600_000;
        let ledger = town.any();
        say(&ledger, 0, vec![deploy(&spec)]);
        (1..WORKERS).for_each(|n| say(&ledger, n, register(n)));
        town.settle().await;
        Toil { spec, asked: Vec::new(), number: 0 }
    }

    pub(crate) async fn step(&mut self, at: usize, town: &impl Replicas, rng: &mut StdRng) {
        match rng.random_range(0..8) {
            0 => {
                let n = rng.random_range(1..=WORKERS);
                let leaves = rng.random_bool(0.3);
                let what = if leaves { vec![Transaction::Work { offer: None }] } else { register(n) };
                say(&town.ledger(at), n, what);
            }
            1..4 => self.ask(at, &town.ledger(at)).await,
            _ if !self.asked.is_empty() => {
                let one = rng.random_range(0..self.asked.len());
                let lies = rng.random_bool(0.15);
                self.asked[one].speak(town, lies);
            }
            _ => {}
        }
    }

    async fn ask(&mut self, at: usize, ledger: &Ledger) {
        self.number += 1;
        let call = a_call(&self.spec, 1_000_000 + self.number);
        let Ok(pending) = ledger.append_call(call, PayloadBytes::None) else { return };
        if pending.durable().await.is_ok() {
            let call = (pending.id(), pending.digest());
            self.asked.push(Asked { at, call, drawn: Vec::new(), said: BTreeMap::new() });
        }
    }

    /// With nothing wrong any more: all that were drawn speak, and those that have spoken say the same again, because
    /// what they said may have been on a disk that died.
    pub(crate) fn finish(&mut self, town: &impl Replicas) {
        for asked in &mut self.asked {
            while asked.speak(town, false) {}
            for (worker, lies) in asked.said.clone() {
                let _ = asked.tell(town, worker, lies);
            }
        }
    }

    pub(crate) fn check(&self, town: &impl Replicas) {
        let (mut charged, mut faults) = (0, BTreeMap::<AccountId, u64>::new());
        // The same at each of them, as `triggered` looks.
        let all = town.any().newest_derived(100_000).unwrap();
        for asked in &self.asked {
            let liars = asked.said.iter().filter(|(_, lies)| **lies).map(|(worker, _)| *worker);
            let liars: Vec<AccountId> = liars.collect();
            assert_eq!(asked.said.len(), asked.drawn.len(), "{}", asked.call.0);
            let agreed = !asked.drawn.is_empty() && liars.len() <= 1;
            charged += u64::from(agreed);
            liars.iter().filter(|_| agreed).for_each(|liar| *faults.entry(*liar).or_default() += 1);
            self.check_end(asked, agreed, &all);
            for (me, ledger) in town.running() {
                assert!(ledger.compared(&asked.call.0).unwrap().is_none(), "{} at {me}", asked.call.0);
                let outcome = ledger.transaction_outcome(asked.call.0).unwrap();
                let disputed = outcome.is_some_and(|o| matches!(o.result, Err(Refusal::Disputed { .. })));
                assert_eq!(disputed, liars.len() > 1, "{} at {me}", asked.call.0);
            }
        }
        for (me, ledger) in town.running() {
            let workers = ledger.workers();
            let found = workers.iter().filter(|(_, record)| record.faults > 0);
            let found: BTreeMap<AccountId, u64> = found.map(|(who, record)| (*who, record.faults)).collect();
            assert_eq!(found, faults, "who is at fault at {me}");
            let lines = ledger.statement(&account(0), u64::MAX, 10_000).unwrap();
            let lines = lines.iter().flat_map(|(_, lines)| lines);
            let calls: u64 =
                lines.filter(|line| line.kind == PostingKind::Calls).map(|line| line.calls).sum();
            assert_eq!(calls, charged, "what is charged at {me}");
        }
    }

    /// What was said first, by whomever, made nothing fire.
    fn check_end(&self, asked: &Asked, agreed: bool, all: &[DerivedNews]) {
        let fired = all.iter().map(|news| &news.call);
        let fired: Vec<_> =
            fired.filter(|call| call.trigger.as_str() == "judged" && call.at == Some(asked.call.0)).collect();
        if asked.drawn.is_empty() {
            assert!(fired.len() <= 1, "{} was run by nobody: {fired:?}", asked.call.0);
            return;
        }
        let [call] = fired[..] else { panic!("{} has ended so: {fired:?}", asked.call.0) };
        let status = if agreed { Status::Ok } else { Status::Unavailable };
        let said: serde_json::Value =
            serde_json::from_slice(call.payload.inline.as_deref().unwrap()).unwrap();
        assert_eq!(said["status"], status.as_str(), "{}", asked.call.0);
    }

    /// Calls for which workers were drawn, and faults.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let drawn = self.asked.iter().filter(|asked| !asked.drawn.is_empty());
        (drawn.count(), self.asked.iter().flat_map(|asked| asked.said.values()).filter(|lies| **lies).count())
    }
}

impl Asked {
    /// The next of the drawn workers speaks; false when there is none that has not.
    fn speak(&mut self, town: &impl Replicas, lies: bool) -> bool {
        if self.drawn.is_empty() {
            let found = town.ledger(self.at).compared(&self.call.0);
            // The first of them: their hour may be over where a clock is ahead, and others asked who have nothing to say.
            let first = |found: ComparedCall| found.workers.into_iter().take(found.places.into()).collect();
            self.drawn = found.ok().flatten().map_or_else(Vec::new, first);
            assert!(!self.drawn.contains(&account(WORKERS)), "it runs another engine than the others");
        }
        let next = self.drawn.iter().copied().find(|worker| !self.said.contains_key(worker));
        let Some(worker) = next else { return false };
        // Whether it came through or not: from now on this is what it says.
        self.said.insert(worker, lies);
        let _ = self.tell(town, worker, lies);
        true
    }

    fn tell(&self, town: &impl Replicas, worker: AccountId, lies: bool) -> Result<EntryId, Refused> {
        // Each liar has a lie of its own.
        let output = if lies { worker.as_bytes().as_slice() } else { b"six" };
        let ledger = town.ledger(self.at);
        match record(&ledger, self.call, worker, output, false) {
            Err(Refused::NotOpen(_)) => record(&ledger, self.call, worker, output, true),
            other => other,
        }
    }
}

/// The last one runs an engine that no other does, so that it is never drawn.
fn register(n: u8) -> Vec<Transaction> {
    let engine = if n == WORKERS { "e-2" } else { "e-1" };
    vec![Transaction::Together { count: 2 }, stake(STAKE), work_with(engine)]
}

/// Has something said that need not be applied, nor come through.
fn say(ledger: &Ledger, by: u8, transactions: Vec<Transaction>) {
    let entries: Vec<Entry> = transactions.into_iter().map(Entry::Transaction).collect();
    let _ = ledger.submit(bundle(ledger, &key(by), ledger.height() + 2000, &entries));
}
