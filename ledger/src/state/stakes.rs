//! Stakes: what accounts bind behind replicas, what they take out of it, and what is burned.
//!
//! ```text
//!  balance ──Stake──► staked ──Unstake──► waiting ── lock-up, and as long as its replica votes ──► balance
//!                        └──────Convict────────┴──► burned
//!  at the end of an epoch: staked ──► bids ──► who is seated
//! ```
//!
//! A replica is behind one account's stake at a time, and stays there until all of the stake is gone: so whoever wants
//! to bring in another replica for it has to wait out the lock-up, or stake more.

use super::postings::PostingKind;
use super::step::{Step, Was};
use super::{Refusal, Revoked, State};
use crate::limits::LOCKUP_STEPS;
use moot_record::limits::{MAX_STAKED_REPLICAS, MAX_WAITING_PARTS};
use moot_record::{AccountId, Candidate, Conviction, Epochs, Signature, Stake, StateKey, Waiting};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A replica with the share of a stake that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bid {
    /// Who stakes.
    pub staker: AccountId,
    /// All that it stakes.
    pub staked: u64,
    /// The replica's place among those that it is behind, from 1 on: the bid is `staked / place`.
    pub place: u32,
    /// The replica.
    pub replica: Candidate,
}

impl Bid {
    /// What it is ranked by, compared without rounding.
    pub(super) fn beats(&self, other: &Bid) -> std::cmp::Ordering {
        let (own, others) = (u128::from(self.staked), u128::from(other.staked));
        (own * u128::from(other.place)).cmp(&(others * u128::from(self.place)))
    }
}

/// All stakes, and who was convicted.
#[derive(Debug, Clone, Default)]
pub struct Stakes {
    stakes: BTreeMap<AccountId, Stake>,
    /// The first height at which something of a stake comes back.
    due: BTreeSet<(u64, AccountId)>,
    /// Whose stake a replica is behind.
    behind: BTreeMap<AccountId, AccountId>,
    convictions: BTreeMap<AccountId, Conviction>,
}

impl Stakes {
    /// What an account has staked.
    #[must_use]
    pub fn get(&self, account: &AccountId) -> Option<&Stake> {
        self.stakes.get(account)
    }

    /// All of them, by account.
    pub fn iter(&self) -> impl Iterator<Item = (&AccountId, &Stake)> {
        self.stakes.iter()
    }

    /// Whose stake a replica is behind.
    #[must_use]
    pub fn staker_of(&self, replica: &AccountId) -> Option<&AccountId> {
        self.behind.get(replica)
    }

    /// The proof that a replica sealed or voted twice, if there is one.
    #[must_use]
    pub fn conviction(&self, replica: &AccountId) -> Option<&Conviction> {
        self.convictions.get(replica)
    }

    /// Every bid, the best first: by what each replica's share of the stake is, then by accounts. A revoked key bids
    /// nothing, and gets no seat.
    #[must_use]
    pub fn bids(&self, revoked: &Revoked) -> Vec<Bid> {
        let mut bids = Vec::new();
        let barred = |replica: &AccountId| self.convictions.contains_key(replica) || revoked.has(replica);
        for (staker, stake) in self.stakes.iter().filter(|(staker, _)| !revoked.has(staker)) {
            let free = stake.replicas.iter().filter(|of| !barred(&of.account));
            let all = (1u32..).zip(free).map(|(place, replica)| Bid {
                staker: *staker,
                staked: stake.staked,
                place,
                replica: *replica,
            });
            // A share of less than one unit is none.
            bids.extend(all.filter(|bid| u64::from(bid.place) <= bid.staked));
        }
        bids.sort_by(|a, b| b.beats(a).then_with(|| a.replica.account.cmp(&b.replica.account)));
        bids
    }

    /// Sets an account's stake; gives what was there. One in which nothing is bound is none.
    pub(super) fn put(&mut self, account: AccountId, stake: Option<Stake>) -> Option<Stake> {
        let stake = stake.filter(|stake| stake.bound() > 0);
        let was = self.stakes.remove(&account);
        if let Some(was) = &was {
            for part in &was.waiting {
                self.due.remove(&(part.until, account));
            }
            for replica in &was.replicas {
                self.behind.remove(&replica.account);
            }
        }
        if let Some(stake) = stake {
            self.due.extend(stake.waiting.first().map(|part| (part.until, account)));
            self.behind.extend(stake.replicas.iter().map(|replica| (replica.account, account)));
            self.stakes.insert(account, stake);
        }
        was
    }

    pub(super) fn put_conviction(&mut self, replica: AccountId, conviction: Option<Conviction>) {
        match conviction {
            Some(conviction) => drop(self.convictions.insert(replica, conviction)),
            None => drop(self.convictions.remove(&replica)),
        }
    }

    /// All that is bound, and all that was ever burned.
    pub(super) fn sums(&self) -> (u128, u128) {
        let part = |stake: &Stake| stake.waiting.iter().map(|part| u128::from(part.amount)).sum::<u128>();
        let bound = self.stakes.values().map(|stake| u128::from(stake.staked) + part(stake)).sum();
        (bound, self.convictions.values().map(|found| u128::from(found.burned)).sum())
    }

    fn first_due(&self, height: u64) -> Option<AccountId> {
        self.due.first().filter(|(until, _)| *until <= height).map(|(_, account)| *account)
    }
}

/// Adds a part to those that wait. Where there are as many as can be, it waits with the last of them.
fn wait(stake: &mut Stake, part: Waiting) {
    if let Some(same) = stake.waiting.iter_mut().find(|other| other.until == part.until) {
        same.amount = same.amount.saturating_add(part.amount);
        return;
    }
    if stake.waiting.len() < MAX_WAITING_PARTS {
        stake.waiting.push(part);
        stake.waiting.sort_unstable_by_key(|part| part.until);
        return;
    }
    if let Some(last) = stake.waiting.last_mut() {
        last.amount = last.amount.saturating_add(part.amount);
        last.until = last.until.max(part.until);
    }
}

/// Burns units of a stake: of what counts for seats first, then of what waits, the last first.
pub(super) fn burn(stake: &mut Stake, amount: u64) {
    let of_staked = stake.staked.min(amount);
    stake.staked -= of_staked;
    let mut left = amount - of_staked;
    for part in stake.waiting.iter_mut().rev() {
        let taken = part.amount.min(left);
        part.amount -= taken;
        left -= taken;
    }
    stake.waiting.retain(|part| part.amount > 0);
}

/// The end of a lock-up that begins at a height, rounded up so that what was unstaked at about one time comes back at
/// one time.
fn after_lockup(begins: u64, lockup: u64) -> u64 {
    let step = (lockup / LOCKUP_STEPS).max(1);
    begins.saturating_add(lockup).div_ceil(step).saturating_mul(step)
}

impl State {
    /// The stakes.
    #[must_use]
    pub fn stakes(&self) -> &Arc<Stakes> {
        &self.stakes
    }

    /// Units are staked, or a replica is named.
    pub(super) fn stake(
        &mut self,
        by: AccountId,
        amount: u64,
        replica: Option<(Candidate, Signature)>,
        step: &mut Step,
    ) -> Result<u32, Refusal> {
        let seats = self.seats.clone().ok_or(Refusal::NoEconomy)?;
        seats.economy().ok_or(Refusal::NoEconomy)?;
        let mut stake = self.stakes.get(&by).cloned().unwrap_or_default();
        if let Some((replica, consent)) = &replica {
            seats.epochs().ok_or(Refusal::FixedCommittee)?;
            replica
                .check_consent(consent, seats.network(), &by)
                .map_err(|_| Refusal::NoConsent { account: replica.account })?;
            if self.stakes.conviction(&replica.account).is_some() {
                return Err(Refusal::Convicted { account: replica.account });
            }
            self.check_usable(&replica.account)?;
            match self.stakes.staker_of(&replica.account) {
                Some(other) if *other != by => return Err(Refusal::ReplicaTaken { account: *other }),
                _ => name(&mut stake, *replica)?,
            }
        }
        stake.staked = stake.staked.checked_add(amount).ok_or(Refusal::Overflow { amount })?;
        if stake.bound() == 0 {
            return Err(Refusal::NothingStaked);
        }
        step.balance(&self.accounts, by);
        self.accounts.withdraw(by, amount)?;
        self.note_bond(by, PostingKind::Bound, amount, step);
        self.put_stake(by, Some(stake), step);
        if let Some((replica, _)) = replica {
            self.change_seats(step, |seats| seats.stands(&replica));
        }
        Ok(0)
    }

    /// Units leave a stake, and wait.
    pub(super) fn unstake(&mut self, by: AccountId, amount: u64, step: &mut Step) -> Result<u32, Refusal> {
        let seats = self.seats.clone().ok_or(Refusal::NoEconomy)?;
        let lockup = seats.economy().ok_or(Refusal::NoEconomy)?.lockup_blocks;
        let mut stake = self.stakes.get(&by).cloned().unwrap_or_default();
        let Some(left) = stake.staked.checked_sub(amount) else {
            return Err(Refusal::StakedLess { staked: stake.staked, needed: amount });
        };
        stake.staked = left;
        let begins = match seats.epochs() {
            // Settled committees vote to the end of the next epoch, and may seal twice until then.
            Some(epochs) if seats.seats_any(step.height, &stake) => {
                epochs.last(epochs.of(step.height).saturating_add(1)).saturating_add(1)
            }
            _ => step.height,
        };
        wait(&mut stake, Waiting { until: after_lockup(begins, lockup), amount });
        self.put_stake(by, Some(stake), step);
        Ok(0)
    }

    /// Gives back what has waited long enough, of at most `most` accounts.
    pub(super) fn give_back_stakes(&mut self, most: usize, step: &mut Step) {
        for _ in 0..most {
            let Some(account) = self.stakes.first_due(step.height) else { return };
            let Some(mut stake) = self.stakes.get(&account).cloned() else { return };
            let due = stake.waiting.iter().take_while(|part| part.until <= step.height);
            let due = due.fold(0u64, |sum, part| sum.saturating_add(part.amount));
            stake.waiting.retain(|part| part.until > step.height);
            if self.accounts.deposit(account, due).is_err() {
                // The genesis sees to it that this cannot be; what waits goes on waiting rather than being lost.
                return;
            }
            self.note_bond(account, PostingKind::Freed, due, step);
            step.touched.insert(StateKey::Account(account));
            step.touched.insert(StateKey::Stake(account));
            Arc::make_mut(&mut self.stakes).put(account, Some(stake));
        }
    }

    /// Ends an epoch of a network that seats by stake.
    pub(super) fn end_epoch(
        &mut self,
        epochs: Epochs,
        lockup: u64,
        block: moot_record::Digest,
        step: &mut Step,
    ) {
        let Some(seats) = &mut self.seats else { return };
        let staying = Arc::make_mut(seats).elect(step.height, block, &self.stakes.bids(&self.revoked));
        step.touched.insert(StateKey::Seats);
        // Who must stay longer than its stake says can seal twice for longer too. Who did already loses no more.
        let begins = epochs.last(epochs.of(step.height).saturating_add(2)).saturating_add(1);
        let until = after_lockup(begins, lockup);
        let staying = staying.iter().filter(|replica| self.stakes.conviction(replica).is_none());
        let stakers: BTreeSet<AccountId> =
            staying.filter_map(|replica| self.stakes.staker_of(replica)).copied().collect();
        for staker in stakers {
            let Some(mut stake) = self.stakes.get(&staker).cloned() else { continue };
            let amount = stake.waiting.iter().fold(0u64, |sum, part| sum.saturating_add(part.amount));
            if amount == 0 {
                continue;
            }
            let last = stake.waiting.last().map_or(until, |part| part.until.max(until));
            stake.waiting = vec![Waiting { until: last, amount }];
            Arc::make_mut(&mut self.stakes).put(staker, Some(stake));
            step.touched.insert(StateKey::Stake(staker));
        }
    }

    pub(super) fn put_stake(&mut self, account: AccountId, stake: Option<Stake>, step: &mut Step) {
        let was = Arc::make_mut(&mut self.stakes).put(account, stake);
        step.touched.insert(StateKey::Stake(account));
        step.undo.push(Was::Stake(account, was));
    }

    /// Changes the seats, if `change` says that it did.
    pub(super) fn change_seats(&mut self, step: &mut Step, change: impl FnOnce(&mut super::Seats) -> bool) {
        let Some(seats) = &mut self.seats else { return };
        let was = seats.clone();
        if change(Arc::make_mut(seats)) {
            step.touched.insert(StateKey::Seats);
            step.undo.push(Was::Seats(Some(was)));
        }
    }
}

/// Puts a replica behind a stake, or moves it.
fn name(stake: &mut Stake, replica: Candidate) -> Result<(), Refusal> {
    if let Some(known) = stake.replicas.iter_mut().find(|known| known.account == replica.account) {
        *known = replica;
        return Ok(());
    }
    if stake.replicas.len() >= MAX_STAKED_REPLICAS {
        return Err(Refusal::TooManyReplicas);
    }
    stake.replicas.push(replica);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 32])
    }

    fn replica(n: u8) -> Candidate {
        let at = |port| SocketAddr::from(([10, 0, 0, n], port));
        Candidate { account: account(n), ledger: at(9080), data: at(10_080) }
    }

    fn staked(staked: u64, replicas: &[u8]) -> Option<Stake> {
        Some(Stake { staked, waiting: vec![], replicas: replicas.iter().copied().map(replica).collect() })
    }

    #[test]
    fn a_large_stake_is_split_into_equal_seats() {
        let mut stakes = Stakes::default();
        stakes.put(account(1), staked(90, &[11, 12, 13]));
        stakes.put(account(2), staked(40, &[21, 22]));
        stakes.put(account(3), staked(1, &[31, 32]));
        stakes.put(account(4), staked(45, &[41]));
        let mut revoked = Revoked::default();
        let ranked: Vec<(u8, u64)> = stakes
            .bids(&revoked)
            .iter()
            .map(|bid| (bid.replica.account.as_bytes()[0], bid.staked / u64::from(bid.place)))
            .collect();
        // 90, 45, 45, 40, 30, 20, 1: and nothing for less than one unit.
        assert_eq!(ranked, [(11, 90), (12, 45), (41, 45), (21, 40), (13, 30), (22, 20), (31, 1)]);
        stakes.put_conviction(
            account(11),
            Some(Conviction {
                said: moot_record::EntryId { lane: 0, batch: 0, bundle: 0, page: 0, slot: 0 },
                burned: 3,
                voted: None,
            }),
        );
        let first = stakes.bids(&revoked);
        assert_eq!((first[0].replica.account, first[0].place), (account(12), 1), "the others move up");
        // The key of a replica, and that of a whole stake.
        [12, 2].into_iter().for_each(|n| revoked.put(account(n), Some(5)));
        let left: Vec<AccountId> = stakes.bids(&revoked).iter().map(|bid| bid.replica.account).collect();
        assert_eq!(left, [13, 41, 31].map(account));
        assert_eq!(stakes.sums(), (90 + 40 + 1 + 45, 3));
    }

    #[test]
    fn what_waits_is_bounded_and_never_comes_early() {
        let mut stake = staked(100, &[]).unwrap();
        for n in 0..40u64 {
            wait(&mut stake, Waiting { until: 100 + n / 2, amount: 1 });
        }
        assert_eq!(stake.waiting.len(), MAX_WAITING_PARTS);
        assert_eq!(stake.bound(), 140);
        assert!(stake.waiting.is_sorted_by(|a, b| a.until < b.until));
        assert_eq!(stake.waiting.last().unwrap().until, 119);
        assert_eq!((after_lockup(7, 800), after_lockup(0, 800), after_lockup(5, 3)), (900, 800, 8));
        assert_eq!(after_lockup(u64::MAX - 1, u64::MAX), u64::MAX);
    }

    #[test]
    fn burning_takes_what_counts_first_and_then_what_comes_last() {
        let part = |until, amount| Waiting { until, amount };
        let full = Stake { waiting: vec![part(5, 10), part(9, 10)], ..staked(10, &[1]).unwrap() };
        for (amount, left, waiting) in [
            (4, 6, vec![part(5, 10), part(9, 10)]),
            (15, 0, vec![part(5, 10), part(9, 5)]),
            (25, 0, vec![part(5, 5)]),
            (30, 0, vec![]),
        ] {
            let mut stake = full.clone();
            burn(&mut stake, amount);
            assert_eq!((stake.staked, &stake.waiting), (left, &waiting), "{amount}");
        }
    }

    #[test]
    fn the_indexes_follow_the_stakes() {
        let mut stakes = Stakes::default();
        let with = Stake { waiting: vec![Waiting { until: 5, amount: 1 }], ..staked(9, &[11]).unwrap() };
        stakes.put(account(1), Some(with.clone()));
        assert_eq!((stakes.first_due(4), stakes.first_due(5)), (None, Some(account(1))));
        assert_eq!(stakes.staker_of(&account(11)), Some(&account(1)));
        assert_eq!(stakes.put(account(1), staked(0, &[11])), Some(with));
        assert!(stakes.get(&account(1)).is_none() && stakes.staker_of(&account(11)).is_none());
        assert!(stakes.due.is_empty());
    }
}
