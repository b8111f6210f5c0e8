//! What a batch asks to be charged: its receipts, with what of their calls decides who pays how much.
//!
//! ```text
//!   batch ──scan──► Charges: groups (who pays) ◄── receipts (call, bytes, fuel)
//!                        ├── elsewhere: receipts of calls in other batches ──look-up──► receipts
//!                        └── written: values of functions, each with the group of its call
//! ```
//!
//! Gathered once, when a batch is scanned, so that the state machine does a few look-ups a batch and none a call. Who
//! pays is decided when the block is applied: by the function's manifest as the state has it then.

use moot_record::{AccountId, Digest, EntryId, Fee, FunctionName, Prices, Transaction, fee, storage_fee};

/// What a batch asks to be charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charges {
    /// Lane and sequence number.
    pub place: (u32, u64),
    /// Its digest.
    pub digest: Digest,
    /// Its entries that say they are calls. They are counted through, in the order of the batch.
    pub calls: u32,
    /// The calls of bundles that clients signed: with a void bundle they are void.
    pub clients: Vec<ClientCalls>,
    /// Who may have to pay.
    pub groups: Vec<Group>,
    /// Receipts, by group. Each is of a call in this lane.
    pub receipts: Vec<Charge>,
    /// Receipts of calls in other batches of the lane, or in bundles of clients: to be looked up.
    pub elsewhere: Vec<Elsewhere>,
    /// Receipts whose calls no block has ordered yet.
    pub early: Vec<Elsewhere>,
    /// Values that functions wrote, in the order of the batch.
    pub written: Vec<Written>,
}

/// The calls of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCalls {
    /// The bundle's place in the batch.
    pub bundle: u16,
    /// The number of its first call.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// Calls that the same account pays for, and that the same worker ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The function.
    pub function: FunctionName,
    /// The digest of the manifest that it was called under.
    pub spec: Digest,
    /// Who called.
    pub caller: Option<AccountId>,
    /// Who signed the receipts.
    pub worker: AccountId,
}

/// A receipt with its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// Its group.
    pub group: u32,
    /// The call's batch.
    pub batch: u64,
    /// The call's number in its batch.
    pub call: u32,
    /// Bytes of both entries.
    pub bytes: u64,
    /// Of these those that were paid for with a client's bundle.
    pub paid_bytes: u64,
    /// The fuel burnt, as far as the call let it.
    pub fuel: u64,
}

/// A receipt whose call stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// The call.
    pub call: EntryId,
    /// The digest of the call's entry, as the receipt says.
    pub call_digest: Digest,
    /// Who signed the receipt.
    pub worker: AccountId,
    /// Bytes of the receipt's entry.
    pub bytes: u64,
    /// The fuel burnt.
    pub fuel: u64,
}

/// A value that a function wrote, and the call in which it did: who pays for that one pays for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The value.
    pub value: EntryId,
    /// The call.
    pub call: EntryId,
    /// The call's group; none as long as it is not found.
    pub group: Option<u32>,
}

impl Charges {
    /// The group of the call in which a value was written.
    pub(super) fn group_of(&self, value: &EntryId) -> Option<&Group> {
        let at = self.written.binary_search_by_key(value, |written| written.value).ok()?;
        self.groups.get(usize::try_from(self.written.get(at)?.group?).ok()?)
    }

    /// The number of a group, which is added if it is new. A batch has a handful of groups, and calls of one follow each
    /// other.
    pub(crate) fn group(&mut self, group: Group) -> u32 {
        let known = self.groups.iter().rposition(|known| *known == group);
        let at = known.unwrap_or_else(|| {
            self.groups.push(group);
            self.groups.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.clients.len() * size_of::<ClientCalls>()
            + self.groups.len() * (size_of::<Group>() + 16)
            + self.receipts.len() * size_of::<Charge>()
            + (self.elsewhere.len() + self.early.len()) * size_of::<Elsewhere>()
            + self.written.len() * size_of::<Written>()
    }
}

/// What a bundle of transactions costs whoever signs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quote {
    /// For its bytes: paid in any case.
    pub ordering: u64,
    /// For the components that it deploys: paid by those deploys that are applied.
    pub storage: u64,
}

impl Quote {
    /// Both together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ordering.saturating_add(self.storage)
    }
}

/// What a bundle costs at these prices: `bytes` are those of its header and its pages
/// ([`moot_record::Bundle::paid_bytes`]). What its transactions move to others is not part of it.
#[must_use]
pub fn quote<'a>(
    prices: &Prices,
    bytes: u64,
    transactions: impl IntoIterator<Item = &'a Transaction>,
) -> Quote {
    let Fee { ordering, .. } = fee(prices, bytes, 0);
    let stored = transactions.into_iter().map(|said| match said {
        Transaction::Deploy { component_bytes, .. } => storage_fee(prices, *component_bytes),
        _ => 0,
    });
    Quote { ordering, storage: stored.fold(0, u64::saturating_add) }
}
