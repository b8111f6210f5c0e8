//! Calls that several workers run: who is drawn, what is charged, who is found at fault; in the state machine alone.

use crate::working::{FUNDS, LOCKUP, account, charging, deploy, function, offer, stake, work, work_with};
use crate::world::name;
use moot_ledger::limits::{COMPARED_PATIENCE_MS, MAX_COMPARED_A_BLOCK};
use moot_ledger::state::{Block, Changes, FollowedCall, FollowedReceipt, OrderedBundle, Seats, State};
use moot_ledger::{ComparedCall, PostingKind, Refusal};
use moot_record::testing::Network;
use moot_record::{
    AccountId, Digest, Engine, EntryId, Payload, Spec, Status, Transaction, WorkOffer, component_digest,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A state with a count of what was said to it.
pub(crate) struct Machine {
    pub(crate) state: State,
    spec: Spec,
    said: u64,
    pub(crate) time_ms: u64,
}

impl Machine {
    /// A machine where the function is deployed, and these are workers with 1000 staked.
    pub(crate) fn new(k: u8, workers: &[u8]) -> Machine {
        let genesis = charging(Network::new(1).genesis);
        let state = State::genesis(&genesis, Arc::new(Seats::new(&genesis, Digest::ZERO)));
        let mut machine = Machine { state, spec: function(k), said: 0, time_ms: 1000 };
        assert_eq!(machine.say(0, deploy(&function(k))), Ok(1));
        for worker in workers {
            assert_eq!((machine.say(*worker, stake(1000)), machine.say(*worker, work())), (Ok(0), Ok(0)));
        }
        machine
    }

    pub(crate) fn bundle(&mut self, by: AccountId, transactions: &[Transaction]) -> OrderedBundle {
        self.said += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.said.to_le_bytes());
        let batch = self.said;
        let id = |slot| EntryId { lane: 0, batch, bundle: 0, page: 0, slot };
        OrderedBundle {
            digest: Digest::from_bytes(digest),
            account: by,
            own: false,
            counts: !transactions.is_empty(),
            valid_until: self.state.height() + 5,
            first: id(0),
            transactions: (0..).map(id).zip(transactions.iter().cloned()).collect(),
            values: Vec::new(),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn block(&mut self, bundles: Vec<OrderedBundle>) -> Changes {
        let (supply, height, time_ms) = (self.state.supply(), self.state.height() + 1, self.time_ms);
        let digest = component_digest(&height.to_le_bytes());
        let block = Block { height, digest, time_ms, bundles, charges: Vec::new(), to_come: BTreeSet::new() };
        let before = self.state.clone();
        let changes = self.state.apply(&block);
        assert_eq!(self.state.supply(), supply, "no unit is made or lost");
        let mut again = before;
        again.apply(&block);
        assert_eq!(again.root(), self.state.root());
        changes
    }

    pub(crate) fn say(&mut self, by: u8, transaction: Transaction) -> Result<u32, Refusal> {
        let bundle = self.bundle(account(by), &[transaction]);
        let id = bundle.first;
        let changes = self.block(vec![bundle]);
        changes.outcomes.into_iter().find(|(of, _)| *of == id).unwrap().1.result
    }

    /// A call of the function, recorded by the replica.
    pub(crate) fn call(&mut self) -> EntryId {
        let (id, bundle) = self.calling();
        self.block(vec![bundle]);
        id
    }

    pub(crate) fn calling(&mut self) -> (EntryId, OrderedBundle) {
        let replica = Network::new(1).validators[0].account();
        let mut bundle = self.bundle(replica, &[]);
        let (id, number) = (bundle.first, self.said);
        bundle.own = true;
        let call = FollowedCall {
            function: name("sum"),
            caller: None,
            idempotency: None,
            parent: None,
            digest: component_digest(&number.to_be_bytes()),
            component: component_digest(b"sum"),
            spec: self.spec.digest(),
            fuel_limit: 100,
            bytes: 200,
        };
        bundle.calls.push((id, call));
        (id, bundle)
    }

    pub(crate) fn drawn(&self, call: &EntryId) -> Option<ComparedCall> {
        self.state.compared(call).map(|found| (**found).clone())
    }

    /// What a worker says of a call: this output, ten of fuel.
    pub(crate) fn receipt(
        &mut self,
        call: &EntryId,
        digest: Digest,
        worker: AccountId,
        output: &[u8],
    ) -> OrderedBundle {
        let mut bundle = self.bundle(worker, &[]);
        let receipt = FollowedReceipt {
            call: *call,
            call_digest: digest,
            component: component_digest(b"sum"),
            status: Status::Ok,
            output: Payload::of(output),
            fuel: 10,
            metered: true,
            bytes: 300,
        };
        bundle.receipts.push((bundle.first, receipt));
        bundle
    }

    /// The same in a block of its own; the receipt's address.
    pub(crate) fn answer(
        &mut self,
        drawn: &ComparedCall,
        worker: AccountId,
        output: &[u8],
    ) -> (EntryId, Changes) {
        let bundle = self.receipt(&drawn.call, drawn.call_digest, worker, output);
        (bundle.first, self.block(vec![bundle]))
    }

    pub(crate) fn faults(&self, worker: &AccountId) -> (u64, u64) {
        self.state.workers().get(worker).map_or((0, 0), |record| (record.faults, record.burned))
    }

    fn staked(&self, worker: &AccountId) -> u64 {
        self.state.stakes().get(worker).map_or(0, |stake| stake.staked)
    }
}

/// What a call with its receipt costs: 200 and 300 bytes, and ten of fuel.
pub(crate) const COST: u64 = 500 + 10;

#[test]
fn the_first_receipt_that_most_agree_on_is_charged_once() {
    let mut machine = Machine::new(3, &[1, 2, 3, 4]);
    let before = machine.state.balance(&account(0));
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    assert_eq!((drawn.workers.len(), drawn.majority(), drawn.agreed), (3, 2, None));
    let worked: Vec<u64> = drawn.workers.iter().map(|worker| machine.state.balance(worker)).collect();
    let (first, _) = machine.answer(&drawn, drawn.workers[1], b"six");
    assert_eq!(machine.state.balance(&account(0)), before, "one alone is not believed");
    let (_, changes) = machine.answer(&drawn, drawn.workers[0], b"six");
    assert_eq!(machine.drawn(&call).unwrap().agreed, Some(first));
    assert_eq!(machine.state.balance(&account(0)), before - COST);
    let lines = |kind| changes.postings.iter().filter(move |line| line.kind == kind).count();
    assert_eq!((lines(PostingKind::Calls), lines(PostingKind::Work)), (1, 2));
    // Saying it twice, and the third: nobody pays again.
    machine.answer(&drawn, drawn.workers[0], b"seven");
    let (_, changes) = machine.answer(&drawn, drawn.workers[2], b"six");
    assert!(changes.postings.is_empty() && machine.drawn(&call).is_none());
    assert_eq!(machine.state.balance(&account(0)), before - COST);
    let gained: Vec<u64> =
        drawn.workers.iter().zip(worked).map(|(w, had)| machine.state.balance(w) - had).collect();
    // Half of ten is theirs: the first has what cannot be halved.
    assert_eq!(gained, [2, 3, 0]);
    assert!(drawn.workers.iter().all(|worker| machine.faults(worker) == (0, 0)));
}

#[test]
fn the_odd_one_out_loses_stake_and_its_place_whenever_it_speaks() {
    for place in 0..3 {
        let mut machine = Machine::new(3, &[1, 2, 3]);
        let call = machine.call();
        let drawn = machine.drawn(&call).unwrap();
        let mut said = Vec::new();
        for (n, worker) in drawn.workers.iter().enumerate() {
            let output: &[u8] = if n == place { b"five" } else { b"six" };
            said.push(machine.answer(&drawn, *worker, output).0);
        }
        let odd = drawn.workers[place];
        let record = machine.state.workers().get(&odd).unwrap().clone();
        let fault = record.last[0];
        let first = said[usize::from(place == 0)];
        assert_eq!((fault.call, fault.receipt, fault.agreed, fault.burned), (call, said[place], first, 100));
        assert_eq!((record.offer, record.faults, record.burned), (None, 1, 100));
        assert_eq!((machine.staked(&odd), machine.state.balance(&odd)), (900, FUNDS - 1000));
        // Two are left, and three are asked for.
        let next = machine.call();
        assert!(machine.drawn(&next).is_none());
        let by = (1..=3).find(|n| account(*n) == odd).unwrap();
        assert_eq!(machine.say(by, work()), Ok(0), "it may come back, with what it has left");
        let next = machine.call();
        assert!(machine.drawn(&next).is_some());
        assert_eq!(machine.faults(&odd), (1, 100), "what it did stays");
    }
}

#[test]
fn without_a_majority_nobody_is_charged_and_nobody_is_to_blame() {
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let before = machine.state.balance(&account(0));
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    for (worker, output) in drawn.workers.iter().zip([b"five", b"sixx", b"nine"]) {
        machine.answer(&drawn, *worker, output);
    }
    assert!(machine.drawn(&call).is_none());
    assert_eq!(machine.state.balance(&account(0)), before);
    assert!(drawn.workers.iter().all(|worker| machine.faults(worker) == (0, 0)));

    // Who says nothing is not waited for for ever.
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    machine.answer(&drawn, drawn.workers[0], b"six");
    machine.time_ms = drawn.until_ms - 1;
    machine.block(vec![]);
    assert!(machine.drawn(&call).is_some());
    assert!(drawn.until_ms > COMPARED_PATIENCE_MS);
    machine.time_ms += 1;
    machine.block(vec![]);
    assert!(machine.drawn(&call).is_none());
    machine.answer(&drawn, drawn.workers[1], b"six");
    assert_eq!(machine.state.balance(&account(0)), before, "too late");
}

#[test]
fn a_slow_worker_is_not_at_fault() {
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    let mut slow = machine.receipt(&call, drawn.call_digest, drawn.workers[0], b"");
    slow.receipts[0].1.status = Status::Deadline;
    machine.block(vec![slow]);
    machine.answer(&drawn, drawn.workers[1], b"six");
    machine.answer(&drawn, drawn.workers[2], b"six");
    assert!(machine.drawn(&call).is_none());
    assert!(drawn.workers.iter().all(|worker| machine.faults(worker) == (0, 0)));
}

#[test]
fn only_what_a_drawn_worker_says_of_that_very_call_is_compared() {
    let mut machine = Machine::new(3, &[1, 2, 3, 4]);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    let stranger = (1..=4).map(account).find(|worker| !drawn.workers.contains(worker)).unwrap();
    let worker = drawn.workers[0];
    let of_stranger = machine.receipt(&call, drawn.call_digest, stranger, b"five");
    let of_another = machine.receipt(&call, Digest::ZERO, worker, b"five");
    let mut from_a_client = machine.receipt(&call, drawn.call_digest, worker, b"five");
    from_a_client.counts = true;
    let mut elsewhere = machine.receipt(&call, drawn.call_digest, worker, b"five");
    elsewhere.receipts[0].0.lane = 1;
    machine.block(vec![of_stranger, of_another, from_a_client, elsewhere]);
    assert!(machine.drawn(&call).unwrap().said.is_empty());
}

#[test]
fn whoever_leaves_answers_with_its_stake_until_the_lockup_is_over() {
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    let odd = drawn.workers[0];
    let by = (1..=3).find(|n| account(*n) == odd).unwrap();
    assert_eq!(machine.say(by, Transaction::Work { offer: None }), Ok(0));
    assert_eq!(machine.say(by, Transaction::Work { offer: None }), Err(Refusal::NoOffer));
    assert_eq!(machine.say(by, Transaction::Unstake { amount: 1000 }), Ok(0));
    assert_eq!(machine.say(by, work()), Err(Refusal::NoStake));
    for (n, worker) in drawn.workers.iter().enumerate() {
        machine.answer(&drawn, *worker, if n == 0 { b"five" } else { b"six" });
    }
    assert_eq!(machine.faults(&odd), (1, 100));
    for _ in 0..2 * LOCKUP {
        machine.block(vec![]);
    }
    assert_eq!(machine.state.balance(&odd), FUNDS - 100);
}

/// Case 70: a worker's key that was stolen must win no draw and vote on no call once it is revoked.
#[test]
fn case_70_a_revoked_worker_is_drawn_for_no_call_and_not_heard() {
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    assert_eq!(machine.say(1, Transaction::Revoke {}), Ok(0));
    let height = machine.state.height();
    machine.answer(&drawn, account(1), b"five");
    assert!(machine.drawn(&call).unwrap().said.is_empty(), "drawn before, and not heard any more");
    for worker in [2, 3] {
        machine.answer(&drawn, account(worker), b"six");
    }
    assert!(machine.drawn(&call).unwrap().agreed.is_some(), "the others are most of them");
    let next = machine.call();
    assert!(machine.drawn(&next).is_none(), "two are left");
    assert!(machine.state.workers().get(&account(1)).is_none());
    assert_eq!(machine.say(1, work()), Err(Refusal::Revoked { height }));
    // A failed group leaves its offer.
    let group = [Transaction::Together { count: 2 }, Transaction::Revoke {}, stake(1)];
    let bundle = machine.bundle(account(2), &group);
    machine.block(vec![bundle]);
    assert_eq!(machine.state.workers().get(&account(2)).unwrap().offer, Some(offer()));
    assert!(machine.state.revoked().at(&account(2)).is_none());
    // Nor is anybody drawn for a call in a revoked key's name.
    assert_eq!((machine.say(4, stake(1000)), machine.say(4, work())), (Ok(0), Ok(0)));
    let (id, mut bundle) = machine.calling();
    bundle.calls[0].1.caller = Some(account(1));
    machine.block(vec![bundle]);
    assert!(machine.drawn(&id).is_none());
    let next = machine.call();
    assert!(machine.drawn(&next).is_some());
}

#[test]
fn workers_say_what_they_offer_with_a_stake() {
    let mut machine = Machine::new(2, &[]);
    assert_eq!(machine.say(1, work()), Err(Refusal::NoStake));
    // Together, as the command line says it.
    let both = [Transaction::Together { count: 2 }, stake(5), work()];
    let bundle = machine.bundle(account(1), &both);
    machine.block(vec![bundle]);
    let undone = [Transaction::Together { count: 2 }, Transaction::Work { offer: None }, stake(FUNDS)];
    let bundle = machine.bundle(account(1), &undone);
    machine.block(vec![bundle]);
    assert_eq!(machine.state.workers().get(&account(1)).unwrap().offer, Some(offer()));
    // What it does not serve, it is not drawn for.
    machine.say(2, stake(5)).unwrap();
    let other = WorkOffer { functions: Some(vec![name("other")]), ..offer() };
    machine.say(2, Transaction::Work { offer: Some(other) }).unwrap();
    let call = machine.call();
    assert!(machine.drawn(&call).is_none());
    let elsewhere = WorkOffer { replicas: Some(vec![account(0)]), ..offer() };
    machine.say(2, Transaction::Work { offer: Some(elsewhere) }).unwrap();
    let call = machine.call();
    assert!(machine.drawn(&call).is_none());
    let here = WorkOffer { replicas: Some(vec![Network::new(1).validators[0].account()]), ..offer() };
    machine.say(2, Transaction::Work { offer: Some(here) }).unwrap();
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    assert_eq!(drawn.workers.len(), 2);
}

/// Fuel and results of two engines could differ: an honest worker would be found at fault.
#[test]
fn a_draw_never_mixes_engines() {
    let mut machine = Machine::new(2, &[1, 2, 3, 4, 5]);
    let offers = [(1, "e-2"), (2, "e-3"), (3, "e-2"), (4, "e-3"), (5, "e-2")];
    for (by, engine) in offers {
        assert_eq!(machine.say(by, work_with(engine)), Ok(0), "an offer is changed by the next one");
    }
    let [fewer, more] = [[2, 4].map(account).to_vec(), [1, 3, 5].map(account).to_vec()];
    let all_from = |machine: &mut Machine, engine: &str, workers: &[AccountId]| {
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            let call = machine.call();
            let drawn = machine.drawn(&call).unwrap();
            assert_eq!((drawn.engine.as_str(), drawn.workers.len()), (engine, 2));
            assert!(drawn.workers.iter().all(|worker| workers.contains(worker)), "{drawn:?}");
            seen.extend(drawn.workers);
        }
        assert_eq!(seen.len(), workers.len(), "each of them is drawn at some time");
    };
    all_from(&mut machine, "e-2", &more);
    // Two with more stake than three.
    machine.say(2, stake(1001)).unwrap();
    all_from(&mut machine, "e-3", &fewer);
    machine.say(5, stake(1)).unwrap();
    all_from(&mut machine, "e-2", &more);
    let drawn = machine.call();
    // Whoever changes to another engine takes its stake with it; what is drawn stays as it was.
    assert_eq!(machine.say(5, work_with("e-4")), Ok(0));
    all_from(&mut machine, "e-3", &fewer);
    assert_eq!(machine.drawn(&drawn).unwrap().engine.as_str(), "e-2");
}

#[test]
fn too_few_of_the_engine_with_most_behind_it_are_too_few() {
    let mut machine = Machine::new(2, &[1, 2, 3]);
    machine.say(3, stake(1001)).unwrap();
    assert_eq!(machine.say(3, work_with("e-2")), Ok(0));
    let call = machine.call();
    assert!(machine.drawn(&call).is_none(), "one has more staked than two with another, who are not drawn");
    machine.say(1, stake(1)).unwrap();
    let call = machine.call();
    assert_eq!(machine.drawn(&call).unwrap().engine.as_str(), "e-1", "of equal ones the first by name");
    // Who serves another function counts for nothing here.
    machine.say(3, stake(1)).unwrap();
    let call = machine.call();
    assert!(machine.drawn(&call).is_none());
    let other = WorkOffer { functions: Some(vec![name("other")]), ..offer() };
    let other = WorkOffer { engine: Engine::named("e-2"), ..other };
    machine.say(3, Transaction::Work { offer: Some(other) }).unwrap();
    let call = machine.call();
    assert!(machine.drawn(&call).is_some());
}

#[test]
fn of_two_that_differ_nobody_is_named_and_both_receipts_are_written_down() {
    let mut machine = Machine::new(2, &[1, 2]);
    let before = machine.state.balance(&account(0));
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    let (one, _) = machine.answer(&drawn, drawn.workers[0], b"five");
    let history = machine.state.history();
    let (other, changes) = machine.answer(&drawn, drawn.workers[1], b"six");
    let found = changes.outcomes.into_iter().find(|(of, _)| *of == call).unwrap().1;
    assert_eq!(found.result, Err(Refusal::Disputed { one, other }));
    assert_ne!(machine.state.history(), history, "the root commits to it");
    assert!(drawn.workers.iter().all(|worker| machine.faults(worker) == (0, 0)));
    assert_eq!(machine.state.balance(&account(0)), before);

    // The same when a third is waited for in vain; and where one alone has spoken nobody contradicts it.
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let calls = [machine.call(), machine.call()];
    let [both, alone] = calls.map(|call| machine.drawn(&call).unwrap());
    machine.answer(&both, both.workers[0], b"five");
    machine.answer(&both, both.workers[1], b"six");
    machine.answer(&alone, alone.workers[0], b"six");
    machine.time_ms = alone.until_ms;
    let outcomes = machine.block(vec![]).outcomes;
    assert!(outcomes.iter().all(|(of, _)| *of == calls[0]) && outcomes.len() == 1, "{outcomes:?}");
}

/// Where a stack is full and how much memory there is depends on the machine, and a process has nothing to repeat.
#[test]
fn what_differs_by_machine_is_held_against_nobody() {
    let states = [Status::Trapped, Status::LimitExceeded, Status::Denied, Status::Unavailable];
    for status in states {
        for place in 0..3 {
            for (most, odd) in [(Status::Ok, status), (status, Status::Ok)] {
                let mut machine = Machine::new(3, &[1, 2, 3]);
                let call = machine.call();
                let drawn = machine.drawn(&call).unwrap();
                for (n, worker) in drawn.workers.iter().enumerate() {
                    let mut bundle = machine.receipt(&call, drawn.call_digest, *worker, b"six");
                    bundle.receipts[0].1.status = if n == place { odd } else { most };
                    machine.block(vec![bundle]);
                }
                assert!(machine.drawn(&call).is_none());
                let faults = drawn.workers.iter().map(|worker| machine.faults(worker));
                assert!(faults.eq([(0, 0); 3]), "{most} and {odd} at {place}");
            }
        }
    }
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    for (worker, output) in drawn.workers.iter().zip([b"six", b"six", b"odd"]) {
        let mut bundle = machine.receipt(&call, drawn.call_digest, *worker, output);
        bundle.receipts[0].1.metered = false;
        machine.block(vec![bundle]);
    }
    assert!(drawn.workers.iter().all(|worker| machine.faults(worker) == (0, 0)));
}

/// That it burned all its fuel is a count, and no matter of the machine.
#[test]
fn whoever_says_that_the_fuel_is_used_up_must_be_right() {
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let call = machine.call();
    let drawn = machine.drawn(&call).unwrap();
    for (n, worker) in drawn.workers.iter().enumerate() {
        let mut bundle = machine.receipt(&call, drawn.call_digest, *worker, b"six");
        if n == 0 {
            bundle.receipts[0].1.status = Status::OutOfFuel;
        }
        machine.block(vec![bundle]);
    }
    assert_eq!(machine.faults(&drawn.workers[0]), (1, 100));
}

#[test]
fn a_version_is_known_by_component_and_manifest_together() {
    let mut machine = Machine::new(3, &[1, 2, 3]);
    let again = |component: &[u8], previous| {
        Transaction::deploy(name("sum"), component_digest(component), 3, &function(3), Some(previous))
    };
    // Another component under the same manifest: calls that name the first are compared as before.
    assert_eq!(machine.say(0, again(b"new", 1)), Ok(2));
    let call = machine.call();
    assert!(machine.drawn(&call).is_some());
}

/// So that a block with many calls and many workers is no long one.
#[test]
fn a_block_draws_for_so_many_calls_and_no_more() {
    let mut machine = Machine::new(2, &[1, 2]);
    let (calls, bundles): (Vec<_>, Vec<_>) = (0..=MAX_COMPARED_A_BLOCK).map(|_| machine.calling()).unzip();
    machine.block(bundles);
    let drawn = calls.iter().filter(|call| machine.drawn(call).is_some()).count();
    assert_eq!(drawn, MAX_COMPARED_A_BLOCK);
    let next = machine.call();
    assert!(machine.drawn(&next).is_some());
}
