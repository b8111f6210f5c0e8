//! Charging: who pays for what a block orders, and where it goes.
//!
//! ```text
//!   bundle of a client ──per byte──────────┐
//!   value that a replica wrote down ───────┤
//!   component ──per stored byte────────────┼──► pot ──end of an epoch──► committee, in equal parts
//!   receipt ──┬──ordering──────────────────┤
//!             └──execution──┬──the rest────┘
//!                           └──worker_percent──► who signed the receipt
//! ```
//!
//! Nothing is made or lost: what one account pays another has, or the pot. What a payer does not have is not charged,
//! and stated: it is the loss of the replica that let the call in, which sees to it that it seldom happens.

use super::charges::{Charge, Charges, Elsewhere, Group};
use super::early::Early;
use super::open_batches::OpenBatches;
use super::postings::{Posting, PostingKind};
use super::{Refusal, State};
use crate::limits::PAYOUT_EVERY_BLOCKS;
use moot_record::{AccountId, Economy, Fee, Payer, PriceList, PriceVote, Prices, fee, quorum};
use std::collections::BTreeSet;

/// What the state holds where things are charged.
#[derive(Debug, Clone)]
pub(super) struct Treasury {
    economy: Economy,
    pub(super) list: PriceList,
    /// What a quorum has agreed on in the block that is applied.
    pub(super) agreed: Option<Prices>,
    pub(super) pot: u64,
    pub(super) open: OpenBatches,
    pub(super) early: Early,
}

/// What a block has charged so far.
#[derive(Debug, Default)]
pub(super) struct Till {
    pub(super) postings: Vec<Posting>,
    /// Accounts whose balances are others now.
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) pot: bool,
    pub(super) prices: bool,
    /// Whether the prices in force are others after the block.
    pub(super) agreed: bool,
    /// Bundles of clients that do not count: lane, batch, bundle.
    pub(super) voids: BTreeSet<(u32, u64, u16)>,
}

/// Who pays for the calls of a group, and what each may burn.
pub(super) struct Terms {
    pub(super) payer: AccountId,
    fuel: u64,
    /// Several workers run each: what most of them say is charged, and not what the first says.
    compared: bool,
}

/// What a group has come to.
#[derive(Default, Clone, Copy)]
struct Sum {
    calls: u64,
    ordering: u128,
    execution: u128,
}

impl Treasury {
    pub(super) fn new(economy: Economy, prices: Prices) -> Treasury {
        let list = PriceList { prices, votes: Vec::new() };
        Treasury {
            economy,
            list,
            agreed: None,
            pot: 0,
            open: OpenBatches::default(),
            early: Early::default(),
        }
    }

    /// A member's wish. Those of accounts that are no members any more are forgotten.
    fn vote(&mut self, account: AccountId, prices: Prices, members: &[AccountId]) {
        let votes = &mut self.list.votes;
        votes.retain(|vote| vote.account != account && members.binary_search(&vote.account).is_ok());
        let at = votes.partition_point(|vote| vote.account < account);
        votes.insert(at, PriceVote { account, prices });
        let same = votes.iter().filter(|vote| vote.prices == prices).count();
        if same >= quorum(members.len()) {
            self.agreed = Some(prices);
        }
    }
}

impl State {
    /// The prices in force; none where nothing is charged.
    #[must_use]
    pub fn prices(&self) -> Option<&PriceList> {
        self.treasury.as_ref().map(|treasury| &treasury.list)
    }

    /// What was paid and not paid out yet.
    #[must_use]
    pub fn pot(&self) -> u64 {
        self.treasury.as_ref().map_or(0, |treasury| treasury.pot)
    }

    /// A batch some of whose calls may still be charged.
    #[must_use]
    pub fn open_batch(&self, place: &(u32, u64)) -> Option<&super::OpenBatch> {
        self.treasury.as_ref()?.open.get(place)
    }

    /// Receipts that came before this batch of their calls.
    #[must_use]
    pub fn early_receipts(&self, place: &(u32, u64)) -> &[Elsewhere] {
        self.treasury.as_ref().map_or(&[], |treasury| treasury.early.of(place))
    }

    /// Takes what a bundle's bytes cost from its account; an error when it has not as much.
    pub(super) fn pay_for_bytes(
        &mut self,
        account: AccountId,
        bytes: u64,
        till: &mut Till,
    ) -> Result<(), Refusal> {
        let Some(treasury) = &self.treasury else { return Ok(()) };
        let Fee { ordering, .. } = fee(&treasury.list.prices, bytes, 0);
        let balance = self.accounts.balance(&account);
        if balance < ordering {
            return Err(Refusal::CannotPay { balance, needed: ordering });
        }
        self.pay_pot(account, ordering, till);
        till.post(Posting::new(account, PostingKind::Bundle, None, ordering));
        Ok(())
    }

    /// Moves what is there from an account into the pot.
    pub(super) fn pay_pot(&mut self, account: AccountId, units: u64, till: &mut Till) {
        let Some(treasury) = &mut self.treasury else { return };
        if units == 0 {
            return;
        }
        let balance = self.accounts.balance(&account);
        self.accounts.restore(account, balance.saturating_sub(units));
        treasury.pot = treasury.pot.saturating_add(units.min(balance));
        till.accounts.insert(account);
        till.pot = true;
    }

    /// A member of the present committee says what things should cost.
    pub(super) fn vote_prices(&mut self, account: AccountId, prices: Prices) -> Result<u32, Refusal> {
        let (Some(treasury), Some(seats)) = (&mut self.treasury, &self.seats) else {
            return Err(Refusal::NothingCharged);
        };
        let members = &seats.committee(seats.epoch_of(self.height)).members;
        if members.binary_search(&account).is_err() {
            return Err(Refusal::NotMember { account });
        }
        treasury.vote(account, prices, members);
        Ok(0)
    }

    /// Charges what the batches of a block ask for: all of them are open before the first receipt is looked at.
    pub(super) fn charge_all(&mut self, all: &[Charges], time_ms: u64, till: &mut Till) {
        all.iter().for_each(|charges| self.open(charges, time_ms, till));
        for charges in all {
            self.charge(charges, till);
            let Some(treasury) = &mut self.treasury else { return };
            let early = charges
                .early
                .iter()
                .filter(|early| treasury.open.get(&(early.call.lane, early.call.batch)).is_none());
            early.for_each(|early| treasury.early.add(*early, time_ms));
        }
    }

    /// A batch is ordered: its calls may be charged, but for those of void bundles.
    fn open(&mut self, charges: &Charges, time_ms: u64, till: &Till) {
        let Some(treasury) = &mut self.treasury else { return };
        let (lane, seq) = charges.place;
        treasury.early.remove(&charges.place);
        treasury.open.open(charges.place, charges.digest, charges.calls, time_ms);
        for client in &charges.clients {
            if till.voids.contains(&(lane, seq, client.bundle)) {
                let calls = (client.first..client.first.saturating_add(client.count)).map(|call| (call, ()));
                treasury.open.answer(charges.place, calls, |()| {});
            }
        }
    }

    /// Charges what a batch asks for.
    fn charge(&mut self, charges: &Charges, till: &mut Till) {
        let lane = charges.place.0;
        let terms: Vec<Option<Terms>> = charges.groups.iter().map(|group| self.terms(group)).collect();
        let mut sums = vec![Sum::default(); charges.groups.len()];
        let Some(treasury) = &mut self.treasury else { return };
        let prices = treasury.list.prices;
        // Calls of one batch follow each other: one look-up for each run of them.
        for run in charges.receipts.chunk_by(|a, b| a.batch == b.batch) {
            let Some(first) = run.first() else { continue };
            let answers = run.iter().map(|charge| (charge.call, charge));
            treasury.open.answer((lane, first.batch), answers, |charge| {
                let at = charge.group as usize;
                if let (Some(Some(terms)), Some(sum)) = (terms.get(at), sums.get_mut(at))
                    && !terms.compared
                {
                    sum.add(charge, terms, &prices);
                }
            });
        }
        for ((group, terms), sum) in charges.groups.iter().zip(terms).zip(sums) {
            if let Some(terms) = terms.filter(|_| sum.calls > 0) {
                self.settle_group(group, terms.payer, &[group.worker], sum, till);
            }
        }
    }

    /// Charges one call that several workers ran; those that agreed have the worker's share together.
    pub(super) fn charge_one(
        &mut self,
        group: &Group,
        charge: &Charge,
        workers: &[AccountId],
        till: &mut Till,
    ) {
        let (Some(terms), Some(treasury)) = (self.terms(group), &self.treasury) else { return };
        let mut sum = Sum::default();
        sum.add(charge, &terms, &treasury.list.prices);
        self.settle_group(group, terms.payer, workers, sum, till);
    }

    /// Who pays for the calls of a group; none when they cannot have been made so.
    pub(super) fn terms(&self, group: &Group) -> Option<Terms> {
        let record = self.functions.get(&group.function)?;
        let version = record.versions.iter().rev().find(|version| version.spec_digest == group.spec)?;
        if !self.may_call(&version.spec, group.caller.as_ref()) {
            return None;
        }
        let payer = match version.spec.payer {
            Payer::Owner => record.owner,
            Payer::Caller => group.caller?,
        };
        let (fuel, compared) = (version.spec.limits.fuel, version.spec.replicas_k > 1);
        Some(Terms { payer, fuel, compared })
    }

    /// Takes from the payer what there is, for ordering first. The workers share in equal parts, the first has the rest;
    /// those whose keys were revoked get nothing.
    fn settle_group(
        &mut self,
        group: &Group,
        payer: AccountId,
        workers: &[AccountId],
        sum: Sum,
        till: &mut Till,
    ) {
        let Some(percent) = self.treasury.as_ref().map(|treasury| treasury.economy.worker_percent) else {
            return;
        };
        let balance = self.accounts.balance(&payer);
        let fit = |units: u128| u64::try_from(units).unwrap_or(u64::MAX);
        let ordering = fit(sum.ordering).min(balance);
        let execution = fit(sum.execution).min(balance - ordering);
        let unpaid = fit((sum.ordering + sum.execution).saturating_sub(u128::from(ordering + execution)));
        let usable = workers.iter().copied().filter(|worker| !self.revoked.has(worker));
        let workers: Vec<AccountId> = usable.collect();
        let percent = if workers.is_empty() { 0 } else { percent };
        // Rounded up: of a call that costs a unit the worker would get nothing else.
        let share = fit((u128::from(execution) * u128::from(percent)).div_ceil(100));
        self.pay_pot(payer, ordering + execution - share, till);
        let count = (workers.len() as u64).max(1);
        for (place, worker) in workers.iter().enumerate() {
            let part = share / count + if place == 0 { share % count } else { 0 };
            if part > 0 && self.accounts.transfer(payer, *worker, part).is_ok() {
                till.accounts.extend([payer, *worker]);
                let about = Some(group.function.clone());
                till.post(Posting {
                    calls: sum.calls,
                    ..Posting::new(*worker, PostingKind::Work, about, part)
                });
            }
        }
        till.post(Posting {
            calls: sum.calls,
            unpaid,
            ..Posting::new(payer, PostingKind::Calls, Some(group.function.clone()), ordering + execution)
        });
    }

    /// What is left to do at the end of a block: new prices, and the pot's shares when an epoch ends.
    pub(super) fn close_till(&mut self, till: &mut Till) {
        let height = self.height;
        let Some(treasury) = &mut self.treasury else { return };
        if let Some(prices) = treasury.agreed.take() {
            treasury.list.votes.retain(|vote| vote.prices != prices);
            till.agreed = treasury.list.prices != prices;
            treasury.list.prices = prices;
            till.prices = true;
        }
        let Some(seats) = &self.seats else { return };
        let due = match seats.epochs() {
            Some(epochs) => epochs.is_last(height),
            None => height.is_multiple_of(PAYOUT_EVERY_BLOCKS),
        };
        let members = seats.committee(seats.epoch_of(height)).members.clone();
        let share = treasury.pot.checked_div(members.len() as u64).unwrap_or(0);
        if !due || share == 0 {
            return;
        }
        treasury.pot -= share * members.len() as u64;
        till.pot = true;
        for member in members {
            let balance = self.accounts.balance(&member);
            self.accounts.restore(member, balance.saturating_add(share));
            till.accounts.insert(member);
            till.post(Posting::new(member, PostingKind::Committee, None, share));
        }
    }
}

impl Sum {
    fn add(&mut self, charge: &Charge, terms: &Terms, prices: &Prices) {
        let whole = fee(prices, charge.bytes, charge.fuel.min(terms.fuel));
        let paid = fee(prices, charge.paid_bytes, 0);
        self.calls += 1;
        self.ordering += u128::from(whole.ordering.saturating_sub(paid.ordering));
        self.execution += u128::from(whole.execution);
    }
}
