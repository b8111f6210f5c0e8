//! The ledger of a replica, alone or among others: keeps and orders records, and proves what it keeps.
//!
//! ```text
//!   append_call ─┐                                      ┌─► entry, receipt_of, payload     (on disk)
//!   append_… ────┼─► lane ─► commit thread ─► redb ─────┤
//!   submit ──────┘              ▲    │                  └─► function, transaction_outcome  (final)
//!                               │    ▼
//!                 final blocks ─┴─ ordering ◄──► other replicas ◄──► exchange: their batches and components
//! ```
//!
//! An entry is first recorded in memory ([`Pending`]), then durable (on this disk), then final (in a block
//! that a quorum signed). Knows nothing of HTTP and nothing of WebAssembly.
//!
//! # Trust boundary
//! - **Requires**: a directory that nobody else writes to, a disk that keeps what it says it synced, a key that
//!   is used in one place only.
//! - **Provides**: nothing that was said to be durable is lost by a crash; a failed sync stops the ledger; a
//!   full disk makes it read-only until there is room; what was altered on disk is noticed when it is read; the
//!   same blocks give the same state everywhere; proofs that verify with the genesis alone.
//! - **Does not provide**: that what a worker signed is true; secrecy of what is on the disk; payloads beyond
//!   their retention.

#![forbid(unsafe_code)]

mod access;
mod accuse;
mod append;
mod application;
mod attested;
mod bill;
mod clock;
mod commit;
mod component;
mod condition;
mod core;
mod derived;
mod disk;
mod engine;
mod error;
mod events;
mod exchange;
mod fate;
mod holds;
mod idempotency;
mod lane;
mod ledger;
pub mod limits;
mod options;
mod pace;
mod packed;
mod payload;
mod pending;
mod prove;
mod read;
mod recent;
mod recovery;
mod rehearse;
pub mod rules;
mod signal;
mod standing;
pub mod state;
mod status;
mod store;
mod submit;
mod unordered;
mod uploads;
mod values;

pub use access::{CallAccess, NotAdmitted};
pub use append::PayloadBytes;
pub use attested::SignedReceipts;
pub use bill::{BillFrom, BillPart, BilledCall};
pub use clock::{Clock, SystemClock};
pub use condition::Condition;
pub use disk::{Disk, FileDisk};
pub use error::{CommitError, ComponentError, KeyError, OpenError, ProveError, ReadError, Refused};
pub use events::Event;
pub use exchange::{Carrier, KIND_BATCH, KIND_COMPONENT, KIND_PART};
pub use fate::Fate;
pub use holds::{Hold, HoldError, Shortage};
pub use idempotency::{Idempotency, Reservation};
pub use ledger::Ledger;
pub use options::{Options, OrderingChoice, Retention};
pub use payload::EraseError;
pub use pending::Pending;
pub use read::FoundReceipt;
pub use rehearse::Rehearsal;
pub use standing::Standing;
pub use state::charges::{Quote, quote};
pub use state::value_fee;
pub use state::{
    Alike, Barred, Bid, ComparedCall, DerivedCall, DerivedEnd, DerivedId, DerivedNews, FunctionRecord,
    Outcome, Posting, PostingKind, Refusal, Revoked, RuleRecord, Rules, Seat, Seats, Stakes, Statement,
    TriggerRecord, Triggers, Verdict, Version, Workers, assigned, may_agree, verdict_of,
};
pub use status::{LaneStatus, OrderingStatus, Status};
pub use store::StoredBlock;
pub use submit::VerifiedBundle;
pub use values::{ValueTurn, WrittenValue};

pub use moot_ordering::{Contradiction, Misconduct, Peer};
