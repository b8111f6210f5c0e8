//! Who has a seat, and who votes in which epoch.
//!
//! ```text
//!   seat transactions of epoch e ──► roles ──last block of e──► committee of epoch e + 2
//!                                                                   │ named by the last block of e + 1,
//!                                                                   ▼ which committee e + 1 certifies
//! ```
//!
//! A committee is settled a whole epoch before it votes: when an epoch begins everybody knows who votes in it and
//! who votes in the next, so the block that names the next committee needs nothing that is still being agreed on,
//! and who joins has an epoch to get ready.
//!
//! A seat is a lane: its number is its place in the list, and it is never given to anybody else.

mod election;

use super::Refusal;
use crate::limits::MAX_SEATS;
use moot_record::cbor::{self, Reader};
use moot_record::limits::{MAX_HANDOVERS, MAX_VALIDATORS};
use moot_record::{AccountId, Committee, DecodeError, Digest, Economy, Epochs, Genesis, Role, Stake, quorum};
use std::net::SocketAddr;

/// A replica's place in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Its account.
    pub account: AccountId,
    /// What it is to do. Who is to vote does so from the epoch on whose committee it is in.
    pub role: Role,
    /// Where it takes votes and blocks, as far as the ledger says.
    pub ledger: Option<SocketAddr>,
    /// Where it takes batches.
    pub data: Option<SocketAddr>,
}

/// All seats, and every committee so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats {
    network: Digest,
    epochs: Option<Epochs>,
    /// With it, stake decides who votes.
    economy: Option<Economy>,
    seats: Vec<Seat>,
    /// The first epoch of each committee, ascending; the genesis's is the first.
    committees: Vec<(u64, Committee)>,
    /// The digest of the last block of the epoch before the present one.
    start: Digest,
}

impl Seats {
    /// As the genesis has it; `start` is the digest of the genesis block.
    #[must_use]
    pub fn new(genesis: &Genesis, start: Digest) -> Seats {
        let seat =
            |account: &AccountId| Seat { account: *account, role: Role::Votes, ledger: None, data: None };
        Seats {
            network: genesis.network(),
            epochs: genesis.epochs,
            economy: genesis.economy,
            seats: genesis.validators.iter().map(seat).collect(),
            committees: vec![(0, genesis.committee())],
            start,
        }
    }

    /// The seats, in the order of their lanes.
    #[must_use]
    pub fn all(&self) -> &[Seat] {
        &self.seats
    }

    /// The seat of an account, and its number.
    #[must_use]
    pub fn of(&self, account: &AccountId) -> Option<(u32, &Seat)> {
        (0u32..).zip(&self.seats).find(|(_, seat)| seat.account == *account)
    }

    /// How epochs are cut, where there are any.
    #[must_use]
    pub fn epochs(&self) -> Option<&Epochs> {
        self.epochs.as_ref()
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Digest {
        &self.network
    }

    /// How what is staked is dealt with, where anything is.
    #[must_use]
    pub fn economy(&self) -> Option<&Economy> {
        self.economy.as_ref()
    }

    /// Whether stake decides who votes; else the authority does, or nobody.
    #[must_use]
    pub fn by_stake(&self) -> bool {
        self.economy.is_some() && self.epochs.is_some()
    }

    /// What the owner of a seat is to do: what it was told to, or by stake what came of the last election.
    #[must_use]
    pub fn role(&self, seat: &Seat) -> Role {
        if !self.by_stake() {
            return seat.role;
        }
        let elected = self.committees.last().is_some_and(|(_, last)| last.contains(&seat.account));
        match seat.role {
            _ if elected => Role::Votes,
            Role::Out => Role::Out,
            Role::Votes | Role::Follows => Role::Follows,
        }
    }

    /// Whether one of the replicas that a stake is behind votes at a height, or is settled to in the next epoch.
    pub(super) fn seats_any(&self, height: u64, stake: &Stake) -> bool {
        let epoch = self.epoch_of(height);
        let settled = [self.committee(epoch), self.committee(epoch + 1)];
        stake.replicas.iter().any(|replica| settled.iter().any(|of| of.contains(&replica.account)))
    }

    /// Whether a replica votes at a height, or is going to.
    pub(super) fn needs(&self, replica: &AccountId, height: u64) -> bool {
        let mut settled = self.committees.iter().skip(self.place_of(self.epoch_of(height)));
        settled.any(|(_, committee)| committee.contains(replica))
            || self.of(replica).is_some_and(|(_, seat)| self.role(seat) == Role::Votes)
    }

    /// The epoch of a height.
    #[must_use]
    pub fn epoch_of(&self, height: u64) -> u64 {
        self.epochs.map_or(0, |epochs| epochs.of(height))
    }

    /// Who votes in an epoch. Settled for the present epoch and the next.
    #[must_use]
    pub fn committee(&self, epoch: u64) -> &Committee {
        &self.committees[self.place_of(epoch)].1
    }

    /// The place of the committee that votes in an epoch, among all so far.
    fn place_of(&self, epoch: u64) -> usize {
        self.committees.partition_point(|(first, _)| *first <= epoch).saturating_sub(1)
    }

    /// The digest of the block before the present epoch's first.
    #[must_use]
    pub fn start(&self) -> Digest {
        self.start
    }

    /// What the block of a height must name: the committee of the next epoch, if it is another.
    #[must_use]
    pub fn named_by(&self, height: u64) -> Option<&Committee> {
        let epochs = self.epochs.filter(|epochs| epochs.is_last(height))?;
        let (now, next) = (self.committee(epochs.of(height)), self.committee(epochs.of(height) + 1));
        (now.number != next.number).then_some(next)
    }

    /// Ends an epoch, if the block is its last: settles who votes in the one after the next. True if it was.
    pub(super) fn end(&mut self, height: u64, block: Digest) -> bool {
        if self.epochs.is_none_or(|epochs| !epochs.is_last(height)) {
            return false;
        }
        self.settle(height, block, self.wanted());
        true
    }

    /// Settles who votes in the epoch after the next one of a block.
    fn settle(&mut self, height: u64, block: Digest, members: Vec<AccountId>) {
        let epoch = self.epoch_of(height);
        let next = self.committee(epoch + 1);
        if next.members != members {
            let committee = Committee { number: next.number + 1, members };
            self.committees.push((epoch + 2, committee));
        }
        self.start = block;
    }

    /// Those who are to vote, sorted.
    fn wanted(&self) -> Vec<AccountId> {
        let voters = self.seats.iter().filter(|seat| seat.role == Role::Votes);
        let mut members: Vec<AccountId> = voters.map(|seat| seat.account).collect();
        members.sort_unstable();
        members
    }

    /// Gives a replica a role; the number of its seat.
    pub(super) fn change(&mut self, height: u64, said_by: AccountId, wish: Seat) -> Result<u32, Refusal> {
        let Some(epochs) = self.epochs else { return Err(Refusal::FixedCommittee) };
        if said_by != epochs.authority {
            return Err(Refusal::NotAuthority { authority: epochs.authority });
        }
        if self.by_stake() {
            if wish.role == Role::Votes {
                return Err(Refusal::SeatsByStake);
            }
            // Whoever leaves does so at the end of an epoch, as far as it is safe then.
            return self.sit(wish);
        }
        let mut then = self.clone();
        let number = then.sit(wish)?;
        let epoch = epochs.of(height);
        // What is settled for the next epoch is what this changes; with the block that ends this epoch.
        check_step(self.committee(epoch + 1), &then.wanted())?;
        *self = then;
        Ok(number)
    }

    fn sit(&mut self, wish: Seat) -> Result<u32, Refusal> {
        let found = self.of(&wish.account).map(|(number, _)| number);
        let Some(number) = found else {
            if wish.role == Role::Out {
                return Err(Refusal::UnknownReplica { account: wish.account });
            }
            if wish.ledger.is_none() || wish.data.is_none() {
                return Err(Refusal::NoAddress { account: wish.account });
            }
            if self.seats.len() >= MAX_SEATS {
                return Err(Refusal::NoSeatLeft);
            }
            self.seats.push(wish);
            return Ok(u32::try_from(self.seats.len() - 1).unwrap_or(u32::MAX));
        };
        if let Some(seat) = self.seats.get_mut(usize::try_from(number).unwrap_or(usize::MAX)) {
            seat.role = wish.role;
            seat.ledger = wish.ledger.or(seat.ledger);
            seat.data = wish.data.or(seat.data);
        }
        Ok(number)
    }

    /// Its one encoding: what the state root commits to, and the row on disk.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let address = |out: &mut Vec<u8>, address: &SocketAddr| cbor::text(out, &address.to_string());
        cbor::array(&mut out, 3);
        cbor::array(&mut out, self.seats.len());
        for seat in &self.seats {
            cbor::array(&mut out, 4);
            cbor::bytes(&mut out, seat.account.as_bytes());
            cbor::uint(&mut out, seat.role.number());
            cbor::option(&mut out, seat.ledger.as_ref(), address);
            cbor::option(&mut out, seat.data.as_ref(), address);
        }
        cbor::array(&mut out, self.committees.len());
        for (first, committee) in &self.committees {
            cbor::array(&mut out, 2);
            cbor::uint(&mut out, *first);
            cbor::bytes(&mut out, &committee.encode());
        }
        cbor::bytes(&mut out, self.start.as_bytes());
        out
    }

    pub(crate) fn decode(genesis: &Genesis, bytes: &[u8]) -> Result<Seats, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(3)?;
        let seats = (0..r.list(MAX_SEATS)?).map(|_| read_seat(r)).collect::<Result<Vec<_>, _>>()?;
        let mut committees = Vec::new();
        for _ in 0..r.list(MAX_HANDOVERS + 1)? {
            r.array(2)?;
            let first = r.uint()?;
            committees.push((first, Committee::decode(r.bytes(moot_record::limits::MAX_COMMITTEE_BYTES)?)?));
        }
        let start = Digest::from_bytes(r.fixed()?);
        r.end()?;
        if committees.first() != Some(&(0, genesis.committee())) {
            return Err(super::invalid("committees", "the first is not the genesis's").into());
        }
        let (network, epochs, economy) = (genesis.network(), genesis.epochs, genesis.economy);
        Ok(Seats { network, epochs, economy, seats, committees, start })
    }
}

fn read_seat(r: &mut Reader<'_>) -> Result<Seat, DecodeError> {
    r.array(4)?;
    let account = AccountId::from_bytes(r.fixed()?);
    let role: u8 = r.small()?;
    let role = Role::ALL.iter().find(|known| known.number() == role).copied();
    let role = role.ok_or_else(|| super::invalid("role", "unknown"))?;
    let mut address = || -> Result<Option<SocketAddr>, DecodeError> {
        let Some(text) = r.option(|r| Ok(r.text(64)?.to_owned()))? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| super::invalid("address", "not an IP address and a port").into())
    };
    Ok(Seat { account, role, ledger: address()?, data: address()? })
}

/// Whether one committee may follow another.
///
/// - Who leaves takes its disk along. A certified block's batches are on at least n - 2f honest disks, so one of
///   these stays as long as no more than n - 2f - 1 leave: f of n = 3f + 1.
/// - Who joins may not answer yet. Those who stay must be a quorum without it, or one replica that is not up would
///   stop the network for good. One alone may always join, since a network of one to three could not grow else.
fn check_step(now: &Committee, then: &[AccountId]) -> Result<(), Refusal> {
    let stays = now.members.iter().filter(|member| then.contains(member)).count();
    check_counts(now, now.members.len() - stays, then.len() - stays)
}

/// Whether so many may leave a committee and so many join it.
fn check_counts(now: &Committee, leave: usize, join: usize) -> Result<(), Refusal> {
    if leave == 0 && join == 0 {
        return Ok(());
    }
    if now.number as usize >= MAX_HANDOVERS {
        return Err(Refusal::CommitteesExhausted);
    }
    let stays = now.members.len() - leave;
    let then = stays + join;
    if then == 0 {
        return Err(Refusal::NobodyLeft);
    }
    if then > MAX_VALIDATORS {
        return Err(Refusal::CommitteeFull);
    }
    let faulty = now.members.len().saturating_sub(1) / 3;
    let most = (now.members.len() - 2 * faulty).saturating_sub(1);
    if leave > most {
        return Err(Refusal::TooManyLeave { leave: leave as u64, most: most as u64 });
    }
    if stays < quorum(then) && (join > 1 || leave > 0) {
        return Err(Refusal::TooManyJoin { join: join as u64, stay: stays as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::{Keypair, Prices};

    fn account(n: u8) -> AccountId {
        Keypair::from_seed([n; 32]).account()
    }

    fn seats(n: u8) -> Seats {
        let epochs = Epochs { blocks: 10, authority: account(99) };
        let genesis = Genesis::new("test", 0, (1..=n).map(account).collect(), Prices::default());
        Seats::new(&genesis.with_epochs(epochs), Digest::ZERO)
    }

    fn wish(n: u8, role: Role) -> Seat {
        let at = |port| Some(SocketAddr::from(([10, 0, 0, n], port)));
        Seat { account: account(n), role, ledger: at(9080), data: at(10080) }
    }

    fn change(seats: &mut Seats, height: u64, n: u8, role: Role) -> Result<u32, Refusal> {
        seats.change(height, account(99), wish(n, role))
    }

    #[test]
    fn a_change_takes_effect_in_the_epoch_after_the_next() {
        let mut seats = seats(4);
        assert_eq!(change(&mut seats, 5, 7, Role::Votes), Ok(4));
        assert!(!seats.end(8, Digest::ZERO) && seats.end(9, Digest::from_bytes([9; 32])));
        assert_eq!((seats.committee(1).number, seats.committee(2).number), (0, 1));
        assert!(seats.committee(2).contains(&account(7)));
        assert_eq!(seats.named_by(9), None);
        assert_eq!(seats.named_by(19), Some(seats.committee(2)));
        assert!(seats.named_by(18).is_none() && seats.named_by(29).is_none());
        assert_eq!(seats.start(), Digest::from_bytes([9; 32]));
        seats.end(19, Digest::ZERO);
        assert_eq!(seats.committee(3).number, 1, "nothing changed, so no new committee");
    }

    #[test]
    fn only_the_authority_of_a_network_with_epochs_changes_it() {
        let mut with = seats(4);
        let refused = with.change(1, account(1), wish(7, Role::Votes));
        assert_eq!(refused, Err(Refusal::NotAuthority { authority: account(99) }));
        let genesis = Genesis::new("test", 0, vec![account(1)], Prices::default());
        let mut fixed = Seats::new(&genesis, Digest::ZERO);
        assert_eq!(change(&mut fixed, 1, 7, Role::Votes), Err(Refusal::FixedCommittee));
    }

    #[test]
    fn no_more_leave_or_join_than_safety_allows() {
        let mut four = seats(4);
        change(&mut four, 1, 1, Role::Follows).unwrap();
        let second = change(&mut four, 1, 2, Role::Out);
        assert_eq!(second, Err(Refusal::TooManyLeave { leave: 2, most: 1 }));
        // One for one: the three that stay are a quorum of four.
        change(&mut four, 1, 7, Role::Votes).unwrap();
        let third = change(&mut four, 1, 8, Role::Votes);
        assert_eq!(third, Err(Refusal::TooManyJoin { join: 2, stay: 3 }));
        change(&mut four, 1, 8, Role::Follows).unwrap();
        let mut one = seats(1);
        assert_eq!(change(&mut one, 1, 1, Role::Out), Err(Refusal::NobodyLeft));
        change(&mut one, 1, 7, Role::Votes).unwrap();
        assert!(change(&mut one, 1, 8, Role::Votes).is_err());
        let mut seven = seats(7);
        for n in 1..=2 {
            change(&mut seven, 1, n, Role::Out).unwrap();
        }
        assert_eq!(change(&mut seven, 1, 3, Role::Out), Err(Refusal::TooManyLeave { leave: 3, most: 2 }));
    }

    #[test]
    fn a_stranger_needs_addresses_and_a_seat_is_for_ever() {
        let mut seats = seats(4);
        let bare = Seat { ledger: None, ..wish(7, Role::Votes) };
        assert_eq!(seats.change(1, account(99), bare), Err(Refusal::NoAddress { account: account(7) }));
        assert_eq!(change(&mut seats, 1, 7, Role::Out), Err(Refusal::UnknownReplica { account: account(7) }));
        assert_eq!(change(&mut seats, 1, 7, Role::Follows), Ok(4));
        assert_eq!(change(&mut seats, 1, 8, Role::Follows), Ok(5));
        assert_eq!(change(&mut seats, 1, 7, Role::Out), Ok(4));
        let again = Seat { ledger: None, data: None, ..wish(7, Role::Votes) };
        assert_eq!(seats.change(1, account(99), again), Ok(4), "its seat and its addresses are kept");
        assert_eq!(seats.all()[4].ledger, wish(7, Role::Votes).ledger);
    }

    #[test]
    fn seats_read_back() {
        let epochs = Epochs { blocks: 10, authority: account(99) };
        let genesis = Genesis::new("test", 0, (1..=4).map(account).collect(), Prices::default());
        let genesis = genesis.with_epochs(epochs);
        let mut seats = Seats::new(&genesis, Digest::ZERO);
        change(&mut seats, 1, 7, Role::Votes).unwrap();
        seats.end(9, Digest::from_bytes([3; 32]));
        assert_eq!(Seats::decode(&genesis, &seats.encode()), Ok(seats));
    }
}
