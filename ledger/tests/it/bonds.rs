//! Escrow and stake in the state machine: whatever is said in whatever blocks, no unit is made or lost; what is held or
//! unstaked comes back by itself; the highest bids are seated; a double seal and a double vote cost their owner.

use moot_ledger::state::{Block, Changes, OrderedBundle, Seats, State};
use moot_ledger::{Refusal, limits};
use moot_record::testing::{Network, vote_twice};
use moot_record::{
    AccountId, Allocation, Batch, Candidate, Contradiction, Digest, Economy, Entry, EntryId, Epochs,
    Equivocation, Genesis, Keypair, PageClass, Payload, PriceList, Prices, Role, SealedHeader, Stake,
    StateKey, Transaction, Value, seal,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// Blocks in an epoch, and of a lock-up.
const BLOCKS: u64 = 10;
const LOCKUP: u64 = 16;

fn key(n: u8) -> Keypair {
    Keypair::from_seed([n; 32])
}

fn account(n: u8) -> AccountId {
    key(n).account()
}

fn authority() -> Keypair {
    key(99)
}

/// A network of four that seats by stake, where the accounts from 0 on have these units.
fn genesis(balances: &[u64]) -> (Genesis, Vec<Keypair>) {
    let network = Network::new(4);
    let funded = (0u8..).zip(balances).filter(|(_, balance)| **balance > 0);
    let funded = funded.map(|(n, balance)| Allocation { account: account(n), balance: *balance });
    let epochs = Epochs { blocks: BLOCKS, authority: authority().account() };
    let economy = Economy { lockup_blocks: LOCKUP, seats: 4, worker_percent: 0 };
    let genesis = network.genesis.with_accounts(funded.collect()).with_epochs(epochs).with_economy(economy);
    (free(genesis), network.validators)
}

/// Nothing is charged, so that units are where these tests put them.
fn free(mut genesis: Genesis) -> Genesis {
    genesis.prices = Prices { per_byte: 0, per_mega_fuel: 0, per_stored_byte: 0 };
    genesis
}

fn begin(genesis: &Genesis) -> State {
    State::genesis(genesis, Arc::new(Seats::new(genesis, Digest::ZERO)))
}

/// A state with a count of what was said to it.
struct Town {
    genesis: Genesis,
    validators: Vec<Keypair>,
    state: State,
    said: u64,
    /// Of each bundle.
    bytes: u64,
}

impl Town {
    fn new(balances: &[u64]) -> Town {
        let (genesis, validators) = genesis(balances);
        Town { state: begin(&genesis), genesis, validators, said: 0, bytes: 0 }
    }

    /// One that charges a unit for each byte, where every bundle has so many.
    fn charging(balances: &[u64], bytes: u64) -> Town {
        let mut town = Town::new(balances);
        town.genesis.prices.per_byte = 1;
        Town { state: begin(&town.genesis), bytes, ..town }
    }

    fn bundle(&mut self, by: AccountId, transactions: &[Transaction]) -> OrderedBundle {
        self.said += 1;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&self.said.to_le_bytes());
        let (batch, valid_until) = (self.said, self.state.height() + 5);
        let id = |slot| EntryId { lane: 0, batch, bundle: 0, page: 0, slot };
        OrderedBundle {
            digest: Digest::from_bytes(digest),
            account: by,
            own: false,
            counts: true,
            valid_until,
            first: id(0),
            transactions: (0..).map(id).zip(transactions.iter().cloned()).collect(),
            values: Vec::new(),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: self.bytes,
        }
    }

    fn block(&mut self, bundles: Vec<OrderedBundle>) -> Changes {
        let supply = self.state.supply();
        let height = self.state.height() + 1;
        let changes = self.state.apply(&block(height, bundles));
        assert_eq!(self.state.supply(), supply, "at height {height}");
        changes
    }

    /// Says something in a block of its own; its address, and what came of it.
    fn say(&mut self, by: &Keypair, transaction: Transaction) -> (EntryId, Result<u32, Refusal>) {
        let bundle = self.bundle(by.account(), &[transaction]);
        let id = bundle.first;
        let changes = self.block(vec![bundle]);
        let found = changes.outcomes.into_iter().find(|(of, _)| *of == id);
        (id, found.unwrap().1.result)
    }

    fn up_to(&mut self, height: u64) {
        while self.state.height() < height {
            self.block(vec![]);
        }
    }

    fn balance(&self, n: u8) -> u64 {
        self.state.balance(&account(n))
    }

    /// Stakes for a replica, with its consent.
    fn stake_behind(&mut self, by: u8, amount: u64, replica: &Keypair) -> Result<u32, Refusal> {
        let consent = Candidate::consent(replica, &self.genesis.network(), &account(by));
        let replica = Some(candidate(replica.account()));
        self.say(&key(by), Transaction::Stake { amount, replica, consent: Some(consent) }).1
    }

    fn stake_of(&self, n: u8) -> Stake {
        self.state.stakes().get(&account(n)).cloned().unwrap_or_default()
    }

    /// Who votes in an epoch.
    fn members(&self, epoch: u64) -> BTreeSet<AccountId> {
        self.state.seats().unwrap().committee(epoch).members.iter().copied().collect()
    }

    /// The end of the present epoch and of those after it.
    fn next_epochs(&mut self, count: u64) {
        let epoch = self.state.height() / BLOCKS;
        self.up_to((epoch + count) * BLOCKS);
    }

    /// Proof that a replica has sealed twice under a number.
    fn evidence(&self, replica: &Keypair, seq: u64) -> Vec<u8> {
        let lane = self.state.seats().unwrap().of(&replica.account()).unwrap().0;
        let network = self.genesis.network();
        let [first, second] = [1u8, 2].map(|n| {
            let value = Entry::Value(Value::new("/a", Payload::inlined(&[n])));
            let mut builder = moot_record::BundleBuilder::new();
            builder.append(PageClass::Bulk, &value.encode()).unwrap();
            let bundle = moot_record::Bundle::sign(replica, &network, 9, builder.finish()).unwrap();
            let batch = Batch::seal(lane, seq, vec![bundle]).unwrap();
            SealedHeader { header: batch.header, seal: seal(replica, &network, &batch.digest()) }
        });
        Equivocation { first, second }.encode()
    }
}

fn block(height: u64, bundles: Vec<OrderedBundle>) -> Block {
    Block {
        height,
        digest: Digest::ZERO,
        time_ms: height,
        bundles,
        charges: Vec::new(),
        to_come: BTreeSet::new(),
    }
}

fn candidate(account: AccountId) -> Candidate {
    let at = |port| SocketAddr::from(([10, 0, 0, account.as_bytes()[0]], port));
    Candidate { account, ledger: at(9080), data: at(10_080) }
}

#[test]
fn a_hold_is_paid_in_part_given_back_or_comes_back() {
    let mut town = Town::new(&[100]);
    let hold = |amount, until| Transaction::Hold { to: account(1), amount, until };
    let release = |hold, part, whole| Transaction::Release { hold, part, whole };
    let (id, done) = town.say(&key(0), hold(100, 50));
    assert_eq!((done, town.balance(0), town.balance(1)), (Ok(0), 0, 0));
    assert_eq!(town.say(&key(0), hold(1, 50)).1, Err(Refusal::Insufficient { balance: 0, needed: 1 }));
    assert_eq!(town.say(&key(2), release(id, 0, 1)).1, Err(Refusal::NotHolder { from: account(0) }));
    assert_eq!(town.say(&key(1), release(id, 1, 1)).1, Err(Refusal::NotPayer { from: account(0) }));
    assert_eq!(town.say(&key(0), release(id, 2, 3)).1, Ok(0));
    assert_eq!((town.balance(0), town.balance(1)), (34, 66), "rounded down, the rest goes back");
    assert_eq!(town.say(&key(0), release(id, 1, 1)).1, Err(Refusal::UnknownHold { hold: id }));

    let (id, _) = town.say(&key(0), hold(34, 50));
    assert_eq!(town.say(&key(1), release(id, 0, 1)).1, Ok(0));
    assert_eq!((town.balance(0), town.balance(1)), (34, 66), "the other gives all of it back");

    let height = town.state.height() + 1;
    let over = Err(Refusal::HoldOver { until: height, height });
    assert_eq!(town.say(&key(0), hold(34, height)).1, over);
    let (id, _) = town.say(&key(0), hold(34, 12));
    town.up_to(11);
    assert_eq!((town.balance(0), town.state.held(&id).map(|hold| hold.amount)), (0, Some(34)));
    // In the block of its height it is back before anything is said.
    assert_eq!(town.say(&key(0), release(id, 1, 1)).1, Err(Refusal::UnknownHold { hold: id }));
    assert_eq!((town.balance(0), town.state.held(&id)), (34, None));
}

/// More come back at one height than a block gives back: the others follow in the next ones, in the order of their
/// addresses, and meanwhile nobody can take them.
#[test]
fn what_comes_back_at_once_is_spread_over_blocks() {
    let count = limits::MAX_RETURNS_A_BLOCK + 10;
    let mut town = Town::new(&[count as u64]);
    let until = town.state.height() + 3;
    let holds = vec![Transaction::Hold { to: account(1), amount: 1, until }; count];
    let bundle = town.bundle(account(0), &holds);
    let last = bundle.transactions.last().unwrap().0;
    town.block(vec![bundle]);
    town.up_to(until);
    assert_eq!(town.balance(0), limits::MAX_RETURNS_A_BLOCK as u64);
    assert!(town.state.held(&last).is_some());
    town.block(vec![]);
    assert_eq!((town.balance(0), town.state.held(&last)), (count as u64, None));
}

#[test]
fn a_stake_is_not_spendable_and_comes_back_after_the_lockup() {
    let mut town = Town::new(&[100]);
    let stake = |amount| Transaction::Stake { amount, replica: None, consent: None };
    assert_eq!(town.say(&key(0), stake(101)).1, Err(Refusal::Insufficient { balance: 100, needed: 101 }));
    assert_eq!(town.say(&key(0), stake(80)).1, Ok(0));
    let pay = Transaction::Transfer { to: account(1), amount: 21 };
    assert_eq!(town.say(&key(0), pay).1, Err(Refusal::Insufficient { balance: 20, needed: 21 }));
    let unstake = |amount| Transaction::Unstake { amount };
    assert_eq!(town.say(&key(0), unstake(81)).1, Err(Refusal::StakedLess { staked: 80, needed: 81 }));
    assert_eq!(town.say(&key(0), unstake(50)).1, Ok(0));
    let said_at = town.state.height();
    let stake = town.stake_of(0);
    assert_eq!((stake.staked, stake.bound(), town.balance(0)), (30, 80, 20));
    let until = stake.waiting[0].until;
    assert!((said_at + LOCKUP..=said_at + LOCKUP + LOCKUP / 8).contains(&until));
    town.up_to(until - 1);
    assert_eq!(town.balance(0), 20);
    town.up_to(until);
    assert_eq!((town.balance(0), town.stake_of(0).bound()), (70, 30));
    // All of it gone, there is nothing under the key any more.
    assert_eq!(town.say(&key(0), unstake(30)).1, Ok(0));
    town.up_to(town.state.height() + 2 * LOCKUP);
    assert_eq!(town.balance(0), 100);
    assert!(town.state.stakes().get(&account(0)).is_none());
}

#[test]
fn without_an_economy_nothing_is_staked() {
    let network = Network::new(1);
    let funded = vec![Allocation { account: account(0), balance: 10 }];
    let mut town = Town::new(&[]);
    town.state = begin(&network.genesis.with_accounts(funded));
    for said in [
        Transaction::Stake { amount: 1, replica: None, consent: None },
        Transaction::Unstake { amount: 1 },
        Transaction::Convict { evidence: vec![] },
    ] {
        assert_eq!(town.say(&key(0), said).1, Err(Refusal::NoEconomy));
    }
    assert_eq!(town.say(&key(0), Transaction::Hold { to: account(1), amount: 1, until: 90 }).1, Ok(0));
}

#[test]
fn nobody_stakes_for_a_replica_without_its_consent() {
    let mut town = Town::new(&[100, 100]);
    let replica = key(50);
    let network = town.genesis.network();
    let with = |consent| Transaction::Stake {
        amount: 1,
        replica: Some(candidate(account(50))),
        consent: Some(consent),
    };
    let refused = Err(Refusal::NoConsent { account: account(50) });
    for consent in [
        Candidate::consent(&key(0), &network, &account(0)),
        Candidate::consent(&replica, &network, &account(1)),
        Candidate::consent(&replica, &Digest::ZERO, &account(0)),
    ] {
        assert_eq!(town.say(&key(0), with(consent)).1, refused, "another key, account, network");
    }
    assert_eq!(town.stake_behind(0, 0, &replica), Err(Refusal::NothingStaked));
    assert_eq!(town.stake_behind(0, 1, &replica), Ok(0));
    assert_eq!(town.stake_behind(1, 50, &replica), Err(Refusal::ReplicaTaken { account: account(0) }));
    for n in 51..58 {
        assert_eq!(town.stake_behind(0, 1, &key(n)), Ok(0));
    }
    assert_eq!(town.stake_behind(0, 1, &key(58)), Err(Refusal::TooManyReplicas));
    assert_eq!(town.stake_behind(0, 1, &replica), Ok(0), "one that it is behind already");
    assert_eq!(town.stake_of(0).replicas.len(), 8);
}

/// The highest bids are seated at the end of the epoch, one at a time as far as it is safe; who unstakes leaves, and
/// its units come back when it has left and the lock-up is over.
#[test]
fn the_highest_bids_are_seated_and_leave_again() {
    let mut town = Town::new(&[1000, 1000]);
    let founders = town.members(0);
    let (one, other) = (key(50), key(51));
    assert_eq!(town.stake_behind(0, 300, &one), Ok(0));
    assert_eq!(town.stake_behind(1, 500, &other), Ok(0));
    assert_eq!(town.state.seats().unwrap().all().len(), 4, "no seat before the end of the epoch");
    town.next_epochs(1);
    let seats = town.state.seats().unwrap().clone();
    let (lane, seat) = seats.of(&other.account()).unwrap();
    assert_eq!(
        (lane, seats.role(seat), seat.ledger),
        (4, Role::Votes, Some(candidate(other.account()).ledger))
    );
    assert!(seats.of(&one.account()).is_none(), "one joins at a time");
    town.next_epochs(1);
    assert!(town.members(2).contains(&other.account()) && !town.members(2).contains(&one.account()));
    town.next_epochs(1);
    let seated: BTreeSet<AccountId> = [one.account(), other.account()].into();
    assert!(town.members(3).is_superset(&seated));
    assert_eq!(town.members(3).intersection(&founders).count(), 2, "nobody else bids for their seats");

    // It leaves: it votes to the end of the next epoch, and may be convicted for as long as the lock-up.
    let said_at = town.state.height() + 1;
    assert_eq!(town.say(&key(1), Transaction::Unstake { amount: 500 }).1, Ok(0));
    let left = (said_at / BLOCKS + 2) * BLOCKS;
    let until = town.stake_of(1).waiting[0].until;
    assert!((left + LOCKUP..=left + LOCKUP + LOCKUP / 8).contains(&until), "{until}");
    town.next_epochs(2);
    assert!(!town.members(town.state.height() / BLOCKS).contains(&other.account()));
    let seats = town.state.seats().unwrap().clone();
    assert_eq!(seats.role(seats.of(&other.account()).unwrap().1), Role::Follows);
    town.up_to(until - 1);
    assert_eq!(town.balance(1), 500);
    town.up_to(until);
    assert_eq!(town.balance(1), 1000);
    let late = town.members(town.state.height() / BLOCKS);
    assert_eq!(late.intersection(&founders).count(), 3, "a founder has the seat back");
}

/// Two of three that vote unstake at once. No more may leave at a time than is safe: who has to stay waits for longer.
#[test]
fn who_has_to_stay_waits_for_longer() {
    let mut town = Town::new(&[1000, 1000, 1000, 1000]);
    for (by, replica) in (0..4).zip(town.validators.clone()) {
        assert_eq!(town.stake_behind(by, 100, &replica), Ok(0));
    }
    town.next_epochs(1);
    for by in [0, 1] {
        assert_eq!(town.say(&key(by), Transaction::Unstake { amount: 100 }).1, Ok(0));
    }
    let before = [0, 1].map(|by| town.stake_of(by).waiting[0].until);
    town.next_epochs(1);
    let after = [0, 1].map(|by| town.stake_of(by).waiting[0].until);
    let longer: Vec<bool> = before.iter().zip(after).map(|(before, after)| after > *before).collect();
    assert_eq!(longer.iter().filter(|longer| **longer).count(), 1, "{before:?} {after:?}");
    town.next_epochs(1);
    let votes = town.members(town.state.height() / BLOCKS);
    assert_eq!(votes.len(), 3, "one has left, the other follows it later");
    let stays = longer.iter().position(|longer| *longer).unwrap();
    assert!(votes.contains(&town.validators[stays].account()));
    town.next_epochs(1);
    assert_eq!(town.members(town.state.height() / BLOCKS).len(), 2);
    town.up_to(after[stays]);
    assert_eq!((town.balance(0), town.balance(1)), (1000, 1000));
}

#[test]
fn the_authority_seats_nobody_where_stake_does() {
    let mut town = Town::new(&[100]);
    let seat = |account, role| {
        let Candidate { ledger, data, .. } = candidate(account);
        Transaction::Seat { account, role, ledger: Some(ledger), data: Some(data) }
    };
    let founder = town.validators[0].account();
    assert_eq!(town.say(&authority(), seat(account(50), Role::Votes)).1, Err(Refusal::SeatsByStake));
    assert_eq!(town.say(&authority(), seat(account(50), Role::Follows)).1, Ok(4));
    // It can take back what the genesis gave, and nothing that is staked for.
    assert_eq!(town.say(&authority(), seat(founder, Role::Out)).1, Ok(0));
    town.next_epochs(2);
    assert!(!town.members(2).contains(&founder));
    let replica = town.validators[1].clone();
    assert_eq!(town.stake_behind(0, 10, &replica), Ok(0));
    assert_eq!(town.say(&authority(), seat(replica.account(), Role::Out)).1, Ok(1));
    town.next_epochs(3);
    assert!(town.members(town.state.height() / BLOCKS).contains(&replica.account()));
}

#[test]
fn a_double_seal_burns_a_share_once_and_unseats() {
    let mut town = Town::new(&[1000, 10]);
    let replica = town.validators[2].clone();
    let second = key(50);
    assert_eq!(town.stake_behind(0, 600, &replica), Ok(0));
    assert_eq!(town.stake_behind(0, 0, &second), Ok(0));
    assert_eq!(town.say(&key(0), Transaction::Unstake { amount: 150 }).1, Ok(0));
    let convict = |evidence| Transaction::Convict { evidence };
    let good = town.evidence(&replica, 7);

    // What proves nothing: one seal, two places, another's seal, another lane's.
    let pair = Equivocation::decode(&good).unwrap();
    let later = Equivocation::decode(&town.evidence(&replica, 8)).unwrap();
    let others = Equivocation::decode(&town.evidence(&town.validators[1].clone(), 7)).unwrap();
    let mut stranger = pair;
    stranger.second.header.lane = 900;
    for forged in [
        Equivocation { second: pair.first, ..pair },
        Equivocation { second: later.second, ..pair },
        Equivocation { second: others.second, ..pair },
        Equivocation { second: SealedHeader { seal: pair.first.seal, ..pair.second }, ..pair },
        stranger,
    ] {
        let refused = town.say(&key(1), convict(forged.encode())).1;
        assert!(matches!(refused, Err(Refusal::BadEvidence(_))), "{refused:?}");
    }
    assert_eq!(town.stake_of(0).bound(), 600);

    let (id, done) = town.say(&key(1), convict(good.clone()));
    assert_eq!(done, Ok(2), "the lane");
    // Half of the stake is behind this replica, and a tenth of that is burned.
    assert_eq!((town.stake_of(0).staked, town.stake_of(0).bound()), (420, 570));
    let conviction = *town.state.stakes().conviction(&replica.account()).unwrap();
    assert_eq!((conviction.burned, conviction.said), (30, id));
    let again = Err(Refusal::Convicted { account: replica.account() });
    assert_eq!(town.say(&key(1), convict(good)).1, again);
    assert_eq!(town.say(&key(1), convict(town.evidence(&replica, 9))).1, again, "once for each key");
    town.next_epochs(2);
    let votes = town.members(town.state.height() / BLOCKS);
    assert!(!votes.contains(&replica.account()) && votes.contains(&second.account()));
    town.next_epochs(4);
    assert!(!town.members(town.state.height() / BLOCKS).contains(&replica.account()), "for good");
    assert_eq!(town.stake_behind(0, 1, &replica), again);
}

/// Votes are judged by the committee that had their epoch, whenever they are shown; a key pays for its seals or for its
/// votes, whatever is proven first.
#[test]
fn a_double_vote_burns_a_share_once_and_unseats() {
    let mut town = Town::new(&[1000, 1000]);
    let (one, other) = (key(50), key(51));
    assert_eq!(town.stake_behind(0, 600, &one), Ok(0));
    assert_eq!(town.stake_behind(1, 900, &other), Ok(0));
    let votes = |town: &Town, key: &Keypair, epoch: u64| {
        let committee = town.state.seats().unwrap().committee(epoch).clone();
        vote_twice(&committee, &town.genesis.network(), key, Contradiction::TwoBlocks, (epoch, 3))
    };
    let convict = |pair: moot_record::DoubleVote| Transaction::Convict { evidence: pair.encode() };
    town.next_epochs(3);
    assert!(town.members(3).is_superset(&[one.account(), other.account()].into()));
    assert_ne!(town.state.seats().unwrap().committee(3).number, 0);

    // In an epoch in which it had no seat yet; in one to come; under another committee's number.
    let mut moved = votes(&town, &one, 3);
    moved.epoch = 2;
    for (pair, why) in
        [(votes(&town, &one, 0), "not in committee 0"), (votes(&town, &one, 4), "not begun"), (moved, "")]
    {
        let refused = town.say(&key(7), convict(pair)).1;
        assert!(matches!(&refused, Err(Refusal::BadEvidence(text)) if text.contains(why)), "{refused:?}");
    }
    // A founder's votes of the first epoch count though others vote by now.
    let founder =
        town.validators.iter().find(|key| town.members(0).contains(&key.account())).unwrap().clone();
    let lane = town.state.seats().unwrap().of(&founder.account()).unwrap().0;
    assert_eq!(town.say(&key(7), convict(votes(&town, &founder, 0))).1, Ok(lane));
    assert_eq!(town.state.stakes().conviction(&founder.account()).unwrap().burned, 0, "nobody staked for it");

    let (id, done) = town.say(&key(7), convict(votes(&town, &one, 3)));
    assert!(done.is_ok(), "{done:?}");
    assert_eq!((town.stake_of(0).staked, town.balance(0)), (540, 400));
    let conviction = *town.state.stakes().conviction(&one.account()).unwrap();
    assert_eq!(conviction.said, id);
    assert_eq!((conviction.burned, conviction.voted), (60, Some(Contradiction::TwoBlocks)));
    let again = Err(Refusal::Convicted { account: one.account() });
    assert_eq!(town.say(&key(7), convict(votes(&town, &one, 3))).1, again);
    let sealed = Transaction::Convict { evidence: town.evidence(&one, 1) };
    assert_eq!(town.say(&key(7), sealed).1, again, "its seals cost no more");
    let sealed = Transaction::Convict { evidence: town.evidence(&other, 1) };
    assert!(town.say(&key(7), sealed).1.is_ok());
    assert_eq!(town.state.stakes().conviction(&other.account()).unwrap().voted, None);
    let again = Err(Refusal::Convicted { account: other.account() });
    assert_eq!(town.say(&key(7), convict(votes(&town, &other, 3))).1, again, "nor do its votes");
    town.next_epochs(4);
    let members = town.members(town.state.height() / BLOCKS);
    assert!(!members.contains(&one.account()) && !members.contains(&other.account()));
}

/// Who has nothing accuses all the same: the accused pays. What proves nothing is paid like any bundle, or is void.
#[test]
fn a_proven_accusation_needs_no_money_and_any_other_does() {
    let mut town = Town::charging(&[1000, 0, 300], 50);
    let (rich, poor) = (town.validators[2].clone(), town.validators[1].clone());
    assert_eq!(town.stake_behind(0, 600, &rich), Ok(0));
    let convict = |evidence| Transaction::Convict { evidence };
    let mut forged = Equivocation::decode(&town.evidence(&rich, 7)).unwrap();
    forged.second = forged.first;
    let pot = town.state.pot();

    // From an account without units: what is no proof, and a proof among other things.
    let broke = Err(Refusal::CannotPay { balance: 0, needed: 50 });
    assert_eq!(town.say(&key(1), convict(forged.encode())).1, broke);
    let proof = convict(town.evidence(&rich, 7));
    let with = town.bundle(account(1), &[proof.clone(), Transaction::Transfer { to: account(0), amount: 1 }]);
    let outcomes = town.block(vec![with]).outcomes;
    assert!(outcomes.iter().all(|(_, outcome)| outcome.result == broke), "{outcomes:?}");
    let long = OrderedBundle { bytes: limits::MAX_ACCUSATION_BYTES + 1, ..town.bundle(account(1), &[proof]) };
    let refused = town.block(vec![long]).outcomes.remove(0).1.result;
    assert!(matches!(refused, Err(Refusal::CannotPay { .. })), "{refused:?}");
    assert_eq!((town.state.pot(), town.stake_of(0).bound()), (pot, 600));

    // A tenth of the stake is taken: the bytes are paid out of it, and the rest is burned.
    let proof = convict(town.evidence(&rich, 7));
    assert_eq!(town.say(&key(1), proof.clone()).1, Ok(2));
    assert_eq!((town.state.pot(), town.stake_of(0).bound()), (pot + 50, 540));
    assert_eq!(town.state.stakes().conviction(&rich.account()).unwrap().burned, 10);
    assert_eq!(town.say(&key(1), proof.clone()).1, broke, "the second of them proves nothing new");
    assert_eq!(town.say(&key(2), proof).1, Err(Refusal::Convicted { account: rich.account() }));
    assert_eq!((town.state.pot(), town.balance(2)), (pot + 100, 250), "and costs who has something");

    // Behind the other there is nothing that could be burned, and too little behind a third.
    let proof = convict(town.evidence(&poor, 1));
    assert_eq!(town.say(&key(2), proof).1, Ok(1));
    assert_eq!(town.state.stakes().conviction(&poor.account()).unwrap().burned, 0);
    assert_eq!((town.state.pot(), town.balance(2)), (pot + 100, 250), "waived");
    let third = town.validators[3].clone();
    assert_eq!(town.stake_behind(2, 150, &third), Ok(0));
    let pot = town.state.pot();
    let proof = convict(town.evidence(&third, 1));
    assert_eq!(town.say(&key(1), proof).1, Ok(3));
    assert_eq!((town.state.pot(), town.stake_of(2).bound()), (pot + 15, 135), "as far as it goes");
    assert_eq!(town.state.stakes().conviction(&third.account()).unwrap().burned, 0);
}

/// Case 70: a revoked key wins no seat, neither with its stake nor as a replica; what it has staked still answers for what
/// its replica did, and a replica that votes cannot make its own lane void.
#[test]
fn case_70_a_revoked_key_bids_for_no_seat_and_its_stake_still_answers() {
    let mut town = Town::new(&[1000]);
    let (replica, founder) = (key(50), town.validators[0].clone());
    assert_eq!(town.stake_behind(0, 300, &replica), Ok(0));
    assert_eq!(town.say(&replica, Transaction::Revoke {}).1, Ok(0), "it has no seat yet");
    town.next_epochs(2);
    assert!(!town.members(2).contains(&replica.account()), "what is staked behind it wins nothing");
    let height = town.state.revoked().at(&replica.account()).unwrap();
    let unusable = Err(Refusal::AccountRevoked { account: replica.account(), height });
    assert_eq!(town.stake_behind(0, 1, &replica), unusable);
    let follows = |ledger, data| Transaction::Seat {
        account: replica.account(),
        role: Role::Follows,
        ledger: Some(ledger),
        data: Some(data),
    };
    let Candidate { ledger, data, .. } = candidate(replica.account());
    assert_eq!(town.say(&authority(), follows(ledger, data)).1, unusable);

    let other = key(51);
    assert_eq!(town.stake_behind(0, 0, &other), Ok(0));
    for voter in [&founder, &other] {
        town.next_epochs(2);
        assert_eq!(town.say(voter, Transaction::Revoke {}).1, Err(Refusal::StillSeated));
    }
    assert_eq!(town.say(&key(0), Transaction::Revoke {}).1, Ok(0), "whose stake it is can at once");
    assert!(town.state.stakes().bids(town.state.revoked()).is_empty());
    town.next_epochs(1);
    assert_eq!(town.say(&other, Transaction::Revoke {}).1, Err(Refusal::StillSeated), "it still votes");
    town.next_epochs(2);
    assert!(!town.members(town.state.height() / BLOCKS).contains(&other.account()));
    let before = town.stake_of(0).bound();
    let evidence = town.evidence(&other, 7);
    assert!(town.say(&key(60), Transaction::Convict { evidence }).1.is_ok());
    assert!(town.stake_of(0).bound() < before);
    assert_eq!(town.say(&other, Transaction::Revoke {}).1, Ok(0), "it has left");
}

/// Case 70: a founder that was outbid would come back into the committee by the genesis's word alone, with a key that signs
/// nothing.
#[test]
fn case_70_a_founder_that_left_and_revoked_its_key_does_not_come_back() {
    let mut town = Town::new(&[1000]);
    let others: Vec<Keypair> = (50..54).map(key).collect();
    for replica in &others {
        assert_eq!(town.stake_behind(0, 100, replica), Ok(0));
    }
    town.next_epochs(8);
    let founder = town.validators[0].clone();
    assert!(!town.members(town.state.height() / BLOCKS + 1).contains(&founder.account()));
    assert_eq!(town.say(&founder, Transaction::Revoke {}).1, Ok(0));
    assert_eq!(town.say(&key(0), Transaction::Unstake { amount: 400 }).1, Ok(0));
    town.next_epochs(8);
    let members = town.members(town.state.height() / BLOCKS);
    let back: Vec<bool> = town.validators.iter().map(|one| members.contains(&one.account())).collect();
    assert_eq!(back, [false, true, true, true]);
}

/// Case 70: units that are held for a revoked key would be lost if they were paid; they can only come back.
#[test]
fn case_70_what_is_held_for_a_revoked_key_can_only_come_back() {
    let mut town = Town::new(&[100]);
    let hold = |to: u8, amount, until| Transaction::Hold { to: account(to), amount, until };
    let release = |hold, part| Transaction::Release { hold, part, whole: 2 };
    let (id, done) = town.say(&key(0), hold(60, 40, 500));
    assert_eq!((done, town.say(&key(60), Transaction::Revoke {}).1), (Ok(0), Ok(0)));
    let height = town.state.height();
    let unusable = Err(Refusal::AccountRevoked { account: account(60), height });
    assert_eq!(town.say(&key(0), release(id, 1)).1, unusable);
    assert_eq!(town.say(&key(0), hold(60, 1, 500)).1, unusable);
    assert_eq!(town.say(&key(60), release(id, 0)).1, Err(Refusal::Revoked { height }));
    assert_eq!((town.say(&key(0), release(id, 0)).1, town.balance(0)), (Ok(0), 100));
    // What a revoked key has held comes back to its account, by itself or by whom it was held for.
    let until = town.state.height() + 6;
    assert_eq!(town.say(&key(0), hold(61, 30, until)).1, Ok(0));
    let (id, _) = town.say(&key(0), hold(61, 20, 500));
    assert_eq!(town.say(&key(0), Transaction::Stake { amount: 10, replica: None, consent: None }).1, Ok(0));
    assert_eq!(town.say(&key(0), Transaction::Revoke {}).1, Ok(0));
    assert_eq!((town.say(&key(61), release(id, 0)).1, town.balance(0)), (Ok(0), 60));
    town.up_to(until);
    assert_eq!((town.balance(0), town.stake_of(0).staked), (90, 10));
}

/// A group that fails leaves holds, stakes, seats and convictions as they were.
#[test]
fn a_failed_group_leaves_bonds_as_they_were() {
    let mut town = Town::new(&[1000]);
    let replica = town.validators[0].clone();
    assert_eq!(town.stake_behind(0, 100, &replica), Ok(0));
    let (hold, _) = town.say(&key(0), Transaction::Hold { to: account(1), amount: 9, until: 90 });
    let before: BTreeMap<String, String> = town.shown();
    let moved = Candidate { ledger: SocketAddr::from(([10, 9, 9, 9], 9)), ..candidate(replica.account()) };
    let consent = Candidate::consent(&replica, &town.genesis.network(), &account(0));
    let said = [
        Transaction::Together { count: 6 },
        Transaction::Release { hold, part: 1, whole: 2 },
        Transaction::Hold { to: account(1), amount: 9, until: 90 },
        Transaction::Stake { amount: 5, replica: Some(moved), consent: Some(consent) },
        Transaction::Unstake { amount: 50 },
        Transaction::Convict { evidence: town.evidence(&replica, 3) },
        Transaction::Unstake { amount: 1000 },
    ];
    let bundle = town.bundle(account(0), &said);
    let changes = town.block(vec![bundle]);
    assert!(changes.outcomes.iter().all(|(_, outcome)| outcome.result.is_err()), "{changes:?}");
    assert_eq!(town.shown(), before);
    let bundle = town.bundle(account(0), &[&[Transaction::Together { count: 5 }], &said[1..6]].concat());
    let changes = town.block(vec![bundle]);
    assert!(changes.outcomes.iter().all(|(_, outcome)| outcome.result.is_ok()), "{changes:?}");
    assert_ne!(town.shown(), before);
}

impl Town {
    /// All that these tests can change.
    fn shown(&self) -> BTreeMap<String, String> {
        let accounts = self.state.accounts().map(|(of, balance)| (of.to_string(), balance.to_string()));
        let stakes =
            self.state.stakes().iter().map(|(of, stake)| (format!("stake {of}"), format!("{stake:?}")));
        let seats = self.state.seats().unwrap().all().iter().map(|seat| {
            let conviction = self.state.stakes().conviction(&seat.account);
            (format!("seat {}", seat.account), format!("{seat:?} {conviction:?}"))
        });
        accounts.chain(stakes).chain(seats).collect()
    }
}

#[derive(Debug, Clone)]
enum Said {
    Transfer { to: u8, amount: u64 },
    Hold { to: u8, amount: u64, blocks: u64 },
    Release { which: usize, part: u64, whole: u64 },
    Stake { amount: u64, replica: Option<u8> },
    Unstake { amount: u64 },
    Convict { validator: usize, seq: u64 },
    ConvictVotes { validator: usize, what: usize },
    Together { count: u16 },
}

fn anything() -> impl Strategy<Value = Said> {
    let amount =
        || prop_oneof![6 => 0..60u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX / 2), 1 => any::<u64>()];
    let share = || prop_oneof![4 => 0..5u64, 1 => any::<u64>()];
    prop_oneof![
        2 => (0..4u8, amount()).prop_map(|(to, amount)| Said::Transfer { to, amount }),
        3 => (0..4u8, amount(), 0..20u64).prop_map(|(to, amount, blocks)| Said::Hold { to, amount, blocks }),
        3 => (0..6usize, share(), share()).prop_map(|(which, part, whole)| Said::Release { which, part, whole }),
        4 => (amount(), prop::option::of(0..7u8)).prop_map(|(amount, replica)| Said::Stake { amount, replica }),
        3 => amount().prop_map(|amount| Said::Unstake { amount }),
        1 => (0..4usize, 0..2u64).prop_map(|(validator, seq)| Said::Convict { validator, seq }),
        1 => (0..4usize, 0..3usize).prop_map(|(validator, what)| Said::ConvictVotes { validator, what }),
        1 => (0..4u16).prop_map(|count| Said::Together { count }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No sequence of blocks makes or loses a unit, burned ones counted; a state restored from its rows has the same
    /// root and does the same with every later block; and once nothing is said any more all that is held and unstaked
    /// comes back.
    #[test]
    fn supply_is_conserved_with_bonds(
        blocks in prop::collection::vec(
            prop::collection::vec((0..4u8, prop::collection::vec(anything(), 1..5)), 0..4), 1..30),
        large in any::<bool>(),
        bytes in prop_oneof![Just(0u64), 1..4u64],
    ) {
        let balances: &[u64] = if large { &[u64::MAX - 100, 40, 30, 30] } else { &[80, 40, 30, 0] };
        let mut town = Town::charging(balances, bytes);
        let supply = town.state.supply();
        let mut rows: BTreeMap<StateKey, Vec<u8>> = town.genesis.accounts.iter().map(|one| {
            (StateKey::Account(one.account), moot_record::Account::with(one.balance).encode())
        }).collect();
        let list = PriceList { prices: town.genesis.prices, votes: vec![] };
        rows.insert(StateKey::Prices, list.encode());
        let mut restored: Option<State> = None;
        let mut holds: Vec<EntryId> = Vec::new();
        for said in blocks {
            let mut bundles = Vec::new();
            for (by, all) in said {
                let made: Vec<Transaction> = all.iter().map(|one| town.transaction(by, one, &holds)).collect();
                let bundle = town.bundle(account(by), &made);
                holds.extend(bundle.transactions.iter().filter(|(_, said)| said.kind() == "hold").map(|(id, _)| *id));
                bundles.push(bundle);
            }
            let block = block(town.state.height() + 1, bundles);
            let changes = town.state.apply(&block);
            prop_assert_eq!(town.state.supply(), supply);
            if let Some(restored) = &mut restored {
                restored.apply(&block);
                prop_assert_eq!(restored.root(), town.state.root());
            }
            for (key, value) in changes.rows {
                match value {
                    Some(value) => drop(rows.insert(key, value.to_vec())),
                    None => drop(rows.remove(&key)),
                }
            }
            let counted = block.bundles.iter().map(|bundle| (bundle.valid_until, bundle.digest));
            let again = State::restore(town.state.height(), town.state.history(), [], counted);
            let again = again.seated(town.state.seats().unwrap().clone()).charging(&town.genesis);
            let again = again.holding(rows.clone());
            prop_assert_eq!(again.root(), town.state.root(), "the rows are all there is");
            prop_assert_eq!(again.supply(), supply);
            restored = Some(again);
        }
        for by in 0..4 {
            let staked = town.stake_of(by).staked;
            if staked > 0 {
                town.bytes = 0;
                prop_assert_eq!(town.say(&key(by), Transaction::Unstake { amount: staked }).1, Ok(0));
            }
        }
        town.up_to(town.state.height() + 40 * BLOCKS);
        let bound: u128 = town.state.stakes().iter().map(|(_, stake)| u128::from(stake.bound())).sum();
        let balances: u128 = town.state.accounts().map(|(_, balance)| u128::from(balance)).sum();
        let pot = u128::from(town.state.pot());
        let burned: u128 = town.validators.iter()
            .filter_map(|replica| town.state.stakes().conviction(&replica.account()))
            .map(|found| u128::from(found.burned))
            .sum();
        prop_assert_eq!((bound, balances + pot + burned), (0, supply));
    }
}

impl Town {
    fn transaction(&self, by: u8, said: &Said, holds: &[EntryId]) -> Transaction {
        match *said {
            Said::Transfer { to, amount } => Transaction::Transfer { to: account(to), amount },
            Said::Hold { to, amount, blocks } => {
                Transaction::Hold { to: account(to), amount, until: self.state.height() + blocks }
            }
            Said::Release { which, part, whole } => {
                let hold = holds.iter().rev().nth(which).copied();
                let nowhere = EntryId { lane: 9, batch: 9, bundle: 9, page: 9, slot: 9 };
                Transaction::Release {
                    hold: hold.unwrap_or(nowhere),
                    part: part.min(whole),
                    whole: whole.max(1),
                }
            }
            Said::Stake { amount, replica } => {
                let replica = replica.map(|n| match self.validators.get(usize::from(n)) {
                    Some(founder) => founder.clone(),
                    None => key(50 + n),
                });
                let consent = replica
                    .as_ref()
                    .map(|replica| Candidate::consent(replica, &self.genesis.network(), &account(by)));
                let replica = replica.map(|replica| candidate(replica.account()));
                Transaction::Stake { amount, replica, consent }
            }
            Said::Unstake { amount } => Transaction::Unstake { amount },
            Said::Convict { validator, seq } => {
                Transaction::Convict { evidence: self.evidence(&self.validators[validator], seq) }
            }
            Said::ConvictVotes { validator, what } => {
                let (committee, network) = (self.genesis.committee(), self.genesis.network());
                let key = &self.validators[validator];
                let pair = vote_twice(&committee, &network, key, Contradiction::ALL[what], (0, 1));
                Transaction::Convict { evidence: pair.encode() }
            }
            Said::Together { count } => Transaction::Together { count },
        }
    }
}
