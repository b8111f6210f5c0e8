//! Escrow: units that have left one account and have not come to another.
//!
//! ```text
//!  sender ──Hold──► hold, named by its transaction ──Release part/whole, by the sender──► a part, rounded down, to the
//!                     │      other; the rest to the sender
//!                     ├──Release 0, by the other──► all to the sender
//!                     └──at its height──► all to the sender, by itself
//! ```

use super::postings::PostingKind;
use super::step::{Step, Was};
use super::{Refusal, State};
use moot_record::{AccountId, EntryId, Hold, StateKey};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Escrow {
    holds: BTreeMap<EntryId, Hold>,
    /// When each goes back.
    due: BTreeSet<(u64, EntryId)>,
}

impl Escrow {
    pub(super) fn get(&self, id: &EntryId) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// Sets what is held under an address; gives what was there.
    pub(super) fn put(&mut self, id: EntryId, hold: Option<Hold>) -> Option<Hold> {
        let was = match hold {
            Some(hold) => {
                self.due.insert((hold.until, id));
                self.holds.insert(id, hold)
            }
            None => self.holds.remove(&id),
        };
        if let Some(was) = was.filter(|was| hold.is_none_or(|hold| hold.until != was.until)) {
            self.due.remove(&(was.until, id));
        }
        was
    }

    /// The first that is to go back by a height.
    fn first_due(&self, height: u64) -> Option<(EntryId, Hold)> {
        let (until, id) = self.due.first()?;
        Some((*id, *self.holds.get(id)?)).filter(|_| *until <= height)
    }

    /// All that is held.
    pub(super) fn sum(&self) -> u128 {
        self.holds.values().map(|hold| u128::from(hold.amount)).sum()
    }
}

impl State {
    /// What is held under the address of a transaction.
    #[must_use]
    pub fn held(&self, id: &EntryId) -> Option<&Hold> {
        self.escrow.get(id)
    }

    /// Units leave an account and are held.
    pub(super) fn hold_units(&mut self, id: EntryId, hold: Hold, step: &mut Step) -> Result<u32, Refusal> {
        if hold.until <= step.height {
            return Err(Refusal::HoldOver { until: hold.until, height: step.height });
        }
        step.balance(&self.accounts, hold.from);
        self.accounts.withdraw(hold.from, hold.amount)?;
        self.note_bond(hold.from, PostingKind::Bound, hold.amount, step);
        self.put_hold(id, Some(hold), step);
        Ok(0)
    }

    /// A hold ends: a share to the other, the rest back.
    pub(super) fn release(
        &mut self,
        said_by: AccountId,
        id: EntryId,
        (part, whole): (u64, u64),
        step: &mut Step,
    ) -> Result<u32, Refusal> {
        let hold = *self.escrow.get(&id).ok_or(Refusal::UnknownHold { hold: id })?;
        if said_by != hold.from && said_by != hold.to {
            return Err(Refusal::NotHolder { from: hold.from });
        }
        if said_by != hold.from && part > 0 {
            return Err(Refusal::NotPayer { from: hold.from });
        }
        if part > 0 {
            self.check_usable(&hold.to)?;
        }
        if hold.until <= step.height {
            // It is on its way back, behind others.
            return Err(Refusal::HoldOver { until: hold.until, height: step.height });
        }
        for account in [hold.from, hold.to] {
            // The genesis sees to it that there is room, and nothing may fail half-way.
            let room = self.accounts.balance(&account).checked_add(hold.amount);
            room.ok_or(Refusal::Overflow { amount: hold.amount })?;
        }
        let paid = share(hold.amount, part, whole);
        step.balance(&self.accounts, hold.from);
        step.balance(&self.accounts, hold.to);
        self.put_hold(id, None, step);
        self.accounts.deposit(hold.to, paid)?;
        self.accounts.deposit(hold.from, hold.amount - paid)?;
        self.note_bond(hold.to, PostingKind::Received, paid, step);
        self.note_bond(hold.from, PostingKind::Freed, hold.amount - paid, step);
        Ok(0)
    }

    /// Gives back what is due, at most `most` holds; how many.
    pub(super) fn give_back_holds(&mut self, most: usize, step: &mut Step) -> usize {
        for done in 0..most {
            let Some((id, hold)) = self.escrow.first_due(step.height) else { return done };
            if self.accounts.deposit(hold.from, hold.amount).is_err() {
                // The genesis sees to it that this cannot be; what is held stays held rather than being lost.
                return done;
            }
            self.note_bond(hold.from, PostingKind::Freed, hold.amount, step);
            step.touched.insert(StateKey::Account(hold.from));
            step.touched.insert(StateKey::Hold(id));
            self.escrow.put(id, None);
        }
        most
    }

    /// Writes into a statement what was bound or came free, where statements are kept.
    pub(super) fn note_bond(&self, account: AccountId, kind: PostingKind, units: u64, step: &mut Step) {
        if self.treasury.is_some() {
            step.post(account, kind, units);
        }
    }

    fn put_hold(&mut self, id: EntryId, hold: Option<Hold>, step: &mut Step) {
        let was = self.escrow.put(id, hold);
        step.touched.insert(StateKey::Hold(id));
        step.undo.push(Was::Hold(id, was));
    }
}

/// `part` of `whole` of an amount, rounded down: what is left over stays with whose units they were.
fn share(amount: u64, part: u64, whole: u64) -> u64 {
    // A product of two 64-bit numbers fits 128 bits, and a share is no more than the amount.
    let share = u128::from(amount) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(amount).min(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_rounded_down() {
        for (amount, part, whole, paid) in [
            (10, 1, 3, 3),
            (10, 2, 3, 6),
            (10, 3, 3, 10),
            (10, 0, 3, 0),
            (1, 1, 2, 0),
            (u64::MAX, u64::MAX, u64::MAX, u64::MAX),
            (u64::MAX, 1, u64::MAX, 1),
            (u64::MAX, u64::MAX - 1, u64::MAX, u64::MAX - 1),
        ] {
            assert_eq!(share(amount, part, whole), paid, "{part}/{whole} of {amount}");
        }
    }

    #[test]
    fn what_is_due_comes_in_order_and_goes_with_its_hold() {
        let id = |batch| EntryId { lane: 0, batch, bundle: 0, page: 0, slot: 0 };
        let hold = |until| {
            let (from, to) = (AccountId::from_bytes([1; 32]), AccountId::from_bytes([2; 32]));
            Hold { from, to, amount: 5, until }
        };
        let mut escrow = Escrow::default();
        for (batch, until) in [(1, 9), (2, 7), (3, 7)] {
            assert_eq!(escrow.put(id(batch), Some(hold(until))), None);
        }
        assert_eq!(escrow.first_due(6), None);
        assert_eq!(escrow.first_due(8).map(|(id, _)| id), Some(id(2)));
        assert_eq!(escrow.put(id(2), None), Some(hold(7)));
        assert_eq!(escrow.first_due(8).map(|(id, _)| id), Some(id(3)));
        escrow.put(id(3), Some(hold(10)));
        assert_eq!(escrow.first_due(9).map(|(id, _)| id), Some(id(1)));
        assert_eq!((escrow.sum(), escrow.due.len()), (10, 2));
    }
}
