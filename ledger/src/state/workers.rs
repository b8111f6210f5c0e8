//! Workers that registered, and which of them a call is assigned to.
//!
//! ```text
//!  Work ──► offer, while something is staked ──► a draw for each call: those that serve it, by stake ──► the first k
//!              └── found at fault ──► no offer any more; a share of the stake is burned
//! ```
//!
//! Several run one call only where all of them run one engine ([`Workers::alike`]): fuel and results of two could differ, and
//! an honest worker be found at fault.
//!
//! The draw is rendezvous hashing with weights: each worker has a number of its own for each call, and the smallest win.
//! Whoever comes or goes changes only what it gets or had. A number is a hash on a logarithmic scale, divided by the
//! stake: so a worker gets calls in proportion to its stake, and gains nothing by splitting it among accounts.

use super::step::{Step, Was};
use super::{Refusal, Stakes, State};
use crate::limits::MAX_WORKERS;
use moot_record::{
    AccountId, Digest, Domain, Engine, FunctionName, Sandbox, StateKey, WorkOffer, WorkerRecord,
};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DRAW: Domain = Domain::new("moot worker draw 1");

/// All workers that registered, and those that were found at fault.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    records: BTreeMap<AccountId, WorkerRecord>,
    /// Those of them that offer something: only these are gone through for a call.
    offering: BTreeSet<AccountId>,
    /// What was burned of their stakes.
    burned: u128,
}

/// Workers that may run one call together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike<'a> {
    /// What all of them run components with.
    pub engine: &'a Engine,
    /// The workers, with what each has staked.
    pub workers: Vec<(AccountId, u64)>,
}

impl Workers {
    /// What is known of a worker.
    #[must_use]
    pub fn get(&self, account: &AccountId) -> Option<&WorkerRecord> {
        self.records.get(account)
    }

    /// All of them, by account.
    pub fn iter(&self) -> impl Iterator<Item = (&AccountId, &WorkerRecord)> {
        self.records.iter()
    }

    /// Whether nobody offers anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offering.is_empty()
    }

    /// Those with a stake that have the sandbox, serve the function and have joined the replica, with what each has staked.
    pub fn serving(
        &self,
        stakes: &Stakes,
        kind: Sandbox,
        function: &FunctionName,
        replica: &AccountId,
    ) -> impl Iterator<Item = (AccountId, u64)> {
        self.covering(stakes, kind, function, replica).map(|(account, staked, _)| (account, staked))
    }

    /// Those of them that may run one call together, components as they are: all with the engine behind which most is
    /// staked, of equal ones the first by name. None when nobody serves it.
    ///
    /// That these may be fewer than a call is to be run by changes nothing: an engine with less behind it, but more workers,
    /// could be anybody's for a few units.
    #[must_use]
    pub fn alike(&self, stakes: &Stakes, function: &FunctionName, replica: &AccountId) -> Option<Alike<'_>> {
        let mut engines = BTreeMap::<&Engine, (u128, Vec<(AccountId, u64)>)>::new();
        for (account, staked, offer) in self.covering(stakes, Sandbox::Component, function, replica) {
            let (behind, workers) = engines.entry(&offer.engine).or_default();
            *behind += u128::from(staked);
            workers.push((account, staked));
        }
        // Of equal ones the last is taken.
        let (engine, (_, workers)) = engines.into_iter().rev().max_by_key(|(_, (behind, _))| *behind)?;
        Some(Alike { engine, workers })
    }

    fn covering(
        &self,
        stakes: &Stakes,
        kind: Sandbox,
        function: &FunctionName,
        replica: &AccountId,
    ) -> impl Iterator<Item = (AccountId, u64, &WorkOffer)> {
        self.offering.iter().filter_map(move |account| {
            let (staked, offer) = self.covers(stakes, account, kind, function, replica)?;
            Some((*account, staked, offer))
        })
    }

    /// What a worker has staked, and what it offers, if that covers this.
    pub(super) fn covers(
        &self,
        stakes: &Stakes,
        account: &AccountId,
        kind: Sandbox,
        function: &FunctionName,
        replica: &AccountId,
    ) -> Option<(u64, &WorkOffer)> {
        let offer = self.records.get(account)?.offer.as_ref()?;
        let staked = staked(stakes, account);
        (staked > 0 && offer.covers(kind, function, replica)).then_some((staked, offer))
    }

    /// Sets what is known of a worker; gives what was there. One that offers nothing and has no faults is none.
    pub(super) fn put(&mut self, account: AccountId, record: Option<WorkerRecord>) -> Option<WorkerRecord> {
        let record = record.filter(|record| record.offer.is_some() || record.faults > 0);
        let was = self.records.remove(&account);
        if let Some(was) = &was {
            self.offering.remove(&account);
            self.burned -= u128::from(was.burned);
        }
        if let Some(record) = record {
            if record.offer.is_some() {
                self.offering.insert(account);
            }
            self.burned += u128::from(record.burned);
            self.records.insert(account, record);
        }
        was
    }

    /// The one of those that offer something that answers with least, where there are as many as may be.
    fn least(&self, stakes: &Stakes) -> Option<(u64, AccountId)> {
        let full = self.offering.len() >= MAX_WORKERS;
        let all = self.offering.iter().filter(|_| full);
        all.map(|account| (staked(stakes, account), *account)).min()
    }

    /// All that was ever burned for faults.
    pub(super) fn burned(&self) -> u128 {
        self.burned
    }
}

fn staked(stakes: &Stakes, account: &AccountId) -> u64 {
    stakes.get(account).map_or(0, |stake| stake.staked)
}

/// The workers that a call goes to: at most `k` of the candidates, who come with their stakes. `seed` is what the call is
/// drawn by.
#[must_use]
pub fn assigned(
    seed: &Digest,
    function: &FunctionName,
    candidates: impl IntoIterator<Item = (AccountId, u64)>,
    k: usize,
) -> Vec<AccountId> {
    let mut drawn: Vec<Lot> = candidates
        .into_iter()
        .filter(|(_, staked)| *staked > 0)
        .map(|(account, staked)| Lot::draw(seed, function, account, staked))
        .collect();
    drawn.sort_unstable_by(Lot::compare);
    drawn.into_iter().take(k).map(|lot| lot.account).collect()
}

/// A worker's number for a call: `depth / staked`, compared without rounding.
struct Lot {
    account: AccountId,
    depth: u64,
    staked: u64,
}

impl Lot {
    fn draw(seed: &Digest, function: &FunctionName, account: AccountId, staked: u64) -> Lot {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(seed.as_bytes());
        bytes.extend_from_slice(account.as_bytes());
        bytes.extend_from_slice(function.as_str().as_bytes());
        let hash = DRAW.hash(&bytes);
        let first = hash.as_bytes().first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first));
        Lot { account, depth: depth(first), staked }
    }

    fn compare(&self, other: &Lot) -> Ordering {
        let (own, others) = (u128::from(self.depth), u128::from(other.depth));
        let by_share = (own * u128::from(other.staked)).cmp(&(others * u128::from(self.staked)));
        by_share.then_with(|| self.account.cmp(&other.account))
    }
}

/// Bits after the point of [`depth`].
const FRACTION: u32 = 40;

/// How far `hash + 1` is below 2^64 in powers of two: `64 - log2(hash + 1)`, with [`FRACTION`] bits after the point. In
/// whole numbers, so that every machine has the same.
fn depth(hash: u64) -> u64 {
    let Some(x) = hash.checked_add(1) else { return 0 };
    let whole = x.ilog2();
    // From 1 to 2, with 63 bits after the point.
    let mut rest = u128::from(x << (63 - whole));
    let mut log = u64::from(whole);
    for _ in 0..FRACTION {
        rest = (rest * rest) >> 63;
        let bit = rest >> 64;
        rest >>= bit;
        log = log << 1 | u64::from(bit == 1);
    }
    (64 << FRACTION) - log
}

impl State {
    /// The workers.
    #[must_use]
    pub fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    /// A worker says what it offers, or that it offers nothing any more.
    pub(super) fn work(
        &mut self,
        by: AccountId,
        offer: Option<&WorkOffer>,
        step: &mut Step,
    ) -> Result<u32, Refusal> {
        let seats = self.seats.as_ref().ok_or(Refusal::NoEconomy)?;
        seats.economy().ok_or(Refusal::NoEconomy)?;
        let present = self.workers.get(&by);
        let offers = present.is_some_and(|record| record.offer.is_some());
        let staked = staked(&self.stakes, &by);
        let mut displaced = None;
        match offer {
            None if !offers => return Err(Refusal::NoOffer),
            Some(_) if staked == 0 => return Err(Refusal::NoStake),
            // Else many accounts with a unit each could keep everybody else out.
            Some(_) if !offers => {
                displaced = self.workers.least(&self.stakes);
                if displaced.is_some_and(|(least, _)| least >= staked) {
                    return Err(Refusal::TooManyWorkers);
                }
            }
            _ => {}
        }
        let record = present.cloned().unwrap_or_default();
        if let Some((_, out)) = displaced {
            let record = self.workers.get(&out).cloned().unwrap_or_default();
            self.put_worker(out, WorkerRecord { offer: None, since: step.height, ..record }, step);
        }
        self.put_worker(by, WorkerRecord { offer: offer.cloned(), since: step.height, ..record }, step);
        Ok(0)
    }

    pub(super) fn put_worker(&mut self, account: AccountId, record: WorkerRecord, step: &mut Step) {
        let was = Arc::make_mut(&mut self.workers).put(account, Some(record));
        step.touch(StateKey::Worker(account));
        step.undo.push(Was::Worker(account, was.map(Box::new)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::Stake;

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 32])
    }

    fn seed(n: u32) -> Digest {
        DRAW.hash(&n.to_be_bytes())
    }

    fn name() -> FunctionName {
        FunctionName::parse("sum").unwrap()
    }

    /// A worker for everything.
    fn with(engine: &'static str) -> Option<WorkerRecord> {
        let kinds = vec![Sandbox::Component];
        let offer = WorkOffer { kinds, functions: None, replicas: None, engine: Engine::named(engine) };
        Some(WorkerRecord { offer: Some(offer), ..WorkerRecord::default() })
    }

    #[test]
    fn the_scale_is_a_logarithm_on_every_machine() {
        assert_eq!((depth(0), depth(u64::MAX)), (64 << FRACTION, 0));
        assert_eq!((depth((1 << 63) - 1), depth((1 << 32) - 1)), (1 << FRACTION, 32 << FRACTION));
        for hash in [1u64, 12_345, 1 << 40, (1 << 62) + 987_654_321, u64::MAX - 5] {
            let float = 64.0 - (hash as f64 + 1.0).log2();
            let ours = depth(hash) as f64 / (1u64 << FRACTION) as f64;
            assert!((float - ours).abs() < 1e-9, "{hash}: {ours} and {float}");
        }
        // Written down: another machine that differs here would leave the network.
        assert_eq!(depth(0x0123_4567_89ab_cdef), 8_591_343_276_641);
    }

    #[test]
    fn who_leaves_changes_nothing_for_the_others() {
        let all: Vec<(AccountId, u64)> = (1..=9).map(|n| (account(n), 10)).collect();
        let mut moved = 0;
        for n in 0..500 {
            let with = assigned(&seed(n), &name(), all.clone(), 3);
            assert_eq!(with.len(), 3);
            assert!(with.iter().all(|one| with.iter().filter(|other| *other == one).count() == 1));
            let without: Vec<_> = all.iter().copied().filter(|(who, _)| *who != account(4)).collect();
            let after = assigned(&seed(n), &name(), without, 3);
            let kept: Vec<_> = with.iter().copied().filter(|who| *who != account(4)).collect();
            assert_eq!(after[..kept.len()], kept[..]);
            moved += usize::from(with.len() != kept.len());
        }
        assert!((120..220).contains(&moved), "a third of the calls were also the one's that left: {moved}");
    }

    #[test]
    fn calls_come_in_proportion_to_stakes_however_they_are_split() {
        let count = |candidates: &[(AccountId, u64)], of: &[u8]| {
            let first = |n| assigned(&seed(n), &name(), candidates.to_vec(), 1)[0];
            (0..2000).filter(|n| of.iter().any(|one| account(*one) == first(*n))).count()
        };
        let whole = count(&[(account(1), 300), (account(2), 100)], &[1]);
        let split =
            count(&[(account(1), 100), (account(3), 100), (account(4), 100), (account(2), 100)], &[1, 3, 4]);
        assert!((1420..1580).contains(&whole), "{whole}");
        assert!((1420..1580).contains(&split), "{split}");
        assert!(
            assigned(&seed(1), &name(), [(account(1), 0)], 1).is_empty(),
            "nothing staked, nothing drawn"
        );
    }

    #[test]
    fn those_alike_are_of_the_engine_with_most_behind_it() {
        let (mut workers, mut stakes) = (Workers::default(), Stakes::default());
        let stake = |stakes: &mut Stakes, n, staked| {
            stakes.put(account(n), Some(Stake { staked, ..Stake::default() }));
        };
        let alike = |workers: &Workers, stakes: &Stakes| {
            let Alike { engine, workers } = workers.alike(stakes, &name(), &account(9))?;
            Some((engine.to_string(), workers.iter().map(|(who, _)| who.as_bytes()[0]).collect::<Vec<_>>()))
        };
        let found = |engine: &str, who: &[u8]| Some((engine.to_owned(), who.to_vec()));
        assert_eq!(alike(&workers, &stakes), None);
        let all = [(1, "e-1", 10), (2, "e-2", 7), (3, "e-1", 10), (4, "e-2", 8), (5, "e-2", 5)];
        for (n, engine, staked) in all {
            workers.put(account(n), with(engine));
            stake(&mut stakes, n, staked);
        }
        assert_eq!(alike(&workers, &stakes), found("e-1", &[1, 3]), "equal, so the first by name");
        stake(&mut stakes, 5, 6);
        assert_eq!(alike(&workers, &stakes), found("e-2", &[2, 4, 5]));
        // Who has nothing staked, or another sandbox, is none of them.
        stake(&mut stakes, 5, 0);
        assert_eq!(alike(&workers, &stakes), found("e-1", &[1, 3]));
        let mut external = with("e-1").unwrap();
        external.offer.as_mut().unwrap().kinds = vec![Sandbox::External];
        workers.put(account(3), Some(external));
        assert_eq!(alike(&workers, &stakes), found("e-2", &[2, 4]));
        // Sums that are more than can be staked.
        [1, 2].into_iter().for_each(|n| stake(&mut stakes, n, u64::MAX));
        assert_eq!(alike(&workers, &stakes), found("e-2", &[2, 4]));
    }

    #[test]
    fn the_one_with_least_has_to_go_when_all_places_are_taken() {
        let (mut workers, mut stakes) = (Workers::default(), Stakes::default());
        for n in 0..MAX_WORKERS as u64 {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            let account = AccountId::from_bytes(bytes);
            assert_eq!(workers.least(&stakes), None, "there is room");
            workers.put(account, with("e-1"));
            stakes.put(account, Some(Stake { staked: 5000 - n, ..Stake::default() }));
        }
        let (least, account) = workers.least(&stakes).unwrap();
        assert_eq!(least, 5000 - (MAX_WORKERS as u64 - 1));
        workers.put(account, None);
        assert_eq!(workers.least(&stakes), None);
    }

    #[test]
    fn the_sums_follow_the_records() {
        let mut workers = Workers::default();
        workers.put(account(1), with("e-1"));
        assert!(!workers.is_empty());
        let faulty = WorkerRecord { faults: 1, burned: 7, ..WorkerRecord::default() };
        workers.put(account(1), Some(faulty.clone()));
        assert_eq!((workers.is_empty(), workers.burned()), (true, 7));
        assert_eq!(workers.put(account(1), None), Some(faulty));
        assert_eq!((workers.burned(), workers.get(&account(1))), (0, None));
        workers.put(account(1), Some(WorkerRecord::default()));
        assert!(workers.get(&account(1)).is_none(), "with nothing to say there is no record");
    }
}
