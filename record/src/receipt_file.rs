//! The receipt file: what people keep, readable and provable.
//!
//! ```text
//! { "format": "moot-receipt-1", "network": ..., "worker": ...,
//!   "receipt": { every field of the receipt },
//!   "call": { every field of the call }, "call_entry": "<base64url>",        when the call is known
//!   "id": ..., "block": { "height", "time_ms", "epoch", "view" }, "proof": "<base64url>"      when it is final
//!   "signed": "<base64url>"                                                                      before that }
//! ```
//!
//! Only the base64url parts are evidence. Checking makes the readable part anew from what they prove and compares
//! the two, field by field: nothing that a person reads in a good file is unproven.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::address::EntryId;
use crate::bytes::{AccountId, Digest};
use crate::call::Call;
use crate::entry::{Entry, entry_digest};
use crate::genesis::Genesis;
use crate::limits::{MAX_ENTRY_BYTES, MAX_PROOF_BYTES, MAX_RECEIPT_FILE_BYTES};
use crate::proof::{Proof, SignedEntry};
use crate::proof_error::ProofError;
use crate::receipt::Receipt;
use crate::strict_json;

/// The format's name and version.
pub const RECEIPT_FORMAT: &str = "moot-receipt-1";

/// A receipt with its evidence in the form that people keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptFile {
    evidence: Evidence,
    call_entry: Option<Vec<u8>>,
    /// Everything as the file shows it, evidence included.
    shown: Value,
}

/// What vouches for a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a file holds one; a box would gain nothing")]
pub enum Evidence {
    /// The worker's signature.
    Signed(SignedEntry),
    /// The worker's signature and the ledger's certificate.
    Final(Proof),
}

/// Where and when the ledger ordered a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finality {
    /// The receipt's own address.
    pub id: EntryId,
    /// The block's height.
    pub height: u64,
    /// The block's time, in milliseconds since 1970.
    pub time_ms: u64,
    /// The epoch of the votes.
    pub epoch: u64,
    /// The view of the votes.
    pub view: u64,
}

/// What a checked file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The receipt.
    pub receipt: Receipt,
    /// The account that signed it.
    pub worker: AccountId,
    /// The call, when the file has it: its digest is the one that the receipt names.
    pub call: Option<Call>,
    /// Where it stands, when the file has the ledger's certificate.
    pub finality: Option<Finality>,
}

impl ReceiptFile {
    /// Makes the file from evidence, and from the call's entry when it is known.
    ///
    /// Nothing is verified here; [`ReceiptFile::check`] does.
    ///
    /// # Errors
    /// When the evidence does not hold a receipt, or the entry is not the call that it names.
    pub fn new(evidence: Evidence, call_entry: Option<Vec<u8>>) -> Result<Self, ProofError> {
        let (entry, _) = evidence.signed().read_entry()?;
        let receipt = receipt_of(entry)?;
        let call = call_entry.as_deref().map(|bytes| call_of(bytes, &receipt)).transpose()?;
        let network = evidence.signed().bundle_header.network;
        let finality = match &evidence {
            Evidence::Signed(_) => None,
            Evidence::Final(proof) => {
                let (epoch, view) = proof.certificate.round()?;
                Some(Finality {
                    id: proof.id(),
                    height: proof.block_header.height,
                    time_ms: proof.block_header.time_ms,
                    epoch,
                    view,
                })
            }
        };
        let worker = evidence.signed().bundle_header.account;
        let checked = Checked { receipt, worker, call, finality };
        let shown = show(&network, &checked, &evidence, call_entry.as_deref());
        Ok(Self { evidence, call_entry, shown })
    }

    /// Reads a file. Its form is checked, what it says is not.
    ///
    /// # Errors
    /// When it is no receipt file.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let shown = strict_json::parse(text, MAX_RECEIPT_FILE_BYTES)
            .map_err(|why| ProofError::file("file", format!("not a receipt file: {why}")))?;
        Self::from_shown(shown)
    }

    fn from_shown(shown: Value) -> Result<Self, ProofError> {
        let format = shown.get("format").and_then(Value::as_str).unwrap_or_default();
        if format != RECEIPT_FORMAT {
            let why = format!("{format:?} is not {RECEIPT_FORMAT:?}, the format that this version reads");
            return Err(ProofError::file("format", why));
        }
        let bytes = |field, max| base64url(&shown, field, max);
        let evidence = match (bytes("proof", MAX_PROOF_BYTES)?, bytes("signed", MAX_PROOF_BYTES)?) {
            (Some(proof), None) => {
                Evidence::Final(Proof::decode(&proof).map_err(|e| ProofError::encoding("proof", e))?)
            }
            (None, Some(signed)) => {
                let signed = SignedEntry::decode(&signed).map_err(|e| ProofError::encoding("signed", e))?;
                Evidence::Signed(signed)
            }
            (None, None) => return Err(ProofError::file("proof", "the file has neither proof nor signed")),
            (Some(_), Some(_)) => {
                return Err(ProofError::file("signed", "the file has both proof and signed"));
            }
        };
        let call_entry = bytes("call_entry", MAX_ENTRY_BYTES)?;
        Ok(Self { evidence, call_entry, shown })
    }

    /// The file's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        strict_json::pretty(&self.shown)
    }

    /// The evidence in the file, not verified.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Verifies the evidence, and that every readable field says what it proves.
    ///
    /// # Errors
    /// Names the first field that does not fit.
    pub fn check(&self, genesis: &Genesis) -> Result<Checked, ProofError> {
        let (entry, worker, finality) = match &self.evidence {
            Evidence::Signed(signed) => {
                let signed = signed.verify(genesis)?;
                (signed.entry, signed.account, None)
            }
            Evidence::Final(proof) => {
                let p = proof.verify(genesis)?;
                let finality =
                    Finality { id: p.id, height: p.height, time_ms: p.time_ms, epoch: p.epoch, view: p.view };
                (p.entry, p.account, Some(finality))
            }
        };
        let receipt = receipt_of(entry)?;
        let call = self.call_entry.as_deref().map(|bytes| call_of(bytes, &receipt)).transpose()?;
        let checked = Checked { receipt, worker, call, finality };
        let proven = show(&genesis.network(), &checked, &self.evidence, self.call_entry.as_deref());
        match strict_json::first_difference("", Some(&self.shown), Some(&proven)) {
            None => Ok(checked),
            Some((field, found, proven)) => Err(ProofError::Field { field, found, proven }),
        }
    }
}

impl Evidence {
    const fn signed(&self) -> &SignedEntry {
        match self {
            Self::Signed(signed) => signed,
            Self::Final(proof) => &proof.entry,
        }
    }
}

fn receipt_of(entry: Entry) -> Result<Receipt, ProofError> {
    match entry {
        Entry::Receipt(receipt) => Ok(receipt),
        other => {
            let why = format!("what is proven is a {}, not a receipt", other.kind());
            Err(ProofError::file("receipt", why))
        }
    }
}

fn call_of(bytes: &[u8], receipt: &Receipt) -> Result<Call, ProofError> {
    let digest = entry_digest(bytes);
    if digest != receipt.call_digest {
        let why =
            format!("its digest is {digest}, the receipt is of the call with digest {}", receipt.call_digest);
        return Err(ProofError::file("call_entry", why));
    }
    match Entry::decode(bytes).map_err(|e| ProofError::encoding("call_entry", e))? {
        Entry::Call(call) => Ok(call),
        other => Err(ProofError::file("call_entry", format!("it is a {}, not a call", other.kind()))),
    }
}

/// The readable form of what was proven, with the evidence as the file has it.
fn show(network: &Digest, checked: &Checked, evidence: &Evidence, call_entry: Option<&[u8]>) -> Value {
    let mut file = Map::new();
    file.insert("format".into(), RECEIPT_FORMAT.into());
    file.insert("network".into(), json!(network));
    file.insert("worker".into(), json!(checked.worker));
    if let Some(f) = &checked.finality {
        file.insert("id".into(), json!(f.id));
        let block = json!({ "height": f.height, "time_ms": f.time_ms, "epoch": f.epoch, "view": f.view });
        file.insert("block".into(), block);
    }
    file.insert("receipt".into(), json!(checked.receipt));
    if let (Some(call), Some(bytes)) = (&checked.call, call_entry) {
        file.insert("call".into(), json!(call));
        file.insert("call_entry".into(), BASE64URL_NOPAD.encode(bytes).into());
    }
    let (name, bytes) = match evidence {
        Evidence::Signed(signed) => ("signed", signed.encode()),
        Evidence::Final(proof) => ("proof", proof.encode()),
    };
    file.insert(name.into(), BASE64URL_NOPAD.encode(&bytes).into());
    Value::Object(file)
}

fn base64url(file: &Value, field: &'static str, max: usize) -> Result<Option<Vec<u8>>, ProofError> {
    let Some(value) = file.get(field) else { return Ok(None) };
    let Some(text) = value.as_str() else { return Err(ProofError::file(field, "it is not a string")) };
    if text.len() > BASE64URL_NOPAD.encode_len(max) {
        return Err(ProofError::file(field, format!("{} characters; at most {max} bytes", text.len())));
    }
    match BASE64URL_NOPAD.decode(text.as_bytes()) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) => Err(ProofError::file(field, format!("it is not base64url without padding: {e}"))),
    }
}

impl Serialize for ReceiptFile {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.shown.serialize(s)
    }
}

impl<'de> Deserialize<'de> for ReceiptFile {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::from_shown(strict_json::value(d)?).map_err(serde::de::Error::custom)
    }
}
