//! What a replica and its worker say to each other.
//!
//! ```text
//!  POST /hello             Hello (JSON)                            200 Welcome (JSON)
//!  PUT  /functions/<name>  frame(owner, component, spec | bytes)   204 ready   404 send the bytes   422 cannot, and why
//!  POST /calls             frame(id, entry, ... | input)           200 frame(bundle, logs | output)   503 not begun, and why
//!
//!  frame = length of the head (4 bytes, big-endian) || head (CBOR, one encoding) || the rest
//! ```
//!
//! The replica asks and the worker answers, on a connection that the worker made. A reason is plain text. A status 503
//! is the worker's word that the call was not begun, so that it may be run elsewhere; any other end without an answer
//! leaves that open.

use bytes::{BufMut, Bytes, BytesMut};
use moot_record::cbor::{self, Reader};
use moot_record::limits::{MAX_BUNDLE_BYTES, MAX_ENTRY_BYTES, MAX_SPEC_BYTES};
use moot_record::{AccountId, DecodeError, Digest, Engine, EntryId, FunctionName, Prices};
use serde::{Deserialize, Serialize};

pub use moot_record::Sandbox;

/// `POST`: who the replica is, and what it wants to know.
pub const HELLO: &str = "/hello";
/// `POST`: a call.
pub const CALLS: &str = "/calls";
/// `PUT`, with a name after it: a function that may be called soon.
pub const FUNCTIONS: &str = "/functions/";

/// Longest trace header (W3C Trace Context, version 00) with room for later versions.
const MAX_TRACE_BYTES: usize = 256;
/// Longest text of an entry's id: five numbers.
const MAX_ID_BYTES: usize = 64;

/// What a replica says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of its program.
    pub version: String,
    /// The network: what every signature is bound to.
    pub network: Digest,
    /// What calls cost there.
    pub prices: Prices,
}

/// What a worker answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version of its program.
    pub version: String,
    /// The functions that it serves; none for every function that it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<FunctionName>>,
    /// The kinds of sandbox that it offers.
    pub kinds: Vec<Sandbox>,
    /// What it runs components with.
    pub engine: Engine,
    /// Calls that it runs at a time.
    pub places: usize,
}

/// A function that a worker is to be ready for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its owner.
    pub owner: AccountId,
    /// Its component.
    pub component: Digest,
    /// Its spec, encoded.
    pub spec: Vec<u8>,
}

/// A call that a worker is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOrder {
    /// Its address.
    pub id: EntryId,
    /// Its entry, as it stands on the ledger.
    pub entry: Vec<u8>,
    /// The ledger's height, for functions that may know it.
    pub height: u64,
    /// The caller's trace, for functions that may know it.
    pub trace: Option<String>,
    /// The last height at which the receipt's bundle may be ordered.
    pub valid_until: u64,
}

/// What a worker made of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its receipt, in a bundle that it signed.
    pub bundle: Vec<u8>,
    /// What the function wrote: a JSON array of lines.
    pub logs: Vec<u8>,
}

/// Puts a head and what follows it together.
#[must_use]
pub fn frame(head: &[u8], rest: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + head.len() + rest.len());
    out.put_u32(u32::try_from(head.len()).unwrap_or(u32::MAX));
    out.put_slice(head);
    out.put_slice(rest);
    out.freeze()
}

/// Takes them apart.
///
/// # Errors
/// When there is less than the first four bytes announce.
pub fn unframe(bytes: &Bytes) -> Result<(Bytes, Bytes), DecodeError> {
    let mut r = Reader::new(bytes);
    let length = u32::from_be_bytes(r.take(4)?.try_into().unwrap_or_default());
    let head = r.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok((bytes.slice_ref(head), bytes.slice_ref(r.rest())))
}

impl Offer {
    /// The head of its frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.spec.len());
        cbor::array(&mut out, 3);
        cbor::bytes(&mut out, self.owner.as_bytes());
        cbor::bytes(&mut out, self.component.as_bytes());
        cbor::bytes(&mut out, &self.spec);
        out
    }

    /// Reads the head of a frame.
    ///
    /// # Errors
    /// When it is no offer.
    pub fn decode(head: &[u8]) -> Result<Offer, DecodeError> {
        let r = &mut Reader::new(head);
        r.array(3)?;
        let offer = Offer {
            owner: AccountId::from_bytes(r.fixed()?),
            component: Digest::from_bytes(r.fixed()?),
            spec: r.bytes(MAX_SPEC_BYTES)?.to_vec(),
        };
        r.end()?;
        Ok(offer)
    }
}

impl CallOrder {
    /// The head of its frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.entry.len());
        cbor::array(&mut out, 5);
        cbor::text(&mut out, &self.id.to_string());
        cbor::bytes(&mut out, &self.entry);
        cbor::uint(&mut out, self.height);
        cbor::option(&mut out, self.trace.as_ref(), |out, trace| cbor::text(out, trace));
        cbor::uint(&mut out, self.valid_until);
        out
    }

    /// Reads the head of a frame.
    ///
    /// # Errors
    /// When it is no call.
    pub fn decode(head: &[u8]) -> Result<CallOrder, DecodeError> {
        let r = &mut Reader::new(head);
        r.array(5)?;
        let id = r.text(MAX_ID_BYTES)?.parse();
        let invalid = |why: String| moot_record::Invalid { field: "call.id", why };
        let order = CallOrder {
            id: id.map_err(|error: moot_record::ParseError| invalid(error.to_string()))?,
            entry: r.bytes(MAX_ENTRY_BYTES)?.to_vec(),
            height: r.uint()?,
            trace: r.option(|r| r.text(MAX_TRACE_BYTES).map(str::to_owned))?,
            valid_until: r.uint()?,
        };
        r.end()?;
        Ok(order)
    }
}

impl Answer {
    /// The head of its frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.bundle.len() + self.logs.len());
        cbor::array(&mut out, 2);
        cbor::bytes(&mut out, &self.bundle);
        cbor::bytes(&mut out, &self.logs);
        out
    }

    /// Reads the head of a frame.
    ///
    /// # Errors
    /// When it is no answer.
    pub fn decode(head: &[u8]) -> Result<Answer, DecodeError> {
        let r = &mut Reader::new(head);
        r.array(2)?;
        let answer = Answer {
            bundle: r.bytes(MAX_BUNDLE_BYTES)?.to_vec(),
            logs: r.bytes(super::limits::MAX_LOG_BYTES)?.to_vec(),
        };
        r.end()?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let offer = Offer {
            owner: AccountId::from_bytes([1; 32]),
            component: Digest::from_bytes([2; 32]),
            spec: vec![3; 40],
        };
        let framed = frame(&offer.encode(), b"wasm");
        let (head, rest) = unframe(&framed).unwrap();
        assert_eq!((Offer::decode(&head), rest.as_ref()), (Ok(offer), &b"wasm"[..]));

        for trace in [None, Some("00-ab-cd-01".to_owned())] {
            let order = CallOrder {
                id: "1-2-3-4-5".parse().unwrap(),
                entry: vec![7; 300],
                height: 9,
                trace,
                valid_until: 100_009,
            };
            assert_eq!(CallOrder::decode(&order.encode()), Ok(order));
        }
        let answer = Answer { bundle: vec![1; 500], logs: b"[]".to_vec() };
        assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        let whole = frame(b"head", b"rest");
        for length in 0..8 {
            assert!(unframe(&whole.slice(..length)).is_err(), "{length}");
        }
        assert_eq!(unframe(&whole.slice(..8)).unwrap().1.len(), 0);
        assert!(unframe(&Bytes::from_static(&[0xff; 16])).is_err());
        let mut more = Answer { bundle: vec![], logs: vec![] }.encode();
        more.push(0);
        assert!(Answer::decode(&more).is_err());
        let logs = vec![0; super::super::limits::MAX_LOG_BYTES + 1];
        assert!(Answer::decode(&Answer { bundle: vec![], logs }.encode()).is_err());
    }
}
