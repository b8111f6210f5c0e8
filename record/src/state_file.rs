//! The state file: what an account had, readable and provable.
//!
//! ```text
//! { "format": "moot-state-1", "network": ..., "key": { "account": ... }, "value": { "balance": ... } or null,
//!   "block": { "height", "time_ms" }, "proof": "<base64url>" }
//! ```
//!
//! Only the proof is evidence. Checking makes the readable part anew from what it proves and compares the two, field by
//! field.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::bond::{Conviction, Hold, Stake};
use crate::error::DecodeError;
use crate::genesis::Genesis;
use crate::limits::{MAX_STATE_FILE_BYTES, MAX_STATE_PROOF_BYTES};
use crate::price_list::{Pot, PriceList};
use crate::proof_error::ProofError;
use crate::state::{Account, PathOwner, PathRule, StateKey};
use crate::state_proof::{Found, ProvenState, StateProof};
use crate::strict_json;
use crate::trigger::SetTrigger;
use crate::work::WorkerRecord;

/// The format's name and version.
pub const STATE_FORMAT: &str = "moot-state-1";

/// A value of the state with its evidence, in the form that people keep.
#[derive(Debug, Clone, PartialEq)]
pub struct StateFile {
    proof: StateProof,
    shown: Value,
}

impl StateFile {
    /// Makes the file from evidence. Nothing is verified here; [`StateFile::check`] does.
    ///
    /// # Errors
    /// When the value is not one of its key's kind.
    pub fn new(proof: StateProof, genesis: &Genesis) -> Result<Self, ProofError> {
        let value = match &proof.found {
            Found::Value(value) => Some(value.clone()),
            Found::Nothing | Found::Other { .. } => None,
        };
        let (height, time_ms) = (proof.block_header.height, proof.block_header.time_ms);
        let claimed = ProvenState { key: proof.key.clone(), value, height, time_ms };
        let shown = show(&claimed, &proof, genesis)?;
        Ok(Self { proof, shown })
    }

    /// Whether a text says that it is such a file.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        let parsed = strict_json::parse(text, MAX_STATE_FILE_BYTES);
        parsed.is_ok_and(|file| file.get("format").and_then(Value::as_str) == Some(STATE_FORMAT))
    }

    /// Reads a file. Its form is checked, what it says is not.
    ///
    /// # Errors
    /// When it is no state file.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let shown = strict_json::parse(text, MAX_STATE_FILE_BYTES)
            .map_err(|why| ProofError::file("file", format!("not a state file: {why}")))?;
        let format = shown.get("format").and_then(Value::as_str).unwrap_or_default();
        if format != STATE_FORMAT {
            let why = format!("{format:?} is not {STATE_FORMAT:?}, the format that this version reads");
            return Err(ProofError::file("format", why));
        }
        let text = shown.get("proof").and_then(Value::as_str);
        let text = text.ok_or_else(|| ProofError::file("proof", "the file has no proof"))?;
        if text.len() > BASE64URL_NOPAD.encode_len(MAX_STATE_PROOF_BYTES) {
            return Err(ProofError::file("proof", format!("{} characters are too many", text.len())));
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        let bytes = bytes
            .map_err(|e| ProofError::file("proof", format!("it is not base64url without padding: {e}")))?;
        let proof = StateProof::decode(&bytes).map_err(|e| ProofError::encoding("proof", e))?;
        Ok(Self { proof, shown })
    }

    /// The file's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        strict_json::pretty(&self.shown)
    }

    /// The evidence in the file, not verified.
    #[must_use]
    pub const fn proof(&self) -> &StateProof {
        &self.proof
    }

    /// Verifies the evidence, and that every readable field says what it proves.
    ///
    /// # Errors
    /// Names the first field that does not fit.
    pub fn check(&self, genesis: &Genesis) -> Result<ProvenState, ProofError> {
        let proven = self.proof.verify(genesis)?;
        let wanted = show(&proven, &self.proof, genesis)?;
        match strict_json::first_difference("", Some(&self.shown), Some(&wanted)) {
            None => Ok(proven),
            Some((field, found, proven)) => Err(ProofError::Field { field, found, proven }),
        }
    }
}

/// The readable form of what was proven.
fn show(proven: &ProvenState, proof: &StateProof, genesis: &Genesis) -> Result<Value, ProofError> {
    let value = proven.value.as_deref().map(|value| readable(&proven.key, value)).transpose();
    let value = value.map_err(|e| ProofError::encoding("state.value", e))?;
    Ok(json!({
        "format": STATE_FORMAT,
        "network": genesis.network(),
        "key": proven.key,
        "value": value,
        "block": { "height": proven.height, "time_ms": proven.time_ms },
        "proof": BASE64URL_NOPAD.encode(&proof.encode()),
    }))
}

/// A value of a kind that has a readable form; any other as base64url.
fn readable(key: &StateKey, value: &[u8]) -> Result<Value, DecodeError> {
    match key {
        StateKey::Account(_) => Ok(json!(Account::decode(value)?)),
        StateKey::Owner(_) => Ok(json!(PathOwner::decode(value)?)),
        StateKey::Rule(_) => Ok(json!(PathRule::decode(value)?)),
        StateKey::Hold(_) => Ok(json!(Hold::decode(value)?)),
        StateKey::Stake(_) => Ok(json!(Stake::decode(value)?)),
        StateKey::Conviction(_) => Ok(json!(Conviction::decode(value)?)),
        StateKey::Prices => Ok(json!(PriceList::decode(value)?)),
        StateKey::Pot => Ok(json!(Pot::decode(value)?)),
        StateKey::Trigger(_) => Ok(json!(SetTrigger::decode(value)?)),
        StateKey::Worker(_) => Ok(json!(WorkerRecord::decode(value)?)),
        StateKey::History
        | StateKey::Seats
        | StateKey::Function(_)
        | StateKey::Derived(..)
        | StateKey::Watched(_)
        | StateKey::Compared(_) => Ok(json!(BASE64URL_NOPAD.encode(value))),
    }
}
