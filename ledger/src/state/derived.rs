//! Calls that triggers derive: what they are, and how they end.
//!
//! ```text
//!  event ──► DerivedCall, assigned to a lane ──Call entry──► bound ──Receipt entry──► answered, gone from the state
//!                    └─ no receipt in time ──► the next lane
//! ```

use moot_record::cbor::{self, Reader};
use moot_record::limits::MAX_ENTRY_BYTES;
use moot_record::{AccountId, DecodeError, Digest, Domain, EntryId, FunctionName, Payload, Status};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

const DERIVED: Domain = Domain::new("moot derived call 1");
const TURN: Domain = Domain::new("moot derived turn 1");

/// Names a derived call: the height of the block that derived it, and its number in that block. `d-17-0` as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DerivedId {
    /// The height.
    pub height: u64,
    /// The number, from nought.
    pub number: u32,
}

impl fmt::Display for DerivedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "d-{}-{}", self.height, self.number)
    }
}

impl fmt::Debug for DerivedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DerivedId({self})")
    }
}

impl FromStr for DerivedId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} names no derived call: it is like d-17-0, a height and a number");
        let (height, number) =
            text.strip_prefix("d-").and_then(|rest| rest.split_once('-')).ok_or_else(wrong)?;
        let id = DerivedId {
            height: height.parse().map_err(|_| wrong())?,
            number: number.parse().map_err(|_| wrong())?,
        };
        // One form: no sign, no leading zero.
        if id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}

/// A call that a trigger derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedCall {
    /// Its name.
    pub id: DerivedId,
    /// The trigger.
    pub trigger: FunctionName,
    /// The function that is to run.
    pub function: FunctionName,
    /// The trigger's owner: the caller, who pays where the function's manifest says that its caller does.
    pub owner: AccountId,
    /// The event's source: `value:/chat/lobby/42`, `schedule:digest`, `completion:0-7-0-0-1`.
    pub source: String,
    /// The event's payload.
    pub payload: Payload,
    /// The value, or the call that ended.
    pub at: Option<EntryId>,
    /// Who wrote the value, or made the call that ended.
    pub by: Option<AccountId>,
    /// Time of the block; of a schedule, the time that had come. Milliseconds since 1970.
    pub time_ms: u64,
    /// How many triggers in a row led here.
    pub depth: u32,
    /// Why it must not run, if it must not.
    pub barred: Option<Barred>,
    /// The lane that is to run it.
    pub lane: u32,
    /// How many were before it.
    pub turn: u32,
    /// When another lane's turn comes, by the blocks' time.
    pub until_ms: u64,
    /// The call, once the lane has recorded it in a block.
    pub call: Option<EntryId>,
}

/// Why a derived call must not run. It has a receipt all the same, which says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// A loop of triggers ends here.
    Loop,
    /// The function was retired.
    Retired,
    /// The function is of another kind now.
    OtherKind,
    /// The function does not admit the trigger's owner.
    NotAdmitted,
    /// The key of the trigger's owner was revoked.
    Revoked,
}

impl Barred {
    const ALL: [Barred; 5] =
        [Barred::Loop, Barred::Retired, Barred::OtherKind, Barred::NotAdmitted, Barred::Revoked];

    fn number(self) -> u8 {
        self as u8
    }

    /// For people.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Barred::Loop => "the loop of triggers ends here: each of them made the next one fire",
            Barred::Retired => "the function was retired",
            Barred::OtherKind => "the function is not of kind event any more",
            Barred::NotAdmitted => "the function does not admit the trigger's owner",
            Barred::Revoked => "the key of the trigger's owner was revoked",
        }
    }
}

/// How a derived call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DerivedEnd {
    /// With the receipt of its call.
    Answered {
        /// The receipt's address.
        receipt: EntryId,
        /// Its status.
        status: Status,
    },
    /// Without a call; or without an answer, where most of the workers that ran it did not say the same, or too few were
    /// there.
    Dropped {
        /// Why.
        why: String,
    },
}

/// What a block says of a derived call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedNews {
    /// As it is now.
    pub call: Arc<DerivedCall>,
    /// Its end, if it came to it.
    pub end: Option<DerivedEnd>,
}

impl DerivedCall {
    /// Names it in its call's entry; the same as long as it lives, whichever lane has it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut out = Vec::with_capacity(512);
        self.write_event(&mut out);
        DERIVED.hash(&out)
    }

    /// Names it and its turn: what a lane remembers that it has recorded. In the first turn that is its digest.
    pub(crate) fn turn_digest(&self) -> Digest {
        let digest = self.digest();
        if self.turn == 0 {
            return digest;
        }
        let mut out = digest.as_bytes().to_vec();
        cbor::uint(&mut out, self.turn);
        TURN.hash(&out)
    }

    /// What it was from the start.
    fn write_event(&self, out: &mut Vec<u8>) {
        cbor::uint(out, self.id.height);
        cbor::uint(out, self.id.number);
        cbor::text(out, self.trigger.as_str());
        cbor::text(out, self.function.as_str());
        cbor::bytes(out, self.owner.as_bytes());
        cbor::text(out, &self.source);
        cbor::bytes(out, self.payload.digest.as_bytes());
        cbor::uint(out, self.payload.bytes);
        cbor::option(out, self.payload.inline.as_ref(), |out, inline| cbor::bytes(out, inline));
        cbor::option(out, self.at.as_ref(), |out, at| cbor::bytes(out, &at.encode()));
        cbor::option(out, self.by.as_ref(), |out, by| cbor::bytes(out, by.as_bytes()));
        cbor::uint(out, self.time_ms);
        cbor::uint(out, self.depth);
        cbor::option(out, self.barred.as_ref(), |out, barred| cbor::uint(out, barred.number()));
    }

    /// Its one encoding: a leaf of the state's tree, and the row on disk.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        cbor::array(&mut out, 18);
        self.write_event(&mut out);
        cbor::uint(&mut out, self.lane);
        cbor::uint(&mut out, self.turn);
        cbor::uint(&mut out, self.until_ms);
        cbor::option(&mut out, self.call.as_ref(), |out, call| cbor::bytes(out, &call.encode()));
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<DerivedCall, DecodeError> {
        let r = &mut Reader::new(bytes);
        let name = |r: &mut Reader<'_>| -> Result<FunctionName, DecodeError> {
            let name = FunctionName::parse(r.text(64)?);
            Ok(name.map_err(|error| super::invalid("name", error.to_string()))?)
        };
        let address = |r: &mut Reader<'_>| -> Result<EntryId, DecodeError> { EntryId::decode(r.bytes(64)?) };
        r.array(18)?;
        let call = DerivedCall {
            id: DerivedId { height: r.uint()?, number: r.small()? },
            trigger: name(r)?,
            function: name(r)?,
            owner: AccountId::from_bytes(r.fixed()?),
            source: r.text(MAX_ENTRY_BYTES)?.to_owned(),
            payload: Payload {
                digest: Digest::from_bytes(r.fixed()?),
                bytes: r.uint()?,
                inline: r.option(|r| Ok(r.bytes(MAX_ENTRY_BYTES)?.to_vec()))?,
            },
            at: r.option(address)?,
            by: r.option(|r| Ok(AccountId::from_bytes(r.fixed()?)))?,
            time_ms: r.uint()?,
            depth: r.small()?,
            barred: r.option(read_barred)?,
            lane: r.small()?,
            turn: r.small()?,
            until_ms: r.uint()?,
            call: r.option(address)?,
        };
        r.end()?;
        Ok(call)
    }
}

fn read_barred(r: &mut Reader<'_>) -> Result<Barred, DecodeError> {
    let number: u8 = r.small()?;
    let found = Barred::ALL.into_iter().find(|barred| barred.number() == number);
    found.ok_or_else(|| super::invalid("barred", "unknown").into())
}

impl DerivedNews {
    /// The row on disk.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        cbor::bytes(&mut out, &self.call.encode());
        match &self.end {
            None => cbor::null(&mut out),
            Some(DerivedEnd::Answered { receipt, status }) => {
                cbor::bytes(&mut out, &receipt.encode());
                cbor::uint(&mut out, status.number());
            }
            Some(DerivedEnd::Dropped { why }) => cbor::text(&mut out, why),
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<DerivedNews, DecodeError> {
        let r = &mut Reader::new(bytes);
        let call = Arc::new(DerivedCall::decode(r.bytes(2 * MAX_ENTRY_BYTES)?)?);
        let end = match r.rest().first() {
            Some(0xf6) => r.option(|_| Ok(())).map(|_: Option<()>| None)?,
            Some(head) if head >> 5 == 2 => {
                let receipt = EntryId::decode(r.bytes(64)?)?;
                let number: u8 = r.small()?;
                let status = Status::ALL.iter().find(|status| status.number() == number).copied();
                let status = status.ok_or_else(|| super::invalid("status", "unknown"))?;
                Some(DerivedEnd::Answered { receipt, status })
            }
            _ => Some(DerivedEnd::Dropped { why: r.text(1024)?.to_owned() }),
        };
        r.end()?;
        Ok(DerivedNews { call, end })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::state) fn call(number: u32) -> DerivedCall {
        DerivedCall {
            id: DerivedId { height: 7, number },
            trigger: FunctionName::parse("moderate").unwrap(),
            function: FunctionName::parse("moderator").unwrap(),
            owner: AccountId::from_bytes([1; 32]),
            source: "value:/chat/lobby/1".into(),
            payload: Payload::inlined(b"hello"),
            at: "0-1-0-0-2".parse().ok(),
            by: None,
            time_ms: 9,
            depth: 2,
            barred: Some(Barred::NotAdmitted),
            lane: 1,
            turn: 0,
            until_ms: 50,
            call: None,
        }
    }

    #[test]
    fn rows_read_back_and_the_digest_stays() {
        let first = call(0);
        let later =
            DerivedCall { lane: 2, turn: 1, until_ms: 90, call: "2-9-0-0-0".parse().ok(), ..first.clone() };
        assert_eq!(first.digest(), later.digest());
        assert_ne!(first.digest(), call(1).digest());
        let status = Status::Denied;
        let ends = [
            None,
            Some(DerivedEnd::Answered { receipt: "2-9-0-0-1".parse().unwrap(), status }),
            Some(DerivedEnd::Dropped { why: "full".into() }),
        ];
        for end in ends {
            let news = DerivedNews { call: Arc::new(later.clone()), end };
            assert_eq!(DerivedNews::decode(&news.encode()), Ok(news));
        }
    }

    #[test]
    fn a_name_has_one_form() {
        let id = DerivedId { height: 17, number: 3 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "17-3", "d-17", "d-017-3", "d-17-3-1", "d-+1-0", "d-17-4294967296"] {
            assert!(bad.parse::<DerivedId>().is_err(), "{bad}");
        }
    }
}
