//! What an offence costs: a part of the stake behind a replica's key, and the key its seat for good.
//!
//! ```text
//!  two seals of one place ─┐
//!                          ├─ proven ──► the first of each key counts ──► stake burned, key barred
//!  two votes in one view ──┘                                     └── the accusation's bytes ──► pot
//! ```
//!
//! Judged in the blocks' order from what the state holds: lanes, and the committee of every epoch so far.
//!
//! A proven accusation that stands alone in its bundle costs its accuser nothing: its bytes are paid out of what it burns,
//! as far as that goes, and what is missing is waived. Otherwise whoever empties a replica's account would protect those
//! whom it has seen. That is once for each key that ever had a seat; whatever proves nothing, or comes second, pays for
//! its bytes like any bundle.

use super::stakes::burn;
use super::step::{Step, Was};
use super::{OrderedBundle, Refusal, Seats, State};
use crate::limits::{BURNED_SHARE, MAX_ACCUSATION_BYTES};
use moot_record::{AccountId, Conviction, EntryId, Offence, StateKey, Transaction, fee};
use std::sync::Arc;

/// What was proven.
struct Proven {
    replica: AccountId,
    lane: u32,
    offence: Offence,
}

/// The evidence of a bundle that accuses somebody and says nothing else.
pub(crate) fn accusation(bundle: &OrderedBundle) -> Option<&[u8]> {
    let alone = bundle.values.is_empty() && bundle.bytes <= MAX_ACCUSATION_BYTES;
    match bundle.transactions.as_slice() {
        [(_, Transaction::Convict { evidence })] if alone => Some(evidence),
        _ => None,
    }
}

impl State {
    /// Whether a bundle is an accusation that holds, so that the accused pays for it.
    pub(super) fn pays_itself(&self, bundle: &OrderedBundle, height: u64) -> bool {
        accusation(bundle).is_some_and(|evidence| self.prove(evidence, height).is_ok())
    }

    /// What evidence proves at a height, and nothing has proven before.
    fn prove(&self, evidence: &[u8], height: u64) -> Result<Proven, Refusal> {
        let seats = self.seats.as_ref().ok_or(Refusal::NoEconomy)?;
        seats.economy().ok_or(Refusal::NoEconomy)?;
        let offence = Offence::decode(evidence).map_err(|error| Refusal::bad_evidence(&error))?;
        let replica = offender(seats, height, &offence)?;
        let lane = seats.of(&replica).map(|(lane, _)| lane);
        let lane = lane.ok_or_else(|| Refusal::bad_evidence(&"who did it has no seat"))?;
        match self.stakes.conviction(&replica) {
            Some(_) => Err(Refusal::Convicted { account: replica }),
            None => Ok(Proven { replica, lane, offence }),
        }
    }

    /// A replica has sealed or voted twice: a share of the stake behind it is burned, and it gets no seat any more.
    pub(super) fn convict(&mut self, id: EntryId, evidence: &[u8], step: &mut Step) -> Result<u32, Refusal> {
        let Proven { replica, lane, offence } = self.prove(evidence, step.height)?;
        let mut burned = 0;
        if let Some(staker) = self.stakes.staker_of(&replica).copied()
            && let Some(mut stake) = self.stakes.get(&staker).cloned()
        {
            let shares = u64::try_from(stake.replicas.len()).unwrap_or(u64::MAX).max(1);
            burned = stake.bound().div_ceil(shares).div_ceil(BURNED_SHARE);
            burn(&mut stake, burned);
            self.put_stake(staker, Some(stake), step);
        }
        burned -= self.pay_from_burned(burned, step);
        let voted = match offence {
            Offence::DoubleSeal(_) => None,
            Offence::DoubleVote(votes) => Some(votes.what),
        };
        let conviction = Conviction { said: id, burned, voted };
        Arc::make_mut(&mut self.stakes).put_conviction(replica, Some(conviction));
        step.touched.insert(StateKey::Conviction(replica));
        step.undo.push(Was::Convicted(replica));
        self.change_seats(step, |seats| seats.bar(&replica));
        Ok(lane)
    }

    /// Moves what the accusation's bytes cost from what is being burned into the pot; as much as that was.
    fn pay_from_burned(&mut self, burned: u64, step: &mut Step) -> u64 {
        let Some(treasury) = &mut self.treasury else { return 0 };
        let paid = fee(&treasury.list.prices, step.owed_bytes, 0).ordering.min(burned);
        step.undo.push(Was::Pot(treasury.pot));
        treasury.pot = treasury.pot.saturating_add(paid);
        step.till.pot |= paid > 0;
        paid
    }
}

/// Who did it, if it is proven.
fn offender(seats: &Seats, height: u64, offence: &Offence) -> Result<AccountId, Refusal> {
    match offence {
        Offence::DoubleSeal(pair) => {
            let owners: Vec<AccountId> = seats.all().iter().map(|seat| seat.account).collect();
            pair.verify(&owners, seats.network()).map_err(|error| Refusal::bad_evidence(&error))?;
            let place = usize::try_from(pair.first.header.lane).unwrap_or(usize::MAX);
            // The seals were the owner's, so there is one.
            let owner = owners.get(place).copied();
            owner.ok_or_else(|| Refusal::bad_evidence(&"nobody owns the lane"))
        }
        Offence::DoubleVote(votes) => {
            let (epoch, now) = (votes.epoch, seats.epoch_of(height));
            if epoch > now {
                // Who votes then may not be settled, so that later the same votes could prove nothing.
                let why = format!(
                    "the votes are of epoch {epoch}, which has not begun: this block is of epoch {now}"
                );
                return Err(Refusal::bad_evidence(&why));
            }
            let committee = seats.committee(epoch);
            votes.verify(committee, seats.network()).map_err(|error| Refusal::bad_evidence(&error))?;
            Ok(votes.who)
        }
    }
}
