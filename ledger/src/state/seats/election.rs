//! Who is seated by stake, at the end of an epoch.
//!
//! ```text
//!  stakes ──► bids, the best first ──► the first so many, one for each seat ──► as many steps towards them as are safe
//!                seats that nobody bids for stay with those who have them by the genesis's word
//! ```
//!
//! Consensus counts heads, so a large stake is split into equal seats: the nth replica that it is behind bids with an
//! nth of it. This is the method of highest averages (D'Hondt, Jefferson): the seats that accounts get are in
//! proportion to their stakes, as far as they run replicas for them. Whole numbers only: `a / n` is compared with
//! `b / m` as `a * m` with `b * n`. Of equal bids that of a member comes first, so that nobody is unseated for nothing,
//! and then that of the smaller account.

use super::{Seats, check_counts};
use crate::limits::MAX_SEATS;
use crate::state::stakes::Bid;
use moot_record::limits::{MAX_HANDOVERS, MAX_VALIDATORS};
use moot_record::{AccountId, Candidate, Committee, Digest, Role};
use std::collections::BTreeSet;

impl Seats {
    /// Ends an epoch, whose last block this is: settles who votes in the one after the next. `bids` are all that there
    /// are, the best first. Gives those who have to stay though they should not.
    pub(in crate::state) fn elect(&mut self, height: u64, block: Digest, bids: &[Bid]) -> Vec<AccountId> {
        let Some(epochs) = self.epochs else { return Vec::new() };
        let now = self.committee(epochs.of(height) + 1).clone();
        let wanted = self.wanted_by_stake(&now, bids);
        let leaves = self.leaving(&now, &wanted, bids);
        let (members, staying) = step(&now, &wanted, &leaves);
        for bid in bids.iter().filter(|bid| members.binary_search(&bid.replica.account).is_ok()) {
            self.seat(&bid.replica);
        }
        self.settle(height, block, members);
        staying
    }

    /// Who should be seated, the best first.
    fn wanted_by_stake(&self, now: &Committee, bids: &[Bid]) -> Vec<AccountId> {
        let seats =
            self.economy.map_or(0, |economy| usize::try_from(economy.seats).unwrap_or(MAX_VALIDATORS));
        let mut ranked: Vec<&Bid> = bids.iter().filter(|bid| self.has_room(&bid.replica.account)).collect();
        let is_member = |bid: &Bid| now.contains(&bid.replica.account);
        // Stable: what is equal in both stays in the order of accounts.
        ranked.sort_by(|a, b| b.beats(a).then_with(|| is_member(b).cmp(&is_member(a))));
        let mut wanted: Vec<AccountId> = ranked.iter().take(seats).map(|bid| bid.replica.account).collect();
        let founders = self.seats.iter().filter(|seat| seat.role == Role::Votes);
        let left = seats.saturating_sub(wanted.len());
        wanted.extend(founders.map(|seat| seat.account).take(left));
        wanted
    }

    /// The members that are not wanted, the worst first: who is out already, then whoever does not bid, then the lowest
    /// bids.
    fn leaving(&self, now: &Committee, wanted: &[AccountId], bids: &[Bid]) -> Vec<AccountId> {
        let wanted: BTreeSet<&AccountId> = wanted.iter().collect();
        let rank = |member: &AccountId| {
            let is_out = self.of(member).is_some_and(|(_, seat)| seat.role == Role::Out);
            let place = bids.iter().position(|bid| bid.replica.account == *member);
            if is_out { 0 } else { place.map_or(1, |place| 2 + bids.len() - place) }
        };
        let mut leaves: Vec<AccountId> =
            now.members.iter().filter(|member| !wanted.contains(member)).copied().collect();
        leaves.sort_by_key(rank);
        leaves
    }

    /// Whether a replica has a lane, or can get one.
    fn has_room(&self, replica: &AccountId) -> bool {
        self.seats.len() < MAX_SEATS - MAX_VALIDATORS || self.of(replica).is_some()
    }

    /// Gives an elected replica its seat, and lets it be talked to.
    fn seat(&mut self, replica: &Candidate) {
        let Candidate { account, ledger, data } = *replica;
        let (ledger, data) = (Some(ledger), Some(data));
        match self.seats.iter_mut().find(|seat| seat.account == account) {
            Some(seat) => {
                (seat.ledger, seat.data) = (ledger, data);
                if seat.role == Role::Out {
                    seat.role = Role::Follows;
                }
            }
            None => self.seats.push(super::Seat { account, role: Role::Follows, ledger, data }),
        }
    }

    /// Takes up that a replica is staked for, if it has a seat: where it is now, and that from now on stake decides
    /// about it and not the genesis's word. Whether that changed anything.
    pub(in crate::state) fn stands(&mut self, replica: &Candidate) -> bool {
        let found = self.seats.iter_mut().find(|seat| seat.account == replica.account);
        let Some(seat) = found else { return false };
        let was = *seat;
        (seat.ledger, seat.data) = (Some(replica.ledger), Some(replica.data));
        if seat.role == Role::Votes {
            seat.role = Role::Follows;
        }
        was != *seat
    }

    /// Takes a replica's word away: it is out as soon as it is in no committee any more.
    pub(in crate::state) fn bar(&mut self, replica: &AccountId) -> bool {
        match self.seats.iter_mut().find(|seat| seat.account == *replica) {
            Some(seat) if seat.role != Role::Out => {
                seat.role = Role::Out;
                true
            }
            _ => false,
        }
    }
}

/// The committee after the present one on the way to what is wanted: as many changes at once as are safe, and of those
/// ways the one with the most that leave; the first of `leaves` leave first, the best join first. Also those who stay
/// for now though they are not wanted. Where nobody wants a seat, or no further change can be proven, all stay, and
/// nobody is held to it.
fn step(now: &Committee, wanted: &[AccountId], leaves: &[AccountId]) -> (Vec<AccountId>, Vec<AccountId>) {
    if wanted.is_empty() || now.number as usize >= MAX_HANDOVERS {
        return (now.members.clone(), Vec::new());
    }
    let joins: Vec<AccountId> = wanted.iter().filter(|account| !now.contains(account)).copied().collect();
    // Of three and fewer none can go before another has come.
    let spare = usize::from(now.members.len() < 4);
    let most = now.members.len().max(wanted.len()) + spare;
    let least = now.members.len().min(wanted.len());
    let mut best = (0, 0);
    for leave in 0..=leaves.len() {
        for join in 0..=joins.len() {
            let size = now.members.len() - leave + join;
            let safe = (least..=most).contains(&size) && check_counts(now, leave, join).is_ok();
            if safe && (leave + join, leave) > (best.0 + best.1, best.0) {
                best = (leave, join);
            }
        }
    }
    let (gone, staying) = leaves.split_at(best.0);
    let mut members: Vec<AccountId> =
        now.members.iter().filter(|member| !gone.contains(member)).copied().collect();
    members.extend(&joins[..best.1]);
    members.sort_unstable();
    (members, staying.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 32])
    }

    fn committee(members: &[u8]) -> Committee {
        Committee { number: 0, members: members.iter().copied().map(account).collect() }
    }

    /// The members after one step, as numbers, and those who stay unwanted.
    fn after(now: &[u8], wanted: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let leaves = now.iter().filter(|one| !wanted.contains(one)).copied().map(account);
        let leaves: Vec<AccountId> = leaves.collect();
        let wanted: Vec<AccountId> = wanted.iter().copied().map(account).collect();
        let (members, staying) = step(&committee(now), &wanted, &leaves);
        let number = |accounts: Vec<AccountId>| accounts.iter().map(|one| one.as_bytes()[0]).collect();
        (number(members), number(staying))
    }

    #[test]
    fn steps_are_as_large_as_is_safe() {
        assert_eq!(after(&[1, 2, 3, 4], &[1, 2, 3, 4]), (vec![1, 2, 3, 4], vec![]));
        // One of four may go and one come: three are a quorum of four.
        assert_eq!(after(&[1, 2, 3, 4], &[9, 8, 3, 4]), (vec![2, 3, 4, 9], vec![2]));
        assert_eq!(after(&[2, 3, 4, 9], &[9, 8, 3, 4]), (vec![3, 4, 8, 9], vec![]));
        assert_eq!(after(&[1, 2, 3, 4], &[9, 1, 2, 3, 4]), (vec![1, 2, 3, 4, 9], vec![]));
        assert_eq!(after(&[1, 2, 3, 4], &[1]), (vec![1, 3, 4], vec![3, 4]));
        assert_eq!(after(&[1, 2, 3, 4], &[]), (vec![1, 2, 3, 4], vec![]), "never nobody");
        // One for one would leave nobody who has the batches.
        assert_eq!(after(&[1], &[9]), (vec![1, 9], vec![1]));
        assert_eq!(after(&[1, 9], &[9]), (vec![9], vec![]));
    }

    #[test]
    fn every_way_comes_to_its_end_or_says_who_stays() {
        for n in 2..=10u8 {
            let now: Vec<u8> = (1..=n).collect();
            let wanted: Vec<u8> = (n / 2 + 1..=n + n / 2).collect();
            let mut members = now;
            for _ in 0..30 {
                members = after(&members, &wanted).0;
            }
            let mut sorted = wanted.clone();
            sorted.sort_unstable();
            assert_eq!(members, sorted, "of {n}");
        }
    }
}
