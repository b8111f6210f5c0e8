//! What an offence costs: a part of the stake behind a replica's key, and the key its seat for good.
//!
//! ```text
//!  two seals of one place ─┐
//!                          ├─ proven ──► the first of each key counts ──► stake burned, key barred
//!  two votes in one view ──┘
//! ```
//!
//! Judged in the blocks' order from what the state holds: lanes, and the committee of every epoch so far.

use super::apply::{Step, Was};
use super::stakes::burn;
use super::{Refusal, Seats, State};
use crate::limits::BURNED_SHARE;
use moot_record::{AccountId, Conviction, EntryId, Offence, StateKey};
use std::sync::Arc;

impl State {
    /// A replica has sealed or voted twice: a share of the stake behind it is burned, and it gets no seat any more.
    pub(super) fn convict(&mut self, id: EntryId, evidence: &[u8], step: &mut Step) -> Result<u32, Refusal> {
        let seats = self.seats.clone().ok_or(Refusal::NoEconomy)?;
        seats.economy().ok_or(Refusal::NoEconomy)?;
        let offence = Offence::decode(evidence).map_err(|error| Refusal::bad_evidence(&error))?;
        let replica = offender(&seats, step.height, &offence)?;
        let lane = seats.of(&replica).map(|(lane, _)| lane);
        let lane = lane.ok_or_else(|| Refusal::bad_evidence(&"who did it has no seat"))?;
        if self.stakes.conviction(&replica).is_some() {
            return Err(Refusal::Convicted { account: replica });
        }
        let mut burned = 0;
        if let Some(staker) = self.stakes.staker_of(&replica).copied()
            && let Some(mut stake) = self.stakes.get(&staker).cloned()
        {
            let shares = u64::try_from(stake.replicas.len()).unwrap_or(u64::MAX).max(1);
            burned = stake.bound().div_ceil(shares).div_ceil(BURNED_SHARE);
            burn(&mut stake, burned);
            self.put_stake(staker, Some(stake), step);
        }
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
