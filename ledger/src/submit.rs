//! Bundles that clients signed themselves.
//!
//! ```text
//!   bytes ──► Bundle ──verify──► VerifiedBundle ──record──► lane, in its place among the node's own entries
//!                      once: network, validity, key, replay, root, signature, every entry
//! ```
//!
//! # Trust boundary
//! - **Requires**: nothing of the sender. The bundle may be any bytes that decode.
//! - **Provides**: only bundles for this network, within their validity window, of bounded size, of a key that was not
//!   revoked, whose root, signature (ZIP215) and entries fit, and that were not recorded before, reach the lane; a
//!   bundle that was recorded is refused until its validity is over, across restarts. Which of its calls somebody here is
//!   going to answer is on disk with it: the others are recorded, and no crash makes an open question of them.
//! - **Does not provide**: that what it says is allowed. Transactions are judged by the state machine when
//!   their block is final, and whoever runs a client's call checks its access first.
//! - **Does not provide** either: that no other replica has recorded the same bundle a moment ago. The state
//!   machine lets the one count that the blocks name first and voids the other, with an outcome at the bundle's
//!   first entry. Whoever runs a client's calls waits until the bundle is final and asks [`Ledger::fate`] before:
//!   then a client that sends one bundle to two replicas has its calls run once.

use crate::core::Core;
use crate::error::Refused;
use crate::ledger::Ledger;
use crate::limits::{
    BATCH_TARGET_BYTES, BATCH_TARGET_ENTRIES, MAX_OPEN_CALLS, MAX_QUEUED_BYTES, MAX_REMEMBERED_BUNDLES,
    RETRY_AFTER,
};
use crate::pending::Pending;
use crate::state::OrderedBundle;
use moot_record::limits::MAX_BUNDLE_BYTES;
use moot_record::{AccountId, Bundle, BundleError, Digest, Entry, EntryId, Transaction, Value};
use std::sync::atomic::Ordering::Relaxed;

/// A client's bundle that was checked, and that nobody can change any more.
#[derive(Debug)]
pub struct VerifiedBundle {
    bundle: Bundle,
    id: Digest,
    bytes: usize,
    content: Content,
}

/// The entries of a bundle that the ledger has to know about.
#[derive(Debug, Default)]
struct Content {
    entries: usize,
    calls: usize,
    /// Calls that somebody here is going to answer.
    to_answer: Vec<(u16, u16)>,
    transactions: Vec<(u16, u16, Transaction)>,
    values: Vec<(u16, u16, Value)>,
}

impl VerifiedBundle {
    /// Who signed it.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.bundle.header.account
    }

    /// The bytes that its account pays for.
    #[must_use]
    pub fn paid_bytes(&self) -> u64 {
        self.bundle.paid_bytes()
    }

    /// Its transactions, with their pages and slots.
    #[must_use]
    pub fn transactions(&self) -> &[(u16, u16, Transaction)] {
        &self.content.transactions
    }

    /// How many entries it holds.
    pub(crate) fn entries(&self) -> usize {
        self.content.entries
    }

    /// How many calls it holds, and how many of them are to be answered here.
    #[must_use]
    pub fn calls(&self) -> (usize, usize) {
        (self.content.calls, self.content.to_answer.len())
    }
}

impl VerifiedBundle {
    /// As a block would bring it, with addresses of the caller's choice.
    pub(crate) fn ordered(&self, id: impl Fn(u16, u16) -> EntryId) -> OrderedBundle {
        let said = self.content.transactions.iter();
        OrderedBundle {
            digest: self.id,
            account: self.account(),
            own: false,
            counts: true,
            valid_until: self.bundle.header.valid_until,
            first: id(0, 0),
            transactions: said.map(|(page, slot, said)| (id(*page, *slot), said.clone())).collect(),
            values: Vec::new(),
            calls: Vec::new(),
            receipts: Vec::new(),
            bytes: self.paid_bytes(),
        }
    }
}

impl From<BundleError> for Refused {
    fn from(error: BundleError) -> Refused {
        Refused::BadBundle(error.to_string())
    }
}

impl Content {
    fn add(&mut self, page: u16, slot: u16, entry: Entry, answered: bool) -> Result<(), Refused> {
        self.entries += 1;
        match entry {
            Entry::Call(_) => {
                self.calls += 1;
                if answered {
                    self.to_answer.push((page, slot));
                }
            }
            Entry::Transaction(transaction) => self.transactions.push((page, slot, transaction)),
            Entry::Value(value) => self.values.push((page, slot, value)),
            Entry::Receipt(_) => {
                return Err(Refused::BadBundle(
                    "it holds a receipt: only the worker that ran a call may answer it".into(),
                ));
            }
        }
        Ok(())
    }

    /// The bounds of a bundle with calls.
    fn check(&self, bytes: usize, own: bool) -> Result<(), Refused> {
        if self.entries == 0 {
            return Err(Refused::BadBundle("it holds no entry".into()));
        }
        if self.calls == 0 {
            return Ok(());
        }
        if own {
            // In the own account's bundles every call is this replica's to answer, and every receipt counts.
            return Err(Refused::BadBundle(
                "it holds calls and is signed with this replica's own key: sign it with a key of your own"
                    .into(),
            ));
        }
        if self.calls > BATCH_TARGET_ENTRIES {
            let (calls, max) = (self.calls, BATCH_TARGET_ENTRIES);
            return Err(Refused::BadBundle(format!(
                "it holds {calls} calls, and at most {max} ride in one bundle: sign several"
            )));
        }
        if bytes > BATCH_TARGET_BYTES {
            return Err(Refused::TooLarge { what: "a bundle with calls", bytes, max: BATCH_TARGET_BYTES });
        }
        Ok(())
    }
}

impl Ledger {
    /// Checks a bundle signed by a client, once for all: the cheap things first, then root, signature and every
    /// entry. `each` sees every entry as it is decoded, refuses what it will not have, and says of a call whether
    /// somebody here is going to answer it; what it says of other entries means nothing.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn verify(
        &self,
        bundle: Bundle,
        each: impl FnMut(u16, u16, &Entry) -> Result<bool, Refused>,
    ) -> Result<VerifiedBundle, Refused> {
        self.core().verify(bundle, each)
    }

    /// Takes down a bundle that was verified. The pending's id is that of its first entry; the others follow from
    /// their page and slot in the bundle.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn record(&self, verified: VerifiedBundle) -> Result<Pending, Refused> {
        self.core().record(verified)
    }

    /// [`Ledger::verify`] and [`Ledger::record`] at once, with every call to be answered here.
    ///
    /// # Errors
    /// See [`Refused`]; nothing was recorded then.
    pub fn submit(&self, bundle: Bundle) -> Result<Pending, Refused> {
        self.record(self.verify(bundle, |_, _, _| Ok(true))?)
    }
}

impl Core {
    /// See [`Ledger::verify`].
    pub(crate) fn verify(
        &self,
        bundle: Bundle,
        mut each: impl FnMut(u16, u16, &Entry) -> Result<bool, Refused>,
    ) -> Result<VerifiedBundle, Refused> {
        let core = self;
        core.admit()?;
        let header = bundle.header;
        let bytes = bundle.encoded_len();
        if bytes > MAX_BUNDLE_BYTES {
            return Err(Refused::TooLarge { what: "a bundle", bytes, max: MAX_BUNDLE_BYTES });
        }
        if header.network != core.network {
            return Err(Refused::OtherNetwork { found: header.network, expected: core.network });
        }
        let height = core.height();
        // The earliest block that can hold it is the next one.
        if header.valid_until <= height {
            return Err(Refused::Expired { valid_until: header.valid_until, height });
        }
        let max = height + core.validity.load(Relaxed);
        if header.valid_until > max {
            return Err(Refused::TooFarAhead { valid_until: header.valid_until, max });
        }
        core.check_signer(&header.account)?;
        let id = header.id();
        // Looked at before the signature, which costs more, and again under the lane's lock.
        if core.remembered.lock().contains(&(header.valid_until, id)) {
            return Err(Refused::Duplicate(id));
        }
        let mut content = Content::default();
        bundle.verify_each(|page, slot, entry| {
            let answered = each(page, slot, &entry)?;
            content.add(page, slot, entry, answered)
        })?;
        content.check(bytes, header.account == core.account)?;
        Ok(VerifiedBundle { bundle, id, bytes, content })
    }

    /// See [`Ledger::record`].
    pub(crate) fn record(&self, verified: VerifiedBundle) -> Result<Pending, Refused> {
        let core = self;
        core.admit()?;
        let VerifiedBundle { bundle, id: digest, bytes, content } = verified;
        let header = bundle.header;
        let key = (header.valid_until, digest);
        let pending = {
            let mut lane = core.lane.lock();
            if lane.calls.len() + content.to_answer.len() > MAX_OPEN_CALLS && !content.to_answer.is_empty() {
                let what = "the list of calls without a receipt";
                return Err(Refused::Full { what, retry_after: RETRY_AFTER });
            }
            let batch = lane.room(bytes, 0, MAX_QUEUED_BYTES)?;
            {
                let mut remembered = core.remembered.lock();
                if remembered.len() >= MAX_REMEMBERED_BUNDLES {
                    let what = "the list of bundles remembered against replay";
                    return Err(Refused::Full { what, retry_after: RETRY_AFTER });
                }
                if !remembered.insert(key) {
                    return Err(Refused::Duplicate(digest));
                }
            }
            let paid_bytes = bundle.paid_bytes();
            let place = batch.append_bundle(bundle, digest, bytes, content.entries);
            let (lane_number, seq) = (batch.lane(), batch.seq());
            let id = |page, slot| EntryId { lane: lane_number, batch: seq, bundle: place, page, slot };
            let own = header.account == core.account;
            if !own || !content.transactions.is_empty() || !content.values.is_empty() {
                let counts = !own || !content.transactions.is_empty();
                let transactions = content.transactions.into_iter();
                let values = content.values.into_iter();
                batch.order(OrderedBundle {
                    digest,
                    account: header.account,
                    own,
                    counts,
                    valid_until: header.valid_until,
                    first: id(0, 0),
                    transactions: transactions.map(|(page, slot, said)| (id(page, slot), said)).collect(),
                    values: values.map(|(page, slot, said)| (id(page, slot), said)).collect(),
                    calls: Vec::new(),
                    receipts: Vec::new(),
                    bytes: paid_bytes,
                });
            }
            let pending = Pending::new(id(0, 0), digest, batch.handle());
            if !content.to_answer.is_empty() {
                batch.answer(place, &content.to_answer);
                content.to_answer.iter().for_each(|(page, slot)| lane.calls.open(&id(*page, *slot)));
            }
            pending
        };
        core.signal.wake();
        Ok(pending)
    }
}
