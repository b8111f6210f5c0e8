//! Applying a block: bundle by bundle, transaction by transaction, some of them together.
//!
//! ```text
//!  bundle counts? ──no──► its transactions are refused
//!       │ yes
//!       ▼
//!  transaction ──► change ──► outcome            together n ──► n changes ──► all kept, or all undone
//!                    └─ what was there before ──► undo ───────────────────────────────────┘
//! ```

use super::postings::{Posting, PostingKind};
use super::step::{Step, Was};
use super::treasury::Till;
use super::values::Verdicts;
use super::{Block, Changes, OrderedBundle, Outcome, Refusal, RuleRecord, Seat, State};
use super::{history, registry};
use crate::limits::{CROWDED_VALIDITY_BLOCKS, MAX_COUNTED_BUNDLES, MAX_RETURNS_A_BLOCK, MAX_VALIDITY_BLOCKS};
use moot_record::{
    AccountId, Digest, EntryId, FunctionName, Hold, Pattern, Role, StateKey, Transaction, storage_fee,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A transaction with its address.
type Said = (EntryId, Transaction);

impl State {
    /// Applies the next block. The caller sees to the order of heights.
    pub fn apply(&mut self, block: &Block) -> Changes {
        let supply = cfg!(debug_assertions).then(|| self.supply());
        self.height = block.height;
        self.counted = self.counted.split_off(&(block.height, Digest::ZERO));
        let (changes, touched) = (Changes::default(), BTreeSet::new());
        let (height, time_ms) = (block.height, block.time_ms);
        let till = Till::default();
        let undo = Vec::new();
        let to_come = self.depths_to_come(block);
        let mut step = Step {
            height,
            time_ms,
            changes,
            derived: 0,
            to_come,
            drawn: 0,
            touched,
            undo,
            till,
            owed_bytes: 0,
        };
        let given = self.give_back_holds(MAX_RETURNS_A_BLOCK, &mut step);
        self.give_back_stakes(MAX_RETURNS_A_BLOCK - given, &mut step);
        if let Some(treasury) = &mut self.treasury {
            treasury.open.expire(block.time_ms);
            treasury.early.expire(block.time_ms);
        }
        let mut verdicts = Verdicts::ahead(block, &self.rules);
        for bundle in &block.bundles {
            step.owed_bytes = 0;
            step.to_come.remove(&(bundle.first.lane, bundle.first.batch));
            let counts = match bundle.counts {
                true => self.count(bundle, &mut step),
                false => Ok(()),
            };
            match &counts {
                Ok(()) => self.apply_bundle(bundle, &mut step),
                Err(refusal) => self.void(bundle, refusal, &mut step),
            }
            if counts.is_ok() {
                self.follow_calls(block, bundle, &mut step);
                self.draw_workers(block, bundle, &mut step);
            }
            self.judge_values(block, bundle, counts.err(), &mut verdicts, &mut step);
            self.follow_receipts(block, bundle, &mut step);
            self.compare_receipts(block, bundle, &mut step);
        }
        self.fire_schedules(block, &mut step);
        self.ask_others(block, &mut step);
        // First what has ended: a derived call that nobody is waited for any more is no other lane's to run.
        self.end_compared(block, &mut step);
        self.pass_on(block, &mut step);
        self.charge_all(&block.charges, block.time_ms, &mut step.till);
        self.close_till(&mut step.till);
        self.end_of_epoch(block, &mut step);
        // Looked at after every block of every test, those of several processes included.
        debug_assert_eq!(
            supply,
            cfg!(debug_assertions).then(|| self.supply()),
            "block {height} makes or loses units"
        );
        self.settle(step)
    }

    /// Settles a committee, if the block is the last of its epoch.
    fn end_of_epoch(&mut self, block: &Block, step: &mut Step) {
        let Some(seats) = &mut self.seats else { return };
        let Some(epochs) = seats.epochs().filter(|epochs| epochs.is_last(block.height)).copied() else {
            return;
        };
        if let Some(lockup) = seats.economy().map(|economy| economy.lockup_blocks) {
            self.end_epoch(epochs, lockup, block.digest, step);
        } else if Arc::make_mut(seats).end(block.height, block.digest) {
            step.touched.insert(StateKey::Seats);
        }
    }

    /// Makes the root, and gathers what has to be written down.
    fn settle(&mut self, step: Step) -> Changes {
        let Step { mut changes, mut touched, mut till, .. } = step;
        touched.extend(till.accounts.iter().copied().map(StateKey::Account));
        touched.extend(till.pot.then_some(StateKey::Pot));
        touched.extend(till.prices.then_some(StateKey::Prices));
        changes.postings = till.take_postings();
        changes.prices = self.prices().filter(|_| till.agreed).cloned();
        if let Some(treasury) = &mut self.treasury {
            changes.open = treasury.open.take_changes();
            changes.early = treasury.early.take_changes();
        }
        if !changes.outcomes.is_empty() {
            touched.insert(StateKey::History);
        }
        for key in &touched {
            match key {
                StateKey::History => {}
                StateKey::Seats => changes.seats = self.seats.clone(),
                StateKey::Function(name) => changes.functions.extend(self.functions.get(name).cloned()),
                StateKey::Account(_)
                | StateKey::Owner(_)
                | StateKey::Rule(_)
                | StateKey::Hold(_)
                | StateKey::Stake(_)
                | StateKey::Conviction(_)
                | StateKey::Prices
                | StateKey::Pot
                | StateKey::Trigger(_)
                | StateKey::Derived(..)
                | StateKey::Watched(_)
                | StateKey::Worker(_)
                | StateKey::Compared(_) => changes.rows.push((key.clone(), self.value(key))),
            }
        }
        self.plant(touched);
        changes
    }

    /// Whether a bundle counts: valid, and the first of its digest. Two replicas may record one bundle, each
    /// before it knows of the other: the one that the blocks name first counts, on every replica alike. Digests
    /// are remembered while they are valid, so validity is bounded here too: not every replica that seals is
    /// honest about it.
    fn count(&mut self, bundle: &OrderedBundle, step: &mut Step) -> Result<(), Refusal> {
        if bundle.valid_until < step.height {
            return Err(Refusal::Expired { valid_until: bundle.valid_until });
        }
        let allowed = self.validity();
        if allowed.is_none_or(|allowed| bundle.valid_until > step.height.saturating_add(allowed)) {
            return Err(Refusal::TooFarAhead { valid_until: bundle.valid_until });
        }
        let key = (bundle.valid_until, bundle.digest);
        if self.counted.contains(&key) {
            return Err(Refusal::Duplicate);
        }
        // Void for ever, so there is nothing to remember.
        self.check_signer(&bundle.account)?;
        self.counted.insert(key);
        step.changes.counted.push(key);
        if self.pays_itself(bundle, step.height) {
            step.owed_bytes = bundle.bytes;
            return Ok(());
        }
        // One that cannot pay is remembered too: else it could be sent again and again for nothing.
        self.pay_for_bytes(bundle.account, bundle.bytes, &mut step.till)
    }

    /// For how many blocks a bundle that counts from now on may be valid; none while there is no room to remember it.
    /// What is remembered follows from the blocks, so every replica says the same.
    #[must_use]
    pub fn validity(&self) -> Option<u64> {
        match self.counted.len() {
            few if few < MAX_COUNTED_BUNDLES / 2 => Some(MAX_VALIDITY_BLOCKS),
            many if many < MAX_COUNTED_BUNDLES => Some(CROWDED_VALIDITY_BLOCKS),
            _ => None,
        }
    }

    /// Nothing of the bundle counts.
    fn void(&mut self, bundle: &OrderedBundle, why: &Refusal, step: &mut Step) {
        step.till.voids.insert((bundle.first.lane, bundle.first.batch, bundle.first.bundle));
        if bundle.transactions.is_empty() {
            // Said once for the whole bundle: its calls and values are on the ledger, and void.
            self.note(bundle.first, Err(why.clone()), step);
        }
        self.refuse(&bundle.transactions, why, step);
    }

    fn apply_bundle(&mut self, bundle: &OrderedBundle, step: &mut Step) {
        let mut rest = bundle.transactions.as_slice();
        while let Some(((id, transaction), after)) = rest.split_first() {
            rest = after;
            let Transaction::Together { count } = transaction else {
                step.undo.clear();
                let result = self.change(*id, bundle.account, transaction, step);
                self.note(*id, result, step);
                continue;
            };
            let Some((group, after)) = after.split_at_checked(usize::from(*count)) else {
                let why = Refusal::GroupIncomplete { count: u64::from(*count), left: after.len() as u64 };
                self.note(*id, Err(why.clone()), step);
                return self.refuse(after, &why, step);
            };
            rest = after;
            self.apply_group(*id, bundle.account, group, step);
        }
    }

    /// Applies all or none.
    fn apply_group(&mut self, id: EntryId, account: AccountId, group: &[Said], step: &mut Step) {
        step.undo.clear();
        let mut done = Vec::with_capacity(group.len());
        let failed = group.iter().find_map(|(member, transaction)| {
            match self.change(*member, account, transaction, step) {
                Ok(number) => {
                    done.push(number);
                    None
                }
                Err(refusal) => Some(refusal),
            }
        });
        let Some(refusal) = failed else {
            self.note(id, Ok(u32::try_from(group.len()).unwrap_or(u32::MAX)), step);
            group.iter().zip(done).for_each(|((member, _), number)| self.note(*member, Ok(number), step));
            return;
        };
        self.undo(step);
        let place = done.len();
        let why = Refusal::GroupRefused { place: place as u64 + 1 };
        self.note(id, Err(why.clone()), step);
        let (before, rest) = group.split_at(place);
        self.refuse(before, &why, step);
        if let Some(((member, _), after)) = rest.split_first() {
            self.note(*member, Err(refusal), step);
            self.refuse(after, &why, step);
        }
    }

    fn refuse(&mut self, transactions: &[Said], why: &Refusal, step: &mut Step) {
        transactions.iter().for_each(|(id, _)| self.note(*id, Err(why.clone()), step));
    }

    /// Writes an outcome into the history.
    pub(super) fn note(&mut self, id: EntryId, result: Result<u32, Refusal>, step: &mut Step) {
        let outcome = Outcome { height: step.height, result };
        self.history = history::extend(&self.history, &id, &outcome);
        step.changes.outcomes.push((id, outcome));
    }

    /// One transaction: what it changed can be undone until the next one that stands alone.
    fn change(
        &mut self,
        id: EntryId,
        account: AccountId,
        transaction: &Transaction,
        step: &mut Step,
    ) -> Result<u32, Refusal> {
        // Its own bundle may go on after it has revoked the key.
        self.check_signer(&account)?;
        match transaction {
            Transaction::Deploy { name, .. }
            | Transaction::Rollback { name, .. }
            | Transaction::Retire { name }
            | Transaction::Freeze { name } => self.change_function(name, id, account, transaction, step),
            Transaction::Prices { prices } => {
                let was = self.treasury.as_ref().map(|treasury| (treasury.list.clone(), treasury.agreed));
                let number = self.vote_prices(account, *prices)?;
                step.till.prices = true;
                step.undo.extend(was.map(|was| Was::Prices(Box::new(was))));
                Ok(number)
            }
            Transaction::Seat { account: replica, role, ledger, data } => {
                if *role != Role::Out {
                    self.check_usable(replica)?;
                }
                let wish = Seat { account: *replica, role: *role, ledger: *ledger, data: *data };
                self.change_seat(account, wish, step)
            }
            Transaction::Transfer { to, amount } => {
                self.check_usable(to)?;
                let had = [account, *to].map(|of| Was::Balance(of, self.accounts.balance(&of)));
                self.accounts.transfer(account, *to, *amount)?;
                step.touched.extend([account, *to].map(StateKey::Account));
                step.undo.extend(had);
                step.undo.push(Was::Postings(step.till.postings.len()));
                if self.treasury.is_some() && account != *to {
                    step.till.post(Posting::new(account, PostingKind::Sent, None, *amount));
                    step.till.post(Posting::new(*to, PostingKind::Received, None, *amount));
                }
                Ok(0)
            }
            Transaction::Together { .. } => Err(Refusal::GroupInGroup),
            Transaction::Own { path, owner } => {
                owner.iter().try_for_each(|owner| self.check_usable(owner))?;
                let was = self.owners.get(path);
                self.owners.change(account, path, *owner)?;
                step.touched.insert(StateKey::Owner(path.clone()));
                step.undo.push(Was::Owner(path.clone(), was));
                Ok(0)
            }
            Transaction::Rule { pattern, rule } => self.change_rule(account, pattern, rule.as_deref(), step),
            Transaction::Hold { to, amount, until } => {
                self.check_usable(to)?;
                let hold = Hold { from: account, to: *to, amount: *amount, until: *until };
                self.hold_units(id, hold, step)
            }
            Transaction::Release { hold, part, whole } => self.release(account, *hold, (*part, *whole), step),
            Transaction::Stake { amount, replica, consent } => {
                self.stake(account, *amount, replica.zip(*consent), step)
            }
            Transaction::Unstake { amount } => self.unstake(account, *amount, step),
            Transaction::Convict { evidence } => self.convict(id, evidence, step),
            Transaction::Work { offer } => self.work(account, offer.as_ref(), step),
            Transaction::Revoke {} => self.revoke(account, step),
            Transaction::Trigger { name, trigger } => {
                let was = self.change_trigger(account, name, trigger.as_ref(), step.time_ms)?;
                step.touched.insert(StateKey::Trigger(name.clone()));
                step.undo.push(Was::Trigger(name.clone(), was));
                Ok(0)
            }
        }
    }

    fn change_function(
        &mut self,
        name: &FunctionName,
        id: EntryId,
        account: AccountId,
        transaction: &Transaction,
        step: &mut Step,
    ) -> Result<u32, Refusal> {
        let present = self.functions.get(name);
        let next = registry::next(present.map(Arc::as_ref), step.height, id, account, transaction)?;
        let active = next.active;
        let changed = present.is_none_or(|present| **present != next);
        if let (true, Transaction::Deploy { component_bytes, .. }) = (changed, transaction) {
            self.pay_for_storage(account, name, *component_bytes, step)?;
        }
        step.touched.insert(StateKey::Function(name.clone()));
        if changed {
            let was = self.put_function(name.clone(), Some(Arc::new(next)));
            step.undo.push(Was::Function(name.clone(), was));
        }
        Ok(active)
    }

    /// What storing a component costs.
    fn pay_for_storage(
        &mut self,
        account: AccountId,
        name: &FunctionName,
        component_bytes: u64,
        step: &mut Step,
    ) -> Result<(), Refusal> {
        let Some(treasury) = &self.treasury else { return Ok(()) };
        let needed = storage_fee(&treasury.list.prices, component_bytes);
        let balance = self.accounts.balance(&account);
        if balance < needed {
            return Err(Refusal::Insufficient { balance, needed });
        }
        let postings = Was::Postings(step.till.postings.len());
        step.undo.extend([Was::Balance(account, balance), Was::Pot(treasury.pot), postings]);
        self.pay_pot(account, needed, &mut step.till);
        step.till.post(Posting::new(account, PostingKind::Storage, Some(name.clone()), needed));
        Ok(())
    }

    /// A replica gets another role.
    fn change_seat(&mut self, said_by: AccountId, wish: Seat, step: &mut Step) -> Result<u32, Refusal> {
        let seats = self.seats.as_mut().ok_or(Refusal::FixedCommittee)?;
        let was = seats.clone();
        let number = Arc::make_mut(seats).change(step.height, said_by, wish)?;
        step.touched.insert(StateKey::Seats);
        step.undo.push(Was::Seats(Some(was)));
        Ok(number)
    }

    fn change_rule(
        &mut self,
        account: AccountId,
        pattern: &str,
        rule: Option<&str>,
        step: &mut Step,
    ) -> Result<u32, Refusal> {
        let bad = |why: String| Refusal::bad_rule(&why);
        let parsed = Pattern::parse(pattern).map_err(|error| bad(error.to_string()))?;
        self.owners.check(&account, parsed.owned())?;
        let record =
            rule.map(|text| RuleRecord::new(pattern, text).map(Arc::new)).transpose().map_err(bad)?;
        let place = parsed.place().to_owned();
        let was = Arc::make_mut(&mut self.rules).put(place.clone(), record);
        step.touched.insert(StateKey::Rule(place.clone()));
        step.undo.push(Was::Rule(place, was));
        Ok(0)
    }
}
