//! What is signed on the ledger, and how it is checked.
//!
//! Pure: no clock, no randomness of its own, no input or output; it also builds for `wasm32-unknown-unknown`.
//! Everything has one encoding (a strict subset of CBOR, [`cbor`]) and its own domain ([`Domain`]). This is the
//! only verifier: the node, the command line and the SDKs all use it, or a port held to `vectors.json`.
//!
//! ```text
//! Entry ──► page ──► Bundle ──sign──► Batch ──► BlockHeader ◄── Certificate
//!   │                                                              │
//!   └────────────────────────── Proof ─────────────────────────────┘   checked with the Genesis alone
//! ```
//!
//! - Requires: a [`Genesis`] that is believed, and keys that are kept.
//! - Provides: one verdict for the same bytes everywhere; refusals that name the field.
//! - Does not provide: that what a worker signed is true; whether the ledger accepted what it ordered.

#![forbid(unsafe_code)]

mod address;
mod batch;
mod block;
mod bond;
mod bundle;
mod bundle_builder;
mod bytes;
mod call;
pub mod cbor;
mod certificate;
mod checked_text;
mod committee;
mod double_vote;
mod economy;
mod engine;
mod entry;
mod error;
mod fees;
mod genesis;
mod handover;
mod hash;
mod heads;
mod item;
mod key;
pub mod limits;
pub mod merkle;
mod name;
mod offence;
mod page;
mod path;
mod payload;
mod price_list;
mod proof;
mod proof_error;
mod receipt;
mod receipt_file;
mod sealed;
mod spec;
pub mod state;
mod state_file;
mod state_proof;
mod strict_json;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod text;
mod touch;
mod transaction;
mod trigger;
mod value;
mod work;

pub use address::EntryId;
pub use batch::{Batch, BatchError, BatchHeader, verify_signatures};
pub use block::BlockHeader;
pub use bond::{Candidate, Conviction, Hold, Stake, Waiting};
pub use bundle::{Bundle, BundleError, BundleHeader};
pub use bundle_builder::{AppendError, BundleBuilder};
pub use bytes::{AccountId, Digest, Signature};
pub use call::{Call, CallKind};
pub use certificate::{Certificate, CertificateError, quorum};
pub use committee::{Committee, Epochs};
pub use double_vote::{Contradiction, DoubleVote, DoubleVoteError, Proposed, Vote};
pub use economy::{Allocation, Economy};
pub use engine::Engine;
pub use entry::{Entry, entry_digest};
pub use error::{DecodeError, Invalid, ParseError};
pub use fees::{Fee, Prices, fee, priced_bytes, storage_fee};
pub use genesis::{
    GENESIS_VERSION, GENESIS_VERSION_ACCOUNTS, GENESIS_VERSION_ECONOMY, GENESIS_VERSION_EPOCHS, Genesis,
    GenesisError,
};
pub use handover::Handover;
pub use hash::{Domain, component_digest};
pub use heads::{EventInput, HttpField, HttpRequestHead, HttpResponseHead};
pub use key::{Keypair, SignatureError, SignedMessage, verify, verify_many};
pub use name::FunctionName;
pub use offence::Offence;
pub use page::{Page, PageBuilder, PageClass, page_digest};
pub use path::{Pattern, check_path};
pub use payload::{Payload, PayloadHasher, payload_digest};
pub use price_list::{Pot, PriceList, PriceVote};
pub use proof::{Proof, Proven, Signed, SignedEntry};
pub use proof_error::ProofError;
pub use receipt::{Receipt, Status};
pub use receipt_file::{Checked, Evidence, Finality, RECEIPT_FORMAT, ReceiptFile};
pub use sealed::{BundleView, Equivocation, SealError, SealedHeader, SealedView, lane_owner, seal};
pub use spec::{Access, FunctionKind, Lifecycle, Payer, PayloadMode, Spec, SpecDir, SpecGrants, SpecLimits};
pub use state::{Account, PathOwner, PathRule, StateKey};
pub use state_file::{STATE_FORMAT, StateFile};
pub use state_proof::{Found, ProvenState, StateProof};
pub use touch::{Touch, TouchKind};
pub use transaction::{Role, Transaction};
pub use trigger::{SetTrigger, Trigger, TriggerAccess, TriggerOn};
pub use value::Value;
pub use work::{Sandbox, WorkOffer, WorkerFault, WorkerRecord};
