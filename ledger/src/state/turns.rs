//! Whose turn it is to run a derived call: one lane after the other, until one has answered.

use super::derived::DerivedCall;
use super::open::Traced;
use super::step::Step;
use super::{Block, State};
use crate::limits::{DERIVED_PATIENCE_MS, MAX_PASSED_ON, MAX_TRACED_CALLS, TRACED_AGAIN_MS};
use moot_record::{AccountId, Digest, Domain, FunctionName, StateKey};
use std::sync::Arc;

const LANE: Domain = Domain::new("moot derived lane 1");

impl State {
    /// How long a lane has for a call of a function, from this block on.
    pub(super) fn until(&self, block: &Block, function: &FunctionName) -> u64 {
        let version = self.functions.get(function).and_then(|record| record.active());
        let deadline_ms = version.map_or(0, |version| version.spec.limits.deadline_ms);
        block.time_ms.saturating_add(deadline_ms).saturating_add(DERIVED_PATIENCE_MS)
    }

    /// The lane whose turn it is: members of the committee in the order of a hash of call and member.
    pub(super) fn lane_of(&self, digest: &Digest, turn: u32, height: u64) -> u32 {
        let Some(seats) = &self.seats else { return 0 };
        let members = &seats.committee(seats.epoch_of(height)).members;
        let rank = |account: &AccountId| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(digest.as_bytes());
            bytes[32..].copy_from_slice(account.as_bytes());
            LANE.hash(&bytes)
        };
        let mut ranked: Vec<(Digest, &AccountId)> =
            members.iter().map(|member| (rank(member), member)).collect();
        ranked.sort();
        let place = (turn as usize).checked_rem(ranked.len()).unwrap_or(0);
        let chosen = ranked.get(place).and_then(|(_, member)| seats.of(member));
        chosen.map_or(0, |(lane, _)| lane)
    }

    /// Whose turn comes after that of the lane that has it. None in a committee of one: it answers when it can.
    fn next_turn(&self, call: &DerivedCall, height: u64) -> Option<(u32, u32)> {
        let digest = call.digest();
        // Where another committee has come in between, the next one in order may be the same lane, which is perhaps gone.
        let mut turns = [1, 2].into_iter().map(|more| {
            let turn = call.turn.saturating_add(more);
            (turn, self.lane_of(&digest, turn, height))
        });
        turns.find(|(_, lane)| *lane != call.lane)
    }

    /// Gives derived calls whose lanes did not answer in time to the next ones, and forgets traced calls whose time is over.
    pub(super) fn pass_on(&mut self, block: &Block, step: &mut Step) {
        for call in self.open.overdue(block.time_ms, MAX_PASSED_ON) {
            let mut next = DerivedCall { until_ms: self.until(block, &call.function), ..(*call).clone() };
            if let Some((turn, lane)) = self.next_turn(&call, block.height) {
                next = DerivedCall { lane, turn, call: None, ..next };
            }
            self.set_derived(Arc::new(next), step);
        }
        for id in self.open.stale(block.time_ms, MAX_PASSED_ON) {
            let until_ms = block.time_ms.saturating_add(TRACED_AGAIN_MS);
            let waited_for = self.open.traced(&id).filter(|call| self.waits_for(call));
            let kept = waited_for.map(|call| Traced { until_ms, ..call.clone() });
            self.open.trace(id, kept);
            step.touch(StateKey::Watched(id));
        }
    }

    /// Whether a trigger waits for the end of a call, however late that is: its replica may be away, or no block may have
    /// been made for a night. Where half of the room is taken, such calls are forgotten like others.
    fn waits_for(&self, call: &Traced) -> bool {
        !call.answered
            && self.triggers.watches(&call.function)
            && self.open.traced_count() <= MAX_TRACED_CALLS / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{DerivedId, Seats};
    use moot_record::Payload;
    use moot_record::testing::Network;

    /// Seats may change between two turns, and with them the order: the lane that did not answer would keep the call.
    #[test]
    fn another_lane_has_the_next_turn_whatever_the_order_is_by_then() {
        for members in 1..=4u8 {
            let genesis = Network::new(members).genesis;
            let state = State::genesis(&genesis, Arc::new(Seats::new(&genesis, Digest::ZERO)));
            let name = || FunctionName::parse("one").unwrap();
            let call = DerivedCall {
                id: DerivedId { height: 1, number: 0 },
                trigger: name(),
                function: name(),
                owner: AccountId::from_bytes([1; 32]),
                source: "schedule:one".into(),
                payload: Payload::inlined(&[]),
                at: None,
                by: None,
                time_ms: 0,
                depth: 0,
                barred: None,
                lane: 0,
                turn: 0,
                until_ms: 0,
                call: None,
            };
            for lane in 0..u32::from(members) {
                let next = state.next_turn(&DerivedCall { lane, ..call.clone() }, 2);
                let other = next.is_some_and(|(turn, next)| next != lane && (1..=2).contains(&turn));
                assert_eq!(other, members > 1, "{lane} of {members}: {next:?}");
            }
        }
    }
}
