//! What can go wrong, by the question that was asked: opening, saying something, waiting, reading, proving.

use moot_record::{AccountId, Digest, EntryId, ProofError};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// Why a ledger could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Somebody else has the directory open.
    #[error("{} is in use by {holder}: one ledger needs one directory; stop the other, or choose another directory", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Who holds it, as far as the lock file says.
        holder: String,
    },
    /// Written by a newer version.
    #[error("{} is of format {found}, this program knows format {known}: use a newer moot, or another directory", dir.display())]
    FutureFormat {
        /// The data directory.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// Written by an older version, in another form.
    #[error("{} is of format {found}, this program writes format {known} and does not convert: use the moot that wrote it, or another directory", dir.display())]
    PastFormat {
        /// The data directory.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The format written here.
        known: u32,
    },
    /// The directory belongs to another network.
    #[error("{} holds the ledger of network {found}, the genesis given is of network {expected}: give the genesis it was made with", dir.display())]
    OtherNetwork {
        /// The data directory.
        dir: PathBuf,
        /// Network of the directory.
        found: Digest,
        /// Network of the genesis that was given.
        expected: Digest,
    },
    /// The database is missing or too short although a ledger was made here.
    #[error("{} held a ledger, but its database {found}: nothing was overwritten; restore the file from a copy, or move the directory away to begin anew", dir.display())]
    Truncated {
        /// The data directory.
        dir: PathBuf,
        /// What was found.
        found: String,
    },
    /// The database cannot be read.
    #[error("the database in {} is damaged ({reason}): nothing was overwritten; restore it from a copy", dir.display())]
    Damaged {
        /// The data directory.
        dir: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The key is not one of the genesis.
    #[error("{account} is not a validator of network {network}: use the key of one that the genesis names")]
    NotAValidator {
        /// Account of the key given.
        account: AccountId,
        /// The network.
        network: Digest,
    },
    /// The file system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ordering engine did not start.
    #[error("ordering does not start: {0}")]
    Ordering(#[from] moot_ordering::Error),
}

/// Why something was not taken down. Nothing of it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// A queue is at its bound.
    #[error("{what} is full: try again in {} ms", retry_after.as_millis())]
    Full {
        /// Which queue.
        what: &'static str,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The disk is full.
    #[error("the ledger only reads for now: {0}")]
    ReadOnly(String),
    /// This replica does not record.
    #[error("this replica follows the others and records nothing: {0}; ask another replica")]
    Follows(String),
    /// The ledger has stopped.
    #[error("the ledger has stopped: {0}")]
    Stopped(String),
    /// Larger than what is recorded.
    #[error("{what} of {bytes} bytes is too large: at most {max} bytes are recorded")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The payload given is not the one that the entry names.
    #[error(
        "a payload of {found} bytes was given, the entry names one of {expected}: build the entry from the same bytes"
    )]
    OtherPayload {
        /// Length of the bytes.
        found: u64,
        /// What the entry says.
        expected: u64,
    },
    /// The entry breaks a rule of the format.
    #[error("the entry cannot be recorded: {0}")]
    Invalid(String),
    /// The bundle was signed for another network.
    #[error("the bundle is signed for network {found}, this is network {expected}: sign it for this one")]
    OtherNetwork {
        /// Network of the bundle.
        found: Digest,
        /// This network.
        expected: Digest,
    },
    /// The bundle's validity is over.
    #[error("the bundle was valid until height {valid_until}, the ledger is at {height}: sign it again")]
    Expired {
        /// Last height of its validity.
        valid_until: u64,
        /// Present height.
        height: u64,
    },
    /// The bundle would be valid for too long.
    #[error(
        "the bundle is valid until height {valid_until}, at most {max} is accepted now: digests are remembered that long"
    )]
    TooFarAhead {
        /// Last height of its validity.
        valid_until: u64,
        /// The furthest height accepted.
        max: u64,
    },
    /// The key that signed it was revoked.
    #[error(
        "the key of {account} was revoked at height {height}: nothing that it signs counts any more; sign with another key"
    )]
    Revoked {
        /// Whose key.
        account: AccountId,
        /// The block that revoked it.
        height: u64,
    },
    /// The same bundle was recorded before.
    #[error("bundle {0} is recorded already: the first one counts; sign a new one to say it again")]
    Duplicate(Digest),
    /// The bundle's signature, root or entries do not fit.
    #[error("the bundle does not verify: {0}")]
    BadBundle(String),
    /// A call is answered once.
    #[error("call {0} has no open question: it is answered already, or was never recorded here")]
    NotOpen(EntryId),
}

/// Why what was taken down did not become durable or final.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitError {
    /// The ledger stopped before. What was waiting may or may not be found after a restart.
    #[error("the ledger stopped before this was written: {0}; after a restart, ask for it by its id")]
    Stopped(String),
}

/// Why something could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// What is stored does not have the digest that it was stored under.
    #[error("{what} is damaged on disk: {reason}; restore it from a copy or another replica")]
    Damaged {
        /// Which row.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// The database refused.
    #[error("cannot read the ledger's database: {0}")]
    Database(String),
    /// The file system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ReadError {
    pub(crate) fn damaged(what: impl Into<String>, reason: impl ToString) -> ReadError {
        ReadError::Damaged { what: what.into(), reason: reason.to_string() }
    }
}

macro_rules! from_redb {
    ($($error:ty),*) => {$(
        impl From<$error> for ReadError {
            fn from(error: $error) -> ReadError {
                ReadError::Database(error.to_string())
            }
        }
    )*};
}
from_redb!(redb::TransactionError, redb::TableError, redb::StorageError);

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum ProveError {
    /// Nothing is recorded under the id.
    #[error("nothing is recorded under {0}")]
    NotFound(EntryId),
    /// Recorded, but its block is not final yet.
    #[error("{0} is recorded but not final yet: try again in a second")]
    NotFinal(EntryId),
    /// Its block is so old that this replica let it go.
    #[error(
        "{id} was pruned here: ask a replica that keeps everything, or whoever kept the proof; it stays valid"
    )]
    Pruned {
        /// The entry.
        id: EntryId,
    },
    /// What is stored does not make a proof that verifies.
    #[error("what is stored about {id} does not verify: {error}")]
    Broken {
        /// The entry.
        id: EntryId,
        /// What does not fit.
        error: ProofError,
    },
    /// What is held of the state does not make a proof that verifies.
    #[error("what is held of the state does not verify: {0}")]
    BrokenState(ProofError),
    /// A value that no proof shows.
    #[error(
        "it takes {bytes} bytes in the state, and a proof shows at most {max}: nothing less would prove it"
    )]
    LongValue {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The committee has changed so often that a proof cannot show it all.
    #[error(
        "the proof of {id} would have {bytes} bytes, at most {max} are allowed: its handovers do not fit"
    )]
    TooLong {
        /// The entry.
        id: EntryId,
        /// The proof's size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why an idempotency key cannot be used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Too long, or empty.
    #[error("an idempotency key of {bytes} bytes: 1 to {max} are accepted")]
    Length {
        /// Its length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// Too many calls with a key are under way.
    #[error("too many calls with an idempotency key are under way: try again in {} ms", retry_after.as_millis())]
    Full {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// It could not be looked up.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a component was not stored.
#[derive(Debug, Error)]
pub enum ComponentError {
    /// Larger than what is stored.
    #[error("a component of {bytes} bytes is too large: at most {max} bytes are stored")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// Others wait already.
    #[error(
        "{waiting} components of {bytes} bytes together wait to be deployed, and {max} bytes may; those that nobody \
         deploys go within hours"
    )]
    NoRoom {
        /// How many wait.
        waiting: usize,
        /// Their bytes.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// The file system refused.
    #[error("cannot store the component in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
