//! What this replica may do: vote, record, or only follow.
//!
//! ```text
//!   seat and committee, from the state ──┐
//!   journal of votes lost? ──────────────┴──► Standing ──► ordering: with or without the key
//!                                                └───────► appends: taken down, or refused with the reason
//! ```
//!
//! A key whose journal of votes is lost may have voted in the present epoch, or in one that this replica has never
//! heard of: it must not vote there again. It may vote in every epoch that began after the loss, because votes name
//! their epoch and nobody votes in one that has not begun. Whether an epoch did begin after the loss is seen without
//! a clock and without asking anybody: the replica seals a batch with a random number that was drawn after the loss.
//! A block that names this batch was made after it, so the epoch after that block's began after it as well, and the
//! blocks are certified by others. Until then this replica follows.

use crate::core::Core;
use crate::error::{ReadError, Refused};
use crate::lane::Lane;
use crate::state::Seats;
use crate::store::read;
use moot_ordering::Peer;
use moot_record::cbor::{self, Reader};
use moot_record::{AccountId, DecodeError, Digest, Entry, PageClass, Payload, Role, Value};
use std::sync::atomic::Ordering;

/// The lane of a replica without a seat: none has that number.
pub(crate) const NO_LANE: u32 = u32::MAX;

/// The path of the value by which a replica sees that time has passed.
const RETURN_PATH: &str = "/moot/returned";

/// What a replica may do now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether it votes in the present epoch.
    pub votes: bool,
    /// Whether it takes down calls, values and bundles.
    pub records: bool,
    /// Why it does not do both.
    pub why: Option<String>,
}

/// A lost journal of votes, and the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Drawn when the loss was found: another one is another loss.
    pub(crate) number: Digest,
    /// The batch that carries it, once sealed.
    pub(crate) token: Option<Digest>,
    /// The first epoch in which the key may vote, once a block has named the batch.
    pub(crate) votes_from: Option<u64>,
}

impl Lost {
    pub(crate) fn new(number: Digest) -> Lost {
        Lost { number, token: None, votes_from: None }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        cbor::array(&mut out, 3);
        cbor::bytes(&mut out, self.number.as_bytes());
        cbor::option(&mut out, self.token.as_ref(), |out, token| cbor::bytes(out, token.as_bytes()));
        cbor::option(&mut out, self.votes_from.as_ref(), |out, epoch| cbor::uint(out, *epoch));
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Lost, DecodeError> {
        let r = &mut Reader::new(bytes);
        r.array(3)?;
        let number = Digest::from_bytes(r.fixed()?);
        let token = r.option(|r| Ok(Digest::from_bytes(r.fixed()?)))?;
        let votes_from = r.option(Reader::uint)?;
        r.end()?;
        Ok(Lost { number, token, votes_from })
    }

    fn may_vote(&self, epoch: u64) -> bool {
        self.votes_from.is_some_and(|from| from <= epoch)
    }
}

/// What follows from seats and journal at a height.
fn stand(seats: &Seats, account: &AccountId, lost: Option<&Lost>, height: u64) -> Standing {
    let epoch = seats.epoch_of(height.saturating_add(1));
    let Some((_, seat)) = seats.of(account) else {
        let why = match seats.by_stake() {
            true => {
                "its key has no seat in the network yet: it gets one at the end of an epoch, if enough is staked for it"
            }
            false => "its key has no seat in the network: the authority can give it one (`moot net add`)",
        };
        return Standing { why: Some(why.to_owned()), ..Standing::default() };
    };
    let member = seats.committee(epoch).contains(account);
    if let Some(lost) = lost.filter(|lost| !lost.may_vote(epoch)) {
        let way = match (seats.epochs(), lost.votes_from) {
            (None, _) => "the committee of this network never changes, so it never votes again".to_owned(),
            (Some(_), None) => {
                "it votes again in the epoch after the one that orders what it has sealed since".to_owned()
            }
            (Some(_), Some(from)) => format!("it votes again from epoch {from}, this is epoch {epoch}"),
        };
        let why = format!("its journal of votes was lost, and it could contradict them: {way}");
        return Standing { why: Some(why), ..Standing::default() };
    }
    let role = seats.role(seat);
    let why = match (member, role) {
        (true, Role::Votes) => None,
        (true, _) => Some(format!("it leaves the committee, and takes nothing new; this is epoch {epoch}")),
        (false, Role::Votes) => {
            let next = if seats.committee(epoch + 1).contains(account) { epoch + 1 } else { epoch + 2 };
            Some(format!("it joins the committee in epoch {next}, this is epoch {epoch}"))
        }
        (false, _) => Some("it is not in the committee".to_owned()),
    };
    Standing { votes: member, records: role == Role::Votes, why }
}

impl Core {
    /// Whether the key may vote in an epoch, if it is in its committee.
    pub(crate) fn may_vote(&self, epoch: u64) -> bool {
        self.lost.read().as_ref().is_none_or(|lost| lost.may_vote(epoch))
    }

    /// Looks anew at what this replica may do.
    pub(crate) fn stand(&self) {
        let seats = self.seats.read().clone();
        let standing = stand(&seats, &self.account, self.lost.read().as_ref(), self.height());
        let mut known = self.standing.write();
        if *known != standing {
            match &standing.why {
                Some(why) => tracing::info!(votes = standing.votes, %why, "this replica's part has changed"),
                None => tracing::info!("this replica votes and records"),
            }
            self.records.store(standing.records, Ordering::Release);
            *known = standing;
        }
    }

    /// Takes up seats that a block changed: the own lane, and whom to be connected to.
    pub(crate) fn take_seats(&self) {
        let seats = self.seats.read().clone();
        if let Some((number, _)) = seats.of(&self.account)
            && self.lane_number() == NO_LANE
        {
            let first = self.first_free(0);
            *self.lane.lock() = Lane::new(number, first, Default::default(), self.pace.clone());
            self.lane_number.store(number, Ordering::Release);
        }
        if seats.epochs().is_some() {
            self.wants.line.know(self.roster(&seats));
        }
    }

    /// The next number of the own lane when `next` is what the disk says. With the disk, used numbers are lost:
    /// a lane makes fewer than a thousand batches a second, so the milliseconds since the genesis are beyond them.
    pub(crate) fn first_free(&self, next: u64) -> u64 {
        let lost = self.lost.read();
        if lost.as_ref().is_none_or(|lost| lost.token.is_some()) {
            return next;
        }
        (self.clock.now_s().saturating_mul(1000)).saturating_sub(self.genesis.time_ms).max(next)
    }

    /// All others who take part, with their addresses: the configuration's before the ledger's.
    fn roster(&self, seats: &Seats) -> Vec<Peer> {
        let epoch = seats.epoch_of(self.height().saturating_add(1));
        let settled = |account: &AccountId| {
            seats.committee(epoch).contains(account) || seats.committee(epoch + 1).contains(account)
        };
        let known = |account: &AccountId| self.peers.iter().find(|peer| peer.account == *account).copied();
        let mut roster = Vec::new();
        for seat in seats.all() {
            if seat.account == self.account || (seats.role(seat) == Role::Out && !settled(&seat.account)) {
                continue;
            }
            let said = seat.ledger.zip(seat.data);
            let said = said.map(|(address, data)| Peer { account: seat.account, address, data });
            roster.extend(known(&seat.account).or(said));
        }
        // There can be more seats than connections: those who vote come first.
        let votes = |peer: &Peer| {
            let seat = seats.of(&peer.account);
            settled(&peer.account) || seat.is_some_and(|(_, seat)| seats.role(seat) == Role::Votes)
        };
        roster.sort_by_key(|peer| !votes(peer));
        // Whom the ledger has not heard of yet, or this replica has not: it may have to catch up from them.
        let strangers = self.peers.iter().filter(|peer| seats.of(&peer.account).is_none());
        roster.extend(strangers.filter(|peer| peer.account != self.account).copied());
        roster
    }

    /// The others that take part, as far as it is known where they are.
    pub(crate) fn others(&self) -> Vec<Peer> {
        let seats = self.seats.read().clone();
        self.roster(&seats)
    }

    /// Refuses when this replica only follows.
    pub(crate) fn check_records(&self) -> Result<(), Refused> {
        if self.records.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(Refused::Follows(self.standing.read().why.clone().unwrap_or_default()))
    }

    /// On the way back: seals what shows that time has passed, and sends it until a block names it.
    pub(crate) fn seek_return(&self) {
        let lost = self.lost.read().clone();
        let Some(lost) = lost.filter(|lost| lost.votes_from.is_none()) else { return };
        if self.seats.read().epochs().is_none() || self.lane_number() == NO_LANE {
            return;
        }
        let sent = match lost.token {
            None => self.seal_token(&lost),
            Some(token) => self.push_again(&token),
        };
        if let Err(why) = sent {
            tracing::warn!(%why, "the way back to voting is not open yet");
        }
    }

    fn seal_token(&self, lost: &Lost) -> Result<(), String> {
        let mut sealing = self.token_in.lock();
        if sealing.is_some() {
            return Ok(());
        }
        let payload = Payload::inlined(lost.number.as_bytes());
        let value = Entry::Value(Value::new(RETURN_PATH, payload));
        let bytes = value.encode();
        let mut lane = self.lane.lock();
        let batch = lane.room(bytes.len(), 0, usize::MAX).map_err(|error| error.to_string())?;
        let id = batch.append(PageClass::Bulk, &bytes).map_err(|error| error.to_string())?;
        *sealing = Some(id.batch);
        drop(lane);
        self.signal.wake();
        Ok(())
    }

    fn push_again(&self, token: &Digest) -> Result<(), String> {
        let place = self.unordered.lock().place(token);
        let row = self.store.read(|txn| read::sealed(txn, token, place));
        if let Some(row) = row.map_err(|error: ReadError| error.to_string())? {
            self.wants.line.push(row);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moot_record::{Epochs, Genesis, Keypair, Prices};

    fn account(n: u8) -> AccountId {
        Keypair::from_seed([n; 32]).account()
    }

    #[test]
    fn who_lost_its_journal_follows_until_an_epoch_that_began_later() {
        let genesis = Genesis::new("test", 0, (1..=4).map(account).collect(), Prices::default());
        let fixed = Seats::new(&genesis, Digest::ZERO);
        let epochs = Epochs { blocks: 10, authority: account(99) };
        let changing = Seats::new(&genesis.with_epochs(epochs), Digest::ZERO);
        let me = account(2);
        assert_eq!(stand(&fixed, &me, None, 5), Standing { votes: true, records: true, why: None });
        let mut lost = Lost::new(Digest::from_bytes([1; 32]));
        for seats in [&fixed, &changing] {
            let standing = stand(seats, &me, Some(&lost), 5);
            assert!(!standing.votes && !standing.records && standing.why.is_some());
        }
        lost.votes_from = Some(3);
        // The block after 28 is of epoch 2, the one after 29 of epoch 3.
        assert!(!stand(&changing, &me, Some(&lost), 28).votes);
        assert_eq!(stand(&changing, &me, Some(&lost), 29), stand(&fixed, &me, None, 5));
        assert_eq!(Lost::decode(&lost.encode()), Ok(lost));
        let stranger = stand(&changing, &account(9), None, 5);
        assert!(!stranger.votes && !stranger.records && stranger.why.unwrap().contains("no seat"));
    }
}
